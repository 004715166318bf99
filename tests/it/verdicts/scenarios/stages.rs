//! Bake times, alarms, and rollouts in stages.

use super::{FAILED, PLAIN, ROLLED_BACK, Scenario};
use crate::support::{Shop, until};

/// The title of the part.
const PART: &str = "Bake times, alarms, and rollouts in stages";

/// Waits until ECS is in a stage.
fn until_stage(shop: &Shop, stage: &str) {
    until(stage, || {
        let service = serde_json::json!({
            "cluster": "bookshop-prod", "service": "prod-search-indexer",
        });
        let listed = shop.ecs("ListServiceDeployments", &service);
        let arn = listed["serviceDeployments"][0]["serviceDeploymentArn"].clone();
        let asked = serde_json::json!({ "serviceDeploymentArns": [arn] });
        let told = shop.ecs("DescribeServiceDeployments", &asked);
        told["serviceDeployments"][0]["lifecycleStage"] == stage
    });
}

/// Words that set how the deployments of the service go.
macro_rules! strategy {
    ($($word:literal),+) => {
        &["set", "strategy", "search-indexer", "prod", $($word),+]
    };
}

/// The alarm is off.
const QUIET: &[&str] = &["alarm", "search-5xx", "OK"];

/// Rolling, with a bake time and an alarm.
const WATCHED: &[&[&str]] = &[QUIET, strategy!("rolling", "--bake", "5", "--alarm", "search-5xx")];

/// Blue/green, with a long bake time.
const BLUE_GREEN: &[&[&str]] = &[strategy!("blue-green", "--bake", "5")];

/// Blue/green, with a person who must say yes.
const PAUSED: &[&[&str]] = &[strategy!("blue-green", "--pause-hook", "POST_SCALE_UP")];

/// Blue/green, with a function that must say yes.
const TESTED: &[&str] = strategy!("blue-green", "--lambda-hook", "POST_SCALE_UP=smoke-test");

/// All goes well.
const FINE: Scenario = Scenario { part: PART, ..PLAIN };

/// ECS rolls it back.
const BACK: Scenario = Scenario { part: PART, ..ROLLED_BACK };

/// ECS rolls it back for an alarm.
const ALARMED: Scenario = Scenario { says: &["search-5xx", "ALARM"], ..BACK };

/// An alarm goes off.
fn ring(shop: &Shop) {
    shop.sandbox(&["alarm", "search-5xx", "ALARM", "--reason", "too many errors"]);
}

