//! What proves that a rollout does not go well, and what it means.
//!
//! Invariant: of a step no more is kept than [`Evidence::fit`] leaves, however much AWS told, so that
//! the record of a deployment fits the store; what was cut is said.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::observed::ServiceEvent;

/// What was collected about a rollout that did not succeed, while AWS still knew it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// What it means, the most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnosis: Vec<Diagnosis>,
    /// The service's events since our deployment began, oldest first.
    pub events: Vec<ServiceEvent>,
    /// Stopped tasks of our deployment, newest first.
    pub stopped_tasks: Vec<StoppedTask>,
    /// Tasks of our deployment that ran and were not healthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unhealthy_tasks: Vec<UnhealthyTask>,
    /// The last lines of containers that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<ContainerLog>,
    /// Targets of the service's target groups that were not healthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<UnhealthyTarget>,
    /// The CloudWatch alarms that ended the deployment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// Where the console shows the service's deployments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
    /// What could not be collected, or not be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// A task that stopped, as `DescribeTasks` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoppedTask {
    /// The task's id, the last part of its ARN.
    pub id: String,
    /// `stopCode`, such as `EssentialContainerExited`.
    pub stop_code: String,
    /// `stoppedReason`, in ECS's words.
    pub stopped_reason: String,
    /// When it stopped, or began to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// Its containers.
    pub containers: Vec<ContainerExit>,
}

/// How a container of a stopped task ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerExit {
    /// The container's name.
    pub name: String,
    /// Its exit code, if it ran at all.
    pub exit_code: Option<i32>,
    /// ECS's words on it, often empty.
    pub reason: String,
    /// `healthStatus`, where its definition has a health check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// The digest of the image that it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
}

/// A task that runs and is not healthy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnhealthyTask {
    /// The task's id.
    pub id: String,
    /// `lastStatus`.
    pub status: String,
    /// Its containers whose health check fails.
    pub containers: Vec<String>,
}

/// The end of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerLog {
    /// The task's id.
    pub task: String,
    /// The container's name.
    pub container: String,
    /// Where it is: the log group, or the driver that took it elsewhere.
    pub source: String,
    /// The log stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Its last lines, oldest first. They are the container's own words: nobody vouches for them.
    pub lines: Vec<LogLine>,
    /// Where the console shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was logged.
    pub at: Timestamp,
    /// The line.
    pub message: String,
}

impl LogLine {
    /// The same with no more than so many bytes.
    #[must_use]
    pub fn cut(mut self, bytes: usize) -> Self {
        cut(&mut self.message, bytes);
        self
    }
}

/// A target that is not healthy, as `DescribeTargetHealth` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnhealthyTarget {
    /// The target group's ARN.
    pub target_group: String,
    /// Address and port.
    pub target: String,
    /// The task that has the address, if one of ours does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// `State`, such as `unhealthy`.
    pub state: String,
    /// `Reason`, such as `Target.Timeout`.
    pub reason: String,
    /// `Description`, in words.
    pub description: String,
}

/// What could not be collected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gap {
    /// What is missing, and why.
    pub what: String,
    /// What to do so that it is there the next time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a piece of evidence means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The kind of cause.
    pub cause: Cause,
    /// What is wrong, in one sentence.
    pub text: String,
    /// What to do, in one sentence.
    pub hint: String,
}

/// Kinds of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// The image is not in its registry.
    ImageNotFound,
    /// Nobody may pull the image in this way.
    ImageDenied,
    /// The registry is out of reach, or lets no more through.
    ImageUnreachable,
    /// The image cannot be pulled for another reason.
    ImageUnpullable,
    /// The image, or the program in it, is built for another platform.
    WrongPlatform,
    /// A secret or parameter may not be read, is not there, or is out of reach.
    SecretUnreadable,
    /// A log cannot be written.
    LogUnwritable,
    /// ECS cannot assume a role.
    RoleUnassumable,
    /// A volume cannot be made or mounted.
    Volume,
    /// The network of a task cannot be made.
    Network,
    /// A container used more memory than it may.
    OutOfMemory,
    /// A container was killed.
    Killed,
    /// A container broke off with a segmentation fault.
    SegmentationFault,
    /// The command of a container is not in its image.
    CommandNotFound,
    /// The command of a container cannot be executed.
    CommandNotExecutable,
    /// A container exited with an error.
    Crashed,
    /// A container that is to go on ended without one.
    Exited,
    /// A container cannot be started.
    CannotStart,
    /// The health checks of a target group find another answer than they should.
    TargetUnhealthy,
    /// The health checks of a target group get no answer.
    TargetUnreachable,
    /// The health check of a container fails.
    ContainerUnhealthy,
    /// There is no room for a task.
    NoCapacity,
    /// A quota of the account is reached.
    Quota,
    /// The bounds of the rollout leave no task to start or stop.
    Deadlock,
    /// AWS throttles ECS's own requests.
    Throttled,
    /// Spot capacity was taken back.
    SpotInterruption,
    /// The machine below a task went away.
    Infrastructure,
    /// Somebody stopped a task.
    StoppedByUser,
    /// An alarm went off.
    Alarm,
    /// A lifecycle hook failed.
    HookFailed,
    /// A lifecycle hook was not answered in time.
    HookTimedOut,
    /// A lifecycle hook could not be called, or not be understood.
    HookUnusable,
    /// Somebody answered a lifecycle hook with a rollback.
    HookRefused,
    /// The load balancer is not set as a deployment needs it, or ECS may not use it.
    LoadBalancer,
    /// Not known to this program.
    #[serde(other)]
    Unknown,
}

