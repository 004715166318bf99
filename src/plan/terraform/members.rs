//! The members of a task definition as Terraform has them: attributes, and blocks.

use serde_json::Value;

use super::shape::{Form, Member, is_nothing, written};
use crate::plan::{
    document::READ_ONLY,
    hcl::{Expression, Item},
};

/// Members of a task definition that are attributes in Terraform, each with its name there.
const SETTINGS: [(&str, &str); 9] = [
    ("cpu", "cpu"),
    ("memory", "memory"),
    ("networkMode", "network_mode"),
    ("requiresCompatibilities", "requires_compatibilities"),
    ("executionRoleArn", "execution_role_arn"),
    ("taskRoleArn", "task_role_arn"),
    ("ipcMode", "ipc_mode"),
    ("pidMode", "pid_mode"),
    ("enableFaultInjection", "enable_fault_injection"),
];

/// Members that are written elsewhere.
const ELSEWHERE: [&str; 3] = ["family", "containerDefinitions", "tags"];

/// Members of a task definition that are blocks in Terraform.
const BLOCKS: &[Member] = &[
    ("volumes", "volume", Form::Block(VOLUME)),
    (
        "placementConstraints",
        "placement_constraints",
        Form::Block(&[
            ("type", "type", Form::Attribute),
            ("expression", "expression", Form::Attribute),
        ]),
    ),
    (
        "proxyConfiguration",
        "proxy_configuration",
        Form::Block(&[
            ("type", "type", Form::Attribute),
            ("containerName", "container_name", Form::Attribute),
            ("properties", "properties", Form::Table),
        ]),
    ),
    (
        "runtimePlatform",
        "runtime_platform",
        Form::Block(&[
            ("cpuArchitecture", "cpu_architecture", Form::Attribute),
            ("operatingSystemFamily", "operating_system_family", Form::Attribute),
        ]),
    ),
    (
        "ephemeralStorage",
        "ephemeral_storage",
        Form::Block(&[("sizeInGiB", "size_in_gib", Form::Attribute)]),
    ),
];

/// A volume.
const VOLUME: &[Member] = &[
    ("name", "name", Form::Attribute),
    ("host", "host_path", Form::Inner("sourcePath")),
    ("configuredAtLaunch", "configure_at_launch", Form::Attribute),
    (
        "dockerVolumeConfiguration",
        "docker_volume_configuration",
        Form::Block(&[
            ("scope", "scope", Form::Attribute),
            ("autoprovision", "autoprovision", Form::Attribute),
            ("driver", "driver", Form::Attribute),
            ("driverOpts", "driver_opts", Form::Table),
            ("labels", "labels", Form::Table),
        ]),
    ),
    (
        "efsVolumeConfiguration",
        "efs_volume_configuration",
        Form::Block(&[
            ("fileSystemId", "file_system_id", Form::Attribute),
            ("rootDirectory", "root_directory", Form::Attribute),
            ("transitEncryption", "transit_encryption", Form::Attribute),
            ("transitEncryptionPort", "transit_encryption_port", Form::Attribute),
            (
                "authorizationConfig",
                "authorization_config",
                Form::Block(&[
                    ("accessPointId", "access_point_id", Form::Attribute),
                    ("iam", "iam", Form::Attribute),
                ]),
            ),
        ]),
    ),
    (
        "fsxWindowsFileServerVolumeConfiguration",
        "fsx_windows_file_server_volume_configuration",
        Form::Block(&[
            ("fileSystemId", "file_system_id", Form::Attribute),
            ("rootDirectory", "root_directory", Form::Attribute),
            (
                "authorizationConfig",
                "authorization_config",
                Form::Block(&[
                    ("credentialsParameter", "credentials_parameter", Form::Attribute),
                    ("domain", "domain", Form::Attribute),
                ]),
            ),
        ]),
    ),
];

/// The attributes of a task definition that stand on one line.
pub(super) fn settings(document: &Value) -> Vec<Item> {
    let says = |value: &&Value| !is_nothing(value) && **value != Value::Bool(false);
    let present = SETTINGS.iter().filter_map(|(member, name)| {
        let value = document.get(*member).filter(says)?;
        Some(Item::attribute(name, Expression::of(value)))
    });
    present.collect()
}

/// The blocks of a task definition, and a comment for each member that is left to the reader.
pub(super) fn blocks(document: &Value) -> Vec<Item> {
    let Some(members) = document.as_object() else { return Vec::new() };
    let is_elsewhere = |name: &str| {
        let is_setting = SETTINGS.iter().any(|(member, _)| *member == name);
        is_setting || ELSEWHERE.contains(&name) || READ_ONLY.contains(&name)
    };
    let others = members.iter().filter(|(name, _)| !is_elsewhere(name));
    let others = others.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut left = Vec::new();
    let mut items = written(&others, (BLOCKS, ""), &mut left);
    items.extend(left_to_you(&left));
    items
}

/// A comment for each member that is left to the reader.
pub(super) fn left_to_you(left: &[String]) -> impl Iterator<Item = Item> {
    left.iter()
        .map(|member| Item::Comment(format!("ECS has `{member}` too, which is left to you.")))
}
