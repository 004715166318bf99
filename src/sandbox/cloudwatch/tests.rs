//! CloudWatch's operations, in both of its protocols.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::sandbox::{call::Scope, ecs::admin::Viewpoint, state::State, testing};

/// A CloudWatch with a clock that tests move.
struct CloudWatch {
    state: State,
    now: Timestamp,
}

impl CloudWatch {
    fn empty() -> Self {
        let state = State::open(Path::new(":memory:")).unwrap();
        Self { state, now: Timestamp::constant(1_700_000_000, 0) }
    }

    fn ask(&self, operation: &str, input: &Value) -> Result<Value, Fault> {
        let call = Call {
            scope: testing::scope(),
            operation: operation.to_owned(),
            body: input.to_string().into(),
            now: self.now,
            caller: String::new(),
        };
        let bytes = self.state.transact(|transaction| Ok(answer(&call, transaction))).unwrap()?;
        Ok(serde_json::from_slice(&bytes).unwrap())
    }

    fn ok(&self, operation: &str, input: &Value) -> Value {
        self.ask(operation, input).unwrap_or_else(|fault| panic!("{operation}: {fault:?}"))
    }

    fn refused(&self, operation: &str, input: &Value) -> String {
        match self.ask(operation, input) {
            Err(Fault::Answer { code, .. }) => code,
            other => panic!("{operation}: {other:?}"),
        }
    }

    fn put(&self, name: &str) {
        let alarm = json!({
            "AlarmName": name, "MetricName": "Errors", "Namespace": "Shop", "Statistic": "Sum",
            "Period": 60, "EvaluationPeriods": 1, "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": ["arn:aws:sns:x"],
        });
        self.ok("PutMetricAlarm", &alarm);
    }

    fn set(&self, name: &str, state: &str) {
        let input = json!({ "AlarmName": name, "StateValue": state, "StateReason": "a test" });
        self.ok("SetAlarmState", &input);
    }

