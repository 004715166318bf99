//! `deploy`: one step from nothing to verified.

use std::time::Duration;

use clap::Args;

use super::{
    ending, exit::Exit, failure::CliError, interrupt::Interrupt, settings::Settings, workspace,
};
use crate::{
    model::{DeploymentKind, ImageId, ImageUri, OnFailure},
    ops::{self, DeployRequest, Draft, Execution, Obstacle, OpError, Workspace},
    plan::Insistence,
    ui::{self, Console, Format},
};

/// Make an environment run a set of images: plan, confirm, roll out, verify, record.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
#[command(after_help = "\
Examples:
  release-tool deploy all prod
  release-tool deploy search prod --dry-run
  release-tool deploy all prod --from stage --skip-confirm --description 'Fix the search'
  release-tool deploy r12 prod

The exit code tells how it ended: 0 verified, 3 rolled back, 4 not rolled back, 5 rollback failed,
6 somebody else is at work, 7 interrupted, 8 not known, 9 blocked by something unfinished or a hold.")]
pub(crate) struct DeployArguments {
    /// `all`, a service set, or a service; or a release such as `r12`, which is deployed exactly as
    /// it is. Services that share an image always move together.
    #[arg(value_name = "SELECTION|RELEASE")]
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
    /// Why; kept in the record. Some environments need it.
    #[arg(long, value_name = "TEXT", visible_alias = "reason")]
    description: Option<String>,
    /// How it is carried out.
    #[command(flatten)]
    how: HowArguments,
    /// How long each rollout that ECS calls complete has to stay so, with all its tasks running,
    /// until it is verified: for images that crash a while after their start. `resume` and `wait` keep
    /// to it.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    settle: Duration,
    /// What to do with the other services when one fails [default: the environment's `on_failure`,
    /// else `rollback`].
    #[arg(long, value_name = "rollback|hold|continue")]
    on_failure: Option<OnFailure>,
    /// Deploy although the environment is on hold, and lift the hold; needs `--reason`.
    #[arg(long)]
    release_hold: bool,
    /// Do not run the one-off tasks that the manifest has services `before` their rollouts.
    #[arg(long)]
    skip_before: bool,
    /// Run one-off tasks although how those of an earlier deployment ended is not known. One that
    /// still runs is waited for, or stopped, by hand.
    #[arg(long, conflicts_with = "skip_before")]
    rerun_before: bool,
    /// Turn the circuit breaker on, with rollback, for the services that move and do not have it, in
    /// the same `UpdateService`. They keep it: set it in Terraform too.
    #[arg(long)]
    enable_circuit_breaker: bool,
    /// Deploy although ECS is rolling a service back, or a service's bounds leave no room to replace
    /// a task.
    #[arg(long)]
    force: bool,
    /// Leave out services whose image or ECS service does not exist, and say so.
    #[arg(long)]
    allow_missing: bool,
}

/// How what is asked for is carried out; the same for all commands that follow rollouts.
#[derive(Debug, Args)]
pub(super) struct HowArguments {
    /// Do not ask for confirmation; needed where nobody can answer, as in CI.
    #[arg(short = 'y', long = "skip-confirm", alias = "skip_confirm", visible_alias = "yes")]
    skip_confirm: bool,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// How long the rollouts may take, for example `90s`, `30m` or `2h`.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    timeout: Duration,
    /// Start the rollouts and leave; `release-tool resume` finishes them.
    #[arg(long, visible_alias = "no-wait")]
    detach: bool,
    /// Wait up to this long, for example `15m`, while somebody else is at work there.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    pub(super) wait: Duration,
}

impl HowArguments {
    /// How a draft is carried out by these.
    pub(super) fn manner(&self, settle: Duration, on_failure: Option<OnFailure>) -> Manner {
        let Self { dry_run, skip_confirm, timeout, detach, wait: _ } = *self;
        Manner { dry_run, skip_confirm, timeout, settle, wait: !detach, on_failure }
    }
}

