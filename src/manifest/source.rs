//! The text of a manifest and places in it.
//!
//! A [`Source`] holds the text as the parsers saw it (a byte order mark is gone), so that every
//! [`Span`] of a parser can be used on it as it is.

use std::{fmt, sync::Arc};

/// The two notations a manifest can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// TOML, the notation this documentation uses.
    Toml,
    /// JSON, the notation of RFC 013.
    Json,
}

impl Format {
    /// Tells the notation from the first characters.
    ///
    /// A text that opens a JSON object is JSON. So is one that opens a list of objects: that is
    /// never TOML, whose `[` begins the name of a table.
    fn of(text: &str) -> Self {
        let mut marks = text.chars().filter(|c| !c.is_whitespace());
        match (marks.next(), marks.next()) {
            (Some('{'), _) | (Some('['), Some('{')) => Self::Json,
            _ => Self::Toml,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Toml => "TOML",
            Self::Json => "JSON",
        })
    }
}

/// Where something begins and ends in the text, in bytes; the end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    /// The first byte.
    pub(super) start: usize,
    /// The byte after the last.
    pub(super) end: usize,
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// A place in a text as editors count: line and column from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters (not bytes), from 1.
    pub column: usize,
}

/// One manifest's text, with the name of its file.
#[derive(PartialEq, Eq)]
pub(super) struct Source {
    /// The file's name as it is shown to the user.
    pub(super) file: String,
    /// The text without byte order mark.
    pub(super) text: String,
    /// The notation it is read as.
    pub(super) format: Format,
}

impl Source {
    /// Takes a file's name and its text.
    pub(super) fn new(file: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { file: file.to_owned(), text: text.to_owned(), format: Format::of(text) }
    }

    /// Line and column of a byte; the end of the text for one that lies behind it.
    pub(super) fn location(&self, byte: usize) -> Location {
        let before = self.text.get(..self.boundary(byte)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Location {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }

    /// The span cut to the text and widened to whole characters.
    pub(super) fn clamp(&self, span: Span) -> std::ops::Range<usize> {
        let start = self.boundary(span.start);
        let mut end = span.end.clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }

    /// The text of a span.
    pub(super) fn slice(&self, span: Span) -> &str {
        self.text.get(self.clamp(span)).unwrap_or_default()
    }

    /// The nearest beginning of a character at or before a byte.
    fn boundary(&self, byte: usize) -> usize {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }
}

/// Leaves the text out: it is as long as the file.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("file", &self.file)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// A place in a text that is kept alive, for errors found long after parsing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The text.
    pub(super) source: Arc<Source>,
    /// The place in it.
    pub(super) span: Span,
}

impl Mark {
    /// Line and column of the place's beginning.
    pub(super) fn location(&self) -> Location {
        self.source.location(self.span.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_characters_tell_the_format() {
        for text in ["{}", " \r\n\t{", "\u{feff}{", "[{}]", "[\n {\"id\":"] {
            assert_eq!(Source::new("f", text).format, Format::Json, "{text:?}");
        }
        for text in ["", "[a]", "[[a]]", "a = 1", "# {", "\u{feff}[a]"] {
            assert_eq!(Source::new("f", text).format, Format::Toml, "{text:?}");
        }
    }

    #[test]
    fn columns_count_characters_and_lines_end_with_or_without_carriage_return() {
        let source = Source::new("f", "\u{feff}ü = 'x'\r\nab😀c\n\nlast");
        let at = |needle: &str| {
            let Location { line, column } = source.location(source.text.find(needle).unwrap());
            (line, column)
        };
        assert_eq!(at("ü"), (1, 1));
        assert_eq!(at("="), (1, 3));
        assert_eq!(at("ab"), (2, 1));
        assert_eq!(at("c"), (2, 4));
        assert_eq!(at("last"), (4, 1));
        assert_eq!(source.location(usize::MAX), Location { line: 4, column: 5 });
        assert_eq!(source.location(1), Location { line: 1, column: 1 }, "inside of `ü`");
    }

    #[test]
    fn a_span_is_cut_to_whole_characters_of_the_text() {
        let source = Source::new("f", "aüb");
        assert_eq!(source.slice(Span { start: 2, end: 2 }), "ü");
        assert_eq!(source.slice(Span { start: 3, end: 99 }), "b");
        assert_eq!(source.slice(Span { start: 9, end: 1 }), "");
    }
}
