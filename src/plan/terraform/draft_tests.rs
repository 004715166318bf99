//! Manifests that are made of states, and what is said of what a state does not tell.

use serde_json::{Value, json};

use super::*;
use crate::{manifest::Manifest, model::ProjectId};

/// A service of a state: its cluster and name, the containers of its task definition, and the
/// parameters that this is made of.
fn service((cluster, name): (&str, &str), containers: &[&str], parameters: &[&str]) -> Vec<Value> {
    let arn = "arn:aws-cn:ecs:cn-north-1:111111111111";
    let family = format!("{cluster}-{name}");
    let of = |container: &&str| json!({ "name": container, "image": "x:1" });
    let containers: Vec<Value> = containers.iter().map(of).collect();
    let address = |at: usize| format!("data.aws_ssm_parameter.{cluster}_{name}_{at}");
    let addresses: Vec<String> = (0..parameters.len()).map(address).collect();
    let mut resources = vec![
        json!({ "address": format!("aws_ecs_task_definition.{family}"), "mode": "managed",
            "type": "aws_ecs_task_definition", "depends_on": addresses,
            "values": { "arn": format!("{arn}:task-definition/{family}:1"), "family": family,
                "container_definitions": Value::from(containers).to_string() } }),
        json!({ "address": format!("aws_ecs_service.{family}"), "mode": "managed",
            "type": "aws_ecs_service", "values": { "name": name,
                "id": format!("{arn}:service/{cluster}/{name}"),
                "cluster": format!("{arn}:cluster/{cluster}"),
                "task_definition": format!("{arn}:task-definition/{family}:1") } }),
    ];
    resources.extend(parameters.iter().zip(addresses).map(|(name, address)| {
        json!({ "address": address, "mode": "data", "type": "aws_ssm_parameter",
            "values": { "name": name } })
    }));
    resources
}

/// The manifest of some services, which our own reader takes, and what was said.
fn made(services: &[Vec<Value>], project: Option<&str>) -> Result<DraftManifest, DraftError> {
    let resources: Vec<&Value> = services.iter().flatten().collect();
    let values = json!({ "root_module": { "resources": resources } });
    let text = json!({ "format_version": "1.0", "values": values }).to_string();
    let document = TerraformDocument::read(&text).unwrap();
    let project = project.map(|id| ProjectId::new(id).unwrap());
    let draft = draft_manifest(&document, project.as_ref())?;
    if let Err(errors) = Manifest::parse(".weco-project", &draft.text) {
        panic!("{}\n{}", errors.render(false), draft.text);
    }
    Ok(draft)
}

/// What follows the head of a manifest, with what was said.
fn told(draft: &DraftManifest) -> String {
    let (_, body) = draft.text.split_once("\n\n").unwrap();
    format!("{body}---\n{}", draft.remarks.join("\n"))
}

