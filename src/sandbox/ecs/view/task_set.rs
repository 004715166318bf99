//! Task sets of a service whose tasks CodeDeploy moves.

use aws_sdk_ecs::{
    operation::create_service::CreateServiceInput,
    types::{self, Scale, ScaleUnit, StabilityStatus},
};

use super::{count, service::platform, time};
use crate::sandbox::{
    call::Call,
    ecs::{
        blue_green::weights,
        estate::Service,
        names,
        rollout::{Counts, ServiceState, Task},
        stored::Stored,
    },
};

/// A task set in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct TaskSetCounts {
    /// `ecs-svc/` and a number.
    pub(in crate::sandbox) id: String,
    /// The deployment that made it.
    pub(in crate::sandbox) external_id: Option<String>,
    /// `PRIMARY`, `ACTIVE` or `DRAINING`.
    pub(in crate::sandbox) status: &'static str,
    /// The percentage of traffic that it has.
    pub(in crate::sandbox) weight: u32,
    /// Tasks that are wanted.
    pub(in crate::sandbox) desired: u32,
    /// Tasks that run.
    pub(in crate::sandbox) running: u32,
    /// Tasks that start.
    pub(in crate::sandbox) pending: u32,
    /// The target group that its tasks are in.
    pub(in crate::sandbox) target_group: Option<String>,
}

/// A service's task sets, the PRIMARY one first; deleted ones as long as they have tasks.
fn sets(service: &Service) -> Vec<(TaskSetCounts, &ServiceState)> {
    let (primary, other) = weights(service);
    let sets = service.blue_green.as_ref();
    let made_by = sets.and_then(|sets| sets.external_id.clone());
    let mut all = vec![("PRIMARY", primary, made_by, &service.rollout)];
    for set in sets.iter().flat_map(|sets| &sets.other) {
        all.push(("ACTIVE", other, set.external_id.clone(), &set.state));
    }
    for set in sets.iter().flat_map(|sets| &sets.deleted) {
        if set.state.tasks.iter().any(Task::is_present) {
            all.push(("DRAINING", 0, set.external_id.clone(), &set.state));
        }
    }
    all.into_iter()
        .filter_map(|(status, weight, external_id, state)| {
            let counts = Counts::of(state.tasks.iter());
            let set = TaskSetCounts {
                id: format!("ecs-svc/{}", state.primary()?.number),
                external_id,
                status,
                weight,
                desired: state.desired,
                running: counts.running,
                pending: counts.pending,
                target_group: state.settings.target_groups.first().cloned(),
            };
            Some((set, state))
        })
        .collect()
}

/// A service's task sets in numbers.
pub(in crate::sandbox) fn counted(service: &Service) -> Vec<TaskSetCounts> {
    sets(service).into_iter().map(|(set, _)| set).collect()
}

/// A service's task sets as `DescribeServices` tells them; nobody makes some for others than
/// CodeDeploy.
pub(super) fn task_sets(call: &Call, service: &Service) -> Vec<types::TaskSet> {
    sets(service).into_iter().filter_map(|(set, state)| told(call, service, (set, state))).collect()
}

/// One of them.
fn told(
    call: &Call,
    service: &Service,
    (set, state): (TaskSetCounts, &ServiceState),
) -> Option<types::TaskSet> {
    let primary = state.primary()?;
    let revision = state.revision(primary.revision)?;
    let input = Stored::<CreateServiceInput>::from_json(&revision.snapshot).ok()?;
    let is_stable = state.is_steady;
    let balancers = input.load_balancers().iter().cloned().map(|mut one| {
        one.target_group_arn = set.target_group.clone().or(one.target_group_arn);
        one
    });
    Some(
        types::TaskSet::builder()
            .task_set_arn(names::task_set_arn(
                &call.scope,
                (&service.cluster, &service.name),
                &set.id,
            ))
            .id(set.id)
            .service_arn(names::service_arn(&call.scope, &service.cluster, &service.name))
            .cluster_arn(names::cluster_arn(&call.scope, &service.cluster))
            .started_by("CODE_DEPLOY")
            .set_external_id(set.external_id)
            .status(set.status)
            .task_definition(&revision.task_definition)
            .computed_desired_count(count(set.desired))
            .pending_count(count(set.pending))
            .running_count(count(set.running))
            .created_at(time(primary.created_at))
            .updated_at(time(primary.updated_at))
            .set_launch_type(input.launch_type.clone())
            .set_capacity_provider_strategy(input.capacity_provider_strategy.clone())
            .set_platform_version(platform(&input))
            .set_network_configuration(input.network_configuration.clone())
            .set_load_balancers(Some(balancers.collect()))
            .scale(Scale::builder().value(100.0).unit(ScaleUnit::Percent).build())
            .stability_status(if is_stable {
                StabilityStatus::SteadyState
            } else {
                StabilityStatus::Stabilizing
            })
            .build(),
    )
}
