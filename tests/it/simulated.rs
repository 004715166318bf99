//! The policies that are printed, held against requests: by the sandbox's own simulator, by one that
//! others wrote, and against what is in the store after a deployment.

use std::{path::PathBuf, process::Command};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    dynamodb::{root, skip},
    support::{BOOKSHOP, Shop, text},
};

/// What is in the ARNs of the sandbox.
const ECS: &str = "arn:aws:ecs:eu-west-1:000000000000:";
/// The same of parameters.
const SSM: &str = "arn:aws:ssm:eu-west-1:000000000000:parameter/";
/// The same of repositories.
const ECR: &str = "arn:aws:ecr:eu-west-1:000000000000:repository/";
/// The same of log groups.
const LOGS: &str = "arn:aws:logs:eu-west-1:000000000000:log-group:";
/// The same of roles.
const IAM: &str = "arn:aws:iam::000000000000:role/";
/// The same of tables.
const TABLE: &str = "arn:aws:dynamodb:eu-west-1:000000000000:table/release-tool";

/// What is said of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is allowed.
    Yes,
    /// Nothing allows it.
    No,
    /// Something denies it.
    Never,
}

use Verdict::{Never, No, Yes};

/// A request: an action, on a resource, with one condition key, and what is to be said of it.
type Case = (Verdict, &'static str, String, Option<(&'static str, String)>);

/// A request with nothing but an action and a resource.
fn on(verdict: Verdict, action: &'static str, start: &str, rest: &str) -> Case {
    (verdict, action, format!("{start}{rest}"), None)
}

/// A request about a partition of the store.
fn key(verdict: Verdict, action: &'static str, key: &str) -> Case {
    let resource =
        if key == "P#bookshop#REL" { format!("{TABLE}/index/gsi1") } else { TABLE.into() };
    (verdict, action, resource, Some(("dynamodb:LeadingKeys", key.to_owned())))
}

/// A request that gives a role to a service.
fn pass(verdict: Verdict, role: &str, service: &str) -> Case {
    let context = ("iam:PassedToService", format!("{service}.amazonaws.com"));
    (verdict, "iam:PassRole", format!("{IAM}{role}"), Some(context))
}

/// A request in a cluster.
fn within(verdict: Verdict, action: &'static str, resource: &str, cluster: &str) -> Case {
    let context = ("ecs:cluster", format!("{ECS}cluster/{cluster}"));
    (verdict, action, resource.to_owned(), Some(context))
}

/// What `deploy` for `prod` may do with services, and what not.
fn of_services() -> Vec<Case> {
    let deployment = "service-deployment/bookshop-prod/storefront/x1";
    vec![
        on(Yes, "ecs:UpdateService", ECS, "service/bookshop-prod/storefront"),
        on(Yes, "ecs:UpdateService", ECS, "service/bookshop-prod/prod-search-indexer"),
        on(No, "ecs:UpdateService", ECS, "service/bookshop-stage/storefront"),
        on(No, "ecs:UpdateService", ECS, "service/bookshop-prod/storefront-2"),
        on(No, "ecs:UpdateService", ECS, "service/bookshop-prod/other"),
        on(No, "ecs:DeleteService", ECS, "service/bookshop-prod/storefront"),
        on(No, "ecs:CreateService", ECS, "service/bookshop-prod/storefront"),
        on(Yes, "ecs:DescribeServices", ECS, "service/bookshop-prod/storefront"),
        on(Yes, "ecs:DescribeServiceDeployments", ECS, deployment),
        on(Yes, "ecs:StopServiceDeployment", ECS, deployment),
        on(Yes, "ecs:StopServiceDeployment", ECS, "service/bookshop-prod/storefront"),
        on(Yes, "ecs:ContinueServiceDeployment", ECS, deployment),
        on(No, "ecs:StopServiceDeployment", ECS, "service-deployment/bookshop-stage/storefront/x"),
        on(Yes, "ecs:DescribeServiceRevisions", ECS, "service-revision/bookshop-prod/storefront/1"),
        on(Yes, "ecs:DescribeTasks", ECS, "task/bookshop-prod/0f"),
        on(No, "ecs:DescribeTasks", ECS, "task/bookshop-stage/0f"),
        on(No, "ecs:StopTask", ECS, "task/bookshop-prod/0f"),
        within(Yes, "ecs:ListTasks", "*", "bookshop-prod"),
        within(No, "ecs:ListTasks", "*", "bookshop-stage"),
    ]
}

