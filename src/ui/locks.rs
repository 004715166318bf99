//! Leases, locks and holds in words: the one place that says who holds what.

use jiff::Timestamp;

use super::{escape::escape, words};
use crate::model::{Actor, HeldLock, LockKind};

/// Who holds something, since when, why, from where, for what and until when: a line for the first,
/// and one for each of the others that is known, below it.
#[must_use]
fn held_lines(held: &HeldLock, now: Timestamp) -> Vec<String> {
    let (what, end) = match &held.kind {
        LockKind::Lease { lease_until, heartbeat_at, .. } => (
            "in use",
            format!(
                "until {} unless renewed; renewed {} ago",
                words::date_time(*lease_until),
                words::span(*heartbeat_at, now)
            ),
        ),
        LockKind::Manual { until: Some(until) } => {
            ("locked", format!("until {}", words::date_time(*until)))
        }
        LockKind::Manual { until: None } => ("locked", "until somebody unlocks it".to_owned()),
    };
    let mut lines = vec![format!(
        "`{}`: {what} by {} since {} ({})",
        held.selection,
        escape(&held.by.name),
        words::date_time(held.since),
        words::span(held.since, now),
    )];
    let facts = [
        held.deployment.map(|deployment| format!("for {deployment}")),
        held.reason.as_deref().map(|reason| format!("because: {}", escape(reason))),
        from(&held.by),
        Some(end),
    ];
    lines.extend(facts.into_iter().flatten().map(|fact| format!("    {fact}")));
    lines
}

/// Who holds what, since when and why, in one line.
pub(super) fn held_line(lock: &HeldLock) -> String {
    let (at, by) = (words::date_time(lock.since), escape(&lock.by.name));
    let what = match (&lock.kind, lock.deployment) {
        (LockKind::Lease { .. }, Some(deployment)) => format!("for {deployment}"),
        (LockKind::Lease { .. }, None) => "by a running command".to_owned(),
        (LockKind::Manual { .. }, _) => "locked by hand".to_owned(),
    };
    let why = lock.reason.as_deref().map(|why| format!(": {}", escape(why))).unwrap_or_default();
    format!("{} {what}, by {by} since {at}{why}", lock.selection)
}

/// From where somebody works.
fn from(actor: &Actor) -> Option<String> {
    match (&actor.ci, &actor.host) {
        (Some(ci), _) => {
            let url = ci.url.as_deref().unwrap_or_default();
            Some(format!("in {}", escape(format!("{} {url}", ci.system).trim())))
        }
        (None, Some(host)) => Some(format!("on {}", escape(host))),
        (None, None) => None,
    }
}

/// What some people hold, one below the other.
#[must_use]
pub fn held(held: &[HeldLock], now: Timestamp) -> String {
    let lines: Vec<String> = held.iter().flat_map(|held| held_lines(held, now)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CiJob, DeploymentNumber, Selection};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_holder_is_told_with_all_that_is_known() {
        let ci = CiJob {
            system: "GitHub Actions".to_owned(),
            url: Some("https://github.example/runs/1".to_owned()),
        };
        let mut one = HeldLock {
            selection: Selection::All,
            by: Actor { name: "Ann".to_owned(), ci: Some(ci), ..Actor::default() },
            since: at(0),
            reason: Some("a \u{1b}[31mred\u{1b}[0m release".to_owned()),
            deployment: Some(DeploymentNumber(12)),
            kind: LockKind::Lease {
                fence: 3,
                lease_until: at(190),
                heartbeat_at: at(100),
                process: None,
            },
        };
        insta::assert_snapshot!(held(std::slice::from_ref(&one), at(112)), @r"
        `all`: in use by Ann since 2027-01-15 08:00:00 UTC (1 min)
            for d12
            because: a �[31mred�[0m release
            in GitHub Actions https://github.example/runs/1
            until 2027-01-15 08:03:10 UTC unless renewed; renewed 12 s ago
        ");
        one.by = Actor { name: "Bob".to_owned(), ..Actor::default() };
        (one.deployment, one.reason) = (None, None);
        one.kind = LockKind::Manual { until: None };
        insta::assert_snapshot!(held(&[one], at(999_999)), @r"
        `all`: locked by Bob since 2027-01-15 08:00:00 UTC (11 days)
            until somebody unlocks it
        ");
    }
}
