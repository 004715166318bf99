//! AWS in the binary: an ECS that behaves, with the SSM, ECR and STS that go with it.
//!
//! One function answers every request, [`Sandbox::handle`]; it is reached in process as the SDK's
//! HTTP client, and over HTTP for any other AWS client. Nothing runs in the background: a rollout
//! is a function of what was asked and of the (virtual) clock, worked out when somebody looks.
//!
//! This module uses nothing else of `release-tool`, and is the only place besides `backend` that
//! names AWS crates.

mod call;
mod ecr;
mod ecs;
mod page;
mod region;
mod ssm;
mod state;
mod sts;
#[cfg(test)]
mod testing;
mod wire;

use std::path::PathBuf;

pub(crate) use call::{Call, Fault, Scope};

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
}
