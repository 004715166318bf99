//! Services and their rollouts, through the API.

use serde_json::{Value, json};

use crate::sandbox::ecs::{admin, fate::Fate, testing::Ecs};

/// Updates the service `web`.
fn update(ecs: &Ecs, mut change: Value) -> Value {
    change["cluster"] = json!("c");
    change["service"] = json!("web");
    ecs.ok("UpdateService", &change)["service"].clone()
}

/// The number that ends an id or ARN.
fn number(text: &Value) -> &str {
    text.as_str().unwrap().rsplit('/').next().unwrap()
}

#[test]
fn a_service_is_told_with_what_ecs_fills_in() {
    let ecs = Ecs::with_service();
    let service = ecs.service();
    assert_eq!(service["status"], "ACTIVE");
    assert_eq!((&service["runningCount"], &service["pendingCount"]), (&json!(2), &json!(0)));
    assert_eq!(service["schedulingStrategy"], "REPLICA");
    assert_eq!(service["deploymentController"], json!({ "type": "ECS" }));
    assert_eq!(
        service["deploymentConfiguration"],
        json!({
            "deploymentCircuitBreaker": { "enable": true, "rollback": true },
            "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
        })
    );
    assert_eq!(service["platformVersion"], "LATEST");
    assert_eq!(service["deployments"].as_array().unwrap().len(), 1);
    let primary = &service["deployments"][0];
    assert_eq!(
        (&primary["status"], &primary["rolloutState"]),
        (&json!("PRIMARY"), &json!("COMPLETED"))
    );
    assert_eq!(service["taskDefinition"], primary["taskDefinition"]);
    assert!(service["taskDefinition"].as_str().unwrap().ends_with(":task-definition/web:1"));
    assert!(service.get("tags").is_none());
}

#[test]
fn an_update_is_followed_from_its_id_to_its_digests() {
    let mut ecs = Ecs::with_service();
    let definition = ecs.register("web:v2");
    let updated = update(&ecs, json!({ "taskDefinition": definition }));
    let primary = updated["deployments"][0].clone();
    assert_eq!(primary["rolloutState"], "IN_PROGRESS");
    assert_eq!(updated["deployments"][1]["status"], "ACTIVE");
    assert_eq!(ecs.deployment()["status"], "PENDING");

    ecs.wait(2);
    let deployment = ecs.deployment();
    assert_eq!(deployment["status"], "IN_PROGRESS");
    assert_eq!(deployment["lifecycleStage"], "SCALE_UP");
    assert_eq!(
        deployment["deploymentCircuitBreaker"],
        json!({ "status": "MONITORING", "failureCount": 0, "threshold": 3 })
    );
    let target = &deployment["targetServiceRevision"];
    assert_eq!(number(&target["arn"]), number(&primary["id"]));
    assert_eq!(target["pendingTaskCount"], 2);
    assert_eq!(deployment["sourceServiceRevisions"][0]["runningTaskCount"], 2);

    ecs.wait(60);
    assert_eq!(ecs.deployment()["status"], "SUCCESSFUL");
    assert!(ecs.deployment().get("lifecycleStage").is_none());
    let input = json!({ "serviceRevisionArns": [target["arn"]] });
    let revision = ecs.ok("DescribeServiceRevisions", &input)["serviceRevisions"][0].clone();
    assert_eq!(revision["taskDefinition"], json!(definition));
    let image = &revision["containerImages"][0];
    assert_eq!((&image["containerName"], &image["image"]), (&json!("app"), &json!("web:v2")));

    let tasks = ecs.ok("ListTasks", &json!({ "cluster": "c", "serviceName": "web" }));
    let input = json!({ "cluster": "c", "tasks": tasks["taskArns"] });
    let tasks = ecs.ok("DescribeTasks", &input)["tasks"].clone();
    assert_eq!(tasks.as_array().unwrap().len(), 2);
    for task in tasks.as_array().unwrap() {
        assert_eq!(task["startedBy"], primary["id"]);
        assert_eq!(task["lastStatus"], "RUNNING");
        assert_eq!(task["group"], "service:web");
        assert_eq!(task["containers"][0]["imageDigest"], image["imageDigest"]);
    }
}

