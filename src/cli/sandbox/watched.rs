//! The record of deployments, with every write to it told to the sandbox, so that a crash can
//! strike there.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    backend::store::{
        Consistency, Cursor, IndexQuery, Item, Key, Page, Query, Store, StoreError, Write,
    },
    sandbox::Sandbox,
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

#[async_trait]
impl Store for WatchedStore {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.inner.get(key, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn query_index(&self, query: &IndexQuery) -> Result<Page, StoreError> {
        self.inner.query_index(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let turn = self.sandbox.turn().await;
        let done = self.inner.transact(writes).await;
        if let Err(error) = self.sandbox.pass(POINT, turn).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a point is not counted");
        }
        done
    }

    async fn scan(&self, limit: usize, after: Option<&Cursor>) -> Result<Page, StoreError> {
        self.inner.scan(limit, after).await
    }

    fn now(&self) -> Timestamp {
        self.inner.now()
    }
}
