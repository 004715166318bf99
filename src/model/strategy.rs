//! ECS's own strategies beside the rolling one (blue/green, linear, canary): how a service is set
//! to be deployed, and how far such a rollout is.
//!
//! The words of strategies, stages and statuses are kept as ECS writes them: what comes later than
//! this program is shown, and never an error.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use super::{arn::ServiceRevisionId, observed::ServiceDeployment};

/// The stage in which both versions run after all traffic has moved.
const BAKE_TIME: &str = "BAKE_TIME";
/// Seconds in a minute, the unit of all of ECS's bake times.
const MINUTE: u64 = 60;

/// A share in percent, exact to the tenth, which is all that ECS takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    /// Tenths of a percent, at most 1,000.
    tenths: u16,
}

impl Percent {
    /// All of it.
    pub const ALL: Self = Self { tenths: 1000 };

    /// Rounds to tenths; what is out of bounds is brought into them.
    #[must_use]
    pub fn new(percent: f64) -> Self {
        let tenths = format!("{:.0}", (percent * 10.0).clamp(0.0, 1000.0));
        Self { tenths: tenths.parse().unwrap_or_default() }
    }

    /// How many steps of this share it takes to get to all of it; none for a share of nothing.
    #[must_use]
    pub fn steps_to_all(self) -> u32 {
        Self::ALL.steps_of(self)
    }

    /// How many steps of some share were taken to get here.
    #[must_use]
    pub fn steps_of(self, step: Self) -> u32 {
        if step.tenths == 0 { 0 } else { u32::from(self.tenths.div_ceil(step.tenths)) }
    }

    /// Whether it is more than nothing and less than all.
    #[must_use]
    pub fn is_a_part(self) -> bool {
        self.tenths > 0 && self < Self::ALL
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.tenths / 10, self.tenths % 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenth) => write!(f, "{whole}.{tenth}"),
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.tenths) / 10.0)
    }
}

/// How a service is set to be deployed: `deploymentConfiguration.strategy` and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Strategy {
    /// ECS's word: `ROLLING`, `BLUE_GREEN`, `LINEAR`, `CANARY`, or one that came later.
    pub name: String,
    /// For how many minutes both versions run once all traffic has moved.
    pub bake_minutes: u32,
    /// How traffic moves in steps, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift: Option<TrafficSteps>,
    /// What ECS waits for at some of the stages.
    pub hooks: Vec<LifecycleHook>,
}

/// How traffic moves in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TrafficSteps {
    /// The share that a step moves.
    pub percent: Percent,
    /// For how many minutes ECS waits after a step that leaves some traffic where it was.
    pub bake_minutes: u32,
    /// How many steps there are before the last.
    pub waits: u32,
}

/// A hook as a service is set to have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LifecycleHook {
    /// `PAUSE`, which waits for a person, or `AWS_LAMBDA`.
    pub target_type: String,
    /// The function, for those that call one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The stages it is called at.
    pub stages: Vec<String>,
    /// For how many minutes it may wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_minutes: Option<u32>,
    /// What ECS does then: `ROLLBACK` or `CONTINUE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_action: Option<String>,
}

impl Default for Strategy {
    fn default() -> Self {
        Self { name: Self::ROLLING.to_owned(), bake_minutes: 0, shift: None, hooks: Vec::new() }
    }
}

impl Strategy {
    /// ECS's word for the strategy that replaces tasks in place.
    pub const ROLLING: &'static str = "ROLLING";

    /// Whether ECS runs both versions side by side and moves traffic between them, in stages.
    #[must_use]
    pub fn is_staged(&self) -> bool {
        self.name != Self::ROLLING
    }

    /// How long a rollout takes at least that goes well: all its bakes. For how long a hook waits
    /// is not known.
    #[must_use]
    pub fn bakes(&self) -> Duration {
        let between = self.shift.map_or(0, |shift| shift.bake_minutes.saturating_mul(shift.waits));
        let minutes = u64::from(self.bake_minutes.saturating_add(between));
        Duration::from_secs(minutes * MINUTE)
    }
}

/// One of the two revisions of a service deployment, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionShare {
    /// The revision.
    pub revision: Option<ServiceRevisionId>,
    /// How many of its tasks are wanted.
    pub requested: i32,
    /// How many of them run.
    pub running: i32,
    /// How many of them are starting.
    pub pending: i32,
    /// Its share of test traffic, where ECS tells one.
    pub test: Option<Percent>,
    /// Its share of production traffic, where ECS tells one.
    pub production: Option<Percent>,
}

/// A hook of a service deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HookDetail {
    /// The id by which it is answered; that of the deployment where CodeDeploy waits.
    pub id: String,
    /// `PAUSE`, `AWS_LAMBDA`, or `READY_WAIT` of CodeDeploy.
    pub target_type: String,
    /// The function, for those that call one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `AWAITING_ACTION`, `IN_PROGRESS`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, or one that came later.
    pub status: String,
    /// When it waits no longer, by AWS's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What ECS does then: `ROLLBACK` or `CONTINUE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_action: Option<String>,
}

