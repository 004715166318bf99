//! What a deployment group says of how a service's tasks are replaced.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How traffic goes from one task set to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum Traffic {
    /// At once.
    AllAtOnce,
    /// So much percent, and the rest so many minutes later.
    Canary {
        /// Percent.
        percent: u32,
        /// Minutes.
        minutes: u32,
    },
    /// So much percent each time, so many minutes apart.
    Linear {
        /// Percent.
        percent: u32,
        /// Minutes.
        minutes: u32,
    },
}

/// The deployment configurations that AWS has for ECS, and that everybody has (CodeDeploy user
/// guide, "Predefined deployment configurations for an Amazon ECS compute platform").
const CONFIGURATIONS: &[(&str, Traffic)] = &[
    ("CodeDeployDefault.ECSAllAtOnce", Traffic::AllAtOnce),
    (
        "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
        Traffic::Linear { percent: 10, minutes: 1 },
    ),
    (
        "CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
        Traffic::Linear { percent: 10, minutes: 3 },
    ),
    ("CodeDeployDefault.ECSCanary10Percent5Minutes", Traffic::Canary { percent: 10, minutes: 5 }),
    ("CodeDeployDefault.ECSCanary10Percent15Minutes", Traffic::Canary { percent: 10, minutes: 15 }),
];

impl Traffic {
    /// The one that a deployment configuration stands for.
    pub(in crate::sandbox) fn of(configuration: &str) -> Option<Self> {
        let found = CONFIGURATIONS.iter().find(|(name, _)| *name == configuration);
        found.map(|(_, traffic)| *traffic)
    }

    /// The replacement's percentage after it has `now`, and how long it stays there.
    pub(in crate::sandbox::ecs) fn after(self, now: u32) -> (u32, SignedDuration) {
        let minutes = |minutes: u32| SignedDuration::from_mins(i64::from(minutes));
        match self {
            Self::Canary { percent, minutes: wait } if now == 0 => (percent, minutes(wait)),
            Self::Linear { percent, minutes: wait } if now + percent < 100 => {
                (now + percent, minutes(wait))
            }
            _ => (100, SignedDuration::ZERO),
        }
    }
}

/// After what a deployment is rolled back by itself. Alarms are not among it: there are none here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct AutoRollback {
    /// `DEPLOYMENT_FAILURE`.
    pub(in crate::sandbox) on_failure: bool,
    /// `DEPLOYMENT_STOP_ON_REQUEST`.
    pub(in crate::sandbox) on_stop: bool,
}

/// All that a deployment goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Settings {
    /// The deployment configuration's name.
    pub(in crate::sandbox) configuration: String,
    /// How traffic is shifted.
    pub(in crate::sandbox) traffic: Traffic,
    /// For how many minutes somebody is waited for before traffic is shifted; `None` where nobody
    /// is. Who does not come in time has the deployment stopped.
    pub(in crate::sandbox) ready_wait: Option<u32>,
    /// For how many minutes the original task set is kept after that.
    pub(in crate::sandbox) termination_wait: u32,
    /// After what it is rolled back.
    pub(in crate::sandbox) auto_rollback: AutoRollback,
    /// The names of the two target groups.
    pub(in crate::sandbox) target_groups: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_goes_as_the_name_says() {
        let shares = |name: &str| {
            let traffic = Traffic::of(name).unwrap();
            let next = |now: &u32| (*now < 100).then(|| traffic.after(*now).0);
            std::iter::successors(Some(0), next).skip(1).collect::<Vec<u32>>()
        };
        assert_eq!(shares("CodeDeployDefault.ECSAllAtOnce"), [100]);
        assert_eq!(shares("CodeDeployDefault.ECSCanary10Percent5Minutes"), [10, 100]);
        assert_eq!(
            shares("CodeDeployDefault.ECSLinear10PercentEvery3Minutes"),
            [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
        );
        assert_eq!(Traffic::of("CodeDeployDefault.OneAtATime"), None);
    }
}
