//! The SDK's own client understands the answers.

use aws_sdk_ecr::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    primitives::Blob,
    types::{ImageFailureCode, ImageIdentifier, ImageTagMutability, TagStatus},
};

use super::{OCI_IMAGE, registry};
use crate::sandbox::ecr::manifest::digest_of;

/// A client of a registry.
fn client() -> Client {
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::for_tests())
        .http_client(registry())
        .build();
    Client::from_conf(config)
}

/// Uploads a layer; gives its digest.
async fn upload(client: &Client, content: &[u8]) -> String {
    let upload = client.initiate_layer_upload().repository_name("app").send().await.unwrap();
    let id = upload.upload_id().unwrap();
    client
        .upload_layer_part()
        .repository_name("app")
        .upload_id(id)
        .part_first_byte(0)
        .part_last_byte(i64::try_from(content.len()).unwrap() - 1)
        .layer_part_blob(Blob::new(content))
        .send()
        .await
        .unwrap();
    let complete = client.complete_layer_upload().repository_name("app").upload_id(id);
    let done = complete.layer_digests(digest_of(content)).send().await.unwrap();
    done.layer_digest().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_pushes_retags_and_describes() {
    let client = client();
    let config = upload(&client, b"{}").await;
    let manifest =
        format!(r#"{{"schemaVersion":2,"config":{{"digest":"{config}","size":2}},"layers":[]}}"#);
    let put = |tag: &str| {
        client
            .put_image()
            .repository_name("app")
            .image_manifest(&manifest)
            .image_manifest_media_type(OCI_IMAGE)
            .image_tag(tag)
            .image_digest(digest_of(manifest.as_bytes()))
            .send()
    };
    put("v1").await.unwrap();
    put("env.prod").await.unwrap();
    let again = put("v1").await.unwrap_err().into_service_error();
    assert!(again.is_image_already_exists_exception(), "{again:?}");
    let described = client.describe_images().repository_name("app").send().await.unwrap();
    let image = &described.image_details()[0];
    assert_eq!(image.image_tags(), ["env.prod", "v1"]);
    assert_eq!(image.image_pushed_at().unwrap().subsec_nanos(), 125_000_000);
    let list = client.list_images().repository_name("app");
    let filter = aws_sdk_ecr::types::ListImagesFilter::builder().tag_status(TagStatus::Tagged);
    let listed = list.filter(filter.build()).send().await.unwrap();
    assert_eq!(listed.image_ids().len(), 2);
}

#[tokio::test]
async fn a_client_knows_failures_and_errors() {
    let client = client();
    let id = ImageIdentifier::builder().image_tag("none").build();
    let get = client.batch_get_image().repository_name("app").image_ids(id.clone());
    let failures = get.send().await.unwrap().failures.unwrap();
    assert_eq!(failures[0].failure_code(), Some(&ImageFailureCode::ImageNotFound));
    let describe = client.describe_images().repository_name("app").image_ids(id);
    let error = describe.send().await.unwrap_err().into_service_error();
    assert!(error.is_image_not_found_exception(), "{error:?}");
    let repositories = client.describe_repositories().send().await.unwrap();
    let repository = &repositories.repositories()[0];
    assert_eq!(repository.image_tag_mutability(), Some(&ImageTagMutability::Mutable));
}
