//! The scenarios: what is set up, what is done in the middle, and what must be said.

use serde_json::{Value, json};

use crate::support::{BOOKSHOP, Shop, until};

/// What is done once a text is printed.
pub(super) type Act = (&'static str, fn(&Shop));

/// One way in which a deployment can end.
pub(super) struct Scenario {
    /// The part of the table.
    pub(super) part: &'static str,
    /// What happens.
    pub(super) name: &'static str,
    /// The manifest.
    pub(super) manifest: fn() -> String,
    /// Verbs of `sandbox` that prepare it.
    pub(super) sandbox: &'static [&'static [&'static str]],
    /// What else prepares it.
    pub(super) arrange: fn(&Shop),
    /// The command.
    pub(super) command: &'static [&'static str],
    /// What is done in the middle, one after the other.
    pub(super) meanwhile: &'static [Act],
    /// The deployment that is looked at afterwards.
    pub(super) deployment: &'static str,
    /// The service that is looked at, in the manifest's word.
    pub(super) service: &'static str,
    /// Its cluster.
    pub(super) cluster: &'static str,
    /// Its name in ECS.
    pub(super) ecs_service: &'static str,
    /// Whether AWS ever calls the deployment ended.
    pub(super) has_an_end: bool,
    /// The exit code.
    pub(super) exit: i32,
    /// The verdict's word; empty where the deployment is refused.
    pub(super) verdict: &'static str,
    /// What must be said somewhere.
    pub(super) says: &'static [&'static str],
}

/// A deployment of one service of the example project that shares no image with another.
const PLAIN: Scenario = Scenario {
    part: "Rolling updates",
    name: "",
    manifest: || BOOKSHOP.to_owned(),
    sandbox: &[],
    arrange: |_| {},
    command: &["deploy", "search-indexer", "prod", "-y"],
    meanwhile: &[],
    deployment: "d1",
    service: "search-indexer",
    cluster: "bookshop-prod",
    ecs_service: "prod-search-indexer",
    has_an_end: true,
    exit: 0,
    verdict: "VERIFIED",
    says: &[],
};

/// A deployment that ECS rolls back.
const ROLLED_BACK: Scenario = Scenario { exit: 3, verdict: "ROLLED_BACK", ..PLAIN };

/// A deployment that fails and is taken back by us.
const FAILED: Scenario = Scenario { exit: 3, verdict: "FAILED", ..PLAIN };

/// A deployment that is not begun.
const REFUSED: Scenario =
    Scenario { part: "Refused before anything is changed", exit: 1, verdict: "", ..PLAIN };

