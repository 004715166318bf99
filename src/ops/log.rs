//! `log`: what was done, by whom and why.

use super::{error::OpError, workspace::Workspace};
use crate::model::AuditEvent;

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct LogRequest {
    /// Only of this environment.
    pub environment: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// The entries of the audit log, newest first.
///
/// # Errors
/// Fails when the manifest has no such environment, or the store cannot be read.
pub async fn log(workspace: &Workspace, request: &LogRequest) -> Result<Vec<AuditEvent>, OpError> {
    let project = &workspace.project;
    let environment = match &request.environment {
        Some(id) => Some(&project.environment(id)?.id),
        None => None,
    };
    Ok(workspace.ledger.audit(&project.id, environment, request.limit).await?)
}