    fn names(&self, input: &Value, member: &str) -> Vec<String> {
        let found = self.ok("DescribeAlarms", input);
        let alarms = found[member].as_array().unwrap();
        alarms.iter().map(|one| one["AlarmName"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn an_alarm_is_told_as_it_was_put_and_in_its_state() {
    let mut watch = CloudWatch::empty();
    watch.put("errors");
    let told = || watch.ok("DescribeAlarms", &json!({ "AlarmNames": ["errors", "missing"] }));
    let alarm = told()["MetricAlarms"][0].take();
    assert_eq!(told()["MetricAlarms"].as_array().unwrap().len(), 1, "missing names are left out");
    assert_eq!(alarm["AlarmArn"], "arn:aws:cloudwatch:eu-west-1:000000000000:alarm:errors");
    assert_eq!((&alarm["Threshold"], &alarm["Period"]), (&json!(5.0), &json!(60)));
    assert_eq!(alarm["StateValue"], "INSUFFICIENT_DATA");
    assert_eq!(alarm["ActionsEnabled"], true);
    watch.now += SignedDuration::from_secs(5);
    watch.set("errors", "ALARM");
    watch.now += SignedDuration::from_secs(5);
    watch.set("errors", "ALARM");
    watch.put("errors");
    let told = watch.ok("DescribeAlarms", &json!({}))["MetricAlarms"][0].take();
    assert_eq!((&told["StateValue"], &told["StateReason"]), (&json!("ALARM"), &json!("a test")));
    assert_eq!(told["StateTransitionedTimestamp"], 1_700_000_005.0);
    assert_eq!(told["StateUpdatedTimestamp"], 1_700_000_010.0);
    assert_eq!(told["AlarmConfigurationUpdatedTimestamp"], 1_700_000_010.0);
}

#[test]
fn composite_alarms_are_told_only_where_they_are_asked_for() {
    let watch = CloudWatch::empty();
    watch.put("metric");
    watch.ok("PutCompositeAlarm", &json!({ "AlarmName": "both", "AlarmRule": "ALARM(metric)" }));
    let all = watch.ok("DescribeAlarms", &json!({ "AlarmNames": ["metric", "both"] }));
    assert_eq!(all["MetricAlarms"].as_array().unwrap().len(), 1);
    assert!(all.get("CompositeAlarms").is_none());
    let types = json!({ "AlarmTypes": ["CompositeAlarm"] });
    assert_eq!(watch.names(&types, "CompositeAlarms"), ["both"]);
    let types = json!({ "AlarmTypes": ["CompositeAlarm", "MetricAlarm"] });
    assert_eq!(watch.names(&types, "MetricAlarms"), ["metric"]);
    let again = json!({ "AlarmName": "metric", "AlarmRule": "TRUE" });
    assert_eq!(watch.refused("PutCompositeAlarm", &again), "ValidationError");
}

#[test]
fn alarms_are_filtered_and_come_in_pages() {
    let watch = CloudWatch::empty();
    for name in ["a/1", "a/2", "a/3", "b/1"] {
        watch.put(name);
    }
    watch.set("a/2", "OK");
    assert_eq!(watch.names(&json!({ "StateValue": "OK" }), "MetricAlarms"), ["a/2"]);
    assert_eq!(watch.names(&json!({ "ActionPrefix": "arn:aws:lam" }), "MetricAlarms").len(), 0);
    let mut input = json!({ "AlarmNamePrefix": "a/", "MaxRecords": 2 });
    let first = watch.ok("DescribeAlarms", &input);
    assert_eq!(first["MetricAlarms"].as_array().unwrap().len(), 2);
    input["NextToken"] = first["NextToken"].clone();
    assert_eq!(watch.names(&input, "MetricAlarms"), ["a/3"]);
    input["NextToken"] = json!("x");
    assert_eq!(watch.refused("DescribeAlarms", &input), "InvalidNextToken");
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    let refused = watch.refused("DescribeAlarms", &json!({ "AlarmNames": many }));
    assert_eq!(refused, "ValidationError");
}

#[test]
fn the_history_outlives_the_alarm() {
    let mut watch = CloudWatch::empty();
    watch.put("errors");
    for state in ["OK", "ALARM", "ALARM", "OK"] {
        watch.now += SignedDuration::from_secs(1);
        watch.set("errors", state);
    }
    watch.ok("DeleteAlarms", &json!({ "AlarmNames": ["errors", "missing"] }));
    assert!(watch.names(&json!({}), "MetricAlarms").is_empty());
    let mut input = json!({ "AlarmName": "errors", "HistoryItemType": "StateUpdate" });
    let items = watch.ok("DescribeAlarmHistory", &input)["AlarmHistoryItems"].take();
    let told: Vec<&str> =
        items.as_array().unwrap().iter().map(|it| it["HistorySummary"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        [
            "Alarm updated from ALARM to OK",
            "Alarm updated from OK to ALARM",
            "Alarm updated from INSUFFICIENT_DATA to OK",
        ]
    );
    input["ScanBy"] = json!("TimestampAscending");
    input["MaxRecords"] = json!(2);
    let page = watch.ok("DescribeAlarmHistory", &input);
    assert_eq!(page["AlarmHistoryItems"][0]["Timestamp"], 1_700_000_001.0);
    input["NextToken"] = page["NextToken"].clone();
    let rest = watch.ok("DescribeAlarmHistory", &input);
    assert_eq!(rest["AlarmHistoryItems"].as_array().unwrap().len(), 1);
    let timeline = watch.state.transact(|it| admin::timeline(it, &testing::scope(), "errors"));
    assert_eq!(timeline.unwrap().len(), 3);
}

#[test]
fn what_is_wrong_is_refused() {
    let watch = CloudWatch::empty();
    watch.put("errors");
    let state = |name: &str, value: &str| json!({ "AlarmName": name, "StateValue": value, "StateReason": "r" });
    for (operation, input, code) in [
        ("SetAlarmState", state("missing", "OK"), "ResourceNotFound"),
        ("SetAlarmState", state("errors", "FINE"), "ValidationError"),
        ("SetAlarmState", json!({ "AlarmName": "errors" }), "ValidationError"),
        ("PutMetricAlarm", json!({ "AlarmName": "x" }), "ValidationError"),
        ("PutMetricAlarm", json!({}), "ValidationError"),
        ("PutCompositeAlarm", json!({ "AlarmName": "x" }), "ValidationError"),
        ("DescribeAlarms", json!({ "MaxRecords": 0 }), "ValidationError"),
        ("GetMetricData", json!({}), "UnknownOperationException"),
    ] {
        assert_eq!(watch.refused(operation, &input), code, "{operation} {input}");
    }
    let mut data = state("errors", "OK");
    data["StateReasonData"] = json!("no JSON");
    assert_eq!(watch.refused("SetAlarmState", &data), "InvalidFormatFault");
}

#[test]
fn the_sandbox_makes_alarms_that_are_missing_and_lists_those_of_all_scopes() {
    let watch = CloudWatch::empty();
    let elsewhere = Scope { account: "111111111111".to_owned(), region: "us-east-1".to_owned() };
    for scope in [&testing::scope(), &elsewhere] {
        let from = Viewpoint { scope, now: watch.now };
        let state = (AlarmState::Alarm, "by hand");
        watch.state.transact(|it| admin::set(it, from, "a/b", state)).unwrap();
    }
    let listed = watch.state.transact(|it| admin::list(it)).unwrap();
    let scopes: Vec<&Scope> = listed.iter().map(|one| &one.scope).collect();
    assert_eq!(scopes, [&testing::scope(), &elsewhere]);
    assert_eq!((listed[1].name.as_str(), listed[1].state), ("a/b", AlarmState::Alarm));
    assert_eq!(watch.names(&json!({}), "MetricAlarms"), ["a/b"]);
}
