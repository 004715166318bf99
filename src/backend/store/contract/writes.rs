//! Puts, updates, deletes and the conditions they are under.

use super::*;

pub(super) async fn an_item_comes_back_as_it_was_put(store: &dyn Store) {
    assert_eq!(store.get(&key("p", "s"), Consistency::Strong).await.unwrap(), None);
    let object = json!({
        "type": "thing", "schema": 1, "ver": 1,
        "texts": ["", "ä\u{0}\n\"'%_*\u{1F600}", "$.a"],
        "numbers": [0, -1, u64::MAX, i64::MIN],
        "nothing": null, "yes": true,
        "nested": {"a": {"b": [{"c": []}, {}]}, " $.b ": "a name of other characters"},
    });
    write(store, vec![put("p", "s", object.clone())]).await;
    let found = store.get(&key("p", "s"), Consistency::Strong).await.unwrap().unwrap();
    assert_eq!(found.key(), &key("p", "s"));
    assert_eq!(Value::Object(found.into_attributes()), object);
    assert_eq!(read(store, "p", "S").await, Value::Null, "keys are told apart by case");
}

pub(super) async fn a_put_replaces_and_a_delete_removes(store: &dyn Store) {
    write(store, vec![put("p", "s", json!({"a": 1, "b": 2}))]).await;
    write(store, vec![put("p", "s", json!({"a": 3}))]).await;
    assert_eq!(read(store, "p", "s").await, json!({"a": 3}));
    write(store, vec![Write::delete(key("p", "s")), Write::delete(key("p", "never"))]).await;
    assert_eq!(read(store, "p", "s").await, Value::Null);
}

pub(super) async fn an_update_keeps_what_it_does_not_name(store: &dyn Store) {
    write(store, vec![put("p", "s", json!({"a": 1, "b": 2, "unknown": {"x": 1}, "ver": 4}))]).await;
    let remove = vec!["b".to_owned(), "never".to_owned()];
    write(store, vec![Write::update(key("p", "s"), attributes(json!({"a": [5]})), remove)]).await;
    assert_eq!(read(store, "p", "s").await, json!({"a": [5], "unknown": {"x": 1}, "ver": 5}));
    write(store, vec![set("p", "new", json!({"a": 1}))]).await;
    assert_eq!(read(store, "p", "new").await, json!({"a": 1, "ver": 1}));
}

pub(super) async fn every_condition_is_judged(store: &dyn Store) {
    let item =
        json!({"text": "b", "number": 5, "minus": -5, "map": {"x": 1, "y": [2]}, "null": null});
    write(store, vec![put("p", "there", item)]).await;
    let equals = |name: &str, value: Value| Condition::Equals(name.to_owned(), value);
    let at_most = |name: &str, number| Condition::AtMost(name.to_owned(), number);
    let missing = |name: &str| Condition::Missing(name.to_owned());
    // The condition, and whether it holds of the item and of no item.
    let table = [
        (Condition::Absent, false, true),
        (Condition::Present, true, false),
        (equals("text", json!("b")), true, false),
        (equals("text", json!("a")), false, false),
        (equals("number", json!(5)), true, false),
        (equals("number", json!("5")), false, false),
        (equals("map", json!({"y": [2], "x": 1})), true, false),
        (equals("map", json!({"x": 1})), false, false),
        (equals("null", json!(null)), true, false),
        (equals("never", json!(null)), false, false),
        (missing("never"), true, true),
        (missing("text"), false, true),
        (missing("null"), false, true),
        (at_most("number", 5), true, false),
        (at_most("number", 4), false, false),
        (at_most("minus", 0), true, false),
        (at_most("text", 9), false, false),
        (at_most("never", 9), false, false),
        (Condition::Any(vec![Condition::Absent, equals("number", json!(5))]), true, true),
        (Condition::Any(vec![missing("text"), at_most("number", 1)]), false, true),
    ];
    for (condition, of_item, of_none) in table {
        for (sk, expected) in [("there", of_item), ("nowhere", of_none)] {
            let check = Write::check(key("p", sk)).when(condition.clone());
            let held = match store.transact(vec![check]).await {
                Ok(()) => true,
                Err(StoreError::Conflict(_)) => false,
                Err(error) => panic!("{condition:?}: {error:?}"),
            };
            assert_eq!(held, expected, "{condition:?} of {sk}");
        }
    }
    let both = Write::check(key("p", "there")).when(Condition::Present).when(missing("text"));
    conflict(store, vec![both]).await;
}

