//! The parameters that name images, and the images that they name.

use std::collections::BTreeMap;

use super::{Patient, failed};
use crate::{
    backend::{
        aws::AwsSession,
        params::{ParameterValue, Parameters},
        registry::{Registry, Resolution},
    },
    manifest::{Environment, Project},
    model::{ImageId, ImageUri, Label, ParameterName},
    ops::OpError,
    plan::{
        Problem,
        doctor::{self, Check, Finding, Image},
    },
};

/// What parameters hold, by image.
type Values = BTreeMap<ImageId, (ParameterName, Option<ParameterValue>)>;

/// Looks at the parameters that deployments to an environment read and write, and at the images that
/// would be deployed.
pub(super) async fn look(
    patient: &Patient<'_>,
    project: &Project,
    (environment, session): (&Environment, &AwsSession),
) -> Vec<Finding> {
    let own = Label::of_environment(&environment.id);
    let (own, source) = tokio::join!(
        read(project, &own, session),
        read_source(patient, project, (environment, session)),
    );
    let (mut seen, mut findings) = (Vec::new(), Vec::new());
    for (values, is_source) in [(&own, false), (&source, true)] {
        match values {
            Ok(values) => seen.extend(values.iter().map(|(image, (parameter, value))| Image {
                image: image.clone(),
                parameter: parameter.clone(),
                is_secure: value.as_ref().map(|value| value.is_secret),
                is_source,
            })),
            Err(error) => findings.push(failed(Check::Parameters, error)),
        }
    }
    findings.extend(doctor::parameters(&seen));
    findings.extend(images(session, source.unwrap_or_default()).await);
    findings
}

/// What the label `latest` names, where deployments take what is registered under it. Where they
/// take what was verified elsewhere, no parameter is read.
async fn read_source(
    patient: &Patient<'_>,
    project: &Project,
    (environment, session): (&Environment, &AwsSession),
) -> Result<Values, OpError> {
    if environment.from.is_some() {
        return Ok(Values::new());
    }
    if project.home == environment.home() {
        return read(project, &Label::latest(), session).await;
    }
    let elsewhere = patient.connector.connect(&project.home).await?;
    elsewhere.identity().await?;
    read(project, &Label::latest(), &elsewhere).await
}

/// Reads what a label names.
async fn read(project: &Project, label: &Label, session: &AwsSession) -> Result<Values, OpError> {
    let images = project.images.keys();
    let names: Vec<(ImageId, ParameterName)> = images
        .map(|image| (image.clone(), ParameterName::of_image(&project.id, label, image)))
        .collect();
    let asked: Vec<ParameterName> = names.iter().map(|(_, name)| name.clone()).collect();
    let mut found = Parameters::new(session.clone()).get(&asked).await?;
    let value = |(image, name): (ImageId, ParameterName)| {
        let value = found.remove(&name);
        (image, (name, value))
    };
    Ok(names.into_iter().map(value).collect())
}

/// Whether the images are in their registries, asked as the environment asks.
async fn images(session: &AwsSession, values: Values) -> Vec<Finding> {
    let (mut uris, mut problems) = (BTreeMap::new(), Vec::new());
    for (image, (parameter, value)) in values {
        match value.map(|value| ImageUri::parse(value.value)) {
            Some(Ok(uri)) => {
                uris.insert(image, uri);
            }
            Some(Err(error)) => {
                let reason = error.to_string();
                problems.push(Problem::NotAnImage { parameter, reason });
            }
            None => {}
        }
    }
    let asked: Vec<ImageUri> = uris.values().cloned().collect();
    let found = match Registry::new(session.clone()).resolve(&asked).await {
        Ok(found) => found,
        Err(error) => return vec![failed(Check::Images, &error.into())],
    };
    let count = uris.len();
    for (image, uri) in uris {
        if let Some(Resolution::Missing { reason }) = found.get(&uri) {
            let reason = reason.clone();
            problems.push(Problem::ImageMissing { image, uri, reason });
        }
    }
    doctor::images(count, &problems)
}
