//! Policy documents: read, checked, and refused where the sandbox could not keep to them.

use serde_json::{Map, Value};

use super::condition::{Condition, Operator};
use crate::sandbox::call::Fault;

/// Whether a statement gives or takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It gives.
    Allow,
    /// It takes, whatever gives.
    Deny,
}

/// A list of patterns, or all but those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patterns {
    /// The patterns.
    pub(super) patterns: Vec<String>,
    /// Whether everything else is meant.
    pub(super) is_negated: bool,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    /// Whether it gives or takes.
    pub(super) effect: Effect,
    /// Whom it is about, in trust policies: each with its kind.
    pub(super) principals: Vec<(String, String)>,
    /// Its actions.
    pub(super) actions: Patterns,
    /// On what; nothing in trust policies.
    pub(super) resources: Option<Patterns>,
    /// Under which conditions, all of them.
    pub(super) conditions: Vec<Condition>,
}

/// A policy document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    /// Its statements.
    pub(super) statements: Vec<Statement>,
}

/// What a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// To be attached to a role.
    Identity,
    /// To say who may take on a role.
    Trust,
}

/// That IAM does not take a document.
fn malformed(message: impl Into<String>) -> Fault {
    Fault::new("MalformedPolicyDocument", message)
}

impl Document {
    /// Reads a document.
    pub(super) fn read(text: &str, purpose: Use) -> Result<Self, Fault> {
        if text.contains("${") {
            return Err(malformed("The sandbox does not evaluate policy variables."));
        }
        let value: Value = serde_json::from_str(text)
            .map_err(|_not_json| malformed("Syntax errors in policy."))?;
        let Value::Object(mut members) = value else {
            return Err(malformed("Syntax errors in policy."));
        };
        let version = members.get("Version").and_then(Value::as_str);
        if !matches!(version, Some("2012-10-17" | "2008-10-17") | None) {
            return Err(malformed("The policy must contain a valid version string."));
        }
        let statements = match members.remove("Statement") {
            Some(Value::Array(statements)) => statements,
            Some(statement @ Value::Object(_)) => vec![statement],
            _ => return Err(malformed("Syntax errors in policy.")),
        };
        let statements = statements.iter().map(|one| Statement::read(one, purpose));
        Ok(Self { statements: statements.collect::<Result<_, _>>()? })
    }
}

impl Statement {
    /// Reads a statement.
    fn read(value: &Value, purpose: Use) -> Result<Self, Fault> {
        let members = value.as_object().ok_or_else(|| malformed("Syntax errors in policy."))?;
        let effect = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err(malformed("Missing required field Effect")),
        };
        let actions = patterns(members, "Action")?
            .ok_or_else(|| malformed("Missing required field Action"))?;
        let vendor = |action: &String| action == "*" || action.contains(':');
        if !actions.patterns.iter().all(vendor) {
            return Err(malformed(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ));
        }
        let resources = patterns(members, "Resource")?;
        let statement = Self {
            effect,
            principals: principals(members)?,
            actions,
            resources,
            conditions: conditions(members.get("Condition"))?,
        };
        statement.check(purpose)?;
        Ok(statement)
    }

    /// Checks what a statement for a purpose must have.
    fn check(&self, purpose: Use) -> Result<(), Fault> {
        match purpose {
            Use::Identity => {
                if !self.principals.is_empty() {
                    return Err(malformed("Policy document should not specify a principal."));
                }
                let resources = self
                    .resources
                    .as_ref()
                    .ok_or_else(|| malformed("Policy statement must contain resources."))?;
                let is_arn = |text: &String| text == "*" || text.starts_with("arn:");
                match resources.patterns.iter().find(|text| !is_arn(text)) {
                    Some(wrong) => {
                        let words = "must be in ARN format or \"*\".";
                        Err(malformed(format!("Resource {wrong} {words}")))
                    }
                    None => Ok(()),
                }
            }
            Use::Trust if self.resources.is_some() => {
                Err(malformed("Has prohibited field Resource"))
            }
            Use::Trust if self.principals.is_empty() => {
                Err(malformed("Missing required field Principal"))
            }
            Use::Trust => self.check_subject(),
        }
    }

    /// Refuses to trust every job of a CI that others use too, as IAM does (IAM User Guide, "Create a
    /// role for `OpenID` Connect federation").
    fn check_subject(&self) -> Result<(), Fault> {
        for (kind, principal) in &self.principals {
            let host = principal.split_once("oidc-provider/").map(|(_, host)| host);
            let Some(host) = host.filter(|host| kind == "Federated" && is_shared(host)) else {
                continue;
            };
            let key = format!("{host}:sub");
            let names = |value: &String| value.chars().any(|c| !matches!(c, '*' | '?'));
            let is_evaluated = self.conditions.iter().any(|condition| {
                condition.key.eq_ignore_ascii_case(&key) && condition.values.iter().all(names)
            });
            if !is_evaluated {
                return Err(malformed(format!(
                    "Policy must evaluate the condition key {key}, and not with wildcards only."
                )));
            }
        }
        Ok(())
    }
}

/// Whether a host signs tokens for everybody, so that `sub` must be checked.
fn is_shared(host: &str) -> bool {
    matches!(host, "token.actions.githubusercontent.com" | "gitlab.com" | "agent.buildkite.com")
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> Result<Vec<String>, Fault> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(malformed("Syntax errors in policy.")),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

/// The patterns of a member or of its opposite, `NotAction` or `NotResource`.
fn patterns(members: &Map<String, Value>, name: &str) -> Result<Option<Patterns>, Fault> {
    let opposite = format!("Not{name}");
    match (members.get(name), members.get(&opposite)) {
        (Some(_), Some(_)) => Err(malformed(format!("Has both {name} and {opposite}"))),
        (Some(value), None) => Ok(Some(Patterns { patterns: texts(value)?, is_negated: false })),
        (None, Some(value)) => Ok(Some(Patterns { patterns: texts(value)?, is_negated: true })),
        (None, None) => Ok(None),
    }
}

/// Whom a statement is about.
fn principals(members: &Map<String, Value>) -> Result<Vec<(String, String)>, Fault> {
    if members.contains_key("NotPrincipal") {
        return Err(malformed("The sandbox does not evaluate NotPrincipal."));
    }
    match members.get("Principal") {
        None => Ok(Vec::new()),
        Some(Value::String(all)) if all == "*" => Ok(vec![("AWS".to_owned(), "*".to_owned())]),
        Some(Value::Object(kinds)) => {
            let mut all = Vec::new();
            for (kind, value) in kinds {
                all.extend(texts(value)?.into_iter().map(|one| (kind.clone(), one)));
            }
            Ok(all)
        }
        Some(_) => Err(malformed("Invalid principal in policy")),
    }
}

/// The conditions of a statement.
fn conditions(value: Option<&Value>) -> Result<Vec<Condition>, Fault> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let syntax = || malformed("Syntax errors in policy.");
    let mut all = Vec::new();
    for (operator, keys) in value.as_object().ok_or_else(syntax)? {
        let operator = Operator::parse(operator).ok_or_else(|| {
            malformed(format!("The sandbox does not evaluate the condition operator {operator}."))
        })?;
        for (key, values) in keys.as_object().ok_or_else(syntax)? {
            all.push(Condition { operator, key: key.clone(), values: texts(values)? });
        }
    }
    Ok(all)
}
