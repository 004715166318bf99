//! Filling a sandbox.

use super::*;
use crate::sandbox::{Estate, Thing, admin::PointService};
use serde_json::json;

/// Two services in one cluster, as a file would say it.
fn estate() -> Estate {
    let image = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/web:4246187";
    let container = json!({"name": "web", "image": image, "memory": 128});
    let service = |name: &str| {
        json!({
            "cluster": "shop", "name": name, "task_definition": "web", "desired_count": 2,
            "minimum_healthy_percent": 100, "maximum_percent": 200, "circuit_breaker": true,
        })
    };
    let estate = json!({
        "clusters": [{"name": "shop"}],
        "repositories": [{"name": "web", "images": [{"tag": "4246187", "revision": "4246187"}]}],
        "task_definitions": [{"family": "web", "body": {"containerDefinitions": [container]}}],
        "services": [service("web"), service("worker")],
        "parameters": [{"name": "/shop/images/latest/web", "value": image}],
    });
    serde_json::from_value(estate).unwrap()
}

fn described(sandbox: &Sandbox) -> Value {
    let wanted = json!({"cluster": "shop", "services": ["web", "worker"]});
    ask(sandbox, Service::Ecs, "DescribeServices", &wanted).1
}

#[test]
fn an_estate_is_there_and_steady() {
    let bench = Bench::new();
    assert!(!bench.sandbox.is_seeded().unwrap());
    let report = bench.sandbox.seed(&estate()).unwrap();
    let names: Vec<_> =
        report.created.iter().map(|it| format!("{} {}", it.kind, it.name)).collect();
    assert_eq!(
        names,
        [
            "cluster shop",
            "repository web",
            "image web:4246187",
            "task definition web",
            "service shop/web",
            "service shop/worker",
            "parameter /shop/images/latest/web",
        ]
    );
    assert!(report.existing.is_empty());
    assert!(bench.again().is_seeded().unwrap());
    assert!(bench.sandbox.requests(None).unwrap().is_empty(), "seeding is not in the log");

    for service in described(&bench.sandbox)["services"].as_array().unwrap() {
        assert_eq!(service["runningCount"], 2);
        assert_eq!(service["deployments"].as_array().unwrap().len(), 1);
        assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    }
}

#[test]
fn seeding_again_changes_nothing() {
    let bench = Bench::new();
    bench.sandbox.seed(&estate()).unwrap();
    let before = described(&bench.sandbox);
    let mut other = estate();
    other.parameters[0].value = "another".to_owned();
    let report = bench.sandbox.seed(&other).unwrap();
    assert_eq!((report.created.len(), report.existing.len()), (0, 7));
    assert_eq!(described(&bench.sandbox), before);
    let name = json!({"Name": "/shop/images/latest/web"});
    let (_, parameter) = ask(&bench.sandbox, Service::Ssm, "GetParameter", &name);
    assert_eq!(parameter["Parameter"]["Version"], 1);
}

#[test]
fn what_is_missing_is_made_where_it_belongs() {
    let bench = Bench::new();
    bench.sandbox.seed(&estate()).unwrap();
    let elsewhere = Scope { account: "111111111111".to_owned(), region: "us-east-1".to_owned() };
    let mut more = estate();
    let mut cluster = more.clusters[0].clone();
    cluster.scope = elsewhere.clone();
    more.clusters.push(cluster);
    let report = bench.sandbox.seed(&more).unwrap();
    let kind = "cluster".to_owned();
    assert_eq!(report.created, [Thing { kind, name: "shop".to_owned(), scope: elsewhere }]);
}

#[test]
fn an_estate_that_cannot_be_leaves_nothing_behind() {
    let bench = Bench::new();
    let mut wrong = estate();
    wrong.services[1].task_definition = "missing".to_owned();
    let error = bench.sandbox.seed(&wrong).unwrap_err();
    assert_eq!(error.to_string(), "failed to seed the service `shop/worker`");
    assert!(!bench.sandbox.is_seeded().unwrap());
    let (_, clusters) = ask(&bench.sandbox, Service::Ecs, "ListClusters", &json!({}));
    assert_eq!(clusters["clusterArns"], json!([]));
}

#[test]
fn no_fault_is_played_on_seeding() {
    let bench = Bench::new();
    bench.fault("*", "deny", 0);
    bench.sandbox.seed(&estate()).unwrap();
    assert_eq!(bench.sandbox.faults().unwrap()[0].acted, 0);
}

#[test]
fn somebody_else_may_deploy_a_service() {
    let bench = Bench::new();
    bench.sandbox.seed(&estate()).unwrap();
    let container = json!({"name": "web", "image": "web:other", "memory": 128});
    let second = json!({"family": "web", "containerDefinitions": [container]});
    assert_eq!(ask(&bench.sandbox, Service::Ecs, "RegisterTaskDefinition", &second).0, 200);
    let point = PointService {
        scope: Scope::default(),
        cluster: "shop".to_owned(),
        service: "web".to_owned(),
        task_definition: "web:2".to_owned(),
    };
    bench.sandbox.point_service(&point).unwrap();
    let primary = &described(&bench.sandbox)["services"][0]["deployments"][0];
    assert_eq!(primary["rolloutState"], "IN_PROGRESS");
    assert!(primary["taskDefinition"].as_str().unwrap().ends_with(":task-definition/web:2"));

    bench.sandbox.advance(std::time::Duration::from_mins(10)).unwrap();
    let primary = &described(&bench.sandbox)["services"][0]["deployments"][0];
    assert_eq!(primary["rolloutState"], "COMPLETED");
}
