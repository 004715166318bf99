//! The documentation says what the program does: what can be generated is compared with the code,
//! links lead somewhere, and the commands that are shown are commands.
//!
//! `UPDATE_DOCS=1 cargo test --test it docs` writes what is generated.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command as Process,
};

use bytes::Bytes;
use clap::Command;
use http::{Request, StatusCode};
use release_tool::{
    cli::{self, Exit},
    model::Verdict,
    plan::permissions::NEEDS,
    sandbox::{Estate, Outcome, Sandbox},
};

/// How wide the help in the documentation is.
const WIDTH: usize = 100;

/// A path in the repository.
fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a file with what it should be, or writes it.
#[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting of the tool")]
pub(crate) fn assert_committed(path: &str, expected: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(at(path), expected).unwrap();
    }
    assert!(
        fs::read_to_string(at(path)).unwrap_or_default() == expected,
        "{path} is out of date: run `UPDATE_DOCS=1 cargo test --test it docs`"
    );
}

/// The whole command line, as the program makes it.
fn root() -> Command {
    let mut root = cli::command().term_width(WIDTH);
    root.build();
    root
}

/// All commands below one, parents first and each with its full name. clap's own `help` is left
/// away.
fn commands(of: &Command, name: &str) -> Vec<(String, Command)> {
    let mut found = vec![(name.to_owned(), of.clone())];
    for command in of.get_subcommands().filter(|command| command.get_name() != "help") {
        found.extend(commands(command, &format!("{name} {}", command.get_name())));
    }
    found
}

/// All commands, the program itself first.
fn all_commands() -> Vec<(String, Command)> {
    commands(&root(), "release-tool")
}

