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
    run.tells("CODE_DEPLOY  AllowTraffic  10 % green, 90 % blue, 2 of 2 tasks, next shift 20");
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn planned_waits_are_told_and_never_end_a_deployment() {
    let canary = "CodeDeployDefault.ECSCanary10Percent5Minutes";
    let shop = shop(&["--config", canary, "--termination-wait", "2"]);
    let words = "CodeDeployDefault.ECSCanary10Percent5Minutes: 10 % of traffic for 5 min, then \
                 all, then the old tasks are kept for 2 min; takes at least 7 min";
    shop.run(&["deploy", "search-indexer", "prod", "--dry-run"]).expect(0).prints(words);
    // At this speed the waits alone take seven seconds.
    let run = shop.run(&[INDEXER, &["--timeout", "3s"]].concat()).expect(0).prints("VERIFIED");
    run.tells(
        "CODE_DEPLOY  Baking  100 % green, 0 % blue, 2 of 2 tasks, the old tasks are kept until",
    );
    assert_eq!(service(&shop)["taskSets"].as_array().unwrap().len(), 1);
    let all = json!({ "cluster": "bookshop-prod", "serviceName": "prod-search-indexer" });
    let arns = shop.ecs("ListTasks", &all)["taskArns"].take();
    let tasks = json!({ "cluster": "bookshop-prod", "tasks": arns });
    let tasks = shop.ecs("DescribeTasks", &tasks)["tasks"].take();
    let is_old = |task: &&Value| text(&task["taskDefinitionArn"]).ends_with(":1");
    assert_eq!(tasks.as_array().unwrap().iter().filter(is_old).count(), 0);
}

#[test]
fn how_traffic_is_shifted_may_stay_unseen() {
    let shop = shop(&["--termination-wait", "2"]);
    shop.sandbox(&["fault", "add", "GetDeploymentConfig", "deny"]);
    let plan = shop.run(&["deploy", "search-indexer", "prod", "--dry-run"]).expect(0);
    plan.prints("ECSAllAtOnce: CodeDeploy does not tell how traffic is shifted");
    shop.sandbox(&["fault", "add", "GetDeploymentTarget", "deny"]);
    shop.run(INDEXER).expect(0).prints("VERIFIED").tells("CODE_DEPLOY  Baking  2 of 2 tasks");
}

#[test]
fn nobody_waits_for_codedeploy_once_another_service_has_failed() {
    let shop = shop(&["--termination-wait", "600"]);
    let bad = shop.latest("worker");
    let bad = format!("{}:bad", bad.rsplit_once(':').unwrap().0);
    shop.sandbox(&["set", "push-image", &bad]);
    shop.sandbox(&["fate", &bad, "crash=1"]);
    shop.run(&["register", &bad, "worker"]).expect(0);
    let mut deploy = shop.start(&["deploy", "workers", "prod", "-y"]);
    deploy.hears("is stopped, and rolled back first");
    // The way back is a deployment too, and keeps what it replaces for as long.
    deploy.hears("search-indexer: CODE_DEPLOY  Baking  100 % green");
    shop.sandbox(&["advance", "600m"]);
    deploy.end().expect(3).prints("failed and was rolled back");
    assert_eq!(shop.count("StopDeployment"), 1);
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
        run.prints(
            "hint: deploy again with `release-tool deploy search-indexer prod` when that is meant",
        );
        assert_eq!(shop.verdicts("d1")["search-indexer"], verdict);
        assert_eq!(shop.count("CreateDeployment"), made);
        shop.assert_in_step(&PROD[5]);
    }
}

#[test]
fn what_a_deployment_that_is_stopped_leaves_has_no_production_traffic() {
    let shop = shop(&["--wait-for-continue", "--no-auto-rollback"]);
    let mut deploy = shop.start(&[INDEXER, &["--on-failure", "hold"]].concat());
    deploy.hears("waits for your answer");
    interfere(&shop, "stop-code-deploy", &[]);
    let place = "bookshop-prod-search-indexer:1 with production traffic, 2 tasks of \
                 bookshop-prod-search-indexer:2 left over";
    deploy.end().prints("search-indexer    5226296    STOPPED    ").prints(place);
    let status = shop.run(&["status", "search-indexer", "prod"]).expect(0);
    status.prints("search-indexer    5226296    FAILED    ").prints(place).prints("2/2 running");
    let told = shop.json(&["status", "search-indexer", "prod"])["services"][0].take();
    assert!(text(&told["task_definition"]).ends_with("search-indexer:1"));
    assert_eq!(told["runs"][1]["left_over"], true);
}