pub(super) async fn a_transaction_is_all_or_nothing(store: &dyn Store) {
    write(store, vec![put("p", "kept", json!({"a": 1})), put("p", "gone", json!({"a": 1}))]).await;
    let writes = vec![
        put("p", "new", json!({"a": 1})),
        set("p", "kept", json!({"a": 2})),
        Write::delete(key("p", "gone")),
        put("p", "kept2", json!({})).when(Condition::Present),
    ];
    conflict(store, writes).await;
    let of = async |sk| read(store, "p", sk).await;
    assert_eq!(of("new").await, Value::Null);
    assert_eq!(of("kept").await, json!({"a": 1}));
    assert_eq!(of("gone").await, json!({"a": 1}));
}

pub(super) async fn a_conflict_gives_back_what_was_there(store: &dyn Store) {
    write(store, vec![put("p", "b", json!({"status": "DONE", "secret": [1]}))]).await;
    let writes = vec![
        put("p", "a", json!({})),
        set("p", "b", json!({"x": 1})).when(Condition::equals("status", "RUNNING")),
        put("p", "c", json!({})),
    ];
    let failed = conflict(store, writes).await;
    let [failed] = failed.as_slice() else { panic!("{failed:?}") };
    assert_eq!((failed.position, &failed.key), (1, &key("p", "b")));
    let found = failed.found.clone().unwrap();
    assert_eq!(found.key(), &key("p", "b"));
    assert_eq!(Value::Object(found.into_attributes()), json!({"status": "DONE", "secret": [1]}));

    let writes = vec![Write::delete(key("p", "nowhere")).when(Condition::Present)];
    let failed = conflict(store, writes).await;
    assert_eq!(failed, [FailedWrite { position: 0, key: key("p", "nowhere"), found: None }]);
}

pub(super) async fn conditions_see_the_items_as_they_were(store: &dyn Store) {
    // The second would hold if the first were carried out before it is judged.
    let writes =
        vec![put("p", "a", json!({})), Write::check(key("p", "b")).when(Condition::Present)];
    conflict(store, writes).await;
    let writes = vec![
        put("p", "a", json!({})).when(Condition::Absent),
        put("p", "b", json!({})).when(Condition::Absent),
    ];
    write(store, writes).await;
}

pub(super) async fn a_hundred_writes_are_one_transaction(store: &dyn Store) {
    let writes = (0..100).map(|n| put("p", &format!("{n:03}"), json!({"n": n}))).collect();
    write(store, writes).await;
    let page = store.query(&partition("p", "")).await.unwrap();
    assert_eq!(page.items.len(), 100);
}

pub(super) async fn what_is_audited_stays(store: &dyn Store) {
    let first = || put("P#p#AUD", "1", json!({"by": "Bob"})).when(Condition::Absent);
    write(store, vec![first()]).await;
    conflict(store, vec![first()]).await;
    for change in [
        put("P#p#AUD", "1", json!({})),
        set("P#p#AUD", "1", json!({"by": "Eve"})),
        Write::delete(key("P#p#AUD", "1")),
    ] {
        let refused = store.transact(vec![change.clone()]).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{change:?}: {refused:?}");
    }
    assert_eq!(read(store, "P#p#AUD", "1").await, json!({"by": "Bob"}));
}
