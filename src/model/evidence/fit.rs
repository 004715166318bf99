//! How much of evidence is kept.

use super::{ContainerLog, Evidence, Gap};

/// The most stopped tasks that are kept: they mostly say the same.
pub const TASKS_KEPT: usize = 10;
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

/// Cuts a text to so many bytes, at a character.
pub(super) fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{LogLine, ServiceEvent, StoppedTask};

    fn event(second: i64) -> ServiceEvent {
        let at = Timestamp::from_second(second).unwrap();
        ServiceEvent { id: second.to_string(), at, message: "ä".repeat(3000) }
    }

    fn task(id: usize) -> StoppedTask {
        let stopped_reason = "y".repeat(5000);
        StoppedTask { id: id.to_string(), stopped_reason, ..StoppedTask::default() }
    }

    fn log(container: usize, lines: usize) -> ContainerLog {
        let line = LogLine { at: Timestamp::UNIX_EPOCH, message: "x".repeat(300) };
        let container = container.to_string();
        ContainerLog { container, lines: vec![line; lines], ..ContainerLog::default() }
    }

    #[test]
    fn however_much_there_is_it_fits() {
        let much = Evidence {
            events: (0..100).map(event).collect(),
            stopped_tasks: (0..50).map(task).collect(),
            logs: (0..30).map(|n| log(n, 200)).collect(),
            ..Evidence::default()
        };
        let fitting = much.fit();
        assert!(fitting.bytes() <= EVIDENCE_BYTES + 200, "{}", fitting.bytes());
        assert!(!fitting.events.is_empty() && !fitting.logs.is_empty());
        assert_eq!(fitting.events.last().unwrap().id, "99", "the latest stay");
        assert!(fitting.gaps[0].what.starts_with("more was seen than is kept"));
        let little = Evidence { logs: vec![log(1, 3)], ..Evidence::default() };
        assert_eq!(little.clone().fit(), little);
    }
}
