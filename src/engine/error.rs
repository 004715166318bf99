//! Why the engine gives up. Failing rollouts are outcomes, not errors.

use crate::{
    backend::{
        escape::EscapeError, params::ParametersError, platform::ecs::EcsError, store::StoreError,
    },
    model::{DeploymentNumber, HeldLock, ParameterName, ServiceId},
};

/// Why something could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The deployment could not be recorded, so that nothing was deployed.
    #[error("failed to record the deployment, so nothing was changed")]
    NotRecorded(#[source] StoreError),
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
    /// Neither the store nor the local file took the record.
    #[error("failed to keep the record, and the local file for it cannot be written either")]
    NoEscape(#[source] EscapeError),
    /// Somebody else holds what is to be changed.
    #[error("somebody else is at work there, so nothing was changed")]
    Held {
        /// By whom, since when and why.
        held: Vec<HeldLock>,
        /// When that was seen, by the store's clock.
        at: jiff::Timestamp,
    },
    /// A signal came before anything was done.
    #[error("interrupted, and nothing was changed")]
    Stopped,
    /// The lease is somebody else's by now: whoever has it decides.
    #[error(
        "the lease was lost, so nothing more is done; whoever has it now finishes what was begun"
    )]
    LeaseLost {
        /// To whom.
        source: StoreError,
    },
    /// The lease could not be renewed.
    #[error("failed to renew the lease")]
    LeaseNotRenewed {
        /// Why.
        source: StoreError,
    },
    /// What must be known of the services to take a deployment back cannot be seen.
    #[error("{deployment} cannot go back, since ECS cannot be asked")]
    WayBackUnseen {
        /// The deployment.
        deployment: DeploymentNumber,
        /// Why.
        source: EcsError,
    },
    /// What must be known of the parameters to take a deployment back cannot be seen.
    #[error("{deployment} cannot go back, since SSM cannot be asked")]
    ParametersUnseen {
        /// The deployment.
        deployment: DeploymentNumber,
        /// Why.
        source: ParametersError,
    },
    /// An answer to a hook could not be recorded.
    #[error("failed to record the answer, so nothing was answered")]
    AnswerNotRecorded(#[source] StoreError),
    /// A hook, or a deployment of CodeDeploy, could not be answered.
    #[error("failed to answer what `{service}` waits for")]
    NotAnswered {
        /// The service.
        service: ServiceId,
        /// Why.
        source: EcsError,
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
