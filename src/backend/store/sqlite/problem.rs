//! What can be the matter with the file, told in words and with what to do about it.

use std::{io, path::Path};

use rusqlite::ErrorCode;
use tokio::task::JoinError;

use super::super::{FailedWrite, StoreError, error::Cause};

/// Why work on the file failed, before it is told which file.
#[derive(Debug)]
pub(super) enum Problem {
    /// The path means nothing.
    Path(io::Error),
    /// The folder cannot be made.
    Folder(io::Error),
    /// The file, or its file system, is read-only.
    ReadOnly,
    /// The file is a database that this program did not make.
    OtherProgram,
    /// The file system cannot hold a write-ahead log.
    NoWriteAheadLog,
    /// The file was made by a newer version.
    NewerFile {
        /// Its schema.
        found: u64,
        /// The newest one known.
        known: u64,
    },
    /// SQLite said no.
    Sqlite(rusqlite::Error),
    /// The thread that did the work is gone.
    Task(JoinError),
    /// The file works; what was asked of it is refused.
    Refused(StoreError),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<Vec<FailedWrite>> for Problem {
    fn from(failed: Vec<FailedWrite>) -> Self {
        Self::Refused(StoreError::failed_writes(failed))
    }
}

/// A problem that SQLite has no error for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Found(&'static str);

impl Problem {
    /// The problem as an error of the file at `path`.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let store = path.display().to_string();
        let (problem, hint, source): (&str, &str, Cause) = match self {
            Self::Refused(error) => return error,
            Self::NewerFile { found, known } => {
                return StoreError::NewerSchema {
                    what: format!("the store `{store}`"),
                    found,
                    known,
                };
            }
            Self::Path(source) => ("the path names no file", CHOOSE, source.into()),
            Self::Folder(source) => ("its folder cannot be made", PERMIT, source.into()),
            Self::ReadOnly => {
                (READ_ONLY, PERMIT, Found("attempt to write a readonly database").into())
            }
            Self::OtherProgram => {
                ("another program made this file", CHOOSE, Found("unknown application id").into())
            }
            Self::NoWriteAheadLog => (
                "its file system cannot keep it safe",
                "put the store on a local disk, or use DynamoDB",
                Found("the write-ahead log cannot be switched on").into(),
            ),
            Self::Task(source) => ("the work on it broke off", RETRY, source.into()),
            Self::Sqlite(error) => {
                let (problem, hint) = told(&error);
                (problem, hint, error.into())
            }
        };
        StoreError::Unavailable {
            store,
            problem: problem.to_owned(),
            hint: hint.to_owned(),
            source,
        }
    }
}

/// The problem with a file that can only be read.
const READ_ONLY: &str = "the file or its folder cannot be written";
/// What to do about a file that is not for us.
const CHOOSE: &str = "name another file in the manifest's `store = { sqlite = \"…\" }`";
/// What to do about a file that we may not write.
const PERMIT: &str = "give yourself write permission to the file and its folder, or name another \
                      file in the manifest's `store = { sqlite = \"…\" }`";
/// What to do about what may not happen again.
const RETRY: &str = "run the command again";

/// The problem and what to do where the file's content is not what was written.
const DAMAGED: (&str, &str) = (
    "the file is damaged",
    "restore the file from a backup, or take out what can be read with SQLite's own \
     `sqlite3 <file> .recover`",
);

/// What SQLite's error means for whoever uses the store, and what to do.
fn told(error: &rusqlite::Error) -> (&'static str, &'static str) {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        // What came back is not what was put there: text that is no text, a number out of range.
        return DAMAGED;
    };
    match failure.code {
        ErrorCode::NotADatabase => ("the file is not an SQLite database", CHOOSE),
        ErrorCode::DatabaseCorrupt => DAMAGED,
        ErrorCode::ReadOnly => (READ_ONLY, PERMIT),
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
            ("the file cannot be opened", PERMIT)
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (
            "another process has kept it locked for too long",
            "wait until the other command has ended, then run this one again",
        ),
        ErrorCode::DiskFull => {
            ("the disk is full", "free some space on the disk, then run the command again")
        }
        ErrorCode::SystemIoFailure => {
            ("the disk failed", "check the disk, then run the command again")
        }
        _ => ("SQLite refused the work", RETRY),
    }
}

/// Whether another process's lock was in the way.
pub(super) fn is_busy(error: &StoreError) -> bool {
    let StoreError::Unavailable { source, .. } = error else { return false };
    let code =
        source.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
