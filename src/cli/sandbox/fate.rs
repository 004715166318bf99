//! `sandbox fate` and `sandbox hook`: what becomes of tasks that run an image, and what functions of
//! lifecycle hooks answer.
//!
//! Invariant: what nothing is named like is refused: a slip of the pen would have no effect, and
//! nobody would be told.

use super::{done, open};
use crate::{
    cli::{failure::CliError, settings::Settings, workspace},
    model::{ImageId, ImageUri, Label, ParameterName},
    ops,
    sandbox::{Fate, FunctionAnswer, admin},
};

/// Says what becomes of an image.
pub(super) async fn set(settings: &Settings, image: &str, fate: Fate) -> Result<(), CliError> {
    let uri = match named_image(settings, image).await? {
        Some(uri) => uri.to_string(),
        None => image.to_owned(),
    };
    let sandbox = open(settings)?;
    if sandbox.images_meant(&uri)?.is_empty() {
        return Err(no_image(settings, image));
    }
    sandbox.set_fate(&admin::SetFate { image: uri.clone(), fate })?;
    done(settings, format!("Tasks that run {uri}: {fate}"));
    Ok(())
}

/// Says what a function answers.
pub(super) fn set_hook(
    settings: &Settings,
    function: &str,
    answer: FunctionAnswer,
) -> Result<(), CliError> {
    let sandbox = open(settings)?;
    let called = sandbox.hook_functions(function)?;
    if called.values().all(|is_meant| !is_meant) {
        return Err(no_function(function, called.keys().map(String::as_str)));
    }
    sandbox.set_hook(&admin::SetHook { function: function.to_owned(), answer })?;
    done(settings, format!("Function {function} answers: {answer}"));
    Ok(())
}

/// The URI that the label `latest` names for an image of the manifest.
async fn named_image(settings: &Settings, word: &str) -> Result<Option<ImageUri>, CliError> {
    let Ok(image) = ImageId::new(word) else { return Ok(None) };
    let Ok(found) = workspace::manifest(settings) else { return Ok(None) };
    let project = found.manifest.projects().find(|p| p.image_of_word(word).is_ok());
    let Some(project) = project else { return Ok(None) };
    let image = project.image_of_word(word).unwrap_or(image);
    let in_sandbox = settings.in_sandbox();
    let workspace = workspace::open(&in_sandbox, Some(project.id.as_str())).await?;
    let access = ops::Access::open(&workspace, &workspace.project.home).await?;
    let name = ParameterName::of_image(&project.id, &Label::latest(), &image);
    let value =
        access.parameters.get(std::slice::from_ref(&name)).await.map_err(ops::OpError::from)?;
    Ok(value.get(&name).and_then(|found| ImageUri::parse(found.value.as_str()).ok()))
}

/// That nothing in the sandbox is an image with this name; with those of the manifest.
fn no_image(settings: &Settings, image: &str) -> CliError {
    let found = workspace::manifest(settings).ok();
    let projects = found.iter().flat_map(|found| found.manifest.projects());
    let known: Vec<&str> =
        projects.flat_map(|project| project.images.keys()).map(ImageId::as_str).collect();
    let known = if known.is_empty() { String::new() } else { format!("{}, or ", known.join(", ")) };
    CliError::Usage {
        message: format!("`{image}` is no image in the sandbox"),
        hint: format!(
            "name one of the manifest: {known}push it with `release-tool sandbox set push-image <uri>`"
        ),
    }
}

/// That no hook calls a function with this name; with those that are called.
fn no_function<'a>(function: &str, called: impl Iterator<Item = &'a str>) -> CliError {
    let name = |arn: &'a str| arn.split_once(":function:").map_or(arn, |(_, name)| name);
    let known: Vec<&str> = called.map(name).collect();
    let hint = match known.as_slice() {
        [] => format!(
            "have one called with `release-tool sandbox set strategy <service> <env> blue-green \
             --lambda-hook POST_SCALE_UP={function}`"
        ),
        known => format!("name one that is called: {}", known.join(", ")),
    };
    let message = format!("no lifecycle hook in the sandbox calls the function `{function}`");
    CliError::Usage { message, hint }
}
