//! What the commands need in AWS: the list is what the code can send, a role with exactly the policy
//! that `iam-policy` prints can do everything, and each action of that policy is needed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use regex_lite::Regex;
use release_tool::plan::permissions::{DONE_WITHOUT, Group, NEEDS};
use serde_json::{Value, json};

use crate::support::{BOOKSHOP, Shop, text};

// What the code can send.

/// The name in IAM actions of the service that a crate of the SDK is for.
fn service_of(name: &str) -> &'static str {
    match name {
        "applicationautoscaling" => "application-autoscaling",
        "cloudwatch" => "cloudwatch",
        "cloudwatchlogs" => "logs",
        "codedeploy" => "codedeploy",
        "dynamodb" => "dynamodb",
        "ecr" => "ecr",
        "ecs" => "ecs",
        "elasticloadbalancingv2" => "elasticloadbalancing",
        "servicequotas" => "servicequotas",
        "ssm" => "ssm",
        "sts" => "sts",
        other => panic!("say which service `aws-sdk-{other}` is for"),
    }
}

/// The sources of the backend, without its tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backend")];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && !matches!(name.as_str(), "tests" | "contract") {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "rs")
                && !matches!(name.as_str(), "tests.rs" | "testing.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                found.push((path, text));
            }
        }
    }
    found
}

/// The crate whose client a file uses: its own, or that of the folder it is in.
fn client(path: &Path, text: &str, of_folders: &BTreeMap<PathBuf, String>) -> Option<String> {
    let named = Regex::new(r"aws_sdk_(\w+)::(?:Client\b|\{Client\b)").unwrap();
    let own = named.captures(text).map(|found| found[1].to_owned());
    own.or_else(|| of_folders.get(path.parent().unwrap()).cloned())
}

/// How many of a file's requests another one sends for it, page by page.
fn sent_elsewhere(path: &Path, text: &str) -> usize {
    if path.ends_with("tasks.rs") { 0 } else { text.matches("self.pages_of_tasks(").count() }
}

/// Every request that the sources of the backend make with a client of the SDK.
fn requests() -> BTreeSet<(String, String)> {
    let sources = sources();
    let none = BTreeMap::new();
    let of_folders: BTreeMap<PathBuf, String> = sources
        .iter()
        .filter(|(path, _)| path.ends_with("mod.rs"))
        .filter_map(|(path, text)| {
            Some((path.parent().unwrap().to_owned(), client(path, text, &none)?))
        })
        .collect();
    let call = Regex::new(r"\bclient\s*\.\s*([a-z][a-z0-9_]*)\(\)").unwrap();
    let mut found = BTreeSet::new();
    for (path, text) in &sources {
        let calls: Vec<String> = call.captures_iter(text).map(|call| camel(&call[1])).collect();
        let sends = text.matches(".send()").count() + sent_elsewhere(path, text);
        assert_eq!(sends, calls.len(), "what {} sends is not found: {calls:?}", path.display());
        for operation in calls {
            let name = client(path, text, &of_folders);
            let name = name.unwrap_or_else(|| panic!("whose client is in {}?", path.display()));
            found.insert((service_of(&name).to_owned(), operation));
        }
    }
    // What the SDK itself sends to sign in.
    assert!(sources.iter().any(|(_, text)| text.contains("AssumeRoleProvider::builder")));
    found.insert(("sts".to_owned(), "AssumeRole".to_owned()));
    // What is sent without a crate of the SDK.
    assert!(sources.iter().any(|(_, text)| text.contains("PlainOperation::builder")));
    found.insert(("iam".to_owned(), "SimulatePrincipalPolicy".to_owned()));
    found
}

