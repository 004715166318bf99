//! A newtype for every identifier, each with the rule its owner enforces.
//!
//! An id that exists has been checked: it can be put in an SSM path, an ARN or a request as it is.

use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a valid {kind}: {reason}")]
pub struct IdError {
    /// What the text was meant to be, for example `project id`.
    pub kind: &'static str,
    /// The text as it was given.
    pub value: String,
    /// The rule it breaks, as the end of a sentence.
    pub reason: String,
}

/// Longest SSM path segment we accept: SSM allows 1,011 characters for the whole name, and ours
/// have four segments of which one is the word `images`.
const SEGMENT_MAX: usize = 200;
/// Longest name of an ECS cluster or service (ECS API reference, `CreateService.serviceName`).
const ECS_NAME_MAX: usize = 255;

/// Says which characters of `value` fall outside `allowed`, or nothing.
fn check_characters(value: &str, allowed: impl Fn(char) -> bool, rule: &str) -> Result<(), String> {
    match value.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(format!("{c:?} is not allowed, only {rule}")),
        None => Ok(()),
    }
}

/// Checks the length in characters.
fn check_length(value: &str, max: usize) -> Result<(), String> {
    if value.is_empty() {
        return Err("it is empty".to_owned());
    }
    if value.chars().count() > max {
        return Err(format!("it is longer than {max} characters"));
    }
    Ok(())
}

/// One segment of an SSM parameter path: letters, digits, `_`, `.` and `-`.
fn path_segment(value: &str) -> Result<(), String> {
    check_length(value, SEGMENT_MAX)?;
    check_characters(
        value,
        |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'),
        "letters, digits, `_`, `.` and `-` can stand in an SSM parameter path",
    )
}

/// The first segment of an SSM path, which may not begin with `aws` or `ssm` in any case
/// (SSM API reference, `PutParameter.Name`).
fn first_path_segment(value: &str) -> Result<(), String> {
    path_segment(value)?;
    let start: String = value.chars().take(3).collect::<String>().to_ascii_lowercase();
    if start == "aws" || start == "ssm" {
        return Err(format!("SSM parameter paths may not begin with `{start}`"));
    }
    Ok(())
}

/// A path segment that can be told from the word `all` on the command line.
fn selectable(value: &str) -> Result<(), String> {
    path_segment(value)?;
    if value == "all" {
        return Err("`all` means every service on the command line".to_owned());
    }
    Ok(())
}

/// The name of an ECS cluster or service: letters, digits, `_` and `-`.
fn ecs_name(value: &str) -> Result<(), String> {
    check_length(value, ECS_NAME_MAX)?;
    check_characters(
        value,
        |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'),
        "letters, digits, `_` and `-` can stand in an ECS name",
    )
}

/// An AWS account id: exactly 12 digits.
fn account(value: &str) -> Result<(), String> {
    if value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err("an AWS account id is 12 digits".to_owned())
}

/// An AWS region, checked for shape only, since new ones appear.
fn region(value: &str) -> Result<(), String> {
    let mut parts = value.split('-');
    let named = parts.clone().count() >= 3
        && parts.next().is_some_and(|p| p.chars().all(|c| c.is_ascii_lowercase()));
    if named
        && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && value.ends_with(|c: char| c.is_ascii_digit())
    {
        return Ok(());
    }
    Err("a region looks like `eu-west-1`".to_owned())
}

/// The name of a DynamoDB table (DynamoDB API reference, `CreateTable.TableName`).
fn table_name(value: &str) -> Result<(), String> {
    check_length(value, ECS_NAME_MAX)?;
    if value.len() < 3 {
        return Err("it is shorter than 3 characters".to_owned());
    }
    check_characters(
        value,
        |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'),
        "letters, digits, `_`, `.` and `-` can stand in a table's name",
    )
}

/// Any text of a sensible length, for names whose owner is laxer than we need.
fn any_name(value: &str) -> Result<(), String> {
    check_length(value, ECS_NAME_MAX)
}

