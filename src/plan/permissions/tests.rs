//! The list, the policies and the trust.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::*;
use crate::{
    manifest::{Environment, Home, Manifest, Project},
    model::{AccountId, CodeDeployGroup, EcrRepository, EnvironmentId, Label, Region, ServiceId},
};

fn project(text: &str) -> Project {
    let manifest = Manifest::parse(".weco-project", text).unwrap();
    manifest.project(None).unwrap().clone()
}

/// A project in three accounts: its own, that of `prod`, and that of the store.
const ACCOUNTS: &str = r#"
[shop]
name = "Shop"
region = "eu-west-1"
account = "111111111111"
store = { dynamodb = "release-tool", role_arn = "arn:aws:iam::999999999999:role/store" }
[shop.environments.stage]
name = "Staging"
cluster = "stage"
[shop.environments.prod]
name = "Production"
cluster = "prod"
region = "cn-north-1"
account = "222222222222"
role_arn = "arn:aws-cn:iam::222222222222:role/ci/deployer"
from = "stage"
[shop.services.web]
name = "Web"
before = { run_task = ["migrate"] }
[shop.services.worker]
name = "Worker"
images = ["web"]
"#;

/// An account and a region, in that order.
fn arns(account: &str, region: &str) -> Arns {
    Arns { account: AccountId::new(account).unwrap(), region: Region::new(region).unwrap() }
}

/// The homes of [`ACCOUNTS`].
fn sites(project: &Project) -> Vec<(Home, Arns)> {
    let crate::manifest::StoreSetting::DynamoDb(store) = &project.store else { panic!() };
    let home = |id: &str| project.environments[&EnvironmentId::new(id).unwrap()].home();
    vec![
        (project.home.clone(), arns("111111111111", "eu-west-1")),
        (home("stage"), arns("111111111111", "eu-west-1")),
        (home("prod"), arns("222222222222", "cn-north-1")),
        (store.home.clone(), arns("999999999999", "eu-west-1")),
    ]
}

/// What AWS told of a service.
fn facts(family: &str) -> ServiceFacts {
    ServiceFacts {
        family: family.to_owned(),
        task_roles: BTreeSet::from(["arn:aws-cn:iam::222222222222:role/task".to_owned()]),
        is_tagged: false,
        propagates_tags: false,
        logs: BTreeSet::from([LogGroup { region: None, name: "/ecs/web".to_owned() }]),
        code_deploy: None,
    }
}

type Facts = BTreeMap<(EnvironmentId, ServiceId), ServiceFacts>;

/// What AWS told of all services of an environment.
fn all_facts(project: &Project, environment: &str) -> Facts {
    let id = EnvironmentId::new(environment).unwrap();
    let of = |service: &ServiceId| ((id.clone(), service.clone()), facts(service.as_str()));
    project.services.keys().map(of).collect()
}

/// The policies for some environments.
fn of(project: &Project, group: Group, environments: &[&str], services: &Facts) -> Vec<Policy> {
    let environments: Vec<&Environment> =
        environments.iter().map(|id| project.environment(id).unwrap()).collect();
    let repository =
        EcrRepository::parse("111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/web").unwrap();
    let images = project.images.keys().map(|id| (id.clone(), BTreeSet::from([repository.clone()])));
    let reaches = reaches(&ReachRequest {
        project,
        group,
        environments: &environments,
        label: &Label::latest(),
        sites: &sites(project),
        services,
        images: &images.collect(),
    });
    policies(group, "shop", &reaches)
}

/// Policies, a statement a line.
fn lines(policies: &[Policy]) -> String {
    let mut lines = Vec::new();
    for policy in policies {
        lines.push(format!("{} {:?}", policy.name, policy.principal));
        for statement in policy.document()["Statement"].as_array().unwrap() {
            let list = |name: &str| match &statement[name] {
                Value::Array(all) => {
                    all.iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>().join(" ")
                }
                one => one.as_str().unwrap_or_default().to_owned(),
            };
            let condition = statement.get("Condition").map(|all| format!(" if {all}"));
            lines.push(format!(
                "  {} {} {}\n    {}{}",
                list("Effect"),
                list("Sid"),
                list("Action"),
                list("Resource"),
                condition.unwrap_or_default()
            ));
        }
    }
    lines.join("\n")
}

