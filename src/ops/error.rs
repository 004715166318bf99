//! Why a use case fails, and what to do about it.

use jiff::Timestamp;

use crate::{
    backend::{
        aws::IdentityError, escape::EscapeError, params::ParametersError, platform::ecs::EcsError,
        registry::RegistryError, store::StoreError,
    },
    engine::EngineError,
    manifest::ManifestError,
    model::{
        Deployment, DeploymentNumber, Digest, EnvironmentId, HeldLock, Hold, IdError, ImageUri,
        ImageUriError, LockKind, ReleaseNumber, Selection,
    },
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
    /// A local file of the record cannot be used.
    #[error(transparent)]
    Escape(#[from] EscapeError),
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
    /// Somebody else deployed between the plan and its beginning.
    #[error("somebody else deployed there after this was planned, so nothing was done")]
    Overtaken,
    /// A deployment there is not over.
    #[error(
        "{} to {} is not over: it is {}, and {} works on it",
        deployment.number,
        deployment.environment,
        deployment.status.as_str(),
        if *is_worked_on { "a command" } else { "nobody" }
    )]
    Unfinished {
        /// The deployment.
        deployment: Box<Deployment>,
        /// Whether a running command works on it.
        is_worked_on: bool,
    },
    /// The environment stays as it is for now.
    #[error("the environment is on hold since {:.0}, by {}: {}", hold.at, hold.by.name, hold.reason)]
    OnHold {
        /// Why.
        hold: Box<Hold>,
    },
    /// A reason is needed.
    #[error("a reason is needed for `{environment}`")]
    ReasonRequired {
        /// The environment.
        environment: EnvironmentId,
        /// Whether it is for lifting a hold.
        lifts_hold: bool,
    },
    /// A release is deployed as it is.
    #[error("{release} is deployed as it is, so neither `--from` nor `--image` goes with it")]
    ReleaseIsWhole {
        /// The release.
        release: ReleaseNumber,
    },
    /// There is no deployment to go on with.
    #[error("no deployment is unfinished")]
    NothingUnfinished,
    /// There are several, and none was named.
    #[error("{} deployments are unfinished: {}", numbers.len(), numbers.iter().map(ToString::to_string).collect::<Vec<String>>().join(", "))]
    SeveralUnfinished {
        /// Their numbers, newest first.
        numbers: Vec<DeploymentNumber>,
    },
    /// The deployment has ended.
    #[error("{} is over: it is {}", deployment.number, deployment.status.as_str())]
    Over {
        /// The deployment.
        deployment: Box<Deployment>,
    },
    /// There is no release to go back to.
    #[error(
        "no other release of `{selection}` was ever verified in `{environment}`, so there is nothing \
         to go back to"
    )]
    NoTarget {
        /// The environment.
        environment: EnvironmentId,
        /// The services.
        selection: Selection,
    },
    /// The release was never verified there.
    #[error("{release} was never verified there")]
    NeverVerified {
        /// The release.
        release: ReleaseNumber,
        /// Those that were, newest first.
        known: Vec<ReleaseNumber>,
    },
    /// No region is known.
    #[error("no region is known for this environment")]
    NoRegion,
    /// A variable asks to send requests somewhere else than to AWS.
    #[error("`{variable}` is set, and it is not clear whether it is meant")]
    LeftoverEndpoint {
        /// The variable, as `NAME=value`.
        variable: String,
    },
    /// A store has records that would be lost or mixed with others.
    #[error("`{store}` has other records of these projects already, such as `{item}`")]
    StoreNotEmpty {
        /// The store.
        store: String,
        /// One of the records.
        item: String,
    },
    /// A store was written to while it was copied.
    #[error("`{store}` was changed while it was copied")]
    StoreChanged {
        /// The store.
        store: String,
    },
    /// Others hold what is to be changed, so that nothing was done.
    #[error("{}", locked_words(held, environment))]
    Locked {
        /// What they hold, at least one.
        held: Vec<HeldLock>,
        /// Where.
        environment: EnvironmentId,
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
            Self::Escape(_) => one("mend the file, or move it away".to_owned()),
            Self::Identity(error) => error.hint().into_iter().collect(),
            Self::AllLeftOut { .. } => {
                one("look at `--from`, and at what is registered".to_owned())
            }
            Self::PlanChanged => {
                one("run the same command again, and read the new plan".to_owned())
            }
            Self::Overtaken => {
                one("look at `release-tool history`, and run the same command again".to_owned())
            }
            Self::Unfinished { deployment, is_worked_on: true } => {
                one(format!("see it through with `release-tool wait {}`", deployment.number))
            }
            Self::Unfinished { deployment, is_worked_on: false } => unfinished_hints(deployment),
            Self::OnHold { .. } => {
                one("deploy all the same with `--release-hold --reason 'why it may move again'`"
                    .to_owned())
            }
            Self::ReasonRequired { lifts_hold: true, .. } => {
                one("say why the hold may be lifted with `--reason TEXT`".to_owned())
            }
            Self::ReasonRequired { .. } => one("add `--reason TEXT`".to_owned()),
            Self::ReleaseIsWhole { .. } => one("leave them away".to_owned()),
            Self::NothingUnfinished => {
                one("see what there was with `release-tool history`".to_owned())
            }
            Self::SeveralUnfinished { numbers } => numbers
                .first()
                .map(|number| format!("name the one that is meant, for example `{number}`"))
                .into_iter()
                .collect(),
            Self::Over { deployment } => {
                one(format!("see how it ended with `release-tool show {}`", deployment.number))
            }
            Self::NoTarget { environment, .. } => one(format!(
                "deploy what shall run instead, as in `release-tool deploy all {environment} --image \
                 <image>=<uri>`"
            )),
            Self::NeverVerified { known, .. } => match known.as_slice() {
                [] => one("see what was deployed with `release-tool history`".to_owned()),
                some => {
                    let some: Vec<String> = some.iter().map(ToString::to_string).collect();
                    one(format!("name one of {}", some.join(", ")))
                }
            },
            Self::NoRegion => one("set `region` in the manifest, or `AWS_REGION`".to_owned()),
            Self::LeftoverEndpoint { .. } => {
                one("unset the variable, or name the URL with `--endpoint-url`".to_owned())
            }
            Self::Locked { held, environment, .. } => locked_hints(held, environment),
            Self::NotYours { held, environment } => one(unlock_hint(held, environment)),
            Self::StoreNotEmpty { .. } => {
                one("copy into an empty table, or keep the store that has these records".to_owned())
            }
            Self::StoreChanged { .. } => one(
                "see that nobody deploys or registers meanwhile, then run it again; where it is \
                 refused then, copy into a new, empty table"
                    .to_owned(),
            ),
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
                one("name an image that one of the selected services runs".to_owned())
            }
        }
    }
}

