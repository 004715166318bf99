//! `DescribeParameters`.

use aws_sdk_ssm::{
    operation::describe_parameters::{DescribeParametersInput, DescribeParametersOutput},
    types::ParameterMetadata,
};

use super::{
    date, fault,
    filter::{Filters, Listing},
    name, page_size, page_start,
    parameter::Parameter,
};
use crate::sandbox::{
    call::{Call, Fault, Scope},
    page,
    state::Transaction,
};

/// Parameters on one page.
const MAX_RESULTS: i32 = 50;

/// Answers `DescribeParameters`: everything but the values, sorted by name.
pub(super) fn describe_parameters(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &DescribeParametersInput,
) -> Result<DescribeParametersOutput, Fault> {
    let limit = page_size(input.max_results(), MAX_RESULTS)?;
    let filters = read_filters(input)?;
    let prefix = call.scope.key(filters.name_start());
    let after = page_start(input.next_token(), &prefix)?;
    // Accounts share nothing here, so that nothing is what is shared with this one.
    let owned = !input.shared().unwrap_or_default();
    let page = page::read(transaction, &prefix, after, limit, |parameter: Parameter| {
        (owned && filters.hold(&parameter)).then(|| metadata(&call.scope, &parameter))
    })?;
    Ok(DescribeParametersOutput::builder()
        .set_parameters(Some(page.items))
        .set_next_token(page.next)
        .build())
}

/// Reads the filters, in either of the two forms.
fn read_filters(input: &DescribeParametersInput) -> Result<Filters, Fault> {
    match (input.filters(), input.parameter_filters()) {
        ([], filters) => Filters::read(filters, Listing::Describe),
        (filters, []) => Filters::read_old(filters),
        _ => Err(fault::validation(
            "You can use either Filters or ParameterFilters in a single request.",
        )),
    }
}

/// A parameter without its value.
fn metadata(scope: &Scope, parameter: &Parameter) -> ParameterMetadata {
    let latest = parameter.latest();
    ParameterMetadata::builder()
        .name(&parameter.name)
        .arn(name::arn(scope, &parameter.name))
        .r#type(latest.kind.api())
        .set_key_id(latest.key_id.clone())
        .last_modified_date(date(latest.modified_at))
        .last_modified_user(&latest.modified_by)
        .set_description(latest.description.clone())
        .set_allowed_pattern(latest.allowed_pattern.clone())
        .version(latest.number)
        .tier(latest.tier.api())
        .set_policies(Some(Vec::new()))
        .data_type(&latest.data_type)
        .build()
}
