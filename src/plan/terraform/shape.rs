//! From members of ECS's JSON to attributes and blocks of Terraform, by tables that name each.
//!
//! What no table names is left out and reported, so that what is printed is always valid, and
//! nothing goes missing unseen.

use serde_json::{Map, Value};

use super::hidden::is_secret;
use crate::plan::hcl::{Expression, Item};

/// A member of ECS's JSON, its name in Terraform, and how it is written there.
pub(super) type Member = (&'static str, &'static str, Form);

/// How a member is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// An attribute, as it is.
    Attribute,
    /// An attribute that is a table: of an object, or of a list of objects with a key (or `name`) and
    /// a value.
    Table,
    /// An attribute that is true for `ENABLED`.
    Switch,
    /// An attribute that is JSON in a text, in Terraform.
    Json,
    /// What one member of it says, as an attribute.
    Inner(&'static str),
    /// A block, or one for each element of a list.
    Block(&'static [Member]),
}

/// The attributes and blocks of members, in the order of the table; blocks after an empty line. What
/// the table does not have is noted in `left`, with where it is.
pub(super) fn written(
    members: &Map<String, Value>,
    (shape, path): (&[Member], &str),
    left: &mut Vec<String>,
) -> Vec<Item> {
    let (mut attributes, mut blocks) = (Vec::new(), Vec::new());
    for (member, name, form) in shape {
        let Some(value) = members.get(*member).filter(|value| !is_nothing(value)) else { continue };
        let at = join(path, member);
        match form {
            Form::Block(inner) => blocks.extend(block(value, name, (inner, &at), left)),
            Form::Table => {
                let told = table(value, &at, left);
                attributes.push(Item::attribute(name, Expression::Object(told)));
            }
            form => match attribute(value, *form) {
                Some(value) => attributes.push(Item::attribute(name, value)),
                None => left.push(at),
            },
        }
    }
    let known = |name: &str| shape.iter().any(|(member, ..)| *member == name);
    let others = members.iter().filter(|(name, value)| !known(name) && !is_nothing(value));
    left.extend(others.map(|(name, _)| join(path, name)));
    let between = blocks.into_iter().flat_map(|block| [Item::Blank, block]);
    let all = attributes.into_iter().chain(between);
    all.skip_while(|item| matches!(item, Item::Blank)).collect()
}

/// Where a member is.
fn join(path: &str, member: &str) -> String {
    if path.is_empty() { member.to_owned() } else { format!("{path}.{member}") }
}

/// The blocks of a value.
fn block(
    value: &Value,
    name: &str,
    (shape, path): (&[Member], &str),
    left: &mut Vec<String>,
) -> Vec<Item> {
    let single = std::slice::from_ref(value);
    let all = value.as_array().map_or(single, Vec::as_slice).iter().filter_map(Value::as_object);
    all.map(|one| Item::block(name, written(one, (shape, path), left))).collect()
}

/// The value of an attribute; nothing where it is not in the form that it should have.
fn attribute(value: &Value, form: Form) -> Option<Expression> {
    match form {
        Form::Attribute => Some(Expression::of(value)),
        Form::Switch => Some(Expression::Bare((value.as_str()? == "ENABLED").to_string())),
        Form::Json => {
            let told = value.as_str().map_or(Ok(value.clone()), serde_json::from_str).ok()?;
            Some(Expression::Call("jsonencode", Box::new(Expression::of(&told))))
        }
        Form::Inner(member) => Some(Expression::of(value.get(member)?)),
        Form::Block(_) | Form::Table => None,
    }
}

/// The entries of an object, or of a list of keys (or names) and values. What looks like a secret is
/// left, and so is what is neither.
fn table(value: &Value, path: &str, left: &mut Vec<String>) -> Vec<(String, Expression)> {
    let mut entries = Vec::new();
    let mut add = |name: &str, value: &Value| {
        if is_secret(name, value.as_str().unwrap_or_default()) {
            left.push(format!("{path}.{name}"));
        } else {
            entries.push((name.to_owned(), Expression::of(value)));
        }
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| add(name, value)),
        Value::Array(list) => {
            for entry in list {
                let name = entry.get("key").or_else(|| entry.get("name"));
                let name = name.and_then(Value::as_str).unwrap_or_default();
                add(name, entry.get("value").unwrap_or(&Value::String(String::new())));
            }
        }
        _ => left.push(path.to_owned()),
    }
    entries
}

/// Whether a value says nothing.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;
    use crate::plan::hcl::render;

    const SHAPE: &[Member] = &[
        ("name", "name", Form::Attribute),
        ("isOn", "is_on", Form::Attribute),
        ("public", "is_public", Form::Switch),
        ("details", "details", Form::Json),
        ("properties", "properties", Form::Table),
        ("options", "options", Form::Table),
        ("host", "host_path", Form::Inner("sourcePath")),
        ("parts", "part", Form::Block(&[("port", "port", Form::Attribute)])),
    ];

    /// What is written of a value, and what is left.
    fn told(value: &Value) -> (String, Vec<String>) {
        let mut left = Vec::new();
        let items = written(value.as_object().unwrap(), (SHAPE, ""), &mut left);
        (render(&items, 0), left)
    }

    #[test]
    fn each_form_is_written_in_its_way() {
        let (text, left) = told(&json!({
            "name": "a", "isOn": false, "public": "DISABLED", "details": "{\"a\": [1]}",
            "properties": [{ "name": "x", "value": "1" }, { "key": "y" }],
            "options": { "z": "2" }, "host": { "sourcePath": "/data" },
            "parts": [{ "port": 1 }, { "port": 2 }],
        }));
        assert_snapshot!(text, @r#"
        name      = "a"
        is_on     = false
        is_public = false
        details = jsonencode({
          a = [1]
        })
        properties = {
          x = "1"
          y = ""
        }
        options = {
          z = "2"
        }
        host_path = "/data"

        part {
          port = 1
        }

        part {
          port = 2
        }
        "#);
        assert_eq!(left, Vec::<String>::new());
    }

    #[test]
    fn what_no_table_has_is_left_and_told_with_its_place() {
        let (text, left) = told(&json!({
            "parts": [{ "port": 1, "new": true, "old": null }], "newer": 1, "empty": [],
            "details": "no JSON", "options": { "splunk-token": "0f", "splunk-url": "x" },
        }));
        assert_eq!(text, "options = {\n  splunk-url = \"x\"\n}\n\npart {\n  port = 1\n}\n");
        assert_eq!(left, ["details", "options.splunk-token", "parts.new", "newer"]);
    }
}