/// The anchor that a heading has.
fn anchor(heading: &str) -> String {
    let heading = heading.to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The help of a command as the documentation has it: global options stand with the program only.
fn help(name: &str, command: Command) -> String {
    let is_root = name == "release-tool";
    let shown = command.term_width(WIDTH).mut_args(|argument| {
        let hidden = argument.is_global_set() && !is_root;
        argument.hide(hidden)
    });
    let text = shown.disable_help_flag(!is_root).clone().render_long_help().to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[test]
fn the_list_of_commands_is_committed() {
    let mut page = String::from(
        "# Commands\n\nWhat `--help` says of each command. This page is written by a test, from \
         the program itself.\nAll commands take the global options of the first.\n\n",
    );
    for (name, command) in all_commands() {
        let depth = name.split(' ').count().saturating_sub(2);
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let indent = "  ".repeat(depth);
        writeln!(page, "{indent}- [`{name}`](#{}): {about}", anchor(&name)).unwrap();
    }
    for (name, command) in all_commands() {
        write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", help(&name, command)).unwrap();
    }
    assert_committed("docs/cli.md", &page);
}

#[test]
fn the_table_of_exit_codes_is_committed() {
    let mut table = String::from("\n\n| code | meaning |\n|---:|---|\n");
    for exit in Exit::ALL {
        writeln!(table, "| {} | {} |", exit.code(), exit.meaning()).unwrap();
    }
    table.push('\n');
    let path = "docs/exit-codes.md";
    let page = fs::read_to_string(at(path)).unwrap();
    let (before, rest) = page.split_once("<!-- codes -->").unwrap();
    let (_, after) = rest.split_once("<!-- /codes -->").unwrap();
    assert_committed(path, &format!("{before}<!-- codes -->{table}<!-- /codes -->{after}"));
}

#[test]
fn the_table_of_verdicts_is_committed() {
    let mut table = String::from("\n\n| verdict | meaning | code |\n|---|---|---:|\n");
    for (word, meaning, code) in Verdict::MEANINGS {
        writeln!(table, "| `{word}` | {meaning} | {code} |").unwrap();
    }
    table.push('\n');
    let path = "docs/record.md";
    let page = fs::read_to_string(at(path)).unwrap();
    let (before, rest) = page.split_once("<!-- verdicts -->").unwrap();
    let (_, after) = rest.split_once("<!-- /verdicts -->").unwrap();
    assert_committed(path, &format!("{before}<!-- verdicts -->{table}<!-- /verdicts -->{after}"));
}

/// The numbers that a text names as exit codes: each before a word, as in `3 rolled back`.
fn codes_named(text: &str) -> Vec<u8> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.iter().filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn exit_codes_are_distinct_and_those_of_the_help() {
    let codes: BTreeSet<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
    assert_eq!(codes.len(), Exit::ALL.len());
    let (_, deploy) = all_commands().into_iter().find(|(n, _)| n == "release-tool deploy").unwrap();
    let after = deploy.get_after_help().unwrap().to_string();
    let named = codes_named(after.split_once("exit code").unwrap().1);
    assert!(named.len() >= 5, "{named:?}");
    assert!(named.iter().all(|code| codes.contains(code)), "{named:?}");
}

#[test]
fn every_command_and_argument_is_described() {
    let mut wrong = Vec::new();
    for (name, command) in all_commands() {
        if command.get_about().is_none_or(|about| about.to_string().len() < 10) {
            wrong.push(format!("{name} is not described"));
        }
        for argument in command.get_arguments() {
            let words = argument.get_help().map(ToString::to_string).unwrap_or_default();
            if words.len() < 10 || words.ends_with('.') {
                wrong.push(format!("{name}: {} is described as `{words}`", argument.get_id()));
            }
        }
        let takes_words = command.get_positionals().next().is_some();
        let has_example =
            command.get_after_help().is_some_and(|text| text.to_string().contains("release-tool"));
        if takes_words && name.split(' ').count() == 2 && !has_example {
            wrong.push(format!("{name} has no example"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// README and everything below `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![at("README.md")];
    let mut folders = vec![at("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// A page without its fenced blocks, and those blocks with their languages.
fn parts(page: &Path) -> (String, Vec<(String, String)>) {
    let text = fs::read_to_string(page).unwrap();
    let (mut prose, mut blocks) = (String::new(), Vec::new());
    let mut block: Option<(String, String)> = None;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut block) {
            (Some(language), None) => block = Some((language.trim().to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(block.take()),
            (None, Some((_, inner))) => writeln!(inner, "{line}").unwrap(),
            (None, None) => writeln!(prose, "{line}").unwrap(),
        }
    }
    assert!(block.is_none(), "{}: a block has no end", page.display());
    (prose, blocks)
}

/// Where the links of a text lead.
fn links(prose: &str) -> Vec<&str> {
    prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let (prose, _) = parts(&page);
        for link in links(&prose).into_iter().filter(|link| !link.contains("://")) {
            count += 1;
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            if !target.exists() {
                wrong.push(format!("{}: there is no {link}", page.display()));
            } else if !heading.is_empty() && !has_heading(&target, heading) {
                wrong.push(format!("{}: {link} has no such heading", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 30, "the links were found");
}

/// Whether a page has a heading with an anchor.
fn has_heading(page: &Path, wanted: &str) -> bool {
    let (prose, _) = parts(page);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).any(|it| it == wanted)
}

/// The commands of this program that a block shows, a line each.
fn shown(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        let mut rest = line.trim();
        while let Some(shorter) = ["$ ", "> ", "- ", "run: ", "exec ", "if ! ", "target/debug/"]
            .iter()
            .find_map(|prefix| rest.strip_prefix(prefix))
        {
            rest = shorter.trim_start();
        }
        if rest.starts_with("release-tool ") {
            found.push(rest.to_owned());
        }
    }
    found
}

/// The words of a command as a shell would read them, up to where another command begins. None
/// where it has placeholders.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            (' ', None) => words.push(std::mem::take(&mut word)),
            ('…', _) | ('<', None) => return None,
            (c, _) => word.push(c),
        }
    }
    words.push(word);
    let is_other = |word: &String| ["#", "|", "||", "&&", ">", ">>", "&", ";"].contains(&&**word);
    let end = words.iter().position(is_other).unwrap_or(words.len());
    words.truncate(end);
    words.retain(|word| !word.is_empty());
    // What a shell or a CI fills in is some word; which one does not matter here.
    Some(
        words
            .into_iter()
            .map(|word| if word.starts_with('$') { "r1".into() } else { word })
            .collect(),
    )
}

#[test]
fn the_commands_that_are_shown_are_commands() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in pages() {
        for (language, block) in parts(&page).1 {
            if !["sh", "bash", "console", "yaml"].contains(&language.as_str()) {
                continue;
            }
            for line in shown(&block) {
                let Some(words) = words(&line) else { continue };
                count += 1;
                if let Err(error) = cli::command().try_get_matches_from(words)
                    && error.use_stderr()
                {
                    wrong.push(format!("{}: {line}\n{error}", page.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 10, "the commands were found: {count}");
}

#[test]
fn the_examples_of_the_help_are_commands() {
    let mut wrong = Vec::new();
    for (name, command) in all_commands() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in shown(&after.replace("Example: ", "\n")) {
            let Some(words) = words(&line) else { continue };
            if let Err(error) = cli::command().try_get_matches_from(words) {
                wrong.push(format!("{name}: {line}\n{error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lines_are_read_as_a_shell_reads_them() {
    let read = |line| words(line).map(|words| words.join("|"));
    assert_eq!(read("release-tool man deploy | man -l -").unwrap(), "release-tool|man|deploy");
    assert_eq!(read("release-tool  x 'a b' # c").unwrap(), "release-tool|x|a b");
    assert_eq!(read("release-tool x \"$URI\"").unwrap(), "release-tool|x|r1");
    assert_eq!(read("release-tool register <uri> x"), None);
    let block = "$ release-tool a \\\n  b\nUpdated: x\n- exec release-tool c\n";
    assert_eq!(shown(block), ["release-tool a    b", "release-tool c"]);
}

/// What the program prints, which has to be a success.
fn printed(arguments: &[&str]) -> String {
    let mut program = Process::new(env!("CARGO_BIN_EXE_release-tool"));
    let output = program.args(arguments).env_clear().output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_know_commands_and_flags() {
    for (shell, mark) in
        [("bash", "complete -F"), ("zsh", "#compdef release-tool"), ("fish", "complete -c")]
    {
        let script = printed(&["completions", shell]);
        for word in [mark, "deploy", "skip-confirm", "point-service", "sandbox-dir"] {
            assert!(script.contains(word), "{shell} has no `{word}`");
        }
    }
}

#[test]
fn manual_pages_are_of_the_command_that_is_named() {
    for (arguments, title) in [
        (&["man"][..], "release-tool 1"),
        (&["man", "deploy"], "release-tool-deploy 1"),
        (&["man", "sandbox", "fate"], "release-tool-sandbox-fate 1"),
    ] {
        let page = printed(arguments);
        assert!(page.contains(&format!(".TH {title}")), "{page}");
        for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS"] {
            assert!(page.contains(section), "{arguments:?} has no {section}");
        }
    }
    assert!(printed(&["man", "deploy"]).contains("skip\\-confirm"));
}

#[test]
fn help_is_the_same_by_flag_and_by_word() {
    let of = |arguments: &[&str]| printed(arguments);
    assert_eq!(of(&["deploy", "--help"]), of(&["help", "deploy"]));
    assert!(of(&["--version"]).starts_with("release-tool "));
}

/// What is between backticks in the lines of a text that begin with `|`, the heads of tables left
/// away.
fn in_tables(text: &str) -> impl Iterator<Item = &str> {
    let rows = text.lines().filter(|line| line.starts_with('|'));
    rows.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The part of a page below a heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n## {heading}")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// The table of permissions, from the list.
fn permissions() -> String {
    let mut rows: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for need in NEEDS {
        let (groups, requests) = rows.entry(need.action).or_default();
        groups.extend(need.groups.iter().map(|group| group.name()));
        requests.insert(need.operation);
    }
    let code = |texts: BTreeSet<&str>| {
        texts.into_iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
    };
    let rows = rows.into_iter().map(|(action, (groups, requests))| {
        format!("| `{action}` | {} | {} |\n", code(requests), code(groups))
    });
    format!("| action | for the request | in |\n|---|---|---|\n{}", rows.collect::<String>())
}

#[test]
fn the_table_of_permissions_is_committed() {
    let path = "docs/permissions.md";
    let page = fs::read_to_string(at(path)).unwrap();
    let (before, rest) = page.split_once("<!-- actions -->").unwrap();
    let (_, after) = rest.split_once("<!-- /actions -->").unwrap();
    let table = permissions();
    assert_committed(
        path,
        &format!("{before}<!-- actions -->\n\n{table}\n<!-- /actions -->{after}"),
    );
}

#[test]
fn the_operations_of_the_sandbox_are_those_that_are_listed() {
    let page = fs::read_to_string(at("docs/sandbox.md")).unwrap();
    let listed: BTreeSet<&str> = in_tables(section(&page, "What is in it")).collect();
    let mut done = BTreeSet::new();
    let sources = [
        "ecs",
        "ssm",
        "ecr",
        "cloudwatch",
        "codedeploy",
        "autoscaling",
        "sts",
        "logs",
        "elb",
        "quotas",
    ]
    .map(|service| fs::read_to_string(at(&format!("src/sandbox/{service}/mod.rs"))).unwrap());
    for source in &sources {
        let (_, answer) = source.split_once("fn answer(").unwrap();
        let arms = answer.split("\n}\n").next().unwrap().lines().map(str::trim);
        let named = arms.filter(|line| line.starts_with('"') && line.contains("\" => "));
        done.extend(named.filter_map(|line| line.split('"').nth(1)));
    }
    // Those of IAM are in tables.
    let iam = fs::read_to_string(at("src/sandbox/iam/mod.rs")).unwrap();
    let rows = iam.lines().map(str::trim).filter(|line| line.starts_with("(\""));
    done.extend(rows.filter_map(|line| line.split('"').nth(1)));
    assert!(done.len() > 50, "the operations were found");
    assert_eq!(listed, done);
}

#[test]
fn the_paths_of_the_sandbox_are_those_that_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::open(folder.path()).unwrap();
    let page = fs::read_to_string(at("docs/sandbox.md")).unwrap();
    let mut listed = BTreeSet::new();
    for shown in in_tables(section(&page, "Over HTTP")) {
        let Some((method @ ("GET" | "POST" | "DELETE"), path)) = shown.split_once(' ') else {
            continue;
        };
        let request = Request::builder().method(method).uri(format!("/_sandbox/{path}"));
        let reply = sandbox.handle(request.body(Bytes::from("{}")).unwrap());
        let Outcome::Answer(answer) = reply.outcome else { panic!("{shown} is not answered") };
        let status = answer.status();
        let is_there = status != StatusCode::NOT_FOUND && status != StatusCode::METHOD_NOT_ALLOWED;
        assert!(is_there, "{shown} is answered with {status}");
        listed.insert(format!("{method} /_sandbox/{path}"));
    }
    let source = fs::read_to_string(at("src/sandbox/admin/mod.rs")).unwrap();
    let done: BTreeSet<String> = source
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `"))
        .filter_map(|line| line.split('`').next())
        .map(|path| path.replace("since=N", "since=120"))
        .collect();
    assert_eq!(listed, done);
}

#[test]
fn the_estate_that_is_shown_can_be_made() {
    let (_, blocks) = parts(&at("docs/sandbox.md"));
    let (_, text) = blocks.iter().find(|(language, _)| language == "json").unwrap();
    let estate: Estate = serde_json::from_str(text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let report = Sandbox::open(folder.path()).unwrap().seed(&estate).unwrap();
    assert_eq!(report.created.len(), 6, "{report:?}");
}

/// What stands after a word in a file, up to the next blank.
fn after<'a>(text: &'a str, word: &str) -> &'a str {
    text.split_once(word).and_then(|(_, rest)| rest.split_whitespace().next()).unwrap()
}

#[test]
fn whoever_installs_it_is_told_the_version_of_rust_and_the_sources_that_there_are() {
    let manifest = fs::read_to_string(at("Cargo.toml")).unwrap();
    let rust = after(&manifest, "rust-version = ").trim_matches('"');
    let dockerfile = fs::read_to_string(at("Dockerfile")).unwrap();
    assert_eq!(after(&dockerfile, "FROM rust:").split('-').next(), Some(rust));
    let sources = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY "));
    let sources: Vec<&str> = sources.filter(|line| !line.starts_with("--from")).collect();
    for path in sources.iter().flat_map(|line| line.split_whitespace()).filter(|path| *path != "./")
    {
        assert!(at(path).exists(), "the image is built from `{path}`");
    }
    // Every target of the package has its file in the image, or cargo refuses the manifest.
    for target in manifest.lines().filter_map(|line| line.strip_prefix("path = ")) {
        let folder = target.trim_matches('"').split('/').next().unwrap();
        assert!(sources.contains(&format!("{folder} {folder}").as_str()), "{target}");
    }
    let program = after(&manifest, "default-run = ").trim_matches('"');
    assert!(dockerfile.contains(&format!("/source/target/release/{program} ")));
    for page in ["docs/install.md", "docs/ci.md"] {
        let text = fs::read_to_string(at(page)).unwrap();
        let named = text.match_indices("toolchain install ").count();
        assert!(named > 0, "{page}");
        assert_eq!(text.matches(&format!("toolchain install {rust} ")).count(), named, "{page}");
        assert!(text.contains(&format!("cargo +{rust} install --locked")), "{page}");
    }
}
