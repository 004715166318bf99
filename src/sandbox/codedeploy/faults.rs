//! The errors that CodeDeploy answers with.

use crate::sandbox::call::Fault;

/// A required member, which the SDK's types let be absent or blank; `code` is the error for that.
pub(super) fn required<'a>(value: Option<&'a str>, code: &str) -> Result<&'a str, Fault> {
    value.filter(|text| !text.is_empty()).ok_or_else(|| {
        let what = code.strip_suffix("RequiredException").unwrap_or(code);
        Fault::new(code, format!("{what} is required."))
    })
}

/// A name of an application or a group: `what` is the part of its errors' names.
pub(super) fn name<'a>(value: Option<&'a str>, what: &str) -> Result<&'a str, Fault> {
    let name = required(value, &format!("{what}RequiredException"))?;
    let is_part = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'+' | b'=' | b',' | b'.' | b'@' | b'_' | b'-')
    };
    if name.len() > 100 || !name.bytes().all(is_part) {
        let words = format!("{what} must be 1 to 100 letters, digits and any of +=,.@_-");
        return Err(Fault::new(format!("Invalid{what}Exception"), words));
    }
    Ok(name)
}

/// What the sandbox does not do, as one of the errors that the operation has.
pub(super) fn unsupported(code: &str, what: &str) -> Fault {
    Fault::new(code, format!("The sandbox does not do {what}."))
}

/// Refuses whatever of these is asked for: whether it is, the error's code, and what it is.
pub(super) fn refuse(asked_for: &[(bool, &str, &str)]) -> Result<(), Fault> {
    match asked_for.iter().find(|(is_asked_for, _, _)| *is_asked_for) {
        Some((_, code, what)) => Err(unsupported(code, what)),
        None => Ok(()),
    }
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
    code: &str,
) -> Result<&'a [String], Fault> {
    if list.len() > most {
        return Err(Fault::new(code, format!("At most {most} can be asked for at once.")));
    }
    Ok(list)
}