/// The same with task definitions and their roles.
fn of_definitions() -> Vec<Case> {
    vec![
        on(Yes, "ecs:DescribeTaskDefinition", "*", ""),
        on(Yes, "ecs:DeregisterTaskDefinition", "*", ""),
        on(Yes, "ecs:RegisterTaskDefinition", ECS, "task-definition/bookshop-prod-storefront:7"),
        on(No, "ecs:RegisterTaskDefinition", ECS, "task-definition/bookshop-stage-storefront:7"),
        on(No, "ecs:RegisterTaskDefinition", ECS, "task-definition/bookshop-prod-storefront-2:7"),
        within(
            Yes,
            "ecs:RunTask",
            "arn:aws:ecs:eu-west-1:000000000000:task-definition/bookshop-prod-catalogue-api:2",
            "bookshop-prod",
        ),
        within(
            No,
            "ecs:RunTask",
            "arn:aws:ecs:eu-west-1:000000000000:task-definition/bookshop-prod-catalogue-api:2",
            "bookshop-stage",
        ),
        within(
            No,
            "ecs:RunTask",
            "arn:aws:ecs:eu-west-1:000000000000:task-definition/bookshop-prod-storefront:2",
            "bookshop-prod",
        ),
        pass(Yes, "bookshop-task-execution", "ecs-tasks"),
        pass(No, "bookshop-task-execution", "ec2"),
        pass(No, "admin", "ecs-tasks"),
        on(No, "iam:CreateRole", IAM, "admin"),
    ]
}

/// The same with what is around services, and with the store.
fn of_surroundings() -> Vec<Case> {
    vec![
        on(Yes, "ssm:PutParameter", SSM, "bookshop/images/prod/storefront"),
        on(Yes, "ssm:DeleteParameter", SSM, "bookshop/images/prod/storefront"),
        on(No, "ssm:PutParameter", SSM, "bookshop/images/stage/storefront"),
        on(No, "ssm:PutParameter", SSM, "bookshop/images/latest/storefront"),
        on(No, "ssm:PutParameter", SSM, "bookshop/images/prod-2/storefront"),
        on(Yes, "ssm:GetParameters", SSM, "bookshop/images/latest/storefront"),
        on(No, "ssm:GetParameters", SSM, "bookshop/secrets/prod"),
        on(Yes, "ecr:BatchGetImage", ECR, "bookshop/storefront"),
        on(No, "ecr:BatchGetImage", ECR, "bookshop/other"),
        on(No, "ecr:PutImage", ECR, "bookshop/storefront"),
        on(Yes, "logs:GetLogEvents", LOGS, "/ecs/bookshop/storefront:log-stream:ecs/storefront/0f"),
        on(No, "logs:GetLogEvents", LOGS, "/ecs/bank:log-stream:ecs/bank/0f"),
        on(Yes, "elasticloadbalancing:DescribeTargetHealth", "*", ""),
        on(Yes, "application-autoscaling:DescribeScalableTargets", "*", ""),
        key(Yes, "dynamodb:GetItem", "P#bookshop#E#stage"),
        key(No, "dynamodb:GetItem", "P#bank"),
        key(Yes, "dynamodb:Query", "P#bookshop#REL"),
        key(Yes, "dynamodb:PutItem", "P#bookshop#E#prod#D#1"),
        key(Yes, "dynamodb:PutItem", "P#bookshop#E#prod#AUD"),
        key(Yes, "dynamodb:UpdateItem", "P#bookshop#E#prod"),
        key(Yes, "dynamodb:DeleteItem", "P#bookshop#E#prod"),
        key(Yes, "dynamodb:ConditionCheckItem", "P#bookshop#E#prod#D#1"),
        key(No, "dynamodb:PutItem", "P#bookshop#E#stage"),
        key(No, "dynamodb:PutItem", "P#bookshop#E#prod-2"),
        key(No, "dynamodb:PutItem", "P#bookshop-2"),
        key(Never, "dynamodb:UpdateItem", "P#bookshop#E#prod#AUD"),
        key(Never, "dynamodb:DeleteItem", "P#bookshop#AUD"),
        on(No, "dynamodb:Scan", TABLE, ""),
        on(No, "dynamodb:DeleteTable", TABLE, ""),
    ]
}

