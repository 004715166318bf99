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
    let (projects, _) = survey(from).await?;
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
    let (_, now) = survey(from).await?;
    if there != now {
        return Err(OpError::StoreChanged { store: from.name.clone() });
    }
    Ok(Migrated { items, copied: items.saturating_sub(already_there), already_there })
}

/// The project that a key is of: each begins `P#<project>`.
fn project_of(key: &Key) -> String {
    key.pk().split('#').nth(1).unwrap_or_default().to_owned()
}

/// The projects that a store has items of, and how many items.
async fn survey(from: &NamedStore) -> Result<(BTreeSet<String>, usize), StoreError> {
    let (mut projects, mut items) = (BTreeSet::new(), 0);
    let mut after = None;
    loop {
        let page = from.store.scan(PAGE, after.as_ref()).await?;
        items += page.items.len();
        projects.extend(page.items.iter().map(|item| project_of(item.key())));
        after = page.next;
        if after.is_none() {
            return Ok((projects, items));
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

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};
    use tempfile::TempDir;

    use super::*;
    use crate::backend::store::SqliteStore;

    /// A store in a file of its own, with items.
    async fn store(folder: &TempDir, name: &str, items: &[(&str, &str, u32)]) -> NamedStore {
        let store = SqliteStore::open(folder.path().join(name)).await.unwrap();
        let named = NamedStore { name: name.to_owned(), store: Arc::new(store) };
        add(&named, items).await;
        named
    }

    async fn add(store: &NamedStore, items: &[(&str, &str, u32)]) {
        for (pk, sk, value) in items {
            let attributes = Map::from_iter([("a".to_owned(), json!(value))]);
            let write = Write::put(Key::new(*pk, *sk), attributes).when(Condition::Absent);
            store.store.transact(vec![write]).await.unwrap();
        }
    }

    async fn value(store: &NamedStore, pk: &str, sk: &str) -> Option<Value> {
        let key = Key::new(pk, sk);
        let item = store.store.get(&key, Consistency::Strong).await.unwrap();
        item.and_then(|item| item.get("a").cloned())
    }

    #[tokio::test]
    async fn what_was_broken_off_is_finished_and_other_projects_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ours = [("P#cat", "CTR", 1), ("P#cat#AUD", "1", 2), ("P#cat#E#prod", "SVC#web", 3)];
        let from = store(&folder, "from", &ours).await;
        let theirs = ("P#catalogue", "CTR", 9);
        let to = store(&folder, "to", &[ours[1], theirs]).await;
        let migrated = migrate(&from, &to, |_| {}).await.unwrap();
        assert_eq!(migrated, Migrated { items: 3, copied: 2, already_there: 1 });
        for (pk, sk, expected) in ours.into_iter().chain([theirs]) {
            assert_eq!(value(&to, pk, sk).await, Some(json!(expected)), "{pk}/{sk}");
        }
        let again = migrate(&from, &to, |_| {}).await.unwrap();
        assert_eq!(again, Migrated { items: 3, copied: 0, already_there: 3 });
    }

    #[tokio::test]
    async fn a_store_with_other_records_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let from = store(&folder, "from", &[("P#cat", "CTR", 1), ("P#cat", "FP#1", 1)]).await;
        let others = [("P#cat", "FP#1", 2), ("P#cat#R#7", "META", 1)];
        for (number, other) in others.into_iter().enumerate() {
            let to = store(&folder, &format!("to{number}"), &[other]).await;
            let refused = migrate(&from, &to, |_| {}).await;
            assert!(matches!(refused, Err(OpError::StoreNotEmpty { .. })), "{refused:?}");
            assert_eq!(value(&to, "P#cat", "CTR").await, None);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_changes_meanwhile_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let from = store(&folder, "from", &[("P#cat", "CTR", 1)]).await;
        let to = store(&folder, "to", &[]).await;
        let somebody_deploys = |_| {
            let write = add(&from, &[("P#cat", "A", 1)]);
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(write));
        };
        let told = migrate(&from, &to, somebody_deploys).await;
        assert_eq!(value(&to, "P#cat", "A").await, None, "the walk was past it");
        assert!(matches!(told, Err(OpError::StoreChanged { .. })), "{told:?}");
    }

    #[test]
    fn large_items_go_in_transactions_of_their_own() {
        let large = |n: u32| {
            let attributes = Map::from_iter([("a".to_owned(), json!("x".repeat(390_000)))]);
            Item::new(Key::new("P#cat", n.to_string()), attributes)
        };
        let sizes: Vec<usize> = batches((0..5).map(large).collect()).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }
}
