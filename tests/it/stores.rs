//! The store in DynamoDB, through the program: made, filled from a file, read, checked, and refused.
//!
//! DynamoDB is one that others wrote; see `tests/peers/dynamodb.rs`.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
};

use rusqlite::Connection;
use serde_json::Value;

use crate::{
    dynamodb::{Server, skip, surroundings},
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
    let (_, findings) = told.stdout.split_once('\n').unwrap();
    let newest = regex_lite::Regex::new("up to [0-9]+").unwrap();
    insta::assert_snapshot!(newest.replace_all(findings, "up to [newest]"), @r"
    Not as it should be, 11:
        P#bookshop#DEP/000000000002                                                       there is no deployment at `P#bookshop#E#prod#D#2`
        P#bookshop#E#prod#D#2/STEP#0000#orders-api                                        its deployment is not there: its beginning broke off, or it was removed
        P#bookshop#E#prod/SVC#orders-api                                                  its deployment `d2` is not there
        P#bookshop#E#stage#D#1/META                                                       it has 5 steps, and says that it has 6
        P#bookshop#E#stage#D#1/META                                                       its release `r1` is not there
        P#bookshop#E#stage#D#1/META                                                       it is over and still listed as active
        P#bookshop#E#stage/SVC#orders-api                                                 failed to read the service_head record `P#bookshop#E#stage/SVC#orders-api`: its schema is 99, and this program knows those up to [newest]
        P#bookshop#E#stage/SVC#storefront                                                 missing field `attempt`
        P#bookshop/CTR                                                                    it stands at 0, and `d1` was given
        P#bookshop/FP#e7393d3a7e8008e83945c75800c30c49b96db2bfe652a4632db42c14e51bdc3a    its release `r1` is not there
        theirs/1                                                                          its type `` is none that this version knows
    ");
    let told = shop.run(&["store", "check", "--output", "json"]).expect(1);
    let findings = document(&told.stdout)["findings"].clone();
    assert!(findings.as_array().unwrap().iter().all(|one| one["flaw"].is_string()), "{findings}");
}

/// One endpoint for both: DynamoDB's requests go to one server, all others to another.
///
/// Each request has a connection of its own, and ends when the answer does. It lives as long as this
/// process, on a thread that waits for connections.
fn both(dynamodb: &str, others: &str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let address = |url: &str| url.trim_start_matches("http://").to_owned();
    let (dynamodb, others) = (address(dynamodb), address(others));
    thread::spawn(move || {
        for client in listener.incoming() {
            let (dynamodb, others) = (dynamodb.clone(), others.clone());
            thread::spawn(move || pass_on(client.unwrap(), &dynamodb, &others));
        }
    });
    url
}

/// Passes one request on and its answer back.
fn pass_on(mut client: TcpStream, dynamodb: &str, others: &str) -> Option<()> {
    let (head, body) = request(&mut client)?;
    let is_for_dynamodb = head.to_ascii_lowercase().contains("x-amz-target: dynamodb_");
    let mut server = TcpStream::connect(if is_for_dynamodb { dynamodb } else { others }).ok()?;
    let (first, rest) = head.split_once("\r\n")?;
    write!(server, "{first}\r\nConnection: close\r\n{rest}").ok()?;
    server.write_all(&body).ok()?;
    io::copy(&mut server, &mut client).ok()?;
    Some(())
}

/// Reads a request: its head with the empty line, and its body.
fn request(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.to_ascii_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length:").and_then(|length| length.trim().parse().ok())
    });
    let mut body = vec![0; length.unwrap_or_default()];
    client.read_exact(&mut body).ok()?;
    Some((head, body))
}

#[test]
fn a_deployment_is_recorded_in_dynamodb() {
    let Some(dynamodb) = Server::ministack("a deployment with DynamoDB") else { return };
    let shop = Shop::with(&manifest());
    let mut sandbox = shop.start(&["sandbox", "serve", "--port", "0"]);
    let told = sandbox.reads("listening on");
    let others = told.trim().strip_prefix("listening on ").unwrap();
    let url = both(&dynamodb.url, others);
    let run = |arguments: &[&str]| {
        let mut command = shop.program_without_sandbox(arguments);
        command.args(["--endpoint-url", &url]);
        command.env("AWS_ACCESS_KEY_ID", "AKIATEST").env("AWS_SECRET_ACCESS_KEY", "secret");
        Started::of(command).end()
    };
    run(&["deploy", "all", "prod", "-y"]).expect(1).tells("release-tool store create");
    run(&["store", "create", "-y"]).expect(0);
    run(&["deploy", "all", "prod", "-y"]).expect(0);
    run(&["deploy", "all", "prod", "-y"]).expect(0);
    run(&["history"]).expect(0).prints("SUCCEEDED");
    run(&["status", "all", "prod"]).expect(0).prints("d1");
    run(&["store", "check"]).expect(0).prints("All of them are as they should be.");
    assert!(!shop.path().join(".release-tool/store.sqlite").exists(), "no file beside the table");
}

/// Runs Terraform in a folder, with nothing from a network.
fn terraform(folder: &Path, arguments: &[&str]) -> io::Result<Output> {
    Command::new("terraform")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", surroundings("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("CHECKPOINT_DISABLE", "1")
        .env("TF_CLI_CONFIG_FILE", folder.join("terraform.rc"))
        .stdin(Stdio::null())
        .output()
}

/// The provider, with DynamoDB on a server.
fn provider(url: &str) -> String {
    format!(
        "provider \"aws\" {{\n  region = \"eu-west-1\"\n  access_key = \"AKIATEST\"\n  \
         secret_key = \"secret\"\n  skip_credentials_validation = true\n  \
         skip_metadata_api_check = true\n  skip_requesting_account_id = true\n  \
         endpoints {{\n    dynamodb = \"{url}\"\n    sts = \"{url}\"\n  }}\n}}\n"
    )
}

#[test]
fn terraform_takes_the_table_over_without_a_change() {
    let whose = "the table in Terraform";
    let mirror = surroundings("TF_PLUGIN_MIRROR").unwrap_or_else(|| "/opt/tf-plugins".into());
    let shop = Shop::unseeded(&manifest());
    let has_terraform = terraform(shop.path(), &["version"]).is_ok();
    if !Path::new(&mirror).is_dir() || !has_terraform {
        return skip(whose, "there is no Terraform, or no mirror of its AWS provider");
    }
    let Some(server) = Server::ministack(whose) else { return };
    let made = json(&shop, &server, &["store", "create", "-y"]);
    let mirror = Path::new(&mirror).display();
    shop.write(
        "terraform.rc",
        &format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = \"{mirror}\"\n  }}\n}}\n"
        ),
    );
    shop.write("provider.tf", &provider(&server.url));
    let file = shop.write("store.tf", &format!("{}\n", made["terraform"].as_str().unwrap()));
    let run = |arguments: &[&str]| {
        let output = terraform(shop.path(), arguments).unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}\n{complaint}");
        told
    };
    assert_eq!(run(&["fmt", "-check", "store.tf"]), "", "{}", fs::read_to_string(file).unwrap());
    run(&["init", "-no-color"]);
    let plan = run(&["plan", "-no-color", "-input=false"]);
    assert!(plan.contains("1 to import, 0 to add, 0 to change, 0 to destroy"), "{plan}");
}
