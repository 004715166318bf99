//! ECS against an AWS that the tests play.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    backend::testing::{Answer, FakeAws, Seen},
    model::{
        ClusterName, ContainerName, DeploymentController, EcsDeploymentId, EcsServiceName,
        HookAnswer, ObservedService, Percent, RolloutState, ServiceDeploymentStatus,
        ServiceRevisionId, Tag, TaskDefinitionStatus,
    },
};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn cluster() -> ClusterName {
    ClusterName::new("prod").unwrap()
}

fn service(name: &str) -> EcsServiceName {
    EcsServiceName::new(name).unwrap()
}

fn arn(revision: u32) -> TaskDefinitionArn {
    let text = format!("arn:aws:ecs:eu-west-1:111111111111:task-definition/web:{revision}");
    TaskDefinitionArn::parse(&text).unwrap()
}

fn revision(number: &str) -> String {
    format!("arn:aws:ecs:eu-west-1:111111111111:service-revision/prod/web/{number}")
}

/// A service whose PRIMARY deployment has a number and a task definition.
fn a_service(name: &str, number: u32, definition: u32) -> Value {
    json!({
        "serviceName": name,
        "serviceArn": format!("arn:aws:ecs:eu-west-1:111111111111:service/prod/{name}"),
        "status": "ACTIVE",
        "taskDefinition": arn(definition).as_str(),
        "desiredCount": 2, "runningCount": 2, "pendingCount": 0,
        "deployments": [
            { "id": "ecs-svc/1", "status": "ACTIVE", "runningCount": 1 },
            {
                "id": format!("ecs-svc/{number}"), "status": "PRIMARY",
                "taskDefinition": arn(definition).as_str(),
                "rolloutState": "IN_PROGRESS", "createdAt": 1.5,
            },
        ],
        "events": [{ "id": "e", "createdAt": 1_700_000_000.25, "message": "hello" }],
    })
}

async fn ecs(handler: impl FnMut(&Seen) -> Answer + Send + 'static) -> (FakeAws, Ecs) {
    let aws = FakeAws::new(handler);
    let ecs = Ecs::new(aws.session().await);
    (aws, ecs)
}

#[tokio::test]
async fn services_are_described_ten_a_request_and_missing_ones_are_absent() {
    let (aws, ecs) = ecs(|seen| {
        let wanted = seen.json()["services"].as_array().unwrap().clone();
        let (gone, there): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|name| *name == "gone");
        let services: Vec<_> =
            there.iter().map(|name| a_service(name.as_str().unwrap(), 2, 7)).collect();
        let failures: Vec<_> =
            gone.iter().map(|name| json!({ "arn": name, "reason": "MISSING" })).collect();
        Answer::json(&json!({ "services": services, "failures": failures }))
    })
    .await;
    let mut wanted: Vec<_> =
        (0..24).map(|number| (cluster(), service(&format!("s{number}")))).collect();
    wanted.push((cluster(), service("gone")));
    wanted.push((ClusterName::new("stage").unwrap(), service("s1")));
    wanted.push((cluster(), service("s1")));
    let observed = ecs.observe(&wanted).await.unwrap();
    assert_eq!(observed.len(), 25);
    let mut sizes: Vec<_> = aws
        .sent("DescribeServices")
        .iter()
        .map(|body| body["services"].as_array().unwrap().len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 5, 10, 10]);

    let seen = &observed[&(cluster(), service("s3"))];
    let primary = seen.primary().unwrap();
    assert_eq!(primary.id.as_str(), "ecs-svc/2");
    assert_eq!(seen.deployments[0].id, primary.id, "PRIMARY comes first");
    assert_eq!(primary.rollout_state, Some(RolloutState::InProgress));
    assert_eq!(primary.created_at, Timestamp::from_millisecond(1500).ok());
    assert_eq!(seen.events[0].at, Timestamp::from_millisecond(1_700_000_000_250).unwrap());
    assert_eq!(seen.controller, DeploymentController::Ecs);
    assert_eq!((seen.minimum_healthy_percent, seen.maximum_percent), (100, 200));
}

#[tokio::test]
async fn a_missing_cluster_is_an_error_of_its_own() {
    let (_, ecs) = ecs(|_| Answer::error("ClusterNotFoundException", "Cluster not found.")).await;
    let error = ecs.observe(&[(cluster(), service("web"))]).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no ECS cluster `prod` in eu-west-1");
}

/// What `DescribeTaskDefinition` answers, with odd spacing, unknown members and exact numbers.
const DEFINITION: &str = r#"{"taskDefinition": {"family":"web",  "revision":7,
  "taskDefinitionArn":"arn:aws:ecs:eu-west-1:111111111111:task-definition/web:7","status":"ACTIVE",
  "containerDefinitions":[{"name":"web","image":"web:1","cpu":0,"futureContainerField":{"a":[]}}],
  "futureTaskField":1.0,"volumes":[]},
 "tags":[{"key":"team","value":"a"},{"key":"aws:cloudformation:stack-name","value":"s"}]}"#;

