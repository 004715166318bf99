//! The schema, the documentation and the examples say what the reader does.
//!
//! `UPDATE_DOCS=1 cargo test --lib manifest::tests::documents` writes what is generated.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, sync::LazyLock};

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use super::{
    super::{
        Manifest, ManifestError, ManifestErrorKind as Kind, schema,
        schema::paragraph,
        shape::{Key, SHAPES},
    },
    manifest, project,
    properties::Tree,
};

const BOOKSHOP: &str = include_str!("../../../examples/bookshop/.weco-project");
const REFERENCE: &str = include_str!("../../../.weco-project.example");
const WELLCOME: &str = include_str!("../../../tests/it/manifests/wellcome-2022.weco-project.toml");

/// The file in the repository.
fn committed(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default()
}

/// Compares a file with what it should be, or writes it.
#[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting of the tool")]
fn assert_committed(path: &str, expected: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(path), expected).unwrap();
    }
    assert!(
        committed(path) == expected,
        "{path} is out of date: run `UPDATE_DOCS=1 cargo test --lib manifest::tests::documents`"
    );
}

fn json_of(toml: &str) -> Value {
    serde_json::from_str(&Tree::of_toml(toml).file(true)).unwrap()
}

static VALIDATOR: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::validator_for(schema().as_value()).unwrap());

#[test]
fn the_schema_is_committed() {
    let text = serde_json::to_string_pretty(schema().as_value()).unwrap() + "\n";
    assert_committed("docs/manifest.schema.json", &text);
}

#[test]
fn the_schema_has_the_keys_of_the_reader() {
    let schema = schema();
    let mut tables = schema.get("$defs").unwrap().as_object().unwrap().clone();
    tables.retain(|name, _| !name.ends_with("Element"));
    assert_eq!(tables.len(), SHAPES.len());
    for (owner, keys) in SHAPES {
        let wanted: BTreeSet<&str> =
            keys.iter().flat_map(|key| key.alias.into_iter().chain([key.name])).collect();
        let has_same_keys = |table: &&Value| {
            let properties = table["properties"].as_object().unwrap();
            properties.keys().map(String::as_str).collect::<BTreeSet<_>>() == wanted
        };
        let table = tables.values().find(has_same_keys);
        let table = table.unwrap_or_else(|| panic!("the schema has no table for {owner}"));
        assert_eq!(table["additionalProperties"], json!(false));
        for (key, property) in table["properties"].as_object().unwrap() {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{key}");
        }
    }
}

