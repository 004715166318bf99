//! One version of a parameter, and how the next one is made from it.
//!
//! Invariant: a version keeps within the limits of its tier and matches its pattern; what a request
//! to overwrite leaves out is as in the version before.

use aws_sdk_ssm::{
    operation::put_parameter::PutParameterInput,
    types::{ParameterTier, ParameterType},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fault;
use crate::sandbox::call::Fault;

/// What kind of value a parameter has; the names are the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// Any text.
    String,
    /// Texts with commas between them.
    StringList,
    /// A secret.
    SecureString,
}

impl Kind {
    /// The kind in the SDK's words.
    pub(super) fn api(self) -> ParameterType {
        match self {
            Self::String => ParameterType::String,
            Self::StringList => ParameterType::StringList,
            Self::SecureString => ParameterType::SecureString,
        }
    }

    /// Reads the SDK's words.
    fn read(kind: &ParameterType) -> Result<Self, Fault> {
        match kind {
            ParameterType::String => Ok(Self::String),
            ParameterType::StringList => Ok(Self::StringList),
            ParameterType::SecureString => Ok(Self::SecureString),
            other => {
                let rule = "Member must satisfy enum value set: [SecureString, StringList, String]";
                Err(fault::constraint(other.as_str(), "type", rule))
            }
        }
    }
}

/// What a parameter may hold. Intelligent tiering is no tier of its own: it becomes one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Tier {
    /// Values up to 4 KB.
    Standard,
    /// Values up to 8 KB.
    Advanced,
}

impl Tier {
    /// The tier in the SDK's words.
    pub(super) fn api(self) -> ParameterTier {
        match self {
            Self::Standard => ParameterTier::Standard,
            Self::Advanced => ParameterTier::Advanced,
        }
    }

    /// Bytes that a value may have.
    const fn limit(self) -> usize {
        match self {
            Self::Standard => 4096,
            Self::Advanced => 8192,
        }
    }

    /// The tier that is asked for. A parameter never goes back from `Advanced`.
    fn choose(asked: Option<&ParameterTier>, size: usize, before: Self) -> Result<Self, Fault> {
        match asked {
            None => Ok(before),
            Some(ParameterTier::Advanced) => Ok(Self::Advanced),
            Some(ParameterTier::Standard) if before == Self::Standard => Ok(Self::Standard),
            Some(ParameterTier::Standard) => Err(fault::validation(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter \
                 from the advanced-parameter tier to the standard-parameter tier. If necessary, \
                 you can delete the advanced parameter and recreate it as a standard parameter.",
            )),
            Some(ParameterTier::IntelligentTiering) => {
                let fits = size <= Self::Standard.limit();
                Ok(before.max(if fits { Self::Standard } else { Self::Advanced }))
            }
            Some(other) => {
                let rule = "Member must satisfy enum value set: [Standard, Advanced, \
                            Intelligent-Tiering]";
                Err(fault::constraint(other.as_str(), "tier", rule))
            }
        }
    }
}

/// One version of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// From 1.
    pub(super) number: i64,
    /// What kind of value.
    pub(super) kind: Kind,
    /// The value, in plain for every kind.
    pub(super) value: String,
    /// What the parameter is for.
    pub(super) description: Option<String>,
    /// The regular expression that values must match as a whole.
    pub(super) allowed_pattern: Option<String>,
    /// The KMS key that a `SecureString` names.
    pub(super) key_id: Option<String>,
    /// What the value may hold.
    pub(super) tier: Tier,
    /// `text`, or what else the value is said to be.
    pub(super) data_type: String,
    /// Labels that point to this version, in the order in which they came.
    pub(super) labels: Vec<String>,
    /// When it was made.
    pub(super) modified_at: Timestamp,
    /// The ARN of who made it.
    pub(super) modified_by: String,
}

/// Who writes, and when.
#[derive(Debug, Clone, Copy)]
pub(in crate::sandbox) struct Author<'a> {
    /// The clock.
    pub(in crate::sandbox) now: Timestamp,
    /// The caller's ARN.
    pub(in crate::sandbox) caller: &'a str,
}

/// The key of an account that has made none of its own.
const DEFAULT_KEY: &str = "alias/aws/ssm";

