//! The images of a deployment: where they come from, and that they exist at exact digests.

use std::collections::{BTreeMap, BTreeSet};

use super::{access::Access, error::OpError, workspace::Workspace};
use crate::{
    backend::registry::Resolution,
    manifest::{Environment, Home, Project},
    model::{
        Digest, EnvironmentId, ImageId, ImageUri, Label, ParameterName, ReleaseHash, ReleaseNumber,
        ReleasedImage, ServiceId,
    },
    plan::{ImageSource, Problem},
};

/// An image as its source names it, before the registry was asked.
#[derive(Debug, Clone)]
struct Named {
    /// Its URI.
    uri: ImageUri,
    /// The digest it had when it was registered or released, if that is known.
    digest: Option<Digest>,
    /// The version of the code, if that is known.
    release_hash: Option<ReleaseHash>,
}

impl From<ReleasedImage> for Named {
    fn from(image: ReleasedImage) -> Self {
        Self { uri: image.uri, digest: image.digest, release_hash: Some(image.release_hash) }
    }
}

/// The images found, and what stands against those that were not.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The images at exact digests.
    pub(super) images: BTreeMap<ImageId, ReleasedImage>,
    /// The digests of the platforms of those that are indexes.
    pub(super) platforms: BTreeMap<ImageId, Vec<Digest>>,
    /// The problems, by the image they are about.
    pub(super) problems: BTreeMap<ImageId, Problem>,
}

/// What to gather images for.
pub(super) struct Search<'a> {
    /// Which account and region answers for the images.
    pub(super) home: Home,
    /// Its AWS.
    pub(super) access: &'a Access,
    /// Where they come from.
    pub(super) source: &'a ImageSource,
    /// Those that are given on the command line instead.
    pub(super) given: &'a BTreeMap<ImageId, ImageUri>,
    /// Which services need which image.
    pub(super) users: &'a BTreeMap<ImageId, Vec<ServiceId>>,
}

/// What `--from`, the manifest and the default say, in this order.
pub(super) fn source_of(
    project: &Project,
    environment: &Environment,
    from: Option<&str>,
) -> Result<ImageSource, OpError> {
    let Some(from) = from else {
        let configured = environment.from.clone().map(ImageSource::Environment);
        return Ok(configured.unwrap_or_else(|| ImageSource::Label(Label::latest())));
    };
    named_source(project, from)
}

/// What `--from` says: a release, an environment, or else a label.
pub(super) fn named_source(project: &Project, from: &str) -> Result<ImageSource, OpError> {
    if let Ok(number) = from.parse::<ReleaseNumber>() {
        return Ok(ImageSource::Release(number));
    }
    match project.environments.keys().find(|id| id.as_str() == from) {
        Some(id) => Ok(ImageSource::Environment(id.clone())),
        None => Ok(ImageSource::Label(Label::new(from)?)),
    }
}

/// The words for a source in messages.
pub(super) fn words(source: &ImageSource) -> String {
    match source {
        ImageSource::Label(label) => format!("label `{label}`"),
        ImageSource::Environment(id) => format!("environment `{id}`"),
        ImageSource::Release(number) => format!("release {number}"),
    }
}

/// What is the matter with a URI whose tag and digest are of different images.
pub(super) const TAG_MOVED: &str = "its tag has another digest now";

/// Gathers the images, and asks the registry for each.
pub(super) async fn gather(
    workspace: &Workspace,
    search: &Search<'_>,
) -> Result<Gathered, OpError> {
    let wanted: BTreeSet<ImageId> =
        search.users.keys().filter(|image| !search.given.contains_key(*image)).cloned().collect();
    let mut gathered = Gathered::default();
    let mut named = match search.source {
        ImageSource::Label(label) => {
            from_label(workspace, search, (label, &wanted), &mut gathered).await?
        }
        ImageSource::Environment(id) => {
            from_environment(workspace, id, &wanted, &mut gathered).await?
        }
        ImageSource::Release(number) => from_release(workspace, *number, &wanted).await?,
    };
    let given = search.given.iter().map(|(image, uri)| {
        let digest = uri.digest().cloned();
        (image.clone(), Named { uri: uri.clone(), digest, release_hash: None })
    });
    named.extend(given);
    note_missing(search, &named, &mut gathered);
    resolve(search, named, &mut gathered).await?;
    Ok(gathered)
}

/// The values of a label's parameters. Labels live in the project's own account.
async fn label_values(
    workspace: &Workspace,
    search: &Search<'_>,
    label: &Label,
    images: &BTreeSet<ImageId>,
) -> Result<BTreeMap<ImageId, String>, OpError> {
    let project = &workspace.project;
    if search.home == project.home {
        return parameter_values(project, search.access, label, images).await;
    }
    let access = Access::open(workspace, &project.home).await?;
    parameter_values(project, &access, label, images).await
}

/// The values of the parameters `/{project}/images/{label}/{image}`.
pub(super) async fn parameter_values(
    project: &Project,
    access: &Access,
    label: &Label,
    images: &BTreeSet<ImageId>,
) -> Result<BTreeMap<ImageId, String>, OpError> {
    let names: BTreeMap<ParameterName, ImageId> = images
        .iter()
        .map(|image| (ParameterName::of_image(&project.id, label, image), image.clone()))
        .collect();
    let asked: Vec<ParameterName> = names.keys().cloned().collect();
    let found = access.parameters.get(&asked).await?;
    Ok(found
        .into_iter()
        .filter_map(|(name, found)| Some((names.get(&name)?.clone(), found.value)))
        .collect())
}

