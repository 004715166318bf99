//! How far deployments are.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{BATCH_GET_DEPLOYMENTS, CodeDeploy, DEPLOYMENTS_A_CALL, LIST_DEPLOYMENTS, convert};
use crate::{
    backend::{aws::in_parallel, platform::ecs::EcsError},
    model::{CodeDeployGroup, CodeDeployment, EcsDeploymentId},
};

/// How many pages of a group's deployments are looked through for one.
const PAGES_MAX: usize = 10;

impl CodeDeploy {
    /// Describes deployments, 25 a request. Those that CodeDeploy does not know are absent.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn deployments(
        &self,
        ids: &[EcsDeploymentId],
    ) -> Result<BTreeMap<EcsDeploymentId, CodeDeployment>, EcsError> {
        let requests = ids.chunks(DEPLOYMENTS_A_CALL).map(|ids| async move {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let request = self.client.batch_get_deployments().set_deployment_ids(Some(ids));
            let answer = self
                .session
                .call(BATCH_GET_DEPLOYMENTS, || request.clone().send())
                .await
                .map_err(EcsError::of("describe deployments of CodeDeploy"))?;
            let found = answer.deployments_info().iter().filter_map(convert::deployment);
            Ok::<_, EcsError>(found.collect::<Vec<_>>())
        });
        let found = in_parallel(requests.collect()).await?.into_iter().flatten();
        Ok(found.map(|one| (one.id.clone(), one)).collect())
    }

    /// The same, with the deployments that roll them back.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn with_rollbacks(
        &self,
        ids: &[EcsDeploymentId],
    ) -> Result<BTreeMap<EcsDeploymentId, CodeDeployment>, EcsError> {
        let mut known = self.deployments(ids).await?;
        let rollbacks: Vec<EcsDeploymentId> =
            known.values().filter_map(|one| one.rolled_back_by.clone()).collect();
        if !rollbacks.is_empty() {
            known.extend(self.deployments(&rollbacks).await?);
        }
        Ok(known)
    }

    /// The deployment of a group with a description, of those asked for since a moment.
    pub(super) async fn described(
        &self,
        group: &CodeDeployGroup,
        (description, since): (&str, Timestamp),
    ) -> Result<Option<CodeDeployment>, EcsError> {
        let range = convert::range_since(since);
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let request = self
                .client
                .list_deployments()
                .application_name(&group.application)
                .deployment_group_name(&group.group)
                .create_time_range(range.clone())
                .set_next_token(next);
            let answer = self
                .session
                .call(LIST_DEPLOYMENTS, || request.clone().send())
                .await
                .map_err(EcsError::of(format!("list the deployments of {group}")))?;
            let ids: Vec<EcsDeploymentId> =
                answer.deployments().iter().map(EcsDeploymentId::new).collect();
            let found = self.deployments(&ids).await?;
            // A rollback carries the description of what it rolls back, or one of its own.
            let ours = found
                .into_values()
                .filter(|one| one.rolls_back.is_none() && one.description == description);
            if let Some(ours) = ours.max_by_key(|one| one.created_at) {
                return Ok(Some(ours));
            }
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok(None)
    }
}
