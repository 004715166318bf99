//! The registry as its clients see it.

mod admin;
mod client;
mod deleting;
mod layers;
mod listing;
mod pushing;
mod repositories;

use aws_smithy_types::base64;
use serde_json::{Value, json};

use super::manifest::digest_of;
use crate::sandbox::testing::Service;

const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry with the repository `app`, whose mutability is the default.
fn registry() -> Service {
    let registry = Service::new(super::answer);
    registry.get("CreateRepository", &json!({"repositoryName": "app"}));
    registry
}

impl Service {
    /// Uploads a layer in one part; gives its digest.
    fn upload(&self, content: &[u8]) -> String {
        let upload = self.get("InitiateLayerUpload", &json!({"repositoryName": "app"}));
        let id = &upload["uploadId"];
        self.get(
            "UploadLayerPart",
            &json!({"repositoryName": "app", "uploadId": id, "partFirstByte": 0,
                "partLastByte": content.len() - 1, "layerPartBlob": base64::encode(content)}),
        );
        let digest = digest_of(content);
        let complete = json!({"repositoryName": "app", "uploadId": id, "layerDigests": [digest]});
        let refused = self.ask("CompleteLayerUpload", &complete).err().map(|r| r.code);
        assert!(matches!(refused.as_deref(), None | Some("LayerAlreadyExistsException")));
        digest
    }

    /// A manifest of an image whose layers are in the repository.
    fn manifest(&self, name: &str) -> String {
        let config = self.upload(format!("config of {name}").as_bytes());
        let layer = self.upload(name.as_bytes());
        // Spaces and order that no serializer would give: the bytes must be kept.
        format!(
            "{{ \"layers\":[{{\"digest\":\"{layer}\",\"size\":{}}}],\n  \"mediaType\": \
             \"{OCI_IMAGE}\",\"schemaVersion\":2, \
             \"config\":{{\"digest\":\"{config}\",\"size\":10}}}}",
            name.len()
        )
    }

    /// Pushes an image, with a tag or without; gives its digest.
    fn push(&self, name: &str, tag: Option<&str>) -> String {
        let manifest = self.manifest(name);
        let answer = self.get("PutImage", &put(&manifest, tag));
        let digest = answer["image"]["imageId"]["imageDigest"].as_str().unwrap().to_owned();
        assert_eq!(digest, digest_of(manifest.as_bytes()));
        digest
    }

    /// The tags of all images, by digest.
    fn tags(&self) -> Vec<(String, Vec<String>)> {
        let answer = self.get("DescribeImages", &json!({"repositoryName": "app"}));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let tags = |image: &Value| {
            image["imageTags"].as_array().map(|tags| tags.iter().map(text).collect())
        };
        let images = answer["imageDetails"].as_array().unwrap().iter();
        images.map(|image| (text(&image["imageDigest"]), tags(image).unwrap_or_default())).collect()
    }
}

/// A request to push a manifest.
fn put(manifest: &str, tag: Option<&str>) -> Value {
    let mut body = json!({"repositoryName": "app", "imageManifest": manifest});
    if let Some(tag) = tag {
        body["imageTag"] = json!(tag);
    }
    body
}

/// A list of manifests.
fn index(children: &[&str]) -> String {
    let manifests: Vec<_> = children.iter().map(|child| json!({"digest": child})).collect();
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).to_string()
}
