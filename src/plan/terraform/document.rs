//! What Terraform says of itself: `terraform show -json` of a state or of a plan, or a state file.
//!
//! All three become the same list of resources with their values as they were read last. Only a
//! plan has a configuration and changes. `lifecycle` is in none of them: what is ignored can only be
//! seen by its effect.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::resource::{Resource, block_of};

/// The version of state files that Terraform 0.12 and all later ones write.
const STATE_VERSION: u64 = 4;

/// Why a text is not what Terraform says.
#[derive(Debug, thiserror::Error)]
pub enum TerraformReadError {
    /// It is no JSON.
    #[error("it is no JSON")]
    Json(#[from] serde_json::Error),
    /// It is JSON, and neither a state nor a plan.
    #[error("it is neither `terraform show -json` nor a state file")]
    Foreign,
    /// It is a state file of a version that is not read.
    #[error("it is a state file of version {0}, and only version {STATE_VERSION} is read")]
    Version(Value),
    /// It is a plan that Terraform did not get to the end of.
    #[error("it is a plan that failed, and a part of what it would do is not in it")]
    Failed,
}

impl TerraformReadError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Failed => "mend what `terraform plan` says, and make the plan anew",
            _ => {
                "write it with `terraform show -json > terraform.json`, or `terraform show -json \
                 <plan>`"
            }
        }
    }
}

/// What becomes of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It stays as it is, or is only read.
    Nothing,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is made anew, and the one that is there goes.
    Replace,
    /// It goes.
    Delete,
    /// It stays, and Terraform does not have it any more.
    Forget,
    /// Something that is not known here.
    Foreign,
}

impl Action {
    /// What Terraform's words mean, as its JSON output format has them.
    fn of(words: &[&str]) -> Self {
        match words {
            ["no-op" | "read"] => Self::Nothing,
            ["create"] => Self::Create,
            ["update"] => Self::Update,
            ["delete"] => Self::Delete,
            ["forget"] => Self::Forget,
            ["create", "delete" | "forget"] | ["delete", "create"] => Self::Replace,
            _ => Self::Foreign,
        }
    }
}

/// What a plan is to do with one resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// What becomes of it.
    pub(super) action: Action,
    /// The values before.
    pub(super) before: Value,
    /// The values after, as far as they are known.
    pub(super) after: Value,
    /// Which values are known only after it was applied.
    pub(super) after_unknown: Value,
}

impl Change {
    /// Whether the resource is made, or made anew.
    pub(super) fn creates(&self) -> bool {
        matches!(self.action, Action::Create | Action::Replace)
    }

    /// Whether the resource is changed in place.
    pub(super) fn updates(&self) -> bool {
        self.action == Action::Update
    }

    /// Whether a value, or a part of it, is known only after it was applied.
    pub(super) fn is_unknown(&self, attribute: &str) -> bool {
        self.after_unknown.get(attribute).is_some_and(has_unknown)
    }

    /// The attributes that are other ones after, or not known yet; none where the resource goes.
    pub(super) fn attributes(&self) -> Vec<String> {
        let Value::Object(after) = &self.after else { return Vec::new() };
        let unknown = members(Some(&self.after_unknown)).map(|(name, _)| name);
        let names: BTreeSet<&String> = after.keys().chain(unknown).collect();
        let differs = |name: &&String| {
            let stays = self.before.get(*name) == after.get(*name);
            !stays && after.contains_key(*name) || self.is_unknown(name)
        };
        names.into_iter().filter(differs).cloned().collect()
    }
}

/// Whether something in a value of `after_unknown` is not known.
fn has_unknown(value: &Value) -> bool {
    match value {
        Value::Bool(is_unknown) => *is_unknown,
        Value::Array(list) => list.iter().any(has_unknown),
        Value::Object(table) => table.values().any(has_unknown),
        _ => false,
    }
}

/// What only a plan has.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Planned {
    /// What becomes of each resource, by its address.
    pub(super) changes: BTreeMap<String, Change>,
    /// The expressions of each block of the configuration, by its address.
    expressions: BTreeMap<String, Value>,
    /// The outputs that change.
    pub(super) outputs: Vec<String>,
    /// Whether it was made for a part of the configuration only, as with `-target`.
    pub(super) is_partial: bool,
}

impl Planned {
    /// The expression of an attribute in the block of a resource.
    pub(super) fn expression(&self, resource: &Resource, attribute: &str) -> Option<&Value> {
        self.expressions.get(&block_of(&resource.address))?.get(attribute)
    }
}

