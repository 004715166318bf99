//! An alarm: what it was told, and the state it is in.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::sandbox::{call::Scope, region, state::Entity};

/// `StateValue` of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// The metric is within its bounds.
    Ok,
    /// It is not.
    Alarm,
    /// Nobody knows.
    InsufficientData,
}

/// Why a text is no state of an alarm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a state of an alarm: OK, ALARM and INSUFFICIENT_DATA are")]
pub struct AlarmStateError(String);

impl AlarmState {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Ok, Self::Alarm, Self::InsufficientData];

    /// As the API writes it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

impl fmt::Display for AlarmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for AlarmState {
    type Err = AlarmStateError;

    fn from_str(text: &str) -> Result<Self, AlarmStateError> {
        let named = Self::ALL.into_iter().find(|state| state.name() == text);
        named.ok_or_else(|| AlarmStateError(text.to_owned()))
    }
}

/// `AlarmType`, of those that can be made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// It watches a metric.
    MetricAlarm,
    /// It watches other alarms.
    CompositeAlarm,
}

impl Kind {
    /// As the API writes it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::MetricAlarm => "MetricAlarm",
            Self::CompositeAlarm => "CompositeAlarm",
        }
    }

    /// Whether a list of types has it; one that is left out has metric alarms only.
    pub(super) fn is_among(self, types: &[&str]) -> bool {
        if types.is_empty() { self == Self::MetricAlarm } else { types.contains(&self.name()) }
    }
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Alarm {
    /// Its name.
    pub(super) name: String,
    /// What it watches.
    pub(super) kind: Kind,
    /// The other members that it was made with.
    pub(super) settings: Map<String, Value>,
    /// When they were told.
    pub(super) configured_at: Timestamp,
    /// The state it is in.
    pub(super) state: AlarmState,
    /// Why, in words.
    pub(super) reason: String,
    /// Why, as JSON in a text.
    pub(super) reason_data: Option<String>,
    /// When the state was last told.
    pub(super) updated_at: Timestamp,
    /// When it was last another one.
    pub(super) transitioned_at: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

impl Entity for Alarm {
    const KIND: &'static str = "cloudwatch.alarm";
}

impl Alarm {
    /// A new one, which nobody has evaluated yet.
    pub(super) fn new(
        name: &str,
        kind: Kind,
        settings: Map<String, Value>,
        now: Timestamp,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            settings,
            configured_at: now,
            state: AlarmState::InsufficientData,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            reason_data: None,
            updated_at: now,
            transitioned_at: now,
            tags: BTreeMap::new(),
        }
    }

    /// Its ARN.
    pub(super) fn arn(&self, scope: &Scope) -> String {
        let Scope { account, region } = scope;
        let partition = region::partition(region);
        format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{}", self.name)
    }

    /// As `DescribeAlarms` tells it.
    pub(super) fn told(&self, scope: &Scope) -> Value {
        let mut told = self.settings.clone();
        let members = [
            ("AlarmName", json!(self.name)),
            ("AlarmArn", json!(self.arn(scope))),
            ("AlarmConfigurationUpdatedTimestamp", time(self.configured_at)),
            ("StateValue", json!(self.state)),
            ("StateReason", json!(self.reason)),
            ("StateUpdatedTimestamp", time(self.updated_at)),
            ("StateTransitionedTimestamp", time(self.transitioned_at)),
        ];
        told.extend(members.map(|(name, value)| (name.to_owned(), value)));
        if let Some(data) = &self.reason_data {
            told.insert("StateReasonData".to_owned(), json!(data));
        }
        Value::Object(told)
    }
}

/// A time as JSON has it: seconds, with milliseconds.
pub(super) fn time(at: Timestamp) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of this era are exact in a double"
    )]
    let millis = at.as_millisecond() as f64;
    Value::from(millis / 1000.0)
}
