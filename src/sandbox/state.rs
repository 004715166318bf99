//! The sandbox's memory: typed entities in one SQLite file.
//!
//! Invariant: a request is one transaction. It sees the state of one moment, and its effects are
//! kept whole or not at all, whatever happens to the process and however many processes share the
//! file.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use serde::{Serialize, de::DeserializeOwned};

use super::SandboxError;

/// A kind of thing the sandbox remembers. Stored as JSON under `(KIND, key)`.
pub(super) trait Entity: Serialize + DeserializeOwned {
    /// Names the kind in the file; never changes once released.
    const KIND: &'static str;
}

/// The open file.
#[derive(Debug)]
pub(super) struct State {
    /// One connection; requests in one process take turns, as processes do.
    connection: Mutex<Connection>,
}

/// How often the write-ahead log is asked for while others open the file.
const ATTEMPTS: usize = 100;

/// How long a process waits for another one's request to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

impl State {
    /// Opens the file, creating it and its folder where they are missing.
    pub(super) fn open(file: &Path) -> Result<Self, SandboxError> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| SandboxError::Folder { folder: folder.to_owned(), source })?;
        }
        let connection = Connection::open(file)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        log_ahead(&connection)?;
        // A killed process loses nothing with this; only a crash of the whole machine can lose the
        // last requests, which a sandbox may.
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS entities (
                kind TEXT NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL,
                PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS requests (
                sequence INTEGER PRIMARY KEY AUTOINCREMENT, document TEXT NOT NULL) STRICT;",
        )?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Runs `work` in one transaction that no other process's request can cut into. What `work`
    /// wrote is kept, also when it answers the caller with an error of the emulated API: only a
    /// [`SandboxError`] undoes it.
    pub(super) fn transact<T>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, SandboxError>,
    ) -> Result<T, SandboxError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut transaction = Transaction { inner };
        let result = work(&mut transaction)?;
        transaction.inner.commit()?;
        Ok(result)
    }
}

/// Switches to the write-ahead log, with which readers do not wait for writers. SQLite refuses it
/// at once, without waiting, while another process opens the same new file.
fn log_ahead(connection: &Connection) -> Result<(), SandboxError> {
    for _ in 0..ATTEMPTS {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                // This one does wait.
                connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
            }
            switched => return Ok(switched?),
        }
    }
    Ok(connection.pragma_update(None, "journal_mode", "WAL")?)
}

/// One request's view of the state, and its changes.
pub(super) struct Transaction<'a> {
    /// The transaction in SQLite.
    inner: rusqlite::Transaction<'a>,
}

impl Transaction<'_> {
    /// The connection, for what is not an entity: the log of requests.
    pub(super) fn connection(&self) -> &Connection {
        &self.inner
    }

    /// Forgets all entities.
    pub(super) fn forget_everything(&mut self) -> Result<(), SandboxError> {
        self.inner.execute("DELETE FROM entities", [])?;
        Ok(())
    }

    /// The entity under `key`, if there is one.
    pub(super) fn get<E: Entity>(&self, key: &str) -> Result<Option<E>, SandboxError> {
        let mut statement = self
            .inner
            .prepare_cached("SELECT document FROM entities WHERE kind = ?1 AND key = ?2")?;
        let document: Option<String> =
            statement.query_row(params![E::KIND, key], |row| row.get(0)).optional()?;
        document.map(|text| decode::<E>(key, &text)).transpose()
    }

    /// Keeps an entity under `key`, in place of what was there.
    pub(super) fn put<E: Entity>(&mut self, key: &str, entity: &E) -> Result<(), SandboxError> {
        let document = serde_json::to_string(entity).map_err(|source| SandboxError::Document {
            kind: E::KIND,
            key: key.to_owned(),
            source,
        })?;
        self.inner
            .prepare_cached(
                "INSERT INTO entities (kind, key, document) VALUES (?1, ?2, ?3)
                 ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document",
            )?
            .execute(params![E::KIND, key, document])?;
        Ok(())
    }

    /// Forgets the entity under `key`; tells whether there was one.
    pub(super) fn delete<E: Entity>(&mut self, key: &str) -> Result<bool, SandboxError> {
        let count = self
            .inner
            .prepare_cached("DELETE FROM entities WHERE kind = ?1 AND key = ?2")?
            .execute(params![E::KIND, key])?;
        Ok(count > 0)
    }

    /// Forgets all entities of one kind.
    pub(super) fn delete_all<E: Entity>(&mut self) -> Result<(), SandboxError> {
        self.inner
            .prepare_cached("DELETE FROM entities WHERE kind = ?1")?
            .execute(params![E::KIND])?;
        Ok(())
    }

    /// All entities whose key begins with `prefix`, in the byte order of their keys.
    pub(super) fn scan<E: Entity>(&self, prefix: &str) -> Result<Vec<(String, E)>, SandboxError> {
        self.scan_from(prefix, None, usize::MAX)
    }

    /// The first `limit` entities of [`scan`](Self::scan) whose keys come after `after`, so that a
    /// page of a long listing costs no more than the page.
    pub(super) fn scan_from<E: Entity>(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, E)>, SandboxError> {
        // The next key in byte order is the same one with a NUL byte.
        let start = after.map_or_else(|| prefix.to_owned(), |key| format!("{key}\0"));
        // Keys are below U+10FFFF, so that this is the end of every key with the prefix.
        let end = format!("{prefix}\u{10FFFF}");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.inner.prepare_cached(
            "SELECT key, document FROM entities
             WHERE kind = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT ?4",
        )?;
        let rows = statement.query_map(params![E::KIND, start, end, limit], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        rows.map(|row| {
            let (key, document) = row?;
            let entity = decode::<E>(&key, &document)?;
            Ok((key, entity))
        })
        .collect()
    }
}

/// Reads an entity back.
fn decode<E: Entity>(key: &str, document: &str) -> Result<E, SandboxError> {
    serde_json::from_str(document).map_err(|source| SandboxError::Document {
        kind: E::KIND,
        key: key.to_owned(),
        source,
    })
}
