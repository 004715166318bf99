//! Tasks that stopped, of many services at once and with nothing else: for whoever only watches whether
//! any does.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::DesiredStatus;

use super::{
    Ecs, EcsError, TaskEnd,
    evidence::{is_ending, is_evidence, task_end},
};
use crate::model::{ClusterName, EcsDeploymentId, EcsServiceName};

impl Ecs {
    /// The tasks of deployments that stopped, or began to, as far as ECS still tells of them, by
    /// deployment; but for those that ECS stopped only because fewer were wanted. A deployment without
    /// one has an empty list. They are listed and described like [`Ecs::running_tasks`].
    ///
    /// # Errors
    /// Fails when the cluster does not exist, or a request fails.
    pub async fn stopped_tasks(
        &self,
        cluster: &ClusterName,
        deployments: &[(EcsServiceName, EcsDeploymentId)],
    ) -> Result<BTreeMap<EcsDeploymentId, Vec<TaskEnd>>, EcsError> {
        let services: Vec<_> = deployments.iter().map(|(service, _)| service).collect();
        let arns = self.list_of(cluster, &services, &DesiredStatus::Stopped).await?;
        let mut stopped: BTreeMap<_, _> =
            deployments.iter().map(|(_, deployment)| (deployment.clone(), Vec::new())).collect();
        let tasks = self.describe_tasks(cluster, &arns).await?;
        for task in tasks.iter().filter(|task| is_ending(task) && is_evidence(task)) {
            let ends = task.started_by().map(EcsDeploymentId::new);
            if let Some(ends) = ends.and_then(|id| stopped.get_mut(&id)) {
                ends.extend(task_end(task));
            }
        }
        Ok(stopped)
    }
}
