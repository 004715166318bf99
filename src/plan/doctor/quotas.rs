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

    /// In words.
    fn words(self) -> String {
        format!("{} at once, then {} a second", self.burst, self.per_second)
    }
}

/// What a deployment of everything asks of one quota.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The request.
    pub operation: &'static str,
    /// How many of them.
    pub requests: usize,
    /// What AWS publishes.
    pub published: Quota,
    /// What AWS told that it applies in the account, where it told.
    pub applied: Option<Quota>,
    /// How to get more, as an imperative.
    pub more: String,
}

impl Load {
    /// What holds.
    const fn quota(&self) -> Quota {
        match self.applied {
            Some(applied) => applied,
            None => self.published,
        }
    }

    /// What it takes at the least.
    fn seconds(&self) -> f64 {
        self.quota().least_seconds(self.requests)
    }
}

/// A deployment that waits longer than this for quotas is worth asking for more.
const LONG: f64 = 120.0;

/// The kind of requests that takes longest. They are sent side by side, so that it tells how long all
/// take.
fn slowest(loads: &[Load]) -> Option<&Load> {
    loads.iter().max_by(|one, other| one.seconds().total_cmp(&other.seconds()))
}

/// The seconds that all take at the least.
#[must_use]
pub fn least_seconds(loads: &[Load]) -> f64 {
    slowest(loads).map_or(0.0, Load::seconds)
}

/// What the quotas mean for a deployment of all services, and which those are that the account has.
#[must_use]
pub fn quotas(services: usize, loads: &[Load]) -> Vec<Finding> {
    let Some(slowest) = slowest(loads) else { return Vec::new() };
    let applied: Vec<&Load> = loads.iter().filter(|load| load.applied.is_some()).collect();
    let mut findings = vec![least(services, slowest)];
    if !applied.is_empty() {
        findings.push(Finding::ok(Check::Quotas, told(&applied)));
    }
    findings
}

/// How long all services take.
fn least(services: usize, slowest: &Load) -> Finding {
    let services =
        if services == 1 { "1 service".to_owned() } else { format!("{services} services") };
    let seconds = slowest.seconds();
    if seconds < 1.0 {
        let text = format!("{services} at once wait for none");
        return Finding::ok(Check::Quotas, text);
    }
    let whose =
        if slowest.applied.is_some() { "this account's quota" } else { "what AWS publishes" };
    let text = format!(
        "{services} at once take {seconds:.0} s at the least, by {whose}: {} {}",
        slowest.operation,
        slowest.quota().words()
    );
    if seconds > LONG {
        let fix = format!("{}, or deploy the sets one by one", slowest.more);
        return Finding::warn(Check::Quotas, text, fix);
    }
    Finding::ok(Check::Quotas, text)
}

/// What the account has, with the default where that is something else.
fn told(applied: &[&Load]) -> String {
    let each = applied.iter().map(|load| {
        let (quota, default) = (load.quota(), load.published);
        let told = format!("{} {}", load.operation, quota.words());
        if quota == default { told } else { format!("{told} (by default {})", default.words()) }
    });
    format!("applied in this account: {}", each.collect::<Vec<_>>().join("; "))
}

/// That AWS does not tell what it applies. Who may not ask can be let.
#[must_use]
pub fn untold(why: &str, fix: Option<String>) -> Finding {
    let text = format!("what AWS publishes stands for what this account has: {why}");
    match fix {
        Some(fix) => Finding::warn(Check::Quotas, text, fix),
        None => Finding::skipped(Check::Quotas, text),
    }
}
