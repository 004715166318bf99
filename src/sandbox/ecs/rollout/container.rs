//! The containers of a task.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{super::fate::Fate, revision::ContainerSpec};

/// `healthStatus` of a container or task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox::ecs) enum Health {
    /// Nothing is checked, or not long enough yet.
    #[default]
    Unknown,
    /// The check passes.
    Healthy,
    /// The check fails.
    Unhealthy,
}

/// A container of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Container {
    /// What it is to run.
    pub(in crate::sandbox::ecs) spec: ContainerSpec,
    /// Whether it was given another command than its task definition's.
    #[serde(default)]
    pub(in crate::sandbox::ecs) has_own_command: bool,
    /// What was pulled.
    pub(in crate::sandbox::ecs) digest: Option<String>,
    /// What becomes of it, known once its image is pulled.
    pub(in crate::sandbox::ecs) fate: Fate,
    /// The exit code, once it has exited.
    pub(in crate::sandbox::ecs) exit_code: Option<i32>,
    /// Why it never ran.
    pub(in crate::sandbox::ecs) reason: Option<String>,
    /// What its health check says.
    pub(in crate::sandbox::ecs) health: Health,
}

impl Container {
    /// A container that is yet to be pulled.
    pub(super) fn new(spec: &ContainerSpec) -> Self {
        Self {
            spec: spec.clone(),
            has_own_command: false,
            digest: None,
            fate: Fate::Healthy,
            exit_code: None,
            reason: None,
            health: Health::Unknown,
        }
    }

    /// When it will exit by itself, and how, if it started at `start`.
    pub(super) fn exit(&self, start: Timestamp) -> Option<(Timestamp, i32)> {
        self.fate.exit(start).filter(|_| self.exit_code.is_none())
    }

    /// Whether its failing health check ends a service's task.
    pub(super) fn fails_its_task(&self) -> bool {
        self.spec.essential && self.fate == Fate::Unhealthy
    }
}
