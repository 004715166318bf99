//! Registering an image: the record first, then the parameter that everybody reads.

use jiff::Timestamp;

use super::error::EngineError;
use crate::{
    backend::{params::Parameters, store::Ledger},
    model::{Actor, ImageId, Label, LabelRecord, ParameterName, ProjectId, ReleasedImage},
};

/// An image to be registered under a label.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The project.
    pub project: ProjectId,
    /// The label.
    pub label: Label,
    /// The image's id.
    pub image: ImageId,
    /// The image.
    pub released: ReleasedImage,
    /// Who registers it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Whether the parameter must be written; false when it has the value already.
    pub write_parameter: bool,
}

/// Records the image and writes its parameter.
///
/// # Errors
/// Fails when the record or the parameter cannot be written. A record without its parameter does
/// no harm: the next `register` writes both again.
pub async fn register(
    ledger: &Ledger,
    parameters: &Parameters,
    registration: &Registration,
) -> Result<(), EngineError> {
    let Registration { project, label, image, released, by, at, .. } = registration;
    let record = LabelRecord {
        uri: released.uri.clone(),
        digest: released.digest.clone(),
        release_hash: released.release_hash.clone(),
        by: by.clone(),
        at: *at,
    };
    ledger
        .record_registration(project, label, image, &record)
        .await
        .map_err(EngineError::RegistrationNotRecorded)?;
    if registration.write_parameter {
        let parameter = ParameterName::of_image(project, label, image);
        parameters
            .put(&parameter, released.uri.as_str(), true)
            .await
            .map_err(|source| EngineError::Parameter { parameter, source })?;
    }
    Ok(())
}
