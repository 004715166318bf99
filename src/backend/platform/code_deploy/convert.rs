//! From the SDK's types to ours.

use aws_sdk_codedeploy::types::{
    BlueGreenDeploymentConfiguration, DeploymentConfigInfo, DeploymentInfo, DeploymentReadyAction,
    EcsTarget, LifecycleEvent, LifecycleEventStatus, RollbackInfo, TargetLabel, TimeRange,
    TrafficRoutingType,
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use crate::model::{
    CodeDeployStatus, CodeDeployTarget, CodeDeployWaits, CodeDeployment, EcsDeploymentId, Percent,
    TaskDefinitionArn, TrafficShift, TrafficSteps,
};

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
        waits: waits((info.deployment_config_name(), info.blue_green_deployment_configuration())),
        is_terminating: info.instance_termination_wait_time_started(),
        error_code: error
            .and_then(|error| error.code())
            .map(|code| code.as_str().to_owned())
            .unwrap_or_default(),
        error: error.and_then(|error| error.message()).unwrap_or_default().to_owned(),
        rolled_back_by: rollback.and_then(RollbackInfo::rollback_deployment_id).map(id),
        rolls_back: rollback.and_then(RollbackInfo::rollback_triggering_deployment_id).map(id),
        created_at: info.create_time().and_then(timestamp),
    })
}

/// A moment.
fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time.as_nanos()).ok()
}

/// A number of minutes, which the API has as a signed one.
fn minutes(minutes: i32) -> u32 {
    u32::try_from(minutes).unwrap_or_default()
}

/// The waits that a group or a deployment is set to have; how traffic is shifted is not told with
/// them.
pub(super) fn waits(
    (configuration, blue_green): (Option<&str>, Option<&BlueGreenDeploymentConfiguration>),
) -> CodeDeployWaits {
    let ready = blue_green.and_then(|one| one.deployment_ready_option());
    // The wait of the other action means nothing (CodeDeploy API reference).
    let waits = |action| action == Some(&DeploymentReadyAction::StopDeployment);
    let ready = ready.filter(|ready| waits(ready.action_on_timeout()));
    let terminate = blue_green.and_then(|one| one.terminate_blue_instances_on_deployment_success());
    CodeDeployWaits {
        configuration: configuration.unwrap_or_default().to_owned(),
        shift: TrafficShift::Unknown,
        ready_minutes: ready.map(|ready| minutes(ready.wait_time_in_minutes())),
        termination_minutes: terminate
            .map_or(0, |terminate| minutes(terminate.termination_wait_time_in_minutes())),
    }
}

/// How a deployment configuration shifts traffic.
pub(super) fn shift(info: Option<&DeploymentConfigInfo>) -> TrafficShift {
    let routing = info.and_then(DeploymentConfigInfo::traffic_routing_config);
    let canary = routing.and_then(|routing| routing.time_based_canary());
    let linear = routing.and_then(|routing| routing.time_based_linear());
    match (routing.and_then(|routing| routing.r#type()), canary, linear) {
        (Some(TrafficRoutingType::AllAtOnce), _, _) => TrafficShift::AllAtOnce,
        (_, Some(canary), _) => TrafficShift::InSteps(TrafficSteps {
            percent: Percent::new(f64::from(canary.canary_percentage())),
            bake_minutes: minutes(canary.canary_interval()),
            waits: 1,
        }),
        (_, None, Some(linear)) => {
            let percent = Percent::new(f64::from(linear.linear_percentage()));
            TrafficShift::InSteps(TrafficSteps {
                percent,
                bake_minutes: minutes(linear.linear_interval()),
                waits: percent.steps_to_all().saturating_sub(1),
            })
        }
        _ => TrafficShift::Unknown,
    }
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

/// What a deployment's target tells.
pub(super) fn target(target: &EcsTarget) -> CodeDeployTarget {
    let events = target.lifecycle_events();
    let is_shift = |event: &&LifecycleEvent| event.lifecycle_event_name() == Some("AllowTraffic");
    let shift = events.iter().find(is_shift);
    CodeDeployTarget {
        event: current(events),
        green: share(target, &TargetLabel::Green),
        blue: share(target, &TargetLabel::Blue),
        shift_since: shift.and_then(|event| timestamp(event.start_time()?)),
        last_end: events.iter().filter_map(|event| timestamp(event.end_time()?)).max(),
    }
}

/// The lifecycle event that a deployment is at.
fn current(events: &[LifecycleEvent]) -> Option<String> {
    let current = events.iter().find(|event| {
        matches!(
            event.status(),
            Some(LifecycleEventStatus::InProgress | LifecycleEventStatus::Failed)
        )
    });
    current?.lifecycle_event_name().map(str::to_owned)
}

/// The share of traffic that a task set has.
fn share(target: &EcsTarget, label: &TargetLabel) -> Option<Percent> {
    let mut sets = target.task_sets_info().iter();
    let set = sets.find(|set| set.task_set_label() == Some(label))?;
    Some(Percent::new(set.traffic_weight()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_codedeploy::types::{
        BlueInstanceTerminationOption, DeploymentReadyOption, TimeBasedCanary, TimeBasedLinear,
        TrafficRoutingConfig,
    };

    use super::*;

    #[test]
    fn only_who_stops_without_an_answer_waits_for_one() {
        let told = |action| {
            let ready = DeploymentReadyOption::builder().action_on_timeout(action);
            let terminate =
                BlueInstanceTerminationOption::builder().termination_wait_time_in_minutes(60);
            let configuration = BlueGreenDeploymentConfiguration::builder()
                .deployment_ready_option(ready.wait_time_in_minutes(20).build())
                .terminate_blue_instances_on_deployment_success(terminate.build())
                .build();
            let waits = waits((Some("Mine"), Some(&configuration)));
            (waits.ready_minutes, waits.termination_minutes)
        };
        assert_eq!(told(DeploymentReadyAction::StopDeployment), (Some(20), 60));
        assert_eq!(told(DeploymentReadyAction::ContinueDeployment), (None, 60));
        let nothing = waits((None, None));
        assert_eq!((nothing.ready_minutes, nothing.termination_minutes), (None, 0));
    }

    #[test]
    fn steps_are_read_as_the_configuration_has_them() {
        let info = |routing: TrafficRoutingConfig| {
            shift(Some(&DeploymentConfigInfo::builder().traffic_routing_config(routing).build()))
        };
        let steps = |percent, bake_minutes, waits| {
            let percent = Percent::new(percent);
            TrafficShift::InSteps(TrafficSteps { percent, bake_minutes, waits })
        };
        let routing = || TrafficRoutingConfig::builder();
        let all = routing().r#type(TrafficRoutingType::AllAtOnce).build();
        assert_eq!(info(all), TrafficShift::AllAtOnce);
        let canary = TimeBasedCanary::builder().canary_percentage(10).canary_interval(5).build();
        let canary =
            routing().r#type(TrafficRoutingType::TimeBasedCanary).time_based_canary(canary);
        assert_eq!(info(canary.build()), steps(10.0, 5, 1));
        let linear = TimeBasedLinear::builder().linear_percentage(30).linear_interval(2).build();
        let linear =
            routing().r#type(TrafficRoutingType::TimeBasedLinear).time_based_linear(linear);
        assert_eq!(info(linear.build()), steps(30.0, 2, 3));
        assert_eq!(shift(None), TrafficShift::Unknown);
    }
}
