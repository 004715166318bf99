//! The page with the table, and the comparison with the one that is committed.

use std::{fmt::Write as _, fs, path::Path};

use super::play::Played;

/// The page.
const PAGE: &str = "docs/verdicts.md";

/// What stands before the table.
const HEAD: &str = "# Verdicts

Every way in which a deployment can end, as a test plays it in the sandbox: what ECS shows of it,
what `release-tool` says, the exit code, and how long after ECS knew it was said. This page is written
by that test, which fails when one of them is not told right, or later than at the first look after
ECS knew. ECS is looked at every two seconds, so no time is much longer than that; it is left out where
ECS never calls the deployment ended.

";

/// Checks that the committed page has what was seen, or writes it.
#[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting of the tool")]
pub(super) fn assert_written(played: &[Played]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page(played);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let (committed, page) = (without_seconds(&committed), without_seconds(&page));
    assert!(
        committed == page,
        "{PAGE} is out of date: look whether this is right, then run `UPDATE_DOCS=1 cargo test \
         --test it verdicts`:\n{}",
        differing_lines(&committed, &page)
    );
}

/// The lines that only one of two pages has: `-` in front of those written down, `+` of those seen.
fn differing_lines(committed: &str, page: &str) -> String {
    let only = |sign: char, here: &str, there: &str| {
        let lines = here.lines().filter(|line| !there.lines().any(|other| other == *line));
        lines.fold(String::new(), |told, line| format!("{told}{sign} {line}\n"))
    };
    only('-', committed, page) + &only('+', page, committed)
}

/// The page as it should be.
fn page(played: &[Played]) -> String {
    let mut page = HEAD.to_owned();
    let mut part = "";
    for one in played {
        if one.name.0 != part {
            part = one.name.0;
            write!(
                page,
                "{}## {part}\n\n| what happens | what ECS shows | what is said | exit | seconds \
                 |\n|---|---|---|---:|---:|\n",
                if page == HEAD { "" } else { "\n" }
            )
            .unwrap();
        }
        page.push_str(&row(one));
    }
    page
}

/// One line of the table.
fn row(one: &Played) -> String {
    let seconds = one.seconds.map_or_else(String::new, |seconds| format!("{seconds:.1}"));
    let says = match (one.verdict.as_str(), one.says.as_str()) {
        ("", says) => says.to_owned(),
        (verdict, "") => format!("**{verdict}**"),
        (verdict, says) => format!("**{verdict}**: {says}"),
    };
    format!(
        "| {} | {} | {} | {} | {seconds} |\n",
        one.name.1,
        one.shown.replace('|', "\\|"),
        says.replace('|', "\\|"),
        one.exit
    )
}

/// The page without the last column.
fn without_seconds(page: &str) -> String {
    let cell = regex_lite::Regex::new(r"(?m)\| [0-9.]* ?\|$").unwrap();
    cell.replace_all(page, "|").into_owned()
}
