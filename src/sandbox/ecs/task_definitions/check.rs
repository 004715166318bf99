//! What ECS refuses in a task definition.

use aws_sdk_ecs::{
    operation::register_task_definition::RegisterTaskDefinitionInput,
    types::{Compatibility, ContainerDefinition, NetworkMode},
};

use crate::sandbox::{
    call::Fault,
    ecs::faults::{client, invalid, is_name},
};

/// The largest task definition, in bytes (ECS service quotas).
const LARGEST: usize = 64 * 1024;

/// The most containers (ECS service quotas).
const MOST_CONTAINERS: usize = 10;

/// Checks a definition of `size` bytes.
pub(super) fn all(input: &RegisterTaskDefinitionInput, size: usize) -> Result<(), Fault> {
    let family = input.family().unwrap_or_default();
    if family.is_empty() {
        return Err(client("Family should not be null or empty."));
    }
    if !is_name(family) {
        return Err(client("Family contains invalid characters or is longer than 255 characters."));
    }
    let containers = input.container_definitions();
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    if containers.len() > MOST_CONTAINERS {
        return Err(client("Too many containers: a task definition has at most 10."));
    }
    if size > LARGEST {
        return Err(client(
            "Actual length of the task definition exceeds the limit of 65536 bytes.",
        ));
    }
    for (index, container) in containers.iter().enumerate() {
        named(container)?;
        let mut before = containers.iter().take(index);
        if before.any(|other| other.name() == container.name()) {
            return Err(client("Container.name must be unique within a task definition."));
        }
        sized(input, container)?;
    }
    if containers.iter().all(|container| container.essential() == Some(false)) {
        return Err(client("At least one container must be essential."));
    }
    fargate(input)
}

/// Name and image must be there.
fn named(container: &ContainerDefinition) -> Result<(), Fault> {
    let name = container.name().unwrap_or_default();
    if name.is_empty() {
        return Err(client("Container.name should not be null or empty."));
    }
    if !is_name(name) {
        return Err(client("Container.name contains invalid characters."));
    }
    let image = container.image().unwrap_or_default();
    if image.is_empty() {
        return Err(client("Container.image should not be null or empty."));
    }
    if image.contains(char::is_whitespace) {
        return Err(client("Container.image contains invalid characters."));
    }
    Ok(())
}

/// Somebody must say how much memory a container has.
fn sized(
    input: &RegisterTaskDefinitionInput,
    container: &ContainerDefinition,
) -> Result<(), Fault> {
    let has_own = container.memory().is_some() || container.memory_reservation().is_some();
    if input.memory().is_none() && !has_own {
        return Err(client(format!(
            "Invalid setting for container '{}'. At least one of 'memory' or 'memoryReservation' \
             must be specified.",
            container.name().unwrap_or_default()
        )));
    }
    Ok(())
}

/// What Fargate requires.
fn fargate(input: &RegisterTaskDefinitionInput) -> Result<(), Fault> {
    if !input.requires_compatibilities().contains(&Compatibility::Fargate) {
        return Ok(());
    }
    if input.network_mode() != Some(&NetworkMode::Awsvpc) {
        return Err(client("Fargate only supports network mode ‘awsvpc’."));
    }
    for (value, name) in [(input.cpu(), "cpu"), (input.memory(), "memory")] {
        if value.is_none() {
            return Err(client(format!(
                "Fargate requires that '{name}' be defined at the task level."
            )));
        }
    }
    ports(input)
}

/// With `awsvpc` a container's ports are the task's.
fn ports(input: &RegisterTaskDefinitionInput) -> Result<(), Fault> {
    let mut mappings =
        input.container_definitions().iter().flat_map(ContainerDefinition::port_mappings);
    let differs = mappings.any(|mapping| {
        mapping.host_port().is_some_and(|host| Some(host) != mapping.container_port())
    });
    if differs {
        return Err(invalid(
            "When networkMode=awsvpc, the host ports and container ports in port mappings must \
             match.",
        ));
    }
    Ok(())
}
