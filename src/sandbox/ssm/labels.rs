//! `LabelParameterVersion` and `UnlabelParameterVersion`.

use aws_sdk_ssm::operation::{
    label_parameter_version::{LabelParameterVersionInput, LabelParameterVersionOutput},
    unlabel_parameter_version::{UnlabelParameterVersionInput, UnlabelParameterVersionOutput},
};

use super::{
    check_count, fault,
    name::{is_name_char, is_reserved},
    parameter,
    version::Version,
};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
};

/// Labels that one version may have.
const MAX_LABELS: usize = 10;
/// Characters of a label.
const MAX_LENGTH: usize = 100;

/// Answers `LabelParameterVersion`: a label that is on another version moves.
pub(super) fn label(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &LabelParameterVersionInput,
) -> Result<LabelParameterVersionOutput, Fault> {
    check_labels(input.labels())?;
    let mut parameter = parameter::named(transaction, &call.scope, input.name())?;
    let (sound, invalid): (Vec<_>, Vec<_>) =
        input.labels().iter().cloned().partition(|label| is_sound(label));
    let number = parameter.version_mut(input.parameter_version())?.number;
    for version in parameter.versions_mut() {
        version.labels.retain(|label| version.number == number || !sound.contains(label));
    }
    attach(parameter.version_mut(Some(number))?, sound)?;
    parameter.save(transaction, &call.scope)?;
    Ok(LabelParameterVersionOutput::builder()
        .set_invalid_labels(Some(invalid))
        .parameter_version(number)
        .build())
}

/// Answers `UnlabelParameterVersion`.
pub(super) fn unlabel(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &UnlabelParameterVersionInput,
) -> Result<UnlabelParameterVersionOutput, Fault> {
    check_labels(input.labels())?;
    let mut parameter = parameter::named(transaction, &call.scope, input.name())?;
    // The SDK reads a required number that is missing as zero, which no version has.
    let Some(number) = input.parameter_version().filter(|number| *number != 0) else {
        return Err(fault::constraint("null", "parameterVersion", "Member must not be null"));
    };
    let version = parameter.version_mut(Some(number))?;
    let (removed, invalid): (Vec<_>, Vec<_>) =
        input.labels().iter().cloned().partition(|label| version.labels.contains(label));
    version.labels.retain(|label| !removed.contains(label));
    parameter.save(transaction, &call.scope)?;
    Ok(UnlabelParameterVersionOutput::builder()
        .set_removed_labels(Some(removed))
        .set_invalid_labels(Some(invalid))
        .build())
}

/// Checks what a request must hold, whatever its labels look like.
fn check_labels(labels: &[String]) -> Result<(), Fault> {
    check_count(labels, "labels", MAX_LABELS)?;
    match labels.iter().find(|label| !(1..=MAX_LENGTH).contains(&label.chars().count())) {
        None => Ok(()),
        Some(label) => Err(fault::constraint(
            format!("[{label}]"),
            "labels",
            "Member must satisfy constraint: [Member must have length less than or equal to 100, \
             Member must have length greater than or equal to 1]",
        )),
    }
}

/// Whether a text can be a label; those that cannot are told in the answer and left out.
fn is_sound(label: &str) -> bool {
    let starts_with_digit = label.starts_with(|c: char| c.is_ascii_digit());
    !starts_with_digit && !is_reserved(label) && label.chars().all(is_name_char)
}

/// Adds labels to a version, none twice.
fn attach(version: &mut Version, labels: Vec<String>) -> Result<(), Fault> {
    for label in labels {
        if !version.labels.contains(&label) {
            version.labels.push(label);
        }
    }
    if version.labels.len() > MAX_LABELS {
        return Err(Fault::new(
            "ParameterVersionLabelLimitExceeded",
            "A parameter version can have maximum 10 labels. Move one or more labels to another \
             version and try again.",
        ));
    }
    Ok(())
}
