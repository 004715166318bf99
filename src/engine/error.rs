//! Why the engine gives up. Failing rollouts are outcomes, not errors.

use crate::{
    backend::{params::ParametersError, store::StoreError},
    model::{DeploymentNumber, HeldLock, ParameterName},
};

/// Why something could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The deployment could not be recorded, so that nothing was deployed.
    #[error("failed to record the deployment, so nothing was changed")]
    NotRecorded(#[source] StoreError),
    /// Others hold what is to be deployed, so that nothing was changed.
    #[error("the services are locked, so nothing was changed")]
    Locked {
        /// What they hold.
        held: Vec<HeldLock>,
    },
    /// The record could not be brought up to date in the middle of a deployment.
    #[error("failed to keep the record of {deployment}: {changed}")]
    RecordLost {
        /// The deployment.
        deployment: DeploymentNumber,
        /// What had already been changed, in one sentence.
        changed: String,
        /// Why.
        source: StoreError,
    },
    /// An image could not be recorded as registered.
    #[error("failed to record the image, so nothing was changed")]
    RegistrationNotRecorded(#[source] StoreError),
    /// The image is recorded, but its parameter could not be written.
    #[error("the image is recorded, but `{parameter}` does not name it")]
    Parameter {
        /// The parameter.
        parameter: ParameterName,
        /// Why.
        source: ParametersError,
    },
}
