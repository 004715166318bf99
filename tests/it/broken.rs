//! Set-ups that are broken: every command and `doctor` say what is wrong, once, and what to do.
//!
//! A snapshot has what each command says: the commands that say the same, with their exit code, the
//! error and the hint; and below them what `doctor` says. Nothing is changed by those that fail.

use std::{
    fmt::Write as _,
    fs,
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::Arc,
    thread,
};

use bytes::Bytes;
use http::Request;
use release_tool::{plan::permissions::Group, sandbox::Outcome};
use serde_json::json;

use crate::{
    permissions::{ROLE, actions, allow, make_role, printed, with_simulation, without},
    support::{BOOKSHOP, Run, Shop, Started},
};

/// What is run in each: every command that works with AWS or with the record. `d3` is a deployment to
/// `stage` that was left half way.
const COMMANDS: [&[&str]; 19] = [
    &["status", "all", "prod"],
    &["deploy", "all", "prod", "--dry-run"],
    &["deploy", "all", "prod", "-y"],
    &["release", "create", "all"],
    &["restart", "storefront", "prod", "-y"],
    &["rollback", "prod", "-y"],
    &["resume", "d3"],
    &["abort", "d3"],
    &["continue", "d3", "-y"],
    &["wait", "d3"],
    &["terraform", "check", "--env", "prod", "--exit-code"],
    &["terraform", "snippet", "--env", "prod"],
    &[
        "register",
        "000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/orders-api:one",
        "orders-api",
    ],
    &["iam-policy", "deploy", "--env", "prod"],
    &["lock", "storefront", "prod", "--reason", "sale"],
    &["unlock", "storefront", "prod"],
    &["history"],
    &["releases"],
    &["show", "d2"],
];

/// The example project with something else in the place of a part.
fn bookshop(part: &str, other: &str) -> String {
    let changed = BOOKSHOP.replacen(part, other, 1);
    assert_ne!(changed, BOOKSHOP, "`{part}` is in the manifest");
    changed
}

/// A project with a past: two deployments to `prod`, so that there is a way back, and one to `stage`
/// that was left half way.
fn used() -> Shop {
    let shop = Shop::new();
    for tag in ["one", "two"] {
        let image =
            format!("000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/orders-api:{tag}");
        shop.sandbox(&["set", "push-image", &image]);
        shop.run(&["register", &image, "orders-api"]).expect(0);
        shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    }
    shop.stand_still();
    let mut deploy = shop.start(&["deploy", "storefront", "stage", "-y"]);
    deploy.hears("storefront: started ecs-svc/");
    deploy.signal("KILL");
    deploy.end();
    // Its lease runs out with its process.
    shop
}

/// The same with another manifest.
fn used_with(manifest: &str) -> Shop {
    let shop = used();
    shop.write(".weco-project", manifest);
    shop
}

/// The same for commands outside the sandbox, which have their record elsewhere.
fn used_outside() -> Shop {
    let shop = used();
    let record = shop.path().join(".release-tool");
    for end in ["", "-wal", "-shm"] {
        let from = record.join(format!("sandbox/store.sqlite{end}"));
        if from.exists() {
            fs::copy(from, record.join(format!("store.sqlite{end}"))).unwrap();
        }
    }
    shop
}

/// What a command says that fails: one error and one thing to do. What it says beside, where it works.
fn said(command: &[&str], run: &Run) -> String {
    let code = run.code.unwrap();
    let lines = run.stderr.lines();
    if code == 0 {
        let warnings =
            lines.filter(|line| line.starts_with("warning:") || line.starts_with("hint:"));
        let warnings: Vec<&str> = warnings.collect();
        return format!("[0] done\n{}", warnings.join("\n")).trim_end().to_owned();
    }
    if code == 10 {
        return format!("[10]\n{}", run.stdout.trim_end());
    }
    let told: Vec<&str> = lines.skip_while(|line| !line.starts_with("error:")).collect();
    for part in ["error:", "hint:"] {
        let count = told.iter().filter(|line| line.starts_with(part)).count();
        assert_eq!(count, 1, "{command:?} says `{part}` {count} times:\n{}", run.stderr);
    }
    assert!([1, 2, 6, 9].contains(&code), "{command:?} ends with {code}: {}", run.stderr);
    format!("[{code}]\n{}", told.join("\n"))
}

