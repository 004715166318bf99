//! CloudWatch Logs, as far as containers of ECS tasks write to it with the driver `awslogs`.
//!
//! Nothing is written here: groups, streams and lines follow from what happened to tasks
//! ([`witness`](super::ecs::witness)), and are there for as long as ECS tells of the task. Names,
//! limits and error texts are those of the API, version 2014-03-28.

mod filter;
mod groups;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    call::{Call, Fault},
    ecs::witness::{self, LogStream},
    refusal, region,
    service::Protocol,
    state::Transaction,
};

/// Answers one request.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let streams = witness::log_streams(transaction, call.into())?;
    let answer = match call.operation.as_str() {
        "DescribeLogGroups" => groups::describe(call, &streams)?,
        "DescribeLogStreams" => describe_streams(call, &streams)?,
        "GetLogEvents" => get_events(call, &streams)?,
        "FilterLogEvents" => filter::events(call, &streams)?,
        other => return Err(refusal::unknown_operation(Protocol::Json, other)),
    };
    Ok(Bytes::from(answer.to_string()))
}

/// The members that say which events are wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Wanted {
    /// The group, by name.
    log_group_name: Option<String>,
    /// The group, by name or ARN.
    log_group_identifier: Option<String>,
    /// The stream.
    log_stream_name: Option<String>,
    /// Some streams.
    log_stream_names: Option<Vec<String>>,
    /// What the names of some groups begin with.
    log_group_name_prefix: Option<String>,
    /// What the names of some groups contain, whichever case it is in.
    log_group_name_pattern: Option<String>,
    /// Some groups, by names or ARNs.
    log_group_identifiers: Option<Vec<String>>,
    /// Groups of one class.
    log_group_class: Option<String>,
    /// Groups of these accounts.
    account_identifiers: Option<Vec<String>>,
    /// Whether groups of linked accounts are wanted, too.
    include_linked_accounts: Option<bool>,
    /// Ignored by AWS since 2019.
    #[serde(rename = "interleaved")]
    _interleaved: Option<bool>,
    /// Whether masked data is wanted in plain; nothing is masked here.
    #[serde(rename = "unmask")]
    _unmask: Option<bool>,
    /// What the names of some streams begin with.
    log_stream_name_prefix: Option<String>,
    /// What a line must contain.
    filter_pattern: Option<String>,
    /// From when on, in milliseconds, that moment included.
    start_time: Option<i64>,
    /// Until when, in milliseconds, that moment excluded.
    end_time: Option<i64>,
    /// Whether the oldest are told first.
    start_from_head: Option<bool>,
    /// Whether names are told from the last to the first.
    descending: bool,
    /// `LogStreamName` or `LastEventTime`.
    order_by: Option<String>,
    /// How many.
    limit: Option<usize>,
    /// Where the last answer ended.
    next_token: Option<String>,
}

impl Wanted {
    /// The group's name.
    fn group(&self) -> Result<&str, Fault> {
        match (&self.log_group_name, &self.log_group_identifier) {
            (Some(name), None) => Ok(name),
            (None, Some(identifier)) => Ok(name_of(identifier)),
            _ => Err(invalid(
                "Either logGroupName or logGroupIdentifier must be given, and not both.",
            )),
        }
    }

    /// The streams of the group.
    fn streams<'a>(&self, all: &'a [LogStream]) -> Result<Vec<&'a LogStream>, Fault> {
        let group = self.group()?;
        let found: Vec<&LogStream> = all.iter().filter(|one| one.group == group).collect();
        if found.is_empty() {
            return Err(not_found("The specified log group does not exist."));
        }
        Ok(found.into_iter().filter(|one| one.created_at.is_some()).collect())
    }

    /// Whether a line is of the time that is wanted, the end of which is a part of it or not.
    fn has(&self, at: Timestamp, with_end: bool) -> bool {
        let at = at.as_millisecond();
        let is_before = |end: i64| at < end || (with_end && at == end);
        self.start_time.is_none_or(|start| at >= start) && self.end_time.is_none_or(is_before)
    }

    /// How many are told at once, of at most so many.
    fn limit(&self, most: usize) -> Result<usize, Fault> {
        let limit = self.limit.unwrap_or(most);
        if (1..=most).contains(&limit) {
            return Ok(limit);
        }
        Err(invalid(&format!("limit must be between 1 and {most}.")))
    }

    /// The place that a token names.
    fn offset(&self, prefix: &str) -> Result<Option<usize>, Fault> {
        let Some(token) = &self.next_token else { return Ok(None) };
        let place = token.strip_prefix(prefix).and_then(|place| place.parse().ok());
        place.map(Some).ok_or_else(|| invalid("The specified nextToken is invalid."))
    }
}

