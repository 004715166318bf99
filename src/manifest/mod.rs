//! The manifest `.weco-project`: text to validated projects.
//!
//! Nothing here reads a file: [`Manifest::parse`] is given a file's name and text, and everything
//! else is an answer from what it found. A text goes through four steps, each with its own
//! module: `source` (lines and columns), `tree` (TOML or JSON to one located tree), `read` by the
//! tables of `shape` (keys and types), `check` (meaning). All errors of a file are reported
//! together, each with its place and a hint.
//!
//! The keys are documented in `docs/manifest.md` and in the JSON schema that [`schema`] gives,
//! which is made from the same list of keys that the reader uses.

mod check;
mod error;
mod hint;
mod lookup;
mod nearest;
mod project;
mod read;
mod report;
mod schema;
mod shape;
mod source;
mod tree;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexMap;

pub use self::{
    error::ManifestErrorKind,
    project::{
        Environment, Home, Image, Project, RoleArn, Service, ServiceSet, StoreSetting, TableSetting,
    },
    report::{ManifestError, ManifestErrors},
    schema::schema,
    source::{Format, Location},
};
use self::{
    read::{Collection, Read, Reader},
    source::{Source, Span},
    tree::{Node, Value},
};
use crate::model::ProjectId;

/// The name of the manifest's file.
pub const FILE_NAME: &str = ".weco-project";

/// The projects that one file describes; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The projects in the order of the file.
    projects: IndexMap<ProjectId, Project>,
}

impl Manifest {
    /// Reads a manifest: JSON if the text opens an object or a list of objects, else TOML.
    ///
    /// `file` is the name to show in errors.
    ///
    /// # Errors
    /// Fails with everything that is wrong with the text.
    pub fn parse(file: &str, text: &str) -> Result<Self, ManifestErrors> {
        let source = Arc::new(Source::new(file, text));
        let (root, flaws) = tree::parse(&source);
        let is_broken = root.is_none() && !flaws.is_empty();
        let mut reader = Reader::new(&source);
        for flaw in flaws {
            reader.report_flaw(flaw);
        }
        let projects = match root {
            Some(root) if !is_empty(&root) => Collection::read(&root, "", &mut reader)
                .map(|tables| check::projects(tables, &mut reader)),
            _ if is_broken => None,
            _ => {
                reader.report(Span::default(), ManifestErrorKind::NoProjects);
                None
            }
        };
        match (reader.into_errors(), projects) {
            (errors, Some(projects)) if errors.is_empty() => Ok(Self { projects }),
            (errors, _) => Err(ManifestErrors::new(source, errors)),
        }
    }

    /// The projects in the order of the file.
    pub fn projects(&self) -> impl Iterator<Item = &Project> {
        self.projects.values()
    }

    /// The project with an id, or the only one.
    ///
    /// # Errors
    /// Fails when there is no such project, and when none is named and there are several.
    pub fn project(&self, id: Option<&str>) -> Result<&Project, ManifestError> {
        let ids = || self.projects.keys().cloned().collect();
        let found = match id {
            Some(id) => self.projects.get(id).ok_or_else(|| ManifestErrorKind::UnknownProject {
                id: id.to_owned(),
                known: ids(),
            }),
            None => match self.projects.values().next() {
                Some(only) if self.projects.len() == 1 => Ok(only),
                _ => Err(ManifestErrorKind::ProjectAmbiguous(ids())),
            },
        };
        found.map_err(ManifestError::asked)
    }
}

/// Whether the file says nothing at all.
fn is_empty(root: &Node) -> bool {
    match &root.value {
        Value::Table(entries) => entries.is_empty(),
        Value::List(elements) => elements.is_empty(),
        _ => false,
    }
}
