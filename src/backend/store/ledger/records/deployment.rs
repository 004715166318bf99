//! Deployments: the main record, one record a step, and the entry that finds them by number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Record, fields};
use crate::{
    backend::store::StoreError,
    model::{
        Actor, CancelRequest, Deployment, DeploymentKind, DeploymentNumber, DeploymentStatus,
        EnvironmentId, OnFailure, ProjectId, ReleaseNumber, Selection, ServiceId, Step, StepBefore,
    },
};

/// A deployment without its steps; the members of [`Deployment`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct DeploymentRecord {
    /// Its number.
    pub(in super::super) number: DeploymentNumber,
    /// Its project.
    project: ProjectId,
    /// Where.
    pub(in super::super) environment: EnvironmentId,
    /// What was asked for.
    selection: Selection,
    /// What is deployed.
    release: ReleaseNumber,
    /// What sort of change it is.
    kind: DeploymentKind,
    /// How far it is.
    pub(in super::super) status: DeploymentStatus,
    /// Who asked for it.
    actor: Actor,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    description: Option<String>,
    /// When it was recorded.
    created_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    finished_at: Option<Timestamp>,
    /// The version of the program that started it.
    tool_version: String,
    /// What is done when a service fails.
    #[serde(default)]
    on_failure: OnFailure,
    /// For how many seconds a complete rollout has to stay so.
    #[serde(default)]
    settle_seconds: u64,
    /// What a rollback goes back from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    from_release: Option<ReleaseNumber>,
    /// Somebody's wish that it stops.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) cancel: Option<CancelRequest>,
    /// How many steps it has, to tell a whole deployment from one with a step lost.
    pub(in super::super) step_count: usize,
    /// The number of the lease that it was begun, or last gone on with, under.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) fence: Option<u64>,
}

impl Record for DeploymentRecord {
    const TYPE: &'static str = "deployment";
    const SCHEMA: u64 = 2;
}

impl DeploymentRecord {
    /// Takes a deployment apart.
    pub(in super::super) fn split(deployment: Deployment) -> (Self, Vec<Step>) {
        let record = Self {
            number: deployment.number,
            project: deployment.project,
            environment: deployment.environment,
            selection: deployment.selection,
            release: deployment.release,
            kind: deployment.kind,
            status: deployment.status,
            actor: deployment.actor,
            description: deployment.description,
            created_at: deployment.created_at,
            finished_at: deployment.finished_at,
            tool_version: deployment.tool_version,
            on_failure: deployment.on_failure,
            settle_seconds: deployment.settle_seconds,
            from_release: deployment.from_release,
            cancel: deployment.cancel,
            step_count: deployment.steps.len(),
            fence: None,
        };
        (record, deployment.steps)
    }

    /// Puts a deployment together.
    pub(in super::super) fn join(self, steps: Vec<Step>) -> Deployment {
        Deployment {
            number: self.number,
            project: self.project,
            environment: self.environment,
            selection: self.selection,
            release: self.release,
            kind: self.kind,
            status: self.status,
            actor: self.actor,
            description: self.description,
            created_at: self.created_at,
            finished_at: self.finished_at,
            tool_version: self.tool_version,
            on_failure: self.on_failure,
            settle_seconds: self.settle_seconds,
            from_release: self.from_release,
            cancel: self.cancel,
            steps,
        }
    }
}

/// What finds a deployment by its number, and by the services it is about. Never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct EntryRecord {
    /// Its number.
    pub(in super::super) number: DeploymentNumber,
    /// Where.
    pub(in super::super) environment: EnvironmentId,
    /// The services it has steps for.
    pub(in super::super) services: Vec<ServiceId>,
}

impl Record for EntryRecord {
    const TYPE: &'static str = "deployment_entry";
}

/// A step of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct StepRecord {
    /// Its place among the deployment's steps, from 0.
    pub(in super::super) position: usize,
    /// The step as the model has it.
    #[serde(flatten)]
    pub(in super::super) step: Step,
    /// What putting the service back found, at the top so that it can be written once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) compensation_before: Option<StepBefore>,
}

impl Record for StepRecord {
    const TYPE: &'static str = "step";
    const SCHEMA: u64 = 2;
}

impl StepRecord {
    /// A step at its place.
    pub(in super::super) fn new(position: usize, step: Step) -> Self {
        let compensation = step.compensation.as_ref();
        let compensation_before = compensation.map(|compensation| compensation.before.clone());
        Self { position, step, compensation_before }
    }

    /// The attribute that is written once.
    pub(in super::super) const BEFORE: &'static str = "before";
    /// The attribute that is written once when the service is put back.
    pub(in super::super) const COMPENSATION_BEFORE: &'static str = "compensation_before";
    /// The attributes that change after the deployment began. Those that a step lacks are absent.
    const CHANGING: [&'static str; 12] = [
        "status",
        "task_definition",
        "registered",
        "ecs_deployment",
        "verdict",
        "note",
        "evidence",
        "started_at",
        "finished_at",
        "compensation",
        "before_task",
        "seen",
    ];

    /// The attributes that a change of the step sets, and those it takes away.
    pub(in super::super) fn changes(
        &self,
    ) -> Result<(Map<String, Value>, Vec<String>), StoreError> {
        let mut members = fields(self)?;
        let mut set = Map::new();
        let mut remove = Vec::new();
        for name in Self::CHANGING {
            match members.remove(name) {
                Some(value) => {
                    set.insert(name.to_owned(), value);
                }
                None => remove.push(name.to_owned()),
            }
        }
        Ok((set, remove))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        backend::store::ledger::tests::support,
        model::{BeforeTask, ContainerName, RunTask},
    };

    #[test]
    fn every_member_of_a_step_is_either_fixed_or_changing() {
        let task = BeforeTask::new(RunTask {
            command: vec!["migrate".to_owned()],
            container: ContainerName::new("app").unwrap(),
            timeout_seconds: 9,
        });
        let step = Step { before_task: Some(task), ..support::full_step("web") };
        let record = StepRecord::new(0, step);
        let members = fields(&record).unwrap();
        let known: BTreeSet<&str> =
            ["position", "service", "target", StepRecord::BEFORE, StepRecord::COMPENSATION_BEFORE]
                .into_iter()
                .chain(StepRecord::CHANGING)
                .collect();
        assert_eq!(members.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    }
}
