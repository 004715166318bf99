//! The composition root: from settings to a workspace.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{failure::CliError, place::StorePlace, sandbox as sandbox_command, settings::Settings};
use crate::{
    backend::{
        actor::{ActorClues, actor},
        aws::{Aws, AwsOptions, Credentials, Pacing, Throttles},
        clock,
        source::{self, Repository},
        store::{Ledger, Store},
    },
    manifest::{Manifest, Project},
    model::{AccountId, DeploymentNumber, Region},
    ops::{self, Connector, Workspace},
    sandbox::{self, Sandbox},
    ui,
};

/// The manifest's name.
const MANIFEST: &str = ".weco-project";
/// The folder beside the manifest that holds what the program keeps.
const STATE: &str = ".release-tool";

/// The files that hold the record of deployments in the sandbox.
pub(super) const SANDBOX_STORE_FILES: [&str; 3] =
    ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"];

/// A manifest that was found and read.
pub(super) struct Found {
    /// The manifest.
    pub(super) manifest: Manifest,
    /// The folder it is in.
    pub(super) folder: PathBuf,
}

/// Finds the manifest and reads it.
pub(super) fn manifest(settings: &Settings) -> Result<Found, CliError> {
    let file = match &settings.global.manifest {
        Some(file) => settings.directory().join(file),
        None => search(&settings.directory())?,
    };
    let text = fs::read_to_string(&file)
        .map_err(|source| CliError::UnreadableManifest { file: file.clone(), source })?;
    let manifest = Manifest::parse(&file.display().to_string(), &text)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    Ok(Found { manifest, folder })
}

