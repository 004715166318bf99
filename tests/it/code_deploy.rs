//! Services whose tasks CodeDeploy moves.

use serde_json::{Value, json};

use crate::support::{BOOKSHOP, PROD, Shop, text, until};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

/// Gives the service to CodeDeploy.
fn given_away(shop: &Shop, manner: &[&str]) {
    let words = ["set", "controller", "search-indexer", "prod", "code-deploy"];
    shop.sandbox(&words.iter().chain(manner).copied().collect::<Vec<_>>());
}

/// A project in which CodeDeploy moves the service.
fn shop(manner: &[&str]) -> Shop {
    let shop = Shop::new();
    given_away(&shop, manner);
    shop
}

/// The service as ECS tells it.
fn service(shop: &Shop) -> Value {
    shop.service("bookshop-prod", "prod-search-indexer")
}

/// The id of CodeDeploy's deployment in the record of ours.
fn recorded(shop: &Shop, deployment: &str) -> String {
    let step = shop.json(&["show", deployment])["deployment"]["steps"][0].take();
    text(&step["ecs_deployment"])
}

/// Something that somebody does to the service's deployment.
fn interfere(shop: &Shop, verb: &str, more: &[&str]) {
    let words = ["set", verb, "search-indexer", "prod"];
    shop.sandbox(&words.iter().chain(more).copied().collect::<Vec<_>>());
}

#[test]
fn a_deployment_is_planned_made_followed_and_verified() {
    let shop = shop(&[]);
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
    let plan = shop.run(&["deploy", "search-indexer", "prod", "--dry-run"]).expect(0);
    plan.prints(
        "moved by CodeDeploy: DgpECS-bookshop-prod-prod-search-indexer of \
         AppECS-bookshop-prod-prod-search-indexer",
    );
    shop.forget_requests();
    shop.run(INDEXER).expect(0).prints("VERIFIED").tells("started d-");
    assert_eq!(shop.writes(), ["RegisterTaskDefinition", "PutParameter", "CreateDeployment"]);
    shop.assert_in_step(&PROD[5]);
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
    let sets = service(&shop)["taskSets"].take();
    assert_eq!(sets.as_array().unwrap().len(), 1);
    assert_eq!(text(&sets[0]["externalId"]), recorded(&shop, "d1"));
    // Nothing is left to do.
    shop.forget_requests();
    shop.run(INDEXER).expect(0);
    assert!(shop.writes().is_empty());
}

#[test]
fn traffic_that_is_shifted_in_steps_is_told() {
    let shop = shop(&["--config", "CodeDeployDefault.ECSCanary10Percent5Minutes"]);
    let run = shop.run(INDEXER).expect(0).prints("VERIFIED");
    run.tells("at AllowTraffic, 10% of traffic on the new tasks");
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn an_image_that_fails_is_rolled_back_by_another_deployment() {
    let shop = shop(&[]);
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    let run = shop
        .run(INDEXER)
        .expect(3)
        .prints("ROLLED_BACK  CodeDeploy put it back to")
        .prints("rolled back by d-");
    run.prints("exit code 3").prints("ConnectionRefusedError: [Errno 111]");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "ROLLED_BACK");
    let told = service(&shop);
    assert!(text(&told["taskDefinition"]).ends_with("search-indexer:1"));
    let failed = shop.task_definition("bookshop-prod-search-indexer:2");
    assert_eq!(failed["taskDefinition"]["status"], "INACTIVE");
    shop.assert_in_step(&PROD[5]);
    assert_eq!(shop.states("prod")["search-indexer"], "ROLLED_BACK");
    assert_eq!(shop.count("CreateDeployment"), 1);
}

