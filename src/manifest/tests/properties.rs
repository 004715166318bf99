//! What holds for every text.

use std::fmt::Write as _;

use proptest::{collection::vec, prelude::*, sample::select};

use super::super::{
    Manifest,
    source::Source,
    tree::{self, Node, Value},
};

/// A tree without places, as both notations can print it.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Tree>),
    Table(Vec<(String, Tree)>),
}

impl Tree {
    /// The tree in JSON, or as an inline value of TOML: they differ in `:` and in escapes.
    fn print(&self, is_json: bool, out: &mut String) {
        let text = |text: &str, out: &mut String| {
            out.push('"');
            for c in text.chars() {
                match c {
                    '"' | '\\' => out.extend(['\\', c]),
                    c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)).unwrap(),
                    c => out.push(c),
                }
            }
            out.push('"');
        };
        match self {
            Self::Text(value) => text(value, out),
            Self::Integer(value) => write!(out, "{value}").unwrap(),
            Self::Boolean(value) => write!(out, "{value}").unwrap(),
            Self::List(elements) => {
                out.push('[');
                for (number, element) in elements.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { ", " });
                    element.print(is_json, out);
                }
                out.push(']');
            }
            Self::Table(entries) => {
                out.push('{');
                for (number, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { ", " });
                    text(key, out);
                    out.push_str(if is_json { ": " } else { " = " });
                    value.print(is_json, out);
                }
                out.push('}');
            }
        }
    }

    /// A whole file in one of the notations.
    pub(super) fn file(&self, is_json: bool) -> String {
        let mut out = String::new();
        match self {
            Self::Table(entries) if !is_json => {
                for (key, value) in entries {
                    Self::Text(key.clone()).print(false, &mut out);
                    out.push_str(" = ");
                    value.print(false, &mut out);
                    out.push('\n');
                }
            }
            _ => self.print(is_json, &mut out),
        }
        out
    }

    /// The tree of a TOML text without mistakes.
    pub(super) fn of_toml(text: &str) -> Self {
        let (root, _) = tree::parse(&Source::new("f", text));
        Self::of(&root.unwrap())
    }

    fn of(node: &Node) -> Self {
        match &node.value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Integer(digits) => Self::Integer(digits.parse().unwrap()),
            Value::Boolean(value) => Self::Boolean(*value),
            Value::List(elements) => Self::List(elements.iter().map(Self::of).collect()),
            Value::Table(entries) => Self::Table(
                entries.iter().map(|e| (e.key.value.clone(), Self::of(&e.node))).collect(),
            ),
            other => panic!("{other:?} was not printed"),
        }
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.file(true) == other.file(true)
    }
}

/// Tables of any content, with keys that stand in manifests more often than not.
fn tables() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        any::<String>().prop_map(Tree::Text),
        "[a-z/{}. 0-9]{0,12}".prop_map(Tree::Text),
        any::<i64>().prop_map(Tree::Integer),
        any::<bool>().prop_map(Tree::Boolean),
    ];
    let tree = leaf.prop_recursive(5, 60, 6, |tree| {
        prop_oneof![
            vec(tree.clone(), 0..5).prop_map(Tree::List),
            vec((keys(), tree), 0..6).prop_map(table),
        ]
    });
    vec((keys(), tree), 1..6).prop_map(table)
}

fn keys() -> impl Strategy<Value = String> {
    let known = select(vec![
        "id",
        "name",
        "region",
        "account",
        "account_id",
        "role_arn",
        "store",
        "sqlite",
        "environments",
        "service_sets",
        "services",
        "images",
        "cluster",
        "from",
        "service",
        "repository",
        "stage",
        "prod",
        "api",
        "all",
        "latest",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

/// A table, in which each key stands once.
fn table(mut entries: Vec<(String, Tree)>) -> Tree {
    let mut seen = std::collections::HashSet::new();
    entries.retain(|(key, _)| seen.insert(key.clone()));
    Tree::Table(entries)
}

/// Asks everything there is to ask about a text, for the sake of not panicking.
fn exercise(text: &str) {
    match Manifest::parse("f", text) {
        Ok(manifest) => {
            for project in manifest.projects() {
                for service in project.services.values() {
                    for environment in project.environments.values() {
                        assert!(service.ecs_service_name(&environment.id).is_ok());
                        let _ = project.cluster(environment, service);
                    }
                    assert!(!service.containers.is_empty());
                    for image in service.images() {
                        assert!(project.images.contains_key(image));
                        assert!(project.services_running(image).contains(&service));
                    }
                }
                for set in project.service_sets.values() {
                    assert!(!set.services.is_empty());
                    assert!(set.services.iter().all(|id| project.services.contains_key(id)));
                }
            }
        }
        Err(errors) => {
            assert!(!errors.errors().is_empty());
            assert!(errors.errors().iter().all(|error| error.location().is_some()));
            assert!(!errors.errors().iter().any(|error| error.hint().is_empty()));
            let _ = errors.render(true);
            let shown = errors.render(false);
            assert!(!shown.contains('\u{1b}'), "{shown:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        exercise(&text);
        exercise(&format!("{{{text}"));
    }

    #[test]
    fn no_text_of_our_letters_makes_it_panic(
        text in r#"([{}\[\]=:,."'#\n\r\t é📚\u{0}-]|shop|services|environments|\[shop\]\n|id = |"all"){0,40}"#,
    ) {
        exercise(&text);
        exercise(&format!("[shop]\n{text}"));
    }

    #[test]
    fn no_table_makes_it_panic(tree in tables()) {
        exercise(&tree.file(false));
        exercise(&tree.file(true));
    }

    #[test]
    fn a_printed_tree_is_read_as_itself(tree in tables(), is_json in any::<bool>()) {
        let source = Source::new("f", &tree.file(is_json));
        let (root, flaws) = tree::parse(&source);
        prop_assert!(flaws.is_empty(), "{flaws:?}");
        prop_assert_eq!(Tree::of(&root.unwrap()), tree);
    }

    #[test]
    fn both_notations_say_the_same(tree in tables()) {
        let messages = |is_json| match Manifest::parse("f", &tree.file(is_json)) {
            Ok(manifest) => manifest
                .projects()
                .map(|project| format!("{:?} {:?}", project.services, project.environments))
                .collect(),
            Err(errors) => {
                errors.errors().iter().map(super::super::ManifestError::message).collect::<Vec<_>>()
            }
        };
        prop_assert_eq!(messages(true), messages(false));
    }

    /// Every location is where the span begins, counted the slow way.
    #[test]
    fn locations_count_characters(text in "(a|ü|📚|\r\n|\n){0,30}", byte in 0..80_usize) {
        let source = Source::new("f", &text);
        let at = source.location(byte);
        let mut expected = (1, 1);
        for (start, c) in text.char_indices() {
            if start + c.len_utf8() > byte.min(text.len()) {
                break;
            }
            expected = if c == '\n' { (expected.0 + 1, 1) } else { (expected.0, expected.1 + 1) };
        }
        prop_assert_eq!((at.line, at.column), expected);
    }
}
