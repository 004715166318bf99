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

/// An alarm goes off.
fn ring(shop: &Shop) {
    shop.sandbox(&["alarm", "search-5xx", "ALARM", "--reason", "too many errors"]);
}

/// See the module.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        part: PART,
        name: "rolling, with a bake time: all goes well",
        sandbox: &[
            &["alarm", "search-5xx", "OK"],
            &[
                "set",
                "strategy",
                "search-indexer",
                "prod",
                "rolling",
                "--bake",
                "1",
                "--alarm",
                "search-5xx",
            ],
        ],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "rolling: an alarm goes off during the rollout",
        sandbox: &[
            &["alarm", "search-5xx", "OK"],
            &[
                "set",
                "strategy",
                "search-indexer",
                "prod",
                "rolling",
                "--bake",
                "5",
                "--alarm",
                "search-5xx",
            ],
        ],
        meanwhile: &[("rollout_started", ring)],
        says: &["search-5xx", "ALARM"],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "rolling: an alarm goes off in the bake time",
        sandbox: &[
            &["alarm", "search-5xx", "OK"],
            &[
                "set",
                "strategy",
                "search-indexer",
                "prod",
                "rolling",
                "--bake",
                "5",
                "--alarm",
                "search-5xx",
            ],
        ],
        meanwhile: &[("\"old_tasks\":0", ring)],
        says: &["search-5xx", "ALARM"],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "rolling: an alarm goes off, and ECS is not to roll back",
        sandbox: &[
            &["alarm", "search-5xx", "OK"],
            &[
                "set",
                "strategy",
                "search-indexer",
                "prod",
                "rolling",
                "--bake",
                "5",
                "--alarm",
                "search-5xx",
                "--no-alarm-rollback",
            ],
        ],
        meanwhile: &[("rollout_started", ring)],
        says: &["search-5xx"],
        ..FAILED
    },
    Scenario {
        part: PART,
        name: "rolling: the alarm is on before the deployment, so ECS does not heed it",
        sandbox: &[
            &["alarm", "search-5xx", "ALARM"],
            &[
                "set",
                "strategy",
                "search-indexer",
                "prod",
                "rolling",
                "--bake",
                "1",
                "--alarm",
                "search-5xx",
            ],
        ],
        says: &["search-5xx"],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "blue/green: all goes well",
        sandbox: &[&["set", "strategy", "search-indexer", "prod", "blue-green", "--bake", "1"]],
        says: &["BAKE_TIME"],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "blue/green: the container exits at once",
        sandbox: &[
            &["set", "strategy", "search-indexer", "prod", "blue-green", "--bake", "1"],
            &["fate", "search-indexer", "crash=3"],
        ],
        says: &["exit code 3"],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "blue/green: an alarm goes off in the bake time",
        sandbox: &[
            &["alarm", "search-5xx", "OK"],
            &[
                "set",
                "strategy",
                "search-indexer",
                "prod",
                "blue-green",
                "--bake",
                "5",
                "--alarm",
                "search-5xx",
            ],
        ],
        meanwhile: &[("BAKE_TIME", ring)],
        says: &["search-5xx", "ALARM"],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "blue/green: a person rolls it back in the console",
        sandbox: &[&["set", "strategy", "search-indexer", "prod", "blue-green", "--bake", "5"]],
        meanwhile: &[("BAKE_TIME", |shop| {
            shop.sandbox(&["set", "stop-deployment", "search-indexer", "prod"]);
        })],
        says: &["USER"],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "blue/green: a lifecycle hook fails",
        sandbox: &[
            &[
                "set",
                "strategy",
                "search-indexer",
                "prod",
                "blue-green",
                "--lambda-hook",
                "POST_SCALE_UP=smoke-test",
            ],
            &["hook", "smoke-test", "fail"],
        ],
        says: &["HOOK"],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "blue/green: a lifecycle hook does not answer in time",
        sandbox: &[
            &[
                "set",
                "strategy",
                "search-indexer",
                "prod",
                "blue-green",
                "--lambda-hook",
                "POST_SCALE_UP=smoke-test",
                "--hook-timeout",
                "1",
            ],
            &["hook", "smoke-test", "hang"],
        ],
        says: &["HOOK"],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "blue/green: a PAUSE hook waits, and somebody says go on",
        sandbox: &[&[
            "set",
            "strategy",
            "search-indexer",
            "prod",
            "blue-green",
            "--pause-hook",
            "POST_SCALE_UP",
        ]],
        meanwhile: &[("AWAITING_ACTION", |shop| {
            shop.run(&["continue", "d1", "-y"]).expect(0);
        })],
        says: &["hook_awaits"],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "blue/green: a PAUSE hook waits, and somebody says no",
        sandbox: &[&[
            "set",
            "strategy",
            "search-indexer",
            "prod",
            "blue-green",
            "--pause-hook",
            "POST_SCALE_UP",
        ]],
        meanwhile: &[("AWAITING_ACTION", |shop| {
            shop.run(&["continue", "d1", "-y", "--rollback"]).expect(0);
        })],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "blue/green: a PAUSE hook waits, and nobody answers in time",
        sandbox: &[&[
            "set",
            "strategy",
            "search-indexer",
            "prod",
            "blue-green",
            "--pause-hook",
            "POST_SCALE_UP",
            "--hook-timeout",
            "1",
        ]],
        says: &["HOOK"],
        ..ROLLED_BACK
    },
    Scenario {
        part: PART,
        name: "blue/green: the command's time is up in the bake time",
        sandbox: &[&[
            "set",
            "strategy",
            "search-indexer",
            "prod",
            "blue-green",
            "--pause-hook",
            "POST_SCALE_UP",
        ]],
        command: &["deploy", "search-indexer", "prod", "-y", "--timeout", "12s"],
        has_an_end: false,
        exit: 8,
        verdict: "TIMED_OUT",
        says: &["POST_SCALE_UP"],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "linear: all goes well",
        sandbox: &[&["set", "strategy", "search-indexer", "prod", "linear=50", "--step-bake", "1"]],
        says: &["LINEAR"],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "canary: all goes well",
        sandbox: &[&["set", "strategy", "search-indexer", "prod", "canary=10", "--step-bake", "1"]],
        says: &["CANARY"],
        ..PLAIN
    },
    Scenario {
        part: PART,
        name: "canary: an alarm goes off while a tenth of the traffic has moved",
        sandbox: &[
            &["alarm", "search-5xx", "OK"],
            &[
                "set",
                "strategy",
                "search-indexer",
                "prod",
                "canary=10",
                "--step-bake",
                "5",
                "--alarm",
                "search-5xx",
            ],
        ],
        meanwhile: &[("rollout_started", |shop| {
            until_stage(shop, "PRODUCTION_TRAFFIC_SHIFT");
            ring(shop);
        })],
        says: &["search-5xx", "ALARM"],
        ..ROLLED_BACK
    },
];
