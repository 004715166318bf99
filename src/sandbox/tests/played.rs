//! Faults as they are played, and the log that tells of them.

use std::time::Duration;

use super::*;
use crate::sandbox::{FaultKind, RequestRecord};
use jiff::ToSpan as _;
use serde_json::json;

const NAME: &str = "/shop/images/latest/web";

fn put(bench: &Bench, value: &str) -> Reply {
    let body = json!({"Name": NAME, "Value": value, "Type": "String", "Overwrite": true});
    bench.sandbox.handle(request(Service::Ssm, "PutParameter", &body))
}

/// The parameter's value, when it is there.
fn value(bench: &Bench) -> Option<String> {
    let (_, answer) = ask(&bench.sandbox, Service::Ssm, "GetParameter", &json!({"Name": NAME}));
    Some(answer["Parameter"]["Value"].as_str()?.to_owned())
}

/// The last request to put something.
fn last_put(bench: &Bench) -> RequestRecord {
    let requests = bench.sandbox.requests(None).unwrap();
    requests.into_iter().rfind(|it| it.entry.operation == "PutParameter").unwrap()
}

#[test]
fn what_is_refused_has_not_happened() {
    let bench = Bench::new();
    for (kind, status, error) in [
        ("throttle", 400, "ThrottlingException"),
        ("deny", 400, "AccessDeniedException"),
        ("error", 500, "InternalServerError"),
    ] {
        bench.fault("ssm:PutParameter", kind, 1);
        let response = answered(put(&bench, "a"));
        assert_eq!(response.status(), status, "{kind}");
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["__type"], error);
        assert_eq!(value(&bench), None, "{kind}");
        let entry = last_put(&bench).entry;
        assert_eq!((entry.status, entry.error.as_deref()), (Some(status), Some(error)));
        assert_eq!(entry.fault, Some(kind.parse().unwrap()));
    }
}

#[test]
fn denying_is_told_in_aws_own_sentence() {
    let bench = Bench::new();
    bench.fault("*", "deny", 0);
    let body = json!({"cluster": "shop", "service": "web"});
    let (_, answer) = ask(&bench.sandbox, Service::Ecs, "UpdateService", &body);
    assert_eq!(
        answer["message"],
        "User: arn:aws:iam::000000000000:user/sandbox is not authorized to perform: \
         ecs:UpdateService on resource: arn:aws:ecs:eu-west-1:000000000000:service/shop/web \
         because no identity-based policy allows the ecs:UpdateService action"
    );
}

#[test]
fn a_lost_answer_has_happened_and_a_lost_request_has_not() {
    let bench = Bench::new();
    for (kind, happens) in [("timeout", true), ("drop-after", true), ("drop", false)] {
        bench.fault("ssm:PutParameter", kind, 1);
        let before = value(&bench);
        let reply = put(&bench, kind);
        match (kind, reply.outcome) {
            ("timeout", Outcome::Silence) | ("drop" | "drop-after", Outcome::Hangup) => {}
            (_, other) => panic!("{kind}: {other:?}"),
        }
        let expected = if happens { Some(kind.to_owned()) } else { before };
        assert_eq!(value(&bench), expected, "{kind}");
        let entry = last_put(&bench).entry;
        assert_eq!((entry.status, entry.error), (None, None));
        assert_eq!(entry.fault, Some(kind.parse().unwrap()));
    }
}

#[test]
fn a_service_may_fail_after_it_has_done_its_work() {
    let bench = Bench::new();
    bench.fault("ssm:PutParameter", "error-after", 1);
    let response = answered(put(&bench, "a"));
    assert_eq!(response.status(), 500);
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["__type"], "InternalServerError");
    assert_eq!(value(&bench).as_deref(), Some("a"));
    assert_eq!(last_put(&bench).entry.error.as_deref(), Some("InternalServerError"));
}

#[test]
fn latency_is_left_to_the_driver() {
    let bench = Bench::new();
    bench.fault("ssm:*", "latency=60", 0);
    let reply = put(&bench, "a");
    assert_eq!(reply.delay, Duration::from_millis(60));
    assert_eq!(answered(reply).status(), 200);
    assert_eq!(last_put(&bench).entry.fault.map(|it| it.to_string()).unwrap(), "latency=60");
}

#[test]
fn a_fault_may_hit_one_resource_only() {
    let bench = Bench::new();
    bench.fault(&format!("ssm:PutParameter/{NAME}"), "throttle", 0);
    assert_eq!(answered(put(&bench, "a")).status(), 400);
    let other = json!({"Name": "/other", "Value": "a", "Type": "String"});
    assert_eq!(ask(&bench.sandbox, Service::Ssm, "PutParameter", &other).0, 200);
}

