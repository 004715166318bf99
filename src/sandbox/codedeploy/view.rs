//! What is told of groups, deployments and targets, in the API's own shapes.

use aws_sdk_codedeploy::types::{
    AppSpecContent, AutoRollbackConfiguration, AutoRollbackEvent, ComputePlatform,
    DeploymentCreator, DeploymentGroupInfo, DeploymentInfo, DeploymentOverview, DeploymentStatus,
    DeploymentTarget, DeploymentTargetType, EcsTarget, EcsTaskSet, ErrorInformation,
    LastDeploymentInfo, LifecycleEvent, LifecycleEventStatus, RevisionLocation,
    RevisionLocationType, RollbackInfo, TargetGroupInfo, TargetLabel, TargetStatus,
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::{app_spec::sha256, deployments::Found, groups::Group, targets};
use crate::sandbox::{
    call::{Fault, Scope},
    ecs::{
        admin::Viewpoint,
        blue_green::{
            AutoRollback, Creator, Deployment, Lifecycle, LifecycleStatus, Status, TaskSetCounts,
            counted,
        },
    },
    page,
    state::Transaction,
};

/// A moment as the SDK has it.
pub(super) fn time(moment: Timestamp) -> DateTime {
    DateTime::from_millis(moment.as_millisecond())
}

/// A name-based id in a UUID's form.
pub(super) fn uuid(text: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, text.as_bytes()).to_string()
}

/// A name-based id of a deployment.
pub(super) fn short_id(text: &str) -> String {
    crate::sandbox::ecs::blue_green::deployment_id(text)
}

/// A page of a hundred of a list that is sorted by its keys, and the token of the next.
pub(super) fn page(
    entries: Vec<(String, String)>,
    token: Option<&str>,
) -> Result<(Vec<String>, Option<String>), Fault> {
    let words = "The next token is not valid.";
    let after =
        page::after(token, "").map_err(|_bad| Fault::new("InvalidNextTokenException", words))?;
    let cut = page::cut(entries, &after, 100);
    Ok((cut.items, cut.next))
}

/// How far a deployment is.
pub(super) fn status(status: Status) -> DeploymentStatus {
    match status {
        Status::Created => DeploymentStatus::Created,
        Status::InProgress => DeploymentStatus::InProgress,
        Status::Ready => DeploymentStatus::Ready,
        Status::Baking => DeploymentStatus::Baking,
        Status::Succeeded => DeploymentStatus::Succeeded,
        Status::Failed => DeploymentStatus::Failed,
        Status::Stopped => DeploymentStatus::Stopped,
    }
}

/// A group, with what was last done.
pub(super) fn group(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    group: &Group,
) -> Result<DeploymentGroupInfo, Fault> {
    let input = &group.input;
    let deployments = group.service(transaction, from)?.map(|one| one.moves().deployments);
    let deployments = deployments.unwrap_or_default();
    let succeeded = deployments.iter().find(|one| one.status == Status::Succeeded);
    let builder = DeploymentGroupInfo::builder()
        .application_name(group.application())
        .deployment_group_id(&group.id)
        .deployment_group_name(group.name())
        .set_deployment_config_name(input.deployment_config_name.clone())
        .set_service_role_arn(input.service_role_arn.clone())
        .set_trigger_configurations(input.trigger_configurations.clone())
        .set_alarm_configuration(input.alarm_configuration.clone())
        .set_auto_rollback_configuration(input.auto_rollback_configuration.clone())
        .set_deployment_style(input.deployment_style.clone())
        .set_blue_green_deployment_configuration(input.blue_green_deployment_configuration.clone())
        .set_load_balancer_info(input.load_balancer_info.clone())
        .set_target_revision(succeeded.map(|one| revision(&one.content)))
        .set_last_successful_deployment(succeeded.map(last))
        .set_last_attempted_deployment(deployments.first().map(last))
        .compute_platform(ComputePlatform::Ecs);
    Ok(builder.set_ecs_services(input.ecs_services.clone()).build())
}

/// What a group tells of a deployment.
fn last(one: &Deployment) -> LastDeploymentInfo {
    LastDeploymentInfo::builder()
        .deployment_id(&one.id)
        .status(status(one.status))
        .create_time(time(one.created_at))
        .set_end_time(one.completed_at.map(time))
        .build()
}

/// An AppSpec.
fn revision(content: &str) -> RevisionLocation {
    let spec = AppSpecContent::builder().content(content).sha256(sha256(content)).build();
    RevisionLocation::builder()
        .revision_type(RevisionLocationType::AppSpecContent)
        .app_spec_content(spec)
        .build()
}

/// A deployment.
pub(super) fn deployment(found: &Found) -> DeploymentInfo {
    let (one, input) = (&found.deployment, &found.group.input);
    let failure = one.failure.as_ref().map(|failure| {
        let code = failure.code.as_str().into();
        ErrorInformation::builder().code(code).message(&failure.message).build()
    });
    DeploymentInfo::builder()
        .application_name(&one.application)
        .deployment_group_name(&one.group)
        .deployment_config_name(&one.settings.configuration)
        .deployment_id(&one.id)
        .revision(revision(&one.content))
        .status(status(one.status))
        .set_error_information(failure)
        .create_time(time(one.created_at))
        .set_start_time(one.started_at.map(time))
        .set_complete_time(one.completed_at.map(time))
        .deployment_overview(overview(one.status))
        .set_description(one.description.clone())
        .creator(match one.creator {
            Creator::User => DeploymentCreator::User,
            Creator::CodeDeployRollback => DeploymentCreator::CodeDeployRollback,
        })
        .ignore_application_stop_failures(false)
        .auto_rollback_configuration(auto_rollback(one.settings.auto_rollback))
        .update_outdated_instances_only(false)
        .set_rollback_info(rollback(one))
        .set_deployment_style(input.deployment_style.clone())
        .instance_termination_wait_time_started(one.status == Status::Baking)
        .set_blue_green_deployment_configuration(input.blue_green_deployment_configuration.clone())
        .set_load_balancer_info(input.load_balancer_info.clone())
        .compute_platform(ComputePlatform::Ecs)
        .build()
}

