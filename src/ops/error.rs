//! Why a use case fails, and what to do about it.

use jiff::Timestamp;

use crate::{
    backend::{
        aws::IdentityError, params::ParametersError, platform::ecs::EcsError,
        registry::RegistryError, store::StoreError,
    },
    engine::EngineError,
    manifest::ManifestError,
    model::{Digest, EnvironmentId, HeldLock, IdError, ImageUri, ImageUriError, LockKind},
    plan::Refusal,
};

/// Why a use case fails.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    /// The manifest does not have what was asked for.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// ECS answers with an error, or does not answer.
    #[error(transparent)]
    Ecs(#[from] EcsError),
    /// SSM's parameters cannot be read.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// ECR cannot be asked.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not certain that this is the right account.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// `--allow-missing` leaves nothing.
    #[error("every service is left out, so there is nothing to deploy: {}", reasons.join("; "))]
    AllLeftOut {
        /// Why each is.
        reasons: Vec<String>,
    },
    /// What was planned and agreed to is not what would be done now.
    #[error("something has changed since the plan was shown, so nothing was done")]
    PlanChanged,
    /// No region is known.
    #[error("no region is known for this environment")]
    NoRegion,
    /// A variable asks to send requests somewhere else than to AWS.
    #[error("`{variable}` is set, and it is not clear whether it is meant")]
    LeftoverEndpoint {
        /// The variable, as `NAME=value`.
        variable: String,
    },
    /// Others hold what is to be changed, so that nothing was done.
    #[error("{}", locked_words(held))]
    Locked {
        /// What they hold, at least one.
        held: Vec<HeldLock>,
        /// When this was found.
        now: Timestamp,
    },
    /// What is to be unlocked is somebody else's.
    #[error("`{}` of {environment} is {}'s, and stays as it is", held.selection, held.by.name)]
    NotYours {
        /// What they hold.
        held: Box<HeldLock>,
        /// Where.
        environment: EnvironmentId,
    },
    /// The deployment cannot be planned.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The deployment or registration could not be carried out.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A text is not an image URI.
    #[error(transparent)]
    ImageUri(#[from] ImageUriError),
    /// A text is not an id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The registry does not have the image to be registered.
    #[error("`{uri}` is not in its registry ({reason})")]
    NoSuchImage {
        /// The URI.
        uri: ImageUri,
        /// The registry's words.
        reason: String,
    },
    /// The image has another digest than the one given.
    #[error("`{uri}` is {found}, and {given} was given")]
    OtherDigest {
        /// The URI.
        uri: ImageUri,
        /// The registry's digest.
        found: Digest,
        /// The digest given.
        given: Digest,
    },
    /// The project has no services: none in the manifest, and none registered.
    #[error("project `{project}` has no services yet")]
    NoServices {
        /// The project.
        project: String,
    },
    /// `--image` names an image that no selected service has.
    #[error("no selected service has an image `{image}`")]
    NotSelected {
        /// The image.
        image: String,
    },
}

impl OpError {
    /// What to do: sentences with the exact flag, key or command.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let one = |hint: String| vec![hint];
        match self {
            Self::Manifest(error) => one(error.hint()),
            Self::Ecs(error) => error.hint().into_iter().collect(),
            Self::Parameters(error) => error.hint().into_iter().collect(),
            Self::Registry(error) => error.hint().into_iter().collect(),
            Self::Store(error) => one(error.hint()),
            Self::Identity(error) => error.hint().into_iter().collect(),
            Self::AllLeftOut { .. } => {
                one("look at `--from`, and at what is registered".to_owned())
            }
            Self::PlanChanged => {
                one("run the same command again, and read the new plan".to_owned())
            }
            Self::NoRegion => one("set `region` in the manifest, or `AWS_REGION`".to_owned()),
            Self::LeftoverEndpoint { .. } => {
                one("unset the variable, or name the URL with `--endpoint-url`".to_owned())
            }
            Self::Locked { held, .. } => locked_hints(held),
            Self::NotYours { held, environment } => one(unlock_hint(held, environment)),
            Self::Refused(refusal) => {
                refusal.problems.iter().map(crate::plan::Problem::hint).collect()
            }
            Self::Engine(error) => engine_hint(error),
            Self::ImageUri(_) => one("give it as `<registry>/<repository>:<tag>`".to_owned()),
            Self::Id(_) => Vec::new(),
            Self::NoSuchImage { uri, .. } => one(format!("push it first: `docker push {uri}`")),
            Self::OtherDigest { .. } => {
                one("leave `--digest` away, or give the digest that the registry has".to_owned())
            }
            Self::NoServices { .. } => {
                one("register one with `release-tool register <uri> <service>`".to_owned())
            }
            Self::NotSelected { .. } => {
                one("name one of the images listed by `--dry-run`".to_owned())
            }
        }
    }
}

/// What others hold, in one line.
fn locked_words(held: &[HeldLock]) -> String {
    let words: Vec<String> =
        held.iter().map(|held| format!("`{}` by {}", held.selection, held.by.name)).collect();
    format!("locked, so nothing was changed: {}", words.join(", "))
}

/// What to do where others hold it.
fn locked_hints(held: &[HeldLock]) -> Vec<String> {
    let is_lease = |held: &HeldLock| matches!(held.kind, LockKind::Lease { .. });
    let selection =
        held.first().map_or_else(|| "all".to_owned(), |held| held.selection.to_string());
    let mut hints = vec!["see what runs with `release-tool status`".to_owned()];
    if held.iter().all(is_lease) {
        hints.push("wait for it with `--wait 15m`".to_owned());
    }
    hints.push(format!(
        "where nobody works on it any more: `release-tool unlock {selection} ENVIRONMENT --force \
         --reason TEXT`"
    ));
    hints
}

/// What to do where somebody else has it.
fn unlock_hint(held: &HeldLock, environment: &EnvironmentId) -> String {
    let command =
        format!("`release-tool unlock {} {environment} --force --reason TEXT`", held.selection);
    match held.kind {
        LockKind::Manual { .. } => {
            format!("ask {} first; {command} takes it away all the same", held.by.name)
        }
        LockKind::Lease { .. } => format!(
            "it is the lease of a running command, which gives it back at its end, and loses it \
             within two minutes of its death; {command} breaks it, so that the command can write \
             nothing more"
        ),
    }
}

/// Hints for what the engine could not carry out.
fn engine_hint(error: &EngineError) -> Vec<String> {
    match error {
        EngineError::NotRecorded(source) | EngineError::RegistrationNotRecorded(source) => {
            vec![source.hint()]
        }
        EngineError::Locked { .. } => {
            vec!["see who works on it with `release-tool status`".to_owned()]
        }
        EngineError::RecordLost { deployment, source, .. } => [source.hint()]
            .into_iter()
            .chain([format!(
                "see what runs with `release-tool status`, and what was recorded with \
                 `release-tool show {deployment}`; the same `deploy` again finishes it"
            )])
            .collect(),
        EngineError::Parameter { source, .. } => source.hint().into_iter().collect(),
    }
}
