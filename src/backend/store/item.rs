//! Items and their keys, with the rules that every implementation enforces alike.
//!
//! A key or item is checked when it is used, so that what reaches a store keeps the rules.

use std::fmt;

use serde_json::{Map, Value};

use super::{error::StoreError, query::Index};

/// Most bytes of an item: its key and its attributes as JSON without spaces.
///
/// DynamoDB allows 409,600 bytes, names included, counted in a way that gives less than the JSON
/// does (Amazon DynamoDB Developer Guide, "Item sizes and formats").
pub const MAX_ITEM_BYTES: usize = 400_000;
/// Most bytes of a partition key (Amazon DynamoDB Developer Guide, "Quotas").
const MAX_PK_BYTES: usize = 2048;
/// Most bytes of a sort key (Amazon DynamoDB Developer Guide, "Quotas").
const MAX_SK_BYTES: usize = 1024;
/// Deepest nesting of an attribute. DynamoDB has 32 levels (Amazon DynamoDB Developer Guide,
/// "Quotas") and counts the item itself as one.
const MAX_DEPTH: usize = 31;
/// The attribute that every update counts up.
pub(super) const VERSION: &str = "ver";
/// How the partition key of an append-only item ends.
const AUDIT_SUFFIX: &str = "#AUD";

/// Where an item is: printable ASCII without spaces, so that its order is the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition key.
    pk: String,
    /// The sort key.
    sk: String,
}

impl Key {
    /// Takes a key; it is checked when it is used.
    #[must_use]
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// The partition key.
    #[must_use]
    pub fn pk(&self) -> &str {
        &self.pk
    }

    /// The sort key.
    #[must_use]
    pub fn sk(&self) -> &str {
        &self.sk
    }

    /// Whether the item here may only ever be created.
    pub(super) fn is_append_only(&self) -> bool {
        self.pk.ends_with(AUDIT_SUFFIX)
    }

    /// Checks both parts.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        check_pk(&self.pk)?;
        check_sk(&self.sk)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pk, self.sk)
    }
}

/// Checks a partition key, of the table or of an index.
pub(super) fn check_pk(pk: &str) -> Result<(), StoreError> {
    check_key_part("pk", pk, MAX_PK_BYTES)
}

/// Checks a sort key, of the table or of an index.
pub(super) fn check_sk(sk: &str) -> Result<(), StoreError> {
    check_key_part("sk", sk, MAX_SK_BYTES)
}

/// Checks one part of a key.
fn check_key_part(part: &str, value: &str, max: usize) -> Result<(), StoreError> {
    if value.is_empty() {
        return Err(StoreError::invalid(format!("a key's {part} is empty")));
    }
    if value.len() > max {
        return Err(StoreError::invalid(format!("a key's {part} is longer than {max} bytes")));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        let reason = format!("a key's {part} has other characters than printable ASCII: {value:?}");
        return Err(StoreError::invalid(reason));
    }
    Ok(())
}

/// One item of the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Where it is.
    key: Key,
    /// Everything but the key.
    attributes: Map<String, Value>,
}

impl Item {
    /// Takes an item; it is checked when it is written.
    #[must_use]
    pub fn new(key: Key, attributes: Map<String, Value>) -> Self {
        Self { key, attributes }
    }

    /// Where it is.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Everything but `pk` and `sk`.
    #[must_use]
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// One attribute.
    #[must_use]
    pub fn get(&self, attribute: &str) -> Option<&Value> {
        self.attributes.get(attribute)
    }

    /// The item without its key.
    #[must_use]
    pub fn into_attributes(self) -> Map<String, Value> {
        self.attributes
    }
}

/// Checks the attributes of a whole item and gives its size in bytes.
pub(super) fn check_item(key: &Key, attributes: &Map<String, Value>) -> Result<usize, StoreError> {
    check_attributes(attributes)?;
    for index in Index::BOTH {
        check_index_keys(index, attributes)?;
    }
    let bytes = json_bytes(attributes) + key.pk.len() + key.sk.len();
    if bytes > MAX_ITEM_BYTES {
        let reason = format!("`{key}` has {bytes} bytes, and {MAX_ITEM_BYTES} are allowed");
        return Err(StoreError::invalid(reason));
    }
    Ok(bytes)
}

/// Checks the names and values of some attributes.
pub(super) fn check_attributes(attributes: &Map<String, Value>) -> Result<(), StoreError> {
    for (name, value) in attributes {
        check_attribute_name(name)?;
        check_value(name, value, 1)?;
    }
    Ok(())
}

/// Checks that an attribute is not part of the key.
pub(super) fn check_attribute_name(name: &str) -> Result<(), StoreError> {
    if matches!(name, "pk" | "sk" | "") {
        return Err(StoreError::invalid(format!("`{name}` cannot be an attribute's name")));
    }
    Ok(())
}

/// Checks that numbers are integers, that members have names and that the nesting is not too deep.
fn check_value(name: &str, value: &Value, depth: usize) -> Result<(), StoreError> {
    if depth > MAX_DEPTH {
        let reason = format!("the attribute `{name}` is nested deeper than {MAX_DEPTH} levels");
        return Err(StoreError::invalid(reason));
    }
    match value {
        Value::Number(number) if number.is_f64() => {
            Err(StoreError::invalid(format!("the attribute `{name}` has {number}, not an integer")))
        }
        Value::Array(values) => values.iter().try_for_each(|v| check_value(name, v, depth + 1)),
        Value::Object(members) if members.contains_key("") => {
            Err(StoreError::invalid(format!("a member of the attribute `{name}` has no name")))
        }
        Value::Object(members) => {
            members.values().try_for_each(|v| check_value(name, v, depth + 1))
        }
        _ => Ok(()),
    }
}

/// Checks that an index's two attributes are both sound keys, or both absent.
pub(super) fn check_index_keys(
    index: Index,
    attributes: &Map<String, Value>,
) -> Result<(), StoreError> {
    match (attributes.get(index.pk_attribute()), attributes.get(index.sk_attribute())) {
        (None, None) => Ok(()),
        (Some(Value::String(pk)), Some(Value::String(sk))) => {
            check_pk(pk)?;
            check_sk(sk)
        }
        _ => Err(StoreError::invalid(format!(
            "`{}` and `{}` are two texts, or both absent",
            index.pk_attribute(),
            index.sk_attribute()
        ))),
    }
}

/// Bytes of some attributes as JSON without spaces.
pub(super) fn json_bytes(attributes: &Map<String, Value>) -> usize {
    // Writing JSON values into memory cannot fail: their keys are texts.
    serde_json::to_vec(attributes).map_or(usize::MAX / 2, |bytes| bytes.len())
}
