//! What AWS refuses and what does not get there, as the program tells it: one message with AWS's code and
//! the request's id, one hint, one exit code, in words and as JSON.

use std::{net::TcpListener, process::Command};

use crate::support::{BOOKSHOP, PROD, Run, Shop, Started, document};

const STATUS: &[&str] = &["status", "all", "prod"];

/// What a failing command says, in words and as JSON; the causes and the hints are the same.
fn told(run: impl Fn(&[&str]) -> Run, arguments: &[&str], code: i32) -> (Vec<String>, Vec<String>) {
    let json = [arguments, &["--output", "json"]].concat();
    let error = document(&run(&json).expect(code).stdout);
    let list = |name: &str| -> Vec<String> {
        error[name].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let (causes, hints) = (list("causes"), list("hints"));
    let mut human = run(arguments).expect(code);
    assert_eq!(human.stdout, "");
    // The id of a request is another one each time.
    let without_id = |text: &str| text.split(", request ").next().unwrap().to_owned();
    for text in causes.iter().chain(&hints) {
        human = human.tells(&without_id(text));
    }
    (causes, hints)
}

#[test]
fn what_aws_refuses_is_told_with_its_code_and_the_request_s_id() {
    for (fault, words, code, hint) in [
        (
            "expired",
            "no valid AWS credentials for `DescribeServices`",
            "ExpiredTokenException",
            "sign in again",
        ),
        (
            "deny",
            "`DescribeServices` is not allowed",
            "AccessDeniedException",
            "allow `ecs:DescribeServices` on ",
        ),
        (
            "error",
            "`DescribeServices` gets no sound answer from AWS",
            "ServerException",
            "see <https://health.aws.amazon.com>",
        ),
    ] {
        let shop = Shop::new();
        shop.sandbox(&["fault", "add", "DescribeServices", fault]);
        let (causes, hints) = told(|arguments| shop.run(arguments), STATUS, 1);
        let all = causes.join("\n");
        assert!(all.contains(words), "{fault}: {all}");
        assert!(all.contains(&format!("({code}, request ")), "{fault}: {all}");
        assert_eq!(hints.len(), 1, "{fault}: {hints:?}");
        assert!(hints[0].starts_with(hint), "{fault}: {hints:?}");
    }
}

#[test]
fn what_is_not_there_is_told_by_what_it_is() {
    let shop = Shop::new();
    let manifest = BOOKSHOP.replace("\"bookshop-prod\"", "\"nonesuch\"");
    shop.write(".weco-project", &manifest);
    let (causes, hints) = told(|arguments| shop.run(arguments), STATUS, 1);
    assert!(causes.join("\n").contains("`nonesuch`"), "{causes:?}");
    assert!(causes.join("\n").contains("(ClusterNotFoundException, request "), "{causes:?}");
    assert!(hints[0].starts_with("correct `cluster` or `region`"), "{hints:?}");
}

/// Outside the sandbox, at an endpoint.
fn at(shop: &Shop, endpoint: &str, arguments: &[&str]) -> Run {
    let mut command: Command = shop.program_without_sandbox(arguments);
    command
        .args(["--endpoint-url", endpoint])
        .env("AWS_ACCESS_KEY_ID", "AKIA000000000000USER")
        .env("AWS_SECRET_ACCESS_KEY", "any");
    Started::of(command).end()
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_told_as_such() {
    let shop = Shop::unseeded(BOOKSHOP);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    // No name of `.invalid` is ever given (RFC 2606).
    for endpoint in [nobody.as_str(), "http://nonesuch.invalid"] {
        let (causes, hints) = told(|arguments| at(&shop, endpoint, arguments), STATUS, 1);
        assert_eq!(causes[0], "failed to ask AWS who we are");
        assert!(causes[1].starts_with("`GetCallerIdentity` cannot reach AWS: "), "{causes:?}");
        assert_eq!(hints, ["check the network, the region's name and `HTTPS_PROXY`"]);
    }
}

#[test]
fn a_conflict_is_told_as_such_and_what_came_before_is_put_back() {
    let shop = Shop::new();
    shop.sandbox(&["fault", "add", "UpdateService", "conflict"]);
    let run = shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(3);
    run.prints("`UpdateService` contradicts what is there: ")
        .prints("(ConflictException, request ");
    shop.assert_in_step(&PROD[5]);
    // A command that fails as a whole has a hint of its own for it.
    shop.sandbox(&["fault", "clear"]);
    shop.sandbox(&["fault", "add", "DescribeServices", "conflict"]);
    let (causes, hints) = told(|arguments| shop.run(arguments), STATUS, 1);
    assert!(causes.join("\n").contains("(ConflictException, request "), "{causes:?}");
    assert_eq!(hints, ["see what somebody else changed there, then run it again"]);
}
