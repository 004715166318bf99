//! What `iam-policy` prints, and when it prints nothing: names, roles, accounts, and whom a role trusts.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::support::{BOOKSHOP, Shop, text};

/// A project whose environments are in two accounts, with a role of the same name in each.
const ACCOUNTS: &str = r#"
    [shop]
    region = "eu-west-1"
    account = "111111111111"
    environments.stage = { cluster = "shop", account = "222222222222", role_arn = "arn:aws:iam::222222222222:role/ci/release-tool" }
    environments.prod = { cluster = "shop", account = "333333333333", role_arn = "arn:aws:iam::333333333333:role/release-tool" }
    services.web = {}
"#;

/// The role of `prod`.
const PROD: &str = "arn:aws:iam::333333333333:role/release-tool";

/// The policies that are printed, each with its name and its role.
fn printed(shop: &Shop, words: &[&str]) -> Vec<(String, Option<String>)> {
    let told = shop.json(&[&["iam-policy"], words].concat());
    let policies = told["policies"].as_array().unwrap().iter();
    let of = policies.map(|one| (text(&one["name"]), one["role"].as_str().map(str::to_owned)));
    of.collect()
}

#[test]
fn roles_of_one_name_get_policies_of_different_names() {
    let shop = Shop::with(ACCOUNTS);
    let all = printed(&shop, &["deploy"]);
    let names: BTreeSet<&String> = all.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), all.len(), "{all:?}");
    let name = "shop-deploy-333333333333-release-tool";
    assert!(all.contains(&(name.to_owned(), Some(PROD.to_owned()))), "{all:?}");
    // One name is one document.
    let one = shop.run(&["iam-policy", "deploy", "--policy", name]).expect(0).stdout;
    let document: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert!(document["Statement"].is_array() && one.contains(":333333333333:"), "{one}");
    assert!(!one.contains(":222222222222:"), "{one}");
    // In Terraform each account has its provider.
    let hcl = shop.run(&["iam-policy", "deploy", "--format", "terraform"]).expect(0).stdout;
    for account in ["222222222222", "333333333333"] {
        assert_eq!(hcl.matches(&format!("provider = aws.account_{account}\n")).count(), 2, "{hcl}");
    }
}

#[test]
fn what_one_role_gets_is_printed_alone_and_asked_alone() {
    let shop = Shop::with(ACCOUNTS);
    let all = printed(&shop, &["deploy"]);
    shop.forget_requests();
    let own = printed(&shop, &["deploy", "--role", PROD]);
    let expected: Vec<_> =
        all.into_iter().filter(|(_, role)| role.as_deref() == Some(PROD)).collect();
    assert_eq!(own, expected);
    let records = shop.cloud().requests(None).unwrap();
    let accounts: BTreeSet<String> =
        records.into_iter().map(|one| one.entry.scope.account).collect();
    assert_eq!(accounts, BTreeSet::from(["333333333333".to_owned()]));
    let hcl =
        shop.run(&["iam-policy", "deploy", "--role", PROD, "--format", "terraform"]).expect(0);
    assert!(!hcl.stdout.contains("provider"), "{}", hcl.stdout);
    let other = "arn:aws:iam::333333333333:role/other";
    let refused = shop.run(&["iam-policy", "deploy", "--role", other]).expect(2);
    assert_eq!(refused.stdout, "");
    let told = refused.tells(&format!("none of these commands works as `{other}`"));
    told.tells(&format!(
        "name one of these: `arn:aws:iam::222222222222:role/ci/release-tool`, `{PROD}`"
    ));
}

#[test]
fn nothing_is_printed_where_aws_does_not_tell() {
    // Whoever asks elsewhere finds no such cluster.
    let shop = Shop::new();
    let elsewhere = "cluster = \"bookshop-prod\"\nregion = \"eu-west-2\"";
    shop.write(".weco-project", &BOOKSHOP.replace("cluster = \"bookshop-prod\"", elsewhere));
    let words = ["iam-policy", "deploy", "--env", "prod"];
    let refused = shop.run(&words).expect(1);
    assert_eq!(refused.stdout, "");
    let refused = refused.tells(
        "error: AWS does not tell families, roles, logs and repositories of the services of `prod`: \
         in the account 000000000000,",
    );
    refused.tells("--allow-unknown");
    let open = shop.run(&[&words[..], &["--allow-unknown"]].concat()).expect(0);
    assert!(open.stdout.contains("FAMILY-OF-storefront"), "{}", open.stdout);
    open.tells("warning: not known: families").tells("replace the names in capitals");
    // Nor does anybody who is not let in.
    let with_account = "region = \"eu-west-1\"\naccount = \"000000000000\"";
    let shop = Shop::with(&BOOKSHOP.replace("region = \"eu-west-1\"", with_account));
    shop.sandbox(&["fault", "add", "*", "expired"]);
    let refused = shop.run(&words).expect(1);
    assert_eq!(refused.stdout, "");
    refused.tells("error: AWS does not tell families").tells("ExpiredToken");
    shop.write(".weco-project", BOOKSHOP);
    let refused = shop.run(&words).expect(2);
    assert_eq!(refused.stdout, "");
    refused.tells("sign in and run it again, or write `account` into [bookshop] of the manifest");
}

