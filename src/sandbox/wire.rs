//! Bodies in the awsJson protocols, read and written with the SDK's own types.
//!
//! The SDK crates whose shapes have schemas (ECS, SSM) are their own server model: their inputs
//! deserialize and their outputs and errors serialize, so that this wire is in step with the
//! client by construction.

use aws_smithy_json::codec::{JsonCodec, JsonCodecSettings};
use aws_smithy_schema::{
    codec::Codec,
    serde::{SerdeError, SerializableStruct, ShapeDeserializer, ShapeSerializer},
};
use bytes::Bytes;

use super::call::Fault;

/// The awsJson codec: members go by their own names.
fn codec() -> JsonCodec {
    JsonCodec::new(JsonCodecSettings::builder().use_json_name(false).build())
}

/// Reads an operation's input; an empty body is an empty object, as AWS takes it.
pub(super) fn read<I>(
    body: &[u8],
    deserialize: fn(&mut dyn ShapeDeserializer) -> Result<I, SerdeError>,
) -> Result<I, Fault> {
    let body = if body.is_empty() { b"{}" } else { body };
    deserialize(&mut codec().create_deserializer(body))
        .map_err(|error| Fault::new("SerializationException", error.to_string()))
}

/// Writes an operation's output, or a nested shape.
pub(super) fn write(output: &dyn SerializableStruct) -> Result<Bytes, Fault> {
    let mut serializer = codec().create_serializer();
    serializer
        .write_struct(output.schema(), output)
        .map_err(|error| Fault::new("InternalFailure", error.to_string()))?;
    Ok(Bytes::from(serializer.finish()))
}
