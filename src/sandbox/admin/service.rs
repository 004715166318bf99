//! What somebody else does to a service's settings and deployments: the same requests that a console
//! makes, without a line in the log and without a fault played on them.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::sandbox::{
    Sandbox, SandboxError, Scope, autoscaling,
    call::Call,
    ecs::{self, admin::Viewpoint},
};

/// A service that is to have another number of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleService {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// How many tasks.
    pub desired_count: u32,
}

/// A service whose deployment circuit breaker is to be switched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetBreaker {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// What the breaker does.
    pub breaker: BreakerMode,
}

/// What a service's deployment circuit breaker does when tasks keep failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerMode {
    /// Nothing: the service goes on trying.
    Off,
    /// It ends the deployment, and the service goes back.
    On,
    /// It ends the deployment, and the service stays.
    NoRollback,
}

/// Why a text says nothing of a circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not what a circuit breaker does: `off`, `on` and `no-rollback` are")]
pub struct BreakerModeError(String);

impl BreakerMode {
    /// All of them.
    const ALL: [Self; 3] = [Self::Off, Self::On, Self::NoRollback];

    /// As JSON has it, too.
    const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::NoRollback => "no-rollback",
        }
    }

    /// `deploymentCircuitBreaker`.
    fn configuration(self) -> Value {
        json!({ "enable": self != Self::Off, "rollback": self == Self::On })
    }
}

impl fmt::Display for BreakerMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for BreakerMode {
    type Err = BreakerModeError;

    fn from_str(text: &str) -> Result<Self, BreakerModeError> {
        let named = Self::ALL.into_iter().find(|mode| mode.name() == text);
        named.ok_or_else(|| BreakerModeError(text.to_owned()))
    }
}

/// A service whose deployment in progress is to be rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopDeployment {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
}

/// A service whose number of tasks is to be scaled by Application Auto Scaling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleBetween {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// The fewest tasks.
    pub min: u32,
    /// The most tasks.
    pub max: u32,
}

impl Sandbox {
    /// Has a service's number of tasks scaled between two bounds, as somebody else would.
    ///
    /// # Errors
    ///
    /// There is no such service, the bounds make no sense, or the state cannot be used.
    pub fn scale_between(&self, bounds: &ScaleBetween) -> Result<(), SandboxError> {
        let ScaleBetween { scope, cluster, service, min, max } = bounds;
        self.change(format!("scale service `{service}` by itself"), |transaction, now| {
            let call = Call {
                scope: scope.clone(),
                operation: "RegisterScalableTarget".to_owned(),
                body: Bytes::new(),
                now,
                caller: scope.iam_arn("user/somebody-else"),
            };
            let id = format!("service/{cluster}/{service}");
            autoscaling::set(&call, transaction, (&id, *min, *max))
        })
    }

    /// Changes how many tasks a service wants, as somebody else would; that is no deployment.
    ///
    /// # Errors
    ///
    /// There is no such service, or the state cannot be used.
    pub fn scale_service(&self, scale: &ScaleService) -> Result<(), SandboxError> {
        let ScaleService { scope, cluster, service, desired_count } = scale;
        let settings = json!({ "desiredCount": desired_count });
        self.change(format!("scale service `{service}`"), |transaction, now| {
            let from = Viewpoint { scope, now };
            ecs::admin::update_service(transaction, from, (cluster, service), settings)
        })
    }

    /// Switches a service's deployment circuit breaker, as somebody else would; that is no
    /// deployment.
    ///
    /// # Errors
    ///
    /// There is no such service, or the state cannot be used.
    pub fn set_breaker(&self, set: &SetBreaker) -> Result<(), SandboxError> {
        let SetBreaker { scope, cluster, service, breaker } = set;
        let configuration = json!({ "deploymentCircuitBreaker": breaker.configuration() });
        let settings = json!({ "deploymentConfiguration": configuration });
        self.change(format!("switch the circuit breaker of `{service}`"), |transaction, now| {
            let from = Viewpoint { scope, now };
            ecs::admin::update_service(transaction, from, (cluster, service), settings)
        })
    }

    /// Has a service's deployment in progress rolled back, as "Roll back" in the console does.
    ///
    /// # Errors
    ///
    /// There is no such service or no deployment of it in progress, or the state cannot be used.
    pub fn stop_deployment(&self, stop: &StopDeployment) -> Result<(), SandboxError> {
        let StopDeployment { scope, cluster, service } = stop;
        self.change(format!("stop the deployment of `{service}`"), |transaction, now| {
            let from = Viewpoint { scope, now };
            ecs::admin::stop_deployment(transaction, from, cluster, service)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breaker_has_one_text_on_the_command_line_and_in_json() {
        for mode in BreakerMode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
        assert!("yes".parse::<BreakerMode>().is_err());
    }
}
