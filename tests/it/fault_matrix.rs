//! Every operation that a deployment asks of AWS, with every fault, in passing and for ever.
//!
//! Whatever happens, what was said is so, and one command brings the rest to its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use release_tool::sandbox::NewFault;
use serde_json::json;

use crate::{
    estate::{
        Runs, assert_runs, assert_well_told, for_each, is_final, operations, runs, statuses, told,
        uri, with_next,
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

    /// Those that differ: a read has no effect, so that before and after it are the same.
    fn that_differ(operations: &[&'static str]) -> Vec<Self> {
        let mut cells = Self::of(operations);
        let is_read = |name: &str| {
            ["Describe", "List", "Get", "BatchGet"].iter().any(|read| name.starts_with(read))
        };
        cells.retain(|cell| {
            !is_read(cell.operation) || !["error-after", "timeout", "drop"].contains(&cell.fault)
        });
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
const FORWARD: [&str; 13] = [
    "GetCallerIdentity",
    "GetParameters",
    "BatchGetImage",
    "DescribeServices",
    "DescribeScalableTargets",
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

#[test]
fn the_time_given_is_kept_although_aws_throttles_for_ever() {
    let template = with_next(&SERVICES);
    for operation in ["DescribeServices", "DescribeServiceDeployments", "ListTasks"] {
        let shop = template.copy();
        shop.stand_still();
        let mut deploy = shop.start(DEPLOY_IMPATIENTLY);
        for _ in SERVICES {
            deploy.hears("started ecs-svc/");
        }
        Cell { operation, fault: "throttle", stays: true }.begin(&shop);
        shop.go_fast();
        deploy.end().expect(8).prints("its outcome is not known");
        shop.cloud().clear_faults().unwrap();
        shop.run(&["resume"]).expect(0);
        assert_runs(&shop, &SERVICES, "next");
    }
}

/// Every operation that the way back asks for.
const BACK: [&str; 14] = [
    "GetCallerIdentity",
    "GetParameters",
    "BatchGetImage",
    "DescribeServices",
    "DescribeTaskDefinition",
    "RegisterTaskDefinition",
    "DeregisterTaskDefinition",
    "PutParameter",
    "DeleteParameter",
    "UpdateService",
    "DescribeServiceDeployments",
    "DescribeServiceRevisions",
    "ListTasks",
    "DescribeTasks",
];

/// A deployment that nobody works on: `alpha` and `beta` are moved, `gamma` is registered, has a
/// parameter for the first time, and was not moved. What ran before it.
fn half_done() -> (Shop, BTreeMap<String, Runs>) {
    let shop = with_next(&SERVICES);
    shop.ssm("DeleteParameter", &json!({ "Name": "/shop/images/prod/gamma" }));
    let before = runs(&shop, &SERVICES);
    shop.sandbox(&["fault", "add", "UpdateService/gamma", "drop"]);
    shop.run(DEPLOY).expect(8);
    shop.cloud().clear_faults().unwrap();
    shop.forget_requests();
    assert_eq!(statuses(&shop), ["UNKNOWN", "SUCCEEDED"]);
    (shop, before)
}

#[test]
fn a_fault_on_the_way_back_leaves_nothing_in_doubt() {
    let (template, before) = half_done();
    let whole = template.copy();
    whole.run(ROLLBACK).expect(0);
    assert_eq!(runs(&whole, &SERVICES), before);
    assert_whole(&BACK, &whole);
    let codes = Codes::new();
    for_each(&Cell::that_differ(&BACK), |cell| {
        let shop = template.copy();
        cell.begin(&shop);
        let command = if cell.stays { ROLLBACK_IMPATIENTLY } else { ROLLBACK };
        let run = cell.end(&shop, shop.start(command));
        assert_well_told(&run);
        if !cell.stays && cell.fault != "deny" {
            assert_eq!(run.code, Some(0), "{}", told(&run));
        }
        codes.count(run.code.unwrap());
        shop.cloud().clear_faults().unwrap();
        let history = statuses(&shop);
        let next: &[&str] = match run.code {
            Some(0) => {
                assert_eq!(runs(&shop, &SERVICES), before, "{}", told(&run));
                return;
            }
            Some(1) => {
                assert_eq!(shop.writes(), [""; 0], "{}", told(&run));
                ROLLBACK
            }
            Some(4 | 5) => {
                assert!(is_final(&history[0]), "{history:?}\n{}", told(&run));
                ROLLBACK
            }
            Some(7) if cell.fault != "throttle" => panic!("not interrupted: {}", told(&run)),
            Some(7 | 8) if history[0] == "ROLLING_BACK" => &["resume"],
            Some(7 | 8) => ROLLBACK,
            _ => panic!("{}", told(&run)),
        };
        let again = shop.run(next);
        let both = || format!("first {}\nthen {next:?} {}", told(&run), told(&again));
        assert_well_told(&again);
        assert!(matches!(again.code, Some(0 | 3)), "{}", both());
        let history = statuses(&shop);
        if history.len() == 2 {
            assert_eq!(runs(&shop, &SERVICES), before, "{}", both());
        } else {
            // The release that ran before was deployed anew, with all its parameters.
            for (service, runs) in runs(&shop, &SERVICES) {
                assert_eq!(runs.tag, before[&service].tag, "{}", both());
                assert_eq!(runs.parameter, Some(uri(&service, &runs.tag)), "{}", both());
            }
        }
        assert!(history.iter().all(|status| is_final(status)), "{history:?}\n{}", both());
    });
    codes.tell("on the way back");
}
