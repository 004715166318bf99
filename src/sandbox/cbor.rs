//! CBOR, as Smithy's RPC v2 has it, and the JSON that the sandbox's services speak inside.
//!
//! Invariant: what is a time is told by the member's name. In JSON a time is a number of seconds; in
//! CBOR it is tagged, and a client takes nothing else for one.

use aws_smithy_cbor::{Decoder, Encoder, data::Type, decode::DeserializeError};
use aws_smithy_types::DateTime;
use bytes::Bytes;
use serde_json::{Map, Number, Value};

use super::call::Fault;

/// How deep a body may be nested.
const MOST_DEPTH: usize = 32;

/// How many bytes the tag of a time takes, as all clients write it.
const SHORTEST_TAG: usize = 1;

/// What the names of members end with that are times, in answers.
const TIMES: &str = "Timestamp";

/// Reads a body; an empty one is an empty object.
pub(super) fn to_json(body: &[u8]) -> Result<Value, Fault> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    read(&mut Decoder::new(body), MOST_DEPTH)
        .map_err(|error| Fault::new("SerializationException", error.to_string()))
}

/// Reads the value at the decoder's position.
fn read(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, DeserializeError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(DeserializeError::custom("the body is nested too deep", decoder.position()));
    };
    Ok(match decoder.datatype()? {
        Type::Map | Type::MapIndef => read_map(decoder, depth)?,
        Type::Array | Type::ArrayIndef => read_list(decoder, depth)?,
        Type::String | Type::StringIndef => Value::from(decoder.string()?),
        Type::Bool => Value::from(decoder.boolean()?),
        Type::F16 | Type::F32 | Type::F64 => Value::from(decoder.double()?),
        Type::Tag => Value::from(read_time(decoder)?),
        Type::Null | Type::Undefined => {
            decoder.skip()?;
            Value::Null
        }
        _ => Value::from(decoder.long()?),
    })
}

/// Reads a time, in seconds.
///
/// The decoder's own reading is cut to whole milliseconds: a client's 0.636, which no double is
/// exactly, may come to be 0.635. So it finds the time's end only, and the number is read apart.
fn read_time(decoder: &mut Decoder<'_>) -> Result<f64, DeserializeError> {
    let start = decoder.position();
    decoder.timestamp()?;
    let end = decoder.position();
    decoder.set_position(start + SHORTEST_TAG);
    let seconds = match decoder.datatype()? {
        Type::F16 | Type::F32 | Type::F64 => decoder.double()?,
        _ => Number::from(decoder.long()?).as_f64().unwrap_or_default(),
    };
    if decoder.position() == end {
        return Ok(seconds);
    }
    Err(DeserializeError::custom("a time's tag is longer than it need be", start))
}

/// Reads a map whose keys are texts; members that are null are left out, as if they were not given.
fn read_map(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, DeserializeError> {
    let mut members = Map::new();
    let mut left = decoder.map()?;
    while has_more(decoder, &mut left)? {
        let name = decoder.string()?;
        match read(decoder, depth)? {
            Value::Null => {}
            value => {
                members.insert(name, value);
            }
        }
    }
    Ok(Value::Object(members))
}

/// Reads a list.
fn read_list(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, DeserializeError> {
    let mut items = Vec::new();
    let mut left = decoder.list()?;
    while has_more(decoder, &mut left)? {
        items.push(read(decoder, depth)?);
    }
    Ok(Value::Array(items))
}

/// Whether there is another entry: by the count that is left, or up to the break where there is no
/// count.
fn has_more(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DeserializeError> {
    if let Some(count) = left {
        let has = *count > 0;
        *count = count.saturating_sub(1);
        return Ok(has);
    }
    let is_over = decoder.datatype()? == Type::Break;
    if is_over {
        decoder.skip()?;
    }
    Ok(!is_over)
}

/// Writes a body; one that is no JSON is none.
pub(super) fn from_json(body: &[u8]) -> Bytes {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, "", &serde_json::from_slice(body).unwrap_or_default());
    Bytes::from(encoder.into_writer())
}

/// Writes the value of a member.
fn write(encoder: &mut Encoder, name: &str, value: &Value) {
    match value {
        Value::Null => {
            encoder.null();
        }
        Value::Bool(value) => {
            encoder.boolean(*value);
        }
        Value::Number(number) => write_number(encoder, name, number),
        Value::String(text) => {
            encoder.str(text);
        }
        Value::Array(items) => {
            encoder.array(items.len());
            for item in items {
                write(encoder, name, item);
            }
        }
        Value::Object(members) => {
            encoder.map(members.len());
            for (name, value) in members {
                encoder.str(name);
                write(encoder, name, value);
            }
        }
    }
}

/// Writes a number, or the time that it is.
fn write_number(encoder: &mut Encoder, name: &str, number: &Number) {
    let fraction = number.as_f64().unwrap_or_default();
    match number.as_i64() {
        _ if name.ends_with(TIMES) => encoder.timestamp(&DateTime::from_secs_f64(fraction)),
        Some(whole) => encoder.long(whole),
        None => encoder.double(fraction),
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let value = json!({
            "Name": "a", "Threshold": 1.5, "Period": 60, "ActionsEnabled": true,
            "Dimensions": [{ "Name": "x", "Value": "é" }], "Empty": {}, "None": [],
            "StateUpdatedTimestamp": 1_700_000_000.25,
        });
        let bytes = from_json(value.to_string().as_bytes());
        assert_eq!(to_json(&bytes).unwrap(), value);
    }

    #[test]
    fn maps_and_lists_may_have_no_length() {
        let mut encoder = Encoder::new(Vec::new());
        encoder.begin_map().str("a").begin_array().integer(1).null().end().str("b").null().end();
        assert_eq!(to_json(&encoder.into_writer()).unwrap(), json!({ "a": [1, null] }));
        assert_eq!(to_json(b"").unwrap(), json!({}));
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let deep = vec![0x81_u8; 100_000];
        assert!(matches!(to_json(&deep), Err(Fault::Answer { .. })));
    }

    #[test]
    fn times_have_the_tag_that_clients_write() {
        // {"a": 1(1)}, with the tag in one byte and in two.
        assert_eq!(to_json(b"\xa1\x61a\xc1\x01").unwrap(), json!({ "a": 1.0 }));
        assert!(to_json(b"\xa1\x61a\xd8\x01\x01").is_err());
    }

    proptest! {
        #[test]
        fn times_stay_as_they_were_told(millis in 1_700_000_000_000_i64..1_900_000_000_000) {
            let mut encoder = Encoder::new(Vec::new());
            encoder.timestamp(&DateTime::from_millis(millis));
            let seconds = DateTime::from_millis(millis).as_secs_f64();
            prop_assert_eq!(to_json(&encoder.into_writer()).unwrap(), Value::from(seconds));
        }

        #[test]
        fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = to_json(&bytes);
        }
    }
}
