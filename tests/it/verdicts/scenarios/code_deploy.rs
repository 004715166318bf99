//! Services that CodeDeploy moves.

use super::{FAILED, PLAIN, ROLLED_BACK, Scenario};
use crate::support::Shop;

/// The title of the part.
const PART: &str = "Services under CodeDeploy";

/// Gives the service to CodeDeploy.
const GIVEN: &[&str] = &["set", "controller", "search-indexer", "prod", "code-deploy"];

/// The same, without a rollback by itself.
const WITHOUT_ROLLBACK: &[&str] =
    &["set", "controller", "search-indexer", "prod", "code-deploy", "--no-auto-rollback"];

/// The same, waiting for somebody before traffic is shifted.
const WAITING: &[&str] =
    &["set", "controller", "search-indexer", "prod", "code-deploy", "--wait-for-continue"];

/// The same, with traffic that is shifted in two steps, and old tasks that are kept.
const CANARY: &[&str] = &[
    "set",
    "controller",
    "search-indexer",
    "prod",
    "code-deploy",
    "--config",
    "CodeDeployDefault.ECSCanary10Percent5Minutes",
    "--termination-wait",
    "1",
];

/// Answers the deployment.
fn answer(shop: &Shop, more: &[&str]) {
    let words = ["continue", "prod", "-y"];
    shop.run(&words.iter().chain(more).copied().collect::<Vec<_>>()).expect(0);
}

/// Stops the deployment in the console.
fn stop(shop: &Shop, more: &[&str]) {
    let words = ["set", "stop-code-deploy", "search-indexer", "prod"];
    shop.sandbox(&words.iter().chain(more).copied().collect::<Vec<_>>());
}

/// See the module.
pub(super) const ALL: &[Scenario] = &[
    Scenario { part: PART, name: "all goes well", sandbox: &[GIVEN], ..PLAIN },
    Scenario {
        part: PART,
        name: "the container exits at once",
        sandbox: &[GIVEN, &["fate", "search-indexer", "crash=3"]],
        says: &["exit code 3"],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "the container exits at once, and CodeDeploy is not to roll back",
        sandbox: &[WITHOUT_ROLLBACK, &["fate", "search-indexer", "crash=3"]],
        says: &["exit code 3"],
        ..FAILED
    },
    Scenario {
        part: PART,
        name: "a person stops it with rollback",
        sandbox: &[GIVEN, &["task-start", "20s"]],
        meanwhile: &[("rollout_started", |shop| stop(shop, &["--rollback"]))],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "a person stops it without rollback",
        sandbox: &[WITHOUT_ROLLBACK, &["task-start", "20s"]],
        meanwhile: &[("rollout_started", |shop| stop(shop, &[]))],
        exit: 3,
        verdict: "STOPPED",
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "it waits for somebody, who lets it go on",
        sandbox: &[WAITING],
        meanwhile: &[("Ready", |shop| answer(shop, &[]))],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "it waits for somebody, who says no",
        sandbox: &[WAITING],
        meanwhile: &[("Ready", |shop| answer(shop, &["--rollback"]))],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "it waits for somebody, and the command's time is up",
        sandbox: &[WAITING],
        command: &["deploy", "search-indexer", "prod", "-y", "--timeout", "12s"],
        has_an_end: false,
        exit: 8,
        verdict: "TIMED_OUT",
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "canary: its planned waits are longer than the command's time",
        sandbox: &[CANARY],
        command: &["deploy", "search-indexer", "prod", "-y", "--timeout", "3s"],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "a restart: a deployment of the same task definition",
        sandbox: &[GIVEN],
        command: &["restart", "search-indexer", "prod", "-y"],
        ..PLAIN
    },
];
