//! The exit codes, on which scripts rely.

use std::process::ExitCode;

use crate::model::{Deployment, DeploymentStatus, Step, Verdict};

/// How the program ends. `docs/exit-codes.md` has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for is done, or was already so.
    Done,
    /// It failed before anything was changed.
    NothingChanged,
    /// The command line or the manifest is wrong.
    Usage,
    /// A deployment failed; everything it changed runs what it ran before.
    RolledBack,
    /// A deployment failed, and not everything was put back.
    NotRolledBack,
    /// A deployment failed, and so did its rollback.
    RollbackFailed,
    /// Somebody else is at the environment.
    Locked,
    /// A signal came; what was started goes on.
    Interrupted,
    /// Something was asked of AWS, and its outcome is not known.
    Unknown,
    /// Something has to be settled first.
    Blocked,
    /// With `--exit-code`: something is not complete, or not clean with Terraform.
    Differs,
    /// A deployment ended, and its end is not in the store.
    NotRecorded,
}

impl Exit {
    /// All of them, for the documentation.
    pub const ALL: [Self; 12] = [
        Self::Done,
        Self::NothingChanged,
        Self::Usage,
        Self::RolledBack,
        Self::NotRolledBack,
        Self::RollbackFailed,
        Self::Locked,
        Self::Interrupted,
        Self::Unknown,
        Self::Blocked,
        Self::Differs,
        Self::NotRecorded,
    ];

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NothingChanged => 1,
            Self::Usage => 2,
            Self::RolledBack => 3,
            Self::NotRolledBack => 4,
            Self::RollbackFailed => 5,
            Self::Locked => 6,
            Self::Interrupted => 7,
            Self::Unknown => 8,
            Self::Blocked => 9,
            Self::Differs => 10,
            Self::NotRecorded => 11,
        }
    }

    /// What it means, one sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "Done, or nothing was to be done.",
            Self::NothingChanged => "An error; nothing was changed.",
            Self::Usage => "The command line or the manifest is wrong.",
            Self::RolledBack => {
                "The deployment failed, and everything it changed runs what it ran before."
            }
            Self::NotRolledBack => {
                "The deployment failed or was superseded, and not everything was put back."
            }
            Self::RollbackFailed => "The deployment failed, and so did its rollback.",
            Self::Locked => {
                "Somebody else holds the environment, or deployed to it meanwhile; nothing was done."
            }
            Self::Interrupted => "Interrupted by a signal; what was started goes on in ECS.",
            Self::Unknown => {
                "The outcome is not known: look with `status`, and finish with `resume`."
            }
            Self::Blocked => {
                "Blocked: a deployment or a one-off task is unfinished, or the environment is on \
                 hold; nothing was done."
            }
            Self::Differs => {
                "With `--exit-code`: something is not complete, or not clean with Terraform."
            }
            Self::NotRecorded => {
                "The deployment ended, and its record could not be written to the store: run \
                 `journal push`."
            }
        }
    }

    /// The end of a deployment.
    #[must_use]
    pub fn of_deployment(deployment: &Deployment) -> Self {
        match deployment.status {
            DeploymentStatus::Succeeded
            | DeploymentStatus::Running
            | DeploymentStatus::Detached => Self::Done,
            DeploymentStatus::RolledBack => Self::RolledBack,
            DeploymentStatus::Failed
            | DeploymentStatus::Superseded
            | DeploymentStatus::Cancelled => Self::NotRolledBack,
            DeploymentStatus::RollbackFailed => Self::RollbackFailed,
            // Nobody interrupted it where the end of a step is not known.
            DeploymentStatus::RollingBack if deployment.steps.iter().any(is_in_doubt) => {
                Self::Unknown
            }
            DeploymentStatus::Interrupted | DeploymentStatus::RollingBack => Self::Interrupted,
            DeploymentStatus::Unknown => Self::Unknown,
        }
    }
}

/// Whether it is not known how a service's way back ended.
fn is_in_doubt(step: &Step) -> bool {
    let verdict = step.compensation.as_ref().and_then(|back| back.verdict.as_ref());
    verdict.is_some_and(Verdict::is_in_doubt)
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
