//! Chains of causes.

use std::error::Error;

use aws_smithy_types::error::metadata::ErrorMetadata;

/// The first error of a type in a chain of causes.
pub(in crate::backend::aws) fn find<'a, E: Error + 'static>(
    error: &'a (dyn Error + 'static),
) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref::<E>())
}

/// What the last cause in the chain says. The SDK tells what it has no name for as a structure.
pub(in crate::backend::aws) fn innermost(error: &(dyn Error + 'static)) -> String {
    let last = causes(error).last();
    match last.and_then(|last| last.downcast_ref::<ErrorMetadata>()) {
        Some(told) => {
            let parts = [told.code(), told.message()].into_iter().flatten();
            parts.collect::<Vec<_>>().join(": ")
        }
        None => last.map(ToString::to_string).unwrap_or_default(),
    }
}

/// An error and its causes. `io::Error` hides the error it wraps from `source`.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}
