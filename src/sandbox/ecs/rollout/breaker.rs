//! The deployment circuit breaker, and the waits between attempts to start tasks that fail.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{deployment, events, failure, pace, state::ServiceState};

/// The circuit breaker's settings, where it is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Breaker {
    /// Whether the service goes back to its last completed deployment.
    pub(in crate::sandbox::ecs) rollback: bool,
    /// Whether a healthy task sets the count of failures back.
    pub(in crate::sandbox::ecs) resets: bool,
    /// How many failures it takes.
    pub(in crate::sandbox::ecs) threshold: Threshold,
}

/// How many failures trip the circuit breaker: `ThresholdConfiguration` of the ECS API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox::ecs) enum Threshold {
    /// So many.
    Count(u32),
    /// Percent of the desired count, but at least 3 and at most 200.
    BoundedPercent(u32),
    /// Percent of the desired count.
    UnboundedPercent(u32),
}

impl Default for Threshold {
    /// "By default, the threshold configuration uses a type of `BOUNDED_PERCENT` with a value of 50"
    /// (ECS API reference, `ThresholdConfiguration`).
    fn default() -> Self {
        Self::BoundedPercent(50)
    }
}

impl Threshold {
    /// The number of failures, for a desired count.
    pub(in crate::sandbox::ecs) fn failures(self, desired: u32) -> u32 {
        let part = |percent: u32| {
            let hundredfold = u64::from(percent) * u64::from(desired);
            u32::try_from(hundredfold.div_ceil(100)).unwrap_or(u32::MAX)
        };
        match self {
            Self::Count(count) => count.max(1),
            Self::BoundedPercent(percent) => part(percent).clamp(3, 200),
            Self::UnboundedPercent(percent) => part(percent).max(1),
        }
    }
}

/// A task of a deployment failed: it did not start, exited, or was unhealthy.
pub(super) fn failed(service: &mut ServiceState, number: Option<u64>, moment: Timestamp) {
    service.is_steady = false;
    let desired = service.desired;
    let breaker = service.settings.breaker;
    let Some(index) = service.deployments.iter().position(|one| Some(one.number) == number) else {
        return;
    };
    let Some(deployment) = service.deployments.get_mut(index) else { return };
    let is_new_batch = deployment.fail(moment);
    let batches = deployment.failed_batches;
    let failures = deployment.failures;
    let is_watched = index == 0 && deployment.is_in_progress();
    if is_new_batch && batches % IMPAIRED_EVERY == 0 {
        events::impaired(service, moment);
    }
    if !is_watched {
        return;
    }
    deployment::count(service, failures);
    if let Some(breaker) = breaker
        && failures >= breaker.threshold.failures(desired)
    {
        failure::trip(service, breaker, moment);
    }
}

/// How many failed batches it takes until the service says that it cannot start tasks, each time.
const IMPAIRED_EVERY: u32 = 3;

/// A task of a deployment counts as healthy.
pub(super) fn succeeded(service: &mut ServiceState, number: Option<u64>, moment: Timestamp) {
    let resets = service.settings.breaker.is_none_or(|breaker| breaker.resets);
    let Some(index) = service.deployments.iter().position(|one| Some(one.number) == number) else {
        return;
    };
    let Some(deployment) = service.deployments.get_mut(index) else { return };
    deployment.succeed(resets, moment);
    let failures = deployment.failures;
    if index == 0 && deployment.is_in_progress() {
        deployment::count(service, failures);
    }
}

impl super::deployment::Deployment {
    /// Counts a failed task, and sets when tasks are started again. Tells whether this is the
    /// first failure since tasks were last started.
    fn fail(&mut self, moment: Timestamp) -> bool {
        self.failed_tasks += 1;
        self.failures += 1;
        self.updated_at = moment;
        let is_new_batch = !self.batch_failed;
        if is_new_batch {
            self.batch_failed = true;
            self.failed_batches += 1;
            self.retry_at = Some(moment + pace::wait_after(self.failed_batches));
        }
        is_new_batch
    }

    /// Counts a healthy task.
    fn succeed(&mut self, resets: bool, moment: Timestamp) {
        self.failed_tasks = 0;
        self.failed_batches = 0;
        self.batch_failed = false;
        self.updated_at = moment;
        if resets {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_follow_the_desired_count() {
        for (threshold, desired, expected) in [
            (Threshold::default(), 0, 3),
            (Threshold::default(), 1, 3),
            (Threshold::default(), 7, 4),
            (Threshold::default(), 25, 13),
            (Threshold::default(), 1000, 200),
            (Threshold::UnboundedPercent(50), 1000, 500),
            (Threshold::UnboundedPercent(10), 1, 1),
            (Threshold::Count(7), 1000, 7),
        ] {
            assert_eq!(threshold.failures(desired), expected, "{threshold:?} of {desired}");
        }
    }
}
