//! The registry against an ECR that the tests play.

use serde_json::{Value, json};

use super::{manifest::digest_of, *};
use crate::{
    backend::testing::{Answer, FakeAws, Seen},
    model::ImageUri,
};

const HOST: &str = "111111111111.dkr.ecr.eu-west-1.amazonaws.com";

fn uri(text: &str) -> ImageUri {
    ImageUri::parse(text).unwrap()
}

/// A digest of one digit.
fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

async fn registry(handler: impl FnMut(&Seen) -> Answer + Send + 'static) -> (FakeAws, Registry) {
    let aws = FakeAws::new(handler);
    let registry = Registry::new(aws.session().await);
    (aws, registry)
}

/// An ECR in which every tag but `gone` exists, all with the same manifest.
fn ecr(manifest: &str) -> impl FnMut(&Seen) -> Answer + Send + 'static {
    let (manifest, digest) = (manifest.to_owned(), digest_of(manifest.as_bytes()));
    move |seen| {
        let body = seen.json();
        let (mut images, mut failures) = (Vec::new(), Vec::new());
        let ids = body["imageIds"].as_array().unwrap();
        assert!(ids.len() <= 100);
        for id in ids {
            let failed = |code: &str| json!({ "imageId": id, "failureCode": code });
            if id["imageTag"] == "gone" {
                failures.push(failed("ImageNotFound"));
            } else if id["imageDigest"].is_string() && id["imageDigest"] != digest.as_str() {
                failures.push(failed("ImageTagDoesNotMatchDigest"));
            } else {
                let mut id = id.clone();
                id["imageDigest"] = Value::from(digest.as_str());
                images.push(json!({ "imageId": id, "imageManifest": manifest }));
            }
        }
        Answer::json(&json!({ "images": images, "failures": failures }))
    }
}

