//! Tables to validated projects: ids, defaults, references, and what contradicts itself.
//!
//! Everything wrong is taken down; a part that is wrong is left out, but counts as defined, so
//! that no reference to it is called dangling.

mod environments;
mod services;
mod sets;
mod store;
mod tasks;

use std::{hash::Hash, str::FromStr};

use indexmap::IndexMap;

use super::{
    error::ManifestErrorKind,
    project::{Environment, Image, Origin, Project, Service, ServiceSet},
    read::{Account, Collection, Item, Reader},
    shape,
    source::Span,
    tree::Text,
};
use crate::model::{
    AccountId, ClusterName, EnvironmentId, IdError, ImageId, ProjectId, Region, ServiceId,
    ServiceSetId,
};

/// Ids that words of the command line or of SSM paths already mean.
const RESERVED: &[(Kind, &str, &str)] = &[
    (Kind::Service, "all", "means every service on the command line"),
    (Kind::ServiceSet, "all", "means every service on the command line"),
    (Kind::Environment, "latest", "is the label of what was registered last"),
];

/// What an id can be the id of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Project,
    Environment,
    ServiceSet,
    Service,
    Image,
}

impl Kind {
    /// The word for it.
    fn word(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Environment => "environment",
            Self::ServiceSet => "service set",
            Self::Service => "service",
            Self::Image => "image",
        }
    }

    /// The word with its article.
    fn with_article(self) -> &'static str {
        match self {
            Self::Project => "a project",
            Self::Environment => "an environment",
            Self::ServiceSet => "a service set",
            Self::Service => "a service",
            Self::Image => "an image",
        }
    }
}

/// The ids of one kind that the file defines, sound or not, and where.
type Defined = IndexMap<String, Span>;

/// A place that names something, to be looked up when everything is defined.
struct Reference {
    /// The path of the place.
    place: String,
    /// What is named.
    kind: Kind,
    /// The id.
    id: Text,
}

/// A cluster that a service set says for one of its services.
struct SetCluster {
    /// The service.
    service: ServiceId,
    /// The environment.
    environment: EnvironmentId,
    /// The cluster.
    cluster: ClusterName,
    /// The path of the cluster's key.
    place: String,
    /// Where it is.
    span: Span,
}

/// Checks all projects of a file.
pub(super) fn projects(
    Collection(tables): Collection<shape::Project>,
    reader: &mut Reader,
) -> IndexMap<ProjectId, Project> {
    let mut defined = Defined::new();
    let mut projects = IndexMap::new();
    for Item { id, path, table } in tables {
        let id: Option<ProjectId> = define(&id, Kind::Project, &mut defined, reader);
        let project = Draft::new(&path, reader).project(table, id);
        projects.extend(project.map(|project| (project.id.clone(), project)));
    }
    projects
}

/// One project on its way from table to value.
struct Draft<'r> {
    /// Takes down what is wrong.
    reader: &'r mut Reader,
    /// The path of the project's table.
    path: String,
    environments: IndexMap<EnvironmentId, Environment>,
    defined_environments: Defined,
    /// What each environment's `from` says.
    from: IndexMap<EnvironmentId, Text>,
    service_sets: IndexMap<ServiceSetId, ServiceSet>,
    defined_sets: Defined,
    services: IndexMap<ServiceId, Service>,
    defined_services: Defined,
    images: IndexMap<ImageId, Image>,
    defined_images: Defined,
    references: Vec<Reference>,
    set_clusters: Vec<SetCluster>,
}

impl<'r> Draft<'r> {
    /// A project in which nothing is defined yet.
    fn new(path: &str, reader: &'r mut Reader) -> Self {
        Self {
            reader,
            path: path.to_owned(),
            environments: IndexMap::new(),
            defined_environments: Defined::new(),
            from: IndexMap::new(),
            service_sets: IndexMap::new(),
            defined_sets: Defined::new(),
            services: IndexMap::new(),
            defined_services: Defined::new(),
            images: IndexMap::new(),
            defined_images: Defined::new(),
            references: Vec::new(),
            set_clusters: Vec::new(),
        }
    }

