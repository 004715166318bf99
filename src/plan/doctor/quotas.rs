//! How long a deployment of everything takes at the least, by what AWS lets through.

use super::{Check, Finding};

/// How often AWS lets requests of one kind through: a bucket that is full at first, and is refilled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quota {
    /// Requests at once.
    pub burst: f64,
    /// Requests a second after that.
    pub per_second: f64,
}

impl Quota {
    /// The seconds that so many requests take at the least, where nobody else sends any.
    #[must_use]
    pub fn least_seconds(self, requests: usize) -> f64 {
        let requests = u32::try_from(requests).map_or(f64::MAX, f64::from);
        let waiting = (requests - self.burst).max(0.0);
        if waiting > 0.0 { waiting / self.per_second } else { 0.0 }
    }
}

/// What a deployment of everything asks of one quota.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The request.
    pub operation: &'static str,
    /// How many of them.
    pub requests: usize,
    /// What AWS lets through.
    pub quota: Quota,
    /// Whether AWS told that this is what holds in the account, and not just by default.
    pub is_applied: bool,
    /// What to ask AWS for, where the quota can be raised: its code in Service Quotas.
    pub code: Option<&'static str>,
}

/// A deployment that waits longer than this for quotas is worth asking for more.
const LONG: f64 = 120.0;

/// What the quotas mean for a deployment of all services. The kinds of requests are sent side by side,
/// so that the slowest tells how long all take.
#[must_use]
pub fn quotas(services: usize, loads: &[Load]) -> Option<Finding> {
    let slowest = loads.iter().max_by(|one, other| seconds(one).total_cmp(&seconds(other)))?;
    let applied = loads.iter().filter(|load| load.is_applied).count();
    let whose = match applied {
        0 => "by AWS's defaults",
        some if some == loads.len() => "by the account's quotas",
        _ => "by the account's quotas as far as AWS tells them",
    };
    let least = seconds(slowest);
    if least < 1.0 {
        let text = format!("{services} services at once wait for none, {whose}");
        return Some(Finding::ok(Check::Quotas, text));
    }
    let Quota { burst, per_second } = slowest.quota;
    let text = format!(
        "{services} services at once take {least:.0} s at the least, {whose}: {} is let through {burst} \
         times, then {per_second} times a second",
        slowest.operation
    );
    Some(match slowest.code {
        Some(code) if least > LONG => {
            let fix =
                format!("ask for more in Service Quotas ({code}), or deploy the sets one by one");
            Finding::warn(Check::Quotas, text, fix)
        }
        _ => Finding::ok(Check::Quotas, text),
    })
}

/// What a load takes at the least.
fn seconds(load: &Load) -> f64 {
    load.quota.least_seconds(load.requests)
}
