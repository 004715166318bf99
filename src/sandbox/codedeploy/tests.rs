//! CodeDeploy through its API.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::admin::{self, Manner};
use crate::sandbox::{
    call::{Call, Fault},
    ecs::{self, admin::Viewpoint, fate::Fate},
    state::State,
    testing,
};

/// A sandbox with the service `web` of cluster `c`, which CodeDeploy moves.
struct World {
    /// Its memory.
    state: State,
    /// Its clock.
    now: Timestamp,
}

impl World {
    /// The service runs `web:1` of the image `web:v1`, and `web:2` of `web:v2` is registered.
    fn new(manner: &Manner<'_>) -> Self {
        let mut world = Self {
            state: State::open(Path::new(":memory:")).unwrap(),
            now: Timestamp::constant(1_700_000_000, 0),
        };
        world.ecs("CreateCluster", &json!({ "clusterName": "c" }));
        world.register("web:v1");
        world.ecs(
            "CreateService",
            &json!({
                "cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2,
                "launchType": "FARGATE",
                "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
            }),
        );
        world.wait(60);
        world.service();
        let scope = testing::scope();
        let from = Viewpoint { scope: &scope, now: world.now };
        let made = world.state.transact(|transaction| {
            Ok(admin::hand_over(transaction, from, ("c", "web"), manner).unwrap())
        });
        assert_eq!(made.unwrap(), ("AppECS-c-web".to_owned(), "DgpECS-c-web".to_owned()));
        world.register("web:v2");
        world
    }

    /// Asks one of the services.
    fn ask(&self, is_ecs: bool, operation: &str, input: &Value) -> Result<Value, Fault> {
        let call = Call {
            scope: testing::scope(),
            operation: operation.to_owned(),
            body: input.to_string().into(),
            now: self.now,
            caller: "arn:aws:iam::000000000000:user/tester".to_owned(),
        };
        let answer = self.state.transact(|transaction| {
            Ok(if is_ecs {
                ecs::answer(&call, transaction)
            } else {
                super::answer(&call, transaction)
            })
        });
        Ok(serde_json::from_slice(&answer.unwrap()?).unwrap())
    }

    /// Asks ECS for what works.
    fn ecs(&self, operation: &str, input: &Value) -> Value {
        self.ask(true, operation, input).unwrap_or_else(|fault| panic!("{operation}: {fault:?}"))
    }

    /// Asks CodeDeploy for what works.
    fn ok(&self, operation: &str, input: &Value) -> Value {
        self.ask(false, operation, input).unwrap_or_else(|fault| panic!("{operation}: {fault:?}"))
    }

    /// Asks CodeDeploy for what does not: the error's code.
    fn refused(&self, operation: &str, input: &Value) -> String {
        match self.ask(false, operation, input) {
            Err(Fault::Answer { code, .. }) => code,
            other => panic!("{operation}: {other:?}"),
        }
    }

    /// Registers a revision of `web`.
    fn register(&self, image: &str) {
        self.ecs(
            "RegisterTaskDefinition",
            &json!({
                "family": "web", "networkMode": "awsvpc", "cpu": "256", "memory": "512",
                "requiresCompatibilities": ["FARGATE"],
                "containerDefinitions": [{ "name": "app", "image": image }],
            }),
        );
    }

    /// Lets seconds pass.
    fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// The service.
    fn service(&self) -> Value {
        let input = json!({ "cluster": "c", "services": ["web"] });
        self.ecs("DescribeServices", &input)["services"][0].clone()
    }

    /// The task sets: status, revision, weight by CodeDeploy, running tasks.
    fn sets(&self) -> Vec<String> {
        let told = |set: &Value| {
            let definition = set["taskDefinition"].as_str().unwrap();
            format!(
                "{} {} {}",
                set["status"].as_str().unwrap(),
                definition.rsplit('/').next().unwrap(),
                set["runningCount"]
            )
        };
        self.service()["taskSets"].as_array().unwrap().iter().map(told).collect()
    }

    /// Asks for a deployment of `web:2`; the request.
    fn request() -> Value {
        let content = json!({
            "version": "0.0",
            "Resources": [{ "TargetService": { "Type": "AWS::ECS::Service", "Properties": {
                "TaskDefinition": "web:2",
                "LoadBalancerInfo": { "ContainerName": "app", "ContainerPort": 80 },
            } } }],
        });
        let content = content.to_string();
        let sha256 = super::app_spec::sha256(&content);
        json!({
            "applicationName": "AppECS-c-web", "deploymentGroupName": "DgpECS-c-web",
            "description": "ours",
            "revision": {
                "revisionType": "AppSpecContent",
                "appSpecContent": { "content": content, "sha256": sha256 },
            },
        })
    }