/// The API's name of an operation, from that of its method.
fn camel(method: &str) -> String {
    let words = method.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

#[test]
fn the_list_has_every_request_that_the_code_can_send_and_no_other() {
    let sent = requests();
    let mut listed: BTreeSet<(String, String)> =
        NEEDS.iter().map(|need| (need.service.to_owned(), need.operation.to_owned())).collect();
    // It needs no permission.
    listed.insert(("sts".to_owned(), "GetCallerIdentity".to_owned()));
    let missing: Vec<_> = sent.difference(&listed).collect();
    assert!(missing.is_empty(), "not in the list of permissions: {missing:?}");
    let gone: Vec<_> = listed.difference(&sent).collect();
    assert!(gone.is_empty(), "in the list, and never sent: {gone:?}");
}

#[test]
fn every_request_is_called_by_its_name() {
    let constant = Regex::new(r#"(?:name:\s*|read\(\s*)"([A-Z]\w+)""#).unwrap();
    let sources = sources();
    let sources = sources.iter().filter(|(_, text)| text.contains("Operation"));
    let names = sources.flat_map(|(_, text)| {
        constant.captures_iter(text).map(|name| name[1].to_owned()).collect::<Vec<_>>()
    });
    let names: BTreeSet<String> = names.collect();
    let mut sent: BTreeSet<String> = requests().into_iter().map(|(_, name)| name).collect();
    // The SDK sends it by itself.
    sent.remove("AssumeRole");
    assert_eq!(names, sent);
}

// What a role may do.

/// The role that the commands take on.
pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/ci/deployer";

/// The example project with a one-off task, whose commands take on a role.
fn manifest() -> String {
    let with_role = format!("region = \"eu-west-1\"\nrole_arn = \"{ROLE}\"");
    let with_task = "name = \"Catalogue API\"\nbefore = { run_task = [\"rake\", \"db:migrate\"] }";
    BOOKSHOP
        .replace("region = \"eu-west-1\"", &with_role)
        .replace("name = \"Catalogue API\"", with_task)
}

/// Makes the role, which may do nothing yet.
pub(crate) fn make_role(shop: &Shop) {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::000000000000:root" },
            "Action": "sts:AssumeRole",
        },
    });
    shop.iam(&[
        ("Action", "CreateRole"),
        ("RoleName", "deployer"),
        ("Path", "/ci/"),
        ("AssumeRolePolicyDocument", &trust.to_string()),
    ]);
}

/// Lets the role do what a policy says, and nothing else.
pub(crate) fn allow(shop: &Shop, policy: &Value) {
    shop.iam(&[
        ("Action", "PutRolePolicy"),
        ("RoleName", "deployer"),
        ("PolicyName", "all"),
        ("PolicyDocument", &policy.to_string()),
    ]);
}

/// The policy of the role for a group of commands, as the program prints it.
pub(crate) fn printed(shop: &Shop, group: Group) -> Value {
    let (verb, name) = match group {
        Group::Register => ("register", "bookshop-register-deployer".to_owned()),
        other => (other.name(), format!("bookshop-{other}-prod-deployer")),
    };
    let mut words = vec!["iam-policy", verb, "--policy", &name];
    if group != Group::Register {
        words.extend(["--env", "prod"]);
    }
    let run = shop.run(&words).expect(0);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

/// The actions that a policy allows.
pub(crate) fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    statements
        .flat_map(|statement| match &statement["Action"] {
            Value::Array(all) => all.iter().map(text).collect(),
            one => vec![text(one)],
        })
        .collect()
}

/// A policy without one of its actions.
pub(crate) fn without(policy: &Value, action: &str) -> Value {
    let mut policy = policy.clone();
    policy["Statement"].as_array_mut().unwrap().retain_mut(|statement| {
        let left = match &statement["Action"] {
            Value::Array(all) => all.iter().filter(|one| *one != action).cloned().collect(),
            one => {
                if one == action {
                    vec![]
                } else {
                    vec![one.clone()]
                }
            }
        };
        statement["Action"] = Value::from(left.clone());
        !left.is_empty()
    });
    policy
}

