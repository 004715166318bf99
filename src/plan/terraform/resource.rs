//! One resource or data source of Terraform, with the values it had when it was read last.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::list;

/// A resource or data source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resource {
    /// Its address, such as `module.shop.aws_ecs_service.web["a"]`.
    pub(super) address: String,
    /// Whether Terraform makes it; a data source is only read.
    pub(super) is_managed: bool,
    /// Its type, such as `aws_ecs_service`.
    pub(super) kind: String,
    /// Its attributes.
    values: Map<String, Value>,
    /// The attributes that Terraform does not show, because something secret is in them.
    sensitive: BTreeSet<String>,
    /// The addresses of the blocks that its values depend on, over any number of steps.
    depends_on: BTreeSet<String>,
}

impl Resource {
    /// One of those that `terraform show -json` lists.
    pub(super) fn shown(entry: &Value) -> Option<Self> {
        let sensitive = entry.get("sensitive_values").and_then(Value::as_object);
        let is_secret =
            |(name, value): (&String, &Value)| (*value == Value::Bool(true)).then(|| name.clone());
        Some(Self {
            address: entry.get("address")?.as_str()?.to_owned(),
            is_managed: entry.get("mode")?.as_str()? == "managed",
            kind: entry.get("type")?.as_str()?.to_owned(),
            values: entry.get("values")?.as_object()?.clone(),
            sensitive: sensitive.into_iter().flat_map(Map::iter).filter_map(is_secret).collect(),
            depends_on: texts(entry.get("depends_on")),
        })
    }

    /// An instance in a state file. One that is about to be destroyed is none.
    pub(super) fn kept(block: &Value, instance: &Value) -> Option<Self> {
        if instance.get("deposed").is_some() {
            return None;
        }
        let is_managed = block.get("mode")?.as_str()? == "managed";
        let kind = block.get("type")?.as_str()?.to_owned();
        let mut address = String::new();
        if let Some(module) = block.get("module").and_then(Value::as_str) {
            address = format!("{module}.");
        }
        let data = if is_managed { "" } else { "data." };
        address = format!("{address}{data}{kind}.{}", block.get("name")?.as_str()?);
        if let Some(key) = instance.get("index_key") {
            address = format!("{address}[{key}]");
        }
        let secret = |path: &Value| {
            let [step] = list(Some(path)) else { return None };
            step.get("value")?.as_str().map(str::to_owned)
        };
        let sensitive = list(instance.get("sensitive_attributes")).iter().filter_map(secret);
        Some(Self {
            address,
            is_managed,
            kind,
            values: instance.get("attributes")?.as_object()?.clone(),
            sensitive: sensitive.collect(),
            depends_on: texts(instance.get("dependencies")),
        })
    }

    /// An attribute that is a text, unless it is empty.
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        self.values.get(attribute)?.as_str().filter(|text| !text.is_empty())
    }

    /// An attribute that is true or false.
    pub(super) fn is(&self, attribute: &str) -> bool {
        self.values.get(attribute) == Some(&Value::Bool(true))
    }

    /// An attribute that is a table of texts.
    pub(super) fn table(&self, attribute: &str) -> BTreeMap<String, String> {
        let table = self.values.get(attribute).and_then(Value::as_object);
        let pair =
            |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        table.into_iter().flat_map(Map::iter).filter_map(pair).collect()
    }

    /// Whether something secret is in an attribute.
    pub(super) fn is_sensitive(&self, attribute: &str) -> bool {
        self.sensitive.contains(attribute)
    }

    /// Whether its values depend on the block of another one.
    pub(super) fn depends_on(&self, other: &Self) -> bool {
        self.depends_on.contains(&block_of(&other.address))
    }

    /// The images of the containers of a task definition, by container name.
    pub(super) fn images(&self) -> BTreeMap<String, String> {
        images(self.text("container_definitions").unwrap_or_default())
    }
}

/// The images in the JSON of container definitions, by container name; none where it is no such
/// JSON.
pub(super) fn images(containers: &str) -> BTreeMap<String, String> {
    let containers: Vec<Value> = serde_json::from_str(containers).unwrap_or_default();
    let text = |container: &Value, member: &str| Some(container.get(member)?.as_str()?.to_owned());
    containers.iter().filter_map(|one| Some((text(one, "name")?, text(one, "image")?))).collect()
}

/// The texts of a list.
fn texts(value: Option<&Value>) -> BTreeSet<String> {
    list(value).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The address of the block that makes a resource: its address without the keys of `for_each` and
/// the numbers of `count`.
pub(super) fn block_of(address: &str) -> String {
    let mut block = String::new();
    let (mut is_in_key, mut is_quoted, mut is_escaped) = (false, false, false);
    for c in address.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' if is_in_key => is_quoted = !is_quoted,
            '[' if !is_quoted => is_in_key = true,
            ']' if !is_quoted => is_in_key = false,
            _ if is_in_key => {}
            _ => block.push(c),
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_an_address_without_keys() {
        for (address, block) in [
            ("aws_ecs_service.web", "aws_ecs_service.web"),
            (r#"module.a["x.y]\"["].aws_ecs_service.web[0]"#, "module.a.aws_ecs_service.web"),
            (r#"data.aws_ssm_parameter.image["a-b"]"#, "data.aws_ssm_parameter.image"),
        ] {
            assert_eq!(block_of(address), block);
        }
    }

    #[test]
    fn images_are_told_by_container() {
        let told = images(r#"[{"name":"a","image":"x:1"},{"name":"b"},{"image":"y"}]"#);
        assert_eq!(told, BTreeMap::from([("a".to_owned(), "x:1".to_owned())]));
        assert!(images("no JSON").is_empty());
    }
}
