//! Tags of alarms, which go by the alarm's ARN.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{alarm::Alarm, input::Input};
use crate::sandbox::{
    call::{Call, Fault, Scope},
    state::Transaction,
};

/// `ListTagsForResource`.
pub(super) fn list(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Input,
) -> Result<Value, Fault> {
    input.has_only(&["ResourceARN"])?;
    let alarm = find(call, transaction, input)?;
    let tags = alarm.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
    Ok(json!({ "Tags": tags.collect::<Vec<_>>() }))
}

/// `TagResource`.
pub(super) fn tag(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Input,
) -> Result<Value, Fault> {
    input.has_only(&["ResourceARN", "Tags"])?;
    let mut alarm = find(call, transaction, input)?;
    alarm.tags.append(&mut given(input));
    save(&call.scope, transaction, &alarm)
}

/// `UntagResource`.
pub(super) fn untag(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Input,
) -> Result<Value, Fault> {
    input.has_only(&["ResourceARN", "TagKeys"])?;
    let mut alarm = find(call, transaction, input)?;
    let keys = input.texts("TagKeys");
    alarm.tags.retain(|key, _| !keys.contains(&key.as_str()));
    save(&call.scope, transaction, &alarm)
}

/// The tags that come with a request.
pub(super) fn given(input: &Input) -> BTreeMap<String, String> {
    let tags = input.0.get("Tags").and_then(Value::as_array);
    let text = |tag: &Value, name: &str| tag.get(name).and_then(Value::as_str).map(str::to_owned);
    let pairs = tags.into_iter().flatten();
    pairs.filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value")?))).collect()
}

/// The alarm with an ARN.
fn find(call: &Call, transaction: &Transaction<'_>, input: &Input) -> Result<Alarm, Fault> {
    let arn = input.required("ResourceARN")?;
    let name = arn.split_once(":alarm:").map_or("", |(_, name)| name);
    let found: Option<Alarm> = transaction.get(&call.scope.key(name))?;
    found.filter(|alarm| alarm.arn(&call.scope) == arn).ok_or_else(|| {
        let members = [
            ("Message".to_owned(), Value::from("The alarm does not exist.")),
            ("ResourceType".to_owned(), Value::from("alarm")),
            ("ResourceId".to_owned(), Value::from(arn)),
        ];
        let code = "ResourceNotFoundException".to_owned();
        Fault::Answer { status: 404, code, members: members.into_iter().collect() }
    })
}

/// Keeps an alarm whose tags were changed.
fn save(scope: &Scope, transaction: &mut Transaction<'_>, alarm: &Alarm) -> Result<Value, Fault> {
    transaction.put(&scope.key(&alarm.name), alarm)?;
    Ok(json!({}))
}