    /// Deploys `web:2`; the deployment's id.
    fn deploy(&self) -> Value {
        self.ok("CreateDeployment", &Self::request())["deploymentId"].clone()
    }

    /// A deployment.
    fn deployment(&self, id: &Value) -> Value {
        self.ok("GetDeployment", &json!({ "deploymentId": id }))["deploymentInfo"].clone()
    }

    /// The percentages of traffic, blue and green.
    fn weights(&self, id: &Value) -> Vec<(String, f64)> {
        let input = json!({ "deploymentId": id, "targetId": "c:web" });
        let target =
            self.ok("GetDeploymentTarget", &input)["deploymentTarget"]["ecsTarget"].clone();
        let told = |set: &Value| {
            let label = set["taskSetLabel"].as_str().unwrap().to_owned();
            (label, set["trafficWeight"].as_f64().unwrap())
        };
        target["taskSetsInfo"].as_array().unwrap().iter().map(told).collect()
    }

    /// Has an image of a fate.
    fn fate(&self, image: &str, fate: Fate) {
        let set = self
            .state
            .transact(|transaction| ecs::admin::set_fate(transaction, image, fate, self.now));
        set.unwrap();
    }
}

/// Rolled back by itself, all at once, without waits.
const PLAIN: Manner<'static> = Manner {
    configuration: "CodeDeployDefault.ECSAllAtOnce",
    rolls_back: true,
    waits: false,
    termination_wait: 0,
};

#[test]
fn a_deployment_replaces_the_task_set() {
    let mut world = World::new(&PLAIN);
    assert_eq!(world.sets(), ["PRIMARY web:1 2"]);
    let id = world.deploy();
    assert_eq!(world.deployment(&id)["status"], "Created");
    world.wait(2);
    assert_eq!(world.deployment(&id)["status"], "InProgress");
    assert_eq!(world.sets(), ["PRIMARY web:1 2", "ACTIVE web:2 0"]);
    world.wait(60);
    let done = world.deployment(&id);
    assert_eq!((&done["status"], &done["description"]), (&json!("Succeeded"), &json!("ours")));
    assert_eq!(world.sets(), ["PRIMARY web:2 2"]);
    let service = world.service();
    assert!(service["taskDefinition"].as_str().unwrap().ends_with("web:2"));
    assert_eq!(service["taskSets"][0]["externalId"], id);
    assert_eq!(service["deployments"], json!([]));
    let group = json!({
        "applicationName": "AppECS-c-web", "deploymentGroupName": "DgpECS-c-web",
    });
    let group = world.ok("GetDeploymentGroup", &group)["deploymentGroupInfo"].clone();
    assert_eq!(group["lastSuccessfulDeployment"]["deploymentId"], id);
    assert_eq!(group["ecsServices"][0], json!({ "serviceName": "web", "clusterName": "c" }));
}

#[test]
fn a_canary_shifts_traffic_in_two_steps_and_keeps_the_original_for_a_while() {
    let mut world = World::new(&Manner {
        configuration: "CodeDeployDefault.ECSCanary10Percent5Minutes",
        termination_wait: 5,
        ..PLAIN
    });
    let id = world.deploy();
    world.wait(60);
    let weights =
        |blue: f64, green: f64| vec![("Blue".to_owned(), blue), ("Green".to_owned(), green)];
    assert_eq!(world.weights(&id), weights(90.0, 10.0));
    world.wait(300);
    assert_eq!(world.deployment(&id)["status"], "Baking");
    let mut shifted = weights(0.0, 100.0);
    shifted.reverse();
    assert_eq!(world.weights(&id), shifted);
    assert_eq!(world.sets(), ["PRIMARY web:2 2", "ACTIVE web:1 2"]);
    let told = &world.deployment(&id)["instanceTerminationWaitTimeStarted"];
    assert_eq!(told, true);
    let name = json!({ "deploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes" });
    let configuration = &world.ok("GetDeploymentConfig", &name)["deploymentConfigInfo"];
    assert_eq!(
        configuration["trafficRoutingConfig"],
        json!({
            "type": "TimeBasedCanary",
            "timeBasedCanary": { "canaryPercentage": 10, "canaryInterval": 5 },
        })
    );
    let missing = json!({ "deploymentConfigName": "None" });
    assert_eq!(
        world.refused("GetDeploymentConfig", &missing),
        "DeploymentConfigDoesNotExistException"
    );
    let wait = json!({ "deploymentId": id, "deploymentWaitType": "TERMINATION_WAIT" });
    world.ok("ContinueDeployment", &wait);
    assert_eq!(world.deployment(&id)["status"], "Succeeded");
    world.wait(10);
    assert_eq!(world.sets(), ["PRIMARY web:2 2"]);
}

