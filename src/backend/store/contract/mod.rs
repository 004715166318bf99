//! The rules that every store keeps, as tests that take the store as an argument.
//!
//! [`run`] holds what one client sees, [`race`] what many see; they are apart because some
//! emulators of DynamoDB keep the first and not the second.

mod queries;
mod races;
mod refusals;
mod writes;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Condition, Consistency, Cursor, Direction, FailedWrite, Index, IndexQuery, Item, Key, Page,
    Query, Store, StoreError, Write,
};

/// Runs rules, each on a new store, and gives how many there are.
macro_rules! rules {
    ($make_store:ident, $store:ident => $($rule:path: $argument:expr),+ $(,)?) => {{
        let mut held = 0;
        $({
            let $store = $make_store().await;
            $rule($argument).await;
            held += 1;
        })+
        held
    }};
}

/// Runs every rule that one client can see, each on a new store; gives how many.
pub(crate) async fn run(make_store: impl AsyncFn() -> Arc<dyn Store>) -> usize {
    rules! { make_store, store =>
        writes::an_item_comes_back_as_it_was_put: &*store,
        writes::a_put_replaces_and_a_delete_removes: &*store,
        writes::an_update_keeps_what_it_does_not_name: &*store,
        writes::every_condition_is_judged: &*store,
        writes::a_transaction_is_all_or_nothing: &*store,
        writes::a_conflict_gives_back_what_was_there: &*store,
        writes::conditions_see_the_items_as_they_were: &*store,
        writes::a_hundred_writes_are_one_transaction: &*store,
        writes::what_is_audited_stays: &*store,
        queries::a_prefix_is_exact: &*store,
        queries::pages_make_up_the_whole: &*store,
        queries::an_index_is_sparse_and_follows: &*store,
        queries::equal_index_keys_are_paged_without_loss: &*store,
        queries::a_walk_finds_every_item_once: &*store,
        queries::pages_of_large_items_make_up_the_whole: &*store,
        queries::the_clock_goes: &*store,
        refusals::what_breaks_the_rules_is_refused: &*store,
        refusals::questions_that_break_the_rules_are_refused: &*store,
    }
}

/// Runs every rule about clients that race, each on a new store; gives how many.
pub(crate) async fn race(make_store: impl AsyncFn() -> Arc<dyn Store>) -> usize {
    rules! { make_store, store =>
        races::one_of_many_creates: store,
        races::a_counter_gives_no_number_twice: store,
    }
}

/// A key.
fn key(pk: &str, sk: &str) -> Key {
    Key::new(pk, sk)
}

/// Attributes, from a JSON object.
fn attributes(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// A put of a JSON object.
fn put(pk: &str, sk: &str, object: Value) -> Write {
    Write::put(key(pk, sk), attributes(object))
}

/// An update that sets the members of a JSON object.
fn set(pk: &str, sk: &str, object: Value) -> Write {
    Write::update(key(pk, sk), attributes(object), Vec::new())
}

/// Writes what must succeed.
async fn write(store: &dyn Store, writes: Vec<Write>) {
    store.transact(writes).await.unwrap();
}

/// The item at a key as JSON, without its key; null when there is none.
async fn read(store: &dyn Store, pk: &str, sk: &str) -> Value {
    let found = store.get(&key(pk, sk), Consistency::Strong).await.unwrap();
    found.map_or(Value::Null, |item| Value::Object(item.into_attributes()))
}

/// The writes of a transaction that must fail on its conditions.
async fn conflict(store: &dyn Store, writes: Vec<Write>) -> Vec<FailedWrite> {
    match store.transact(writes).await {
        Err(StoreError::Conflict(conflict)) => conflict.failed,
        other => panic!("expected a conflict, not {other:?}"),
    }
}

/// The sort keys of some items.
fn sort_keys(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.key().sk()).collect()
}

/// A question for a whole partition, ascending.
fn partition(pk: &str, prefix: &str) -> Query {
    Query {
        pk: pk.to_owned(),
        prefix: prefix.to_owned(),
        direction: Direction::Ascending,
        limit: 1000,
        after: None,
        consistency: Consistency::Strong,
    }
}

/// A question for a whole partition of an index, ascending.
fn index_partition(index: Index, pk: &str) -> IndexQuery {
    let direction = Direction::Ascending;
    IndexQuery { index, pk: pk.to_owned(), direction, limit: 1000, after: None }
}

/// Reads pages until there are no more; no page may be larger than the limit.
async fn pages(limit: usize, ask: impl AsyncFn(Option<Cursor>) -> Page) -> Vec<Item> {
    let (mut items, mut after) = (Vec::new(), None);
    for _ in 0..1000 {
        let page = ask(after).await;
        assert!(page.items.len() <= limit, "a page of {} for {limit}", page.items.len());
        items.extend(page.items);
        after = page.next;
        if after.is_none() {
            return items;
        }
    }
    panic!("the pages do not end");
}
