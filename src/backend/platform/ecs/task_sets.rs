//! Services that CodeDeploy moves: their task sets, as the deployments that other services have.
//!
//! ECS tells which task set has the traffic, and nothing of what CodeDeploy is about to do. So the
//! group's latest deployment is looked at as well: what CodeDeploy works towards, or failed to
//! reach, is what such a service is set to. A task set goes by the id of the deployment that made
//! it; the first one, which nobody deployed, by its own.

use std::collections::BTreeMap;

use aws_sdk_ecs::types as sdk;

use super::{
    Ecs, EcsError,
    convert::{self, timestamp},
};
use crate::{
    backend::aws::in_parallel,
    model::{
        CapacityProvider, ClusterName, CodeDeployGroup, CodeDeployOrder, CodeDeployWaits,
        CodeDeployment, DeploymentController, EcsDeployment, EcsDeploymentId, EcsServiceName,
        ObservedCodeDeploy, ObservedService, RolloutState, TaskDefinitionArn, TrafficShift,
    },
};

/// One look at services, by cluster and name.
type Seen = BTreeMap<(ClusterName, EcsServiceName), ObservedService>;

/// What ECS itself tells of a service that CodeDeploy moves.
pub(super) fn observed(service: &sdk::Service) -> Option<ObservedCodeDeploy> {
    let is_it = convert::controller(service.deployment_controller());
    (is_it == DeploymentController::CodeDeploy).then(|| ObservedCodeDeploy {
        order: order(service),
        last: None,
        serving: None,
    })
}

/// The task sets of a service as deployments, the PRIMARY one first.
pub(super) fn deployments(service: &sdk::Service) -> Vec<EcsDeployment> {
    let mut sets: Vec<EcsDeployment> = service.task_sets().iter().filter_map(deployment).collect();
    sets.sort_by_key(|set| !set.is_primary);
    sets
}

/// A task set; none without an id.
fn deployment(set: &sdk::TaskSet) -> Option<EcsDeployment> {
    let own = set.id()?;
    let id = set.external_id().filter(|id| !id.is_empty()).unwrap_or(own);
    Some(EcsDeployment {
        id: EcsDeploymentId::new(id),
        task_set: Some(EcsDeploymentId::new(own)),
        is_primary: set.status() == Some("PRIMARY"),
        task_definition: set.task_definition().and_then(TaskDefinitionArn::parse),
        desired: set.computed_desired_count(),
        running: set.running_count(),
        pending: set.pending_count(),
        failed_tasks: 0,
        rollout_state: Some(RolloutState::Completed),
        rollout_state_reason: String::new(),
        created_at: timestamp(set.created_at()),
    })
}

/// What a deployment is asked for with, but for the group and its waits, which are not known yet.
fn order(service: &sdk::Service) -> Result<CodeDeployOrder, String> {
    let primary = service.task_sets().iter().find(|set| set.status() == Some("PRIMARY"));
    let of_set = primary.map_or(&[][..], sdk::TaskSet::load_balancers);
    let balancer = of_set.first().or_else(|| service.load_balancers().first());
    let target = balancer.and_then(|one| Some((one.container_name()?, one.container_port()?)));
    let (container, port) = target.ok_or_else(|| {
        "it is behind no target group, and CodeDeploy asks for the container that traffic goes to"
            .to_owned()
    })?;
    let providers = primary.map_or(&[][..], sdk::TaskSet::capacity_provider_strategy);
    let version =
        primary.and_then(sdk::TaskSet::platform_version).filter(|version| !version.is_empty());
    Ok(CodeDeployOrder {
        group: CodeDeployGroup { application: String::new(), group: String::new() },
        container: container.to_owned(),
        port,
        platform_version: version.map(str::to_owned),
        capacity_providers: providers
            .iter()
            .map(|one| CapacityProvider {
                name: one.capacity_provider().to_owned(),
                weight: one.weight(),
                base: one.base(),
            })
            .collect(),
        waits: CodeDeployWaits {
            configuration: String::new(),
            shift: TrafficShift::Unknown,
            ready_minutes: None,
            termination_minutes: 0,
        },
    })
}

