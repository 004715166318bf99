//! Service deployments and revisions: ECS's own record of rollouts.

use std::collections::BTreeMap;

use aws_sdk_ecs::{
    operation::list_service_deployments::{
        ListServiceDeploymentsOutput,
        builders::ListServiceDeploymentsFluentBuilder as ListServiceDeployments,
    },
    types::ServiceDeploymentStatus as Status,
};

use super::{
    DEPLOYMENTS_A_CALL, DESCRIBE_SERVICE_DEPLOYMENTS, DESCRIBE_SERVICE_REVISIONS, Ecs, EcsError,
    LIST_SERVICE_DEPLOYMENTS, PAGE, convert,
};
use crate::{
    backend::aws::in_parallel,
    model::{
        ClusterName, EcsDeploymentId, EcsServiceName, ServiceDeployment, ServiceRevision,
        ServiceRevisionId,
    },
};

/// How many pages of a service's deployments are looked through for one: a thousand, at ninety
/// days of history.
const PAGES_MAX: usize = 10;

impl Ecs {
    /// Describes service deployments by ARN, twenty a request. Those that ECS no longer knows are
    /// absent.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn service_deployments(
        &self,
        arns: &[String],
    ) -> Result<BTreeMap<String, ServiceDeployment>, EcsError> {
        let requests = arns.chunks(DEPLOYMENTS_A_CALL).map(|arns| self.describe_deployments(arns));
        let answers = in_parallel(requests.collect()).await?;
        let found = answers.into_iter().flatten();
        Ok(found.map(|deployment| (deployment.arn.clone(), deployment)).collect())
    }

    /// Describes at most twenty service deployments.
    async fn describe_deployments(
        &self,
        arns: &[String],
    ) -> Result<Vec<ServiceDeployment>, EcsError> {
        let request = self
            .client
            .describe_service_deployments()
            .set_service_deployment_arns(Some(arns.to_vec()));
        let answer = self
            .session
            .call(DESCRIBE_SERVICE_DEPLOYMENTS, || request.clone().send())
            .await
            .map_err(EcsError::of("describe service deployments"))?;
        let deployments = answer.service_deployments().iter();
        Ok(deployments.filter_map(convert::service_deployment).collect())
    }

    /// Finds the service deployment of one of a service's deployments: the one whose target
    /// revision that deployment made. `current` is tried first, the service's
    /// `currentServiceDeployment` where known, which spares listing.
    ///
    /// None is found right after a deployment began, for services whose controller is not ECS,
    /// and for what is older than ninety days.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn find_service_deployment(
        &self,
        cluster: &ClusterName,
        service: &EcsServiceName,
        deployment: &EcsDeploymentId,
        current: Option<&str>,
    ) -> Result<Option<ServiceDeployment>, EcsError> {
        let is_it = |found: &ServiceDeployment| {
            found.target_revision.as_ref().is_some_and(|revision| deployment.made(revision))
        };
        if let Some(arn) = current {
            let found = self.describe_deployments(&[arn.to_owned()]).await?;
            if let Some(found) = found.into_iter().find(is_it) {
                return Ok(Some(found));
            }
        }
        let Some(arn) = self.arn_of_deployment(cluster, service, deployment).await? else {
            return Ok(None);
        };
        Ok(self.describe_deployments(&[arn]).await?.into_iter().find(is_it))
    }

    /// Whether a service has a deployment that was completed, which ECS could go back to.
    ///
    /// # Errors
    /// Fails when the request fails.
    pub async fn has_completed(
        &self,
        cluster: &ClusterName,
        service: &EcsServiceName,
    ) -> Result<bool, EcsError> {
        let completed = |request: ListServiceDeployments| {
            request.status(Status::Successful).status(Status::RollbackSuccessful).max_results(1)
        };
        let page = self.list_deployments((cluster, service), completed).await?;
        Ok(!page.service_deployments().is_empty())
    }

    /// Whether ECS put a service back with the last of its deployments, or is about to.
    ///
    /// # Errors
    /// Fails when the request fails.
    pub async fn was_put_back(
        &self,
        cluster: &ClusterName,
        service: &EcsServiceName,
    ) -> Result<bool, EcsError> {
        let page = self.list_deployments((cluster, service), |one| one.max_results(PAGE)).await?;
        let last = page.service_deployments().iter().max_by_key(|brief| brief.created_at());
        Ok(matches!(
            last.and_then(|brief| brief.status()),
            Some(
                Status::RollbackRequested | Status::RollbackInProgress | Status::RollbackSuccessful
            )
        ))
    }

    /// Looks through a service's deployments for the ARN of one.
    async fn arn_of_deployment(
        &self,
        cluster: &ClusterName,
        service: &EcsServiceName,
        deployment: &EcsDeploymentId,
    ) -> Result<Option<String>, EcsError> {
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let page_after =
                |request: ListServiceDeployments| request.max_results(PAGE).set_next_token(next);
            let page = self.list_deployments((cluster, service), page_after).await?;
            let ours = page.service_deployments().iter().find(|brief| {
                let revision = brief.target_service_revision_arn().map(ServiceRevisionId::new);
                revision.is_some_and(|revision| deployment.made(&revision))
            });
            if let Some(arn) = ours.and_then(|brief| brief.service_deployment_arn()) {
                return Ok(Some(arn.to_owned()));
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Asks for one page of a service's deployments.
    async fn list_deployments(
        &self,
        (cluster, service): (&ClusterName, &EcsServiceName),
        ask: impl FnOnce(ListServiceDeployments) -> ListServiceDeployments,
    ) -> Result<ListServiceDeploymentsOutput, EcsError> {
        let request = self.client.list_service_deployments();
        let request = ask(request.cluster(cluster.as_str()).service(service.as_str()));
        let doing = format!("list the deployments of ECS service `{service}`");
        let sent = self.session.call(LIST_SERVICE_DEPLOYMENTS, || request.clone().send()).await;
        sent.map_err(EcsError::of(doing))
    }

    /// Describes service revisions, twenty a request: what they run, and the digests that ECS
    /// resolved their images to. Those that ECS no longer knows are absent.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn service_revisions(
        &self,
        ids: &[ServiceRevisionId],
    ) -> Result<BTreeMap<ServiceRevisionId, ServiceRevision>, EcsError> {
        let requests = ids.chunks(DEPLOYMENTS_A_CALL).map(|ids| self.describe_revisions(ids));
        let answers = in_parallel(requests.collect()).await?;
        let found = answers.into_iter().flatten();
        Ok(found.map(|revision| (revision.id.clone(), revision)).collect())
    }

    /// Describes at most twenty service revisions.
    async fn describe_revisions(
        &self,
        ids: &[ServiceRevisionId],
    ) -> Result<Vec<ServiceRevision>, EcsError> {
        let arns: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        let request =
            self.client.describe_service_revisions().set_service_revision_arns(Some(arns));
        let answer = self
            .session
            .call(DESCRIBE_SERVICE_REVISIONS, || request.clone().send())
            .await
            .map_err(EcsError::of("describe service revisions"))?;
        Ok(answer.service_revisions().iter().filter_map(convert::service_revision).collect())
    }
}
