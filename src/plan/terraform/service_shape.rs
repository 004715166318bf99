//! The tables of an ECS service: which member is which attribute or block of `aws_ecs_service`.

use super::shape::{Form, Member};

/// The members of a service that stand by themselves.
pub(super) const SERVICE: &[Member] = &[
    ("platformVersion", "platform_version", Form::Attribute),
    ("schedulingStrategy", "scheduling_strategy", Form::Attribute),
    ("healthCheckGracePeriodSeconds", "health_check_grace_period_seconds", Form::Attribute),
    ("availabilityZoneRebalancing", "availability_zone_rebalancing", Form::Attribute),
    ("enableExecuteCommand", "enable_execute_command", Form::Attribute),
    ("enableECSManagedTags", "enable_ecs_managed_tags", Form::Attribute),
    ("propagateTags", "propagate_tags", Form::Attribute),
    (
        "capacityProviderStrategy",
        "capacity_provider_strategy",
        Form::Block(&[
            ("capacityProvider", "capacity_provider", Form::Attribute),
            ("base", "base", Form::Attribute),
            ("weight", "weight", Form::Attribute),
        ]),
    ),
    ("networkConfiguration", "network_configuration", Form::Block(NETWORK)),
    ("loadBalancers", "load_balancer", Form::Block(LOAD_BALANCER)),
    (
        "serviceRegistries",
        "service_registries",
        Form::Block(&[
            ("registryArn", "registry_arn", Form::Attribute),
            ("port", "port", Form::Attribute),
            ("containerName", "container_name", Form::Attribute),
            ("containerPort", "container_port", Form::Attribute),
        ]),
    ),
    (
        "placementStrategy",
        "ordered_placement_strategy",
        Form::Block(&[("type", "type", Form::Attribute), ("field", "field", Form::Attribute)]),
    ),
    (
        "placementConstraints",
        "placement_constraints",
        Form::Block(&[
            ("type", "type", Form::Attribute),
            ("expression", "expression", Form::Attribute),
        ]),
    ),
    ("serviceConnectConfiguration", "service_connect_configuration", Form::Block(CONNECT)),
    (
        "volumeConfigurations",
        "volume_configuration",
        Form::Block(&[
            ("name", "name", Form::Attribute),
            ("managedEBSVolume", "managed_ebs_volume", Form::Block(EBS_VOLUME)),
        ]),
    ),
    (
        "vpcLatticeConfigurations",
        "vpc_lattice_configurations",
        Form::Block(&[
            ("roleArn", "role_arn", Form::Attribute),
            ("targetGroupArn", "target_group_arn", Form::Attribute),
            ("portName", "port_name", Form::Attribute),
        ]),
    ),
];

/// The network of tasks, without the one member in which all of it is.
const NETWORK: &[Member] = &[
    ("subnets", "subnets", Form::Attribute),
    ("securityGroups", "security_groups", Form::Attribute),
    ("assignPublicIp", "assign_public_ip", Form::Switch),
];

/// A load balancer.
const LOAD_BALANCER: &[Member] = &[
    ("targetGroupArn", "target_group_arn", Form::Attribute),
    ("loadBalancerName", "elb_name", Form::Attribute),
    ("containerName", "container_name", Form::Attribute),
    ("containerPort", "container_port", Form::Attribute),
    (
        "advancedConfiguration",
        "advanced_configuration",
        Form::Block(&[
            ("alternateTargetGroupArn", "alternate_target_group_arn", Form::Attribute),
            ("productionListenerRule", "production_listener_rule", Form::Attribute),
            ("testListenerRule", "test_listener_rule", Form::Attribute),
            ("roleArn", "role_arn", Form::Attribute),
        ]),
    ),
];

