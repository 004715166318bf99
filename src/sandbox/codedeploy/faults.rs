//! The errors that CodeDeploy answers with.

use crate::sandbox::call::Fault;

/// A required member, which the SDK's types let be absent or blank; `code` is the error for that.
pub(super) fn required<'a>(value: Option<&'a str>, code: &str) -> Result<&'a str, Fault> {
    value.filter(|text| !text.is_empty()).ok_or_else(|| {
        let what = code.strip_suffix("RequiredException").unwrap_or(code);
        Fault::new(code, format!("{what} is required."))
    })
}

/// What the sandbox does not do.
pub(super) fn unsupported(what: &str) -> Fault {
    Fault::new("OperationNotSupportedException", format!("The sandbox does not do {what}."))
}

/// There is no such deployment.
pub(super) fn no_deployment(id: &str) -> Fault {
    let words = format!("The deployment {id} could not be found.");
    Fault::new("DeploymentDoesNotExistException", words)
}

/// The AppSpec is not what it should be.
pub(super) fn bad_revision(message: impl Into<String>) -> Fault {
    Fault::new("InvalidRevisionException", message)
}

/// A list of at most so many names.
pub(super) fn at_most<'a>(
    list: &'a [String],
    most: usize,
    what: &str,
) -> Result<&'a [String], Fault> {
    if list.len() > most {
        let words = format!("At most {most} {what} can be asked for at once.");
        return Err(Fault::new("BatchLimitExceededException", words));
    }
    Ok(list)
}
