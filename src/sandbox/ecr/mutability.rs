//! Which tags of a repository may move.

use serde::{Deserialize, Serialize};

use super::fault;
use crate::sandbox::call::Fault;

/// The setting of a repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Setting {
    /// All tags may move.
    #[default]
    Mutable,
    /// No tag may move.
    Immutable,
    /// Only tags that a filter matches may move.
    ImmutableWithExclusion,
    /// Tags that a filter matches may not move.
    MutableWithExclusion,
}

impl Setting {
    /// Reads the API's word for it.
    fn read(text: &str) -> Result<Self, Fault> {
        match text {
            "MUTABLE" => Ok(Self::Mutable),
            "IMMUTABLE" => Ok(Self::Immutable),
            "IMMUTABLE_WITH_EXCLUSION" => Ok(Self::ImmutableWithExclusion),
            "MUTABLE_WITH_EXCLUSION" => Ok(Self::MutableWithExclusion),
            _ => Err(fault::invalid(
                "imageTagMutability",
                "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, \
                 IMMUTABLE_WITH_EXCLUSION]",
            )),
        }
    }

    /// Whether the setting is for some tags only.
    fn has_exclusions(self) -> bool {
        matches!(self, Self::ImmutableWithExclusion | Self::MutableWithExclusion)
    }
}

/// Tags that are excluded from a setting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Exclusion {
    /// Always `WILDCARD`.
    filter_type: String,
    /// A tag in which `*` stands for any text.
    filter: String,
}

/// A repository's setting with what is excluded from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mutability {
    /// The setting.
    pub(super) setting: Setting,
    /// What is excluded.
    pub(super) exclusions: Vec<Exclusion>,
}

/// Filters that a repository may have.
const MAX_EXCLUSIONS: usize = 5;
/// Asterisks that a filter may have.
const MAX_WILDCARDS: usize = 2;

impl Mutability {
    /// Reads a request's members; without a setting, all tags may move.
    pub(super) fn read(
        setting: Option<&str>,
        exclusions: Option<Vec<Exclusion>>,
    ) -> Result<Self, Fault> {
        let setting = setting.map(Setting::read).transpose()?.unwrap_or_default();
        match (setting.has_exclusions(), exclusions) {
            (true, Some(exclusions)) => {
                check(&exclusions)?;
                Ok(Self { setting, exclusions })
            }
            (false, None) => Ok(Self { setting, exclusions: Vec::new() }),
            (true, None) => Err(invalid("they are needed with this setting")),
            (false, Some(_)) => Err(invalid("they are not possible with this setting")),
        }
    }

    /// Whether the tag may be moved from one image to another.
    pub(super) fn may_move(&self, tag: &str) -> bool {
        let is_excluded = || self.exclusions.iter().any(|other| matches(&other.filter, tag));
        match self.setting {
            Setting::Mutable => true,
            Setting::Immutable => false,
            Setting::ImmutableWithExclusion => is_excluded(),
            Setting::MutableWithExclusion => !is_excluded(),
        }
    }
}

/// Says what is wrong with the filters.
fn invalid(rule: &str) -> Fault {
    fault::invalid("imageTagMutabilityExclusionFilters", rule)
}

/// Checks the filters of a request.
fn check(exclusions: &[Exclusion]) -> Result<(), Fault> {
    if !(1..=MAX_EXCLUSIONS).contains(&exclusions.len()) {
        return Err(invalid("there must be 1 to 5 filters"));
    }
    let is_sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '*' | '-');
    for Exclusion { filter_type, filter } in exclusions {
        if filter_type != "WILDCARD" {
            return Err(invalid("filterType must satisfy enum value set: [WILDCARD]"));
        }
        if !(1..=128).contains(&filter.len()) || !filter.chars().all(is_sound) {
            return Err(invalid(
                "filter must satisfy regular expression '^[0-9a-zA-Z._*-]{1,128}$'",
            ));
        }
        if filter.matches('*').count() > MAX_WILDCARDS {
            return Err(invalid("a filter can have at most 2 wildcards"));
        }
    }
    Ok(())
}

/// Whether a text is the pattern, in which `*` stands for any text, an empty one too.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    (0..=text.len()).any(|skipped| text.get(skipped..).is_some_and(|text| matches(rest, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asterisk_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("latest", "latest", true),
            ("latest", "latest2", false),
            ("*", "", true),
            ("env.*", "env.prod", true),
            ("env.*", "my-env.prod", false),
            ("*-rc*", "1.0-rc1", true),
            ("*-rc*", "1.0-rc", true),
            ("*-rc*", "1.0", false),
            ("a*b", "acb", true),
            ("a*b", "acbd", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn each_setting_says_which_tags_may_move() {
        let read = |setting: &str, filters: &[&str]| {
            let exclusion = |filter: &&str| Exclusion {
                filter_type: "WILDCARD".to_owned(),
                filter: (*filter).to_owned(),
            };
            let exclusions = filters.iter().map(exclusion).collect::<Vec<_>>();
            Mutability::read(Some(setting), (!filters.is_empty()).then_some(exclusions))
        };
        for (setting, filters, free, fixed) in [
            ("MUTABLE", &[] as &[&str], &["env.prod", "v1"] as &[&str], &[] as &[&str]),
            ("IMMUTABLE", &[], &[], &["env.prod", "v1"]),
            ("IMMUTABLE_WITH_EXCLUSION", &["env.*", "latest"], &["env.prod", "latest"], &["v1"]),
            ("MUTABLE_WITH_EXCLUSION", &["v*"], &["env.prod"], &["v1", "v"]),
        ] {
            let mutability = read(setting, filters).unwrap();
            assert!(free.iter().all(|tag| mutability.may_move(tag)), "{setting}");
            assert!(!fixed.iter().any(|tag| mutability.may_move(tag)), "{setting}");
        }
        for (setting, filters) in [
            ("mutable", &[] as &[&str]),
            ("MUTABLE", &["x"]),
            ("IMMUTABLE_WITH_EXCLUSION", &[]),
            ("IMMUTABLE_WITH_EXCLUSION", &["a b"]),
            ("IMMUTABLE_WITH_EXCLUSION", &["*a*b*"]),
            ("IMMUTABLE_WITH_EXCLUSION", &["1", "2", "3", "4", "5", "6"]),
        ] {
            assert!(read(setting, filters).is_err(), "{setting} {filters:?}");
        }
    }
}
