//! A project of its own for each test: a folder with a manifest, the program that is run in it, and
//! the sandbox behind it.
//!
//! Nothing of the surroundings gets in: the environment is cleared, and the home is in the folder.
//! Nothing is waited for but what a test names, and never for longer than [`PATIENCE`].

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use release_tool::sandbox::{Outcome, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest that anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The manifest of the example project.
pub(crate) const BOOKSHOP: &str = include_str!("../../examples/bookshop/.weco-project");

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_release-tool");

/// Whoever works in the tests, as git knows them.
const GIT_CONFIGURATION: &str = "[user]\n\tname = Bob Beardly\n\temail = bob@example.com\n";

/// A project in a folder of its own.
pub(crate) struct Shop {
    folder: TempDir,
}

impl Shop {
    /// The example project, in a sandbox that is seeded and whose rollouts take a blink.
    pub(crate) fn new() -> Self {
        Self::with(BOOKSHOP)
    }

    /// The same for another manifest.
    pub(crate) fn with(manifest: &str) -> Self {
        let shop = Self::unseeded(manifest);
        shop.run(&["sandbox", "seed"]).expect(0);
        shop.go_fast();
        shop
    }

    /// A project whose sandbox is empty.
    pub(crate) fn unseeded(manifest: &str) -> Self {
        let shop = Self { folder: TempDir::new().unwrap() };
        shop.write(".gitconfig", GIT_CONFIGURATION);
        shop.write(".weco-project", manifest);
        shop
    }

    /// Another project in the same state.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self { folder: TempDir::new().unwrap() };
        copy_all(self.path(), copy.path());
        copy
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    /// The program in this folder, in the sandbox, with nothing of the surroundings.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = self.program_without_sandbox(arguments);
        command.env("RELEASE_TOOL_SANDBOX", "1");
        command
    }

    /// The same outside the sandbox. No configuration or metadata of AWS is found.
    pub(crate) fn program_without_sandbox(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Started::of(self.program(arguments)).end()
    }

    /// Starts the program.
    pub(crate) fn start(&self, arguments: &[&str]) -> Started {
        Started::of(self.program(arguments))
    }

    /// Runs a verb of `sandbox`, which must succeed; gives what it printed.
    pub(crate) fn sandbox(&self, arguments: &[&str]) -> String {
        let all: Vec<&str> = ["sandbox"].iter().chain(arguments).copied().collect();
        self.run(&all).expect(0).stdout
    }

    /// Lets the sandbox's clock run so fast that a rollout is over in a blink, and what has stopped
    /// is remembered for a minute.
    pub(crate) fn go_fast(&self) {
        self.sandbox(&["speed", "60"]);
    }

    /// Stops the sandbox's clock, so that no rollout goes on.
    pub(crate) fn stand_still(&self) {
        self.sandbox(&["speed", "0"]);
    }

    /// Runs the program and reads the one document that it prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = arguments.iter().chain(&["--output", "json"]).copied().collect();
        document(&self.run(&all).expect(0).stdout)
    }

    /// The state of each service, as `status` tells it.
    pub(crate) fn states(&self, environment: &str) -> BTreeMap<String, String> {
        let status = self.json(&["status", "all", environment]);
        let services = status["services"].as_array().unwrap().iter();
        services.map(|service| (text(&service["service"]), text(&service["state"]))).collect()
    }

    /// The verdict on each step of a deployment, as `show` tells it.
    pub(crate) fn verdicts(&self, deployment: &str) -> BTreeMap<String, String> {
        let shown = self.json(&["show", deployment]);
        let steps = shown["deployment"]["steps"].as_array().unwrap().iter();
        steps
            .map(|step| {
                let verdict = step["verdict"]["verdict"].as_str().unwrap_or("-");
                (text(&step["service"]), verdict.to_owned())
            })
            .collect()
    }

    /// The sandbox, in this process.
    pub(crate) fn cloud(&self) -> Sandbox {
        Sandbox::open(&self.path().join(".release-tool").join("sandbox")).unwrap()
    }

    /// Sends a request to ECS.
    pub(crate) fn ecs(&self, operation: &str, body: &Value) -> Value {
        self.ask(&format!("AmazonEC2ContainerServiceV20141113.{operation}"), body)
    }

    /// Sends a request to SSM.
    pub(crate) fn ssm(&self, operation: &str, body: &Value) -> Value {
        self.ask(&format!("AmazonSSM.{operation}"), body)
    }

    /// Sends a request to ECR.
    pub(crate) fn ecr(&self, operation: &str, body: &Value) -> Value {
        self.ask(&format!("AmazonEC2ContainerRegistry_V20150921.{operation}"), body)
    }

    /// Sends a request to Service Quotas.
    pub(crate) fn quotas(&self, operation: &str, body: &Value) -> Value {
        self.ask(&format!("ServiceQuotasV20190624.{operation}"), body)
    }

    /// Sends a request to CloudWatch Logs.
    pub(crate) fn logs(&self, operation: &str, body: &Value) -> Value {
        self.ask(&format!("Logs_20140328.{operation}"), body)
    }

    /// Sends a request to Elastic Load Balancing; gives the XML that it answers with.
    pub(crate) fn balancers(&self, form: &str) -> String {
        let scope = "eu-west-1/elasticloadbalancing/aws4_request";
        let credential = format!("AKIA000000000000USER/20261121/{scope}");
        let signature = "SignedHeaders=host, Signature=0";
        let request = Request::post("/")
            .header(
                "Authorization",
                format!("AWS4-HMAC-SHA256 Credential={credential}, {signature}"),
            )
            .body(Bytes::from(form.to_owned()))
            .unwrap();
        let Outcome::Answer(answer) = self.cloud().handle(request).outcome else {
            panic!("{form} is not answered")
        };
        String::from_utf8(answer.body().to_vec()).unwrap()
    }

    /// Sends a request to IAM, which must be answered well; gives the XML that it answers with.
    pub(crate) fn iam(&self, parameters: &[(&str, &str)]) -> String {
        self.iam_of("000000000000", parameters)
    }

    /// The same to the IAM of an account.
    pub(crate) fn iam_of(&self, account: &str, parameters: &[(&str, &str)]) -> String {
        let credential = format!("AKIA{account}USER/20261121/us-east-1/iam/aws4_request");
        let signature = "SignedHeaders=host, Signature=0";
        let form: String =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let request = Request::post("/")
            .header(
                "Authorization",
                format!("AWS4-HMAC-SHA256 Credential={credential}, {signature}"),
            )
            .body(Bytes::from(form))
            .unwrap();
        let Outcome::Answer(answer) = self.cloud().handle(request).outcome else {
            panic!("{parameters:?} is not answered")
        };
        let told = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(answer.status().is_success(), "{parameters:?}: {told}");
        told
    }

    /// Sends a request that must be answered well.
    fn ask(&self, target: &str, body: &Value) -> Value {
        let (is_success, told) = self.send(target, body);
        assert!(is_success, "{target}: {told}");
        told
    }

    /// Sends a request; tells whether it was done, and what was answered.
    pub(crate) fn send(&self, target: &str, body: &Value) -> (bool, Value) {
        let request = Request::post("/")
            .header("X-Amz-Target", target)
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let Outcome::Answer(answer) = self.cloud().handle(request).outcome else {
            panic!("{target} is not answered")
        };
        let told: Value = serde_json::from_slice(answer.body()).unwrap();
        (answer.status().is_success(), told)
    }

    /// An ECS service as `DescribeServices` tells it.
    pub(crate) fn service(&self, cluster: &str, name: &str) -> Value {
        let body = json!({ "cluster": cluster, "services": [name] });
        let mut told = self.ecs("DescribeServices", &body);
        told["services"][0].take()
    }

    /// A task definition, by family the latest ACTIVE revision.
    pub(crate) fn task_definition(&self, reference: &str) -> Value {
        let body = json!({ "taskDefinition": reference, "include": ["TAGS"] });
        self.ecs("DescribeTaskDefinition", &body)
    }

    /// The value of a parameter, if there is one.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let told = self.ssm("GetParameters", &json!({ "Names": [name] }));
        told["Parameters"][0]["Value"].as_str().map(str::to_owned)
    }

    /// The image that the label `latest` names.
    pub(crate) fn latest(&self, image: &str) -> String {
        self.parameter(&format!("/bookshop/images/latest/{image}")).unwrap()
    }

    /// Has the requests so far forgotten, so that [`requests`](Self::requests) tells those after.
    pub(crate) fn forget_requests(&self) {
        self.cloud().clear_requests().unwrap();
    }

    /// The operations that were asked for, in their order.
    pub(crate) fn requests(&self) -> Vec<String> {
        let records = self.cloud().requests(None).unwrap();
        records.into_iter().map(|record| record.entry.operation).collect()
    }

    /// Those of them that change something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let reads = ["Describe", "List", "Get", "BatchGet", "Simulate"];
        let mut requests = self.requests();
        requests.retain(|operation| !reads.iter().any(|read| operation.starts_with(read)));
        requests
    }

    /// How often an operation was asked for.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.requests().iter().filter(|asked| *asked == operation).count()
    }

    /// Checks what must hold on every way out: the service runs its family's latest ACTIVE
    /// revision, and each of its images is the one that the environment's parameter names.
    pub(crate) fn assert_in_step(&self, service: &Service<'_>) {
        let told = self.service(service.cluster, service.name);
        let latest = self.task_definition(service.family);
        let latest = &latest["taskDefinition"];
        assert_eq!(told["taskDefinition"], latest["taskDefinitionArn"], "{}", service.name);
        for (container, parameter) in service.containers {
            let containers = latest["containerDefinitions"].as_array().unwrap();
            let found = containers.iter().find(|one| one["name"] == *container).unwrap();
            assert_eq!(
                found["image"].as_str(),
                self.parameter(parameter).as_deref(),
                "{container}"
            );
        }
    }

    /// The text without empty lines before it, and without what differs from one run to the next.
    pub(crate) fn steady(&self, text: &str) -> String {
        let folder = self.path().to_str().unwrap();
        let mut text = text.trim_start_matches('\n').replace(folder, "[shop]");
        for (pattern, replacement) in [
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "[time]"),
            (r"\(\d+ s\)", "([age])"),
            (r"renewed \d+ s ago", "renewed [age] ago"),
            (r"(?m)^( {4,})on \S+$", "${1}on [host]"),
            (r"\d\d:\d\d:\d\d", "[clock]"),
            (r"ecs-svc/\d+", "ecs-svc/[id]"),
            (r"sha256:[0-9a-f]{12,64}", "sha256:[digest]"),
            (r"\btask [0-9a-f]{32}", "task [id]"),
            (r"\b[0-9a-f]{32} \(", "[task] ("),
            (r"\[ *\d+s\]", "[seconds]"),
            (r"after \d+ s\b", "after [seconds]"),
            (r"release-tool \d+\.\d+\.\d+", "release-tool [version]"),
            (r"(?m)^On  .*$", "On  [host]"),
        ] {
            let pattern = regex_lite::Regex::new(pattern).unwrap();
            text = pattern.replace_all(&text, replacement).into_owned();
        }
        text
    }
}