/// The most stopped tasks that are kept: they mostly say the same.
const TASKS_KEPT: usize = 10;
/// The most events that are kept.
const EVENTS_KEPT: usize = 20;
/// The most of the other kinds that is kept of each.
const OTHERS_KEPT: usize = 6;
/// The most bytes of one text.
const TEXT_BYTES: usize = 1000;
/// The most bytes of one line of a log.
const LINE_BYTES: usize = 400;
/// The most bytes that the evidence of a step takes as JSON. A step keeps at most that of the way
/// there and that of the way back, far below the 400 KB of an item of DynamoDB.
pub const EVIDENCE_BYTES: usize = 16_000;

impl Evidence {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What was seen earlier together with this. What is told twice is kept as it is told here,
    /// except that a log that could be read is not lost to one that could not.
    #[must_use]
    pub fn after(self, earlier: Option<Self>) -> Self {
        let Some(earlier) = earlier else { return self };
        let stopped_tasks = union(self.stopped_tasks, earlier.stopped_tasks, |one| one.id.clone());
        let mut unhealthy =
            union(self.unhealthy_tasks, earlier.unhealthy_tasks, |one| one.id.clone());
        unhealthy.retain(|one| stopped_tasks.iter().all(|stopped| stopped.id != one.id));
        let (read, unread): (Vec<_>, Vec<_>) =
            self.logs.into_iter().partition(|log| !log.lines.is_empty());
        let logs = read.into_iter().chain(earlier.logs).collect();
        let mut merged = Self {
            diagnosis: Vec::new(),
            events: union(self.events, earlier.events, |one| one.id.clone()),
            stopped_tasks,
            unhealthy_tasks: unhealthy,
            logs: union(logs, unread, |one| (one.task.clone(), one.container.clone())),
            targets: union(self.targets, earlier.targets, |one| {
                (one.target_group.clone(), one.target.clone())
            }),
            alarms: union(self.alarms, earlier.alarms, Clone::clone),
            console: self.console.or(earlier.console),
            gaps: union(self.gaps, earlier.gaps, |one| one.what.clone()),
        };
        merged.events.sort_by_key(|event| event.at);
        merged.stopped_tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at));
        merged
    }

    /// The same within the bounds of the record: texts are shortened, and the oldest go first.
    #[must_use]
    pub fn fit(mut self) -> Self {
        self.shorten();
        let surplus = self.events.len().saturating_sub(EVENTS_KEPT);
        self.events.drain(..surplus);
        self.stopped_tasks.truncate(TASKS_KEPT);
        self.unhealthy_tasks.truncate(OTHERS_KEPT);
        self.logs.truncate(OTHERS_KEPT);
        self.targets.truncate(OTHERS_KEPT);
        self.alarms.truncate(OTHERS_KEPT);
        self.gaps.truncate(OTHERS_KEPT);
        let mut is_cut = false;
        while self.bytes() > EVIDENCE_BYTES && self.drop_the_least() {
            is_cut = true;
        }
        if is_cut {
            let what = "more was seen than is kept: older lines, events and tasks are left out";
            self.gaps.push(Gap { what: what.to_owned(), hint: None });
        }
        self
    }

    /// Cuts every text that is too long.
    fn shorten(&mut self) {
        self.events.iter_mut().for_each(|one| cut(&mut one.message, TEXT_BYTES));
        for task in &mut self.stopped_tasks {
            cut(&mut task.stopped_reason, TEXT_BYTES);
            task.containers.iter_mut().for_each(|one| cut(&mut one.reason, TEXT_BYTES));
        }
        let lines = self.logs.iter_mut().flat_map(|log| &mut log.lines);
        lines.for_each(|line| cut(&mut line.message, LINE_BYTES));
        self.targets.iter_mut().for_each(|one| cut(&mut one.description, TEXT_BYTES));
        self.gaps.iter_mut().for_each(|one| cut(&mut one.what, TEXT_BYTES));
    }

    /// Drops what tells least: the second half of the tasks first, then the older half of what is
    /// most. Tells whether there was anything.
    fn drop_the_least(&mut self) -> bool {
        if self.stopped_tasks.len() > 2 {
            self.stopped_tasks.pop();
        } else if self.logs.len() > 2 {
            self.logs.pop();
        } else if self.events.len() > 5 {
            self.events.remove(0);
        } else if let Some(log) = longest(&mut self.logs).filter(|log| log.lines.len() > 3) {
            log.lines.remove(0);
        } else if self.targets.len() + self.unhealthy_tasks.len() > 2 {
            self.targets.pop();
            self.unhealthy_tasks.pop();
        } else {
            return false;
        }
        true
    }

    /// How many bytes it takes as JSON.
    fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(0, |text| text.len())
    }
}

