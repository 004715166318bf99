//! The XML that AWS Query answers in.

use std::fmt::Write as _;

use bytes::Bytes;

/// The namespace of STS's answers (`xmlNamespace` in its API model).
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// An element with a text.
pub(super) fn text(name: &str, content: &str) -> String {
    format!("<{name}>{}</{name}>", escape(content))
}

/// An element with elements.
pub(super) fn element(name: &str, children: &[String]) -> String {
    format!("<{name}>{}</{name}>", children.concat())
}

/// The whole answer to an operation, around its result.
pub(super) fn response(operation: &str, result: &[u8], request_id: &str) -> Bytes {
    let mut body = format!("<{operation}Response xmlns=\"{NAMESPACE}\">").into_bytes();
    body.extend_from_slice(result);
    let metadata = element("ResponseMetadata", &[text("RequestId", request_id)]);
    body.extend_from_slice(metadata.as_bytes());
    body.extend_from_slice(format!("</{operation}Response>").as_bytes());
    Bytes::from(body)
}

/// The whole answer that is an error, of the sender's making or of the receiver's.
pub(super) fn error(of_sender: bool, code: &str, message: &str, request_id: &str) -> Bytes {
    let kind = if of_sender { "Sender" } else { "Receiver" };
    let error = [text("Type", kind), text("Code", code), text("Message", message)];
    let content = [element("Error", &error), text("RequestId", request_id)].concat();
    Bytes::from(format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{content}</ErrorResponse>"))
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
