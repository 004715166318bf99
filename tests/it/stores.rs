//! The store in DynamoDB, through the program: made, filled from a file, read, checked, and refused.
//!
//! DynamoDB is one that others wrote; see `tests/peers/dynamodb.rs`.

use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

use crate::{
    dynamodb::Server,
    support::{BOOKSHOP, Run, Shop, Started, document},
};

/// The example project with its store in DynamoDB.
fn manifest() -> String {
    BOOKSHOP.replacen("[bookshop]\n", "[bookshop]\nstore = { dynamodb = \"release-tool\" }\n", 1)
}

/// The file that the sandbox's record is in.
const FILE: &str = "sqlite=.release-tool/sandbox/store.sqlite";

/// A project outside the sandbox, with credentials, on a server.
fn program(shop: &Shop, server: &Server, arguments: &[&str]) -> Command {
    let mut command = shop.program_without_sandbox(arguments);
    command.args(["--endpoint-url", &server.url]);
    command.env("AWS_ACCESS_KEY_ID", "AKIATEST").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.env("AWS_REGION", "eu-west-1");
    command
}

/// Runs the program there.
fn run(shop: &Shop, server: &Server, arguments: &[&str]) -> Run {
    Started::of(program(shop, server, arguments)).end()
}

/// The document that the program prints there.
fn json(shop: &Shop, server: &Server, arguments: &[&str]) -> Value {
    let all: Vec<&str> = arguments.iter().chain(&["--output", "json"]).copied().collect();
    document(&run(shop, server, &all).expect(0).stdout)
}

/// A project with two deployments in the sandbox's record.
fn deployed() -> Shop {
    let shop = Shop::with(&manifest());
    shop.run(&["deploy", "all", "stage", "-y"]).expect(0);
    shop.run(&["deploy", "orders-api", "prod", "-y"]).expect(0);
    shop
}

#[test]
fn a_team_moves_its_record_into_dynamodb() {
    let Some(server) = Server::ministack("the store through the program") else { return };
    let shop = deployed();

    run(&shop, &server, &["history"])
        .expect(1)
        .tells("there is no such table in")
        .tells("hint: make it with `release-tool store create`");
    run(&shop, &server, &["store", "create"]).expect(2).tells("nobody is there to answer");
    run(&shop, &server, &["store", "create", "-y"])
        .expect(0)
        .tells("AWS charges for what it holds")
        .prints("The table `release-tool` was made in")
        .prints("import {\n  to = aws_dynamodb_table.release_tool");
    run(&shop, &server, &["store", "create", "-y"]).expect(0).prints("is as it should be");
    let made = json(&shop, &server, &["store", "create"]);
    assert_eq!((&made["made"], &made["differences"]), (&false.into(), &Value::Array(vec![])));

    let first = json(&shop, &server, &["store", "migrate", "--from", FILE]);
    assert_eq!((&first["already_there"], &first["copied"]), (&0.into(), &first["items"]));
    run(&shop, &server, &["store", "migrate", "--from", FILE])
        .expect(0)
        .prints("0 copied")
        .prints("there before");

    let there = json(&shop, &server, &["history"]);
    assert_eq!(there, shop.json(&["history"]));
    assert_eq!(json(&shop, &server, &["show", "d2"]), shop.json(&["show", "d2"]));

    let checked = json(&shop, &server, &["store", "check"]);
    assert_eq!(checked["findings"], Value::Array(vec![]));
    assert_eq!(checked["items"], first["items"]);
    assert_eq!(checked["records"], shop.json(&["store", "check"])["records"]);

    // Back into a file of this machine's.
    run(&shop, &server, &["store", "migrate", "--to", "sqlite=back.db"]).expect(0);
    shop.write(
        ".weco-project",
        &manifest().replace("dynamodb = \"release-tool\"", "sqlite = \"back.db\""),
    );
    assert_eq!(json(&shop, &server, &["history"]), there);
}

#[test]
fn other_records_are_never_overwritten_or_mixed() {
    let Some(server) = Server::ministack("the store through the program") else { return };
    let (one, other) = (deployed(), deployed());
    run(&one, &server, &["store", "create", "-y"]).expect(0);
    run(&one, &server, &["store", "migrate", "--from", FILE]).expect(0);
    let before = json(&one, &server, &["history"]);
    run(&other, &server, &["store", "migrate", "--from", FILE])
        .expect(1)
        .tells("`dynamodb=release-tool` has other records of these projects already");
    assert_eq!(json(&one, &server, &["history"]), before);
}

