//! What proves a failure, as text: what it means first, then what proves it.
//!
//! Invariant: everything that is not this program's own words is escaped, so that no log line and no
//! reason can do anything to a terminal.

use super::{
    escape::escape,
    words::{clock, counted},
};
use crate::model::{
    ContainerExit, ContainerLog, Diagnosis, Evidence, Gap, StoppedTask, TASKS_KEPT,
};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What fits a screen; the record has all that was collected.
    Screen,
    /// All that the record has.
    Whole,
}

impl Extent {
    /// How many kinds of stopped tasks.
    fn tasks(self) -> usize {
        if self == Self::Screen { 3 } else { usize::MAX }
    }

    /// How many of ECS's events.
    fn events(self) -> usize {
        if self == Self::Screen { 6 } else { usize::MAX }
    }

    /// How many lines of a log.
    fn log_lines(self) -> usize {
        if self == Self::Screen { 8 } else { usize::MAX }
    }

    /// How many logs.
    fn logs(self) -> usize {
        if self == Self::Screen { 2 } else { usize::MAX }
    }
}

/// The lines that tell why a rollout failed: causes and what to do, then stopped tasks with their
/// reasons and exit codes, logs, targets, and ECS's own events.
#[must_use]
pub(super) fn lines(evidence: &Evidence, extent: Extent) -> Vec<String> {
    let mut lines: Vec<String> = evidence.diagnosis.iter().flat_map(diagnosis).collect();
    lines.extend(stopped_tasks(&evidence.stopped_tasks, extent));
    lines.extend(evidence.unhealthy_tasks.iter().map(|task| {
        format!(
            "task {} runs, and is not healthy: {}",
            task.id,
            escape(&task.containers.join(", "))
        )
    }));
    lines.extend(evidence.targets.iter().map(|target| {
        let task = target.task.as_ref().map(|task| format!(", task {task},")).unwrap_or_default();
        format!(
            "target {}{task} is {}, {}: {}",
            escape(&target.target),
            escape(&target.state),
            escape(&target.reason),
            escape(&target.description)
        )
    }));
    let logs = evidence.telling_logs().into_iter().take(extent.logs());
    lines.extend(logs.flat_map(|log| log_lines(log, &whose(evidence, log), extent)));
    if !evidence.alarms.is_empty() {
        lines.push(format!("alarms that went off: {}", escape(&evidence.alarms.join(", "))));
    }
    let first = evidence.events.len().saturating_sub(extent.events());
    for event in evidence.events.iter().skip(first) {
        lines.push(format!("ECS at {}: {}", clock(event.at), escape(&event.message)));
    }
    lines.extend(evidence.gaps.iter().map(gap));
    lines.extend(evidence.console.iter().map(|page| format!("console: {}", escape(page))));
    lines
}

/// A cause, and what to do about it.
pub(super) fn diagnosis(diagnosis: &Diagnosis) -> [String; 2] {
    [format!("cause: {}", escape(&diagnosis.text)), format!("  fix: {}", escape(&diagnosis.hint))]
}

/// Stopped tasks; those that stopped in the same way are told once.
fn stopped_tasks(tasks: &[StoppedTask], extent: Extent) -> Vec<String> {
    let mut kinds: Vec<(&StoppedTask, usize)> = Vec::new();
    for task in tasks {
        match kinds.iter_mut().find(|(first, _)| is_alike(first, task)) {
            Some((_, count)) => *count += 1,
            None => kinds.push((task, 1)),
        }
    }
    let mut lines = Vec::new();
    for (task, count) in kinds.iter().take(extent.tasks()) {
        let reason = escape(&task.stopped_reason);
        lines.push(format!("task {} stopped, {}: {reason}", task.id, escape(&task.stop_code)));
        lines.extend(task.containers.iter().map(|one| container(one, &task.stopped_reason)));
        if *count > 1 {
            lines.push(format!("  and {} stopped the same way", more_of(tasks, count - 1)));
        }
    }
    let more: usize = kinds.iter().skip(extent.tasks()).map(|(_, count)| count).sum();
    if more > 0 {
        lines.push(format!("and {}", counted(more, "more stopped task")));
    }
    lines
}

/// Some more tasks, in words. Of very many not all are kept.
fn more_of(tasks: &[StoppedTask], count: usize) -> String {
    let least = if tasks.len() >= TASKS_KEPT { "at least " } else { "" };
    format!("{least}{}", counted(count, "more task"))
}

/// Of which task a log is, and how many others stopped as that one did; empty where there is but one.
fn whose(evidence: &Evidence, log: &ContainerLog) -> String {
    let tasks = &evidence.stopped_tasks;
    if tasks.iter().all(|task| task.id == log.task) {
        return String::new();
    }
    let its = tasks.iter().find(|task| task.id == log.task);
    let is_other =
        |task: &&StoppedTask| its.is_some_and(|its| its.id != task.id && is_alike(its, task));
    match tasks.iter().filter(is_other).count() {
        0 => format!(", task {}", log.task),
        others => format!(", task {}, {} failed alike", log.task, more_of(tasks, others)),
    }
}

