//! `DeleteParameter` and `DeleteParameters`.

use aws_sdk_ssm::operation::{
    delete_parameter::{DeleteParameterInput, DeleteParameterOutput},
    delete_parameters::{DeleteParametersInput, DeleteParametersOutput},
};

use super::{check_count, fault, parameter::Parameter};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
};

/// Names that one `DeleteParameters` may give.
const MAX_NAMES: usize = 10;

/// Answers `DeleteParameter`.
pub(super) fn delete_parameter(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &DeleteParameterInput,
) -> Result<DeleteParameterOutput, Fault> {
    let name = input.name().unwrap_or_default().trim();
    if !transaction.delete::<Parameter>(&call.scope.key(name))? {
        return Err(fault::not_found(name));
    }
    Ok(DeleteParameterOutput::builder().build())
}

/// Answers `DeleteParameters`: which of the names are gone, and which there were none of.
pub(super) fn delete_parameters(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &DeleteParametersInput,
) -> Result<DeleteParametersOutput, Fault> {
    check_count(input.names(), "names", MAX_NAMES)?;
    let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
    for name in input.names() {
        let was_there = transaction.delete::<Parameter>(&call.scope.key(name.trim()))?;
        if was_there { &mut deleted } else { &mut invalid }.push(name.clone());
    }
    Ok(DeleteParametersOutput::builder()
        .set_deleted_parameters(Some(deleted))
        .set_invalid_parameters(Some(invalid))
        .build())
}
