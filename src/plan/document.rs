//! Copying a task definition with nothing changed but the images of mapped containers.
//!
//! The content stays raw JSON from one end to the other: members that this program does not know,
//! the order of members, the spelling of numbers and the difference between absent and empty all
//! survive, which is what keeps `terraform plan` clean.

use std::{collections::BTreeMap, fmt};

use indexmap::IndexMap;
use serde_json::{Value, value::RawValue};

use crate::model::{ContainerName, ImageUri, StepTarget, Tag, TaskDefinition};

/// Members of a described task definition that `RegisterTaskDefinition` does not take: the
/// difference of the two shapes in the ECS API model. Everything else is passed on.
pub(super) const READ_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// Why a task definition cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// ECS's answer is not the JSON it should be.
    #[error("failed to read the task definition's JSON")]
    Json(#[from] serde_json::Error),
    /// There is no container with this name.
    #[error("the task definition has no container `{container}`, only {}", quoted(present))]
    NoContainer {
        /// The container that the manifest maps an image to.
        container: ContainerName,
        /// The containers there are.
        present: Vec<String>,
    },
}

/// Names in backticks with commas between.
pub(super) fn quoted(names: &[impl fmt::Display]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// A JSON object whose values are kept as text.
type RawObject = IndexMap<String, Box<RawValue>>;

/// The image of every container, by container name, in the order of the definition.
///
/// # Errors
/// Fails when the document is not a task definition's JSON.
pub fn container_images(document: &str) -> Result<IndexMap<String, String>, DocumentError> {
    containers(&serde_json::from_str(document)?)?
        .iter()
        .map(|container| Ok((text(container, "name")?, text(container, "image")?)))
        .collect()
}

/// The images of a revision, by container name; none where there is no revision, or none to read.
pub(super) fn images_of(revision: Option<&TaskDefinition>) -> BTreeMap<String, String> {
    let images = revision.and_then(|revision| container_images(&revision.document).ok());
    images.unwrap_or_default().into_iter().collect()
}

/// Whether every mapped container of a revision has the image that a step wants for it.
#[must_use]
pub fn has_images(revision: Option<&TaskDefinition>, target: &StepTarget) -> bool {
    let images = images_of(revision);
    target.containers.iter().all(|(container, image)| {
        let wanted = target.images.get(image).map(ImageUri::as_str);
        images.get(container.as_str()).map(String::as_str) == wanted
    })
}

/// The body of a `RegisterTaskDefinition` request: `definition` with the images of the given
/// containers replaced, its tags beside it, and everything else as it is.
///
/// # Errors
/// Fails when the document is not a task definition's JSON, or lacks one of the containers.
pub fn with_images(
    definition: &TaskDefinition,
    images: &BTreeMap<ContainerName, ImageUri>,
) -> Result<String, DocumentError> {
    let mut document: RawObject = serde_json::from_str(&definition.document)?;
    document.retain(|member, _| !READ_ONLY.contains(&member.as_str()));
    let mut containers = containers(&document)?;
    for (name, image) in images {
        let container = find(&mut containers, name)?;
        container.insert("image".to_owned(), raw(image.as_str())?);
    }
    document.insert("containerDefinitions".to_owned(), raw(&containers)?);
    if !definition.tags.is_empty() {
        document.insert("tags".to_owned(), raw(&definition.tags as &Vec<Tag>)?);
    }
    Ok(serde_json::to_string(&document)?)
}

/// The `containerDefinitions` of a document; none when the member is absent.
fn containers(document: &RawObject) -> Result<Vec<RawObject>, DocumentError> {
    match document.get("containerDefinitions") {
        Some(list) => Ok(serde_json::from_str(list.get())?),
        None => Ok(Vec::new()),
    }
}

/// A member's text; empty when absent or null.
fn text(object: &RawObject, member: &str) -> Result<String, DocumentError> {
    let Some(value) = object.get(member) else { return Ok(String::new()) };
    Ok(serde_json::from_str::<Option<String>>(value.get())?.unwrap_or_default())
}

/// The container with this name.
fn find<'a>(
    containers: &'a mut [RawObject],
    name: &ContainerName,
) -> Result<&'a mut RawObject, DocumentError> {
    let mut present = Vec::new();
    for container in containers.iter() {
        present.push(text(container, "name")?);
    }
    present
        .iter()
        .position(|found| found == name.as_str())
        .and_then(|at| containers.get_mut(at))
        .ok_or_else(|| DocumentError::NoContainer { container: name.clone(), present })
}

