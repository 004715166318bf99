//! Rules of the API model that members keep wherever they stand at the top of a request.

use serde_json::{Map, Value};

use super::input::constraint;
use crate::sandbox::call::Fault;

/// Members whose text is one of a few, or that are lists of such.
const ENUMS: &[(&str, &[&str])] = &[
    ("Statistic", &["SampleCount", "Average", "Sum", "Minimum", "Maximum"]),
    (
        "ComparisonOperator",
        &[
            "GreaterThanOrEqualToThreshold",
            "GreaterThanThreshold",
            "LessThanThreshold",
            "LessThanOrEqualToThreshold",
            "LessThanLowerOrGreaterThanUpperThreshold",
            "LessThanLowerThreshold",
            "GreaterThanUpperThreshold",
        ],
    ),
    (
        "Unit",
        &[
            "Seconds",
            "Microseconds",
            "Milliseconds",
            "Bytes",
            "Kilobytes",
            "Megabytes",
            "Gigabytes",
            "Terabytes",
            "Bits",
            "Kilobits",
            "Megabits",
            "Gigabits",
            "Terabits",
            "Percent",
            "Count",
            "Bytes/Second",
            "Kilobytes/Second",
            "Megabytes/Second",
            "Gigabytes/Second",
            "Terabytes/Second",
            "Bits/Second",
            "Kilobits/Second",
            "Megabits/Second",
            "Gigabits/Second",
            "Terabits/Second",
            "Count/Second",
            "None",
        ],
    ),
    ("StateValue", &["OK", "ALARM", "INSUFFICIENT_DATA"]),
    ("AlarmTypes", &["CompositeAlarm", "MetricAlarm", "LogAlarm"]),
    (
        "HistoryItemType",
        &[
            "ConfigurationUpdate",
            "StateUpdate",
            "Action",
            "AlarmContributorStateUpdate",
            "AlarmContributorAction",
        ],
    ),
    ("ScanBy", &["TimestampDescending", "TimestampAscending"]),
];

/// Members that are whole numbers, and the least that each may be.
const LEAST: &[(&str, i64)] = &[
    ("Period", 1),
    ("EvaluationPeriods", 1),
    ("DatapointsToAlarm", 1),
    ("EvaluationInterval", 10),
    ("MaxRecords", 1),
];

/// Refuses a request that breaks a rule.
pub(super) fn hold(members: &Map<String, Value>) -> Result<(), Fault> {
    for (name, allowed) in ENUMS {
        let given = members.get(*name).map_or(&[][..], |value| match value {
            Value::Array(values) => values,
            one => std::slice::from_ref(one),
        });
        if !given.iter().all(|one| one.as_str().is_some_and(|text| allowed.contains(&text))) {
            let rule = format!("Member must satisfy enum value set: [{}]", allowed.join(", "));
            return Err(constraint(name, &rule));
        }
    }
    for (name, least) in LEAST {
        let is_kept = |value: &Value| value.as_i64().is_some_and(|number| number >= *least);
        if !members.get(*name).is_none_or(is_kept) {
            let rule = format!("Member must have value greater than or equal to {least}");
            return Err(constraint(name, &rule));
        }
    }
    Ok(())
}