/// Images by the parameters of a label, with the digests they were registered at.
async fn from_label(
    workspace: &Workspace,
    search: &Search<'_>,
    (label, images): (&Label, &BTreeSet<ImageId>),
    gathered: &mut Gathered,
) -> Result<BTreeMap<ImageId, Named>, OpError> {
    let values = label_values(workspace, search, label, images).await?;
    let records = workspace.ledger.labels(&workspace.project.id, label).await?;
    let mut named = parse_values(&workspace.project, label, values, gathered);
    for (image, named) in &mut named {
        if let Some(record) = records.get(image).filter(|record| record.uri == named.uri) {
            named.digest.clone_from(&record.digest);
            named.release_hash = Some(record.release_hash.clone());
        }
    }
    Ok(named)
}

/// Reads parameter values as URIs.
fn parse_values(
    project: &Project,
    label: &Label,
    values: BTreeMap<ImageId, String>,
    gathered: &mut Gathered,
) -> BTreeMap<ImageId, Named> {
    let mut named = BTreeMap::new();
    for (image, value) in values {
        match ImageUri::parse(value) {
            Ok(uri) => {
                let digest = uri.digest().cloned();
                named.insert(image, Named { uri, digest, release_hash: None });
            }
            Err(error) => {
                let parameter = ParameterName::of_image(&project.id, label, &image);
                let reason = error.to_string();
                gathered.problems.insert(image, Problem::NotAnImage { parameter, reason });
            }
        }
    }
    named
}

/// Images last verified in another environment, or its parameters where nothing is recorded.
async fn from_environment(
    workspace: &Workspace,
    id: &EnvironmentId,
    images: &BTreeSet<ImageId>,
    gathered: &mut Gathered,
) -> Result<BTreeMap<ImageId, Named>, OpError> {
    let project = &workspace.project;
    let mut verified: Vec<_> = workspace
        .ledger
        .heads(&project.id, id)
        .await?
        .into_values()
        .filter_map(|head| head.verified)
        .collect();
    verified.sort_by_key(|head| head.deployment);
    let mut named: BTreeMap<ImageId, Named> = verified
        .into_iter()
        .flat_map(|head| head.images)
        .filter(|(image, _)| images.contains(image))
        .map(|(image, released)| (image, Named::from(released)))
        .collect();
    let rest: BTreeSet<ImageId> =
        images.iter().filter(|image| !named.contains_key(*image)).cloned().collect();
    if !rest.is_empty() {
        let environment = project.environment(id.as_str())?;
        let access = Access::open(workspace, &environment.home()).await?;
        let label = Label::of_environment(id);
        let values = parameter_values(project, &access, &label, &rest).await?;
        named.extend(parse_values(project, &label, values, gathered));
    }
    Ok(named)
}

/// Images of an existing release.
async fn from_release(
    workspace: &Workspace,
    number: ReleaseNumber,
    images: &BTreeSet<ImageId>,
) -> Result<BTreeMap<ImageId, Named>, OpError> {
    let release = workspace.ledger.find_release(&workspace.project.id, number).await?;
    Ok(release
        .images
        .into_iter()
        .filter(|(image, _)| images.contains(image))
        .map(|(image, released)| (image, Named::from(released)))
        .collect())
}

/// Notes every image that nobody named.
fn note_missing(search: &Search<'_>, named: &BTreeMap<ImageId, Named>, gathered: &mut Gathered) {
    for (image, used_by) in search.users {
        if !named.contains_key(image) && !gathered.problems.contains_key(image) {
            let problem = Problem::NotRegistered {
                image: image.clone(),
                from: words(search.source),
                used_by: used_by.clone(),
            };
            gathered.problems.insert(image.clone(), problem);
        }
    }
}

/// Asks the registry for every image, and compares its digest with the one known.
async fn resolve(
    search: &Search<'_>,
    named: BTreeMap<ImageId, Named>,
    gathered: &mut Gathered,
) -> Result<(), OpError> {
    let uris: Vec<ImageUri> = named.values().map(|named| named.uri.clone()).collect();
    let found = search.access.registry.resolve(&uris).await?;
    for (image, named) in named {
        let Named { uri, digest: known, release_hash } = named;
        let digest = match found.get(&uri) {
            Some(Resolution::Missing { reason }) => {
                let problem =
                    Problem::ImageMissing { image: image.clone(), uri, reason: reason.clone() };
                gathered.problems.insert(image, problem);
                continue;
            }
            Some(Resolution::TagMoved) => {
                let reason = TAG_MOVED.to_owned();
                let problem = Problem::ImageMissing { image: image.clone(), uri, reason };
                gathered.problems.insert(image, problem);
                continue;
            }
            Some(Resolution::Found { digest, platforms, .. }) => match known {
                Some(was) if was != *digest => {
                    let is = digest.clone();
                    let problem = Problem::ImageMoved { image: image.clone(), uri, was, is };
                    gathered.problems.insert(image, problem);
                    continue;
                }
                _ => {
                    gathered.platforms.insert(image.clone(), platforms.clone());
                    Some(digest.clone())
                }
            },
            Some(Resolution::NotAsked) | None => known,
        };
        let release_hash = release_hash.unwrap_or_else(|| uri.release_hash());
        gathered.images.insert(image, ReleasedImage { uri, digest, release_hash });
    }
    Ok(())
}