/// Any value as raw JSON.
fn raw<T: serde::Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, DocumentError> {
    Ok(serde_json::value::to_raw_value(value)?)
}

/// One member that differs between two task definitions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldChange {
    /// Where, for example `containerDefinitions[app].image`.
    pub path: String,
    /// The value before as JSON; `None` when it was absent.
    pub from: Option<String>,
    /// The value after as JSON; `None` when it is gone.
    pub to: Option<String>,
}

/// What differs between two task definitions, member by member, read-only members left out.
/// Containers, environment variables, secrets and whatever else has names are matched by name,
/// other lists by position.
///
/// # Errors
/// Fails when one of the documents is not JSON.
pub fn differences(from: &str, to: &str) -> Result<Vec<FieldChange>, DocumentError> {
    let (from, to): (Value, Value) = (serde_json::from_str(from)?, serde_json::from_str(to)?);
    let mut changes = Vec::new();
    compare("", Some(&content(from)), Some(&content(to)), &mut changes);
    Ok(changes)
}

/// A document without its read-only members and without tags, which ECS keeps beside the content.
fn content(document: Value) -> Value {
    match document {
        Value::Object(members) => members
            .into_iter()
            .filter(|(name, _)| !READ_ONLY.contains(&name.as_str()) && name != "tags")
            .collect(),
        other => other,
    }
}

/// Compares two values below `path` and notes what differs.
fn compare(path: &str, from: Option<&Value>, to: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (from, to) {
        (Some(a), Some(b)) if a == b => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let added = b.keys().filter(|name| !a.contains_key(*name));
            for name in a.keys().chain(added) {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&below, a.get(name), b.get(name), changes);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            let (a, b) = (named(a), named(b));
            let added = b.keys().filter(|name| !a.contains_key(*name));
            for name in a.keys().chain(added) {
                let below = format!("{path}[{name}]");
                compare(&below, a.get(name).copied(), b.get(name).copied(), changes);
            }
        }
        (a, b) => changes.push(FieldChange {
            path: path.to_owned(),
            from: a.map(Value::to_string),
            to: b.map(Value::to_string),
        }),
    }
}

