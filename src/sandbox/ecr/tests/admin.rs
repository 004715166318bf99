//! The registry as the sandbox itself uses it.

use serde_json::{Value, json};

use super::registry;
use crate::sandbox::{
    call::{Fault, Scope},
    ecr::{
        admin::{self, ImageOptions, Resolution},
        manifest::digest_of,
    },
    testing::{Service, code, scope},
};

/// Pushes a small image.
fn push(registry: &Service, tag: &str, revision: &str) -> Result<String, Fault> {
    let revision = Some(revision.to_owned());
    let options = ImageOptions { revision, created: registry.now() };
    registry.transact(|tx| admin::put_image(tx, &scope(), "app", tag, &options))
}

/// What a URI stands for.
fn resolve(registry: &Service, uri: &str) -> Resolution {
    registry.transact(|tx| admin::resolve(tx, uri)).unwrap()
}

/// Reads a layer by its URL.
fn layer(registry: &Service, digest: &str) -> Vec<u8> {
    let body = json!({"repositoryName": "app", "layerDigest": digest});
    let url = registry.get("GetDownloadUrlForLayer", &body)["downloadUrl"].clone();
    let (_, path) = url.as_str().unwrap().split_once("/_sandbox/layers/").unwrap();
    registry.transact(|tx| admin::layer(tx, path)).unwrap().unwrap().to_vec()
}

#[test]
fn a_pushed_image_tells_its_revision() {
    let registry = registry();
    let digest = push(&registry, "v1", "0123abc").unwrap();
    let body = json!({"repositoryName": "app", "imageIds": [{"imageDigest": digest}]});
    let image = registry.get("BatchGetImage", &body)["images"][0].clone();
    let text = image["imageManifest"].as_str().unwrap();
    assert_eq!(digest_of(text.as_bytes()), digest);
    let manifest: Value = serde_json::from_str(text).unwrap();
    assert_eq!(manifest["annotations"]["org.opencontainers.image.revision"], "0123abc");
    for blob in [&manifest["config"], &manifest["layers"][0]] {
        let bytes = layer(&registry, blob["digest"].as_str().unwrap());
        assert_eq!(json!(digest_of(&bytes)), blob["digest"]);
        assert_eq!(json!(bytes.len()), blob["size"]);
    }
    let config = layer(&registry, manifest["config"]["digest"].as_str().unwrap());
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.revision"], "0123abc");
}

#[test]
fn pushing_the_same_again_changes_nothing_and_another_revision_moves_the_tag() {
    let registry = registry();
    let first = push(&registry, "v1", "a").unwrap();
    assert_eq!(push(&registry, "v1", "a").unwrap(), first);
    let second = push(&registry, "v1", "b").unwrap();
    let mut expected = vec![(first.clone(), vec![]), (second, vec!["v1".to_owned()])];
    expected.sort();
    assert_eq!(registry.tags(), expected);
    assert_eq!(push(&registry, "v1", "a").unwrap(), first, "and back");
    let fixed = json!({"repositoryName": "app", "imageTagMutability": "IMMUTABLE"});
    registry.get("PutImageTagMutability", &fixed);
    let refused = push(&registry, "v1", "b").unwrap_err();
    assert_eq!(code(refused), "ImageTagAlreadyExistsException");
}

#[test]
fn a_uri_is_resolved_in_the_registry_that_it_names() {
    let registry = registry();
    let digest = push(&registry, "v1", "a").unwrap();
    let latest = push(&registry, "latest", "b").unwrap();
    let other = Scope { account: "111111111111".to_owned(), region: "eu-west-2".to_owned() };
    let options = ImageOptions { revision: None, created: registry.now() };
    let theirs =
        registry.transact(|tx| admin::put_image(tx, &other, "team/web", "v1", &options)).unwrap();
    let host = "000000000000.dkr.ecr.eu-west-1.amazonaws.com";
    let found = |digest: &String| Resolution::Digest(digest.clone());
    for (uri, expected) in [
        (format!("{host}/app:v1"), found(&digest)),
        (format!("{host}/app@{digest}"), found(&digest)),
        (format!("{host}/app:other@{digest}"), found(&digest)),
        (format!("{host}/app"), found(&latest)),
        ("000000000000.dkr.ecr-fips.eu-west-1.amazonaws.com/app:v1".to_owned(), found(&digest)),
        ("111111111111.dkr.ecr.eu-west-2.amazonaws.com/team/web:v1".to_owned(), found(&theirs)),
        (format!("{host}/app:none"), Resolution::NotFound),
        (format!("{host}/none:v1"), Resolution::NotFound),
        (format!("{host}/app@sha256:12"), Resolution::NotFound),
        ("public.ecr.aws/nginx/nginx:1".to_owned(), Resolution::OtherRegistry),
        ("nginx".to_owned(), Resolution::OtherRegistry),
        ("12.dkr.ecr.eu-west-1.amazonaws.com/app:v1".to_owned(), Resolution::OtherRegistry),
    ] {
        assert_eq!(resolve(&registry, &uri), expected, "{uri}");
    }
}

#[test]
fn images_are_deleted_and_tags_moved() {
    let registry = registry();
    let first = push(&registry, "v1", "a").unwrap();
    let second = push(&registry, "v2", "a").unwrap();
    let move_tag =
        |tag: &str, to: &str| registry.transact(|tx| admin::move_tag(tx, &scope(), "app", tag, to));
    let delete = |reference: &str| {
        registry.transact(|tx| admin::delete_image(tx, &scope(), "app", reference))
    };
    let uri = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/app:v1";
    move_tag("v1", "v2").unwrap();
    assert_eq!(resolve(&registry, uri), Resolution::Digest(second));
    move_tag("v1", &first).unwrap();
    assert_eq!(resolve(&registry, uri), Resolution::Digest(first.clone()));
    delete("v2").unwrap();
    delete(&first).unwrap();
    assert_eq!(registry.tags(), []);
    assert_eq!(code(delete("v1").unwrap_err()), "ImageNotFoundException");
    assert_eq!(code(move_tag("v1", "v2").unwrap_err()), "ImageNotFoundException");
}

#[test]
fn a_path_of_no_layer_is_none() {
    let registry = registry();
    for path in ["", "a/b", "000000000000/eu-west-1/app", "000000000000/eu-west-1/app/sha256:1"] {
        assert_eq!(registry.transact(|tx| admin::layer(tx, path)).unwrap(), None, "{path}");
    }
}
