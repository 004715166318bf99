//! A request's members, and what is wrong with them.

use serde_json::{Map, Value};

use crate::sandbox::{call::Fault, page};

/// A request's members.
pub(super) struct Input(pub(super) Map<String, Value>);

/// A member that is bad or out of range (`InvalidParameterValueException` in the API model).
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterValueException", message)
}

/// A member that breaks a rule of the API model, in the words that all services have for it.
fn constraint(member: &str, rule: &str) -> Fault {
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
        serde_json::from_slice(body)
            .map(Self)
            .map_err(|error| Fault::new("SerializationException", error.to_string()))
    }

    /// A text that may be left out.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A text that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| {
            let message = format!("The parameter {name} is required.");
            Fault::new("MissingRequiredParameterException", message)
        })
    }

    /// The name of an alarm: 1 to 255 characters.
    pub(super) fn alarm_name(&self) -> Result<&str, Fault> {
        let name = self.required("AlarmName")?;
        if name.chars().count() > 255 {
            return Err(constraint(
                "alarmName",
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
                "alarmNames",
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
            .ok_or_else(|| constraint("maxRecords", "Member must have value between 1 and 100"))
    }

    /// Where the page begins.
    pub(super) fn page_start(&self, prefix: &str) -> Result<page::After, Fault> {
        page::after(self.text("NextToken"), prefix).map_err(|_bad_token| {
            Fault::new("InvalidNextToken", "The specified next token is invalid.")
        })
    }
}
