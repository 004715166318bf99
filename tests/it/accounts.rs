//! Several accounts: the example of `docs/accounts.md` is read from the page and run, job by job, as the
//! roles that it names; and what is said where a set-up does not fit.
//!
//! The record is a file here, since the sandbox has no DynamoDB; everything else is as the page says.

use std::{fs, path::Path, process::Command};

use regex_lite::Regex;
use serde_json::{Value, json};

use crate::support::{Run, Shop, Started};

/// What signs the tokens of jobs.
const ISSUER: &str = "https://token.actions.githubusercontent.com";
/// An image that is there once the sandbox is seeded.
const REPOSITORY: &str = "999999999999.dkr.ecr.eu-west-1.amazonaws.com/shop/api";

/// The page, or a part of it between two marks.
fn page(part: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accounts.md");
    let page = fs::read_to_string(path).unwrap();
    let (_, rest) = page.split_once(&format!("<!-- {part} -->")).unwrap();
    rest.split_once(&format!("<!-- /{part} -->")).unwrap().0.to_owned()
}

/// What is fenced in a part.
fn block(part: &str) -> String {
    let part = page(part);
    let (_, block) = part.split_once("```").unwrap();
    let (_, block) = block.split_once('\n').unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// A project in a sandbox that is served.
struct Company {
    shop: Shop,
    url: String,
    /// Ends with it.
    _server: Started,
}

impl Company {
    /// One with this manifest, whose record is a file.
    fn of(manifest: &str) -> Self {
        let shop = Shop::with(manifest);
        let mut server = shop.start(&["sandbox", "serve", "--port", "0"]);
        let line = server.reads("listening on");
        let url = line.split_whitespace().last().unwrap().to_owned();
        Self { shop, url, _server: server }
    }

    /// A command that works with this AWS.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.shop.program_without_sandbox(arguments);
        command
            .args(["--endpoint-url", &self.url])
            // Signing in takes the way that the SDK goes.
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_REGION", "eu-west-1");
        command
    }

    /// Runs a command as somebody of an account, who may do everything there.
    fn run_as(&self, account: &str, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command
            .env("AWS_ACCESS_KEY_ID", format!("AKIA{account}USER"))
            .env("AWS_SECRET_ACCESS_KEY", "any");
        Started::of(command).end()
    }

    /// Runs a command as a job whose token says this of it.
    fn run_as_job(&self, role: &str, subject: &str, arguments: &[&str]) -> Run {
        let claims = json!({ "iss": ISSUER, "aud": "sts.amazonaws.com", "sub": subject });
        let token = self.shop.write("token", &format!("e30.{}.any", encoded(&claims)));
        let mut command = self.command(arguments);
        command.env("AWS_WEB_IDENTITY_TOKEN_FILE", token).env("AWS_ROLE_ARN", role);
        Started::of(command).end()
    }

    /// Prints a policy, as a cell of the table names it.
    fn policy(&self, cell: &str) -> Value {
        let words: Vec<&str> = cell.split_whitespace().collect();
        let run = self.shop.run(&words).expect(0);
        assert!(!run.stderr.contains("warning"), "{cell}: {}", run.stderr);
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{cell}: {error}"))
    }

    /// Makes a role of the table.
    fn make(&self, row: &Row) {
        let trust = match row.trusts.as_slice() {
            [command] if command.starts_with("iam-policy ") => self.policy(command),
            roles => {
                let arns: Vec<String> =
                    roles.iter().map(|role| format!("arn:aws:iam::{role}")).collect();
                json!({
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": { "AWS": arns },
                        "Action": "sts:AssumeRole",
                    },
                })
            }
        };
        self.shop.iam_of(
            &row.account,
            &[
                ("Action", "CreateRole"),
                ("RoleName", &row.role),
                ("AssumeRolePolicyDocument", &trust.to_string()),
            ],
        );
        for (number, policy) in row.may.iter().enumerate() {
            self.shop.iam_of(
                &row.account,
                &[
                    ("Action", "PutRolePolicy"),
                    ("RoleName", &row.role),
                    ("PolicyName", &format!("p{number}")),
                    ("PolicyDocument", &self.policy(policy).to_string()),
                ],
            );
        }
    }
}

