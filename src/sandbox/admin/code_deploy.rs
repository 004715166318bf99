//! What a user does to services that CodeDeploy moves.

use serde::{Deserialize, Serialize};

use crate::sandbox::{
    Sandbox, SandboxError, Scope,
    codedeploy::admin::{self, Interference, Manner},
    ecs::admin::Viewpoint,
};

/// A service whose tasks CodeDeploy is to move from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// The deployment configuration, such as `CodeDeployDefault.ECSCanary10Percent5Minutes`.
    #[serde(default = "all_at_once")]
    pub config: String,
    /// Whether what fails or is stopped is rolled back.
    #[serde(default = "yes")]
    pub auto_rollback: bool,
    /// Whether somebody is waited for before traffic is shifted.
    #[serde(default)]
    pub wait_for_continue: bool,
    /// For how many minutes the original task set is kept after that.
    #[serde(default)]
    pub termination_wait: u32,
}

/// What a deployment group goes by that says nothing else.
fn all_at_once() -> String {
    "CodeDeployDefault.ECSAllAtOnce".to_owned()
}

/// Yes.
const fn yes() -> bool {
    true
}

/// What now moves a service's tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The application.
    pub application: String,
    /// The deployment group.
    pub group: String,
}

/// A deployment of CodeDeploy that somebody is to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopCodeDeploy {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its service's cluster.
    pub cluster: String,
    /// Its service.
    pub service: String,
    /// Whether it is rolled back.
    #[serde(default)]
    pub rollback: bool,
}

/// A deployment of CodeDeploy that somebody is to let go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContinueCodeDeploy {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its service's cluster.
    pub cluster: String,
    /// Its service.
    pub service: String,
}

/// A deployment that was interfered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interfered {
    /// Its id.
    pub deployment: String,
}

impl Sandbox {
    /// Has CodeDeploy move a service's tasks from now on.
    ///
    /// # Errors
    ///
    /// There is no such service, it is not steady, or the state cannot be used.
    pub fn hand_over(&self, over: &HandOver) -> Result<HandedOver, SandboxError> {
        let manner = Manner {
            configuration: &over.config,
            rolls_back: over.auto_rollback,
            waits: over.wait_for_continue,
            termination_wait: over.termination_wait,
        };
        let what = format!("give service `{}` to CodeDeploy", over.service);
        self.change(what, |transaction, now| {
            let from = Viewpoint { scope: &over.scope, now };
            let target = (over.cluster.as_str(), over.service.as_str());
            let (application, group) = admin::hand_over(transaction, from, target, &manner)?;
            Ok(HandedOver { application, group })
        })
    }

    /// Stops the deployment of a service, as somebody would in the console.
    ///
    /// # Errors
    ///
    /// None is under way, or the state cannot be used.
    pub fn stop_code_deploy(&self, stop: &StopCodeDeploy) -> Result<Interfered, SandboxError> {
        let what = format!("stop the deployment of service `{}`", stop.service);
        let interference = Interference::Stop { rolls_back: stop.rollback };
        self.change(what, |transaction, now| {
            let from = Viewpoint { scope: &stop.scope, now };
            let target = (stop.cluster.as_str(), stop.service.as_str());
            let deployment = admin::interfere(transaction, from, target, interference)?;
            Ok(Interfered { deployment })
        })
    }

    /// Has the deployment of a service go on where it waits for somebody.
    ///
    /// # Errors
    ///
    /// None is waiting, or the state cannot be used.
    pub fn continue_code_deploy(
        &self,
        go_on: &ContinueCodeDeploy,
    ) -> Result<Interfered, SandboxError> {
        let what = format!("continue the deployment of service `{}`", go_on.service);
        self.change(what, |transaction, now| {
            let from = Viewpoint { scope: &go_on.scope, now };
            let target = (go_on.cluster.as_str(), go_on.service.as_str());
            let deployment = admin::interfere(transaction, from, target, Interference::Continue)?;
            Ok(Interfered { deployment })
        })
    }
}
