//! The reads of a deployment that a look at services does not need, sent for what they tell of
//! permissions.

use super::{Ecs, EcsError};
use crate::{
    backend::aws::in_parallel,
    model::{DeploymentController, ObservedService, ServiceRevisionId},
};

impl Ecs {
    /// Sends them about services. What becomes of each is noted by the session.
    pub async fn try_reads(&self, services: &[ObservedService]) {
        let groups = services.iter().flat_map(|service| &service.target_groups).take(1);
        let health = groups.map(|group| self.target_health(group));
        let (tasks, rollouts, health) = tokio::join!(
            self.try_tasks(services),
            self.try_rollouts(services),
            in_parallel(health.collect()),
        );
        for error in [tasks.err(), rollouts.err()].into_iter().flatten() {
            tracing::debug!(%error, "tried");
        }
        if let Err(error) = health {
            tracing::debug!(%error, "tried");
        }
    }

    /// Reads tasks, cluster by cluster.
    async fn try_tasks(&self, services: &[ObservedService]) -> Result<(), EcsError> {
        let mut left: Vec<&ObservedService> = services.iter().collect();
        while let Some(cluster) = left.first().map(|service| service.cluster.clone()) {
            let here = left.iter().filter(|service| service.cluster == cluster);
            let deployments = here
                .filter_map(|service| Some((service.name.clone(), service.primary()?.id.clone())));
            self.running_tasks(&cluster, &deployments.collect::<Vec<_>>()).await?;
            left.retain(|service| service.cluster != cluster);
        }
        Ok(())
    }

    /// Reads rollouts, of the services that ECS moves.
    async fn try_rollouts(&self, services: &[ObservedService]) -> Result<(), EcsError> {
        let moved = services.iter().filter(|one| one.controller == DeploymentController::Ecs);
        let asked = moved.filter_map(|service| {
            let id = &service.primary()?.id;
            Some(self.find_service_deployment(&service.cluster, &service.name, id, None))
        });
        let found = in_parallel(asked.collect()).await?.into_iter().flatten();
        let revisions: Vec<ServiceRevisionId> =
            found.filter_map(|deployment| deployment.target_revision).collect();
        self.service_revisions(&revisions).await.map(drop)
    }
}