/// What `deploy` for `prod` may do, and what not.
fn of_deploy() -> Vec<Case> {
    [of_services(), of_definitions(), of_surroundings()].concat()
}

/// What `register` may do, and what not.
fn of_register() -> Vec<Case> {
    vec![
        on(Yes, "ssm:PutParameter", SSM, "bookshop/images/latest/storefront"),
        on(No, "ssm:PutParameter", SSM, "bookshop/images/prod/storefront"),
        on(No, "ssm:DeleteParameter", SSM, "bookshop/images/latest/storefront"),
        on(Yes, "ecr:GetDownloadUrlForLayer", ECR, "bookshop/storefront"),
        on(No, "ecr:PutImage", ECR, "bookshop/storefront"),
        on(No, "ecs:UpdateService", ECS, "service/bookshop-prod/storefront"),
        on(No, "ecs:DescribeServices", ECS, "service/bookshop-prod/storefront"),
        pass(No, "bookshop-task-execution", "ecs-tasks"),
        key(Yes, "dynamodb:PutItem", "P#bookshop"),
        key(Yes, "dynamodb:PutItem", "P#bookshop#ART#worker"),
        key(Yes, "dynamodb:PutItem", "P#bookshop#AUD"),
        key(No, "dynamodb:PutItem", "P#bookshop#E#prod"),
        key(No, "dynamodb:DeleteItem", "P#bookshop"),
        key(Never, "dynamodb:UpdateItem", "P#bookshop#AUD"),
    ]
}

/// What `status` may do, and what not.
fn of_status() -> Vec<Case> {
    vec![
        on(Yes, "ecs:DescribeServices", ECS, "service/bookshop-prod/storefront"),
        on(No, "ecs:DescribeServices", ECS, "service/bookshop-stage/storefront"),
        on(No, "ecs:UpdateService", ECS, "service/bookshop-prod/storefront"),
        on(Yes, "ssm:GetParameters", SSM, "bookshop/images/prod/storefront"),
        on(No, "ssm:PutParameter", SSM, "bookshop/images/prod/storefront"),
        on(No, "logs:GetLogEvents", LOGS, "/ecs/bookshop/storefront:log-stream:a/b/c"),
        key(Yes, "dynamodb:Query", "P#bookshop#E#prod"),
        key(No, "dynamodb:PutItem", "P#bookshop#E#prod"),
    ]
}

/// What `store` may do, and what not.
fn of_store() -> Vec<Case> {
    let given = [
        "dynamodb:CreateTable",
        "dynamodb:DescribeTable",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:Scan",
        "dynamodb:Query",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
    ];
    let others = [
        "dynamodb:DeleteTable",
        "dynamodb:UpdateTable",
        "dynamodb:DeleteItem",
        "dynamodb:UpdateItem",
    ];
    let mut cases: Vec<Case> = given.map(|action| on(Yes, action, TABLE, "")).to_vec();
    cases.extend(others.map(|action| on(No, action, TABLE, "")));
    cases.push(on(No, "dynamodb:PutItem", TABLE, "-2"));
    cases.push(on(No, "ecs:DescribeServices", ECS, "service/bookshop-prod/storefront"));
    cases
}

/// The example project with a table and a one-off task.
fn shop() -> Shop {
    let manifest = BOOKSHOP
        .replace(
            "region = \"eu-west-1\"",
            "region = \"eu-west-1\"\nstore = { dynamodb = \"release-tool\" }",
        )
        .replace(
            "name = \"Catalogue API\"",
            "name = \"Catalogue API\"\nbefore = { run_task = [\"rake\", \"db:migrate\"] }",
        );
    Shop::with(&manifest)
}

/// The documents that are printed for some commands.
fn documents(shop: &Shop, words: &[&str]) -> Vec<Value> {
    let all: Vec<&str> = ["iam-policy"].iter().chain(words).copied().collect();
    let told = shop.json(&all);
    let policies = told["policies"].as_array().unwrap().iter();
    policies.map(|policy| policy["document"].clone()).collect()
}

/// A policy that has all statements of several.
fn joined(documents: &[Value]) -> Value {
    let statements = documents.iter().flat_map(|one| one["Statement"].as_array().unwrap().clone());
    json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() })
}

