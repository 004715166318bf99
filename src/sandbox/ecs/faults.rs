//! The errors ECS answers with, in AWS's words where those are known.

use aws_sdk_ecs::types::Failure;

use crate::sandbox::call::Fault;

/// A parameter is wrong.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterException", message)
}

/// The request cannot be carried out.
pub(super) fn client(message: impl Into<String>) -> Fault {
    Fault::new("ClientException", message)
}

/// The sandbox does not do this.
pub(super) fn unsupported(message: impl Into<String>) -> Fault {
    Fault::new("UnsupportedFeatureException", message)
}

/// There is no such cluster.
pub(super) fn no_cluster() -> Fault {
    Fault::new("ClusterNotFoundException", "Cluster not found.")
}

/// There is no such service.
pub(super) fn no_service() -> Fault {
    Fault::new("ServiceNotFoundException", "Service not found.")
}

/// A service is there, but on its way out.
pub(super) fn not_active() -> Fault {
    Fault::new("ServiceNotActiveException", "Service was not ACTIVE.")
}

/// What a describing operation tells of a thing that is not there.
pub(super) fn missing(arn: &str) -> Failure {
    Failure::builder().arn(arn).reason("MISSING").build()
}

/// A required member, which the SDK's types let be absent or blank.
pub(super) fn required<'a>(value: Option<&'a str>, name: &str) -> Result<&'a str, Fault> {
    value
        .filter(|text| !text.is_empty())
        .ok_or_else(|| invalid(format!("{name} can not be blank.")))
}

/// A list that must have between 1 and `most` entries.
pub(super) fn sized<'a, T>(list: &'a [T], name: &str, most: usize) -> Result<&'a [T], Fault> {
    if list.is_empty() {
        return Err(invalid(format!("{name} cannot be empty.")));
    }
    if list.len() > most {
        return Err(invalid(format!("{name} cannot have more than {most} entries.")));
    }
    Ok(list)
}

/// Whether a name is 1 to 255 letters, digits, `_` and `-`: families, containers, clusters and
/// services have this rule in common.
pub(super) fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}
