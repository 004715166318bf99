//! Layers: uploading them, asking for them, and where they are read.

use aws_smithy_types::base64;
use serde_json::{Value, json};

use super::{put, registry};
use crate::sandbox::{
    ecr::{admin, manifest::digest_of},
    testing::Service,
};

/// Begins an upload; gives its id.
fn begin(registry: &Service) -> Value {
    registry.get("InitiateLayerUpload", &json!({"repositoryName": "app"}))["uploadId"].clone()
}

/// A request to upload a part.
fn part(id: &Value, first: usize, content: &[u8]) -> Value {
    json!({"repositoryName": "app", "uploadId": id, "partFirstByte": first,
        "partLastByte": first + content.len() - 1, "layerPartBlob": base64::encode(content)})
}

/// A request to complete an upload.
fn complete(id: &Value, digest: &str) -> Value {
    json!({"repositoryName": "app", "uploadId": id, "layerDigests": [digest]})
}

#[test]
fn a_layer_comes_in_parts_and_is_read_back() {
    let registry = registry();
    let id = begin(&registry);
    let (first, last) = (vec![1; 5_242_880], vec![2; 10]);
    registry.get("UploadLayerPart", &part(&id, 0, &first));
    let answer = registry.get("UploadLayerPart", &part(&id, first.len(), &last));
    assert_eq!(answer["lastByteReceived"], first.len() + last.len() - 1);
    let whole = [first, last].concat();
    let digest = digest_of(&whole);
    assert_eq!(registry.get("CompleteLayerUpload", &complete(&id, &digest))["layerDigest"], digest);
    let gone = registry.refused("CompleteLayerUpload", &complete(&id, &digest));
    assert_eq!(gone, "UploadNotFoundException");
    let path = format!("000000000000/eu-west-1/app/{digest}");
    let read = registry.transact(|tx| admin::layer(tx, &path)).unwrap().unwrap();
    assert_eq!(read, whole);
}

#[test]
fn parts_that_do_not_follow_each_other_are_refused() {
    let registry = registry();
    let id = begin(&registry);
    registry.get("UploadLayerPart", &part(&id, 0, b"abc"));
    let refusal = registry.ask("UploadLayerPart", &part(&id, 4, b"x")).unwrap_err();
    assert_eq!(refusal.code, "InvalidLayerPartException");
    assert_eq!(refusal.members["lastValidByteReceived"], 2);
    let mut short = part(&id, 3, b"xyz");
    short["partLastByte"] = json!(9);
    assert_eq!(registry.refused("UploadLayerPart", &short), "InvalidLayerPartException");
    registry.get("UploadLayerPart", &part(&id, 3, b"d"));
    let small = registry.refused("CompleteLayerUpload", &complete(&id, &digest_of(b"abcd")));
    assert_eq!(small, "LayerPartTooSmallException");
    let other = json!("00000000-0000-0000-0000-000000000000");
    let refused = registry.refused("UploadLayerPart", &part(&other, 0, b"x"));
    assert_eq!(refused, "UploadNotFoundException");
}

#[test]
fn a_layer_must_have_the_digest_that_is_expected_and_be_new() {
    let registry = registry();
    let id = begin(&registry);
    let empty = registry.refused("CompleteLayerUpload", &complete(&id, &digest_of(b"")));
    assert_eq!(empty, "EmptyUploadException");
    registry.get("UploadLayerPart", &part(&id, 0, b"abc"));
    for (digest, expected) in [
        (digest_of(b"other"), "InvalidLayerException"),
        ("sha256:1".to_owned(), "InvalidParameterException"),
    ] {
        assert_eq!(registry.refused("CompleteLayerUpload", &complete(&id, &digest)), expected);
    }
    registry.get("CompleteLayerUpload", &complete(&id, &digest_of(b"abc")));
    let again = begin(&registry);
    registry.get("UploadLayerPart", &part(&again, 0, b"abc"));
    let refused = registry.refused("CompleteLayerUpload", &complete(&again, &digest_of(b"abc")));
    assert_eq!(refused, "LayerAlreadyExistsException");
}

#[test]
fn layers_are_told_to_be_there_or_not() {
    let registry = registry();
    let (there, missing) = (registry.upload(b"abc"), digest_of(b"none"));
    let body = json!({"repositoryName": "app", "layerDigests": [there, missing, "x", ""]});
    assert_eq!(
        registry.get("BatchCheckLayerAvailability", &body)["layers"],
        json!([{"layerDigest": there, "layerAvailability": "AVAILABLE", "layerSize": 3},
            {"layerDigest": missing, "layerAvailability": "UNAVAILABLE"}])
    );
    let failures = registry.get("BatchCheckLayerAvailability", &body)["failures"].clone();
    assert_eq!(failures[0]["failureCode"], "InvalidLayerDigest");
    assert_eq!(failures[1]["failureCode"], "MissingLayerDigest");
}

#[test]
fn layers_of_an_image_have_a_url() {
    let registry = registry();
    let lone = registry.upload(b"lone");
    let manifest = registry.manifest("one");
    let ask = |digest: &str| json!({"repositoryName": "app", "layerDigest": digest});
    let config = digest_of(b"config of one");
    assert_eq!(
        registry.refused("GetDownloadUrlForLayer", &ask(&config)),
        "LayerInaccessibleException"
    );
    registry.get("PutImage", &put(&manifest, None));
    assert_eq!(
        registry.get("GetDownloadUrlForLayer", &ask(&config)),
        json!({"layerDigest": config, "downloadUrl": format!(
            "http://sandbox.invalid/_sandbox/layers/000000000000/eu-west-1/app/{config}")})
    );
    for (digest, expected) in [
        (lone.as_str(), "LayerInaccessibleException"),
        (&digest_of(b"none"), "LayersNotFoundException"),
        ("x", "InvalidParameterException"),
    ] {
        assert_eq!(registry.refused("GetDownloadUrlForLayer", &ask(digest)), expected);
    }
}
