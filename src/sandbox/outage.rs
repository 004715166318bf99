//! Outages of a client's own record, to see what it does when it can write nothing down.
//!
//! The sandbox does not keep that record: its owner asks before each use whether it is to work.

use serde::{Deserialize, Serialize};

use super::{
    Sandbox, SandboxError,
    state::{Entity, Transaction},
};

/// An outage, and how far away it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutageReading {
    /// How many writes still go through before it; none for no outage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// How many writes have gone through since it was ordered.
    pub writes: u64,
}

impl OutageReading {
    /// Whether nothing goes through.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.after.is_some_and(|after| self.writes >= after)
    }
}

impl Entity for OutageReading {
    const KIND: &'static str = "outage";
}

/// There is one in a state.
const KEY: &str = "";

/// The outage.
fn read(transaction: &Transaction<'_>) -> Result<OutageReading, SandboxError> {
    Ok(transaction.get(KEY)?.unwrap_or_default())
}

impl Sandbox {
    /// Orders an outage after so many writes, or ends it.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn set_outage(&self, after: Option<u64>) -> Result<OutageReading, SandboxError> {
        let reading = OutageReading { after, writes: 0 };
        self.state.transact(|transaction| transaction.put(KEY, &reading))?;
        Ok(reading)
    }

    /// The outage, and how far away it is.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn outage(&self) -> Result<OutageReading, SandboxError> {
        self.state.transact(|transaction| read(transaction))
    }

    /// Counts a write, if the record works.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn lets_write(&self) -> Result<bool, SandboxError> {
        self.state.transact(|transaction| {
            let mut reading = read(transaction)?;
            if reading.after.is_none() {
                return Ok(true);
            }
            if reading.is_on() {
                return Ok(false);
            }
            reading.writes = reading.writes.saturating_add(1);
            transaction.put(KEY, &reading)?;
            Ok(true)
        })
    }
}
