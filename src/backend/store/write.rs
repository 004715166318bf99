//! What a transaction does, under which conditions, and the rules it keeps.
//!
//! The rules are DynamoDB's for `TransactWriteItems`, checked here so that every implementation
//! refuses the same.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    error::StoreError,
    item::{
        Item, Key, MAX_ITEM_BYTES, VERSION, check_attribute_name, check_attributes,
        check_index_keys, check_item, json_bytes,
    },
    query::Index,
};

/// Most writes of one transaction (Amazon DynamoDB Developer Guide, "Quotas").
pub const MAX_WRITES: usize = 100;
/// Most bytes of one transaction; DynamoDB allows 4 MB (its Developer Guide, "Quotas").
pub const MAX_TRANSACTION_BYTES: usize = 4_000_000;

/// One write of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The item it is about.
    pub key: Key,
    /// What it does.
    pub action: Action,
    /// What must hold of the item that is there, all of it.
    pub conditions: Vec<Condition>,
}

/// What a write does to its item.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Nothing; only its conditions count.
    Check,
    /// Makes the item these attributes and no others, whatever was there.
    Put(Map<String, Value>),
    /// Changes the named attributes, keeps all others and counts `ver` up by one. Makes the item
    /// where there is none.
    Update {
        /// Attributes and their new values.
        set: Map<String, Value>,
        /// Attributes to take away; those that are not there are passed over.
        remove: Vec<String>,
    },
    /// Takes the item away, if it is there.
    Delete,
}

/// What must hold of the item that is there. Attributes are those of the top level.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// There is no item.
    Absent,
    /// There is an item.
    Present,
    /// The attribute is there and is the same JSON, whatever the order of members.
    Equals(String, Value),
    /// The attribute is not there; so also where there is no item.
    Missing(String),
    /// The attribute is there, is a number, and is no greater.
    AtMost(String, u64),
    /// At least one of these holds.
    Any(Vec<Condition>),
}

impl Condition {
    /// That the attribute is there with this value.
    #[must_use]
    pub fn equals(attribute: &str, value: impl Into<Value>) -> Self {
        Self::Equals(attribute.to_owned(), value.into())
    }

    /// Whether it holds of what is there.
    pub(super) fn holds(&self, found: Option<&Item>) -> bool {
        let attribute = |name: &str| found.and_then(|item| item.get(name));
        match self {
            Self::Absent => found.is_none(),
            Self::Present => found.is_some(),
            Self::Equals(name, value) => attribute(name) == Some(value),
            Self::Missing(name) => attribute(name).is_none(),
            Self::AtMost(name, most) => {
                attribute(name).is_some_and(|value| is_at_most(value, *most))
            }
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(found)),
        }
    }

    /// Checks the condition itself.
    fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Absent | Self::Present => Ok(()),
            Self::Equals(name, _) | Self::Missing(name) | Self::AtMost(name, _) => {
                check_attribute_name(name)
            }
            Self::Any(conditions) if conditions.is_empty() => {
                Err(StoreError::invalid("a condition of no alternatives never holds"))
            }
            Self::Any(conditions) => conditions.iter().try_for_each(Self::check),
        }
    }
}

/// Whether a value is a whole number no greater than another.
fn is_at_most(value: &Value, most: u64) -> bool {
    value.as_u64().is_some_and(|number| number <= most) || value.as_i64().is_some_and(|n| n < 0)
}

impl Write {
    /// A write with no conditions yet.
    fn new(key: Key, action: Action) -> Self {
        Self { key, action, conditions: Vec::new() }
    }

    /// Only judges conditions.
    #[must_use]
    pub fn check(key: Key) -> Self {
        Self::new(key, Action::Check)
    }

    /// Makes the item these attributes.
    #[must_use]
    pub fn put(key: Key, attributes: Map<String, Value>) -> Self {
        Self::new(key, Action::Put(attributes))
    }

    /// Changes some attributes.
    #[must_use]
    pub fn update(key: Key, set: Map<String, Value>, remove: Vec<String>) -> Self {
        Self::new(key, Action::Update { set, remove })
    }

    /// Takes the item away.
    #[must_use]
    pub fn delete(key: Key) -> Self {
        Self::new(key, Action::Delete)
    }

