//! How items are asked for: by partition, or through one of the two indexes, page by page.

use super::{
    error::StoreError,
    item::{Item, Key, check_pk, check_sk},
};

/// Whether a read must see every write that was answered before it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// It must. For decisions.
    Strong,
    /// It may lag by a moment, at half the price on DynamoDB. For what is only shown.
    Eventual,
}

/// The order in which items come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest sort key first.
    Ascending,
    /// Greatest sort key first.
    Descending,
}

/// One of the two sparse indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Over `gsi1pk` and `gsi1sk`.
    First,
    /// Over `gsi2pk` and `gsi2sk`.
    Second,
}

impl Index {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// The attribute that is the index's partition key.
    #[must_use]
    pub fn pk_attribute(self) -> &'static str {
        match self {
            Self::First => "gsi1pk",
            Self::Second => "gsi2pk",
        }
    }

    /// The attribute that is the index's sort key.
    #[must_use]
    pub fn sk_attribute(self) -> &'static str {
        match self {
            Self::First => "gsi1sk",
            Self::Second => "gsi2sk",
        }
    }
}

/// A question for the items of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The partition.
    pub pk: String,
    /// How the sort keys begin; empty for the whole partition.
    pub prefix: String,
    /// In which order.
    pub direction: Direction,
    /// Most items of the page, from 1.
    pub limit: usize,
    /// The end of the page before; none for the first page.
    pub after: Option<Cursor>,
    /// Whether it must see the latest writes.
    pub consistency: Consistency,
}

impl Query {
    /// Checks the question.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        check_pk(&self.pk)?;
        check_limit(self.limit)?;
        if !self.prefix.is_empty() {
            check_sk(&self.prefix)?;
        }
        match &self.after {
            Some(cursor) if !self.contains(cursor) => {
                Err(StoreError::invalid("a query goes on after the end of another one"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a cursor can be one of this question's.
    fn contains(&self, cursor: &Cursor) -> bool {
        cursor.index_sk.is_none()
            && cursor.key.pk() == self.pk
            && cursor.key.sk().starts_with(&self.prefix)
    }
}

/// A question for the items of one partition of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexQuery {
    /// The index.
    pub index: Index,
    /// The partition of the index.
    pub pk: String,
    /// In which order.
    pub direction: Direction,
    /// Most items of the page, from 1.
    pub limit: usize,
    /// The end of the page before; none for the first page.
    pub after: Option<Cursor>,
}

impl IndexQuery {
    /// Checks the question.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        check_pk(&self.pk)?;
        check_limit(self.limit)?;
        match &self.after {
            Some(cursor) if cursor.index_sk.is_none() => {
                Err(StoreError::invalid("a query of an index goes on after one of the table"))
            }
            _ => Ok(()),
        }
    }
}

/// Checks a question for the whole store.
pub(super) fn check_scan(limit: usize, after: Option<&Cursor>) -> Result<(), StoreError> {
    check_limit(limit)?;
    match after {
        Some(cursor) if cursor.index_sk.is_some() => {
            Err(StoreError::invalid("a walk through the store goes on after a page of an index"))
        }
        _ => Ok(()),
    }
}

/// Checks that a page can hold something.
fn check_limit(limit: usize) -> Result<(), StoreError> {
    if limit == 0 {
        return Err(StoreError::invalid("a page of no items is asked for"));
    }
    Ok(())
}

/// The last item of a page, to go on after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The item.
    pub(super) key: Key,
    /// Its sort key in the index, for a page of an index.
    pub(super) index_sk: Option<String>,
}

impl Cursor {
    /// The end of a page of the table.
    pub(super) fn of(item: &Item) -> Self {
        Self { key: item.key().clone(), index_sk: None }
    }

    /// The end of a page, by its last key.
    pub(super) fn at(key: Key, index_sk: Option<String>) -> Self {
        Self { key, index_sk }
    }

    /// The end of a page of an index.
    pub(super) fn of_index(item: &Item, index: Index) -> Self {
        let sk = item.get(index.sk_attribute()).and_then(serde_json::Value::as_str);
        Self { key: item.key().clone(), index_sk: Some(sk.unwrap_or_default().to_owned()) }
    }
}

/// Some of the items asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The items, perhaps fewer than the limit, or none.
    pub items: Vec<Item>,
    /// Where to go on; only `None` says that there are no more.
    pub next: Option<Cursor>,
}
