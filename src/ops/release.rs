//! Releases without deployments: made, listed, and shown.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use super::{
    access::Access,
    draft::{users, with_services},
    error::OpError,
    history::newest_since,
    images::{Gathered, Search, gather, named_source, source_of},
    workspace::Workspace,
};
use crate::{
    backend::store::ledger::NewRelease,
    manifest::Environment,
    model::{
        Deployment, EnvironmentId, ImageId, ImageUri, Label, Release, ReleaseNumber,
        ReleaseStanding, ServiceHead, ServiceId,
    },
    plan::{ImageSource, Problem, Refusal},
};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct ReleaseRequest {
    /// `all`, a set or a service.
    pub selection: String,
    /// Whose account and registry answers for the images; the project's own where it is none.
    pub environment: Option<String>,
    /// `--from`.
    pub from: Option<String>,
    /// `--image`.
    pub images: BTreeMap<ImageId, ImageUri>,
    /// `--allow-missing`.
    pub allow_missing: bool,
    /// Why.
    pub description: Option<String>,
}

/// A release that is there now.
#[derive(Debug, Clone, serde::Serialize)]
pub struct MadeRelease {
    /// The release.
    pub release: Release,
    /// Whether it was made just now.
    pub created: bool,
    /// The images that were left out, with why.
    pub left_out: BTreeMap<ImageId, String>,
}

/// Makes a release of the images that a deployment would take, and touches nothing else. The same
/// content is the same release.
///
/// # Errors
/// Refuses, with everything that is wrong with the images, or fails when AWS or the store does.
pub async fn make_release(
    workspace: &Workspace,
    request: &ReleaseRequest,
) -> Result<MadeRelease, OpError> {
    let project = &workspace.project;
    let environment = match &request.environment {
        Some(id) => Some(project.environment(id)?),
        None => None,
    };
    let home = environment.map_or_else(|| project.home.clone(), Environment::home);
    let access = Access::open(workspace, &home).await?;
    let source = source(workspace, environment, request.from.as_deref())?;
    let project = with_services(workspace, &source).await?;
    let selection = project.select(&request.selection)?;
    let users = users(&project, &project.services_of(&selection));
    if let Some(image) = request.images.keys().find(|image| !users.contains_key(*image)) {
        return Err(OpError::NotSelected { image: image.to_string() });
    }
    let search = Search {
        home,
        access: &access,
        registry: environment.and_then(|environment| environment.registry.as_ref()),
        source: &source,
        given: &request.images,
        users: &users,
    };
    let gathered = gather(workspace, &search).await?;
    let (gathered, left_out) = settle(gathered, request.allow_missing)?;
    let (release, created) = workspace
        .ledger
        .record_release(NewRelease {
            project: project.id.clone(),
            selection,
            images: gathered.images,
            actor: access.actor(&workspace.person),
            description: request.description.clone(),
            at: (workspace.now)(),
        })
        .await?;
    Ok(MadeRelease { release, created, left_out })
}

/// Where the images come from.
fn source(
    workspace: &Workspace,
    environment: Option<&Environment>,
    from: Option<&str>,
) -> Result<ImageSource, OpError> {
    let project = &workspace.project;
    match (environment, from) {
        (Some(environment), from) => source_of(project, environment, from),
        (None, Some(from)) => named_source(project, from),
        (None, None) => Ok(ImageSource::Label(Label::latest())),
    }
}

/// The images, and those that are left out where that is allowed; everything else is refused.
fn settle(
    mut gathered: Gathered,
    allow_missing: bool,
) -> Result<(Gathered, BTreeMap<ImageId, String>), OpError> {
    let mut left_out = BTreeMap::new();
    if allow_missing {
        gathered.problems.retain(|image, problem| {
            let is_missing = problem.is_missing_image();
            if is_missing {
                left_out.insert(image.clone(), problem.to_string());
            }
            !is_missing
        });
    }
    let problems: Vec<Problem> = gathered.problems.values().cloned().collect();
    if !problems.is_empty() {
        return Err(Refusal { problems }.into());
    }
    if gathered.images.is_empty() {
        return Err(OpError::AllLeftOut { reasons: left_out.into_values().collect() });
    }
    Ok((gathered, left_out))
}

/// A release and where it stands.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ListedRelease {
    /// The release.
    #[serde(flatten)]
    pub release: Release,
    /// The environments whose heads know it, in the order of the manifest.
    pub standings: Vec<ReleaseStanding>,
}

/// The newest releases, newest first.
///
/// # Errors
/// Fails when the store cannot be read.
pub async fn releases(workspace: &Workspace, limit: usize) -> Result<Vec<ListedRelease>, OpError> {
    let releases = workspace.ledger.releases(&workspace.project.id, limit).await?;
    let heads = heads(workspace).await?;
    let listed = releases.into_iter().map(|release| {
        let standings = standings(release.number, &heads);
        ListedRelease { release, standings }
    });
    Ok(listed.collect())
}

/// A release, where it stands, and what became of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ShownRelease {
    /// The release.
    pub release: Release,
    /// The environments whose heads know it, in the order of the manifest.
    pub standings: Vec<ReleaseStanding>,
    /// The deployments that had it, newest first.
    pub deployments: Vec<Deployment>,
}

/// One release, whole.
///
/// # Errors
/// Fails when there is no such release, or the store cannot be read.
pub async fn show_release(
    workspace: &Workspace,
    number: ReleaseNumber,
) -> Result<ShownRelease, OpError> {
    let release = workspace.ledger.find_release(&workspace.project.id, number).await?;
    let standings = standings(number, &heads(workspace).await?);
    // No deployment of it is older than itself, but for machines whose clocks differ.
    let since = release.created_at - CLOCKS_DIFFER;
    let mut deployments = newest_since(workspace, (None, None), Some(since), usize::MAX).await?;
    deployments.retain(|deployment| deployment.release == number);
    Ok(ShownRelease { release, standings, deployments })
}

/// By how much the clocks of machines that deploy may differ.
const CLOCKS_DIFFER: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// The heads of an environment, by service.
type Heads = (EnvironmentId, BTreeMap<ServiceId, ServiceHead>);

/// The heads of every environment, in the order of the manifest.
async fn heads(workspace: &Workspace) -> Result<Vec<Heads>, OpError> {
    let project = &workspace.project;
    let read = project.environments.keys().map(async |id| {
        let heads = workspace.ledger.heads(&project.id, id).await?;
        Ok((id.clone(), heads))
    });
    try_join_all(read).await
}

/// Where a release stands in each environment whose heads know it.
fn standings(number: ReleaseNumber, heads: &[Heads]) -> Vec<ReleaseStanding> {
    let standing = |(id, heads): &Heads| ReleaseStanding::of(number, id, heads.values());
    heads.iter().filter_map(standing).collect()
}