/// Where a service is in AWS.
pub(crate) struct Service<'a> {
    /// Its cluster.
    pub(crate) cluster: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
    /// Its task definition's family.
    pub(crate) family: &'a str,
    /// Its containers, each with the parameter that names its image.
    pub(crate) containers: &'a [(&'a str, &'a str)],
}

/// The services of the example project in `prod`.
pub(crate) const PROD: [Service<'static>; 6] = [
    Service {
        cluster: "bookshop-prod",
        name: "storefront",
        family: "bookshop-prod-storefront",
        containers: &[
            ("storefront", "/bookshop/images/prod/storefront"),
            ("storefront-proxy", "/bookshop/images/prod/storefront-proxy"),
        ],
    },
    Service {
        cluster: "bookshop-prod",
        name: "catalogue-api",
        family: "bookshop-prod-catalogue-api",
        containers: &[("catalogue-api", "/bookshop/images/prod/catalogue-api")],
    },
    Service {
        cluster: "bookshop-prod",
        name: "orders-api",
        family: "bookshop-prod-orders-api",
        containers: &[("orders-api", "/bookshop/images/prod/orders-api")],
    },
    Service {
        cluster: "bookshop-prod",
        name: "order-worker",
        family: "bookshop-prod-order-worker",
        containers: &[("worker", "/bookshop/images/prod/worker")],
    },
    Service {
        cluster: "bookshop-prod",
        name: "mail-worker",
        family: "bookshop-prod-mail-worker",
        containers: &[("worker", "/bookshop/images/prod/worker")],
    },
    Service {
        cluster: "bookshop-prod",
        name: "prod-search-indexer",
        family: "bookshop-prod-search-indexer",
        containers: &[("search-indexer", "/bookshop/images/prod/search-indexer")],
    },
];