/// The log with the most lines.
fn longest(logs: &mut [ContainerLog]) -> Option<&mut ContainerLog> {
    logs.iter_mut().max_by_key(|log| log.lines.len())
}

/// The later and the earlier, without what is told twice.
fn union<T, K: PartialEq>(later: Vec<T>, earlier: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut all = later;
    for one in earlier {
        if all.iter().all(|there| key(there) != key(&one)) {
            all.push(one);
        }
    }
    all
}

/// Cuts a text to so many bytes, at a character.
fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, second: i64, message: &str) -> ServiceEvent {
        let at = Timestamp::from_second(second).unwrap();
        ServiceEvent { id: id.to_owned(), at, message: message.to_owned() }
    }

    fn task(id: &str) -> StoppedTask {
        StoppedTask { id: id.to_owned(), ..StoppedTask::default() }
    }

    fn log(task: &str, lines: usize) -> ContainerLog {
        let line = LogLine { at: Timestamp::UNIX_EPOCH, message: "x".repeat(300) };
        ContainerLog { task: task.to_owned(), lines: vec![line; lines], ..ContainerLog::default() }
    }

    #[test]
    fn what_was_seen_first_is_not_lost() {
        let earlier = Evidence {
            events: vec![event("1", 1, "a"), event("2", 2, "b")],
            stopped_tasks: vec![task("x")],
            unhealthy_tasks: vec![UnhealthyTask { id: "y".to_owned(), ..UnhealthyTask::default() }],
            logs: vec![log("x", 2)],
            targets: vec![UnhealthyTarget {
                target: "ip".to_owned(),
                ..UnhealthyTarget::default()
            }],
            ..Evidence::default()
        };
        let later = Evidence {
            events: vec![event("2", 2, "b"), event("3", 3, "c")],
            stopped_tasks: vec![task("y")],
            logs: vec![log("x", 0)],
            ..Evidence::default()
        };
        let merged = later.after(Some(earlier.clone()));
        let ids: Vec<&str> = merged.events.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "3"]);
        assert_eq!(merged.stopped_tasks.len(), 2);
        assert!(merged.unhealthy_tasks.is_empty(), "it has stopped since");
        assert_eq!(merged.logs, [log("x", 2)]);
        assert_eq!(merged.targets.len(), 1);
        assert_eq!(Evidence::default().after(Some(earlier.clone())).targets, earlier.targets);
    }

    #[test]
    fn however_much_there_is_it_fits() {
        let much = Evidence {
            events: (0..100).map(|n| event(&n.to_string(), n, &"ä".repeat(3000))).collect(),
            stopped_tasks: (0..50)
                .map(|n| StoppedTask { stopped_reason: "y".repeat(5000), ..task(&n.to_string()) })
                .collect(),
            logs: (0..30).map(|n| log(&n.to_string(), 200)).collect(),
            ..Evidence::default()
        };
        let fitting = much.fit();
        assert!(fitting.bytes() <= EVIDENCE_BYTES + 200, "{}", fitting.bytes());
        assert!(!fitting.events.is_empty() && !fitting.logs.is_empty());
        assert_eq!(fitting.events.last().unwrap().id, "99", "the latest stay");
        assert!(fitting.gaps[0].what.starts_with("more was seen than is kept"));
        let little = Evidence { logs: vec![log("x", 3)], ..Evidence::default() };
        assert_eq!(little.clone().fit(), little);
    }

    #[test]
    fn old_and_newer_records_are_read() {
        let old = r#"{"events":[],"stopped_tasks":[{"id":"a","stop_code":"b","stopped_reason":"c",
            "containers":[{"name":"d","exit_code":1,"reason":""}]}]}"#;
        let read: Evidence = serde_json::from_str(old).unwrap();
        assert_eq!(read.stopped_tasks[0].containers[0].exit_code, Some(1));
        assert_eq!(serde_json::to_string(&Cause::OutOfMemory).unwrap(), "\"OUT_OF_MEMORY\"");
        let newer: Cause = serde_json::from_str("\"SOMETHING_NEW\"").unwrap();
        assert_eq!(newer, Cause::Unknown);
    }
}