/// Whether two tasks stopped in the same way. Some reasons hold the task's own id.
fn is_alike(one: &StoppedTask, other: &StoppedTask) -> bool {
    let reason = |task: &StoppedTask| task.stopped_reason.replace(&task.id, "");
    let ends = |task: &StoppedTask| -> Vec<(String, Option<i32>, String)> {
        let ends = task.containers.iter();
        ends.map(|end| (end.name.clone(), end.exit_code, end.reason.clone())).collect()
    };
    one.stop_code == other.stop_code && reason(one) == reason(other) && ends(one) == ends(other)
}

/// How a container ended. ECS's words are not repeated where the task has the same.
fn container(container: &ContainerExit, of_task: &str) -> String {
    let code = match container.exit_code {
        Some(code) => format!("exit code {code}"),
        None => "did not run".to_owned(),
    };
    let health = container.health.as_deref().map(|health| format!(", {}", escape(health)));
    let reason = Some(&container.reason).filter(|reason| !reason.is_empty() && *reason != of_task);
    let reason = reason.map(|reason| format!(": {}", escape(reason)));
    format!(
        "  container {}, {code}{}{}",
        container.name,
        health.unwrap_or_default(),
        reason.unwrap_or_default()
    )
}

/// The end of a container's log.
fn log_lines(log: &ContainerLog, whose: &str, extent: Extent) -> Vec<String> {
    let first = log.lines.len().saturating_sub(extent.log_lines());
    let shown = log.lines.iter().skip(first);
    let (container, source) = (escape(&log.container), escape(&log.source));
    let head = format!("log of container {container} in {source}{whose}:");
    let lines = shown.map(|line| format!("  | {} {}", clock(line.at), escape(&line.message)));
    let page = log.console.iter().map(|page| format!("  {}", escape(page)));
    [head].into_iter().chain(lines).chain(page).collect()
}

/// What is missing.
fn gap(gap: &Gap) -> String {
    match &gap.hint {
        Some(hint) => format!("missing: {}; {}", escape(&gap.what), escape(hint)),
        None => format!("missing: {}", escape(&gap.what)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{Cause, LogLine};

    fn task(id: &str, code: i32) -> StoppedTask {
        StoppedTask {
            id: id.to_owned(),
            stop_code: "EssentialContainerExited".to_owned(),
            stopped_reason: format!("Essential container in {id} exited"),
            containers: vec![ContainerExit {
                name: "app".to_owned(),
                exit_code: Some(code),
                ..ContainerExit::default()
            }],
            ..StoppedTask::default()
        }
    }

    fn log(task: &str, lines: Vec<LogLine>) -> ContainerLog {
        ContainerLog {
            task: task.to_owned(),
            container: "app".to_owned(),
            source: "/ecs/app".to_owned(),
            lines,
            ..ContainerLog::default()
        }
    }

    #[test]
    fn of_very_many_tasks_that_failed_alike_it_is_said_that_there_may_be_more() {
        let stopped_tasks: Vec<StoppedTask> =
            (0..TASKS_KEPT).map(|n| task(&format!("t{n}"), 1)).collect();
        let line = LogLine { at: Timestamp::UNIX_EPOCH, message: "x".to_owned() };
        let alone = Evidence { logs: vec![log("t9", vec![line])], ..Evidence::default() };
        let evidence = Evidence { stopped_tasks, ..alone.clone() };
        let shown = lines(&evidence, Extent::Whole);
        assert_eq!(shown[2], "  and at least 9 more tasks stopped the same way");
        assert_eq!(
            shown[3],
            "log of container app in /ecs/app, task t9, at least 9 more tasks failed alike:"
        );
        assert_eq!(lines(&alone, Extent::Whole)[0], "log of container app in /ecs/app:");
    }

    #[test]
    fn the_cause_is_first_and_equal_ends_are_told_once() {
        let line = |n: i64| LogLine {
            at: Timestamp::from_second(n).unwrap(),
            message: format!("line {n}\u{1b}[31m"),
        };
        let evidence = Evidence {
            diagnosis: vec![Diagnosis {
                cause: Cause::Crashed,
                text: "it crashed".to_owned(),
                hint: "mend it".to_owned(),
            }],
            stopped_tasks: vec![task("0a", 1), task("0b", 1), task("0c", 1), task("0d", 2)],
            logs: vec![log("0a", (1..=9).map(line).collect()), log("0b", vec![line(10)])],
            gaps: vec![Gap { what: "x".to_owned(), hint: Some("allow y".to_owned()) }],
            ..Evidence::default()
        };
        let shown = lines(&evidence, Extent::Screen);
        assert_eq!(shown[..2], ["cause: it crashed", "  fix: mend it"]);
        assert_eq!(
            shown[2],
            "task 0a stopped, EssentialContainerExited: Essential container in 0a exited"
        );
        assert_eq!(
            shown[3..5],
            ["  container app, exit code 1", "  and 2 more tasks stopped the same way"]
        );
        assert!(shown[5].starts_with("task 0d stopped"));
        assert_eq!(
            shown[7],
            "log of container app in /ecs/app, task 0a, 2 more tasks failed alike:"
        );
        assert_eq!(shown.iter().filter(|line| line.starts_with("log of")).count(), 1);
        assert!(shown[8].starts_with("  | 00:00:02 line 2") && !shown[8].contains('\u{1b}'));
        assert_eq!(shown.last().unwrap(), "missing: x; allow y");
        assert!(lines(&evidence, Extent::Whole)[8].contains("line 1"));
    }
}
