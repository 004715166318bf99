//! What can go wrong with ECS.

use crate::{
    backend::aws::{AwsError, FaultKind},
    model::{ClusterName, EcsServiceName, ObservedService, Region},
};

/// Why ECS did not do or tell what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EcsError {
    /// There is no such cluster.
    #[error("there is no ECS cluster `{cluster}` in {region}")]
    ClusterNotFound {
        /// The cluster.
        cluster: ClusterName,
        /// Where it was looked for.
        region: Region,
        /// ECS's answer.
        source: AwsError,
    },
    /// There is no such task definition, or no active revision of the family.
    #[error("there is no task definition `{reference}`")]
    TaskDefinitionNotFound {
        /// The family or ARN.
        reference: String,
        /// ECS's answer.
        source: AwsError,
    },
    /// ECS or the way there failed.
    #[error("failed to {doing}")]
    Aws {
        /// What was being done, to complete "failed to".
        doing: String,
        /// What went wrong.
        source: AwsError,
    },
    /// ECS's answer lacks what it must have.
    #[error("failed to read ECS's answer about `{subject}`: {reason}")]
    Unreadable {
        /// What was asked about.
        subject: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// Whether a revision was registered is not known.
    #[error("it is not known whether a revision of `{family}` was registered{}", unseen(look.as_deref()))]
    RegisterInDoubt {
        /// The family.
        family: String,
        /// Why it could not be looked up, if that is why.
        look: Option<Box<EcsError>>,
        /// Why the answer is missing.
        source: AwsError,
    },
    /// ECS has no room for a one-off task.
    #[error("ECS did not run the one-off task `{command}`: {reason}")]
    NotPlaced {
        /// Its command.
        command: String,
        /// ECS's words.
        reason: String,
    },
    /// Whether a one-off task runs is not known.
    #[error("it is not known whether the one-off task `{command}` runs")]
    RunInDoubt {
        /// Its command.
        command: String,
        /// Why the answer is missing.
        source: AwsError,
    },
    /// Whether a deployment of CodeDeploy was made is not known.
    #[error(
        "it is not known whether CodeDeploy was told to deploy ECS service `{service}`{}",
        unseen(look.as_deref())
    )]
    CreateInDoubt {
        /// The service.
        service: EcsServiceName,
        /// Why it could not be looked up, if that is why.
        look: Option<Box<EcsError>>,
        /// Why the answer is missing.
        source: AwsError,
    },
    /// Whether a service was told to move is not known.
    #[error("it is not known whether ECS service `{service}` was updated{}", unseen(look.as_deref()))]
    UpdateInDoubt {
        /// The service.
        service: EcsServiceName,
        /// Why it could not be looked up, if that is why.
        look: Option<Box<EcsError>>,
        /// The service as it was when looked at again, if it could be.
        observed: Option<Box<ObservedService>>,
        /// Why the answer is missing.
        source: AwsError,
    },
}

/// What keeps from finding out, as the end of a sentence.
fn unseen(look: Option<&EcsError>) -> String {
    let Some(look) = look else { return String::new() };
    let why = std::error::Error::source(look).map(|why| format!(": {why}")).unwrap_or_default();
    format!(", and it cannot be looked up: {look}{why}")
}

impl EcsError {
    /// Makes a failed request into an error that says what was being done.
    pub(crate) fn of(doing: impl Into<String>) -> impl FnOnce(AwsError) -> Self {
        let doing = doing.into();
        |source| Self::Aws { doing, source }
    }

    /// An answer that lacks something.
    pub(crate) fn unreadable(subject: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unreadable { subject: subject.into(), reason: reason.into() }
    }

    /// What AWS made of it, if it was asked.
    #[must_use]
    pub fn aws(&self) -> Option<&AwsError> {
        match self {
            Self::ClusterNotFound { source, .. }
            | Self::TaskDefinitionNotFound { source, .. }
            | Self::Aws { source, .. }
            | Self::RegisterInDoubt { source, .. }
            | Self::RunInDoubt { source, .. }
            | Self::CreateInDoubt { source, .. }
            | Self::UpdateInDoubt { source, .. } => Some(source),
            Self::Unreadable { .. } | Self::NotPlaced { .. } => None,
        }
    }

    /// Whether the effect may have happened all the same.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::RunInDoubt { .. }) || self.aws().is_some_and(AwsError::is_ambiguous)
    }

    /// Whether we may not do or see this, or the service does not offer it.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.aws().is_some_and(|error| {
            matches!(error.kind(), FaultKind::AccessDenied(_))
                || error.code() == Some("UnsupportedFeatureException")
        })
    }

    /// Whether it stays so however long one waits.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.aws().is_some_and(AwsError::is_lasting)
    }

    /// What to do about credentials, where those are why.
    #[must_use]
    pub fn sign_in_hint(&self) -> Option<String> {
        let error = self.aws().filter(|error| *error.kind() == FaultKind::Credentials);
        error.and_then(AwsError::hint)
    }

    /// What to do about it, as one imperative sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ClusterNotFound { .. } => {
                Some("correct `cluster` or `region` of the environment in the manifest".to_owned())
            }
            Self::RegisterInDoubt { look: Some(look), .. }
            | Self::CreateInDoubt { look: Some(look), .. }
            | Self::UpdateInDoubt { look: Some(look), .. } => look.hint(),
            other => other.aws().and_then(AwsError::hint),
        }
    }
}
