//! Who may use whom, read from the sources: a forbidden import, a cycle, or I/O in a pure module
//! fails here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which modules each module may use. `docs/architecture.md` draws the same.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("model", &[]),
    ("manifest", &["model"]),
    ("plan", &["model", "manifest"]),
    ("backend", &["model"]),
    ("engine", &["model", "plan", "backend"]),
    ("ops", &["model", "manifest", "plan", "backend", "engine"]),
    ("ui", &["model", "plan"]),
    ("sandbox", &[]),
    ("cli", &["model", "manifest", "plan", "backend", "engine", "ops", "ui", "sandbox"]),
];

/// Modules that only compute.
const PURE: [&str; 3] = ["model", "manifest", "plan"];

/// What a module may not name, with the reason.
const BANS: [(&[&str], &[&str], &str); 6] = [
    (
        &PURE,
        &[
            "tokio",
            "std::fs",
            "std::net",
            "std::io",
            "std::process",
            "std::thread",
            "rusqlite",
            "git2",
            "hyper",
        ],
        "a pure module does no I/O",
    ),
    (
        &PURE,
        &["Timestamp::now", "SystemTime", "Instant::now", "std::env", "uuid"],
        "a pure module has no clock, no chance and no surroundings",
    ),
    (
        &["model", "manifest", "plan", "engine", "ops", "ui", "cli"],
        &["aws_config", "aws_credential_types", "aws_sdk_", "aws_smithy_", "aws_types"],
        "only `backend` and `sandbox` name AWS crates",
    ),
    (
        &["model", "manifest", "plan", "backend", "engine", "ops", "ui", "sandbox"],
        &["clap::", "clap_"],
        "only `cli` parses arguments",
    ),
    (
        &["model", "manifest", "plan", "backend", "engine", "ops", "sandbox"],
        &["indicatif", "dialoguer", "console::"],
        "only `ui` and `cli` know terminals",
    ),
    (&["ui"], &["tokio", "std::fs", "std::net", "rusqlite"], "`ui` shows what it is given"),
];

/// A source file of a module.
struct Source {
    module: String,
    path: PathBuf,
    /// Whether it is in a folder `tests`: a test may read the files that it compares with.
    is_test: bool,
    /// The text without comments, strings' contents left in.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 50, "the sources were found");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
            continue;
        }
        let inside = path.strip_prefix(root).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_some_and(|end| end == "rs") && inside.iter().count() > 1 {
            let is_test = inside.iter().any(|part| part == "tests");
            found.push(Source { module, is_test, code: without_comments(&path), path });
        }
    }
}

fn without_comments(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.split(" // ").next().unwrap())
        .collect();
    code.join("\n")
}

/// The modules that some code names as `crate::<module>`.
fn modules_named(code: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        let inner = part.strip_prefix('{').map(|list| list.split('}').next().unwrap());
        let texts: Vec<&str> = match inner {
            Some(list) => list.split(',').collect(),
            None => vec![part],
        };
        for text in texts {
            let name: String = text
                .trim_start()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if MAY_USE.iter().any(|(module, _)| *module == name) {
                named.insert(name);
            }
        }
        // A nested list: `crate::{\n    backend::{…},\n    model::…}`.
        if part.starts_with('{') {
            for (module, _) in MAY_USE {
                let top_level = part.split("};").next().unwrap();
                if top_level.contains(&format!("\n    {module}::")) {
                    named.insert(module.to_owned());
                }
            }
        }
    }
    named
}

#[test]
fn modules_use_only_what_is_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let may = allowed
            .get(source.module.as_str())
            .unwrap_or_else(|| panic!("`{}` is not in the table", source.module));
        for named in modules_named(&source.code) {
            if named != source.module && !may.contains(&named.as_str()) {
                wrong.push(format!("{}: uses `{named}`", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_cycle() {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    while done.len() < MAY_USE.len() {
        let next = MAY_USE.iter().find(|(module, uses)| {
            !done.contains(module) && uses.iter().all(|used| done.contains(used))
        });
        done.insert(next.expect("some module uses only what is done").0);
    }
}

#[test]
fn modules_name_nothing_that_is_not_theirs() {
    let mut wrong = Vec::new();
    for source in sources().into_iter().filter(|source| !source.is_test) {
        for (modules, words, reason) in BANS {
            if !modules.contains(&source.module.as_str()) {
                continue;
            }
            for word in words.iter().filter(|word| names(&source.code, word)) {
                wrong.push(format!("{}: names `{word}`, but {reason}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether the code names the word, at the start of an identifier.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '`' || c == '.')
    })
}

#[test]
fn the_reader_of_sources_sees_imports() {
    let nested = "use crate::{\n    backend::aws::X,\n    model::{A, B},\n};\n";
    assert_eq!(modules_named(nested), BTreeSet::from(["backend".into(), "model".into()]));
    assert_eq!(modules_named("fn f() { crate::ops::x() }"), BTreeSet::from(["ops".into()]));
    assert_eq!(
        modules_named("use crate::{plan, ui};"),
        BTreeSet::from(["plan".into(), "ui".into()])
    );
    assert!(names("use tokio::time;", "tokio"));
    assert!(!names("my_tokio::x", "tokio"));
}

#[test]
fn a_service_is_never_called_done_because_it_is_stable() {
    // A service is stable as well once ECS has put the old image back.
    let waiters = ["wait_until_services_stable", "services_stable", "services-stable"];
    let mut wrong = Vec::new();
    for source in sources() {
        for waiter in waiters.iter().filter(|waiter| source.code.contains(**waiter)) {
            wrong.push(format!("{}: uses `{waiter}`", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_opens_with_its_purpose() {
    let without: Vec<String> = sources()
        .iter()
        .filter(|source| !fs::read_to_string(&source.path).unwrap().starts_with("//!"))
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(without.is_empty(), "no `//!` in\n{}", without.join("\n"));
}
