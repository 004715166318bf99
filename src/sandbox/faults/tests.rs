//! Rules against a state of their own.

use std::path::Path;

use super::*;
use crate::sandbox::state::State;

fn scope(account: &str) -> Scope {
    Scope { account: account.to_owned(), region: "eu-west-1".to_owned() }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
}

fn state(faults: &[(&str, &str, u32)]) -> State {
    let state = State::open(Path::new(":memory:")).unwrap();
    state
        .transact(|transaction| {
            for (on, kind, times) in faults {
                let on = on.parse().unwrap();
                let kind = kind.parse().unwrap();
                add(transaction, NewFault { on, kind, times: NonZeroU32::new(*times) })?;
            }
            Ok(())
        })
        .unwrap();
    state
}

fn decide_for(state: &State, account: &str, operation: &str, now: Timestamp) -> Decision {
    let scope = scope(account);
    let subject = Subject { service: Service::Ecs, operation, resources: &[], scope: &scope };
    state.transact(|transaction| decide(transaction, &subject, now)).unwrap()
}

fn kinds(state: &State, operation: &str, count: usize) -> Vec<Option<FaultKind>> {
    (0..count).map(|_| decide_for(state, "000000000000", operation, at(0)).kind).collect()
}

#[test]
fn a_rule_acts_as_often_as_it_may_and_then_the_next_one_does() {
    let state = state(&[("UpdateService", "throttle", 2), ("ecs:*", "deny", 1)]);
    assert_eq!(
        kinds(&state, "UpdateService", 4),
        [Some(FaultKind::Throttle), Some(FaultKind::Throttle), Some(FaultKind::Deny), None]
    );
    let rules = state.transact(|transaction| list(transaction)).unwrap();
    assert_eq!(rules.iter().map(|rule| rule.acted).collect::<Vec<_>>(), [2, 1]);
    assert!(rules.iter().all(FaultRule::is_spent));
}

#[test]
fn a_rule_without_a_number_acts_for_ever_until_it_is_cleared() {
    let state = state(&[("*", "error", 0)]);
    assert_eq!(kinds(&state, "ListServices", 3), [Some(FaultKind::Error); 3]);
    assert_eq!(state.transact(clear).unwrap(), 1);
    assert_eq!(kinds(&state, "ListServices", 1), [None]);
}

#[test]
fn latencies_add_up_and_go_with_another_fault() {
    let state = state(&[("*", "latency=60", 0), ("*", "drop", 1), ("*", "latency=40", 1)]);
    let first = decide_for(&state, "000000000000", "ListServices", at(0));
    let expected = Decision { latency: Latency::from_millis(100), kind: Some(FaultKind::Drop) };
    assert_eq!(first, expected);
    let second = decide_for(&state, "000000000000", "ListServices", at(0));
    assert_eq!(second, Decision { latency: Latency::from_millis(60), kind: None });
    assert_eq!(second.logged(), Some(FaultKind::Latency(Latency::from_millis(60))));
    assert_eq!(Decision::default().logged(), None);
}

#[test]
fn quotas_are_per_account_and_shared_in_their_row() {
    let state = state(&[("*", "quota", 0)]);
    let register = |count, account, now| -> usize {
        let operations = ["RegisterTaskDefinition", "DeregisterTaskDefinition"];
        let asked = (0..count).zip(operations.iter().cycle());
        asked
            .filter(|(_, operation)| decide_for(&state, account, operation, now).kind.is_none())
            .count()
    };
    assert_eq!(register(30, "111111111111", at(0)), 20);
    assert_eq!(register(30, "222222222222", at(0)), 20);
    assert_eq!(register(30, "111111111111", at(2500)), 2);
    assert_eq!(register(30, "111111111111", at(3000)), 1);
    assert_eq!(kinds(&state, "UpdateService", 51).iter().flatten().count(), 1);
    assert_eq!(kinds(&state, "CreateCluster", 500).iter().flatten().count(), 0);

    state.transact(clear).unwrap();
    state
        .transact(|transaction| {
            let (on, kind) = ("*".parse().unwrap(), FaultKind::Quota);
            add(transaction, NewFault { on, kind, times: None })
        })
        .unwrap();
    assert_eq!(register(30, "111111111111", at(3000)), 20, "clearing fills the buckets");
}

#[test]
fn a_quota_counts_what_it_refuses() {
    let state = state(&[("*", "quota", 3)]);
    assert_eq!(kinds(&state, "RegisterTaskDefinition", 30).iter().flatten().count(), 3);
}
