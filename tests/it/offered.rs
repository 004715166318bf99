//! `docs/sandbox.md` lists what the sandbox offers: every operation that it has, and no other.
//!
//! What the code routes is read from the sources; that it is answered is asked of a sandbox.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use bytes::Bytes;
use http::{Request, Response};
use release_tool::sandbox::{Outcome, Sandbox};
use tempfile::TempDir;

/// The operations of each service.
type Offered = BTreeMap<&'static str, BTreeSet<String>>;

/// What the documentation calls a service, the folder of its code, and how a request is sent to it:
/// by the prefix of its target, or in AWS Query by the name that it is signed for.
const SERVICES: [(&str, &str, Sent); 11] = [
    ("ECS", "ecs", Sent::Target("AmazonEC2ContainerServiceV20141113")),
    ("SSM", "ssm", Sent::Target("AmazonSSM")),
    ("ECR", "ecr", Sent::Target("AmazonEC2ContainerRegistry_V20150921")),
    ("CloudWatch", "cloudwatch", Sent::Target("GraniteServiceVersion20100801")),
    ("CodeDeploy", "codedeploy", Sent::Target("CodeDeploy_20141006")),
    ("CloudWatch Logs", "logs", Sent::Target("Logs_20140328")),
    ("ELBv2", "elb", Sent::SignedFor("elasticloadbalancing")),
    ("Application Auto Scaling", "autoscaling", Sent::Target("AnyScaleFrontendService")),
    ("STS", "sts", Sent::SignedFor("sts")),
    ("IAM", "iam", Sent::SignedFor("iam")),
    ("Service Quotas", "quotas", Sent::Target("ServiceQuotasV20190624")),
];

/// How a request is sent to a service.
#[derive(Clone, Copy)]
enum Sent {
    /// With this prefix in `X-Amz-Target`.
    Target(&'static str),
    /// As a form, signed for this service.
    SignedFor(&'static str),
}

/// A file of the repository.
fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The operations that a service's code routes: the arms of the match in its `answer`, or the rows of
/// its tables of operations.
fn routed(folder: &str) -> BTreeSet<String> {
    let code = file(&format!("src/sandbox/{folder}/mod.rs"));
    let of_line = |line: &'_ str| {
        let line = line.trim();
        let arm = line.strip_prefix('"').and_then(|arm| arm.split_once("\" =>"));
        let row = line.strip_prefix("(\"").and_then(|row| row.split_once("\", "));
        let (operation, _) = arm.or(row)?;
        operation.starts_with(char::is_uppercase).then(|| operation.to_owned())
    };
    code.lines().filter_map(of_line).collect()
}

/// The operations that the documentation lists, by the name of their service. A row without a name
/// goes on with the service of the row before.
fn documented() -> Offered {
    let page = file("docs/sandbox.md");
    let table = page.split("## What is in it").nth(1).unwrap().split("\n## ").next().unwrap();
    let (mut found, mut service) = (Offered::new(), "");
    for row in table.lines().filter_map(|line| line.strip_prefix("| ")) {
        let (name, operations) = row.split_once('|').unwrap();
        if let Some((known, _, _)) = SERVICES.iter().find(|(known, _, _)| *known == name.trim()) {
            service = known;
        } else if !name.trim().is_empty() {
            continue;
        }
        let quoted = operations.split('`').skip(1).step_by(2).map(str::to_owned);
        found.entry(service).or_default().extend(quoted);
    }
    found
}

/// Whether a sandbox knows an operation, asked with a request that has nothing in it.
fn is_known(sandbox: &Sandbox, sent: Sent, operation: &str) -> bool {
    let request = match sent {
        Sent::Target(prefix) => Request::post("/")
            .header("X-Amz-Target", format!("{prefix}.{operation}"))
            .body(Bytes::from_static(b"{}")),
        Sent::SignedFor(service) => {
            let scope = format!("AKIA000000000000USER/20261121/eu-west-1/{service}/aws4_request");
            let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, Signature=0");
            let form = format!("Action={operation}&Version=1");
            Request::post("/").header("Authorization", signed).body(Bytes::from(form))
        }
    };
    let Outcome::Answer(answer) = sandbox.handle(request.unwrap()).outcome else {
        panic!("{operation} is not answered");
    };
    !says_unknown(&answer)
}

/// Whether an answer says that the operation is not there.
fn says_unknown(answer: &Response<Bytes>) -> bool {
    let body = String::from_utf8_lossy(answer.body());
    ["UnknownOperationException", "InvalidAction", "UnsupportedFeatureException"]
        .iter()
        .any(|code| body.contains(code))
}

#[test]
fn the_documentation_lists_what_is_routed() {
    let documented = documented();
    for (name, folder, _) in SERVICES {
        assert_eq!(documented.get(name), Some(&routed(folder)), "{name} in docs/sandbox.md");
    }
}

#[test]
fn what_is_listed_is_answered_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let sandbox = Sandbox::open(folder.path()).unwrap();
    let documented = documented();
    for (name, _, sent) in SERVICES {
        for operation in &documented[name] {
            assert!(is_known(&sandbox, sent, operation), "{name} has no {operation}");
        }
        assert!(!is_known(&sandbox, sent, "MakeTea"), "{name} makes tea");
    }
    assert!(!is_known(&sandbox, Sent::SignedFor("sqs"), "SendMessage"));
}
