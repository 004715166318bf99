//! One-off tasks and restarts.

use super::{FAILED, PLAIN, Scenario};
use crate::support::BOOKSHOP;

/// The title of the part.
const PART: &str = "One-off tasks and restarts";

/// The example project with a migration before the service.
fn with_migration() -> String {
    let service = "service = \"{env}-search-indexer\"";
    let task = "before = { run_task = [\"./manage\", \"migrate\"] }";
    BOOKSHOP.replace(service, &format!("{service}\n{task}"))
}

/// See the module.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        part: PART,
        name: "the task before the rollout succeeds",
        manifest: with_migration,
        says: &["./manage migrate"],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "the task before the rollout exits with 3",
        manifest: with_migration,
        sandbox: &[&["fate", "search-indexer", "task-exit=3"]],
        has_an_end: false,
        says: &["exited with 3"],
        ..FAILED
    },
    Scenario {
        part: PART,
        name: "the task before the rollout does not end in time",
        manifest: || {
            let task = "before = { run_task = { command = [\"./manage\"], timeout = \"3s\" } }";
            with_migration().replace("before = { run_task = [\"./manage\", \"migrate\"] }", task)
        },
        sandbox: &[&["fate", "search-indexer", "task-exit=0@7200"]],
        has_an_end: false,
        exit: 8,
        verdict: "TIMED_OUT",
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "a restart: a forced deployment of the same task definition",
        command: &["restart", "search-indexer", "prod", "-y"],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "a restart of what does not come up any more",
        arrange: |shop| {
            let runs = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
            shop.sandbox(&["fate", &runs, "crash=3"]);
        },
        command: &["restart", "search-indexer", "prod", "-y"],
        exit: 3,
        verdict: "ROLLED_BACK",
        ..PLAIN
    },
];
