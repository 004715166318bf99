//! The store: the history of releases and deployments, and the pointers that must not be lost.
//!
//! [`Store`] is the contract that every implementation keeps: a flat table of JSON items, each at
//! a partition key (`pk`) and a sort key (`sk`), two sparse indexes, and transactions with
//! conditions. It is cut so that DynamoDB answers each call with one request, and every
//! implementation is as strict as DynamoDB is, so that what works on one machine works for a team.
//! `contract::run` holds the rules as tests, to be run over every implementation.
//!
//! [`Ledger`] is what the rest of the program uses: typed records on top of any store.
//!
//! # What an item is
//!
//! A JSON object of at most [`MAX_ITEM_BYTES`]. Its numbers are integers, since DynamoDB's decimals
//! and JSON's floats do not meet; the order of its members means nothing. By convention it names
//! its `type`, the `schema` it was written in, and `ver`, which every update counts up. With both
//! `gsi1pk` and `gsi1sk` it is found through the first index, with `gsi2pk` and `gsi2sk` through
//! the second. An item whose `pk` ends in `#AUD` is never changed or removed once it is there.

#[cfg(test)]
pub(crate) mod contract;
mod dynamodb;
mod error;
mod item;
pub mod ledger;
mod query;
mod sqlite;
mod write;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

pub use dynamodb::{DynamoStore, TableReport, terraform};
pub use error::{Conflict, FailedWrite, StoreError};
pub use item::{Item, Key, MAX_ITEM_BYTES};
pub use ledger::Ledger;
pub use query::{Consistency, Cursor, Direction, Index, IndexQuery, Page, Query};
pub use sqlite::SqliteStore;
pub use write::{Action, Condition, MAX_TRANSACTION_BYTES, MAX_WRITES, Write};

/// A table of items with conditional, all-or-nothing writes.
///
/// Every call is checked against the contract before it leaves the process
/// ([`StoreError::Invalid`]), and is one request to the store behind it. A call that is dropped
/// half-way may still be carried out.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// The item at a key, or nothing.
    ///
    /// # Errors
    /// Fails with [`StoreError::Invalid`] for a key that breaks the rules, and when the store
    /// cannot be used.
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError>;

    /// The items of one partition whose sort key begins with a prefix, in the order of the sort
    /// keys' bytes.
    ///
    /// A page may hold fewer items than the limit although more follow; only `next: None` says
    /// that there are no more.
    ///
    /// # Errors
    /// Fails with [`StoreError::Invalid`] for a query that breaks the rules, and when the store
    /// cannot be used.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// The items of one index partition, in the order of the index's sort keys. Items with equal
    /// sort keys come in any order, the same one on every page.
    ///
    /// An index may lag behind the items by a moment, so decisions are taken on [`Store::get`] and
    /// [`Store::query`].
    ///
    /// # Errors
    /// As [`Store::query`].
    async fn query_index(&self, query: &IndexQuery) -> Result<Page, StoreError>;

    /// Carries out all the writes, or none.
    ///
    /// Conditions are judged on the items as they were before the transaction. An implementation
    /// that repeats a request does so only where it cannot be applied twice.
    ///
    /// # Errors
    /// Fails with [`StoreError::Conflict`] when a condition does not hold; it names each write
    /// known to have failed, in the order of the writes, with the item that was there. Fails with
    /// [`StoreError::Invalid`] for no writes, more than [`MAX_WRITES`], two on one item, or items
    /// that break the rules, and when the store cannot be used.
    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError>;

    /// Items of the whole store, page by page in an order of the store's own; a walk through all
    /// pages gives each item that was there all the time once.
    ///
    /// For checking and copying a store: on DynamoDB it reads, and costs, all there is.
    ///
    /// # Errors
    /// As [`Store::query`].
    async fn scan(&self, limit: usize, after: Option<&Cursor>) -> Result<Page, StoreError>;

    /// The time by the store's own clock, which all who use the store share: a lease that one
    /// process writes by it runs out for every other one at the same moment, whatever their
    /// machines' clocks say.
    ///
    /// It is read from what is known and sends nothing. For a store elsewhere it is right to about
    /// a second once the store has answered anything; before, it is this machine's.
    fn now(&self) -> Timestamp;
}