/// Base64 as tokens have it.
fn encoded(claims: &Value) -> String {
    let text = aws_smithy_types::base64::encode(claims.to_string());
    text.trim_end_matches('=').replace('+', "-").replace('/', "_")
}

/// A role of the page's table.
struct Row {
    account: String,
    role: String,
    trusts: Vec<String>,
    may: Vec<String>,
}

/// The roles of the page.
fn roles() -> Vec<Row> {
    let code = Regex::new("`([^`]+)`").unwrap();
    let cell = |text: &str| -> Vec<String> {
        code.captures_iter(text).map(|found| found[1].to_owned()).collect()
    };
    let part = page("roles");
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [account, role, trusts, may] = cells.as_slice() else { panic!("{line}") };
        let only = |text: &str| cell(text).pop().unwrap();
        Row { account: only(account), role: only(role), trusts: cell(trusts), may: cell(may) }
    })
    .collect()
}

/// A job of the page.
struct Job {
    name: String,
    role: String,
    /// What GitHub's token says of it.
    subject: String,
    /// What it runs.
    words: Vec<String>,
}

/// The jobs of the page, in their order.
fn jobs() -> Vec<Job> {
    let text = block("jobs");
    let (_, text) = text.split_once("jobs:\n").unwrap();
    let name = Regex::new(r"(?m)^  (\w+):$").unwrap();
    let value = |text: &str, pattern: &str| {
        Regex::new(pattern).unwrap().captures(text).map(|found| found[1].to_owned())
    };
    let starts: Vec<_> = name.captures_iter(text).collect();
    let mut jobs = Vec::new();
    for (at, start) in starts.iter().enumerate() {
        let end = starts.get(at + 1).map_or(text.len(), |next| next.get(0).unwrap().start());
        let body = &text[start.get(0).unwrap().start()..end];
        let environment = value(body, r"(?m)^    environment: (\w+)$");
        let subject = environment.map_or_else(
            || "repo:acme/shop:ref:refs/heads/main".to_owned(),
            |environment| format!("repo:acme/shop:environment:{environment}"),
        );
        let run = value(body, r"run: exec release-tool (.+)").unwrap();
        jobs.push(Job {
            name: start[1].to_owned(),
            role: value(body, r#"role-to-assume: "([^"]+)""#).unwrap(),
            subject,
            words: run.split_whitespace().map(str::to_owned).collect(),
        });
    }
    jobs
}

/// The manifest of the page, whose record is a file.
fn manifest() -> String {
    let manifest = block("manifest");
    let store = Regex::new(r"(?m)^store .*\n").unwrap();
    assert!(store.is_match(&manifest));
    store.replace(&manifest, "").into_owned()
}

/// The company of the page, with its roles, and an image that was pushed.
fn company_of_the_page(image: &str) -> Company {
    let company = Company::of(&block("manifest"));
    for account in ["999999999999", "111111111111", "222222222222"] {
        let provider = [("Url", ISSUER), ("ClientIDList.member.1", "sts.amazonaws.com")];
        let action = [("Action", "CreateOpenIDConnectProvider")];
        company.shop.iam_of(account, &[&action[..], &provider].concat());
    }
    let roles = roles();
    assert_eq!(roles.len(), 5);
    for row in &roles {
        company.make(row);
    }
    company.shop.write(".weco-project", &manifest());
    company.shop.sandbox(&["set", "push-image", image]);
    company
}

#[test]
fn the_example_of_four_accounts_does_what_its_page_says() {
    let image = format!("{REPOSITORY}:two");
    let company = company_of_the_page(&image);
    let jobs = jobs();
    assert_eq!(
        jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(),
        ["register", "stage", "prod"]
    );
    for job in &jobs {
        let words: Vec<String> =
            job.words.iter().map(|word| word.replace("\"$IMAGE_URI\"", &image)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = company.run_as_job(&job.role, &job.subject, &words).expect(0);
        assert!(!run.stderr.contains("warning"), "{}: {}", job.name, run.stderr);
        let told = if job.name == "register" { "/shop/images/latest/api" } else { "VERIFIED" };
        run.prints(told);
    }
    // Each environment runs it, and nobody gets in by another job's token.
    for (account, environment) in [("111111111111", "stage"), ("222222222222", "prod")] {
        let run = company.run_as(account, &["status", "all", environment, "--json"]).expect(0);
        assert!(run.stdout.contains("\"two\""), "{}", run.stdout);
    }
    let (stage, prod) = (&jobs[1], &jobs[2]);
    company
        .run_as_job(&prod.role, &stage.subject, &["status", "all", "prod"])
        .expect(1)
        .tells("AssumeRoleWithWebIdentity");
    // Who may deploy to one moves nothing of the other, and is told so before anything is done.
    company
        .run_as_job(&stage.role, &stage.subject, &["deploy", "all", "prod", "-y"])
        .expect(1)
        .tells("this is account 111111111111")
        .tells("hint: sign in to account 222222222222");
}

#[test]
fn a_role_that_does_not_trust_whoever_asks_for_it_is_told_of() {
    let company = company_of_the_page(&format!("{REPOSITORY}:two"));
    let jobs = jobs();
    let stage = &jobs[1];
    // STS does not tell whose policy refused.
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::222222222222:role/shop-deploy" },
            "Action": "sts:AssumeRole",
        },
    });
    company.shop.iam_of(
        "999999999999",
        &[
            ("Action", "UpdateAssumeRolePolicy"),
            ("RoleName", "shop-labels"),
            ("PolicyDocument", &trust.to_string()),
        ],
    );
    let deploy = ["deploy", "all", "stage", "--dry-run"];
    company
        .run_as_job(&stage.role, &stage.subject, &deploy)
        .expect(1)
        .tells("error: images come from label `latest`, and the project's own account")
        .tells("because: `AssumeRole` is not allowed")
        .tells("hint: let the trust policy of `arn:aws:iam::999999999999:role/shop-labels` name the role `shop-deploy` of account 111111111111, with");
}

