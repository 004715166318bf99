//! The Parameter Store's errors, in its own words.

use std::fmt::Display;

use serde_json::Value;

use crate::sandbox::call::Fault;

/// A request that is not valid in itself.
pub(super) fn validation(message: impl Into<String>) -> Fault {
    Fault::new("ValidationException", message)
}

/// A member of a request breaks a rule of the API model.
pub(super) fn constraint(value: impl Display, member: &str, rule: &str) -> Fault {
    validation(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: \
         {rule}."
    ))
}

/// There is no such parameter.
pub(super) fn not_found(name: &str) -> Fault {
    Fault::new("ParameterNotFound", format!("Parameter {name} not found."))
}

/// The parameter has no such version, or no version with such a label.
pub(super) fn version_not_found(what: impl Display, name: &str) -> Fault {
    let message = format!(
        "Systems Manager could not find version {what} of {name}. Verify the version and try again."
    );
    Fault::new("ParameterVersionNotFound", message)
}

/// A filter asks for something that cannot be filtered by.
pub(super) fn invalid_filter_key(message: impl Into<String>) -> Fault {
    Fault::new("InvalidFilterKey", message)
}

/// A filter compares in a way that its key does not know.
pub(super) fn invalid_filter_option(option: &str, valid: &str) -> Fault {
    let message =
        format!("The following filter option is not valid: {option}. Valid options: {valid}.");
    Fault::new("InvalidFilterOption", message)
}

/// A filter's values are not values of its key.
pub(super) fn invalid_filter_value(message: impl Into<String>) -> Fault {
    capital("InvalidFilterValue", message.into())
}

/// The name is one of the service's own.
pub(super) fn access_denied(name: &str) -> Fault {
    capital("AccessDeniedException", format!("No access to reserved parameter name: {name}."))
}

/// The token is none that a page of this listing gave.
pub(super) fn invalid_next_token() -> Fault {
    capital("InvalidNextToken", "The specified token isn't valid.".to_owned())
}

/// An error whose model has no members.
pub(super) fn bare(code: &str) -> Fault {
    Fault::Answer { status: 400, code: code.to_owned(), members: serde_json::Map::new() }
}

/// The operation is none that this Parameter Store has.
pub(super) fn unknown_operation(operation: &str) -> Fault {
    let message = format!("The sandbox's Parameter Store does not know {operation}.");
    Fault::new("UnknownOperationException", message)
}

/// An error of those whose model calls the text `Message`.
fn capital(code: &str, message: String) -> Fault {
    let members = [("Message".to_owned(), Value::from(message))].into_iter().collect();
    Fault::Answer { status: 400, code: code.to_owned(), members }
}
