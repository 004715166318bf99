//! Leases and locks: one at a time, taken over only when they are over, and numbered for ever.

use tokio::task::JoinSet;

use super::{support::*, *};
use crate::model::{Actor, HeldLock, Hold, LockKind, ProcessId, Selection};

/// Somebody.
fn person(name: &str) -> Actor {
    Actor { name: name.to_owned(), ..Actor::default() }
}

/// Who holds what of an environment.
async fn held(place: &Place, environment: &str) -> Vec<(String, String)> {
    let locks = place.ledger.locks(&project(), &environment.parse().unwrap()).await.unwrap();
    let words = |held: &HeldLock| (held.selection.to_string(), held.by.name.clone());
    locks.held.iter().map(words).collect()
}

/// What was done, oldest first.
async fn told(place: &Place, environment: &str) -> Vec<String> {
    let environment = environment.parse().unwrap();
    let events = place.ledger.audit(&project(), Some(&environment), 99).await.unwrap();
    let words = |event: &crate::model::AuditEvent| {
        let detail = event.detail.as_deref().unwrap_or_default();
        format!("{} {} by {}: {detail}", event.action, event.subject, event.actor.name)
    };
    events.iter().rev().map(words).collect()
}

/// The generation of an environment.
async fn generation(place: &Place, environment: &str) -> u64 {
    place.ledger.locks(&project(), &environment.parse().unwrap()).await.unwrap().generation
}

#[tokio::test]
async fn overlapping_leases_keep_each_other_out() {
    // What is held, what is asked for, and whether that meets.
    let all = || Asking::all("stage");
    let set = |name, services: &[&str]| Asking::of("stage", name, services);
    let cases = [
        (all(), all(), true),
        (all(), set("web", &["web"]), true),
        (set("web", &["web"]), all(), true),
        (all(), set("none", &[]), true),
        (set("web", &["web"]), set("web", &["web"]), true),
        (set("web", &["web"]), set("api", &["api"]), false),
        (set("front", &["web", "api"]), set("api", &["api"]), true),
        (set("front", &["web", "api"]), set("back", &["api", "db"]), true),
        (set("front", &["web", "api"]), set("back", &["db"]), false),
        // A set has the services that it had when it was locked, and is the same set all the same.
        (set("front", &["web", "api"]), set("front", &["db"]), true),
        (all(), Asking::all("stage2"), false),
    ];
    for (first, second, meets) in cases {
        let place = Place::new().await;
        let lease = first.take(&place.ledger).await;
        match second.ask(&place.ledger).await {
            Acquired::Held(held) => {
                assert!(meets, "{first:?} {second:?}");
                assert_eq!(held.len(), 1);
                assert_eq!(held[0].selection, first.selection);
            }
            Acquired::Lease(_) => assert!(!meets, "{first:?} {second:?}"),
        }
        place.ledger.release(&lease).await.unwrap();
        if meets {
            second.take(&place.ledger).await;
        }
    }
}

