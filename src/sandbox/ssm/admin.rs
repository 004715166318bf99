//! Parameters written by the sandbox itself: what an estate is seeded with, and what somebody else
//! is made to have changed.

use aws_sdk_ssm::{operation::put_parameter::PutParameterInput, types::ParameterType};

use super::{parameter::Parameter, put};
use crate::sandbox::{
    call::{Fault, Scope},
    state::Transaction,
};

pub(in crate::sandbox) use super::version::Author;

/// Puts a `String` parameter, or a new version of what is there, by the rules of `PutParameter`;
/// answers with the version's number.
pub(in crate::sandbox) fn put(
    transaction: &mut Transaction<'_>,
    scope: &Scope,
    name: &str,
    value: &str,
    author: Author<'_>,
) -> Result<i64, Fault> {
    let exists = transaction.get::<Parameter>(&scope.key(name))?.is_some();
    let input = PutParameterInput::builder()
        .name(name)
        .value(value)
        // A parameter keeps its type.
        .set_type((!exists).then_some(ParameterType::String))
        .overwrite(true)
        .build()
        .map_err(|error| Fault::new("ValidationException", error.to_string()))?;
    let latest = put::put(transaction, scope, author, &input)?;
    Ok(latest.number)
}