impl Version {
    /// The version that `input` asks for, after `before`.
    pub(super) fn next(
        before: Option<&Self>,
        input: &PutParameterInput,
        author: Author<'_>,
    ) -> Result<Self, Fault> {
        let value = input.value().unwrap_or_default();
        check_value(value)?;
        let kind = kind_of(before, input.r#type())?;
        let tier_before = before.map_or(Tier::Standard, |version| version.tier);
        let tier = Tier::choose(input.tier(), value.len(), tier_before)?;
        check_size(value, tier)?;
        let kept = |asked: Option<&str>, before: Option<&String>| {
            asked.map(str::to_owned).or_else(|| before.cloned()).filter(|text| !text.is_empty())
        };
        let description =
            kept(input.description(), before.and_then(|version| version.description.as_ref()));
        check_length(description.as_deref(), "description")?;
        let allowed_pattern = kept(
            input.allowed_pattern(),
            before.and_then(|version| version.allowed_pattern.as_ref()),
        );
        check_pattern(allowed_pattern.as_deref(), value)?;
        Ok(Self {
            number: before.map_or(0, |version| version.number) + 1,
            kind,
            value: value.to_owned(),
            description,
            allowed_pattern,
            key_id: key_of(before, kind, input.key_id())?,
            tier,
            data_type: data_type_of(before, input.data_type())?,
            labels: Vec::new(),
            modified_at: author.now,
            modified_by: author.caller.to_owned(),
        })
    }
}

/// Checks what every value must be.
fn check_value(value: &str) -> Result<(), Fault> {
    if value.is_empty() {
        let rule = "Member must have length greater than or equal to 1";
        return Err(fault::constraint(value, "value", rule));
    }
    let nests = value.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}"));
    if nests {
        return Err(fault::validation(
            "Parameter value can't nest another parameter. Do not use \"{{}}\" in the value.",
        ));
    }
    Ok(())
}

/// Checks a value's size against what its tier may hold.
fn check_size(value: &str, tier: Tier) -> Result<(), Fault> {
    let limit = tier.limit();
    if value.len() <= limit {
        return Ok(());
    }
    let (name, advice) = match tier {
        Tier::Standard => (
            "Standard",
            " To create a larger parameter value, upgrade the parameter to use the \
             advanced-parameter tier.",
        ),
        Tier::Advanced => ("Advanced", ""),
    };
    Err(fault::validation(format!(
        "{name} tier parameters support a maximum parameter value of {limit} characters.{advice}"
    )))
}

/// Checks the length of a text of the kind that has at most 1,024 characters.
fn check_length(text: Option<&str>, member: &str) -> Result<(), Fault> {
    let text = text.unwrap_or_default();
    if text.chars().count() <= 1024 {
        return Ok(());
    }
    Err(fault::constraint(text, member, "Member must have length less than or equal to 1024"))
}

/// Checks a value against the pattern, which must match it as a whole.
///
/// The service takes Java's expressions; of those, look-around and back references are refused
/// here.
fn check_pattern(pattern: Option<&str>, value: &str) -> Result<(), Fault> {
    let Some(pattern) = pattern else { return Ok(()) };
    check_length(Some(pattern), "allowedPattern")?;
    let Ok(whole) = regex_lite::Regex::new(&format!("^(?:{pattern})$")) else {
        let message = format!("The regular expression {pattern} is not valid.");
        return Err(Fault::new("InvalidAllowedPatternException", message));
    };
    if whole.is_match(value) {
        return Ok(());
    }
    let message = format!("Parameter value, cannot be validated against allowedPattern: {pattern}");
    Err(Fault::new("ParameterPatternMismatchException", message))
}

/// The kind of the next version: a parameter keeps the one it was created with.
fn kind_of(before: Option<&Version>, asked: Option<&ParameterType>) -> Result<Kind, Fault> {
    let asked = asked.map(Kind::read).transpose()?;
    match (before.map(|version| version.kind), asked) {
        (None, None) => {
            Err(fault::validation("A parameter type is required when you create a parameter."))
        }
        (Some(before), Some(asked)) if before != asked => Err(Fault::new(
            "HierarchyTypeMismatchException",
            "Parameter Store doesn't support changing a parameter type in a hierarchy. You must \
             create a new, unique parameter.",
        )),
        (_, Some(kind)) | (Some(kind), None) => Ok(kind),
    }
}

/// The key of the next version, which only secrets have.
fn key_of(
    before: Option<&Version>,
    kind: Kind,
    asked: Option<&str>,
) -> Result<Option<String>, Fault> {
    match (kind, asked) {
        (Kind::SecureString, asked) => {
            let before = before.and_then(|version| version.key_id.clone());
            let key = asked.map(str::to_owned).or(before).unwrap_or_else(|| DEFAULT_KEY.to_owned());
            check_key(&key)?;
            Ok(Some(key))
        }
        (_, None) => Ok(None),
        (_, Some(_)) => {
            Err(fault::validation("KeyId is required for SecureString type parameter only."))
        }
    }
}

/// Checks that a text can name a KMS key.
fn check_key(key: &str) -> Result<(), Fault> {
    let is_sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '_' | '-');
    if (1..=256).contains(&key.len()) && key.chars().all(is_sound) {
        return Ok(());
    }
    let rule = "Member must satisfy regular expression pattern: ^([a-zA-Z0-9:/_-]+)$";
    Err(fault::constraint(key, "keyId", rule))
}

/// The data type of the next version.
fn data_type_of(before: Option<&Version>, asked: Option<&str>) -> Result<String, Fault> {
    let kept = || before.map_or_else(|| "text".to_owned(), |version| version.data_type.clone());
    match asked {
        None | Some("") => Ok(kept()),
        Some(known @ ("text" | "aws:ec2:image" | "aws:ssm:integration")) => Ok(known.to_owned()),
        Some(other) => Err(fault::validation(format!(
            "The following data type is not supported: {other} (Data type names are all lowercase.)"
        ))),
    }
}
