//! A tree to the tables of the module `shape`: types, unknown keys, the two forms of a collection.
//!
//! Reading goes on after an error, so that all of them are found; a value that is wrong is left
//! out of the result.

use std::{sync::Arc, time::Duration};

use super::{
    error::ManifestErrorKind,
    report::ManifestError,
    shape::{Key, RunTask, Service, Shape},
    source::{Source, Span},
    tree::{Entry, Flaw, Located, Node, Text, Value},
};
use crate::model::OnFailure;

/// The errors found so far in one text.
pub(super) struct Reader {
    /// The text.
    source: Arc<Source>,
    /// The errors, in the order they were found.
    errors: Vec<ManifestError>,
}

impl Reader {
    /// A reader that has found nothing wrong yet.
    pub(super) fn new(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), errors: Vec::new() }
    }

    /// The text.
    pub(super) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Takes down an error.
    pub(super) fn report(&mut self, span: Span, kind: ManifestErrorKind) {
        self.errors.push(ManifestError::at(&self.source, span, kind));
    }

    /// Takes down an error about something that stood there before.
    pub(super) fn report_again(&mut self, span: Span, first: Span, kind: ManifestErrorKind) {
        self.errors.push(ManifestError::at(&self.source, span, kind).after(Some(first)));
    }

    /// Takes down what was found while building the tree.
    pub(super) fn report_flaw(&mut self, flaw: Flaw) {
        let error = ManifestError::at(&self.source, flaw.span, flaw.kind).after(flaw.first);
        self.errors.push(error);
    }

    /// Takes down a value of the wrong type.
    fn report_type(&mut self, node: &Node, path: &str, expected: &'static str) {
        let found = node.value.description();
        let kind = ManifestErrorKind::WrongType { place: path.to_owned(), expected, found };
        self.report(node.span, kind);
    }

    /// The errors found.
    pub(super) fn into_errors(self) -> Vec<ManifestError> {
        self.errors
    }
}

/// Something that can be read from a value.
pub(super) trait Read: Sized {
    /// Reads the value that `path` leads to; nothing, and an error taken down, where it is wrong.
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self>;
}

impl Read for Text {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::String(text) if text.trim().is_empty() => {
                reader.report(node.span, ManifestErrorKind::Empty { place: path.to_owned() });
                None
            }
            Value::String(text) => Some(Self { value: text.clone(), span: node.span }),
            _ => {
                reader.report_type(node, path, "a string");
                None
            }
        }
    }
}

/// An account id as it was written, as text or as a number.
#[derive(Debug)]
pub(super) struct Account(pub(super) Text);

impl Read for Account {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Integer(digits) => {
                Some(Self(Located { value: digits.clone(), span: node.span }))
            }
            Value::String(_) => Text::read(node, path, reader).map(Self),
            _ => {
                reader.report_type(node, path, "an account id of 12 digits");
                None
            }
        }
    }
}

impl Read for bool {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        let Value::Boolean(value) = node.value else {
            reader.report_type(node, path, "`true` or `false`");
            return None;
        };
        Some(value)
    }
}

impl Read for OnFailure {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        let text = Text::read(node, path, reader)?;
        let known = Self::ALL.map(Self::as_str);
        let found = text.value.parse().ok();
        if found.is_none() {
            let (place, value) = (path.to_owned(), text.value);
            let kind = ManifestErrorKind::UnknownValue { place, value, known: known.to_vec() };
            reader.report(text.span, kind);
        }
        found
    }
}

/// The entries of one table with a fixed set of keys, by the keys' own names.
pub(super) struct Fields<'n> {
    /// The path of keys that leads to the table.
    path: String,
    /// The entries whose keys are known.
    entries: Vec<(&'static str, &'n Entry)>,
}

impl<'n> Fields<'n> {
    /// Sorts out a table's entries, taking down unknown keys, keys under two names and required
    /// keys that are missing. What is no table counts as one that is empty.
    ///
    /// The key `id` belongs to an element of a list and is left to the reader of the list.
    fn open<S: Shape>(node: &'n Node, path: &str, is_element: bool, reader: &mut Reader) -> Self {
        let mut fields = Self { path: path.to_owned(), entries: Vec::new() };
        let Value::Table(entries) = &node.value else {
            reader.report_type(node, path, "a table");
            return fields;
        };
        for entry in entries {
            let key = entry.key.value.as_str();
            match S::KEYS.iter().find(|k| k.name == key || k.alias == Some(key)) {
                Some(key) => fields.add(key, entry, reader),
                None if is_element && key == "id" => {}
                None => reader.report(entry.key.span, unknown_key::<S>(key, path)),
            }
        }
        for key in S::KEYS.iter().filter(|key| key.is_required && !fields.has(key)) {
            reader.report(node.span, missing_key(path, key.name));
        }
        fields
    }

