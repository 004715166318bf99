//! How a service's deployments go, as somebody else sets it in the console, and the hooks that they
//! wait for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::sandbox::{
    FunctionAnswer, Sandbox, SandboxError, Scope,
    ecs::{self, admin::Viewpoint},
};

/// A strategy, with the percent of traffic of its first step. As text: `rolling`, `blue-green`,
/// `linear[=PERCENT]` or `canary[=PERCENT]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StrategyMode {
    /// Tasks are replaced a few at a time.
    Rolling,
    /// All traffic goes over at once.
    BlueGreen,
    /// It goes over in equal steps.
    Linear(Option<f64>),
    /// A little goes over first.
    Canary(Option<f64>),
}

/// Why a text is no strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a strategy: `rolling`, `blue-green`, `linear[=PERCENT]` and `canary[=PERCENT]` are"
)]
pub struct StrategyModeError(String);

impl FromStr for StrategyMode {
    type Err = StrategyModeError;

    fn from_str(text: &str) -> Result<Self, StrategyModeError> {
        let wrong = || StrategyModeError(text.to_owned());
        let (name, percent) = match text.split_once('=') {
            Some((name, percent)) => (name, Some(percent.parse().map_err(|_no_number| wrong())?)),
            None => (text, None),
        };
        match (name, percent) {
            ("rolling", None) => Ok(Self::Rolling),
            ("blue-green", None) => Ok(Self::BlueGreen),
            ("linear", percent) => Ok(Self::Linear(percent)),
            ("canary", percent) => Ok(Self::Canary(percent)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for StrategyMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rolling => f.pad("rolling"),
            Self::BlueGreen => f.pad("blue-green"),
            Self::Linear(None) => f.pad("linear"),
            Self::Linear(Some(percent)) => f.pad(&format!("linear={percent}")),
            Self::Canary(None) => f.pad("canary"),
            Self::Canary(Some(percent)) => f.pad(&format!("canary={percent}")),
        }
    }
}

impl TryFrom<String> for StrategyMode {
    type Error = StrategyModeError;

    fn try_from(text: String) -> Result<Self, StrategyModeError> {
        text.parse()
    }
}

impl From<StrategyMode> for String {
    fn from(mode: StrategyMode) -> Self {
        mode.to_string()
    }
}

/// A function that a deployment asks at a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LambdaHook {
    /// The stage, for example `POST_TEST_TRAFFIC_SHIFT`.
    pub stage: String,
    /// The function's name, or its ARN.
    pub function: String,
}

/// A service whose deployments are to go in another way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetStrategy {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// How.
    pub strategy: StrategyMode,
    /// The minutes of the bake time.
    #[serde(default)]
    pub bake: u32,
    /// The minutes between steps of traffic; the API's default where there is nothing here.
    #[serde(default)]
    pub step_bake: Option<u32>,
    /// The alarms that end a deployment.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// Whether a deployment that an alarm ends is not rolled back.
    #[serde(default)]
    pub no_alarm_rollback: bool,
    /// The stages at which deployments wait for somebody.
    #[serde(default)]
    pub pause_hooks: Vec<String>,
    /// The functions that deployments ask.
    #[serde(default)]
    pub lambda_hooks: Vec<LambdaHook>,
    /// The minutes after which a hook has waited too long; the API's default where there is nothing
    /// here.
    #[serde(default)]
    pub hook_timeout: Option<u32>,
    /// Whether a deployment goes on then, and not back.
    #[serde(default)]
    pub continue_on_timeout: bool,
}

impl SetStrategy {
    /// `deploymentConfiguration`.
    fn configuration(&self) -> Value {
        let mut told = Map::new();
        let mut tell = |name: &str, value: Value| told.insert(name.to_owned(), value);
        let step = |percent: Option<f64>, share: &str, bake: &str| {
            let members =
                [(share, percent.map(Value::from)), (bake, self.step_bake.map(Value::from))];
            let given = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
            given.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()
        };
        let name = match self.strategy {
            StrategyMode::Rolling => "ROLLING",
            StrategyMode::BlueGreen => "BLUE_GREEN",
            StrategyMode::Linear(percent) => {
                let steps = step(percent, "stepPercent", "stepBakeTimeInMinutes");
                tell("linearConfiguration", steps.into());
                "LINEAR"
            }
            StrategyMode::Canary(percent) => {
                let steps = step(percent, "canaryPercent", "canaryBakeTimeInMinutes");
                tell("canaryConfiguration", steps.into());
                "CANARY"
            }
        };
        tell("strategy", name.into());
        tell("bakeTimeInMinutes", self.bake.into());
        tell(
            "alarms",
            json!({
                "alarmNames": self.alarms,
                "enable": !self.alarms.is_empty(),
                "rollback": !self.alarms.is_empty() && !self.no_alarm_rollback,
            }),
        );
        tell("lifecycleHooks", self.hooks());
        Value::Object(told)
    }

