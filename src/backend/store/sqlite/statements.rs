//! The SQL behind the contract, on an open connection.
//!
//! Keys are printable ASCII, so SQLite's binary order of texts is the contract's, and a character
//! below or above that range bounds a range of keys exactly.

use std::fmt::Display;

use rusqlite::{Connection, OptionalExtension, Params, Row, TransactionBehavior, params};
use serde_json::{Map, Value};

use super::{
    super::{
        Cursor, Direction, FailedWrite, Index, IndexQuery, Item, Key, Page, Query, StoreError,
        Write, write::Outcome,
    },
    problem::Problem,
};

/// Sorts before every character of a key.
const BELOW: char = '\u{1}';
/// Sorts after every character of a key.
const ABOVE: char = '\u{7f}';

/// The item at a key.
pub(super) fn get(connection: &Connection, key: &Key) -> Result<Option<Item>, Problem> {
    let mut statement =
        connection.prepare_cached("SELECT pk, sk, doc FROM items WHERE pk = ?1 AND sk = ?2")?;
    let found = statement.query_row(params![key.pk(), key.sk()], stored).optional()?;
    found.map(Stored::into_item).transpose()
}

/// A page of a partition.
pub(super) fn query(connection: &Connection, query: &Query) -> Result<Page, Problem> {
    let mut low = query.prefix.clone();
    let mut high = format!("{}{ABOVE}", query.prefix);
    let order = match query.direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    };
    match (&query.after, query.direction) {
        (Some(cursor), Direction::Ascending) => low = format!("{}{BELOW}", cursor.key.sk()),
        (Some(cursor), Direction::Descending) => cursor.key.sk().clone_into(&mut high),
        (None, _) => {}
    }
    let sql = format!(
        "SELECT pk, sk, doc FROM items WHERE pk = ?1 AND sk >= ?2 AND sk < ?3 \
         ORDER BY sk {order} LIMIT ?4"
    );
    let items = select(connection, &sql, params![query.pk, low, high, one_more(query.limit)])?;
    Ok(page(items, query.limit, Cursor::of))
}

/// A page of an index.
pub(super) fn query_index(connection: &Connection, query: &IndexQuery) -> Result<Page, Problem> {
    let (index_sk, pk, sk) = match (&query.after, query.direction) {
        (Some(cursor), _) => {
            (cursor.index_sk.clone().unwrap_or_default(), cursor.key.pk(), cursor.key.sk())
        }
        (None, Direction::Ascending) => (String::new(), "", ""),
        (None, Direction::Descending) => (ABOVE.to_string(), "", ""),
    };
    let sql = index_sql(query.index, query.direction);
    let limit = one_more(query.limit);
    let items = select(connection, &sql, params![query.pk, index_sk, pk, sk, limit])?;
    Ok(page(items, query.limit, |item| Cursor::of_index(item, query.index)))
}

/// A page of the whole store, in the order of keys.
pub(super) fn scan(
    connection: &Connection,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page, Problem> {
    let (pk, sk) = after.map_or(("", ""), |cursor| (cursor.key.pk(), cursor.key.sk()));
    let sql = "SELECT pk, sk, doc FROM items WHERE (pk, sk) > (?1, ?2) ORDER BY pk, sk LIMIT ?3";
    let items = select(connection, sql, params![pk, sk, one_more(limit)])?;
    Ok(page(items, limit, Cursor::of))
}

/// The question for a page of an index. Whole rows are compared, so that items with equal sort
/// keys are neither left out nor told twice where a page ends between them.
pub(super) fn index_sql(index: Index, direction: Direction) -> String {
    let (partition, sort) = (index.pk_attribute(), index.sk_attribute());
    let (beyond, order) = match direction {
        Direction::Ascending => (">", "ASC"),
        Direction::Descending => ("<", "DESC"),
    };
    format!(
        "SELECT pk, sk, doc FROM items \
         WHERE {partition} = ?1 AND ({sort}, pk, sk) {beyond} (?2, ?3, ?4) \
         ORDER BY {sort} {order}, pk {order}, sk {order} LIMIT ?5"
    )
}

/// Carries out all writes or none, under SQLite's write lock from the first read on.
pub(super) fn transact(connection: &mut Connection, writes: Vec<Write>) -> Result<(), Problem> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut failed = Vec::new();
    let mut outcomes = Vec::with_capacity(writes.len());
    for (position, write) in writes.into_iter().enumerate() {
        let found = get(&transaction, &write.key)?;
        if write.is_allowed(found.as_ref()) {
            outcomes.push((write.key.clone(), write.outcome(found)?));
        } else {
            failed.push(FailedWrite { position, key: write.key, found });
        }
    }
    if !failed.is_empty() {
        return Err(failed.into());
    }
    for (key, outcome) in outcomes {
        apply(&transaction, &key, outcome)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Makes one item what it becomes.
fn apply(connection: &Connection, key: &Key, outcome: Outcome) -> Result<(), Problem> {
    match outcome {
        Outcome::Unchanged => {}
        Outcome::Becomes(attributes) => {
            let doc = Value::Object(attributes).to_string();
            connection
                .prepare_cached(
                    "INSERT INTO items (pk, sk, doc) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (pk, sk) DO UPDATE SET doc = excluded.doc",
                )?
                .execute(params![key.pk(), key.sk(), doc])?;
        }
        Outcome::Removed => {
            connection
                .prepare_cached("DELETE FROM items WHERE pk = ?1 AND sk = ?2")?
                .execute(params![key.pk(), key.sk()])?;
        }
    }
    Ok(())
}

/// A row as SQLite gives it.
struct Stored {
    /// Where the item is.
    key: Key,
    /// Its attributes, as JSON.
    doc: String,
}

/// Reads `pk, sk, doc`.
fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let (pk, sk): (String, String) = (row.get(0)?, row.get(1)?);
    Ok(Stored { key: Key::new(pk, sk), doc: row.get(2)? })
}

impl Stored {
    /// The row as an item.
    fn into_item(self) -> Result<Item, Problem> {
        match serde_json::from_str::<Map<String, Value>>(&self.doc) {
            Ok(attributes) => Ok(Item::new(self.key, attributes)),
            Err(source) => Err(damaged(&self.key, source).into()),
        }
    }
}

/// An item whose text is no JSON object.
fn damaged(key: &dyn Display, source: serde_json::Error) -> StoreError {
    StoreError::Damaged { what: format!("the item `{key}`"), source: source.into() }
}

/// All items that a question gives.
fn select(connection: &Connection, sql: &str, values: impl Params) -> Result<Vec<Item>, Problem> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(values, stored)?;
    rows.map(|row| row?.into_item()).collect()
}

/// One more than the limit, to see whether items follow; as SQLite counts.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// Cuts what was read to a page.
fn page(mut items: Vec<Item>, limit: usize, cursor: impl Fn(&Item) -> Cursor) -> Page {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}
