//! Images that are named in an account that cannot be reached.

use std::collections::BTreeSet;

use super::{access::Access, error::OpError, images::Search, workspace::Workspace};
use crate::{
    backend::aws::IdentityError,
    manifest::{Environment, Home},
    model::ImageId,
    plan::ImageSource,
};

/// Why the images of a deployment cannot be read where they are named.
#[derive(Debug, thiserror::Error)]
#[error("images come from {}{}", source_words(source_of, *is_set), why_there(source_of, unrecorded))]
pub struct OutOfReach {
    /// Where they come from.
    pub(super) source_of: ImageSource,
    /// Whether it is the manifest that says so.
    pub(super) is_set: bool,
    /// The images that the record does not tell of.
    pub(super) unrecorded: Vec<ImageId>,
    /// Why it cannot be reached.
    #[source]
    pub(super) cause: Box<OpError>,
}

/// The source, and what says so.
fn source_words(source: &ImageSource, is_set: bool) -> String {
    match source {
        ImageSource::Environment(id) if is_set => format!("`{id}` (`from = \"{id}\"`)"),
        other => other.to_string(),
    }
}

/// Why that account has to be reached.
fn why_there(source: &ImageSource, images: &[ImageId]) -> String {
    match source {
        ImageSource::Environment(_) => {
            let names: Vec<String> = images.iter().map(|image| format!("`{image}`")).collect();
            let names = names.join(", ");
            format!(
                "; of {names} nothing verified there is on record, and its account cannot be reached"
            )
        }
        _ => ", and the project's own account, where labels are, cannot be reached".to_owned(),
    }
}

impl OutOfReach {
    /// What to do about it.
    pub(super) fn hints(&self) -> Vec<String> {
        let way = match (&self.source_of, self.cause.as_ref()) {
            (
                ImageSource::Environment(id),
                OpError::Identity(IdentityError::WrongAccount { .. }),
            ) => vec![format!(
                "deploy to `{id}` first, recorded in a store that both share: what was verified there \
                 is deployed without a look into its account (docs/accounts.md)"
            )],
            (_, OpError::Identity(IdentityError::WrongAccount { expected, arn, .. })) => {
                vec![format!(
                    "give the project a `role_arn` in account {expected} that `{arn}` may take on \
                     (docs/accounts.md)"
                )]
            }
            _ => self.cause.hints(),
        };
        let given = "name the images with `--image <image>=<uri>`, which needs no look there";
        way.into_iter().chain([given.to_owned()]).collect()
    }

    /// Why it cannot be reached.
    #[must_use]
    pub fn cause(&self) -> &OpError {
        &self.cause
    }
}

/// Reaches the account that images are named in, where it is not the one at hand.
pub(super) async fn reach(
    workspace: &Workspace,
    search: &Search<'_>,
    (home, unrecorded): (&Home, &BTreeSet<ImageId>),
) -> Result<Option<Access>, OpError> {
    if search.home == *home {
        return Ok(None);
    }
    let opened = Access::open(workspace, home).await;
    opened.map(Some).map_err(|cause| {
        let is_set = |one: &Environment| {
            let from = one.from.clone().map(ImageSource::Environment);
            one.home() == search.home && from.as_ref() == Some(search.source)
        };
        OutOfReach {
            source_of: search.source.clone(),
            is_set: workspace.project.environments.values().any(is_set),
            unrecorded: unrecorded.iter().cloned().collect(),
            cause: Box::new(cause),
        }
        .into()
    })
}
