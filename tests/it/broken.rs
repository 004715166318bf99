//! Set-ups that are broken: every command and `doctor` say what is wrong, once, and what to do.
//!
//! A snapshot has what each command says. Nothing is changed in any of them.

use std::{
    fmt::Write as _,
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::Arc,
    thread,
};

use bytes::Bytes;
use http::Request;
use release_tool::sandbox::Outcome;
use serde_json::json;

use crate::support::{BOOKSHOP, Run, Shop, Started};

/// What is run in each.
const COMMANDS: [&[&str]; 6] = [
    &["status", "all", "prod"],
    &["deploy", "all", "prod", "-y"],
    &["restart", "storefront", "prod", "-y"],
    &["rollback", "prod", "-y"],
    &["release", "create", "all"],
    &[
        "register",
        "000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/orders-api:1",
        "orders-api",
    ],
];

/// The example project with something else in the place of a part.
fn bookshop(part: &str, other: &str) -> String {
    let changed = BOOKSHOP.replacen(part, other, 1);
    assert_ne!(changed, BOOKSHOP, "`{part}` is in the manifest");
    changed
}

/// What every command and `doctor` say.
fn told(shop: &Shop, run: impl Fn(&[&str]) -> Run) -> String {
    told_by(&COMMANDS, shop, run)
}

