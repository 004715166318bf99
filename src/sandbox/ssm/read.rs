//! `GetParameter`, `GetParameters` and `GetParameterHistory`.

use std::collections::HashSet;

use aws_sdk_ssm::{
    operation::{
        get_parameter::{GetParameterInput, GetParameterOutput},
        get_parameter_history::{GetParameterHistoryInput, GetParameterHistoryOutput},
        get_parameters::{GetParametersInput, GetParametersOutput},
    },
    types::ParameterHistory,
};

use super::{
    check_count, date, fault, page_size, page_start,
    parameter::{self, Parameter},
    version::Version,
};
use crate::sandbox::{
    call::{Call, Fault},
    page,
    state::Transaction,
};

/// Names that one `GetParameters` may give.
const MAX_NAMES: usize = 10;

/// Answers `GetParameter`.
pub(super) fn get_parameter(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &GetParameterInput,
) -> Result<GetParameterOutput, Fault> {
    let decrypt = input.with_decryption().unwrap_or_default();
    let text = input.name().unwrap_or_default();
    let (parameter, selector) = parameter::find(transaction, &call.scope, text)?;
    let version = parameter.select(selector.as_ref())?;
    let view = parameter.view(&call.scope, version, selector.as_ref(), decrypt);
    Ok(GetParameterOutput::builder().parameter(view).build())
}

/// Answers `GetParameters`: what is there, by name, and the names of what is not.
pub(super) fn get_parameters(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &GetParametersInput,
) -> Result<GetParametersOutput, Fault> {
    check_count(input.names(), "names", MAX_NAMES)?;
    let mut seen = HashSet::new();
    if let Some(twice) = input.names().iter().find(|name| !seen.insert(name.trim())) {
        return Err(fault::validation(format!("The parameter name {twice} is given twice.")));
    }
    let decrypt = input.with_decryption().unwrap_or_default();
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for text in input.names() {
        let read =
            parameter::find(transaction, &call.scope, text).and_then(|(parameter, selector)| {
                let version = parameter.select(selector.as_ref())?;
                Ok(parameter.view(&call.scope, version, selector.as_ref(), decrypt))
            });
        match read {
            Ok(view) => found.push(view),
            Err(Fault::Answer { .. }) => invalid.push(text.clone()),
            Err(broken @ Fault::Sandbox(_)) => return Err(broken),
        }
    }
    found.sort_by(|a, b| (&a.name, a.version).cmp(&(&b.name, b.version)));
    Ok(GetParametersOutput::builder()
        .set_parameters(Some(found))
        .set_invalid_parameters(Some(invalid))
        .build())
}

/// Answers `GetParameterHistory`: the versions that are kept, the oldest first.
pub(super) fn get_parameter_history(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &GetParameterHistoryInput,
) -> Result<GetParameterHistoryOutput, Fault> {
    let limit = page_size(input.max_results(), 50)?;
    let text = input.name().unwrap_or_default();
    let (parameter, selector) = parameter::find(transaction, &call.scope, text)?;
    if selector.is_some() {
        return Err(fault::not_found(text));
    }
    let prefix = call.scope.key(&format!("{}:", parameter.name));
    let after = page_start(input.next_token(), &prefix)?;
    let decrypt = input.with_decryption().unwrap_or_default();
    let entries = parameter
        .versions()
        .map(|version| {
            // Numbers of one length sort like numbers.
            (format!("{prefix}{:019}", version.number), entry(&parameter, version, decrypt))
        })
        .collect();
    let page = page::cut(entries, &after, limit);
    Ok(GetParameterHistoryOutput::builder()
        .set_parameters(Some(page.items))
        .set_next_token(page.next)
        .build())
}

/// One version in a history.
fn entry(parameter: &Parameter, version: &Version, decrypt: bool) -> ParameterHistory {
    ParameterHistory::builder()
        .name(&parameter.name)
        .r#type(version.kind.api())
        .set_key_id(version.key_id.clone())
        .last_modified_date(date(version.modified_at))
        .last_modified_user(&version.modified_by)
        .set_description(version.description.clone())
        .value(parameter.shown_value(version, decrypt))
        .set_allowed_pattern(version.allowed_pattern.clone())
        .version(version.number)
        .set_labels(Some(version.labels.clone()))
        .tier(version.tier.api())
        .set_policies(Some(Vec::new()))
        .data_type(&version.data_type)
        .build()
}
