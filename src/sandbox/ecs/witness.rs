//! What other services see of tasks: the lines their containers logged, and how they stand behind
//! their target groups. All of it follows from what happened to a task, and is there for as long as
//! ECS tells of it.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    estate::{self, Cluster, Service, Viewpoint},
    fate::Fate,
    rollout::{Container, Phase, ServiceState, Task},
    run_task,
    task_definitions::{self, TaskDefinition},
};
use crate::sandbox::{call::Fault, state::Transaction};

/// What one container logged with the driver `awslogs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct LogStream {
    /// `awslogs-group`.
    pub(in crate::sandbox) group: String,
    /// `prefix/container/task`, or the container's id where there is no prefix.
    pub(in crate::sandbox) name: String,
    /// When the container started; a container that never did has no stream.
    pub(in crate::sandbox) created_at: Option<Timestamp>,
    /// The lines so far, oldest first.
    pub(in crate::sandbox) lines: Vec<(Timestamp, String)>,
}

/// A task behind a target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Target {
    /// The task's address.
    pub(in crate::sandbox) ip: String,
    /// The port that is reached.
    pub(in crate::sandbox) port: u16,
    /// What its health checks found.
    pub(in crate::sandbox) health: TargetHealth,
}

/// `TargetHealth.State` of Elastic Load Balancing, with reason and description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum TargetHealth {
    /// It is being registered.
    Registering,
    /// It has not been checked often enough.
    Initial,
    /// It answers.
    Healthy,
    /// It answers with 502.
    Unhealthy,
    /// It is being deregistered.
    Draining,
}

/// Every log stream of a scope at a moment, and the groups of containers that have none yet.
pub(in crate::sandbox) fn log_streams(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
) -> Result<Vec<LogStream>, Fault> {
    let mut streams = Vec::new();
    for cluster in clusters(transaction, from)? {
        let services = estate::services(transaction, from, &cluster)?;
        let of_services = services.iter().flat_map(Service::tasks).cloned();
        let lone = run_task::all(transaction, from, &cluster)?;
        let tasks: Vec<Task> = of_services.chain(lone.into_iter().map(|one| one.task)).collect();
        for task in tasks {
            let definition = task_definitions::find(transaction, from.scope, &task.definition)?;
            let Some(definition) = definition else { continue };
            let containers = task.containers.iter();
            streams.extend(containers.filter_map(|one| stream(&task, one, &definition, from.now)));
        }
    }
    Ok(streams)
}

/// The tasks behind a target group at a moment; `None` where no service is behind it.
pub(in crate::sandbox) fn targets(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    group: &str,
) -> Result<Option<Vec<Target>>, Fault> {
    let mut found = None;
    for state in balanced(transaction, from)? {
        if state.settings.target_groups.iter().any(|one| one == group) {
            let port = state.settings.target_port;
            let seen = state.tasks.iter().filter_map(|task| {
                let health = target_health(task, from.now)?;
                Some(Target { ip: private_ip(&task.id), port, health })
            });
            found.get_or_insert_with(Vec::new).extend(seen);
        }
    }
    Ok(found)
}

/// All target groups that services are behind, each with the port that is reached.
pub(in crate::sandbox) fn target_groups(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
) -> Result<Vec<(String, u16)>, Fault> {
    let mut groups: Vec<(String, u16)> = Vec::new();
    for ServiceState { settings, .. } in balanced(transaction, from)? {
        groups.extend(settings.target_groups.into_iter().map(|one| (one, settings.target_port)));
    }
    groups.sort();
    groups.dedup();
    Ok(groups)
}

/// The private address of a task in network mode `awsvpc`.
pub(in crate::sandbox) fn private_ip(task: &str) -> String {
    let byte = |from: usize| {
        let digits = task.get(from..from + 2).unwrap_or_default();
        u8::from_str_radix(digits, 16).unwrap_or_default()
    };
    format!("10.0.{}.{}", byte(0), byte(2))
}

/// The names of a scope's clusters.
fn clusters(transaction: &Transaction<'_>, from: Viewpoint<'_>) -> Result<Vec<String>, Fault> {
    let found: Vec<(String, Cluster)> = transaction.scan(&from.scope.key(""))?;
    Ok(found.into_iter().map(|(_, cluster)| cluster.name).collect())
}

/// What is behind target groups: services, and each task set of those that CodeDeploy moves.
fn balanced(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
) -> Result<Vec<ServiceState>, Fault> {
    let mut found = Vec::new();
    for cluster in clusters(transaction, from)? {
        let services = estate::services(transaction, from, &cluster)?;
        found.extend(services.iter().flat_map(Service::states).cloned());
    }
    found.retain(|state| !state.settings.target_groups.is_empty());
    Ok(found)
}

/// How long a target is checked until it is called unhealthy.
const CHECKED_FOR: SignedDuration = SignedDuration::from_secs(1);

/// How a task stands behind its target group; `None` where it is no target.
fn target_health(task: &Task, now: Timestamp) -> Option<TargetHealth> {
    let is_checked = task.since + CHECKED_FOR <= now;
    match task.phase {
        _ if !task.balanced => None,
        Phase::Activating => Some(TargetHealth::Registering),
        Phase::Running if task.fails_as_target() && is_checked => Some(TargetHealth::Unhealthy),
        Phase::Running if task.settled => Some(TargetHealth::Healthy),
        Phase::Running => Some(TargetHealth::Initial),
        Phase::Deactivating => Some(TargetHealth::Draining),
        _ => None,
    }
}

