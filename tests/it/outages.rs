//! The store goes away in the middle of a deployment: nothing more is begun, what was begun is seen
//! through, and the rest of the record waits in a local file.

use crate::support::{PROD, Shop};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

/// Runs a deployment whose store goes away after so many writes. Gives the exit code.
fn deployed(shop: &Shop, after: usize) -> Option<i32> {
    shop.sandbox(&["outage", "--after", &after.to_string()]);
    let run = shop.run(INDEXER);
    shop.sandbox(&["outage", "--off"]);
    assert!(!run.stderr.contains("panic"), "{}", run.stderr);
    run.code
}

#[test]
fn without_a_record_nothing_is_deployed() {
    let shop = Shop::new();
    shop.sandbox(&["outage", "--after", "0"]);
    let run = shop.run(INDEXER).expect(1).tells("out of reach").tells("hint: end the outage");
    assert_eq!(run.stdout, "");
    assert_eq!(shop.writes(), [""; 0]);
}

#[test]
fn whenever_the_store_goes_away_the_record_is_brought_in_and_the_work_finished() {
    let template = Shop::new();
    let (mut escaped, mut points) = (0, 0);
    for after in 1..40 {
        let shop = template.copy();
        let code = deployed(&shop, after);
        if code == Some(0) {
            break;
        }
        points += 1;
        let effects = shop.writes();
        match code {
            // It was away before anything was recorded as begun.
            Some(1) => assert_eq!(effects, [""; 0], "after {after} writes"),
            Some(11) => escaped += 1,
            // Whoever resumes it looks at what was done.
            Some(7 | 8) => {}
            other => panic!("after {after} writes: {other:?}"),
        }
        shop.run(&["journal", "push"]).expect(0);
        assert_eq!(
            std::fs::read_dir(shop.path().join(".release-tool/journal")).map_or(0, Iterator::count),
            0
        );
        let history = shop.json(&["history"]);
        let newest = &history["deployments"][0];
        let rest: &[&str] = match newest["status"].as_str() {
            Some("SUCCEEDED") => &["status", "search-indexer", "prod", "--exit-code"],
            Some(_) => &["resume"],
            None => INDEXER,
        };
        shop.run(rest).expect(0);
        assert_eq!(shop.count("RegisterTaskDefinition"), 1, "after {after} writes");
        assert_eq!(shop.count("UpdateService"), 1, "after {after} writes");
        shop.assert_in_step(&PROD[5]);
        assert_eq!(shop.verdicts("d1")["search-indexer"], "VERIFIED", "after {after} writes");
        shop.run(&["status", "search-indexer", "prod", "--exit-code"]).expect(0);
    }
    println!(
        "the store went away at {points} points; {escaped} records were brought in from files"
    );
    assert!(points > 8 && escaped > 2, "{points} {escaped}");
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_stays_and_the_others_are_brought_in() {
    let template = Shop::new();
    let shop = (1..40)
        .map(|after| (template.copy(), after))
        .find(|(shop, after)| deployed(shop, *after) == Some(11))
        .unwrap()
        .0;
    let folder = shop.path().join(".release-tool/journal");
    let torn = folder.join("a-torn-one.jsonl");
    std::fs::write(&torn, "{\"schema\":").unwrap();
    shop.run(&["journal", "push"]).expect(1).prints("d1: ").tells("a-torn-one.jsonl");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    shop.run(&["journal", "push"]).expect(1).prints("Nothing was brought in");
    std::fs::remove_file(torn).unwrap();
    shop.run(&["journal", "push"]).expect(0).prints("nothing to bring in");
}