/// Reads `IMAGE=URI`.
pub(super) fn parse_image(text: &str) -> Result<(ImageId, ImageUri), String> {
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
    let workspace = workspace::open_quietly(settings, arguments.project.as_deref()).await?;
    let interrupt = Interrupt::listen(&settings.console);
    let (selection, environment) = (arguments.selection, arguments.environment);
    let request = DeployRequest {
        from: arguments.from,
        images: arguments.images.into_iter().collect(),
        allow_missing: arguments.allow_missing,
        skip_before: arguments.skip_before,
        rerun_before: arguments.rerun_before,
        reason: arguments.description,
        release_hold: arguments.release_hold,
        wait: arguments.how.wait,
        enable_circuit_breaker: arguments.enable_circuit_breaker,
        insist: Insistence { on_rollback: arguments.force, on_dead_lock: arguments.force },
        ..DeployRequest::of(DeploymentKind::Deploy, selection, environment)
    };
    let draft = tokio::select! {
        draft = ops::draft(&workspace, &request) => draft,
        () = interrupt.comes() => return Err(CliError::Interrupted),
    };
    let manner = arguments.how.manner(arguments.settle, arguments.on_failure);
    see_through(settings, (&workspace, draft), (interrupt, manner)).await
}

/// How a draft is carried out.
pub(super) struct Manner {
    /// Whether it is only shown.
    pub(super) dry_run: bool,
    /// Whether nobody is asked.
    pub(super) skip_confirm: bool,
    /// How long rollouts may take.
    pub(super) timeout: Duration,
    /// For how long tasks are watched after ECS called a rollout complete.
    pub(super) settle: Duration,
    /// Whether they are followed to their end.
    pub(super) wait: bool,
    /// What is done when a service fails; what the environment says, where none is given.
    pub(super) on_failure: Option<OnFailure>,
}

/// Tells what stands in the way of a draft, or carries it out.
pub(super) async fn see_through(
    settings: &Settings,
    (workspace, draft): (&Workspace, Result<Draft, OpError>),
    (interrupt, manner): (Interrupt, Manner),
) -> Result<Exit, CliError> {
    let in_the_way = match &draft {
        Err(OpError::Obstacle(Obstacle::Unfinished { deployment, .. })) => Some(deployment.number),
        _ => None,
    };
    workspace::tell_left_behind(settings, workspace, in_the_way).await?;
    carry_out(settings, (workspace, draft?), (interrupt, manner)).await
}

/// Shows a draft, asks, and carries it out.
async fn carry_out(
    settings: &Settings,
    (workspace, draft): (&Workspace, Draft),
    (interrupt, manner): (Interrupt, Manner),
) -> Result<Exit, CliError> {
    let console = &settings.console;
    if manner.dry_run {
        tell_plan(console, &draft.plan, true);
        return Ok(Exit::Done);
    }
    if draft.plan.is_empty() {
        tell_nothing_to_do(console, &draft.plan);
        return Ok(Exit::Done);
    }
    tell_plan(console, &draft.plan, false);
    if !manner.skip_confirm {
        ending::ask(settings)?;
    }
    if *interrupt.asked().borrow() {
        return Err(CliError::Interrupted);
    }
    let listener = ending::reporter(console);
    let last_verified = draft.last_verified;
    let execution = Execution {
        listener: listener.as_ref(),
        interrupt: interrupt.asked(),
        timeout: manner.timeout,
        settle: Some(manner.settle),
        wait: manner.wait,
        on_failure: manner.on_failure,
    };
    let done = ops::carry_out(workspace, draft, execution).await;
    drop(listener);
    let (report, release) = done?;
    Ok(ending::tell(settings, workspace, (&report, &release), last_verified).await)
}

/// Shows the plan: as the result of a dry run, else beside it.
pub(super) fn tell_plan(console: &Console, plan: &crate::plan::Plan, is_result: bool) {
    match (console.format, is_result) {
        (Format::Json, _) => console.result(ui::document("plan", plan)),
        (Format::Human, _) if plan.is_empty() => tell_nothing_to_do(console, plan),
        (Format::Human, true) => console.result(ui::plan(plan, console)),
        (Format::Human, false) => console.remark(format!("\n{}\n", ui::plan(plan, console))),
    }
}

/// Says that everything is as wanted.
pub(super) fn tell_nothing_to_do(console: &Console, plan: &crate::plan::Plan) {
    match console.format {
        Format::Json => console.result(ui::document("plan", plan)),
        Format::Human => console.result(ui::nothing_to_do(plan, console)),
    }
}
