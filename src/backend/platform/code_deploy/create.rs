//! Asking for deployments, and ending them.

use std::time::Duration;

use aws_sdk_codedeploy::types::{AppSpecContent, RevisionLocation, RevisionLocationType};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{CREATE_DEPLOYMENT, CodeDeploy, STOP_DEPLOYMENT};
use crate::{
    backend::platform::ecs::EcsError,
    model::{CodeDeployOrder, EcsDeploymentId, EcsServiceName, TaskDefinitionArn},
};

/// How often a deployment is asked for whose answer was lost, where none was found.
const ATTEMPTS: u32 = 3;
/// How long after a lost answer it is looked for: a request that is still on its way has arrived by
/// then.
const SETTLE: Duration = Duration::from_secs(2);
/// How far AWS's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_mins(10);

/// A deployment to be asked for.
#[derive(Debug, Clone, Copy)]
pub struct NewDeployment<'a> {
    /// The service.
    pub service: &'a EcsServiceName,
    /// What it is asked for with.
    pub order: &'a CodeDeployOrder,
    /// What is to run, by its full ARN.
    pub task_definition: &'a TaskDefinitionArn,
    /// What tells it from all others.
    pub description: &'a str,
    /// A moment before which it was not asked for.
    pub since: Timestamp,
}

impl NewDeployment<'_> {
    /// The AppSpec. What a deployment would take from defaults of its own is written out as the
    /// service has it.
    fn app_spec(&self) -> String {
        let order = self.order;
        let balancer = json!({ "ContainerName": order.container, "ContainerPort": order.port });
        let mut properties = Map::from_iter([
            ("TaskDefinition".to_owned(), json!(self.task_definition.as_str())),
            ("LoadBalancerInfo".to_owned(), balancer),
        ]);
        if let Some(version) = &order.platform_version {
            properties.insert("PlatformVersion".to_owned(), json!(version));
        }
        if !order.capacity_providers.is_empty() {
            let told = order.capacity_providers.iter().map(|one| {
                json!({ "CapacityProvider": one.name, "Weight": one.weight, "Base": one.base })
            });
            let strategy = Value::Array(told.collect());
            properties.insert("CapacityProviderStrategy".to_owned(), strategy);
        }
        let service = json!({ "Type": "AWS::ECS::Service", "Properties": properties });
        json!({ "version": "0.0", "Resources": [{ "TargetService": service }] }).to_string()
    }
}

impl CodeDeploy {
    /// Asks for a deployment, unless it was asked for before: tells its id, and whether it was
    /// there already.
    ///
    /// # Errors
    /// Fails when CodeDeploy refuses, and with [`EcsError::CreateInDoubt`] when even looking does
    /// not tell whether it was asked for; that a repeat is refused tells nothing of the first.
    pub async fn create(
        &self,
        new: &NewDeployment<'_>,
    ) -> Result<(EcsDeploymentId, bool), EcsError> {
        if let Some(found) = self.look_for(new).await? {
            return Ok((found, true));
        }
        let mut doubt = None;
        for attempt in 1.. {
            let source = match (self.send(new).await, doubt) {
                (Ok(id), _) => return Ok((id, false)),
                (Err(_), Some(first)) => first,
                (Err(EcsError::Aws { source, .. }), None) if source.is_ambiguous() => source,
                (Err(error), None) => return Err(error),
            };
            tokio::time::sleep(SETTLE).await;
            match self.look_for(new).await {
                Ok(Some(found)) => return Ok((found, true)),
                Ok(None) if attempt < ATTEMPTS => doubt = Some(source),
                looked => {
                    let (service, look) = (new.service.clone(), looked.err().map(Box::new));
                    return Err(EcsError::CreateInDoubt { service, look, source });
                }
            }
        }
        Err(EcsError::unreadable(new.service.as_str(), "it was never asked for"))
    }

    /// Looks for a deployment that was asked for before.
    ///
    /// # Errors
    /// Fails if `CodeDeploy` cannot be asked.
    pub async fn look_for(
        &self,
        new: &NewDeployment<'_>,
    ) -> Result<Option<EcsDeploymentId>, EcsError> {
        let since = new.since.checked_sub(SKEW).unwrap_or(new.since);
        let found = self.described(&new.order.group, (new.description, since)).await?;
        Ok(found.map(|found| found.id))
    }

    /// Asks once.
    async fn send(&self, new: &NewDeployment<'_>) -> Result<EcsDeploymentId, EcsError> {
        let content = new.app_spec();
        let hash = Sha256::digest(&content);
        let digits: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let sha256 = digits.concat();
        let revision = RevisionLocation::builder()
            .revision_type(RevisionLocationType::AppSpecContent)
            .app_spec_content(AppSpecContent::builder().content(content).sha256(sha256).build())
            .build();
        let request = self
            .client
            .create_deployment()
            .application_name(&new.order.group.application)
            .deployment_group_name(&new.order.group.group)
            .revision(revision)
            .description(new.description);
        let name = new.service;
        let answer = self
            .session
            .call(CREATE_DEPLOYMENT, || request.clone().send())
            .await
            .map_err(EcsError::of(format!("deploy ECS service `{name}` with CodeDeploy")))?;
        answer
            .deployment_id()
            .map(EcsDeploymentId::new)
            .ok_or_else(|| EcsError::unreadable(name.as_str(), "it has no `deploymentId`"))
    }

    /// Stops a deployment, and has CodeDeploy roll it back. One that is over stays as it is.
    ///
    /// # Errors
    /// Fails when CodeDeploy refuses.
    pub async fn stop(&self, id: &EcsDeploymentId) -> Result<(), EcsError> {
        let request =
            self.client.stop_deployment().deployment_id(id.as_str()).auto_rollback_enabled(true);
        match self.session.call(STOP_DEPLOYMENT, || request.clone().send()).await {
            Ok(_stopped) => Ok(()),
            Err(error) if error.code() == Some("DeploymentAlreadyCompletedException") => Ok(()),
            Err(error) => Err(EcsError::of(format!("stop deployment {id} of CodeDeploy"))(error)),
        }
    }
}
