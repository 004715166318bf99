//! JSON to a tree, by the located syntax tree of the `jsonc-parser` crate.
//!
//! The parser is set to plain JSON: no comments, no trailing commas, nothing else that other
//! readers of the same file would refuse.

use std::collections::HashMap;

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{Object, ObjectPropName, Value as Ast},
    common::{Range, Ranged},
    errors::ParseError,
    parse_to_ast,
};

use super::{Entry, Flaw, Located, Node, Value};
use crate::manifest::{
    error::ManifestErrorKind,
    source::{Format, Source, Span},
};

/// Reads a JSON text.
pub(super) fn parse(source: &Source) -> (Option<Node>, Vec<Flaw>) {
    let parsed = parse_to_ast(&source.text, &CollectOptions::default(), &plain_json());
    let value = match parsed {
        Ok(parsed) => parsed.value,
        Err(error) => return (None, vec![flaw(&error)]),
    };
    let mut flaws = Vec::new();
    (value.map(|value| of_value(value, &mut flaws)), flaws)
}

/// Options under which only what RFC 8259 defines is accepted.
fn plain_json() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// An error of the parser in our words: its sentences begin with a capital.
fn flaw(error: &ParseError) -> Flaw {
    let sentence = error.kind().to_string();
    let mut letters = sentence.chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    let kind = ManifestErrorKind::Syntax {
        format: Format::Json,
        reason: first + letters.as_str(),
        is_yaml: false,
    };
    Flaw { kind, span: span(error.range()), first: None }
}

/// The parser's range as ours.
fn span(range: Range) -> Span {
    Span { start: range.start, end: range.end }
}

/// Any value.
fn of_value(value: Ast<'_>, flaws: &mut Vec<Flaw>) -> Node {
    let span = span(value.range());
    let value = match value {
        Ast::StringLit(text) => Value::String(text.value.into_owned()),
        Ast::NumberLit(number) if number.value.contains(['.', 'e', 'E']) => {
            Value::Float(number.value.to_owned())
        }
        Ast::NumberLit(number) => Value::Integer(number.value.to_owned()),
        Ast::BooleanLit(boolean) => Value::Boolean(boolean.value),
        Ast::NullKeyword(_) => Value::Null,
        Ast::Array(list) => {
            Value::List(list.elements.into_iter().map(|value| of_value(value, flaws)).collect())
        }
        Ast::Object(object) => of_object(object, flaws),
    };
    Node { span, value }
}

/// An object, of which the parser keeps repeated keys.
fn of_object(object: Object<'_>, flaws: &mut Vec<Flaw>) -> Value {
    let mut seen: HashMap<String, Span> = HashMap::new();
    let mut entries = Vec::with_capacity(object.properties.len());
    for property in object.properties {
        let key = key(property.name);
        let node = of_value(property.value, flaws);
        if let Some(first) = seen.get(&key.value) {
            let kind = ManifestErrorKind::DuplicateKey { key: key.value };
            flaws.push(Flaw { kind, span: key.span, first: Some(*first) });
            continue;
        }
        seen.insert(key.value.clone(), key.span);
        entries.push(Entry { key, node });
    }
    Value::Table(entries)
}

/// A property's name, without its quotes.
fn key(name: ObjectPropName<'_>) -> Located<String> {
    let span = match &name {
        ObjectPropName::String(text) => span(text.range),
        ObjectPropName::Word(word) => span(word.range),
    };
    Located { value: name.into_string(), span }
}
