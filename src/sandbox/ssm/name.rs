//! Names of parameters, and the references to them that readers give.
//!
//! The rules are those of "Requirements and constraints for parameter names" in the Systems Manager
//! User Guide.

use crate::sandbox::{
    call::{Fault, Scope},
    region,
};

use super::fault;

/// Levels of a hierarchy, the parameter's own included.
const MAX_LEVELS: usize = 15;
/// Characters of a full ARN that has the name at its end.
const MAX_ARN_LENGTH: usize = 1011;
/// What the service says of most names that it does not take.
const SHAPE: &str = "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed \
    as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed \
    as a mix of letters, numbers and the following 3 symbols .-_";

/// Which version of a parameter a reader wants, where it is not the latest one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selector {
    /// `name:3`.
    Version(i64),
    /// `name:stable`.
    Label(String),
}

impl Selector {
    /// The selector as answers repeat it, with its colon.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Version(number) => format!(":{number}"),
            Self::Label(label) => format!(":{label}"),
        }
    }
}

/// What a reader names: `name`, `name:version`, `name:label`, or each of them as an ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The names it can stand for, the likelier first. In an ARN, the slash before a name without
    /// a hierarchy may be the ARN's own.
    pub(super) names: Vec<String>,
    /// Which version.
    pub(super) selector: Option<Selector>,
}

impl Reference {
    /// Reads a reference; `None` for an ARN of something else, or of another account or region.
    pub(super) fn parse(text: &str, scope: &Scope) -> Option<Self> {
        let text = text.trim();
        let (path, from_arn) = match text.strip_prefix("arn:") {
            Some(rest) => (path_of_arn(rest, scope)?, true),
            None => (text, false),
        };
        let (name, selector) = match path.split_once(':') {
            Some((name, selector)) => (name, Some(read_selector(selector)?)),
            None => (path, None),
        };
        let without_slash = name.strip_prefix('/').filter(|rest| from_arn && !rest.contains('/'));
        let names = [Some(name), without_slash].into_iter().flatten().map(str::to_owned).collect();
        Some(Self { names, selector })
    }
}

/// The part `/name` of `partition:ssm:region:account:parameter/name`.
fn path_of_arn<'a>(rest: &'a str, scope: &Scope) -> Option<&'a str> {
    let prefix =
        format!("{}:ssm:{}:{}:", region::partition(&scope.region), scope.region, scope.account);
    rest.strip_prefix(&prefix)?.strip_prefix("parameter").filter(|path| path.starts_with('/'))
}

/// A version's number or a label; `None` for what is neither.
fn read_selector(text: &str) -> Option<Selector> {
    if let Ok(number) = text.parse() {
        return Some(Selector::Version(number));
    }
    let is_label = !text.is_empty() && text.chars().all(is_name_char);
    is_label.then(|| Selector::Label(text.to_owned()))
}

/// A parameter's ARN.
pub(super) fn arn(scope: &Scope, name: &str) -> String {
    let (partition, slash) =
        (region::partition(&scope.region), if name.starts_with('/') { "" } else { "/" });
    format!("arn:{partition}:ssm:{}:{}:parameter{slash}{name}", scope.region, scope.account)
}

/// Whether names and labels may hold the character.
pub(super) fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// Whether a text begins with one of the reserved words, `aws` and `ssm`, in any case.
pub(super) fn is_reserved(text: &str) -> bool {
    let start = text.get(..3).unwrap_or_default();
    start.eq_ignore_ascii_case("aws") || start.eq_ignore_ascii_case("ssm")
}

/// Checks a name that a parameter may have been created with.
pub(super) fn check_readable(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        let rule = "Member must have length greater than or equal to 1";
        return Err(fault::constraint(name, "name", rule));
    }
    if name.chars().all(|c| c == '/' || is_name_char(c)) {
        return Ok(());
    }
    Err(fault::validation(SHAPE))
}

