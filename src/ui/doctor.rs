//! `doctor`: a table for the project and for each environment, with one thing to do below each line
//! that needs it.

use console::Style;

use super::{console::Console, escape::escape, table::Table};
use crate::{
    model::EnvironmentId,
    plan::doctor::{Finding, Grade},
};

/// What was found of one environment, or of what all have in common.
pub struct DoctorSection<'a> {
    /// The environment; nothing for what all have in common.
    pub environment: Option<&'a EnvironmentId>,
    /// The findings.
    pub findings: &'a [Finding],
}

/// The whole report, for people.
#[must_use]
pub fn doctor(project: &str, sections: &[DoctorSection<'_>], console: &Console) -> String {
    let mut blocks: Vec<String> = sections
        .iter()
        .map(|section| {
            let title = section.environment.map_or(project, EnvironmentId::as_str);
            format!("{title}\n{}", table(section.findings, console))
        })
        .collect();
    blocks.push(verdict(sections));
    blocks.join("\n\n")
}

/// The lines of a section, and below each what to do about it.
fn table(findings: &[Finding], console: &Console) -> String {
    let lines = lines(findings);
    let mut table = Table::default();
    for (name, finding) in &lines {
        table.row([name.clone(), painted(finding.grade, console), escape(&finding.text)]);
    }
    let rendered = table.render(2);
    let with_fixes = rendered.lines().zip(&lines).flat_map(|(line, (_, finding))| {
        let fix = finding.fix.as_ref().map(|fix| format!("      fix: {}", escape(fix)));
        [Some(line.to_owned()), fix].into_iter().flatten()
    });
    with_fixes.collect::<Vec<String>>().join("\n")
}

/// The findings with their names. What nobody looked at for the same reason is one line.
fn lines(findings: &[Finding]) -> Vec<(String, &Finding)> {
    let mut lines: Vec<(String, &Finding)> = Vec::new();
    for finding in findings {
        let name = finding.check.name();
        let skipped = finding.grade == Grade::Skipped;
        let same = lines.iter_mut().find(|(_, other)| {
            skipped && other.grade == Grade::Skipped && other.text == finding.text
        });
        match same {
            Some((names, _)) => "the rest".clone_into(names),
            None => lines.push((name.to_owned(), finding)),
        }
    }
    lines
}

/// A grade in its colour.
fn painted(grade: Grade, console: &Console) -> String {
    let style = match grade {
        Grade::Ok => Style::new().green(),
        Grade::Skipped => Style::new().dim(),
        Grade::Warn => Style::new().yellow(),
        Grade::Fail => Style::new().red(),
    };
    console.paint(&style, grade.word())
}

/// How many lines need somebody.
fn verdict(sections: &[DoctorSection<'_>]) -> String {
    let count = |grade| {
        let all = sections.iter().flat_map(|section| section.findings);
        all.filter(|finding| finding.grade == grade).count()
    };
    match (count(Grade::Fail), count(Grade::Warn)) {
        (0, 0) => "Everything is as it should be.".to_owned(),
        (0, warnings) => format!("Nothing fails; {} to know.", things(warnings)),
        (failures, 0) => format!("{} to mend.", things(failures)),
        (failures, warnings) => {
            format!("{} to mend, and {} to know.", things(failures), things(warnings))
        }
    }
}

/// So many things.
fn things(number: usize) -> String {
    if number == 1 { "1 thing".to_owned() } else { format!("{number} things") }
}
