//! What requests are for, and how many there may be.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use release_tool::sandbox::RequestRecord;

use super::{run::Deployment, shop::Shop};

/// The requests of a deployment, by what they are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Phases {
    /// Everything that is looked at before somebody says yes.
    pub(crate) plan: usize,
    /// Registering, writing parameters, moving services.
    pub(crate) effects: usize,
    /// Looking at the services while they move.
    pub(crate) polls: usize,
    /// Proving what runs.
    pub(crate) verification: usize,
    /// Looking the images up again, when the plan had become old.
    pub(crate) again: usize,
}

impl Phases {
    /// Counts.
    pub(crate) fn of(deployment: &Deployment) -> Self {
        let mut phases = Self { plan: deployment.before.len(), ..Self::default() };
        for record in &deployment.after {
            let phase = match record.entry.operation.as_str() {
                "DescribeServices" => &mut phases.polls,
                "DescribeServiceDeployments"
                | "DescribeServiceRevisions"
                | "ListTasks"
                | "DescribeTasks" => &mut phases.verification,
                "BatchGetImage" => &mut phases.again,
                _ => &mut phases.effects,
            };
            *phase += 1;
        }
        phases
    }

    /// All of them.
    pub(crate) fn total(self) -> usize {
        self.plan + self.effects + self.polls + self.verification + self.again
    }
}

/// The budget of `docs/decisions/0001-requests-of-a-deployment.md`: 4N + 2R + 3⌈N/10⌉ + ⌈N/50⌉ + 9, and
/// ⌈N/10⌉ for each poll, with the verification counted as two polls and four requests for each poll
/// after the first at which rollouts had ended. R more where the images were looked up again.
pub(crate) fn budget(deployment: &Deployment, shop: Shop) -> usize {
    let tens = shop.services.div_ceil(10);
    let looks = deployment.looks;
    let again = Phases::of(deployment).again > 0;
    let images = shop.repositories() * if again { 2 } else { 1 };
    let polls = (looks.all + 2) * tens + 4 * looks.with_ends.saturating_sub(1);
    let scaled = shop.services.div_ceil(50);
    4 * shop.services + 2 * images + 3 * tens + scaled + 9 + polls
}

/// The first budget: 4N + 2⌈N/10⌉ + 8, and ⌈N/10⌉ for each poll.
pub(crate) fn first_budget(deployment: &Deployment, shop: Shop) -> usize {
    let tens = shop.services.div_ceil(10);
    4 * shop.services + 2 * tens + 8 + deployment.looks.all * tens
}

/// How many requests there were of each operation.
pub(crate) fn by_operation<'a>(
    records: impl IntoIterator<Item = &'a RequestRecord>,
) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(record.entry.operation.as_str()).or_default() += 1;
    }
    counts
}

/// How many requests waited for one another at most, when every answer came `latency` late: a
/// request that waits for another's answer is at least so much later. Requests that were sent
/// together but handled further apart than that make it more, never less.
pub(crate) fn depth(records: &[RequestRecord], latency: SignedDuration) -> usize {
    let mut moments: Vec<_> = records.iter().map(|record| record.entry.machine_at).collect();
    moments.sort_unstable();
    let mut depth = 0;
    let mut wave = None;
    for moment in moments {
        if wave.is_none_or(|start| moment.duration_since(start) >= latency) {
            depth += 1;
            wave = Some(moment);
        }
    }
    depth
}