#[test]
fn the_examples_are_valid_by_the_schema() {
    for toml in [BOOKSHOP, REFERENCE, WELLCOME] {
        let document = json_of(toml);
        let errors: Vec<String> =
            VALIDATOR.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_examples_say_the_same_in_json() {
    for toml in [BOOKSHOP, REFERENCE, WELLCOME] {
        let json = json_of(toml).to_string();
        let shown = |text: &str| -> Vec<String> {
            let projects = manifest(text).projects().cloned().collect::<Vec<_>>();
            let shown = projects.iter().map(|p| {
                let parts = (&p.name, &p.store, &p.environments, &p.service_sets, &p.images);
                format!("{parts:?} {:?}", p.services)
            });
            shown.collect()
        };
        assert_eq!(shown(toml), shown(&json));
    }
}

#[test]
fn the_reference_has_every_key() {
    for (owner, keys) in SHAPES {
        for name in keys.iter().flat_map(|key| key.alias.into_iter().chain([key.name])) {
            assert!(REFERENCE.contains(name), "the key `{name}` of {owner} is missing");
        }
    }
}

/// The reference with each setting that it only shows in a comment in the place of the one above it
/// of the same key.
fn with_what_is_commented_out() -> (String, usize) {
    let (mut lines, mut enabled) = (Vec::<String>::new(), 0);
    for line in REFERENCE.lines() {
        let setting = line.strip_prefix("# ").filter(|text| text.ends_with('}'));
        let key = setting.and_then(|text| Some((text, text.split_once(" = ")?.0)));
        let above = key.and_then(|(_, key)| {
            lines.iter().rposition(|line| line.starts_with(&format!("{key} = ")))
        });
        match (key, above) {
            (Some((setting, _)), Some(above)) => {
                lines[above] = setting.to_owned();
                enabled += 1;
            }
            _ => lines.push(line.to_owned()),
        }
    }
    (lines.join("\n"), enabled)
}

#[test]
fn what_the_reference_shows_in_comments_can_be_written_so() {
    let (text, enabled) = with_what_is_commented_out();
    assert_eq!(enabled, 1, "{text}");
    let project = manifest(&text).project(None).unwrap().clone();
    assert!(matches!(project.store, crate::manifest::StoreSetting::DynamoDb(_)));
    assert!(!REFERENCE.contains("not available"));
}

/// Whether an error is about the form of the text, which a schema can see.
fn is_about_shape(error: &ManifestError) -> bool {
    match error.kind() {
        Kind::UnknownKey { .. }
        | Kind::WrongType { .. }
        | Kind::UnknownValue { .. }
        | Kind::Empty { .. }
        | Kind::EmptySet(_)
        | Kind::MissingKey { .. }
        | Kind::NoProjects => true,
        // `images` beside `repository` are two keys, not two names of one, and so are the stores.
        Kind::ConflictingKeys { other, .. } => !["repository", "sqlite"].contains(other),
        _ => false,
    }
}

/// Changes one value of a document: the one that `way` leads to.
fn change(value: &mut Value, way: &[Index], change_to: &Value) {
    let here = |value: &mut Value| *value = change_to.clone();
    let Some((index, rest)) = way.split_first() else { return here(value) };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(index.index(map.len())).unwrap().clone();
            if let (Value::String(name), true) = (change_to, rest.is_empty()) {
                let child = map.shift_remove(&key).unwrap();
                map.insert(name.clone(), child);
                return;
            }
            change(&mut map[&key], rest, change_to);
        }
        Value::Array(list) if !list.is_empty() => {
            let index = index.index(list.len());
            change(&mut list[index], rest, change_to);
        }
        _ => here(value),
    }
}

fn replacements() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        Just(json!([])),
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(7)),
        Just(json!(-7)),
        Just(json!("stage")),
        Just(json!("a b")),
        Just(json!(" ")),
        Just(json!(["stage"])),
        Just(json!([{ "id": "stage" }])),
        Just(json!([{ "name": "stage" }])),
        Just(json!({ "stage": "x" })),
        Just(json!({ "stage": {} })),
        Just(json!({ "dynamodb": "x" })),
        proptest::sample::select(vec![
            "name",
            "cluster",
            "account_id",
            "account",
            "services",
            "id",
            "nmae",
            "images",
            "from",
            "on_failure",
            "hold",
            "require_reason",
            "repository_name",
            "environments",
        ])
        .prop_map(|key| json!(key)),
    ]
}

proptest! {
    /// What the schema refuses the reader refuses, and the schema refuses every wrong shape.
    #[test]
    fn reader_and_schema_agree(
        way in proptest::collection::vec(any::<Index>(), 0..6),
        replacement in replacements(),
    ) {
        let mut document = json_of(REFERENCE);
        change(&mut document, &way, &replacement);
        let text = document.to_string();
        if !text.starts_with('{') {
            return Ok(());
        }
        let errors = Manifest::parse("f", &text).err();
        let errors = errors.as_ref().map_or(&[][..], |errors| errors.errors());
        let is_valid = VALIDATOR.is_valid(&document);
        if !is_valid {
            prop_assert!(!errors.is_empty(), "only the schema refuses {text}");
        }
        if let Some(error) = errors.iter().find(|error| is_about_shape(error)) {
            prop_assert!(!is_valid, "only the reader refuses {text}: {error}");
        }
    }
}