/// The requests that were refused for want of a permission.
fn denied(shop: &Shop) -> Vec<String> {
    let records = shop.cloud().requests(None).unwrap().into_iter();
    let is_denied = |error: &String| error.starts_with("AccessDenied");
    records
        .filter(|record| record.entry.error.as_ref().is_some_and(is_denied))
        .map(|record| format!("{}:{}", record.entry.service, record.entry.operation))
        .collect()
}

/// The requests that were made.
fn asked(shop: &Shop) -> BTreeSet<(String, String)> {
    let records = shop.cloud().requests(None).unwrap().into_iter();
    records.map(|record| (record.entry.service, record.entry.operation)).collect()
}

/// Something that is done with a group's permissions.
struct Play {
    /// What it is.
    name: &'static str,
    /// Brings the project there, with all permissions.
    prepare: fn(&Shop),
    /// How fast the sandbox's clock goes meanwhile.
    speed: &'static str,
    /// Does it.
    act: &'static [&'static str],
    /// How that ends.
    code: i32,
}

/// Where the images of the search indexer are.
const IMAGE: &str = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:two";

/// Pushes a new image of the search indexer.
fn push(shop: &Shop) {
    shop.sandbox(&["set", "push-image", IMAGE]);
}

/// Pushes a new image of the search indexer and registers it.
fn register(shop: &Shop) {
    push(shop);
    shop.run(&["register", IMAGE, "search-indexer"]).expect(0);
}

/// Starts a deployment of the search indexer and leaves it when something is heard.
fn leave(shop: &Shop, at: &str) {
    let mut deploy = shop.start(&["deploy", "search-indexer", "prod", "-y"]);
    deploy.hears(at);
    deploy.signal("KILL");
    deploy.end();
}

/// Gives a service to CodeDeploy.
fn give_away(shop: &Shop, more: &[&str]) {
    let words = ["set", "controller", "search-indexer", "prod", "code-deploy"];
    shop.sandbox(&[&words[..], more].concat());
}

