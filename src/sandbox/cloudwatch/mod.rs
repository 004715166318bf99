//! CloudWatch's alarms, for the deployments that watch them.
//!
//! There are no metrics, and nothing evaluates an alarm: it is in the state that `SetAlarmState`, or
//! the sandbox's own command, put it in, and `INSUFFICIENT_DATA` before. Composite alarms are kept
//! as they were told; their rules are not worked out. Actions are not carried out.
//!
//! Inputs and outputs are JSON here, whichever protocol they come and go in. Limits, error names and
//! defaults are those of the service's API model, version 2010-08-01.

pub(in crate::sandbox) mod admin;
mod alarm;
mod change;
mod describe;
mod history;
mod input;
mod rules;
mod tags;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::Value;

pub use self::alarm::{AlarmState, AlarmStateError};
use self::input::Input;
use super::{
    call::{Call, Fault},
    refusal,
    service::Protocol,
    state::Transaction,
};

/// Answers one request.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let operation = match call.operation.as_str() {
        "PutMetricAlarm" => change::put_metric,
        "PutCompositeAlarm" => change::put_composite,
        "SetAlarmState" => change::set_state,
        "DeleteAlarms" => change::delete,
        "DescribeAlarms" => describe::alarms,
        "DescribeAlarmHistory" => describe::history,
        "ListTagsForResource" => tags::list,
        "TagResource" => tags::tag,
        "UntagResource" => tags::untag,
        other => return Err(refusal::unknown_operation(Protocol::Json10, other)),
    };
    let output: Value = operation(call, transaction, &Input::read(&call.body)?)?;
    Ok(Bytes::from(output.to_string()))
}
