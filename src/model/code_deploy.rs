//! Services whose tasks CodeDeploy moves: what moves them, and how far it is.
//!
//! A deployment of CodeDeploy goes by its own id, `d-` and letters, also where a deployment of ECS
//! would go by `ecs-svc/<number>`: the task set that it makes carries that id.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    arn::{EcsDeploymentId, TaskDefinitionArn},
    traffic::CodeDeployWaits,
};

/// What moves a service's tasks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CodeDeployGroup {
    /// The application.
    pub application: String,
    /// The deployment group.
    pub group: String,
}

impl std::fmt::Display for CodeDeployGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.group, self.application)
    }
}

/// What a deployment is asked for with, beside the task definition: as the service has it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeDeployOrder {
    /// What moves the tasks.
    #[serde(flatten)]
    pub group: CodeDeployGroup,
    /// The container that traffic goes to.
    pub container: String,
    /// Its port.
    pub port: i32,
    /// The platform version, on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// The capacity providers, where the service has some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capacity_providers: Vec<CapacityProvider>,
    /// The waits that the group plans.
    pub waits: CodeDeployWaits,
}

/// One part of a capacity provider strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapacityProvider {
    /// Its name.
    pub name: String,
    /// Its share.
    pub weight: i32,
    /// How many tasks it gets first.
    pub base: i32,
}

/// What is seen of a service that CodeDeploy moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedCodeDeploy {
    /// What a deployment would be asked for with, or why none can be.
    pub order: Result<CodeDeployOrder, String>,
    /// The group's latest deployment.
    pub last: Option<CodeDeployment>,
    /// The task set that has production traffic, by ECS, where CodeDeploy gave its deployment up
    /// without going back: what that one left is nothing that the service is set to.
    pub serving: Option<EcsDeploymentId>,
}

impl ObservedCodeDeploy {
    /// The deployment that is under way.
    #[must_use]
    pub fn under_way(&self) -> Option<&CodeDeployment> {
        self.last.as_ref().filter(|last| !last.is_over())
    }
}

/// One deployment of CodeDeploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeDeployment {
    /// Its id.
    pub id: EcsDeploymentId,
    /// How far it is.
    pub status: CodeDeployStatus,
    /// What whoever asked for it said of it.
    pub description: String,
    /// What it moves the service to, where its AppSpec tells.
    pub task_definition: Option<TaskDefinitionArn>,
    /// Whether its AppSpec has lifecycle hooks.
    pub has_hooks: bool,
    /// The waits that are planned.
    pub waits: CodeDeployWaits,
    /// Whether the wait for the original task set has begun.
    pub is_terminating: bool,
    /// `errorInformation.code`, where it ended without success.
    pub error_code: String,
    /// CodeDeploy's words on that.
    pub error: String,
    /// The deployment that rolls this one back.
    pub rolled_back_by: Option<EcsDeploymentId>,
    /// The deployment that this one rolls back.
    pub rolls_back: Option<EcsDeploymentId>,
    /// When it was asked for, by AWS's clock.
    pub created_at: Option<Timestamp>,
}

/// `DeploymentStatus` of the CodeDeploy API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeDeployStatus {
    /// Asked for.
    Created,
    /// Waiting for its turn.
    Queued,
    /// Under way.
    InProgress,
    /// All traffic is shifted, and what ran before is kept for a while.
    Baking,
    /// Waiting for somebody before traffic is shifted.
    Ready,
    /// Done.
    Succeeded,
    /// Given up.
    Failed,
    /// Ended by somebody.
    Stopped,
    /// A status this program does not know, as CodeDeploy wrote it.
    Other(String),
}

impl CodeDeployStatus {
    /// CodeDeploy's word for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Created => "Created",
            Self::Queued => "Queued",
            Self::InProgress => "InProgress",
            Self::Baking => "Baking",
            Self::Ready => "Ready",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
            Self::Other(word) => word,
        }
    }
}

impl CodeDeployment {
    /// Whether it will not change any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(
            self.status,
            CodeDeployStatus::Succeeded | CodeDeployStatus::Failed | CodeDeployStatus::Stopped
        )
    }

    /// Whether it ended without success.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.is_over() && self.status != CodeDeployStatus::Succeeded
    }

    /// Why it ended without success, in one sentence.
    #[must_use]
    pub fn failure(&self) -> String {
        let status = self.status.as_str();
        match (self.error.as_str(), self.error_code.as_str()) {
            ("", "") => format!("CodeDeploy says {status} of {} and gives no reason", self.id),
            ("", code) => format!("CodeDeploy says {status} of {}: {code}", self.id),
            (words, "") => words.to_owned(),
            (words, code) => format!("{words} ({code})"),
        }
    }
}

/// A deployment of CodeDeploy of which nothing more is known, for tests.
#[cfg(test)]
#[must_use]
pub(crate) fn made_by_code_deploy(id: &str, status: CodeDeployStatus) -> CodeDeployment {
    CodeDeployment {
        id: EcsDeploymentId::new(id),
        status,
        description: String::new(),
        task_definition: None,
        has_hooks: false,
        waits: CodeDeployWaits {
            configuration: String::new(),
            shift: super::traffic::TrafficShift::AllAtOnce,
            ready_minutes: None,
            termination_minutes: 0,
        },
        is_terminating: false,
        error_code: String::new(),
        error: String::new(),
        rolled_back_by: None,
        rolls_back: None,
        created_at: None,
    }
}
