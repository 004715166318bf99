//! `DescribeImages` and `ListImages`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::registry;
use crate::sandbox::{
    ecr::admin::{self, ImageOptions},
    testing::{Service, scope},
};

/// All entries of a listing, page after page.
fn all(registry: &Service, operation: &str, member: &str, mut body: Value) -> Vec<Value> {
    let mut entries = Vec::new();
    loop {
        let answer = registry.get(operation, &body);
        let page = answer[member].as_array().unwrap();
        assert!(page.len() <= usize::try_from(body["maxResults"].as_i64().unwrap_or(100)).unwrap());
        entries.extend(page.clone());
        match answer.get("nextToken") {
            Some(token) => body["nextToken"] = token.clone(),
            None => return entries,
        }
    }
}

#[test]
fn an_image_is_described_in_full() {
    let registry = registry();
    let digest = registry.push("one", Some("v1"));
    let pushed_at = registry.now();
    registry.push("one", Some("v2"));
    let answer = registry.get("DescribeImages", &json!({"repositoryName": "app"}));
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let seconds = pushed_at.as_millisecond() as f64 / 1000.0;
    assert_eq!(
        answer["imageDetails"],
        json!([{"registryId": "000000000000", "repositoryName": "app", "imageDigest": digest,
            "imageTags": ["v1", "v2"], "imageSizeInBytes": 13, "imagePushedAt": seconds,
            "imageManifestMediaType": super::OCI_IMAGE, "imageStatus": "ACTIVE"}])
    );
}

#[test]
fn one_missing_id_is_an_error_of_the_whole_call() {
    let registry = registry();
    let digest = registry.push("one", Some("v1"));
    let ask = |ids: Value| json!({"repositoryName": "app", "imageIds": ids});
    let both = ask(json!([{"imageTag": "v1"}, {"imageDigest": digest}]));
    assert_eq!(registry.get("DescribeImages", &both)["imageDetails"].as_array().unwrap().len(), 1);
    let missing = ask(json!([{"imageTag": "v1"}, {"imageTag": "none"}]));
    let refusal = registry.ask("DescribeImages", &missing).unwrap_err();
    assert_eq!(refusal.code, "ImageNotFoundException");
    assert_eq!(
        refusal.members["message"],
        "The image with imageId {imageDigest:'null', imageTag:'none'} does not exist within the \
         repository with name 'app' in the registry with id '000000000000'"
    );
    for (body, expected) in [
        (ask(json!([])), "InvalidParameterException"),
        (ask(json!([{}])), "InvalidParameterException".trim_end()),
        (ask(json!([{"imageDigest": "x"}])), "InvalidParameterException"),
        (json!({"repositoryName": "none"}), "RepositoryNotFoundException"),
        (json!({"repositoryName": "app", "maxResults": 1001}), "InvalidParameterException"),
        (json!({"repositoryName": "app", "nextToken": "x"}), "InvalidParameterException"),
        (
            json!({"repositoryName": "app", "filter": {"tagStatus": "SOME"}}),
            "InvalidParameterException",
        ),
        (
            json!({"repositoryName": "app", "imageIds": [{"imageTag": "v1"}], "maxResults": 1}),
            "InvalidParameterException",
        ),
    ] {
        assert_eq!(registry.refused("DescribeImages", &body), expected, "{body}");
    }
}

#[test]
fn listings_filter_by_tag_and_status() {
    let registry = registry();
    let one = registry.push("one", Some("v1"));
    registry.push("one", Some("v2"));
    let two = registry.push("two", None);
    let list = |filter: Value| {
        let body = json!({"repositoryName": "app", "filter": filter});
        let ids = registry.get("ListImages", &body)["imageIds"].clone();
        let described = registry.get("DescribeImages", &body)["imageDetails"].clone();
        (ids, described.as_array().unwrap().len())
    };
    let tag = |tag: &str| json!({"imageDigest": one, "imageTag": tag});
    assert_eq!(list(json!({"tagStatus": "TAGGED"})), (json!([tag("v1"), tag("v2")]), 1));
    assert_eq!(list(json!({"tagStatus": "UNTAGGED"})), (json!([{"imageDigest": two}]), 1));
    assert_eq!(list(json!({"tagStatus": "ANY"})).1, 2);
    assert_eq!(list(json!({"imageStatus": "ARCHIVED"})), (json!([]), 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pages_together_are_all_images_once(
        tags in proptest::collection::btree_set("[a-z]{1,3}", 0..12),
        moved in 0_usize..4,
        size in 1_usize..=5,
    ) {
        let registry = registry();
        let put = |tag: &str, revision: &str| {
            let revision = Some(revision.to_owned());
            let options = ImageOptions { revision, created: registry.now() };
            registry.transact(|tx| admin::put_image(tx, &scope(), "app", tag, &options)).unwrap()
        };
        let mut digests: Vec<_> = tags.iter().map(|tag| put(tag, "first")).collect();
        digests.extend(tags.iter().take(moved).map(|tag| put(tag, "second")));
        digests.sort();
        let body = json!({"repositoryName": "app", "maxResults": size});
        let described = all(&registry, "DescribeImages", "imageDetails", body.clone());
        let found = described.iter().map(|image| image["imageDigest"].as_str().unwrap());
        prop_assert_eq!(found.collect::<Vec<_>>(), digests.iter().collect::<Vec<_>>());
        let listed = all(&registry, "ListImages", "imageIds", body);
        let mut listed_tags: Vec<_> =
            listed.iter().filter_map(|id| id["imageTag"].as_str()).collect();
        listed_tags.sort_unstable();
        prop_assert_eq!(listed_tags, tags.iter().collect::<Vec<_>>());
        prop_assert_eq!(listed.len(), digests.len());
    }
}