/// `GetLogEvents`. As in AWS, a page is told from its oldest line to its newest, wherever reading
/// begins.
fn get_events(call: &Call, all: &[LogStream]) -> Result<Value, Fault> {
    let wanted: Wanted = read(call)?;
    let name = wanted.log_stream_name.as_deref();
    let name = name.ok_or_else(|| invalid("logStreamName must be given."))?;
    let streams = wanted.streams(all)?;
    let stream = streams.into_iter().find(|one| one.name == name);
    let stream = stream.ok_or_else(|| not_found("The specified log stream does not exist."))?;
    let lines: Vec<&(Timestamp, String)> =
        stream.lines.iter().filter(|(at, _)| wanted.has(*at, false)).collect();
    let limit = wanted.limit(10_000)?;
    let (from, to) = match &wanted.next_token {
        Some(token) if token.starts_with("b/") => {
            let end = wanted.offset("b/")?.unwrap_or_default().min(lines.len());
            (end.saturating_sub(limit), end)
        }
        Some(_) => {
            let start = wanted.offset("f/")?.unwrap_or_default().min(lines.len());
            (start, (start + limit).min(lines.len()))
        }
        None if wanted.start_from_head == Some(true) => (0, limit.min(lines.len())),
        None => (lines.len().saturating_sub(limit), lines.len()),
    };
    let page = lines.get(from..to).unwrap_or_default().iter();
    let events: Vec<Value> = page.map(|(at, text)| event(*at, text)).collect();
    Ok(json!({
        "events": events,
        "nextForwardToken": format!("f/{to}"),
        "nextBackwardToken": format!("b/{from}"),
    }))
}

/// `DescribeLogStreams`.
fn describe_streams(call: &Call, all: &[LogStream]) -> Result<Value, Fault> {
    let wanted: Wanted = read(call)?;
    let prefix = wanted.log_stream_name_prefix.as_deref().unwrap_or_default();
    let by_time = match wanted.order_by.as_deref() {
        None | Some("LogStreamName") => false,
        Some("LastEventTime") => true,
        Some(_) => return Err(invalid("orderBy must be LogStreamName or LastEventTime.")),
    };
    if by_time && !prefix.is_empty() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let mut found = wanted.streams(all)?;
    found.retain(|one| one.name.starts_with(prefix));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if by_time {
        found.sort_by_key(|one| one.lines.last().map(|(at, _)| *at));
    }
    if wanted.descending {
        found.reverse();
    }
    let group = wanted.group()?;
    let told = found.into_iter().map(|one| {
        let millis = |line: Option<&(Timestamp, String)>| line.map(|(at, _)| at.as_millisecond());
        json!({
            "logStreamName": one.name,
            "creationTime": one.created_at.map(Timestamp::as_millisecond),
            "firstEventTimestamp": millis(one.lines.first()),
            "lastEventTimestamp": millis(one.lines.last()),
            "lastIngestionTime": millis(one.lines.last()),
            "arn": format!("{}:log-stream:{}", group_arn(call, group), one.name),
            "storedBytes": 0,
        })
    });
    page(&wanted, "logStreams", told.collect())
}

/// A page of at most 50.
fn page(wanted: &Wanted, member: &str, all: Vec<Value>) -> Result<Value, Fault> {
    let from = wanted.offset("")?.unwrap_or_default();
    let to = from.saturating_add(wanted.limit(50)?);
    let next = (to < all.len()).then(|| to.to_string());
    let told: Vec<Value> = all.into_iter().skip(from).take(to - from).collect();
    Ok(with_token(json!({ member: told }), next))
}

/// An answer with the token for what comes after it.
fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let (Some(members), Some(next)) = (answer.as_object_mut(), next) {
        members.insert("nextToken".to_owned(), Value::from(next));
    }
    answer
}

/// A line as it is told.
fn event(at: Timestamp, text: &str) -> Value {
    let at = at.as_millisecond();
    json!({ "timestamp": at, "message": text, "ingestionTime": at })
}

/// The name of a group that is given by its name or its ARN.
fn name_of(identifier: &str) -> &str {
    let name = identifier.split_once(":log-group:").map_or(identifier, |(_, name)| name);
    name.strip_suffix(":*").unwrap_or(name)
}

/// The ARN of a group.
fn group_arn(call: &Call, group: &str) -> String {
    let super::Scope { account, region } = &call.scope;
    format!("arn:{}:logs:{region}:{account}:log-group:{group}", region::partition(region))
}

/// Reads a request.
fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Fault> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body)
        .map_err(|error| invalid(&format!("The sandbox cannot do what is asked: {error}.")))
}

/// What is asked for makes no sense.
fn invalid(message: &str) -> Fault {
    Fault::new("InvalidParameterException", message)
}

/// What is asked for is not there.
fn not_found(message: &str) -> Fault {
    Fault::new("ResourceNotFoundException", message)
}
