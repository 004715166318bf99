//! The AWS of an environment, after it was checked that it is the right account.

use super::{error::OpError, workspace::Workspace};
use crate::{
    backend::{aws::CallerIdentity, params::Parameters, platform::ecs::Ecs, registry::Registry},
    manifest::Home,
    model::Actor,
};

/// The services of one AWS account and region.
pub struct Access {
    /// ECS.
    pub ecs: Ecs,
    /// SSM's parameters.
    pub parameters: Parameters,
    /// ECR.
    pub registry: Registry,
    /// Who we are there.
    pub identity: CallerIdentity,
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
            ecs: Ecs::new(session.clone()),
            parameters: Parameters::new(session.clone()),
            registry: Registry::new(session),
            identity,
        })
    }

    /// The actor, with the proof that STS gives.
    #[must_use]
    pub fn actor(&self, person: &Actor) -> Actor {
        Actor { arn: Some(self.identity.arn.clone()), ..person.clone() }
    }
}
