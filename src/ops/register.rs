//! `register`: this image is now the one of a label.

use super::{access::Access, error::OpError, images::TAG_MOVED, workspace::Workspace};
use crate::{
    backend::registry::Resolution,
    engine,
    manifest::{Environment, Project},
    model::{Digest, ImageId, ImageUri, Label, ParameterName, ReleaseHash, ReleasedImage},
};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct RegisterRequest {
    /// The image's URI as given.
    pub uri: String,
    /// A service or image id.
    pub service: String,
    /// The label.
    pub label: Label,
    /// The digest, for registries that cannot be asked.
    pub digest: Option<Digest>,
}

/// What became of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Registered {
    /// The image's id.
    pub image: ImageId,
    /// The label.
    pub label: Label,
    /// The parameter that names it.
    pub parameter: ParameterName,
    /// The image at its digest.
    #[serde(flatten)]
    pub released: ReleasedImage,
    /// What was changed.
    pub outcome: Outcome,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What registering changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The parameter has another value now.
    Updated,
    /// The same URI is another image now: its tag was moved.
    DigestUpdated,
    /// It was registered before, all the same.
    Unchanged,
}

/// Registers an image under a label.
///
/// # Errors
/// Fails when the image or the service does not exist, before anything is written.
pub async fn register(
    workspace: &Workspace,
    request: &RegisterRequest,
) -> Result<Registered, OpError> {
    let uri = ImageUri::parse(request.uri.as_str())?;
    let image = workspace.project.image_of_word(&request.service)?;
    let project = &workspace.project;
    let environment = project.environments.get(request.label.as_str());
    let home = environment.map_or_else(|| project.home.clone(), Environment::home);
    let access = Access::open(workspace, &home).await?;
    let mut warnings = repository_warning(workspace, &image, &uri);
    if environment.is_some() {
        warnings.push(format!(
            "label `{}` is an environment: its services do not move by this, and the next \
             `terraform apply` would deploy it; `release-tool deploy {} {} --image {image}={uri}` \
             does it now",
            request.label, request.service, request.label
        ));
    }
    warnings.extend(unread_elsewhere(project, &access, &request.label));
    let digest = resolve(&access, &uri, request.digest.as_ref(), &mut warnings).await?;
    let release_hash = release_hash(&access, &uri, digest.as_ref()).await;
    let released = ReleasedImage { uri, digest, release_hash };
    let parameter = ParameterName::of_image(&workspace.project.id, &request.label, &image);
    let outcome =
        outcome(workspace, &access, (&request.label, &image, &parameter), &released).await?;
    if outcome != Outcome::Unchanged {
        let registration = engine::Registration {
            project: workspace.project.id.clone(),
            label: request.label.clone(),
            image: image.clone(),
            released: released.clone(),
            by: access.actor(&workspace.person),
            at: (workspace.now)(),
            write_parameter: outcome == Outcome::Updated,
        };
        engine::register(&workspace.ledger, &access.parameters, &registration).await?;
    }
    Ok(Registered { image, label: request.label.clone(), parameter, released, outcome, warnings })
}

/// Whether deployments to other accounts would look for the label there: the project does not say in
/// which account its labels are.
fn unread_elsewhere(project: &Project, access: &Access, label: &Label) -> Option<String> {
    let here = &access.identity.account;
    let misses = |one: &&Environment| {
        one.from.is_none() && one.account.as_ref().is_some_and(|account| account != here)
    };
    let environment = project.environments.values().find(misses)?;
    let is_elsewhere = project.home.account.is_none() && project.home.role_arn.is_none();
    (is_elsewhere && !project.environments.contains_key(label.as_str())).then(|| {
        let id = &environment.id;
        format!(
            "label `{label}` is written in account {here}, and the manifest does not say so: whoever \
             deploys to `{id}` looks for it in the account of their own credentials; set the \
             project's `account = \"{here}\"` and a `role_arn` there, as docs/accounts.md shows"
        )
    })
}

/// Whether the manifest expects the image in another repository.
fn repository_warning(workspace: &Workspace, image: &ImageId, uri: &ImageUri) -> Vec<String> {
    let described =
        workspace.project.images.get(image).filter(|image| !image.has_its_repository(uri));
    let repository = described.and_then(|image| image.repository.as_deref());
    repository
        .map(|expected| {
            format!("the manifest says `{image}` is in repository `{expected}`, and `{uri}` is not")
        })
        .into_iter()
        .collect()
}

/// The digest, from the registry where it can be asked.
async fn resolve(
    access: &Access,
    uri: &ImageUri,
    given: Option<&Digest>,
    warnings: &mut Vec<String>,
) -> Result<Option<Digest>, OpError> {
    let found = access.registry.resolve(std::slice::from_ref(uri)).await?;
    let known = given.or(uri.digest());
    match found.get(uri) {
        Some(Resolution::Missing { reason }) => {
            Err(OpError::NoSuchImage { uri: uri.clone(), reason: reason.clone() })
        }
        Some(Resolution::TagMoved) => {
            Err(OpError::NoSuchImage { uri: uri.clone(), reason: TAG_MOVED.to_owned() })
        }
        Some(Resolution::Found { digest, .. }) => match known {
            Some(given) if given != digest => Err(OpError::OtherDigest {
                uri: uri.clone(),
                found: digest.clone(),
                given: given.clone(),
            }),
            _ => Ok(Some(digest.clone())),
        },
        Some(Resolution::NotAsked) | None => {
            if known.is_none() {
                warnings.push(format!(
                    "`{}` is not an ECR repository, so the digest of `{uri}` is not known and a \
                     deployment cannot prove that it runs; give it with `--digest sha256:…`",
                    uri.repository()
                ));
            }
            Ok(known.cloned())
        }
    }
}

/// The version of the code: the image's label for it, or what the URI tells.
async fn release_hash(access: &Access, uri: &ImageUri, digest: Option<&Digest>) -> ReleaseHash {
    let labelled = match digest {
        Some(digest) => access.registry.release_hash(uri, digest).await,
        None => None,
    };
    labelled.unwrap_or_else(|| uri.release_hash())
}

/// What registering would change.
async fn outcome(
    workspace: &Workspace,
    access: &Access,
    (label, image, parameter): (&Label, &ImageId, &ParameterName),
    released: &ReleasedImage,
) -> Result<Outcome, OpError> {
    let values = access.parameters.get(std::slice::from_ref(parameter)).await?;
    if values.get(parameter).map(|found| found.value.as_str()) != Some(released.uri.as_str()) {
        return Ok(Outcome::Updated);
    }
    let records = workspace.ledger.labels(&workspace.project.id, label).await?;
    let same = records.get(image).is_some_and(|record| {
        record.uri == released.uri
            && record.digest == released.digest
            && record.release_hash == released.release_hash
    });
    Ok(if same { Outcome::Unchanged } else { Outcome::DigestUpdated })
}
