//! Tests of the whole way from text to answers.

mod documents;
mod on_meaning;
mod on_question;
mod on_shape;
mod on_value;
mod projects;
mod properties;

use super::{Manifest, Project};

/// The manifest in a text without mistakes.
fn manifest(text: &str) -> Manifest {
    Manifest::parse(".weco-project", text)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

/// The only project of a text without mistakes.
fn project(text: &str) -> Project {
    manifest(text).project(None).unwrap().clone()
}

/// Everything wrong with a text, as a user without colours sees it.
fn rendered(text: &str) -> String {
    Manifest::parse(".weco-project", text).unwrap_err().render(false)
}
