//! The local file that takes up the record of a deployment while the store cannot be written.
//!
//! JSON, one line a change, each on the disk before the next effect. The first line says which
//! deployment it is of.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    Deployment, DeploymentNumber, DeploymentStatus, EnvironmentId, ProjectId, Step,
};

/// The schema of the lines.
const SCHEMA: u32 = 1;
/// How the files' names end.
const EXTENSION: &str = "jsonl";

/// Why the file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum EscapeError {
    /// The system says no.
    #[error("failed to use `{}`", file.display())]
    File {
        /// The file or folder.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not what this program writes.
    #[error("failed to read line {line} of `{}`", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// The file is of a newer version, or of no version at all.
    #[error("failed to read `{}`: it does not begin as this program begins such files", file.display())]
    Head {
        /// The file.
        file: PathBuf,
    },
}

/// The deployment that a file is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The schema of the lines.
    schema: u32,
    /// The project.
    pub project: ProjectId,
    /// Where.
    pub environment: EnvironmentId,
    /// The deployment.
    pub deployment: DeploymentNumber,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Line {
    /// A step as it became.
    Step {
        /// Its place.
        position: usize,
        /// The step.
        step: Box<Step>,
    },
    /// The status that the deployment got.
    Status {
        /// The status.
        status: DeploymentStatus,
        /// When.
        at: Timestamp,
    },
}

/// A file that is being written.
#[derive(Debug)]
pub struct EscapeWriter {
    /// Where it is.
    path: PathBuf,
    /// The file.
    file: File,
}

impl EscapeWriter {
    /// Begins the file of a deployment, or goes on with it.
    ///
    /// # Errors
    /// Fails when the folder or the file cannot be written.
    pub fn create(folder: &Path, deployment: &Deployment) -> Result<Self, EscapeError> {
        let Deployment { project, environment, number, .. } = deployment;
        let path = folder.join(format!("{project}-{environment}-{number}.{EXTENSION}"));
        let failed = |source| EscapeError::File { file: path.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let is_new = !path.exists();
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        let mut writer = Self { path, file };
        if is_new {
            writer.append(&Head {
                schema: SCHEMA,
                project: project.clone(),
                environment: environment.clone(),
                deployment: *number,
            })?;
        }
        Ok(writer)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a change; it is on the disk when this returns.
    ///
    /// # Errors
    /// Fails when the file cannot be written.
    pub fn write(&mut self, line: &Line) -> Result<(), EscapeError> {
        self.append(line)
    }

    /// Writes a line.
    fn append(&mut self, value: &impl Serialize) -> Result<(), EscapeError> {
        let failed = |source| EscapeError::File { file: self.path.clone(), source };
        let mut text = serde_json::to_string(value).map_err(io::Error::from).map_err(failed)?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(failed)?;
        self.file.sync_data().map_err(failed)
    }
}

/// The files of a folder, in the order of their names; none where there is no folder.
///
/// # Errors
/// Fails when the folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, EscapeError> {
    let failed = |source| EscapeError::File { file: folder.to_path_buf(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a file. A last line without its end was being written when the process died; nothing
/// followed it, so it is left out.
///
/// # Errors
/// Fails when the file cannot be read, or holds something else.
pub fn read(file: &Path) -> Result<(Head, Vec<Line>), EscapeError> {
    let text = fs::read_to_string(file)
        .map_err(|source| EscapeError::File { file: file.to_path_buf(), source })?;
    let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
    let mut lines = whole.lines();
    let head = lines.next().and_then(|line| serde_json::from_str::<Head>(line).ok());
    let head = head
        .filter(|head| head.schema <= SCHEMA)
        .ok_or_else(|| EscapeError::Head { file: file.to_path_buf() })?;
    let read = |(at, line): (usize, &str)| {
        let file = file.to_path_buf();
        serde_json::from_str(line).map_err(|source| EscapeError::Line {
            file,
            line: at + 2,
            source,
        })
    };
    Ok((head, lines.enumerate().map(read).collect::<Result<_, _>>()?))
}

/// Removes a file whose lines are in the store.
///
/// # Errors
/// Fails when it cannot be removed.
pub fn remove(file: &Path) -> Result<(), EscapeError> {
    fs::remove_file(file).map_err(|source| EscapeError::File { file: file.to_path_buf(), source })
}
