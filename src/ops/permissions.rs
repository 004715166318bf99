//! `iam-policy`: what the project's commands need in AWS.
//!
//! Families, roles, log groups and repositories are only in AWS, which is therefore asked. Where it
//! does not answer, or must not be asked, the manifest alone counts, and what is missing is told.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    definitions::definitions,
    error::OpError,
    guests::{Asking, Guest, account_of, enter, first, site},
    workspace::Connector,
};
use crate::{
    backend::{
        params::Parameters,
        platform::ecs::{Ecs, EcsError},
    },
    manifest::{Environment, Home, Project, Service, StoreSetting},
    model::{
        ClusterName, EcrRepository, EcsServiceName, EnvironmentId, ImageId, ImageUri, Label,
        ObservedService, ParameterName, ServiceId, TaskDefinition,
    },
    plan::permissions::{
        Arns, CodeDeployFacts, Group, Policy, Principal, ReachRequest, ServiceFacts, policies,
        reaches, repositories,
    },
};

/// What policies are wanted for.
#[derive(Debug, Clone)]
pub struct PolicyRequest {
    /// Which commands.
    pub group: Group,
    /// In which environment; in all of them, where none is named. For `register` it is a label.
    pub environment: Option<String>,
    /// How much AWS is asked.
    pub asking: Asking,
    /// Only for this role, by its ARN.
    pub role: Option<String>,
}

impl PolicyRequest {
    /// Whether the policies are for whoever works at a home.
    fn is_about(&self, home: &Home) -> bool {
        let role = home.role_arn.as_ref().map(ToString::to_string);
        self.role.is_none() || self.role == role
    }
}

/// The policies.
#[derive(Debug, Clone)]
pub struct PolicyReport {
    /// The policies.
    pub policies: Vec<Policy>,
    /// What is not known, a sentence each.
    pub unknown: Vec<Unknown>,
    /// The roles that the commands work as, also those that nothing was wanted for.
    pub roles: Vec<String>,
}

/// Something that policies need and that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// What it is.
    pub what: String,
    /// Why it is not known.
    pub why: String,
}

/// What is found on the way.
#[derive(Default)]
struct Findings {
    /// Where each home is.
    sites: Vec<(Home, Arns)>,
    /// What AWS told of services.
    services: BTreeMap<(EnvironmentId, ServiceId), ServiceFacts>,
    /// The repositories of images.
    images: BTreeMap<ImageId, BTreeSet<EcrRepository>>,
    /// What is not known.
    unknown: Vec<Unknown>,
}

/// Works out the policies that a group of commands needs.
///
/// # Errors
/// Fails when the manifest does not have the environment, when nobody knows the account or the region of
/// one, and when AWS does not tell something that it is asked and that must be known.
pub async fn iam_policies(
    connector: &Connector,
    project: &Project,
    request: &PolicyRequest,
) -> Result<PolicyReport, OpError> {
    let environments = environments(project, request)?;
    let label = label(request)?;
    let mut findings = Findings::default();
    let project = findings.with_services(connector, project, request).await?;
    for home in homes(&project, &environments, request.group, &label) {
        if request.is_about(&home) {
            findings
                .look_at(connector, &project, (&home, &environments), (request, &label))
                .await?;
        } else {
            findings.locate(connector, home).await?;
        }
    }
    let reaches = reaches(&ReachRequest {
        project: &project,
        group: request.group,
        environments: &environments,
        label: &label,
        sites: &findings.sites,
        services: &findings.services,
        images: &findings.images,
    });
    let runs_as_caller =
        reaches.iter().any(|one| one.principal == Principal::Caller && !one.oneself.is_empty());
    if runs_as_caller {
        findings.note("the role that the commands run as, `YOUR-ROLE`", "the manifest names none");
    }
    let mut policies = policies(request.group, &policy_name(&project, request), &reaches);
    if let Some(role) = &request.role {
        policies.retain(|policy| policy.principal == Principal::Role(role.clone()));
    }
    let roles = reaches.into_iter().filter_map(|reach| match reach.principal {
        Principal::Role(role) => Some(role),
        Principal::Caller => None,
    });
    Ok(PolicyReport { policies, unknown: findings.unknown, roles: roles.collect() })
}

/// The environments that are meant.
fn environments<'p>(
    project: &'p Project,
    request: &PolicyRequest,
) -> Result<Vec<&'p Environment>, OpError> {
    match (&request.environment, request.group) {
        (_, Group::Register | Group::Store) => Ok(Vec::new()),
        (Some(id), _) => Ok(vec![project.environment(id)?]),
        (None, _) => Ok(project.environments.values().collect()),
    }
}

/// The label that `register` writes.
fn label(request: &PolicyRequest) -> Result<Label, OpError> {
    match (&request.environment, request.group) {
        (Some(label), Group::Register) => Ok(Label::new(label.as_str())?),
        _ => Ok(Label::latest()),
    }
}

