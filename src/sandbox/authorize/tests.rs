//! What requests need, and what becomes of those that are not allowed.

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::sandbox::{
    call::Scope,
    state::{State, Transaction},
};

/// Runs with a state of its own.
fn with_state<T>(work: impl FnOnce(&mut Transaction<'_>) -> T) -> T {
    let state = State::open(std::path::Path::new(":memory:")).unwrap();
    state.transact(|transaction| Ok(work(transaction))).unwrap()
}

fn call(operation: &str, body: &str) -> Call {
    Call {
        scope: Scope { account: "111111111111".to_owned(), region: "eu-west-1".to_owned() },
        operation: operation.to_owned(),
        body: Bytes::from(body.to_owned()),
        now: "2026-11-21T16:32:12.75Z".parse().unwrap(),
        caller: "arn:aws:iam::111111111111:user/sandbox".to_owned(),
    }
}

/// What a request needs, an action and a resource each.
fn needs(service: Service, operation: &str, body: &str) -> Vec<String> {
    with_state(|transaction| {
        let wants = wants(service, &call(operation, body), transaction).unwrap();
        wants.into_iter().map(|want| format!("{} {}", want.action, want.resource)).collect()
    })
}

#[test]
fn requests_to_ecs_need_actions_on_what_they_touch() {
    let ecs = "arn:aws:ecs:eu-west-1:111111111111";
    let deployment = format!("{ecs}:service-deployment/shop/web/x1");
    for (service, operation, body, expected) in [
        (
            Service::Ecs,
            "DescribeServices",
            json!({ "cluster": "shop", "services": ["web", format!("{ecs}:service/shop/api")] }),
            vec![
                format!("ecs:DescribeServices {ecs}:service/shop/web"),
                format!("ecs:DescribeServices {ecs}:service/shop/api"),
            ],
        ),
        (
            Service::Ecs,
            "StopServiceDeployment",
            json!({ "serviceDeploymentArn": deployment }),
            vec![
                format!("ecs:StopServiceDeployment {ecs}:service/shop/web"),
                format!("ecs:StopServiceDeployment {deployment}"),
            ],
        ),
        (
            Service::Ecs,
            "RegisterTaskDefinition",
            json!({
                "family": "web", "taskRoleArn": "arn:aws:iam::111111111111:role/task",
                "executionRoleArn": "arn:aws:iam::111111111111:role/start",
                "tags": [{ "key": "a", "value": "b" }],
            }),
            vec![
                format!("ecs:RegisterTaskDefinition {ecs}:task-definition/web:*"),
                format!("ecs:TagResource {ecs}:task-definition/web:*"),
                "iam:PassRole arn:aws:iam::111111111111:role/task".to_owned(),
                "iam:PassRole arn:aws:iam::111111111111:role/start".to_owned(),
            ],
        ),
        (
            Service::Ecs,
            "ListTasks",
            json!({ "cluster": "shop", "serviceName": "web" }),
            vec!["ecs:ListTasks *".to_owned()],
        ),
        (
            Service::Ecs,
            "DescribeTaskDefinition",
            json!({ "taskDefinition": "web" }),
            vec!["ecs:DescribeTaskDefinition *".to_owned()],
        ),
    ] {
        assert_eq!(needs(service, operation, &body.to_string()), expected, "{operation}");
    }
}

#[test]
fn other_requests_need_actions_on_what_they_touch() {
    for (service, operation, body, expected) in [
        (
            Service::Ssm,
            "GetParameters",
            json!({ "Names": ["/shop/images/prod/web", "/shop/a:3"] }),
            vec![
                "ssm:GetParameters arn:aws:ssm:eu-west-1:111111111111:parameter/shop/images/prod/web"
                    .to_owned(),
                "ssm:GetParameters arn:aws:ssm:eu-west-1:111111111111:parameter/shop/a".to_owned(),
            ],
        ),
        (
            Service::Ecr,
            "BatchGetImage",
            json!({ "registryId": "222222222222", "repositoryName": "shop/web" }),
            vec![
                "ecr:BatchGetImage arn:aws:ecr:eu-west-1:222222222222:repository/shop/web"
                    .to_owned(),
            ],
        ),
        (
            Service::Logs,
            "GetLogEvents",
            json!({ "logGroupName": "/ecs/web", "logStreamName": "web/web/0f" }),
            vec![
                "logs:GetLogEvents arn:aws:logs:eu-west-1:111111111111:log-group:/ecs/web:\
                 log-stream:web/web/0f"
                    .to_owned(),
            ],
        ),
        (
            Service::CodeDeploy,
            "CreateDeployment",
            json!({ "applicationName": "web", "deploymentGroupName": "blue" }),
            vec![
                "codedeploy:CreateDeployment \
                 arn:aws:codedeploy:eu-west-1:111111111111:deploymentgroup:web/blue"
                    .to_owned(),
                "codedeploy:RegisterApplicationRevision \
                 arn:aws:codedeploy:eu-west-1:111111111111:application:web"
                    .to_owned(),
                "codedeploy:GetDeploymentConfig arn:aws:codedeploy:eu-west-1:111111111111:\
                 deploymentconfig:CodeDeployDefault.ECSAllAtOnce"
                    .to_owned(),
            ],
        ),
        (
            Service::CloudWatch,
            "DescribeAlarms",
            json!({ "AlarmNames": ["a"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] }),
            vec!["cloudwatch:DescribeAlarms *".to_owned()],
        ),
    ] {
        assert_eq!(needs(service, operation, &body.to_string()), expected, "{operation}");
    }
}

#[test]
fn anybody_may_ask_who_they_are() {
    assert_eq!(needs(Service::Sts, "GetCallerIdentity", ""), Vec::<String>::new());
    assert_eq!(
        needs(Service::Sts, "AssumeRole", "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx"),
        ["sts:AssumeRole arn:aws:iam::1:role/x"]
    );
}

#[test]
fn the_role_of_a_session_that_is_gone_may_do_nothing() {
    with_state(|transaction| {
        let arn = "arn:aws:sts::111111111111:assumed-role/deployer/ann".to_owned();
        let caller = Caller { arn, is_expired: false, role: Some("deployer".to_owned()) };
        let call = call("DescribeTaskDefinition", r#"{"taskDefinition":"web"}"#);
        let service = (Service::Ecs, Protocol::Json);
        let refused = refused(transaction, service, &call, &caller).unwrap();
        let Some(Fault::Answer { status, code, members }) = refused else { panic!() };
        assert_eq!((status, code.as_str()), (400, "AccessDeniedException"));
        assert_eq!(
            members["message"],
            "User: arn:aws:sts::111111111111:assumed-role/deployer/ann is not authorized to perform: \
             ecs:DescribeTaskDefinition on resource: * because no identity-based policy allows the \
             ecs:DescribeTaskDefinition action"
        );
        let everybody = Caller { role: None, ..caller };
        assert!(super::refused(transaction, service, &call, &everybody).unwrap().is_none());
    });
}

#[test]
fn a_task_that_gets_the_tags_of_its_definition_needs_the_permission_to_tag() {
    with_state(|transaction| {
        for family in ["tagged", "plain"] {
            let mut body = json!({
                "family": family,
                "containerDefinitions": [{ "name": "web", "image": "web", "memory": 128 }],
            });
            if family == "tagged" {
                body["tags"] = json!([{ "key": "team", "value": "search" }]);
            }
            let register = call("RegisterTaskDefinition", &body.to_string());
            crate::sandbox::ecs::answer(&register, transaction).map(drop).unwrap();
        }
        for (family, more, is_needed) in [
            ("tagged", json!({ "propagateTags": "TASK_DEFINITION" }), true),
            ("tagged", json!({}), false),
            ("plain", json!({ "propagateTags": "TASK_DEFINITION" }), false),
            ("plain", json!({ "tags": [{ "key": "a", "value": "b" }] }), true),
        ] {
            let mut body = json!({ "cluster": "shop", "taskDefinition": family });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let wants =
                wants(Service::Ecs, &call("RunTask", &body.to_string()), transaction).unwrap();
            let found = wants.iter().find(|want| want.action == "ecs:TagResource");
            assert_eq!(found.is_some(), is_needed, "{body}");
            if let Some(want) = found {
                assert_eq!(want.resource, "arn:aws:ecs:eu-west-1:111111111111:task/shop/*");
                let of = Context::default().with("ecs:CreateAction", vec!["RunTask".to_owned()]);
                assert_eq!(want.context, of);
            }
        }
    });
}
