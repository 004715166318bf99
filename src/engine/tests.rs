//! The engine against an ECS that plays one service in stages, as the API tells them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::{
    backend::{
        clock,
        store::{
            SqliteStore,
            ledger::{Acquired, LockRequest},
        },
        testing::{Answer, FakeAws, Seen},
    },
    model::{Actor, Event, ReleaseNumber, Selection, Verdict},
    plan::{
        Plan, ServicePicture, plan,
        test_support::{arn, digest, picture, released, request},
    },
};

/// How the rollout to `web:2` goes, look by look; the last one stays.
type Looks = Vec<Look>;
/// Status, stage, share of traffic, and whether a hook waits.
type Look = (&'static str, &'static str, f64, bool);

/// An AWS with one service, and what it was asked.
struct World {
    /// The number of the PRIMARY deployment and the revision it runs.
    primary: (u64, u32),
    /// The latest revision of the family.
    latest: u32,
    /// The looks that are left.
    looks: Looks,
    /// What they become once ECS is asked to roll back.
    looks_back: Looks,
    /// Where the service is once a rollback is successful.
    parameter: String,
}

impl World {
    /// The service, set to `web:1`.
    fn new(looks: &[Look], looks_back: &[Look]) -> Self {
        let (looks, looks_back) = (looks.to_vec(), looks_back.to_vec());
        Self { primary: (1, 1), latest: 1, looks, looks_back, parameter: "web:1".to_owned() }
    }

    /// The look of now. Every look but the last passes.
    fn look(&mut self) -> Look {
        let now = self.looks[0];
        if self.looks.len() > 1 {
            self.looks.remove(0);
        }
        if now.0 == "ROLLBACK_SUCCESSFUL" {
            self.primary = (7, 1);
        }
        now
    }

    /// Whether the rollout of the last revision goes on.
    fn goes_on(&self) -> bool {
        self.primary.0 == 2 && !matches!(self.looks[0].0, "SUCCESSFUL")
    }

    /// `DescribeServices`' service.
    fn service(&self) -> Value {
        let (number, revision) = self.primary;
        let state = if self.goes_on() { "IN_PROGRESS" } else { "COMPLETED" };
        json!({
            "serviceName": "web", "serviceArn": "arn:service/web", "status": "ACTIVE",
            "taskDefinition": arn("web", revision.into()).as_str(), "desiredCount": 2,
            "runningCount": 2, "currentServiceDeployment": "arn:deployment/2",
            "deploymentConfiguration": configuration(),
            "deployments": [{
                "id": format!("ecs-svc/{number}"), "status": "PRIMARY", "runningCount": 2,
                "taskDefinition": arn("web", revision.into()).as_str(), "rolloutState": state,
            }],
        })
    }

    /// `DescribeServiceDeployments`' deployment, which was made to move to `web:2`.
    fn deployment(&mut self) -> Value {
        let number = if self.primary.0 == 7 { 2 } else { self.primary.0 };
        let (status, stage, production, waits) =
            if number == 2 { self.look() } else { ("SUCCESSFUL", "CLEAN_UP", 100.0, false) };
        let hook = json!({
            "hookId": "approve", "targetType": "PAUSE", "status": "AWAITING_ACTION",
            "expiresAt": 4_000_000_000_u64, "timeoutAction": "ROLLBACK",
        });
        json!({
            "serviceDeploymentArn": "arn:deployment/2", "status": status, "lifecycleStage": stage,
            "targetServiceRevision": {
                "arn": revision(number), "requestedTaskCount": 2, "runningTaskCount": 2,
                "requestedProductionTrafficWeight": production },
            "sourceServiceRevisions": [{
                "arn": revision(1), "requestedProductionTrafficWeight": 100.0 - production }],
            "deploymentConfiguration": configuration(),
            "lifecycleHookDetails": if waits { vec![hook] } else { vec![] },
        })
    }

    /// A task definition.
    fn definition(&self, reference: &str) -> Value {
        let revision = reference.rsplit(':').next().and_then(|text| text.parse().ok());
        let revision = revision.unwrap_or(self.latest);
        let image = if revision == 2 { "web:2" } else { "web:1" };
        json!({
            "taskDefinitionArn": arn("web", revision.into()).as_str(), "family": "web",
            "revision": revision, "status": "ACTIVE",
            "containerDefinitions": [{ "name": "web", "image": image, "cpu": 0 }],
        })
    }