/// What every command and `doctor` say: those that say the same together.
fn told(shop: &Shop, run: impl Fn(&[&str]) -> Run) -> String {
    let mut groups: Vec<(Vec<String>, String)> = Vec::new();
    for command in COMMANDS {
        let text = steady(shop, &said(command, &run(command)));
        let name = named(command);
        match groups.iter_mut().find(|(_, other)| *other == text) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], text)),
        }
    }
    let mut all = String::new();
    for (names, text) in groups {
        writeln!(all, "> {}  {text}\n", names.join(", ")).unwrap();
    }
    let doctor = run(&["doctor", "prod"]);
    writeln!(all, "> doctor  [{}]", doctor.code.unwrap()).unwrap();
    all += &steady(shop, &doctor.stdout);
    all
}

/// A command in a word or two.
fn named(command: &[&str]) -> String {
    let has_verb = ["release", "terraform", "iam-policy"].contains(&command[0]);
    let words = if has_verb { command[..2].join(" ") } else { command[0].to_owned() };
    if command.contains(&"--dry-run") { format!("{words} --dry-run") } else { words }
}

/// A text without what is of this run: times, requests, ports.
fn steady(shop: &Shop, text: &str) -> String {
    let mut text = shop.steady(text);
    for (pattern, word) in [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[request]"),
        (r"\d{8}T\d{6}Z", "[time]"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        (r"request [\w-]{20,}", "request [request]"),
        // Several are asked about at the same time, and the first to be refused is told.
        (r"describe task definition `[^`]+`", "describe task definition `[one of them]`"),
    ] {
        text = regex_lite::Regex::new(pattern).unwrap().replace_all(&text, word).into_owned();
    }
    text
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

/// The same where some commands work: each in a copy of its own.
fn in_copies(shop: &Shop) -> String {
    shop.go_fast();
    told(shop, |command| shop.copy().run(command))
}

#[test]
fn no_credentials() {
    let shop = used_outside();
    insta::assert_snapshot!(told(&shop, |command| {
        let mut program = shop.program_without_sandbox(command);
        program.args(["--endpoint-url", "http://127.0.0.1:9"]);
        Started::of(program).end()
    }));
}

#[test]
fn expired_credentials() {
    let shop = used();
    shop.sandbox(&["fault", "add", "*", "expired"]);
    insta::assert_snapshot!(in_sandbox(&shop));
}

#[test]
fn another_account() {
    let shop = used_outside();
    shop.write(
        ".weco-project",
        &bookshop("region = \"eu-west-1\"", "region = \"eu-west-1\"\naccount = \"111111111111\""),
    );
    let front = Front::of(&shop, |_| None);
    shop.forget_requests();
    insta::assert_snapshot!(told(&shop, |command| front.run(&shop, command, "222222222222")));
    assert_eq!(shop.writes(), [""; 0]);
}

#[test]
fn another_region() {
    let elsewhere = |manifest: &str, environment: &str| {
        let cluster = format!("cluster = \"bookshop-{environment}\"");
        manifest.replacen(&cluster, &format!("{cluster}\nregion = \"eu-west-2\""), 1)
    };
    let shop = used_with(&elsewhere(&elsewhere(BOOKSHOP, "prod"), "stage"));
    insta::assert_snapshot!(in_copies(&shop));
}

#[test]
fn no_role() {
    let role = "region = \"eu-west-1\"\nrole_arn = \"arn:aws:iam::000000000000:role/release\"";
    let shop = used_with(&bookshop("region = \"eu-west-1\"", role));
    shop.sandbox(&["fault", "add", "sts:AssumeRole", "deny"]);
    insta::assert_snapshot!(in_sandbox(&shop));
}

/// A role that may be taken on and may do nothing. What is asked at the same time is refused in any
/// order, so that only the kind of the error is the same each time.
#[test]
fn no_permissions() {
    let shop = used_with(&with_role());
    make_role(&shop);
    allow(&shop, &json!({ "Version": "2012-10-17", "Statement": [] }));
    shop.forget_requests();
    let mut table = String::new();
    for command in COMMANDS {
        let run = shop.run(command);
        let text = said(command, &run);
        if run.code != Some(0) {
            assert!(text.contains(" is not allowed: User: "), "{command:?}: {text}");
            assert!(text.contains("\nhint: allow `"), "{command:?}: {text}");
        }
        let what = if run.code == Some(0) {
            "done"
        } else {
            "what is not allowed, and to whom to allow it"
        };
        writeln!(table, "{:<20} [{}] {what}", named(command), run.code.unwrap()).unwrap();
    }
    let doctor = shop.run(&["doctor", "prod"]);
    writeln!(table, "\n> doctor  [{}]", doctor.code.unwrap()).unwrap();
    insta::assert_snapshot!(table + &steady(&shop, &doctor.stdout));
    let mut writes = shop.writes();
    writes.retain(|operation| operation != "AssumeRole");
    assert_eq!(writes, [""; 0]);
}

/// The manifest with a role that the sandbox's IAM has.
fn with_role() -> String {
    let role = format!("region = \"eu-west-1\"\nrole_arn = \"{ROLE}\"");
    bookshop("region = \"eu-west-1\"", &role)
}

/// Each action of the policy of `deploy` is left out, one at a time. A table: what the commands say
/// that only look, and what `doctor` says, which is the only one to know of writes beforehand.
#[test]
fn each_permission_missing() {
    let shop = used_with(&with_role());
    make_role(&shop);
    let policy = printed(&shop, Group::Deploy);
    let mut table = String::new();
    for action in actions(&policy) {
        allow(&shop, &with_simulation(&without(&policy, &action)));
        writeln!(table, "without {action}").unwrap();
        let looks: [&[&str]; 3] = [
            &["status", "all", "prod"],
            &["terraform", "check", "--env", "prod"],
            &["deploy", "all", "prod", "--dry-run"],
        ];
        for command in looks {
            let run = shop.run(command);
            let text = steady(&shop, &said(command, &run)).replace('\n', "\n      ");
            if run.code != Some(0) {
                writeln!(table, "  {}  {text}", named(command)).unwrap();
            }
        }
        let Run { code, stdout: doctor, .. } = shop.run(&["doctor", "prod"]);
        let mut lines =
            doctor.lines().skip_while(|line| !line.contains(&format!("`{action}` is not")));
        let (line, fix) = (lines.next().unwrap().trim_start(), lines.next().unwrap());
        writeln!(table, "  doctor  [{}]\n      {line}\n{fix}\n", code.unwrap()).unwrap();
    }
    insta::assert_snapshot!(table);
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
    let shop = used_with(&BOOKSHOP.replace("cluster = \"bookshop-", "cluster = \"elsewhere-"));
    insta::assert_snapshot!(in_copies(&shop));
}

#[test]
fn a_container_renamed() {
    let name = "name = \"Orders API\"";
    let shop = used_with(&bookshop(name, &format!("{name}\nimages = {{ api = \"orders-api\" }}")));
    insta::assert_snapshot!(in_copies(&shop));
}

#[test]
fn a_parameter_that_is_a_secret() {
    let shop = used();
    let name = "/bookshop/images/prod/orders-api";
    let value = shop.parameter(name).unwrap();
    shop.ssm("DeleteParameter", &json!({ "Name": name }));
    shop.ssm("PutParameter", &json!({ "Name": name, "Value": value, "Type": "SecureString" }));
    // It is read and written as it is: only Terraform minds.
    insta::assert_snapshot!(in_copies(&shop));
    shop.run(&["rollback", "prod", "-y"]).expect(0);
    let told = shop.ssm("GetParameters", &json!({ "Names": [name] }));
    assert_eq!(told["Parameters"][0]["Type"], "SecureString");
    assert_ne!(told["Parameters"][0]["Value"], json!(value));
}

#[test]
fn a_clock_that_is_off_by_an_hour() {
    for (fault, side) in [("skew=3600", "behind"), ("skew=-3600", "ahead of")] {
        let shop = used();
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
    let shop = used_outside();
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
