//! Where each record is: the one place that builds keys.
//!
//! | record | `pk` | `sk` | index |
//! |---|---|---|---|
//! | counters | `P#<project>` | `CTR` | |
//! | fingerprint of a release | `P#<project>` | `FP#<fingerprint>` | |
//! | label | `P#<project>` | `LABEL#<label>#<image>` | |
//! | artifact | `P#<project>#ART#<image>` | `<time>#<digest or tag>` | |
//! | release | `P#<project>#R#<number>` | `META` | first: `P#<project>#REL` / `<number>` |
//! | entry of a deployment | `P#<project>#DEP` | `<number>` | first: `P#<project>#E#<environment>` / `<number>` |
//! | deployment | `P#<project>#E#<environment>#D#<number>` | `META` | second, until it is over: `P#<project>#ACTIVE` / `<number>` |
//! | step | the deployment's | `STEP#<position>#<service>` | |
//! | what a deployment did | the deployment's with `#EV` | `<time>#<random>` | |
//! | head of a service | `P#<project>#E#<environment>` | `SVC#<service>` | |
//! | guard of the locks | `P#<project>#E#<environment>` | `LOCK` | |
//! | lease | `P#<project>#E#<environment>` | `LOCK#<selection>` | |
//! | lock set by hand | `P#<project>#E#<environment>` | `LOCK-M#<selection>` | |
//! | hold | `P#<project>#E#<environment>` | `LOCK-HOLD` | |
//! | entry of the audit log | `P#<project>#AUD`, or `P#<project>#E#<environment>#AUD` | `<number>` | first: `P#<project>#AUDIT` / `<time>#<number>` |
//! | end of an audit chain | `P#<project>`, or `P#<project>#E#<environment>` | `AUDHEAD` | |
//!
//! Ids have no `#`, so no key can be read in two ways. Where a number or a time is sorted by, it has
//! a fixed width. What is written while working on an environment is in a partition that begins
//! with the environment's, so that access can be limited to it (DynamoDB's `LeadingKeys`); the
//! counters and the entry are the exceptions, since their numbers are the project's.
//!
//! All that says who may change an environment begins with `LOCK`, and the guard comes first, so
//! that one question reads the guard before all that it guards. A selection is `all`, `set#<set>` or
//! `service#<service>`.

use jiff::Timestamp;

use super::{
    super::{Index, Key},
    DeploymentKey,
};
use crate::model::{
    DeploymentNumber, Digest, EnvironmentId, Fingerprint, ImageId, Label, LabelRecord, ProjectId,
    ReleaseNumber, Selection, ServiceId,
};

/// An item's place in an index.
#[derive(Debug, Clone)]
pub(super) struct IndexEntry {
    /// The index.
    pub(super) index: Index,
    /// The index's partition key.
    pub(super) pk: String,
    /// The index's sort key.
    pub(super) sk: String,
}

/// How every sort key of a step begins.
pub(super) const STEPS: &str = "STEP#";
/// The sort key of the main record of a release or a deployment.
pub(super) const META: &str = "META";
/// How every sort key of a service's head begins.
pub(super) const HEADS: &str = "SVC#";

/// How the sort key of everything begins that says who may change an environment.
pub(super) const LOCKS: &str = "LOCK";
/// The sort key of an environment's hold.
pub(super) const HOLD: &str = "LOCK-HOLD";
/// How every sort key of a lease begins.
pub(super) const LEASES: &str = "LOCK#";
/// How every sort key of a lock set by hand begins.
pub(super) const MANUAL_LOCKS: &str = "LOCK-M#";

/// A number as a sort key: 12 digits, which a deployment a second fills in 30,000 years.
pub(super) fn sorted(number: u64) -> String {
    format!("{number:012}")
}

/// The counters of a project.
pub(super) fn counters(project: &ProjectId) -> Key {
    Key::new(format!("P#{project}"), "CTR")
}

/// What leads from a fingerprint to its release.
pub(super) fn fingerprint(project: &ProjectId, fingerprint: &Fingerprint) -> Key {
    Key::new(format!("P#{project}"), format!("FP#{}", fingerprint.as_str()))
}

/// A release.
pub(super) fn release(project: &ProjectId, number: ReleaseNumber) -> Key {
    Key::new(format!("P#{project}#R#{}", number.0), META)
}

/// The index partition of a project's releases.
pub(super) fn releases(project: &ProjectId) -> String {
    format!("P#{project}#REL")
}

/// A release's place in the index.
pub(super) fn release_entry(project: &ProjectId, number: ReleaseNumber) -> IndexEntry {
    IndexEntry { index: Index::First, pk: releases(project), sk: sorted(number.0) }
}

/// The partition of a project's entries of deployments.
pub(super) fn entries(project: &ProjectId) -> String {
    format!("P#{project}#DEP")
}

/// The entry of a deployment, which leads from its number to its environment.
pub(super) fn entry(project: &ProjectId, number: DeploymentNumber) -> Key {
    Key::new(entries(project), sorted(number.0))
}

/// The partition of an environment, in the table and in the first index.
pub(super) fn environment(project: &ProjectId, environment: &EnvironmentId) -> String {
    format!("P#{project}#E#{environment}")
}

/// The place of a deployment's entry in the index.
pub(super) fn environment_entry(key: &DeploymentKey) -> IndexEntry {
    let pk = environment(&key.project, &key.environment);
    IndexEntry { index: Index::First, pk, sk: sorted(key.number.0) }
}

/// A deployment.
pub(super) fn deployment(key: &DeploymentKey) -> Key {
    Key::new(deployment_partition(key), META)
}

