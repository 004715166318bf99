//! The XML that AWS Query answers in.

use std::fmt::Write as _;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::service::Service;

/// What the names of members end with that are times, in answers.
const TIMES: &str = "Timestamp";

/// An element with a text.
pub(super) fn text(name: &str, content: &str) -> String {
    format!("<{name}>{}</{name}>", escape(content))
}

/// An element with elements.
pub(super) fn element(name: &str, children: &[String]) -> String {
    format!("<{name}>{}</{name}>", children.concat())
}

/// An element that has in it what a value in JSON has: the members of an object, an element `member`
/// for each entry of a list, or a text.
fn of_value(name: &str, value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| of_value(name, value)).collect();
            element(name, &members)
        }
        Value::Array(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|entry| of_value("member", entry)).collect();
            element(name, &entries)
        }
        Value::String(content) => text(name, content),
        Value::Number(number) if name.ends_with(TIMES) => {
            text(name, &moment(number.as_f64().unwrap_or_default()))
        }
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => text(name, &value.to_string()),
    }
}

/// A time that is told in seconds.
fn moment(seconds: f64) -> String {
    // Milliseconds are cut off, and a fraction may be a little short of the one that is meant.
    let since = SignedDuration::try_from_secs_f64(seconds + 0.0005).unwrap_or_default();
    let time = Timestamp::from_duration(since).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// The result of an operation whose output is JSON; an operation that tells nothing has none.
pub(super) fn of_json(operation: &str, output: &[u8]) -> String {
    let output: Value = serde_json::from_slice(output).unwrap_or_default();
    let tells = ["Describe", "List", "Tag", "Untag"].iter().any(|verb| operation.starts_with(verb));
    if tells { of_value(&format!("{operation}Result"), &output) } else { String::new() }
}

/// The whole answer to an operation, around its result.
pub(super) fn response(
    service: Service,
    operation: &str,
    result: &[u8],
    request_id: &str,
) -> Bytes {
    let namespace = service.namespace().unwrap_or_default();
    let mut body = format!("<{operation}Response xmlns=\"{namespace}\">").into_bytes();
    body.extend_from_slice(result);
    let metadata = element("ResponseMetadata", &[text("RequestId", request_id)]);
    body.extend_from_slice(metadata.as_bytes());
    body.extend_from_slice(format!("</{operation}Response>").as_bytes());
    Bytes::from(body)
}

/// The whole answer that is an error, of the sender's making or of the receiver's.
pub(super) fn error(
    service: Service,
    (of_sender, code): (bool, &str),
    message: &str,
    request_id: &str,
) -> Bytes {
    let namespace = service.namespace().unwrap_or_default();
    let kind = if of_sender { "Sender" } else { "Receiver" };
    let error = [text("Type", kind), text("Code", code), text("Message", message)];
    let content = [element("Error", &error), text("RequestId", request_id)].concat();
    Bytes::from(format!("<ErrorResponse xmlns=\"{namespace}\">{content}</ErrorResponse>"))
}

/// A text as it stands in XML. Characters that XML cannot have are left out.
fn escape(content: &str) -> String {
    let mut escaped = String::with_capacity(content.len());
    for character in content.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                // Writing to a string cannot fail.
                let _infallible = write!(escaped, "&#{};", u32::from(character));
            }
            '\0'..='\x1f' | '\u{FFFE}' | '\u{FFFF}' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_to_the_millisecond() {
        for millis in 0..1000_u32 {
            let told = moment(1_795_292_331.0 + f64::from(millis) / 1000.0);
            assert_eq!(told, format!("2026-11-21T20:18:51.{millis:03}Z"));
        }
    }

    #[test]
    fn json_becomes_elements() {
        let output = br#"{"A":[{"Name":"<x>","On":true,"No":[]}],"UpdatedTimestamp":1.5,"T":5.0}"#;
        assert_eq!(
            of_json("DescribeAlarms", output),
            "<DescribeAlarmsResult><A><member><Name>&lt;x&gt;</Name><On>true</On><No></No>\
             </member></A><UpdatedTimestamp>1970-01-01T00:00:01.500Z</UpdatedTimestamp><T>5.0</T>\
             </DescribeAlarmsResult>"
        );
        assert_eq!(
            of_json("DescribeAlarms", b"{}"),
            "<DescribeAlarmsResult></DescribeAlarmsResult>"
        );
        assert_eq!(of_json("DeleteAlarms", b"{}"), "");
    }

    #[test]
    fn texts_are_escaped() {
        for (content, escaped) in [
            ("a b", "a b"),
            ("<a href=\"x\">&amp;</a>", "&lt;a href=&quot;x&quot;&gt;&amp;amp;&lt;/a&gt;"),
            ("a\0\u{1b}b", "ab"),
            ("a\nb", "a&#10;b"),
            ("ünï", "ünï"),
        ] {
            assert_eq!(text("T", content), format!("<T>{escaped}</T>"));
        }
    }
}