/// A full SSM parameter name, `/a/b/c`.
fn parameter(value: &str) -> Result<(), String> {
    check_length(value, 1011)?;
    check_characters(
        value,
        |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/'),
        "letters, digits, `_`, `.`, `-` and `/` can stand in an SSM parameter name",
    )
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text against this id's rule.
            ///
            /// # Errors
            /// Fails with the rule that is broken.
            pub fn new(value: impl Into<String>) -> Result<Self, IdError> {
                let value = value.into();
                let check: fn(&str) -> Result<(), String> = $check;
                match check(&value) {
                    Ok(()) => Ok(Self(value)),
                    Err(reason) => Err(IdError { kind: $kind, value, reason }),
                }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(value: &str) -> Result<Self, IdError> {
                Self::new(value)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(value: String) -> Result<Self, IdError> {
                Self::new(value)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// One product; a top-level key of the manifest and the first segment of its SSM paths.
    ProjectId, "project id", first_path_segment
);
id!(
    /// Where services run, such as `stage` or `prod`; also the label its deployments write.
    EnvironmentId, "environment id", path_segment
);
id!(
    /// One function of a project.
    ServiceId, "service id", selectable
);
id!(
    /// A table in DynamoDB.
    TableName, "table name", table_name
);
id!(
    /// Services released together.
    ServiceSetId, "service set id", selectable
);
id!(
    /// A build artifact that can be deployed.
    ImageId, "image id", path_segment
);
id!(
    /// A named pointer to one image URI: `latest`, a branch, or an environment id.
    Label, "label", path_segment
);
id!(
    /// An ECS cluster's short name.
    ClusterName, "cluster name", ecs_name
);
id!(
    /// An ECS service's short name.
    EcsServiceName, "ECS service name", ecs_name
);
id!(
    /// A container's name in a task definition.
    ContainerName, "container name", any_name
);
id!(
    /// An AWS account id, 12 digits.
    AccountId, "account id", account
);
id!(
    /// An AWS region.
    Region, "region", region
);
id!(
    /// The full name of an SSM parameter, beginning with `/`.
    ParameterName, "SSM parameter name", parameter
);

impl Label {
    /// The label that `register` writes when none is named.
    #[must_use]
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }

    /// The label named after an environment, which `deploy` writes and Terraform reads.
    #[must_use]
    pub fn of_environment(environment: &EnvironmentId) -> Self {
        Self(environment.0.clone())
    }
}

impl ParameterName {
    /// `/{project}/images/{label}/{image}`, the one place where an image URI is published.
    #[must_use]
    pub fn of_image(project: &ProjectId, label: &Label, image: &ImageId) -> Self {
        Self(format!("/{project}/images/{label}/{image}"))
    }

    /// The folder `/{project}/images/{label}` that holds all images of a label.
    #[must_use]
    pub fn folder(project: &ProjectId, label: &Label) -> String {
        format!("/{project}/images/{label}")
    }
}

impl ImageId {
    /// The image that a service has when the manifest names none: the one with its id.
    #[must_use]
    pub fn of_service(service: &ServiceId) -> Self {
        Self(service.0.clone())
    }
}

impl ContainerName {
    /// The container that an image goes into when the manifest names none.
    #[must_use]
    pub fn of_image(image: &ImageId) -> Self {
        Self(image.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hold_the_rules_of_their_owners() {
        assert!(ProjectId::new("catalogue").is_ok());
        assert!(ProjectId::new("awsome").is_err(), "SSM reserves the prefix");
        assert!(ServiceId::new("all").is_err());
        assert!(ImageId::new("uk.ac.wellcome").is_ok());
        assert!(ImageId::new("a/b").is_err());
        assert!(ClusterName::new("a.b").is_err());
        assert!(ClusterName::new("x".repeat(256)).is_err());
        assert!(AccountId::new("123456789012").is_ok());
        assert!(AccountId::new("1234567890").is_err());
        assert!(Region::new("us-gov-west-1").is_ok());
        assert!(Region::new("eu west").is_err());
        assert!(EnvironmentId::new("2022-10-03").is_ok());
    }

    #[test]
    fn an_error_names_kind_value_and_rule() {
        let error = ImageId::new("a b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a b` is not a valid image id: ' ' is not allowed, only letters, digits, `_`, `.` \
             and `-` can stand in an SSM parameter path"
        );
    }
}