/// What to call the policies.
fn policy_name(project: &Project, request: &PolicyRequest) -> String {
    let of = request.environment.as_ref().map(|id| format!("-{id}")).unwrap_or_default();
    format!("{}-{}{of}", project.id, request.group)
}

/// Every account and region that is reached, each once.
fn homes(
    project: &Project,
    environments: &[&Environment],
    group: Group,
    label: &Label,
) -> Vec<Home> {
    let labelled = project.environments.get(label.as_str()).map(Environment::home);
    let mut homes: Vec<Home> = match group {
        Group::Register => vec![labelled.unwrap_or_else(|| project.home.clone())],
        Group::Store => Vec::new(),
        Group::Status | Group::Deploy | Group::Doctor => {
            environments.iter().map(|one| one.home()).collect()
        }
    };
    if group == Group::Deploy {
        let sources = environments.iter().filter_map(|one| one.from.as_ref());
        let sources = sources.filter_map(|from| project.environments.get(from));
        homes.extend(sources.map(Environment::home));
    }
    let reads_labels = matches!(group, Group::Deploy | Group::Doctor);
    if reads_labels || (group == Group::Status && project.is_open()) {
        homes.push(project.home.clone());
    }
    if let StoreSetting::DynamoDb(setting) = &project.store {
        homes.push(setting.home.clone());
    }
    let mut each: Vec<Home> = Vec::new();
    for home in homes {
        if !each.contains(&home) {
            each.push(home);
        }
    }
    each
}

impl Findings {
    /// Notes that something is not known.
    fn note(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let unknown = Unknown { what: what.into(), why: why.into() };
        if !self.unknown.contains(&unknown) {
            self.unknown.push(unknown);
        }
    }

    /// Notes that AWS does not tell something, unless it must be known.
    fn lack(
        &mut self,
        asking: Asking,
        what: impl Into<String>,
        why: impl Into<String>,
    ) -> Result<(), OpError> {
        if asking == Asking::Everything {
            return Err(OpError::NotTold { what: what.into(), why: why.into() });
        }
        self.note(what, why);
        Ok(())
    }

    /// Takes down where a home is at which nothing is asked, where the manifest tells.
    async fn locate(&mut self, connector: &Connector, home: Home) -> Result<(), OpError> {
        let region = connector.region_of(&home).await?;
        self.sites.extend(account_of(&home).map(|account| (home, Arns { account, region })));
        Ok(())
    }

    /// The project; where its manifest names no services, with those that are registered.
    async fn with_services(
        &mut self,
        connector: &Connector,
        project: &Project,
        request: &PolicyRequest,
    ) -> Result<Project, OpError> {
        let needs = matches!(request.group, Group::Status | Group::Deploy | Group::Doctor);
        if !project.is_open() || !needs {
            return Ok(project.clone());
        }
        let what = "which services there are";
        let guests = match enter(connector, &project.home, request.asking).await? {
            Ok(guests) => guests,
            Err(why) => {
                self.lack(request.asking, what, why)?;
                return Ok(project.clone());
            }
        };
        let folder = &ParameterName::folder(&project.id, &Label::latest());
        let list =
            async |guest: &Guest| Parameters::new(guest.session.clone()).by_folder(folder).await;
        let found = match first(&guests, list).await {
            Ok(found) => found,
            Err(why) => {
                self.lack(request.asking, what, why)?;
                return Ok(project.clone());
            }
        };
        let ids = found.keys().filter_map(|name| name.as_str().rsplit('/').next());
        let services = ids.filter_map(|id| ServiceId::new(id).ok()).collect();
        Ok(project.clone().with_services(services)?)
    }

    /// Finds out where a home is, and what is there.
    async fn look_at(
        &mut self,
        connector: &Connector,
        project: &Project,
        (home, environments): (&Home, &[&Environment]),
        (request, label): (&PolicyRequest, &Label),
    ) -> Result<(), OpError> {
        let region = connector.region_of(home).await?;
        let entered = enter(connector, home, request.asking).await?;
        let arns = site(project, (home, region), (&entered, request.asking))?;
        self.sites.push((home.clone(), arns));
        let here: Vec<&Environment> =
            environments.iter().copied().filter(|one| one.home() == *home).collect();
        match entered {
            Err(why) => {
                for environment in here {
                    let what = unknown_in(request.group, environment);
                    self.lack(request.asking, what, why.clone())?;
                }
                if request.group == Group::Register {
                    let what = "the repositories of images that the manifest does not name";
                    self.lack(request.asking, what, why)?;
                }
            }
            Ok(guests) => {
                for environment in here {
                    self.look_at_services(&guests, project, (environment, request)).await?;
                }
                if request.group == Group::Register || *home == project.home {
                    self.look_at_labels(&guests, project, label).await;
                }
            }
        }
        Ok(())
    }

