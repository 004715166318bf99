//! What a plan is made of: what goes in, and the steps that come out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use serde::Serialize;

use super::{document::FieldChange, restart::Restarted};
use crate::model::{
    BeforeTask, CodeDeployOrder, ContainerName, DeploymentKind, DeploymentNumber, Digest,
    EcsDeploymentId, EnvironmentId, ImageId, Label, ObservedService, ParameterName, ProjectId,
    ReleaseHash, ReleaseNumber, ReleasedImage, RunTask, Selection, ServiceId, Step, StepBefore,
    StepTarget, Strategy, TaskDefinition, TaskDefinitionArn,
};

/// Where the images of a deployment come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum ImageSource {
    /// The SSM parameters of a label.
    Label(Label),
    /// What was last verified in another environment.
    Environment(EnvironmentId),
    /// An existing release.
    Release(ReleaseNumber),
    /// The command line, which names every one.
    Given,
}

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "label `{label}`"),
            Self::Environment(id) => write!(f, "environment `{id}`"),
            Self::Release(number) => write!(f, "release {number}"),
            Self::Given => f.write_str("the command line"),
        }
    }
}

/// The images wanted, and where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// Where they come from.
    pub source: ImageSource,
    /// The images at exact digests.
    pub images: BTreeMap<ImageId, ReleasedImage>,
    /// The digests of the platforms of those that are indexes.
    pub platforms: BTreeMap<ImageId, Vec<Digest>>,
    /// The subject of the commit each was built from, where the local repository has it.
    pub subjects: BTreeMap<ImageId, String>,
}

/// Everything that was seen of one service before planning.
#[derive(Debug, Clone)]
pub struct ServicePicture {
    /// The service.
    pub service: ServiceId,
    /// Whether it was asked for; false when it moves only because it shares an image.
    pub selected: bool,
    /// Which image goes into which container.
    pub containers: BTreeMap<ContainerName, ImageId>,
    /// The one-off task that comes before the service moves to another image.
    pub before_task: Option<RunTask>,
    /// Whether what it is set to was never verified, although the record knows the service: its
    /// rollout was left alone, or somebody else made it.
    pub unverified: bool,
    /// What ECS says of it.
    pub observed: ObservedService,
    /// Its family's latest ACTIVE revision.
    pub latest: TaskDefinition,
    /// The revision it is set to, where that is another one.
    pub current: Option<TaskDefinition>,
    /// What was verified last, where somebody has moved the service on since, past this tool.
    pub drifted: Option<TaskDefinitionArn>,
    /// The values of the environment's SSM parameters, by image; absent where there is none.
    pub parameters: BTreeMap<ImageId, String>,
    /// The digests its PRIMARY deployment runs, by container, as far as they are known.
    pub digests: BTreeMap<ContainerName, Digest>,
}

impl ServicePicture {
    /// The revision the service is set to.
    #[must_use]
    pub fn running(&self) -> &TaskDefinition {
        self.current.as_ref().unwrap_or(&self.latest)
    }
}

/// What [`plan`](super::plan) works from.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// The project.
    pub project: ProjectId,
    /// Where to.
    pub environment: EnvironmentId,
    /// What was asked for.
    pub selection: Selection,
    /// The images.
    pub wanted: Wanted,
    /// The services to look at: those selected, and those that share one of the images.
    pub pictures: Vec<ServicePicture>,
    /// The services that are restarted once the others are verified, unless they move themselves.
    pub restarts: Vec<Restarted>,
    /// What the caller leaves out on purpose, with the reason.
    pub left_out: BTreeMap<ServiceId, String>,
    /// Whether a service that is as wanted has a step all the same, because one was begun.
    pub keep_settled: bool,
    /// Whether circuit breakers are turned on, with rollback, for services that move.
    pub enable_circuit_breaker: bool,
    /// What is deployed all the same, although it stands against it.
    pub insist: Insistence,
    /// What sort of change it is, by which hints name flags that its command has.
    pub kind: DeploymentKind,
}