/// A list's elements by their `name`, or by position where a name is missing or stands twice.
fn named(list: &[Value]) -> IndexMap<String, &Value> {
    let by_name: IndexMap<String, &Value> = list
        .iter()
        .filter_map(|element| Some((element.get("name")?.as_str()?.to_owned(), element)))
        .collect();
    if by_name.len() == list.len() {
        return by_name;
    }
    list.iter().enumerate().map(|(at, element)| (at.to_string(), element)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{TaskDefinitionArn, TaskDefinitionStatus};
    use proptest::prelude::*;

    fn definition(document: &str, tags: Vec<Tag>) -> TaskDefinition {
        let arn = "arn:aws:ecs:eu-west-1:000000000000:task-definition/web:3";
        TaskDefinition {
            arn: TaskDefinitionArn::parse(arn).unwrap(),
            status: TaskDefinitionStatus::Active,
            document: document.to_owned(),
            tags,
        }
    }

    fn image(container: &str, uri: &str) -> BTreeMap<ContainerName, ImageUri> {
        BTreeMap::from([(ContainerName::new(container).unwrap(), ImageUri::parse(uri).unwrap())])
    }

    #[test]
    fn only_mapped_images_change_and_every_byte_else_stays() {
        let document = r#"{"family":"web","revision":3,"status":"ACTIVE","futureTaskField":{"b":1.50,"a":[ ]},
            "containerDefinitions":[{"name":"app","image":"web:1","cpu":12345678901234567890123,"x":null},
            {"image":"nginx:1","name":"proxy"}],"registeredAt":1.7e9,"volumes":[]}"#;
        let request = with_images(&definition(document, vec![]), &image("app", "web:2")).unwrap();
        assert_eq!(
            request,
            r#"{"family":"web","futureTaskField":{"b":1.50,"a":[ ]},"containerDefinitions":[{"name":"app","image":"web:2","cpu":12345678901234567890123,"x":null},{"image":"nginx:1","name":"proxy"}],"volumes":[]}"#
        );
    }

    #[test]
    fn tags_are_passed_on_and_an_empty_list_is_left_out() {
        let tag = Tag { key: "team".into(), value: String::new() };
        let document = r#"{"family":"web","containerDefinitions":[]}"#;
        let with = with_images(&definition(document, vec![tag]), &BTreeMap::new()).unwrap();
        assert!(with.ends_with(r#""tags":[{"key":"team","value":""}]}"#), "{with}");
        let without = with_images(&definition(document, vec![]), &BTreeMap::new()).unwrap();
        assert!(!without.contains("tags"));
    }

    #[test]
    fn a_missing_container_names_those_there_are() {
        let document = r#"{"containerDefinitions":[{"name":"app"},{"name":"proxy"}]}"#;
        let error = with_images(&definition(document, vec![]), &image("web", "web:2")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the task definition has no container `web`, only `app`, `proxy`"
        );
    }

    #[test]
    fn differences_are_told_by_name_and_member() {
        let from = r#"{"cpu":"256","revision":1,"containerDefinitions":[{"name":"app","image":"web:1",
            "environment":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}]}"#;
        let to = r#"{"cpu":"512","revision":2,"containerDefinitions":[{"name":"app","image":"web:2",
            "environment":[{"name":"B","value":"3"},{"name":"A","value":"1"}]}],"memory":"1"}"#;
        let told: Vec<String> = differences(from, to)
            .unwrap()
            .into_iter()
            .map(|c| format!("{} {:?} {:?}", c.path, c.from, c.to))
            .collect();
        insta::assert_debug_snapshot!(told, @r#"
        [
            "cpu Some(\"\\\"256\\\"\") Some(\"\\\"512\\\"\")",
            "containerDefinitions[app].image Some(\"\\\"web:1\\\"\") Some(\"\\\"web:2\\\"\")",
            "containerDefinitions[app].environment[B].value Some(\"\\\"2\\\"\") Some(\"\\\"3\\\"\")",
            "memory None Some(\"\\\"1\\\"\")",
        ]
        "#);
    }

    /// Any JSON, a few levels deep.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("JSON has no NaN", |f| f.is_finite()).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,8}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_copy_equals_its_original_but_for_the_mapped_image(
            extra in prop::collection::vec(("[a-zA-Z]{1,12}", any_json()), 0..5),
            inside in prop::collection::vec(("[a-zA-Z]{1,12}", any_json()), 0..5),
        ) {
            let mut app: serde_json::Map<String, Value> = inside.into_iter().collect();
            app.insert("name".into(), "app".into());
            app.insert("image".into(), "web:1".into());
            let mut original: serde_json::Map<String, Value> = extra.into_iter().collect();
            original.remove("tags");
            original.insert("revision".into(), 7.into());
            original.insert("containerDefinitions".into(), Value::Array(vec![
                Value::Object(app), serde_json::json!({"name": "sidecar", "image": "log:1"}),
            ]));
            let document = Value::Object(original.clone()).to_string();
            let request = with_images(&definition(&document, vec![]), &image("app", "web:2")).unwrap();

            let mut expected = original;
            expected.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
            expected["containerDefinitions"][0]["image"] = "web:2".into();
            prop_assert_eq!(request.clone(), Value::Object(expected).to_string());
            let images: Vec<String> = container_images(&request).unwrap().into_values().collect();
            prop_assert_eq!(images, vec!["web:2".to_owned(), "log:1".to_owned()]);
        }

        #[test]
        fn a_document_does_not_differ_from_itself(document in any_json()) {
            let text = document.to_string();
            prop_assert_eq!(differences(&text, &text).unwrap(), vec![]);
        }
    }
}