#[test]
fn the_table_that_could_name_the_account_is_named() {
    let of = |project: &str, prod: &str, store: &str| {
        format!(
            "[shop]\nregion = \"eu-west-1\"\n{project}\n{store}\n[shop.environments.prod]\ncluster = \
             \"shop\"\n{prod}\n[shop.services.web]\n"
        )
    };
    let account = "account = \"111111111111\"";
    let table = "store = { dynamodb = \"release-tool\" }";
    for (manifest, place) in [
        (of("", "", ""), "[shop]"),
        (of("", account, ""), "[shop]"),
        (of("", "profile = \"prod\"", ""), "[shop.environments.prod]"),
        (of(account, "", table), "`store` of [shop]"),
    ] {
        let shop = Shop::unseeded(&manifest);
        let run = shop.run(&["iam-policy", "deploy", "--env", "prod", "--offline"]).expect(2);
        assert_eq!(run.stdout, "");
        assert!(!run.stderr.contains("sign in"), "{}", run.stderr);
        run.tells("is not known: AWS was not asked")
            .tells(&format!("hint: write `account` into {place} of the manifest"));
    }
    let shop = Shop::unseeded(&of(account, "", ""));
    let open = shop.run(&["iam-policy", "deploy", "--env", "prod", "--offline"]).expect(0);
    open.tells("run it again without `--offline`");
}

#[test]
fn more_policies_than_a_role_can_have_are_told() {
    let role = "arn:aws:iam::111111111111:role/deployer";
    let mut manifest = format!(
        "[shop]\nregion = \"eu-west-1\"\nrole_arn = \"{role}\"\n[shop.environments.prod]\ncluster = \
         \"shop\"\n[shop.services.web]\n"
    );
    let words = ["iam-policy", "deploy", "--env", "prod", "--offline"];
    let few = Shop::unseeded(&manifest).run(&words).expect(0).stderr;
    assert!(!few.contains("AWS attaches"), "{few}");
    for number in 0..180 {
        let _infallible = writeln!(manifest, "[shop.services.service-{number}]");
    }
    let shop = Shop::unseeded(&manifest);
    let count =
        printed(&shop, &words[1..]).iter().filter(|(_, of)| of.as_deref() == Some(role)).count();
    let expected = format!("warning: these are {count} policies for {role}, and AWS attaches 10");
    shop.run(&words).expect(0).tells(&expected).tells("hint: print them for one environment");
}

#[test]
fn the_host_of_a_ci_is_taken_as_its_url_has_it() {
    let shop = Shop::unseeded(ACCOUNTS);
    let trust = |more: &[&str]| {
        let words = ["iam-policy", "trust", "github", "--repo", "acme/shop", "--branch", "main"];
        shop.run(&[&words[..], &["--offline"], more].concat())
    };
    for host in ["ghe.acme.com", "https://ghe.acme.com/"] {
        let told = trust(&["--host", host]).expect(0);
        let arn = "arn:aws:iam::111111111111:oidc-provider/ghe.acme.com/_services/token";
        assert!(told.stdout.contains(arn), "{}", told.stdout);
        assert!(told.stdout.contains("\"ghe.acme.com/_services/token:sub\""), "{}", told.stdout);
        told.tells("the identity provider `https://ghe.acme.com/_services/token`");
    }
    trust(&["--host", "ghe acme"]).expect(2).tells("`ghe acme` names no host");
    let refers = trust(&["--format", "terraform", "--provider", "refer"]).expect(0).stdout;
    assert!(!refers.contains("resource \"aws_iam_openid_connect_provider\""), "{refers}");
    let looks = trust(&["--format", "terraform", "--provider", "look-up"]).expect(0).stdout;
    assert!(looks.contains("data \"aws_iam_openid_connect_provider\""), "{looks}");
}
