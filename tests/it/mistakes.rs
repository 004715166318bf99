//! What is wrong before anything is begun: the command line, the manifest, the way to AWS.

use std::{fs, process::Command};

use crate::support::{BOOKSHOP, Run, Shop, Started};

#[test]
fn errors_of_the_manifest_are_shown_with_their_places() {
    let shop = Shop::unseeded(
        r#"
[bookshop]
region = "eu-west-1"

[bookshop.environments.prod]
clustr = "bookshop-prod"
account = "12345"

[bookshop.service_sets.web]
services = ["storefrnt"]

[bookshop.services.storefront]
"#,
    );
    let run = shop.run(&["status", "all", "prod"]).expect(2);
    insta::assert_snapshot!(shop.steady(&run.stderr), @r#"
    error: unknown key `clustr` in `bookshop.environments.prod`
     --> .weco-project:6:1
      |
    6 | clustr = "bookshop-prod"
      | ^^^^^^
      |
      = hint: rename `clustr` to `cluster`

    error: `bookshop.service_sets.web.services` names the service `storefrnt`, which the project does not have
      --> .weco-project:10:13
       |
    10 | services = ["storefrnt"]
       |             ^^^^^^^^^^^
       |
       = hint: rename `storefrnt` to `storefront`, or define the service `storefrnt`
    "#);
    assert_eq!(run.stdout, "");
}

#[test]
fn a_manifest_in_json_is_taken_strictly() {
    let shop = Shop::unseeded("{\n  \"shop\": {\n    \"name\": \"Shop\",\n  }\n}\n");
    let run = shop.run(&["status", "all", "prod"]).expect(2);
    insta::assert_snapshot!(shop.steady(&run.stderr), @r#"
    error: invalid JSON: trailing commas are not allowed
     --> .weco-project:3:19
      |
    3 |     "name": "Shop",
      |                   ^
      |
      = hint: correct the JSON here; comments and trailing commas are not part of it
    "#);
}

#[test]
fn without_a_manifest_the_way_on_is_told() {
    let shop = Shop::unseeded(BOOKSHOP);
    fs::remove_file(shop.path().join(".weco-project")).unwrap();
    let run = shop.run(&["status", "all", "prod"]).expect(2);
    insta::assert_snapshot!(shop.steady(&run.stderr), @r"
    error: there is no `.weco-project` in `[shop]` or above it
    hint: go to a directory of the project, name the file with `--manifest`, begin with a copy of `.weco-project.example`, or make one with `release-tool init`
    ");
}

#[test]
fn the_manifest_is_found_from_below_and_from_elsewhere() {
    let shop = Shop::new();
    shop.write("src/deep/main.rs", "");
    let elsewhere = Shop::unseeded("[other]\n");
    let file = shop.path().join(".weco-project");
    let (folder, file) = (shop.path().to_str().unwrap(), file.to_str().unwrap());
    for arguments in [
        &["-C", "src/deep", "status", "all", "prod"] as &[&str],
        &["status", "all", "prod", "--manifest", ".weco-project"],
    ] {
        shop.run(arguments).expect(0).prints("COMPLETE");
    }
    for arguments in [
        &["status", "all", "prod", "-C", folder] as &[&str],
        &["--manifest", file, "status", "all", "prod"],
    ] {
        elsewhere.run(arguments).expect(0).prints("COMPLETE");
    }
    // A manifest beyond the root of the git repository is somebody else's.
    fs::create_dir(shop.path().join("src").join(".git")).unwrap();
    shop.run(&["-C", "src/deep", "status", "all", "prod"]).expect(2);
}

#[test]
fn one_of_several_projects_has_to_be_named() {
    let shop = Shop::unseeded(
        "[books.environments.prod]\ncluster = \"a\"\n[papers.environments.prod]\ncluster = \"b\"\n",
    );
    let run = shop.run(&["status", "all", "prod"]).expect(2);
    insta::assert_snapshot!(shop.steady(&run.stderr), @r"
    error: the manifest has 2 projects: `books` and `papers`
    hint: name the project, for example `--project books`
    ");
    let run = shop.run(&["status", "all", "prod", "--project", "paper"]).expect(2);
    insta::assert_snapshot!(shop.steady(&run.stderr), @r"
    error: there is no project `paper`: there are `books` and `papers`
    hint: use `--project papers`, if that is meant
    ");
}

#[test]
fn words_that_the_manifest_does_not_have_are_usage_errors() {
    let shop = Shop::new();
    shop.forget_requests();
    for (arguments, hint) in [
        (&["deploy", "wrkers", "prod", "-y"] as &[&str], "workers"),
        (&["deploy", "web", "production", "-y"], "prod"),
        (&["status", "storefrnt", "prod"], "storefront"),
        (&["history", "--env", "prd"], "prod"),
    ] {
        let run = shop.run(arguments).expect(2);
        let told = run.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap_or_default();
        assert!(told.contains(&format!("`{hint}`")), "{arguments:?}: {}", run.stderr);
    }
    for arguments in [
        &["deploy", "all"] as &[&str],
        &["deploy", "all", "prod", "--timeout", "soon"],
        &["deploy", "all", "prod", "--image", "storefront"],
        &["show", "7"],
        &["frobnicate"],
        &[],
    ] {
        let run = shop.run(arguments).expect(2);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    assert_eq!(shop.writes(), [""; 0]);
}

/// The example project in an account.
fn in_account(account: &str) -> String {
    BOOKSHOP.replace(
        "region = \"eu-west-1\"",
        &format!("region = \"eu-west-1\"\naccount = \"{account}\""),
    )
}

#[test]
fn a_leftover_endpoint_leads_no_request_away_from_aws() {
    let shop = Shop::unseeded(&in_account("111111111111"));
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECS"] {
        let mut command = shop.program_without_sandbox(&["status", "all", "prod"]);
        command.env(variable, "http://127.0.0.1:9");
        let run = Started::of(command).end().expect(2);
        run.tells(&format!("`{variable}=http://127.0.0.1:9` is set")).tells(
            "hint: unset the variable, or name the URL with `--endpoint-url http://127.0.0.1:9`",
        );
    }
    // What the SDKs ignore is not left over: no credentials are found, and nothing is asked there.
    let mut command = shop.program_without_sandbox(&["status", "all", "prod"]);
    command
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    Started::of(command).end().expect(1).tells("no valid AWS credentials");
    // In the sandbox it leads nowhere.
    let mut command = shop.program(&["status", "all", "prod"]);
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    Started::of(command).end().expect(0);
}

#[test]
fn what_nothing_in_the_sandbox_is_named_like_is_refused() {
    let shop = Shop::new();
    let strategy = ["set", "strategy", "search-indexer", "prod"];
    let hooked = ["blue-green", "--lambda-hook", "POST_SCALE_UP=smoke-test"];
    shop.sandbox(&[&strategy[..], &hooked].concat());
    let images = "name one of the manifest: ";
    let services = "search-indexer";
    for (arguments, says, hint) in [
        (&["fate", "nonesuch", "crash"][..], "`nonesuch` is no image in the sandbox", images),
        (&["fate", "search-indexer:never-built", "crash"], "is no image in the sandbox", images),
        (&["fate", "search-indexer", "nonesuch"], "`nonesuch` is not a fate: one of", "crash"),
        (&["hook", "smoke-tets", "fail"], "calls the function `smoke-tets`", "smoke-test"),
        (&["hook", "smoke-test", "nonesuch"], "is not what a function answers", "hang"),
        (&["set", "stop-task", "nonesuch", "prod"], "nonesuch", services),
        (&["set", "interrupt-task", "nonesuch", "prod"], "nonesuch", services),
        (&["set", "point-service", "nonesuch", "prod", "x"], "nonesuch", services),
        (&["set", "capacity", "nonesuch", "prod", "none"], "nonesuch", services),
        (&["set", "capacity", "search-indexer", "prod", "nonesuch"], "nonesuch", "normal"),
        (&["set", "breaker", "search-indexer", "prod", "nonesuch"], "nonesuch", "no-rollback"),
        (&["set", "scale", "nonesuch", "prod", "1"], "nonesuch", services),
        (&["set", "scale", "search-indexer", "nonesuch", "1"], "nonesuch", "prod"),
        (&["set", "autoscale", "nonesuch", "prod", "1", "2"], "nonesuch", services),
        (&["set", "strategy", "nonesuch", "prod", "rolling"], "nonesuch", services),
        (&["set", "strategy", "search-indexer", "prod", "nonesuch"], "nonesuch", "canary"),
        (
            &[
                "set",
                "strategy",
                "search-indexer",
                "prod",
                "blue-green",
                "--pause-hook",
                "NONESUCH",
            ],
            "NONESUCH",
            "POST_SCALE_UP",
        ),
        (&["set", "continue-deployment", "nonesuch", "prod"], "nonesuch", services),
        (&["set", "stop-deployment", "nonesuch", "prod"], "nonesuch", services),
        (&["set", "controller", "nonesuch", "prod", "code-deploy"], "nonesuch", services),
        (&["set", "controller", "search-indexer", "prod", "nonesuch"], "nonesuch", "code-deploy"),
        (
            &["set", "controller", "search-indexer", "prod", "code-deploy", "--config", "nonesuch"],
            "nonesuch",
            "DeploymentConfig",
        ),
        (
            &["set", "target-group", "search-indexer", "prod", "--container", "nonesuch"],
            "The container nonesuch does not exist in the task definition",
            "search-indexer",
        ),
    ] {
        let all: Vec<&str> = ["sandbox"].iter().chain(arguments).copied().collect();
        let run = shop.run(&all);
        assert!(matches!(run.code, Some(1 | 2)), "{arguments:?} is taken:\n{}", run.stdout);
        assert!(run.stderr.contains(says), "{arguments:?}: `{says}` is not in\n{}", run.stderr);
        assert!(run.stderr.contains(hint), "{arguments:?}: `{hint}` is not in\n{}", run.stderr);
    }
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
}

/// Runs the program outside the sandbox, against one that is served, signed in as a user of an
/// account.
fn run_against(url: &str, account: &str, mut command: Command) -> Run {
    command
        .args(["--endpoint-url", url])
        .env("AWS_ACCESS_KEY_ID", format!("AKIA{account}USER"))
        .env("AWS_SECRET_ACCESS_KEY", "any");
    Started::of(command).end()
}

/// Serves the sandbox of a project; gives where.
fn serve(shop: &Shop) -> (Started, String) {
    let mut server = shop.start(&["sandbox", "serve", "--port", "0"]);
    let line = server.reads("listening on ");
    let (_, url) = line.trim().rsplit_once(' ').unwrap();
    (server, url.to_owned())
}

#[test]
fn another_account_than_the_manifest_s_is_refused() {
    let shop = Shop::with(&in_account("111111111111"));
    let (server, url) = serve(&shop);
    shop.forget_requests();
    for arguments in [&["deploy", "all", "prod", "-y"] as &[&str], &["status", "all", "prod"]] {
        let run =
            run_against(&url, "222222222222", shop.program_without_sandbox(arguments)).expect(1);
        assert_eq!(run.stdout, "");
        run.tells("222222222222").tells("111111111111").tells("hint: ");
    }
    assert_eq!(shop.requests(), ["GetCallerIdentity"; 2]);
    server.signal("INT");
    server.end().expect(0);
}

#[test]
fn a_deployment_works_over_http_as_in_process() {
    let shop = Shop::with(&in_account("111111111111"));
    let (server, url) = serve(&shop);
    let deploy = shop.program_without_sandbox(&["deploy", "all", "prod", "-y"]);
    let run = run_against(&url, "111111111111", deploy).expect(0);
    assert!(run.stdout.contains("6 of 6 services verified"), "{}", run.stdout);
    assert!(!run.stderr.contains("sandbox:"), "{}", run.stderr);
    let status = shop.program_without_sandbox(&["status", "all", "prod"]);
    run_against(&url, "111111111111", status).expect(0).prints("Status: COMPLETE");
    // The record is that of the real thing, and not the sandbox's.
    shop.run(&["history"]).expect(0).prints("No deployments are recorded.");
    server.signal("TERM");
    server.end().expect(0);
}

#[test]
fn without_credentials_or_a_region_it_is_told_what_to_set() {
    let shop = Shop::unseeded(BOOKSHOP);
    let mut command = shop.program_without_sandbox(&["status", "all", "prod"]);
    command.args(["--endpoint-url", "http://127.0.0.1:9"]);
    let run = Started::of(command).end().expect(1);
    insta::assert_snapshot!(shop.steady(&run.stderr), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: none were found in the environment, the shared configuration files, or the container
    hint: sign in again, for example with `aws sso login`, or set `AWS_PROFILE`
    ");

    let shop = Shop::unseeded(&BOOKSHOP.replace("region = \"eu-west-1\"", ""));
    let command = shop.program_without_sandbox(&["status", "all", "prod"]);
    let run = Started::of(command).end().expect(2);
    insta::assert_snapshot!(shop.steady(&run.stderr), @r"
    error: no region is known for this environment
    hint: set `region` in the manifest, `AWS_REGION`, or the `region` of the AWS profile
    ");

    // Whatever names none takes that of the profile.
    let shop = Shop::unseeded(&BOOKSHOP.replace("region = \"eu-west-1\"", "profile = \"work\""));
    shop.write(
        ".aws/config",
        "[default]\nregion = eu-north-1\n[profile work]\nregion = eu-wset-1\n",
    );
    shop.write(
        ".aws/credentials",
        "[work]\naws_access_key_id = AKIA\naws_secret_access_key = any\n",
    );
    let mut command = shop.program_without_sandbox(&["status", "all", "prod"]);
    // Nothing is sent: nobody is there to pass it on.
    command.env("HTTPS_PROXY", "http://127.0.0.1:9");
    let run = Started::of(command).end().expect(1);
    run.tells("error: failed to reach AWS in region `eu-wset-1`, which is none that is known")
        .tells("because: `GetCallerIdentity` cannot reach AWS")
        .tells("hint: write the region as `eu-west-1`, if that is meant");
}

#[test]
fn words_in_the_wrong_order_or_of_other_tools_are_answered_with_what_was_meant() {
    let shop = Shop::new();
    let tip = |words: &[&str], hint: &str| {
        shop.run(words).expect(2).tells(hint);
    };
    tip(&["deploy", "prod", "all", "-y"], "hint: name `all` first and the environment after it");
    tip(
        &["terraform", "check", "prod"],
        "hint: name the environment after `all`, a service set or a service, or as `--env prod`",
    );
    tip(&["status", "prod"], "tip: say what is meant before the environment, as in `all prod`");
    tip(&["plan", "all", "prod"], "tip: `release-tool deploy all prod --dry-run` shows");
    let run = shop.run(&["plan", "all", "prod"]).expect(2);
    assert!(!run.stderr.contains("'man'"), "{}", run.stderr);
    let told = shop.run(&["doctor", "prod", "--json"]).expect(0).stdout;
    assert_eq!(told, shop.run(&["doctor", "prod", "--output", "json"]).expect(0).stdout);
    assert_eq!(crate::support::document(&told)["schema"], "release-tool/doctor");
    shop.sandbox(&["fault", "add", "*", "deny"]);
    assert_eq!(shop.sandbox(&["fault", "clear"]), "1 fault is forgotten.\n");
}