/// What is deployed over, knowingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Insistence {
    /// A rollback by ECS that is under way.
    pub on_rollback: bool,
    /// Bounds that leave no room to replace a task.
    pub on_dead_lock: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The project.
    pub project: ProjectId,
    /// Where to.
    pub environment: EnvironmentId,
    /// What was asked for.
    pub selection: Selection,
    /// The images, and where they come from.
    pub wanted: Wanted,
    /// What is done, one step a service, in this order.
    pub steps: Vec<PlannedStep>,
    /// The services that are as wanted and will not be touched.
    pub unchanged: Vec<UnchangedService>,
    /// The services that are left out on purpose, with the reason.
    pub left_out: BTreeMap<ServiceId, String>,
    /// What the user should know before saying yes.
    pub warnings: Vec<Warning>,
    /// What there is to know beside.
    pub notes: Vec<Note>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The consent to carry the plan out.
    #[must_use]
    pub fn approve(self) -> ApprovedPlan {
        ApprovedPlan(self)
    }

    /// Whether nothing is done but restarts.
    #[must_use]
    pub fn only_restarts(&self) -> bool {
        self.steps.iter().all(|step| step.restart)
    }

    /// Leaves out one-off tasks: all of what goes back, or moves nothing; and all where somebody
    /// wants that, which is said.
    pub fn settle_tasks(&mut self, kind: DeploymentKind, skip: bool) {
        if kind != DeploymentKind::Deploy {
            for step in &mut self.steps {
                step.before_task = None;
            }
        } else if skip {
            self.skip_tasks();
        }
    }

    /// Leaves out all one-off tasks, and says so.
    fn skip_tasks(&mut self) {
        for step in &mut self.steps {
            let Some(task) = step.before_task.take() else { continue };
            step.skipped_task = Some(task.clone());
            self.warnings.push(Warning {
                service: step.service.clone(),
                text: format!("is moved without its one-off task `{}`", task.line()),
                hint: "leave `--skip-before` away to have it run".to_owned(),
            });
        }
    }

    /// The services that the plan may touch.
    #[must_use]
    pub fn services(&self) -> BTreeSet<ServiceId> {
        self.steps.iter().map(|step| step.service.clone()).collect()
    }
}

/// A plan that somebody said yes to.
#[derive(Debug, Clone)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// The plan, to be carried out.
    #[must_use]
    pub fn into_plan(self) -> Plan {
        self.0
    }
}

/// What is done to one service, in this order: register, write parameters, move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// The service.
    pub service: ServiceId,
    /// Whether it was asked for; false when it moves only because it shares an image.
    pub selected: bool,
    /// Whether it is only restarted, with what it runs, once all others are verified.
    pub restart: bool,
    /// Where, and what it is to run.
    #[serde(flatten)]
    pub target: StepTarget,
    /// What is there now; goes into the record before the first effect.
    pub before: StepBefore,
    /// The release hash that runs now, by image.
    pub running: BTreeMap<ImageId, ReleaseHash>,
    /// The one-off task that is run from the revision before anything is moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_task: Option<RunTask>,
    /// The one-off task that is left out, as somebody wishes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped_task: Option<RunTask>,
    /// The deployment whose one-off task of this service has an end that nobody knows, where the
    /// task is run, or left out, all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers_for: Option<DeploymentNumber>,
    /// The revision to move to.
    pub revision: Revision,
    /// What differs between the revision that the service is set to and the new one.
    pub changes: Vec<FieldChange>,
    /// The SSM parameters to write.
    pub parameters: Vec<ParameterChange>,
    /// What is asked of the service.
    pub rollout: Rollout,
    /// The digests that each container's running tasks may have in the end, where they are known:
    /// the image's own, and those of its platforms where it is an index.
    pub digests: BTreeMap<ContainerName, BTreeSet<Digest>>,
    /// How many tasks the service wants.
    pub desired: i32,
    /// Whether ECS itself ends the rollout when tasks keep failing.
    pub circuit_breaker: bool,
    /// How ECS carries the rollout out, where that is not by replacing tasks in place.
    #[serde(skip_serializing_if = "is_rolling")]
    pub strategy: Strategy,
    /// What CodeDeploy is asked for with, where it moves the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_deploy: Option<CodeDeployOrder>,
}

/// Whether tasks are replaced in place.
fn is_rolling(strategy: &Strategy) -> bool {
    !strategy.is_staged()
}

