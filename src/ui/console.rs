//! Where output goes, and how it looks.

use std::{
    fmt::Display,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use console::Style;

/// The form of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// For programs: one document, or one event a line while something is going on.
    Json,
}

/// A writer that several reporters share.
type Shared = Arc<Mutex<dyn Write + Send>>;

/// The two streams, and what they can show.
#[derive(Clone)]
pub struct Console {
    /// For results.
    out: Shared,
    /// For everything else.
    err: Shared,
    /// The form of results.
    pub format: Format,
    /// Whether colours may be used on the error stream.
    pub colour: bool,
    /// Whether somebody sits at the error stream, so that lines can be redrawn.
    pub interactive: bool,
    /// Whether to be silent but for results and errors.
    pub quiet: bool,
}

impl Console {
    /// A console on two writers, without colour and without anybody watching.
    pub fn new(
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
        format: Format,
    ) -> Self {
        Self {
            out: Arc::new(Mutex::new(out)),
            err: Arc::new(Mutex::new(err)),
            format,
            colour: false,
            interactive: false,
            quiet: false,
        }
    }

    /// Writes a result. A reader that went away (a closed pipe) ends nothing.
    pub fn result(&self, text: impl Display) {
        write_line(&self.out, text);
    }

    /// Writes an error or a warning, also when quiet.
    pub fn error(&self, text: impl Display) {
        write_line(&self.err, text);
    }

    /// Writes a remark, unless quiet.
    pub fn remark(&self, text: impl Display) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// Text in a style, where colours may be used.
    #[must_use]
    pub fn paint(&self, style: &Style, text: impl Display) -> String {
        if self.colour {
            style.clone().force_styling(true).apply_to(text).to_string()
        } else {
            text.to_string()
        }
    }
}

/// Writes a line and flushes. There is nobody to tell when that fails.
fn write_line(stream: &Shared, text: impl Display) {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    let written: io::Result<()> = writeln!(stream, "{text}").and_then(|()| stream.flush());
    drop(written);
}