#[tokio::test]
async fn a_holder_is_told_whole() {
    let place = Place::new().await;
    let process = ProcessId { boot: "b".to_owned(), namespace: "n".to_owned(), pid: 7, started: 9 };
    let asking = Asking { process: Some(process.clone()), ..Asking::all("stage") };
    let lease = asking.take(&place.ledger).await;
    let mut new = new_deployment("stage", steps(1));
    new.selection = Selection::All;
    let begun = place.ledger.start_deployment(&lease, new).await.unwrap();
    place.clock.set(10);
    place.ledger.renew(&lease).await.unwrap();
    let expected = HeldLock {
        selection: Selection::All,
        by: actor(),
        since: time(0),
        reason: Some("a test".to_owned()),
        deployment: Some(begun.number),
        kind: LockKind::Lease {
            fence: 1,
            lease_until: time(100),
            heartbeat_at: time(10),
            process: Some(process),
        },
    };
    assert_eq!(asking.meet(&place.ledger).await, std::slice::from_ref(&expected));
    let locks = place.ledger.locks(&project(), &asking.environment).await.unwrap();
    assert_eq!(locks.held, [expected]);
    assert_eq!(locks.last, [begun.number].into());
    place.ledger.release(&lease).await.unwrap();
    let locks = place.ledger.locks(&project(), &asking.environment).await.unwrap();
    assert_eq!((locks.held, locks.last), (vec![], [begun.number].into()));
    let next = asking.take(&place.ledger).await;
    let locks = place.ledger.locks(&project(), &asking.environment).await.unwrap();
    assert_eq!(locks.held[0].deployment, None, "the next holder has no deployment yet");
    assert_eq!(locks.last, [begun.number].into(), "and the last one is still known");
    assert_eq!((lease.fence(), next.fence()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_takes_a_lease() {
    let place = Place::new().await;
    let mut clients = JoinSet::new();
    for client in 0..20 {
        let ledger = place.another().await;
        // Different items that meet each other, so that only the guard can tell.
        let name = format!("set{client}");
        clients
            .spawn(async move { Asking::of("stage", &name, &["web", "api"]).ask(&ledger).await });
    }
    let answers = clients.join_all().await;
    let leases = answers.iter().filter(|answer| matches!(answer, Acquired::Lease(_)));
    assert_eq!(leases.count(), 1);
    assert_eq!(generation(&place, "stage").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_that_do_not_meet_all_take_theirs() {
    let place = Place::new().await;
    let mut clients = JoinSet::new();
    for client in 0..12 {
        let ledger = place.another().await;
        let name = format!("s{client}");
        clients.spawn(async move {
            Asking::of("stage", &name, &[&name]).take(&ledger).await.generation()
        });
    }
    let mut generations = clients.join_all().await;
    generations.sort_unstable();
    assert_eq!(generations, (1..=12).collect::<Vec<_>>());
    assert_eq!(held(&place, "stage").await.len(), 12);
}

#[tokio::test]
async fn a_lease_is_taken_over_when_it_has_run_out_and_not_before() {
    let place = Place::new().await;
    let first = Asking::all("stage").by("ann").take(&place.ledger).await;
    let second = Asking::all("stage").by("bob");
    let over = i64::try_from((LEASE + SKEW).as_secs()).unwrap();
    for second_of in [1, 90, 91, over] {
        place.clock.set(second_of);
        assert_eq!(second.meet(&place.ledger).await.len(), 1, "after {second_of} s");
        assert_eq!(held(&place, "stage").await.len(), 1);
    }
    place.clock.set(over + 1);
    assert_eq!(held(&place, "stage").await, []);
    let taken = second.take(&place.ledger).await;
    assert_eq!((first.fence(), taken.fence()), (1, 2));
    assert_eq!((first.generation(), taken.generation()), (1, 2));
    assert_eq!(
        told(&place, "stage").await,
        [
            "lease.taken_over all by bob: the lease of ann, which had run out at 2027-01-15T08:01:30Z"
        ]
    );
    assert!(matches!(
        place.ledger.renew(&first).await,
        Err(StoreError::LeaseLost { held: Some(held), .. }) if held.by.name == "bob"
    ));
    place.ledger.release(&first).await.unwrap();
    place.ledger.renew(&taken).await.unwrap();
}

#[tokio::test]
async fn a_lease_is_kept_by_renewing_it() {
    let place = Place::new().await;
    let lease = Asking::all("stage").take(&place.ledger).await;
    for n in 1..=20 {
        place.clock.set(n * 15);
        let renewal = place.ledger.renew(&lease).await.unwrap();
        assert_eq!(renewal, Renewal { until: time(n * 15 + 90), cancel: None });
        assert_eq!(Asking::all("stage").by("bob").meet(&place.ledger).await.len(), 1);
    }
    // Even one that has run out, as long as nobody took it.
    place.clock.set(9999);
    place.ledger.renew(&lease).await.unwrap();
    assert_eq!(held(&place, "stage").await.len(), 1);
    place.ledger.release(&lease).await.unwrap();
    assert!(matches!(
        place.ledger.renew(&lease).await,
        Err(StoreError::LeaseLost { held: None, .. })
    ));
}

#[tokio::test]
async fn the_lease_of_a_process_that_is_gone_is_taken_over_at_once() {
    let place = Place::new().await;
    let process =
        |pid| ProcessId { boot: "b".to_owned(), namespace: "n".to_owned(), pid, started: 9 };
    let first = Asking { process: Some(process(7)), ..Asking::of("stage", "front", &["web"]) };
    let lease = first.take(&place.ledger).await;
    let second = Asking { gone: Some(process(8)), ..Asking::all("stage") };
    assert_eq!(second.meet(&place.ledger).await.len(), 1);
    let second = Asking { gone: Some(process(7)), ..Asking::all("stage") };
    second.take(&place.ledger).await;
    assert!(matches!(
        place.ledger.renew(&lease).await,
        Err(StoreError::LeaseLost { held: None, .. })
    ));
    assert_eq!(
        told(&place, "stage").await,
        ["lease.taken_over front by Bob Beardly <bob@beardcorp.com>: the lease of Bob Beardly \
          <bob@beardcorp.com>, whose process was gone"]
    );
}

#[tokio::test]
async fn a_rollback_takes_leases_and_no_locks() {
    let place = Place::new().await;
    let web = Asking::of("stage", "web", &["web"]).by("ann").take(&place.ledger).await;
    let api = Asking::of("stage", "api", &["api"]).by("ann").take(&place.ledger).await;
    let five = DeploymentNumber(5);
    let name = |lease: &Lease, number| place.ledger.store.transact(vec![lease.naming(number)]);
    name(&web, five).await.unwrap();
    let asking = Asking::of("stage", "front", &["web", "api"]);
    let rollback = Asking { preempt: Some(five), ..asking };
    assert_eq!(rollback.meet(&place.ledger).await.len(), 1, "one that names no deployment");
    name(&api, DeploymentNumber(6)).await.unwrap();
    assert_eq!(rollback.meet(&place.ledger).await.len(), 1, "the one of another deployment");
    name(&api, five).await.unwrap();
    let taken = rollback.take(&place.ledger).await;
    assert_eq!(taken.generation(), 3);
    assert_eq!(held(&place, "stage").await, [("front".to_owned(), actor().name)]);
    assert_eq!(told(&place, "stage").await.len(), 2);
    assert!(told(&place, "stage").await[0].starts_with("lease.preempted api by Bob"));
    assert!(place.ledger.renew(&web).await.is_err());

    name(&taken, five).await.unwrap();
    let lock = lock("stage", &Selection::All, "ann");
    place.ledger.lock_by_hand(&lock.new_lock()).await.unwrap().unwrap();
    assert_eq!(rollback.meet(&place.ledger).await.len(), 1, "the lock, and not its own lease");
}

#[tokio::test]
async fn many_leases_that_are_over_are_taken_in_parts() {
    let place = Place::new().await;
    for n in 0..90 {
        let name = format!("s{n}");
        Asking::of("stage", &name, &[&name]).take(&place.ledger).await;
    }
    place.clock.set(999);
    let (ledger, sizes) = place.counted();
    let lease = Asking::all("stage").take(&ledger).await;
    assert_eq!(lease.generation(), 93, "90 of them, and three transactions for the last");
    assert_eq!(*sizes.lock().unwrap(), [82, 82, 23]);
    assert_eq!(held(&place, "stage").await.len(), 1);
    assert_eq!(told(&place, "stage").await.len(), 90);
}

/// A lock to be set.
struct Lock {
    environment: crate::model::EnvironmentId,
    selection: Selection,
    services: std::collections::BTreeSet<crate::model::ServiceId>,
    by: Actor,
    until: Option<jiff::Timestamp>,
}

fn lock(environment: &str, selection: &Selection, by: &str) -> Lock {
    Lock {
        environment: environment.parse().unwrap(),
        selection: selection.clone(),
        services: std::iter::once("web".parse().unwrap()).collect(),
        by: person(by),
        until: None,
    }
}

impl Lock {
    fn new_lock(&self) -> NewLock<'_> {
        NewLock {
            place: self.place(),
            services: &self.services,
            by: &self.by,
            reason: "the database moves",
            until: self.until,
        }
    }

    fn place(&self) -> LockPlace<'_> {
        static PROJECT: std::sync::OnceLock<crate::model::ProjectId> = std::sync::OnceLock::new();
        LockPlace {
            project: PROJECT.get_or_init(project),
            environment: &self.environment,
            selection: &self.selection,
        }
    }
}

#[tokio::test]
async fn a_lock_keeps_everybody_out_until_it_is_taken_away() {
    let place = Place::new().await;
    let front = lock("stage", &Selection::Set("front".parse().unwrap()), "ann");
    let running = Asking::of("stage", "web", &["web"]).take(&place.ledger).await;
    place.ledger.lock_by_hand(&front.new_lock()).await.unwrap().unwrap();
    place.ledger.renew(&running).await.unwrap();
    place.ledger.release(&running).await.unwrap();

    for asking in [Asking::of("stage", "web", &["web"]).by("ann"), Asking::all("stage")] {
        let held = asking.meet(&place.ledger).await;
        assert_eq!(held.len(), 1);
        assert_eq!(held[0].kind, LockKind::Manual { until: None });
        assert_eq!(held[0].reason.as_deref(), Some("the database moves"));
    }
    Asking::of("stage", "api", &["api"]).take(&place.ledger).await;
    let again = place.ledger.lock_by_hand(&front.new_lock()).await.unwrap();
    assert_eq!(again.unwrap_err().len(), 1, "a selection has one lock");

    let others =
        place.ledger.unlock(front.place(), &person("bob"), Some("mine"), false).await.unwrap();
    assert!(matches!(others, Unlocked::OfAnother(_)), "{others:?}");
    let broken =
        place.ledger.unlock(front.place(), &person("bob"), Some("night"), true).await.unwrap();
    assert!(matches!(broken, Unlocked::Broken(_)), "{broken:?}");
    let none = place.ledger.unlock(front.place(), &person("ann"), None, false).await.unwrap();
    assert_eq!(none, Unlocked::NotLocked);
    place.ledger.lock_by_hand(&front.new_lock()).await.unwrap().unwrap();
    let own = place.ledger.unlock(front.place(), &person("ann"), None, false).await.unwrap();
    assert!(matches!(own, Unlocked::Released(_)), "{own:?}");
    Asking::of("stage", "web", &["web"]).take(&place.ledger).await;
    let actions: Vec<String> = told(&place, "stage")
        .await
        .iter()
        .map(|words| words.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(actions, ["lock.set", "lock.broken", "lock.set", "lock.released"]);
}

#[tokio::test]
async fn a_lock_may_end_by_itself() {
    let place = Place::new().await;
    let all = Lock { until: Some(time(60)), ..lock("stage", &Selection::All, "ann") };
    place.ledger.lock_by_hand(&all.new_lock()).await.unwrap().unwrap();
    place.clock.set(59);
    assert_eq!(Asking::all("stage").meet(&place.ledger).await.len(), 1);
    place.clock.set(60);
    assert_eq!(held(&place, "stage").await, []);
    assert_eq!(
        place.ledger.unlock(all.place(), &person("ann"), None, false).await.unwrap(),
        Unlocked::NotLocked
    );
    let lease = Asking::all("stage").take(&place.ledger).await;
    place.ledger.release(&lease).await.unwrap();
    let again = Lock { until: None, ..all };
    place.ledger.lock_by_hand(&again.new_lock()).await.unwrap().unwrap();
    assert_eq!(held(&place, "stage").await, [("all".to_owned(), "ann".to_owned())]);
}

#[tokio::test]
async fn a_broken_lease_writes_no_more_and_its_number_is_not_given_again() {
    let place = Place::new().await;
    let lease = Asking::all("stage").by("ann").take(&place.ledger).await;
    let all = lock("stage", &Selection::All, "bob");
    let broken = place.ledger.break_lease(all.place(), &person("bob"), "it hangs").await.unwrap();
    assert_eq!(broken.unwrap().by.name, "ann");
    let nothing = place.ledger.break_lease(all.place(), &person("bob"), "again").await.unwrap();
    assert_eq!(nothing, None);
    let refused = place.ledger.start_deployment(&lease, new_deployment("stage", steps(1))).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost { held: None, .. })), "{refused:?}");
    let next = Asking::all("stage").by("bob").take(&place.ledger).await;
    assert_eq!((lease.fence(), next.fence()), (1, 3));
    assert_eq!(told(&place, "stage").await, ["lease.broken all by bob: the lease of ann"]);
}

#[tokio::test]
async fn a_fence_never_goes_back() {
    let place = Place::new().await;
    let all = lock("stage", &Selection::All, "bob");
    let mut last = 0;
    for n in 0..12_i64 {
        place.clock.set(n * 1000);
        let lease = Asking::all("stage").take(&place.ledger).await;
        assert!(lease.fence() > last, "{} after {last}", lease.fence());
        last = lease.fence();
        match n % 4 {
            0 => place.ledger.release(&lease).await.unwrap(),
            1 => drop(place.ledger.break_lease(all.place(), &all.by, "x").await.unwrap()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_hold_is_set_and_lifted_with_a_reason() {
    let place = Place::new().await;
    let stage = "stage".parse().unwrap();
    let hold = Hold {
        by: person("ann"),
        reason: "r7 lost orders".to_owned(),
        at: time(3),
        deployment: Some(DeploymentNumber(7)),
    };
    place.ledger.set_hold(&project(), &stage, &hold).await.unwrap();
    let locks = place.ledger.locks(&project(), &stage).await.unwrap();
    assert_eq!((locks.hold, locks.held), (Some(hold.clone()), vec![]));
    Asking::all("stage").take(&place.ledger).await;
    let bob = person("bob");
    let lifted = place.ledger.lift_hold((&project(), &stage), &hold, &bob, "fixed").await.unwrap();
    assert!(lifted);
    assert!(!place.ledger.lift_hold((&project(), &stage), &hold, &bob, "fixed").await.unwrap());
    assert_eq!(
        told(&place, "stage").await,
        [
            "hold.set stage by ann: after d7",
            "hold.lifted stage by bob: set by ann because: r7 lost orders"
        ]
    );
}

/// A store may show one write of a transaction before another; whoever reads then looks again.
#[tokio::test]
async fn half_of_a_change_is_not_taken_for_all_of_it() {
    let place = Place::new().await;
    let lease = Asking::of("stage", "web", &["web"]).take(&place.ledger).await;
    let whole = place.stored(&lease.key()).await;
    place.change(&lease.key(), |item| item["generation"] = serde_json::json!(0)).await;
    let reader = place.another().await;
    let mut reading = JoinSet::new();
    reading.spawn(async move { Asking::all("stage").meet(&reader).await.len() });
    place.change(&lease.key(), |item| *item = whole).await;
    assert_eq!(reading.join_all().await, [1]);
}

#[tokio::test]
async fn a_hold_counts_as_a_change_and_only_the_one_that_was_seen_is_lifted() {
    let place = Place::new().await;
    let prod = place.lease.environment().clone();
    let at = (&project(), &prod);
    let hold = |second| Hold {
        by: actor(),
        reason: "r7 lost orders".to_owned(),
        at: time(second),
        deployment: None,
    };
    let mut generations = Vec::new();
    for change in 0..4 {
        match change {
            0 => place.ledger.set_hold(at.0, at.1, &hold(1)).await.unwrap(),
            1 => place.ledger.set_hold(at.0, at.1, &hold(2)).await.unwrap(),
            2 => assert!(!place.ledger.lift_hold(at, &hold(1), &actor(), "").await.unwrap()),
            _ => assert!(place.ledger.lift_hold(at, &hold(2), &actor(), "").await.unwrap()),
        }
        let locks = place.ledger.locks(at.0, at.1).await.unwrap();
        generations.push((locks.generation - place.lease.generation(), locks.hold.is_some()));
    }
    assert_eq!(generations, [(1, true), (2, true), (2, true), (3, false)]);
    place.ledger.renew(&place.lease).await.unwrap();
}
