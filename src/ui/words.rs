//! The words for what happens to a service; one place, so that all reporters say the same.

use std::collections::BTreeMap;

use super::{escape::escape, stages};
use crate::model::{
    DeploymentKind, DeploymentNumber, EcsDeploymentId, Event, Evidence, ImageId, ReleaseHash,
    ReleaseNumber, RollbackCause, RolloutState, ServiceId, StepProgress, TaskDefinitionArn,
    TaskHappening, Verdict,
};

/// What a verdict says beyond its word; empty for success.
#[must_use]
pub(super) fn verdict_reason(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Verified => String::new(),
        Verdict::Failed { reason }
        | Verdict::RollbackFailed { reason }
        | Verdict::Stopped { reason }
        | Verdict::NoDeployment { reason }
        | Verdict::NotStarted { reason }
        | Verdict::Unknown { reason } => escape(reason),
        Verdict::RolledBack { to, reason, cause } => {
            let to = to.as_ref().map_or_else(String::new, |to| format!(" to {}", to.short()));
            format!("{}{to}: {}", who_put_it_back(*cause, reason), escape(reason))
        }
        Verdict::Superseded { by, task_definition, completed, deployment } => {
            let by = by.as_ref().map_or("another deployment", |id| id.as_str());
            let with = task_definition
                .as_ref()
                .map_or_else(String::new, |arn| format!(", with {}", arn.short()));
            let before = if *completed { "it was complete, and then " } else { "" };
            match deployment {
                Some(number) => format!("{before}{by} of {number} took its place{with}"),
                None => {
                    format!("{before}{by} took its place{with}, made by another tool or by hand")
                }
            }
        }
        Verdict::Drifted { task_definition } => {
            let other = task_definition.as_ref().map_or("something else", |arn| arn.short());
            format!("its deployment is complete, and yet the service runs {other}")
        }
        Verdict::TimedOut { seconds, last_seen } => {
            format!("not done after {seconds} s: {}", escape(last_seen))
        }
    }
}

/// Who put a service back and what made it do so, with the verb.
fn who_put_it_back(cause: RollbackCause, reason: &str) -> String {
    let who = if is_by_code_deploy(reason) { "CodeDeploy" } else { "ECS" };
    match cause {
        RollbackCause::CircuitBreaker => format!("{who}'s circuit breaker put it back"),
        RollbackCause::Alarm => format!("an alarm went off, and {who} put it back"),
        RollbackCause::User if who == "CodeDeploy" => {
            // `StopDeployment` is the answer, too, to one that waits.
            format!("somebody stopped it, or said no to it, and {who} put it back")
        }
        RollbackCause::User => format!("somebody stopped it, and {who} put it back"),
        RollbackCause::Hook if is_answer(reason) => {
            format!("somebody said no at a hook, and {who} put it back")
        }
        RollbackCause::Hook => format!("a lifecycle hook failed, and {who} put it back"),
        RollbackCause::Other => format!("{who} put it back"),
    }
}

/// Whether a person's answer to a hook ended a rollout: ECS tells that from a failure in its words alone.
pub(super) fn is_answer(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("a user ")
}

/// Whether CodeDeploy put a service back: it does so with another deployment of its own, which the
/// reason ends with.
fn is_by_code_deploy(reason: &str) -> bool {
    let id = reason.rsplit_once("rolled back by ").map(|(_, id)| EcsDeploymentId::new(id));
    id.is_some_and(|id| id.is_of_code_deploy())
}

/// How far a rollout is, in a few words.
#[must_use]
pub(super) fn progress(progress: &StepProgress) -> String {
    if let Some(stage) = &progress.stage {
        return stages::progress(progress, stage);
    }
    let state = match progress.rollout_state {
        Some(RolloutState::Completed) => "COMPLETED",
        Some(RolloutState::Failed) => "FAILED",
        Some(RolloutState::InProgress) | None => "IN_PROGRESS",
    };
    let counts = [
        (progress.pending, "starting"),
        (progress.old_tasks, "old still running"),
        (progress.failed_tasks, "failed to start"),
    ];
    let running = format!("{state}  {}/{} running", progress.running, progress.desired);
    let rest = counts.iter().filter(|(count, _)| *count > 0);
    let rest = rest.map(|(count, what)| format!("{count} {what}"));
    [running].into_iter().chain(rest).collect::<Vec<String>>().join(", ")
}