/// See the module.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "rolling, with a bake time: all goes well",
        sandbox: &[QUIET, strategy!("rolling", "--bake", "1", "--alarm", "search-5xx")],
        ..FINE
    },
    Scenario {
        name: "rolling: an alarm goes off during the rollout",
        sandbox: WATCHED,
        meanwhile: &[("rollout_started", ring)],
        ..ALARMED
    },
    Scenario {
        name: "rolling: an alarm goes off in the bake time",
        sandbox: WATCHED,
        meanwhile: &[("\"old_tasks\":0", ring)],
        ..ALARMED
    },
    Scenario {
        part: PART,
        name: "rolling: an alarm goes off, and ECS is not to roll back",
        sandbox: &[
            QUIET,
            strategy!("rolling", "--bake", "5", "--alarm", "search-5xx", "--no-alarm-rollback"),
        ],
        meanwhile: &[("rollout_started", ring)],
        says: &["search-5xx"],
        ..FAILED
    },
    Scenario {
        name: "rolling: the alarm is on before the deployment, so ECS does not heed it",
        sandbox: &[
            &["alarm", "search-5xx", "ALARM"],
            strategy!("rolling", "--bake", "1", "--alarm", "search-5xx"),
        ],
        says: &["search-5xx"],
        ..FINE
    },
    Scenario {
        name: "blue/green: all goes well",
        sandbox: &[strategy!("blue-green", "--bake", "1")],
        says: &["BAKE_TIME"],
        ..FINE
    },
    Scenario {
        name: "blue/green: the container exits at once",
        sandbox: &[strategy!("blue-green", "--bake", "1"), &["fate", "search-indexer", "crash=3"]],
        says: &["exit code 3"],
        ..BACK
    },
    Scenario {
        name: "blue/green: an alarm goes off in the bake time",
        sandbox: &[QUIET, strategy!("blue-green", "--bake", "5", "--alarm", "search-5xx")],
        meanwhile: &[("BAKE_TIME", ring)],
        ..ALARMED
    },
    Scenario {
        name: "blue/green: a person rolls it back in the console",
        sandbox: BLUE_GREEN,
        meanwhile: &[("BAKE_TIME", |shop| {
            shop.sandbox(&["set", "stop-deployment", "search-indexer", "prod"]);
        })],
        says: &["USER"],
        ..BACK
    },
    Scenario {
        name: "blue/green: a lifecycle hook fails",
        sandbox: &[TESTED, &["hook", "smoke-test", "fail"]],
        says: &["HOOK_FAILED", "aws logs tail /aws/lambda/smoke-test"],
        ..BACK
    },
    Scenario {
        name: "blue/green: the function of a lifecycle hook breaks off",
        sandbox: &[TESTED, &["hook", "smoke-test", "crash"]],
        says: &["HOOK_UNUSABLE", "aws logs tail /aws/lambda/smoke-test"],
        ..BACK
    },
    Scenario {
        name: "blue/green: a lifecycle hook does not answer in time",
        sandbox: &[
            strategy!(
                "blue-green",
                "--lambda-hook",
                "POST_SCALE_UP=smoke-test",
                "--hook-timeout",
                "1"
            ),
            &["hook", "smoke-test", "hang"],
        ],
        says: &["HOOK_TIMED_OUT", "aws logs tail /aws/lambda/smoke-test"],
        ..BACK
    },
    Scenario {
        name: "blue/green: a PAUSE hook waits, and somebody says go on",
        sandbox: PAUSED,
        meanwhile: &[("AWAITING_ACTION", |shop| {
            shop.run(&["continue", "d1", "-y"]).expect(0);
        })],
        says: &["hook_awaits"],
        ..FINE
    },
    Scenario {
        name: "blue/green: a PAUSE hook waits, and somebody says no",
        sandbox: PAUSED,
        meanwhile: &[("AWAITING_ACTION", |shop| {
            shop.run(&["continue", "d1", "-y", "--rollback"]).expect(0);
        })],
        says: &["HOOK_REFUSED", "release-tool log"],
        ..BACK
    },
    Scenario {
        name: "blue/green: a PAUSE hook waits, and nobody answers in time",
        sandbox: &[strategy!("blue-green", "--pause-hook", "POST_SCALE_UP", "--hook-timeout", "1")],
        says: &["HOOK_TIMED_OUT", "release-tool continue"],
        ..BACK
    },
    Scenario {
        name: "blue/green: the command's time is up while a PAUSE hook waits",
        sandbox: PAUSED,
        command: &["deploy", "search-indexer", "prod", "-y", "--timeout", "12s"],
        has_an_end: false,
        exit: 8,
        verdict: "TIMED_OUT",
        says: &["POST_SCALE_UP"],
        ..FINE
    },
    Scenario {
        name: "linear: all goes well",
        sandbox: &[strategy!("linear=50", "--step-bake", "1")],
        says: &["LINEAR"],
        ..FINE
    },
    Scenario {
        name: "canary: all goes well",
        sandbox: &[strategy!("canary=10", "--step-bake", "1")],
        says: &["CANARY"],
        ..FINE
    },
    Scenario {
        name: "canary: an alarm goes off while a tenth of the traffic has moved",
        sandbox: &[QUIET, strategy!("canary=10", "--step-bake", "5", "--alarm", "search-5xx")],
        meanwhile: &[("rollout_started", |shop| {
            until_stage(shop, "PRODUCTION_TRAFFIC_SHIFT");
            ring(shop);
        })],
        ..ALARMED
    },
];
