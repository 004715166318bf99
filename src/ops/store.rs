//! The store itself: copying one into another, and looking one over.

use std::{collections::BTreeSet, sync::Arc};

use serde::Serialize;

use super::error::OpError;
use crate::backend::store::{
    Condition, Consistency, Item, Key, Ledger, Store, StoreError, Write, ledger::Examined,
};

/// Items of a page of the walk through a store, and most writes of one transaction of a copy.
const PAGE: usize = 100;
/// Most bytes of one transaction of a copy: well under what a store takes.
const BATCH_BYTES: usize = 1_000_000;

/// A store, with the name it has in messages.
#[derive(Debug, Clone)]
pub struct NamedStore {
    /// The name, such as `dynamodb=release-tool`.
    pub name: String,
    /// The store.
    pub store: Arc<dyn Store>,
}

/// What a copy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// Items that the first store has.
    pub items: usize,
    /// Those of them that were copied now.
    pub copied: usize,
    /// Those of them that the other store had already.
    pub already_there: usize,
}

/// Copies every item of a store into another one, as it is. Nothing is ever overwritten, so that it
/// can be broken off and run again.
///
/// `tell` is called with the number of items that are done, now and then.
///
/// # Errors
/// Fails when the other store has an item of the same projects that the first one lacks or has
/// otherwise, and when a store cannot be used.
pub async fn migrate(
    from: &NamedStore,
    to: &NamedStore,
    tell: impl Fn(usize) + Sync,
) -> Result<Migrated, OpError> {
    let projects = projects(from).await?;
    let already_there = compare(from, to, &projects).await?;
    let mut items = 0;
    let mut after = None;
    loop {
        let page = from.store.scan(PAGE, after.as_ref()).await?;
        items += page.items.len();
        for batch in batches(page.items) {
            copy(batch, to).await?;
        }
        tell(items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    // Whoever deployed meanwhile has changed what was copied already.
    let there = compare(from, to, &projects).await?;
    if there != items {
        return Err(OpError::StoreChanged { store: from.name.clone() });
    }
    Ok(Migrated { items, copied: items.saturating_sub(already_there), already_there })
}

/// The project that a key is of: each begins `P#<project>`.
fn project_of(key: &Key) -> String {
    key.pk().split('#').nth(1).unwrap_or_default().to_owned()
}

/// The projects that a store has items of.
async fn projects(from: &NamedStore) -> Result<BTreeSet<String>, StoreError> {
    let mut projects = BTreeSet::new();
    let mut after = None;
    loop {
        let page = from.store.scan(PAGE, after.as_ref()).await?;
        projects.extend(page.items.iter().map(|item| project_of(item.key())));
        after = page.next;
        if after.is_none() {
            return Ok(projects);
        }
    }
}

/// How many items of these projects both stores have.
async fn compare(
    from: &NamedStore,
    to: &NamedStore,
    projects: &BTreeSet<String>,
) -> Result<usize, OpError> {
    let mut same = 0;
    let mut after = None;
    loop {
        let page = to.store.scan(PAGE, after.as_ref()).await?;
        for item in page.items.iter().filter(|item| projects.contains(&project_of(item.key()))) {
            let here = from.store.get(item.key(), Consistency::Strong).await?;
            if here.as_ref() != Some(item) {
                return Err(not_same(item.key(), to));
            }
            same += 1;
        }
        after = page.next;
        if after.is_none() {
            return Ok(same);
        }
    }
}

/// The items of a page in parts, each for one transaction.
fn batches(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut batches = vec![Vec::new()];
    let mut bytes = 0;
    for item in items {
        let size = serde_json::to_vec(item.attributes()).map_or(0, |json| json.len());
        if bytes + size > BATCH_BYTES {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(batch) = batches.last_mut() {
            batch.push(item);
        }
    }
    batches
}

/// Creates items; those that are there already as they are here are passed over.
async fn copy(mut items: Vec<Item>, to: &NamedStore) -> Result<(), OpError> {
    while !items.is_empty() {
        let create = |item: &Item| {
            Write::put(item.key().clone(), item.attributes().clone()).when(Condition::Absent)
        };
        let conflict = match to.store.transact(items.iter().map(create).collect()).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Conflict(conflict)) => conflict,
            Err(error) => return Err(error.into()),
        };
        for failed in &conflict.failed {
            let same = items.iter().position(|item| Some(item) == failed.found.as_ref());
            let Some(same) = same else { return Err(not_same(&failed.key, to)) };
            items.remove(same);
        }
    }
    Ok(())
}

/// Another item than ours is in the way.
fn not_same(key: &Key, to: &NamedStore) -> OpError {
    OpError::StoreNotEmpty { store: to.name.clone(), item: key.to_string() }
}

/// Looks over the whole store.
///
/// # Errors
/// Fails when the store cannot be used.
pub async fn check_store(store: &NamedStore) -> Result<Examined, OpError> {
    Ok(Ledger::new(Arc::clone(&store.store)).examine().await?)
}