#[tokio::test]
async fn uris_are_resolved_a_hundred_a_request_in_their_own_region_and_account() {
    let manifest = json!({ "annotations": { "org.opencontainers.image.revision": "abc" } });
    let (aws, registry) = registry(ecr(&manifest.to_string())).await;
    let mut uris: Vec<_> = (0..150).map(|tag| uri(&format!("{HOST}/team/app:{tag}"))).collect();
    let gone = uri(&format!("{HOST}/team/other:gone"));
    let elsewhere = uri("222222222222.dkr.ecr.us-east-1.amazonaws.com/app:1");
    let public = uri("public.ecr.aws/nginx/nginx:1.27");
    uris.extend([gone.clone(), elsewhere.clone(), public.clone(), uris[0].clone()]);
    let resolved = registry.resolve(&uris).await.unwrap();
    assert_eq!(resolved.len(), 153);
    let found = Resolution::Found {
        digest: Digest::parse(&digest_of(manifest.to_string().as_bytes())).unwrap(),
        platforms: Vec::new(),
        revision: Some(ReleaseHash::new("abc")),
    };
    assert_eq!(resolved[&uris[0]], found);
    assert_eq!(resolved[&elsewhere], found);
    assert_eq!(resolved[&public], Resolution::NotAsked);
    assert_eq!(resolved[&gone], Resolution::Missing { reason: "ECR has no such image".to_owned() });

    let seen = aws.seen();
    assert_eq!(seen.len(), 4);
    let abroad = seen.iter().find(|seen| seen.json()["registryId"] == "222222222222").unwrap();
    assert!(abroad.uri.contains("us-east-1"), "{}", abroad.uri);
    assert_eq!(abroad.json()["repositoryName"], "app");
    assert_eq!(abroad.json()["acceptedMediaTypes"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_tag_that_has_moved_from_its_digest_is_told_apart() {
    let (aws, registry) = registry(ecr("{}")).await;
    let right = uri(&format!("{HOST}/app:1@{}", digest_of(b"{}")));
    let moved = uri(&format!("{HOST}/app:1@{}", digest('a')));
    let resolved = registry.resolve(&[right.clone(), moved.clone()]).await.unwrap();
    assert!(matches!(resolved[&right], Resolution::Found { .. }));
    assert_eq!(resolved[&moved], Resolution::TagMoved);
    assert_eq!(aws.seen().len(), 1);
}

#[tokio::test]
async fn a_missing_repository_is_an_answer_and_a_denial_is_not() {
    let app = uri(&format!("{HOST}/app:1"));
    let (_, there_is_none) =
        registry(|_| Answer::error("RepositoryNotFoundException", "not found")).await;
    let resolved = there_is_none.resolve(std::slice::from_ref(&app)).await.unwrap();
    let reason = "there is no ECR repository `app` in account 111111111111, eu-west-1".to_owned();
    assert_eq!(resolved[&app], Resolution::Missing { reason });
    let (_, denied) = registry(|_| Answer::error("AccessDeniedException", "no")).await;
    let error = denied.resolve(&[app]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to look for images in ECR repository `app` of account 111111111111"
    );
}

/// An ECR with one index of one image, whose configuration holds the commit `abc`, and what an
/// asker for the configuration gets. Returns the index's digest too.
fn with_config(
    served: Option<&'static str>,
) -> (Digest, impl FnMut(&Seen) -> Answer + Send + 'static) {
    let config = r#"{"config":{"Labels":{"org.opencontainers.image.revision":"abc"}}}"#;
    let image = json!({ "config": { "digest": digest_of(config.as_bytes()) } }).to_string();
    let index = json!({ "manifests": [{
        "digest": digest_of(image.as_bytes()),
        "platform": { "os": "linux", "architecture": "arm64" },
    }] })
    .to_string();
    let wanted = Digest::parse(&digest_of(index.as_bytes())).unwrap();
    let handler = move |seen: &Seen| match seen.operation.as_str() {
        "BatchGetImage" => {
            let id = seen.json()["imageIds"][0].clone();
            let text = [&index, &image]
                .into_iter()
                .find(|text| id["imageDigest"] == digest_of(text.as_bytes()));
            Answer::json(&json!({ "images": [{ "imageId": id, "imageManifest": text }] }))
        }
        "GetDownloadUrlForLayer" => {
            assert_eq!(seen.json()["layerDigest"], digest_of(config.as_bytes()));
            Answer::raw(r#"{"downloadUrl":"https://blobs.example/config?signed=yes"}"#)
        }
        "GET" => {
            assert_eq!(seen.uri, "https://blobs.example/config?signed=yes");
            assert!(!seen.headers.contains_key("authorization"));
            Answer::Body(200, "application/octet-stream", served.unwrap_or(config).to_owned())
        }
        other => panic!("{other}"),
    };
    (wanted, handler)
}

#[tokio::test]
async fn a_commit_is_found_behind_index_manifest_and_configuration_and_kept() {
    let (digest, handler) = with_config(None);
    let (aws, registry) = registry(handler).await;
    let app = uri(&format!("{HOST}/app:1"));
    for _ in 0..2 {
        let hash = registry.release_hash(&app, &digest).await;
        assert_eq!(hash, Some(ReleaseHash::new("abc")));
    }
    let seen: Vec<_> = aws.seen().into_iter().map(|seen| seen.operation).collect();
    assert_eq!(seen, ["BatchGetImage", "BatchGetImage", "GetDownloadUrlForLayer", "GET"]);
    assert_eq!(registry.release_hash(&uri("nginx:1"), &digest).await, None);
}

#[tokio::test]
async fn a_configuration_that_is_not_its_digest_tells_nothing() {
    let forged = r#"{"config":{"Labels":{"org.opencontainers.image.revision":"forged"}}}"#;
    let (digest, handler) = with_config(Some(forged));
    let (_, registry) = registry(handler).await;
    assert_eq!(registry.release_hash(&uri(&format!("{HOST}/app:1")), &digest).await, None);
}

#[tokio::test]
async fn what_resolving_fetched_is_not_fetched_again() {
    let manifest = json!({ "annotations": { "org.opencontainers.image.revision": "abc" } });
    let (aws, registry) = registry(ecr(&manifest.to_string())).await;
    let app = uri(&format!("{HOST}/app:1"));
    let resolved = registry.resolve(std::slice::from_ref(&app)).await.unwrap();
    let Resolution::Found { digest, .. } = &resolved[&app] else { panic!("{resolved:?}") };
    assert_eq!(registry.release_hash(&app, digest).await, Some(ReleaseHash::new("abc")));
    assert_eq!(aws.seen().len(), 1);
}
