//! Evidence of several looks at one rollout.

use super::{ContainerLog, Evidence, Gap};

impl Evidence {
    /// What was seen earlier together with this. What is told twice is kept as it is told here, and
    /// of each container one log, the most telling.
    #[must_use]
    pub fn after(self, earlier: Option<Self>) -> Self {
        let Some(earlier) = earlier else { return self };
        let stopped_tasks = union(self.stopped_tasks, earlier.stopped_tasks, |one| one.id.clone());
        let mut unhealthy =
            union(self.unhealthy_tasks, earlier.unhealthy_tasks, |one| one.id.clone());
        unhealthy.retain(|one| stopped_tasks.iter().all(|stopped| stopped.id != one.id));
        let mut merged = Self {
            diagnosis: Vec::new(),
            events: union(self.events, earlier.events, |one| one.id.clone()),
            stopped_tasks,
            unhealthy_tasks: unhealthy,
            logs: self.logs.into_iter().chain(earlier.logs).collect(),
            targets: union(self.targets, earlier.targets, |one| {
                (one.target_group.clone(), one.target.clone())
            }),
            alarms: union(self.alarms, earlier.alarms, Clone::clone),
            console: self.console.or(earlier.console),
            gaps: union(self.gaps, earlier.gaps, what_is_missing),
        };
        merged.logs = merged.telling_logs().into_iter().cloned().collect();
        merged.events.sort_by_key(|event| event.at);
        merged.stopped_tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at));
        merged
    }

    /// Of each container the log that tells most: one that has lines, rather of a task that stopped
    /// because of it; of several the first.
    #[must_use]
    pub fn telling_logs(&self) -> Vec<&ContainerLog> {
        let mut telling: Vec<&ContainerLog> = Vec::new();
        for log in &self.logs {
            match telling.iter_mut().find(|one| one.container == log.container) {
                Some(known) if self.weight(known) < self.weight(log) => *known = log,
                Some(_) => {}
                None => telling.push(log),
            }
        }
        telling
    }

    /// How much a log tells.
    fn weight(&self, log: &ContainerLog) -> u8 {
        let task = self.stopped_tasks.iter().find(|task| task.id == log.task);
        let exits = task.into_iter().flat_map(|task| &task.containers);
        let exit = exits.filter(|one| one.name == log.container).find_map(|one| one.exit_code);
        match (log.lines.is_empty(), exit) {
            (true, _) => 0,
            // Asked to end, or ended without an error.
            (false, None | Some(0 | 143)) => 1,
            (false, Some(_)) => 2,
        }
    }
}

/// What a gap is about, without why: that has the id of a request in it.
fn what_is_missing(gap: &Gap) -> String {
    gap.what.split(": ").next().unwrap_or_default().to_owned()
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{
        ContainerExit, LogLine, ServiceEvent, StoppedTask, UnhealthyTarget, UnhealthyTask,
    };

    fn event(id: &str, second: i64, message: &str) -> ServiceEvent {
        let at = Timestamp::from_second(second).unwrap();
        ServiceEvent { id: id.to_owned(), at, message: message.to_owned() }
    }

    fn task(id: &str, code: i32) -> StoppedTask {
        let exit_code = Some(code);
        let exit = ContainerExit { name: "app".to_owned(), exit_code, ..ContainerExit::default() };
        StoppedTask { id: id.to_owned(), containers: vec![exit], ..StoppedTask::default() }
    }

    fn log(task: &str, container: &str, lines: usize) -> ContainerLog {
        let line = LogLine { at: Timestamp::UNIX_EPOCH, message: "x".to_owned() };
        ContainerLog {
            task: task.to_owned(),
            container: container.to_owned(),
            lines: vec![line; lines],
            ..ContainerLog::default()
        }
    }

    #[test]
    fn what_was_seen_first_is_not_lost() {
        let earlier = Evidence {
            events: vec![event("1", 1, "a"), event("2", 2, "b")],
            stopped_tasks: vec![task("x", 1)],
            unhealthy_tasks: vec![UnhealthyTask { id: "y".to_owned(), ..UnhealthyTask::default() }],
            logs: vec![log("x", "app", 2)],
            targets: vec![UnhealthyTarget {
                target: "ip".to_owned(),
                ..UnhealthyTarget::default()
            }],
            ..Evidence::default()
        };
        let gap = |what: &str| Gap { what: what.to_owned(), hint: None };
        let earlier = Evidence { gaps: vec![gap("a log: denied, request 1")], ..earlier };
        let later = Evidence {
            events: vec![event("2", 2, "b"), event("3", 3, "c")],
            stopped_tasks: vec![task("y", 1)],
            logs: vec![log("x", "app", 0)],
            gaps: vec![gap("a log: denied, request 2"), gap("targets: denied")],
            ..Evidence::default()
        };
        let merged = later.after(Some(earlier.clone()));
        let ids: Vec<&str> = merged.events.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "3"]);
        assert_eq!(merged.stopped_tasks.len(), 2);
        assert!(merged.unhealthy_tasks.is_empty(), "it has stopped since");
        assert_eq!(merged.logs, [log("x", "app", 2)], "it could be read then");
        assert_eq!(merged.targets.len(), 1);
        assert_eq!(merged.gaps, [gap("a log: denied, request 2"), gap("targets: denied")]);
        assert_eq!(Evidence::default().after(Some(earlier.clone())).targets, earlier.targets);
    }

    #[test]
    fn of_each_container_the_log_that_tells_most_is_kept() {
        let seen = |logs: &[ContainerLog]| Evidence {
            stopped_tasks: vec![task("new", 1), task("old", 1), task("asked", 143)],
            logs: logs.to_vec(),
            ..Evidence::default()
        };
        for (later, earlier, kept) in [
            (log("new", "app", 3), log("old", "app", 9), "new"),
            (log("new", "app", 0), log("old", "app", 9), "old"),
            (log("asked", "app", 3), log("old", "app", 9), "old"),
            (log("runs", "app", 3), log("old", "app", 9), "old"),
            (log("runs", "app", 3), log("asked", "app", 9), "runs"),
        ] {
            let merged = seen(&[later]).after(Some(seen(&[earlier, log("old", "proxy", 1)])));
            let tasks: Vec<&str> = merged.logs.iter().map(|one| one.task.as_str()).collect();
            assert_eq!(tasks, [kept, "old"], "one of each container");
        }
    }

    #[test]
    fn old_records_are_read() {
        let old = r#"{"events":[],"stopped_tasks":[{"id":"a","stop_code":"b","stopped_reason":"c",
            "containers":[{"name":"d","exit_code":1,"reason":""}]}]}"#;
        let read: Evidence = serde_json::from_str(old).unwrap();
        assert_eq!(read.stopped_tasks[0].containers[0].exit_code, Some(1));
    }
}
