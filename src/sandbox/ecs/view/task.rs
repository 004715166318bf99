//! A task.

use aws_sdk_ecs::types::{
    self, Connectivity, HealthStatus, LaunchType, TaskOverride, TaskStopCode,
};

use super::time;
use crate::sandbox::{
    call::Scope,
    ecs::{
        names,
        rollout::{Container, Health, Phase, StopCode, Task, ids},
        tags::{self, Tag},
        task_definitions::TaskDefinition,
        witness,
    },
};

/// What is told of a task besides what happens to it.
pub(in crate::sandbox::ecs) struct TaskContext<'a> {
    /// The short name of its cluster.
    pub(in crate::sandbox::ecs) cluster: &'a str,
    /// `service:<name>`, or what it was run with.
    pub(in crate::sandbox::ecs) group: String,
    /// Where it runs.
    pub(in crate::sandbox::ecs) launch_type: Option<LaunchType>,
    /// The platform version, on Fargate.
    pub(in crate::sandbox::ecs) platform_version: Option<String>,
    /// Whether commands can be executed in it.
    pub(in crate::sandbox::ecs) can_execute: bool,
    /// What it was run with instead of its task definition's.
    pub(in crate::sandbox::ecs) overrides: Option<TaskOverride>,
    /// What it runs.
    pub(in crate::sandbox::ecs) definition: Option<TaskDefinition>,
    /// Its tags, if they are told.
    pub(in crate::sandbox::ecs) tags: Option<Vec<Tag>>,
}

/// A task as `DescribeTasks` tells it.
pub(in crate::sandbox::ecs) fn task(
    scope: &Scope,
    task: &Task,
    context: TaskContext<'_>,
) -> types::Task {
    let arn = names::task_arn(scope, context.cluster, &task.id);
    let text = |member| context.definition.as_ref().and_then(|one| one.text(member));
    let overrides = context.overrides.as_ref();
    let cpu = overrides.and_then(|one| one.cpu()).or_else(|| text("cpu"));
    let memory = overrides.and_then(|one| one.memory()).or_else(|| text("memory"));
    let containers = task.containers.iter().map(|one| container(task, &arn, one, &context));
    let is_connected = task.times.pull_started.is_some();
    let builder = types::Task::builder()
        .task_arn(&arn)
        .cluster_arn(names::cluster_arn(scope, context.cluster))
        .task_definition_arn(&task.definition)
        .set_containers(Some(containers.collect()))
        .last_status(phase(task.phase))
        .desired_status(if task.is_live() { "RUNNING" } else { "STOPPED" })
        .health_status(health(task.health()))
        .availability_zone(format!("{}a", scope.region))
        .set_connectivity(is_connected.then_some(Connectivity::Connected))
        .set_connectivity_at(task.times.pull_started.map(time))
        .set_cpu(cpu.map(str::to_owned))
        .set_memory(memory.map(str::to_owned))
        .created_at(time(task.created_at))
        .set_pull_started_at(task.times.pull_started.map(time))
        .set_pull_stopped_at(task.times.pull_stopped.map(time))
        .set_started_at(task.times.started.map(time))
        .set_stopping_at(task.stop.as_ref().map(|stop| time(stop.at)))
        .set_execution_stopped_at(task.times.execution_stopped.map(time))
        .set_stopped_at(task.times.stopped.map(time))
        .set_stop_code(task.stop.as_ref().map(|stop| stop_code(stop.code)))
        .set_stopped_reason(task.stop.as_ref().map(|stop| stop.reason.clone()))
        .set_started_by(task.started_by.clone())
        .version(i64::from(task.version));
    let builder = match interface(task, &context) {
        Some(interface) => builder.attachments(interface),
        None => builder,
    };
    let is_fargate = context.launch_type == Some(LaunchType::Fargate);
    builder
        .group(context.group)
        .enable_execute_command(context.can_execute)
        .set_launch_type(context.launch_type)
        .set_platform_version(context.platform_version)
        .set_platform_family(is_fargate.then(|| "Linux".to_owned()))
        .set_overrides(Some(context.overrides.unwrap_or_else(|| TaskOverride::builder().build())))
        .set_tags(context.tags.map(|list| tags::told(&list)))
        .build()
}

