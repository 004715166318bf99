//! Making, changing and deleting alarms, and setting the state they are in.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    alarm::{Alarm, AlarmState, Kind},
    history::{self, Change, Item},
    input::{Input, invalid},
    tags,
};
use crate::sandbox::{
    SandboxError,
    call::{Call, Fault},
    ecs::admin::Viewpoint,
    state::Transaction,
};

/// The members of `PutMetricAlarm` that `DescribeAlarms` tells again.
const METRIC: &[&str] = &[
    "AlarmDescription",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
    "Metrics",
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
];

/// Those of `PutCompositeAlarm`.
const COMPOSITE: &[&str] = &[
    "AlarmDescription",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "AlarmRule",
    "ActionsSuppressor",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
];

/// `PutMetricAlarm`.
pub(super) fn put_metric(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Input,
) -> Result<Value, Fault> {
    let name = input.alarm_name()?.to_owned();
    input.has_only(&[METRIC, &["AlarmName", "Tags"]].concat())?;
    let watches = ["MetricName", "Metrics", "EvaluationCriteria"];
    if watches.iter().all(|member| !input.0.contains_key(*member)) {
        return Err(invalid("Either MetricName or Metrics must be specified."));
    }
    let mut settings = told_again(input, METRIC);
    settings.entry("Dimensions").or_insert_with(|| json!([]));
    if let Some(threshold) = settings.get_mut("Threshold") {
        // A whole number is one in JSON, and must come back as a double where types matter.
        *threshold = threshold.as_f64().map_or(Value::Null, Value::from);
    }
    put(call, transaction, &name, (Kind::MetricAlarm, settings, tags::given(input)))
}

/// `PutCompositeAlarm`.
pub(super) fn put_composite(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Input,
) -> Result<Value, Fault> {
    let name = input.alarm_name()?.to_owned();
    input.required("AlarmRule")?;
    input.has_only(&[COMPOSITE, &["AlarmName", "Tags"]].concat())?;
    let made = (Kind::CompositeAlarm, told_again(input, COMPOSITE), tags::given(input));
    put(call, transaction, &name, made)
}

/// The members of a request that are told again, with what CloudWatch fills in.
fn told_again(input: &Input, members: &[&str]) -> Map<String, Value> {
    let given = input.0.iter().filter(|(name, _)| members.contains(&name.as_str()));
    let mut settings: Map<String, Value> =
        given.map(|(name, value)| (name.clone(), value.clone())).collect();
    settings.entry("ActionsEnabled").or_insert(Value::Bool(true));
    for actions in ["OKActions", "AlarmActions", "InsufficientDataActions"] {
        settings.entry(actions).or_insert_with(|| json!([]));
    }
    settings
}

/// Makes an alarm, or changes the one that is there, which stays in its state and keeps its tags.
fn put(
    call: &Call,
    transaction: &mut Transaction<'_>,
    name: &str,
    (kind, settings, tags): (Kind, Map<String, Value>, BTreeMap<String, String>),
) -> Result<Value, Fault> {
    let key = call.scope.key(name);
    let found: Option<Alarm> = transaction.get(&key)?;
    if found.as_ref().is_some_and(|alarm| alarm.kind != kind) {
        return Err(invalid(format!("An alarm of another type has the name {name}.")));
    }
    let verb = if found.is_some() { "updated" } else { "created" };
    let alarm = match found {
        Some(alarm) => Alarm { settings, configured_at: call.now, ..alarm },
        None => Alarm { tags, ..Alarm::new(name, kind, settings, call.now) },
    };
    transaction.put(&key, &alarm)?;
    configured(transaction, call.into(), &alarm, verb)?;
    Ok(json!({}))
}

/// Notes that an alarm was made, changed or deleted.
pub(super) fn configured(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    alarm: &Alarm,
    verb: &str,
) -> Result<(), SandboxError> {
    let item = Item {
        at: from.now,
        change: Change::ConfigurationUpdate,
        kind: alarm.kind,
        summary: format!("Alarm \"{}\" {verb}", alarm.name),
        data: json!({ "version": "1.0", "type": verb }),
    };
    history::note(transaction, from.scope, alarm, item)
}

/// `SetAlarmState`.
pub(super) fn set_state(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Input,
) -> Result<Value, Fault> {
    let name = input.alarm_name()?;
    input.has_only(&["AlarmName", "StateValue", "StateReason", "StateReasonData"])?;
    let state: AlarmState =
        input.required("StateValue")?.parse().map_err(|error| invalid(format!("{error}")))?;
    let reason = input.required("StateReason")?;
    let data = input.text("StateReasonData");
    if data.is_some_and(|data| serde_json::from_str::<Value>(data).is_err()) {
        return Err(Fault::new("InvalidFormatFault", "StateReasonData is not valid JSON."));
    }
    let key = call.scope.key(name);
    let mut alarm: Alarm = transaction.get(&key)?.ok_or_else(no_alarm)?;
    alarm.reason_data = data.map(str::to_owned);
    enter(transaction, call.into(), &mut alarm, (state, reason))?;
    Ok(json!({}))
}

/// Puts an alarm into a state, and keeps it.
pub(super) fn enter(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    alarm: &mut Alarm,
    (state, reason): (AlarmState, &str),
) -> Result<(), SandboxError> {
    let before = std::mem::replace(&mut alarm.state, state);
    reason.clone_into(&mut alarm.reason);
    alarm.updated_at = from.now;
    if before != state {
        alarm.transitioned_at = from.now;
        let item = Item {
            at: from.now,
            change: Change::StateUpdate(state),
            kind: alarm.kind,
            summary: format!("Alarm updated from {before} to {state}"),
            data: json!({
                "version": "1.0",
                "oldState": { "stateValue": before },
                "newState": { "stateValue": state, "stateReason": reason },
            }),
        };
        history::note(transaction, from.scope, alarm, item)?;
    }
    transaction.put(&from.scope.key(&alarm.name), alarm)
}

/// `DeleteAlarms`: "if you specify any incorrect alarm names, the alarms you specify with correct
/// names are still deleted".
pub(super) fn delete(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Input,
) -> Result<Value, Fault> {
    input.has_only(&["AlarmNames"])?;
    if !input.0.contains_key("AlarmNames") {
        input.required("AlarmNames")?;
    }
    for name in input.alarm_names()? {
        let key = call.scope.key(name);
        if let Some(alarm) = transaction.get::<Alarm>(&key)? {
            configured(transaction, call.into(), &alarm, "deleted")?;
            transaction.delete::<Alarm>(&key)?;
        }
    }
    Ok(json!({}))
}

/// The named alarm is not there.
fn no_alarm() -> Fault {
    let members = [("message".to_owned(), Value::from("The named resource does not exist."))];
    let code = "ResourceNotFound".to_owned();
    Fault::Answer { status: 404, code, members: members.into_iter().collect() }
}
