//! What evidence means: from what AWS told of a rollout that does not go well to its cause and to
//! what to do about it. Pure.
//!
//! Invariant: nothing is made up. What fits no rule is told in ECS's own words, as unknown.

mod containers;
mod hooks;
mod targets;
#[cfg(test)]
mod tests;
mod words;

use crate::model::{Cause, Diagnosis, Evidence, ServiceDeployment, StoppedTask};

/// The most causes that are told: the first counts, the others are mostly its consequences.
const MOST: usize = 3;

/// What a text of a stop or an event says that is only the consequence of something else.
const CONSEQUENCES: &[&str] = &[
    "has started",
    "has stopped",
    "deployment failed: tasks failed to start",
    "rolling back to deployment",
    "deployment completed",
    "has reached a steady state",
    "registered 1 targets",
    "deregistered",
    "has begun draining connections",
    "is unable to consistently start tasks successfully",
];

/// The causes that evidence tells of, and our service deployment, where that failed; the most telling
/// first, and none where there is nothing.
#[must_use]
pub fn diagnose(evidence: &Evidence, failed: Option<&ServiceDeployment>) -> Vec<Diagnosis> {
    let mut found: Vec<Diagnosis> = Vec::new();
    let told = alarms(evidence)
        .into_iter()
        .chain(hooks::diagnose(evidence, failed))
        .chain(by_words(evidence, |cause| !is_vague(cause)))
        .chain(containers::diagnose(evidence))
        .chain(targets::diagnose(evidence))
        .chain(by_words(evidence, is_vague))
        .chain(stopped_by_hand(evidence));
    for diagnosis in told {
        if found.iter().all(|one| one.cause != diagnosis.cause) {
            found.push(diagnosis);
        }
    }
    if found.is_empty() {
        found.extend(unknown(evidence));
    }
    found.truncate(MOST);
    found
}

/// Whether other evidence tells more, where there is any: the rollout may go on in spite of these.
fn is_vague(cause: Cause) -> bool {
    matches!(cause, Cause::Throttled | Cause::SpotInterruption | Cause::CannotStart)
}

/// What ECS's words mean, in the order of the rules.
fn by_words(
    evidence: &Evidence,
    is_wanted: impl Fn(Cause) -> bool,
) -> impl Iterator<Item = Diagnosis> {
    let texts: Vec<&str> = texts(evidence).collect();
    let mut found = Vec::new();
    for rule in words::RULES.iter().filter(|rule| is_wanted(rule.cause)) {
        // Of several rules that fit a text only the first counts.
        let is_first = |text: &&&str| {
            let first = words::RULES.iter().find(|one| one.fits(text));
            first.is_some_and(|first| std::ptr::eq(first, rule))
        };
        if let Some(text) = texts.iter().find(is_first) {
            let (text, hint) = rule.told(text);
            found.push(Diagnosis { cause: rule.cause, text, hint });
        }
    }
    found.into_iter()
}

/// Everything that ECS and containers said, the newest of each kind first.
fn texts(evidence: &Evidence) -> impl Iterator<Item = &str> {
    let stopped = evidence.stopped_tasks.iter().map(|task| task.stopped_reason.as_str());
    let containers = evidence.stopped_tasks.iter().flat_map(|task| &task.containers);
    let reasons = containers.map(|container| container.reason.as_str());
    let events = evidence.events.iter().rev().map(|event| event.message.as_str());
    // A container's own words count only for what nobody else can know.
    let lines = evidence.logs.iter().flat_map(|log| log.lines.iter().rev());
    let lines = lines.map(|line| line.message.as_str());
    let lines =
        lines.filter(|line| line.starts_with("exec ") && line.ends_with("exec format error"));
    let texts = stopped.chain(reasons).chain(events).chain(lines);
    texts.filter(|text| !text.is_empty() && !hooks::is_about(text))
}

/// Alarms that ended the deployment.
fn alarms(evidence: &Evidence) -> Option<Diagnosis> {
    let first = evidence.alarms.first()?;
    Some(Diagnosis {
        cause: Cause::Alarm,
        text: format!("the alarm {} went off", evidence.alarms.join(", ")),
        hint: format!(
            "see what it watches with `aws cloudwatch describe-alarms --alarm-names '{first}'`"
        ),
    })
}

/// Tasks that somebody stopped, and the machine below them.
fn stopped_by_hand(evidence: &Evidence) -> Vec<Diagnosis> {
    let by = |code: &str| evidence.stopped_tasks.iter().find(|task| task.stop_code == code);
    let told = |cause, task: &StoppedTask, what: &str, hint: &str| Diagnosis {
        cause,
        text: format!("{what}: {}", task.stopped_reason),
        hint: hint.to_owned(),
    };
    let by_hand = by("UserInitiated").map(|task| {
        let hint = "ask who stopped it: CloudTrail has the event `StopTask`";
        told(Cause::StoppedByUser, task, "somebody stopped a task", hint)
    });
    let spot = by("SpotInterruption").or(by("TerminationNotice")).map(|task| {
        let hint = "deploy again; give the service some capacity that is not Spot";
        told(Cause::SpotInterruption, task, "the capacity below a task was taken back", hint)
    });
    let host = by("InfrastructureHealth").map(|task| {
        let hint = "deploy again: ECS starts tasks elsewhere";
        told(Cause::Infrastructure, task, "the machine below a task failed", hint)
    });
    [spot, host, by_hand].into_iter().flatten().collect()
}

/// ECS's own words, where no rule fits any of them.
fn unknown(evidence: &Evidence) -> Option<Diagnosis> {
    let is_telling =
        |text: &&str| CONSEQUENCES.iter().all(|words| !text.to_lowercase().contains(words));
    let text = texts(evidence).find(is_telling)?;
    Some(Diagnosis {
        cause: Cause::Unknown,
        text: format!("ECS says: {text}"),
        hint: "look for these words in the ECS developer guide, \"stopped tasks error messages\""
            .to_owned(),
    })
}