/// All scenarios, in the order of the table.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "all goes well", ..PLAIN },
    Scenario {
        name: "two containers, one image from a public registry",
        command: &["deploy", "storefront", "prod", "-y"],
        service: "storefront",
        ecs_service: "storefront",
        arrange: |shop| add_sidecar(shop, "storefront", "public.ecr.aws/nginx/nginx:1.27"),
        ..PLAIN
    },
    Scenario {
        name: "the container exits at once",
        sandbox: &[&["fate", "search-indexer", "crash=3"]],
        says: &["exit code 3"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "the container exits with 137",
        sandbox: &[&["fate", "search-indexer", "crash=137"]],
        says: &["exit code 137"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "of two containers one exits",
        sandbox: &[&["fate", "storefront-proxy", "crash=2"]],
        command: &["deploy", "storefront", "prod", "-y"],
        service: "storefront",
        ecs_service: "storefront",
        says: &["storefront-proxy", "exit code 2"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "the health check fails",
        sandbox: &[&["fate", "search-indexer", "unhealthy"]],
        says: &["failed container health checks"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "the image cannot be pulled",
        sandbox: &[&["fate", "search-indexer", "unpullable"]],
        says: &["CannotPullContainerError"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "the container is killed for its memory",
        sandbox: &[&["fate", "search-indexer", "oom"]],
        says: &["OutOfMemoryError"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "the program was built for another processor",
        sandbox: &[&["fate", "search-indexer", "exec-format"]],
        says: &["exec format error"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "the image has none for the platform",
        sandbox: &[&["fate", "search-indexer", "wrong-platform"]],
        says: &["platform"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "a secret cannot be read",
        sandbox: &[&["fate", "search-indexer", "no-secret"]],
        says: &["ResourceInitializationError"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "the execution role cannot be assumed",
        sandbox: &[&["fate", "search-indexer", "no-role"]],
        command: &["deploy", "search-indexer", "prod", "-y", "--timeout", "5s"],
        has_an_end: false,
        exit: 8,
        verdict: "TIMED_OUT",
        says: &["unable to assume the role"],
        ..PLAIN
    },
    Scenario {
        name: "the load balancer's health check fails",
        sandbox: &[
            &["set", "target-group", "search-indexer", "prod", "--port", "8080"],
            &["fate", "search-indexer", "target-unhealthy"],
        ],
        says: &["Health checks failed", "502"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "no task can be placed",
        sandbox: &[&["set", "capacity", "search-indexer", "prod", "none"]],
        command: &["deploy", "search-indexer", "prod", "-y", "--timeout", "5s"],
        has_an_end: false,
        exit: 8,
        verdict: "TIMED_OUT",
        says: &["unable to place a task"],
        ..PLAIN
    },
    Scenario {
        name: "a task's Spot capacity is taken back meanwhile",
        meanwhile: &[("rollout_started", |shop| {
            shop.sandbox(&["set", "interrupt-task", "search-indexer", "prod"]);
        })],
        ..PLAIN
    },
    Scenario {
        name: "the container exits after ECS has called the deployment complete",
        sandbox: &[&["fate", "search-indexer", "crash=3@30"]],
        ..PLAIN
    },
    Scenario {
        name: "it fails, and there is no circuit breaker",
        sandbox: &[&["fate", "search-indexer", "crash=3"]],
        arrange: |shop| configure(shop, &breaker(false, false)),
        has_an_end: false,
        says: &["no circuit breaker will end the rollout"],
        ..FAILED
    },
    Scenario {
        name: "it fails, and the circuit breaker does not roll back",
        sandbox: &[&["fate", "search-indexer", "crash=3"]],
        arrange: |shop| configure(shop, &breaker(true, false)),
        ..FAILED
    },
    Scenario {
        name: "it fails, and what ran before does not come up again either",
        sandbox: &[&["fate", "search-indexer", "crash=3"]],
        arrange: |shop| {
            configure(shop, &json!({ "minimumHealthyPercent": 0, "maximumPercent": 100 }));
            let before = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
            shop.sandbox(&["fate", &before, "crash=4"]);
        },
        exit: 5,
        verdict: "ROLLBACK_FAILED",
        ..PLAIN
    },
    Scenario {
        name: "another tool deploys meanwhile",
        meanwhile: &[("rollout_started", |shop| {
            let to = ["search-indexer", "prod", "bookshop-prod-search-indexer:1"];
            shop.sandbox(&[&["set", "point-service"][..], &to].concat());
        })],
        exit: 4,
        verdict: "SUPERSEDED",
        ..PLAIN
    },
    Scenario {
        name: "a person rolls it back in the console",
        meanwhile: &[("rollout_started", |shop| {
            shop.sandbox(&["set", "stop-deployment", "search-indexer", "prod"]);
        })],
        says: &["USER"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "this tool deploys something else meanwhile, its lease taken away by force",
        sandbox: &[&["task-start", "20s"]],
        meanwhile: &[("rollout_started", |shop| {
            let why = ["--force", "--reason", "it hangs"];
            shop.run(&[&["unlock", "search-indexer", "prod"][..], &why].concat()).expect(0);
            shop.run(&["rollback", "prod", "d1", "-y"]);
        })],
        exit: 8,
        verdict: "",
        ..PLAIN
    },
    Scenario { name: "the service wants no task", arrange: |shop| scale(shop, 0), ..PLAIN },
    Scenario {
        name: "a person scales the service to no task meanwhile",
        meanwhile: &[("rollout_started", |shop| scale(shop, 0))],
        ..PLAIN
    },
    Scenario {
        name: "the service is deleted meanwhile",
        meanwhile: &[("rollout_started", |shop| {
            let service = "prod-search-indexer";
            let body = json!({ "cluster": "bookshop-prod", "service": service, "force": true });
            shop.ecs("DeleteService", &body);
        })],
        has_an_end: false,
        exit: 5,
        verdict: "FAILED",
        says: &["was deleted"],
        ..PLAIN
    },
    Scenario {
        name: "a person stops a task meanwhile",
        meanwhile: &[("rollout_started", |shop| {
            shop.sandbox(&["set", "stop-task", "search-indexer", "prod"]);
        })],
        ..PLAIN
    },
    Scenario {
        name: "it does not end in time",
        sandbox: &[&["task-start", "2h"]],
        command: &["deploy", "search-indexer", "prod", "-y", "--timeout", "3s"],
        has_an_end: false,
        exit: 8,
        verdict: "TIMED_OUT",
        says: &["not done after"],
        ..PLAIN
    },
    Scenario {
        name: "ECS takes the request, and its answer is lost",
        sandbox: &[&["fault", "add", "UpdateService", "drop-after", "--times", "1"]],
        ..PLAIN
    },
    Scenario {
        name: "ECS may not be told to move the service",
        sandbox: &[&["fault", "add", "UpdateService", "deny", "--times", "1"]],
        has_an_end: false,
        says: &["ecs:UpdateService"],
        ..FAILED
    },
    Scenario {
        name: "the image is not in its registry",
        arrange: |shop| {
            let image = shop.latest("search-indexer");
            shop.sandbox(&["set", "delete-image", &image]);
        },
        says: &["is not in its registry"],
        ..REFUSED
    },
    Scenario {
        name: "ECS is still rolling the service back",
        sandbox: &[&["fate", "search-indexer", "crash=3"]],
        arrange: |shop| {
            configure(shop, &json!({ "minimumHealthyPercent": 0, "maximumPercent": 100 }));
            another_tool_deploys(shop);
            until("ECS rolls back", || {
                let told = shop.service("bookshop-prod", "prod-search-indexer");
                let words = told["deployments"][0]["rolloutStateReason"].as_str();
                words.is_some_and(|words| words.contains("rolling back"))
            });
            shop.stand_still();
        },
        says: &["is being rolled back by ECS"],
        ..REFUSED
    },
];

/// Changes how the service's deployments go.
fn configure(shop: &Shop, configuration: &Value) {
    let body = json!({
        "cluster": "bookshop-prod",
        "service": "prod-search-indexer",
        "deploymentConfiguration": configuration,
    });
    shop.ecs("UpdateService", &body);
}

/// A circuit breaker's setting.
fn breaker(enable: bool, rollback: bool) -> Value {
    json!({ "deploymentCircuitBreaker": { "enable": enable, "rollback": rollback } })
}

/// Sets how many tasks the service wants.
fn scale(shop: &Shop, count: u32) {
    let service = "prod-search-indexer";
    let body = json!({ "cluster": "bookshop-prod", "service": service, "desiredCount": count });
    shop.ecs("UpdateService", &body);
}

/// Registers a revision with a container more, and deploys it past us.
fn add_sidecar(shop: &Shop, service: &str, image: &str) {
    let family = format!("bookshop-prod-{service}");
    let sidecar = json!({ "name": "sidecar", "image": image, "essential": false, "memory": 64 });
    register(shop, &family, |containers| containers.push(sidecar));
    let body = json!({ "cluster": "bookshop-prod", "service": service, "taskDefinition": family });
    shop.ecs("UpdateService", &body);
    until("the sidecar runs", || {
        shop.service("bookshop-prod", service)["deployments"][0]["rolloutState"] == "COMPLETED"
    });
}

/// Deploys the latest image of the service past us.
fn another_tool_deploys(shop: &Shop) {
    let image = shop.latest("search-indexer");
    register(shop, "bookshop-prod-search-indexer", |containers| {
        containers[0]["image"] = image.into();
    });
    shop.ecs(
        "UpdateService",
        &json!({
            "cluster": "bookshop-prod",
            "service": "prod-search-indexer",
            "taskDefinition": "bookshop-prod-search-indexer",
        }),
    );
}

/// Registers a revision of a family with other containers.
fn register(shop: &Shop, family: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let mut definition = shop.task_definition(family)["taskDefinition"].clone();
    let members = definition.as_object_mut().unwrap();
    let read_only = [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
    ];
    members.retain(|name, _| !read_only.contains(&name.as_str()));
    change(members["containerDefinitions"].as_array_mut().unwrap());
    shop.ecs("RegisterTaskDefinition", &definition);
}