/// What is done with the permissions of `deploy`.
const DEPLOYING: &[Play] = &[
    Play {
        name: "a rollout",
        prepare: |shop| {
            let arn = shop.task_definition("bookshop-prod-search-indexer");
            let tags = json!([{ "key": "team", "value": "search" }]);
            let arn = &arn["taskDefinition"]["taskDefinitionArn"];
            shop.ecs("TagResource", &json!({ "resourceArn": arn, "tags": tags }));
        },
        speed: "60",
        act: &["deploy", "all", "prod", "-y"],
        code: 0,
    },
    Play {
        name: "a one-off task that gets the tags of its task definition",
        prepare: |shop| {
            let arn = shop.task_definition("bookshop-prod-catalogue-api");
            let arn = &arn["taskDefinition"]["taskDefinitionArn"];
            let tags = json!([{ "key": "team", "value": "search" }]);
            shop.ecs("TagResource", &json!({ "resourceArn": arn, "tags": tags }));
            let service = json!({
                "cluster": "bookshop-prod", "service": "catalogue-api",
                "propagateTags": "TASK_DEFINITION",
            });
            shop.ecs("UpdateService", &service);
        },
        speed: "60",
        act: &["deploy", "catalogue-api", "prod", "-y"],
        code: 0,
    },
    Play {
        name: "a rollout that fails, of what had no parameter",
        prepare: |shop| {
            shop.sandbox(&["fate", "search-indexer", "crash=3"]);
            shop.sandbox(&["set", "target-group", "search-indexer", "prod", "--port", "8080"]);
            let name = "/bookshop/images/prod/search-indexer";
            shop.ssm("DeleteParameter", &json!({ "Name": name }));
        },
        speed: "60",
        act: &["deploy", "search-indexer", "prod", "-y"],
        code: 3,
    },
    Play {
        name: "the plan of a service that alarms watch",
        prepare: |shop| {
            let words = ["set", "strategy", "search-indexer", "prod", "rolling"];
            shop.sandbox(&[&words[..], &["--bake", "2", "--alarm", "errors"]].concat());
        },
        speed: "60",
        act: &["deploy", "search-indexer", "prod", "--dry-run"],
        code: 0,
    },
    Play {
        name: "an answer to a hook",
        prepare: |shop| {
            let words = ["set", "strategy", "search-indexer", "prod", "blue-green"];
            shop.sandbox(&[&words[..], &["--pause-hook", "POST_SCALE_UP"]].concat());
            leave(shop, "search-indexer: WAITING  PAUSE hook");
        },
        speed: "60",
        act: &["continue", "d1", "-y"],
        code: 0,
    },
    Play {
        name: "the way back of what is under way",
        prepare: |shop| {
            shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
            register(shop);
            shop.stand_still();
            leave(shop, "search-indexer: started ecs-svc/");
        },
        speed: "4",
        act: &["rollback", "prod", "d2", "-y"],
        code: 0,
    },
    Play {
        name: "a deployment that was left behind",
        prepare: |shop| {
            shop.stand_still();
            leave(shop, "search-indexer: started ecs-svc/");
            shop.go_fast();
        },
        speed: "60",
        act: &["resume"],
        code: 0,
    },
    Play {
        name: "a restart",
        prepare: |_| {},
        speed: "60",
        act: &["restart", "search-indexer", "prod", "-y"],
        code: 0,
    },
    Play {
        name: "a rollback to what was verified before",
        prepare: |shop| {
            shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
            register(shop);
            shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
        },
        speed: "60",
        act: &["rollback", "prod", "-y"],
        code: 0,
    },
    Play {
        name: "a deployment of CodeDeploy's",
        prepare: |shop| give_away(shop, &[]),
        speed: "60",
        act: &["deploy", "search-indexer", "prod", "-y"],
        code: 0,
    },
    Play {
        name: "an answer to CodeDeploy",
        prepare: |shop| {
            give_away(shop, &["--wait-for-continue"]);
            leave(shop, "search-indexer: WAITING");
        },
        speed: "60",
        act: &["continue", "d1", "-y"],
        code: 0,
    },
    Play {
        name: "a deployment of CodeDeploy's that is given up",
        prepare: |shop| {
            give_away(shop, &[]);
            shop.stand_still();
            leave(shop, "search-indexer: started d-");
        },
        speed: "4",
        act: &["rollback", "prod", "d1", "-y"],
        code: 0,
    },
    Play {
        name: "a release that is not deployed",
        prepare: |_| {},
        speed: "60",
        act: &["release", "create", "search-indexer", "--register", "prod"],
        code: 0,
    },
    Play {
        name: "a deployment that is ended where it stands",
        prepare: |shop| {
            shop.stand_still();
            leave(shop, "search-indexer: started ecs-svc/");
        },
        speed: "60",
        act: &["abort", "d1"],
        code: 0,
    },
    Play {
        name: "a lock",
        prepare: |_| {},
        speed: "60",
        act: &["lock", "all", "prod", "--reason", "test"],
        code: 0,
    },
    Play {
        name: "a lock that is given back",
        prepare: |shop| {
            shop.run(&["lock", "all", "prod", "--reason", "test"]).expect(0);
        },
        speed: "60",
        act: &["unlock", "all", "prod"],
        code: 0,
    },
];

