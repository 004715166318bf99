//! Deployments in stages, as the API tells them.

use serde_json::{Value, json};

use super::{function::Answer, testing::Ecs};
use crate::sandbox::{AlarmState, cloudwatch, ecs::admin};

/// A service whose deployments go as configured, with a deployment begun.
fn deployed(configuration: &Value) -> Ecs {
    let ecs = Ecs::with_service();
    ecs.register("web:v2");
    ecs.ok(
        "UpdateService",
        &json!({
            "cluster": "c", "service": "web", "taskDefinition": "web:2",
            "deploymentConfiguration": configuration,
        }),
    );
    ecs
}

/// The production traffic of what was there and of what is wanted.
fn weights(deployment: &Value) -> (f64, f64) {
    let weight = |revision: &Value| revision["requestedProductionTrafficWeight"].as_f64().unwrap();
    (weight(&deployment["sourceServiceRevisions"][0]), weight(&deployment["targetServiceRevision"]))
}

fn set_alarm(ecs: &Ecs, state: AlarmState) {
    let scope = Ecs::scope();
    ecs.with(|transaction| {
        let from = ecs.viewpoint(&scope);
        cloudwatch::admin::set(transaction, from, "errors", (state, "a test")).unwrap();
    });
}

#[test]
fn a_canary_deployment_is_told_with_its_stage_traffic_and_tasks() {
    let mut ecs = deployed(&json!({
        "strategy": "CANARY", "bakeTimeInMinutes": 5,
        "canaryConfiguration": { "canaryPercent": 12.5, "canaryBakeTimeInMinutes": 2 },
    }));
    ecs.wait(2);
    let told = ecs.deployment();
    assert_eq!((&told["status"], weights(&told)), (&json!("IN_PROGRESS"), (100.0, 0.0)));
    ecs.wait(58);
    let told = ecs.deployment();
    assert_eq!(told["lifecycleStage"], "PRODUCTION_TRAFFIC_SHIFT");
    assert_eq!(weights(&told), (87.5, 12.5));
    assert_eq!(told["targetServiceRevision"]["requestedTestTrafficWeight"], 100.0);
    assert_eq!(told["targetServiceRevision"]["runningTaskCount"], 2);
    assert_eq!(told["sourceServiceRevisions"][0]["runningTaskCount"], 2);
    assert_eq!(told["deploymentConfiguration"]["strategy"], "CANARY");
    let service = ecs.service();
    let status = |place: usize| service["deployments"][place]["status"].clone();
    assert_eq!((status(0), status(1)), (json!("PRIMARY"), json!("ACTIVE")));
    assert_eq!((&service["runningCount"], &service["desiredCount"]), (&json!(4), &json!(2)));
    ecs.wait(150);
    assert_eq!(ecs.deployment()["lifecycleStage"], "BAKE_TIME");
    assert_eq!(weights(&ecs.deployment()), (0.0, 100.0));
    ecs.wait(300);
    let told = ecs.deployment();
    assert_eq!((&told["status"], told.get("lifecycleStage")), (&json!("SUCCESSFUL"), None));
    assert_eq!(ecs.service()["deployments"].as_array().unwrap().len(), 1);
}