#[test]
fn environments_and_names_are_found_in_parameters() {
    let draft = made(
        &[
            service(("shop-stage", "stage-web"), &["web"], &["/shop/images/stage/web"]),
            service(("shop-prod", "prod-web"), &["web"], &["/shop/images/prod/web"]),
            service(("shop-prod", "mail"), &["worker", "log"], &["/shop/images/prod/worker"]),
            service(("jobs-prod", "order"), &["worker"], &["/shop/images/prod/worker"]),
        ],
        None,
    );
    insta::assert_snapshot!(told(&draft.unwrap()), @r#"
    [shop]

    [shop.environments.prod]
    cluster = "shop-prod"
    region  = "cn-north-1"
    account = "111111111111"

    [shop.environments.stage]
    cluster = "shop-stage"
    region  = "cn-north-1"
    account = "111111111111"

    # the container `log` takes its image from no parameter, and is left out
    [shop.services.mail]
    images = ["worker"]

    [shop.services.order]
    images = ["worker"]
    cluster = { prod = "jobs-prod" }

    [shop.services.web]
    service = "{env}-web"
    ---
    mail: the container `log` takes its image from no parameter, and is left out
    "#);
}

#[test]
fn one_block_of_many_parameters_is_read_by_name() {
    let all = ["/shop/images/prod/web", "/shop/images/prod/api", "/shop/images/latest/web"];
    let services = [
        service(("shop", "web"), &["web"], &all),
        service(("shop", "api"), &["app"], &all),
        service(("shop", "both"), &["web", "api"], &all),
    ];
    insta::assert_snapshot!(told(&made(&services, None).unwrap()), @r#"
    [shop]

    [shop.environments.prod]
    cluster = "shop"
    region  = "cn-north-1"
    account = "111111111111"

    [shop.services.api]
    images = { app = "api" }

    [shop.services.both]
    images = ["api", "web"]

    [shop.services.web]
    ---
    "#);
}

#[test]
fn what_no_parameter_tells_is_guessed_and_said() {
    let services = [
        service(("shop-live", "web"), &["web", "log"], &["/app/image"]),
        service(("shop-live", "all"), &["all"], &[]),
        service(("shop-live", "api"), &["app"], &[]),
    ];
    assert!(matches!(made(&services, None), Err(DraftError::NoProject)));
    insta::assert_snapshot!(told(&made(&services, Some("shop")).unwrap()), @r#"
    [shop]

    # the environment `live` is guessed from the cluster's name: deployments write `/shop/images/live/<image>`
    [shop.environments.live]
    cluster = "shop-live"
    region  = "cn-north-1"
    account = "111111111111"

    # no parameter tells the image of `app`: deployments write `/shop/images/<environment>/api`, which Terraform has to read
    [shop.services.api]
    images = { app = "api" }

    # its task definition reads `/app/image`, which is not called as deployments write it
    # no parameter tells the image of `web`: deployments write `/shop/images/<environment>/web`, which Terraform has to read
    # the container `log` takes its image from no parameter, and is left out
    [shop.services.web]
    ---
    the service all is left out: `all` is not a valid service id: `all` means every service on the command line
    the environment `live` is guessed from the cluster's name: deployments write `/shop/images/live/<image>`
    api: no parameter tells the image of `app`: deployments write `/shop/images/<environment>/api`, which Terraform has to read
    web: its task definition reads `/app/image`, which is not called as deployments write it
    web: no parameter tells the image of `web`: deployments write `/shop/images/<environment>/web`, which Terraform has to read
    web: the container `log` takes its image from no parameter, and is left out
    "#);
}

#[test]
fn clusters_of_one_name_in_two_accounts_are_two() {
    let mut elsewhere: Vec<Value> = service(("main", "web"), &["web"], &[]);
    elsewhere.extend(service(("main", "prodigy-prod"), &["web"], &["/shop/images/prod/prodigy"]));
    let elsewhere =
        serde_json::to_string(&elsewhere).unwrap().replace("111111111111", "222222222222");
    let elsewhere: Vec<Value> = serde_json::from_str(&elsewhere).unwrap();
    let elsewhere: Vec<Value> = elsewhere.into_iter().map(renamed).collect();
    let here = service(("main", "web"), &["web"], &["/shop/images/stage/web"]);
    let draft = made(&[here, elsewhere], None).unwrap();
    insta::assert_snapshot!(told(&draft), @r#"
    [shop]

    [shop.environments.prod]
    cluster = "main"
    region  = "cn-north-1"
    account = "222222222222"

    [shop.environments.stage]
    cluster = "main"
    region  = "cn-north-1"
    account = "111111111111"

    [shop.services.prodigy]
    service = "prodigy-{env}"
    images = { web = "prodigy" }

    [shop.services.web]
    ---
    "#);
}

/// A resource at another address.
fn renamed(mut resource: Value) -> Value {
    let address = format!("{}_elsewhere", resource["address"].as_str().unwrap());
    resource["address"] = Value::from(address);
    if let Some(all) = resource.get_mut("depends_on").and_then(Value::as_array_mut) {
        for one in all {
            *one = Value::from(format!("{}_elsewhere", one.as_str().unwrap()));
        }
    }
    resource
}

#[test]
fn an_environment_has_one_account() {
    let here = service(("a", "web"), &["web"], &["/shop/images/prod/web"]);
    let there = service(("b", "api"), &["api"], &["/shop/images/prod/api"]);
    let there = serde_json::to_string(&there).unwrap().replace("111111111111", "222222222222");
    let there: Vec<Value> = serde_json::from_str(&there).unwrap();
    let draft = made(&[here, there], None).unwrap();
    let remark = "the environment `prod` has services in the account 111111111111, and api is in \
                  222222222222: an environment has one; give it another name there";
    assert!(draft.remarks.iter().any(|one| one == remark), "{:?}", draft.remarks);
    assert!(draft.text.contains(&format!("# {remark}")), "{}", draft.text);
}
