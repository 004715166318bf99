//! Commands that want to change the same services at the same time: one does, the others are told
//! who it is, and nobody mixes two releases.

use std::process::Command;

use serde_json::Value;

use crate::{
    estate::{
        assert_runs, assert_well_told, for_each, manifest, newest, points_of, runs, statuses, told,
        uri, with_next, with_next_in,
    },
    support::{Run, Shop, Started, until},
};

/// The services.
const SERVICES: [&str; 3] = ["alpha", "beta", "gamma"];
/// How many pairs race.
const PAIRS: usize = 20;

/// Pushes a third image of each service.
fn push_others(shop: &Shop) {
    for service in SERVICES {
        crate::estate::push(shop, service, "other");
    }
}

/// The arguments that deploy the third images of some services.
fn others(selection: &str, services: &[&str]) -> Vec<String> {
    let images = services
        .iter()
        .flat_map(|service| ["--image".to_owned(), format!("{service}={}", uri(service, "other"))]);
    let command = ["deploy", selection, "prod", "-y"].map(str::to_owned);
    command.into_iter().chain(images).collect()
}

/// A command by another person.
fn by_alice(shop: &Shop, arguments: &[String]) -> Command {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = shop.program(&arguments);
    let home =
        shop.write("alice/.gitconfig", "[user]\n\tname = Alice\n\temail = alice@example.com\n");
    command.env("HOME", home.parent().unwrap());
    command
}

/// Starts two commands, waits until one of them has lost, and lets the other go on to its end.
/// Gives the winner's place and how both ended.
fn race(shop: &Shop, commands: [Command; 2]) -> (usize, [Run; 2]) {
    shop.stand_still();
    let mut started = commands.map(Started::of);
    until("one has lost", || started.iter_mut().any(Started::has_ended));
    let winner = usize::from(started[0].has_ended());
    assert!(!started[winner].has_ended(), "both have ended");
    shop.go_fast();
    (winner, started.map(Started::end))
}

/// Checks that the loser was told who won, and changed nothing.
#[track_caller]
fn assert_lost(loser: &Run, holder: &str) {
    assert_well_told(loser);
    assert_eq!(loser.code, Some(6), "{}", told(loser));
    assert!(loser.stderr.contains(&format!("{holder} <")), "{}", told(loser));
}

#[test]
fn of_two_deployments_at_once_one_wins_and_the_other_is_told_who() {
    let template = with_next(&SERVICES);
    push_others(&template);
    for_each(&(0..PAIRS).collect::<Vec<usize>>(), |pair| {
        let shop = template.copy();
        shop.forget_requests();
        let bob = shop.program(&["deploy", "all", "prod", "-y"]);
        let alice = by_alice(&shop, &others("all", &SERVICES));
        // Who starts first takes turns.
        let is_swapped = pair % 2 == 1;
        let commands = if is_swapped { [alice, bob] } else { [bob, alice] };
        let (winner, ended) = race(&shop, commands);
        assert_eq!(ended[winner].code, Some(0), "{}", told(&ended[winner]));
        let bob_won = (winner == 0) != is_swapped;
        assert_lost(&ended[1 - winner], if bob_won { "Bob Beardly" } else { "Alice" });
        assert_runs(&shop, &SERVICES, if bob_won { "next" } else { "other" });
        assert_eq!(statuses(&shop), ["SUCCEEDED", "SUCCEEDED"]);
        for operation in ["RegisterTaskDefinition", "PutParameter", "UpdateService"] {
            assert_eq!(shop.count(operation), SERVICES.len(), "{operation}");
        }
        shop.run(&["status", "all", "prod", "--exit-code"]).expect(0);
    });
}

#[test]
fn of_two_sets_that_share_a_service_one_wins() {
    let sets = "[shop.service_sets.left]\nservices = [\"alpha\", \"beta\"]\n\
                [shop.service_sets.right]\nservices = [\"beta\", \"gamma\"]\n";
    let template = with_next_in(&(manifest(&SERVICES) + sets), &SERVICES);
    push_others(&template);
    let before = runs(&template, &SERVICES);
    for_each(&(0..PAIRS / 2).collect::<Vec<usize>>(), |_pair| {
        let shop = template.copy();
        let left = shop.program(&["deploy", "left", "prod", "-y"]);
        let right = by_alice(&shop, &others("right", &["beta", "gamma"]));
        let (winner, ended) = race(&shop, [left, right]);
        assert_eq!(ended[winner].code, Some(0), "{}", told(&ended[winner]));
        assert_lost(&ended[1 - winner], if winner == 0 { "Bob Beardly" } else { "Alice" });
        let (moved, tag, still) = match winner {
            0 => (["alpha", "beta"], "next", "gamma"),
            _ => (["beta", "gamma"], "other", "alpha"),
        };
        assert_runs(&shop, &moved, tag);
        assert_eq!(runs(&shop, &[still])[still], before[still]);
        assert_eq!(statuses(&shop), ["SUCCEEDED", "SUCCEEDED"]);
    });
}

