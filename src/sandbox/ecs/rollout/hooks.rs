//! Lifecycle hooks at work: each is run once at every stage it is for.
//!
//! Invariant: a hook that has ended stays as it is, and a hook that has not will do something at the
//! moment [`HookRun::due`].

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    super::function::Answer,
    record::Status,
    state::ServiceState,
    strategy::{Hook, HookAction, HookTarget, Stage, minutes},
    world::World,
};

/// Has a pause hook of a service deployment in progress succeed or fail; tells whether one waited.
pub(in crate::sandbox::ecs) fn resolve(
    service: &mut ServiceState,
    (deployment, hook): (&str, &str),
    goes_on: bool,
    moment: Timestamp,
) -> bool {
    let record = service.service_deployments.first_mut();
    let record = record.filter(|one| one.id == deployment && one.status == Status::InProgress);
    let progress = record.and_then(|one| one.progress.as_mut());
    let mut waiting = progress.into_iter().flat_map(|progress| progress.hooks.iter_mut());
    let waits = |run: &&mut HookRun| run.id == hook && run.status == HookStatus::AwaitingAction;
    let Some(run) = waiting.find(waits) else { return false };
    run.status = if goes_on { HookStatus::Succeeded } else { HookStatus::Failed };
    service.wake(moment);
    true
}

/// How long a function takes to answer.
const ANSWERS_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// How long ECS waits before it calls a function again that said `IN_PROGRESS`.
const ASKS_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// `DeploymentLifecycleHookStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox::ecs) enum HookStatus {
    /// It waits for somebody's word.
    AwaitingAction,
    /// It waits for a function.
    InProgress,
    /// The deployment may go on.
    Succeeded,
    /// It may not.
    Failed,
    /// Nothing came in time.
    TimedOut,
}

/// A hook at a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct HookRun {
    /// The id of this run.
    pub(in crate::sandbox::ecs) id: String,
    /// What it waits for.
    pub(in crate::sandbox::ecs) target: HookTarget,
    /// How far it is.
    pub(in crate::sandbox::ecs) status: HookStatus,
    /// Until when it waits.
    pub(in crate::sandbox::ecs) expires_at: Timestamp,
    /// What happens then.
    pub(in crate::sandbox::ecs) timeout_action: HookAction,
    /// When its function answers next.
    pub(in crate::sandbox::ecs) answers_at: Option<Timestamp>,
    /// Whether its function broke off without an answer.
    #[serde(default)]
    broke_off: bool,
}

impl HookRun {
    /// A run that begins.
    pub(super) fn new(id: String, hook: &Hook, moment: Timestamp) -> Self {
        let is_pause = hook.target == HookTarget::Pause;
        Self {
            // `ecs-{hookType}-{id}` (ECS developer guide, "pause hooks").
            id: if is_pause { format!("ecs-pause-{id}") } else { id },
            target: hook.target.clone(),
            status: if is_pause { HookStatus::AwaitingAction } else { HookStatus::InProgress },
            expires_at: moment + minutes(hook.timeout),
            timeout_action: hook.timeout_action,
            answers_at: (!is_pause).then(|| moment + ANSWERS_AFTER),
            broke_off: false,
        }
    }

    /// Whether nothing more is to come of it.
    pub(super) fn has_ended(&self) -> bool {
        !matches!(self.status, HookStatus::AwaitingAction | HookStatus::InProgress)
    }

    /// When it does something next.
    pub(super) fn due(&self) -> Option<Timestamp> {
        (!self.has_ended())
            .then(|| self.answers_at.map_or(self.expires_at, |at| at.min(self.expires_at)))
    }

    /// Does what is due.
    pub(super) fn step(&mut self, moment: Timestamp, world: &World) {
        if self.has_ended() {
            return;
        }
        if let HookTarget::AwsLambda(arn) = &self.target
            && self.answers_at.is_some_and(|at| at <= moment)
        {
            self.answers_at = None;
            match world.functions.answer(arn, moment) {
                Answer::Succeed => self.status = HookStatus::Succeeded,
                Answer::Fail => self.status = HookStatus::Failed,
                Answer::Crash => {
                    self.status = HookStatus::Failed;
                    self.broke_off = true;
                }
                Answer::Hang => self.answers_at = Some(moment + ASKS_AGAIN),
            }
        }
        if !self.has_ended() && self.expires_at <= moment {
            self.status = HookStatus::TimedOut;
        }
    }

    /// Whether it ends the deployment.
    pub(super) fn has_failed(&self) -> bool {
        match self.status {
            HookStatus::Failed => true,
            HookStatus::TimedOut => self.timeout_action == HookAction::Rollback,
            _ => false,
        }
    }

    /// Whether nobody ended its pause in time.
    fn was_left_alone(&self) -> bool {
        self.target == HookTarget::Pause && self.status == HookStatus::TimedOut
    }

    /// What became of it, for the reason of the rollback. For a function that answers `FAILED` or
    /// breaks off the words are ECS's; AWS publishes none for one that does not answer in time, nor for
    /// a pause that somebody ended with a rollback.
    fn words(&self) -> String {
        let timed_out = self.status == HookStatus::TimedOut;
        match (&self.target, timed_out) {
            (HookTarget::AwsLambda(arn), false) if self.broke_off => {
                format!(
                    "ECS was unable to parse the response from {arn} due to HookStatus must not be null."
                )
            }
            (HookTarget::AwsLambda(arn), false) => {
                format!("Lifecycle hook target {arn} returned FAILED status.")
            }
            (HookTarget::AwsLambda(arn), true) => {
                format!("Lifecycle hook target {arn} timed out.")
            }
            (HookTarget::Pause, false) => {
                format!("A user rolled back at the pause hook {}.", self.id)
            }
            (HookTarget::Pause, true) => format!("The pause hook {} timed out.", self.id),
        }
    }
}

/// What completes "Service deployment rolled back because …" where hooks of a stage have failed. For a
/// pause that nobody ended in time, and for functions, it is as in the ECS developer guide,
/// "troubleshooting blue/green deployments".
pub(super) fn failure(stage: Stage, hooks: &[HookRun]) -> Option<String> {
    let failed: Vec<&HookRun> = hooks.iter().filter(|hook| hook.has_failed()).collect();
    let stage = stage.name();
    if failed.is_empty() {
        return None;
    }
    if failed.iter().all(|hook| hook.was_left_alone()) {
        return Some(format!("{stage} pause hook timed out."));
    }
    let words: Vec<String> = failed.into_iter().map(HookRun::words).collect();
    Some(format!("{stage} lifecycle hook(s) failed. {}", words.join(" ")))
}