/// The one line of an event, and the service it is about.
#[must_use]
pub(super) fn event_line(event: &Event) -> (Option<&str>, String) {
    match event {
        Event::DeploymentStarted { deployment, release, kind, services } => {
            let services = counted(services.len(), "service");
            (None, format!("{deployment}: {} {services}", begun(*kind, *release)))
        }
        Event::Resumed { deployment, services } => {
            (None, format!("{deployment}: taken up, {} left", counted(services.len(), "service")))
        }
        Event::RollingBack { deployment, services } => {
            (None, format!("{deployment}: rolling back {}", counted(services.len(), "service")))
        }
        Event::TaskDefinitionReady { service, task_definition, registered } => {
            let what = if *registered { "registered" } else { "found" };
            (Some(service.as_str()), format!("{what} {}", task_definition.short()))
        }
        Event::BeforeTask { service, happening } => {
            (Some(service.as_str()), one_off_task(happening))
        }
        Event::ParameterWritten { service, parameter, value: Some(_) } => {
            (Some(service.as_str()), format!("wrote {parameter}"))
        }
        Event::ParameterWritten { service, parameter, value: None } => {
            (Some(service.as_str()), format!("deleted {parameter}, which did not exist before"))
        }
        Event::RolloutStarted { service, ecs_deployment, adopted } => {
            let what = if *adopted { "follows" } else { "started" };
            (Some(service.as_str()), format!("{what} {ecs_deployment}"))
        }
        Event::Progress(step) => (Some(step.service.as_str()), progress(step)),
        Event::RollbackRequested { service, ecs_deployment } => {
            (Some(service.as_str()), format!("asked ECS to roll {ecs_deployment} back"))
        }
        Event::HookAwaits { service, stage, hook, .. } => {
            (Some(service.as_str()), stages::awaits(stage.as_deref(), hook))
        }
        Event::Failing { service, reason, .. } => {
            (Some(service.as_str()), format!("FAILING  {}", escape(reason)))
        }
        Event::Troubled { service, evidence } => (Some(service.as_str()), trouble(evidence)),
        Event::StepFinished { service, verdict, seconds, .. } => {
            (Some(service.as_str()), finished(verdict, *seconds))
        }
        Event::PutBack { service, to, verdict, seconds, .. } => {
            (Some(service.as_str()), put_back(to.as_ref(), verdict, *seconds))
        }
        Event::TaskDefinitionDeregistered { service, task_definition } => {
            (Some(service.as_str()), format!("deregistered {}", task_definition.short()))
        }
        Event::Interrupted => (None, "interrupted: nothing more is started".to_owned()),
        Event::Aborting { deployment, goes_back, services, seconds } => {
            (None, aborting(*deployment, *goes_back, (services, *seconds)))
        }
        Event::AskedToStop { deployment } => (None, asked_to_stop(*deployment)),
        Event::StopRequested { by } => {
            (None, format!("{} asked this to stop: nothing more is started", escape(by)))
        }
        Event::Throttled { operation } => (None, format!("{operation} is throttled, going slower")),
        Event::Warning { text } => (None, format!("warning: {}", escape(text))),
    }
}

/// That the command of a deployment is waited for.
fn asked_to_stop(deployment: DeploymentNumber) -> String {
    format!("asked the command of {deployment} to stop; waiting up to 30 s for it")
}

/// What ending a deployment as it is waits for, how long at most, and what a signal does.
fn aborting(
    deployment: DeploymentNumber,
    goes_back: bool,
    (services, seconds): (&[ServiceId], u64),
) -> String {
    let begun = if goes_back {
        "it is on its way back, and goes on back until every service runs what it ran before"
    } else {
        "nothing more is begun"
    };
    let limit = if seconds.is_multiple_of(60) {
        format!("{} min", seconds / 60)
    } else {
        format!("{seconds} s")
    };
    let names: Vec<&str> = services.iter().map(ServiceId::as_str).collect();
    let what = match (goes_back, names.as_slice()) {
        (false, []) => return format!("{deployment}: {begun}, and nothing is on its way"),
        (true, _) => "it".to_owned(),
        (false, names) => format!("what was: {}", names.join(", ")),
    };
    format!(
        "{deployment}: {begun}; waiting up to {limit}, and for as long as rollouts are set to bake, \
         for {what}. Ctrl-C ends the wait alone: ECS goes on, and `release-tool abort {deployment}` \
         waits again"
    )
}