/// Checks a name that a parameter is to be created with.
pub(super) fn check(name: &str, scope: &Scope) -> Result<(), Fault> {
    check_readable(name)?;
    if is_reserved(name.trim_start_matches('/')) {
        return Err(reserved(name));
    }
    let path = name.strip_prefix('/').unwrap_or(name);
    if path.split('/').any(str::is_empty) {
        return Err(fault::validation(SHAPE));
    }
    if path.contains('/') && !name.starts_with('/') {
        return Err(fault::validation("Parameter name must be a fully qualified name."));
    }
    if path.split('/').count() > MAX_LEVELS {
        let message = format!("A hierarchy can have a maximum of {MAX_LEVELS} levels.");
        return Err(Fault::new("HierarchyLevelLimitExceededException", message));
    }
    if arn(scope, name).len() > MAX_ARN_LENGTH {
        let message = format!(
            "Parameter name: with the ARN before it, it can have at most {MAX_ARN_LENGTH} \
             characters."
        );
        return Err(fault::validation(message));
    }
    Ok(())
}

/// Says that a name is the service's own.
fn reserved(name: &str) -> Fault {
    let below_aws = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("/aws"));
    if below_aws && name.matches('/').count() > 1 {
        return fault::access_denied(name);
    }
    fault::validation(
        "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::ssm::tests::{code, scope};

    #[test]
    fn names_follow_the_rules_of_the_service() {
        let levels = |n: usize| "/x".repeat(n);
        let long = |n: usize| format!("/{}", "n".repeat(n - 1));
        let prefix = arn(&scope(), "/").len() - 1;
        for name in ["plain", "/a/b.c-d_E/1", "/laws/ssml"] {
            // `ssml` is not at the start, where alone the words are reserved.
            assert!(check(name, &scope()).is_ok(), "{name}");
        }
        assert!(check(&levels(15), &scope()).is_ok());
        assert!(check(&long(1011 - prefix), &scope()).is_ok());
        for (name, expected) in [
            (String::new(), "ValidationException"),
            ("a/b".to_owned(), "ValidationException"),
            ("/a//b".to_owned(), "ValidationException"),
            ("/a/".to_owned(), "ValidationException"),
            ("/".to_owned(), "ValidationException"),
            ("/a b".to_owned(), "ValidationException"),
            ("/a:1".to_owned(), "ValidationException"),
            ("AWSthing".to_owned(), "ValidationException"),
            ("/ssm/x".to_owned(), "ValidationException"),
            ("/aws/service/x".to_owned(), "AccessDeniedException"),
            (levels(16), "HierarchyLevelLimitExceededException"),
            (long(1012 - prefix), "ValidationException"),
        ] {
            assert_eq!(code(check(&name, &scope()).unwrap_err()), expected, "{name}");
        }
    }

    #[test]
    fn references_tell_name_and_version() {
        let arn = "arn:aws:ssm:eu-west-1:000000000000:parameter";
        let version = Some(Selector::Version(3));
        let label = Some(Selector::Label("stable".to_owned()));
        for (text, names, selector) in [
            ("/a/b", vec!["/a/b"], None),
            (" /a/b ", vec!["/a/b"], None),
            ("/a/b:3", vec!["/a/b"], version.clone()),
            ("plain:stable", vec!["plain"], label.clone()),
            (&format!("{arn}/a/b"), vec!["/a/b"], None),
            (&format!("{arn}/a/b:stable"), vec!["/a/b"], label),
            (&format!("{arn}/plain:3"), vec!["/plain", "plain"], version),
        ] {
            let reference = Reference::parse(text, &scope()).unwrap();
            assert_eq!(
                (reference.names, reference.selector),
                (names.into_iter().map(str::to_owned).collect(), selector)
            );
        }
        for text in
            ["/a:", "/a:b:c", "arn:aws:ssm:eu-west-1:999999999999:parameter/a", "arn:aws:s3:::x"]
        {
            assert!(Reference::parse(text, &scope()).is_none(), "{text}");
        }
    }
}