/// The partition of a deployment and its steps.
pub(super) fn deployment_partition(key: &DeploymentKey) -> String {
    format!("{}#D#{}", environment(&key.project, &key.environment), key.number.0)
}

/// The index partition of a project's deployments that are not over.
pub(super) fn active(project: &ProjectId) -> String {
    format!("P#{project}#ACTIVE")
}

/// A deployment's place in the index while it is not over.
pub(super) fn active_entry(key: &DeploymentKey) -> IndexEntry {
    IndexEntry { index: Index::Second, pk: active(&key.project), sk: sorted(key.number.0) }
}

/// A step, by its place among the deployment's steps.
pub(super) fn step(key: &DeploymentKey, position: usize, service: &ServiceId) -> Key {
    Key::new(deployment_partition(key), format!("{STEPS}{position:04}#{service}"))
}

/// The head of a service.
pub(super) fn head(project: &ProjectId, in_: &EnvironmentId, service: &ServiceId) -> Key {
    Key::new(environment(project, in_), format!("{HEADS}{service}"))
}

/// The guard of an environment's locks.
pub(super) fn guard(project: &ProjectId, in_: &EnvironmentId) -> Key {
    Key::new(environment(project, in_), LOCKS)
}

/// A selection in a sort key.
fn selected(selection: &Selection) -> String {
    match selection {
        Selection::All => "all".to_owned(),
        Selection::Set(set) => format!("set#{set}"),
        Selection::Service(service) => format!("service#{service}"),
    }
}

/// The lease of a selection.
pub(super) fn lease(project: &ProjectId, in_: &EnvironmentId, selection: &Selection) -> Key {
    Key::new(environment(project, in_), format!("{LEASES}{}", selected(selection)))
}

/// The lock that a person has set on a selection.
pub(super) fn manual_lock(project: &ProjectId, in_: &EnvironmentId, selection: &Selection) -> Key {
    Key::new(environment(project, in_), format!("{MANUAL_LOCKS}{}", selected(selection)))
}

/// The hold of an environment.
pub(super) fn hold(project: &ProjectId, in_: &EnvironmentId) -> Key {
    Key::new(environment(project, in_), HOLD)
}

/// The partition that an audit chain belongs to: its environment's, or the project's.
fn audited(project: &ProjectId, of: Option<&EnvironmentId>) -> String {
    of.map_or_else(|| format!("P#{project}"), |of| environment(project, of))
}

/// The partition of an audit chain: of an environment, or the project's own.
pub(super) fn audit(project: &ProjectId, of: Option<&EnvironmentId>) -> String {
    format!("{}#AUD", audited(project, of))
}

/// An entry of an audit chain.
pub(super) fn audit_event(project: &ProjectId, of: Option<&EnvironmentId>, number: u64) -> Key {
    Key::new(audit(project, of), sorted(number))
}

/// The end of an audit chain.
pub(super) fn audit_head(project: &ProjectId, of: Option<&EnvironmentId>) -> Key {
    Key::new(audited(project, of), "AUDHEAD")
}

/// The index partition of all audit chains of a project.
pub(super) fn audits(project: &ProjectId) -> String {
    format!("P#{project}#AUDIT")
}

/// An audit entry's place in the index.
pub(super) fn audit_entry(project: &ProjectId, at: Timestamp, number: u64) -> IndexEntry {
    let sk = format!("{}#{}", moment(at), sorted(number));
    IndexEntry { index: Index::First, pk: audits(project), sk }
}

/// The partition of what a deployment did.
pub(super) fn timeline(key: &DeploymentKey) -> String {
    format!("{}#EV", deployment_partition(key))
}

/// An entry of what a deployment did.
pub(super) fn timeline_entry(key: &DeploymentKey, at: Timestamp, random: &str) -> Key {
    Key::new(timeline(key), format!("{}#{random}", moment(at)))
}

/// How the sort keys of a label's images begin.
pub(super) fn label_prefix(label: &Label) -> String {
    format!("LABEL#{label}#")
}

/// The partition of a project's labels.
pub(super) fn labels(project: &ProjectId) -> String {
    format!("P#{project}")
}

/// What a label points to for one image.
pub(super) fn label(project: &ProjectId, label: &Label, image: &ImageId) -> Key {
    Key::new(labels(project), format!("{}{image}", label_prefix(label)))
}

/// The partition of an image's artifacts.
pub(super) fn artifacts(project: &ProjectId, image: &ImageId) -> String {
    format!("P#{project}#ART#{image}")
}

/// An artifact, by when it was registered and what it is.
pub(super) fn artifact(project: &ProjectId, image: &ImageId, record: &LabelRecord) -> Key {
    let digest = record.digest.as_ref().or_else(|| record.uri.digest());
    let version = digest.map(Digest::as_str).or_else(|| record.uri.tag());
    let sk = format!("{}#{}", moment(record.at), version.unwrap_or_default());
    Key::new(artifacts(project, image), sk)
}

/// A time as a sort key: UTC with all nine digits of the fraction, so that it sorts as text.
fn moment(at: Timestamp) -> String {
    format!("{at:.9}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_sort_as_text() {
        let whole: Timestamp = "2026-11-21T16:32:12Z".parse().unwrap();
        let later: Timestamp = "2026-11-21T16:32:12.5Z".parse().unwrap();
        assert_eq!(moment(whole), "2026-11-21T16:32:12.000000000Z");
        assert!(moment(whole) < moment(later));
    }

    proptest! {
        #[test]
        fn numbers_sort_as_text(a in 0..1_000_000_000_000_u64, b in 0..1_000_000_000_000_u64) {
            prop_assert_eq!(a.cmp(&b), sorted(a).cmp(&sorted(b)));
        }
    }
}
