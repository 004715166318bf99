//! The scenarios: what is set up, what is done in the middle, and what must be said.

mod code_deploy;
mod refused;
mod rolling;
mod stages;
mod tasks;

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
pub(super) fn all() -> Vec<&'static Scenario> {
    let parts = [rolling::ALL, stages::ALL, code_deploy::ALL, tasks::ALL, refused::ALL];
    parts.into_iter().flatten().collect()
}

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
