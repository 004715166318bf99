//! One failure as it is told: what was changed, the cause chain, and the way on.

use console::Style;
use serde::Serialize;

use super::{
    console::{Console, Format},
    escape::escape,
};
use crate::model::HeldLock;

/// A failure, ready to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What failed, and below it why, outermost first.
    pub causes: Vec<String>,
    /// More about it, a line each, for people.
    #[serde(skip)]
    pub details: Vec<String>,
    /// What others hold, where that is why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldLock>,
    /// Imperative sentences with the exact command, key or flag.
    pub hints: Vec<String>,
}

impl Failure {
    /// The causes of an error, each once: an error that only passes on what is below it is not
    /// said twice.
    #[must_use]
    pub fn of(error: &dyn std::error::Error, hints: Vec<String>) -> Self {
        let mut causes = vec![error.to_string()];
        let mut next = error.source();
        while let Some(error) = next {
            let text = error.to_string();
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            next = error.source();
        }
        Self { causes, details: Vec::new(), held: Vec::new(), hints }
    }

    /// Tells the failure on the error stream; as JSON on the output too, where that is the format.
    pub fn tell(&self, console: &Console) {
        if console.format == Format::Json {
            console.result(super::json::document("error", self));
            return;
        }
        let mut causes = self.causes.iter();
        let label = console.paint(&Style::new().red().bold(), "error:");
        console.error(format!("{label} {}", lines(causes.next().map_or("", String::as_str))));
        for cause in causes {
            console.error(format!("  because: {}", lines(cause)));
        }
        for detail in &self.details {
            console.error(format!("  {}", lines(detail)));
        }
        for hint in &self.hints {
            let label = console.paint(&Style::new().cyan().bold(), "hint:");
            console.error(format!("{label} {}", lines(hint)));
        }
    }
}

/// Escapes a text line by line, keeping its line breaks.
fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(escape).collect();
    lines.join("\n")
}
