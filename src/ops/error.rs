//! Why a use case fails, and what to do about it.

use super::{journal::KeptFile, obstacle::Obstacle, out_of_reach::OutOfReach};
use crate::{
    backend::{
        aws::IdentityError,
        escape::EscapeError,
        params::ParametersError,
        platform::ecs::EcsError,
        registry::RegistryError,
        store::StoreError,
        text::{TextError, TextSource},
    },
    engine::EngineError,
    manifest::ManifestError,
    model::{DeploymentNumber, Digest, IdError, ImageUri, ImageUriError},
    plan::{Refusal, TerraformReadError},
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
    /// A deployment was gone on with after a local file of its record was written.
    #[error("{deployment} was gone on with, or ended, after this was written")]
    GoneOnSince {
        /// The deployment.
        deployment: DeploymentNumber,
    },
    /// Some local files of the record could not be brought in.
    #[error("failed to bring in {}", kept.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NotPushed {
        /// The files, each with why.
        kept: Vec<KeptFile>,
    },
    /// It is not certain that this is the right account.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The images are named in an account that cannot be reached.
    #[error(transparent)]
    OutOfReach(#[from] OutOfReach),
    /// `--allow-missing` leaves nothing.
    #[error("every service is left out, so there is nothing to deploy: {}", reasons.join("; "))]
    AllLeftOut {
        /// Why each is.
        reasons: Vec<String>,
    },
    /// What was planned and agreed to is not what would be done now.
    #[error("something has changed since the plan was shown, so nothing was done")]
    PlanChanged,
    /// Something in the record stands in the way.
    #[error(transparent)]
    Obstacle(#[from] Obstacle),
    /// No region is known.
    #[error("no region is known for this environment")]
    NoRegion,
    /// No account is known.
    #[error("the account that is reached in {home} is not known: {why}")]
    NoAccount {
        /// Where, as the manifest has it.
        home: String,
        /// The table of the manifest that could name it.
        table: String,
        /// Why AWS does not tell.
        why: String,
        /// Whether AWS was asked.
        was_asked: bool,
    },
    /// AWS does not tell something that is needed.
    #[error("AWS does not tell {what}: {why}")]
    NotTold {
        /// What it is.
        what: String,
        /// Why not.
        why: String,
    },
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
    /// A text from outside cannot be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// What Terraform says cannot be read.
    #[error(transparent)]
    TerraformText(TextError),
    /// What is said to be Terraform's is not.
    #[error("failed to understand {source_of} as what Terraform says")]
    Terraform {
        /// Where it is from.
        source_of: TextSource,
        /// Why.
        #[source]
        reason: TerraformReadError,
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

/// What to do where AWS does not tell what a policy needs.
const NOT_TOLD: &str = "run it with credentials of the account that the manifest means, or with \
                        `--allow-unknown`, which puts names in capitals where nothing is known";

/// What to do where an account is not known that a table of the manifest could name.
fn account_hint(table: &str, was_asked: bool) -> String {
    let write = format!("write `account` into {table} of the manifest");
    if was_asked { format!("sign in and run it again, or {write}") } else { write }
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
            Self::GoneOnSince { deployment } => one(format!(
                "see `release-tool show {deployment}`; what the file tells is older, so remove it \
                 once nothing of it is missed"
            )),
            Self::NotPushed { kept } => not_pushed_hints(kept),
            Self::Escape(_) => one("mend the file, or move it away".to_owned()),
            Self::Identity(error) => error.hint().into_iter().collect(),
            Self::OutOfReach(error) => error.hints(),
            Self::AllLeftOut { .. } => {
                one("look at `--from`, and at what is registered".to_owned())
            }
            Self::PlanChanged => {
                one("run the same command again, and read the new plan".to_owned())
            }
            Self::Obstacle(obstacle) => obstacle.hints(),
            Self::NoRegion => one(
                "set `region` in the manifest, `AWS_REGION`, or the `region` of the AWS profile"
                    .to_owned(),
            ),
            Self::NoAccount { table, was_asked, .. } => one(account_hint(table, *was_asked)),
            Self::NotTold { .. } => one(NOT_TOLD.to_owned()),
            Self::LeftoverEndpoint { variable } => one(endpoint_hint(variable)),
            Self::StoreNotEmpty { .. } => {
                one("copy into an empty table, or keep the store that has these records".to_owned())
            }
            Self::StoreChanged { .. } => one(
                "see that nobody deploys or registers meanwhile, then run it again; where it is \
                 refused then, copy into a new, empty table"
                    .to_owned(),
            ),
            Self::Text(error) => vec![error.hint().to_owned()],
            Self::TerraformText(error) => one(terraform_text_hint(error)),
            Self::Terraform { reason, .. } => one(reason.hint().to_owned()),
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

/// What to do about a variable, `NAME=URL`, that names an endpoint.
fn endpoint_hint(variable: &str) -> String {
    let url = variable.split_once('=').map_or("<url>", |(_, url)| url);
    format!("unset the variable, or name the URL with `--endpoint-url {url}` if it is meant")
}

/// What to do about each file that is kept, once.
fn not_pushed_hints(kept: &[KeptFile]) -> Vec<String> {
    let mut hints: Vec<String> = kept.iter().flat_map(|file| file.reason.hints()).collect();
    hints.dedup();
    hints
}

/// What to do where what Terraform says cannot be read.
fn terraform_text_hint(error: &TextError) -> String {
    match error {
        TextError::Unreadable { from: TextSource::File(file), source }
            if source.kind() == std::io::ErrorKind::InvalidData =>
        {
            format!(
                "a saved plan is no text: `terraform show -json {0} > {0}.json`, and name that",
                file.display()
            )
        }
        TextError::Unreadable { from: TextSource::File(file), .. } => format!(
            "write it with `terraform show -json > {}`, or correct its name",
            file.display()
        ),
        other => other.hint().to_owned(),
    }
}

/// Hints for what the engine could not carry out.
fn engine_hint(error: &EngineError) -> Vec<String> {
    match error {
        EngineError::NotRecorded(source)
        | EngineError::AnswerNotRecorded(source)
        | EngineError::RegistrationNotRecorded(source)
        | EngineError::LeaseLost { source }
        | EngineError::LeaseNotRenewed { source } => {
            vec![source.hint()]
        }
        EngineError::RecordLost { deployment, source, .. } => [source.hint()]
            .into_iter()
            .chain([format!(
                "see what runs with `release-tool status`, and what was recorded with \
                 `release-tool show {deployment}`; `release-tool resume {deployment}` finishes it"
            )])
            .collect(),
        EngineError::Held { .. } => vec!["wait for its end with `--wait 15m`".to_owned()],
        EngineError::NoEscape(_) => {
            vec!["make room on the disk, and finish it with `release-tool resume`".to_owned()]
        }
        EngineError::Stopped => Vec::new(),
        EngineError::WayBackUnseen { deployment, .. }
        | EngineError::ParametersUnseen { deployment, .. } => {
            vec![format!("go on with `release-tool resume {deployment}` once AWS answers again")]
        }
        EngineError::NotAnswered { source, .. } => {
            let look = "see what still waits with the same command".to_owned();
            source.hint().into_iter().chain([look]).collect()
        }
        EngineError::Parameter { source, .. } => source.hint().into_iter().collect(),
    }
}
