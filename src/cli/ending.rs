//! What all commands that carry a deployment out have in common: the question, the progress, and
//! the last screen.

use super::{exit::Exit, failure::CliError, settings::Settings};
use crate::{
    engine::Report,
    model::{Listener, Release, ReleaseNumber},
    ui::{self, Answer, Console, Format, JsonLines, Live, PlainLines, Summary},
};

/// Asks whether to go on. Only yes goes on.
pub(super) fn ask(settings: &Settings) -> Result<(), CliError> {
    if !settings.surroundings.answers || settings.console.format == Format::Json {
        return Err(CliError::NoAnswer);
    }
    match ui::confirm("Do you wish to continue? (y/n)") {
        Answer::Yes => Ok(()),
        Answer::No | Answer::Nobody => Err(CliError::Declined),
    }
}

/// Whoever shows the progress, by what the streams can show.
pub(super) fn reporter(console: &Console) -> Box<dyn Listener> {
    match console.format {
        Format::Json => Box::new(JsonLines::new(console.clone())),
        Format::Human if console.interactive && !console.quiet => {
            Box::new(Live::new(console.clone()))
        }
        Format::Human => Box::new(PlainLines::new(console.clone())),
    }
}

/// Tells how a deployment ended, and gives the exit code it means.
pub(super) fn tell(
    console: &Console,
    (report, release): (&Report, &Release),
    last_verified: Option<ReleaseNumber>,
) -> Exit {
    let deployment = &report.deployment;
    let summary = Summary { deployment, release, last_verified };
    match console.format {
        Format::Json => console.result(ui::document("deployment", &summary)),
        Format::Human => console.result(format!("\n{}", ui::summary(&summary, console))),
    }
    match &report.unrecorded {
        None => Exit::of_deployment(deployment),
        Some(file) => {
            console.error(format!(
                "warning: the store could not be written; the rest of the record is in `{}`\n\
                 hint: bring it in with `release-tool journal push`",
                file.display()
            ));
            Exit::NotRecorded
        }
    }
}