#[test]
fn both_target_groups_are_asked_about_and_told() {
    let shop = shop(&["--termination-wait", "3"]);
    let health = |colour: &str| {
        let named = format!(
            "Action=DescribeTargetGroups&Version=2015-12-01&Names.member.1=prod-search-indexer-{colour}"
        );
        let told = shop.balancers(&named);
        let (_, rest) = told.split_once("<TargetGroupArn>").unwrap();
        let (arn, _) = rest.split_once('<').unwrap();
        let asked = "Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn=";
        shop.balancers(&format!("{asked}{arn}")).matches("<State>healthy</State>").count()
    };
    assert_eq!((health("blue"), health("green")), (2, 0));
    let deploy = shop.start(INDEXER);
    until("both stand behind their groups", || (health("blue"), health("green")) == (2, 2));
    deploy.end().expect(0);
    assert_eq!((health("blue"), health("green")), (0, 2));
    // What the load balancer finds of the new tasks is told.
    let latest = shop.latest("search-indexer");
    let bad = format!("{}:bad", latest.rsplit_once(':').unwrap().0);
    shop.sandbox(&["set", "push-image", &bad]);
    shop.sandbox(&["fate", &bad, "target-unhealthy"]);
    shop.run(&["register", &bad, "search-indexer"]).expect(0);
    let run = shop.run(INDEXER).expect(3).prints("ROLLED_BACK");
    run.prints("the load balancer's health check of port 80 is answered with 502");
}

#[test]
fn without_automatic_rollback_we_go_back_ourselves() {
    let shop = shop(&["--no-auto-rollback"]);
    shop.sandbox(&["fate", "search-indexer", "unpullable"]);
    shop.run(INDEXER).expect(3).prints("FAILED").prints("CannotPullContainerError");
    assert_eq!(shop.count("CreateDeployment"), 2);
    assert!(text(&service(&shop)["taskDefinition"]).ends_with("search-indexer:3"));
    shop.assert_in_step(&PROD[5]);
    let step = shop.json(&["show", "d1"])["deployment"]["steps"][0].take();
    assert_eq!(step["verdict"]["verdict"], "FAILED");
    assert!(text(&step["compensation"]["ecs_deployment"]).starts_with("d-"));
}

#[test]
fn what_somebody_stops_is_told_as_that() {
    for (more, verdict, made) in [(&["--rollback"][..], "ROLLED_BACK", 1), (&[], "STOPPED", 2)] {
        let shop = shop(&[]);
        shop.stand_still();
        let mut deploy = shop.start(INDEXER);
        deploy.hears("search-indexer: started d-");
        interfere(&shop, "stop-code-deploy", more);
        shop.go_fast();
        let run = deploy.end().expect(3).prints(verdict).prints("MANUAL_STOP");
        run.prints("hint: deploy again when that is meant");
        assert_eq!(shop.verdicts("d1")["search-indexer"], verdict);
        assert_eq!(shop.count("CreateDeployment"), made);
        shop.assert_in_step(&PROD[5]);
    }
}

#[test]
fn what_only_ecs_has_is_not_asked_of_codedeploy() {
    let shop = shop(&[]);
    let run = shop.run(&["restart", "search-indexer", "prod", "-y"]).expect(1);
    run.tells("cannot be restarted: it is moved by CodeDeploy")
        .tells("services under CodeDeploy cannot be restarted; restart the others by name");
    let breaker = [INDEXER, &["--enable-circuit-breaker", "--dry-run"]].concat();
    let plan = shop.run(&breaker).expect(0);
    assert!(!plan.stdout.contains("ircuit"), "{}", plan.stdout);
}

