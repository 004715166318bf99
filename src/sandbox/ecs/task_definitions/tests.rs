//! Task definitions, through the API.

use serde_json::{Value, json};

use crate::sandbox::ecs::testing::Ecs;

/// A definition that can be registered.
fn definition() -> Value {
    json!({
        "family": "web",
        "containerDefinitions": [{ "name": "app", "image": "web:v1", "memory": 128 }],
    })
}

#[test]
fn a_definition_comes_back_as_it_was_given_and_filled_in() {
    let ecs = Ecs::empty();
    let input = json!({
        "networkMode": "awsvpc",
        "futureMember": { "z": 1, "a": null },
        "family": "web",
        "containerDefinitions": [{
            "image": "web:v1", "name": "app", "user": "", "futureContainerMember": [1],
            "command": null,
            "portMappings": [{ "containerPort": 80 }],
            "healthCheck": { "command": ["CMD", "true"], "startPeriod": 0 },
            "environment": [{ "name": "B", "value": "2" }, { "name": "A", "value": "" }],
        }],
        "cpu": ".25 vCPU", "memory": "1 GB",
        "requiresCompatibilities": ["FARGATE"],
    });
    let answer = ecs.ok("RegisterTaskDefinition", &input);
    let told = &answer["taskDefinition"];
    let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "taskDefinitionArn",
            "networkMode",
            "futureMember",
            "family",
            "containerDefinitions",
            "cpu",
            "memory",
            "requiresCompatibilities",
            "volumes",
            "placementConstraints",
            "requiresAttributes",
            "compatibilities",
            "revision",
            "status",
            "registeredAt",
            "registeredBy",
        ]
    );
    assert_eq!(told["futureMember"], json!({ "z": 1 }));
    assert_eq!((&told["cpu"], &told["memory"]), (&json!("256"), &json!("1024")));
    assert_eq!(told["compatibilities"], json!(["EC2", "FARGATE"]));
    assert_eq!(told["registeredAt"], json!(1_700_000_000));
    assert_eq!(
        told["containerDefinitions"][0].to_string(),
        json!({
            "image": "web:v1", "name": "app", "user": "", "futureContainerMember": [1],
            "portMappings": [{ "containerPort": 80, "hostPort": 80, "protocol": "tcp" }],
            "healthCheck": {
                "command": ["CMD", "true"], "startPeriod": 0, "interval": 30, "timeout": 5,
                "retries": 3,
            },
            "environment": [{ "name": "B", "value": "2" }, { "name": "A", "value": "" }],
            "cpu": 0, "essential": true, "mountPoints": [], "volumesFrom": [],
            "systemControls": [],
        })
        .to_string()
    );
}

#[test]
fn a_definition_is_described_by_family_and_with_tags_if_asked() {
    let ecs = Ecs::empty();
    let mut input = definition();
    input["tags"] = json!([{ "key": "team", "value": "a" }]);
    let answer = ecs.ok("RegisterTaskDefinition", &input);
    assert_eq!(answer["tags"], input["tags"]);
    let told = &answer["taskDefinition"];
    let described = ecs.ok("DescribeTaskDefinition", &json!({ "taskDefinition": "web" }));
    assert_eq!(described, json!({ "taskDefinition": told }));
    let input = json!({ "taskDefinition": "web:1", "include": ["TAGS"] });
    assert_eq!(ecs.ok("DescribeTaskDefinition", &input), answer);
}

#[test]
fn what_was_told_can_be_registered_again_unchanged() {
    let ecs = Ecs::empty();
    let first = ecs.ok("RegisterTaskDefinition", &definition())["taskDefinition"].clone();
    let mut again = first.clone();
    for member in [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
    ] {
        again.as_object_mut().unwrap().shift_remove(member);
    }
    let second = ecs.ok("RegisterTaskDefinition", &again)["taskDefinition"].clone();
    assert_eq!(second["revision"], 2);
    assert_eq!(second["containerDefinitions"], first["containerDefinitions"]);
}

