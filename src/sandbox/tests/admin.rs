//! The sandbox's own paths.

use super::*;
use serde_json::json;

/// Asks one of the sandbox's own paths.
fn own(sandbox: &Sandbox, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(format!("/_sandbox/{path}"));
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let response = answered(sandbox.handle(request.body(body).unwrap()));
    assert_eq!(response.headers()["content-type"], "application/json");
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

#[test]
fn the_clock_is_read_put_forward_and_given_another_speed() {
    let bench = Bench::new();
    let read = || own(&bench.sandbox, "GET", "clock", &Value::Null).1;
    assert_eq!(
        read(),
        json!({"now": "2026-11-21T16:32:12Z", "machine": "2026-11-21T16:32:12Z", "speed": 1.0})
    );
    let (status, answer) = own(&bench.sandbox, "POST", "advance", &json!({"by": "1h 5m"}));
    assert_eq!((status, &answer["now"]), (200, &json!("2026-11-21T17:37:12Z")));
    own(&bench.sandbox, "POST", "speed", &json!({"speed": 60}));
    bench.wait(SignedDuration::from_secs(2));
    assert_eq!(read()["now"], "2026-11-21T17:39:12Z");
    own(&bench.sandbox, "POST", "speed", &json!({"speed": 0}));
    bench.wait(SignedDuration::from_hours(2));
    assert_eq!(read()["now"], "2026-11-21T17:39:12Z");
}

#[test]
fn faults_are_added_listed_and_cleared() {
    let bench = Bench::new();
    let fault = json!({"on": "ecs:UpdateService/web", "kind": "latency=60", "times": 2});
    assert_eq!(own(&bench.sandbox, "POST", "faults", &fault), (200, json!({})));
    let mut listed = fault;
    listed["acted"] = json!(0);
    assert_eq!(own(&bench.sandbox, "GET", "faults", &Value::Null), (200, json!([listed])));
    assert_eq!(own(&bench.sandbox, "DELETE", "faults", &Value::Null).1, json!({"cleared": 1}));
    assert_eq!(own(&bench.sandbox, "GET", "faults", &Value::Null), (200, json!([])));
}

#[test]
fn requests_are_listed_and_none_of_these_is_among_them() {
    let bench = Bench::new();
    for _ in 0..3 {
        let _ = bench.sandbox.handle(sts("Action=GetCallerIdentity"));
    }
    let (_, listed) = own(&bench.sandbox, "GET", "requests?since=1", &Value::Null);
    let sequences: Vec<_> =
        listed.as_array().unwrap().iter().map(|it| it["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, [2, 3]);
    assert_eq!(own(&bench.sandbox, "DELETE", "requests", &Value::Null).1, json!({"cleared": 3}));
}

#[test]
fn images_parameters_and_fates_are_changed() {
    let bench = Bench::new();
    let image = json!({"repository": "web", "tag": "1", "revision": "4246187"});
    let (status, pushed) = own(&bench.sandbox, "POST", "put-image", &image);
    assert_eq!(status, 200);
    own(&bench.sandbox, "POST", "put-image", &json!({"repository": "web", "tag": "2"}));
    let moved = json!({"repository": "web", "tag": "2", "to": "1"});
    assert_eq!(own(&bench.sandbox, "POST", "move-tag", &moved), (200, json!({})));
    let wanted = json!({"repositoryName": "web", "imageIds": [{"imageTag": "2"}]});
    let (_, described) = ask(&bench.sandbox, Service::Ecr, "DescribeImages", &wanted);
    assert_eq!(described["imageDetails"][0]["imageDigest"], pushed["digest"]);
    let gone = json!({"repository": "web", "reference": pushed["digest"]});
    assert_eq!(own(&bench.sandbox, "POST", "delete-image", &gone), (200, json!({})));

    let parameter = json!({"scope": {"account": "111111111111"}, "name": "/a", "value": "b"});
    assert_eq!(own(&bench.sandbox, "POST", "put-parameter", &parameter), (200, json!({})));
    let (status, _) = ask(&bench.sandbox, Service::Ssm, "GetParameter", &json!({"Name": "/a"}));
    assert_eq!(status, 400, "it is in another account");

    let fate = json!({"image": "web:2", "fate": "crash=137@5"});
    assert_eq!(own(&bench.sandbox, "POST", "fates", &fate), (200, json!({})));
    assert_eq!(own(&bench.sandbox, "GET", "fates", &Value::Null), (200, json!([fate])));
    own(&bench.sandbox, "DELETE", "fates", &Value::Null);
    assert_eq!(own(&bench.sandbox, "GET", "fates", &Value::Null), (200, json!([])));
    assert_eq!(own(&bench.sandbox, "POST", "task-start", &json!({"after": "5s"})).0, 200);
    assert_eq!(own(&bench.sandbox, "POST", "sessions", &json!({"at_most": "15s"})).0, 200);
}

#[test]
fn a_service_is_scaled_its_breaker_switched_and_its_deployment_stopped() {
    let bench = Bench::new();
    let image = "public.ecr.aws/nginx/nginx:1";
    let container = json!({"name": "app", "image": image, "memory": 64});
    let definition = json!({"containerDefinitions": [container]});
    let estate = json!({
        "clusters": [{"name": "shop"}],
        "task_definitions": [{"family": "web", "body": definition}],
        "services": [{
            "cluster": "shop", "name": "web", "task_definition": "web", "desired_count": 2,
            "minimum_healthy_percent": 100, "maximum_percent": 200, "circuit_breaker": true,
        }],
    });
    assert_eq!(own(&bench.sandbox, "POST", "seed", &estate).0, 200);
    let named = |more: Value| {
        let mut body = json!({"cluster": "shop", "service": "web"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let described = json!({"cluster": "shop", "services": ["web"]});
    let service = || {
        ask(&bench.sandbox, Service::Ecs, "DescribeServices", &described).1["services"][0].take()
    };
    let scale = named(json!({"desired_count": 5}));
    assert_eq!(own(&bench.sandbox, "POST", "scale", &scale), (200, json!({})));
    assert_eq!(service()["desiredCount"], 5);
    for (mode, enable, rollback) in
        [("off", false, false), ("no-rollback", true, false), ("on", true, true)]
    {
        let breaker = named(json!({"breaker": mode}));
        assert_eq!(own(&bench.sandbox, "POST", "breaker", &breaker), (200, json!({})));
        let told = &service()["deploymentConfiguration"]["deploymentCircuitBreaker"];
        assert_eq!((&told["enable"], &told["rollback"]), (&json!(enable), &json!(rollback)));
    }

    let (status, failure) = own(&bench.sandbox, "POST", "stop-deployment", &named(json!({})));
    assert_eq!(
        (status, &failure["error"]),
        (400, &json!("failed to stop the deployment of `web`"))
    );
    let forced = named(json!({"forceNewDeployment": true}));
    assert_eq!(ask(&bench.sandbox, Service::Ecs, "UpdateService", &forced).0, 200);
    let stopped = own(&bench.sandbox, "POST", "stop-deployment", &named(json!({})));
    assert_eq!(stopped, (200, json!({})));
    let arns = json!({"serviceDeploymentArns": [service()["currentServiceDeployment"]]});
    let (_, told) = ask(&bench.sandbox, Service::Ecs, "DescribeServiceDeployments", &arns);
    assert_eq!(told["serviceDeployments"][0]["status"], "ROLLBACK_REQUESTED");
}

#[test]
fn alarms_are_made_put_into_states_and_listed() {
    let bench = Bench::new();
    let alarm = json!({"name": "errors", "state": "ALARM"});
    assert_eq!(own(&bench.sandbox, "POST", "alarms", &alarm), (200, json!({})));
    let (_, listed) = own(&bench.sandbox, "GET", "alarms", &Value::Null);
    assert_eq!(
        listed,
        json!([{
            "scope": {"account": "000000000000", "region": "eu-west-1"},
            "name": "errors", "state": "ALARM", "reason": "Set by hand",
            "since": "2026-11-21T16:32:12Z",
        }])
    );
    let (status, told) = ask(&bench.sandbox, Service::CloudWatch, "DescribeAlarms", &json!({}));
    assert_eq!((status, &told["MetricAlarms"][0]["StateValue"]), (200, &json!("ALARM")));
}

#[test]
fn what_is_wrong_is_told() {
    let bench = Bench::new();
    for (method, path, body, status, error) in [
        ("GET", "nothing", Value::Null, 404, "there is no `/_sandbox/nothing`"),
        ("GET", "reset", Value::Null, 405, "`/_sandbox/reset` does not have this method"),
        ("PUT", "faults", Value::Null, 405, "`/_sandbox/faults` does not have this method"),
        ("POST", "speed", json!({}), 400, "failed to read the body for `/_sandbox/speed`"),
        (
            "POST",
            "speed",
            json!({"speed": -1}),
            400,
            "failed to read the body for `/_sandbox/speed`",
        ),
        (
            "POST",
            "put-parameter",
            json!({"scope": {"acount": "1"}, "name": "/a", "value": "b"}),
            400,
            "failed to read the body for `/_sandbox/put-parameter`",
        ),
        ("GET", "requests?since=x", Value::Null, 400, "`since=x` is not a sequence number"),
        (
            "POST",
            "stop-task",
            json!({"cluster": "shop", "task": "x", "reason": "r"}),
            400,
            "failed to stop task `x`",
        ),
        (
            "POST",
            "point-service",
            json!({"cluster": "shop", "service": "web", "task_definition": "web"}),
            400,
            "failed to point service `web` to another task definition",
        ),
    ] {
        let (answered, failure) = own(&bench.sandbox, method, path, &body);
        assert_eq!((answered, failure["error"].as_str().unwrap()), (status, error));
    }
    let stop = json!({"cluster": "shop", "task": "x", "reason": "r"});
    let (_, failure) = own(&bench.sandbox, "POST", "stop-task", &stop);
    assert_eq!(failure["causes"], json!(["ClusterNotFoundException: Cluster not found."]));
}

#[test]
fn a_reset_forgets_everything() {
    let bench = Bench::new();
    bench.fault("*", "latency=1", 0);
    let parameter = json!({"Name": "/a", "Value": "b", "Type": "String"});
    assert_eq!(ask(&bench.sandbox, Service::Ssm, "PutParameter", &parameter).0, 200);
    own(&bench.sandbox, "POST", "seed", &json!({}));
    own(&bench.sandbox, "POST", "advance", &json!({"by": "1h"}));
    assert_eq!(own(&bench.sandbox, "GET", "health", &Value::Null).1["is_seeded"], true);
    assert_eq!(own(&bench.sandbox, "POST", "reset", &Value::Null), (200, json!({})));
    let health = bench.sandbox.health().unwrap();
    assert!(!health.is_seeded);
    assert_eq!(health.clock.now, health.clock.machine);
    assert!(bench.sandbox.faults().unwrap().is_empty());
    assert!(bench.sandbox.requests(None).unwrap().is_empty());
    assert_eq!(ask(&bench.sandbox, Service::Ssm, "GetParameter", &json!({"Name": "/a"})).0, 400);
}
