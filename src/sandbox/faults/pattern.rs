//! Which requests a fault is played on.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Subject;
use crate::sandbox::service::Service;

/// Which requests a fault is played on.
///
/// As text: `[SERVICE:]OPERATION[/RESOURCE]`, where the operation may be `*`. `UpdateService`,
/// `ssm:*`, `ecs:UpdateService/web`, `ssm:PutParameter//shop/images/prod/web` and `*` are patterns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    /// Of this service only.
    service: Option<Service>,
    /// This operation only.
    operation: Option<String>,
    /// Only requests that name this resource.
    resource: Option<String>,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not say on which requests: `[SERVICE:]OPERATION[/RESOURCE]` or `*` does")]
pub struct PatternError(String);

impl Pattern {
    /// Whether a request is meant.
    pub(super) fn matches(&self, subject: &Subject<'_>) -> bool {
        self.service.is_none_or(|service| service == subject.service)
            && self.operation.as_ref().is_none_or(|operation| operation == subject.operation)
            && self.resource.as_ref().is_none_or(|resource| subject.resources.contains(resource))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError(text.to_owned());
        let (head, resource) = match text.split_once('/') {
            Some((_, "")) => return Err(wrong()),
            Some((head, resource)) => (head, Some(resource.to_owned())),
            None => (text, None),
        };
        let (service, operation) = match head.split_once(':') {
            Some((service, operation)) => {
                (Some(service.parse().map_err(|_no_service| wrong())?), operation)
            }
            None => (None, head),
        };
        let is_operation = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let operation = match operation {
            "*" => None,
            name if !name.is_empty() && is_operation(name) => Some(name.to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Self { service, operation, resource })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        if let Some(service) = self.service {
            text = format!("{service}:");
        }
        text.push_str(self.operation.as_deref().unwrap_or("*"));
        if let Some(resource) = &self.resource {
            text.push('/');
            text.push_str(resource);
        }
        f.pad(&text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::call::Scope;

    #[test]
    fn patterns_match_what_they_say() {
        let scope = Scope { account: "000000000000".to_owned(), region: "eu-west-1".to_owned() };
        let resources = ["web".to_owned(), "/shop/web".to_owned()];
        let subject = Subject {
            service: Service::Ecs,
            operation: "UpdateService",
            resources: &resources,
            scope: &scope,
        };
        for (text, expected) in [
            ("*", true),
            ("ecs:*", true),
            ("ssm:*", false),
            ("UpdateService", true),
            ("CreateService", false),
            ("ecs:UpdateService", true),
            ("ecr:UpdateService", false),
            ("ecs:UpdateService/web", true),
            ("UpdateService//shop/web", true),
            ("*/web", true),
            ("ecs:UpdateService/we", false),
        ] {
            let pattern: Pattern = text.parse().unwrap();
            assert_eq!(pattern.matches(&subject), expected, "{text}");
            assert_eq!(pattern.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_no_patterns() {
        for text in ["", ":", "ecs:", "s3:*", "Update Service", "UpdateService/", "/web", "**"] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
