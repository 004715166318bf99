//! What is refused before anything is changed.

use serde_json::json;

use super::{REFUSED, Scenario, another_tool_deploys, configure, scale};
use crate::support::until;

/// See the module.
pub(super) const ALL: &[Scenario] = &[
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
    Scenario {
        name: "the bounds leave no room to replace a task",
        arrange: |shop| {
            scale(shop, 1);
            configure(shop, &json!({ "minimumHealthyPercent": 100, "maximumPercent": 150 }));
        },
        says: &["cannot replace a task"],
        ..REFUSED
    },
    Scenario {
        name: "CodeDeploy is at another deployment of the service",
        sandbox: &[
            &["set", "controller", "search-indexer", "prod", "code-deploy"],
            &["task-start", "1h"],
            &["set", "point-service", "search-indexer", "prod", "bookshop-prod-search-indexer:1"],
        ],
        says: &["is being deployed by CodeDeploy"],
        ..REFUSED
    },
    Scenario {
        name: "a third party moves the service's tasks",
        arrange: |shop| {
            let service = "prod-search-indexer";
            let body = json!({ "cluster": "bookshop-prod", "service": service, "force": true });
            shop.ecs("DeleteService", &body);
            shop.sandbox(&["advance", "2h"]);
            shop.ecs(
                "CreateService",
                &json!({
                    "cluster": "bookshop-prod",
                    "serviceName": service,
                    "desiredCount": 1,
                    "deploymentController": { "type": "EXTERNAL" },
                }),
            );
        },
        says: &["EXTERNAL"],
        ..REFUSED
    },
];
