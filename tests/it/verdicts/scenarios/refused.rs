//! What is refused before anything is changed.

use serde_json::json;

use super::{REFUSED, Scenario, another_tool_deploys, configure};
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
];
