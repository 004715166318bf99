//! IAM policies: statements of actions that share their resources and conditions, cut into documents
//! that IAM takes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    hcl::identifier,
    list::{Group, NEEDS, On},
    reach::{Principal, Reach},
};

/// The most characters of a managed policy, white space not counted (IAM User Guide, "IAM and AWS
/// STS quotas").
pub const MANAGED_POLICY_MAX: usize = 6144;

/// Whether a statement gives or takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It gives.
    Allow,
    /// It takes, whatever gives.
    Deny,
}

impl Effect {
    /// As policies have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// A condition of a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// For example `StringEquals`.
    pub operator: &'static str,
    /// For example `iam:PassedToService`.
    pub key: String,
    /// One of these.
    pub values: Vec<String>,
}

impl Condition {
    /// Whether its key is one of those that can have several values in a request.
    #[must_use]
    pub fn is_about_lists(&self) -> bool {
        self.operator.starts_with("ForA")
    }
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its id, letters and digits.
    pub sid: String,
    /// Whether it gives or takes.
    pub effect: Effect,
    /// The actions, sorted.
    pub actions: Vec<String>,
    /// On what, sorted.
    pub resources: Vec<String>,
    /// Under which conditions.
    pub conditions: Vec<Condition>,
}

/// A policy that can be attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What to call it.
    pub name: String,
    /// For whom it is.
    pub principal: Principal,
    /// Its statements.
    pub statements: Vec<Statement>,
}

/// A value that stands alone where there is one.
fn one_or_many(values: &[String]) -> Value {
    match values {
        [one] => json!(one),
        many => json!(many),
    }
}

impl Statement {
    /// As JSON.
    fn document(&self) -> Value {
        let mut document = Map::new();
        document.insert("Sid".to_owned(), json!(self.sid));
        document.insert("Effect".to_owned(), json!(self.effect.as_str()));
        document.insert("Action".to_owned(), one_or_many(&self.actions));
        document.insert("Resource".to_owned(), one_or_many(&self.resources));
        if !self.conditions.is_empty() {
            let mut operators: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
            for condition in &self.conditions {
                let keys = operators.entry(condition.operator).or_default();
                keys.insert(condition.key.clone(), one_or_many(&condition.values));
            }
            document.insert("Condition".to_owned(), json!(operators));
        }
        Value::Object(document)
    }

    /// Two halves of it, by its resources; none where there is one resource.
    fn halves(&self) -> Option<[Self; 2]> {
        let (first, second) = self.resources.split_at_checked(self.resources.len() / 2)?;
        let with = |resources: &[String]| Self { resources: resources.to_vec(), ..self.clone() };
        (!first.is_empty()).then(|| [with(first), with(second)])
    }
}

impl Policy {
    /// As JSON.
    #[must_use]
    pub fn document(&self) -> Value {
        let statements: Vec<Value> = self.statements.iter().map(Statement::document).collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    /// Its characters, as IAM counts them.
    #[must_use]
    pub fn size(&self) -> usize {
        self.document().to_string().chars().filter(|c| !c.is_whitespace()).count()
    }

    /// The same in as many policies as IAM needs it in, each within `most` characters. A single
    /// statement on a single resource is never cut.
    fn cut(self, most: usize) -> Vec<Self> {
        let mut waiting = self.statements.clone();
        waiting.reverse();
        let empty = || Self { statements: Vec::new(), ..self.clone() };
        let mut parts = vec![empty()];
        while let Some(statement) = waiting.pop() {
            let Some(last) = parts.last_mut() else { break };
            last.statements.push(statement.clone());
            if last.size() <= most {
                continue;
            }
            if last.statements.len() > 1 {
                last.statements.pop();
                parts.push(empty());
                waiting.push(statement);
            } else if let Some([first, second]) = statement.halves() {
                last.statements.clear();
                waiting.extend([second, first]);
            } else {
                parts.push(empty());
            }
        }
        parts.retain(|part| !part.statements.is_empty());
        named_apart(parts)
    }
}

/// Numbers policies where there are several, and statements that were cut.
fn named_apart(mut parts: Vec<Policy>) -> Vec<Policy> {
    let several = parts.len() > 1;
    for (number, part) in parts.iter_mut().enumerate() {
        if several {
            part.name = format!("{}-{}", part.name, number + 1);
        }
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for statement in &mut part.statements {
            let count = seen.entry(statement.sid.clone()).or_default();
            *count += 1;
            if *count > 1 {
                statement.sid = format!("{}{count}", statement.sid);
            }
        }
    }
    parts
}

impl On {
    /// The id of the statement.
    const fn sid(self) -> &'static str {
        match self {
            Self::Anything => "ActionsWithoutResources",
            Self::InClusters => "InClusters",
            Self::Services => "Services",
            Self::Tasks => "Tasks",
            Self::Families => "Families",
            Self::TaggedFamilies => "TaggedFamilies",
            Self::OneOffFamilies => "OneOffTasks",
            Self::TaggedTasks => "TaggedTasks",
            Self::TaskRoles => "TaskRoles",
            Self::ReadParameters => "ReadParameters",
            Self::ListedParameters => "ListParameters",
            Self::WrittenParameters => "WriteParameters",
            Self::Repositories => "Images",
            Self::Logs => "Logs",
            Self::CodeDeploy => "CodeDeploy",
            Self::DeploymentGroups => "DeploymentGroups",
            Self::Applications => "Applications",
            Self::DeploymentConfigurations => "DeploymentConfigurations",
            Self::AllDeploymentGroups => "AllDeploymentGroups",
            Self::AssumedRoles => "AssumeRoles",
            Self::StoreReads => "ReadStore",
            Self::StoreWrites => "WriteStore",
            Self::StoreTable => "Store",
            Self::Oneself => "Oneself",
        }
    }

