//! Why the sandbox itself cannot do what it should.

use std::path::PathBuf;

use super::call::Fault;

/// Why the sandbox itself cannot work; errors of the emulated APIs are answers, not these.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The state's folder cannot be made.
    #[error("failed to create the sandbox folder `{}`", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The state's file cannot be read or written.
    #[error("failed to use the sandbox's state file")]
    Storage(#[from] rusqlite::Error),
    /// An entity cannot be written or read back.
    #[error("failed to read or write {kind} `{key}` of the sandbox")]
    Document {
        /// What it is.
        kind: &'static str,
        /// Which one.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The work was cut off.
    #[error("failed to end work on the sandbox's state file")]
    Task(#[source] tokio::task::JoinError),
    /// An emulated service refuses what the sandbox was told to do. Nothing has changed.
    #[error("failed to {what}")]
    Refused {
        /// What it was told.
        what: String,
        /// What the service says.
        source: Refusal,
    },
}

/// The error of an emulated service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The error's name, for example `ServiceNotFoundException`.
    pub code: String,
    /// Its message.
    pub message: String,
}

impl SandboxError {
    /// Makes an error of what a service answered when told to do something; `what` completes
    /// "failed to …".
    pub(super) fn refused(what: impl Into<String>, fault: Fault) -> Self {
        match fault {
            Fault::Sandbox(error) => error,
            Fault::Answer { code, members, .. } => {
                let message = members.get("message").and_then(serde_json::Value::as_str);
                let message = message.unwrap_or_default().to_owned();
                Self::Refused { what: what.into(), source: Refusal { code, message } }
            }
        }
    }
}
