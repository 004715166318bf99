//! Every error of the program, and what it means for the exit code.

use std::{io, path::PathBuf, slice};

use jiff::Timestamp;

use super::exit::Exit;
use crate::{
    backend::{clock, store::StoreError},
    engine::EngineError,
    manifest::{ManifestError, ManifestErrors},
    model::HeldLock,
    ops::{Obstacle, OpError, Trouble},
    plan::DraftError,
    sandbox::SandboxError,
    ui::{self, Console, Failure, Format},
};

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// No manifest was found.
    #[error("there is no `.weco-project` in `{}` or above it", directory.display())]
    NoManifest {
        /// Where the search began.
        directory: PathBuf,
    },
    /// The manifest cannot be read.
    #[error("failed to read `{}`", file.display())]
    UnreadableManifest {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the sandbox cannot be removed.
    #[error("failed to remove `{}`", file.display())]
    Unremovable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is wrong.
    #[error("the manifest has errors")]
    Manifest(#[from] ManifestErrors),
    /// The manifest does not have what was asked for.
    #[error(transparent)]
    NotInManifest(#[from] ManifestError),
    /// A use case failed.
    #[error(transparent)]
    Op(#[from] OpError),
    /// The store cannot be opened.
    #[error("failed to open the record of deployments")]
    Store(#[from] StoreError),
    /// The sandbox does not work.
    #[error("failed to use the sandbox")]
    Sandbox(#[from] SandboxError),
    /// The arguments do not make sense together.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// No manifest can be made.
    #[error("failed to make a manifest")]
    Draft(#[from] DraftError),
    /// A question could not be asked.
    #[error("nobody is there to answer")]
    NoAnswer,
    /// The answer was no.
    #[error("not confirmed, so nothing was changed")]
    Declined,
    /// A signal came before the first effect.
    #[error("interrupted, and nothing was changed")]
    Interrupted,
    /// The process has no runtime.
    #[error("failed to start")]
    Runtime(#[source] io::Error),
    /// The server cannot listen.
    #[error("failed to listen on {address}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
}

impl CliError {
    /// Tells the error, and gives the exit code it means.
    pub(crate) fn tell(&self, console: &Console) -> Exit {
        if let Self::Manifest(errors) = self
            && console.format == Format::Human
        {
            console.error(errors.render(console.colour));
            return self.exit();
        }
        let mut failure = Failure::of(self, self.hints());
        if let Some((held, now)) = self.held() {
            failure.details = ui::held(held, now).lines().map(str::to_owned).collect();
            failure.held = held.to_vec();
        }
        failure.tell(console);
        self.exit()
    }

    /// The error as a finding of `doctor`: its chain of causes, and the first thing to do.
    pub(super) fn as_trouble(&self) -> Trouble {
        let causes =
            std::iter::successors(Some(self as &dyn std::error::Error), |one| one.source());
        let text: Vec<String> = causes.map(ToString::to_string).collect();
        Trouble { text: text.join(": "), fix: self.hints().into_iter().next() }
    }

    /// What others hold, where that is why it failed, and when that was found.
    fn held(&self) -> Option<(&[HeldLock], Timestamp)> {
        match self {
            Self::Op(OpError::Obstacle(Obstacle::Locked { held, now, .. })) => Some((held, *now)),
            Self::Op(OpError::Obstacle(Obstacle::NotYours { held, .. })) => {
                Some((slice::from_ref(held.as_ref()), clock::now()))
            }
            _ => None,
        }
    }

    /// What to do about it.
    fn hints(&self) -> Vec<String> {
        let one = |hint: &str| vec![hint.to_owned()];
        match self {
            Self::NoManifest { .. } => one(
                "go to a directory of the project, name the file with `--manifest`, begin with a copy \
                 of `.weco-project.example`, or make one with `release-tool init`",
            ),
            Self::UnreadableManifest { .. }
            | Self::Unremovable { .. }
            | Self::Sandbox(_)
            | Self::Declined
            | Self::Interrupted
            | Self::Runtime(_) => Vec::new(),
            Self::Manifest(errors) => errors.errors().iter().map(ManifestError::hint).collect(),
            Self::NotInManifest(error) => vec![error.hint()],
            Self::Op(error) => error.hints(),
            Self::Store(error) => vec![error.hint()],
            Self::Usage { hint, .. } => vec![hint.clone()],
            Self::Draft(error) => one(error.hint()),
            Self::NoAnswer => one("add `--skip-confirm` to go on without a question"),
            Self::Listen { .. } => one("choose another port with `--port`, or 0 for a free one"),
        }
    }

    /// The exit code.
    fn exit(&self) -> Exit {
        match self {
            Self::NoManifest { .. }
            | Self::UnreadableManifest { .. }
            | Self::Manifest(_)
            | Self::NotInManifest(_)
            | Self::Usage { .. }
            | Self::Draft(_)
            | Self::NoAnswer => Exit::Usage,
            Self::Op(error) => exit_of_op(error),
            Self::Interrupted => Exit::Interrupted,
            Self::Store(_)
            | Self::Sandbox(_)
            | Self::Unremovable { .. }
            | Self::Declined
            | Self::Runtime(_)
            | Self::Listen { .. } => Exit::NothingChanged,
        }
    }
}

/// The exit code of what the record puts in the way.
fn exit_of_obstacle(obstacle: &Obstacle) -> Exit {
    match obstacle {
        Obstacle::Locked { .. } | Obstacle::NotYours { .. } | Obstacle::Overtaken => Exit::Locked,
        Obstacle::Unfinished { .. } | Obstacle::OnHold { .. } | Obstacle::TasksUnsettled { .. } => {
            Exit::Blocked
        }
        Obstacle::ReasonRequired { .. } | Obstacle::ReleaseIsWhole { .. } => Exit::Usage,
        Obstacle::NotInTime { .. } => Exit::Unknown,
        Obstacle::NothingUnfinished
        | Obstacle::NothingWaits { .. }
        | Obstacle::SeveralUnfinished { .. }
        | Obstacle::Over { .. }
        | Obstacle::NoTarget { .. }
        | Obstacle::BeforeUnreadable { .. }
        | Obstacle::BeforeDiffers { .. }
        | Obstacle::NeverVerified { .. } => Exit::NothingChanged,
    }
}

/// The exit code of a use case's error.
fn exit_of_op(error: &OpError) -> Exit {
    match error {
        OpError::Manifest(_)
        | OpError::Id(_)
        | OpError::ImageUri(_)
        | OpError::NotSelected { .. }
        | OpError::Text(_)
        | OpError::TerraformText(_)
        | OpError::Terraform { .. }
        | OpError::NoRegion
        | OpError::NoAccount { .. }
        | OpError::LeftoverEndpoint { .. } => Exit::Usage,
        OpError::Obstacle(obstacle) => exit_of_obstacle(obstacle),
        OpError::OutOfReach(error) => exit_of_op(error.cause()),
        OpError::Escape(_)
        | OpError::Ecs(_)
        | OpError::Parameters(_)
        | OpError::Registry(_)
        | OpError::Store(_)
        | OpError::Identity(_)
        | OpError::NotTold { .. }
        | OpError::PlanChanged
        | OpError::StoreNotEmpty { .. }
        | OpError::StoreChanged { .. }
        | OpError::AllLeftOut { .. }
        | OpError::Refused(_)
        | OpError::GoneOnSince { .. }
        | OpError::NotPushed { .. }
        | OpError::NoSuchImage { .. }
        | OpError::OtherDigest { .. }
        | OpError::NoServices { .. } => Exit::NothingChanged,
        OpError::Engine(error) => match error {
            EngineError::NotRecorded(_)
            | EngineError::AnswerNotRecorded(_)
            | EngineError::RegistrationNotRecorded(_) => Exit::NothingChanged,
            EngineError::NotAnswered { source, .. } => {
                if source.is_ambiguous() {
                    Exit::Unknown
                } else {
                    Exit::NothingChanged
                }
            }
            EngineError::RecordLost { .. }
            | EngineError::NoEscape(_)
            | EngineError::LeaseNotRenewed { .. }
            | EngineError::LeaseLost { .. }
            | EngineError::WayBackUnseen { .. }
            | EngineError::ParametersUnseen { .. } => Exit::Unknown,
            EngineError::Held { .. } => Exit::Locked,
            EngineError::Stopped => Exit::Interrupted,
            EngineError::Parameter { source, .. } => {
                if source.aws().is_ambiguous() {
                    Exit::Unknown
                } else {
                    Exit::NothingChanged
                }
            }
        },
    }
}