    /// Whether the table has a key.
    fn has(&self, key: &Key) -> bool {
        self.entries.iter().any(|(name, _)| *name == key.name)
    }

    /// Adds an entry, unless its key is there already under its other name.
    fn add(&mut self, key: &Key, entry: &'n Entry, reader: &mut Reader) {
        if let Some((_, first)) = self.entries.iter().find(|(name, _)| *name == key.name) {
            let kind = ManifestErrorKind::ConflictingKeys {
                place: self.path.clone(),
                key: key.name,
                other: key.alias.unwrap_or(key.name),
            };
            reader.report_again(entry.key.span, first.key.span, kind);
            return;
        }
        self.entries.push((key.name, entry));
    }

    /// The value of a key, if it is there and right.
    pub(super) fn take<T: Read>(&self, name: &str, reader: &mut Reader) -> Option<T> {
        let (_, entry) = self.entries.iter().find(|(key, _)| *key == name)?;
        T::read(&entry.node, &join(&self.path, &entry.key.value), reader)
    }
}

/// The error for a key that a table lacks.
fn missing_key(path: &str, key: &'static str) -> ManifestErrorKind {
    ManifestErrorKind::MissingKey { place: path.to_owned(), key }
}

/// The error for a key that a table does not have.
fn unknown_key<S: Shape>(key: &str, path: &str) -> ManifestErrorKind {
    ManifestErrorKind::UnknownKey {
        key: key.to_owned(),
        place: path.to_owned(),
        owner: S::OWNER,
        known: S::KEYS.iter().map(|key| key.name).collect(),
    }
}

impl<S: Shape> Read for S {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        let fields = Fields::open::<S>(node, path, false, reader);
        Some(S::fill(&fields, reader))
    }
}

/// Tables by id: a table whose keys are the ids, or RFC 013's list of tables that each have an
/// `id`. Never empty in the file; empty here when nothing in it is right.
#[derive(Debug)]
pub(super) struct Collection<T>(pub(super) Vec<Item<T>>);

/// A table of a collection.
#[derive(Debug)]
pub(super) struct Item<T> {
    /// The table's id.
    pub(super) id: Text,
    /// The path of keys that leads to the table.
    pub(super) path: String,
    /// The table.
    pub(super) table: T,
}

impl<S: Shape> Read for Collection<S> {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        let items = match &node.value {
            Value::Table(entries) => entries
                .iter()
                .filter_map(|entry| {
                    let path = join(path, &entry.key.value);
                    let table = S::read(&entry.node, &path, reader)?;
                    Some(Item { id: entry.key.clone(), path, table })
                })
                .collect(),
            Value::List(elements) => {
                let elements = numbered(elements, path);
                elements.filter_map(|(path, node)| read_element(node, &path, reader)).collect()
            }
            _ => {
                reader.report_type(node, path, "a table or a list");
                return None;
            }
        };
        check_content(node, path, reader);
        Some(Self(items))
    }
}

/// The elements of a list, each with its path: `path[0]` and so on.
fn numbered<'n>(elements: &'n [Node], path: &str) -> impl Iterator<Item = (String, &'n Node)> {
    elements.iter().enumerate().map(move |(number, node)| (format!("{path}[{number}]"), node))
}

/// Reads an element of a list: a table with its id in it.
fn read_element<S: Shape>(node: &Node, path: &str, reader: &mut Reader) -> Option<Item<S>> {
    let Value::Table(entries) = &node.value else {
        reader.report_type(node, path, "a table");
        return None;
    };
    let id = entries.iter().find(|entry| entry.key.value == "id");
    if id.is_none() {
        reader.report(node.span, missing_key(path, "id"));
    }
    let id = id.and_then(|id| Text::read(&id.node, &join(path, "id"), reader));
    let path = match &id {
        Some(id) => join(path.rsplit_once('[').map_or(path, |(list, _)| list), &id.value),
        None => path.to_owned(),
    };
    let fields = Fields::open::<S>(node, &path, true, reader);
    let table = S::fill(&fields, reader);
    Some(Item { id: id?, path, table })
}

/// A service of a set.
#[derive(Debug)]
pub(super) enum Member {
    /// A service of the project, by its id.
    Named(Text),
    /// A service that is defined in the set.
    Defined(Box<Item<Service>>),
}

impl Member {
    /// A service that is defined in the set.
    fn defined(item: Item<Service>) -> Self {
        Self::Defined(Box::new(item))
    }
}

/// The services of a set: a list of ids and of tables with an `id`, or a table by id.
#[derive(Debug)]
pub(super) struct Members(pub(super) Vec<Member>);