/// The ways on from a deployment that is not over.
fn unfinished_hints(deployment: &Deployment) -> Vec<String> {
    let Deployment { number, environment, .. } = deployment;
    let finish = format!("finish it with `release-tool resume {number}`");
    let undo = format!("or take it back with `release-tool rollback {environment}`");
    if deployment.may_be_taken_back() { vec![finish, undo] } else { vec![finish] }
}

/// What others hold, in one line.
fn locked_words(held: &[HeldLock], environment: &EnvironmentId) -> String {
    let words: Vec<String> =
        held.iter().map(|held| format!("`{}` by {}", held.selection, held.by.name)).collect();
    format!("{environment} is held, so nothing was changed: {}", words.join(", "))
}

/// The ways on when others hold what is to be changed. A lock of a person is never waited for.
fn locked_hints(held: &[HeldLock], environment: &EnvironmentId) -> Vec<String> {
    let is_manual = |held: &&HeldLock| matches!(held.kind, LockKind::Manual { .. });
    if let Some(lock) = held.iter().find(is_manual) {
        return vec![unlock_hint(lock, environment)];
    }
    let follow = held.iter().find_map(|lock| lock.deployment).map(|number| {
        format!(
            "see it through with `release-tool wait {number}`, or stop it with `release-tool abort \
             {number}`"
        )
    });
    let wait = "`release-tool deploy` waits for its turn with `--wait 15m`".to_owned();
    let hangs = held.first().map(|held| {
        let selection = &held.selection;
        format!(
            "where its command hangs, `release-tool unlock {selection} {environment} --force \
             --reason TEXT` breaks its lease"
        )
    });
    follow.into_iter().chain([wait]).chain(hangs).collect()
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
        EngineError::RecordLost { deployment, source, .. } => [source.hint()]
            .into_iter()
            .chain([format!(
                "see what runs with `release-tool status`, and what was recorded with \
                 `release-tool show {deployment}`; `release-tool resume {deployment}` finishes it"
            )])
            .collect(),
        EngineError::LeaseLost { source } | EngineError::LeaseNotRenewed { source } => {
            vec![source.hint()]
        }
        EngineError::Held { .. } => vec!["wait for its end with `--wait 15m`".to_owned()],
        EngineError::NoEscape(_) => {
            vec!["make room on the disk, and finish it with `release-tool resume`".to_owned()]
        }
        EngineError::Stopped => Vec::new(),
        EngineError::WayBackUnseen { deployment, .. }
        | EngineError::ParametersUnseen { deployment, .. } => {
            vec![format!("go on with `release-tool resume {deployment}` once AWS answers again")]
        }
        EngineError::Parameter { source, .. } => source.hint().into_iter().collect(),
    }
}
