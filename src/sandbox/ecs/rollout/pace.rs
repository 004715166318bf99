//! How long things take: the sandbox's own times, much shorter than those of AWS.
//!
//! Invariant: every duration is at least a millisecond, so that each step of a task moves time on
//! and the simulation cannot stand still.

use jiff::SignedDuration;

/// How long ECS watches a task that runs before it counts as healthy: AWS waits 40 seconds for a
/// task without a health check, and as long as the check takes for one with it. Longer than the
/// second after which a crashing image exits when nothing else is said.
pub(in crate::sandbox::ecs) const HEALTHY_AFTER: SignedDuration = SignedDuration::from_millis(1500);

/// How long a task runs before a failing health check is believed.
pub(in crate::sandbox::ecs) const UNHEALTHY_AFTER: SignedDuration = SignedDuration::from_secs(3);

/// How long a deployment must have been whole before it is called complete.
pub(in crate::sandbox::ecs) const STABLE_FOR: SignedDuration = SignedDuration::from_secs(1);

/// How long a service deployment is `PENDING`, `STOP_REQUESTED` or `ROLLBACK_REQUESTED`.
pub(in crate::sandbox::ecs) const TURNS_AFTER: SignedDuration = SignedDuration::from_millis(200);

/// How long a stage lasts at least in which nothing is waited for. In AWS it is seconds to minutes.
pub(in crate::sandbox::ecs) const STAGE_TAKES: SignedDuration = SignedDuration::from_secs(1);

/// How long a stopped task is still told of: "at least one hour" says `DescribeTasks`.
pub(in crate::sandbox::ecs) const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// The longest wait before ECS tries again to start tasks that keep failing.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// How long a task takes from PROVISIONING to RUNNING when nothing else is set.
pub(in crate::sandbox::ecs) const DEFAULT_TASK_START: SignedDuration = SignedDuration::from_secs(3);

/// The wait before tasks are started again after `failures` batches in a row failed: it doubles
/// from a second on.
pub(in crate::sandbox::ecs) fn wait_after(failures: u32) -> SignedDuration {
    let doublings = failures.saturating_sub(1).min(16);
    SignedDuration::from_secs(1 << doublings).min(LONGEST_WAIT)
}

/// The times of tasks, all of them parts of the one that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox::ecs) struct Pace {
    /// From PROVISIONING to RUNNING, before the spread.
    pub(in crate::sandbox::ecs) task_start: SignedDuration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { task_start: DEFAULT_TASK_START }
    }
}

impl Pace {
    /// PROVISIONING: 30 % of the start.
    pub(super) fn provisioning(&self, id: &str) -> SignedDuration {
        self.part(300, spread(id))
    }

    /// PENDING while images are pulled: 50 %.
    pub(super) fn pulling(&self, id: &str) -> SignedDuration {
        self.part(500, spread(id))
    }

    /// PENDING, or ACTIVATING behind a load balancer, until RUNNING: 20 %.
    pub(super) fn starting(&self, id: &str) -> SignedDuration {
        self.part(200, spread(id))
    }

    /// DEACTIVATING behind a load balancer.
    pub(super) fn deactivating(&self) -> SignedDuration {
        self.part(200, 1000)
    }

    /// STOPPING.
    pub(super) fn stopping(&self) -> SignedDuration {
        self.part(400, 1000)
    }

    /// DEPROVISIONING.
    pub(super) fn deprovisioning(&self) -> SignedDuration {
        self.part(200, 1000)
    }

    /// `permille` of the start, times `factor` thousandths.
    fn part(&self, permille: i64, factor: i64) -> SignedDuration {
        let whole = i64::try_from(self.task_start.as_millis()).unwrap_or(i64::MAX / 1_000_000);
        let part = whole.saturating_mul(permille).saturating_mul(factor) / 1_000_000;
        SignedDuration::from_millis(part.max(1))
    }
}

/// A task's own speed in thousandths, between 800 and 1200, told by its id.
fn spread(id: &str) -> i64 {
    let sum = id.bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % 401);
    800 + sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_take_about_the_time_that_is_set() {
        let pace = Pace::default();
        for id in ["a", "b", "0f3c", "ffff"] {
            let whole = pace.provisioning(id) + pace.pulling(id) + pace.starting(id);
            let bounds = SignedDuration::from_millis(2390)..=SignedDuration::from_millis(3600);
            assert!(bounds.contains(&whole), "{id}: {whole}");
        }
    }

    #[test]
    fn no_time_is_nothing() {
        let pace = Pace { task_start: SignedDuration::ZERO };
        assert_eq!(pace.stopping(), SignedDuration::from_millis(1));
        assert_eq!(pace.pulling("a"), SignedDuration::from_millis(1));
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<i64> = (1..=4).map(|n| wait_after(n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8]);
        assert_eq!(wait_after(400), LONGEST_WAIT);
    }
}
