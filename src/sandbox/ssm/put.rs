//! `PutParameter`.

use aws_sdk_ssm::{
    operation::put_parameter::{PutParameterInput, PutParameterOutput},
    types::Tag,
};

use super::{
    fault, name,
    parameter::Parameter,
    tags,
    version::{Author, Version},
};
use crate::sandbox::{
    call::{Call, Fault, Scope},
    state::Transaction,
};

/// Answers `PutParameter`.
pub(super) fn put_parameter(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &PutParameterInput,
) -> Result<PutParameterOutput, Fault> {
    let author = Author { now: call.now, caller: &call.caller };
    let latest = put(transaction, &call.scope, author, input)?;
    Ok(PutParameterOutput::builder().version(latest.number).tier(latest.tier.api()).build())
}

/// Creates the parameter, or gives it a new version; answers with that version.
pub(super) fn put(
    transaction: &mut Transaction<'_>,
    scope: &Scope,
    author: Author<'_>,
    input: &PutParameterInput,
) -> Result<Version, Fault> {
    let name = input.name().unwrap_or_default().trim();
    name::check(name, scope)?;
    let overwrites = input.overwrite().unwrap_or_default();
    check_extras(input, overwrites)?;
    let parameter = match transaction.get::<Parameter>(&scope.key(name))? {
        None => create(name, author, input)?,
        Some(before) if overwrites => overwrite(before, author, input)?,
        Some(_) => return Err(already_exists()),
    };
    parameter.save(transaction, scope)?;
    Ok(parameter.latest().clone())
}

/// A parameter with a first version.
fn create(name: &str, author: Author<'_>, input: &PutParameterInput) -> Result<Parameter, Fault> {
    let first = Version::next(None, input, author)?;
    let tags = tags::checked(input.tags())?;
    Ok(Parameter::new(name.to_owned(), first, tags))
}

/// The parameter with one version more.
fn overwrite(
    mut parameter: Parameter,
    author: Author<'_>,
    input: &PutParameterInput,
) -> Result<Parameter, Fault> {
    let next = Version::next(Some(parameter.latest()), input, author)?;
    parameter.push(next)?;
    Ok(parameter)
}

/// Checks what a request may not hold, or not together.
fn check_extras(input: &PutParameterInput, overwrites: bool) -> Result<(), Fault> {
    let tags: &[Tag] = input.tags();
    if overwrites && !tags.is_empty() {
        return Err(fault::validation(
            "Invalid request: tags and overwrite can't be used together. To create a parameter \
             with tags, please remove overwrite flag. To update tags for an existing parameter, \
             please use AddTagsToResource or RemoveTagsFromResource.",
        ));
    }
    if input.policies().is_some() {
        return Err(fault::validation(
            "The sandbox's Parameter Store acts on no parameter policy.",
        ));
    }
    Ok(())
}

/// Says that the name is taken.
fn already_exists() -> Fault {
    Fault::new(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the \
         request to true.",
    )
}