/// What is done with the permissions of `status`.
const LOOKING: &[Play] = &[
    Play {
        name: "a look at services and their tasks",
        prepare: |_| {},
        speed: "60",
        act: &["status", "all", "prod", "-v"],
        code: 0,
    },
    Play {
        name: "a look at what Terraform would do",
        prepare: |_| {},
        speed: "60",
        act: &["terraform", "check", "--env", "prod"],
        code: 0,
    },
    Play {
        name: "a look at what Terraform would do to what is behind",
        prepare: |shop| {
            register(shop);
            let words = ["release", "create", "search-indexer", "--register", "prod"];
            shop.run(&words).expect(0);
        },
        speed: "60",
        act: &["terraform", "check", "--env", "prod"],
        code: 0,
    },
    Play {
        name: "what Terraform would have of a service",
        prepare: |_| {},
        speed: "60",
        act: &["terraform", "snippet", "--env", "prod", "search-indexer"],
        code: 0,
    },
    Play {
        name: "waiting for what is over",
        prepare: |shop| {
            shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
        },
        speed: "60",
        act: &["wait", "d1"],
        code: 0,
    },
    Play {
        name: "a look at a rollout in stages",
        prepare: |shop| {
            let words = ["set", "strategy", "search-indexer", "prod", "blue-green"];
            shop.sandbox(&[&words[..], &["--pause-hook", "POST_SCALE_UP"]].concat());
            leave(shop, "search-indexer: WAITING  PAUSE hook");
        },
        speed: "60",
        act: &["status", "all", "prod"],
        code: 0,
    },
    Play {
        name: "a look at what CodeDeploy does",
        prepare: |shop| {
            give_away(shop, &["--wait-for-continue"]);
            leave(shop, "search-indexer: WAITING");
        },
        speed: "60",
        act: &["status", "all", "prod"],
        code: 0,
    },
    Play {
        name: "a look at history",
        prepare: |shop| {
            shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
        },
        speed: "60",
        act: &["history", "--env", "prod"],
        code: 0,
    },
    Play {
        name: "a look at a deployment of it",
        prepare: |shop| {
            shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
        },
        speed: "60",
        act: &["show", "d1"],
        code: 0,
    },
    Play {
        name: "a look at releases",
        prepare: |shop| {
            shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
        },
        speed: "60",
        act: &["releases"],
        code: 0,
    },
    Play {
        name: "a look at the audit log",
        prepare: |shop| {
            shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
        },
        speed: "60",
        act: &["log", "--env", "prod"],
        code: 0,
    },
];

/// What is done with the permissions of `register`.
const REGISTERING: &[Play] = &[Play {
    name: "a registration",
    prepare: push,
    speed: "60",
    act: &["register", IMAGE, "search-indexer"],
    code: 0,
}];

/// What is done with the permissions of `doctor`: it may look, and says what of `deploy` is missing.
const CHECKING: &[Play] = &[
    Play {
        name: "a check of an environment whose rollouts alarms watch",
        prepare: |shop| {
            let words = ["set", "strategy", "search-indexer", "prod", "rolling"];
            shop.sandbox(&[&words[..], &["--bake", "2", "--alarm", "errors"]].concat());
        },
        speed: "60",
        act: &["doctor", "prod"],
        code: 1,
    },
    Play {
        name: "a check of an environment in which CodeDeploy works",
        prepare: |shop| {
            give_away(shop, &[]);
            shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
        },
        speed: "60",
        act: &["doctor", "prod"],
        code: 1,
    },
];

/// What is left out without a word where it may not be looked at: the result tells less.
const QUIET: &[(Group, &str, &str)] = &[
    (Group::Register, "ecr:GetDownloadUrlForLayer", "the tag stands for the commit"),
    (Group::Deploy, "codedeploy:GetDeploymentTarget", "how traffic is shared is not told"),
    (Group::Status, "ecs:DescribeServiceDeployments", "the stage is not told"),
    (
        Group::Status,
        "application-autoscaling:DescribeScalableTargets",
        "the number of tasks is printed as it is",
    ),
    (Group::Status, "codedeploy:GetDeploymentGroup", "what ECS tells has to do"),
    (Group::Status, "codedeploy:GetDeploymentTarget", "how traffic is shared is not told"),
    (Group::Status, "codedeploy:GetDeploymentConfig", "how traffic is shifted is not told"),
];

/// A project that is brought to where a play begins, with a role that may do everything.
fn stage(play: &Play) -> Shop {
    let shop = Shop::with(&manifest());
    make_role(&shop);
    let everything = json!({
        "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" },
    });
    allow(&shop, &everything);
    (play.prepare)(&shop);
    shop
}

