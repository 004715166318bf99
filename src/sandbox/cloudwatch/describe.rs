//! Telling of alarms and of what became of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    alarm::{Alarm, Kind},
    history::{History, Item},
    input::{Input, invalid},
};
use crate::sandbox::{
    call::{Call, Fault},
    page::{self, Page},
    state::Transaction,
};

/// What `DescribeAlarms` takes. Which alarms composite ones watch is not worked out.
const ALARMS: &[&str] = &[
    "AlarmNames",
    "AlarmNamePrefix",
    "AlarmTypes",
    "StateValue",
    "ActionPrefix",
    "MaxRecords",
    "NextToken",
];

/// What `DescribeAlarmHistory` takes. No alarm has contributors.
const HISTORY: &[&str] = &[
    "AlarmName",
    "AlarmTypes",
    "HistoryItemType",
    "StartDate",
    "EndDate",
    "MaxRecords",
    "NextToken",
    "ScanBy",
];

/// `DescribeAlarms`: by name, or all with a prefix. Names that no alarm has are left out, and so are
/// composite alarms unless `AlarmTypes` asks for them.
pub(super) fn alarms(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Input,
) -> Result<Value, Fault> {
    input.has_only(ALARMS)?;
    let types = input.texts("AlarmTypes");
    let found = matching(call, transaction, input)?;
    let list = |kind: Kind| -> Value {
        let of_kind = found.items.iter().filter(|alarm| alarm.kind == kind);
        of_kind.map(|alarm| alarm.told(&call.scope)).collect()
    };
    let mut output = Map::new();
    for (kind, member) in
        [(Kind::MetricAlarm, "MetricAlarms"), (Kind::CompositeAlarm, "CompositeAlarms")]
    {
        if kind.is_among(&types) {
            output.insert(member.to_owned(), list(kind));
        }
    }
    Ok(with_token(output, found.next))
}

/// The page of the alarms that are asked for.
fn matching(
    call: &Call,
    transaction: &Transaction<'_>,
    input: &Input,
) -> Result<Page<Alarm>, Fault> {
    let (names, prefix) = (input.alarm_names()?, input.text("AlarmNamePrefix"));
    if !names.is_empty() && prefix.is_some() {
        return Err(invalid("AlarmNames and AlarmNamePrefix cannot be specified together."));
    }
    let types = input.texts("AlarmTypes");
    let state = input.text("StateValue");
    let action = input.text("ActionPrefix");
    let keep = |alarm: Alarm| {
        let is_wanted = alarm.kind.is_among(&types)
            && state.is_none_or(|state| alarm.state.name() == state)
            && action.is_none_or(|prefix| has_action(&alarm, prefix));
        is_wanted.then_some(alarm)
    };
    let limit = input.page_size()?;
    let all = call.scope.key(prefix.unwrap_or_default());
    let after = input.page_start(&all)?;
    if names.is_empty() {
        return Ok(page::read(transaction, &all, after, limit, keep)?);
    }
    let mut entries = BTreeMap::new();
    for name in names {
        let key = call.scope.key(name);
        if let Some(alarm) = transaction.get(&key)?.and_then(keep) {
            entries.insert(key, alarm);
        }
    }
    // All that were named fit in one page.
    let limit = if input.0.contains_key("MaxRecords") { limit } else { 100 };
    Ok(page::cut(entries.into_iter().collect(), &after, limit))
}

/// Whether an action of an alarm begins with a text.
fn has_action(alarm: &Alarm, prefix: &str) -> bool {
    let lists = ["OKActions", "AlarmActions", "InsufficientDataActions"];
    let actions = lists.iter().filter_map(|list| alarm.settings.get(*list)?.as_array()).flatten();
    actions.filter_map(Value::as_str).any(|action| action.starts_with(prefix))
}

/// `DescribeAlarmHistory`, newest first unless told otherwise.
pub(super) fn history(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Input,
) -> Result<Value, Fault> {
    input.has_only(HISTORY)?;
    let prefix = call.scope.key("");
    let found: Vec<(String, History)> = match input.text("AlarmName") {
        Some(name) => {
            let key = call.scope.key(name);
            transaction.get(&key)?.map(|one| (key, one)).into_iter().collect()
        }
        None => transaction.scan(&prefix)?,
    };
    let mut items: Vec<(&str, &Item)> = Vec::new();
    for (key, history) in &found {
        let name = key.strip_prefix(&prefix).unwrap_or(key);
        let asked = history.items.iter().filter(|item| is_asked_for(input, item));
        items.extend(asked.map(|item| (name, item)));
    }
    items.sort_by_key(|(_, item)| item.at);
    if input.text("ScanBy") != Some("TimestampAscending") {
        items.reverse();
    }
    // Their place in the listing is their key.
    let entries = items.iter().enumerate();
    let entries = entries.map(|(place, (name, item))| (format!("#{place:09}"), item.told(name)));
    let page = page::cut(entries.collect(), &input.page_start("#")?, input.page_size()?);
    let mut output = Map::new();
    output.insert("AlarmHistoryItems".to_owned(), Value::Array(page.items));
    Ok(with_token(output, page.next))
}

/// What a time in seconds may be off by, which has come as a fraction of another kind.
const HALF_A_MILLISECOND: f64 = 0.0005;

/// Whether an item passes the filters; types of alarms that are left out are metric alarms.
fn is_asked_for(input: &Input, item: &Item) -> bool {
    let moment = |name: &str| input.0.get(name).and_then(Value::as_f64);
    let at = super::alarm::time(item.at).as_f64().unwrap_or_default();
    let kind = input.text("HistoryItemType");
    let named = input.text("AlarmName").is_some() && input.texts("AlarmTypes").is_empty();
    (named || item.kind.is_among(&input.texts("AlarmTypes")))
        && kind.is_none_or(|kind| item.change.name() == kind)
        && moment("StartDate").is_none_or(|start| at >= start - HALF_A_MILLISECOND)
        && moment("EndDate").is_none_or(|end| at <= end + HALF_A_MILLISECOND)
}

/// An output with the token of the next page, where there is one.
fn with_token(mut output: Map<String, Value>, next: Option<String>) -> Value {
    if let Some(token) = next {
        output.insert("NextToken".to_owned(), json!(token));
    }
    Value::Object(output)
}
