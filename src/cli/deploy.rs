//! `deploy`: one step from nothing to verified.

use std::{collections::BTreeMap, time::Duration};

use clap::Args;

use super::{exit::Exit, failure::CliError, interrupt::Interrupt, settings::Settings, workspace};
use crate::{
    model::{ImageId, ImageUri, Listener},
    ops::{self, DeployRequest, Execution},
    ui::{self, Answer, Console, Format, JsonLines, Live, PlainLines, Summary},
};

/// Make an environment run a set of images: plan, confirm, roll out, verify, record.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
#[command(after_help = "\
Examples:
  release-tool deploy all prod
  release-tool deploy search prod --dry-run
  release-tool deploy all prod --from stage --skip-confirm --description 'Fix the search'
  release-tool deploy all prod --from r12

The exit code tells how it ended: 0 verified, 3 rolled back, 4 not rolled back, 5 rollback failed,
7 interrupted, 8 not known.")]
pub(crate) struct DeployArguments {
    /// `all`, a service set, or a service. Services that share an image always move together.
    selection: String,
    /// The environment, for example `prod`.
    environment: String,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// Take the images from a label, from what was last verified in another environment, or from
    /// a release such as `r12` [default: the environment's `from`, else the label `latest`].
    #[arg(long, value_name = "LABEL|ENV|RELEASE")]
    from: Option<String>,
    /// Deploy this image instead of the one found. May be given several times.
    #[arg(long = "image", value_name = "IMAGE=URI", value_parser = parse_image)]
    images: Vec<(ImageId, ImageUri)>,
    /// Do not ask for confirmation; needed where nobody can answer, as in CI.
    #[arg(short = 'y', long = "skip-confirm", alias = "skip_confirm", visible_alias = "yes")]
    skip_confirm: bool,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Why; kept in the record.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How long the rollouts may take, for example `90s`, `30m` or `2h`.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    timeout: Duration,
    /// Start the rollouts and do not wait for their end.
    #[arg(long)]
    no_wait: bool,
    /// Leave out services whose image or ECS service does not exist, and say so.
    #[arg(long)]
    allow_missing: bool,
}

/// Reads `IMAGE=URI`.
fn parse_image(text: &str) -> Result<(ImageId, ImageUri), String> {
    let (image, uri) = text.split_once('=').ok_or("it is `IMAGE=URI`")?;
    let image = ImageId::new(image).map_err(|error| error.to_string())?;
    Ok((image, ImageUri::parse(uri).map_err(|error| error.to_string())?))
}

/// Reads a duration such as `30m`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_not_one| format!("`{text}` is not a duration such as `30m`"))?;
    Duration::try_from(span).map_err(|_negative| format!("`{text}` is less than nothing"))
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: DeployArguments) -> Result<Exit, CliError> {
    let console = &settings.console;
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let interrupt = Interrupt::listen();
    let request = DeployRequest {
        selection: arguments.selection.clone(),
        environment: arguments.environment.clone(),
        from: arguments.from.clone(),
        images: arguments.images.iter().cloned().collect::<BTreeMap<_, _>>(),
        allow_missing: arguments.allow_missing,
    };
    let draft = tokio::select! {
        draft = ops::draft(&workspace, &request) => draft?,
        () = interrupt.comes() => return Err(CliError::Interrupted),
    };
    if arguments.dry_run {
        tell_plan(console, &draft.plan, true);
        return Ok(Exit::Done);
    }
    if draft.plan.is_empty() {
        tell_nothing_to_do(console, &draft.plan);
        return Ok(Exit::Done);
    }
    tell_plan(console, &draft.plan, false);
    if !arguments.skip_confirm {
        ask(settings)?;
    }
    if *interrupt.asked().borrow() {
        return Err(CliError::Interrupted);
    }
    let listener = reporter(console);
    let last_verified = draft.last_verified;
    let execution = Execution {
        listener: listener.as_ref(),
        interrupt: interrupt.asked(),
        description: arguments.description,
        timeout: arguments.timeout,
        wait: !arguments.no_wait,
    };
    let (report, release) = ops::carry_out(&workspace, draft, execution).await?;
    drop(listener);
    let summary = Summary { deployment: &report.deployment, release: &release, last_verified };
    match console.format {
        Format::Json => console.result(ui::document("deployment", &summary)),
        Format::Human => console.result(format!("\n{}", ui::summary(&summary, console))),
    }
    Ok(Exit::of_deployment(report.deployment.status))
}

/// Shows the plan: as the result of a dry run, else beside it.
fn tell_plan(console: &Console, plan: &crate::plan::Plan, is_result: bool) {
    match (console.format, is_result) {
        (Format::Json, _) => console.result(ui::document("plan", plan)),
        (Format::Human, _) if plan.is_empty() => tell_nothing_to_do(console, plan),
        (Format::Human, true) => console.result(ui::plan(plan, console)),
        (Format::Human, false) => console.remark(format!("\n{}\n", ui::plan(plan, console))),
    }
}

/// Says that everything is as wanted.
fn tell_nothing_to_do(console: &Console, plan: &crate::plan::Plan) {
    match console.format {
        Format::Json => console.result(ui::document("plan", plan)),
        Format::Human => console.result(ui::nothing_to_do(plan, console)),
    }
}

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
fn reporter(console: &Console) -> Box<dyn Listener> {
    match console.format {
        Format::Json => Box::new(JsonLines::new(console.clone())),
        Format::Human if console.interactive && !console.quiet => {
            Box::new(Live::new(console.clone()))
        }
        Format::Human => Box::new(PlainLines::new(console.clone())),
    }
}