    /// The same write, under one more condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Whether all conditions hold of what is there.
    pub(super) fn is_allowed(&self, found: Option<&Item>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(found))
    }

    /// What the item becomes.
    ///
    /// # Errors
    /// Fails when an update would make it break the rules of items.
    pub(super) fn outcome(self, found: Option<Item>) -> Result<Outcome, StoreError> {
        match self.action {
            Action::Check => Ok(Outcome::Unchanged),
            Action::Delete => Ok(Outcome::Removed),
            Action::Put(attributes) => Ok(Outcome::Becomes(attributes)),
            Action::Update { set, remove } => {
                let attributes = updated(found, set, &remove);
                check_item(&self.key, &attributes)?;
                Ok(Outcome::Becomes(attributes))
            }
        }
    }

    /// Checks the write by itself and gives its size in bytes.
    fn check_alone(&self) -> Result<usize, StoreError> {
        self.key.check()?;
        self.conditions.iter().try_for_each(Condition::check)?;
        self.check_append_only()?;
        match &self.action {
            Action::Check if self.conditions.is_empty() => {
                Err(StoreError::invalid(format!("the check of `{}` has no condition", self.key)))
            }
            Action::Check | Action::Delete => Ok(0),
            Action::Put(attributes) => check_item(&self.key, attributes),
            Action::Update { set, remove } => check_update(&self.key, set, remove),
        }
    }

    /// Checks that an append-only item is only ever created.
    fn check_append_only(&self) -> Result<(), StoreError> {
        let creates =
            matches!(self.action, Action::Put(_)) && self.conditions.contains(&Condition::Absent);
        if self.key.is_append_only() && !creates && self.action != Action::Check {
            let reason = format!("`{}` can be created, and never changed or removed", self.key);
            return Err(StoreError::invalid(reason));
        }
        Ok(())
    }
}

/// What an item becomes.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// It stays as it is.
    Unchanged,
    /// It has these attributes.
    Becomes(Map<String, Value>),
    /// It is not there any more.
    Removed,
}

/// The attributes after an update.
fn updated(found: Option<Item>, set: Map<String, Value>, remove: &[String]) -> Map<String, Value> {
    let mut attributes = found.map(Item::into_attributes).unwrap_or_default();
    let version = attributes.get(VERSION).and_then(Value::as_u64).unwrap_or(0);
    for name in remove {
        attributes.shift_remove(name);
    }
    attributes.extend(set);
    attributes.insert(VERSION.to_owned(), Value::from(version + 1));
    attributes
}

/// Checks an update and gives the size of what it sets.
fn check_update(
    key: &Key,
    set: &Map<String, Value>,
    remove: &[String],
) -> Result<usize, StoreError> {
    check_attributes(set)?;
    remove.iter().try_for_each(|name| check_attribute_name(name))?;
    if set.is_empty() && remove.is_empty() {
        return Err(StoreError::invalid(format!("the update of `{key}` changes nothing")));
    }
    let mut names = BTreeSet::new();
    for name in set.keys().chain(remove) {
        if name == VERSION {
            return Err(StoreError::invalid(format!("`{VERSION}` is counted by the store itself")));
        }
        if !names.insert(name) {
            return Err(StoreError::invalid(format!("the update of `{key}` names `{name}` twice")));
        }
    }
    check_removed_index_keys(key, remove)?;
    Index::BOTH.into_iter().try_for_each(|index| check_index_keys(index, set))?;
    let bytes = json_bytes(set) + key.pk().len() + key.sk().len();
    if bytes > MAX_ITEM_BYTES {
        let reason = format!("the update of `{key}` has {bytes} of {MAX_ITEM_BYTES} bytes");
        return Err(StoreError::invalid(reason));
    }
    Ok(bytes)
}

/// Checks that both attributes of an index go together: a store would otherwise accept an item
/// that silently falls out of the index.
fn check_removed_index_keys(key: &Key, remove: &[String]) -> Result<(), StoreError> {
    let removes = |name: &str| remove.iter().any(|removed| removed == name);
    for index in Index::BOTH {
        let (pk, sk) = (index.pk_attribute(), index.sk_attribute());
        if removes(pk) != removes(sk) {
            let reason = format!("the update of `{key}` removes only one of `{pk}` and `{sk}`");
            return Err(StoreError::invalid(reason));
        }
    }
    Ok(())
}

/// Checks a whole transaction; every implementation calls it first.
pub(super) fn check_writes(writes: &[Write]) -> Result<(), StoreError> {
    if writes.is_empty() || writes.len() > MAX_WRITES {
        let reason = format!("a transaction has 1 to {MAX_WRITES} writes, not {}", writes.len());
        return Err(StoreError::invalid(reason));
    }
    let mut keys = BTreeSet::new();
    let mut bytes = 0_usize;
    for write in writes {
        if !keys.insert(&write.key) {
            let reason = format!("a transaction has two writes on `{}`", write.key);
            return Err(StoreError::invalid(reason));
        }
        bytes = bytes.saturating_add(write.check_alone()?);
    }
    if bytes > MAX_TRANSACTION_BYTES {
        let reason = format!("a transaction has {bytes} of {MAX_TRANSACTION_BYTES} bytes");
        return Err(StoreError::invalid(reason));
    }
    Ok(())
}