#[test]
fn a_restart_is_a_deployment_of_what_runs() {
    let shop = shop(&[]);
    let restart = ["restart", "search-indexer", "prod", "-y"];
    let plan = shop.run(&["restart", "search-indexer", "prod", "--dry-run"]).expect(0);
    plan.prints("is restarted with bookshop-prod-search-indexer:1")
        .prints("moved by CodeDeploy: D");
    // An answer that is lost makes no second one.
    shop.sandbox(&["fault", "add", "CreateDeployment", "drop-after", "--times", "1"]);
    shop.run(&restart).expect(0).prints("1 of 1 services in prod are restarted and verified");
    assert_eq!(shop.writes(), ["CreateDeployment"]);
    let sets = service(&shop)["taskSets"].take();
    assert_eq!(sets.as_array().unwrap().len(), 1);
    assert_eq!(text(&sets[0]["externalId"]), recorded(&shop, "d1"));
    assert!(text(&sets[0]["taskDefinition"]).ends_with("search-indexer:1"));
    shop.assert_in_step(&PROD[5]);
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
    // One that does not come up any more is put back by CodeDeploy.
    let runs = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    shop.sandbox(&["fate", &runs, "crash=3"]);
    shop.run(&restart).expect(3).prints("ROLLED_BACK").prints("exit code 3");
    let sets = service(&shop)["taskSets"].take();
    assert_eq!(text(&sets[0]["externalId"]), recorded(&shop, "d1"));
    assert_eq!(shop.count("CreateDeployment"), 2);
    // One deployment at a time.
    shop.stand_still();
    let other = "bookshop-prod-search-indexer:1";
    shop.sandbox(&["set", "point-service", "search-indexer", "prod", other]);
    shop.forget_requests();
    shop.run(&restart).expect(1).tells("is being deployed by CodeDeploy: d-");
    assert!(shop.writes().is_empty());
}

#[test]
fn a_restart_that_dies_at_the_request_is_made_once() {
    let counted = shop(&[]);
    let restart = ["restart", "search-indexer", "prod", "-y"];
    counted.sandbox(&["crash", "--count"]);
    counted.run(&restart).expect(0);
    let points = counted.json(&["sandbox", "crash", "--points"]);
    let points = points["points"].as_array().unwrap();
    let at = points.iter().find(|point| point["name"] == "codedeploy:CreateDeployment").unwrap();
    for later in ["0s", "10m"] {
        let shop = shop(&[]);
        shop.sandbox(&["crash", "--after", &at["number"].to_string()]);
        assert_eq!(shop.run(&restart).signal, Some(9));
        shop.sandbox(&["advance", later]);
        shop.run(&["resume"]).expect(0).prints("VERIFIED");
        assert_eq!(shop.count("CreateDeployment"), 1);
    }
}

#[test]
fn a_restart_that_is_under_way_is_stopped_and_made_again_on_the_way_back() {
    let set = "services = [\"storefront\", \"catalogue-api\", \"orders-api\"]";
    let manifest = BOOKSHOP.replace(set, &format!("{set}\nrestart = [\"search-indexer\"]"));
    let shop = Shop::with(&manifest);
    given_away(&shop, &["--termination-wait", "600"]);
    let mut deploy = shop.start(&["deploy", "web", "prod", "-y"]);
    deploy.hears("search-indexer: CODE_DEPLOY  Baking");
    deploy.signal("INT");
    deploy.end().expect(7);
    let mut back = shop.start(&["rollback", "prod", "d1", "-y"]);
    back.hears("is stopped, and rolled back first");
    back.hears("search-indexer: CODE_DEPLOY  Baking");
    shop.sandbox(&["advance", "600m"]);
    back.end().expect(0).prints("d1");
    assert_eq!((shop.count("StopDeployment"), shop.count("CreateDeployment")), (1, 2));
    let shown = shop.json(&["show", "d1"]);
    for step in shown["deployment"]["steps"].as_array().unwrap() {
        assert_eq!(step["status"], "COMPENSATED", "{step}");
    }
    for service in &PROD {
        shop.assert_in_step(service);
    }
}

#[test]
fn what_only_ecs_has_is_not_asked_of_codedeploy() {
    let shop = shop(&[]);
    let breaker = [INDEXER, &["--enable-circuit-breaker", "--dry-run"]].concat();
    let plan = shop.run(&breaker).expect(0);
    assert!(!plan.stdout.contains("ircuit"), "{}", plan.stdout);
}