#[test]
fn a_failed_update_tells_why_and_goes_back() {
    let mut ecs = Ecs::with_service();
    let before = ecs.service()["deployments"][0].clone();
    ecs.fate("web:v2", Fate::Crash { code: 137, after: 1 });
    let definition = ecs.register("web:v2");
    let ours = update(&ecs, json!({ "taskDefinition": definition }))["deployments"][0].clone();
    ecs.wait(6);
    let failing = ecs.service();
    assert_eq!(failing["deployments"][0]["failedTasks"], 2);
    assert_eq!(ecs.deployment()["deploymentCircuitBreaker"]["failureCount"], 2);
    ecs.wait(120);
    let deployment = ecs.deployment();
    assert_eq!(deployment["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        deployment["statusReason"],
        "Service deployment rolled back because the circuit breaker threshold was exceeded."
    );
    assert_eq!(deployment["rollback"]["reason"], deployment["statusReason"]);
    assert_eq!(number(&deployment["rollback"]["serviceRevisionArn"]), number(&before["id"]));
    assert_eq!(
        deployment["deploymentCircuitBreaker"],
        json!({ "status": "TRIGGERED", "failureCount": 3, "threshold": 3 })
    );
    let service = ecs.service();
    assert_eq!(service["taskDefinition"], before["taskDefinition"]);
    let primary = &service["deployments"][0];
    assert_ne!(primary["id"], ours["id"]);
    let reason = primary["rolloutStateReason"].as_str().unwrap();
    assert!(reason.ends_with(" completed."), "{reason}");

    let input = json!({ "cluster": "c", "serviceName": "web", "desiredStatus": "STOPPED" });
    let stopped = ecs.ok("ListTasks", &input)["taskArns"].clone();
    let tasks = ecs.ok("DescribeTasks", &json!({ "cluster": "c", "tasks": stopped }));
    let crashed: Vec<&Value> = tasks["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|task| task["startedBy"] == ours["id"])
        .filter(|task| task["stopCode"] == "EssentialContainerExited")
        .collect();
    assert!(crashed.len() >= 3);
    assert_eq!(crashed[0]["stoppedReason"], "Essential container in task exited");
    assert_eq!(crashed[0]["containers"][0]["exitCode"], 137);
    let messages: Vec<&str> = service["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["message"].as_str())
        .collect();
    assert_eq!(messages[0], "(service web) has reached a steady state.");
    assert!(messages.iter().any(|told| told.contains("rolling back to deployment ecs-svc/")));
}

#[test]
fn images_of_ecr_must_be_there_and_others_are() {
    use crate::sandbox::ecr::admin::{ImageOptions, put_image};

    let mut ecs = Ecs::with_service();
    let image = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/team/web:v2";
    let definition = ecs.register(image);
    update(&ecs, json!({ "taskDefinition": definition }));
    ecs.wait(4);
    let input = json!({ "cluster": "c", "desiredStatus": "STOPPED" });
    let stopped = ecs.ok("ListTasks", &input)["taskArns"].clone();
    let tasks = ecs.ok("DescribeTasks", &json!({ "cluster": "c", "tasks": stopped }));
    let task = &tasks["tasks"][0];
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    let reason = task["stoppedReason"].as_str().unwrap();
    assert!(reason.starts_with("CannotPullContainerError"), "{reason}");
    assert!(reason.ends_with(&format!("{image}: not found")), "{reason}");
    assert_eq!(task["containers"][0]["reason"], task["stoppedReason"]);
    assert!(task["containers"][0].get("exitCode").is_none());

    let options = ImageOptions { revision: None, created: ecs.now };
    let digest = ecs.with(|transaction| {
        put_image(transaction, &Ecs::scope(), "team/web", "v2", &options).unwrap()
    });
    ecs.wait(60);
    assert_eq!(ecs.deployment()["status"], "SUCCESSFUL", "the next attempt finds it");
    let revision = ecs.deployment()["targetServiceRevision"]["arn"].clone();
    let input = json!({ "serviceRevisionArns": [revision] });
    let revision = ecs.ok("DescribeServiceRevisions", &input)["serviceRevisions"][0].clone();
    assert_eq!(revision["containerImages"][0]["imageDigest"], json!(digest));
}

#[test]
fn only_some_changes_are_deployments() {
    let mut ecs = Ecs::with_service();
    let primary = |service: &Value| service["deployments"][0]["id"].clone();
    let before = primary(&ecs.service());
    assert_eq!(primary(&update(&ecs, json!({ "taskDefinition": "web:1" }))), before);
    assert_eq!(primary(&update(&ecs, json!({ "desiredCount": 3 }))), before);
    let bounds = json!({ "deploymentConfiguration": { "minimumHealthyPercent": 50 } });
    let updated = update(&ecs, bounds);
    assert_eq!(primary(&updated), before);
    assert_eq!(updated["deploymentConfiguration"]["minimumHealthyPercent"], 50);
    assert_eq!(updated["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"], true);
    ecs.wait(60);
    assert_eq!(ecs.service()["runningCount"], 3);

    let forced = update(&ecs, json!({ "forceNewDeployment": true }));
    assert_ne!(primary(&forced), before);
    ecs.wait(60);
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-2"] } });
    let moved = update(&ecs, json!({ "networkConfiguration": network }));
    assert_ne!(primary(&moved), primary(&forced));
    let list = ecs.ok("ListServiceDeployments", &json!({ "cluster": "c", "service": "web" }));
    assert_eq!(list["serviceDeployments"].as_array().unwrap().len(), 3);
}

#[test]
fn a_superseded_deployment_is_stopped() {
    let mut ecs = Ecs::with_service();
    ecs.register("web:v2");
    ecs.register("web:v3");
    update(&ecs, json!({ "taskDefinition": "web:2" }));
    ecs.wait(1);
    update(&ecs, json!({ "taskDefinition": "web:3" }));
    ecs.wait(60);
    let input = json!({ "cluster": "c", "service": "web", "status": ["STOPPED"] });
    let stopped = ecs.ok("ListServiceDeployments", &input)["serviceDeployments"].clone();
    assert_eq!(stopped.as_array().unwrap().len(), 1);
    assert_eq!(ecs.deployment()["status"], "SUCCESSFUL");
}

#[test]
fn a_deployment_can_be_stopped_once() {
    let mut ecs = Ecs::with_service();
    ecs.register("web:v2");
    update(&ecs, json!({ "taskDefinition": "web:2" }));
    ecs.wait(1);
    let arn = ecs.service()["currentServiceDeployment"].clone();
    let input = json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" });
    assert_eq!(ecs.ok("StopServiceDeployment", &input)["serviceDeploymentArn"], arn);
    assert_eq!(ecs.deployment()["status"], "ROLLBACK_REQUESTED");
    ecs.wait(60);
    assert_eq!(ecs.deployment()["status"], "ROLLBACK_SUCCESSFUL");
    assert!(ecs.service()["taskDefinition"].as_str().unwrap().ends_with("web:1"));
    assert_eq!(ecs.refused("StopServiceDeployment", &input).0, "ConflictException");
    let input = json!({ "serviceDeploymentArn": arn, "stopType": "ABORT" });
    assert_eq!(ecs.refused("StopServiceDeployment", &input).0, "InvalidParameterException");
    let other = format!("{}x", arn.as_str().unwrap());
    let (code, _) = ecs.refused("StopServiceDeployment", &json!({ "serviceDeploymentArn": other }));
    assert_eq!(code, "ServiceDeploymentNotFoundException");
}

#[test]
fn service_deployments_come_in_pages_and_ranges() {
    let mut ecs = Ecs::with_service();
    for _ in 0..24 {
        update(&ecs, json!({ "forceNewDeployment": true }));
        ecs.wait(60);
    }
    let of_web = json!({ "cluster": "c", "service": "web" });
    let first = ecs.ok("ListServiceDeployments", &of_web);
    assert_eq!(first["serviceDeployments"].as_array().unwrap().len(), 20);
    let mut input = of_web.clone();
    input["nextToken"] = first["nextToken"].clone();
    let second = ecs.ok("ListServiceDeployments", &input);
    assert_eq!(second["serviceDeployments"].as_array().unwrap().len(), 5);
    assert!(second.get("nextToken").is_none());
    let mut input = of_web;
    input["createdAt"] =
        json!({ "after": (ecs.now.as_second() - 121), "before": ecs.now.as_second() });
    let recent = ecs.ok("ListServiceDeployments", &input);
    assert_eq!(recent["serviceDeployments"].as_array().unwrap().len(), 2);
}

#[test]
fn a_definition_that_is_inactive_or_missing_cannot_be_deployed() {
    let ecs = Ecs::with_service();
    ecs.register("web:v2");
    ecs.ok("DeregisterTaskDefinition", &json!({ "taskDefinition": "web:2" }));
    for (definition, words) in
        [("web:2", "TaskDefinition is inactive"), ("web:9", "TaskDefinition not found.")]
    {
        let input = json!({ "cluster": "c", "service": "web", "taskDefinition": definition });
        let refused = ecs.refused("UpdateService", &input);
        assert_eq!(refused, ("ClientException".to_owned(), words.to_owned()));
    }
    ecs.ok("DeregisterTaskDefinition", &json!({ "taskDefinition": "web:1" }));
    let scaled = update(&ecs, json!({ "desiredCount": 1 }));
    assert_eq!(scaled["desiredCount"], 1, "scaling goes on");
    let input = json!({ "cluster": "c", "service": "web", "forceNewDeployment": true });
    assert_eq!(ecs.refused("UpdateService", &input).1, "TaskDefinition is inactive");
}

#[test]
fn what_the_sandbox_cannot_do_is_refused() {
    let ecs = Ecs::with_service();
    let with = |configuration: Value| {
        let input =
            json!({ "cluster": "c", "service": "web", "deploymentConfiguration": configuration });
        ecs.refused("UpdateService", &input).0
    };
    let early = json!({ "enable": true, "healthyPercent": 50 });
    assert_eq!(with(json!({ "earlySuccessCriteria": early })), "UnsupportedFeatureException");
    let pause = json!([{ "targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"] }]);
    assert_eq!(with(json!({ "lifecycleHooks": pause })), "UnsupportedFeatureException");
    let full = json!({ "minimumHealthyPercent": 100, "maximumPercent": 100 });
    assert_eq!(with(full), "InvalidParameterException");
    assert_eq!(ecs.refused("CreateTaskSet", &json!({})).0, "UnsupportedFeatureException");
    assert_eq!(ecs.refused("MakeTea", &json!({})).0, "UnknownOperationException");
    assert_eq!(ecs.service()["deploymentConfiguration"]["maximumPercent"], 200);
}

#[test]
fn services_of_other_controllers_are_not_deployed_here() {
    let mut ecs = Ecs::with_service();
    let mut input = json!({
        "cluster": "c", "serviceName": "blue", "taskDefinition": "web", "desiredCount": 1,
        "launchType": "FARGATE", "deploymentController": { "type": "CODE_DEPLOY" },
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
    });
    ecs.ok("CreateService", &input);
    ecs.wait(60);
    let described = ecs.ok("DescribeServices", &json!({ "cluster": "c", "services": ["blue"] }));
    let service = &described["services"][0];
    assert_eq!(service["deployments"], json!([]));
    assert_eq!(service["taskSets"][0]["stabilityStatus"], "STEADY_STATE");
    assert_eq!(service["runningCount"], 1);
    let change = json!({ "cluster": "c", "service": "blue", "taskDefinition": "web:1" });
    let (code, message) = ecs.refused("UpdateService", &change);
    assert_eq!(code, "InvalidParameterException");
    assert_eq!(
        message,
        "Unable to update task definition on services with a CODE_DEPLOY deployment controller. \
         Use AWS CodeDeploy to trigger a new deployment."
    );
    input["serviceName"] = json!("external");
    input["deploymentController"] = json!({ "type": "EXTERNAL" });
    input.as_object_mut().unwrap().remove("taskDefinition");
    let external = ecs.ok("CreateService", &input)["service"].clone();
    assert_eq!((&external["runningCount"], &external["taskSets"]), (&json!(0), &json!([])));
}

#[test]
fn services_are_listed_by_tens_and_described_by_tens() {
    let ecs = Ecs::with_service();
    for number in 0..12 {
        ecs.ok(
            "CreateService",
            &json!({
                "cluster": "c", "serviceName": format!("s{number:02}"), "taskDefinition": "web",
                "desiredCount": 0, "launchType": "FARGATE",
                "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
            }),
        );
    }
    let first = ecs.ok("ListServices", &json!({ "cluster": "c" }));
    assert_eq!(first["serviceArns"].as_array().unwrap().len(), 10);
    let input = json!({ "cluster": "c", "nextToken": first["nextToken"] });
    let second = ecs.ok("ListServices", &input);
    assert_eq!(second["serviceArns"].as_array().unwrap().len(), 3);
    let eleven: Vec<String> = (0..11).map(|number| format!("s{number:02}")).collect();
    let input = json!({ "cluster": "c", "services": eleven });
    assert_eq!(ecs.refused("DescribeServices", &input).0, "InvalidParameterException");
    let input = json!({ "cluster": "c", "services": ["none"] });
    let described = ecs.ok("DescribeServices", &input);
    assert_eq!(described["failures"][0]["reason"], "MISSING");
    let input = json!({ "cluster": "d", "services": ["web"] });
    assert_eq!(ecs.refused("DescribeServices", &input).0, "ClusterNotFoundException");
}

#[test]
fn creating_again_is_idempotent_or_refused() {
    let mut ecs = Ecs::with_service();
    let mut input = json!({
        "cluster": "c", "serviceName": "twin", "taskDefinition": "web", "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        "tags": [{ "key": "team", "value": "a" }],
    });
    let first = ecs.ok("CreateService", &input)["service"].clone();
    assert_eq!(first["tags"], input["tags"]);
    input["taskDefinition"] = json!("web:1");
    assert_eq!(ecs.ok("CreateService", &input)["service"]["deployments"], first["deployments"]);
    input["desiredCount"] = json!(2);
    let (_, message) = ecs.refused("CreateService", &input);
    assert_eq!(message, "Creation of service was not idempotent.");
    ecs.wait(60);

    let twin = json!({ "cluster": "c", "service": "twin" });
    let (_, message) = ecs.refused("DeleteService", &twin);
    assert!(message.contains("scaled above 0"), "{message}");
    let forced = json!({ "cluster": "c", "service": "twin", "force": true });
    assert_eq!(ecs.ok("DeleteService", &forced)["service"]["status"], "DRAINING");
    let (_, message) = ecs.refused("CreateService", &input);
    assert_eq!(message, "Unable to Start a service that is still Draining.");
    assert_eq!(ecs.refused("UpdateService", &twin).0, "ServiceNotActiveException");
    ecs.wait(60);
    let described = ecs.ok("DescribeServices", &json!({ "cluster": "c", "services": ["twin"] }));
    assert_eq!(described["services"][0]["status"], "INACTIVE");
    let again = ecs.ok("CreateService", &input)["service"].clone();
    assert_ne!(again["deployments"][0]["id"], first["deployments"][0]["id"]);
}

#[test]
fn others_can_be_played() {
    let mut ecs = Ecs::with_service();
    ecs.register("web:v2");
    let scope = Ecs::scope();
    ecs.with(|transaction| {
        admin::point_service(transaction, ecs.viewpoint(&scope), "c", "web", "web:2").unwrap();
    });
    assert_eq!(ecs.service()["deployments"].as_array().unwrap().len(), 2);
    ecs.wait(60);
    assert_eq!(ecs.deployment()["status"], "SUCCESSFUL");
    let tasks = ecs.ok("ListTasks", &json!({ "cluster": "c" }))["taskArns"].clone();
    let arn = tasks[0].as_str().unwrap();
    ecs.with(|transaction| {
        admin::stop_task(transaction, ecs.viewpoint(&scope), "c", arn, "a storm").unwrap();
    });
    let input = json!({ "cluster": "c", "desiredStatus": "STOPPED" });
    let stopped = ecs.ok("ListTasks", &input)["taskArns"].clone();
    assert!(stopped.as_array().unwrap().contains(&tasks[0]));
    ecs.wait(60);
    assert_eq!(ecs.service()["runningCount"], 2);
}

#[test]
fn a_settled_service_has_been_there_for_a_while() {
    let ecs = Ecs::empty();
    ecs.ok("CreateCluster", &json!({ "clusterName": "c" }));
    ecs.register("web:v1");
    ecs.ok(
        "CreateService",
        &json!({
            "cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": 3,
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        }),
    );
    let scope = Ecs::scope();
    ecs.with(|transaction| admin::settle(transaction, ecs.viewpoint(&scope)).unwrap());
    assert_eq!(ecs.deployment()["status"], "SUCCESSFUL");
    let service = ecs.service();
    assert_eq!(service["runningCount"], 3);
    let finished = ecs.deployment()["finishedAt"].as_f64().unwrap();
    assert!(finished <= f64::from(i32::try_from(ecs.now.as_second()).unwrap()));
    assert!(service["createdAt"].as_f64().unwrap() < finished);
    let before = service.clone();
    let scope = Ecs::scope();
    ecs.with(|transaction| admin::settle(transaction, ecs.viewpoint(&scope)).unwrap());
    assert_eq!(ecs.service(), before, "nothing is left to do");
}

#[test]
fn the_task_start_can_be_set() {
    let mut ecs = Ecs::with_service();
    ecs.with(|transaction| {
        admin::set_task_start(transaction, std::time::Duration::from_mins(1)).unwrap();
    });
    update(&ecs, json!({ "forceNewDeployment": true }));
    ecs.wait(40);
    assert_eq!(ecs.service()["pendingCount"], 2);
    ecs.wait(40);
    assert_eq!(ecs.service()["pendingCount"], 0);
}

#[test]
fn fates_are_listed_and_taken_back() {
    let ecs = Ecs::with_service();
    ecs.fate("web:v2", Fate::Unpullable);
    let list = || ecs.with(|transaction| admin::fates(transaction).unwrap());
    assert_eq!(list(), [("web:v2".to_owned(), Fate::Unpullable)]);
    ecs.fate("web:v2", Fate::Healthy);
    assert_eq!(list(), []);
}
