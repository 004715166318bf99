//! What the sandbox's own commands do to its ECS, beside the API.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_ecs::types::LoadBalancer;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(in crate::sandbox) use super::estate::Viewpoint;
use super::{
    estate::{self, Cluster, Service, ServiceStatus},
    fate::{self, Fate, Fates},
    faults::{invalid, not_active},
    function::{self, Answer, Functions},
    images::{self, ONLY, TaskStart},
    names,
    rollout::{
        self, Rollout, ServiceState, StopCode, World, placement::Capacity, strategy::HookTarget,
    },
    services, settings,
    task_definitions::TaskDefinition,
    tasks,
};
use crate::sandbox::{
    SandboxError,
    call::{Call, Fault},
    codedeploy,
    state::Transaction,
};

/// Sets what becomes of tasks that pull an image from `now` on. See [`Fate`] for the fates; `image`
/// is an image URI, or the end of one after a `/`, such as `web:v2`. Healthy takes a fate back.
pub(in crate::sandbox) fn set_fate(
    transaction: &mut Transaction<'_>,
    image: &str,
    fate: Fate,
    now: Timestamp,
) -> Result<(), SandboxError> {
    let mut fates: Fates = transaction.get(ONLY)?.unwrap_or_default();
    fates.set(image, fate, now);
    transaction.put(ONLY, &fates)
}

/// Makes all images healthy from `now` on.
pub(in crate::sandbox) fn clear_fates(
    transaction: &mut Transaction<'_>,
    now: Timestamp,
) -> Result<(), SandboxError> {
    let mut fates: Fates = transaction.get(ONLY)?.unwrap_or_default();
    for (image, _) in fates.list() {
        fates.set(&image, Fate::Healthy, now);
    }
    transaction.put(ONLY, &fates)
}

/// The fates that are set, by the texts they are bound to, but for healthy ones.
pub(in crate::sandbox) fn fates(
    transaction: &Transaction<'_>,
) -> Result<Vec<(String, Fate)>, SandboxError> {
    let fates: Option<Fates> = transaction.get(ONLY)?;
    Ok(fates.unwrap_or_default().list())
}

/// The images that task definitions name.
pub(in crate::sandbox) fn images(
    transaction: &Transaction<'_>,
) -> Result<Vec<String>, SandboxError> {
    let found: Vec<(String, TaskDefinition)> = transaction.scan("")?;
    let containers = found.iter().flat_map(|(_, definition)| definition.containers());
    Ok(containers.map(|container| container.image).collect())
}

/// Whether a text that a fate is bound to means an image.
pub(in crate::sandbox) fn means_image(text: &str, image: &str) -> bool {
    fate::matches(text, image)
}

/// Whether a text that an answer is bound to means the function with an ARN.
pub(in crate::sandbox) fn means_function(text: &str, arn: &str) -> bool {
    function::is_meant(text, arn)
}

/// The functions that lifecycle hooks of services call, by their ARNs.
pub(in crate::sandbox) fn hook_functions(
    transaction: &Transaction<'_>,
) -> Result<BTreeSet<String>, SandboxError> {
    let found: Vec<(String, Service)> = transaction.scan("")?;
    let services = found.iter().map(|(_, service)| service);
    let hooks = services.flat_map(|service| &service.rollout.settings.plan.hooks);
    let functions = hooks.filter_map(|hook| match &hook.target {
        HookTarget::AwsLambda(arn) => Some(arn.clone()),
        HookTarget::Pause => None,
    });
    Ok(functions.collect())
}

/// Whether a cluster has a service, told by their names, that was not deleted.
pub(in crate::sandbox) fn has_service(
    transaction: &mut Transaction<'_>,
    call: &Call,
    (cluster, service): (&str, &str),
) -> Result<bool, SandboxError> {
    let found = estate::find_service(transaction, call.into(), cluster, service)?;
    Ok(found.is_some_and(|service| service.status(call.now) == ServiceStatus::Active))
}

/// Sets how long a task takes from PROVISIONING to RUNNING, give or take a fifth; 3 seconds unless
/// set. Stopping one takes two thirds of it.
pub(in crate::sandbox) fn set_task_start(
    transaction: &mut Transaction<'_>,
    duration: Duration,
) -> Result<(), SandboxError> {
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    transaction.put(ONLY, &TaskStart { millis })
}

/// Stops a task, told by id or ARN.
///
/// # Errors
/// As `StopTask`.
pub(in crate::sandbox) fn stop_task(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    cluster: &str,
    task: &str,
    reason: &str,
) -> Result<(), Fault> {
    let cluster = estate::cluster(transaction, from.scope, Some(cluster))?.name;
    let id = names::task_id(from.scope, &cluster, task)?;
    tasks::stop_task(transaction, from, (&cluster, id), (StopCode::UserInitiated, reason))
}

