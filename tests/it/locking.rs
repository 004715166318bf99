//! Who may change an environment: leases of commands, locks of people, and the log of both.

use crate::support::{Run, Shop, Started};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];
/// Somebody else at the same machine.
const ANN: &str = "[user]\n\tname = Ann\n\temail = ann@example.com\n";

/// Runs the program as somebody else.
fn as_ann(shop: &Shop, arguments: &[&str]) -> Run {
    shop.write("ann/.gitconfig", ANN);
    let mut program = shop.program(arguments);
    program.env("HOME", shop.path().join("ann"));
    Started::of(program).end()
}

/// What a command told of its failure.
fn error(shop: &Shop, run: &Run) -> String {
    let (_, error) = run.stderr.split_once("error: ").unwrap();
    shop.steady(error)
}

/// The actions of the log, newest first.
fn actions(shop: &Shop, arguments: &[&str]) -> Vec<String> {
    let all: Vec<&str> = ["log"].iter().chain(arguments).copied().collect();
    let log = shop.json(&all);
    let events = log["events"].as_array().unwrap();
    events.iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_lock_keeps_everybody_out_until_it_is_taken_away() {
    let shop = Shop::new();
    let lock = ["lock", "all", "prod", "--reason", "The database moves"];
    shop.run(&lock).expect(0).prints("Locked `all` of prod until it is unlocked.");
    let run = shop.run(INDEXER).expect(6);
    insta::assert_snapshot!(error(&shop, &run), @"
    prod is held, so nothing was changed: `all` by Bob Beardly <bob@example.com>
      `all`: locked by Bob Beardly <bob@example.com> since [time] ([age])
          because: The database moves
          on [host]
          until somebody unlocks it
    hint: ask Bob Beardly <bob@example.com> first; `release-tool unlock all prod --force --reason TEXT` takes it away all the same
    ");
    assert_eq!(shop.writes(), [""; 0]);
    as_ann(&shop, &lock).expect(6).tells("because: The database moves");
    let run = as_ann(&shop, &["unlock", "all", "prod"]).expect(6);
    insta::assert_snapshot!(error(&shop, &run), @"
    `all` of prod is Bob Beardly <bob@example.com>'s, and stays as it is
      `all`: locked by Bob Beardly <bob@example.com> since [time] ([age])
          because: The database moves
          on [host]
          until somebody unlocks it
    hint: ask Bob Beardly <bob@example.com> first; `release-tool unlock all prod --force --reason TEXT` takes it away all the same
    ");
    as_ann(&shop, &["unlock", "all", "prod", "--force"]).expect(2).tells("--reason");
    let run = shop.run(&["unlock", "all", "prod"]).expect(0);
    insta::assert_snapshot!(shop.steady(&run.stdout), @"
    Unlocked `all` of prod. It was held so:
    `all`: locked by Bob Beardly <bob@example.com> since [time] ([age])
        because: The database moves
        on [host]
        until somebody unlocks it
    ");
    shop.run(&["unlock", "all", "prod"]).expect(0).prints("`all` of prod was not locked.");
    shop.run(INDEXER).expect(0);

    shop.run(&["lock", "web", "prod", "--reason", "Ours", "--for", "2h"]).expect(0);
    shop.run(&["deploy", "web", "prod", "-y"]).expect(6).tells("until ");
    let force = ["unlock", "web", "prod", "--force", "--reason", "Bob is away"];
    as_ann(&shop, &force).expect(0).prints("Unlocked `web` of prod.");
    assert_eq!(
        actions(&shop, &["--env", "prod"]),
        [
            "lock.broken",
            "lock.set",
            "deployment.finished",
            "deployment.started",
            "lock.released",
            "lock.set"
        ]
    );
}

#[test]
fn what_others_hold_is_there_for_programs_too() {
    let shop = Shop::new();
    shop.run(&["lock", "web", "prod", "--reason", "Ours"]).expect(0);
    let run = shop.run(&["deploy", "all", "prod", "-y", "--output", "json"]).expect(6);
    let error = run.documents().pop().unwrap();
    assert_eq!(error["held"][0]["lock"], "manual");
    assert_eq!(error["held"][0]["reason"], "Ours");
    assert_eq!(error["held"][0]["selection"]["id"], "web");
    let unlocked = shop.json(&["unlock", "web", "prod"]);
    assert_eq!(unlocked["taken_away"]["reason"], "Ours");
    assert_eq!(unlocked["held"].as_array().unwrap().len(), 0);
}

#[test]
fn the_lease_of_a_running_command_can_be_broken() {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    let unlock = ["unlock", "search-indexer", "prod"];
    let run = shop.run(&unlock).expect(6);
    insta::assert_snapshot!(error(&shop, &run), @"
    `search-indexer` of prod is Bob Beardly <bob@example.com>'s, and stays as it is
      `search-indexer`: in use by Bob Beardly <bob@example.com> since [time] ([age])
          for d1
          on [host]
          until [time] unless renewed; renewed [age] ago
    hint: it is the lease of a running command, which gives it back at its end, and loses it within two minutes of its death; `release-tool unlock search-indexer prod --force --reason TEXT` breaks it, so that the command can write nothing more
    ");
    let forced = [&unlock[..], &["--force", "--reason", "It hangs"]].concat();
    let run = shop.run(&forced).expect(0);
    insta::assert_snapshot!(shop.steady(&run.stdout), @"
    Unlocked `search-indexer` of prod. It was held so:
    `search-indexer`: in use by Bob Beardly <bob@example.com> since [time] ([age])
        for d1
        on [host]
        until [time] unless renewed; renewed [age] ago
    The command can write nothing more; AWS may still carry out what it has asked for. Finish its deployment with `release-tool resume d1`.
    ");
    shop.go_fast();
    let run = deploy.end();
    assert_ne!(run.code, Some(0), "{}", run.stdout);
    assert!(run.stderr.contains("lease was taken away"), "{}", run.stderr);
    assert_eq!(shop.json(&["show", "d1"])["deployment"]["status"], "RUNNING");
    assert_eq!(actions(&shop, &["--env", "prod"]), ["lease.broken", "deployment.started"]);
}

#[test]
fn a_lock_lets_what_runs_go_on() {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    let lock = ["lock", "all", "prod", "--reason", "No more today"];
    shop.run(&lock).expect(0).tells("What runs already goes on:").tells("for d1");
    shop.go_fast();
    deploy.end().expect(0);
    shop.run(&["deploy", "web", "prod", "-y"]).expect(6);
}

#[test]
fn the_log_tells_what_was_done_by_whom_and_why() {
    let shop = Shop::new();
    let mut deploy: Vec<&str> = INDEXER.to_vec();
    deploy.extend(["--description", "Faster indexing"]);
    shop.run(&deploy).expect(0);
    shop.run(&["lock", "all", "prod", "--reason", "Freeze"]).expect(0);
    let log = shop.run(&["log", "--limit", "4"]).expect(0);
    insta::assert_snapshot!(shop.steady(&log.stdout), @"
    [time]    prod    lock.set               all    Bob Beardly <bob@example.com>    until it is taken away; because: Freeze
    [time]    prod    deployment.finished    d1     Bob Beardly <bob@example.com>    SUCCEEDED
    [time]    prod    deployment.started     d1     Bob Beardly <bob@example.com>    r1 of search-indexer; because: Faster indexing
    [time]    -       release.created        r1     Bob Beardly <bob@example.com>    for search-indexer: search-indexer@b0885c1; because: Faster indexing
    ");
    let events = shop.json(&["log", "--env", "prod"]);
    let first = &events["events"][0];
    assert_eq!(first["number"], 3);
    assert_eq!(first["actor"]["arn"].as_str().unwrap().split(':').nth(2), Some("iam"));
    assert_eq!(first["previous"], events["events"][1]["hash"]);
    shop.run(&["log", "--env", "nowhere"]).expect(2);
    let shown = shop.run(&["show", "d1"]).expect(0);
    assert!(shown.stdout.contains("What happened:"), "{}", shown.stdout);
    let timeline = shop.json(&["show", "d1"])["timeline"].clone();
    assert!(timeline.as_array().unwrap().len() > 2, "{timeline}");
}