#[test]
fn each_role_gets_what_is_done_in_its_account_and_no_more() {
    let project = project(ACCOUNTS);
    let policies = of(&project, Group::Deploy, &["prod"], &all_facts(&project, "prod"));
    assert_snapshot!(lines(&policies), @r#"
    shop Caller
      Allow ReadParameters ssm:GetParameters
        arn:aws:ssm:eu-west-1:111111111111:parameter/shop/images/*
      Allow Images ecr:BatchGetImage
        arn:aws:ecr:eu-west-1:111111111111:repository/shop/web
      Allow AssumeRoles sts:AssumeRole
        arn:aws-cn:iam::222222222222:role/ci/deployer arn:aws:iam::999999999999:role/store
    shop-deployer Role("arn:aws-cn:iam::222222222222:role/ci/deployer")
      Allow ActionsWithoutResources application-autoscaling:DescribeScalableTargets cloudwatch:DescribeAlarms ecs:DeregisterTaskDefinition ecs:DescribeTaskDefinition elasticloadbalancing:DescribeTargetHealth servicequotas:ListServiceQuotas
        *
      Allow InClusters ecs:ListTasks
        * if {"ArnEquals":{"ecs:cluster":"arn:aws-cn:ecs:cn-north-1:222222222222:cluster/prod"}}
      Allow Services ecs:ContinueServiceDeployment ecs:DescribeServiceDeployments ecs:DescribeServiceRevisions ecs:DescribeServices ecs:ListServiceDeployments ecs:StopServiceDeployment ecs:UpdateService
        arn:aws-cn:ecs:cn-north-1:222222222222:service-deployment/prod/web/* arn:aws-cn:ecs:cn-north-1:222222222222:service-deployment/prod/worker/* arn:aws-cn:ecs:cn-north-1:222222222222:service-revision/prod/web/* arn:aws-cn:ecs:cn-north-1:222222222222:service-revision/prod/worker/* arn:aws-cn:ecs:cn-north-1:222222222222:service/prod/web arn:aws-cn:ecs:cn-north-1:222222222222:service/prod/worker
      Allow Tasks ecs:DescribeTasks
        arn:aws-cn:ecs:cn-north-1:222222222222:task/prod/*
      Allow Families ecs:RegisterTaskDefinition
        arn:aws-cn:ecs:cn-north-1:222222222222:task-definition/web:* arn:aws-cn:ecs:cn-north-1:222222222222:task-definition/worker:*
      Allow OneOffTasks ecs:RunTask
        arn:aws-cn:ecs:cn-north-1:222222222222:task-definition/web:* if {"ArnEquals":{"ecs:cluster":"arn:aws-cn:ecs:cn-north-1:222222222222:cluster/prod"}}
      Allow TaskRoles iam:PassRole
        arn:aws-cn:iam::222222222222:role/task if {"StringEquals":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}
      Allow ReadParameters ssm:GetParameters
        arn:aws-cn:ssm:cn-north-1:222222222222:parameter/shop/images/*
      Allow WriteParameters ssm:DeleteParameter ssm:PutParameter
        arn:aws-cn:ssm:cn-north-1:222222222222:parameter/shop/images/prod/*
      Allow Images ecr:BatchGetImage
        arn:aws:ecr:eu-west-1:111111111111:repository/shop/web
      Allow Logs logs:GetLogEvents
        arn:aws-cn:logs:cn-north-1:222222222222:log-group:/ecs/web:*
    shop-store Role("arn:aws:iam::999999999999:role/store")
      Allow ReadStore dynamodb:GetItem dynamodb:Query
        arn:aws:dynamodb:eu-west-1:999999999999:table/release-tool arn:aws:dynamodb:eu-west-1:999999999999:table/release-tool/index/* if {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["P#shop","P#shop#*"]}}
      Allow WriteStore dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:PutItem dynamodb:UpdateItem
        arn:aws:dynamodb:eu-west-1:999999999999:table/release-tool if {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["P#shop","P#shop#ART#*","P#shop#AUD","P#shop#DEP","P#shop#E#prod","P#shop#E#prod#*","P#shop#R#*"]}}
      Deny KeepAudit dynamodb:DeleteItem dynamodb:UpdateItem
        arn:aws:dynamodb:eu-west-1:999999999999:table/release-tool if {"ForAnyValue:StringLike":{"dynamodb:LeadingKeys":"*#AUD"}}
    "#);
}

#[test]
fn whoever_looks_writes_nothing() {
    let project = project(ACCOUNTS);
    let policies = of(&project, Group::Status, &["stage"], &BTreeMap::new());
    assert_snapshot!(lines(&policies), @r#"
    shop Caller
      Allow ActionsWithoutResources application-autoscaling:DescribeScalableTargets ecs:DescribeTaskDefinition
        *
      Allow InClusters ecs:ListTasks
        * if {"ArnEquals":{"ecs:cluster":"arn:aws:ecs:eu-west-1:111111111111:cluster/stage"}}
      Allow Services ecs:DescribeServiceDeployments ecs:DescribeServices ecs:ListServiceDeployments
        arn:aws:ecs:eu-west-1:111111111111:service-deployment/stage/web/* arn:aws:ecs:eu-west-1:111111111111:service-deployment/stage/worker/* arn:aws:ecs:eu-west-1:111111111111:service/stage/web arn:aws:ecs:eu-west-1:111111111111:service/stage/worker
      Allow Tasks ecs:DescribeTasks
        arn:aws:ecs:eu-west-1:111111111111:task/stage/*
      Allow ReadParameters ssm:GetParameters
        arn:aws:ssm:eu-west-1:111111111111:parameter/shop/images/stage/*
      Allow AssumeRoles sts:AssumeRole
        arn:aws:iam::999999999999:role/store
    shop-store Role("arn:aws:iam::999999999999:role/store")
      Allow ReadStore dynamodb:GetItem dynamodb:Query
        arn:aws:dynamodb:eu-west-1:999999999999:table/release-tool arn:aws:dynamodb:eu-west-1:999999999999:table/release-tool/index/* if {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["P#shop","P#shop#*"]}}
    "#);
    let text = lines(&policies);
    for action in ["Put", "Update", "Delete", "Register", "Run", "Create", "PassRole"] {
        assert!(!text.contains(&format!(":{action}")), "{action}");
    }
}

#[test]
fn whoever_registers_reaches_no_service() {
    let project = project(ACCOUNTS);
    assert_snapshot!(lines(&of(&project, Group::Register, &[], &BTreeMap::new())), @r#"
    shop Caller
      Allow ReadParameters ssm:GetParameters
        arn:aws:ssm:eu-west-1:111111111111:parameter/shop/images/latest/*
      Allow WriteParameters ssm:PutParameter
        arn:aws:ssm:eu-west-1:111111111111:parameter/shop/images/latest/*
      Allow Images ecr:BatchGetImage ecr:GetDownloadUrlForLayer
        arn:aws:ecr:eu-west-1:111111111111:repository/shop/web
      Allow AssumeRoles sts:AssumeRole
        arn:aws:iam::999999999999:role/store
    shop-store Role("arn:aws:iam::999999999999:role/store")
      Allow ReadStore dynamodb:GetItem dynamodb:Query
        arn:aws:dynamodb:eu-west-1:999999999999:table/release-tool arn:aws:dynamodb:eu-west-1:999999999999:table/release-tool/index/* if {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["P#shop","P#shop#*"]}}
      Allow WriteStore dynamodb:PutItem dynamodb:UpdateItem
        arn:aws:dynamodb:eu-west-1:999999999999:table/release-tool if {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["P#shop","P#shop#ART#*","P#shop#AUD"]}}
      Deny KeepAudit dynamodb:DeleteItem dynamodb:UpdateItem
        arn:aws:dynamodb:eu-west-1:999999999999:table/release-tool if {"ForAnyValue:StringLike":{"dynamodb:LeadingKeys":"*#AUD"}}
    "#);
}

#[test]
fn no_policy_gives_powers_over_infrastructure() {
    let project = project(ACCOUNTS);
    for group in Group::ALL {
        let policies = of(&project, group, &["stage", "prod"], &all_facts(&project, "prod"));
        for need in policies.iter().flat_map(|one| &one.statements).flat_map(|one| &one.actions) {
            assert!(!need.contains('*'), "{need}");
            // To give a role to tasks, and to ask what one may do oneself.
            let is_known = ["iam:PassRole", "iam:SimulatePrincipalPolicy"].contains(&need.as_str());
            assert!(!need.starts_with("iam:") || is_known, "{need}");
            assert!(!need.starts_with("ec2:"), "{need}");
        }
    }
}

#[test]
fn doctor_looks_writes_nothing_and_asks_iam_about_itself() {
    let project = project(ACCOUNTS);
    let told =
        lines(&of(&project, Group::Doctor, &["stage", "prod"], &all_facts(&project, "prod")));
    for part in [
        "Allow Oneself iam:SimulatePrincipalPolicy\n    arn:aws:iam::111111111111:role/YOUR-ROLE",
        "Allow Oneself iam:SimulatePrincipalPolicy\n    arn:aws-cn:iam::222222222222:role/ci/deployer",
        "Allow ActionsWithoutResources cloudwatch:DescribeAlarms ecs:DescribeTaskDefinition servicequotas:ListServiceQuotas",
        "Allow ReadStore dynamodb:Query",
        "Allow Images ecr:BatchGetImage",
        "arn:aws-cn:ssm:cn-north-1:222222222222:parameter/shop/images/*",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    for written in ["Put", "Update", "Register", "Delete", "Stop", "Pass", "Run"] {
        assert!(!told.contains(&format!(":{written}")), "{written} is in\n{told}");
    }
}

#[test]
fn what_is_not_known_is_named_and_allows_nothing() {
    let project = project(ACCOUNTS);
    let text = lines(&of(&project, Group::Deploy, &["prod"], &BTreeMap::new()));
    for name in [
        "task-definition/FAMILY-OF-web:*",
        "role/TASK-ROLE-OF-worker",
        "role/EXECUTION-ROLE-OF-worker",
        "log-group:LOG-GROUP-OF-web:*",
    ] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
}

#[test]
fn the_group_of_a_service_is_looked_for_only_where_it_must_be() {
    let usual = CodeDeployGroup {
        application: "AppECS-prod-web".to_owned(),
        group: "DgpECS-prod-web".to_owned(),
    };
    let other = CodeDeployGroup { application: "web".to_owned(), group: "blue".to_owned() };
    for (named, found, looks) in [
        (false, Some(&usual), false),
        (false, Some(&other), true),
        (false, None, true),
        (true, Some(&other), false),
    ] {
        let text = if named {
            ACCOUNTS.replace(
                "name = \"Web\"",
                "name = \"Web\"\ncode_deploy = { application = \"web\", group = \"blue\" }",
            )
        } else {
            ACCOUNTS.to_owned()
        };
        let project = project(&text);
        let mut services = all_facts(&project, "prod");
        let web = (EnvironmentId::new("prod").unwrap(), ServiceId::new("web").unwrap());
        services.get_mut(&web).unwrap().code_deploy =
            Some(CodeDeployFacts { group: found.cloned() });
        let text = lines(&of(&project, Group::Deploy, &["prod"], &services));
        assert_eq!(
            text.contains("codedeploy:ListApplications"),
            looks,
            "{named} {found:?}\n{text}"
        );
        assert!(text.contains("codedeploy:CreateDeployment"), "{text}");
        if let Some(found) = found {
            let arn = format!("deploymentgroup:{}/{}", found.application, found.group);
            assert!(text.contains(&arn), "{arn} is not in\n{text}");
        }
    }
}

/// A project of so many services.
fn large(services: usize) -> Project {
    let mut text = ACCOUNTS.to_owned();
    for number in 0..services {
        let _infallible = writeln!(text, "[shop.services.service-{number}]\nname = \"S{number}\"");
    }
    project(&text)
}

#[test]
fn a_policy_that_iam_would_not_take_is_cut_into_several() {
    let whole = |policies: &[Policy]| {
        let mut pairs = BTreeSet::new();
        for statement in policies.iter().flat_map(|policy| &policy.statements) {
            for action in &statement.actions {
                let of = |resource: &String| (action.clone(), resource.clone());
                pairs.extend(statement.resources.iter().map(of));
            }
        }
        pairs
    };
    for services in [1, 5, 20, 90, 180] {
        let project = large(services);
        let policies = of(&project, Group::Deploy, &["prod"], &all_facts(&project, "prod"));
        assert!(policies.iter().all(|policy| policy.size() <= MANAGED_POLICY_MAX));
        let names: BTreeSet<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names.len(), policies.len());
        let role = Principal::Role("arn:aws-cn:iam::222222222222:role/ci/deployer".to_owned());
        let count = policies.iter().filter(|policy| policy.principal == role).count();
        let expected = if services == 180 { vec![(&role, count)] } else { Vec::new() };
        assert_eq!(too_many(&policies), expected);
        assert_eq!(count > ATTACHED_MAX, services == 180, "{count}");
        let families = whole(&policies)
            .into_iter()
            .filter(|(action, _)| action == "ecs:RegisterTaskDefinition");
        assert_eq!(families.count(), services + 2);
        for policy in &policies {
            let sids: BTreeSet<&str> =
                policy.statements.iter().map(|statement| statement.sid.as_str()).collect();
            assert_eq!(sids.len(), policy.statements.len());
        }
    }
}

/// A trust of GitHub.
fn trust(ci: Ci, repository: &str, subjects: &[Subject]) -> Result<Trust, TrustError> {
    trust_of(ci, None, repository, subjects)
}

/// The same with a host of one's own.
fn trust_of(
    ci: Ci,
    host: Option<&str>,
    repository: &str,
    subjects: &[Subject],
) -> Result<Trust, TrustError> {
    let jobs = Jobs { ci, repositories: vec![repository.to_owned()], subjects: subjects.to_vec() };
    Trust::new(jobs, host, (AccountId::new("111111111111").unwrap(), "aws"))
}

#[test]
fn tokens_are_trusted_by_what_they_say_of_the_job() {
    let production = || Subject::Environment("production".to_owned());
    let main = || Subject::Branch("main".to_owned());
    let tag = || Subject::Tag("v*".to_owned());
    for (trust, operator, sub, aud) in [
        (
            trust(Ci::GitHub, "acme/shop", &[production()]),
            "StringEquals",
            json!("repo:acme/shop:environment:production"),
            "sts.amazonaws.com",
        ),
        (
            trust(Ci::GitHub, "acme@12/shop@34", &[main(), tag()]),
            "StringLike",
            json!([
                "repo:acme@12/shop@34:ref:refs/heads/main",
                "repo:acme@12/shop@34:ref:refs/tags/v*"
            ]),
            "sts.amazonaws.com",
        ),
        (
            trust(Ci::GitLab, "acme/web/shop", &[main()]),
            "StringEquals",
            json!("project_path:acme/web/shop:ref_type:branch:ref:main"),
            "https://gitlab.com",
        ),
        (
            trust(Ci::Buildkite, "acme/shop", &[main()]),
            "StringLike",
            json!("organization:acme:pipeline:shop:ref:refs/heads/main:commit:*:step:*"),
            "sts.amazonaws.com",
        ),
    ] {
        let trust = trust.unwrap();
        let statement = &trust.document()["Statement"][0];
        let host = trust.issuer();
        let condition = &statement["Condition"];
        assert_eq!(condition[operator][format!("{host}:sub")], sub);
        assert_eq!(condition["StringEquals"][format!("{host}:aud")], aud);
        let provider = format!("arn:aws:iam::111111111111:oidc-provider/{host}");
        assert_eq!(statement["Principal"]["Federated"], provider);
    }
}

#[test]
fn nobody_is_trusted_who_is_not_named() {
    let main = [Subject::Branch("main".to_owned())];
    for (trust, error) in [
        (trust(Ci::GitHub, "acme/*", &main), "does not name one repository"),
        (trust(Ci::GitHub, "shop", &main), "does not name one repository"),
        (trust(Ci::GitHub, "acme/web/shop", &main), "does not name one repository"),
        (trust(Ci::GitHub, "acme/shop", &[]), "nothing says which jobs"),
        (trust(Ci::GitHub, "acme/shop", &[Subject::Branch("*".to_owned())]), "does not name"),
        (trust(Ci::GitHub, "acme/shop", &[Subject::Tag("a:b".to_owned())]), "does not name"),
        (trust(Ci::GitHub, "acme/my shop", &main), "does not name one repository"),
        (
            trust(Ci::GitHub, "acme/shop", &[Subject::Environment("pro duction".to_owned())]),
            "does not name",
        ),
        (trust_of(Ci::GitHub, Some("ghe:1"), "acme/shop", &main), "names no host"),
        (trust_of(Ci::Buildkite, Some("ci.acme.com"), "acme/shop", &main), "one host only"),
        (
            trust(Ci::GitLab, "acme/shop", &[Subject::Environment("prod".to_owned())]),
            "do not tell in which environment",
        ),
    ] {
        let found = trust.unwrap_err();
        assert!(found.to_string().contains(error), "{found}");
        assert!(!found.hint().is_empty());
    }
}

#[test]
fn a_server_of_ones_own_signs_below_its_host() {
    let main = [Subject::Branch("main".to_owned())];
    let trust = trust_of(Ci::GitHub, Some("https://ghe.acme.com"), "acme/shop", &main).unwrap();
    let issuer = "ghe.acme.com/_services/token";
    let statement = &trust.document()["Statement"][0];
    let arn = format!("arn:aws:iam::111111111111:oidc-provider/{issuer}");
    assert_eq!(statement["Principal"]["Federated"], arn);
    let is = &statement["Condition"]["StringEquals"];
    assert_eq!(is[format!("{issuer}:aud")], "sts.amazonaws.com");
    assert_eq!(is[format!("{issuer}:sub")], "repo:acme/shop:ref:refs/heads/main");
    let hcl = trust_hcl(&trust, "deployer", Provider::Made);
    assert!(hcl.contains("\"https://ghe.acme.com/_services/token\""), "{hcl}");
    assert!(!trust.is_public());
}

#[test]
fn the_provider_of_tokens_is_made_once() {
    let main = [Subject::Branch("main".to_owned())];
    let trust = trust(Ci::GitLab, "acme/shop", &main).unwrap();
    let resource = "resource \"aws_iam_openid_connect_provider\" \"gitlab_com\"";
    let data = "data \"aws_iam_openid_connect_provider\" \"gitlab_com\"";
    for (provider, block, reference) in [
        (Provider::Made, Some(resource), "[aws_iam_openid_connect_provider.gitlab_com.arn]"),
        (Provider::Referred, None, "[aws_iam_openid_connect_provider.gitlab_com.arn]"),
        (Provider::LookedUp, Some(data), "[data.aws_iam_openid_connect_provider.gitlab_com.arn]"),
    ] {
        let hcl = trust_hcl(&trust, "deployer", provider);
        for known in [resource, data] {
            assert_eq!(hcl.contains(known), block == Some(known), "{provider:?}\n{hcl}");
        }
        assert!(hcl.contains(&format!("identifiers = {reference}")), "{provider:?}\n{hcl}");
    }
}

/// A reach of a role, which may read some parameters.
fn reach_of(role: &str) -> Reach {
    let project = project(ACCOUNTS);
    let mut reach = reaches(&ReachRequest {
        project: &project,
        group: Group::Register,
        environments: &[],
        label: &Label::latest(),
        sites: &sites(&project),
        services: &BTreeMap::new(),
        images: &BTreeMap::new(),
    })
    .remove(0);
    reach.principal = Principal::Role(role.to_owned());
    reach
}

#[test]
fn no_two_policies_have_the_same_name() {
    let role = |account: &str, name: &str| format!("arn:aws:iam::{account}:role/{name}");
    let (one, two) = ("111111111111", "222222222222");
    for (roles, expected) in [
        (vec![role(one, "deployer"), role(two, "store")], vec!["shop-deployer", "shop-store"]),
        (
            vec![role(one, "ci/release-tool"), role(two, "release-tool"), role(two, "store")],
            vec!["shop-111111111111-release-tool", "shop-222222222222-release-tool", "shop-store"],
        ),
        (
            vec![role(one, "a-b"), role(one, "a_b"), role(two, "A-B")],
            vec!["shop-111111111111-a-b", "shop-111111111111-a_b-2", "shop-222222222222-A-B"],
        ),
        (
            vec![role(one, "a"), role(two, "a"), role(two, "111111111111-a")],
            vec!["shop-111111111111-a", "shop-222222222222-a", "shop-111111111111-a-2"],
        ),
    ] {
        let reaches: Vec<Reach> = roles.iter().map(|role| reach_of(role)).collect();
        let policies = policies(Group::Register, "shop", &reaches);
        let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names, expected);
        let hcl = hcl(&policies);
        let blocks: Vec<&str> = hcl.lines().filter(|line| line.ends_with('{')).collect();
        let blocks: Vec<&&str> =
            blocks.iter().filter(|line| !line.starts_with([' ', '#'])).collect();
        let different: BTreeSet<&&&str> = blocks.iter().collect();
        assert_eq!(blocks.len(), 3 * policies.len(), "{hcl}");
        assert_eq!(different.len(), blocks.len(), "{hcl}");
    }
}

#[test]
fn roles_of_several_accounts_are_given_policies_by_a_provider_each() {
    let one = reach_of("arn:aws:iam::111111111111:role/deployer");
    let two = reach_of("arn:aws:iam::222222222222:role/deployer");
    let both = hcl(&policies(Group::Register, "shop", &[one.clone(), two]));
    for account in ["111111111111", "222222222222"] {
        assert_eq!(both.matches(&format!("provider = aws.account_{account}\n")).count(), 2);
        assert!(both.contains(&format!("#     alias = \"account_{account}\"\n")), "{both}");
    }
    let alone = hcl(&policies(Group::Register, "shop", &[one]));
    assert!(!alone.contains("provider") && !alone.contains("alias"), "{alone}");
}

#[test]
fn a_task_that_gets_tags_may_be_tagged_while_it_is_run() {
    let project = project(ACCOUNTS);
    let mut services = all_facts(&project, "prod");
    let text = lines(&of(&project, Group::Deploy, &["prod"], &services));
    assert!(!text.contains("TaggedTasks"), "{text}");
    for facts in services.values_mut() {
        facts.propagates_tags = true;
    }
    let text = lines(&of(&project, Group::Deploy, &["prod"], &services));
    let expected = "  Allow TaggedTasks ecs:TagResource\n    \
         arn:aws-cn:ecs:cn-north-1:222222222222:task/prod/* if \
         {\"StringEquals\":{\"ecs:CreateAction\":\"RunTask\"}}";
    assert!(text.contains(expected), "{text}");
}