    /// The resources in a reach that some actions can be on; none where it reaches none.
    fn resources(self, reach: &Reach, actions: &BTreeSet<String>) -> BTreeSet<String> {
        let all = |is_there: bool| {
            if is_there { BTreeSet::from(["*".to_owned()]) } else { BTreeSet::new() }
        };
        match self {
            Self::Anything => all(!reach.services.is_empty()),
            Self::InClusters => all(!reach.clusters.is_empty()),
            Self::Services => {
                let mut services = reach.services.clone();
                if !actions.contains("ecs:DescribeServiceRevisions") {
                    services.retain(|arn| !arn.contains(":service-revision/"));
                }
                services
            }
            Self::Tasks => reach.tasks.clone(),
            Self::Families => reach.families.clone(),
            Self::TaggedFamilies => reach.tagged_families.clone(),
            Self::OneOffFamilies => reach.one_off_families.clone(),
            Self::TaggedTasks => reach.tagged_tasks.clone(),
            Self::TaskRoles => reach.task_roles.clone(),
            Self::ReadParameters => reach.read_parameters.clone(),
            Self::ListedParameters => reach.listed_parameters.clone(),
            Self::WrittenParameters => reach.written_parameters.clone(),
            Self::Repositories => reach.repositories.clone(),
            Self::Logs => reach.logs.clone(),
            Self::CodeDeploy => all(!reach.deployment_groups.is_empty()),
            Self::DeploymentGroups => reach.deployment_groups.clone(),
            Self::Applications => reach.applications.clone(),
            Self::DeploymentConfigurations => reach.deployment_configurations.clone(),
            Self::AllDeploymentGroups => all(reach.looks_for_deployment_groups),
            Self::AssumedRoles => reach.assumed_roles.clone(),
            Self::StoreReads => reach.store_reads.clone(),
            Self::StoreWrites | Self::StoreTable => reach.store_table.clone(),
            Self::Oneself => reach.oneself.clone(),
        }
    }

    /// The conditions.
    fn conditions(self, reach: &Reach) -> Vec<Condition> {
        let on = |operator, key: &str, values: Vec<String>| {
            vec![Condition { operator, key: key.to_owned(), values }]
        };
        let keys = |keys: &BTreeSet<String>| {
            on("ForAllValues:StringLike", LEADING_KEYS, keys.iter().cloned().collect())
        };
        let one = |value: &str| vec![value.to_owned()];
        match self {
            Self::InClusters | Self::OneOffFamilies => {
                on("ArnEquals", "ecs:cluster", reach.clusters.iter().cloned().collect())
            }
            Self::TaggedFamilies => {
                on("StringEquals", "ecs:CreateAction", one("RegisterTaskDefinition"))
            }
            Self::TaggedTasks => on("StringEquals", "ecs:CreateAction", one("RunTask")),
            Self::TaskRoles => on("StringEquals", "iam:PassedToService", one(TASKS)),
            Self::StoreReads => keys(&reach.read_keys),
            Self::StoreWrites => keys(&reach.written_keys),
            _ => Vec::new(),
        }
    }
}

/// The partition keys that a request to DynamoDB names.
const LEADING_KEYS: &str = "dynamodb:LeadingKeys";
/// ECS as it takes on the roles of tasks, in every partition.
const TASKS: &str = "ecs-tasks.amazonaws.com";