/// A container's log stream; none where its log goes elsewhere.
fn stream(
    task: &Task,
    container: &Container,
    definition: &TaskDefinition,
    now: Timestamp,
) -> Option<LogStream> {
    let name = &container.spec.name;
    let configuration = definition.container(name)?.get("logConfiguration")?;
    let option = |key: &str| configuration.get("options")?.get(key).and_then(Value::as_str);
    if configuration.get("logDriver").and_then(Value::as_str) != Some("awslogs") {
        return None;
    }
    let stream = match option("awslogs-stream-prefix") {
        Some(prefix) => format!("{prefix}/{name}/{}", task.id),
        None => format!("{}-{name}", task.id),
    };
    let lines = lines(task, container).into_iter().filter(|(at, _)| *at <= now);
    Some(LogStream {
        group: option("awslogs-group")?.to_owned(),
        name: stream,
        created_at: task.times.started,
        lines: lines.collect(),
    })
}

/// What a container logs in its life.
fn lines(task: &Task, container: &Container) -> Vec<(Timestamp, String)> {
    let Some(start) = task.times.started else { return Vec::new() };
    if let Some((end, code)) = container.fate.exit(start).filter(|_| container.has_own_command) {
        let stopped = task.stop.as_ref().map(|stop| stop.at);
        return lines_of_command(&container.spec.image, (start, end), code)
            .into_iter()
            .filter(|(at, _)| stopped.is_none_or(|stopped| *at <= stopped))
            .collect();
    }
    let name = &container.spec.name;
    let end = container.fate.exit(start).map(|(at, _)| at);
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    let mut say = |at: Timestamp, text: String| lines.push((at, text));
    if runs(container.fate) {
        let image = container.spec.image.rsplit('/').next().unwrap_or_default();
        say(start, format!("INFO  starting {image}"));
        say(start + SignedDuration::from_millis(100), "INFO  listening on :8080".to_owned());
    }
    for text in last_words(container.fate, name) {
        say(end.unwrap_or(start + SignedDuration::from_secs(1)), text);
    }
    let was_asked = container.exit_code == Some(128 + 15);
    if let Some(stop) = task.stop.as_ref().filter(|_| was_asked) {
        say(stop.at, "INFO  SIGTERM received, shutting down".to_owned());
    }
    lines.sort_by_key(|(at, _)| *at);
    lines
}

/// The steps that a command tells of which is run once.
const STEPS: i32 = 3;

/// What a command logs that is run once: that it starts, its steps, and how it ends.
fn lines_of_command(
    image: &str,
    (start, end): (Timestamp, Timestamp),
    code: i32,
) -> Vec<(Timestamp, String)> {
    let image = image.rsplit('/').next().unwrap_or_default();
    let mut lines = vec![(start, format!("INFO  starting a command of {image}"))];
    let part = end.duration_since(start) / (STEPS + 1);
    lines.extend((1..=STEPS).map(|step| {
        let text = format!("INFO  step {step} of {STEPS}");
        (start + part * step, text)
    }));
    let last = match code {
        0 => "INFO  done, exiting with 0".to_owned(),
        code => format!("ERROR step {STEPS} failed, exiting with {code}"),
    };
    lines.push((end, last));
    lines
}

/// Whether a container's program gets to say anything of its own.
fn runs(fate: Fate) -> bool {
    !matches!(fate, Fate::ExecFormat | Fate::Crash { code: 126 | 127, .. })
}

/// What a container logs before it ends, or of what ails it.
fn last_words(fate: Fate, name: &str) -> Vec<String> {
    let one = |text: String| vec![text];
    match fate {
        Fate::Crash { code: 126, .. } => {
            one(format!("/bin/sh: 1: /usr/local/bin/{name}: Permission denied"))
        }
        Fate::Crash { code: 127, .. } => one(format!("/bin/sh: 1: {name}: not found")),
        Fate::Crash { code: 137, .. } => Vec::new(),
        Fate::Crash { code: 139, .. } => one("Segmentation fault (core dumped)".to_owned()),
        Fate::Crash { .. } => stack_trace(name),
        Fate::Oom { .. } => one("WARN  memory is at 98 % of the limit".to_owned()),
        Fate::ExecFormat => one(format!("exec /usr/local/bin/{name}: exec format error")),
        Fate::Unhealthy => one("WARN  GET /health 500: the queue is not reachable".to_owned()),
        Fate::TargetUnhealthy => one("WARN  GET / 502: the backend is not reachable".to_owned()),
        _ => Vec::new(),
    }
}

/// What a program says that ends with an error.
fn stack_trace(name: &str) -> Vec<String> {
    [
        "ERROR cannot reach the database at db.internal:5432".to_owned(),
        "Traceback (most recent call last):".to_owned(),
        format!("  File \"/app/{name}/main.py\", line 42, in <module>"),
        "    connect(settings.database)".to_owned(),
        "ConnectionRefusedError: [Errno 111] Connection refused".to_owned(),
    ]
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_tells_of_its_start_its_steps_and_its_end() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        for (code, last) in
            [(0, "INFO  done, exiting with 0"), (3, "ERROR step 3 failed, exiting with 3")]
        {
            let lines = lines_of_command("registry/team/web:v1", (at(100), at(140)), code);
            assert_eq!(lines[0], (at(100), "INFO  starting a command of web:v1".to_owned()));
            let steps: Vec<Timestamp> = lines[1..4].iter().map(|(at, _)| *at).collect();
            assert_eq!(steps, [at(110), at(120), at(130)]);
            assert_eq!(lines[4], (at(140), last.to_owned()));
            assert_eq!(lines.len(), 5);
        }
    }
}
