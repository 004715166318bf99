//! The store in one SQLite file, for one machine: trials, the sandbox, a single deploy host.
//!
//! Every process that opens the file sees the same items; a transaction takes SQLite's write lock
//! before it reads, so that what it judges is what it changes, and is on the disk when it is
//! answered. All work on the file runs on threads that may block.

mod file;
mod problem;
mod statements;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{
    Consistency, Cursor, IndexQuery, Item, Key, Page, Query, Store, StoreError, Write,
    query::check_scan, write::check_writes,
};
use crate::backend::clock;
use problem::{Problem, is_busy};

/// How long a call waits for another process's lock on the file. A transaction of 100 writes holds
/// it for milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before trying again to open a file that another process is preparing.
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// A store in an SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    /// The file, absolute.
    path: Arc<Path>,
    /// The one connection of this process. Poison is ignored: a panic rolls its transaction back.
    connection: Arc<Mutex<Connection>>,
}

impl SqliteStore {
    /// Opens the file, and makes it and its folder where they are not there yet.
    ///
    /// # Errors
    /// Fails with [`StoreError::NewerSchema`] for a file that a newer version of this program made,
    /// and with [`StoreError::Unavailable`] for a file that cannot be written, is damaged, or is
    /// not one of this program's.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let given = path.into();
        // An absolute path also keeps names such as `:memory:` from meaning something to SQLite.
        let path: Arc<Path> = match std::path::absolute(&given) {
            Ok(path) => path.into(),
            Err(source) => return Err(Problem::Path(source).at(&given)),
        };
        let deadline = Instant::now() + BUSY_TIMEOUT;
        loop {
            let opened = Arc::clone(&path);
            match blocking(&path, move || file::open(&opened)).await {
                // SQLite does not wait by itself where two processes prepare one new file.
                Err(error) if is_busy(&error) && Instant::now() < deadline => {
                    sleep(OPEN_PAUSE).await;
                }
                Err(error) => return Err(error),
                Ok(connection) => {
                    return Ok(Self { path, connection: Arc::new(Mutex::new(connection)) });
                }
            }
        }
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Works on the connection, on a thread that may block.
    async fn with_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        blocking(&self.path, move || {
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
    }
}

/// Runs work that may block, and tells its problems as those of the file at `path`.
async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, StoreError> {
    match spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(problem)) => Err(problem.at(path)),
        Err(source) => Err(Problem::Task(source).at(path)),
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key, _: Consistency) -> Result<Option<Item>, StoreError> {
        key.check()?;
        let key = key.clone();
        self.with_connection(move |connection| statements::get(connection, &key)).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        query.check()?;
        let query = query.clone();
        self.with_connection(move |connection| statements::query(connection, &query)).await
    }

    async fn query_index(&self, query: &IndexQuery) -> Result<Page, StoreError> {
        query.check()?;
        let query = query.clone();
        self.with_connection(move |connection| statements::query_index(connection, &query)).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        check_writes(&writes)?;
        self.with_connection(move |connection| statements::transact(connection, writes)).await
    }

    async fn scan(&self, limit: usize, after: Option<&Cursor>) -> Result<Page, StoreError> {
        check_scan(limit, after)?;
        let after = after.cloned();
        self.with_connection(move |connection| statements::scan(connection, limit, after.as_ref()))
            .await
    }

    fn now(&self) -> Timestamp {
        // Everybody who opens the file is on this machine.
        clock::now()
    }
}