impl HookDetail {
    /// `DeploymentWaitType` of the CodeDeploy API where traffic is not shifted yet.
    pub const READY_WAIT: &'static str = "READY_WAIT";

    /// Whether it is a deployment of CodeDeploy that waits for somebody before it shifts traffic.
    #[must_use]
    pub fn is_ready_wait(&self) -> bool {
        self.target_type == Self::READY_WAIT
    }

    /// Whether it waits for somebody to say how it goes on.
    #[must_use]
    pub fn awaits_action(&self) -> bool {
        self.status == "AWAITING_ACTION"
    }

    /// Whether it is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.awaits_action() || self.status == "IN_PROGRESS"
    }

    /// Whether it did not let the deployment go on.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.status.as_str(), "FAILED" | "TIMED_OUT")
    }
}

/// What is answered to a hook that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HookAnswer {
    /// The deployment goes on.
    Continue,
    /// It goes back.
    Rollback,
}

impl HookAnswer {
    /// ECS's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Rollback => "ROLLBACK",
        }
    }
}

/// How far a rollout in stages is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageProgress {
    /// The strategy, in ECS's word; `CODE_DEPLOY` where CodeDeploy moves the service.
    pub strategy: String,
    /// The stage, in ECS's word; none before the first. With CodeDeploy its lifecycle event, or its
    /// status.
    pub stage: Option<String>,
    /// The share of production traffic that the new version has.
    pub production: Option<Percent>,
    /// The share of production traffic that the old version has.
    pub old_production: Option<Percent>,
    /// The share of test traffic that the new version has.
    pub test: Option<Percent>,
    /// When the wait of this stage is over, as far as that is planned: about, since ECS does not
    /// tell when a stage began.
    pub until: Option<Timestamp>,
    /// The hooks that are not over.
    pub hooks: Vec<HookDetail>,
}

impl StageProgress {
    /// ECS's word for the deployment controller, in place of a strategy's.
    pub const CODE_DEPLOY: &'static str = "CODE_DEPLOY";

    /// Whether CodeDeploy moves the service.
    #[must_use]
    pub fn is_of_code_deploy(&self) -> bool {
        self.strategy == Self::CODE_DEPLOY
    }
}

impl ServiceDeployment {
    /// How far it is in its stages. It is where it is now since `since`, or, where that is not
    /// known, since its last change.
    #[must_use]
    pub fn progress(&self, since: Option<Timestamp>) -> StageProgress {
        let green = self.target.as_ref();
        let production = green.and_then(|target| target.production);
        let until = self.wait(production).and_then(|minutes| {
            let wait = SignedDuration::from_mins(minutes.into());
            since.or(self.updated_at)?.checked_add(wait).ok()
        });
        StageProgress {
            strategy: self.strategy.name.clone(),
            stage: self.lifecycle_stage.clone(),
            production,
            old_production: self.sources.first().and_then(|source| source.production),
            test: green.and_then(|target| target.test),
            until,
            hooks: self.hooks.iter().filter(|hook| hook.is_open()).cloned().collect(),
        }
    }

    /// For how many minutes it stays where it is, where that is planned.
    fn wait(&self, production: Option<Percent>) -> Option<u32> {
        let minutes = match self.strategy.shift {
            _ if self.lifecycle_stage.as_deref() == Some(BAKE_TIME) => self.strategy.bake_minutes,
            Some(shift) if production.is_some_and(Percent::is_a_part) => shift.bake_minutes,
            _ => 0,
        };
        (minutes > 0).then_some(minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_to_the_tenth() {
        for (percent, words) in [(0.0, "0"), (2.5, "2.5"), (33.3, "33.3"), (100.0, "100")] {
            assert_eq!(Percent::new(percent).to_string(), words);
        }
        assert_eq!(Percent::new(1000.0), Percent::ALL);
        assert_eq!(serde_json::to_string(&Percent::new(2.5)).unwrap(), "2.5");
        assert_eq!(Percent::new(f64::NAN), Percent::new(0.0));
        let parts: Vec<bool> =
            [0.0, 0.1, 99.9, 100.0].map(|percent| Percent::new(percent).is_a_part()).into();
        assert_eq!(parts, [false, true, true, false]);
    }

    #[test]
    fn bakes_are_those_between_steps_and_the_last() {
        let shift = |percent, bake_minutes, waits| {
            Some(TrafficSteps { percent: Percent::new(percent), bake_minutes, waits })
        };
        let cases = [(None, 0, 0), (None, 5, 5), (shift(10.0, 15, 1), 10, 25)];
        for (shift, bake_minutes, minutes) in cases {
            let strategy = Strategy { bake_minutes, shift, ..Strategy::default() };
            assert_eq!(strategy.bakes(), Duration::from_secs(minutes * 60));
        }
        assert_eq!(Percent::new(30.0).steps_to_all(), 4);
        assert_eq!(Percent::new(10.0).steps_to_all(), 10);
        assert_eq!(Percent::new(0.0).steps_to_all(), 0);
    }
}