#[test]
fn revisions_only_grow_and_the_family_is_its_latest_active_one() {
    let ecs = Ecs::empty();
    let revision = |answer: &Value| answer["taskDefinition"]["revision"].as_u64().unwrap();
    for expected in 1..=3 {
        assert_eq!(revision(&ecs.ok("RegisterTaskDefinition", &definition())), expected);
    }
    let gone = ecs.ok("DeregisterTaskDefinition", &json!({ "taskDefinition": "web:3" }));
    assert_eq!(gone["taskDefinition"]["status"], "INACTIVE");
    assert!(gone["taskDefinition"]["deregisteredAt"].is_number());
    let latest = ecs.ok("DescribeTaskDefinition", &json!({ "taskDefinition": "web" }));
    assert_eq!(revision(&latest), 2);
    assert_eq!(revision(&ecs.ok("RegisterTaskDefinition", &definition())), 4);

    let (code, message) = ecs.refused("DeleteTaskDefinitions", &json!({ "taskDefinitions": [] }));
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidParameterException", "TaskDefinitions cannot be empty.")
    );
    let input = json!({ "taskDefinitions": ["web:3", "web:4", "web:9"] });
    let deleted = ecs.ok("DeleteTaskDefinitions", &input);
    assert_eq!(deleted["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    assert_eq!(deleted["failures"].as_array().unwrap().len(), 2);

    let list = |input: Value| ecs.ok("ListTaskDefinitions", &input)["taskDefinitionArns"].clone();
    let arn = |n: u32| format!("arn:aws:ecs:eu-west-1:000000000000:task-definition/web:{n}");
    assert_eq!(list(json!({})), json!([arn(1), arn(2), arn(4)]));
    assert_eq!(list(json!({ "sort": "DESC" })), json!([arn(4), arn(2), arn(1)]));
    assert_eq!(list(json!({ "familyPrefix": "we" })), json!([]), "it is the full family name");
    assert_eq!(list(json!({ "status": "DELETE_IN_PROGRESS" })), json!([arn(3)]));
}

#[test]
fn families_are_listed_with_and_without_active_revisions() {
    let ecs = Ecs::empty();
    for family in ["web", "web-b", "api"] {
        let mut input = definition();
        input["family"] = json!(family);
        ecs.ok("RegisterTaskDefinition", &input);
    }
    ecs.ok("DeregisterTaskDefinition", &json!({ "taskDefinition": "api:1" }));
    let list = |input: Value| ecs.ok("ListTaskDefinitionFamilies", &input)["families"].clone();
    assert_eq!(list(json!({})), json!(["api", "web", "web-b"]));
    assert_eq!(list(json!({ "familyPrefix": "web" })), json!(["web", "web-b"]));
    assert_eq!(list(json!({ "status": "ACTIVE" })), json!(["web", "web-b"]));
    assert_eq!(list(json!({ "status": "INACTIVE" })), json!(["api"]));
    let first = ecs.ok("ListTaskDefinitionFamilies", &json!({ "maxResults": 2 }));
    let input = json!({ "maxResults": 2, "nextToken": first["nextToken"] });
    assert_eq!(list(input), json!(["web-b"]));
}

#[test]
fn what_ecs_refuses_is_refused() {
    let ecs = Ecs::empty();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut input = definition();
        change(&mut input);
        ecs.refused("RegisterTaskDefinition", &input)
    };
    let container = json!({ "name": "app", "image": "web:v1", "memory": 128 });
    for (change, words) in [
        (&(|d: &mut Value| d["family"] = json!("a b")) as &dyn Fn(&mut Value), "Family contains"),
        (&|d| d["family"] = json!(null), "Family should not be null"),
        (&|d| d["containerDefinitions"] = json!([]), "Container list cannot be empty"),
        (&|d| d["containerDefinitions"] = json!([{ "name": "a" }]), "Container.image should"),
        (&|d| d["containerDefinitions"] = json!([container, container]), "must be unique"),
        (&|d| d["containerDefinitions"] = json!(vec![container.clone(); 11]), "at most 10"),
        (&|d| d["containerDefinitions"][0]["memory"] = json!(null), "At least one of 'memory'"),
        (&|d| d["containerDefinitions"][0]["essential"] = json!(false), "must be essential"),
        (&|d| d["containerDefinitions"][0]["x"] = json!("x".repeat(65536)), "exceeds the limit"),
        (&|d| d["requiresCompatibilities"] = json!(["FARGATE"]), "Fargate only supports"),
        (&|d| d["tags"] = json!([]), "Tags can not be empty."),
        (&|d| d["tags"] = json!([{ "key": "aws:x", "value": "" }]), "reserved"),
    ] {
        let (_, message) = with(change);
        assert!(message.contains(words), "{message:?} has no {words:?}");
    }
    let (code, message) =
        ecs.refused("DescribeTaskDefinition", &json!({ "taskDefinition": "nothing" }));
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ClientException", "Unable to describe task definition.")
    );
}
