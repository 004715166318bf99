//! `FilterLogEvents`: the lines of several streams together.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Wanted, invalid, not_found, read, with_token};
use crate::sandbox::{
    call::{Call, Fault},
    ecs::witness::LogStream,
};

/// A line with its time and its stream.
type Line<'a> = (Timestamp, &'a LogStream, &'a str);

/// From which end a listing is told. Its tokens begin with the direction's letter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// The oldest first.
    Forward,
    /// The latest first.
    Backward,
}

impl Direction {
    /// The direction that a request asks for; a token has its own.
    fn of(wanted: &Wanted) -> Self {
        let backward = match &wanted.next_token {
            Some(token) => token.starts_with(Self::Backward.prefix()),
            None => wanted.start_from_head == Some(false),
        };
        if backward { Self::Backward } else { Self::Forward }
    }

    /// What its tokens begin with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Forward => "f/",
            Self::Backward => "b/",
        }
    }
}

/// `FilterLogEvents`, with terms that a line must all contain as its pattern.
pub(super) fn events(call: &Call, all: &[LogStream]) -> Result<Value, Fault> {
    let wanted: Wanted = read(call)?;
    let direction = Direction::of(&wanted);
    let mut found = lines(&wanted, all)?;
    found.sort_by_key(|(at, _, _)| *at);
    let numbered = found.into_iter().enumerate();
    let listed: Vec<Value> = match direction {
        Direction::Forward => numbered.map(event).collect(),
        Direction::Backward => numbered.rev().map(event).collect(),
    };
    let from = wanted.offset(direction.prefix())?.unwrap_or_default();
    let to = from.saturating_add(wanted.limit(10_000)?);
    let next = (to < listed.len()).then(|| format!("{}{to}", direction.prefix()));
    let page: Vec<Value> = listed.into_iter().skip(from).take(to - from).collect();
    Ok(with_token(json!({ "events": page, "searchedLogStreams": [] }), next))
}

/// The lines that are asked for.
fn lines<'a>(wanted: &Wanted, all: &'a [LogStream]) -> Result<Vec<Line<'a>>, Fault> {
    let pattern = wanted.filter_pattern.as_deref().unwrap_or_default();
    if pattern.contains(['{', '[', '%', '?', '-', '"']) {
        return Err(invalid("The sandbox takes no pattern but terms that a line contains."));
    }
    let has = |text: &str| pattern.split_whitespace().all(|term| text.contains(term));
    let mut found = Vec::new();
    for stream in streams(wanted, all)? {
        let lines = stream.lines.iter().filter(|(at, text)| wanted.has(*at, true) && has(text));
        found.extend(lines.map(|(at, text)| (*at, stream, text.as_str())));
    }
    Ok(found)
}

/// The streams that are asked for.
fn streams<'a>(wanted: &Wanted, all: &'a [LogStream]) -> Result<Vec<&'a LogStream>, Fault> {
    let mut streams = wanted.streams(all)?;
    match (&wanted.log_stream_names, &wanted.log_stream_name_prefix) {
        (Some(_), Some(_)) => {
            return Err(invalid(
                "logStreamNames and logStreamNamePrefix cannot be specified together.",
            ));
        }
        (Some(names), None) => {
            if !names.iter().all(|name| streams.iter().any(|one| one.name == *name)) {
                return Err(not_found("The specified log stream does not exist."));
            }
            streams.retain(|one| names.contains(&one.name));
        }
        (None, Some(prefix)) => streams.retain(|one| one.name.starts_with(prefix)),
        (None, None) => {}
    }
    Ok(streams)
}

/// A line as it is told.
fn event((index, (at, stream, text)): (usize, Line<'_>)) -> Value {
    let at = at.as_millisecond();
    json!({
        "logStreamName": stream.name,
        "timestamp": at,
        "message": text,
        "ingestionTime": at,
        "eventId": format!("{index:056}"),
    })
}
