//! A scalable target, as it is kept and as it is told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sandbox::{call::Scope, region, state::Entity};

/// The one dimension of ECS services that is scaled.
pub(super) const DIMENSION: &str = "ecs:service:DesiredCount";

/// A service whose number of tasks is scaled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScalableTarget {
    /// `ecs`.
    pub(super) service_namespace: String,
    /// `service/<cluster>/<service>`.
    pub(super) resource_id: String,
    /// What of it is scaled.
    pub(super) scalable_dimension: String,
    /// The fewest tasks.
    pub(super) min_capacity: i32,
    /// The most tasks.
    pub(super) max_capacity: i32,
    /// The role that scales.
    #[serde(rename = "RoleARN")]
    pub(super) role_arn: String,
    /// When it was registered, in seconds.
    pub(super) creation_time: f64,
    /// Which kinds of scaling rest.
    pub(super) suspended_state: SuspendedState,
    /// Its ARN.
    #[serde(rename = "ScalableTargetARN")]
    pub(super) arn: String,
    /// Its tags, which are told by themselves only.
    #[serde(default, rename = "Tags")]
    pub(super) tags: BTreeMap<String, String>,
}

impl Entity for ScalableTarget {
    const KIND: &'static str = "autoscaling.target";
}

/// Which kinds of scaling rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SuspendedState {
    /// Scaling in by a policy.
    dynamic_scaling_in_suspended: bool,
    /// Scaling out by a policy.
    dynamic_scaling_out_suspended: bool,
    /// Scaling at a time.
    scheduled_scaling_suspended: bool,
}

impl ScalableTarget {
    /// A target that nothing is known of but which service it is.
    pub(super) fn new(scope: &Scope, id: &str, now: Timestamp) -> Self {
        let Scope { account, region } = scope;
        let partition = region::partition(region);
        // Told apart by what it scales, of which there is one target each.
        let number = id.bytes().fold(0_u64, |sum, byte| {
            sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(byte))
        });
        let seconds = now.as_millisecond() / 1000;
        Self {
            service_namespace: "ecs".to_owned(),
            resource_id: id.to_owned(),
            scalable_dimension: DIMENSION.to_owned(),
            min_capacity: 0,
            max_capacity: 0,
            role_arn: format!(
                "arn:{partition}:iam::{account}:role/aws-service-role/\
                 ecs.application-autoscaling.amazonaws.com/\
                 AWSServiceRoleForApplicationAutoScaling_ECSService"
            ),
            creation_time: f64::from(u32::try_from(seconds).unwrap_or_default()),
            suspended_state: SuspendedState::default(),
            arn: format!(
                "arn:{partition}:application-autoscaling:{region}:{account}:scalable-target/\
                 0ec5{number:016x}"
            ),
            tags: BTreeMap::new(),
        }
    }
}

impl ScalableTarget {
    /// As it is described: without its tags.
    pub(super) fn told(self) -> Value {
        let mut told = serde_json::to_value(self).unwrap_or_default();
        if let Some(members) = told.as_object_mut() {
            members.remove("Tags");
        }
        told
    }
}

/// Cluster and service of a resource id.
pub(super) fn resource(id: &str) -> Option<(&str, &str)> {
    let (cluster, service) = id.strip_prefix("service/")?.split_once('/')?;
    (!cluster.is_empty() && !service.is_empty() && !service.contains('/'))
        .then_some((cluster, service))
}
