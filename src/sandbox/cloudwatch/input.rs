//! A request's members, and what is wrong with them.

use serde_json::{Map, Value};

use super::rules;
use crate::sandbox::{call::Fault, page};

/// A request's members.
pub(super) struct Input(pub(super) Map<String, Value>);

/// A member that is bad, out of range or not taken: the API model has no error for it but the one
/// that all operations have in common.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("ValidationError", message)
}

/// A member that breaks a rule of the API model, in the words that all services have for it.
pub(super) fn constraint(member: &str, rule: &str) -> Fault {
    invalid(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: {rule}"
    ))
}

impl Input {
    /// Reads them.
    pub(super) fn read(body: &[u8]) -> Result<Self, Fault> {
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        let members = serde_json::from_slice(body)
            .map_err(|error| Fault::new("SerializationException", error.to_string()))?;
        rules::hold(&members)?;
        Ok(Self(members))
    }

    /// Refuses members that are not among these.
    pub(super) fn has_only(&self, known: &[&str]) -> Result<(), Fault> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(invalid(format!("The sandbox does not take the parameter {name}."))),
            None => Ok(()),
        }
    }

    /// A text that may be left out.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A text that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| constraint(name, "Member must not be null"))
    }

    /// The name of an alarm: 1 to 255 characters.
    pub(super) fn alarm_name(&self) -> Result<&str, Fault> {
        let name = self.required("AlarmName")?;
        if name.chars().count() > 255 {
            return Err(constraint(
                "AlarmName",
                "Member must have length less than or equal to 255",
            ));
        }
        Ok(name)
    }

    /// The texts of a list; none where it is left out.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        let list = self.0.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The names of alarms: at most 100.
    pub(super) fn alarm_names(&self) -> Result<Vec<&str>, Fault> {
        let names = self.texts("AlarmNames");
        if names.len() > 100 {
            return Err(constraint(
                "AlarmNames",
                "Member must have length less than or equal to 100",
            ));
        }
        Ok(names)
    }

    /// The size of a page: 1 to 100.
    pub(super) fn page_size(&self) -> Result<usize, Fault> {
        let asked = self.0.get("MaxRecords").map_or(Some(50), Value::as_u64);
        let size = asked.and_then(|size| usize::try_from(size).ok());
        size.filter(|size| (1..=100).contains(size))
            .ok_or_else(|| constraint("MaxRecords", "Member must have value between 1 and 100"))
    }

    /// Where the page begins.
    pub(super) fn page_start(&self, prefix: &str) -> Result<page::After, Fault> {
        page::after(self.text("NextToken"), prefix).map_err(|_bad_token| {
            Fault::new("InvalidNextToken", "The specified next token is invalid.")
        })
    }
}
