//! What every use case works with.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::watch;

use super::{error::OpError, obstacle::Obstacle};
use crate::{
    backend::{
        aws::{Aws, AwsSession, Connection, Credentials, Throttles, profile_region},
        source::Repository,
        store::{Ledger, ledger::Lease},
    },
    engine::{self, Claim, EngineError},
    manifest::{Home, Project},
    model::{AccountId, Actor, EnvironmentId, Hold, Region},
};

/// Does what changes nothing, unless a signal comes first.
///
/// # Errors
/// Fails with [`EngineError::Stopped`] when a signal comes, and as the work does.
pub(super) async fn unless_interrupted<T>(
    mut interrupt: watch::Receiver<bool>,
    work: impl Future<Output = Result<T, OpError>>,
) -> Result<T, OpError> {
    tokio::select! {
        biased;
        _ = interrupt.wait_for(|stop| *stop) => Err(EngineError::Stopped.into()),
        done = work => done,
    }
}

/// One project, its record, and the way to its AWS accounts.
pub struct Workspace {
    /// The project, as the manifest has it.
    pub project: Project,
    /// The record of releases and deployments.
    pub ledger: Ledger,
    /// The way to AWS.
    pub connector: Connector,
    /// Which operations AWS throttles.
    pub throttles: Arc<Throttles>,
    /// The local git repository, if there is one.
    pub repository: Option<Repository>,
    /// Who is at work, as far as the surroundings tell.
    pub person: Actor,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
    /// The folder for what the store does not take.
    pub journal_folder: PathBuf,
    /// The folder of the manifest, where its relative paths start.
    pub folder: PathBuf,
}

impl Workspace {
    /// Takes a lease.
    pub(super) async fn claim(
        &self,
        wanted: &Claim,
        interrupt: watch::Receiver<bool>,
    ) -> Result<Lease, OpError> {
        match engine::claim(&self.ledger, wanted, interrupt).await {
            Err(EngineError::Held { held, at }) => {
                Err(Obstacle::Locked { held, environment: wanted.environment.clone(), now: at }
                    .into())
            }
            other => Ok(other?),
        }
    }

    /// Gives a lease back. One that cannot be given back ends by itself.
    pub(super) async fn let_go(&self, lease: &Lease) {
        if let Err(error) = self.ledger.release(lease).await {
            tracing::warn!(%error, "the lease was not given back, and ends by itself");
        }
    }

    /// Puts an environment on hold, so that it stays as it is until somebody says why it may move.
    pub(super) async fn hold(
        &self,
        environment: &EnvironmentId,
        hold: &Hold,
    ) -> Result<(), OpError> {
        Ok(self.ledger.set_hold(&self.project.id, environment, hold).await?)
    }
}

/// How AWS is reached, whatever the environment.
#[derive(Debug, Clone)]
pub struct Connector {
    /// The way to all accounts.
    pub aws: Aws,
    /// The region of the surroundings, for what names none.
    pub region: Option<Region>,
    /// The profile of the surroundings, for what names none.
    pub profile: Option<String>,
    /// Where requests go instead of AWS, because the user said so.
    pub endpoint_url: Option<String>,
    /// An endpoint left over in the surroundings, as `NAME=value`.
    pub leftover_endpoint: Option<String>,
    /// Whether EC2's metadata service may be asked for credentials.
    pub instance_metadata: bool,
    /// In the sandbox: the credentials of an account, so that we are signed in wherever a manifest
    /// says.
    pub sandbox: Option<fn(Option<&AccountId>) -> Credentials>,
    /// The name of sessions of assumed roles; `CloudTrail` shows it.
    pub session_name: String,
}

/// The region of a sandbox whose manifest names none.
const SANDBOX_REGION: &str = "eu-west-1";

impl Connector {
    /// A session in an account and region.
    ///
    /// # Errors
    /// Fails when no region is known, or when the surroundings name an endpoint and the user did
    /// not.
    pub async fn connect(&self, home: &Home) -> Result<AwsSession, OpError> {
        // To ignore it would be as bad as to heed it: whoever set it means an emulator, whoever left
        // it there means AWS.
        if let (Some(leftover), None) = (&self.leftover_endpoint, &self.endpoint_url) {
            return Err(OpError::LeftoverEndpoint { variable: leftover.clone() });
        }
        let mut connection = Connection::to(self.region_of(home).await?);
        connection.account.clone_from(&home.account);
        connection.role_arn = home.role_arn.as_ref().map(ToString::to_string);
        connection.external_id.clone_from(&home.external_id);
        connection.session_name.clone_from(&self.session_name);
        connection.instance_metadata = self.instance_metadata;
        if let Some(of) = self.sandbox {
            connection.sign_in(of(home.account.as_ref()));
        } else {
            connection.profile = home.profile.clone().or_else(|| self.profile.clone());
            connection.endpoint_url.clone_from(&self.endpoint_url);
        }
        Ok(self.aws.connect(&connection).await)
    }

    /// The region: the manifest's, else that of the surroundings, else the profile's.
    pub(super) async fn region_of(&self, home: &Home) -> Result<Region, OpError> {
        let known = home.region.clone().or_else(|| self.region.clone());
        let fallback = || self.sandbox.and_then(|_| Region::new(SANDBOX_REGION).ok());
        if let Some(region) = known.or_else(fallback) {
            return Ok(region);
        }
        let profile = home.profile.as_deref().or(self.profile.as_deref());
        profile_region(profile).await.ok_or(OpError::NoRegion)
    }
}
