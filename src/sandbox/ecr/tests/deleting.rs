//! `BatchGetImage` and `BatchDeleteImage`, and what fails of them.

use serde_json::{Value, json};

use super::{OCI_IMAGE, index, put, registry};
use crate::sandbox::testing::Service;

/// A request about some images.
fn batch(ids: &Value) -> Value {
    json!({"repositoryName": "app", "imageIds": ids})
}

/// The codes of an answer's failures.
fn codes(answer: &Value) -> Vec<&str> {
    let failures = answer["failures"].as_array().unwrap().iter();
    failures.map(|failure| failure["failureCode"].as_str().unwrap()).collect()
}

/// Deletes one image or tag that can be deleted.
fn delete(registry: &Service, id: &Value) -> Value {
    let answer = registry.get("BatchDeleteImage", &batch(&json!([id])));
    assert_eq!(answer["failures"], json!([]));
    answer["imageIds"].clone()
}

#[test]
fn what_one_image_lacks_is_no_error_of_the_batch() {
    let registry = registry();
    let one = registry.push("one", Some("v1"));
    registry.push("two", Some("v2"));
    let answer = registry.get(
        "BatchGetImage",
        &batch(&json!([
            {"imageTag": "v1"},
            {"imageDigest": one, "imageTag": "v1"},
            {"imageDigest": one},
            {"imageTag": "none"},
            {},
            {"imageDigest": "sha256:12"},
            {"imageTag": "a b"},
            {"imageDigest": one, "imageTag": "v2"},
        ])),
    );
    let digests: Vec<_> =
        answer["images"].as_array().unwrap().iter().map(|i| &i["imageId"]["imageDigest"]).collect();
    assert_eq!(digests, [&json!(one); 3]);
    assert_eq!(
        codes(&answer),
        [
            "ImageNotFound",
            "MissingDigestAndTag",
            "InvalidImageDigest",
            "InvalidImageTag",
            "ImageTagDoesNotMatchDigest"
        ]
    );
}

#[test]
fn an_image_of_a_type_that_is_not_accepted_is_not_found() {
    let registry = registry();
    registry.push("one", Some("v1"));
    let ask = |types: &[&str]| {
        let mut body = batch(&json!([{"imageTag": "v1"}]));
        body["acceptedMediaTypes"] = json!(types);
        registry.get("BatchGetImage", &body)
    };
    assert_eq!(ask(&[super::OCI_INDEX, OCI_IMAGE])["images"].as_array().unwrap().len(), 1);
    assert_eq!(codes(&ask(&[super::OCI_INDEX])), ["ImageNotFound"]);
}

#[test]
fn a_batch_has_one_to_a_hundred_ids_of_a_repository_that_exists() {
    let registry = registry();
    let ids =
        |n: usize| json!((0..n).map(|i| json!({"imageTag": format!("t{i}")})).collect::<Vec<_>>());
    for operation in ["BatchGetImage", "BatchDeleteImage"] {
        assert_eq!(codes(&registry.get(operation, &batch(&ids(100)))).len(), 100);
        for wrong in [ids(0), ids(101)] {
            assert_eq!(registry.refused(operation, &batch(&wrong)), "InvalidParameterException");
        }
        let elsewhere = json!({"repositoryName": "none", "imageIds": ids(1)});
        assert_eq!(registry.refused(operation, &elsewhere), "RepositoryNotFoundException");
    }
}

#[test]
fn an_image_goes_with_its_last_tag_or_by_its_digest() {
    let registry = registry();
    let one = registry.push("one", Some("a"));
    registry.push("one", Some("b"));
    let id = |tag: &str| json!({"imageDigest": one, "imageTag": tag});
    assert_eq!(delete(&registry, &json!({"imageTag": "a"})), json!([id("a")]));
    assert_eq!(registry.tags(), [(one.clone(), vec!["b".to_owned()])]);
    assert_eq!(delete(&registry, &json!({"imageTag": "b"})), json!([id("b")]));
    assert_eq!(registry.tags(), []);
    registry.push("one", Some("a"));
    registry.push("one", Some("b"));
    assert_eq!(delete(&registry, &json!({"imageDigest": one})), json!([id("a"), id("b")]));
    let answer = registry.get("BatchDeleteImage", &batch(&json!([{"imageTag": "a"}])));
    assert_eq!(codes(&answer), ["ImageNotFound"]);
}

#[test]
fn an_image_that_a_list_has_cannot_go() {
    let registry = registry();
    let child = registry.push("one", None);
    registry.get("PutImage", &put(&index(&[&child]), Some("multi")));
    let ids = json!([{"imageDigest": child}]);
    let answer = registry.get("BatchDeleteImage", &batch(&ids));
    assert_eq!(codes(&answer), ["ImageReferencedByManifestList"]);
    delete(&registry, &json!({"imageTag": "multi"}));
    delete(&registry, &json!({"imageDigest": child}));
    assert_eq!(registry.tags(), []);
}
