//! Faults: what a user has the sandbox do to requests, to see what a client makes of it.
//!
//! Invariant: a rule that is to act N times acts N times, however many processes ask at once,
//! because counting is part of the request's transaction.

mod kind;
mod pattern;
mod quota;

use std::num::NonZeroU32;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use kind::{FaultKind, FaultKindError, Latency};
pub use pattern::{Pattern, PatternError};
pub(super) use quota::{Raised, applied, listed};

use super::{
    SandboxError,
    call::Scope,
    service::Service,
    state::{Entity, Transaction},
};

/// A fault to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFault {
    /// Which requests it is played on.
    pub on: Pattern,
    /// What happens to them.
    pub kind: FaultKind,
    /// How many times; for ever, if not told. A quota counts the requests that it refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<NonZeroU32>,
}

/// A fault that was added, and how often it has been played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRule {
    /// Which requests it is played on.
    pub on: Pattern,
    /// What happens to them.
    pub kind: FaultKind,
    /// How many times; for ever, if not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<NonZeroU32>,
    /// How often it has acted by now.
    pub acted: u32,
}

impl FaultRule {
    /// Whether it has acted as often as it may.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.times.is_some_and(|times| self.acted >= times.get())
    }
}

/// All rules, in the order in which they were added.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Rules {
    /// The rules.
    rules: Vec<FaultRule>,
}

impl Entity for Rules {
    const KIND: &'static str = "faults";
}

/// There is one list of rules in a state.
const KEY: &str = "";

/// Adds a rule after those that are there.
pub(super) fn add(transaction: &mut Transaction<'_>, fault: NewFault) -> Result<(), SandboxError> {
    let mut rules = load(transaction)?;
    let NewFault { on, kind, times } = fault;
    rules.rules.push(FaultRule { on, kind, times, acted: 0 });
    transaction.put(KEY, &rules)
}

/// All rules, spent ones too.
pub(super) fn list(transaction: &Transaction<'_>) -> Result<Vec<FaultRule>, SandboxError> {
    Ok(load(transaction)?.rules)
}

/// Forgets all rules, and how full the quotas' buckets are; tells how many rules there were.
pub(super) fn clear(transaction: &mut Transaction<'_>) -> Result<usize, SandboxError> {
    let count = load(transaction)?.rules.len();
    transaction.delete::<Rules>(KEY)?;
    quota::refill(transaction)?;
    Ok(count)
}

/// Reads the rules.
fn load(transaction: &Transaction<'_>) -> Result<Rules, SandboxError> {
    Ok(transaction.get(KEY)?.unwrap_or_default())
}

/// What rules are matched with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The service.
    pub(super) service: Service,
    /// The operation.
    pub(super) operation: &'a str,
    /// The names of the resources.
    pub(super) resources: &'a [String],
    /// Whose resources.
    pub(super) scope: &'a Scope,
}

/// What is played on one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// How long the answer is kept back: the sum of all latencies that match.
    pub(super) latency: Latency,
    /// The first other fault that acts. A quota acts when it refuses; a latency never stands here.
    pub(super) kind: Option<FaultKind>,
}

impl Decision {
    /// What the log tells: the fault that acted, or else the latency.
    pub(super) fn logged(self) -> Option<FaultKind> {
        let slow = self.latency != Latency::default();
        self.kind.or(slow.then_some(FaultKind::Latency(self.latency)))
    }
}

/// Decides what is played on a request, and counts it. `machine` is the machine's time.
pub(super) fn decide(
    transaction: &mut Transaction<'_>,
    subject: &Subject<'_>,
    machine: Timestamp,
) -> Result<Decision, SandboxError> {
    let mut rules = load(transaction)?;
    let mut decision = Decision::default();
    let mut changed = false;
    for rule in &mut rules.rules {
        if rule.is_spent() || !rule.on.matches(subject) {
            continue;
        }
        let acts = match rule.kind {
            FaultKind::Latency(latency) => {
                decision.latency = decision.latency.plus(latency);
                true
            }
            _ if decision.kind.is_some() => false,
            FaultKind::Quota => !quota::let_through(transaction, subject, machine)?,
            _ => true,
        };
        if !acts {
            continue;
        }
        if !matches!(rule.kind, FaultKind::Latency(_)) {
            decision.kind = Some(rule.kind);
        }
        rule.acted = rule.acted.saturating_add(1);
        changed = true;
    }
    if changed {
        transaction.put(KEY, &rules)?;
    }
    Ok(decision)
}

#[cfg(test)]
mod tests;
