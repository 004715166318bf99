//! The same in the partitions of China and `GovCloud`: ARNs, hosts and pages are theirs.

use serde_json::Value;

use crate::support::{BOOKSHOP, Shop};

/// A partition, a region in it, and the domain of its registries and of its console.
const PARTITIONS: [(&str, &str, &str, &str); 2] = [
    ("aws-cn", "cn-north-1", "amazonaws.com.cn", "console.amazonaws.cn"),
    ("aws-us-gov", "us-gov-west-1", "amazonaws.com", "console.amazonaws-us-gov.com"),
];

/// The account of the project.
const ACCOUNT: &str = "111111111111";

/// The example project in a region, with a role for its production.
fn project(partition: &str, region: &str) -> Shop {
    let home = format!("region = \"{region}\"\naccount = \"{ACCOUNT}\"");
    let cluster = "cluster = \"bookshop-prod\"";
    let role = format!("role_arn = \"arn:{partition}:iam::{ACCOUNT}:role/release\"");
    let manifest = BOOKSHOP
        .replace("region = \"eu-west-1\"", &home)
        .replace(cluster, &format!("{cluster}\n{role}"));
    Shop::with(&manifest)
}

/// All ARNs in a text.
fn arns(text: &str) -> Vec<&str> {
    let pattern = regex_lite::Regex::new(r"arn:[a-z-]+:[^\s`',)]+").unwrap();
    pattern.find_iter(text).map(|found| found.as_str()).collect()
}

/// Checks that a text has ARNs, and all of them of a partition.
#[track_caller]
fn assert_all_in(partition: &str, text: &str) {
    let found = arns(text);
    assert!(!found.is_empty(), "{text}");
    for arn in found {
        assert!(arn.starts_with(&format!("arn:{partition}:")), "{arn} in\n{text}");
    }
}

#[test]
fn a_deployment_its_failure_and_its_rollback_go_as_anywhere() {
    for (partition, region, domain, console) in PARTITIONS {
        let shop = project(partition, region);
        shop.run(&["deploy", "all", "prod", "-y"]).expect(0).prints("6 of 6 services verified");
        shop.run(&["status", "all", "prod"]).expect(0).prints("Status: COMPLETE");
        let shown = shop.json(&["show", "d1"]).to_string();
        assert_all_in(partition, &shown);
        let registry = format!("{ACCOUNT}.dkr.ecr.{region}.{domain}/");
        assert!(shown.contains(&registry), "{registry} in {shown}");
        let actor = shop.json(&["show", "d1"])["deployment"]["actor"]["arn"].clone();
        let actor = actor.as_str().unwrap_or_default().to_owned();
        assert!(
            actor.starts_with(&format!("arn:{partition}:sts::{ACCOUNT}:assumed-role/release/"))
        );

        let uri = format!("{registry}bookshop/search-indexer:bad");
        shop.sandbox(&["set", "push-image", &uri]);
        shop.run(&["register", &uri, "search-indexer"]).expect(0);
        shop.sandbox(&["fate", "search-indexer:bad", "no-secret"]);
        let run = shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(3);
        run.prints(&format!("https://{region}.{console}/")).prints(&format!("arn:{partition}:"));
        let uri = format!("{registry}bookshop/search-indexer:good");
        shop.sandbox(&["set", "push-image", &uri]);
        shop.run(&["register", &uri, "search-indexer"]).expect(0);
        shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0).prints("VERIFIED");
        shop.run(&["rollback", "prod", "-y", "--reason", "try it"]).expect(0);
        shop.run(&["status", "all", "prod"]).expect(0).prints("Status: COMPLETE");
    }
}

#[test]
fn policies_and_terraform_name_what_is_there() {
    for (partition, region, ..) in PARTITIONS {
        let shop = project(partition, region);
        for group in ["deploy", "status", "register"] {
            let run = shop.run(&["iam-policy", group, "--env", "prod"]).expect(0);
            assert_all_in(partition, &run.stdout);
        }
        let deploy = shop.run(&["iam-policy", "deploy", "--env", "prod"]).expect(0);
        assert!(deploy.stdout.contains("ecs-tasks.amazonaws.com"), "{}", deploy.stdout);
        let trust = ["iam-policy", "trust", "github", "--repo", "acme/shop", "--branch", "main"];
        let trust = shop.run(&[&trust[..], &["--env", "prod"]].concat()).expect(0);
        let provider = format!("arn:{partition}:iam::{ACCOUNT}:oidc-provider/");
        assert!(trust.stdout.contains(&provider), "{}", trust.stdout);
        shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
        shop.run(&["terraform", "check", "--env", "prod"]).expect(0);
        let snippet =
            shop.run(&["terraform", "snippet", "--env", "prod", "search-indexer"]).expect(0);
        assert!(!snippet.stdout.contains("arn:aws:"), "{}", snippet.stdout);
    }
}

#[test]
fn doctor_finds_nothing_amiss() {
    for (partition, region, ..) in PARTITIONS {
        let shop = project(partition, region);
        let told: Value = shop.json(&["doctor", "prod"]);
        assert_all_in(partition, &told.to_string());
        assert!(!told.to_string().contains("\"fail\""), "{told}");
    }
}

#[test]
fn blue_green_and_code_deploy_work_there_too() {
    let (partition, region, ..) = PARTITIONS[0];
    let shop = project(partition, region);
    shop.sandbox(&["set", "controller", "search-indexer", "prod", "code-deploy"]);
    let hooked = ["blue-green", "--lambda-hook", "POST_SCALE_UP=smoke-test"];
    shop.sandbox(&[&["set", "strategy", "catalogue-api", "prod"][..], &hooked].concat());
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0).prints("VERIFIED");
    shop.run(&["deploy", "catalogue-api", "prod", "-y"]).expect(0).prints("VERIFIED");
    let service = shop.json(&["show", "d1"]).to_string();
    assert_all_in(partition, &service);
}

#[test]
fn one_environment_may_be_in_another_partition_with_a_registry_there() {
    let cluster = "cluster = \"bookshop-prod\"\n";
    let registry = "222222222222.dkr.ecr.cn-north-1.amazonaws.com.cn";
    let prod = format!(
        "{cluster}region = \"cn-north-1\"\naccount = \"222222222222\"\nregistry = \"{registry}\"\n\
         role_arn = \"arn:aws-cn:iam::222222222222:role/release\"\nfrom = \"stage\"\n"
    );
    let manifest = BOOKSHOP
        .replace(
            "region = \"eu-west-1\"",
            &format!("region = \"eu-west-1\"\naccount = \"{ACCOUNT}\""),
        )
        .replace(cluster, &prod);
    let shop = Shop::with(&manifest);
    let shared = format!("{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com");
    for host in [shared.as_str(), registry] {
        let uri = format!("{host}/bookshop/search-indexer:new");
        shop.sandbox(&["set", "push-image", &uri, "--revision", "4246187"]);
    }
    let uri = format!("{shared}/bookshop/search-indexer:new");
    shop.run(&["register", &uri, "search-indexer"]).expect(0);
    shop.run(&["deploy", "search-indexer", "stage", "-y"]).expect(0).prints("VERIFIED");
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0).prints("VERIFIED");
    let shown = |deployment: &str| shop.json(&["show", deployment]).to_string();
    assert_all_in("aws", &shown("d1"));
    assert_all_in("aws-cn", &shown("d2"));
    assert!(shown("d2").contains(&format!("{registry}/bookshop/search-indexer:new")));
    for environment in ["stage", "prod"] {
        shop.run(&["status", "search-indexer", environment]).expect(0).prints("COMPLETE");
    }
}
