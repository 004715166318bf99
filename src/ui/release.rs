//! `release create`, `releases` and `show` of a release, for people.

use super::{escape::escape, history, table::Table, words};
use crate::model::{Deployment, Release, ReleaseStanding, ServiceId};

/// A release that is there now, with its images.
#[must_use]
pub fn made_release(release: &Release, created: bool) -> String {
    let note = if created { "" } else { " (already there)" };
    format!("{}{note}\n\n{}", release.number, history::images(release).render(4))
}

/// A line for each release with where it stands, newest first.
#[must_use]
pub fn releases<'r>(
    releases: impl IntoIterator<Item = (&'r Release, &'r [ReleaseStanding])>,
) -> String {
    let mut table = Table::default();
    for (release, standings) in releases {
        let standings: Vec<String> = standings.iter().map(counted).collect();
        table.row([
            release.number.to_string(),
            words::date_time(release.created_at),
            release.selection.to_string(),
            standings.join("; "),
            escape(&release.created_by.name),
            release.description.as_deref().map(escape).unwrap_or_default(),
        ]);
    }
    if table.is_empty() { "No releases are recorded.".to_owned() } else { table.render(0) }
}

/// How many services of an environment are how far.
fn counted(standing: &ReleaseStanding) -> String {
    let mut parts = Vec::new();
    if !standing.verified.is_empty() {
        parts.push(format!("{} verified", standing.verified.len()));
    }
    if !standing.touched.is_empty() {
        parts.push(format!("{} verified before", standing.touched.len()));
    }
    if !standing.attempted.is_empty() {
        parts.push(format!("{} not verified", standing.attempted.len()));
    }
    format!("{}: {}", standing.environment, parts.join(", "))
}

/// One release, whole, with the deployments that had it.
#[must_use]
pub fn show_release(
    release: &Release,
    standings: &[ReleaseStanding],
    deployments: &[Deployment],
) -> String {
    let parts = [
        head(release, standings).render(0),
        history::images(release).render(4),
        history::history(deployments),
    ];
    parts.join("\n\n")
}

/// Who, what, why, when and where.
fn head(release: &Release, standings: &[ReleaseStanding]) -> Table {
    let mut table = Table::default();
    table.row(["Release", &release.number.to_string()]);
    table.row(["Services", &release.selection.to_string()]);
    history::actor(&release.created_by, &mut table);
    if let Some(description) = &release.description {
        table.row(["Description", &escape(description)]);
    }
    table.row(["Made", &words::date_time(release.created_at)]);
    table.row(["Fingerprint", release.fingerprint.as_str()]);
    for standing in standings {
        let place = format!("In {}", standing.environment);
        for line in lines(standing) {
            table.row([place.as_str(), &line]);
        }
    }
    table
}

/// Which services of an environment are how far.
fn lines(standing: &ReleaseStanding) -> Vec<String> {
    let listed = |services: &[ServiceId]| {
        services.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let mut lines = Vec::new();
    if !standing.verified.is_empty() {
        lines.push(format!("verified: {}", listed(&standing.verified)));
    }
    if !standing.touched.is_empty() {
        let services = listed(&standing.touched);
        lines.push(format!("verified before what was deployed last: {services}"));
    }
    for (service, status) in &standing.attempted {
        lines.push(format!("not verified: {service} ({})", status.as_str()));
    }
    lines
}