#[test]
fn what_does_not_come_up_is_rolled_back_by_another_deployment() {
    let mut world = World::new(&PLAIN);
    world.fate("web:v2", Fate::Crash { code: 1, after: 1 });
    let id = world.deploy();
    world.wait(90);
    let failed = world.deployment(&id);
    assert_eq!(failed["status"], "Failed");
    assert_eq!(failed["errorInformation"]["code"], "TIMEOUT");
    let back = failed["rollbackInfo"]["rollbackDeploymentId"].clone();
    assert_ne!(back, id);
    let back = world.deployment(&back);
    assert_eq!(
        (&back["status"], &back["creator"]),
        (&json!("Succeeded"), &json!("codeDeployRollback"))
    );
    assert_eq!(back["rollbackInfo"]["rollbackTriggeringDeploymentId"], id);
    assert_eq!(world.sets(), ["PRIMARY web:1 2"]);
    assert!(world.service()["taskSets"][0].get("externalId").is_none());
}

#[test]
fn without_rollback_what_failed_stays_until_the_next_deployment() {
    let mut world = World::new(&Manner { rolls_back: false, ..PLAIN });
    world.fate("web:v2", Fate::Unpullable);
    let id = world.deploy();
    world.wait(90);
    assert_eq!(world.deployment(&id)["status"], "Failed");
    assert!(world.deployment(&id).get("rollbackInfo").is_none());
    assert_eq!(world.sets(), ["PRIMARY web:1 2", "ACTIVE web:2 0"]);
    world.fate("web:v2", Fate::Healthy);
    world.deploy();
    world.wait(90);
    assert_eq!(world.sets(), ["PRIMARY web:2 2"]);
}

#[test]
fn one_at_a_time_and_stopped_in_either_way() {
    let mut world = World::new(&Manner { waits: true, rolls_back: false, ..PLAIN });
    let id = world.deploy();
    assert_eq!(
        world.refused("CreateDeployment", &World::request()),
        "DeploymentLimitExceededException"
    );
    world.wait(30);
    assert_eq!(world.deployment(&id)["status"], "Ready");
    world.ok("StopDeployment", &json!({ "deploymentId": id, "autoRollbackEnabled": false }));
    let stopped = world.deployment(&id);
    assert_eq!(stopped["status"], "Stopped");
    assert_eq!(stopped["errorInformation"]["code"], "MANUAL_STOP");
    assert_eq!(
        world.refused("StopDeployment", &json!({ "deploymentId": id })),
        "DeploymentAlreadyCompletedException"
    );
    let second = world.deploy();
    world.wait(30);
    world.ok("StopDeployment", &json!({ "deploymentId": second, "autoRollbackEnabled": true }));
    world.wait(30);
    let back = world.deployment(&second)["rollbackInfo"]["rollbackDeploymentId"].clone();
    assert_eq!(world.deployment(&back)["status"], "Succeeded");
    let third = world.deploy();
    world.wait(30);
    world.ok("ContinueDeployment", &json!({ "deploymentId": third }));
    world.wait(30);
    assert_eq!(world.deployment(&third)["status"], "Succeeded");
    let since = json!({ "createTimeRange": { "start": world.now.as_second() - 1000 } });
    let listed = world.ok("ListDeployments", &since)["deployments"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 4);
    assert_eq!(listed[0], third);
}

#[test]
fn a_stop_after_the_shift_gives_the_traffic_back() {
    let mut world = World::new(&Manner { termination_wait: 60, ..PLAIN });
    let id = world.deploy();
    world.wait(60);
    assert_eq!(world.sets(), ["PRIMARY web:2 2", "ACTIVE web:1 2"]);
    world.ok("StopDeployment", &json!({ "deploymentId": id }));
    world.wait(60);
    assert_eq!(world.sets(), ["PRIMARY web:1 2"]);
    assert!(world.service()["taskDefinition"].as_str().unwrap().ends_with("web:1"));
}

#[test]
fn what_is_wrong_is_refused() {
    let world = World::new(&PLAIN);
    let mut request = World::request();
    request["revision"]["appSpecContent"]["sha256"] = json!("0");
    assert_eq!(world.refused("CreateDeployment", &request), "InvalidRevisionException");
    request["revision"]["appSpecContent"] = json!({ "content": "version: 0.0" });
    assert_eq!(world.refused("CreateDeployment", &request), "InvalidRevisionException");
    let mut request = World::request();
    request["applicationName"] = json!("none");
    assert_eq!(world.refused("CreateDeployment", &request), "ApplicationDoesNotExistException");
    assert_eq!(
        world.refused("GetDeployment", &json!({ "deploymentId": "d-NONE" })),
        "DeploymentDoesNotExistException"
    );
    assert_eq!(world.refused("CreateDeploymentConfig", &json!({})), "UnknownOperationException");
    let applications = world.ok("ListApplications", &json!({}));
    assert_eq!(applications["applications"], json!(["AppECS-c-web"]));
}
