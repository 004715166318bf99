//! The one question: whether to go on.

use std::{fmt, io};

use dialoguer::{Input, theme::Theme};

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `y` or `yes`.
    Yes,
    /// Anything else.
    No,
    /// The terminal went away, or the input ended.
    Nobody,
}

/// Shows the question as it is, with nothing added.
struct Bare;

impl Theme for Bare {
    fn format_input_prompt(
        &self,
        f: &mut dyn fmt::Write,
        prompt: &str,
        _default: Option<&str>,
    ) -> fmt::Result {
        write!(f, "{prompt} ")
    }

    fn format_input_prompt_selection(
        &self,
        f: &mut dyn fmt::Write,
        prompt: &str,
        answer: &str,
    ) -> fmt::Result {
        write!(f, "{prompt} {answer}")
    }
}

/// Asks on the terminal. Only `y` and `yes` mean yes.
#[must_use]
pub fn confirm(question: &str) -> Answer {
    let asked =
        Input::<String>::with_theme(&Bare).with_prompt(question).allow_empty(true).interact_text();
    match asked {
        Ok(answer) if is_yes(&answer) => Answer::Yes,
        Ok(_) => Answer::No,
        Err(dialoguer::Error::IO(error)) if error.kind() == io::ErrorKind::Interrupted => {
            Answer::No
        }
        Err(_nobody_there) => Answer::Nobody,
    }
}

/// Whether an answer means yes.
fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_yes_means_yes() {
        for answer in ["y", "Y", "yes", " YES "] {
            assert!(is_yes(answer), "{answer}");
        }
        for answer in ["", "n", "no", "ye", "yes please", "1"] {
            assert!(!is_yes(answer), "{answer}");
        }
    }
}
