//! SSM's Parameter Store: parameters with their versions, labels and tags.
//!
//! A request and its answer are the SDK's own types, so that the wire is in step with the client.
//! Limits, error names and texts are those of the service's API model, API version 2014-11-06.
//!
//! Invariant: a parameter is one entity with all its versions; a path is a prefix of keys. A
//! `SecureString` is **not** encrypted: its value is in plain in the sandbox's file, and only
//! answers without decryption hide it. Parameter policies are refused, since nothing here would
//! act on them.

pub(in crate::sandbox) mod admin;
mod delete;
mod describe;
mod fault;
mod filter;
mod labels;
mod name;
mod parameter;
mod path;
mod put;
mod read;
mod tags;
mod version;

use aws_smithy_schema::serde::{SerdeError, SerializableStruct, ShapeDeserializer};
use aws_smithy_types::DateTime;
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    call::{Call, Fault},
    page::After,
    state::Transaction,
    wire,
};
use aws_sdk_ssm::operation as op;

/// Answers one request to `AmazonSSM`.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    macro_rules! with {
        ($operation:ident, $input:ident, $work:expr) => {
            run(call, transaction, op::$operation::$input::deserialize, $work)
        };
    }
    match call.operation.as_str() {
        "PutParameter" => with!(put_parameter, PutParameterInput, put::put_parameter),
        "GetParameter" => with!(get_parameter, GetParameterInput, read::get_parameter),
        "GetParameters" => with!(get_parameters, GetParametersInput, read::get_parameters),
        "GetParametersByPath" => {
            with!(get_parameters_by_path, GetParametersByPathInput, path::get_parameters_by_path)
        }
        "GetParameterHistory" => {
            with!(get_parameter_history, GetParameterHistoryInput, read::get_parameter_history)
        }
        "DescribeParameters" => {
            with!(describe_parameters, DescribeParametersInput, describe::describe_parameters)
        }
        "DeleteParameter" => {
            with!(delete_parameter, DeleteParameterInput, delete::delete_parameter)
        }
        "DeleteParameters" => {
            with!(delete_parameters, DeleteParametersInput, delete::delete_parameters)
        }
        "LabelParameterVersion" => {
            with!(label_parameter_version, LabelParameterVersionInput, labels::label)
        }
        "UnlabelParameterVersion" => {
            with!(unlabel_parameter_version, UnlabelParameterVersionInput, labels::unlabel)
        }
        "AddTagsToResource" => with!(add_tags_to_resource, AddTagsToResourceInput, tags::add),
        "RemoveTagsFromResource" => {
            with!(remove_tags_from_resource, RemoveTagsFromResourceInput, tags::remove)
        }
        "ListTagsForResource" => {
            with!(list_tags_for_resource, ListTagsForResourceInput, tags::list)
        }
        other => Err(fault::unknown_operation(other)),
    }
}

/// Reads the input, does the work and writes the output.
fn run<I, O: SerializableStruct>(
    call: &Call,
    transaction: &mut Transaction<'_>,
    deserialize: fn(&mut dyn ShapeDeserializer) -> Result<I, SerdeError>,
    work: impl FnOnce(&Call, &mut Transaction<'_>, &I) -> Result<O, Fault>,
) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, deserialize)?;
    wire::write(&work(call, transaction, &input)?)
}

/// A point in time as the SDK has it; answers carry milliseconds, as the service's do.
fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millisecond())
}

/// The size of a page: what was asked for, of at most `most`, or `most`.
fn page_size(asked: Option<i32>, most: i32) -> Result<usize, Fault> {
    let size = asked.unwrap_or(most);
    if size < 1 {
        let rule = "Member must have value greater than or equal to 1";
        return Err(fault::constraint(size, "maxResults", rule));
    }
    if size > most {
        let rule = format!("Member must have value less than or equal to {most}");
        return Err(fault::constraint(size, "maxResults", &rule));
    }
    Ok(usize::try_from(size).unwrap_or_default())
}

/// Where the page begins that a token asks for.
fn page_start(token: Option<&str>, prefix: &str) -> Result<After, Fault> {
    super::page::after(token, prefix).map_err(|_bad_token| fault::invalid_next_token())
}

/// Checks that a request names as many things as it may.
fn check_count(values: &[String], member: &str, most: usize) -> Result<(), Fault> {
    let shown = format!("[{}]", values.join(", "));
    if values.is_empty() {
        let rule = "Member must have length greater than or equal to 1";
        return Err(fault::constraint(shown, member, rule));
    }
    if values.len() > most {
        let rule = format!("Member must have length less than or equal to {most}");
        return Err(fault::constraint(shown, member, &rule));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
