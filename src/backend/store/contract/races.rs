//! Clients that write at the same time.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::*;

pub(super) async fn one_of_many_creates(store: Arc<dyn Store>) {
    let mut clients = JoinSet::new();
    for client in 0..16 {
        let store = Arc::clone(&store);
        clients.spawn(async move {
            let create = put("p", "one", json!({"by": client})).when(Condition::Absent);
            let trace = put("p", &format!("trace{client}"), json!({}));
            (client, store.transact(vec![create, trace]).await)
        });
    }
    let mut winners = Vec::new();
    for (client, result) in clients.join_all().await {
        match result {
            Ok(()) => winners.push(client),
            Err(StoreError::Conflict(conflict)) => {
                let found = conflict.on(&key("p", "one")).unwrap().found.as_ref().unwrap();
                assert_ne!(found.get("by"), Some(&json!(client)), "a loser sees the winner");
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    let [winner] = winners.as_slice() else { panic!("winners: {winners:?}") };
    assert_eq!(read(&*store, "p", "one").await, json!({"by": winner}));
    let traces = store.query(&partition("p", "trace")).await.unwrap();
    assert_eq!(sort_keys(&traces.items), [format!("trace{winner}")], "losers left nothing");
}

pub(super) async fn a_counter_gives_no_number_twice(store: Arc<dyn Store>) {
    write(&*store, vec![put("p", "counter", json!({"last": 0}))]).await;
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        clients.spawn(async move {
            let mut taken = Vec::new();
            while taken.len() < 10 {
                let last = read(&*store, "p", "counter").await["last"].as_u64().unwrap();
                let take = set("p", "counter", json!({"last": last + 1}));
                match store.transact(vec![take.when(Condition::equals("last", last))]).await {
                    Ok(()) => taken.push(last + 1),
                    Err(StoreError::Conflict(_)) => tokio::task::yield_now().await,
                    Err(error) => panic!("{error:?}"),
                }
            }
            taken
        });
    }
    let taken: Vec<u64> = clients.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken.iter().copied().collect::<BTreeSet<_>>(), (1..=80).collect());
    assert_eq!(taken.len(), 80);
}
