//! TOML to a tree, by the spanned values of the `toml` crate.

use toml::{
    Spanned,
    de::{DeTable, DeValue, Error},
};

use super::{Entry, Flaw, Located, Node, Value};
use crate::manifest::{
    error::ManifestErrorKind,
    source::{Format, Source, Span},
};

/// All that the parser says of a repeated key: it has no error codes. A test holds the text.
const DUPLICATE_KEY: &str = "duplicate key";

/// Reads a TOML text.
pub(super) fn parse(source: &Source) -> (Option<Node>, Vec<Flaw>) {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let is_sound = errors.iter().all(|error| error.message() == DUPLICATE_KEY);
    let mut flaws: Vec<Flaw> = errors.iter().map(|error| flaw(error, source)).collect();
    drop_follow_ups(&mut flaws, source);
    (is_sound.then(|| Node { span: Span::default(), value: of_table(table.get_ref()) }), flaws)
}

/// An error of the parser in our words.
fn flaw(error: &Error, source: &Source) -> Flaw {
    let end = source.text.len();
    let span = error.span().map_or(Span { start: end, end }, Span::from);
    let kind = if error.message() == DUPLICATE_KEY {
        let key = source.slice(span).trim_matches(['"', '\'']).to_owned();
        ManifestErrorKind::DuplicateKey { key }
    } else {
        ManifestErrorKind::Syntax {
            format: Format::Toml,
            reason: error.message().trim_end_matches(", expected nothing").to_owned(),
            is_yaml: is_yaml(source, span),
        }
    };
    Flaw { kind, span, first: None }
}

/// Leaves one error of syntax a line, and one in all of a text in YAML: the parser goes on behind a
/// mistake and stumbles over the rest of it.
fn drop_follow_ups(flaws: &mut Vec<Flaw>, source: &Source) {
    let mut lines = Vec::new();
    let mut has_yaml = false;
    flaws.retain(|flaw| {
        let ManifestErrorKind::Syntax { is_yaml, .. } = flaw.kind else { return true };
        let line = source.location(flaw.span.start).line;
        let follows = has_yaml || lines.contains(&line);
        has_yaml |= is_yaml;
        lines.push(line);
        !follows
    });
}

/// Whether the line of an error looks like YAML, the notation of older manifests.
fn is_yaml(source: &Source, span: Span) -> bool {
    let at = source.clamp(span).start;
    let before = source.text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = source.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let line = line.trim();
    line == "---"
        || line.starts_with("- ")
        || (!line.contains('=') && (line.ends_with(':') || line.contains(": ")))
}

/// A table, in the order of the file: the parser sorts by key.
fn of_table(table: &DeTable<'_>) -> Value {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: Located { value: key.get_ref().to_string(), span: key.span().into() },
            node: of_value(value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key.span.start);
    Value::Table(entries)
}

/// Any value.
fn of_value(value: &Spanned<DeValue<'_>>) -> Node {
    let span = value.span().into();
    let value = match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => Value::Integer(integer.to_string()),
        DeValue::Float(float) => Value::Float(float.to_string()),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(list) => Value::List(list.iter().map(of_value).collect()),
        DeValue::Table(table) => of_table(table),
    };
    Node { span, value }
}
