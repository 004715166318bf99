//! The AppSpec of an ECS deployment: what is to run, and where traffic goes to.

use aws_sdk_codedeploy::types::{RevisionLocation, RevisionLocationType};
use serde_json::Value;

use super::faults::{bad_revision, unsupported};
use crate::sandbox::{call::Fault, ecs::blue_green::image_digest};

/// An AppSpec, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AppSpec {
    /// The text.
    pub(super) content: String,
    /// What is to run.
    pub(super) task_definition: String,
    /// The container and the port that traffic goes to.
    pub(super) target: (String, i32),
}

/// The SHA-256 of a text, as hexadecimal digits.
pub(super) fn sha256(content: &str) -> String {
    let digest = image_digest(content);
    digest.strip_prefix("sha256:").unwrap_or(&digest).to_owned()
}

impl AppSpec {
    /// Reads the AppSpec that a deployment is asked for with.
    pub(super) fn of(revision: Option<&RevisionLocation>) -> Result<Self, Fault> {
        let words = "A revision is required.";
        let revision = revision.ok_or_else(|| Fault::new("RevisionRequiredException", words))?;
        if revision.revision_type() != Some(&RevisionLocationType::AppSpecContent) {
            return Err(unsupported("InvalidRevisionException", "revisions but AppSpecContent"));
        }
        let given = revision.app_spec_content();
        let content = given.and_then(|one| one.content()).unwrap_or_default();
        if given.and_then(|one| one.sha256()).is_some_and(|given| given != sha256(content)) {
            return Err(bad_revision("The sha256 of the AppSpec content does not match it."));
        }
        Self::parse(content)
    }

    /// Reads its text.
    fn parse(content: &str) -> Result<Self, Fault> {
        let read: Value = serde_json::from_str(content).map_err(|error| {
            bad_revision(format!("The sandbox reads AppSpec content in JSON only: {error}"))
        })?;
        if read.get("Hooks").and_then(Value::as_array).is_some_and(|hooks| !hooks.is_empty()) {
            return Err(unsupported("InvalidRevisionException", "lifecycle hooks"));
        }
        let resources = read.get("Resources").and_then(Value::as_array);
        let resource = resources.and_then(|all| all.first()).and_then(Value::as_object);
        let service = resource.and_then(|one| one.values().next());
        let kind = service.and_then(|one| one.get("Type")).and_then(Value::as_str);
        let properties = service.and_then(|one| one.get("Properties"));
        let (Some("AWS::ECS::Service"), Some(properties)) = (kind, properties) else {
            return Err(bad_revision("The AppSpec must have one resource, an AWS::ECS::Service."));
        };
        let text = |at: &str| properties.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let port = properties.pointer("/LoadBalancerInfo/ContainerPort").and_then(Value::as_i64);
        let port = port.and_then(|port| i32::try_from(port).ok());
        let container = text("/LoadBalancerInfo/ContainerName");
        let (Some(task_definition), Some(container), Some(port)) =
            (text("/TaskDefinition"), container, port)
        else {
            return Err(bad_revision(
                "The AppSpec must have TaskDefinition, and LoadBalancerInfo with ContainerName and \
                 ContainerPort.",
            ));
        };
        Ok(Self { content: content.to_owned(), task_definition, target: (container, port) })
    }
}