/// What a deployment is about to do with some services.
fn begun(kind: DeploymentKind, release: ReleaseNumber) -> String {
    match kind {
        DeploymentKind::Deploy => format!("deploying {release},"),
        DeploymentKind::Rollback => format!("going back to {release},"),
        DeploymentKind::Register => format!("registering task definitions of {release},"),
        DeploymentKind::Restart => "restarting".to_owned(),
    }
}

/// What happens to a one-off task.
fn one_off_task(happening: &TaskHappening) -> String {
    match happening {
        TaskHappening::Started { command, task, adopted } => {
            let what = if *adopted { "follows" } else { "runs" };
            format!("{what} the one-off task `{}`, {}", escape(command), escape(task))
        }
        TaskHappening::Status { status } => format!("one-off task {}", escape(status)),
        TaskHappening::Log { lines, .. } => {
            format!("one-off task logged {}", counted(lines.len(), "line"))
        }
        TaskHappening::Ended { exit_code: Some(code) } => {
            format!("one-off task exited with {code}")
        }
        TaskHappening::Ended { exit_code: None } => "one-off task never ran".to_owned(),
    }
}

/// What a one-off task logged, line by line; nothing where an event is about something else.
#[must_use]
pub(super) fn logged(event: &Event) -> Vec<String> {
    match event {
        Event::BeforeTask { service, happening: TaskHappening::Log { lines, .. } } => {
            lines.iter().map(|line| format!("{service}: | {}", escape(&line.message))).collect()
        }
        _ => Vec::new(),
    }
}

/// Why the first tasks of a rollout fail.
fn trouble(evidence: &Evidence) -> String {
    let cause = evidence.diagnosis.first().map_or("", |first| first.text.as_str());
    format!("TROUBLE  {}; ECS goes on trying", escape(cause))
}

/// How a rollout ended.
fn finished(verdict: &Verdict, seconds: u64) -> String {
    let reason = verdict_reason(verdict);
    let after = if reason.is_empty() { format!("after {seconds} s") } else { reason };
    format!("{}  {after}", verdict.word())
}

/// How a service came back, or did not.
fn put_back(to: Option<&TaskDefinitionArn>, verdict: &Verdict, seconds: u64) -> String {
    match (verdict, to) {
        (Verdict::Verified, Some(to)) => {
            format!("ROLLED_BACK  to {}, after {seconds} s", to.short())
        }
        (Verdict::Verified, None) => {
            "ROLLED_BACK  parameters and task definition are as before".to_owned()
        }
        (failed, _) => format!("NOT ROLLED BACK  {}  {}", failed.word(), verdict_reason(failed)),
    }
}

/// A number of things, in the singular where it is one.
#[must_use]
pub(super) fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// The time of day in UTC.
#[must_use]
pub(super) fn clock(at: jiff::Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Date and time in UTC, as the RFC's `Last released` has it.
#[must_use]
pub fn date_time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long it is from one time to another, in its largest unit.
#[must_use]
pub(super) fn span(from: jiff::Timestamp, to: jiff::Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// One word for what a service runs: the release hash that all its images have, or all of them.
#[must_use]
pub(super) fn hashes(by_image: &BTreeMap<ImageId, ReleaseHash>) -> String {
    let mut different: Vec<&str> = Vec::new();
    for hash in by_image.values() {
        if !different.contains(&hash.short()) {
            different.push(hash.short());
        }
    }
    if different.is_empty() { "-".to_owned() } else { escape(&different.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ending_a_deployment_tells_what_is_waited_for() {
        let web = [ServiceId::new("web").unwrap()];
        for (goes_back, services, expected) in [
            (false, &[][..], "d1: nothing more is begun, and nothing is on its way"),
            (
                false,
                &web,
                "d1: nothing more is begun; waiting up to 90 s, and for as long as rollouts",
            ),
            (
                true,
                &[],
                "d1: it is on its way back, and goes on back until every service runs what",
            ),
        ] {
            let told = aborting(DeploymentNumber(1), goes_back, (services, 90));
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
