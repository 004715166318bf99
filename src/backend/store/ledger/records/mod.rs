//! How records are written as items and read back.
//!
//! Programs of different age share a store, so three rules hold:
//!
//! - A member that a reader does not know is passed over, and an update leaves it as it is. A member
//!   that an older writer did not know is optional. Such changes keep the schema.
//! - What an older reader would misread, a new variant of an enum included, raises
//!   [`Record::SCHEMA`]. A reader refuses a schema newer than its own, and says what to do.
//! - A record's older schemas are read for as long as they may be there.

mod audit;
mod counters;
mod deployment;
mod head;
mod label;
mod lock;
mod release;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

pub(super) use audit::AuditHead;
pub(super) use counters::Counters;
pub(super) use deployment::{DeploymentRecord, EntryRecord, StepRecord};
pub(super) use head::HeadRecord;
pub(super) use label::{ArtifactRecord, LabelItem};
pub(super) use lock::{GuardRecord, LeaseRecord, ManualRecord};
pub(super) use release::FingerprintRecord;

use super::{
    super::{Condition, Item, StoreError, error::Cause},
    keys::IndexEntry,
};

/// The attribute with the kind of a record.
const TYPE: &str = "type";
/// The attribute with the schema of a record.
const SCHEMA: &str = "schema";
/// The attribute that counts the updates since a record was put.
const VERSION: &str = "ver";

/// Something that is kept as one item.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// What it is, as the item's `type`.
    const TYPE: &'static str;
    /// The newest schema that this program writes and reads.
    const SCHEMA: u64 = 1;
}

/// Why an item is not the record it should be.
#[derive(Debug, thiserror::Error)]
enum Mismatch {
    /// It is a record of another kind, or of none.
    #[error("its type is {found}, not `{expected}`")]
    Type {
        /// The item's `type`, as JSON.
        found: Value,
        /// The type wanted.
        expected: &'static str,
    },
    /// It has no schema.
    #[error("it has no schema number")]
    NoSchema,
    /// It is no JSON object.
    #[error("it is not a record with members")]
    NoObject,
}

/// `type` and `schema` of a record.
pub(super) fn header<R: Record>() -> Map<String, Value> {
    Map::from_iter([
        (TYPE.to_owned(), Value::from(R::TYPE)),
        (SCHEMA.to_owned(), Value::from(R::SCHEMA)),
    ])
}

/// The attributes of a new item.
pub(super) fn encode<R: Record>(
    record: &R,
    entry: Option<&IndexEntry>,
) -> Result<Map<String, Value>, StoreError> {
    let mut attributes = header::<R>();
    attributes.insert(VERSION.to_owned(), Value::from(1));
    if let Some(entry) = entry {
        attributes.insert(entry.index.pk_attribute().to_owned(), Value::from(entry.pk.as_str()));
        attributes.insert(entry.index.sk_attribute().to_owned(), Value::from(entry.sk.as_str()));
    }
    attributes.extend(fields(record)?);
    Ok(attributes)
}

/// A record's own members.
pub(super) fn fields<R: Record>(record: &R) -> Result<Map<String, Value>, StoreError> {
    match value(record)? {
        Value::Object(members) => Ok(members),
        _ => Err(damaged(format!("a new {}", R::TYPE), Mismatch::NoObject)),
    }
}

/// Part of a record as JSON.
pub(super) fn value(part: &impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(part).map_err(|source| damaged("a new record".to_owned(), source))
}

/// Reads an item as the record it should be.
///
/// # Errors
/// Fails with [`StoreError::NewerSchema`] for a record of a newer program, and with
/// [`StoreError::Damaged`] for anything else that is not such a record.
pub(super) fn decode<R: Record>(item: &Item) -> Result<R, StoreError> {
    check_header::<R>(item)?;
    serde_json::from_value(Value::Object(item.attributes().clone()))
        .map_err(|source| damaged(name::<R>(item), source))
}

/// Checks type and schema.
pub(super) fn check_header<R: Record>(item: &Item) -> Result<(), StoreError> {
    let found = item.get(TYPE).cloned().unwrap_or_default();
    if found != R::TYPE {
        return Err(damaged(name::<R>(item), Mismatch::Type { found, expected: R::TYPE }));
    }
    match item.get(SCHEMA).and_then(Value::as_u64) {
        Some(schema) if schema <= R::SCHEMA => Ok(()),
        Some(found) => {
            Err(StoreError::NewerSchema { what: name::<R>(item), found, known: R::SCHEMA })
        }
        None => Err(damaged(name::<R>(item), Mismatch::NoSchema)),
    }
}

/// That the record which is there is none of a newer program. For updates that read nothing first.
pub(super) fn known<R: Record>() -> Condition {
    Condition::AtMost(SCHEMA.to_owned(), R::SCHEMA)
}

/// That no record is there, or none of a newer program.
pub(super) fn absent_or_known<R: Record>() -> Condition {
    Condition::Any(vec![Condition::Absent, known::<R>()])
}

/// A record's name in an error.
fn name<R: Record>(item: &Item) -> String {
    format!("the {} record `{}`", R::TYPE, item.key())
}

/// A record that is not what it should be.
pub(super) fn damaged(what: String, source: impl Into<Cause>) -> StoreError {
    StoreError::Damaged { what, source: source.into() }
}