/// Takes the Spot capacity of a task back, told by id or ARN.
///
/// # Errors
/// There is no such cluster or task.
pub(in crate::sandbox) fn interrupt_task(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    cluster: &str,
    task: &str,
) -> Result<(), Fault> {
    let cluster = estate::cluster(transaction, from.scope, Some(cluster))?.name;
    let id = names::task_id(from.scope, &cluster, task)?;
    let stop = (StopCode::SpotInterruption, "Your Spot Task was interrupted.");
    tasks::stop_task(transaction, from, (&cluster, id), stop)
}

/// Tells whether there is room for tasks of a service.
///
/// # Errors
/// There is no such cluster or service.
pub(in crate::sandbox) fn set_capacity(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, service): (&str, &str),
    capacity: Capacity,
) -> Result<(), Fault> {
    change_service(transaction, from, (cluster, service), |service| {
        service.rollout.placement.capacity = capacity;
        service.rollout.disturb(from.now);
        Ok(())
    })
}

/// Puts a service behind a target group, as if it had always been there: its tasks are targets of
/// it from now on, also those that run already. No deployment begins.
///
/// # Errors
/// There is no such cluster or service, or the service has no such container.
pub(in crate::sandbox) fn balance(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, service): (&str, &str),
    balancer: LoadBalancer,
) -> Result<(), Fault> {
    change_service(transaction, from, (cluster, service), |service| {
        let named = balancer.container_name().unwrap_or_default();
        let is_named = |container: &rollout::ContainerSpec| container.name == named;
        let has_it = |revision: &rollout::Revision| revision.containers.iter().any(is_named);
        if !service.rollout.live_revisions().any(has_it) {
            let words = format!("The container {named} does not exist in the task definition.");
            return Err(invalid(words));
        }
        service.input.load_balancers = Some(vec![balancer]);
        service.rollout.settings = settings::of(&service.input)?;
        service.rollout.tasks.iter_mut().for_each(|task| task.balanced = true);
        Ok(())
    })
}

/// Changes a service that is ACTIVE, and keeps it.
fn change_service(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, service): (&str, &str),
    change: impl FnOnce(&mut Service) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let cluster = estate::cluster(transaction, from.scope, Some(cluster))?.name;
    let mut service = estate::service(transaction, from, &cluster, Some(service))?;
    if service.status(from.now) != ServiceStatus::Active {
        return Err(not_active());
    }
    change(&mut service)?;
    estate::catch_up(transaction, from, &mut service)?;
    Ok(estate::save(transaction, from.scope, &service)?)
}

/// Points a service at a task definition, as somebody else would with `UpdateService`, or with
/// CodeDeploy where that moves it.
///
/// # Errors
/// As `UpdateService`.
pub(in crate::sandbox) fn point_service(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    cluster: &str,
    service: &str,
    task_definition: &str,
) -> Result<(), Fault> {
    let cluster = estate::cluster(transaction, from.scope, Some(cluster))?.name;
    let mut service = estate::service(transaction, from, &cluster, Some(service))?;
    if service.status(from.now) != ServiceStatus::Active {
        return Err(not_active());
    }
    let target = (cluster.as_str(), service.name.as_str());
    if codedeploy::admin::deploy(transaction, from, target, task_definition)? {
        return Ok(());
    }
    services::redeploy(transaction, from, &mut service, Some(task_definition), false)?;
    Ok(estate::save(transaction, from.scope, &service)?)
}

/// Changes a service's settings, as somebody else would; `settings` has the members of
/// `UpdateService` beside cluster and service.
///
/// # Errors
/// As `UpdateService`.
pub(in crate::sandbox) fn update_service(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, service): (&str, &str),
    mut settings: Value,
) -> Result<(), Fault> {
    if let Some(members) = settings.as_object_mut() {
        members.insert("cluster".to_owned(), cluster.into());
        members.insert("service".to_owned(), service.into());
    }
    ask(transaction, from, "UpdateService", &settings).map(|_told| ())
}

/// Says what a function of a lifecycle hook answers from `now` on; told by its ARN or its name.
pub(in crate::sandbox) fn set_function(
    transaction: &mut Transaction<'_>,
    function: &str,
    answer: Answer,
    now: Timestamp,
) -> Result<(), SandboxError> {
    let mut functions: Functions = transaction.get(ONLY)?.unwrap_or_default();
    functions.set(function, answer, now);
    transaction.put(ONLY, &functions)
}

