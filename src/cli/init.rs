//! `init`: a manifest of what is known already.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{exit::Exit, failure::CliError, settings::Settings};
use crate::{
    backend::text::{self, TextSource},
    manifest::{FILE_NAME, Manifest},
    model::ProjectId,
    ops::{self, OpError},
    plan::{DraftManifest, draft_manifest},
    ui::{self, Format},
};

/// Make a manifest of what is known already.
///
/// Clusters, services, containers and parameters are taken from what Terraform says; what it does not
/// tell is said. A manifest that is there is never overwritten.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  terraform show -json | release-tool init --from-terraform -
  release-tool init --from-terraform terraform.tfstate --dry-run")]
pub(crate) struct InitArguments {
    /// What Terraform says: a file that `terraform show -json` wrote of a state or a plan, or a state
    /// file; `-` for the standard input.
    #[arg(long, value_name = "FILE|-")]
    from_terraform: PathBuf,
    /// The project's id [default: the one that most parameters `/<project>/images/…` name].
    #[arg(long)]
    project: Option<ProjectId>,
    /// Print the manifest, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub(super) fn run(settings: &Settings, arguments: &InitArguments) -> Result<Exit, CliError> {
    let from = TextSource::named(&arguments.from_terraform, &settings.directory());
    let document = ops::read_terraform(&from)?;
    let draft = draft_manifest(&document, arguments.project.as_ref())?;
    let name = settings.global.manifest.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
    let file = match TextSource::named(&name, &settings.directory()) {
        TextSource::File(file) => file,
        TextSource::Input => name,
    };
    // What is written is read back first by whoever is to read it.
    Manifest::parse(&file.display().to_string(), &draft.text)?;
    if !arguments.dry_run {
        text::write_new(&file, &draft.text).map_err(OpError::from)?;
    }
    let written = (!arguments.dry_run).then(|| file.display().to_string());
    tell(settings, &draft, written.as_deref());
    Ok(Exit::Done)
}

/// Tells what was made.
fn tell(settings: &Settings, draft: &DraftManifest, written: Option<&str>) {
    let console = &settings.console;
    if console.format == Format::Json {
        let content = json!({ "file": written, "manifest": draft.text, "remarks": draft.remarks });
        console.result(ui::document("init", &content));
        return;
    }
    match written {
        Some(file) => console.result(format!(
            "`{file}` was written, services: {}, environments: {}.",
            draft.services, draft.environments
        )),
        None => console.result(draft.text.trim_end()),
    }
    for remark in &draft.remarks {
        console.remark(format!("note: {}", ui::escape(remark)));
    }
    if written.is_some() {
        console.remark(
            "hint: read it, and see with `release-tool status all <environment>` that it fits",
        );
    }
}
