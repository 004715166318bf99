//! The log of requests: what was asked, in which order, and what was answered.
//!
//! Invariant: a request's line is written in the same transaction as its effect, so that the log
//! and the state never disagree; sequence numbers are never used twice, not even after a reset.

use jiff::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{SandboxError, call::Scope, faults::FaultKind, state::Transaction};

/// How many of the latest requests are kept.
const KEPT: i64 = 100_000;

/// One request, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Its place in the order of all requests.
    pub sequence: u64,
    /// What it was.
    #[serde(flatten)]
    pub entry: RequestEntry,
}

/// What the log keeps of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEntry {
    /// When, on the services' clock.
    pub at: Timestamp,
    /// When, on the machine's clock.
    pub machine_at: Timestamp,
    /// Whose resources it was about.
    pub scope: Scope,
    /// The service, for example `ecs`; as the client named it, where it is none of the sandbox's.
    pub service: String,
    /// The operation, for example `UpdateService`.
    pub operation: String,
    /// The names of the resources that it named, for example `web`; best effort.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The HTTP status that was answered; none where there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error's name, for example `ServiceNotFoundException`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The fault that was played on it, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultKind>,
}

/// What an entry is called in errors.
const KIND: &str = "request";

/// Writes a request down, and forgets the oldest beyond those that are kept.
pub(super) fn append(
    transaction: &mut Transaction<'_>,
    entry: &RequestEntry,
) -> Result<(), SandboxError> {
    let document = serde_json::to_string(entry).map_err(|source| SandboxError::Document {
        kind: KIND,
        key: entry.operation.clone(),
        source,
    })?;
    let connection = transaction.connection();
    connection
        .prepare_cached("INSERT INTO requests (document) VALUES (?1)")?
        .execute(params![document])?;
    connection
        .prepare_cached("DELETE FROM requests WHERE sequence <= ?1")?
        .execute(params![connection.last_insert_rowid().saturating_sub(KEPT)])?;
    Ok(())
}

/// The requests after the one with the sequence number `since`, oldest first; all that are kept
/// where it is none.
pub(super) fn list(
    transaction: &Transaction<'_>,
    since: Option<u64>,
) -> Result<Vec<RequestRecord>, SandboxError> {
    // No sequence number is above SQLite's greatest integer.
    let since = since.map_or(0, |since| i64::try_from(since).unwrap_or(i64::MAX));
    let mut statement = transaction.connection().prepare_cached(
        "SELECT sequence, document FROM requests WHERE sequence > ?1 ORDER BY sequence",
    )?;
    let rows = statement
        .query_map(params![since], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (sequence, document) = row?;
        // SQLite counts from 1.
        let sequence = sequence.unsigned_abs();
        let entry = serde_json::from_str(&document).map_err(|source| SandboxError::Document {
            kind: KIND,
            key: sequence.to_string(),
            source,
        })?;
        Ok(RequestRecord { sequence, entry })
    })
    .collect()
}

/// Forgets all requests; tells how many there were.
pub(super) fn clear(transaction: &mut Transaction<'_>) -> Result<usize, SandboxError> {
    Ok(transaction.connection().execute("DELETE FROM requests", [])?)
}