    /// Answers a request.
    fn answer(&mut self, seen: &Seen) -> Answer {
        let body = seen.json();
        let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
        Answer::json(&match seen.operation.as_str() {
            "DescribeServices" => json!({ "services": [self.service()] }),
            "DescribeServiceDeployments" => json!({ "serviceDeployments": [self.deployment()] }),
            "DescribeServiceRevisions" => {
                let arns = body["serviceRevisionArns"].as_array().unwrap();
                let known: Vec<Value> = arns.iter().map(of_revision).collect();
                json!({ "serviceRevisions": known })
            }
            "DescribeTaskDefinition" => {
                json!({ "taskDefinition": self.definition(&text("taskDefinition")) })
            }
            "RegisterTaskDefinition" => {
                self.latest += 1;
                json!({ "taskDefinition": self.definition("web") })
            }
            "UpdateService" => {
                let revision = text("taskDefinition").rsplit(':').next().unwrap().parse().unwrap();
                self.primary = (u64::from(revision), revision);
                json!({ "service": self.service() })
            }
            "StopServiceDeployment" => {
                self.looks = self.looks_back.clone();
                json!({ "serviceDeploymentArn": "arn:deployment/2" })
            }
            "ListTasks" => json!({ "taskArns": ["arn:task/1", "arn:task/2"] }),
            "DescribeTasks" => {
                let (number, revision) = self.primary;
                let runs = digest(if revision == 2 { 2 } else { 1 });
                let task = |arn: &str| {
                    json!({
                        "taskArn": arn, "lastStatus": "RUNNING",
                        "startedBy": format!("ecs-svc/{number}"),
                        "containers": [{ "name": "web", "imageDigest": runs.as_str() }],
                    })
                };
                json!({ "tasks": [task("arn:task/1"), task("arn:task/2")] })
            }
            "PutParameter" => {
                self.parameter = text("Value");
                json!({ "Version": 1 })
            }
            "GetParameters" => json!({ "Parameters": [{
                "Name": body["Names"][0], "Value": self.parameter, "Type": "String", "Version": 1
            }] }),
            _ => json!({}),
        })
    }
}

/// Blue/green with a bake of ten minutes.
fn configuration() -> Value {
    json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 10 })
}

/// The ARN of a service revision.
fn revision(number: u64) -> String {
    format!("arn:aws:ecs:eu-west-1:000000000000:service-revision/prod/web/{number}")
}

/// What `DescribeServiceRevisions` tells of one.
fn of_revision(arn_of: &Value) -> Value {
    let number: u64 = arn_of.as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
    json!({ "serviceRevisionArn": arn_of, "taskDefinition": arn("web", number).as_str() })
}

/// Notes what happens.
#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Listener for Heard {
    fn hear(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// A deployment of `web:2`, and what becomes of it.
struct Played {
    /// Its end.
    report: Report,
    /// What was heard.
    heard: Vec<Event>,
    /// The AWS.
    aws: FakeAws,
    /// What that is in.
    world: Arc<Mutex<World>>,
}

/// The lease of all of prod.
async fn lease(ledger: &Ledger) -> Lease {
    let asked = LockRequest {
        project: &"shop".parse().unwrap(),
        environment: &"prod".parse().unwrap(),
        selection: &Selection::All,
        services: &["web".parse().unwrap()].into(),
        by: &Actor::default(),
        process: None,
        reason: None,
        is_gone: &|_| false,
        preempt: None,
    };
    match ledger.acquire(&asked).await.unwrap() {
        Acquired::Lease(lease) => lease,
        Acquired::Held(held) => panic!("{held:?}"),
    }
}

/// Plans to move the service to `web:2`.
async fn planned(ecs: &Ecs) -> Plan {
    let place = ("prod".parse().unwrap(), "web".parse().unwrap());
    let observed = ecs.observe(&[place]).await.unwrap().into_values().next().unwrap();
    let seen = ServicePicture { observed, ..picture("web:1") };
    plan(request(&[("web", released("web:2", 2))], vec![seen])).unwrap()
}

/// Deploys, and takes back what is not over then if that is wished.
async fn play(world: World, timeout: u64, takes_back: bool) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let ledger = Ledger::new(Arc::new(store));
    let world = Arc::new(Mutex::new(world));
    let shared = Arc::clone(&world);
    let aws = FakeAws::new(move |seen| shared.lock().unwrap().answer(seen));
    let session = aws.session().await;
    let (ecs, lease, heard) = (Ecs::new(session.clone()), lease(&ledger).await, Heard::default());
    // A sender that is gone is never heard of: this one stays.
    let (_sender, interrupt) = watch::channel(false);
    let engine = Engine {
        ecs: &ecs,
        parameters: &Parameters::new(session.clone()),
        registry: &Registry::new(session),
        ledger: &ledger,
        lease: &lease,
        throttles: &Throttles::default(),
        listener: &heard,
        now: clock::now,
        interrupt,
        journal_folder: folder.path().to_owned(),
    };
    let on_failure = OnFailure::Rollback;
    let timeout = Duration::from_secs(timeout);
    let settle = Duration::ZERO;
    let orders =
        Orders { timeout, settle, wait: true, on_failure, cancel: None, confirmed_by: None };
    let plan = planned(&ecs).await;
    let images: BTreeMap<_, _> = plan.wanted.images.clone();
    let mut report = engine.deploy(plan.approve(), beginning(), &orders).await.unwrap();
    if takes_back {
        let deployment = report.deployment;
        let unfinished = Unfinished { deployment, images, legs: Vec::new() };
        report = engine.roll_back(unfinished, &orders, "it is bad").await.unwrap();
    }
    let heard = std::mem::take(&mut *heard.0.lock().unwrap());
    Played { report, heard, aws, world }
}

