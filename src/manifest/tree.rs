//! A text as one tree of located values, whatever its notation.
//!
//! Everything behind this module is blind to the notation: TOML and JSON that say the same give
//! the same tree, but for the spans.

mod json;
mod toml;

use super::{
    error::ManifestErrorKind,
    source::{Format, Source, Span},
};

/// A value and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// The value's place; for a TOML table its header, or its key where it has none.
    pub(super) span: Span,
    /// The value.
    pub(super) value: Value,
}

/// A value of either notation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Text.
    String(String),
    /// An integer, as its digits.
    Integer(String),
    /// Any other number, as it was written.
    Float(String),
    /// True or false.
    Boolean(bool),
    /// A date or a time; TOML only.
    Date(String),
    /// JSON's `null`.
    Null,
    /// Values in order.
    List(Vec<Node>),
    /// Keys with values in the order of the file, no key twice.
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: Located<String>,
    /// The value.
    pub(super) node: Node,
}

/// Something with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located<T> {
    /// What is there.
    pub(super) value: T,
    /// Where it is.
    pub(super) span: Span,
}

/// A piece of text with its place.
pub(super) type Text = Located<String>;

impl Value {
    /// What the value is, with an article, for error messages.
    pub(super) fn description(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "a boolean",
            Self::Date(_) => "a date or time",
            Self::Null => "null",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Something wrong that was found while building a tree.
#[derive(Debug)]
pub(super) struct Flaw {
    /// What is wrong.
    pub(super) kind: ManifestErrorKind,
    /// Where.
    pub(super) span: Span,
    /// Where the same thing stands first, if it stands twice.
    pub(super) first: Option<Span>,
}

/// Reads a text, giving the tree as far as it can be trusted, and everything wrong with it.
///
/// The tree is missing where the syntax is broken: what could be salvaged would only give errors
/// that go away with the first. Duplicate keys leave a tree with the first of them.
pub(super) fn parse(source: &Source) -> (Option<Node>, Vec<Flaw>) {
    match source.format {
        Format::Toml => toml::parse(source),
        Format::Json => json::parse(source),
    }
}
