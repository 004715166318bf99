//! Tasks: what runs, down to the digest.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{DesiredStatus, Task};

use super::{DESCRIBE_TASKS, Ecs, EcsError, LIST_TASKS, PAGE, TASKS_A_CALL};
use crate::{
    backend::aws::in_parallel,
    model::{ClusterName, ContainerName, Digest, EcsDeploymentId, EcsServiceName, RunningTasks},
};

/// Up to how many services their tasks are listed service by service. That is a request a
/// service, side by side; listing the whole cluster is a request per hundred tasks, one after the
/// other, whoever's they are.
const LISTED_ONE_BY_ONE: usize = 10;

impl Ecs {
    /// What the running tasks of deployments run, by deployment. A deployment without a running
    /// task has an empty entry.
    ///
    /// Tasks are listed service by service for up to ten services, and for the whole cluster
    /// beyond that; either way they are described a hundred a request.
    ///
    /// # Errors
    /// Fails when the cluster does not exist, or a request fails.
    pub async fn running_tasks(
        &self,
        cluster: &ClusterName,
        deployments: &[(EcsServiceName, EcsDeploymentId)],
    ) -> Result<BTreeMap<EcsDeploymentId, RunningTasks>, EcsError> {
        let arns = if deployments.len() <= LISTED_ONE_BY_ONE {
            let lists = deployments.iter().map(|(service, _)| {
                self.list_tasks(cluster, Some(service), DesiredStatus::Running)
            });
            in_parallel(lists.collect()).await?.concat()
        } else {
            self.list_tasks(cluster, None, DesiredStatus::Running).await?
        };
        let mut running: BTreeMap<_, _> = deployments
            .iter()
            .map(|(_, deployment)| (deployment.clone(), RunningTasks::default()))
            .collect();
        for task in self.describe_tasks(cluster, &arns).await? {
            let deployment = task.started_by().map(EcsDeploymentId::new);
            if let Some(tasks) = deployment.and_then(|id| running.get_mut(&id)) {
                count(tasks, &task);
            }
        }
        Ok(running)
    }

    /// The ids of the running tasks of a service.
    ///
    /// # Errors
    /// Fails when the cluster or service does not exist, or a request fails.
    pub async fn running_task_ids(
        &self,
        cluster: &ClusterName,
        service: &EcsServiceName,
    ) -> Result<Vec<String>, EcsError> {
        let arns = self.list_tasks(cluster, Some(service), DesiredStatus::Running).await?;
        let ids = arns.iter().filter_map(|arn| arn.rsplit('/').next());
        Ok(ids.map(str::to_owned).collect())
    }

    /// ARNs of the tasks of a cluster, or of one service in it, that are to be in a status.
    pub(super) async fn list_tasks(
        &self,
        cluster: &ClusterName,
        service: Option<&EcsServiceName>,
        status: DesiredStatus,
    ) -> Result<Vec<String>, EcsError> {
        let request = self
            .client
            .list_tasks()
            .cluster(cluster.as_str())
            .set_service_name(service.map(ToString::to_string))
            .desired_status(status)
            .max_results(PAGE);
        let mut arns = Vec::new();
        let mut next = None;
        loop {
            let page = request.clone().set_next_token(next);
            let answer = self
                .session
                .call(LIST_TASKS, || page.clone().send())
                .await
                .map_err(|source| self.cluster_error(cluster, "list tasks", source))?;
            arns.extend_from_slice(answer.task_arns());
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(arns);
            }
        }
    }

    /// Describes tasks, a hundred a request. Those that are gone meanwhile are absent.
    pub(super) async fn describe_tasks(
        &self,
        cluster: &ClusterName,
        arns: &[String],
    ) -> Result<Vec<Task>, EcsError> {
        let requests = arns.chunks(TASKS_A_CALL).map(|arns| async {
            let request = self
                .client
                .describe_tasks()
                .cluster(cluster.as_str())
                .set_tasks(Some(arns.to_vec()));
            let answer = self
                .session
                .call(DESCRIBE_TASKS, || request.clone().send())
                .await
                .map_err(|source| self.cluster_error(cluster, "describe tasks", source))?;
            Ok(answer.tasks.unwrap_or_default())
        });
        Ok(in_parallel(requests.collect()).await?.concat())
    }
}

/// Adds a task, if it runs.
fn count(tasks: &mut RunningTasks, task: &Task) {
    if task.last_status() != Some("RUNNING") {
        return;
    }
    tasks.count += 1;
    for container in task.containers() {
        let Ok(name) = ContainerName::new(container.name().unwrap_or_default()) else { continue };
        match container.image_digest().and_then(Digest::parse) {
            Some(digest) => {
                tasks.digests.entry(name).or_default().insert(digest);
            }
            None => {
                tasks.without_digest.insert(name);
            }
        }
    }
}
