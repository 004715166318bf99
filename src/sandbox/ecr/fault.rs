//! The registry's errors, in its own words.

use std::fmt::Display;

use super::{ImageId, place::Place};
use crate::sandbox::call::Fault;

/// A member of a request breaks a rule.
pub(super) fn invalid(member: &str, rule: impl Display) -> Fault {
    Fault::new(
        "InvalidParameterException",
        format!("Invalid parameter at '{member}' failed to satisfy constraint: '{rule}'"),
    )
}

/// There is no such repository.
pub(super) fn repository_not_found(place: &Place) -> Fault {
    let message = format!(
        "The repository with name '{}' does not exist in the registry with id '{}'",
        place.repository, place.scope.account
    );
    Fault::new("RepositoryNotFoundException", message)
}

/// The repository is there already.
pub(super) fn repository_already_exists(place: &Place) -> Fault {
    let message = format!(
        "The repository with name '{}' already exists in the registry with id '{}'",
        place.repository, place.scope.account
    );
    Fault::new("RepositoryAlreadyExistsException", message)
}

/// The repository still has images.
pub(super) fn repository_not_empty(place: &Place) -> Fault {
    let message = format!(
        "The repository with name '{}' in registry with id '{}' cannot be deleted because it still \
         contains images",
        place.repository, place.scope.account
    );
    Fault::new("RepositoryNotEmptyException", message)
}

/// There is no such image.
pub(super) fn image_not_found(place: &Place, id: &ImageId) -> Fault {
    let shown = |part: &Option<String>| part.clone().unwrap_or_else(|| "null".to_owned());
    let message = format!(
        "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the \
         repository with name '{}' in the registry with id '{}'",
        shown(&id.image_digest),
        shown(&id.image_tag),
        place.repository,
        place.scope.account
    );
    Fault::new("ImageNotFoundException", message)
}

/// The image is there already, and the tag points to it.
pub(super) fn image_already_exists(place: &Place, digest: &str, tag: Option<&str>) -> Fault {
    let message = format!(
        "Image with digest '{digest}' and tag '{}' already exists in the repository with name \
         '{}' in registry with id '{}'",
        tag.unwrap_or("null"),
        place.repository,
        place.scope.account
    );
    Fault::new("ImageAlreadyExistsException", message)
}

/// The tag is taken, and must stay where it is.
pub(super) fn tag_already_exists(place: &Place, tag: &str) -> Fault {
    let message = format!(
        "The image tag '{tag}' already exists in the '{}' repository and cannot be overwritten \
         because the tag is immutable.",
        place.repository
    );
    Fault::new("ImageTagAlreadyExistsException", message)
}

/// The operation is none that this registry has.
pub(super) fn unknown_operation(operation: &str) -> Fault {
    let message = format!("The sandbox's container registry does not know {operation}.");
    Fault::new("UnknownOperationException", message)
}
