//! `PutImage`: bytes, digests, tags that move and tags that do not.

use serde_json::json;

use super::{OCI_IMAGE, index, put, registry};
use crate::sandbox::{ecr::manifest::digest_of, testing::Service};

#[test]
fn the_manifest_is_kept_byte_for_byte() {
    let registry = registry();
    let manifest = registry.manifest("one");
    let answer = registry.get("PutImage", &put(&manifest, Some("v1")));
    let digest = digest_of(manifest.as_bytes());
    let expected = json!({"registryId": "000000000000", "repositoryName": "app",
        "imageId": {"imageDigest": digest, "imageTag": "v1"},
        "imageManifest": manifest, "imageManifestMediaType": OCI_IMAGE});
    assert_eq!(answer["image"], expected);
    let by_tag = json!({"repositoryName": "app", "imageIds": [{"imageTag": "v1"}]});
    assert_eq!(registry.get("BatchGetImage", &by_tag)["images"], json!([expected]));
}

#[test]
fn a_tag_that_moves_leaves_the_old_image_untagged() {
    let registry = registry();
    let one = registry.push("one", Some("latest"));
    let two = registry.push("two", Some("latest"));
    let mut expected = vec![(one.clone(), vec![]), (two, vec!["latest".to_owned()])];
    expected.sort();
    assert_eq!(registry.tags(), expected);
    let old = json!({"repositoryName": "app", "imageIds": [{"imageDigest": one}]});
    assert_eq!(registry.get("BatchGetImage", &old)["failures"], json!([]));
}

#[test]
fn an_image_may_have_many_tags() {
    let registry = registry();
    let one = registry.push("one", Some("v1"));
    registry.push("one", Some("env.prod"));
    assert_eq!(registry.tags(), [(one, vec!["env.prod".to_owned(), "v1".to_owned()])]);
}

#[test]
fn the_same_again_is_refused() {
    let registry = registry();
    let manifest = registry.manifest("one");
    registry.get("PutImage", &put(&manifest, None));
    assert_eq!(registry.refused("PutImage", &put(&manifest, None)), "ImageAlreadyExistsException");
    registry.get("PutImage", &put(&manifest, Some("v1")));
    let again = registry.refused("PutImage", &put(&manifest, Some("v1")));
    assert_eq!(again, "ImageAlreadyExistsException");
}

/// What pushing another image, or the same one, to an existing tag is answered with.
fn moved(registry: &Service, tag: &str, name: &str) -> Option<String> {
    let manifest = registry.manifest(name);
    registry.ask("PutImage", &put(&manifest, Some(tag))).err().map(|refusal| refusal.code)
}

#[test]
fn mutability_says_which_tags_move() {
    let filters = json!([{"filterType": "WILDCARD", "filter": "env.*"}]);
    let taken = Some("ImageTagAlreadyExistsException".to_owned());
    for (setting, filters, version, environment) in [
        ("MUTABLE", None, None, None),
        ("IMMUTABLE", None, taken.clone(), taken.clone()),
        ("IMMUTABLE_WITH_EXCLUSION", Some(&filters), taken.clone(), None),
        ("MUTABLE_WITH_EXCLUSION", Some(&filters), None, taken.clone()),
    ] {
        let registry = registry();
        registry.push("one", Some("v1"));
        registry.push("one", Some("env.prod"));
        let mut body = json!({"repositoryName": "app", "imageTagMutability": setting});
        if let Some(filters) = filters {
            body["imageTagMutabilityExclusionFilters"] = filters.clone();
        }
        let answer = registry.get("PutImageTagMutability", &body);
        assert_eq!(answer["imageTagMutability"], setting);
        assert_eq!(moved(&registry, "v1", "two"), version, "{setting}");
        assert_eq!(moved(&registry, "env.prod", "two"), environment, "{setting}");
        assert_eq!(moved(&registry, "new", "two"), None, "{setting}: a new tag is no move");
        if setting == "IMMUTABLE" {
            assert_eq!(moved(&registry, "v1", "one"), taken, "not even to where it is");
        }
    }
}

#[test]
fn pushes_that_break_a_rule_are_refused_and_change_nothing() {
    let registry = registry();
    let manifest = registry.manifest("one");
    let digest = format!("sha256:{}", "0".repeat(64));
    let bare = manifest.replace(&format!("\"mediaType\": \"{OCI_IMAGE}\","), "");
    assert_ne!(bare, manifest);
    let lost = manifest.replace(&digest_of(b"one"), &digest);
    let with = |manifest: &str, member: &str, value: &str| {
        let mut body = put(manifest, Some("v1"));
        body[member] = json!(value);
        body
    };
    for (body, expected) in [
        (with(&manifest, "imageDigest", &digest), "ImageDigestDoesNotMatchException"),
        (with(&manifest, "repositoryName", "none"), "RepositoryNotFoundException"),
        (with(&manifest, "repositoryName", "Bad"), "InvalidParameterException"),
        (with(&manifest, "registryId", "12"), "InvalidParameterException"),
        (with(&manifest, "registryId", "111111111111"), "RepositoryNotFoundException"),
        (with(&manifest, "imageTag", "a b"), "InvalidParameterException"),
        (with(&manifest, "imageTag", ""), "InvalidParameterException"),
        (with(&manifest, "imageTag", &"x".repeat(301)), "InvalidParameterException"),
        (with(&manifest, "imageManifestMediaType", super::OCI_INDEX), "InvalidParameterException"),
        (put(&bare, Some("v1")), "InvalidParameterException"),
        (put("{", Some("v1")), "InvalidParameterException"),
        (put(&lost, Some("v1")), "LayersNotFoundException"),
        (put(&index(&[&digest]), Some("v1")), "ReferencedImagesNotFoundException"),
        (json!({"repositoryName": 1}), "SerializationException"),
    ] {
        assert_eq!(registry.refused("PutImage", &body), expected, "{body}");
    }
    assert_eq!(registry.tags(), []);
    registry.get("PutImage", &with(&bare, "imageManifestMediaType", OCI_IMAGE));
}

#[test]
fn a_list_needs_its_images_and_has_the_size_of_the_biggest() {
    let registry = registry();
    let (small, big) = (registry.push("s", None), registry.push("bigger", None));
    registry.get("PutImage", &put(&index(&[&small, &big]), Some("multi")));
    let body = json!({"repositoryName": "app", "imageIds": [{"imageTag": "multi"}]});
    let image = &registry.get("DescribeImages", &body)["imageDetails"][0];
    assert_eq!(image["imageSizeInBytes"], 16);
    assert_eq!(image["imageManifestMediaType"], super::OCI_INDEX);
}
