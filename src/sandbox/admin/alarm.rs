//! The alarms that deployments watch, as their states are set by hand.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sandbox::{AlarmState, Sandbox, SandboxError, Scope, cloudwatch, ecs::admin::Viewpoint};

/// An alarm that is to be in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAlarm {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its name; where there is none, one is made.
    pub name: String,
    /// The state.
    pub state: AlarmState,
    /// Why, for the alarm's `StateReason`.
    #[serde(default = "by_hand")]
    pub reason: String,
}

/// The reason, where none is given.
fn by_hand() -> String {
    "Set by hand".to_owned()
}

/// An alarm, and the state it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmReading {
    /// Where it is.
    pub scope: Scope,
    /// Its name.
    pub name: String,
    /// The state.
    pub state: AlarmState,
    /// Why.
    pub reason: String,
    /// Since when, on the services' clock.
    pub since: Timestamp,
}

impl Sandbox {
    /// Puts an alarm into a state; makes it where there is none.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn set_alarm(&self, set: &SetAlarm) -> Result<(), SandboxError> {
        let SetAlarm { scope, name, state, reason } = set;
        self.state.transact(|transaction| {
            let from = Viewpoint { scope, now: self.now(transaction)? };
            cloudwatch::admin::set(transaction, from, name, (*state, reason))
        })
    }

    /// All alarms, of all accounts and regions.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn alarms(&self) -> Result<Vec<AlarmReading>, SandboxError> {
        let found = self.state.transact(|transaction| cloudwatch::admin::list(transaction))?;
        let reading = |one: cloudwatch::admin::Listed| {
            let cloudwatch::admin::Listed { scope, name, state, reason, since } = one;
            AlarmReading { scope, name, state, reason, since }
        };
        Ok(found.into_iter().map(reading).collect())
    }
}