#[test]
fn what_is_asked_for_must_make_sense() {
    let shop = Shop::with(&manifest());
    shop.run(&["store", "create", "-y"]).expect(2).tells("the sandbox keeps its record in a file");
    shop.run(&["store", "migrate"]).expect(2);
    shop.run(&["store", "migrate", "--from", "sqlite=nowhere.db"])
        .expect(2)
        .tells("there is no store");
    shop.run(&["store", "migrate", "--to", "releases"])
        .expect(2)
        .tells("it is `sqlite=<path>` or `dynamodb=<table>`");
    shop.run(&["store", "migrate", "--to", "dynamodb=x y"])
        .expect(2)
        .tells("not a valid table name");

    let shop = Shop::unseeded(BOOKSHOP);
    let outside = |arguments: &[&str]| Started::of(shop.program_without_sandbox(arguments)).end();
    outside(&["store", "create"]).expect(2).tells("the manifest's store is a file");
    outside(&["store", "create", "--table", "releases", "--terraform"])
        .expect(0)
        .prints("name                        = \"releases\"");
}

#[test]
fn a_damaged_record_is_told_and_told_apart() {
    let shop = deployed();
    shop.run(&["store", "check"]).expect(0).prints("All of them are as they should be.");
    let file = shop.path().join(".release-tool/sandbox/store.sqlite");
    let connection = Connection::open(file).unwrap();
    let damage = "
        DELETE FROM items WHERE pk LIKE '%#E#prod#D#2' AND sk = 'META';
        DELETE FROM items WHERE pk = 'P#bookshop#R#1';
        DELETE FROM items WHERE pk LIKE '%#E#stage#D#1' AND sk LIKE 'STEP#0000#%';
        UPDATE items SET doc = json_set(doc, '$.gsi2pk', 'x', '$.gsi2sk', 'y')
            WHERE pk LIKE '%#E#stage#D#1' AND sk = 'META';
        UPDATE items SET doc = json_set(doc, '$.deployment', 0) WHERE sk = 'CTR';
        UPDATE items SET doc = json_remove(doc, '$.attempt')
            WHERE pk LIKE '%#E#stage' AND sk = 'SVC#storefront';
        UPDATE items SET doc = json_set(doc, '$.schema', 99)
            WHERE pk LIKE '%#E#stage' AND sk = 'SVC#orders-api';
        INSERT INTO items (pk, sk, doc) VALUES ('theirs', '1', '{}');
    ";
    connection.execute_batch(damage).unwrap();
    let told = shop.run(&["store", "check"]).expect(1);
    insta::assert_snapshot!(shop.steady(&told.stdout), @r"
    `sqlite=./.release-tool/sandbox/store.sqlite` has 21 items: counters 1, deployment 1, deployment_entry 2, fingerprint 2, release 1, service_head 7, step 6.
    Not as it should be, 11:
        P#bookshop#DEP/000000000002                                                       there is no deployment at `P#bookshop#E#prod#D#2`
        P#bookshop#E#prod#D#2/STEP#0000#orders-api                                        its deployment is not there: its beginning broke off, or it was removed
        P#bookshop#E#prod/SVC#orders-api                                                  its deployment `d2` is not there
        P#bookshop#E#stage#D#1/META                                                       it has 5 steps, and says that it has 6
        P#bookshop#E#stage#D#1/META                                                       its release `r1` is not there
        P#bookshop#E#stage#D#1/META                                                       it is over and still listed as active
        P#bookshop#E#stage/SVC#orders-api                                                 failed to read the service_head record `P#bookshop#E#stage/SVC#orders-api`: its schema is 99, and this program knows those up to 1
        P#bookshop#E#stage/SVC#storefront                                                 missing field `attempt`
        P#bookshop/CTR                                                                    it stands at 0, and `d1` was given
        P#bookshop/FP#e7393d3a7e8008e83945c75800c30c49b96db2bfe652a4632db42c14e51bdc3a    its release `r1` is not there
        theirs/1                                                                          its type `` is none that this version knows
    ");
    let told = shop.run(&["store", "check", "--output", "json"]).expect(1);
    let findings = document(&told.stdout)["findings"].clone();
    assert!(findings.as_array().unwrap().iter().all(|one| one["flaw"].is_string()), "{findings}");
}
