//! The nouns of `release-tool`: ids, images, releases, deployments, events and verdicts.
//!
//! Everything here is pure: no clock, no I/O, no AWS type. Values are parsed at the edge into
//! these types and not checked again inside. The words are those of the project's glossary
//! (`docs/glossary.md`), and each has one meaning.

mod actor;
mod arn;
mod audit;
mod code_deploy;
mod deployment;
mod ecr_registry;
mod event;
mod evidence;
mod failed_restart;
mod head;
mod id;
mod image;
mod label;
mod lock;
mod now;
mod observed;
mod release;
mod seen;
mod selection;
mod sign_in;
mod standing;
mod strategy;
mod task;
mod task_definition;
mod traffic;
mod verdict;

pub use actor::{Actor, CiJob};
pub use arn::{EcsDeploymentId, ServiceRevisionId, TaskDefinitionArn};
pub use audit::{AuditEvent, TimelineEntry};
#[cfg(test)]
pub(crate) use code_deploy::made_by_code_deploy;
pub use code_deploy::{
    CapacityProvider, CodeDeployGroup, CodeDeployOrder, CodeDeployStatus, CodeDeployment,
    ObservedCodeDeploy,
};
pub use deployment::{
    Compensation, Deployment, DeploymentKind, DeploymentStatus, OnFailure, Step, StepBefore,
    StepStatus, StepTarget,
};
pub use ecr_registry::EcrRegistry;
pub use event::{Event, Listener, StepProgress, TaskHappening};
pub use evidence::{
    Cause, ContainerExit, ContainerLog, Diagnosis, EVIDENCE_BYTES, Evidence, Gap, LogLine,
    StoppedTask, TASKS_KEPT, UnhealthyTarget, UnhealthyTask,
};
pub use failed_restart::{FailedRestart, Restarting};
pub use head::{ServiceHead, VerifiedHead};
pub use id::{
    AccountId, ClusterName, ContainerName, EcsServiceName, EnvironmentId, IdError, ImageId, Label,
    ParameterName, ProjectId, Region, ServiceId, ServiceSetId, TableName,
};
pub use image::{Digest, EcrRepository, ImageUri, ImageUriError, ReleaseHash};
pub use label::LabelRecord;
pub use lock::{CancelRequest, HeldLock, Hold, LockKind, ProcessId};
pub use now::{RevisionHashes, Running, ServiceNow};
pub use observed::{
    AlarmState, CircuitBreaker, DeploymentAlarms, DeploymentController, EcsDeployment,
    ObservedService, OtherTask, RolloutState, RunningTasks, ScalingBounds, ServiceDeployment,
    ServiceDeploymentStatus, ServiceEvent, ServiceRevision, ServiceRollback,
};
pub use release::{DeploymentNumber, Fingerprint, Release, ReleaseNumber, ReleasedImage};
pub use seen::{Seen, SeenTasks};
pub use selection::Selection;
pub use sign_in::{CredentialSource, SignIn, other_account};
pub use standing::ReleaseStanding;
pub use strategy::{
    HookAnswer, HookDetail, LifecycleHook, Percent, RevisionShare, StageProgress, Strategy,
    TrafficSteps,
};
pub use task::{BeforeTask, BeforeTaskStatus, RunTask};
pub use task_definition::{Tag, TaskDefinition, TaskDefinitionStatus};
pub use traffic::{CodeDeployTarget, CodeDeployWaits, TrafficShift};
pub use verdict::{RollbackCause, Verdict};
