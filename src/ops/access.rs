//! The AWS of an environment, after it was checked that it is the right account.

use std::collections::BTreeMap;

use super::{error::OpError, workspace::Workspace};
use crate::{
    backend::{
        alarms::Alarms, aws::CallerIdentity, params::Parameters, platform::ecs::Ecs,
        quotas::Quotas, registry::Registry, scaling::Scaling,
    },
    manifest::{Home, Project},
    model::{Actor, ClusterName, CodeDeployGroup, EcsServiceName, Region},
};

/// The deployment groups of CodeDeploy that the manifest names, of the environments at a home.
pub(super) fn groups(
    project: &Project,
    home: &Home,
) -> BTreeMap<(ClusterName, EcsServiceName), CodeDeployGroup> {
    let there = project.environments.values().filter(|environment| environment.home() == *home);
    let named = there.flat_map(|environment| {
        project.services.values().filter_map(move |service| {
            let group = service.code_deploy_group(&environment.id)?;
            let cluster = project.cluster(environment, service).ok()?.clone();
            Some(((cluster, service.ecs_service_name(&environment.id).ok()?), group))
        })
    });
    named.collect()
}

/// The services of one AWS account and region.
pub struct Access {
    /// ECS.
    pub ecs: Ecs,
    /// SSM's parameters.
    pub parameters: Parameters,
    /// ECR.
    pub registry: Registry,
    /// CloudWatch's alarms.
    pub alarms: Alarms,
    /// Application Auto Scaling.
    pub scaling: Scaling,
    /// How many requests AWS lets through.
    pub quotas: Quotas,
    /// Who we are there.
    pub identity: CallerIdentity,
    /// The region.
    pub region: Region,
}

impl Access {
    /// Opens an account and region.
    ///
    /// # Errors
    /// Fails when AWS cannot be reached, or when the account is another than the manifest's.
    pub async fn open(workspace: &Workspace, home: &Home) -> Result<Self, OpError> {
        let session = workspace.connector.connect(home).await?;
        let identity = session.identity().await?.clone();
        tracing::info!(account = %identity.account, arn = identity.arn, region = %session.region(), "signed in");
        Ok(Self {
            ecs: Ecs::new(session.clone()).naming(groups(&workspace.project, home)),
            parameters: Parameters::new(session.clone()),
            registry: Registry::new(session.clone()),
            alarms: Alarms::new(session.clone()),
            region: session.region().clone(),
            scaling: Scaling::new(session.clone()),
            quotas: Quotas::new(session),
            identity,
        })
    }

    /// The actor, with the proof that STS gives.
    #[must_use]
    pub fn actor(&self, person: &Actor) -> Actor {
        Actor { arn: Some(self.identity.arn.clone()), ..person.clone() }
    }
}
