//! Every operation that a deployment asks of AWS, with every fault, in passing and for ever.
//!
//! Whatever happens, what was said is so, and one command brings the rest to its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use release_tool::sandbox::NewFault;

use crate::{
    estate::{
        Runs, assert_runs, assert_well_told, for_each, is_final, operations, runs, statuses, told,
        with_next,
    },
    support::{Run, Shop, Started, until},
};

/// The services.
const SERVICES: [&str; 3] = ["alpha", "beta", "gamma"];
/// The faults.
const FAULTS: [&str; 7] =
    ["throttle", "deny", "error", "error-after", "timeout", "drop", "drop-after"];
/// How many requests a fault in passing is played on: fewer than are sent again.
const IN_PASSING: u32 = 2;
/// The deployment.
const DEPLOY: &[&str] = &["deploy", "all", "prod", "-y"];
/// The same where a fault stays: it is not waited for long.
const DEPLOY_IMPATIENTLY: &[&str] = &["deploy", "all", "prod", "-y", "--timeout", "3s"];
/// The way back.
const ROLLBACK: &[&str] = &["rollback", "prod", "-y"];
/// The way back where a fault stays.
const ROLLBACK_IMPATIENTLY: &[&str] = &["rollback", "prod", "-y", "--timeout", "3s"];

/// One case.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// The operation.
    operation: &'static str,
    /// What happens to it.
    fault: &'static str,
    /// Whether it happens for ever, or in passing.
    stays: bool,
}

impl Cell {
    /// All cases of some operations.
    fn of(operations: &[&'static str]) -> Vec<Self> {
        let mut cells = Vec::new();
        for operation in operations {
            for fault in FAULTS {
                let both = [false, true].map(|stays| Self { operation, fault, stays });
                cells.extend(both);
            }
        }
        cells
    }

    /// Has the fault played from now on.
    fn begin(self, shop: &Shop) {
        let times = (!self.stays).then(|| IN_PASSING.try_into().unwrap());
        let (on, kind) = (self.operation.parse().unwrap(), self.fault.parse().unwrap());
        shop.cloud().add_fault(NewFault { on, kind, times }).unwrap();
    }

    /// Waits for the end of a program. One that AWS would throttle for ever is interrupted.
    fn end(self, shop: &Shop, mut program: Started) -> Run {
        if self.stays && self.fault == "throttle" {
            let acted = || shop.cloud().faults().unwrap()[0].acted;
            until("it is throttled", || acted() > 2 || program.has_ended());
            program.signal("INT");
        }
        program.end()
    }
}

/// How often each exit code came.
#[derive(Debug, Default)]
struct Codes(BTreeMap<i32, AtomicUsize>);

impl Codes {
    /// None yet.
    fn new() -> Self {
        Self((0..=11).map(|code| (code, AtomicUsize::new(0))).collect())
    }

    /// Counts one.
    fn count(&self, code: i32) {
        self.0[&code].fetch_add(1, Ordering::Relaxed);
    }

