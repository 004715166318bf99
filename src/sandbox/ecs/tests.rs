//! Clusters, tasks and tags, through the API, and the API through the SDK.

use serde_json::{Value, json};

use super::{fate::Fate, testing::Ecs};

#[test]
fn clusters_come_and_go() {
    let mut ecs = Ecs::with_service();
    let created = ecs.ok("CreateCluster", &json!({}))["cluster"].clone();
    assert_eq!(created["clusterName"], "default");
    assert_eq!(created["settings"], json!([{ "name": "containerInsights", "value": "disabled" }]));
    let listed = ecs.ok("ListClusters", &json!({}))["clusterArns"].clone();
    assert_eq!(
        listed,
        json!([
            "arn:aws:ecs:eu-west-1:000000000000:cluster/c",
            "arn:aws:ecs:eu-west-1:000000000000:cluster/default",
        ])
    );
    let described = ecs.ok("DescribeClusters", &json!({ "clusters": ["c", "d"] }));
    let cluster = &described["clusters"][0];
    assert_eq!(
        (&cluster["activeServicesCount"], &cluster["runningTasksCount"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(described["failures"][0]["reason"], "MISSING");

    let c = json!({ "cluster": "c" });
    assert_eq!(ecs.refused("DeleteCluster", &c).0, "ClusterContainsServicesException");
    ecs.ok("DeleteService", &json!({ "cluster": "c", "service": "web", "force": true }));
    ecs.wait(60);
    assert_eq!(ecs.ok("DeleteCluster", &c)["cluster"]["status"], "INACTIVE");
    assert_eq!(ecs.refused("DeleteCluster", &c).0, "ClusterNotFoundException");
    let described = ecs.ok("DescribeClusters", &json!({ "clusters": ["c"] }));
    assert_eq!(described["clusters"][0]["status"], "INACTIVE");
    assert_eq!(
        ecs.ok("CreateCluster", &json!({ "clusterName": "c" }))["cluster"]["status"],
        "ACTIVE"
    );
}

#[test]
fn clusters_can_be_changed() {
    let ecs = Ecs::with_service();
    let insights = json!([{ "name": "containerInsights", "value": "enabled" }]);
    for operation in ["UpdateCluster", "UpdateClusterSettings"] {
        let changed = ecs.ok(operation, &json!({ "cluster": "c", "settings": insights }));
        assert_eq!(changed["cluster"]["settings"], insights);
    }
    let strategy = json!([{ "capacityProvider": "FARGATE", "weight": 1, "base": 0 }]);
    let changed = ecs.ok(
        "PutClusterCapacityProviders",
        &json!({
            "cluster": "c", "capacityProviders": ["FARGATE"],
            "defaultCapacityProviderStrategy": strategy,
        }),
    );
    assert_eq!(changed["cluster"]["defaultCapacityProviderStrategy"], strategy);
}

/// Input for a task of `web`.
fn run(extra: &Value) -> Value {
    let mut input = json!({
        "cluster": "c", "taskDefinition": "web", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
    });
    for (member, value) in extra.as_object().unwrap() {
        input[member] = value.clone();
    }
    input
}

#[test]
fn a_job_runs_to_its_end_and_is_forgotten() {
    let mut ecs = Ecs::with_service();
    ecs.fate("web:v1", Fate::TaskExit { code: 0, after: 5 });
    let overrides = json!({ "containerOverrides": [{ "name": "app", "command": ["migrate"] }] });
    let input = run(&json!({ "count": 2, "startedBy": "ci", "overrides": overrides }));
    let tasks = ecs.ok("RunTask", &input)["tasks"].clone();
    assert_eq!(tasks.as_array().unwrap().len(), 2);
    assert_eq!(tasks[0]["lastStatus"], "PROVISIONING");
    assert_eq!(tasks[0]["overrides"], overrides);
    assert_eq!(tasks[0]["group"], "family:web");
    ecs.wait(5);
    let describe = json!({ "cluster": "c", "tasks": [tasks[0]["taskArn"]] });
    let running = ecs.ok("DescribeTasks", &describe)["tasks"][0].clone();
    assert_eq!((&running["lastStatus"], &running["cpu"]), (&json!("RUNNING"), &json!("256")));
    let by_ci = ecs.ok("ListTasks", &json!({ "cluster": "c", "startedBy": "ci" }));
    assert_eq!(by_ci["taskArns"].as_array().unwrap().len(), 2);
    ecs.wait(20);
    let ended = ecs.ok("DescribeTasks", &describe)["tasks"][0].clone();
    assert_eq!(ended["lastStatus"], "STOPPED");
    assert_eq!(ended["containers"][0]["exitCode"], 0);
    assert_eq!(ended["stopCode"], "EssentialContainerExited");
    ecs.wait(3600);
    let forgotten = ecs.ok("DescribeTasks", &describe);
    assert_eq!(
        (&forgotten["tasks"], &forgotten["failures"][0]["reason"]),
        (&json!([]), &json!("MISSING"))
    );
}

#[test]
fn a_command_that_is_run_once_ends_whatever_becomes_of_services() {
    let mut ecs = Ecs::with_service();
    ecs.fate("web:v1", Fate::Crash { code: 9, after: 1 });
    let overrides = json!({ "containerOverrides": [{ "name": "app", "command": ["migrate"] }] });
    let end = |ecs: &mut Ecs, overrides: &Value| {
        let input = run(&json!({ "overrides": overrides }));
        let task = ecs.ok("RunTask", &input)["tasks"][0]["taskArn"].clone();
        ecs.wait(60);
        let told = ecs.ok("DescribeTasks", &json!({ "cluster": "c", "tasks": [task] }));
        told["tasks"][0]["containers"][0]["exitCode"].clone()
    };
    assert_eq!(end(&mut ecs, &overrides), 0);
    ecs.fate("web:v1", Fate::TaskExit { code: 3, after: 20 });
    assert_eq!(end(&mut ecs, &overrides), 3);
    // Without another command it runs what the service runs.
    assert_eq!(end(&mut ecs, &json!({})), 9);
    ecs.fate("web:v1", Fate::Healthy);
    assert_eq!(end(&mut ecs, &overrides), 0);
}

#[test]
fn a_client_token_is_forgotten_with_its_tasks() {
    let mut ecs = Ecs::with_service();
    let overrides = json!({ "containerOverrides": [{ "name": "app", "command": ["migrate"] }] });
    let input = run(&json!({ "clientToken": "t1", "overrides": overrides }));
    let first = ecs.ok("RunTask", &input)["tasks"][0]["taskArn"].clone();
    ecs.wait(60);
    assert_eq!(ecs.ok("RunTask", &input)["tasks"][0]["taskArn"], first);
    ecs.wait(2 * 3600);
    assert_ne!(ecs.ok("RunTask", &input)["tasks"][0]["taskArn"], first);
}

#[test]
fn a_client_token_makes_a_run_idempotent() {
    let ecs = Ecs::with_service();
    let input = run(&json!({ "clientToken": "t1" }));
    let first = ecs.ok("RunTask", &input)["tasks"][0]["taskArn"].clone();
    assert_eq!(ecs.ok("RunTask", &input)["tasks"][0]["taskArn"], first);
    let other = run(&json!({ "clientToken": "t1", "count": 2 }));
    assert_eq!(ecs.refused("RunTask", &other).0, "ConflictException");
}

#[test]
fn wrong_runs_are_refused() {
    let ecs = Ecs::with_service();
    let overrides = json!({ "containerOverrides": [{ "name": "other" }] });
    for (input, words) in [
        (run(&json!({ "count": 11 })), "count must be"),
        (run(&json!({ "overrides": overrides })), "Override for container named other"),
        (run(&json!({ "taskDefinition": "nothing" })), "TaskDefinition not found."),
        (run(&json!({ "networkConfiguration": null })), "Network Configuration must be provided"),
        (run(&json!({ "cluster": "d" })), "Cluster not found."),
    ] {
        let (_, message) = ecs.refused("RunTask", &input);
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_stopped_task_of_a_service_says_so_and_is_replaced() {
    let mut ecs = Ecs::with_service();
    let tasks =
        ecs.ok("ListTasks", &json!({ "cluster": "c", "family": "web" }))["taskArns"].clone();
    let input = json!({ "cluster": "c", "task": tasks[0], "reason": "by hand" });
    let task = ecs.ok("StopTask", &input)["task"].clone();
    assert_eq!(task["desiredStatus"], "STOPPED");
    assert_eq!(
        (&task["stopCode"], &task["stoppedReason"]),
        (&json!("UserInitiated"), &json!("by hand"))
    );
    ecs.wait(30);
    let running = ecs.ok("ListTasks", &json!({ "cluster": "c" }))["taskArns"].clone();
    assert_eq!(running.as_array().unwrap().len(), 2);
    assert!(!running.as_array().unwrap().contains(&tasks[0]));
    let (code, message) = ecs.refused("StopTask", &json!({ "cluster": "c", "task": "0f" }));
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidParameterException", "The referenced task was not found.")
    );
}

#[test]
fn started_by_is_a_filter_of_its_own() {
    let ecs = Ecs::with_service();
    let id = ecs.service()["deployments"][0]["id"].clone();
    let tasks = ecs.ok("ListTasks", &json!({ "cluster": "c", "startedBy": id }));
    assert_eq!(tasks["taskArns"].as_array().unwrap().len(), 2);
    let input = json!({ "cluster": "c", "startedBy": id, "serviceName": "web" });
    assert_eq!(ecs.refused("ListTasks", &input).0, "InvalidParameterException");
    let input = json!({ "cluster": "c", "serviceName": "none" });
    assert_eq!(ecs.refused("ListTasks", &input).0, "ServiceNotFoundException");
    let none = ecs.ok("ListTasks", &json!({ "cluster": "c", "family": "other" }));
    assert_eq!(none["taskArns"], json!([]));
    let first = ecs.ok("ListTasks", &json!({ "cluster": "c", "maxResults": 1 }));
    let input = json!({ "cluster": "c", "maxResults": 1, "nextToken": first["nextToken"] });
    let second = ecs.ok("ListTasks", &input);
    assert_ne!(first["taskArns"], second["taskArns"]);
    assert!(second.get("nextToken").is_none());
}

#[test]
fn tags_are_set_and_removed() {
    let ecs = Ecs::with_service();
    let service = ecs.service();
    let input = run(&json!({ "tags": [{ "key": "a", "value": "1" }] }));
    let task = ecs.ok("RunTask", &input)["tasks"][0]["taskArn"].clone();
    for arn in [&service["serviceArn"], &service["clusterArn"], &service["taskDefinition"], &task] {
        let tags = json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "2" }]);
        ecs.ok("TagResource", &json!({ "resourceArn": arn, "tags": tags }));
        let listed = ecs.ok("ListTagsForResource", &json!({ "resourceArn": arn }));
        assert_eq!(listed["tags"], tags, "{arn}");
        ecs.ok("UntagResource", &json!({ "resourceArn": arn, "tagKeys": ["a"] }));
        let listed = ecs.ok("ListTagsForResource", &json!({ "resourceArn": arn }));
        assert_eq!(listed["tags"], json!([{ "key": "b", "value": "2" }]));
    }
    let missing = json!({
        "resourceArn": "arn:aws:ecs:eu-west-1:000000000000:service/c/none",
        "tags": [{ "key": "a", "value": "" }],
    });
    assert_eq!(ecs.refused("TagResource", &missing).0, "ResourceNotFoundException");
    let many: Vec<Value> =
        (0..51).map(|number| json!({ "key": number.to_string(), "value": "" })).collect();
    let input = json!({ "resourceArn": service["serviceArn"], "tags": many });
    assert_eq!(ecs.refused("TagResource", &input).0, "InvalidParameterException");
    let input = json!({ "cluster": "c", "services": ["web"], "include": ["TAGS"] });
    let described = ecs.ok("DescribeServices", &input);
    assert_eq!(described["services"][0]["tags"], json!([{ "key": "b", "value": "2" }]));
}

/// What a deployer does, through the SDK's own client.
#[tokio::test]
async fn the_sdk_s_client_is_understood() {
    use aws_sdk_ecs::{
        Client, Config,
        config::{BehaviorVersion, Credentials, Region},
        types::{AwsVpcConfiguration, Compatibility, ContainerDefinition, NetworkConfiguration},
        types::{LaunchType, NetworkMode, ServiceDeploymentStatus},
    };
    let sandbox = crate::sandbox::testing::Service::new(super::answer);
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .http_client(sandbox)
        .build();
    let client = Client::from_conf(config);
    client.create_cluster().cluster_name("c").send().await.unwrap();
    let container = ContainerDefinition::builder().name("app").image("web:v1").build();
    let registered = client
        .register_task_definition()
        .family("web")
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .cpu("256")
        .memory("512")
        .container_definitions(container)
        .send()
        .await
        .unwrap();
    let definition = registered.task_definition().unwrap().task_definition_arn().unwrap();
    let vpc = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
    let network = NetworkConfiguration::builder().awsvpc_configuration(vpc).build();
    let created = client
        .create_service()
        .cluster("c")
        .service_name("web")
        .task_definition(definition)
        .desired_count(1)
        .launch_type(LaunchType::Fargate)
        .network_configuration(network)
        .send()
        .await
        .unwrap();
    let arn = created.service().unwrap().current_service_deployment().unwrap().to_owned();
    let mut seen = Vec::new();
    // The clock goes on a second with each request.
    for _ in 0..60 {
        let described =
            client.describe_service_deployments().service_deployment_arns(&arn).send().await;
        let described = described.unwrap();
        seen.push(described.service_deployments()[0].status().unwrap().clone());
    }
    seen.dedup();
    assert_eq!(seen, [ServiceDeploymentStatus::InProgress, ServiceDeploymentStatus::Successful]);
    let missing = client.update_service().cluster("c").service("none").send().await.unwrap_err();
    assert!(missing.into_service_error().is_service_not_found_exception());
}