#[test]
fn that_somebody_is_waited_for_is_said_with_the_command() {
    let shop = shop(&["--wait-for-continue", "--termination-wait", "5"]);
    let mut deploy = shop.start(INDEXER);
    deploy.hears("aws deploy continue-deployment --deployment-id d-");
    assert_eq!(shop.states("prod")["search-indexer"], "IN_PROGRESS");
    interfere(&shop, "continue-code-deploy", &[]);
    deploy.end().expect(0).prints("VERIFIED");
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn a_group_that_is_busy_is_seen_before_anything_is_done() {
    let shop = shop(&[]);
    shop.stand_still();
    let other = "bookshop-prod-search-indexer:1";
    shop.sandbox(&["set", "point-service", "search-indexer", "prod", other]);
    shop.forget_requests();
    let run = shop.run(INDEXER).expect(1);
    run.tells("is being deployed by CodeDeploy: d-").tells("aws deploy stop-deployment");
    assert!(shop.writes().is_empty());
}

#[test]
fn a_group_that_the_manifest_names_and_is_not_there_is_said() {
    let named = "[bookshop.services.search-indexer]\n\
                 code_deploy = { application = \"app-{env}\", group = \"none\" }\n";
    let manifest = BOOKSHOP.replace("[bookshop.services.search-indexer]\n", named);
    assert_ne!(manifest, BOOKSHOP);
    let shop = Shop::with(&manifest);
    given_away(&shop, &[]);
    let run = shop.run(INDEXER).expect(1);
    run.tells("the manifest names deployment group none of app-prod, which is not there")
        .tells("services.search-indexer.code_deploy");
}

#[test]
fn a_deployment_of_somebody_else_takes_our_place() {
    let shop = shop(&[]);
    shop.run(INDEXER).expect(0);
    let other = "bookshop-prod-search-indexer:1";
    shop.sandbox(&["set", "point-service", "search-indexer", "prod", other]);
    shop.sandbox(&["advance", "5m"]);
    assert_eq!(shop.states("prod")["search-indexer"], "DRIFTED");
}

#[test]
fn a_lost_answer_makes_no_second_deployment() {
    for fault in ["error-after", "drop-after"] {
        let shop = shop(&[]);
        shop.sandbox(&["fault", "add", "CreateDeployment", fault, "--times", "1"]);
        shop.run(INDEXER).expect(0).prints("VERIFIED");
        assert_eq!(shop.count("CreateDeployment"), 1);
        shop.assert_in_step(&PROD[5]);
    }
}

#[test]
fn a_process_that_dies_at_the_request_is_gone_on_with() {
    let counted = shop(&[]);
    counted.sandbox(&["crash", "--count"]);
    counted.run(INDEXER).expect(0);
    let points = counted.json(&["sandbox", "crash", "--points"]);
    let points = points["points"].as_array().unwrap();
    let at = points.iter().find(|point| point["name"] == "codedeploy:CreateDeployment").unwrap();

    for is_failing in [false, true] {
        let shop = shop(&[]);
        shop.sandbox(&["crash", "--after", &at["number"].to_string()]);
        if is_failing {
            shop.sandbox(&["fate", "search-indexer", "crash=3"]);
        }
        assert_eq!(shop.run(INDEXER).signal, Some(9));
        shop.sandbox(&["advance", "10m"]);
        let code = if is_failing { 3 } else { 0 };
        let verdict = if is_failing { "ROLLED_BACK" } else { "VERIFIED" };
        shop.run(&["resume"]).expect(code).prints(verdict);
        assert_eq!(shop.count("CreateDeployment"), 1);
        shop.assert_in_step(&PROD[5]);
    }
}

#[test]
fn what_is_under_way_is_stopped_and_taken_back() {
    let shop = shop(&["--wait-for-continue"]);
    let mut deploy = shop.start(INDEXER);
    deploy.hears("aws deploy continue-deployment");
    deploy.signal("TERM");
    deploy.end().expect(7);
    // The way back is a deployment too, and waits for somebody as any other.
    let mut back = shop.start(&["rollback", "prod", "d1", "-y", "--reason", "it was wrong"]);
    back.hears("is stopped, and rolled back first");
    back.hears("aws deploy continue-deployment");
    interfere(&shop, "continue-code-deploy", &[]);
    back.end().expect(0);
    assert_eq!(shop.count("StopDeployment"), 1);
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn what_was_verified_before_is_gone_back_to() {
    let shop = shop(&[]);
    shop.run(INDEXER).expect(0);
    let latest = shop.latest("search-indexer");
    let (repository, _) = latest.rsplit_once(':').unwrap();
    let newer = format!("{repository}:newer");
    shop.sandbox(&["set", "push-image", &newer]);
    shop.run(&["register", &newer, "search-indexer"]).expect(0);
    shop.run(INDEXER).expect(0);
    shop.run(&["rollback", "prod", "-y", "--reason", "it was wrong"]).expect(0).prints("VERIFIED");
    shop.assert_in_step(&PROD[5]);
    assert_eq!(shop.parameter("/bookshop/images/prod/search-indexer").unwrap(), latest);
    assert_eq!(shop.count("CreateDeployment"), 3);
}

#[test]
fn controllers_of_others_stay_refused() {
    let shop = Shop::new();
    let body = json!({
        "cluster": "bookshop-prod", "service": "prod-search-indexer", "force": true,
    });
    shop.ecs("DeleteService", &body);
    shop.sandbox(&["advance", "5m"]);
    shop.ecs(
        "CreateService",
        &json!({
            "cluster": "bookshop-prod", "serviceName": "prod-search-indexer",
            "deploymentController": { "type": "EXTERNAL" }, "launchType": "FARGATE",
        }),
    );
    let run = shop.run(INDEXER).expect(1);
    run.tells("EXTERNAL");
}
