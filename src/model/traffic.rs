//! The waits of deployments of CodeDeploy: what is planned, and how far one is.
//!
//! How far such a deployment is goes by the same shape as a rollout in stages of ECS's own, so that
//! it is shown, waited for and answered as those are. CodeDeploy tells when its lifecycle events
//! began and ended: the end of a wait is counted from there.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    code_deploy::{CodeDeployStatus, CodeDeployment},
    strategy::{HookDetail, Percent, StageProgress, TrafficSteps},
};

/// What CodeDeploy does where nobody comes, in the API's word.
const STOP_DEPLOYMENT: &str = "STOP_DEPLOYMENT";
/// Seconds in a minute, the unit of all of CodeDeploy's waits.
const MINUTE: u64 = 60;

/// How a deployment shifts traffic from one task set to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrafficShift {
    /// All of it at once.
    AllAtOnce,
    /// In steps.
    InSteps(TrafficSteps),
    /// CodeDeploy does not let us see it.
    Unknown,
}

/// The waits that a deployment group plans for each of its deployments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeDeployWaits {
    /// The deployment configuration, which says how traffic is shifted.
    pub configuration: String,
    /// How that is.
    pub shift: TrafficShift,
    /// For how many minutes at most somebody is waited for before traffic is shifted, where
    /// somebody is: `deploymentReadyOption` is `STOP_DEPLOYMENT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_minutes: Option<u32>,
    /// For how many minutes the original task set is kept after that:
    /// `terminationWaitTimeInMinutes`.
    pub termination_minutes: u32,
}

impl CodeDeployWaits {
    /// How traffic moves in steps, where it is known to.
    #[must_use]
    pub fn steps(&self) -> Option<TrafficSteps> {
        match self.shift {
            TrafficShift::InSteps(steps) => Some(steps),
            TrafficShift::AllAtOnce | TrafficShift::Unknown => None,
        }
    }

    /// How long a deployment takes at least that goes well: the waits between shifts, and that for
    /// the original task set. For how long somebody lets it wait is not known.
    #[must_use]
    pub fn planned(&self) -> Duration {
        let between =
            self.steps().map_or(0, |steps| steps.bake_minutes.saturating_mul(steps.waits));
        Duration::from_secs(u64::from(self.termination_minutes.saturating_add(between)) * MINUTE)
    }
}

/// What CodeDeploy tells of the service that a deployment moves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeDeployTarget {
    /// The lifecycle event that is under way, or has failed.
    pub event: Option<String>,
    /// The share of traffic that the new task set has.
    pub green: Option<Percent>,
    /// The share of traffic that the original task set has.
    pub blue: Option<Percent>,
    /// When traffic began to be shifted.
    pub shift_since: Option<Timestamp>,
    /// When the latest lifecycle event ended.
    pub last_end: Option<Timestamp>,
}

impl CodeDeployment {
    /// How far it is, by what is told of its service.
    #[must_use]
    pub fn stage(&self, target: &CodeDeployTarget) -> StageProgress {
        let is_ready = self.status == CodeDeployStatus::Ready;
        let event = target.event.clone().filter(|_| !is_ready);
        StageProgress {
            strategy: StageProgress::CODE_DEPLOY.to_owned(),
            stage: Some(event.unwrap_or_else(|| self.status.as_str().to_owned())),
            production: target.green,
            old_production: target.blue,
            test: None,
            until: self.until(target),
            hooks: is_ready.then(|| self.ready_wait(target)).into_iter().collect(),
        }
    }

    /// When the wait is over that it is in, where that is planned.
    fn until(&self, target: &CodeDeployTarget) -> Option<Timestamp> {
        let green = target.green?;
        if green.is_a_part() {
            let steps = self.waits.steps()?;
            let minutes = steps.bake_minutes.checked_mul(green.steps_of(steps.percent))?;
            return after(target.shift_since?, minutes);
        }
        let is_kept = self.status == CodeDeployStatus::Baking || self.is_terminating;
        let minutes = self.waits.termination_minutes;
        if is_kept && minutes > 0 { after(target.last_end?, minutes) } else { None }
    }

