//! Where a store is, as the manifest or an argument names it, and the way in.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use super::{failure::CliError, settings::Settings};
use crate::{
    backend::store::{DynamoStore, SqliteStore},
    manifest::{Home, Project, StoreSetting, TableSetting},
    model::TableName,
    ops::{Connector, NamedStore, OpError},
};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StorePlace {
    /// In an SQLite file.
    File(PathBuf),
    /// In a DynamoDB table.
    Table(TableSetting),
}

impl StorePlace {
    /// The store that the manifest in `folder` names.
    pub(super) fn of(project: &Project, folder: &Path) -> Self {
        match (&project.store, project.store.path(folder)) {
            (StoreSetting::DynamoDb(setting), _) => Self::Table(setting.as_ref().clone()),
            (_, path) => Self::File(path.unwrap_or_else(|| folder.to_path_buf())),
        }
    }

    /// A table of this name, reached as the manifest's store is.
    pub(super) fn table(table: TableName, project: &Project) -> Self {
        let home = match &project.store {
            StoreSetting::DynamoDb(setting) => setting.home.clone(),
            StoreSetting::BesideManifest | StoreSetting::Sqlite(_) => Home {
                region: project.home.region.clone(),
                profile: project.home.profile.clone(),
                ..Home::default()
            },
        };
        Self::Table(TableSetting { table, home })
    }

    /// Opens the store, and checks that its account is the one it should be.
    pub(super) async fn open(&self, connector: &Connector) -> Result<NamedStore, CliError> {
        let name = self.to_string();
        Ok(match self {
            Self::File(path) => {
                NamedStore { name, store: Arc::new(SqliteStore::open(path.as_path()).await?) }
            }
            Self::Table(setting) => {
                NamedStore { name, store: Arc::new(open_table(setting, connector).await?) }
            }
        })
    }
}

/// The way to a table.
pub(super) async fn open_table(
    setting: &TableSetting,
    connector: &Connector,
) -> Result<DynamoStore, CliError> {
    let session = connector.connect(&setting.home).await?;
    if setting.home.account.is_some() {
        session.identity().await.map_err(OpError::from)?;
    }
    Ok(DynamoStore::new(session, setting.table.clone()))
}

impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "sqlite={}", path.display()),
            Self::Table(setting) => write!(f, "dynamodb={}", setting.table),
        }
    }
}

/// A store as an argument names it: `sqlite=<path>` or `dynamodb=<table>`.
#[derive(Debug, Clone)]
pub(super) enum StoreArgument {
    /// A file, from the directory that the command works in.
    File(PathBuf),
    /// A table.
    Table(TableName),
}

impl FromStr for StoreArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("dynamodb", table)) => {
                TableName::new(table).map(Self::Table).map_err(|error| error.to_string())
            }
            _ => Err("it is `sqlite=<path>` or `dynamodb=<table>`".to_owned()),
        }
    }
}

impl StoreArgument {
    /// Where it is.
    pub(super) fn place(&self, settings: &Settings, project: &Project) -> StorePlace {
        match self {
            Self::File(path) => StorePlace::File(settings.directory().join(path)),
            Self::Table(table) => StorePlace::table(table.clone(), project),
        }
    }
}
