//! How a deployment is to go: its strategy, its waits, its lifecycle hooks and the alarms that it
//! watches. It is taken from the service's settings when the deployment begins, and stays.
//!
//! Traffic is counted in thousandths, since shares are multiples of a tenth of a percent.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// All of the traffic.
pub(in crate::sandbox::ecs) const ALL: u32 = 1000;

/// `DeploymentStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox::ecs) enum Strategy {
    /// Tasks are replaced a few at a time.
    #[default]
    Rolling,
    /// New tasks come up beside the others, and get all traffic at once.
    BlueGreen,
    /// They get it in equal steps.
    Linear {
        /// The thousandths of each step.
        step: u32,
        /// The minutes after each step but the last.
        bake: u32,
    },
    /// They get a little first, and then all.
    Canary {
        /// The thousandths that they get first.
        first: u32,
        /// The minutes until they get all.
        bake: u32,
    },
}

/// A stage of a deployment: `ServiceDeploymentLifecycleStage`, in the order of the stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox::ecs) enum Stage {
    /// Where more than one service revision ran before.
    ReconcileService,
    /// Nothing has been started.
    PreScaleUp,
    /// New tasks come up.
    ScaleUp,
    /// They are up.
    PostScaleUp,
    /// Test traffic goes over to them.
    TestTrafficShift,
    /// They have the test traffic.
    PostTestTrafficShift,
    /// Before each shift of production traffic. The API's reference lists it as a stage, its model
    /// only as one for hooks; so a deployment comes by it only where a hook is for it.
    PreProductionTrafficShift,
    /// Production traffic goes over, or a step of it.
    ProductionTrafficShift,
    /// They have all of it.
    PostProductionTrafficShift,
    /// Both run, and alarms are watched.
    BakeTime,
    /// The other tasks go.
    CleanUp,
}

impl Stage {
    /// As the API writes it.
    pub(in crate::sandbox::ecs) const fn name(self) -> &'static str {
        match self {
            Self::ReconcileService => "RECONCILE_SERVICE",
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::ScaleUp => "SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
            Self::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Self::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Self::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Self::BakeTime => "BAKE_TIME",
            Self::CleanUp => "CLEAN_UP",
        }
    }
}

/// `DeploymentLifecycleHookAction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox::ecs) enum HookAction {
    /// The deployment goes on.
    Continue,
    /// It goes back.
    Rollback,
}

/// What a hook waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox::ecs) enum HookTarget {
    /// The answer of the function with this ARN.
    AwsLambda(String),
    /// Somebody's word.
    Pause,
}

/// A lifecycle hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Hook {
    /// What it waits for.
    pub(in crate::sandbox::ecs) target: HookTarget,
    /// The stages at which it does.
    pub(in crate::sandbox::ecs) stages: Vec<Stage>,
    /// For how many minutes.
    pub(in crate::sandbox::ecs) timeout: u32,
    /// What happens then.
    pub(in crate::sandbox::ecs) timeout_action: HookAction,
}

/// The alarms that end a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Alarms {
    /// Their names.
    pub(in crate::sandbox::ecs) names: Vec<String>,
    /// Whether the service goes back then.
    pub(in crate::sandbox::ecs) rollback: bool,
}

/// How a deployment is to go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Plan {
    /// Its strategy.
    pub(in crate::sandbox::ecs) strategy: Strategy,
    /// The minutes of its bake time.
    pub(in crate::sandbox::ecs) bake: u32,
    /// Its hooks.
    pub(in crate::sandbox::ecs) hooks: Vec<Hook>,
    /// Its alarms, where they are on.
    pub(in crate::sandbox::ecs) alarms: Option<Alarms>,
}

/// The bake time of a rolling deployment with alarms that has none set. ECS works it out from the
/// alarms, "less than 5 minutes".
const BAKE_WITH_ALARMS: SignedDuration = SignedDuration::from_mins(1);

impl Plan {
    /// Whether tasks come up beside the others, in stages.
    pub(in crate::sandbox::ecs) fn is_staged(&self) -> bool {
        self.strategy != Strategy::Rolling
    }

    /// The production traffic that new tasks have after so many shifts.
    pub(super) fn shifted(&self, shifts: u32) -> u32 {
        match self.strategy {
            Strategy::Linear { step, .. } => step.saturating_mul(shifts).min(ALL),
            Strategy::Canary { first, .. } if shifts <= 1 => first.min(ALL),
            Strategy::Rolling | Strategy::BlueGreen | Strategy::Canary { .. } => ALL,
        }
    }

    /// The wait after a shift that is not the last.
    pub(super) fn step_bake(&self) -> SignedDuration {
        match self.strategy {
            Strategy::Rolling | Strategy::BlueGreen => SignedDuration::ZERO,
            Strategy::Linear { bake, .. } | Strategy::Canary { bake, .. } => minutes(bake),
        }
    }

    /// The bake time.
    pub(super) fn bake_time(&self) -> SignedDuration {
        if self.bake == 0 && self.alarms.is_some() && !self.is_staged() {
            return BAKE_WITH_ALARMS;
        }
        minutes(self.bake)
    }

    /// The hooks for a stage.
    pub(super) fn hooks_at(&self, stage: Stage) -> impl Iterator<Item = &Hook> {
        self.hooks.iter().filter(move |hook| hook.stages.contains(&stage))
    }
}

/// So many minutes.
pub(super) fn minutes(count: u32) -> SignedDuration {
    SignedDuration::from_mins(i64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_goes_over_in_the_strategy_s_steps() {
        for (strategy, expected) in [
            (Strategy::BlueGreen, vec![1000]),
            (Strategy::Linear { step: 300, bake: 1 }, vec![300, 600, 900, 1000]),
            (Strategy::Linear { step: 1000, bake: 1 }, vec![1000]),
            (Strategy::Canary { first: 1, bake: 1 }, vec![1, 1000]),
            (Strategy::Canary { first: 1000, bake: 1 }, vec![1000]),
        ] {
            let plan = Plan { strategy, ..Plan::default() };
            let shifts = (1..).map(|shift| plan.shifted(shift));
            let mut seen = Vec::new();
            for traffic in shifts {
                seen.push(traffic);
                if traffic == ALL {
                    break;
                }
            }
            assert_eq!(seen, expected, "{strategy:?}");
        }
    }

    #[test]
    fn alarms_make_a_rolling_deployment_bake() {
        let alarms = Some(Alarms { names: Vec::new(), rollback: true });
        let rolling = Plan { alarms: alarms.clone(), ..Plan::default() };
        assert_eq!(rolling.bake_time(), BAKE_WITH_ALARMS);
        assert_eq!(Plan { bake: 7, ..rolling }.bake_time(), minutes(7));
        let blue_green = Plan { strategy: Strategy::BlueGreen, alarms, ..Plan::default() };
        assert_eq!(blue_green.bake_time(), SignedDuration::ZERO);
    }
}