/// Service Connect.
const CONNECT: &[Member] = &[
    ("enabled", "enabled", Form::Attribute),
    ("namespace", "namespace", Form::Attribute),
    (
        "logConfiguration",
        "log_configuration",
        Form::Block(&[
            ("logDriver", "log_driver", Form::Attribute),
            ("options", "options", Form::Table),
            (
                "secretOptions",
                "secret_option",
                Form::Block(&[
                    ("name", "name", Form::Attribute),
                    ("valueFrom", "value_from", Form::Attribute),
                ]),
            ),
        ]),
    ),
    (
        "services",
        "service",
        Form::Block(&[
            ("portName", "port_name", Form::Attribute),
            ("discoveryName", "discovery_name", Form::Attribute),
            ("ingressPortOverride", "ingress_port_override", Form::Attribute),
            ("clientAliases", "client_alias", Form::Block(CLIENT_ALIAS)),
            (
                "timeout",
                "timeout",
                Form::Block(&[
                    ("idleTimeoutSeconds", "idle_timeout_seconds", Form::Attribute),
                    ("perRequestTimeoutSeconds", "per_request_timeout_seconds", Form::Attribute),
                ]),
            ),
            (
                "tls",
                "tls",
                Form::Block(&[
                    ("kmsKey", "kms_key", Form::Attribute),
                    ("roleArn", "role_arn", Form::Attribute),
                    (
                        "issuerCertificateAuthority",
                        "issuer_cert_authority",
                        Form::Block(&[(
                            "awsPcaAuthorityArn",
                            "aws_pca_authority_arn",
                            Form::Attribute,
                        )]),
                    ),
                ]),
            ),
        ]),
    ),
];

/// What a service of Service Connect is called.
const CLIENT_ALIAS: &[Member] = &[
    ("port", "port", Form::Attribute),
    ("dnsName", "dns_name", Form::Attribute),
    (
        "testTrafficRules",
        "test_traffic_rules",
        Form::Block(&[(
            "header",
            "header",
            Form::Block(&[
                ("name", "name", Form::Attribute),
                ("value", "value", Form::Block(&[("exact", "exact", Form::Attribute)])),
            ]),
        )]),
    ),
];

/// A volume that ECS makes for each task.
const EBS_VOLUME: &[Member] = &[
    ("roleArn", "role_arn", Form::Attribute),
    ("encrypted", "encrypted", Form::Attribute),
    ("filesystemType", "file_system_type", Form::Attribute),
    ("iops", "iops", Form::Attribute),
    ("kmsKeyId", "kms_key_id", Form::Attribute),
    ("sizeInGiB", "size_in_gb", Form::Attribute),
    ("snapshotId", "snapshot_id", Form::Attribute),
    ("throughput", "throughput", Form::Attribute),
    ("volumeInitializationRate", "volume_initialization_rate", Form::Attribute),
    ("volumeType", "volume_type", Form::Attribute),
    (
        "tagSpecifications",
        "tag_specifications",
        Form::Block(&[
            ("resourceType", "resource_type", Form::Attribute),
            ("propagateTags", "propagate_tags", Form::Attribute),
            ("tags", "tags", Form::Table),
        ]),
    ),
];

/// What of a deployment configuration stands by itself.
pub(super) const ROLLOUT: &[Member] = &[
    ("minimumHealthyPercent", "deployment_minimum_healthy_percent", Form::Attribute),
    ("maximumPercent", "deployment_maximum_percent", Form::Attribute),
    (
        "deploymentCircuitBreaker",
        "deployment_circuit_breaker",
        Form::Block(&[
            ("enable", "enable", Form::Attribute),
            ("rollback", "rollback", Form::Attribute),
        ]),
    ),
    (
        "alarms",
        "alarms",
        Form::Block(&[
            ("alarmNames", "alarm_names", Form::Attribute),
            ("enable", "enable", Form::Attribute),
            ("rollback", "rollback", Form::Attribute),
        ]),
    ),
];

/// What of a deployment configuration is in a block of its own.
pub(super) const STRATEGY: &[Member] = &[
    ("strategy", "strategy", Form::Attribute),
    ("bakeTimeInMinutes", "bake_time_in_minutes", Form::Attribute),
    (
        "lifecycleHooks",
        "lifecycle_hook",
        Form::Block(&[
            ("hookTargetArn", "hook_target_arn", Form::Attribute),
            ("roleArn", "role_arn", Form::Attribute),
            ("lifecycleStages", "lifecycle_stages", Form::Attribute),
            ("hookDetails", "hook_details", Form::Json),
        ]),
    ),
    (
        "linearConfiguration",
        "linear_configuration",
        Form::Block(&[
            ("stepPercent", "step_percent", Form::Attribute),
            ("stepBakeTimeInMinutes", "step_bake_time_in_minutes", Form::Attribute),
        ]),
    ),
    (
        "canaryConfiguration",
        "canary_configuration",
        Form::Block(&[
            ("canaryPercent", "canary_percent", Form::Attribute),
            ("canaryBakeTimeInMinutes", "canary_bake_time_in_minutes", Form::Attribute),
        ]),
    ),
];