/// What these commands and `doctor` say.
fn told_by(commands: &[&[&str]], shop: &Shop, run: impl Fn(&[&str]) -> Run) -> String {
    let mut all = String::new();
    for command in commands {
        let run = run(command);
        let first: Vec<&str> =
            run.stderr.lines().skip_while(|line| !line.starts_with("error:")).collect();
        let code = run.code.unwrap();
        writeln!(all, "> {}  [{code}]\n{}\n", command[0], first.join("\n")).unwrap();
    }
    let doctor = run(&["doctor", "prod"]);
    let beside = doctor.stderr.lines().filter(|line| !line.starts_with("sandbox:"));
    let beside: Vec<&str> = beside.collect();
    let code = doctor.code.unwrap();
    writeln!(
        all,
        "> doctor  [{code}]
{}{}",
        doctor.stdout,
        beside.join(
            "
"
        )
    )
    .unwrap();
    let text = shop.steady(&all);
    // Requests and accounts of this run.
    let ids = regex_lite::Regex::new(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
    let times = regex_lite::Regex::new(r"\d{8}T\d{6}Z").unwrap();
    let without = ids.replace_all(&text, "[request]");
    let without = times.replace_all(&without, "[time]");
    let urls = regex_lite::Regex::new(r"127\.0\.0\.1:\d+").unwrap();
    urls.replace_all(&without, "127.0.0.1:[port]").into_owned()
}

/// The same in the sandbox, where nothing was changed then.
fn in_sandbox(shop: &Shop) -> String {
    shop.forget_requests();
    let told = told(shop, |command| shop.run(command));
    // A role that is taken on changes nothing.
    let mut writes = shop.writes();
    writes.retain(|operation| operation != "AssumeRole");
    assert_eq!(writes, [""; 0], "{told}");
    told
}

#[test]
fn no_credentials() {
    let shop = Shop::unseeded(BOOKSHOP);
    insta::assert_snapshot!(told(&shop, |command| {
        let mut program = shop.program_without_sandbox(command);
        program.args(["--endpoint-url", "http://127.0.0.1:9"]);
        Started::of(program).end()
    }));
}

#[test]
fn expired_credentials() {
    let shop = Shop::new();
    shop.sandbox(&["fault", "add", "*", "expired"]);
    insta::assert_snapshot!(in_sandbox(&shop));
}

#[test]
fn another_account() {
    let shop = Shop::with(&bookshop(
        "region = \"eu-west-1\"",
        "region = \"eu-west-1\"\naccount = \"111111111111\"",
    ));
    let front = Front::of(&shop, |_| None);
    shop.forget_requests();
    insta::assert_snapshot!(told(&shop, |command| front.run(&shop, command, "222222222222")));
    assert_eq!(shop.writes(), [""; 0]);
}

#[test]
fn another_region() {
    let shop = Shop::new();
    shop.write(
        ".weco-project",
        &bookshop(
            "cluster = \"bookshop-prod\"",
            "cluster = \"bookshop-prod\"\nregion = \"eu-west-2\"",
        ),
    );
    insta::assert_snapshot!(in_sandbox(&shop));
}

#[test]
fn no_role() {
    let role = "region = \"eu-west-1\"\nrole_arn = \"arn:aws:iam::000000000000:role/release\"";
    let shop = Shop::with(&bookshop("region = \"eu-west-1\"", role));
    shop.sandbox(&["fault", "add", "sts:AssumeRole", "deny"]);
    insta::assert_snapshot!(in_sandbox(&shop));
}

#[test]
fn no_table() {
    let store = "[bookshop]\nstore = { dynamodb = \"release-tool\" }\n";
    let shop = Shop::with(&bookshop("[bookshop]\n", store));
    let front = Front::of(&shop, |target| {
        let message = "Requested resource not found";
        let code = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException";
        target
            .starts_with("DynamoDB_")
            .then(|| json!({ "__type": code, "message": message }).to_string())
    });
    shop.forget_requests();
    insta::assert_snapshot!(told(&shop, |command| front.run(&shop, command, "000000000000")));
    assert_eq!(shop.writes(), [""; 0]);
}

#[test]
fn no_cluster() {
    let shop = Shop::new();
    shop.write(".weco-project", &bookshop("bookshop-prod", "bookshop-production"));
    insta::assert_snapshot!(in_sandbox(&shop));
}

#[test]
fn a_container_renamed() {
    let shop = Shop::new();
    shop.write(
        ".weco-project",
        &bookshop(
            "name = \"Orders API\"",
            "name = \"Orders API\"\nimages = { api = \"orders-api\" }",
        ),
    );
    shop.forget_requests();
    // What goes by images: the others do not look into task definitions.
    let commands: [&[&str]; 2] =
        [&["deploy", "all", "prod", "-y"], &["deploy", "orders-api", "prod", "--dry-run"]];
    insta::assert_snapshot!(told_by(&commands, &shop, |command| shop.run(command)));
    assert_eq!(shop.writes(), [""; 0]);
}

#[test]
fn a_parameter_that_is_a_secret() {
    let shop = Shop::new();
    let name = "/bookshop/images/prod/orders-api";
    let value = shop.parameter(name).unwrap();
    shop.ssm("DeleteParameter", &json!({ "Name": name }));
    shop.ssm("PutParameter", &json!({ "Name": name, "Value": value, "Type": "SecureString" }));
    // It is read and written as it is: only Terraform minds.
    let run = shop.run(&["doctor", "prod"]).expect(1);
    insta::assert_snapshot!(shop.steady(&run.stdout));
    shop.run(&["deploy", "orders-api", "prod", "-y"]).expect(0);
    let told = shop.ssm("GetParameters", &json!({ "Names": [name] }));
    assert_eq!(told["Parameters"][0]["Type"], "SecureString");
}

#[test]
fn a_clock_that_is_off_by_an_hour() {
    for (fault, side) in [("skew=3600", "behind"), ("skew=-3600", "ahead of")] {
        let shop = Shop::new();
        shop.sandbox(&["fault", "add", "*", fault]);
        let told = in_sandbox(&shop);
        assert!(told.contains(&format!("is 60 min {side} AWS's")), "{told}");
        if side == "behind" {
            insta::assert_snapshot!(told);
        }
    }
}

#[test]
fn an_endpoint_left_over() {
    let shop = Shop::unseeded(BOOKSHOP);
    insta::assert_snapshot!(told(&shop, |command| {
        let mut program = shop.program_without_sandbox(command);
        program.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
        Started::of(program).end()
    }));
}

/// What a server in front of the sandbox answers itself, by the request's target.
type Own = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A server in front of a sandbox, which answers some requests itself: what the sandbox does not have.
struct Front {
    url: String,
}

impl Front {
    /// In front of a project's sandbox. It ends with the test's process.
    fn of(shop: &Shop, own: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (cloud, own): (_, Own) = (Arc::new(shop.cloud()), Arc::new(own));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (cloud, own) = (Arc::clone(&cloud), Arc::clone(&own));
                let handle = move |request| match cloud.handle(request).outcome {
                    Outcome::Answer(answer) => answer,
                    other => panic!("{other:?}"),
                };
                thread::spawn(move || answer(stream.unwrap(), &own, handle));
            }
        });
        Self { url }
    }

    /// Runs a command against it, signed in as a user of an account.
    fn run(&self, shop: &Shop, arguments: &[&str], account: &str) -> Run {
        let mut command: Command = shop.program_without_sandbox(arguments);
        command
            .args(["--endpoint-url", &self.url])
            .env("AWS_ACCESS_KEY_ID", format!("AKIA{account}USER"))
            .env("AWS_SECRET_ACCESS_KEY", "any");
        Started::of(command).end()
    }
}

/// Answers the requests of one connection.
fn answer(
    mut stream: TcpStream,
    own: &Own,
    handle: impl Fn(Request<Bytes>) -> http::Response<Bytes>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader) {
        let target = request.headers().get("x-amz-target").map(|it| it.to_str().unwrap());
        let response = match own(target.unwrap_or_default()) {
            Some(body) => {
                let kind = "application/x-amz-json-1.0";
                let response = http::Response::builder().status(400).header("content-type", kind);
                response.body(Bytes::from(body)).unwrap()
            }
            None => handle(request),
        };
        let mut head = format!("HTTP/1.1 {}\r\n", response.status());
        for (name, value) in response.headers() {
            write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
        write!(head, "content-length: {}\r\n\r\n", response.body().len()).unwrap();
        let sent =
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(response.body()));
        if sent.is_err() {
            return;
        }
    }
}

/// Reads a request; nothing at the connection's end.
fn read(reader: &mut impl std::io::BufRead) -> Option<Request<Bytes>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let mut first = lines[0].split(' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?);
    let mut length = 0;
    for (name, value) in lines[1..].iter().filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
        request = request.header(name, value);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(request.body(Bytes::from(body)).unwrap())
}
