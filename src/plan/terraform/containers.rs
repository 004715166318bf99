//! The containers of a task definition as Terraform has them.
//!
//! Images come from parameters, and what looks like a secret from variables.

use serde_json::{Map, Value};

use super::{
    hidden::{Hidden, is_secret},
    snippet::{SnippetRequest, SnippetService, name, text},
};
use crate::{
    model::ImageId,
    plan::hcl::{Expression, Item},
};

/// The containers, with the images of the mapped ones from their parameters.
pub(super) fn containers(
    request: &SnippetRequest,
    (service, document): (&SnippetService, &Value),
    hidden: &mut Hidden,
) -> Item {
    let list = document.get("containerDefinitions").and_then(Value::as_array);
    let all = list.into_iter().flatten().map(|one| container(request, (service, one), hidden));
    let encoded = Expression::Call("jsonencode", Box::new(Expression::List(all.collect())));
    Item::attribute("container_definitions", encoded)
}

/// One container: its name and image first, and then all else as ECS has it.
fn container(
    request: &SnippetRequest,
    (service, container): (&SnippetService, &Value),
    hidden: &mut Hidden,
) -> Expression {
    let called = text(container, "name");
    let image = service.containers.get(called);
    let image = image.map(|image| from_parameter(request, image));
    let image = image.or_else(|| container.get("image").map(Expression::of));
    let first = [("name", container.get("name").map(Expression::of)), ("image", image)];
    let first = first.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?)));
    let rest = container.as_object().into_iter().flat_map(Map::iter);
    let rest = rest.filter(|(member, value)| !is_default(member, value));
    let rest = rest.map(|(member, value)| {
        let value = match member.as_str() {
            "environment" => environment(called, value, hidden),
            "logConfiguration" => logging(called, value, hidden),
            "dockerLabels" => options((called, "label"), value, hidden),
            "command" | "entryPoint" => words((called, member), value, hidden),
            _ => Expression::of(value),
        };
        (member.clone(), value)
    });
    Expression::Object(first.chain(rest).collect())
}

/// Variables of the environment, without those that look like secrets.
fn environment(container: &str, list: &Value, hidden: &mut Hidden) -> Expression {
    let Some(list) = list.as_array() else { return Expression::of(list) };
    let mut one = |entry: &Value| {
        let (name, value) = (text(entry, "name"), text(entry, "value"));
        if !is_secret(name, value) {
            return Expression::of(entry);
        }
        let value = hidden.hide(container, "environment variable", name);
        let name = Expression::Text(name.to_owned());
        Expression::Object(vec![("name".to_owned(), name), ("value".to_owned(), value)])
    };
    Expression::List(list.iter().map(&mut one).collect())
}

/// Where logs go, without the options that look like secrets.
fn logging(container: &str, value: &Value, hidden: &mut Hidden) -> Expression {
    let Some(members) = value.as_object() else { return Expression::of(value) };
    let members = members.iter().filter(|(_, value)| !value.is_null());
    let one = |(name, value): (&String, &Value)| {
        let told = match name.as_str() {
            "options" => options((container, "option of logging"), value, hidden),
            _ => Expression::of(value),
        };
        (name.clone(), told)
    };
    Expression::Object(members.map(one).collect())
}

/// A table, without what looks like a secret.
fn options((container, of): (&str, &str), value: &Value, hidden: &mut Hidden) -> Expression {
    let Some(members) = value.as_object() else { return Expression::of(value) };
    let one = |(name, value): (&String, &Value)| {
        if is_secret(name, value.as_str().unwrap_or_default()) {
            return (name.clone(), hidden.hide(container, of, name));
        }
        (name.clone(), Expression::of(value))
    };
    Expression::Object(members.iter().map(one).collect())
}

/// The words of a command, without what follows a flag that looks like one of a secret.
fn words((container, of): (&str, &str), value: &Value, hidden: &mut Hidden) -> Expression {
    let Some(list) = value.as_array() else { return Expression::of(value) };
    let mut flag = String::new();
    let one = |word: &Value| {
        let told = word.as_str().unwrap_or_default();
        let (name, value) = told.split_once('=').unwrap_or((flag.as_str(), told));
        let follows = told.starts_with('-') && !told.contains('=');
        let hides = !follows && name.starts_with('-') && is_secret(name, value);
        let name = name.trim_start_matches('-').to_owned();
        flag = if follows { told.to_owned() } else { String::new() };
        let place = format!("word of {of} at");
        if hides { hidden.hide(container, &place, &name) } else { Expression::of(word) }
    };
    Expression::List(list.iter().map(one).collect())
}

/// Whether a container's member is written elsewhere, or says what ECS adds by itself and the
/// provider takes for the same as nothing.
fn is_default(member: &str, value: &Value) -> bool {
    const ADDED: [&str; 5] =
        ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"];
    let is_empty = value.as_array().is_some_and(Vec::is_empty);
    match member {
        "name" | "image" => true,
        "cpu" => value.as_i64() == Some(0),
        _ => value.is_null() || (is_empty && ADDED.contains(&member)),
    }
}

/// The image that a parameter names.
fn from_parameter(request: &SnippetRequest, image: &ImageId) -> Expression {
    let address = format!("data.aws_ssm_parameter.{}", name(request, image.as_str()));
    let is_secret = request.parameters.get(image).is_some_and(|parameter| parameter.is_secret);
    Expression::Bare(if is_secret {
        format!("nonsensitive({address}.value)")
    } else {
        format!("{address}.insecure_value")
    })
}