impl Ecs {
    /// Adds what CodeDeploy says of the services that it moves.
    pub(super) async fn ask_code_deploy(&self, mut seen: Seen) -> Result<Seen, EcsError> {
        let moved: Vec<(ClusterName, EcsServiceName)> = seen
            .iter()
            .filter(|(_, service)| service.code_deploy.is_some())
            .map(|(key, _)| key.clone())
            .collect();
        if moved.is_empty() {
            return Ok(seen);
        }
        let asked = moved.iter().map(|key| self.code_deploy.latest(key));
        let answers = in_parallel(asked.collect()).await?;
        let ids: Vec<EcsDeploymentId> =
            answers.iter().flatten().filter_map(|found| found.last.clone()).collect();
        let known = self.code_deploy.deployments(&ids).await?;
        for (key, answer) in moved.iter().zip(answers) {
            let Some(service) = seen.get_mut(key) else { continue };
            let Some(code_deploy) = &mut service.code_deploy else { continue };
            match answer {
                Ok(found) => {
                    code_deploy.last = found.last.and_then(|id| known.get(&id).cloned());
                    if let Ok(order) = &mut code_deploy.order {
                        (order.group, order.waits) = (found.group, found.waits);
                    }
                }
                Err(reason) => code_deploy.order = Err(reason),
            }
            if let Some(last) = code_deploy.last.clone() {
                take_in(service, &last);
            }
        }
        Ok(seen)
    }
}

/// Makes what CodeDeploy works towards, or failed to reach, the PRIMARY deployment of a service.
fn take_in(service: &mut ObservedService, last: &CodeDeployment) {
    let goes_back = last.rolls_back.is_some() || last.rolled_back_by.is_some();
    if last.is_over() && !last.has_failed() {
        return;
    }
    if goes_back {
        take_in_rollback(service, last);
        return;
    }
    let words = format!("CodeDeploy says {} of {}", last.status.as_str(), last.id);
    let state = if last.is_over() { RolloutState::Failed } else { RolloutState::InProgress };
    let reason = if last.is_over() { last.failure() } else { words };
    let is_there = service.deployment(&last.id).is_some();
    if !is_there && last.is_over() {
        // Nothing is left of it.
        return;
    }
    if !is_there {
        service.deployments.push(not_made_yet(service.desired, last));
    }
    if last.is_over() {
        keep_serving(service, last);
    }
    lead(service, |one| one.id == last.id, (state, reason));
}

/// Keeps in mind which task set has production traffic beside a deployment that was given up: our
/// way back takes off what that one left.
fn keep_serving(service: &mut ObservedService, given_up: &CodeDeployment) {
    let primary = service.primary().map(|primary| primary.id.clone());
    if let Some(code_deploy) = &mut service.code_deploy {
        code_deploy.serving = primary.filter(|id| *id != given_up.id);
    }
}

/// Makes what is gone back to the PRIMARY deployment.
fn take_in_rollback(service: &mut ObservedService, last: &CodeDeployment) {
    let (ended, by) = match (&last.rolls_back, &last.rolled_back_by) {
        (Some(ended), _) => (ended.clone(), last.id.clone()),
        (None, Some(by)) => (last.id.clone(), by.clone()),
        (None, None) => return,
    };
    let has_failed = last.rolls_back.is_some() && last.has_failed();
    let state = if has_failed { RolloutState::Failed } else { RolloutState::InProgress };
    let reason = format!("CodeDeploy is rolling back {ended} with {by}");
    let target = service.deployments.iter().find(|one| one.id != ended).map(|one| one.id.clone());
    let Some(target) = target else { return };
    lead(service, |one| one.id == target, (state, reason));
    if let Some(first) = service.deployments.first_mut() {
        first.id = by;
    }
}

/// A task set that CodeDeploy has not made yet.
fn not_made_yet(desired: i32, last: &CodeDeployment) -> EcsDeployment {
    EcsDeployment {
        id: last.id.clone(),
        task_set: None,
        is_primary: false,
        task_definition: last.task_definition.clone(),
        desired,
        running: 0,
        pending: 0,
        failed_tasks: 0,
        rollout_state: None,
        rollout_state_reason: String::new(),
        created_at: last.created_at,
    }
}

/// Makes one deployment of a service the PRIMARY one.
fn lead(
    service: &mut ObservedService,
    is_it: impl Fn(&EcsDeployment) -> bool,
    (state, reason): (RolloutState, String),
) {
    for one in &mut service.deployments {
        one.is_primary = is_it(one);
        if one.is_primary {
            one.rollout_state = Some(state);
            one.rollout_state_reason.clone_from(&reason);
            service.task_definition.clone_from(&one.task_definition);
        }
    }
    service.deployments.sort_by_key(|one| !one.is_primary);
}