    /// Looks at the services of an environment.
    async fn look_at_services(
        &mut self,
        guests: &[Guest],
        project: &Project,
        (environment, request): (&Environment, &PolicyRequest),
    ) -> Result<(), OpError> {
        let targets = targets(project, environment);
        let wanted: Vec<_> = targets.iter().map(|(_, target)| target.clone()).collect();
        let look = async |guest: &Guest| {
            let ecs = Ecs::new(guest.session.clone())
                .naming(super::access::groups(project, &environment.home()));
            let seen = ecs.observe(&wanted).await?;
            let running = seen.values().filter_map(|one| one.task_definition.as_ref());
            let references: BTreeSet<String> =
                running.flat_map(|arn| [arn.to_string(), arn.family().to_owned()]).collect();
            Ok::<_, EcsError>((definitions(&ecs, references).await?, seen))
        };
        match first(guests, look).await {
            Err(why) => {
                let accounts = guests.iter().map(|guest| guest.account.to_string());
                let accounts: BTreeSet<String> = accounts.collect();
                let accounts: Vec<String> = accounts.into_iter().collect();
                let why = format!("in the account {}, {why}", accounts.join(" and "));
                self.lack(request.asking, unknown_in(request.group, environment), why)?;
            }
            Ok((definitions, seen)) => {
                for (service, target) in targets {
                    self.take_in((environment, service), seen.get(&target), &definitions);
                }
            }
        }
        Ok(())
    }

    /// Takes in what was told of a service.
    fn take_in(
        &mut self,
        (environment, service): (&Environment, &Service),
        seen: Option<&ObservedService>,
        definitions: &BTreeMap<String, TaskDefinition>,
    ) {
        let what = format!("family, roles and logs of `{}` in `{}`", service.id, environment.id);
        let Some(seen) = seen else {
            return self.note(what, "ECS has no such service");
        };
        let arn = seen.task_definition.as_ref();
        let references = arn.map(|arn| [arn.family().to_owned(), arn.to_string()]);
        let found: Vec<&TaskDefinition> =
            references.iter().flatten().filter_map(|name| definitions.get(name)).collect();
        let code_deploy = seen.code_deploy.as_ref().map(|moved| CodeDeployFacts {
            group: moved.order.as_ref().ok().map(|order| order.group.clone()),
        });
        for definition in &found {
            let mut of_containers = repositories(definition);
            for (container, image) in &service.containers {
                let of_image = of_containers.remove(container.as_str());
                self.images.entry(image.clone()).or_default().extend(of_image.unwrap_or_default());
            }
        }
        match ServiceFacts::of(&found, seen.propagates_tags, code_deploy) {
            Some(facts) => {
                self.services.insert((environment.id.clone(), service.id.clone()), facts);
            }
            None => self.note(what, "its task definition is not there"),
        }
    }

    /// Looks at which repositories the images are in that are registered under a label.
    async fn look_at_labels(&mut self, guests: &[Guest], project: &Project, label: &Label) {
        let names: BTreeMap<ParameterName, ImageId> = project
            .images
            .keys()
            .map(|image| (ParameterName::of_image(&project.id, label, image), image.clone()))
            .collect();
        let asked: Vec<ParameterName> = names.keys().cloned().collect();
        // What the task definitions tell does, where the label may not be read.
        let read = async |guest: &Guest| Parameters::new(guest.session.clone()).get(&asked).await;
        let found = first(guests, read).await.unwrap_or_default();
        for (name, value) in found {
            let repository = ImageUri::parse(value.value).ok().and_then(|uri| uri.ecr());
            if let (Some(image), Some(repository)) = (names.get(&name), repository) {
                self.images.entry(image.clone()).or_default().insert(repository);
            }
        }
    }
}

/// The services of a project in an environment, where they are in ECS.
fn targets<'p>(
    project: &'p Project,
    environment: &'p Environment,
) -> Vec<(&'p Service, (ClusterName, EcsServiceName))> {
    let target = |service: &'p Service| {
        let cluster = project.cluster(environment, service).ok()?.clone();
        Some((service, (cluster, service.ecs_service_name(&environment.id).ok()?)))
    };
    project.services.values().filter_map(target).collect()
}

/// What is not known of an environment where AWS does not tell.
fn unknown_in(group: Group, environment: &Environment) -> String {
    let id = &environment.id;
    match group {
        Group::Status => format!("whether CodeDeploy moves services of `{id}`"),
        Group::Doctor => format!(
            "whether CodeDeploy moves services of `{id}`, and the repositories of their images"
        ),
        _ => format!("families, roles, logs and repositories of the services of `{id}`"),
    }
}