#[test]
fn of_two_who_resume_the_same_deployment_one_wins() {
    let template = with_next(&SERVICES);
    let all = points_of(&template, &["deploy", "all", "prod", "-y"]);
    template.stand_still();
    // From a third of the way on the deployment is recorded, and its rollouts stand still.
    let points: Vec<usize> = (all / 3..all * 2 / 3).step_by(2).collect();
    for_each(&points, |point| {
        let shop = template.copy();
        shop.forget_requests();
        shop.sandbox(&["crash", "--after", &point.to_string()]);
        let mut dying = shop.start(&["deploy", "all", "prod", "-y"]);
        let effects = || shop.count("UpdateService") == SERVICES.len();
        until("it has died, or waits", || dying.has_ended() || effects());
        drop(dying);
        shop.sandbox(&["crash", "--off"]);
        if statuses(&shop).len() == 1 {
            return;
        }
        let resume = ["resume".to_owned()];
        let commands = [shop.program(&["resume"]), by_alice(&shop, &resume)];
        let (winner, ended) = race(&shop, commands);
        assert_eq!(ended[winner].code, Some(0), "{}", told(&ended[winner]));
        assert_lost(&ended[1 - winner], if winner == 0 { "Bob Beardly" } else { "Alice" });
        assert_runs(&shop, &SERVICES, "next");
        assert_eq!(statuses(&shop), ["SUCCEEDED", "SUCCEEDED"]);
        for operation in ["RegisterTaskDefinition", "PutParameter", "UpdateService"] {
            assert_eq!(shop.count(operation), SERVICES.len(), "{operation}");
        }
    });
}

/// Where a holder is paused.
#[derive(Debug, Clone, Copy)]
enum Pause {
    /// Between two effects: the answer of this operation is on its way.
    After(&'static str),
    /// While its rollouts are followed.
    Following,
}

/// A deployment that is paused, and stays so while others work.
fn paused(shop: &Shop, at: Pause) -> Started {
    shop.stand_still();
    if let Pause::After(operation) = at {
        // Long enough to be paused in, and over by the time it wakes up.
        shop.sandbox(&["fault", "add", operation, "latency=3000"]);
    }
    let mut holder = shop.start(&["deploy", "all", "prod", "-y"]);
    match at {
        Pause::After(operation) => until("it asks", || shop.count(operation) == SERVICES.len()),
        Pause::Following => {
            for _ in SERVICES {
                holder.hears("started ecs-svc/");
            }
        }
    }
    holder.signal("STOP");
    shop.cloud().clear_faults().unwrap();
    shop.go_fast();
    holder
}

/// The newest deployment and its timeline as the record has them.
fn recorded(shop: &Shop) -> (Value, usize) {
    (newest(shop), crate::record::timeline(shop).len())
}

#[test]
fn who_wakes_up_without_the_lease_does_nothing_more() {
    let template = with_next(&SERVICES);
    let before = runs(&template, &SERVICES);
    let pauses = [
        Pause::After("RegisterTaskDefinition"),
        Pause::After("PutParameter"),
        Pause::After("UpdateService"),
        Pause::Following,
    ];
    std::thread::scope(|scope| {
        for at in pauses {
            let (template, before) = (&template, &before);
            scope.spawn(move || {
                let shop = template.copy();
                shop.forget_requests();
                let holder = paused(&shop, at);
                // It asks the holder to stop, waits in vain, and takes its lease.
                shop.run(&["rollback", "prod", "-y"]).expect(0);
                assert_eq!(runs(&shop, &SERVICES), *before, "{at:?}");
                let (writes, record) = (shop.writes(), recorded(&shop));
                assert_eq!(record.0["status"], "ROLLED_BACK", "{at:?}");
                holder.signal("CONT");
                let woken = holder.end();
                assert_well_told(&woken);
                assert_eq!(woken.code, Some(8), "{at:?}: {}", told(&woken));
                assert!(woken.stderr.contains("the lease was lost"), "{at:?}: {}", told(&woken));
                assert_eq!(shop.writes(), writes, "{at:?}: {}", told(&woken));
                assert_eq!(recorded(&shop), record, "{at:?}");
                assert_eq!(runs(&shop, &SERVICES), *before, "{at:?}");
            });
        }
    });
}
