//! One folder, several sandboxes: threads, processes, and a process that is killed.

use std::{
    collections::HashSet,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use super::*;

const ASSUME: &str = "Action=AssumeRole&RoleSessionName=ann&RoleArn=\
                      arn%3Aaws%3Aiam%3A%3A222222222222%3Arole%2Fdeployer";

/// Assumes a role; gives the session's access key, which no two sessions share.
fn assume(sandbox: &Sandbox) -> String {
    let response = answered(sandbox.handle(sts(ASSUME)));
    let body = std::str::from_utf8(response.body()).unwrap();
    let (_, key) = body.split_once("<AccessKeyId>").unwrap();
    key.split_once('<').unwrap().0.to_owned()
}

#[test]
fn what_one_sandbox_does_another_one_sees() {
    let bench = Bench::new();
    let other = bench.again();
    bench.fault("GetCallerIdentity", "throttle", 2);
    let ask =
        |sandbox: &Sandbox| answered(sandbox.handle(sts("Action=GetCallerIdentity"))).status();
    assert_eq!(ask(&bench.sandbox), 400);
    assert_eq!(ask(&other), 400);
    assert_eq!(ask(&other), 200);
    other.set_speed("60".parse().unwrap()).unwrap();
    bench.wait(SignedDuration::from_secs(1));
    assert_eq!(bench.sandbox.clock().unwrap(), other.clock().unwrap());
    assert_eq!(bench.sandbox.requests(None).unwrap(), other.requests(None).unwrap());
}

#[test]
fn a_folder_may_be_opened_first_by_many_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let (path, start) = (folder.path().join("new"), std::sync::Barrier::new(8));
        let open = || {
            start.wait();
            Sandbox::open(&path).and_then(|sandbox| sandbox.health())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            for thread in threads {
                thread.join().unwrap().unwrap();
            }
        });
    }
}

#[test]
fn threads_with_sandboxes_of_their_own_lose_nothing() {
    let bench = Bench::new();
    bench.fault("AssumeRole", "throttle", 7);
    let replies: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let sandbox = bench.again();
                    let ask = |_| answered(sandbox.handle(sts(ASSUME))).status().as_u16();
                    (0..25).map(ask).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(replies.iter().filter(|status| **status == 400).count(), 7);
    assert_eq!(replies.iter().filter(|status| **status == 200).count(), 93);
    let sequences: Vec<u64> =
        bench.sandbox.requests(None).unwrap().iter().map(|it| it.sequence).collect();
    assert_eq!(sequences, (1..=100).collect::<Vec<u64>>());
}

/// Another process that assumes roles in a folder's sandbox, and writes their access keys.
fn process(folder: &Path, count: u32) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::tests::sharing::the_other_process", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}\n{count}", folder.display()).unwrap();
    child
}

/// The access keys that the other process writes.
fn keys(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter(|line| line.starts_with("ASIA"))
}

#[test]
#[ignore = "the other process of the tests beside it"]
fn the_other_process() {
    let mut input = std::io::stdin().lines().map_while(Result::ok);
    let (Some(folder), Some(count)) = (input.next(), input.next()) else { return };
    let sandbox = Sandbox::open(Path::new(&folder)).unwrap();
    let mut out = std::io::stdout();
    for _ in 0..count.parse::<u32>().unwrap() {
        writeln!(out, "{}", assume(&sandbox)).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn processes_lose_nothing() {
    let bench = Bench::new();
    let mut children: Vec<Child> = (0..3).map(|_| process(bench.folder.path(), 40)).collect();
    let mut all = HashSet::new();
    for child in &mut children {
        for key in keys(child) {
            assert!(all.insert(key.clone()), "{key} was given twice");
        }
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(all.len(), 120);
    assert_eq!(bench.sandbox.requests(None).unwrap().len(), 120);
}

#[test]
fn a_killed_process_has_done_what_it_answered() {
    for acknowledged in [1, 20, 45] {
        let bench = Bench::new();
        let mut child = process(bench.folder.path(), u32::MAX);
        let told: Vec<String> = keys(&mut child).take(acknowledged).collect();
        child.kill().unwrap();
        child.wait().unwrap();

        let sandbox = Sandbox::open(bench.folder.path()).unwrap();
        let logged = sandbox.requests(None).unwrap().len();
        assert!(logged >= told.len(), "{logged} of {}", told.len());
        // The next session's number is that of the requests: none was done in part.
        let next = credential::session_key("222222222222", u32::try_from(logged).unwrap());
        assert_eq!(assume(&sandbox), next);
        for key in told {
            let who = "Action=GetCallerIdentity";
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential={key}/20261121/eu-west-1/sts/aws4_request, Signature=0"
            );
            let mut asked = sts(who);
            asked.headers_mut().insert("authorization", authorization.parse().unwrap());
            let body = answered(sandbox.handle(asked)).into_body();
            assert!(std::str::from_utf8(&body).unwrap().contains(":assumed-role/deployer/ann"));
        }
    }
}