#[test]
fn alarms_are_told_and_end_the_deployment() {
    let alarms = json!({ "alarmNames": ["errors"], "enable": true, "rollback": true });
    let configuration =
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5, "alarms": alarms });
    let mut ecs = deployed(&configuration);
    ecs.wait(60);
    let told = ecs.deployment();
    assert_eq!(told["alarms"]["status"], "MONITORING");
    assert_eq!(told["alarms"]["alarmNames"], json!(["errors"]));
    set_alarm(&ecs, AlarmState::Alarm);
    ecs.wait(60);
    let told = ecs.deployment();
    assert_eq!(told["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(told["alarms"]["status"], "TRIGGERED");
    assert_eq!(told["alarms"]["triggeredAlarmNames"], json!(["errors"]));
    assert_eq!(weights(&told), (100.0, 0.0));
    assert_eq!(
        told["rollback"]["reason"],
        "Service deployment rolled back because CloudWatch alarm(s) errors went to ALARM."
    );
    assert!(told.get("stoppedAt").is_none());

    // It is still in ALARM, so that the next deployment is not watched.
    let again = json!({ "cluster": "c", "service": "web", "forceNewDeployment": true });
    ecs.ok("UpdateService", &again);
    ecs.wait(600);
    assert_eq!(ecs.deployment()["status"], "SUCCESSFUL");
    assert_eq!(ecs.deployment()["alarms"]["status"], "DISABLED");
}

#[test]
fn without_rollback_an_alarm_stops_a_rolling_deployment() {
    let alarms = json!({ "alarmNames": ["errors"], "enable": true, "rollback": false });
    let mut ecs = deployed(&json!({ "alarms": alarms, "bakeTimeInMinutes": 3 }));
    ecs.wait(60);
    assert_eq!(ecs.deployment()["lifecycleStage"], "BAKE_TIME");
    assert_eq!(ecs.service()["deployments"][0]["rolloutState"], "IN_PROGRESS");
    set_alarm(&ecs, AlarmState::Alarm);
    ecs.wait(1);
    let told = ecs.deployment();
    assert_eq!(
        (&told["status"], &told["alarms"]["status"]),
        (&json!("STOPPED"), &json!("TRIGGERED"))
    );
    assert!(told["stoppedAt"].is_number());
    assert_eq!(ecs.service()["deployments"][0]["rolloutState"], "FAILED");
}

#[test]
fn a_pause_hook_is_continued_through_the_api() {
    let pause = json!([{
        "targetType": "PAUSE", "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
        "timeoutConfiguration": { "timeoutInMinutes": 10, "action": "ROLLBACK" },
    }]);
    let mut ecs = deployed(&json!({ "strategy": "BLUE_GREEN", "lifecycleHooks": pause }));
    ecs.wait(60);
    let told = ecs.deployment();
    let hook = &told["lifecycleHookDetails"][0];
    assert_eq!(
        (&hook["status"], &hook["targetType"]),
        (&json!("AWAITING_ACTION"), &json!("PAUSE"))
    );
    assert_eq!(hook["timeoutAction"], "ROLLBACK");
    assert!(hook["expiresAt"].is_number());
    let input = |arn: &Value, id: &Value| json!({ "serviceDeploymentArn": arn, "hookId": id });
    let arn = &told["serviceDeploymentArn"];
    let refused = |input: &Value| ecs.refused("ContinueServiceDeployment", input).0;
    assert_eq!(refused(&input(arn, &json!("other"))), "InvalidParameterException");
    let none = json!("arn:aws:ecs:eu-west-1:000000000000:service-deployment/c/web/none");
    assert_eq!(refused(&input(&none, &hook["hookId"])), "ServiceDeploymentNotFoundException");
    let right = input(arn, &hook["hookId"]);
    let answer = ecs.ok("ContinueServiceDeployment", &right);
    assert_eq!(answer["serviceDeploymentArn"], *arn);
    assert_eq!(ecs.refused("ContinueServiceDeployment", &right).0, "InvalidParameterException");
    ecs.wait(60);
    assert_eq!(ecs.deployment()["status"], "SUCCESSFUL");
}

#[test]
fn a_hook_s_function_fails_a_deployment() {
    let arn = "arn:aws:lambda:eu-west-1:000000000000:function:smoke";
    let hooks = json!([{ "hookTargetArn": arn, "lifecycleStages": ["PRE_SCALE_UP"] }]);
    let mut ecs = deployed(&json!({ "strategy": "LINEAR", "lifecycleHooks": hooks }));
    ecs.with(|transaction| {
        admin::set_function(transaction, "smoke", Answer::Fail, ecs.now).unwrap();
    });
    ecs.wait(60);
    let told = ecs.deployment();
    assert_eq!(told["status"], "ROLLBACK_SUCCESSFUL");
    let hook = &told["lifecycleHookDetails"][0];
    assert_eq!((&hook["status"], &hook["targetArn"]), (&json!("FAILED"), &json!(arn)));
    let events = ecs.service()["events"].to_string();
    assert!(
        events.contains("deployment failed: Service deployment rolled back because PRE_SCALE_UP")
    );
}

#[test]
fn a_person_leads_a_deployment_by_the_sandbox_s_own_commands() {
    let pause = json!([{ "targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"] }]);
    let mut ecs = deployed(&json!({ "strategy": "BLUE_GREEN", "lifecycleHooks": pause }));
    let scope = Ecs::scope();
    let lead = |ecs: &Ecs, rolls_back| {
        ecs.with(|it| {
            let from = ecs.viewpoint(&scope);
            admin::continue_deployment(it, from, ("c", "web"), rolls_back).is_ok()
        })
    };
    assert!(!lead(&ecs, false), "nothing waits yet");
    ecs.wait(10);
    assert!(lead(&ecs, true));
    ecs.wait(60);
    assert_eq!(ecs.deployment()["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(ecs.deployment()["lifecycleHookDetails"][0]["status"], "FAILED");
}

#[test]
fn configurations_that_cannot_be_are_refused() {
    let ecs = Ecs::with_service();
    for configuration in [
        json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 2.9 } }),
        json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 5.55 } }),
        json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 0.0 } }),
        json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 100.1 } }),
        json!({ "strategy": "BLUE_GREEN", "canaryConfiguration": { "canaryPercent": 5.0 } }),
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1441 }),
        json!({ "alarms": { "alarmNames": [], "enable": true, "rollback": true } }),
        json!({ "strategy": "BLUE_GREEN", "lifecycleHooks": [{ "lifecycleStages": ["PRE_SCALE_UP"] }] }),
        json!({ "strategy": "BLUE_GREEN", "lifecycleHooks": [{ "targetType": "PAUSE" }] }),
        json!({ "strategy": "BLUE_GREEN", "lifecycleHooks": [
            { "targetType": "PAUSE", "lifecycleStages": ["TEST_TRAFFIC_SHIFT"] }
        ] }),
    ] {
        let input =
            json!({ "cluster": "c", "service": "web", "deploymentConfiguration": configuration });
        let (code, _) = ecs.refused("UpdateService", &input);
        assert_eq!(code, "InvalidParameterException", "{configuration}");
    }
}

#[test]
fn another_strategy_leaves_the_configuration_of_the_last_behind() {
    let ecs = Ecs::with_service();
    let set = |configuration: Value| {
        let input =
            json!({ "cluster": "c", "service": "web", "deploymentConfiguration": configuration });
        ecs.ok("UpdateService", &input)["service"]["deploymentConfiguration"].take()
    };
    set(json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 20.0 } }));
    let told = set(json!({ "strategy": "BLUE_GREEN" }));
    assert!(told.get("linearConfiguration").is_none());
    assert_eq!(ecs.service()["deployments"].as_array().unwrap().len(), 1, "it is no deployment");
}