/// What is recorded of it.
fn beginning() -> Beginning {
    Beginning {
        release: ReleaseNumber(1),
        kind: DeploymentKind::Deploy,
        from_release: None,
        actor: Actor::default(),
        description: None,
        tool_version: String::new(),
        hold: None,
    }
}

impl Played {
    /// How many requests of an operation there were.
    fn count(&self, operation: &str) -> usize {
        self.aws.sent(operation).len()
    }

    /// The stages that were told, each once.
    fn stages(&self) -> Vec<String> {
        let stages = self.heard.iter().filter_map(|event| match event {
            Event::Progress(progress) => progress.stage.as_ref()?.stage.clone(),
            _ => None,
        });
        let mut told: Vec<String> = Vec::new();
        for stage in stages {
            if told.last() != Some(&stage) {
                told.push(stage);
            }
        }
        told
    }

    /// The verdict on the way forward.
    fn verdict(&self) -> &Verdict {
        self.report.deployment.steps[0].verdict.as_ref().unwrap()
    }
}

/// A rollout that bakes, and does not end.
const BAKES: &[Look] = &[("IN_PROGRESS", "BAKE_TIME", 100.0, false)];

#[tokio::test(start_paused = true)]
async fn a_rollout_is_followed_through_its_stages_however_short_the_timeout() {
    let mut looks = vec![
        ("IN_PROGRESS", "SCALE_UP", 0.0, false),
        ("IN_PROGRESS", "POST_TEST_TRAFFIC_SHIFT", 0.0, true),
        ("IN_PROGRESS", "POST_TEST_TRAFFIC_SHIFT", 0.0, true),
        ("IN_PROGRESS", "A_STAGE_OF_LATER", 0.0, false),
    ];
    // Nearly ten minutes of looks, two seconds apart.
    looks.extend(vec![BAKES[0]; 250]);
    looks.push(("SUCCESSFUL", "CLEAN_UP", 100.0, false));
    let played = play(World::new(&looks, &[]), 30, false).await;
    assert_eq!(played.report.deployment.status, DeploymentStatus::Succeeded);
    let stages =
        ["SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "A_STAGE_OF_LATER", "BAKE_TIME", "CLEAN_UP"];
    assert_eq!(played.stages(), stages);
    let waits = played.heard.iter().filter(|event| matches!(event, Event::HookAwaits { .. }));
    assert_eq!(waits.count(), 1);
    assert_eq!(played.count("ListServiceDeployments"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_lasts_longer_than_its_bakes_is_said_to_go_on() {
    let played = play(World::new(BAKES, &[]), 30, false).await;
    assert_eq!(played.report.deployment.status, DeploymentStatus::Unknown);
    let Verdict::TimedOut { last_seen, .. } = played.verdict() else {
        panic!("{:?}", played.verdict())
    };
    assert!(last_seen.starts_with("still going, BLUE_GREEN in BAKE_TIME"), "{last_seen}");
    // A look every two seconds, through ten minutes of bake and half a minute more.
    assert!(played.count("DescribeServices") > 250, "{}", played.count("DescribeServices"));
}

#[tokio::test(start_paused = true)]
async fn ecs_is_asked_to_roll_back_and_the_rest_is_brought_in_step() {
    let back = [
        ("ROLLBACK_REQUESTED", "BAKE_TIME", 100.0, false),
        ("ROLLBACK_IN_PROGRESS", "PRODUCTION_TRAFFIC_SHIFT", 0.0, false),
        ("ROLLBACK_SUCCESSFUL", "CLEAN_UP", 0.0, false),
    ];
    let played = play(World::new(BAKES, &back), 30, true).await;
    assert_eq!(played.report.deployment.status, DeploymentStatus::RolledBack);
    let counts = ["StopServiceDeployment", "RegisterTaskDefinition", "UpdateService"];
    assert_eq!(counts.map(|operation| played.count(operation)), [1, 1, 1]);
    assert_eq!(played.count("DeregisterTaskDefinition"), 1);
    assert_eq!(played.world.lock().unwrap().parameter, "web:1");
    let back = played.report.deployment.steps[0].compensation.as_ref().unwrap();
    assert_eq!(back.stopped.as_deref(), Some("arn:deployment/2"));
    assert_eq!(back.verdict, Some(Verdict::Verified));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_asked_for_too_late_is_a_new_deployment() {
    let done = [("SUCCESSFUL", "CLEAN_UP", 100.0, false)];
    let played = play(World::new(BAKES, &done), 30, true).await;
    assert_eq!(played.report.deployment.status, DeploymentStatus::RolledBack);
    let counts = ["StopServiceDeployment", "RegisterTaskDefinition", "UpdateService"];
    assert_eq!(counts.map(|operation| played.count(operation)), [1, 2, 2]);
    let world = played.world.lock().unwrap();
    assert_eq!((world.primary, world.parameter.as_str()), ((3, 3), "web:1"));
}
