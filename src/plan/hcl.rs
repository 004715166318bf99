//! HCL as `terraform fmt` leaves it, for all that is printed for Terraform.
//!
//! Texts from outside are quoted, so that they can neither end a string nor be taken for a template.

use std::fmt::Write as _;

use serde_json::Value;

/// One thing in a body.
pub(super) enum Item {
    /// `name = expression`.
    Attribute(String, Expression),
    /// A block with its labels, such as `resource "aws_ecs_service" "web"`.
    Block(String, Vec<Item>),
    /// A line of its own.
    Comment(String),
    /// An empty line.
    Blank,
}

/// A value.
pub(super) enum Expression {
    /// A reference, number or word, as it is.
    Bare(String),
    /// A text.
    Text(String),
    /// A list; of texts and words, on one line.
    List(Vec<Expression>),
    /// An object.
    Object(Vec<(String, Expression)>),
    /// A call of a function with one argument.
    Call(&'static str, Box<Expression>),
}

impl Item {
    /// An attribute.
    pub(super) fn attribute(name: &str, value: Expression) -> Self {
        Self::Attribute(name.to_owned(), value)
    }

    /// An attribute that is a text.
    pub(super) fn text(name: &str, value: &str) -> Self {
        Self::attribute(name, Expression::Text(value.to_owned()))
    }

    /// An attribute that is a reference, number or word.
    pub(super) fn bare(name: &str, value: impl Into<String>) -> Self {
        Self::attribute(name, Expression::Bare(value.into()))
    }

    /// A block.
    pub(super) fn block(head: impl Into<String>, body: Vec<Self>) -> Self {
        Self::Block(head.into(), body)
    }
}

impl Expression {
    /// A JSON value; members that are null are left out.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(list) => Self::List(list.iter().map(Self::of).collect()),
            Value::Object(members) => {
                let members = members.iter().filter(|(_, value)| !value.is_null());
                Self::Object(members.map(|(name, value)| (name.clone(), Self::of(value))).collect())
            }
            other => Self::Bare(other.to_string()),
        }
    }

    /// Whether it stands on one line.
    fn is_short(&self) -> bool {
        match self {
            Self::Bare(_) | Self::Text(_) => true,
            Self::List(list) => list.iter().all(|one| matches!(one, Self::Bare(_) | Self::Text(_))),
            Self::Object(members) => members.is_empty(),
            Self::Call(_, argument) => argument.is_short(),
        }
    }

    /// The expression as text; what is not on its first line is indented as given.
    fn render(&self, indent: usize) -> String {
        let (pad, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
        match self {
            Self::Bare(text) => text.clone(),
            Self::Text(text) => quote(text),
            Self::Call(name, argument) => format!("{name}({})", argument.render(indent)),
            Self::List(list) if self.is_short() => {
                let all: Vec<String> = list.iter().map(|one| one.render(indent)).collect();
                format!("[{}]", all.join(", "))
            }
            Self::List(list) => {
                let one = |one: &Self| format!("{inner}{},\n", one.render(indent + 2));
                format!("[\n{}{pad}]", list.iter().map(one).collect::<String>())
            }
            Self::Object(members) if members.is_empty() => "{}".to_owned(),
            Self::Object(members) => {
                let names = members.iter().map(|(name, value)| (key(name), value));
                format!("{{\n{}{pad}}}", assignments(&names.collect::<Vec<_>>(), indent + 2))
            }
        }
    }
}

/// A body as text, each line indented as given.
pub(super) fn render(items: &[Item], indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut text = String::new();
    let mut chain: Vec<(String, &Expression)> = Vec::new();
    for item in items {
        if let Item::Attribute(name, value) = item {
            chain.push((name.clone(), value));
            continue;
        }
        text.push_str(&assignments(&std::mem::take(&mut chain), indent));
        // Writing to a `String` cannot fail.
        let _ = match item {
            Item::Attribute(..) => Ok(()),
            Item::Blank => writeln!(text),
            Item::Comment(line) => writeln!(text, "{pad}# {}", harmless(line).trim_end()),
            Item::Block(head, body) => {
                writeln!(text, "{pad}{head} {{\n{}{pad}}}", render(body, indent + 2))
            }
        };
    }
    text.push_str(&assignments(&chain, indent));
    text
}

/// Assignments one below the other. Those on one line have their signs one below the other, until
/// one comes that is on several.
fn assignments(all: &[(String, &Expression)], indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut text = String::new();
    for run in all.chunk_by(|(_, one), (_, next)| one.is_short() && next.is_short()) {
        let width = run.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, value) in run {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{pad}{name:width$} = {}", value.render(indent));
        }
    }
    text
}

/// A name of an object's member.
fn key(name: &str) -> String {
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_word { name.to_owned() } else { quote(name) }
}

/// A text in quotes.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => quoted.extend([c, c]),
            c if is_harmful(c) => {
                // Writing to a `String` cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A text that stays on its line.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect()
}

/// Whether a character does something to whoever looks at it.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The name of a resource, made from words such as ids.
pub(super) fn resource_name(words: &[&str]) -> String {
    let name: String = words
        .join("_")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' })
        .collect();
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() || first == '_' => name,
        _ => format!("_{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_cannot_get_out_of_their_quotes() {
        assert_eq!(quote("a\"b\\c\n${d}%{e}$f\u{1b}"), r#""a\"b\\c\n$${d}%%{e}$f\u001b""#);
        assert_eq!(quote("$${a}"), r#""$$${a}""#);
    }

    #[test]
    fn names_of_resources_are_words() {
        assert_eq!(resource_name(&["prod", "a.b-c"]), "prod_a_b-c");
        assert_eq!(resource_name(&["1st"]), "_1st");
    }

    #[test]
    fn signs_stand_one_below_the_other() {
        let body = vec![
            Item::text("name", "web"),
            Item::bare("desired_count", "2"),
            Item::attribute(
                "containers",
                Expression::Call(
                    "jsonencode",
                    Box::new(Expression::of(&json!([{
                        "name": "a", "essential": true, "none": null, "environment": [{ "a b": 1 }],
                        "ports": [], "command": ["x", "y"],
                    }]))),
                ),
            ),
            Item::Blank,
            Item::Comment("why\u{1b}".to_owned()),
            Item::block("lifecycle", vec![Item::bare("ignore_changes", "[desired_count]")]),
        ];
        insta::assert_snapshot!(render(&[Item::block("resource \"a\" \"b\"", body)], 0), @r#"
        resource "a" "b" {
          name          = "web"
          desired_count = 2
          containers = jsonencode([
            {
              name      = "a"
              essential = true
              environment = [
                {
                  "a b" = 1
                },
              ]
              ports   = []
              command = ["x", "y"]
            },
          ])

          # why
          lifecycle {
            ignore_changes = [desired_count]
          }
        }
        "#);
    }
}
