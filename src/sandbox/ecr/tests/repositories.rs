//! Repositories, their tags and policies, and registries.

use serde_json::{Value, json};

use super::{put, registry};
use crate::sandbox::{call::Scope, testing::scope};

#[test]
fn a_repository_is_created_described_and_deleted() {
    let registry = registry();
    let body = json!({"repositoryName": "team/web",
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "env.*"}],
        "imageScanningConfiguration": {"scanOnPush": true},
        "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/k"},
        "tags": [{"Key": "team", "Value": "a"}]});
    let created = registry.get("CreateRepository", &body)["repository"].clone();
    assert_eq!(created["repositoryArn"], "arn:aws:ecr:eu-west-1:000000000000:repository/team/web");
    assert_eq!(created["repositoryUri"], "000000000000.dkr.ecr.eu-west-1.amazonaws.com/team/web");
    assert_eq!(created["registryId"], "000000000000");
    assert!(created["createdAt"].is_f64());
    for member in [
        "imageTagMutability",
        "imageTagMutabilityExclusionFilters",
        "imageScanningConfiguration",
        "encryptionConfiguration",
    ] {
        assert_eq!(created[member], body[member], "{member}");
    }
    assert_eq!(registry.refused("CreateRepository", &body), "RepositoryAlreadyExistsException");
    let one = json!({"repositoryNames": ["team/web"]});
    assert_eq!(registry.get("DescribeRepositories", &one)["repositories"], json!([created]));
    let all = registry.get("DescribeRepositories", &json!({}));
    assert_eq!(all["repositories"].as_array().unwrap().len(), 2);
    registry.get("DeleteRepository", &json!({"repositoryName": "team/web"}));
    assert_eq!(registry.refused("DescribeRepositories", &one), "RepositoryNotFoundException");
}

#[test]
fn requests_that_break_a_rule_are_refused() {
    let registry = registry();
    let filters = json!([{"filterType": "WILDCARD", "filter": "x"}]);
    let tags: Vec<_> = (0..51).map(|i| json!({"Key": format!("k{i}"), "Value": ""})).collect();
    for (body, expected) in [
        (json!({"repositoryName": "Bad"}), "InvalidParameterException"),
        (json!({}), "InvalidParameterException"),
        (
            json!({"repositoryName": "x1", "imageTagMutability": "SOME"}),
            "InvalidParameterException",
        ),
        (
            json!({"repositoryName": "x1", "imageTagMutabilityExclusionFilters": filters}),
            "InvalidParameterException",
        ),
        (
            json!({"repositoryName": "x1", "encryptionConfiguration": {"encryptionType": "NONE"}}),
            "InvalidParameterException",
        ),
        (json!({"repositoryName": "x1", "tags": tags}), "TooManyTagsException"),
        (
            json!({"repositoryName": "x1", "tags": [{"Key": "", "Value": ""}]}),
            "InvalidTagParameterException",
        ),
    ] {
        assert_eq!(registry.refused("CreateRepository", &body), expected, "{body}");
    }
    let names = json!({"repositoryNames": ["app"], "maxResults": 1});
    assert_eq!(registry.refused("DescribeRepositories", &names), "InvalidParameterException");
    assert_eq!(registry.refused("SetRepositoryPolicy", &json!({})), "UnknownOperationException");
}

#[test]
fn a_repository_with_images_goes_by_force_with_all_that_is_in_it() {
    let registry = registry();
    registry.push("one", Some("v1"));
    let body = json!({"repositoryName": "app"});
    assert_eq!(registry.refused("DeleteRepository", &body), "RepositoryNotEmptyException");
    registry.get("DeleteRepository", &json!({"repositoryName": "app", "force": true}));
    registry.get("CreateRepository", &body);
    assert_eq!(registry.tags(), []);
    let layers = json!({"repositoryName": "app", "layerDigests": [super::digest_of(b"one")]});
    let layers = registry.get("BatchCheckLayerAvailability", &layers);
    assert_eq!(layers["layers"][0]["layerAvailability"], "UNAVAILABLE");
}

#[test]
fn repositories_come_in_pages() {
    let registry = registry();
    for number in 0..5 {
        registry.get("CreateRepository", &json!({"repositoryName": format!("r{number}")}));
    }
    let (mut names, mut body) = (Vec::new(), json!({"maxResults": 2}));
    loop {
        let answer = registry.get("DescribeRepositories", &body);
        let page = answer["repositories"].as_array().unwrap();
        names.extend(page.iter().map(|r| r["repositoryName"].as_str().unwrap().to_owned()));
        let Some(token) = answer.get("nextToken") else { break };
        body["nextToken"] = token.clone();
    }
    assert_eq!(names, ["app", "r0", "r1", "r2", "r3", "r4"]);
}

#[test]
fn a_repository_has_tags_and_no_policies() {
    let registry = registry();
    let arn = json!("arn:aws:ecr:eu-west-1:000000000000:repository/app");
    let tags = json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]);
    registry.get("TagResource", &json!({"resourceArn": arn, "tags": tags}));
    registry.get("UntagResource", &json!({"resourceArn": arn, "tagKeys": ["a", "none"]}));
    let left = registry.get("ListTagsForResource", &json!({"resourceArn": arn}));
    assert_eq!(left["tags"], json!([{"Key": "b", "Value": "2"}]));
    let bad = json!({"resourceArn": "app"});
    assert_eq!(registry.refused("ListTagsForResource", &bad), "InvalidParameterException");
    for (operation, expected) in [
        ("GetLifecyclePolicy", "LifecyclePolicyNotFoundException"),
        ("GetRepositoryPolicy", "RepositoryPolicyNotFoundException"),
    ] {
        assert_eq!(registry.refused(operation, &json!({"repositoryName": "app"})), expected);
        let none = json!({"repositoryName": "none"});
        assert_eq!(registry.refused(operation, &none), "RepositoryNotFoundException");
    }
}

#[test]
fn a_token_is_valid_for_twelve_hours() {
    let registry = registry();
    let answer = registry.get("GetAuthorizationToken", &json!({}));
    let data = &answer["authorizationData"][0];
    let left = data["expiresAt"].as_f64().unwrap() - registry.now().as_duration().as_secs_f64();
    assert!((left - 43_200.0).abs() < 0.01, "{left}");
    assert_eq!(data["proxyEndpoint"], "https://000000000000.dkr.ecr.eu-west-1.amazonaws.com");
    let two = json!({"registryIds": ["111111111111", "222222222222"]});
    let answer = registry.get("GetAuthorizationToken", &two);
    assert_eq!(answer["authorizationData"].as_array().unwrap().len(), 2);
    let body = json!({"registryIds": []});
    assert_eq!(registry.refused("GetAuthorizationToken", &body), "InvalidParameterException");
}

#[test]
fn another_account_pulls_by_naming_the_registry() {
    let registry = registry();
    let manifest = registry.manifest("one");
    registry.get("PutImage", &put(&manifest, Some("v1")));
    let other = Scope { account: "111111111111".to_owned(), ..scope() };
    let ids = json!([{"imageTag": "v1"}]);
    let ask = |registry_id: Value| json!({"repositoryName": "app", "imageIds": ids, "registryId": registry_id});
    let pulled = registry.ask_in(&other, "BatchGetImage", &ask(json!("000000000000"))).unwrap();
    assert_eq!(pulled["images"][0]["imageManifest"], json!(manifest));
    let own = registry.ask_in(&other, "BatchGetImage", &ask(json!("111111111111"))).unwrap_err();
    assert_eq!(own.code, "RepositoryNotFoundException");
}
