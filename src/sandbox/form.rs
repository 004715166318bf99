//! The forms that requests of AWS Query come as, and the JSON that the sandbox's services read.
//!
//! A form has no types but texts: what is a number, a truth, a time or a list without entries is told
//! by the member's name. What cannot be one stays a text, so that the service refuses it.

use jiff::Timestamp;
use serde_json::{Map, Number, Value};

/// Members that are numbers.
const NUMBERS: &[&str] = &[
    "ActionsSuppressorExtensionPeriod",
    "ActionsSuppressorWaitPeriod",
    "DatapointsToAlarm",
    "EvaluationInterval",
    "EvaluationPeriods",
    "MaxRecords",
    "PageSize",
    "PendingPeriod",
    "Period",
    "Port",
    "RecoveryPeriod",
    "Threshold",
    "WarmUpPeriodDurationInMinutes",
];

/// Members that are true or false.
const TRUTHS: &[&str] =
    &["ActionsEnabled", "OnlyStartEvaluatingAfterWarmUpPeriodEnds", "ReturnData"];

/// Members that are times.
const TIMES: &[&str] = &["StartDate", "EndDate"];

/// Members that are lists, which are empty texts where they have no entries.
const LISTS: &[&str] = &[
    "AlarmActions",
    "AlarmNames",
    "AlarmTypes",
    "Dimensions",
    "InsufficientDataActions",
    "Metrics",
    "OKActions",
    "TagKeys",
    "Tags",
];

/// What names the operation, and is none of its members.
const ENVELOPE: [&str; 2] = ["Action", "Version"];

/// The request that a form is, as JSON.
pub(super) fn to_json(form: &[u8]) -> Value {
    let mut request = Map::new();
    for (name, value) in form_urlencoded::parse(form) {
        if !ENVELOPE.contains(&name.as_ref()) {
            let path: Vec<&str> = name.split('.').collect();
            put(&mut request, &path, &value);
        }
    }
    typed("", Value::Object(request))
}

/// Puts a value where a path leads to.
fn put(members: &mut Map<String, Value>, path: &[&str], value: &str) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        members.insert((*first).to_owned(), Value::from(value));
        return;
    }
    let within = members.entry(*first).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(within) = within {
        put(within, rest, value);
    }
}

/// A value with the types that its name tells, and with its lists.
fn typed(name: &str, value: Value) -> Value {
    match value {
        Value::String(text) => scalar(name, text),
        Value::Object(mut members) => match members.remove("member") {
            Some(Value::Object(entries)) if members.is_empty() => list(entries),
            Some(other) => {
                members.insert("member".to_owned(), other);
                structure(members)
            }
            None => structure(members),
        },
        other => other,
    }
}

/// The members of a structure, typed.
fn structure(members: Map<String, Value>) -> Value {
    let typed = members.into_iter().map(|(name, value)| {
        let value = typed(&name, value);
        (name, value)
    });
    Value::Object(typed.collect())
}

/// The entries of a list, in the order of their numbers.
fn list(entries: Map<String, Value>) -> Value {
    let mut entries: Vec<(u32, Value)> = entries
        .into_iter()
        .map(|(number, value)| (number.parse().unwrap_or(u32::MAX), typed("", value)))
        .collect();
    entries.sort_by_key(|(number, _)| *number);
    entries.into_iter().map(|(_, value)| value).collect()
}

/// A text with the type that its name tells.
fn scalar(name: &str, text: String) -> Value {
    let read = if NUMBERS.contains(&name) {
        number(&text)
    } else if TRUTHS.contains(&name) {
        text.parse().ok().map(Value::Bool)
    } else if TIMES.contains(&name) {
        text.parse().ok().map(seconds)
    } else if LISTS.contains(&name) && text.is_empty() {
        Some(Value::Array(Vec::new()))
    } else {
        None
    };
    read.unwrap_or(Value::String(text))
}

/// A whole number, or one with a fraction.
fn number(text: &str) -> Option<Value> {
    let whole = text.parse::<i64>().ok().map(Value::from);
    whole.or_else(|| text.parse().ok().and_then(Number::from_f64).map(Value::Number))
}

/// A time in seconds.
fn seconds(time: Timestamp) -> Value {
    Value::from(time.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64())
}

/// A request's parameters, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads them.
    pub(super) fn of(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// One by its name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A list of texts: `Name.member.1` and so on.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let prefix = format!("{name}.member.");
        let of_list = self.0.iter().filter(|(key, _)| key.starts_with(&prefix));
        of_list.map(|(_, value)| value.clone()).collect()
    }

    /// A list of structures, each with its own parameters.
    pub(super) fn structures(&self, name: &str) -> Vec<Self> {
        let all = (1..).map(|number| self.below(&format!("{name}.member.{number}.")));
        all.take_while(|one| !one.0.is_empty()).collect()
    }

    /// The parameters whose names begin with a prefix, without it.
    fn below(&self, prefix: &str) -> Self {
        let inner = self
            .0
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?.to_owned(), value.clone())));
        Self(inner.collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_is_read_as_the_json_that_it_stands_for() {
        let form = "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a.b%26c&Threshold=5.5\
                    &Period=60&ActionsEnabled=false&OKActions=&AlarmActions.member.2=y\
                    &AlarmActions.member.1=x&Dimensions.member.1.Name=n&Dimensions.member.1.Value=7\
                    &EvaluationCriteria.PromQLCriteria.Query=up&EvaluationPeriods=many\
                    &StartDate=2026-11-21T16%3A32%3A12.5Z";
        assert_eq!(
            to_json(form.as_bytes()),
            json!({
                "AlarmName": "a.b&c", "Threshold": 5.5, "Period": 60, "ActionsEnabled": false,
                "OKActions": [], "AlarmActions": ["x", "y"],
                "Dimensions": [{ "Name": "n", "Value": "7" }],
                "EvaluationCriteria": { "PromQLCriteria": { "Query": "up" } },
                "EvaluationPeriods": "many", "StartDate": 1_795_278_732.5,
            })
        );
        assert_eq!(to_json(b"Action=DescribeAlarms"), json!({}));
    }

    #[test]
    fn paths_that_contradict_each_other_bring_nothing_down() {
        assert_eq!(to_json(b"A=1&A.B=2"), json!({ "A": "1" }));
        assert_eq!(to_json(b"A.member=1&.=2"), json!({ "A": { "member": "1" }, "": { "": "2" } }));
    }
}
