//! The JSON schema of a manifest, from the same list of keys that the reader uses.
//!
//! The schema refuses what the reader refuses for its shape; what depends on meaning, such as the
//! name of a service that does not exist, only the reader can tell.

use std::{borrow::Cow, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Map, Value, json};

use super::{
    read::{Account, Clusters, Collection, Command, Containers, Members, Names, OneOff, Timeout},
    shape::{Key, Project, RunTask, Service, Shape},
    tree::Text,
};
use crate::model::OnFailure;

/// What an id may be made of: what can stand in an SSM parameter path.
const ID_PATTERN: &str = r"^[A-Za-z0-9_.\-]{1,200}$";

/// The JSON schema (draft 2020-12) of a manifest, in either notation.
#[must_use]
pub fn schema() -> Schema {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let projects = generator.subschema_for::<Collection<Project>>();
    let mut schema = json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": ".weco-project",
        "description": "The manifest of release-tool: projects by id.",
    });
    for (keyword, value) in projects.as_object().into_iter().flatten() {
        schema.insert(keyword.clone(), value.clone());
    }
    schema.insert("$defs".to_owned(), Value::Object(generator.take_definitions(true)));
    schema
}

/// The schema of a table with a fixed set of keys.
pub(super) fn of_table(doc: &str, keys: &[Key], generator: &mut SchemaGenerator) -> Schema {
    let mut properties = Map::new();
    for key in keys {
        let schema = described((key.schema)(generator), &paragraph(key.doc));
        properties.insert(key.name.to_owned(), schema.to_value());
        if let Some(alias) = key.alias {
            let doc = format!("Another name for `{}`.", key.name);
            properties
                .insert(alias.to_owned(), described((key.schema)(generator), &doc).to_value());
        }
    }
    let mut schema = json_schema!({
        "type": "object",
        "description": paragraph(doc),
        "properties": properties,
        "additionalProperties": false,
    });
    let required: Vec<&str> =
        keys.iter().filter(|key| key.is_required).map(|key| key.name).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    let twice: Vec<Value> =
        keys.iter().filter_map(|key| Some(json!({ "required": [key.name, key.alias?] }))).collect();
    if !twice.is_empty() {
        schema.insert("not".to_owned(), json!({ "anyOf": twice }));
    }
    schema
}

/// A schema with a description.
fn described(mut schema: Schema, description: &str) -> Schema {
    schema.insert("description".to_owned(), description.into());
    schema
}

/// The lines of a documentation comment as one paragraph.
pub(super) fn paragraph(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A table that is an element of a list, and so has its id in it.
struct Element<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for Element<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Element", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        let id = json!({ "type": "string", "pattern": ID_PATTERN, "description": "The id." });
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert("id".to_owned(), id);
        }
        let required = schema.ensure_object().entry("required").or_insert_with(|| json!([]));
        if let Value::Array(required) = required {
            required.push(json!("id"));
        }
        schema
    }
}

/// The schema of a table by id.
fn by_id<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": ID_PATTERN },
        "additionalProperties": generator.subschema_for::<T>(),
    })
}

/// Implements a schema that stands where it is used, under no name of its own.
macro_rules! inline_schema {
    ($type:ty, |$generator:ident| $schema:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

inline_schema!(Text, |_generator| json_schema!({ "type": "string", "pattern": r"\S" }));

inline_schema!(Account, |_generator| json_schema!({
    "anyOf": [
        { "type": "string", "pattern": "^[0-9]{1,12}$" },
        { "type": "integer", "minimum": 0, "maximum": 999_999_999_999_u64 },
    ],
}));

inline_schema!(OnFailure, |_generator| json_schema!({
    "type": "string",
    "enum": OnFailure::ALL.map(OnFailure::as_str),
}));

impl<T: Shape + JsonSchema> JsonSchema for Collection<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                by_id::<T>(generator),
                { "type": "array", "minItems": 1, "items": generator.subschema_for::<Element<T>>() },
            ],
        })
    }
}

inline_schema!(Members, |generator| json_schema!({
    "anyOf": [
        {
            "type": "array",
            "minItems": 1,
            "items": {
                "anyOf": [
                    { "type": "string", "pattern": ID_PATTERN },
                    generator.subschema_for::<Element<Service>>(),
                ],
            },
        },
        by_id::<Service>(generator),
    ],
}));

inline_schema!(Containers, |_generator| json_schema!({
    "anyOf": [
        {
            "type": "array",
            "minItems": 1,
            "uniqueItems": true,
            "items": { "type": "string", "pattern": ID_PATTERN },
        },
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": { "type": "string", "pattern": ID_PATTERN },
        },
    ],
}));

inline_schema!(Clusters, |_generator| json_schema!({
    "type": "object",
    "minProperties": 1,
    "additionalProperties": { "type": "string", "pattern": r"\S" },
}));

inline_schema!(Names, |_generator| json_schema!({
    "type": "array",
    "minItems": 1,
    "items": { "type": "string", "pattern": r"\S" },
}));

inline_schema!(Command, |_generator| json_schema!({
    "type": "array",
    "minItems": 1,
    "items": { "type": "string", "pattern": r"\S" },
}));

inline_schema!(OneOff, |generator| json_schema!({
    "anyOf": [generator.subschema_for::<Command>(), generator.subschema_for::<RunTask>()],
}));

inline_schema!(Timeout, |_generator| json_schema!({ "type": "string", "pattern": r"\S" }));