impl Read for Members {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        let Value::List(elements) = &node.value else {
            let Collection(services) = Collection::read(node, path, reader)?;
            return Some(Self(services.into_iter().map(Member::defined).collect()));
        };
        if elements.is_empty() {
            let set = path.strip_suffix(".services").unwrap_or(path).to_owned();
            reader.report(node.span, ManifestErrorKind::EmptySet(set));
        }
        let member = |(path, element): (String, &Node)| match &element.value {
            Value::Table(_) => read_element(element, &path, reader).map(Member::defined),
            _ => Text::read(element, &path, reader).map(Member::Named),
        };
        Some(Self(numbered(elements, path).filter_map(member).collect()))
    }
}

/// The images of a service with the container of each: a list of image ids, or a table of
/// container names and image ids.
#[derive(Debug)]
pub(super) struct Containers(pub(super) Vec<(Text, Text)>);

impl Read for Containers {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        let Value::List(elements) = &node.value else {
            return read_texts(node, path, "a list or a table", reader).map(Self);
        };
        check_content(node, path, reader);
        let elements = numbered(elements, path);
        let images = elements.filter_map(|(path, element)| Text::read(element, &path, reader));
        Some(Self(images.map(|image| (image.clone(), image)).collect()))
    }
}

/// The clusters of a service, by environment id.
#[derive(Debug)]
pub(super) struct Clusters(pub(super) Vec<(Text, Text)>);

impl Read for Clusters {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        read_texts(node, path, "a table of environments and clusters", reader).map(Self)
    }
}

/// A list of ids.
#[derive(Debug)]
pub(super) struct Names(pub(super) Vec<Text>);

impl Read for Names {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        read_list(node, path, "a list of service ids", reader).map(Self)
    }
}

/// A command with its arguments.
#[derive(Debug)]
pub(super) struct Command(pub(super) Vec<Text>);

impl Read for Command {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        read_list(node, path, "a list of the command and its arguments", reader).map(Self)
    }
}

/// A one-off task: the list that is its command, or a table.
#[derive(Debug)]
pub(super) struct OneOff {
    /// The task.
    pub(super) task: RunTask,
    /// Where it is.
    pub(super) span: Span,
}

impl Read for OneOff {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        let task = match &node.value {
            Value::List(_) => {
                let command = Command::read(node, path, reader);
                RunTask { command, container: None, timeout: None }
            }
            Value::Table(_) => RunTask::read(node, path, reader)?,
            _ => {
                reader.report_type(node, path, "a list or a table");
                return None;
            }
        };
        Some(Self { task, span: node.span })
    }
}

/// A length of time that is waited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeout(pub(super) Duration);

impl Read for Timeout {
    fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Self> {
        let text = Text::read(node, path, reader)?;
        let span = text.value.parse::<jiff::SignedDuration>().ok();
        let found = span.and_then(|span| Duration::try_from(span).ok());
        let found = found.filter(|found| found.as_secs() > 0);
        if found.is_none() {
            let (place, value) = (path.to_owned(), text.value);
            reader.report(text.span, ManifestErrorKind::InvalidDuration { place, value });
        }
        found.map(Self)
    }
}

/// Reads a list of texts.
fn read_list(
    node: &Node,
    path: &str,
    expected: &'static str,
    reader: &mut Reader,
) -> Option<Vec<Text>> {
    let Value::List(elements) = &node.value else {
        reader.report_type(node, path, expected);
        return None;
    };
    check_content(node, path, reader);
    let elements = numbered(elements, path);
    Some(elements.filter_map(|(path, element)| Text::read(element, &path, reader)).collect())
}

/// Reads a table of texts.
fn read_texts(
    node: &Node,
    path: &str,
    expected: &'static str,
    reader: &mut Reader,
) -> Option<Vec<(Text, Text)>> {
    let Value::Table(entries) = &node.value else {
        reader.report_type(node, path, expected);
        return None;
    };
    check_content(node, path, reader);
    let pair = |entry: &Entry| {
        let text = Text::read(&entry.node, &join(path, &entry.key.value), reader)?;
        Some((entry.key.clone(), text))
    };
    Some(entries.iter().filter_map(pair).collect())
}

/// Takes down a list or table without content.
fn check_content(node: &Node, path: &str, reader: &mut Reader) {
    let is_empty = match &node.value {
        Value::List(elements) => elements.is_empty(),
        Value::Table(entries) => entries.is_empty(),
        _ => false,
    };
    if is_empty {
        reader.report(node.span, ManifestErrorKind::Empty { place: path.to_owned() });
    }
}

/// The path to a key of the table that `path` leads to.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
