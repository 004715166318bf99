//! Rolling updates.

use serde_json::json;

use super::{FAILED, PLAIN, ROLLED_BACK, Scenario, add_sidecar, breaker, configure, scale};

/// See the module.
pub(super) const ALL: &[Scenario] = &[
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
        command: &["deploy", "search-indexer", "prod", "-y", "--timeout", "12s"],
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
        command: &["deploy", "search-indexer", "prod", "-y", "--timeout", "12s"],
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
        name: "the image is deleted from its registry meanwhile",
        sandbox: &[&["task-start", "60s"]],
        meanwhile: &[("rollout_started", |shop| {
            let image = shop.latest("search-indexer");
            shop.sandbox(&["set", "delete-image", &image]);
        })],
        says: &["CannotPullContainerError"],
        ..ROLLED_BACK
    },
    Scenario {
        name: "the container exits after ECS has called the deployment complete, and it is watched \
               for longer",
        sandbox: &[&["fate", "search-indexer", "crash=3@30"]],
        command: &["deploy", "search-indexer", "prod", "-y", "--settle", "12s"],
        has_an_end: false,
        says: &["its tasks stopped"],
        ..FAILED
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
        sandbox: &[&["task-start", "60s"]],
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
        command: &["deploy", "search-indexer", "prod", "-y", "--timeout", "12s"],
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
];
