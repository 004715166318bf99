//! Errors with their place in the file, as one line or as annotated excerpts.
//!
//! Manifests are untrusted text: no control character of one reaches the output as it is.

use std::{error::Error, fmt, sync::Arc};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{
    error::ManifestErrorKind,
    source::{Location, Mark, Source, Span},
};

/// Something wrong with a manifest, or with a question asked of it, and where.
///
/// `Display` gives one line, `file:line:column: message`; [`render`](Self::render) gives the
/// excerpt and the hint with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    /// What is wrong; boxed to keep the good way of a `Result` small.
    kind: Box<ManifestErrorKind>,
    /// Where, unless it is about what was asked and not about the file.
    at: Option<Mark>,
    /// Where the same thing stands first, for what stands twice.
    first: Option<Span>,
}

impl ManifestError {
    /// An error about a question, at no place of the file.
    pub(super) fn asked(kind: ManifestErrorKind) -> Self {
        Self { kind: Box::new(kind), at: None, first: None }
    }

    /// An error at a place.
    pub(super) fn at(source: &Arc<Source>, span: Span, kind: ManifestErrorKind) -> Self {
        let at = Some(Mark { source: Arc::clone(source), span });
        Self { kind: Box::new(kind), at, first: None }
    }

    /// The same error with the place where its subject stands first.
    pub(super) fn after(self, first: Option<Span>) -> Self {
        Self { first, ..self }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ManifestErrorKind {
        &self.kind
    }

    /// The name of the file, where the error is at a place in it.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.at.as_ref().map(|at| at.source.file.as_str())
    }

    /// Line and column, where the error is at a place in the file.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        self.at.as_ref().map(Mark::location)
    }

    /// What is wrong as a lower-case fragment, without its place.
    #[must_use]
    pub fn message(&self) -> String {
        visible(&self.kind.to_string())
    }

    /// What to do about it, in one sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        visible(&self.kind.hint())
    }

    /// The error with the lines of the file it is about and its `hint:`, without a final newline.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let (message, hint) = (self.message(), self.hint());
        let mut group = Group::with_title(Level::ERROR.primary_title(&message));
        if let Some(at) = &self.at {
            group = self.excerpt(at, group);
        }
        let hint = Level::HELP.with_name("hint").message(&hint);
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group.element(hint)])
    }

    /// Adds the lines of the file that show the mistake; an empty file has only a name.
    fn excerpt<'r>(&self, at: &'r Mark, group: Group<'r>) -> Group<'r> {
        let source = &at.source;
        if source.text.trim().is_empty() {
            return group.element(Origin::path(source.file.as_str()));
        }
        let mut snippet = Snippet::source(source.text.as_str())
            .path(source.file.as_str())
            .annotation(AnnotationKind::Primary.span(source.clamp(at.span)));
        if let Some(first) = self.first {
            let context = AnnotationKind::Context.span(source.clamp(first)).label("first here");
            snippet = snippet.annotation(context);
        }
        group.element(snippet)
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.at {
            let Location { line, column } = at.location();
            write!(f, "{}:{line}:{column}: ", visible(&at.source.file))?;
        }
        f.write_str(&self.message())
    }
}

impl Error for ManifestError {}

/// Everything wrong with one manifest, in the order of the file; never empty.
///
/// `Display` gives a line for each error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestErrors {
    /// The manifest.
    source: Arc<Source>,
    /// The errors.
    errors: Vec<ManifestError>,
}

impl ManifestErrors {
    /// Sorts errors that were found in a manifest.
    pub(super) fn new(source: Arc<Source>, mut errors: Vec<ManifestError>) -> Self {
        errors.sort_by_key(|error| error.at.as_ref().map(|at| at.span.start));
        Self { source, errors }
    }

    /// The file's name as it was given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.source.file
    }

    /// The text that was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// The errors in the order of the file.
    #[must_use]
    pub fn errors(&self) -> &[ManifestError] {
        &self.errors
    }

    /// All errors with excerpts and hints, parted by empty lines, without a final newline.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let rendered: Vec<String> = self.errors.iter().map(|error| error.render(color)).collect();
        rendered.join("\n\n")
    }
}

impl fmt::Display for ManifestErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.errors.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Error for ManifestErrors {}

/// The text with control characters, and those that turn the direction of writing, as escapes.
fn visible(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}