/// The manifest without the project's account and role.
fn without_home() -> String {
    let home = Regex::new(r"(?m)^(account  |role_arn )= .*\n").unwrap();
    let manifest = manifest();
    assert_eq!(home.find_iter(&manifest).count(), 2, "{manifest}");
    home.replace_all(&manifest, "").into_owned()
}

#[test]
fn a_label_that_was_registered_elsewhere_is_told_with_both_accounts() {
    let company = Company::of(&without_home());
    let image = format!("{REPOSITORY}:two");
    company.shop.sandbox(&["set", "push-image", &image]);
    let run = company.run_as("999999999999", &["register", &image, "api"]).expect(0);
    run.prints("Updated: /shop/images/latest/api").tells(
        "warning: label `latest` is written in account 999999999999, and the manifest does not say so: \
         whoever deploys to `stage` looks for it in the account of their own credentials",
    );
    let run = company.run_as("111111111111", &["deploy", "all", "stage", "--dry-run"]).expect(1);
    insta::assert_snapshot!(company.shop.steady(&run.stderr), @r#"
    error: image `api` (of `api`) has no URI in label `latest`: there is no parameter `/shop/images/latest/api` in account 111111111111 (eu-west-1); it was registered in account 999999999999
    hint: read labels where they are registered: set the project's `account = "999999999999"` and a `role_arn` there that can be taken on from here, as docs/accounts.md shows
    "#);
    // An image that is named needs no label, wherever that is.
    let given = format!("api={image}");
    let deploy = ["deploy", "all", "stage", "--dry-run", "--image", &given];
    company.run_as("111111111111", &deploy).expect(0).prints("stage (images as given)");
}

#[test]
fn the_account_that_images_come_from_is_named_where_it_cannot_be_reached() {
    let company = Company::of(&without_home());
    let run = company.run_as("222222222222", &["deploy", "all", "prod", "--dry-run"]).expect(1);
    insta::assert_snapshot!(company.shop.steady(&run.stderr), @r#"
    error: images come from `stage` (`from = "stage"`); of `api` nothing verified there is on record, and its account cannot be reached
      because: this is account 222222222222 (`arn:aws:iam::222222222222:user/sandbox`), not 111111111111
    hint: deploy to `stage` first, recorded in a store that both share: what was verified there is deployed without a look into its account (docs/accounts.md)
    hint: name the images with `--image <image>=<uri>`, which needs no look there
    "#);
    let with_account = without_home().replace("[shop]\n", "[shop]\naccount = \"999999999999\"\n");
    company.shop.write(".weco-project", &with_account);
    let run = company.run_as("111111111111", &["deploy", "all", "stage", "--dry-run"]).expect(1);
    insta::assert_snapshot!(company.shop.steady(&run.stderr), @r#"
    error: images come from label `latest`, and the project's own account, where labels are, cannot be reached
      because: this is account 111111111111 (`arn:aws:iam::111111111111:user/sandbox`), not 999999999999
    hint: give the project a `role_arn` in account 999999999999 that `arn:aws:iam::111111111111:user/sandbox` may take on (docs/accounts.md)
    hint: name the images with `--image <image>=<uri>`, which needs no look there
    "#);
}

#[test]
fn doctor_looks_where_the_images_of_an_environment_come_from() {
    let company = Company::of(&without_home());
    let run = company.run_as("222222222222", &["doctor", "prod"]).expect(1);
    run.prints("images              fail    images come from `stage` (`from = \"stage\"`); of `api` nothing")
        .prints("not 111111111111")
        .prints("fix: deploy to `stage` first");
    // Once it was verified there, the record tells.
    let image = format!("{REPOSITORY}:two");
    company.shop.sandbox(&["set", "push-image", &image]);
    let given = format!("api={image}");
    let deploy = ["deploy", "all", "stage", "-y", "--image", &given];
    company.run_as("111111111111", &deploy).expect(0);
    let run = company.run_as("222222222222", &["doctor", "prod"]).expect(0);
    run.prints("come from `stage`, as verified there on record");
    company.run_as("222222222222", &["deploy", "all", "prod", "--dry-run"]).expect(0);
}

#[test]
fn doctor_reads_the_file_of_terraform_s_state() {
    let company = Company::of(&manifest());
    let environment = "[shop.environments.prod]\n";
    let state = format!("{environment}terraform = {{ state = \"terraform.tfstate\" }}\n");
    company.shop.write(".weco-project", &manifest().replace(environment, &state));
    let doctor = || company.run_as("222222222222", &["doctor", "prod"]).stdout;
    let row = |told: &str| {
        let row = told.lines().find(|line| line.trim_start().starts_with("terraform")).unwrap();
        row.to_owned()
    };
    assert!(row(&doctor()).contains("fail    failed to read"), "{}", doctor());
    let of = |account: &str| {
        let arn = format!("arn:aws:ecs:eu-west-1:{account}:task-definition/shop-prod-api:1");
        let instance = json!({ "attributes": { "arn": arn, "family": "shop-prod-api" } });
        let resource = json!({
            "mode": "managed",
            "type": "aws_ecs_task_definition",
            "name": "api",
            "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
            "instances": [instance],
        });
        let state = json!({
            "version": 4,
            "terraform_version": "1.9.0",
            "serial": 1,
            "lineage": "any",
            "outputs": {},
            "resources": [resource],
        });
        company.shop.write("terraform.tfstate", &state.to_string());
        row(&doctor())
    };
    assert!(of("333333333333").contains("is of account 333333333333, not 222222222222"));
    assert!(of("222222222222").contains("ok"), "{}", doctor());
    assert!(of("222222222222").contains("has 1 family of task definitions"));
}