impl PlannedStep {
    /// How long its rollout takes at least, by the waits that ECS or CodeDeploy is set to have.
    #[must_use]
    pub fn bakes(&self) -> Duration {
        match &self.code_deploy {
            Some(order) => order.waits.planned(),
            None => self.strategy.bakes(),
        }
    }

    /// A step of the record that is over: there is nothing to do for it.
    #[must_use]
    pub fn ended(step: &Step) -> Self {
        let ecs_deployment = step.before.ecs_deployment.clone();
        Self {
            service: step.service.clone(),
            selected: true,
            restart: step.restart,
            target: step.target.clone(),
            before: step.before.clone(),
            running: BTreeMap::new(),
            before_task: None,
            skipped_task: None,
            answers_for: None,
            revision: Revision::None,
            changes: Vec::new(),
            parameters: Vec::new(),
            rollout: Rollout::Settled { ecs_deployment },
            digests: BTreeMap::new(),
            desired: 0,
            circuit_breaker: true,
            strategy: Strategy::default(),
            code_deploy: None,
        }
    }

    /// Whether a new revision is registered for it.
    #[must_use]
    pub fn registers(&self) -> bool {
        matches!(self.revision, Revision::New { .. })
    }

    /// The step's record before anything is done.
    #[must_use]
    pub fn record(&self) -> Step {
        Step {
            digests: if self.restart { BTreeMap::new() } else { self.digests.clone() },
            restart: self.restart,
            before_task: self.task_record(),
            ..Step::new(self.service.clone(), self.target.clone(), self.before.clone())
        }
    }

    /// The record of its one-off task before anything is done.
    fn task_record(&self) -> Option<BeforeTask> {
        let task = match (&self.before_task, &self.skipped_task) {
            (Some(run), _) => BeforeTask::new(run.clone()),
            (None, Some(run)) => BeforeTask::skipped(run.clone()),
            (None, None) => return None,
        };
        Some(BeforeTask { answers_for: self.answers_for, ..task })
    }
}

/// The task definition a service is moved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Revision {
    /// None: nothing is done for the service.
    None,
    /// The family's latest ACTIVE revision has the wanted content already.
    Existing {
        /// That revision.
        task_definition: TaskDefinitionArn,
    },
    /// A new one: a copy of the family's latest ACTIVE revision with other images, or, on the way
    /// back, of the revision that ran before.
    New {
        /// The revision it is copied from.
        base: TaskDefinitionArn,
        /// The family's latest ACTIVE revision, as it was seen.
        #[serde(skip)]
        latest: TaskDefinitionArn,
        /// The body of the request.
        #[serde(skip)]
        request: String,
    },
}

/// A parameter to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParameterChange {
    /// The image it names.
    pub image: ImageId,
    /// Its name.
    pub name: ParameterName,
    /// Its value now.
    pub from: Option<String>,
    /// Its value to be: the URI, byte for byte. None where the parameter goes, because it was not
    /// there before.
    pub to: Option<String>,
}

/// What is asked of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Rollout {
    /// `UpdateService` with the revision.
    Update {
        /// With `forceNewDeployment`, because the task definition is the same and the image
        /// behind its URI is another, or the last rollout of it failed.
        force: bool,
    },
    /// Nothing: a rollout of the wanted revision is under way, and is followed to its end.
    Adopt {
        /// That rollout.
        ecs_deployment: EcsDeploymentId,
    },
    /// Nothing: the service runs the wanted revision; only parameters are out of step.
    Settled {
        /// Its deployment.
        ecs_deployment: Option<EcsDeploymentId>,
    },
}

/// A service that is as wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnchangedService {
    /// The service.
    pub service: ServiceId,
    /// What it runs.
    pub task_definition: TaskDefinitionArn,
    /// The release hash it runs, by image.
    pub running: BTreeMap<ImageId, ReleaseHash>,
}

/// Something that is good to know, of several services or of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What, one sentence.
    pub text: String,
    /// What can be done about it, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Something to know before saying yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The service it is about.
    pub service: ServiceId,
    /// The warning, one sentence.
    pub text: String,
    /// What can be done about it.
    pub hint: String,
}
