//! What happens while a deployment is carried out: one type, emitted by the engine, read by
//! every reporter.

use serde::Serialize;

use super::{
    arn::{EcsDeploymentId, TaskDefinitionArn},
    deployment::DeploymentKind,
    evidence::{Evidence, LogLine},
    id::{ParameterName, ServiceId},
    observed::RolloutState,
    release::{DeploymentNumber, ReleaseNumber},
    strategy::{HookDetail, StageProgress},
    verdict::Verdict,
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The deployment is recorded; effects follow.
    DeploymentStarted {
        /// Its number.
        deployment: DeploymentNumber,
        /// What it deploys.
        release: ReleaseNumber,
        /// What sort of change it is.
        kind: DeploymentKind,
        /// The services, in the order they are started.
        services: Vec<ServiceId>,
    },
    /// A deployment that nobody worked on any more is gone on with.
    Resumed {
        /// Its number.
        deployment: DeploymentNumber,
        /// The services that are left.
        services: Vec<ServiceId>,
    },
    /// What the deployment has done is taken back.
    RollingBack {
        /// Its number.
        deployment: DeploymentNumber,
        /// The services that go back.
        services: Vec<ServiceId>,
    },
    /// A task definition was registered, or one with the wanted content was found.
    TaskDefinitionReady {
        /// The service.
        service: ServiceId,
        /// The revision.
        task_definition: TaskDefinitionArn,
        /// Whether it is new.
        registered: bool,
    },
    /// Something happened to the one-off task before a service's rollout.
    BeforeTask {
        /// The service.
        service: ServiceId,
        /// What.
        #[serde(flatten)]
        happening: TaskHappening,
    },
    /// An SSM parameter was written.
    ParameterWritten {
        /// The service.
        service: ServiceId,
        /// Its name.
        parameter: ParameterName,
        /// Its value; none when it was taken away, because it was not there before.
        value: Option<String>,
    },
    /// The service was told to move, or an equal rollout was found under way.
    RolloutStarted {
        /// The service.
        service: ServiceId,
        /// The ECS deployment.
        ecs_deployment: EcsDeploymentId,
        /// Whether it was already under way.
        adopted: bool,
    },
    /// A service's rollout was looked at.
    Progress(StepProgress),
    /// A hook of a rollout waits for somebody to say how it goes on: `release-tool continue`.
    HookAwaits {
        /// The deployment.
        deployment: DeploymentNumber,
        /// The service.
        service: ServiceId,
        /// The stage it waits at, in ECS's word.
        stage: Option<String>,
        /// The hook.
        hook: HookDetail,
    },
    /// ECS was asked to roll a rollout back that is still under way.
    RollbackRequested {
        /// The service.
        service: ServiceId,
        /// The ECS deployment.
        ecs_deployment: EcsDeploymentId,
    },
    /// The first tasks of a rollout fail; ECS goes on trying.
    Troubled {
        /// The service.
        service: ServiceId,
        /// What was collected so far.
        evidence: Evidence,
    },
    /// A rollout is failing; the verdict follows when ECS has settled.
    Failing {
        /// The service.
        service: ServiceId,
        /// Why, in one sentence.
        reason: String,
        /// What was collected so far.
        evidence: Evidence,
    },
    /// A service's rollout ended.
    StepFinished {
        /// The service.
        service: ServiceId,
        /// How.
        #[serde(flatten)]
        verdict: Verdict,
        /// What was collected, when it did not succeed.
        #[serde(skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
        /// Seconds since the step's first effect.
        seconds: u64,
    },
    /// What was done for a service is taken back, or could not be.
    PutBack {
        /// The service.
        service: ServiceId,
        /// What it was moved back to; none when it did not have to move.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<TaskDefinitionArn>,
        /// How that ended; `VERIFIED` is success.
        #[serde(flatten)]
        verdict: Verdict,
        /// What was collected, when it did not succeed.
        #[serde(skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
        /// Seconds since the first effect on the way back.
        seconds: u64,
    },
    /// A revision that failed, and that nothing uses any more, was deregistered.
    TaskDefinitionDeregistered {
        /// The service.
        service: ServiceId,
        /// The revision.
        task_definition: TaskDefinitionArn,
    },
    /// The command was told to stop: nothing more is started.
    Interrupted,
    /// A deployment is ended as it is: nothing more is begun, and what was is waited for.
    Aborting {
        /// The deployment.
        deployment: DeploymentNumber,
        /// Whether it is on its way back, and so goes on back.
        goes_back: bool,
        /// The services that are on their way.
        services: Vec<ServiceId>,
        /// For how long they are waited for at most.
        seconds: u64,
    },
    /// The command that works on a deployment was asked to stop, and is waited for.
    AskedToStop {
        /// The deployment.
        deployment: DeploymentNumber,
    },
    /// Another command asked this one to stop: nothing more is started.
    StopRequested {
        /// Who runs it.
        by: String,
    },
    /// A request was throttled; the work goes on, slower.
    Throttled {
        /// The operation.
        operation: String,
    },
    /// Something the user should know that stops nothing.
    Warning {
        /// What.
        text: String,
    },
}

/// What happens to a one-off task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "happening", rename_all = "snake_case")]
pub enum TaskHappening {
    /// It was asked for, or is taken up again.
    Started {
        /// The command, as a shell would take it.
        command: String,
        /// The task's id.
        task: String,
        /// Whether it was already asked for.
        adopted: bool,
    },
    /// It is in another status than before.
    Status {
        /// `lastStatus`.
        status: String,
    },
    /// Its container logged more.
    Log {
        /// The container.
        container: String,
        /// The new lines, oldest first. They are the container's own words: nobody vouches for them.
        lines: Vec<LogLine>,
    },
    /// It ended.
    Ended {
        /// The exit code of the container that had the command; none where it never ran.
        exit_code: Option<i32>,
    },
}

/// Whoever wants to hear what happens: a reporter, or a test.
pub trait Listener: Send + Sync {
    /// Takes note of one event. Must not block for long: the deployment waits for it.
    fn hear(&self, event: &Event);
}

/// How far a service's rollout is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepProgress {
    /// The service.
    pub service: ServiceId,
    /// ECS's state of our deployment.
    pub rollout_state: Option<RolloutState>,
    /// Our tasks that run.
    pub running: i32,
    /// Our tasks that start.
    pub pending: i32,
    /// How many are wanted.
    pub desired: i32,
    /// Old tasks that still run.
    pub old_tasks: i32,
    /// Our tasks that failed to start, in a row.
    pub failed_tasks: i32,
    /// Seconds since the step's first effect.
    pub seconds: u64,
    /// How far it is in the stages of its strategy, or of CodeDeploy's deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageProgress>,
}