    /// `lifecycleHooks`.
    fn hooks(&self) -> Value {
        let action = if self.continue_on_timeout { "CONTINUE" } else { "ROLLBACK" };
        let mut timeout = json!({ "action": action });
        if let (Some(minutes), Some(members)) = (self.hook_timeout, timeout.as_object_mut()) {
            members.insert("timeoutInMinutes".to_owned(), minutes.into());
        }
        let pauses = self.pause_hooks.iter().map(|stage| {
            json!({
                "targetType": "PAUSE", "lifecycleStages": [stage], "timeoutConfiguration": timeout,
            })
        });
        let functions = self.lambda_hooks.iter().map(|hook| {
            json!({
                "targetType": "AWS_LAMBDA", "hookTargetArn": self.arn(&hook.function),
                "roleArn": self.scope.iam_arn("role/deployment-hooks"),
                "lifecycleStages": [hook.stage], "timeoutConfiguration": timeout,
            })
        });
        pauses.chain(functions).collect()
    }

    /// The ARN of a function.
    fn arn(&self, function: &str) -> String {
        if function.starts_with("arn:") {
            return function.to_owned();
        }
        self.scope.arn("lambda", &format!("function:{function}"))
    }
}

/// A deployment that waits at a pause hook and is to go on, or back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContinueDeployment {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its service's name.
    pub service: String,
    /// Whether it is to go back.
    #[serde(default)]
    pub rollback: bool,
}

/// What a function of lifecycle hooks answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetHook {
    /// The function's name, or its ARN.
    pub function: String,
    /// What it answers.
    pub answer: FunctionAnswer,
}

impl Sandbox {
    /// Sets how a service's deployments go from the next one on; that is no deployment.
    ///
    /// # Errors
    ///
    /// There is no such service, ECS refuses it, or the state cannot be used.
    pub fn set_strategy(&self, set: &SetStrategy) -> Result<(), SandboxError> {
        let SetStrategy { scope, cluster, service, .. } = set;
        let settings = json!({ "deploymentConfiguration": set.configuration() });
        self.change(format!("set the strategy of `{service}`"), |transaction, now| {
            let from = Viewpoint { scope, now };
            ecs::admin::update_service(transaction, from, (cluster, service), settings)
        })
    }

    /// Lets a deployment that waits at a pause hook go on, or go back.
    ///
    /// # Errors
    ///
    /// There is no such service, none of its deployments waits, or the state cannot be used.
    pub fn continue_deployment(&self, to: &ContinueDeployment) -> Result<(), SandboxError> {
        let ContinueDeployment { scope, cluster, service, rollback } = to;
        self.change(format!("continue the deployment of `{service}`"), |transaction, now| {
            let from = Viewpoint { scope, now };
            ecs::admin::continue_deployment(transaction, from, (cluster, service), *rollback)
        })
    }

    /// Says what a function of lifecycle hooks answers from now on.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn set_hook(&self, set: &SetHook) -> Result<(), SandboxError> {
        self.state.transact(|transaction| {
            let now = self.now(transaction)?;
            ecs::admin::set_function(transaction, &set.function, set.answer, now)
        })
    }

    /// What functions of lifecycle hooks answer, but for those that succeed.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn hooks(&self) -> Result<Vec<SetHook>, SandboxError> {
        let found = self.state.transact(|transaction| ecs::admin::functions(transaction))?;
        Ok(found.into_iter().map(|(function, answer)| SetHook { function, answer }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_has_one_text_on_the_command_line_and_in_json() {
        for text in ["rolling", "blue-green", "linear", "linear=12.5", "canary", "canary=0.1"] {
            let mode: StrategyMode = text.parse().unwrap();
            assert_eq!(mode.to_string(), text);
            assert_eq!(serde_json::to_value(mode).unwrap(), text);
        }
        for text in ["", "green", "rolling=5", "blue-green=1", "linear=", "canary=x"] {
            assert!(text.parse::<StrategyMode>().is_err(), "{text}");
        }
    }
}