/// All policies, each with its requests.
fn all(shop: &Shop) -> [(Vec<Value>, Vec<Case>); 4] {
    [
        (documents(shop, &["deploy", "--env", "prod"]), of_deploy()),
        (documents(shop, &["register"]), of_register()),
        (documents(shop, &["status", "--env", "prod"]), of_status()),
        (documents(shop, &["store"]), of_store()),
    ]
}

#[test]
fn the_sandboxs_simulator_says_what_is_meant() {
    let shop = shop();
    for (documents, cases) in all(&shop) {
        for (verdict, action, resource, context) in cases {
            let mut parameters = vec![("Action", "SimulateCustomPolicy")];
            let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
            let names: Vec<String> =
                (1..=texts.len()).map(|n| format!("PolicyInputList.member.{n}")).collect();
            parameters
                .extend(names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)));
            parameters.push(("ActionNames.member.1", action));
            parameters.push(("ResourceArns.member.1", &resource));
            if let Some((name, value)) = &context {
                parameters.push(("ContextEntries.member.1.ContextKeyName", name));
                parameters.push(("ContextEntries.member.1.ContextKeyValues.member.1", value));
            }
            let told = shop.iam(&parameters);
            let expected = match verdict {
                Yes => "allowed",
                No => "implicitDeny",
                Never => "explicitDeny",
            };
            let found = format!("<EvalDecision>{expected}</EvalDecision>");
            assert!(told.contains(&found), "{action} on {resource} {context:?}: {told}");
        }
    }
}

/// The packages of the simulator, where they were set up.
fn packages() -> Option<PathBuf> {
    let folder = root().join(".peers/node");
    let is_there = folder.join("node_modules/@cloud-copilot/iam-simulate").is_dir();
    let has_node = Command::new("node").arg("--version").output().is_ok();
    (is_there && has_node).then_some(folder)
}

#[test]
fn an_independent_simulator_says_the_same() {
    let Some(packages) = packages() else {
        skip("simulate.mjs", "`scripts/peers` has not set its packages up, or there is no node");
        return;
    };
    let shop = shop();
    let cases = all(&shop).into_iter().flat_map(|(documents, cases)| {
        let policy = joined(&documents);
        cases.into_iter().map(move |(verdict, action, resource, context)| {
            let context = context.map_or_else(
                || json!({}),
                |(name, value)| {
                    let is_list = name == "dynamodb:LeadingKeys";
                    json!({ name: if is_list { json!([value]) } else { json!(value) } })
                },
            );
            let allowed = match verdict {
                Yes => "Allowed",
                No => "ImplicitlyDenied",
                Never => "ExplicitlyDenied",
            };
            json!({
                "policy": policy, "action": action, "resource": resource,
                "account": "000000000000", "context": context, "allowed": allowed,
            })
        })
    });
    let cases: Vec<Value> = cases.collect();
    let file = shop.write("cases.json", &Value::from(cases).to_string());
    let script = root().join("tests/peers/simulate.mjs");
    let done = Command::new("node").arg(script).arg(packages).arg(file).output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
}

/// Whether a text fits a pattern with `*` at its end, or none.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == pattern,
    }
}

#[test]
fn every_partition_of_the_store_that_a_deployment_writes_is_in_its_policy() {
    let shop = shop();
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    shop.run(&["lock", "all", "prod", "--reason", "test"]).expect(0);
    shop.run(&["unlock", "all", "prod"]).expect(0);
    shop.run(&["register", &shop.latest("worker"), "worker"]).expect(0);
    let policy = joined(&documents(&shop, &["deploy", "--env", "prod"]));
    let statements = policy["Statement"].as_array().unwrap();
    let writes = statements.iter().find(|one| one["Sid"] == "WriteStore").unwrap();
    let keys = &writes["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    let keys: Vec<String> = keys.as_array().unwrap().iter().map(text).collect();
    let file = shop.path().join(".release-tool/sandbox/store.sqlite");
    let store = Connection::open(file).unwrap();
    let mut statement = store.prepare("SELECT DISTINCT pk FROM items").unwrap();
    let found = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let found: Vec<String> = found.map(Result::unwrap).collect();
    assert!(found.len() > 5, "{found:?}");
    for key in found {
        assert!(keys.iter().any(|pattern| fits(pattern, &key)), "{key} is not in {keys:?}");
    }
}