#[test]
fn that_somebody_is_waited_for_is_shown_and_answered() {
    let shop = shop(&["--wait-for-continue", "--termination-wait", "5"]);
    let plan = shop.run(&["deploy", "search-indexer", "prod", "--dry-run"]).expect(0);
    plan.prints("waits for `release-tool continue` before it shifts traffic, at most 48 h, then");
    let mut deploy = shop.start(INDEXER);
    deploy.hears("waits for your answer before it shifts traffic; at 20");
    assert_eq!(shop.states("prod")["search-indexer"], "IN_PROGRESS");
    let id = recorded(&shop, "d1");
    let status = shop.run(&["status", "search-indexer", "prod"]).expect(0);
    status
        .prints(&format!("CODE_DEPLOY  Ready  0 % green, 100 % blue, {id} waits until"))
        .prints("hint: go on with `release-tool continue d1 --service search-indexer`");
    shop.run(&["lock", "search-indexer", "prod", "--reason", "the database moves"]).expect(0);
    shop.run(&["continue", "prod", "-y"]).expect(6).tells("the database moves");
    shop.run(&["unlock", "search-indexer", "prod"]).expect(0);
    shop.run(&["continue", "prod"]).expect(2).tells("--skip-confirm");
    assert_eq!(shop.count("ContinueDeployment"), 0);
    let answer = ["continue", "d1", "--service", "search-indexer", "-y", "--reason", "it is good"];
    shop.run(&answer).expect(0).tells("These will go on").prints("d1: search-indexer goes on.");
    deploy.end().expect(0).prints("VERIFIED").tells("release-tool continue d1 --service search-i");
    shop.run(&["continue", "prod", "-y"]).expect(1).tells("nothing waits");
    assert_eq!(shop.count("ContinueDeployment"), 1);
    let log = shop.json(&["log", "--env", "prod"]);
    let events = log["events"].as_array().unwrap();
    let answered = events.iter().find(|one| one["action"] == "deployment.hook_answered").unwrap();
    assert!(answered.to_string().contains(&format!("CONTINUE to deployment {id}")), "{answered}");
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn who_says_no_has_codedeploy_put_it_back() {
    let shop = shop(&["--wait-for-continue"]);
    let mut deploy = shop.start(INDEXER);
    deploy.hears("waits for your answer");
    shop.run(&["continue", "prod", "-y", "--rollback"]).expect(0).prints("goes back");
    deploy.end().expect(3).prints("ROLLED_BACK").prints("CodeDeploy put it back");
    assert_eq!((shop.count("StopDeployment"), shop.count("CreateDeployment")), (1, 1));
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn when_the_time_is_up_what_waits_for_an_answer_is_no_failure() {
    let shop = shop(&["--wait-for-continue"]);
    let run = shop.run(&[INDEXER, &["--timeout", "5s"]].concat()).expect(8).prints("TIMED_OUT");
    run.prints("still going, CODE_DEPLOY in Ready, d-")
        .prints("waits for an answer before it shifts traffic")
        .prints("hint: go on with `release-tool continue d1 --service search-indexer`")
        .prints("release-tool resume d1");
    shop.sandbox(&["fault", "add", "ContinueDeployment", "drop-after", "--times", "1"]);
    shop.run(&["continue", "d1", "-y"]).expect(0);
    assert_eq!(shop.count("ContinueDeployment"), 1);
    shop.run(&["wait", "d1"]).expect(0).prints("VERIFIED");
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn where_nobody_answers_in_time_it_is_said_who_gave_up() {
    let shop = shop(&["--wait-for-continue"]);
    let mut deploy = shop.start(&[INDEXER, &["--on-failure", "hold"]].concat());
    deploy.hears("waits for your answer");
    shop.sandbox(&["advance", "49h"]);
    let run = deploy.end().prints("FAILED").prints("CodeDeploy gave d-");
    run.prints(", and did not roll back: The deployment was stopped because traffic was not");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "FAILED");
}

#[test]
fn what_somebody_else_deploys_is_not_answered() {
    let shop = shop(&["--wait-for-continue"]);
    let other = "bookshop-prod-search-indexer:1";
    let run = shop.run(&[INDEXER, &["--timeout", "2s"]].concat()).expect(8);
    run.prints("TIMED_OUT");
    interfere(&shop, "stop-code-deploy", &[]);
    shop.sandbox(&["set", "point-service", "search-indexer", "prod", other]);
    until("theirs is Ready", || {
        let status = shop.json(&["status", "search-indexer", "prod"]);
        status["services"][0]["stage"]["stage"] == "Ready"
    });
    shop.run(&["continue", "prod", "-y"]).expect(1).tells("nothing waits");
    assert_eq!(shop.count("ContinueDeployment"), 0);
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
    deploy.hears("waits for your answer");
    deploy.signal("TERM");
    deploy.end().expect(7);
    // The way back is a deployment too, and waits for somebody as any other.
    let mut back = shop.start(&["rollback", "prod", "d1", "-y", "--reason", "it was wrong"]);
    back.hears("is stopped, and rolled back first");
    back.hears("waits for your answer");
    shop.run(&["continue", "d1", "-y"]).expect(0);
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

#[test]
fn a_lost_answer_that_may_not_be_looked_after_says_so() {
    let shop = shop(&[]);
    shop.sandbox(&["fault", "add", "CreateDeployment", "timeout", "--times", "1"]);
    let deploy = shop.start(INDEXER);
    until("the deployment is asked for", || shop.count("CreateDeployment") == 1);
    shop.sandbox(&["fault", "add", "ListDeployments", "deny"]);
    let run = deploy.end().expect(8);
    run.prints("it is not known whether CodeDeploy was told to deploy ECS service")
        .prints(", and it cannot be looked up: ")
        .prints("`ListDeployments` is not allowed")
        .prints("codedeploy:ListDeployments");
    assert_eq!(shop.count("CreateDeployment"), 1);
    shop.sandbox(&["fault", "clear"]);
    shop.run(&["resume", "d1"]).expect(0).prints("VERIFIED");
    assert_eq!(shop.count("CreateDeployment"), 1);
}
