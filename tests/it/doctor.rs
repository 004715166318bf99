//! `doctor` where all is well, and where there is something to know.

use serde_json::json;

use crate::support::{BOOKSHOP, Shop, text};

#[test]
fn a_healthy_project_is_told_so() {
    let shop = Shop::new();
    shop.forget_requests();
    let run = shop.run(&["doctor", "prod"]).expect(0);
    insta::assert_snapshot!(shop.steady(&run.stdout));
    assert_eq!(shop.writes(), [""; 0]);
    let both = shop.run(&["doctor"]).expect(0);
    assert!(
        both.stdout.contains("\nstage\n") && both.stdout.contains("\nprod\n"),
        "{}",
        both.stdout
    );
}

#[test]
fn the_document_has_the_same_facts() {
    let shop = Shop::new();
    let told = shop.json(&["doctor", "prod"]);
    assert_eq!((&told["schema"], &told["healthy"]), (&json!("release-tool/doctor"), &json!(true)));
    let sections = told["sections"].as_array().unwrap();
    assert_eq!(sections.len(), 2);
    assert_eq!(
        (&sections[0]["environment"], &sections[1]["environment"]),
        (&json!(null), &json!("prod"))
    );
    let findings = sections[1]["findings"].as_array().unwrap();
    let human = shop.run(&["doctor", "prod"]).expect(0).stdout;
    for finding in findings {
        assert!(human.contains(&text(&finding["text"])), "{finding} is not in\n{human}");
        let fix = finding["fix"].as_str();
        assert!(fix.is_none_or(|fix| human.contains(fix)), "{finding} is not in\n{human}");
        let needs_one = finding["grade"] == json!("warn") || finding["grade"] == json!("fail");
        assert_eq!(needs_one, fix.is_some(), "{finding}");
    }
}

#[test]
fn an_environment_that_there_is_not_is_a_usage_error() {
    let shop = Shop::new();
    shop.run(&["doctor", "production"]).expect(2).tells("prod");
    shop.run(&["doctor", "prod", "--project", "papershop"]).expect(2);
}

#[test]
fn what_ends_badly_without_being_broken_is_a_warning() {
    let shop = Shop::new();
    shop.sandbox(&["set", "breaker", "orders-api", "prod", "off"]);
    shop.sandbox(&["set", "strategy", "catalogue-api", "prod", "rolling", "--alarm", "api-5xx"]);
    shop.sandbox(&["fault", "add", "*", "skew=90"]);
    let run = shop.run(&["doctor", "prod"]).expect(0);
    for told in [
        "circuit breakers    warn    off for `orders-api`",
        " s behind AWS's",
        "`api-5xx`",
        "the manifest names none",
    ] {
        assert!(run.stdout.contains(told), "`{told}` is not in\n{}", run.stdout);
    }
}

#[test]
fn one_check_that_fails_hides_no_other() {
    let shop = Shop::new();
    for operation in ["ssm:GetParameters", "ecs:DescribeTaskDefinition"] {
        shop.sandbox(&["fault", "add", operation, "deny"]);
    }
    let run = shop.run(&["doctor", "prod"]).expect(1);
    for told in [
        "6 services in `bookshop-prod`, each ACTIVE",
        "`DescribeTaskDefinition` is not allowed",
        "`GetParameters` is not allowed",
    ] {
        assert!(run.stdout.contains(told), "`{told}` is not in\n{}", run.stdout);
    }
}

#[test]
fn a_project_without_services_is_looked_at_by_what_is_registered() {
    let manifest = "[bookshop]\nregion = \"eu-west-1\"\n\n[bookshop.environments.prod]\ncluster = \"bookshop-prod\"\n";
    let shop = Shop::new();
    shop.write(".weco-project", manifest);
    let told = shop.run(&["doctor", "prod"]).expect(1);
    // `latest` names images that no service is called like.
    assert!(told.stdout.contains("`worker` is not in cluster `bookshop-prod`"), "{}", told.stdout);
    assert_ne!(manifest, BOOKSHOP);
}

/// The example project with so many more services.
fn with_more(number: usize) -> Shop {
    let shop = Shop::new();
    let more =
        (0..number).map(|n| format!("\n[bookshop.services.extra-{n}]\nname = \"Extra {n}\"\n"));
    shop.write(".weco-project", &(BOOKSHOP.to_owned() + &more.collect::<String>()));
    shop.sandbox(&["seed"]);
    shop
}

#[test]
fn a_deployment_of_more_than_is_let_through_at_once_asks_how_fast_it_may_go() {
    for (more, asks) in [(12, false), (13, true)] {
        let shop = with_more(more);
        shop.forget_requests();
        shop.run(&["deploy", "all", "prod", "--dry-run"]).expect(0);
        let asked = shop.count("ListServiceQuotas") > 0;
        assert_eq!(asked, asks, "{} services", more + 6);
        // It does without.
        shop.sandbox(&["fault", "add", "servicequotas:ListServiceQuotas", "deny"]);
        let run = shop.run(&["deploy", "all", "prod", "--dry-run"]).expect(0);
        assert!(!run.stderr.contains("ListServiceQuotas"), "{}", run.stderr);
    }
}

/// Asks AWS for more of one of ECS's quotas.
fn raise(shop: &Shop, code: &str, to: u32) {
    let wanted = json!({ "ServiceCode": "ecs", "QuotaCode": code, "DesiredValue": to });
    shop.quotas("RequestServiceQuotaIncrease", &wanted);
}

#[test]
fn quotas_that_were_raised_are_told_and_reckoned_with() {
    let shop = with_more(60);
    let quotas = || {
        let told = shop.run(&["doctor", "prod"]).expect(0).stdout;
        let lines = told.lines().filter(|line| line.trim_start().starts_with("quotas"));
        lines.map(|line| line.trim_start().to_owned()).collect::<Vec<_>>()
    };
    let before = quotas();
    assert!(
        before[0].contains("66 services at once take 46 s at the least, by this account's quota: RegisterTaskDefinition 20 at once, then 1 a second"),
        "{before:?}"
    );
    raise(&shop, "L-CDF9F16B", 60);
    raise(&shop, "L-1E6DEB89", 10);
    let after = quotas();
    assert!(
        after[0].contains("take 21 s at the least, by what AWS publishes: PutParameter 3"),
        "{after:?}"
    );
    assert!(
        after[1].contains(
            "RegisterTaskDefinition 60 at once, then 10 a second (by default 20 at once, then 1 a second)"
        ),
        "{after:?}"
    );
    // Who may not ask is told what to allow, and what is published stands in.
    shop.sandbox(&["fault", "add", "servicequotas:ListServiceQuotas", "deny"]);
    let told = shop.run(&["doctor", "prod"]).expect(0).stdout;
    for part in [
        "take 46 s at the least, by what AWS publishes",
        "what AWS publishes stands for what this account has: `ListServiceQuotas` is not allowed",
        "fix: allow `servicequotas:ListServiceQuotas`",
    ] {
        assert!(told.contains(part), "`{part}` is not in\n{told}");
    }
}
