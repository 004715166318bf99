//! What became of an alarm. It is kept for 30 days, also of one that was deleted.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::alarm::{Alarm, AlarmState, Kind, time};
use crate::sandbox::{
    SandboxError,
    call::Scope,
    state::{Entity, Transaction},
};

/// "CloudWatch saves alarm history for 30 days."
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Change {
    /// It was made, changed or deleted.
    ConfigurationUpdate,
    /// It came into this state.
    StateUpdate(AlarmState),
}

impl Change {
    /// `HistoryItemType`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ConfigurationUpdate => "ConfigurationUpdate",
            Self::StateUpdate(_) => "StateUpdate",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Item {
    /// When.
    pub(super) at: Timestamp,
    /// What kind.
    pub(super) change: Change,
    /// What the alarm watched.
    pub(super) kind: Kind,
    /// In words.
    pub(super) summary: String,
    /// As JSON.
    pub(super) data: Value,
}

impl Item {
    /// As `DescribeAlarmHistory` tells it.
    pub(super) fn told(&self, name: &str) -> Value {
        json!({
            "AlarmName": name,
            "AlarmType": self.kind.name(),
            "Timestamp": time(self.at),
            "HistoryItemType": self.change.name(),
            "HistorySummary": self.summary,
            "HistoryData": self.data.to_string(),
        })
    }
}

/// All of an alarm, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    /// What happened.
    pub(super) items: Vec<Item>,
}

impl Entity for History {
    const KIND: &'static str = "cloudwatch.history";
}

impl History {
    /// The states that the alarm came into, and when, oldest first.
    pub(super) fn timeline(&self) -> Vec<(Timestamp, AlarmState)> {
        let state = |item: &Item| match item.change {
            Change::StateUpdate(state) => Some((item.at, state)),
            Change::ConfigurationUpdate => None,
        };
        self.items.iter().filter_map(state).collect()
    }
}

/// Notes that something happened to an alarm.
pub(super) fn note(
    transaction: &mut Transaction<'_>,
    scope: &Scope,
    alarm: &Alarm,
    item: Item,
) -> Result<(), SandboxError> {
    let key = scope.key(&alarm.name);
    let mut history: History = transaction.get(&key)?.unwrap_or_default();
    let now = item.at;
    history.items.retain(|old| old.at + KEPT_FOR > now);
    history.items.push(item);
    transaction.put(&key, &history)
}
