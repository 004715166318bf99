//! What load balancers find of a service's tasks.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Container, Task};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription;

use super::{Ecs, evidence::gap, read};
use crate::{
    backend::aws::{AwsError, Bucket, Operation},
    model::{Gap, ObservedService, UnhealthyTarget},
};

const DESCRIBE_TARGET_HEALTH: Operation = read("DescribeTargetHealth", Bucket::BalancerRead);

/// The most target groups that are asked: a service has at most five (ECS quotas), twice that with
/// two colours.
const GROUPS_ASKED: usize = 10;

impl Ecs {
    /// The targets of a service's target groups that are not healthy. Where tasks have addresses of
    /// their own, targets of other tasks than the given ones are left out.
    pub(super) async fn unhealthy_targets(
        &self,
        service: &ObservedService,
        tasks: &[Task],
    ) -> (Vec<UnhealthyTarget>, Vec<Gap>) {
        let addresses: BTreeMap<String, String> = tasks.iter().flat_map(addresses).collect();
        let (mut targets, mut gaps) = (Vec::new(), Vec::new());
        for group in service.target_groups.iter().take(GROUPS_ASKED) {
            match self.target_health(group).await {
                Ok(found) => {
                    let unhealthy = found.iter().filter_map(|one| target(group, one, &addresses));
                    targets.extend(unhealthy);
                }
                Err(error) => gaps.push(gap(
                    &format!("the health of the targets of {group} could not be read"),
                    &error,
                )),
            }
        }
        (targets, gaps)
    }

    /// Asks about one target group.
    pub(super) async fn target_health(
        &self,
        group: &str,
    ) -> Result<Vec<TargetHealthDescription>, AwsError> {
        let client = aws_sdk_elasticloadbalancingv2::Client::new(self.session.config());
        let request = || client.describe_target_health().target_group_arn(group).send();
        let told = self.session.call(DESCRIBE_TARGET_HEALTH, request).await?;
        Ok(told.target_health_descriptions.unwrap_or_default())
    }
}

/// The private addresses of a task, each with the task's id.
fn addresses(task: &Task) -> impl Iterator<Item = (String, String)> + '_ {
    let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    let interfaces = task.containers().iter().flat_map(Container::network_interfaces);
    let addresses = interfaces.filter_map(|one| one.private_ipv4_address().map(str::to_owned));
    addresses.map(|address| (address, id.to_owned()))
}

/// A target that is not healthy, and ours as far as that can be told.
fn target(
    group: &str,
    told: &TargetHealthDescription,
    addresses: &BTreeMap<String, String>,
) -> Option<UnhealthyTarget> {
    let health = told.target_health()?;
    let state = health.state()?.as_str();
    let target = told.target()?;
    let id = target.id().unwrap_or_default();
    let task = addresses.get(id).cloned();
    let is_another = id.contains('.') && !addresses.is_empty() && task.is_none();
    if !matches!(state, "unhealthy" | "unhealthy.draining" | "unavailable") || is_another {
        return None;
    }
    Some(UnhealthyTarget {
        target_group: group.to_owned(),
        target: target.port().map_or(id.to_owned(), |port| format!("{id}:{port}")),
        task,
        state: state.to_owned(),
        reason: health.reason().map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        description: health.description().unwrap_or_default().to_owned(),
    })
}
