//! The record of deployments, with every write to it told to the sandbox, so that a crash can
//! strike there, and an outage be played.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    backend::store::{
        Consistency, Cursor, IndexQuery, Item, Key, Page, Query, Store, StoreError, Write,
    },
    sandbox::{Sandbox, SandboxError},
};

/// What a write to the record is called as a point for crashes.
const POINT: &str = "store";

/// A store whose transactions are points for crashes, those that fail too.
#[derive(Debug)]
pub(crate) struct WatchedStore {
    /// The store.
    inner: Arc<dyn Store>,
    /// Who counts.
    sandbox: Sandbox,
}

impl WatchedStore {
    /// The same store, with its transactions told to a sandbox.
    pub(crate) fn new(inner: Arc<dyn Store>, sandbox: Sandbox) -> Self {
        Self { inner, sandbox }
    }
}

impl WatchedStore {
    /// Fails as a store that is down, where an outage is played.
    fn reached(is_reached: Result<bool, SandboxError>) -> Result<(), StoreError> {
        let source: Box<dyn std::error::Error + Send + Sync> = match is_reached {
            Ok(true) => return Ok(()),
            Ok(false) => "an outage is played".into(),
            Err(error) => Box::new(error),
        };
        Err(StoreError::Unavailable {
            store: "of the sandbox".to_owned(),
            problem: "it is out of reach".to_owned(),
            hint: "end the outage with `release-tool sandbox outage --off`".to_owned(),
            source,
        })
    }

    /// Fails where an outage has begun.
    fn before_read(&self) -> Result<(), StoreError> {
        Self::reached(self.sandbox.outage().map(|outage| !outage.is_on()))
    }
}

#[async_trait]
impl Store for WatchedStore {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.before_read()?;
        self.inner.get(key, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.before_read()?;
        self.inner.query(query).await
    }

    async fn query_index(&self, query: &IndexQuery) -> Result<Page, StoreError> {
        self.before_read()?;
        self.inner.query_index(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        Self::reached(self.sandbox.lets_write())?;
        let turn = self.sandbox.turn().await;
        let done = self.inner.transact(writes).await;
        if let Err(error) = self.sandbox.pass(POINT, turn).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a point is not counted");
        }
        done
    }

    async fn scan(&self, limit: usize, after: Option<&Cursor>) -> Result<Page, StoreError> {
        self.before_read()?;
        self.inner.scan(limit, after).await
    }

    fn now(&self) -> Timestamp {
        self.inner.now()
    }
}
