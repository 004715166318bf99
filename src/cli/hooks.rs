//! `continue`: answer the hooks that a rollout waits for, and deployments of CodeDeploy.

use clap::Args;
use serde_json::json;

use super::{ending, exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    model::HookAnswer,
    ops::{self, HookRequest, WaitingHook, WaitingHooks, Workspace},
    ui::{self, Console, Format, WaitingRow},
};

/// Answer the hooks that rollouts wait for: go on, or go back.
///
/// A service whose ECS deployment has a PAUSE hook waits there until somebody says how it goes on,
/// or until the hook's time is over. So does one that CodeDeploy moves, before traffic is shifted,
/// where its deployment group says so. Without `--service` all that wait are answered. The command
/// that follows the deployment sees the answer; where none does, `release-tool resume`
/// finishes it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool continue prod
  release-tool continue d12 --service storefront
  release-tool continue d12 --service storefront --rollback --reason 'the checkout is broken'")]
pub(crate) struct ContinueArguments {
    /// An unfinished deployment, such as `d12`, or an environment, for all of its deployments.
    #[arg(value_name = "DEPLOYMENT|ENVIRONMENT")]
    place: String,
    /// Answer only the hooks of this service [default: all that wait].
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Go back instead: ECS puts the service back to what it ran before.
    #[arg(long)]
    rollback: bool,
    /// Why; kept in the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// Do not ask for confirmation; needed where nobody can answer, as in CI.
    #[arg(short = 'y', long = "skip-confirm", visible_alias = "yes")]
    skip_confirm: bool,
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: ContinueArguments,
) -> Result<Exit, CliError> {
    let console = &settings.console;
    let workspace = workspace::open_quietly(settings, arguments.project.as_deref()).await?;
    let answer = if arguments.rollback { HookAnswer::Rollback } else { HookAnswer::Continue };
    let request = HookRequest { place: arguments.place, service: arguments.service };
    let waiting = ops::waiting_hooks(&workspace, &request).await?;
    console.remark(format!("\n{}\n", ui::waiting(&rows(&waiting), answer)));
    if !arguments.skip_confirm {
        ending::ask(settings)?;
    }
    let answered = (answer, arguments.reason.as_deref());
    let mut done = Vec::new();
    let failed = answer_all(&workspace, &waiting, answered, &mut done).await;
    tell(console, (&waiting, &done), answer);
    failed.map(|()| Exit::Done)
}

/// Answers one hook after the other, until one cannot be answered.
async fn answer_all<'a>(
    workspace: &Workspace,
    waiting: &'a WaitingHooks,
    answer: (HookAnswer, Option<&str>),
    done: &mut Vec<&'a WaitingHook>,
) -> Result<(), CliError> {
    for hook in &waiting.hooks {
        ops::answer_hook(workspace, waiting, hook, answer).await?;
        done.push(hook);
    }
    Ok(())
}

/// What is shown of the hooks.
fn rows(waiting: &WaitingHooks) -> Vec<WaitingRow<'_>> {
    waiting
        .hooks
        .iter()
        .map(|one| WaitingRow {
            deployment: one.deployment,
            service: &one.service,
            stage: &one.stage,
            hook: &one.hook,
        })
        .collect()
}

/// Tells which hooks were answered, and what comes next.
fn tell(console: &Console, (waiting, done): (&WaitingHooks, &[&WaitingHook]), answer: HookAnswer) {
    match console.format {
        Format::Json => {
            console.result(ui::document("continue", &json!({ "answer": answer, "hooks": done })));
        }
        Format::Human => {
            for one in done {
                console.result(ui::answered(one.deployment, &one.service, answer));
            }
            if let Some(first) = done.first() {
                let number = first.deployment;
                console.remark(if waiting.worked_on.contains(&number) {
                    format!("hint: see it through with `release-tool wait {number}`")
                } else {
                    format!("hint: finish it with `release-tool resume {number}`")
                });
            }
        }
    }
}