/// What Terraform says, of all its resources.
#[derive(Debug, Clone, PartialEq)]
pub struct TerraformDocument {
    /// The resources, with their values as they were read last.
    pub(super) resources: Vec<Resource>,
    /// The values of the outputs of the root module.
    pub(super) outputs: BTreeMap<String, Value>,
    /// What is planned, where it is a plan.
    pub(super) planned: Option<Planned>,
}

impl TerraformDocument {
    /// Reads a state, a plan, or a state file; which of them it is is seen by what it has.
    ///
    /// # Errors
    /// Fails when it is none of them.
    pub fn read(text: &str) -> Result<Self, TerraformReadError> {
        let root: Value = serde_json::from_str(text)?;
        let has = |member: &str| root.get(member).is_some();
        if has("resource_changes") || has("planned_values") {
            return if root.get("errored") == Some(&Value::Bool(true)) {
                Err(TerraformReadError::Failed)
            } else {
                Ok(of_plan(&root))
            };
        }
        if has("values") || (has("format_version") && !has("provider_schemas")) {
            return Ok(Self {
                resources: shown(root.get("values")),
                outputs: outputs(root.get("values")),
                planned: None,
            });
        }
        match root.get("version") {
            Some(version) if has("resources") && version.as_u64() == Some(STATE_VERSION) => {
                Ok(of_file(&root))
            }
            Some(version) if has("lineage") || has("modules") => {
                Err(TerraformReadError::Version(version.clone()))
            }
            _ => Err(TerraformReadError::Foreign),
        }
    }

    /// Whether it is a plan.
    #[must_use]
    pub fn is_plan(&self) -> bool {
        self.planned.is_some()
    }

    /// The resources and data sources of a type.
    pub(super) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }
}

/// A plan, as `terraform show -json <plan>` writes it.
fn of_plan(root: &Value) -> TerraformDocument {
    let prior = root.get("prior_state").and_then(|prior| prior.get("values"));
    let mut expressions = BTreeMap::new();
    if let Some(module) = root.pointer("/configuration/root_module") {
        collect_expressions("", module, &mut expressions);
    }
    let changes = list(root.get("resource_changes")).iter().filter_map(change).collect();
    let of_outputs = members(root.get("output_changes"));
    let is_kept = |change: &Value| list(change.get("actions")).iter().all(|one| one == "no-op");
    let outputs_changed =
        of_outputs.filter(|(_, change)| !is_kept(change)).map(|(name, _)| name.clone()).collect();
    TerraformDocument {
        resources: shown(prior),
        outputs: outputs(prior),
        planned: Some(Planned {
            changes,
            expressions,
            outputs: outputs_changed,
            is_partial: root.get("complete") == Some(&Value::Bool(false)),
        }),
    }
}

/// One entry of a plan's `resource_changes`. What is left of an earlier one, and is about to go, has the
/// address of the one that took its place, and is none.
fn change(entry: &Value) -> Option<(String, Change)> {
    if entry.get("deposed").is_some() {
        return None;
    }
    let address = entry.get("address")?.as_str()?.to_owned();
    let change = entry.get("change")?;
    let value = |member: &str| change.get(member).cloned().unwrap_or_default();
    let actions: Vec<&str> = list(change.get("actions")).iter().filter_map(Value::as_str).collect();
    Some((
        address,
        Change {
            action: Action::of(&actions),
            before: value("before"),
            after: value("after"),
            after_unknown: value("after_unknown"),
        },
    ))
}

/// The expressions of every block of a module and of those that it calls.
fn collect_expressions(path: &str, module: &Value, found: &mut BTreeMap<String, Value>) {
    for block in list(module.get("resources")) {
        let Some(address) = block.get("address").and_then(Value::as_str) else { continue };
        let expressions = block.get("expressions").cloned().unwrap_or_default();
        found.insert(format!("{path}{address}"), expressions);
    }
    for (name, call) in members(module.get("module_calls")) {
        if let Some(module) = call.get("module") {
            collect_expressions(&format!("{path}module.{name}."), module, found);
        }
    }
}

/// The resources of `values`, with those of all modules.
fn shown(values: Option<&Value>) -> Vec<Resource> {
    let mut found = Vec::new();
    if let Some(module) = values.and_then(|values| values.get("root_module")) {
        collect_shown(module, &mut found);
    }
    found
}