/// Looks for the manifest in the directory and those above it, up to the root of the git
/// repository, or of the file system where there is none.
fn search(directory: &Path) -> Result<PathBuf, CliError> {
    let start = directory
        .canonicalize()
        .map_err(|source| CliError::UnreadableManifest { file: directory.into(), source })?;
    for folder in start.ancestors() {
        let file = folder.join(MANIFEST);
        if file.is_file() {
            return Ok(relative(&file, directory));
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    Err(CliError::NoManifest { directory: start })
}

/// The file as the user would name it, where it is right here.
fn relative(file: &Path, directory: &Path) -> PathBuf {
    let here = directory.join(MANIFEST);
    let same = here.canonicalize().is_ok_and(|here| file.canonicalize().is_ok_and(|f| f == here));
    match here.strip_prefix(".") {
        Ok(short) if same => short.to_path_buf(),
        _ if same => here,
        _ => file.to_path_buf(),
    }
}

/// Where the sandbox keeps its state.
pub(super) fn sandbox_folder(settings: &Settings, manifest_folder: &Path) -> PathBuf {
    let beside = || manifest_folder.join(STATE).join("sandbox");
    settings.global.sandbox_dir.clone().unwrap_or_else(beside)
}

/// A project with the ways to its store and to AWS, of which none was used yet.
pub(super) struct Base {
    /// The project.
    pub(super) project: Project,
    /// Where its store is.
    pub(super) place: StorePlace,
    /// The way to AWS.
    pub(super) connector: Connector,
    /// Which operations AWS throttles.
    throttles: Arc<Throttles>,
    /// The local git repository, if there is one.
    pub(super) repository: Option<Repository>,
    /// Where what the store does not take is kept.
    journal_folder: PathBuf,
    /// The folder of the manifest.
    pub(super) folder: PathBuf,
    /// The sandbox, where it is worked in.
    sandbox: Option<Sandbox>,
}

/// Finds the project, and how to reach its store and AWS.
pub(super) fn base(settings: &Settings, project: Option<&str>) -> Result<Base, CliError> {
    let found = manifest(settings)?;
    let project = found.manifest.project(project)?.clone();
    let repository = Repository::discover(&found.folder);
    let sandbox = if settings.global.sandbox {
        Some(sandbox_command::prepare(settings, &found, repository.as_ref())?)
    } else {
        None
    };
    let place = match &sandbox {
        Some(_) => StorePlace::File(sandbox_folder(settings, &found.folder).join("store.sqlite")),
        None => StorePlace::of(&project, &found.folder),
    };
    let throttles = Arc::new(Throttles::default());
    let connector = connector(settings, &project, (sandbox.as_ref(), &throttles));
    let journal_folder = found.folder.join(STATE).join("journal");
    let folder = found.folder;
    Ok(Base { project, place, connector, throttles, repository, journal_folder, folder, sandbox })
}

/// Opens everything a command works with, and tells of deployments that nobody finishes.
pub(super) async fn open(
    settings: &Settings,
    project: Option<&str>,
) -> Result<Workspace, CliError> {
    let workspace = open_quietly(settings, project).await?;
    tell_left_behind(settings, &workspace, None).await?;
    Ok(workspace)
}

/// Tells of deployments that nobody finishes, but not of the one that is told of otherwise.
pub(super) async fn tell_left_behind(
    settings: &Settings,
    workspace: &Workspace,
    told: Option<DeploymentNumber>,
) -> Result<(), CliError> {
    for open in ops::open_deployments(workspace).await? {
        if !open.is_worked_on && Some(open.deployment.number) != told {
            settings.console.remark(ui::left_behind(&open.deployment));
        }
    }
    Ok(())
}

/// Opens everything a command works with.
pub(super) async fn open_quietly(
    settings: &Settings,
    project: Option<&str>,
) -> Result<Workspace, CliError> {
    let Base { project, place, connector, throttles, repository, journal_folder, folder, sandbox } =
        base(settings, project)?;
    let store: Arc<dyn Store> = place.open(&connector).await?.store;
    let ledger = Ledger::new(match sandbox {
        Some(sandbox) => Arc::new(sandbox_command::WatchedStore::new(store, sandbox)),
        None => store,
    });
    let git_user = repository.as_ref().map_or_else(source::default_user, Repository::user);
    let person = actor(&ActorClues {
        variables: &settings.surroundings.variables,
        git_user: git_user.as_deref(),
        host: settings.surroundings.host.as_deref(),
        arn: None,
    });
    Ok(Workspace {
        connector,
        throttles,
        project,
        ledger,
        repository,
        person,
        now: clock::now,
        journal_folder,
        folder,
    })
}

/// How AWS is reached.
fn connector(
    settings: &Settings,
    project: &Project,
    (sandbox, throttles): (Option<&Sandbox>, &Arc<Throttles>),
) -> Connector {
    let variable = |name: &str| settings.surroundings.variable(name).map(str::to_owned);
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| variable(name));
    // What the SDKs are told to ignore leads nowhere.
    let is_ignored = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let leftover = settings
        .surroundings
        .variables
        .iter()
        .find(|(name, value)| name.starts_with("AWS_ENDPOINT_URL") && !value.is_empty())
        .filter(|_| !is_ignored)
        .map(|(name, value)| format!("{name}={value}"));
    let options = AwsOptions {
        http_client: sandbox.map(Sandbox::http_client),
        pacing: Pacing::AfterThrottle,
        on_throttle: Some(throttles.hook()),
    };
    Connector {
        aws: Aws::new(options),
        region: region.and_then(|region| Region::new(region).ok()),
        profile: variable("AWS_PROFILE"),
        endpoint_url: settings.global.endpoint_url.clone(),
        leftover_endpoint: leftover.filter(|_| sandbox.is_none()),
        instance_metadata: variable("AWS_EC2_METADATA_DISABLED").as_deref() == Some("false"),
        sandbox: sandbox.map(|_| sandbox_credentials as fn(Option<&AccountId>) -> Credentials),
        session_name: format!("release-tool-{}", project.id),
    }
}

/// Credentials that the sandbox takes for an account.
fn sandbox_credentials(account: Option<&AccountId>) -> Credentials {
    sandbox::credentials(account.map_or(sandbox::DEFAULT_ACCOUNT, AccountId::as_str))
}
