//! Tips on words that people try first, which clap cannot know.

use clap::{
    Error,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// Names by which others call a dry run.
const DRY_RUNS: [&str; 3] = ["plan", "preview", "diff"];

/// The same error, with a tip where there is one.
pub(super) fn advised(mut error: Error) -> Error {
    if let Some(tip) = tip(&error) {
        // A command of a similar name has nothing to do with what was meant.
        error.remove(ContextKind::SuggestedSubcommand);
        let tips = vec![StyledStr::from(tip)];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// What was probably meant.
fn tip(error: &Error) -> Option<&'static str> {
    match (error.kind(), error.get(ContextKind::InvalidSubcommand), missing(error)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word)), _)
            if DRY_RUNS.contains(&word.as_str()) =>
        {
            Some(
                "`release-tool deploy all prod --dry-run` shows what would be done, and does nothing",
            )
        }
        (ErrorKind::MissingRequiredArgument, _, Some([only])) if only == "<ENVIRONMENT>" => {
            Some("say what is meant before the environment, as in `all prod`")
        }
        _ => None,
    }
}

/// The arguments that are missing.
fn missing(error: &Error) -> Option<&[String]> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(missing)) => Some(missing),
        _ => None,
    }
}
