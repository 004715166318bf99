//! Where the rest of a record goes when the store is away: a file beside the manifest, one line a
//! change, which `journal push` brings into the store.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::{
    backend::escape::{EscapeError, EscapeWriter, Line},
    model::{Deployment, DeploymentStatus, Step},
};

/// The file of one deployment, made when it is first needed.
pub(super) struct EscapeFile {
    /// The folder it is made in.
    folder: PathBuf,
    /// The number of the lease.
    fence: u64,
    /// The file, once it is there.
    writer: Mutex<Option<EscapeWriter>>,
}

impl EscapeFile {
    /// Nothing is written yet.
    pub(super) fn new(folder: PathBuf, fence: u64) -> Self {
        Self { folder, fence, writer: Mutex::new(None) }
    }

    /// Whether the record goes here.
    pub(super) fn is_open(&self) -> bool {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The file, if it was needed.
    pub(super) fn written(&self) -> Option<PathBuf> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.as_ref().map(|writer| writer.path().to_path_buf())
    }

    /// Writes a step as it is now.
    pub(super) fn step(
        &self,
        deployment: &Deployment,
        position: usize,
        step: &Step,
    ) -> Result<(), EscapeError> {
        self.write(deployment, &Line::Step { position, step: Box::new(step.clone()) })
    }

    /// Writes the deployment's status.
    pub(super) fn status(
        &self,
        deployment: &Deployment,
        status: DeploymentStatus,
        at: Timestamp,
    ) -> Result<(), EscapeError> {
        self.write(deployment, &Line::Status { status, at })
    }

    /// Writes a line.
    fn write(&self, deployment: &Deployment, line: &Line) -> Result<(), EscapeError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.is_none() {
            *writer = Some(EscapeWriter::create(&self.folder, deployment, self.fence)?);
        }
        match writer.as_mut() {
            Some(writer) => writer.write(line),
            None => Ok(()),
        }
    }
}
