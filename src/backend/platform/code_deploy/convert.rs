//! From the SDK's types to ours.

use aws_sdk_codedeploy::types::{
    DeploymentInfo, EcsTarget, LifecycleEventStatus, RollbackInfo, TargetLabel, TimeRange,
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use crate::model::{CodeDeployStatus, CodeDeployment, EcsDeploymentId, TaskDefinitionArn};

/// A deployment; none without an id.
pub(super) fn deployment(info: &DeploymentInfo) -> Option<CodeDeployment> {
    let error = info.error_information();
    let id = |text: &str| EcsDeploymentId::new(text);
    let rollback = info.rollback_info();
    Some(CodeDeployment {
        id: id(info.deployment_id()?),
        status: status(info.status().map_or("", |status| status.as_str())),
        description: info.description().unwrap_or_default().to_owned(),
        task_definition: task_definition(info),
        has_hooks: has_hooks(info),
        error_code: error
            .and_then(|error| error.code())
            .map(|code| code.as_str().to_owned())
            .unwrap_or_default(),
        error: error.and_then(|error| error.message()).unwrap_or_default().to_owned(),
        rolled_back_by: rollback.and_then(RollbackInfo::rollback_deployment_id).map(id),
        rolls_back: rollback.and_then(RollbackInfo::rollback_triggering_deployment_id).map(id),
        created_at: info
            .create_time()
            .and_then(|time| Timestamp::from_nanosecond(time.as_nanos()).ok()),
    })
}

/// How far a deployment is.
fn status(word: &str) -> CodeDeployStatus {
    match word {
        "Created" => CodeDeployStatus::Created,
        "Queued" => CodeDeployStatus::Queued,
        "InProgress" => CodeDeployStatus::InProgress,
        "Baking" => CodeDeployStatus::Baking,
        "Ready" => CodeDeployStatus::Ready,
        "Succeeded" => CodeDeployStatus::Succeeded,
        "Failed" => CodeDeployStatus::Failed,
        "Stopped" => CodeDeployStatus::Stopped,
        other => CodeDeployStatus::Other(other.to_owned()),
    }
}

/// The task definition that an AppSpec names, in JSON or in YAML: the first full ARN of one in it.
fn task_definition(info: &DeploymentInfo) -> Option<TaskDefinitionArn> {
    let content = info.revision()?.app_spec_content()?.content()?;
    let words = content.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ','));
    words.into_iter().find_map(TaskDefinitionArn::parse)
}

/// The lifecycle events that functions can be called at (CodeDeploy user guide, "AppSpec 'hooks'
/// section for an Amazon ECS deployment").
const HOOKS: [&str; 5] = [
    "BeforeInstall",
    "AfterInstall",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AfterAllowTraffic",
];

/// Whether an AppSpec, in JSON or in YAML, names functions to be called.
fn has_hooks(info: &DeploymentInfo) -> bool {
    let spec = info.revision().and_then(|revision| revision.app_spec_content());
    let content = spec.and_then(|spec| spec.content()).unwrap_or_default();
    content.contains("Hooks") && HOOKS.iter().any(|hook| content.contains(hook))
}

/// Deployments asked for since a moment.
pub(super) fn range_since(since: Timestamp) -> TimeRange {
    TimeRange::builder().start(DateTime::from_secs(since.as_second())).build()
}

/// The lifecycle event that a deployment is at.
pub(super) fn event(target: &EcsTarget) -> Option<String> {
    let events = target.lifecycle_events();
    let current = events.iter().find(|event| {
        matches!(
            event.status(),
            Some(LifecycleEventStatus::InProgress | LifecycleEventStatus::Failed)
        )
    });
    current?.lifecycle_event_name().map(str::to_owned)
}

/// The percentage of traffic that the new task set has.
pub(super) fn traffic(target: &EcsTarget) -> Option<u8> {
    let mut sets = target.task_sets_info().iter();
    let new = sets.find(|set| set.task_set_label() == Some(&TargetLabel::Green))?;
    format!("{:.0}", new.traffic_weight().clamp(0.0, 100.0)).parse().ok()
}