    /// Those that came.
    fn tell(&self, what: &str) {
        let counts: BTreeMap<i32, usize> = self
            .0
            .iter()
            .map(|(code, count)| (*code, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect();
        println!("{what}: {} cells; exit codes {counts:?}", counts.values().sum::<usize>());
    }
}

/// Checks that what a command said is so. Gives what it is to be followed by.
#[track_caller]
fn check(shop: &Shop, run: &Run, before: &BTreeMap<String, Runs>) -> &'static [&'static str] {
    assert_well_told(run);
    let history = statuses(shop);
    match run.code {
        Some(0) => {
            assert_runs(shop, &SERVICES, "next");
            assert_eq!(history[0], "SUCCEEDED");
            &[]
        }
        Some(1) => {
            assert_eq!(shop.writes(), [""; 0], "{}", told(run));
            assert_eq!(runs(shop, &SERVICES), *before);
            DEPLOY
        }
        Some(3) => {
            assert_eq!(runs(shop, &SERVICES), *before, "{}", told(run));
            assert_eq!(history[0], "ROLLED_BACK", "{}", told(run));
            DEPLOY
        }
        Some(4 | 5) => {
            assert!(is_final(&history[0]), "{history:?}\n{}", told(run));
            ROLLBACK
        }
        Some(7 | 8) if is_final(&history[0]) => {
            assert_eq!(history.len(), 1, "{history:?}\n{}", told(run));
            assert_eq!(shop.writes(), [""; 0], "{}", told(run));
            DEPLOY
        }
        Some(7 | 8) => &["resume"],
        _ => panic!("{}", told(run)),
    }
}

/// Runs the command that is to bring it all to its end, and checks that it does.
#[track_caller]
fn finish(shop: &Shop, (first, command): (&Run, &[&str]), before: &BTreeMap<String, Runs>) {
    shop.cloud().clear_faults().unwrap();
    let Some(verb) = command.first() else { return };
    let run = shop.run(command);
    let both = || format!("first {}\nthen {}", told(first), told(&run));
    assert_well_told(&run);
    let history = statuses(shop);
    match (run.code, history[0].as_str()) {
        (Some(0), "SUCCEEDED") if *verb != "rollback" => assert_runs(shop, &SERVICES, "next"),
        (Some(0), "SUCCEEDED" | "ROLLED_BACK") if *verb == "rollback" => {
            assert_eq!(runs(shop, &SERVICES), *before, "{}", both());
        }
        (Some(3), "ROLLED_BACK") if *verb == "resume" => {
            assert_eq!(runs(shop, &SERVICES), *before, "{}", both());
        }
        _ => panic!("{history:?}\n{}", both()),
    }
    assert!(history.iter().all(|status| is_final(status)), "{history:?}\n{}", both());
}

/// Every operation that a deployment asks for.
const FORWARD: [&str; 12] = [
    "GetCallerIdentity",
    "GetParameters",
    "BatchGetImage",
    "DescribeServices",
    "DescribeTaskDefinition",
    "RegisterTaskDefinition",
    "PutParameter",
    "UpdateService",
    "DescribeServiceDeployments",
    "DescribeServiceRevisions",
    "ListTasks",
    "DescribeTasks",
];

/// Checks that a list has every operation that was asked for.
#[track_caller]
fn assert_whole(list: &[&str], shop: &Shop) {
    let list: BTreeSet<String> = list.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(list, operations(shop));
}

#[test]
fn a_fault_from_the_beginning_leaves_nothing_in_doubt() {
    let template = with_next(&SERVICES);
    let before = runs(&template, &SERVICES);
    let whole = template.copy();
    whole.forget_requests();
    whole.run(DEPLOY).expect(0);
    assert_whole(&FORWARD, &whole);
    let codes = Codes::new();
    for_each(&Cell::of(&FORWARD), |cell| {
        let shop = template.copy();
        shop.forget_requests();
        cell.begin(&shop);
        let command = if cell.stays { DEPLOY_IMPATIENTLY } else { DEPLOY };
        let run = cell.end(&shop, shop.start(command));
        if !cell.stays && cell.fault != "deny" {
            assert_eq!(run.code, Some(0), "{}", told(&run));
        }
        codes.count(run.code.unwrap());
        shop.cloud().clear_faults().unwrap();
        let next = check(&shop, &run, &before);
        finish(&shop, (&run, next), &before);
    });
    codes.tell("from the beginning");
}

#[test]
fn a_fault_while_rollouts_are_followed_leaves_nothing_in_doubt() {
    let template = with_next(&SERVICES);
    let before = runs(&template, &SERVICES);
    template.stand_still();
    let codes = Codes::new();
    for_each(&Cell::of(&["DescribeServices"]), |cell| {
        let shop = template.copy();
        shop.forget_requests();
        let command = if cell.stays { DEPLOY_IMPATIENTLY } else { DEPLOY };
        let mut deploy = shop.start(command);
        for _ in SERVICES {
            deploy.hears("started ecs-svc/");
        }
        cell.begin(&shop);
        shop.go_fast();
        let run = cell.end(&shop, deploy);
        if !cell.stays && cell.fault != "deny" {
            assert_eq!(run.code, Some(0), "{}", told(&run));
        }
        codes.count(run.code.unwrap());
        shop.cloud().clear_faults().unwrap();
        let next = check(&shop, &run, &before);
        finish(&shop, (&run, next), &before);
    });
    codes.tell("while it is followed");
}
