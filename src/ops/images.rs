//! The images of a deployment: where they come from, and that they exist at exact digests.

use std::collections::{BTreeMap, BTreeSet};

use super::{access::Access, error::OpError, out_of_reach::reach, workspace::Workspace};
use crate::{
    backend::registry::Resolution,
    manifest::{Environment, Home, Project},
    model::{
        Digest, EcrRegistry, EnvironmentId, ImageId, ImageUri, Label, ParameterName, ReleaseHash,
        ReleaseNumber, ReleasedImage, ServiceId,
    },
    plan::{Absence, ImageSource, Problem},
};

/// An image as its source names it, before the registry was asked.
#[derive(Debug, Clone)]
struct Named {
    /// Its URI.
    uri: ImageUri,
    /// The URI that the source gives, where the environment has a registry of its own.
    origin: Option<ImageUri>,
    /// The digest it had when it was registered or released, if that is known.
    digest: Option<Digest>,
    /// The version of the code, if that is known.
    release_hash: Option<ReleaseHash>,
}

impl From<ReleasedImage> for Named {
    fn from(image: ReleasedImage) -> Self {
        let release_hash = Some(image.release_hash);
        Self { uri: image.uri, origin: None, digest: image.digest, release_hash }
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
    /// The parameters that were asked for and are not there.
    absent: BTreeMap<ImageId, Absence>,
}

impl Gathered {
    /// Takes note of the parameters of a label that are not in an account.
    fn note_absent<'a>(
        &mut self,
        (project, label): (&Project, &Label),
        access: &Access,
        absent: impl Iterator<Item = &'a ImageId>,
    ) {
        self.absent.extend(absent.map(|image| {
            let absence = Absence {
                parameter: ParameterName::of_image(&project.id, label, image),
                account: access.identity.account.clone(),
                region: access.region.clone(),
                registered_in: None,
            };
            (image.clone(), absence)
        }));
    }
}

/// What to gather images for.
pub(super) struct Search<'a> {
    /// Which account and region answers for the images.
    pub(super) home: Home,
    /// Its AWS.
    pub(super) access: &'a Access,
    /// The registry that they are to be in, where it is not the one that the source gives.
    pub(super) registry: Option<&'a EcrRegistry>,
    /// Where they come from.
    pub(super) source: &'a ImageSource,
    /// Those that are given on the command line instead.
    pub(super) given: &'a BTreeMap<ImageId, ImageUri>,
    /// Which services need which image.
    pub(super) users: &'a BTreeMap<ImageId, Vec<ServiceId>>,
}

impl Search<'_> {
    /// Where the images come from after all: where each is given, that is the only source.
    pub(super) fn settled_source(&self) -> ImageSource {
        let is_given = |image| self.given.contains_key(image);
        if !self.users.is_empty() && self.users.keys().all(is_given) {
            return ImageSource::Given;
        }
        self.source.clone()
    }
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
        // Where labels are need not be reached for images that are given.
        ImageSource::Label(_) if wanted.is_empty() => BTreeMap::new(),
        ImageSource::Label(label) => {
            from_label(workspace, search, (label, &wanted), &mut gathered).await?
        }
        ImageSource::Environment(id) => {
            from_environment(workspace, search, (id, &wanted), &mut gathered).await?
        }
        ImageSource::Release(number) => from_release(workspace, *number, &wanted).await?,
        ImageSource::Given => BTreeMap::new(),
    };
    name_copies(search.registry, &mut named);
    let given = search.given.iter().map(|(image, uri)| {
        let digest = uri.digest().cloned();
        (image.clone(), Named { uri: uri.clone(), origin: None, digest, release_hash: None })
    });
    named.extend(given);
    note_missing(search, &named, &mut gathered);
    resolve(search, named, &mut gathered).await?;
    Ok(gathered)
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
    let project = &workspace.project;
    let opened = reach(workspace, search, (&project.home, images)).await?;
    let access = opened.as_ref().unwrap_or(search.access);
    let values = parameter_values(project, access, label, images).await?;
    let records = workspace.ledger.labels(&project.id, label).await?;
    let absent = images.iter().filter(|image| !values.contains_key(*image));
    gathered.note_absent((project, label), access, absent);
    for (image, absence) in &mut gathered.absent {
        let account = records.get(image).and_then(|record| record.by.account());
        absence.registered_in = account.filter(|account| *account != absence.account);
    }
    let mut named = parse_values(project, label, values, gathered);
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
                named.insert(image, Named { uri, origin: None, digest, release_hash: None });
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
    search: &Search<'_>,
    (id, images): (&EnvironmentId, &BTreeSet<ImageId>),
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
        let opened = reach(workspace, search, (&environment.home(), &rest)).await?;
        let access = opened.as_ref().unwrap_or(search.access);
        let label = Label::of_environment(id);
        let values = parameter_values(project, access, &label, &rest).await?;
        let absent = rest.iter().filter(|image| !values.contains_key(*image));
        gathered.note_absent((project, &label), access, absent);
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
                from: search.source.clone(),
                used_by: used_by.clone(),
                looked_in: gathered.absent.get(image).cloned().map(Box::new),
            };
            gathered.problems.insert(image.clone(), problem);
        }
    }
}