#[tokio::test]
async fn a_task_definition_keeps_every_byte_and_only_tags_that_may_be_sent() {
    let (aws, ecs) = ecs(|_| Answer::raw(DEFINITION)).await;
    let definition = ecs.task_definition("web").await.unwrap();
    assert!(definition.document.starts_with(r#"{"family":"web",  "revision":7,"#));
    assert!(definition.document.contains(r#""futureContainerField":{"a":[]}"#));
    assert!(definition.document.ends_with(r#""futureTaskField":1.0,"volumes":[]}"#));
    assert_eq!(definition.tags, [Tag { key: "team".into(), value: "a".into() }]);
    assert_eq!((definition.arn, definition.status), (arn(7), TaskDefinitionStatus::Active));
    assert_eq!(
        aws.sent("DescribeTaskDefinition"),
        [json!({ "taskDefinition": "web", "include": ["TAGS"] })]
    );
}

#[tokio::test]
async fn what_was_described_by_arn_is_not_asked_again_but_a_family_is() {
    let (aws, ecs) = ecs(|seen| match seen.operation.as_str() {
        "DescribeTaskDefinition" => Answer::raw(DEFINITION),
        _ => Answer::raw("{}"),
    })
    .await;
    for reference in [arn(7).as_str(), arn(7).as_str(), "web", "web"] {
        ecs.task_definition(reference).await.unwrap();
    }
    assert_eq!(aws.sent("DescribeTaskDefinition").len(), 3);
    ecs.deregister(&arn(7)).await.unwrap();
    let definition = ecs.task_definition(arn(7).as_str()).await.unwrap();
    assert_eq!(definition.status, TaskDefinitionStatus::Inactive);
}

#[tokio::test]
async fn a_missing_task_definition_is_an_error_of_its_own() {
    let (_, ecs) =
        ecs(|_| Answer::error("ClientException", "Unable to describe task definition.")).await;
    let error = ecs.task_definition("web").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no task definition `web`");
}

fn registered(revision: u32) -> Answer {
    Answer::json(&json!({ "taskDefinition": { "taskDefinitionArn": arn(revision).as_str() } }))
}

/// What we send to register: members the SDK does not know, and numbers as they were.
const REQUEST: &str =
    r#"{"family":"web","containerDefinitions":[{"name":"web","x":1.0}],"future":{"b":null}}"#;

#[tokio::test]
async fn a_registration_is_sent_byte_for_byte_and_signed_as_sent() {
    let (aws, ecs) = ecs(|_| registered(8)).await;
    assert_eq!(ecs.register("web", REQUEST, &|_| false).await.unwrap(), arn(8));
    let seen = &aws.seen()[0];
    assert_eq!(seen.body, REQUEST);
    assert_eq!(seen.headers["content-length"], REQUEST.len().to_string());
    assert_eq!(
        seen.headers["x-amz-target"],
        "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition"
    );
    assert!(seen.headers["authorization"].contains("content-length"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn one_family_is_registered_one_at_a_time_and_a_busy_one_again() {
    let mut answers = vec![
        Answer::error(
            "ClientException",
            "Too many concurrent attempts to create a new revision of the specified family.",
        ),
        Answer::error("ThrottlingException", "Rate exceeded"),
    ];
    let (aws, ecs) = ecs(move |_| answers.pop().unwrap_or_else(|| registered(8))).await;
    let never = |_: &TaskDefinition| false;
    let (one, two) =
        tokio::join!(ecs.register("web", REQUEST, &never), ecs.register("web", REQUEST, &never));
    assert_eq!((one.unwrap(), two.unwrap()), (arn(8), arn(8)));
    assert_eq!(aws.seen().len(), 4);
    let busy = ecs.shared.families.lock().unwrap()["web"].try_lock().is_err();
    assert!(!busy, "the turn is given back");
}

/// Registers through an AWS that loses the answers to so many registrations; the family's latest
/// revision is 7 before, and the lost requests took effect if `lands`.
async fn register_with_losses(losses: usize, lands: bool) -> (Result<u32, EcsError>, usize) {
    let mut lost = 0;
    let (aws, ecs) = ecs(move |seen| match seen.operation.as_str() {
        "RegisterTaskDefinition" if lost < losses => {
            lost += 1;
            Answer::Silence
        }
        "RegisterTaskDefinition" => registered(8),
        _ if lands && lost > 0 => Answer::raw(&DEFINITION.replace("web:7", "web:8")),
        _ => Answer::raw(DEFINITION),
    })
    .await;
    let outcome = ecs.register("web", REQUEST, &|latest| latest.arn == arn(8)).await;
    (outcome.map(|arn| arn.revision()), aws.sent("RegisterTaskDefinition").len())
}

#[tokio::test(start_paused = true)]
async fn a_lost_registration_is_looked_for_before_it_is_sent_again() {
    let (outcome, sent) = register_with_losses(1, true).await;
    assert_eq!((outcome.unwrap(), sent), (8, 1));
    let (outcome, sent) = register_with_losses(1, false).await;
    assert_eq!((outcome.unwrap(), sent), (8, 2));
    let (outcome, sent) = register_with_losses(9, false).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, EcsError::RegisterInDoubt { .. }) && error.is_ambiguous());
    assert_eq!(sent, 3);
}

#[tokio::test]
async fn an_update_holds_nothing_but_what_it_must() {
    let (aws, ecs) = ecs(|_| Answer::json(&json!({ "service": a_service("web", 3, 8) }))).await;
    let (cluster, service, definition) = (cluster(), service("web"), arn(8));
    let mut update = ServiceUpdate {
        cluster: &cluster,
        service: &service,
        task_definition: &definition,
        force: false,
        primary_before: None,
        enable_circuit_breaker: false,
    };
    let outcome = ecs.update_service(&update).await.unwrap();
    assert!(matches!(outcome, UpdateOutcome::Answered(_)));
    assert_eq!(outcome.service().primary().unwrap().id.as_str(), "ecs-svc/3");
    update.force = true;
    ecs.update_service(&update).await.unwrap();
    let definition = definition.as_str();
    assert_eq!(
        aws.sent("UpdateService"),
        [
            json!({ "cluster": "prod", "service": "web", "taskDefinition": definition }),
            json!({
                "cluster": "prod", "service": "web", "taskDefinition": definition,
                "forceNewDeployment": true,
            }),
        ]
    );
}

/// Updates from deployment 2 with definition 7 to definition 8, losing the first answers; when
/// looked at, the service has this PRIMARY deployment and definition.
async fn update_with_loss(
    force: bool,
    losses: usize,
    found: (u32, u32),
) -> (Result<UpdateOutcome, EcsError>, usize) {
    let mut lost = 0;
    let (aws, ecs) = ecs(move |seen| match seen.operation.as_str() {
        "UpdateService" if lost < losses => {
            lost += 1;
            Answer::Cut
        }
        "UpdateService" => Answer::json(&json!({ "service": a_service("web", 3, 8) })),
        _ => Answer::json(&json!({ "services": [a_service("web", found.0, found.1)] })),
    })
    .await;
    let before = EcsDeploymentId::new("ecs-svc/2");
    let update = ServiceUpdate {
        cluster: &cluster(),
        service: &service("web"),
        task_definition: &arn(8),
        force,
        primary_before: Some(&before),
        enable_circuit_breaker: false,
    };
    let outcome = ecs.update_service(&update).await;
    (outcome, aws.sent("UpdateService").len())
}

#[tokio::test(start_paused = true)]
async fn a_lost_update_is_looked_for_and_sent_again_only_where_that_is_safe() {
    for force in [false, true] {
        let (outcome, sent) = update_with_loss(force, 1, (3, 8)).await;
        let found = matches!(outcome, Ok(UpdateOutcome::FoundAfterDoubt(_)));
        assert_eq!((found, sent), (true, 1), "it took effect");
        let (outcome, sent) = update_with_loss(force, 1, (4, 9)).await;
        let doubt = matches!(outcome, Err(EcsError::UpdateInDoubt { observed: Some(_), .. }));
        assert_eq!((doubt, sent), (true, 1), "somebody else moved the service");
    }
    let (outcome, sent) = update_with_loss(false, 1, (2, 7)).await;
    assert_eq!((matches!(outcome, Ok(UpdateOutcome::Answered(_))), sent), (true, 2));
    let (outcome, sent) = update_with_loss(true, 1, (2, 7)).await;
    assert_eq!((outcome.unwrap_err().is_ambiguous(), sent), (true, 1));
    let (outcome, sent) = update_with_loss(true, 1, (2, 8)).await;
    assert_eq!((outcome.is_err(), sent), (true, 1), "forced, and no new deployment");
    let (outcome, sent) = update_with_loss(false, 9, (2, 7)).await;
    assert_eq!((outcome.is_err(), sent), (true, 3));
}

#[tokio::test(start_paused = true)]
async fn a_lost_update_whose_repeat_is_refused_stays_in_doubt() {
    for takes_effect_late in [false, true] {
        let (mut sent, mut looks) = (0, 0);
        let (_aws, ecs) = ecs(move |seen| {
            if seen.operation == "UpdateService" {
                sent += 1;
                return match sent {
                    1 => Answer::Cut,
                    _ => Answer::error("InvalidParameterException", "no"),
                };
            }
            looks += 1;
            let moved = takes_effect_late && looks > 1;
            let (number, definition) = if moved { (3, 8) } else { (2, 7) };
            Answer::json(&json!({ "services": [a_service("web", number, definition)] }))
        })
        .await;
        let before = EcsDeploymentId::new("ecs-svc/2");
        let update = ServiceUpdate {
            cluster: &cluster(),
            service: &service("web"),
            task_definition: &arn(8),
            force: false,
            primary_before: Some(&before),
            enable_circuit_breaker: false,
        };
        match ecs.update_service(&update).await {
            Ok(UpdateOutcome::FoundAfterDoubt(_)) => assert!(takes_effect_late),
            Err(error @ EcsError::UpdateInDoubt { .. }) => {
                assert!(!takes_effect_late && error.is_ambiguous());
            }
            other => panic!("{other:?}"),
        }
    }
}

fn service_deployment(number: &str, status: &str) -> Value {
    json!({
        "serviceDeploymentArn": format!("arn:deployment/{number}"),
        "status": status,
        "targetServiceRevision": { "arn": revision(number) },
        "rollback": { "reason": "tasks failed", "serviceRevisionArn": revision("1") },
        "deploymentCircuitBreaker": { "status": "TRIGGERED", "failureCount": 3, "threshold": 3 },
        "alarms": { "triggeredAlarmNames": ["errors"] },
        "lifecycleStage": "SCALE_UP",
    })
}

/// An ECS that knows service deployments 2 to 201 of one service, listed in pages of 100.
async fn with_deployments() -> (FakeAws, Ecs) {
    ecs(|seen| {
        let body = seen.json();
        if seen.operation == "DescribeServiceDeployments" {
            let arns = body["serviceDeploymentArns"].as_array().unwrap();
            let known = arns.iter().filter_map(|arn| arn.as_str()?.strip_prefix("arn:deployment/"));
            let found: Vec<_> =
                known.map(|number| service_deployment(number, "ROLLBACK_SUCCESSFUL")).collect();
            return Answer::json(&json!({ "serviceDeployments": found }));
        }
        let from = body["nextToken"].as_str().map_or(2, |token| token.parse::<u32>().unwrap());
        let page = (from..from + 100).map(|number| {
            json!({
                "serviceDeploymentArn": format!("arn:deployment/{number}"),
                "targetServiceRevisionArn": revision(&number.to_string()),
            })
        });
        let next = (from == 2).then(|| "102".to_owned());
        let page: Vec<_> = page.collect();
        Answer::json(&json!({ "serviceDeployments": page, "nextToken": next }))
    })
    .await
}

#[tokio::test]
async fn our_service_deployment_is_joined_by_its_revisions_number() {
    let (aws, ecs) = with_deployments().await;
    let find = async |number: u32, current: Option<&str>| {
        let ours = EcsDeploymentId::new(format!("ecs-svc/{number}"));
        ecs.find_service_deployment(&cluster(), &service("web"), &ours, current).await.unwrap()
    };
    let found = find(5, Some("arn:deployment/5")).await.unwrap();
    assert_eq!(found.status, ServiceDeploymentStatus::RollbackSuccessful);
    assert_eq!(found.rollback.unwrap().revision.unwrap().as_str(), revision("1"));
    assert!(found.circuit_breaker_triggered);
    assert_eq!(found.triggered_alarms, ["errors"]);
    assert_eq!(found.lifecycle_stage.unwrap(), "SCALE_UP");
    assert_eq!(aws.seen().len(), 1, "no listing where the current one is ours");

    assert_eq!(find(150, Some("arn:deployment/5")).await.unwrap().arn, "arn:deployment/150");
    assert_eq!(aws.sent("ListServiceDeployments").len(), 2);
    assert!(find(999, None).await.is_none());
}

/// A canary that waits for somebody after its test traffic has moved.
const PAUSED: &str = r#"{
  "serviceDeploymentArn": "arn:deployment/5", "status": "IN_PROGRESS",
  "lifecycleStage": "PRE_PRODUCTION_TRAFFIC_SHIFT", "startedAt": 60, "updatedAt": 120,
  "targetServiceRevision": {
    "arn": "arn:aws:ecs:eu-west-1:111111111111:service-revision/prod/web/5",
    "requestedTaskCount": 4, "runningTaskCount": 3, "pendingTaskCount": 1,
    "requestedTestTrafficWeight": 100.0, "requestedProductionTrafficWeight": 2.5 },
  "sourceServiceRevisions": [{ "arn": "arn:revision/4", "runningTaskCount": 4,
    "requestedProductionTrafficWeight": 97.5 }],
  "alarms": { "status": "MONITORING", "alarmNames": ["errors"] },
  "lifecycleHookDetails": [{ "targetType": "PAUSE" }, { "hookId": "h-1", "targetType": "PAUSE",
    "status": "AWAITING_ACTION", "expiresAt": 180, "timeoutAction": "ROLLBACK" }],
  "deploymentConfiguration": { "strategy": "CANARY", "bakeTimeInMinutes": 7,
    "canaryConfiguration": { "canaryPercent": 2.5 },
    "lifecycleHooks": [{ "targetType": "PAUSE", "lifecycleStages": ["A_STAGE_OF_LATER"],
      "timeoutConfiguration": { "timeoutInMinutes": 90, "action": "CONTINUE" } }] } }"#;

#[tokio::test]
async fn a_deployment_in_stages_tells_shares_hooks_and_planned_waits() {
    let (_, ecs) = ecs(|_| Answer::raw(&format!(r#"{{"serviceDeployments": [{PAUSED}]}}"#))).await;
    let found = ecs.service_deployments(&["arn:deployment/5".to_owned()]).await.unwrap();
    let found = &found["arn:deployment/5"];
    // A stage that the SDK does not know goes through as it is.
    assert_eq!(found.lifecycle_stage.as_deref(), Some("PRE_PRODUCTION_TRAFFIC_SHIFT"));
    let target = found.target.as_ref().unwrap();
    assert_eq!((target.requested, target.running, target.pending), (4, 3, 1));
    assert_eq!(target.production, Some(Percent::new(2.5)));
    assert_eq!(target.test, Some(Percent::ALL));
    assert_eq!(found.sources[0].production, Some(Percent::new(97.5)));
    assert_eq!(found.alarm_status.as_deref(), Some("MONITORING"));
    assert_eq!(found.updated_at, Timestamp::from_second(120).ok());
    let waiting: Vec<_> = found.awaiting().collect();
    assert_eq!((waiting.len(), waiting[0].id.as_str()), (1, "h-1"));
    assert_eq!(waiting[0].expires_at, Timestamp::from_second(180).ok());
    assert_eq!((found.strategy.name.as_str(), found.strategy.bake_minutes), ("CANARY", 7));
    let shift = found.strategy.shift.unwrap();
    assert_eq!((shift.percent, shift.bake_minutes, shift.waits), (Percent::new(2.5), 10, 1));
    let hook = &found.strategy.hooks[0];
    assert_eq!(hook.stages, ["A_STAGE_OF_LATER"]);
    assert_eq!(
        (hook.timeout_minutes, hook.timeout_action.as_deref()),
        (Some(90), Some("CONTINUE"))
    );
}

/// Asks an ECS that loses the first answers; whether it carries out what it does not answer is
/// said too. Gives the outcome and the requests that were sent to act.
async fn acted(
    operation: &'static str,
    (lost, is_carried_out): (usize, bool),
) -> (Result<(), EcsError>, Vec<Value>) {
    let mut sent = 0;
    let (aws, ecs) = ecs(move |seen| {
        if seen.operation == "DescribeServiceDeployments" {
            let went = |word: &str, to: &str| PAUSED.replace(word, to);
            let found = match (is_carried_out && sent > 0, operation) {
                (false, _) => PAUSED.to_owned(),
                (true, "ContinueServiceDeployment") => went("AWAITING_ACTION", "SUCCEEDED"),
                (true, _) => went("IN_PROGRESS", "ROLLBACK_REQUESTED"),
            };
            return Answer::raw(&format!(r#"{{"serviceDeployments": [{found}]}}"#));
        }
        sent += 1;
        if sent <= lost { Answer::Cut } else { Answer::raw("{}") }
    })
    .await;
    let outcome = match operation {
        "ContinueServiceDeployment" => {
            ecs.answer_hook("arn:deployment/5", "h-1", HookAnswer::Rollback).await
        }
        _ => ecs.roll_back_deployment("arn:deployment/5").await,
    };
    (outcome, aws.sent(operation))
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_deployment_is_sent_again_only_where_it_left_no_trace() {
    for operation in ["ContinueServiceDeployment", "StopServiceDeployment"] {
        for (fate, count) in [((0, true), 1), ((1, true), 1), ((1, false), 2), ((9, false), 3)] {
            let (outcome, sent) = acted(operation, fate).await;
            assert_eq!(sent.len(), count, "{operation} {fate:?}");
            assert_eq!(outcome.is_err_and(|error| error.is_ambiguous()), fate.0 == 9);
        }
    }
    let (_, sent) = acted("ContinueServiceDeployment", (0, true)).await;
    let wanted = json!({
        "serviceDeploymentArn": "arn:deployment/5", "hookId": "h-1", "action": "ROLLBACK"
    });
    assert_eq!(sent, [wanted]);
    let (_, sent) = acted("StopServiceDeployment", (0, true)).await;
    let wanted = json!({ "serviceDeploymentArn": "arn:deployment/5", "stopType": "ROLLBACK" });
    assert_eq!(sent, [wanted]);
}

#[tokio::test]
async fn service_deployments_and_revisions_are_described_twenty_a_request() {
    let (aws, ecs) = with_deployments().await;
    let arns: Vec<_> = (2..47).map(|number| format!("arn:deployment/{number}")).collect();
    assert_eq!(ecs.service_deployments(&arns).await.unwrap().len(), 45);
    assert_eq!(aws.seen().len(), 3);
}

#[tokio::test]
async fn a_revision_tells_the_digests_that_ecs_resolved() {
    let (_, ecs) = ecs(|seen| {
        let arns = seen.json()["serviceRevisionArns"].clone();
        Answer::json(&json!({ "serviceRevisions": [{
            "serviceRevisionArn": arns[0], "taskDefinition": arn(8).as_str(),
            "containerImages": [
                { "containerName": "web", "image": "web:1", "imageDigest": DIGEST },
                { "containerName": "sidecar", "image": "proxy:1" },
            ],
        }] }))
    })
    .await;
    let id = ServiceRevisionId::new(revision("3"));
    let revisions = ecs.service_revisions(std::slice::from_ref(&id)).await.unwrap();
    assert_eq!(revisions[&id].task_definition, Some(arn(8)));
    let digests: Vec<_> =
        revisions[&id].digests.iter().map(|(name, at)| (name.as_str(), at.as_str())).collect();
    assert_eq!(digests, [("web", DIGEST)]);
}

/// An ECS with three tasks of each of fifty deployments, one of them still pending.
async fn with_tasks() -> (FakeAws, Ecs) {
    ecs(|seen| {
        let body = seen.json();
        if seen.operation == "ListTasks" {
            let services = match body["serviceName"].as_str() {
                Some(name) => vec![name.trim_start_matches('s').parse::<u32>().unwrap()],
                None => (0..50).collect(),
            };
            let arns: Vec<_> = services
                .iter()
                .flat_map(|service| (0..3).map(move |task| format!("arn:task/{service}/{task}")))
                .collect();
            let from = body["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
            let page: Vec<_> = arns.iter().skip(from).take(100).collect();
            let next = (arns.len() > from + 100).then(|| (from + 100).to_string());
            return Answer::json(&json!({ "taskArns": page, "nextToken": next }));
        }
        let arns = body["tasks"].as_array().unwrap();
        assert!(arns.len() <= 100);
        let tasks: Vec<_> = arns
            .iter()
            .map(|arn| {
                let parts: Vec<_> = arn.as_str().unwrap().split('/').collect();
                json!({
                    "taskArn": arn, "startedBy": format!("ecs-svc/{}", parts[1]),
                    "lastStatus": if parts[2] == "2" { "PENDING" } else { "RUNNING" },
                    "containers": [
                        { "name": "web", "imageDigest": DIGEST }, { "name": "sidecar" },
                    ],
                })
            })
            .collect();
        Answer::json(&json!({ "tasks": tasks }))
    })
    .await
}

#[tokio::test]
async fn running_tasks_are_listed_the_cheaper_way() {
    // The cluster's 150 tasks are two pages: too many for up to three services, of which two or
    // three pay for the first page to learn it.
    let cases = [(0, 0, 0), (1, 1, 1), (3, 4, 1), (4, 2, 2), (40, 2, 2)];
    for (services, lists, describes) in cases {
        let (aws, ecs) = with_tasks().await;
        let wanted: Vec<_> = (0..services)
            .map(|number| {
                let id = EcsDeploymentId::new(format!("ecs-svc/{number}"));
                (service(&format!("s{number}")), id)
            })
            .collect();
        let running = ecs.running_tasks(&cluster(), &wanted).await.unwrap();
        assert_eq!(running.len(), services);
        for tasks in running.values() {
            assert_eq!(tasks.count, 2, "a pending task does not run");
            let digests = &tasks.digests[&ContainerName::new("web").unwrap()];
            assert_eq!(digests.first().unwrap().as_str(), DIGEST);
            assert_eq!(tasks.without_digest.len(), 1);
        }
        assert_eq!(aws.sent("ListTasks").len(), lists);
        assert_eq!(aws.sent("DescribeTasks").len(), describes);
    }
}

/// Tasks that stopped: two of `ecs-svc/2` that tell something, one of it that was too many, and one of
/// `ecs-svc/1`.
fn stopped_tasks() -> Vec<Value> {
    let task = |id: u32, by: &str, code: &str, reason: &str| {
        json!({
            "taskArn": format!("arn:task/prod/{id}"), "startedBy": by, "stopCode": code,
            "stoppedReason": reason, "stoppedAt": id, "stoppingAt": 1,
            "containers": [{ "name": "web", "exitCode": 137, "reason": "OutOfMemoryError" }],
        })
    };
    vec![
        task(1, "ecs-svc/2", "EssentialContainerExited", "Essential container in task exited"),
        task(2, "ecs-svc/2", "ServiceSchedulerInitiated", "Task failed ELB health checks in (x)"),
        task(3, "ecs-svc/2", "ServiceSchedulerInitiated", "Scaling activity initiated by (y)"),
        task(4, "ecs-svc/1", "EssentialContainerExited", "Essential container in task exited"),
    ]
}

#[tokio::test]
async fn stopped_tasks_of_many_services_cost_two_requests() {
    for (services, lists) in [(1, 1), (2, 1), (40, 1)] {
        let (aws, ecs) = ecs(|seen| match seen.operation.as_str() {
            "ListTasks" => Answer::json(&json!({ "taskArns": ["a"] })),
            _ => Answer::json(&json!({ "tasks": stopped_tasks() })),
        })
        .await;
        let id = |number: usize| EcsDeploymentId::new(format!("ecs-svc/{number}"));
        let asked: Vec<_> =
            (2..services + 2).map(|number| (service(&format!("s{number}")), id(number))).collect();
        let stopped = ecs.stopped_tasks(&cluster(), &asked).await.unwrap();
        let ids: Vec<_> = stopped[&id(2)].iter().map(|end| end.id.as_str()).collect();
        assert_eq!(ids, ["1", "2"]);
        assert_eq!(stopped.values().flatten().count(), 2);
        assert_eq!(stopped.len(), services);
        assert_eq!((aws.sent("ListTasks").len(), aws.sent("DescribeTasks").len()), (lists, 1));
        assert_eq!(aws.sent("ListTasks")[0]["desiredStatus"], "STOPPED");
    }
}

#[tokio::test]
async fn evidence_is_of_our_deployment_newest_first_and_without_scale_in() {
    let tasks = stopped_tasks();
    let (aws, ecs) = ecs(move |seen| match seen.operation.as_str() {
        "DescribeServices" => Answer::json(&json!({ "services": [a_service("web", 2, 8)] })),
        "ListTasks" => Answer::json(&json!({ "taskArns": ["a"] })),
        _ => Answer::json(&json!({ "tasks": tasks })),
    })
    .await;
    let observed = ecs.observe(&[(cluster(), service("web"))]).await.unwrap();
    let observed: &ObservedService = &observed[&(cluster(), service("web"))];
    let ours = EcsDeploymentId::new("ecs-svc/2");
    let collected = ecs.evidence(observed, &ours, None).await;
    let ends = collected.stopped.unwrap();
    let began: Vec<_> = ends.iter().map(|end| end.began_at.unwrap().as_second()).collect();
    assert_eq!(began, [1, 1], "when it began to stop counts");
    let evidence = collected.evidence;
    let ids: Vec<_> = evidence.stopped_tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids, ["2", "1"]);
    assert_eq!(evidence.stopped_tasks[1].containers[0].exit_code, Some(137));
    assert_eq!(evidence.events.len(), 1);
    let later = Timestamp::from_second(1_800_000_000).ok();
    assert!(ecs.evidence(observed, &ours, later).await.evidence.events.is_empty());
    let listed = &aws.sent("ListTasks")[0];
    assert_eq!(
        (&listed["serviceName"], &listed["desiredStatus"]),
        (&json!("web"), &json!("STOPPED"))
    );
}

#[tokio::test]
async fn tasks_that_could_not_be_read_are_no_empty_list() {
    for refused in ["ListTasks", "DescribeTasks"] {
        let (_aws, ecs) = ecs(move |seen| match seen.operation.as_str() {
            "DescribeServices" => Answer::json(&json!({ "services": [a_service("web", 2, 8)] })),
            name if name == refused => Answer::error("AccessDeniedException", "no"),
            _ => Answer::json(&json!({ "taskArns": ["arn:task/prod/1"], "tasks": [] })),
        })
        .await;
        let observed = ecs.observe(&[(cluster(), service("web"))]).await.unwrap();
        let observed: &ObservedService = &observed[&(cluster(), service("web"))];
        let ours = EcsDeploymentId::new("ecs-svc/2");
        let collected = ecs.evidence(observed, &ours, None).await;
        assert_eq!(collected.stopped, None, "{refused}");
        assert!(collected.evidence.gaps[0].what.starts_with("the tasks could not be looked at"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_updates_against_a_short_bucket_all_succeed() {
    let (mut allowed, mut refused) = (60, 0);
    let (aws, ecs) = ecs(move |seen| {
        if allowed == 0 && refused < 25 {
            refused += 1;
            return Answer::error("ThrottlingException", "Rate exceeded");
        }
        allowed = u32::saturating_sub(allowed, 1);
        let name = seen.json()["service"].as_str().unwrap().to_owned();
        Answer::json(&json!({ "service": a_service(&name, 3, 8) }))
    })
    .await;
    let (cluster, definition) = (cluster(), arn(8));
    let services: Vec<_> = (0..100).map(|number| service(&format!("s{number}"))).collect();
    let updates = services.iter().map(|service| async {
        let update = ServiceUpdate {
            cluster: &cluster,
            service,
            task_definition: &definition,
            force: true,
            primary_before: None,
            enable_circuit_breaker: false,
        };
        ecs.update_service(&update).await
    });
    let outcomes = futures_util::future::join_all(updates).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(aws.seen().len(), 125);
}

/// Every future can move between threads, as whoever runs many of them needs.
#[tokio::test]
async fn futures_can_be_sent() {
    fn is_send<T: Send>(_: &T) {}
    let (_, ecs) = ecs(|_| Answer::raw("{}")).await;
    let (cluster, name, definition) = (cluster(), service("web"), arn(8));
    let ours = EcsDeploymentId::new("ecs-svc/1");
    let update = ServiceUpdate {
        cluster: &cluster,
        service: &name,
        task_definition: &definition,
        force: false,
        primary_before: None,
        enable_circuit_breaker: false,
    };
    is_send(&ecs.observe(&[]));
    is_send(&ecs.task_definition("web"));
    is_send(&ecs.register("web", "{}", &|_| false));
    is_send(&ecs.deregister(&definition));
    is_send(&ecs.update_service(&update));
    is_send(&ecs.service_deployments(&[]));
    is_send(&ecs.find_service_deployment(&cluster, &name, &ours, None));
    is_send(&ecs.service_revisions(&[]));
    is_send(&ecs.running_tasks(&cluster, &[]));
    let observed = convert::service(
        &cluster,
        &aws_sdk_ecs::types::Service::builder().service_name("web").build(),
    );
    is_send(&ecs.evidence(&observed.unwrap(), &ours, None));
    let parameters = crate::backend::params::Parameters::new(ecs.session().clone());
    let parameter = crate::model::ParameterName::new("/p/a").unwrap();
    is_send(&parameters.get(&[]));
    is_send(&parameters.by_folder("/p"));
    is_send(&parameters.put(&parameter, "v", true));
    let registry = crate::backend::registry::Registry::new(ecs.session().clone());
    let image = crate::model::ImageUri::parse(format!("app@{DIGEST}")).unwrap();
    is_send(&registry.resolve(&[]));
    is_send(&registry.release_hash(&image, image.digest().unwrap()));
    is_send(&ecs.session().identity());
}

#[tokio::test]
async fn the_circuit_breaker_is_turned_on_in_the_same_update_and_nothing_else_is_changed() {
    let (aws, ecs) = ecs(|seen| match seen.operation.as_str() {
        "DescribeServices" => {
            let mut told = a_service("web", 1, 1);
            told["deploymentConfiguration"] = json!({
                "maximumPercent": 150, "futureMember": { "a": [1] },
                "deploymentCircuitBreaker": {
                    "enable": false, "rollback": false, "resetOnHealthyTask": false,
                },
                "alarms": { "enable": true, "rollback": true, "alarmNames": ["slow"] },
            });
            Answer::json(&json!({ "services": [told] }))
        }
        _ => Answer::json(&json!({ "service": a_service("web", 2, 7) })),
    })
    .await;
    let (cluster, name, wanted) = (cluster(), service("web"), arn(7));
    let update = ServiceUpdate {
        cluster: &cluster,
        service: &name,
        task_definition: &wanted,
        force: true,
        primary_before: None,
        enable_circuit_breaker: true,
    };
    ecs.update_service(&update).await.unwrap();
    assert_eq!(
        aws.sent("UpdateService"),
        [json!({
            "cluster": "prod", "service": "web", "taskDefinition": wanted.as_str(),
            "forceNewDeployment": true,
            "deploymentConfiguration": {
                "maximumPercent": 150, "futureMember": { "a": [1] },
                "deploymentCircuitBreaker": {
                    "enable": true, "rollback": true, "resetOnHealthyTask": false,
                },
                "alarms": { "enable": true, "rollback": true, "alarmNames": ["slow"] },
            },
        })]
    );
}

#[tokio::test]
async fn whether_ecs_has_something_to_go_back_to_is_one_short_list() {
    let (aws, ecs) = ecs(|_| {
        let brief = json!({ "serviceDeploymentArn": "arn:x", "status": "SUCCESSFUL" });
        Answer::json(&json!({ "serviceDeployments": [brief] }))
    })
    .await;
    assert!(ecs.has_completed(&cluster(), &service("web")).await.unwrap());
    let sent = aws.sent("ListServiceDeployments");
    assert_eq!(sent[0]["status"], json!(["SUCCESSFUL", "ROLLBACK_SUCCESSFUL"]));
    assert_eq!(sent[0]["maxResults"], 1);
}

/// A task definition whose container logs to `/ecs/web`.
fn with_log() -> Answer {
    let options = json!({ "awslogs-group": "/ecs/web", "awslogs-stream-prefix": "ecs" });
    let log = json!({ "logDriver": "awslogs", "options": options });
    let container = json!({ "name": "web", "image": "web:1", "logConfiguration": log });
    Answer::json(&json!({ "taskDefinition": {
        "family": "web", "revision": 7, "taskDefinitionArn": arn(7).as_str(), "status": "ACTIVE",
        "containerDefinitions": [container],
    } }))
}

/// A page of a log.
fn log_page(messages: &[String], token: &str) -> Answer {
    let event =
        |message: &String| json!({ "timestamp": 1_700_000_000_000_i64, "message": message });
    let events: Vec<Value> = messages.iter().map(event).collect();
    Answer::json(&json!({ "events": events, "nextForwardToken": token }))
}

/// The messages of lines.
fn messages(found: &NewLines) -> Vec<&str> {
    found.lines.iter().map(|line| line.message.as_str()).collect()
}

const TASK: &str = "arn:aws:ecs:eu-west-1:111111111111:task/prod/0123456789abcdef";

#[tokio::test]
async fn a_log_is_followed_over_empty_pages_and_each_line_is_read_once() {
    let (aws, ecs) = ecs(|seen| match seen.operation.as_str() {
        "GetLogEvents" => match seen.json()["nextToken"].as_str() {
            None => log_page(&["a\n".to_owned()], "f/1"),
            Some("f/1") => log_page(&[], "f/2"),
            Some("f/2") => log_page(&["b".to_owned(), "c".repeat(5000)], "f/3"),
            Some(token) => log_page(&[], token),
        },
        _ => with_log(),
    })
    .await;
    let definition = arn(7);
    let source = LogSource { task: TASK, task_definition: definition.as_str(), container: "web" };
    let mut cursor = LogCursor::default();
    let found = ecs.new_lines(source, &mut cursor).await.unwrap();
    assert_eq!(messages(&found)[..2], ["a", "b"]);
    assert!(found.lines[2].message.len() < 4010 && found.rest.is_none());
    assert_eq!(ecs.new_lines(source, &mut cursor).await.unwrap(), NewLines::default());
    let sent = aws.sent("GetLogEvents");
    assert_eq!(sent.len(), 5);
    assert_eq!(sent[0]["logStreamName"], "ecs/web/0123456789abcdef");
    assert!(sent.iter().all(|body| body["startFromHead"] == true), "{sent:?}");
}

#[tokio::test]
async fn a_look_at_a_log_is_bounded() {
    // More lines than a look takes, then ever new pages without lines.
    let (aws, ecs) = ecs(|seen| {
        if seen.operation != "GetLogEvents" {
            return with_log();
        }
        let body = seen.json();
        let page: u32 = body["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let most = if page < 2 { body["limit"].as_u64().unwrap().min(150) } else { 0 };
        let lines: Vec<String> = (0..most).map(|line| format!("{page} {line}")).collect();
        log_page(&lines, &(page + 1).to_string())
    })
    .await;
    let definition = arn(7);
    let source = LogSource { task: TASK, task_definition: definition.as_str(), container: "web" };
    let mut cursor = LogCursor::default();
    let found = ecs.new_lines(source, &mut cursor).await.unwrap();
    assert_eq!((found.lines.len(), aws.sent("GetLogEvents").len()), (200, 2));
    assert_eq!(found.rest.as_deref(), Some("/ecs/web, stream ecs/web/0123456789abcdef"));
    let found = ecs.new_lines(source, &mut cursor).await.unwrap();
    assert_eq!((found.lines.len(), aws.sent("GetLogEvents").len()), (0, 7));
    assert!(found.rest.is_some());
}

#[tokio::test]
async fn a_log_that_is_denied_is_given_up_and_one_that_is_not_there_is_empty() {
    for (code, is_lasting) in [
        ("AccessDeniedException", Some(true)),
        ("InvalidParameterException", Some(false)),
        ("ResourceNotFoundException", None),
    ] {
        let (_, ecs) = ecs(move |seen| match seen.operation.as_str() {
            "GetLogEvents" => Answer::error(code, "no"),
            _ => with_log(),
        })
        .await;
        let definition = arn(7);
        let task_definition = definition.as_str();
        let source = LogSource { task: TASK, task_definition, container: "web" };
        let found = ecs.new_lines(source, &mut LogCursor::default()).await;
        assert_eq!(found.as_ref().err().map(|unread| unread.is_lasting), is_lasting, "{found:?}");
    }
}
