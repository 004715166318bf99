//! Conditions and updates as DynamoDB's expressions, with a placeholder for every name and value:
//! no attribute of ours can be one of its reserved words, or be read as anything but a name.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{
        AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};
use serde_json::{Map, Value};

use super::{
    super::{Action, Condition, Write, item::VERSION},
    convert::{self, Attributes, PK},
};
use crate::model::TableName;

/// What a refused write gives back.
const RETURNED: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

/// The placeholders of one write.
#[derive(Debug, Default)]
struct Placeholders {
    /// Attributes, each once.
    names: Vec<String>,
    /// Values.
    values: Vec<AttributeValue>,
}

impl Placeholders {
    /// The placeholder of an attribute.
    fn name(&mut self, attribute: &str) -> String {
        let known = self.names.iter().position(|name| name == attribute);
        let number = known.unwrap_or_else(|| {
            self.names.push(attribute.to_owned());
            self.names.len() - 1
        });
        format!("#{number}")
    }

    /// The placeholder of a value.
    fn value(&mut self, value: AttributeValue) -> String {
        self.values.push(value);
        format!(":{}", self.values.len() - 1)
    }

    /// One condition.
    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Absent => format!("attribute_not_exists({})", self.name(PK)),
            Condition::Present => format!("attribute_exists({})", self.name(PK)),
            Condition::Missing(name) => format!("attribute_not_exists({})", self.name(name)),
            Condition::Equals(name, value) => {
                let name = self.name(name);
                format!("{name} = {}", self.value(convert::attribute(value)))
            }
            Condition::AtMost(name, most) => {
                let name = self.name(name);
                format!("{name} <= {}", self.value(AttributeValue::N(most.to_string())))
            }
            Condition::Any(conditions) => {
                let any: Vec<String> = conditions.iter().map(|one| self.condition(one)).collect();
                format!("({})", any.join(" OR "))
            }
        }
    }

    /// All conditions of a write, if there are any.
    fn conditions(&mut self, conditions: &[Condition]) -> Option<String> {
        let all: Vec<String> = conditions.iter().map(|one| self.condition(one)).collect();
        (!all.is_empty()).then(|| all.join(" AND "))
    }

    /// An update that counts the version up.
    fn update(&mut self, set: &Map<String, Value>, remove: &[String]) -> String {
        let mut clauses = Vec::new();
        if !set.is_empty() {
            let set = set.iter().map(|(name, value)| {
                let name = self.name(name);
                format!("{name} = {}", self.value(convert::attribute(value)))
            });
            clauses.push(format!("SET {}", set.collect::<Vec<_>>().join(", ")));
        }
        if !remove.is_empty() {
            let remove: Vec<String> = remove.iter().map(|name| self.name(name)).collect();
            clauses.push(format!("REMOVE {}", remove.join(", ")));
        }
        let version = self.name(VERSION);
        let one = self.value(AttributeValue::N("1".to_owned()));
        clauses.push(format!("ADD {version} {one}"));
        clauses.join(" ")
    }

    /// The attributes by placeholder; DynamoDB takes no empty list of them.
    fn names(&self) -> Option<HashMap<String, String>> {
        let names = self.names.iter().enumerate();
        let names = names.map(|(number, name)| (format!("#{number}"), name.clone()));
        (!self.names.is_empty()).then(|| names.collect())
    }

    /// The values by placeholder.
    fn values(self) -> Option<Attributes> {
        let values = self.values.into_iter().enumerate();
        let values = values.map(|(number, value)| (format!(":{number}"), value));
        Some(values.collect::<Attributes>()).filter(|values| !values.is_empty())
    }
}

/// A write as a part of `TransactWriteItems`.
///
/// # Errors
/// Fails when the SDK finds a member missing, which it does not.
pub(super) fn part(table: &TableName, write: &Write) -> Result<TransactWriteItem, BuildError> {
    let item = TransactWriteItem::builder();
    let mut placeholders = Placeholders::default();
    let condition = placeholders.conditions(&write.conditions);
    let returned = condition.is_some().then_some(RETURNED);
    let item = match &write.action {
        Action::Check => item.condition_check(
            ConditionCheck::builder()
                .table_name(table.as_str())
                .set_key(Some(convert::key(&write.key)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(placeholders.names())
                .set_expression_attribute_values(placeholders.values())
                .set_return_values_on_condition_check_failure(returned)
                .build()?,
        ),
        Action::Put(attributes) => item.put(
            Put::builder()
                .table_name(table.as_str())
                .set_item(Some(convert::attributes(&write.key, attributes)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(placeholders.names())
                .set_expression_attribute_values(placeholders.values())
                .set_return_values_on_condition_check_failure(returned)
                .build()?,
        ),
        Action::Update { set, remove } => item.update(
            Update::builder()
                .table_name(table.as_str())
                .set_key(Some(convert::key(&write.key)))
                .update_expression(placeholders.update(set, remove))
                .set_condition_expression(condition)
                .set_expression_attribute_names(placeholders.names())
                .set_expression_attribute_values(placeholders.values())
                .set_return_values_on_condition_check_failure(returned)
                .build()?,
        ),
        Action::Delete => item.delete(
            Delete::builder()
                .table_name(table.as_str())
                .set_key(Some(convert::key(&write.key)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(placeholders.names())
                .set_expression_attribute_values(placeholders.values())
                .set_return_values_on_condition_check_failure(returned)
                .build()?,
        ),
    };
    Ok(item.build())
}