/// Copies a folder with all that is in it.
fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it, if one did.
    pub(crate) signal: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it printed beside.
    pub(crate) stderr: String,
}

impl Run {
    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Checks that a text is on the error stream.
    #[track_caller]
    pub(crate) fn tells(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in\n{}", self.stderr);
        self
    }

    /// Checks that a text is on the output.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "`{text}` is not in\n{}", self.stdout);
        self
    }

    /// The documents on the output, one a line.
    pub(crate) fn documents(&self) -> Vec<Value> {
        self.stdout.lines().map(document).collect()
    }
}

/// Reads a document, and checks that it says what it is.
#[track_caller]
pub(crate) fn document(text: &str) -> Value {
    let document: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert!(document["schema"].as_str().unwrap().starts_with("release-tool/"), "{text}");
    assert_eq!(document["version"], 1, "{text}");
    document
}

/// A program that runs.
pub(crate) struct Started {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
    heard: String,
}

impl Started {
    /// Starts a program and reads both of its streams.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self { child, out, err, heard: String::new() }
    }

    /// Waits for a line on the error stream that has a text in it.
    #[track_caller]
    pub(crate) fn hears(&mut self, text: &str) -> String {
        let line = wait_for_line(&self.err, text, &mut self.heard);
        line.unwrap_or_else(|| panic!("`{text}` is not in\n{}", self.heard))
    }

    /// Waits for a line on the output that has a text in it.
    #[track_caller]
    pub(crate) fn reads(&mut self, text: &str) -> String {
        let mut read = String::new();
        let line = wait_for_line(&self.out, text, &mut read);
        line.unwrap_or_else(|| panic!("`{text}` is not in\n{read}"))
    }

    /// What goes into it, where that was asked for.
    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends it a signal, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let (name, id) = (format!("-{name}"), self.child.id().to_string());
        assert!(Command::new("kill").args([name, id]).status().unwrap().success());
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Run {
        let status = self.wait();
        let stdout = self.out.iter().collect();
        let mut stderr = std::mem::take(&mut self.heard);
        stderr.extend(self.err.iter());
        Run { code: status.code(), signal: status.signal(), stdout, stderr }
    }

    /// Waits for its end, or for a line on the error stream that has a text in it, and ends it then.
    #[track_caller]
    pub(crate) fn end_when_it_says(mut self, text: &str) -> Run {
        if wait_for_line(&self.err, text, &mut self.heard).is_some() && !self.has_ended() {
            self.signal("KILL");
        }
        self.end()
    }

    /// Waits for its end, but not for ever.
    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        until("the program ends", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It has ended in most tests; then there is nothing to end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads a stream's lines, line breaks included, as they come.
fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
            if sender.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Waits for a line, and keeps all that came before.
fn wait_for_line(stream: &Receiver<String>, text: &str, heard: &mut String) -> Option<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = stream.recv_timeout(left).ok()?;
        heard.push_str(&line);
        if line.contains(text) {
            return Some(line);
        }
    }
}

/// A summary with the first stopped task only, and without logs and ECS's events: how many there are of them
/// depends on when ECS was asked.
pub(crate) fn with_little_proof(summary: &str) -> String {
    let mut tasks = 0;
    let kept = summary.lines().filter(|line| {
        let line = line.trim_start();
        tasks += usize::from(line.starts_with("task "));
        let is_of_task = line.starts_with("task ") || line.starts_with("container ");
        let is_log = line.starts_with("log of ") || line.starts_with("| ");
        !is_log
            && !line.starts_with("ECS at ")
            && !line.starts_with("and ")
            && (!is_of_task || tasks == 1)
    });
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// Waits until something is so.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "it looks again until a deadline")]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The text of a JSON string.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