/// What functions answer, but for those that succeed.
pub(in crate::sandbox) fn functions(
    transaction: &Transaction<'_>,
) -> Result<Vec<(String, Answer)>, SandboxError> {
    let functions: Option<Functions> = transaction.get(ONLY)?;
    Ok(functions.unwrap_or_default().list())
}

/// Lets a deployment that waits at a pause hook go on, or go back, as somebody else would.
///
/// # Errors
/// As `ContinueServiceDeployment`; an `InvalidParameterException` where no hook waits.
pub(in crate::sandbox) fn continue_deployment(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, service): (&str, &str),
    rolls_back: bool,
) -> Result<(), Fault> {
    let arn = deployment_in_progress(transaction, from, cluster, service)?;
    let described = ask(
        transaction,
        from,
        "DescribeServiceDeployments",
        &json!({ "serviceDeploymentArns": [arn] }),
    )?;
    let described: Value = serde_json::from_slice(&described).unwrap_or_default();
    let hooks = described.pointer("/serviceDeployments/0/lifecycleHookDetails");
    let hooks = hooks.and_then(Value::as_array).into_iter().flatten();
    let mut waiting =
        hooks.filter(|hook| hook.get("status").is_some_and(|it| it == "AWAITING_ACTION"));
    let id = waiting.next().and_then(|hook| hook.get("hookId")).cloned();
    let id = id.ok_or_else(|| invalid("No hook of the service deployment awaits an action."))?;
    let action = if rolls_back { "ROLLBACK" } else { "CONTINUE" };
    let body = json!({ "serviceDeploymentArn": arn, "hookId": id, "action": action });
    ask(transaction, from, "ContinueServiceDeployment", &body).map(|_told| ())
}

/// Asks for the rollback of the service deployment that is in progress, as somebody else would.
///
/// # Errors
/// As `StopServiceDeployment`; a `ConflictException` where nothing is in progress.
pub(in crate::sandbox) fn stop_deployment(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    cluster: &str,
    service: &str,
) -> Result<(), Fault> {
    let arn = deployment_in_progress(transaction, from, cluster, service)?;
    let body = json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" });
    ask(transaction, from, "StopServiceDeployment", &body).map(|_told| ())
}

/// The ARN of the service deployment that is in progress.
fn deployment_in_progress(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    cluster: &str,
    service: &str,
) -> Result<String, Fault> {
    let cluster = estate::cluster(transaction, from.scope, Some(cluster))?.name;
    let service = estate::service(transaction, from, &cluster, Some(service))?;
    let current = service.rollout.service_deployments.first();
    let current = current.filter(|one| !one.status.is_terminal()).ok_or_else(|| {
        Fault::new("ConflictException", "No deployment of the service is in progress.")
    })?;
    Ok(names::deployment_arn(from.scope, &cluster, &service.name, &current.id))
}

/// Makes a request of somebody else's.
fn ask(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    operation: &str,
    body: &Value,
) -> Result<Bytes, Fault> {
    let call = Call {
        scope: from.scope.clone(),
        operation: operation.to_owned(),
        body: body.to_string().into(),
        now: from.now,
        caller: from.scope.iam_arn("user/somebody-else"),
    };
    super::answer(&call, transaction)
}

/// The longest that a rollout is followed to its end.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// Brings every service of a scope to the end of its rollouts, with all that happened on the way
/// put before the moment of `from`, as if it had been deployed a while ago. A rollout that does not end is left in
/// the middle.
pub(in crate::sandbox) fn settle(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
) -> Result<(), SandboxError> {
    let clusters: Vec<(String, Cluster)> = transaction.scan(&from.scope.key(""))?;
    for (_, cluster) in clusters {
        for mut service in estate::services(transaction, from, &cluster.name)? {
            let world = images::world_of(transaction, from.scope, &service)?;
            settle_service(&mut service, from.now, &world);
            estate::save(transaction, from.scope, &service)?;
        }
    }
    Ok(())
}

/// Brings a service to the end of its rollout, and puts that before `now`.
fn settle_service(service: &mut Service, now: Timestamp, world: &World) {
    while !is_settled(&service.rollout)
        && let Some(next) = rollout::next_event(&service.rollout, world)
        && next <= now + PATIENCE
    {
        rollout::advance(&mut service.rollout, next, world);
    }
    let ahead = service.rollout.clock.duration_since(now);
    if ahead > SignedDuration::ZERO {
        rollout::shift::back(&mut service.rollout, ahead);
        service.created_at -= ahead;
    }
}

/// Whether nothing more is to come of a service's deployments.
fn is_settled(state: &ServiceState) -> bool {
    let has_ended = state.service_deployments.iter().all(|one| one.status.is_terminal());
    let is_failed = state.primary().is_none_or(|one| one.rollout == Rollout::Failed);
    has_ended && (state.is_steady || is_failed)
}