/// The resources of a module and of those in it.
fn collect_shown(module: &Value, found: &mut Vec<Resource>) {
    found.extend(list(module.get("resources")).iter().filter_map(Resource::shown));
    for child in list(module.get("child_modules")) {
        collect_shown(child, found);
    }
}

/// The values of outputs, as `values` or a state file has them.
fn outputs(values: Option<&Value>) -> BTreeMap<String, Value> {
    let value = |output: &Value| output.get("value").cloned().unwrap_or_default();
    members(values.and_then(|values| values.get("outputs")))
        .map(|(name, output)| (name.clone(), value(output)))
        .collect()
}

/// A state file.
fn of_file(root: &Value) -> TerraformDocument {
    let blocks = list(root.get("resources")).iter();
    let resources = blocks.flat_map(|block| {
        list(block.get("instances")).iter().filter_map(|one| Resource::kept(block, one))
    });
    TerraformDocument {
        resources: resources.collect(),
        outputs: outputs(Some(root)),
        planned: None,
    }
}

/// The elements of a list; none where it is none.
pub(super) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The members of an object; none where it is none.
fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_neither_a_state_nor_a_plan_is_refused() {
        for (text, words) in [
            ("{", "it is no JSON"),
            ("[]", "it is neither `terraform show -json` nor a state file"),
            ("{}", "it is neither `terraform show -json` nor a state file"),
            (
                r#"{"version":3,"lineage":"x","modules":[]}"#,
                "it is a state file of version 3, and only version 4 is read",
            ),
            (
                r#"{"format_version":"1.2","resource_changes":[],"errored":true}"#,
                "it is a plan that failed, and a part of what it would do is not in it",
            ),
            (
                r#"{"format_version":"1.0","provider_schemas":{}}"#,
                "it is neither `terraform show -json` nor a state file",
            ),
        ] {
            assert_eq!(TerraformDocument::read(text).unwrap_err().to_string(), words, "{text}");
        }
    }

    #[test]
    fn an_empty_state_has_no_resources() {
        let empty = TerraformDocument::read(r#"{"format_version":"1.0"}"#).unwrap();
        assert_eq!((empty.resources.len(), empty.is_plan()), (0, false));
    }

    #[test]
    fn what_is_left_of_an_earlier_one_is_no_change() {
        let entry =
            |actions: &[&str]| json!({ "address": "a.b", "change": { "actions": actions } });
        let mut deposed = entry(&["delete"]);
        deposed["deposed"] = json!("abcd");
        let plan = json!({ "resource_changes": [entry(&["no-op"]), deposed] });
        let read = TerraformDocument::read(&plan.to_string()).unwrap();
        assert_eq!(read.planned.unwrap().changes["a.b"].action, Action::Nothing);
    }

    #[test]
    fn what_is_known_only_afterwards_is_a_change() {
        let change = Change {
            action: Action::Update,
            before: json!({ "a": 1, "b": 2, "c": { "d": 3 }, "gone": 4 }),
            after: json!({ "a": 1, "b": 3, "c": {} }),
            after_unknown: json!({ "a": false, "c": { "d": [true] }, "e": true, "f": [false] }),
        };
        assert_eq!(change.attributes(), ["b", "c", "e"]);
    }

    #[test]
    fn a_state_and_its_file_are_the_same() {
        let values = json!({ "name": "web", "tags": null });
        let state = json!({ "format_version": "1.0", "values": {
            "outputs": { "arn": { "sensitive": false, "value": "x" } },
            "root_module": { "child_modules": [{ "resources": [{
                "address": "module.shop[\"a\"].data.aws_ssm_parameter.web[0]", "mode": "data",
                "type": "aws_ssm_parameter", "values": values,
                "sensitive_values": { "name": true, "tags": {} }, "depends_on": ["aws_x.y"],
            }] }] },
        } });
        let file = json!({ "version": 4, "lineage": "x", "outputs": { "arn": { "value": "x" } },
            "resources": [{ "module": "module.shop[\"a\"]", "mode": "data", "type": "aws_ssm_parameter",
                "name": "web", "instances": [{ "index_key": 0, "attributes": values,
                "sensitive_attributes": [[{ "type": "get_attr", "value": "name" }]],
                "dependencies": ["aws_x.y"] }, { "deposed": "f00", "attributes": {} }] }] });
        let read = |value: &Value| TerraformDocument::read(&value.to_string()).unwrap();
        assert_eq!(read(&state), read(&file));
        assert_eq!(read(&file).resources.len(), 1, "what is about to be destroyed is left out");
    }
}