/// One of its containers.
fn container(
    task: &Task,
    task_arn: &str,
    one: &Container,
    context: &TaskContext<'_>,
) -> types::Container {
    let name = &one.spec.name;
    let id = ids::uuid_of(&format!("{task_arn}/{name}"));
    let definition = context.definition.as_ref().and_then(|all| all.container(name));
    let number = |member: &str| {
        let value = definition.and_then(|one| one.get(member)).and_then(serde_json::Value::as_i64);
        value.map(|value| value.to_string())
    };
    let addresses = is_in_vpc(context).then(|| {
        types::NetworkInterface::builder()
            .attachment_id(attachment_id(task))
            .private_ipv4_address(witness::private_ip(&task.id))
            .build()
    });
    types::Container::builder()
        .container_arn(format!("{}/{id}", task_arn.replacen(":task/", ":container/", 1)))
        .task_arn(task_arn)
        .name(name)
        .image(&one.spec.image)
        .set_image_digest(one.digest.clone())
        .set_runtime_id(task.times.started.map(|_| format!("{}-{name}", task.id)))
        .last_status(container_status(task, one))
        .set_exit_code(one.exit_code)
        .set_reason(one.reason.clone())
        .health_status(health(one.health))
        .set_network_interfaces(Some(addresses.into_iter().collect()))
        .set_cpu(number("cpu"))
        .set_memory(number("memory"))
        .set_memory_reservation(number("memoryReservation"))
        .build()
}

/// Whether a task has a network interface of its own.
fn is_in_vpc(context: &TaskContext<'_>) -> bool {
    let mode = context.definition.as_ref().and_then(|one| one.text("networkMode"));
    mode == Some("awsvpc")
}

/// The id of the attachment of a task's network interface.
fn attachment_id(task: &Task) -> String {
    ids::uuid_of(&format!("{}/eni", task.id))
}

/// The network interface of a task in network mode `awsvpc`.
fn interface(task: &Task, context: &TaskContext<'_>) -> Option<types::Attachment> {
    if !is_in_vpc(context) {
        return None;
    }
    let status = match task.phase {
        Phase::Provisioning => "ATTACHING",
        Phase::Deprovisioning => "DETACHING",
        Phase::Stopped => "DELETED",
        _ => "ATTACHED",
    };
    let details = [
        ("networkInterfaceId", format!("eni-{}", task.id.get(..17).unwrap_or_default())),
        ("privateIPv4Address", witness::private_ip(&task.id)),
    ];
    let details =
        details.map(|(name, value)| types::KeyValuePair::builder().name(name).value(value).build());
    let builder = types::Attachment::builder()
        .id(attachment_id(task))
        .r#type("ElasticNetworkInterface")
        .status(status);
    Some(builder.set_details(Some(details.into())).build())
}

/// `lastStatus` of a container: PENDING until its task runs, STOPPED once it has exited.
fn container_status(task: &Task, one: &Container) -> &'static str {
    let is_over = one.exit_code.is_some() || task.phase >= Phase::Deprovisioning;
    match task.phase {
        _ if is_over => "STOPPED",
        Phase::Provisioning | Phase::Pending => "PENDING",
        _ if task.times.started.is_none() => "PENDING",
        _ => "RUNNING",
    }
}

/// `lastStatus` of a task.
fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Provisioning => "PROVISIONING",
        Phase::Pending => "PENDING",
        Phase::Activating => "ACTIVATING",
        Phase::Running => "RUNNING",
        Phase::Deactivating => "DEACTIVATING",
        Phase::Stopping => "STOPPING",
        Phase::Deprovisioning => "DEPROVISIONING",
        Phase::Stopped => "STOPPED",
    }
}

/// `healthStatus`.
fn health(health: Health) -> HealthStatus {
    match health {
        Health::Unknown => HealthStatus::UnknownValue,
        Health::Healthy => HealthStatus::Healthy,
        Health::Unhealthy => HealthStatus::Unhealthy,
    }
}

/// `stopCode`.
fn stop_code(code: StopCode) -> TaskStopCode {
    match code {
        StopCode::TaskFailedToStart => TaskStopCode::TaskFailedToStart,
        StopCode::EssentialContainerExited => TaskStopCode::EssentialContainerExited,
        StopCode::UserInitiated => TaskStopCode::UserInitiated,
        StopCode::ServiceSchedulerInitiated => TaskStopCode::ServiceSchedulerInitiated,
        StopCode::SpotInterruption => TaskStopCode::SpotInterruption,
    }
}