/// Plays all with exactly the policy of the group, and then each action's play without the action.
/// What is asked for only where something happens to take its time may be asked for once and not
/// again: then the next play that asked for it is taken.
fn try_out(group: Group, plays: &[Play]) {
    let mut needed: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut stages = Vec::new();
    for (number, play) in plays.iter().enumerate() {
        println!("{}", play.name);
        let shop = stage(play);
        let policy = printed(&shop, group);
        allow(&shop, &policy);
        let played = shop.copy();
        played.forget_requests();
        played.sandbox(&["speed", play.speed]);
        let run = played.run(play.act);
        assert_eq!(denied(&played), Vec::<String>::new(), "{}: {}", play.name, run.stderr);
        run.expect(play.code);
        let asked = asked(&played);
        for need in NEEDS.iter().filter(|need| need.groups.contains(&group)) {
            let request = (need.service.to_owned(), need.operation.to_owned());
            if asked.contains(&request) && actions(&policy).contains(need.action) {
                needed.entry(need.action.to_owned()).or_default().push(number);
            }
        }
        stages.push((shop, policy));
    }
    let mut all: BTreeSet<String> = stages.iter().flat_map(|(_, policy)| actions(policy)).collect();
    // Only large deployments ask for it, which are too large for these plays.
    all.retain(|action| group != Group::Deploy || !DONE_WITHOUT.contains(&action.as_str()));
    let tried: BTreeSet<String> = needed.keys().cloned().collect();
    assert_eq!(tried, all, "not every action is tried");
    let missed: Vec<String> = needed
        .iter()
        .filter_map(|(action, numbers)| {
            let mut outcomes = numbers.iter().filter_map(|number| {
                try_without((group, action), &plays[*number], &stages[*number])
            });
            outcomes.next().unwrap_or_else(|| Err(format!("{action} is not needed"))).err()
        })
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

/// Plays something without one action; what is wrong with that. Nothing where it was not asked for.
fn try_without(
    (group, action): (Group, &str),
    play: &Play,
    (shop, policy): &(Shop, Value),
) -> Option<Result<(), String>> {
    println!("{}, without {action}", play.name);
    let shop = shop.copy();
    allow(&shop, &without(policy, action));
    shop.forget_requests();
    shop.sandbox(&["speed", play.speed]);
    let run = shop.start(play.act).end_when_it_says(action);
    if denied(&shop).is_empty() {
        return None;
    }
    let told = run.stdout + &run.stderr;
    let is_quiet = QUIET.iter().any(|(of, quiet, _)| (*of, *quiet) == (group, action));
    let is_told = told.contains(action);
    let said = || format!("{}: of {action} is said:\n{told}", play.name);
    Some(if is_quiet == is_told { Err(said()) } else { Ok(()) })
}

#[test]
fn a_role_with_the_policy_of_deploy_can_do_all_of_it_and_nothing_more() {
    try_out(Group::Deploy, DEPLOYING);
}

#[test]
fn a_role_with_the_policy_of_status_can_do_all_of_it_and_nothing_more() {
    try_out(Group::Status, LOOKING);
}

#[test]
fn a_role_with_the_policy_of_register_can_do_all_of_it_and_nothing_more() {
    try_out(Group::Register, REGISTERING);
}

#[test]
fn a_role_with_the_policy_of_doctor_can_look_at_all_of_it_and_nothing_more() {
    try_out(Group::Doctor, CHECKING);
}

/// A policy with the permission to ask what it says.
pub(crate) fn with_simulation(policy: &Value) -> Value {
    let mut policy = policy.clone();
    let own =
        json!({ "Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": ROLE });
    policy["Statement"].as_array_mut().unwrap().push(own);
    policy
}

#[test]
fn doctor_names_every_permission_that_is_missing() {
    let shop = Shop::with(&manifest());
    let policy = printed(&shop, Group::Deploy);
    make_role(&shop);
    allow(&shop, &with_simulation(&policy));
    let told = shop.run(&["doctor", "prod"]).expect(0).stdout;
    assert!(told.contains(&format!("all given to `{ROLE}`")), "{told}");
    let all = actions(&policy);
    assert!(all.len() > 20, "{all:?}");
    for action in &all {
        allow(&shop, &with_simulation(&without(&policy, action)));
        let code = i32::from(!DONE_WITHOUT.contains(&action.as_str()));
        let told = shop.run(&["doctor", "prod"]).expect(code).stdout;
        assert!(told.contains(&format!("`{action}` is not allowed on")), "{action}:\n{told}");
    }
    // Who may not ask is told what to allow, what is known all the same, and what nobody checked.
    allow(&shop, &policy);
    shop.forget_requests();
    let told = shop.run(&["doctor", "prod"]).expect(0).stdout;
    assert_eq!(writes(&shop), [""; 0]);
    assert!(
        told.contains(&format!("allow `iam:SimulatePrincipalPolicy` on `{ROLE}` to itself")),
        "{told}"
    );
    let (given, unchecked) =
        (line_of(&told, "as what was read here shows"), line_of(&told, "not checked:"));
    for action in &all {
        let is_given = given.contains(&format!("`{action}`"));
        let is_unchecked = unchecked.contains(&format!("`{action}`"));
        assert!(is_given != is_unchecked, "{action}:\n{told}");
        let is_read = ["Describe", "List", "Get", "BatchGet"]
            .iter()
            .any(|verb| action.split(':').nth(1).unwrap().starts_with(verb));
        assert!(!is_given || is_read, "{action} is called given, and is no read:\n{told}");
    }
    assert!(given.contains("`ecs:ListTasks`") && unchecked.contains("`iam:PassRole`"), "{told}");
    // A read that is not given is told as such, though IAM may not be asked.
    allow(&shop, &without(&policy, "ecs:ListTasks"));
    let told = shop.run(&["doctor", "prod"]).expect(1).stdout;
    assert!(told.contains("`ecs:ListTasks` is not allowed to"), "{told}");
}

/// The line that has some words.
fn line_of<'a>(told: &'a str, words: &str) -> &'a str {
    told.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {told}"))
}

