//! Prefixes, order, pages and indexes.

use super::*;

pub(super) async fn a_prefix_is_exact(store: &dyn Store) {
    let keys = ["A", "A#", "A#1", "A#10", "A#2", "A%", "A*", "A_", "A~", "B", "a#1"];
    write(store, keys.iter().map(|sk| put("p", sk, json!({}))).collect()).await;
    write(store, vec![put("p2", "A#1", json!({})), put("P", "A#1", json!({}))]).await;
    for (prefix, expected) in [
        ("A#", vec!["A#", "A#1", "A#10", "A#2"]),
        ("A#1", vec!["A#1", "A#10"]),
        ("A%", vec!["A%"]),
        ("A*", vec!["A*"]),
        ("A_", vec!["A_"]),
        ("A~", vec!["A~"]),
        ("a", vec!["a#1"]),
        ("C", vec![]),
        ("", keys.to_vec()),
    ] {
        let mut query = partition("p", prefix);
        let page = store.query(&query).await.unwrap();
        assert_eq!(sort_keys(&page.items), expected, "{prefix}");
        assert_eq!(page.next, None, "{prefix}");
        query.direction = Direction::Descending;
        let page = store.query(&query).await.unwrap();
        let backwards: Vec<_> = expected.into_iter().rev().collect();
        assert_eq!(sort_keys(&page.items), backwards, "{prefix}");
    }
}

pub(super) async fn pages_make_up_the_whole(store: &dyn Store) {
    let names: Vec<String> = (0..23).map(|n| format!("S#{n:02}")).collect();
    write(store, names.iter().map(|sk| put("p", sk, json!({}))).collect()).await;
    write(store, vec![put("p", "R", json!({})), put("p", "T", json!({}))]).await;
    for limit in [1, 5, 23, 24] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let ask = async |after| {
                let query = Query { direction, limit, after, ..partition("p", "S#") };
                store.query(&query).await.unwrap()
            };
            let mut found = pages(limit, ask).await;
            if direction == Direction::Descending {
                found.reverse();
            }
            assert_eq!(sort_keys(&found), names, "{limit} {direction:?}");
        }
    }
}

pub(super) async fn an_index_is_sparse_and_follows(store: &dyn Store) {
    let indexed = |sk: &str| json!({"gsi1pk": "I", "gsi1sk": sk, "gsi2pk": "J", "gsi2sk": sk});
    let writes = vec![
        put("p", "1", indexed("c")),
        put("q", "2", indexed("a")),
        put("q", "3", json!({"gsi2pk": "I", "gsi2sk": "b"})),
        put("q", "4", json!({})),
    ];
    write(store, writes).await;
    let of = async |index, pk| {
        let page = store.query_index(&index_partition(index, pk)).await.unwrap();
        page.items.into_iter().map(|item| item.key().sk().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(Index::First, "I").await, ["2", "1"]);
    assert_eq!(of(Index::Second, "J").await, ["2", "1"]);
    assert_eq!(of(Index::Second, "I").await, ["3"]);
    let page = store.query_index(&index_partition(Index::First, "I")).await.unwrap();
    assert_eq!(Value::Object(page.items[0].attributes().clone()), indexed("a"), "whole items");

    let remove = vec!["gsi2pk".to_owned(), "gsi2sk".to_owned()];
    let writes = vec![
        Write::update(key("p", "1"), Map::new(), remove),
        set("q", "2", json!({"gsi1pk": "I", "gsi1sk": "z"})),
        set("q", "4", json!({"gsi1pk": "I", "gsi1sk": "y"})),
        Write::delete(key("q", "3")),
    ];
    write(store, writes).await;
    assert_eq!(of(Index::First, "I").await, ["1", "4", "2"]);
    assert_eq!(of(Index::Second, "J").await, ["2"]);
    assert_eq!(of(Index::Second, "I").await, Vec::<String>::new());
    write(store, vec![put("q", "2", json!({}))]).await;
    assert_eq!(of(Index::First, "I").await, ["1", "4"]);
}

pub(super) async fn equal_index_keys_are_paged_without_loss(store: &dyn Store) {
    let object = |n: usize| json!({"gsi1pk": "I", "gsi1sk": (n / 5).to_string()});
    let writes = (0..15).map(|n| put(&format!("p{}", n % 2), &format!("{n:02}"), object(n)));
    write(store, writes.collect()).await;
    for limit in [1, 2, 4, 15] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let ask = async |after| {
                let query =
                    IndexQuery { direction, limit, after, ..index_partition(Index::First, "I") };
                store.query_index(&query).await.unwrap()
            };
            let found = pages(limit, ask).await;
            let order: Vec<&str> =
                found.iter().map(|item| item.get("gsi1sk").unwrap().as_str().unwrap()).collect();
            let mut expected: Vec<String> = (0..15).map(|n| (n / 5).to_string()).collect();
            if direction == Direction::Descending {
                expected.reverse();
            }
            assert_eq!(order, expected, "{limit} {direction:?}");
            let mut keys: Vec<&Key> = found.iter().map(Item::key).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), 15, "{limit} {direction:?}");
        }
    }
}