#[test]
fn quotas_fill_up_on_the_machines_clock() {
    let bench = Bench::new();
    bench.fault("*", "quota", 0);
    let passed = || {
        let replies = (0..10).map(|_| put(&bench, "a"));
        replies.map(answered).filter(|it| it.status() == 200).count()
    };
    assert_eq!(passed(), 3);
    assert_eq!(passed(), 0);
    bench.sandbox.advance(Duration::from_hours(1)).unwrap();
    assert_eq!(passed(), 0, "the services' clock does not matter");
    bench.wait(SignedDuration::from_millis(700));
    assert_eq!(passed(), 2);
}

#[test]
fn the_log_tells_each_request_with_both_clocks() {
    let bench = Bench::new();
    bench.sandbox.advance(Duration::from_mins(5)).unwrap();
    let _ = put(&bench, "a");
    let _ = bench.sandbox.handle(sts("Action=GetCallerIdentity"));
    let missing = json!({"Name": "/nowhere"});
    assert_eq!(ask(&bench.sandbox, Service::Ssm, "GetParameter", &missing).0, 400);
    let dynamo = Request::post("/").header("x-amz-target", "DynamoDB_20120810.GetItem");
    let _ = bench.sandbox.handle(dynamo.body(Bytes::from("{}")).unwrap());

    let all = bench.sandbox.requests(None).unwrap();
    let told: Vec<_> = all
        .iter()
        .map(|RequestRecord { sequence, entry: it }| {
            let error = it.error.as_deref().unwrap_or("");
            (*sequence, it.service.as_str(), it.operation.as_str(), it.status.unwrap(), error)
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "ssm", "PutParameter", 200, ""),
            (2, "sts", "GetCallerIdentity", 200, ""),
            (3, "ssm", "GetParameter", 400, "ParameterNotFound"),
            (4, "DynamoDB_20120810", "GetItem", 400, "UnknownOperationException"),
        ]
    );
    let machine = *bench.machine.lock().unwrap();
    assert_eq!((all[0].entry.machine_at, all[0].entry.at), (machine, machine + 5.minutes()));
    assert_eq!(all[0].entry.resources, [NAME]);
    assert_eq!(bench.sandbox.requests(Some(3)).unwrap(), all[3..]);

    assert_eq!(bench.sandbox.clear_requests().unwrap(), 4);
    let _ = put(&bench, "b");
    assert_eq!(bench.sandbox.requests(None).unwrap()[0].sequence, 5, "numbers go on");
}

#[test]
fn a_failure_of_the_sandbox_is_the_services_and_is_logged() {
    let bench = Bench::new();
    let file = rusqlite::Connection::open(bench.folder.path().join("state.sqlite")).unwrap();
    file.execute("INSERT INTO entities VALUES ('faults', '', 'broken')", []).unwrap();
    let response = answered(put(&bench, "a"));
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["x-amzn-errortype"], "InternalServerError");
    let entry = last_put(&bench).entry;
    assert_eq!((entry.status, entry.error.as_deref()), (Some(500), Some("InternalServerError")));
    let error = bench.sandbox.faults().unwrap_err();
    assert_eq!(error.to_string(), "failed to read or write faults `` of the sandbox");
}

#[test]
fn the_oldest_requests_are_forgotten() {
    let bench = Bench::new();
    let _ = put(&bench, "a");
    let file = rusqlite::Connection::open(bench.folder.path().join("state.sqlite")).unwrap();
    let copy = "INSERT INTO requests SELECT ?1, document FROM requests LIMIT 1";
    for sequence in [50_001, 50_002, 150_000] {
        file.execute(copy, [sequence]).unwrap();
    }
    let _ = put(&bench, "b");
    let kept = bench.sandbox.requests(None).unwrap();
    let kept: Vec<u64> = kept.iter().map(|it| it.sequence).collect();
    assert_eq!(kept, [50_002, 150_000, 150_001]);
}

#[test]
fn a_spent_fault_stays_in_the_list() {
    let bench = Bench::new();
    bench.fault("PutParameter", "throttle", 1);
    let _ = (put(&bench, "a"), put(&bench, "a"));
    let rules = bench.again().faults().unwrap();
    assert_eq!((rules[0].kind, rules[0].acted), (FaultKind::Throttle, 1));
    assert!(rules[0].is_spent());
}
