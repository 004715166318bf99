//! Scalable targets, beside the services that they scale.

use serde_json::{Value, json};

use crate::sandbox::{autoscaling, ecs, testing::Service};

/// Application Auto Scaling with an ECS that has the services `a` and `b`.
fn service() -> Service {
    let service = Service::new(|call, transaction| {
        if call.operation.ends_with("ScalableTarget") || call.operation.ends_with("ScalableTargets")
        {
            autoscaling::answer(call, transaction)
        } else {
            ecs::answer(call, transaction)
        }
    });
    service.get("CreateCluster", &json!({ "clusterName": "shop" }));
    let container = json!({ "name": "web", "image": "web:v1", "memory": 128 });
    service.get(
        "RegisterTaskDefinition",
        &json!({ "family": "web", "containerDefinitions": [container] }),
    );
    for name in ["a", "b"] {
        let body = json!({
            "cluster": "shop", "serviceName": name, "taskDefinition": "web", "desiredCount": 0,
        });
        service.get("CreateService", &body);
    }
    service
}

/// A request about a service, with further members.
fn about(name: &str, more: &Value) -> Value {
    let mut body = json!({
        "ServiceNamespace": "ecs",
        "ResourceId": format!("service/shop/{name}"),
        "ScalableDimension": "ecs:service:DesiredCount",
    });
    let members = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    body
}

/// The bounds of each target, by what it scales.
fn bounds(service: &Service, asked: &Value) -> Vec<(String, i64, i64)> {
    let told = service.get("DescribeScalableTargets", asked);
    let targets = told["ScalableTargets"].as_array().unwrap().iter();
    targets
        .map(|target| {
            let id = target["ResourceId"].as_str().unwrap().to_owned();
            let bound = |name: &str| target[name].as_i64().unwrap();
            (id, bound("MinCapacity"), bound("MaxCapacity"))
        })
        .collect()
}

#[test]
fn targets_are_registered_told_and_taken_away() {
    let service = service();
    let arn = service
        .get("RegisterScalableTarget", &about("a", &json!({ "MinCapacity": 1, "MaxCapacity": 4 })))
        ["ScalableTargetARN"]
        .clone();
    service
        .get("RegisterScalableTarget", &about("b", &json!({ "MinCapacity": 2, "MaxCapacity": 2 })));
    let a = ("service/shop/a".to_owned(), 1, 4);
    let b = ("service/shop/b".to_owned(), 2, 2);
    let ecs = json!({ "ServiceNamespace": "ecs" });
    assert_eq!(bounds(&service, &ecs), [a.clone(), b.clone()]);
    let one =
        json!({ "ServiceNamespace": "ecs", "ResourceIds": ["service/shop/b", "service/x/y"] });
    assert_eq!(bounds(&service, &one), [b]);

    // What is not said stays, the ARN too.
    let again = service.get("RegisterScalableTarget", &about("a", &json!({ "MaxCapacity": 9 })));
    assert_eq!(again["ScalableTargetARN"], arn);
    let page = json!({ "ServiceNamespace": "ecs", "MaxResults": 1 });
    assert_eq!(bounds(&service, &page), [("service/shop/a".to_owned(), 1, 9)]);
    assert!(service.get("DescribeScalableTargets", &page)["NextToken"].is_string());

    service.get("DeregisterScalableTarget", &about("a", &json!({})));
    let refused = service.refused("DeregisterScalableTarget", &about("a", &json!({})));
    assert_eq!(refused, "ObjectNotFoundException");
    assert_eq!(bounds(&service, &ecs).len(), 1);
}

#[test]
fn what_cannot_be_scaled_is_refused() {
    let service = service();
    let bounds = json!({ "MinCapacity": 1, "MaxCapacity": 4 });
    let mut elsewhere = about("a", &bounds);
    elsewhere["ServiceNamespace"] = json!("dynamodb");
    let mut odd = about("a", &bounds);
    odd["ResourceId"] = json!("shop/a");
    for (body, words) in [
        (about("gone", &bounds), "ECS service doesn't exist: service/shop/gone"),
        (about("a", &json!({ "MinCapacity": 1 })), "Both minimum and maximum"),
        (about("a", &json!({ "MinCapacity": 5, "MaxCapacity": 4 })), "Maximum capacity cannot"),
        (elsewhere, "scales nothing of namespace dynamodb"),
        (odd, "Unsupported resource ID"),
    ] {
        let refusal = service.ask("RegisterScalableTarget", &body).unwrap_err();
        let message = refusal.members["Message"].as_str().unwrap();
        assert_eq!(refusal.code, "ValidationException", "{message}");
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(service.refused("DescribeScalableTargets", &json!({})), "ValidationException");
}

#[tokio::test]
async fn the_sdk_s_client_is_understood() {
    use aws_sdk_applicationautoscaling as sdk;
    let service = service();
    service
        .get("RegisterScalableTarget", &about("a", &json!({ "MinCapacity": 1, "MaxCapacity": 4 })));
    let configuration = sdk::Config::builder()
        .behavior_version(sdk::config::BehaviorVersion::latest())
        .region(sdk::config::Region::new("eu-west-1"))
        .credentials_provider(sdk::config::Credentials::new("a", "b", None, None, "test"))
        .http_client(service)
        .build();
    let client = sdk::Client::from_conf(configuration);
    let told = client
        .describe_scalable_targets()
        .service_namespace(sdk::types::ServiceNamespace::Ecs)
        .send()
        .await
        .unwrap();
    let target = &told.scalable_targets()[0];
    assert_eq!((target.min_capacity(), target.max_capacity()), (1, 4));
    assert_eq!(target.resource_id(), "service/shop/a");
    assert_eq!(target.suspended_state().unwrap().dynamic_scaling_in_suspended(), Some(false));
}
