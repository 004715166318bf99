//! Texts, keys and tables of TOML, each on one line.

use std::collections::BTreeMap;

use serde_json::Value;

/// A table on one line.
pub(super) fn table(all: &BTreeMap<String, String>) -> String {
    let pair = |(name, value): (&String, &String)| format!("{} = {}", key(name), quote(value));
    format!("{{ {} }}", all.iter().map(pair).collect::<Vec<_>>().join(", "))
}

/// A text of TOML, which escapes as JSON does.
pub(super) fn quote(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A key of TOML.
pub(super) fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quote(name) }
}