/// What was changed, but for the role that was taken on.
fn writes(shop: &Shop) -> Vec<String> {
    let mut writes = shop.writes();
    writes.retain(|operation| operation != "AssumeRole");
    writes
}

#[test]
fn doctor_finds_nothing_missing_of_the_policy_that_is_printed_for_a_table() {
    let with_table = "region = \"eu-west-1\"\nstore = { dynamodb = \"release-tool\", \
        role_arn = \"arn:aws:iam::000000000000:role/ci/deployer\" }";
    let shop = Shop::with(&manifest().replace("region = \"eu-west-1\"", with_table));
    let policy = printed(&shop, Group::Deploy);
    assert!(actions(&policy).contains("dynamodb:UpdateItem"), "{policy}");
    make_role(&shop);
    allow(&shop, &with_simulation(&policy));
    let told = shop.run(&["doctor", "prod"]).expect(0).stdout;
    assert!(told.contains(&format!("all given to `{ROLE}`")), "{told}");
    // What writes the heads of services is asked, too, though it is denied on the audit log.
    let mut without_update = policy.clone();
    for statement in without_update["Statement"].as_array_mut().unwrap() {
        let allows = statement["Effect"] == "Allow";
        if let Some(all) = statement["Action"].as_array_mut().filter(|_| allows) {
            all.retain(|action| action != "dynamodb:UpdateItem");
        }
    }
    allow(&shop, &with_simulation(&without_update));
    let told = shop.run(&["doctor", "prod"]).expect(1).stdout;
    assert!(told.contains("`dynamodb:UpdateItem` is not allowed on"), "{told}");
}
