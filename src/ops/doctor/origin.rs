//! Whether the images of an environment that takes them from another one can be found: in the record,
//! or else in the other one's parameters.

use super::{Patient, failed};
use crate::{
    backend::{
        params::Parameters,
        store::{Ledger, StoreError},
    },
    manifest::Environment,
    model::{EnvironmentId, ImageId, Label, ParameterName},
    ops::{OpError, OutOfReach},
    plan::{
        ImageSource,
        doctor::{Check, Finding},
    },
};

/// Looks where the images of an environment come from. Nothing is told where that is a label, which is
/// looked at with the parameters, or where the manifest names no images.
pub(super) async fn look(
    patient: &Patient<'_>,
    environment: &Environment,
    ledger: &Ledger,
) -> Vec<Finding> {
    let Some(from) = &environment.from else { return Vec::new() };
    if patient.project.images.is_empty() {
        return Vec::new();
    }
    vec![match unrecorded(patient, from, ledger).await {
        Err(error) => failed(Check::Images, &error.into()),
        Ok(images) if images.is_empty() => {
            Finding::ok(Check::Images, format!("come from `{from}`, as verified there on record"))
        }
        Ok(images) => match unnamed(patient, from, &images).await {
            Ok(unnamed) => told(from, &images, &unnamed),
            Err(cause) => {
                let (source_of, is_set) = (ImageSource::Environment(from.clone()), true);
                let cause = Box::new(cause);
                let error = OutOfReach { source_of, is_set, unrecorded: images, cause };
                failed(Check::Images, &error.into())
            }
        },
    }]
}

/// The images of which nothing verified there is on record.
async fn unrecorded(
    patient: &Patient<'_>,
    from: &EnvironmentId,
    ledger: &Ledger,
) -> Result<Vec<ImageId>, StoreError> {
    let heads = ledger.heads(&patient.project.id, from).await?;
    let verified: Vec<_> = heads.into_values().filter_map(|head| head.verified).collect();
    let is_recorded =
        |image: &&ImageId| verified.iter().any(|head| head.images.contains_key(*image));
    let images = patient.project.images.keys();
    Ok(images.filter(|image| !is_recorded(image)).cloned().collect())
}

/// Those of them that have no parameter there either.
async fn unnamed(
    patient: &Patient<'_>,
    from: &EnvironmentId,
    images: &[ImageId],
) -> Result<Vec<ImageId>, OpError> {
    let environment = patient.project.environment(from.as_str())?;
    let session = patient.connector.connect(&environment.home()).await?;
    session.identity().await?;
    let label = Label::of_environment(from);
    let name = |image: &ImageId| ParameterName::of_image(&patient.project.id, &label, image);
    let names: Vec<ParameterName> = images.iter().map(name).collect();
    let found = Parameters::new(session).get(&names).await?;
    Ok(images.iter().filter(|image| !found.contains_key(&name(image))).cloned().collect())
}

/// What was seen of images that are not on record.
fn told(from: &EnvironmentId, images: &[ImageId], unnamed: &[ImageId]) -> Finding {
    let quoted = |images: &[ImageId]| {
        let names: Vec<String> = images.iter().map(|image| format!("`{image}`")).collect();
        names.join(", ")
    };
    if unnamed.is_empty() {
        let text = format!(
            "come from `{from}`; of {} nothing verified there is on record, and its parameters are taken",
            quoted(images)
        );
        return Finding::ok(Check::Images, text);
    }
    let text = format!(
        "come from `{from}`, where {} is neither verified on record nor named by a parameter",
        quoted(unnamed)
    );
    Finding::fail(Check::Images, text, Some(format!("deploy to `{from}` first")))
}