/// The first error of a text.
fn parsed(text: &str) -> ManifestError {
    Manifest::parse(".weco-project", text).unwrap_err().errors()[0].clone()
}

/// A text or question for every kind of error, in the order of the documentation.
fn samples() -> Vec<ManifestError> {
    let sound = project(
        "[shop.environments.prod]\n[shop.services]\napi = {}\nweb = { images = ['site', 'proxy'] }",
    );
    let prod = sound.environment("prod").unwrap();
    let two = manifest("[shop]\n[cafe]");
    vec![
        parsed("[shop]\nname = Shop"),
        parsed("[shop]\nenviroments = {}"),
        parsed("[shop]\nregion = 3"),
        parsed("[shop.environments.prod]\non_failure = 'rolback'"),
        parsed("[shop]\nname = 'a'\nname = 'b'"),
        parsed("[shop.environments.prod]\ncluster = 'a'\ncluster_name = 'a'"),
        parsed("[shop]\nservices = {}"),
        parsed("[shop.service_sets.web]\nservices = []"),
        parsed("[[shop.environments]]\nname = 'Production'"),
        parsed("[shop.environments.prod]\nexternal_id = 'x'"),
        parsed(""),
        parsed("[[shop.environments]]\nid = 'prod'\n[[shop.environments]]\nid = 'prod'"),
        parsed("[shop.services.api]\n[shop.service_sets.web]\nservices = ['api', 'api']"),
        parsed("[shop.services.web]\nimages = ['site', 'site']"),
        parsed("[shop.environments.prod]\n[shop.services]\napi = {}\nold = { service = 'api' }"),
        parsed("[shop.services.api]\n[shop.service_sets.web]\nservices = ['apj']"),
        parsed("[shop.environments]\nprod = { from = 'prod' }"),
        parsed("[shop.services.api]\nrepository = 'a'\n[shop.images.api]\nrepository = 'b'"),
        parsed("[shop.services.all]"),
        parsed("[shop.services.api]\n[shop.service_sets.api]\nservices = ['api']"),
        parsed("[shop.services.'my api']"),
        parsed("[shop.environments.prod]\n[shop.services.'api.v2']"),
        parsed("[shop]\naccount = 'shop'"),
        parsed("[shop]\nrole_arn = 'deploy'"),
        parsed("[shop.environments.prod]\nregistry = 'ghcr.io'"),
        parsed("[shop.images.api]\nrepository = 'api:v1'"),
        parsed(
            "[shop.services.api]\nbefore = { run_task = { command = ['a'], timeout = 'soon' } }",
        ),
        parsed("[shop.services.web]\nimages = ['site', 'proxy']\nbefore = { run_task = ['a'] }"),
        parsed(
            "[shop.services.api]\n\
             before = { run_task = { command = ['a'], container = 'apj' } }",
        ),
        parsed(
            "[shop.environments.prod]\naccount = 111111111111\n\
             role_arn = 'arn:aws:iam::222222222222:role/deploy'",
        ),
        sound.cluster(prod, &sound.services["api"]).unwrap_err(),
        two.project(None).unwrap_err(),
        two.project(Some("coffee")).unwrap_err(),
        sound.environment("production").unwrap_err(),
        sound.select("apj").unwrap_err(),
        sound.image_of_word("worker").unwrap_err(),
        sound.image_of_word("web").unwrap_err(),
    ]
}