/// The policies that give a group's commands what they need, and nothing more, each within the size
/// of a managed policy. No two have the same name, not even where case and punctuation do not count.
#[must_use]
pub fn policies(group: Group, name: &str, reaches: &[Reach]) -> Vec<Policy> {
    let of_each = reaches.iter().zip(names(name, reaches)).flat_map(|(reach, name)| {
        let statements = statements(group, reach);
        Policy { name, principal: reach.principal.clone(), statements }.cut(MANAGED_POLICY_MAX)
    });
    unlike(of_each.collect())
}

/// What to call the policies of each principal: after the role, and after its account too, where roles
/// of several accounts share a name.
fn names(name: &str, reaches: &[Reach]) -> Vec<String> {
    let of = |reach: &Reach| match &reach.principal {
        Principal::Caller => name.to_owned(),
        Principal::Role(role) => format!("{name}-{}", last_part(role)),
    };
    let short: Vec<String> = reaches.iter().map(of).collect();
    let is_shared = |own: &String| {
        short.iter().filter(|other| identifier(other) == identifier(own)).count() > 1
    };
    let apart = short.iter().zip(reaches).map(|(own, reach)| match &reach.principal {
        Principal::Role(role) if is_shared(own) => {
            format!("{name}-{}-{}", account_of(role), last_part(role))
        }
        _ => own.clone(),
    });
    apart.collect()
}

/// Numbers policies that would still be called the same.
fn unlike(mut policies: Vec<Policy>) -> Vec<Policy> {
    let mut seen = BTreeSet::new();
    for policy in &mut policies {
        let (own, mut number) = (policy.name.clone(), 1);
        while !seen.insert(identifier(&policy.name)) {
            number += 1;
            policy.name = format!("{own}-{number}");
        }
    }
    policies
}

/// The most managed policies of a role, where AWS was not asked for more (IAM User Guide, "IAM and AWS
/// STS quotas").
pub const ATTACHED_MAX: usize = 10;

/// The roles, and the caller, that would get more policies than AWS attaches, with how many.
#[must_use]
pub fn too_many(policies: &[Policy]) -> Vec<(&Principal, usize)> {
    let mut counts: BTreeMap<&Principal, usize> = BTreeMap::new();
    for policy in policies {
        *counts.entry(&policy.principal).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > ATTACHED_MAX).collect()
}

/// A role's name, without its path.
pub(super) fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A role's account.
pub(super) fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// The statements for one principal.
fn statements(group: Group, reach: &Reach) -> Vec<Statement> {
    let mut actions: BTreeMap<On, BTreeSet<String>> = BTreeMap::new();
    for need in NEEDS.iter().filter(|need| need.groups.contains(&group)) {
        actions.entry(need.on).or_default().insert(need.action.to_owned());
    }
    let writes = actions.contains_key(&On::StoreWrites);
    let given = actions.into_iter().filter_map(|(on, actions)| {
        let resources = on.resources(reach, &actions);
        (!resources.is_empty()).then(|| Statement {
            sid: on.sid().to_owned(),
            effect: Effect::Allow,
            actions: actions.into_iter().collect(),
            resources: resources.into_iter().collect(),
            conditions: on.conditions(reach),
        })
    });
    let mut statements: Vec<Statement> = given.collect();
    statements.extend((writes && !reach.store_table.is_empty()).then(|| kept_audit(reach)));
    statements
}

/// What the partitions of the audit log end with.
const AUDIT: &str = "#AUD";
/// The actions that no policy gives on the audit log.
const KEPT: [&str; 2] = ["dynamodb:DeleteItem", "dynamodb:UpdateItem"];

/// Whether every policy takes an action on a partition of the store away.
#[must_use]
pub fn is_kept(action: &str, key: &str) -> bool {
    KEPT.contains(&action) && key.ends_with(AUDIT)
}

/// That nobody takes entries of the audit log away or changes a part of one, whatever keys are allowed. An
/// entry can still be replaced whole: `PutItem` is what adds one, and IAM does not know the two apart. The
/// hash that each entry has of the one before it shows that.
fn kept_audit(reach: &Reach) -> Statement {
    Statement {
        sid: "KeepAudit".to_owned(),
        effect: Effect::Deny,
        actions: KEPT.map(str::to_owned).to_vec(),
        resources: reach.store_table.iter().cloned().collect(),
        conditions: vec![Condition {
            operator: "ForAnyValue:StringLike",
            key: LEADING_KEYS.to_owned(),
            values: vec![format!("*{AUDIT}")],
        }],
    }
}
