//! What every store refuses before it does anything, as DynamoDB would.

use super::*;
use crate::backend::store::{MAX_ITEM_BYTES, MAX_WRITES};

/// An object nested so many levels deep.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
}

/// Transactions that break a rule, with the rule.
fn refused() -> Vec<(&'static str, Vec<Write>)> {
    let many = (0..=MAX_WRITES).map(|n| put("p", &n.to_string(), json!({}))).collect();
    let large = "x".repeat(MAX_ITEM_BYTES);
    let nearly = "x".repeat(MAX_ITEM_BYTES - 100);
    let larger = (0..11).map(|n| put("p", &n.to_string(), json!({"a": nearly})));
    let one = |write: Write| vec![write];
    let update = |object: Value, remove: &[&str]| {
        let remove = remove.iter().map(|&name| name.to_owned()).collect();
        vec![Write::update(key("p", "s"), attributes(object), remove)]
    };
    vec![
        ("no writes", vec![]),
        ("too many writes", many),
        ("two on one item", vec![put("p", "s", json!({})), Write::delete(key("p", "s"))]),
        (
            "a check beside a write of the item",
            vec![Write::check(key("p", "s")).when(Condition::Absent), put("p", "s", json!({}))],
        ),
        ("a check of nothing", one(Write::check(key("p", "s")))),
        (
            "a condition of no alternatives",
            one(put("p", "s", json!({})).when(Condition::Any(vec![]))),
        ),
        ("an item too large", one(put("p", "s", json!({ "a": large })))),
        ("a transaction too large", larger.collect()),
        ("a broken number", one(put("p", "s", json!({"a": [1.5]})))),
        ("no name below the top", one(put("p", "s", json!({"a": [{"": 1}]})))),
        ("too deep", one(put("p", "s", json!({"a": nested(32)})))),
        ("a key among the attributes", one(put("p", "s", json!({"pk": "p"})))),
        ("half an index", one(put("p", "s", json!({"gsi1pk": "a"})))),
        ("an index of numbers", one(put("p", "s", json!({"gsi2pk": "a", "gsi2sk": 1})))),
        ("an empty index key", one(put("p", "s", json!({"gsi2pk": "", "gsi2sk": "a"})))),
        ("no pk", one(put("", "s", json!({})))),
        ("no sk", one(put("p", "", json!({})))),
        ("a space in a key", one(put("p", "a b", json!({})))),
        ("a letter outside ASCII in a key", one(put("ä", "s", json!({})))),
        ("a pk too long", one(put(&"p".repeat(2049), "s", json!({})))),
        ("an sk too long", one(put("p", &"s".repeat(1025), json!({})))),
        ("an update of nothing", update(json!({}), &[])),
        ("an update of the version", update(json!({"ver": 7}), &[])),
        ("an update that sets and removes", update(json!({"a": 7}), &["a"])),
        ("an update that removes twice", update(json!({}), &["a", "a"])),
        ("an update of half an index", update(json!({"gsi1sk": "a"}), &[])),
        ("an update that removes half an index", update(json!({}), &["gsi1sk"])),
        ("an update of the key", update(json!({"sk": "a"}), &[])),
        ("an update too large", update(json!({ "a": large }), &[])),
    ]
}

pub(super) async fn what_breaks_the_rules_is_refused(store: &dyn Store) {
    for (rule, writes) in refused() {
        let result = store.transact(writes).await;
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "{rule}: {result:?}");
    }
    write(store, vec![put("p", "grown", json!({"a": "x".repeat(MAX_ITEM_BYTES / 2)}))]).await;
    // What an item grows to is counted by the store; DynamoDB allows a little more than others.
    let growth = set("p", "grown", json!({"b": "x".repeat(MAX_ITEM_BYTES * 3 / 4)}));
    let result = store.transact(vec![growth]).await;
    assert!(matches!(result, Err(StoreError::Invalid { .. })), "{result:?}");
    let left = store.query(&partition("p", "")).await.unwrap();
    assert_eq!(sort_keys(&left.items), ["grown"], "nothing refused was written");
    write(store, vec![put("p", "deep", json!({"a": nested(31)}))]).await;
}

pub(super) async fn questions_that_break_the_rules_are_refused(store: &dyn Store) {
    for n in 0..3 {
        let object = json!({"gsi1pk": "I", "gsi1sk": n.to_string()});
        write(store, vec![put("p", &format!("s{n}"), object)]).await;
    }
    let whole = || partition("p", "");
    let first = store.query(&Query { limit: 1, ..whole() }).await.unwrap().next;
    assert!(first.is_some());
    let indexed = || index_partition(Index::First, "I");
    let first_of_index =
        store.query_index(&IndexQuery { limit: 1, ..indexed() }).await.unwrap().next;
    assert!(first_of_index.is_some());
    for query in [
        Query { limit: 0, ..whole() },
        partition("", ""),
        partition("p", "a b"),
        Query { after: first.clone(), ..partition("q", "") },
        Query { after: first.clone(), ..partition("p", "t") },
        Query { after: first_of_index.clone(), ..whole() },
    ] {
        let result = store.query(&query).await;
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "{query:?}: {result:?}");
    }
    for query in [
        IndexQuery { limit: 0, ..indexed() },
        index_partition(Index::First, ""),
        IndexQuery { after: first, ..indexed() },
    ] {
        let result = store.query_index(&query).await;
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "{query:?}: {result:?}");
    }
    for (limit, after) in [(0, None), (1, first_of_index)] {
        let result = store.scan(limit, after.as_ref()).await;
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "{limit}: {result:?}");
    }
    let result = store.get(&key("p", ""), Consistency::Eventual).await;
    assert!(matches!(result, Err(StoreError::Invalid { .. })), "{result:?}");
}
