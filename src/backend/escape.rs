//! The local file that takes up the record of a deployment while the store cannot be written.
//!
//! JSON, one line a change, each on the disk before the next effect. The first line says which
//! deployment it is of.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
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
    /// The number of the lease that it was worked on under.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fence: Option<u64>,
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
    /// Begins the file of a deployment that is worked on under the lease with this number, or goes
    /// on with it. Each lease has a file of its own. The end of a line that was never finished is
    /// cut off.
    ///
    /// # Errors
    /// Fails when the folder or the file cannot be written.
    pub fn create(folder: &Path, deployment: &Deployment, fence: u64) -> Result<Self, EscapeError> {
        let Deployment { project, environment, number, .. } = deployment;
        let path = folder.join(format!("{project}-{environment}-{number}-{fence}.{EXTENSION}"));
        let failed = |source| EscapeError::File { file: path.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        let whole = cut_torn_line(&mut file).map_err(failed)?;
        let mut writer = Self { path, file };
        if whole == 0 {
            writer.append(&Head {
                schema: SCHEMA,
                project: project.clone(),
                environment: environment.clone(),
                deployment: *number,
                fence: Some(fence),
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
        // What a full disk left of an earlier line is not part of this one.
        cut_torn_line(&mut self.file).map_err(failed)?;
        self.file.write_all(text.as_bytes()).map_err(failed)?;
        self.file.sync_data().map_err(failed)
    }
}

/// Cuts off a last line without its end, and goes to where the next line begins. Gives the length.
fn cut_torn_line(file: &mut File) -> io::Result<u64> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let length = u64::try_from(whole).map_err(io::Error::other)?;
    if whole < bytes.len() {
        file.set_len(length)?;
    }
    file.seek(SeekFrom::Start(length))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeploymentKind, OnFailure, ReleaseNumber, Selection};

    fn deployment() -> Deployment {
        Deployment {
            number: DeploymentNumber(7),
            project: ProjectId::new("cat").unwrap(),
            environment: EnvironmentId::new("prod").unwrap(),
            selection: Selection::All,
            release: ReleaseNumber(1),
            kind: DeploymentKind::Deploy,
            status: DeploymentStatus::Running,
            actor: crate::model::Actor::default(),
            description: None,
            created_at: Timestamp::UNIX_EPOCH,
            finished_at: None,
            tool_version: String::new(),
            on_failure: OnFailure::Hold,
            settle_seconds: 0,
            from_release: None,
            cancel: None,
            steps: Vec::new(),
        }
    }

    fn line(status: DeploymentStatus) -> Line {
        Line::Status { status, at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_file_that_is_gone_on_with_begins_after_its_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let open = || EscapeWriter::create(folder.path(), &deployment(), 3).unwrap();
        let path = open().path().to_owned();
        let head = fs::read_to_string(&path).unwrap();
        let (first, second) = (line(DeploymentStatus::Unknown), line(DeploymentStatus::Failed));
        // Wherever the head was torn, it is written anew.
        for length in 0..head.len() {
            fs::write(&path, &head.as_bytes()[..length]).unwrap();
            assert!(matches!(read(&path), Err(EscapeError::Head { .. })), "{length}");
            open().write(&first).unwrap();
            assert_eq!(read(&path).unwrap().1, std::slice::from_ref(&first), "{length}");
        }
        let whole = fs::read_to_string(&path).unwrap();
        // Wherever the line was torn, it is gone.
        for length in head.len()..whole.len() {
            fs::write(&path, &whole.as_bytes()[..length]).unwrap();
            assert_eq!(read(&path).unwrap().1, [], "{length}");
            open().write(&second).unwrap();
            let (head, lines) = read(&path).unwrap();
            assert_eq!((head.fence, lines), (Some(3), vec![second.clone()]), "{length}");
        }
    }

    #[test]
    fn each_lease_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        for fence in [1, 2] {
            let mut writer = EscapeWriter::create(folder.path(), &deployment(), fence).unwrap();
            writer.write(&line(DeploymentStatus::Unknown)).unwrap();
        }
        let read = files(folder.path()).unwrap().into_iter().map(|file| read(&file).unwrap());
        assert_eq!(read.map(|(head, _)| head.fence).collect::<Vec<_>>(), [Some(1), Some(2)]);
    }
}
