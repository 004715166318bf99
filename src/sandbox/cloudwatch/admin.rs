//! What the sandbox's own commands do to its CloudWatch, and what its ECS sees of it.

use jiff::Timestamp;
use serde_json::json;

use super::{
    alarm::{Alarm, AlarmState, Kind},
    change,
    history::History,
};
use crate::sandbox::{SandboxError, call::Scope, ecs::admin::Viewpoint, state::Transaction};

/// Puts an alarm into a state; makes one where there is none.
pub(in crate::sandbox) fn set(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    name: &str,
    (state, reason): (AlarmState, &str),
) -> Result<(), SandboxError> {
    let mut alarm = match transaction.get(&from.scope.key(name))? {
        Some(alarm) => alarm,
        None => made(transaction, from, name)?,
    };
    alarm.reason_data = None;
    change::enter(transaction, from, &mut alarm, (state, reason))
}

/// An alarm of a metric that nobody measures.
fn made(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    name: &str,
) -> Result<Alarm, SandboxError> {
    let settings = json!({
        "ActionsEnabled": true, "OKActions": [], "AlarmActions": [], "InsufficientDataActions": [],
        "MetricName": name, "Namespace": "release-tool/sandbox", "Statistic": "Sum",
        "Dimensions": [], "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    });
    let settings = settings.as_object().cloned().unwrap_or_default();
    let alarm = Alarm::new(name, Kind::MetricAlarm, settings, from.now);
    change::configured(transaction, from, &alarm, "created")?;
    Ok(alarm)
}

/// An alarm, as the sandbox's own listing has it.
pub(in crate::sandbox) struct Listed {
    /// Where it is.
    pub(in crate::sandbox) scope: Scope,
    /// Its name.
    pub(in crate::sandbox) name: String,
    /// Its state.
    pub(in crate::sandbox) state: AlarmState,
    /// Why.
    pub(in crate::sandbox) reason: String,
    /// Since when.
    pub(in crate::sandbox) since: Timestamp,
}

/// All alarms of all accounts and regions.
pub(in crate::sandbox) fn list(transaction: &Transaction<'_>) -> Result<Vec<Listed>, SandboxError> {
    let alarms: Vec<(String, Alarm)> = transaction.scan("")?;
    let listed = alarms.into_iter().map(|(key, alarm)| {
        let mut parts = key.splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let scope = Scope { account: part(), region: part() };
        let Alarm { name, state, reason, transitioned_at: since, .. } = alarm;
        Listed { scope, name, state, reason, since }
    });
    Ok(listed.collect())
}

/// The moments at which an alarm came into a state, and the states, oldest first; nothing of one
/// that there has never been.
pub(in crate::sandbox) fn timeline(
    transaction: &Transaction<'_>,
    scope: &Scope,
    name: &str,
) -> Result<Vec<(Timestamp, AlarmState)>, SandboxError> {
    let history: Option<History> = transaction.get(&scope.key(name))?;
    Ok(history.unwrap_or_default().timeline())
}
