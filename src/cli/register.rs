//! `register`: this image is now the latest of that service.

use clap::Args;

use super::{exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    model::{Digest, Label},
    ops::{self, Outcome, RegisterRequest, Registered},
    ui::{self, Format},
};

/// Say that an image is now the latest of a service.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool register 111111111111.dkr.ecr.eu-west-1.amazonaws.com/search:4246187 search
  release-tool register docker.io/library/nginx:1.27 proxy --digest sha256:…")]
pub(crate) struct RegisterArguments {
    /// The image: `<registry>/<repository>:<tag>`, or `…@sha256:…` for an exact digest.
    uri: String,
    /// The service, or the image's id where the service runs several.
    service: String,
    /// The label to write, for example a branch. With the id of an environment it is that
    /// environment's own parameter, which `deploy` writes and Terraform reads; the environment does
    /// not move by it.
    #[arg(long = "env", value_name = "LABEL", default_value = "latest", visible_alias = "label")]
    label: String,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// The image's digest. Needed where the registry cannot be asked, which is any but ECR; where
    /// it can, the two are compared.
    #[arg(long, value_name = "sha256:…", value_parser = parse_digest)]
    digest: Option<Digest>,
}

/// Reads a digest.
fn parse_digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "it is `sha256:` and 64 hexadecimal digits".to_owned())
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: RegisterArguments,
) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let request = RegisterRequest {
        uri: arguments.uri,
        service: arguments.service,
        label: Label::new(arguments.label).map_err(ops::OpError::from)?,
        digest: arguments.digest,
    };
    let registered = ops::register(&workspace, &request).await?;
    let console = &settings.console;
    for warning in &registered.warnings {
        console.error(format!("warning: {}", ui::escape(warning)));
    }
    match console.format {
        Format::Json => console.result(ui::document("registration", &registered)),
        Format::Human => console.result(words(&registered)),
    }
    Ok(Exit::Done)
}

/// What became of it, one line.
fn words(registered: &Registered) -> String {
    let Registered { parameter, released, .. } = registered;
    match registered.outcome {
        Outcome::Updated => format!("Updated: {parameter}"),
        Outcome::DigestUpdated => {
            let digest = released.digest.as_ref().map_or("an unknown digest", Digest::short);
            format!("Updated: {parameter} (the same tag, now {digest})")
        }
        Outcome::Unchanged => format!("Unchanged: {parameter} is {} already", released.uri),
    }
}