pub(super) async fn a_walk_finds_every_item_once(store: &dyn Store) {
    let object = json!({"gsi1pk": "I", "gsi1sk": "1"});
    let key_of = |n: usize| (format!("p{}", n % 5), format!("{n:02}"));
    let mut writes: Vec<Write> = (0..23).map(key_of).map(|(p, s)| put(&p, &s, json!({}))).collect();
    writes.push(put("p#AUD", "1", object.clone()).when(Condition::Absent));
    write(store, writes).await;
    for limit in [1, 7, 24, 1000] {
        let ask = async |after: Option<Cursor>| store.scan(limit, after.as_ref()).await.unwrap();
        let mut found = pages(limit, ask).await;
        assert_eq!(found.len(), 24, "{limit}");
        let audit = found.iter().find(|item| item.key() == &key("p#AUD", "1")).unwrap();
        assert_eq!(Value::Object(audit.attributes().clone()), object, "whole items");
        found.sort_by(|a, b| a.key().cmp(b.key()));
        found.dedup();
        assert_eq!(found.len(), 24, "{limit}");
    }
}

pub(super) async fn the_clock_goes(store: &dyn Store) {
    let machine = || crate::backend::clock::now();
    let (before, first) = (machine(), store.now());
    read(store, "p", "s").await;
    let (second, after) = (store.now(), machine());
    // Servers of the tests have this machine's clock; what they tell of it is a second coarse.
    let slack = jiff::SignedDuration::from_secs(2);
    assert!(before - slack <= first && first <= second + slack, "{first} {second}");
    assert!(second <= after + slack, "{second} {after}");
}

pub(super) async fn pages_of_large_items_make_up_the_whole(store: &dyn Store) {
    // DynamoDB ends a page at 1 MB, whatever was asked for.
    let large = "x".repeat(300_000);
    for n in 0..8 {
        let object = json!({"gsi1pk": "I", "gsi1sk": n.to_string(), "a": large});
        write(store, vec![put("p", &n.to_string(), object)]).await;
    }
    let expected: Vec<String> = (0..8).map(|n| n.to_string()).collect();
    let ask = async |after| store.query(&Query { after, ..partition("p", "") }).await.unwrap();
    assert_eq!(sort_keys(&pages(1000, ask).await), expected);
    let ask = async |after| {
        store
            .query_index(&IndexQuery { after, ..index_partition(Index::First, "I") })
            .await
            .unwrap()
    };
    assert_eq!(sort_keys(&pages(1000, ask).await), expected);
    let ask = async |after: Option<Cursor>| store.scan(1000, after.as_ref()).await.unwrap();
    assert_eq!(pages(1000, ask).await.len(), 8);
}
