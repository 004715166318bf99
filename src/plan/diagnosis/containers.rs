//! What the exit codes of containers mean.

use crate::model::{Cause, ContainerExit, Diagnosis, Evidence, StoppedTask};

/// The cause that the tasks tell which ended because a container did.
pub(super) fn diagnose(evidence: &Evidence) -> Option<Diagnosis> {
    let mut exited = evidence.stopped_tasks.iter().filter(|task| is_by_itself(task));
    let (task, container, code) = exited.find_map(culprit)?;
    let name = &container.name;
    let said = last_words(evidence, task, name);
    if said.ends_with("exec format error") {
        return None;
    }
    let (cause, text, hint) = match code {
        _ if is_out_of_memory(task, container) => (
            Cause::OutOfMemory,
            format!("container {name} was killed: it used more memory than it may"),
            "raise `memory` of the container or the task in the task definition, or find what grew"
                .to_owned(),
        ),
        127 => (
            Cause::CommandNotFound,
            format!("container {name} exited with 127: its command is not in the image"),
            "correct `entryPoint` and `command` in the task definition, or the image".to_owned(),
        ),
        126 => (
            Cause::CommandNotExecutable,
            format!("container {name} exited with 126: its command cannot be executed"),
            "make the file executable in the image (`chmod +x`), and readable for its `user`"
                .to_owned(),
        ),
        137 => (
            Cause::Killed,
            format!("container {name} was killed (SIGKILL, 137), and ECS does not say for memory"),
            "look whether a process in it used too much memory, and whether it ends within \
             `stopTimeout` of SIGTERM"
                .to_owned(),
        ),
        139 => (
            Cause::SegmentationFault,
            format!("container {name} broke off with a segmentation fault (SIGSEGV, 139)"),
            "look for native code that does not fit the image or the processor".to_owned(),
        ),
        0 => (
            Cause::Exited,
            format!("container {name} ended by itself, with 0"),
            "have its command go on running, or let `essential` be false in the task definition"
                .to_owned(),
        ),
        143 => (
            Cause::Exited,
            format!("container {name} was asked to end (SIGTERM, 143)"),
            "look for what asked it: a process in it, or another container of the task".to_owned(),
        ),
        other => (
            Cause::Crashed,
            format!("container {name} exited with {other}{said}"),
            "mend what its log tells, register the image, and deploy again".to_owned(),
        ),
    };
    Some(Diagnosis { cause, text, hint })
}

/// Whether ECS says of a container that it was killed for its memory.
fn is_out_of_memory(task: &StoppedTask, container: &ContainerExit) -> bool {
    [&container.reason, &task.stopped_reason].into_iter().any(|words| {
        let words = words.to_lowercase();
        words.contains("outofmemory") || words.contains("killed due to memory usage")
    })
}

/// Whether a task stopped because of its containers, not because somebody or ECS stopped it.
fn is_by_itself(task: &StoppedTask) -> bool {
    matches!(task.stop_code.as_str(), "EssentialContainerExited" | "")
}

/// The container that ended its task. The others are killed or asked to end in its wake.
fn culprit(task: &StoppedTask) -> Option<(&StoppedTask, &ContainerExit, i32)> {
    let exited = || task.containers.iter().filter_map(|one| Some((task, one, one.exit_code?)));
    let rank = |code: i32| match code {
        0 => 1,
        143 => 3,
        137 => 2,
        _ => 0,
    };
    exited().min_by_key(|(_, _, code)| rank(*code))
}

/// The last line that a container logged, if it was read.
fn last_words(evidence: &Evidence, task: &StoppedTask, container: &str) -> String {
    let is_its = |log: &&crate::model::ContainerLog| log.container == container;
    let of_task = evidence.logs.iter().filter(is_its).find(|log| log.task == task.id);
    let log = of_task.or_else(|| evidence.logs.iter().find(is_its));
    let lines = log.map(|log| log.lines.iter().rev());
    let last = lines.into_iter().flatten().map(|line| line.message.trim());
    last.filter(|line| !line.is_empty())
        .map(|line| line.chars().take(200).collect::<String>())
        .map(|line| format!("; the last it said: {line}"))
        .next()
        .unwrap_or_default()
}