/// What the documentation calls each kind of error.
fn title(kind: &Kind) -> &'static str {
    match kind {
        Kind::Syntax { .. } => "broken syntax",
        Kind::UnknownKey { .. } => "unknown key",
        Kind::WrongType { .. } => "wrong type",
        Kind::UnknownValue { .. } => "unknown value",
        Kind::DuplicateKey { .. } => "key given twice",
        Kind::ConflictingKeys { .. } => "two keys for one thing",
        Kind::Empty { .. } => "nothing in it",
        Kind::EmptySet(_) => "set without services",
        Kind::MissingKey { .. } => "missing key",
        Kind::NeedsKey { .. } => "key that needs another",
        Kind::NoProjects => "empty file",
        Kind::DuplicateId { .. } => "id defined twice",
        Kind::DuplicateMember { .. } => "service twice in a set",
        Kind::DuplicateContainer { .. } => "container listed twice",
        Kind::DuplicateEcsService { .. } => "ECS service shared by two services",
        Kind::DanglingReference { .. } => "reference to nothing",
        Kind::Cycle(_) => "`from` in a circle",
        Kind::ConflictingValues { .. } => "two values for one thing",
        Kind::ReservedId { .. } => "reserved id",
        Kind::SetNamedAsService(_) => "set named as a service",
        Kind::InvalidId(_) => "id that SSM or ECS cannot have",
        Kind::InvalidEcsServiceName { .. } => "name that ECS cannot have",
        Kind::InvalidAccount(_) => "not an account id",
        Kind::InvalidRoleArn(_) => "not a role",
        Kind::InvalidRegistry(_) => "not a registry",
        Kind::InvalidRepository { .. } => "not a repository",
        Kind::InvalidDuration { .. } => "not a time",
        Kind::AmbiguousContainer { .. } => "one-off task without a container",
        Kind::UnknownContainer { .. } => "one-off task in no container of its service",
        Kind::AccountMismatch { .. } => "role of another account",
        Kind::NoCluster { .. } => "no cluster, when one is needed",
        Kind::ProjectAmbiguous(_) => "several projects and none named",
        Kind::UnknownProject { .. } => "unknown project",
        Kind::UnknownEnvironment { .. } => "unknown environment",
        Kind::UnknownSelection { .. } => "unknown service or set",
        Kind::UnknownImage { .. } => "unknown image",
        Kind::SeveralImages { .. } => "several images",
    }
}

#[test]
fn every_sample_is_of_another_kind() {
    let titles: BTreeSet<&str> = samples().iter().map(|error| title(error.kind())).collect();
    assert_eq!(titles.len(), samples().len());
}

/// The keys of one table as a table of Markdown.
fn document_keys(keys: &[Key], out: &mut String) {
    out.push_str("\n| key | meaning |\n|---|---|\n");
    for key in keys {
        let alias = key.alias.map(|alias| format!("<br>`{alias}`")).unwrap_or_default();
        writeln!(out, "| `{}`{alias} | {} |", key.name, paragraph(key.doc)).unwrap();
    }
}

/// Puts `content` between the comments `<!-- name -->` and `<!-- /name -->`.
fn fill(document: &str, name: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    format!("{before}{begin}{content}{end}{after}")
}

#[test]
fn the_documentation_is_up_to_date() {
    let path = "docs/manifest.md";
    let mut document = committed(path);
    for (owner, keys) in SHAPES {
        let mut content = String::new();
        document_keys(keys, &mut content);
        let name = owner.split_once(' ').unwrap().1;
        document = fill(&document, name, &(content + "\n"));
    }
    let mut errors = "\n| mistake | what it says | hint |\n|---|---|---|\n".to_owned();
    for error in samples() {
        let row = (title(error.kind()), error.message(), error.hint());
        writeln!(errors, "| {} | {} | {} |", row.0, row.1, row.2).unwrap();
    }
    document = fill(&document, "errors", &(errors + "\n"));
    document = fill(&document, "example", &format!("\n```toml\n{BOOKSHOP}```\n\n"));
    assert_committed(path, &document);
}

#[test]
fn the_documented_manifests_load() {
    let document = committed("docs/manifest.md");
    let mut blocks = 0;
    for block in document.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap();
        if matches!(language, "toml" | "json") {
            manifest(text);
            blocks += 1;
        }
    }
    assert!(blocks >= 4);
}