    /// Checks a project's table; nothing where its id is missing.
    fn project(mut self, table: shape::Project, id: Option<ProjectId>) -> Option<Project> {
        let is_open = table.services.is_none() && table.service_sets.is_none();
        let has_image_table = table.images.is_some();
        let home = self.home(&table);
        self.define_images(table.images);
        self.define_environments(table.environments);
        self.define_services(table.services);
        self.define_sets(table.service_sets);
        self.apply_set_clusters();
        self.check_references(has_image_table);
        self.link_environments();
        self.apply_defaults(&home, table.terraform.and_then(environments::state).as_ref());
        self.check_names();
        let store = self.store(table.store, &home);
        let id = id?;
        Some(Project {
            name: table.name.map_or_else(|| id.to_string(), |name| name.value),
            id,
            home,
            store,
            origin: self.origin(),
            environments: self.environments,
            service_sets: self.service_sets,
            services: self.services,
            images: self.images,
            is_open,
        })
    }

    /// Where the parts of the project are.
    fn origin(&self) -> Origin {
        let span = |id: &EnvironmentId| self.defined_environments.get(id.as_str()).copied();
        Origin {
            source: std::sync::Arc::clone(self.reader.source()),
            environments: self
                .environments
                .keys()
                .filter_map(|id| Some((id.clone(), span(id)?)))
                .collect(),
        }
    }

    /// Looks up everything that is named somewhere.
    ///
    /// Images are looked up only where there is a table of them.
    fn check_references(&mut self, has_image_table: bool) {
        for reference in std::mem::take(&mut self.references) {
            let defined = match reference.kind {
                Kind::Environment => &self.defined_environments,
                Kind::Service => &self.defined_services,
                Kind::Image if has_image_table => &self.defined_images,
                Kind::Image | Kind::Project | Kind::ServiceSet => continue,
            };
            if defined.contains_key(&reference.id.value) {
                continue;
            }
            let kind = ManifestErrorKind::DanglingReference {
                place: reference.place,
                kind: reference.kind.word(),
                id: reference.id.value,
                known: defined.keys().cloned().collect(),
            };
            self.reader.report(reference.id.span, kind);
        }
    }

    /// Remembers that a place names something.
    fn refer(&mut self, place: &str, kind: Kind, id: &Text) {
        self.references.push(Reference { place: place.to_owned(), kind, id: id.clone() });
    }

    /// Reads an id or name; nothing, and an error taken down, where it breaks its rule.
    fn parse<I: FromStr<Err = IdError>>(&mut self, text: &Text) -> Option<I> {
        parse(text, self.reader)
    }

    /// Reads an account id, putting back zeros that a number has lost.
    fn account(&mut self, account: &Account) -> Option<AccountId> {
        let Account(text) = account;
        let is_number = text.value.bytes().all(|b| b.is_ascii_digit());
        let account = is_number.then(|| AccountId::new(format!("{:0>12}", text.value)));
        if let Some(Ok(account)) = account {
            return Some(account);
        }
        self.reader.report(text.span, ManifestErrorKind::InvalidAccount(text.value.clone()));
        None
    }

    /// Reads a region.
    fn region(&mut self, text: Option<&Text>) -> Option<Region> {
        text.and_then(|text| self.parse(text))
    }
}

/// Takes down an id as defined and reads it; nothing, and an error taken down, where it is defined
/// already, reserved, or breaks its rule.
fn define<I: FromStr<Err = IdError> + Hash + Eq>(
    id: &Text,
    kind: Kind,
    defined: &mut Defined,
    reader: &mut Reader,
) -> Option<I> {
    if let Some(first) = defined.get(&id.value) {
        let error = ManifestErrorKind::DuplicateId { kind: kind.word(), id: id.value.clone() };
        reader.report_again(id.span, *first, error);
        return None;
    }
    defined.insert(id.value.clone(), id.span);
    let reserved = RESERVED.iter().find(|(of, word, _)| *of == kind && *word == id.value);
    if let Some((_, _, meaning)) = reserved {
        let kind = kind.with_article();
        reader
            .report(id.span, ManifestErrorKind::ReservedId { kind, id: id.value.clone(), meaning });
        return None;
    }
    parse(id, reader)
}

/// Reads an id or name; nothing, and an error taken down, where it breaks its rule.
fn parse<I: FromStr<Err = IdError>>(text: &Text, reader: &mut Reader) -> Option<I> {
    text.value.parse().map_err(|error: IdError| reader.report(text.span, error.into())).ok()
}