    /// That it waits for somebody, as a hook that is answered by the deployment's id.
    fn ready_wait(&self, target: &CodeDeployTarget) -> HookDetail {
        let since = target.last_end.or(self.created_at);
        HookDetail {
            id: self.id.to_string(),
            target_type: HookDetail::READY_WAIT.to_owned(),
            target: None,
            status: "AWAITING_ACTION".to_owned(),
            expires_at: since.and_then(|since| after(since, self.waits.ready_minutes?)),
            timeout_action: Some(STOP_DEPLOYMENT.to_owned()),
        }
    }
}

/// So many minutes after a moment.
fn after(moment: Timestamp, minutes: u32) -> Option<Timestamp> {
    moment.checked_add(SignedDuration::from_mins(minutes.into())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::made_by_code_deploy;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn steps(percent: f64, bake_minutes: u32, waits: u32) -> TrafficShift {
        TrafficShift::InSteps(TrafficSteps { percent: Percent::new(percent), bake_minutes, waits })
    }

    fn deployment(status: CodeDeployStatus, shift: TrafficShift) -> CodeDeployment {
        let waits = CodeDeployWaits {
            configuration: String::new(),
            shift,
            ready_minutes: Some(30),
            termination_minutes: 60,
        };
        CodeDeployment { waits, ..made_by_code_deploy("d-2", status) }
    }

    fn target(event: Option<&str>, green: f64) -> CodeDeployTarget {
        CodeDeployTarget {
            event: event.map(str::to_owned),
            green: Some(Percent::new(green)),
            blue: Some(Percent::new(100.0 - green)),
            shift_since: Some(at(10)),
            last_end: Some(at(20)),
        }
    }

    #[test]
    fn planned_are_the_waits_between_shifts_and_that_for_the_old_tasks() {
        use TrafficShift::{AllAtOnce, Unknown};
        let minutes = |shift| deployment(CodeDeployStatus::Created, shift).waits.planned() / 60;
        let all = [AllAtOnce, Unknown, steps(10.0, 5, 1), steps(10.0, 3, 9)].map(minutes);
        assert_eq!(all, [60, 60, 65, 87].map(Duration::from_secs));
    }

    #[test]
    fn the_next_shift_is_counted_from_the_first() {
        let linear = deployment(CodeDeployStatus::InProgress, steps(10.0, 3, 9));
        let until = |green| linear.stage(&target(Some("AllowTraffic"), green)).until;
        assert_eq!([0.0, 10.0, 40.0].map(until), [None, Some(at(13)), Some(at(22))]);
        let canary = deployment(CodeDeployStatus::InProgress, steps(5.0, 15, 1));
        assert_eq!(canary.stage(&target(Some("AllowTraffic"), 5.0)).until, Some(at(25)));
        let unknown = deployment(CodeDeployStatus::InProgress, TrafficShift::Unknown);
        assert_eq!(unknown.stage(&target(Some("AllowTraffic"), 10.0)).until, None);
    }

    #[test]
    fn the_old_tasks_are_kept_from_the_last_event_on() {
        let mut all = deployment(CodeDeployStatus::InProgress, TrafficShift::AllAtOnce);
        assert_eq!(all.stage(&target(None, 100.0)).until, None);
        all.is_terminating = true;
        assert_eq!(all.stage(&target(None, 100.0)).until, Some(at(80)));
        all.status = CodeDeployStatus::Baking;
        let stage = all.stage(&target(None, 100.0));
        assert_eq!((stage.stage.as_deref(), stage.until), (Some("Baking"), Some(at(80))));
    }

    #[test]
    fn that_somebody_is_waited_for_is_a_hook_with_its_end() {
        let ready = deployment(CodeDeployStatus::Ready, TrafficShift::AllAtOnce);
        let stage = ready.stage(&target(None, 0.0));
        assert_eq!(stage.stage.as_deref(), Some("Ready"));
        let [hook] = stage.hooks.as_slice() else { panic!("{stage:?}") };
        assert!(hook.awaits_action() && hook.is_ready_wait());
        assert_eq!((hook.id.as_str(), hook.expires_at), ("d-2", Some(at(50))));
        let going = deployment(CodeDeployStatus::InProgress, TrafficShift::AllAtOnce);
        assert!(going.stage(&target(Some("Install"), 0.0)).hooks.is_empty());
        // Nothing is known of its service.
        let stage = going.stage(&CodeDeployTarget::default());
        assert_eq!((stage.stage.as_deref(), stage.until), (Some("InProgress"), None));
    }
}