/// Names images as the environment's registry does. What is given by hand stays as it is given.
fn name_copies(registry: Option<&EcrRegistry>, named: &mut BTreeMap<ImageId, Named>) {
    let Some(registry) = registry else { return };
    for named in named.values_mut() {
        if let Some(copy) = registry.copy_of(&named.uri) {
            named.origin = Some(std::mem::replace(&mut named.uri, copy));
        }
    }
}

/// Asks the registries for every image, and compares its digest with the one known: from the record,
/// or from the registry that the source gives.
async fn resolve(
    search: &Search<'_>,
    named: BTreeMap<ImageId, Named>,
    gathered: &mut Gathered,
) -> Result<(), OpError> {
    let unknown = named.values().filter(|named| named.digest.is_none());
    let origins = unknown.filter_map(|named| named.origin.clone());
    let uris: Vec<ImageUri> =
        named.values().map(|named| named.uri.clone()).chain(origins).collect();
    let found = search.access.registry.resolve(&uris).await?;
    for (image, named) in named {
        match resolved(&image, named, &found) {
            Ok((released, platforms)) => {
                if let Some(platforms) = platforms {
                    gathered.platforms.insert(image.clone(), platforms);
                }
                gathered.images.insert(image, released);
            }
            Err(problem) => drop(gathered.problems.insert(image, problem)),
        }
    }
    Ok(())
}

/// An image at its exact digest, with those of its platforms where its registry was asked; or what
/// stands against it.
fn resolved(
    image: &ImageId,
    named: Named,
    found: &BTreeMap<ImageUri, Resolution>,
) -> Result<(ReleasedImage, Option<Vec<Digest>>), Problem> {
    let known = known_digest(image, &named, found)?;
    let Named { uri, origin, release_hash, .. } = named;
    let release_hash = release_hash.unwrap_or_else(|| uri.release_hash());
    let image = image.clone();
    match found.get(&uri) {
        Some(Resolution::Missing { reason }) => Err(missing(image, (uri, origin), reason)),
        Some(Resolution::TagMoved) => Err(missing(image, (uri, origin), TAG_MOVED)),
        Some(Resolution::Found { digest, platforms, .. }) => {
            let is = digest.clone();
            match (known.filter(|was| was != digest), origin) {
                (Some(was), None) => Err(Problem::ImageMoved { image, uri, was, is }),
                (Some(was), Some(origin)) => {
                    Err(Problem::OtherCopy { image, uri, is, origin, was })
                }
                (None, _) => {
                    let released = ReleasedImage { uri, digest: Some(is), release_hash };
                    Ok((released, Some(platforms.clone())))
                }
            }
        }
        Some(Resolution::NotAsked) | None => {
            Ok((ReleasedImage { uri, digest: known, release_hash }, None))
        }
    }
}

/// The digest that an image has to have, if it is known.
fn known_digest(
    image: &ImageId,
    named: &Named,
    found: &BTreeMap<ImageUri, Resolution>,
) -> Result<Option<Digest>, Problem> {
    let (None, Some(origin)) = (&named.digest, &named.origin) else {
        return Ok(named.digest.clone());
    };
    match found.get(origin) {
        Some(Resolution::Found { digest, .. }) => Ok(Some(digest.clone())),
        Some(Resolution::Missing { reason }) => {
            Err(missing(image.clone(), (origin.clone(), None), reason))
        }
        Some(Resolution::TagMoved) => {
            Err(missing(image.clone(), (origin.clone(), None), TAG_MOVED))
        }
        Some(Resolution::NotAsked) | None => Ok(None),
    }
}

/// That a registry does not have an image.
fn missing(image: ImageId, (uri, origin): (ImageUri, Option<ImageUri>), reason: &str) -> Problem {
    let reason = reason.to_owned();
    match origin {
        Some(origin) => Problem::NotCopied { image, uri, origin, reason },
        None => Problem::ImageMissing { image, uri, reason },
    }
}
