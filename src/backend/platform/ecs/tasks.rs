//! Tasks: what runs, down to the digest.

use std::collections::BTreeMap;

use aws_sdk_ecs::{
    operation::list_tasks::builders::ListTasksFluentBuilder,
    types::{DesiredStatus, Task},
};

use super::{DESCRIBE_TASKS, Ecs, EcsError, LIST_TASKS, PAGE, TASKS_A_CALL};
use crate::{
    backend::aws::in_parallel,
    model::{
        ClusterName, ContainerName, Digest, EcsDeploymentId, EcsServiceName, OtherTask,
        RunningTasks, TaskDefinitionArn,
    },
};

impl Ecs {
    /// What the running tasks of deployments run, by deployment, with the other running tasks of
    /// their services. A deployment without a running task has an empty entry.
    ///
    /// Tasks are listed for the whole cluster where that takes fewer requests than service by
    /// service; either way they are described a hundred a request.
    ///
    /// # Errors
    /// Fails when the cluster does not exist, or a request fails.
    pub async fn running_tasks(
        &self,
        cluster: &ClusterName,
        deployments: &[(EcsServiceName, EcsDeploymentId)],
    ) -> Result<BTreeMap<EcsDeploymentId, RunningTasks>, EcsError> {
        let services: Vec<_> = deployments.iter().map(|(service, _)| service).collect();
        let arns = self.list_of(cluster, &services, &DesiredStatus::Running).await?;
        let mut running: BTreeMap<_, _> = deployments
            .iter()
            .map(|(_, deployment)| (deployment.clone(), RunningTasks::default()))
            .collect();
        for task in self.describe_tasks(cluster, &arns).await? {
            if task.last_status() != Some("RUNNING") {
                continue;
            }
            let deployment = task.started_by().map(EcsDeploymentId::new);
            if let Some(tasks) = deployment.and_then(|id| running.get_mut(&id)) {
                count(tasks, &task);
            } else if let Some(tasks) =
                asked_with(deployments, &task).and_then(|id| running.get_mut(id))
            {
                tasks.others.push(other(&task));
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

    /// ARNs of the tasks of services that are to be in a status, and perhaps of others in the cluster.
    ///
    /// Listing the cluster is a request per hundred tasks, one after the other and whoever's they
    /// are, and as many to describe them; listing services is a request each, side by side. So the
    /// cluster is listed as long as that takes no more requests than there are services.
    pub(super) async fn list_of(
        &self,
        cluster: &ClusterName,
        services: &[&EcsServiceName],
        status: &DesiredStatus,
    ) -> Result<Vec<String>, EcsError> {
        let most = services.len() / 2;
        if let Some(arns) = self.list_pages(cluster, None, status.clone(), most).await? {
            return Ok(arns);
        }
        let lists =
            services.iter().map(|service| self.list_tasks(cluster, Some(service), status.clone()));
        Ok(in_parallel(lists.collect()).await?.concat())
    }

    /// ARNs of the tasks of a cluster, or of one service in it, that are to be in a status.
    pub(super) async fn list_tasks(
        &self,
        cluster: &ClusterName,
        service: Option<&EcsServiceName>,
        status: DesiredStatus,
    ) -> Result<Vec<String>, EcsError> {
        let arns = self.list_pages(cluster, service, status, usize::MAX).await?;
        Ok(arns.unwrap_or_default())
    }

    /// The same; none where it takes more than `most` pages of a hundred.
    async fn list_pages(
        &self,
        cluster: &ClusterName,
        service: Option<&EcsServiceName>,
        status: DesiredStatus,
        most: usize,
    ) -> Result<Option<Vec<String>>, EcsError> {
        let request = self
            .client
            .list_tasks()
            .cluster(cluster.as_str())
            .set_service_name(service.map(ToString::to_string))
            .desired_status(status);
        self.pages_of_tasks(cluster, request, most).await
    }

    /// ARNs of the tasks that a request lists; none where it takes more than `most` pages of a
    /// hundred.
    pub(super) async fn pages_of_tasks(
        &self,
        cluster: &ClusterName,
        request: ListTasksFluentBuilder,
        most: usize,
    ) -> Result<Option<Vec<String>>, EcsError> {
        let request = request.max_results(PAGE);
        let mut arns = Vec::new();
        let mut next = None;
        for _ in 0..most {
            let page = request.clone().set_next_token(next);
            let answer = self
                .session
                .call(LIST_TASKS, || page.clone().send())
                .await
                .map_err(|source| self.cluster_error(cluster, "list tasks", source))?;
            arns.extend_from_slice(answer.task_arns());
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(Some(arns));
            }
        }
        Ok(None)
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

/// The deployment that was asked for of the service that a task belongs to.
fn asked_with<'a>(
    deployments: &'a [(EcsServiceName, EcsDeploymentId)],
    task: &Task,
) -> Option<&'a EcsDeploymentId> {
    let service = task.group()?.strip_prefix("service:")?;
    let asked = deployments.iter().find(|(name, _)| name.as_str() == service);
    asked.map(|(_, deployment)| deployment)
}

/// A running task of another deployment.
fn other(task: &Task) -> OtherTask {
    let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    let task_definition = task.task_definition_arn().and_then(TaskDefinitionArn::parse);
    OtherTask { id: id.to_owned(), task_definition }
}

/// Adds a running task.
fn count(tasks: &mut RunningTasks, task: &Task) {
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