/// The one target in numbers.
fn overview(status: Status) -> DeploymentOverview {
    let one = |is_it: bool| i64::from(is_it);
    DeploymentOverview::builder()
        .pending(one(status == Status::Created))
        .in_progress(one(matches!(status, Status::InProgress | Status::Baking)))
        .succeeded(one(status == Status::Succeeded))
        .failed(one(matches!(status, Status::Failed | Status::Stopped)))
        .skipped(0)
        .ready(one(status == Status::Ready))
        .build()
}

/// After what it is rolled back.
fn auto_rollback(setting: AutoRollback) -> AutoRollbackConfiguration {
    let events = [
        (setting.on_failure, AutoRollbackEvent::DeploymentFailure),
        (setting.on_stop, AutoRollbackEvent::DeploymentStopOnRequest),
    ];
    let events: Vec<_> =
        events.into_iter().filter_map(|(is_on, event)| is_on.then_some(event)).collect();
    let builder = AutoRollbackConfiguration::builder().enabled(!events.is_empty());
    builder.set_events(Some(events)).build()
}

/// What rolls it back, or what it rolls back.
fn rollback(one: &Deployment) -> Option<RollbackInfo> {
    if one.rolled_back_by.is_none() && one.rolls_back.is_none() {
        return None;
    }
    let message = one.rolled_back_by.as_ref().map(|id| {
        format!("Deployment {} ended without success, and is rolled back by {id}.", one.id)
    });
    let info = RollbackInfo::builder().set_rollback_message(message);
    let info = info.set_rollback_deployment_id(one.rolled_back_by.clone());
    Some(info.set_rollback_triggering_deployment_id(one.rolls_back.clone()).build())
}

/// The service as a deployment's target.
pub(super) fn target(scope: &Scope, found: &Found) -> DeploymentTarget {
    let (cluster, service) = found.group.target();
    let one = &found.deployment;
    let is_newest = found.service.moves().deployments.first().is_some_and(|it| it.id == one.id);
    // What an earlier deployment moved is told by later ones.
    let sets = if is_newest { counted(&found.service) } else { Vec::new() };
    let sets =
        sets.into_iter().filter(|set| set.status != "DRAINING").map(|set| task_set(one, set));
    let target = EcsTarget::builder()
        .deployment_id(&one.id)
        .target_id(targets::id_of(found))
        .target_arn(scope.arn("ecs", &format!("service/{cluster}/{service}")))
        .last_updated_at(time(one.completed_at.or(one.started_at).unwrap_or(one.created_at)))
        .set_lifecycle_events(Some(one.lifecycle.iter().map(lifecycle).collect()))
        .status(match one.status {
            Status::Created => TargetStatus::Pending,
            Status::InProgress | Status::Baking => TargetStatus::InProgress,
            Status::Ready => TargetStatus::Ready,
            Status::Succeeded => TargetStatus::Succeeded,
            Status::Failed | Status::Stopped => TargetStatus::Failed,
        })
        .set_task_sets_info(Some(sets.collect()));
    DeploymentTarget::builder()
        .deployment_target_type(DeploymentTargetType::EcsTarget)
        .ecs_target(target.build())
        .build()
}

/// A lifecycle event.
fn lifecycle(event: &Lifecycle) -> LifecycleEvent {
    let status = match event.status {
        LifecycleStatus::Pending => LifecycleEventStatus::Pending,
        LifecycleStatus::InProgress => LifecycleEventStatus::InProgress,
        LifecycleStatus::Succeeded => LifecycleEventStatus::Succeeded,
        LifecycleStatus::Failed => LifecycleEventStatus::Failed,
        LifecycleStatus::Skipped => LifecycleEventStatus::Skipped,
    };
    LifecycleEvent::builder()
        .lifecycle_event_name(&event.name)
        .set_start_time(event.start.map(time))
        .set_end_time(event.end.map(time))
        .status(status)
        .build()
}

/// A task set: the replacement is the one that the deployment made.
fn task_set(one: &Deployment, set: TaskSetCounts) -> EcsTaskSet {
    let made_by = set.external_id.as_ref();
    let is_new = made_by == Some(&one.id)
        || (one.rolls_back.is_some() && made_by == one.rolls_back.as_ref());
    let group = set.target_group.as_deref().and_then(|arn| arn.split('/').nth(1));
    let group = group.map(|name| TargetGroupInfo::builder().name(name).build());
    EcsTaskSet::builder()
        .identifer(set.id)
        .desired_count(i64::from(set.desired))
        .pending_count(i64::from(set.pending))
        .running_count(i64::from(set.running))
        .status(set.status)
        .traffic_weight(f64::from(set.weight))
        .set_target_group(group)
        .task_set_label(if is_new { TargetLabel::Green } else { TargetLabel::Blue })
        .build()
}
