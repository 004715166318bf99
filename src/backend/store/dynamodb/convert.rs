//! JSON to DynamoDB's attributes and back. Texts, whole numbers, truth values, null, lists and maps
//! are the same in both; DynamoDB's sets and bytes are none of ours.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Number, Value};

use super::super::{Cursor, Index, IndexQuery, Item, Key, StoreError};

/// An item as DynamoDB has it.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// The attribute with the partition key.
pub(super) const PK: &str = "pk";
/// The attribute with the sort key.
pub(super) const SK: &str = "sk";

/// Why something of the table is no item of ours.
#[derive(Debug, thiserror::Error)]
enum Foreign {
    /// A part of the key is not there, or is no text.
    #[error("its attribute `{0}` is no text")]
    NoText(String),
    /// A value of a type that is not used.
    #[error("its attribute `{0}` is of a type that release-tool does not write")]
    Type(String),
    /// A number that is not whole, or too large.
    #[error("its attribute `{attribute}` is the number {number}, which is no whole one")]
    Number {
        /// The attribute.
        attribute: String,
        /// The number.
        number: String,
    },
}

impl Foreign {
    /// As an error of an item.
    fn of(self, key: impl std::fmt::Display) -> StoreError {
        StoreError::Damaged { what: format!("the item `{key}`"), source: self.into() }
    }
}

/// A text as an attribute.
pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A key as attributes.
pub(super) fn key(key: &Key) -> Attributes {
    HashMap::from([(PK.to_owned(), text(key.pk())), (SK.to_owned(), text(key.sk()))])
}

/// A whole item as attributes.
pub(super) fn attributes(at: &Key, members: &Map<String, Value>) -> Attributes {
    let mut attributes = key(at);
    attributes.extend(members.iter().map(|(name, value)| (name.clone(), attribute(value))));
    attributes
}

/// A JSON value as an attribute.
pub(super) fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(truth) => AttributeValue::Bool(*truth),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(string) => text(string),
        Value::Array(values) => AttributeValue::L(values.iter().map(attribute).collect()),
        Value::Object(members) => AttributeValue::M(
            members.iter().map(|(name, value)| (name.clone(), attribute(value))).collect(),
        ),
    }
}

/// Reads an item.
///
/// # Errors
/// Fails with [`StoreError::Damaged`] for what this program cannot have written.
pub(super) fn item(mut attributes: Attributes) -> Result<Item, StoreError> {
    let key = take_key(&mut attributes)?;
    // DynamoDB gives attributes in no order; a steady one is easier to read and compare.
    let mut members: Vec<_> = attributes.into_iter().collect();
    members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let members = members.into_iter().map(|(name, attribute)| {
        let value = value(&name, attribute)?;
        Ok((name, value))
    });
    let members = members.collect::<Result<Map<_, _>, Foreign>>();
    Ok(Item::new(key.clone(), members.map_err(|foreign| foreign.of(&key))?))
}

/// Takes the key out of an item.
fn take_key(attributes: &mut Attributes) -> Result<Key, StoreError> {
    let mut part = |name: &str| match attributes.remove(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(Foreign::NoText(name.to_owned()).of("?")),
    };
    Ok(Key::new(part(PK)?, part(SK)?))
}

/// Reads a value of the attribute `name`.
fn value(name: &str, attribute: AttributeValue) -> Result<Value, Foreign> {
    match attribute {
        AttributeValue::Null(_) => Ok(Value::Null),
        AttributeValue::Bool(truth) => Ok(Value::Bool(truth)),
        AttributeValue::N(number) => match number.parse::<Number>() {
            Ok(whole) if !whole.is_f64() => Ok(Value::Number(whole)),
            _ => Err(Foreign::Number { attribute: name.to_owned(), number }),
        },
        AttributeValue::S(text) => Ok(Value::String(text)),
        AttributeValue::L(values) => {
            values.into_iter().map(|element| value(name, element)).collect()
        }
        AttributeValue::M(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            let members = members.into_iter();
            let members = members.map(|(key, member)| Ok((key, value(name, member)?)));
            Ok(Value::Object(members.collect::<Result<_, Foreign>>()?))
        }
        _ => Err(Foreign::Type(name.to_owned())),
    }
}

/// The end of a page, from the last key that DynamoDB looked at.
pub(super) fn cursor(mut last: Attributes, index: Option<Index>) -> Result<Cursor, StoreError> {
    let key = take_key(&mut last)?;
    let index_sk = index.map(|index| match last.remove(index.sk_attribute()) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(Foreign::NoText(index.sk_attribute().to_owned()).of(&key)),
    });
    Ok(Cursor::at(key.clone(), index_sk.transpose()?))
}

/// Where a question of an index goes on.
pub(super) fn start(cursor: &Cursor, query: &IndexQuery) -> Attributes {
    let mut start = key(&cursor.key);
    let sk = cursor.index_sk.as_deref().unwrap_or_default();
    start.insert(query.index.pk_attribute().to_owned(), text(&query.pk));
    start.insert(query.index.sk_attribute().to_owned(), text(sk));
    start
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_item_goes_there_and_back(values in prop::collection::vec(any_value(), 0..5)) {
            let key = Key::new("p", "s");
            let numbered = values.into_iter().enumerate();
            let members: Map<_, _> = numbered.map(|(n, value)| (format!("a{n}"), value)).collect();
            let back = item(attributes(&key, &members)).unwrap();
            prop_assert_eq!(back, Item::new(key, members));
        }
    }

    #[test]
    fn what_others_wrote_is_named() {
        let foreign = |name: &str, value: AttributeValue| {
            let mut attributes = key(&Key::new("p", "s"));
            attributes.insert(name.to_owned(), value);
            let Err(StoreError::Damaged { what, source }) = item(attributes) else { panic!() };
            format!("{what}: {source}")
        };
        assert_eq!(
            foreign("a", AttributeValue::Ss(vec!["x".to_owned()])),
            "the item `p/s`: its attribute `a` is of a type that release-tool does not write"
        );
        assert_eq!(
            foreign("a", AttributeValue::N("1.5".to_owned())),
            "the item `p/s`: its attribute `a` is the number 1.5, which is no whole one"
        );
        assert_eq!(
            foreign(SK, AttributeValue::N("1".to_owned())),
            "the item `?`: its attribute `sk` is no text"
        );
    }

    #[test]
    fn a_page_of_an_index_ends_at_its_last_key() {
        let query = IndexQuery {
            index: Index::Second,
            pk: "I".to_owned(),
            direction: super::super::Direction::Ascending,
            limit: 1,
            after: None,
        };
        let members = json!({"gsi2pk": "I", "gsi2sk": "7"});
        let Value::Object(members) = members else { panic!() };
        let last = attributes(&Key::new("p", "s"), &members);
        let cursor = cursor(last.clone(), Some(Index::Second)).unwrap();
        assert_eq!(start(&cursor, &query), last);
    }
}
