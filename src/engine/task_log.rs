//! What one-off tasks log, told while they run.
//!
//! Invariant: each line is told once and in the order of the log. A log that cannot be read is said
//! once, and stops nothing.

use std::time::Duration;

use tokio::time::sleep;

use super::{Engine, before::Before};
use crate::{
    backend::platform::ecs::{LogCursor, LogSource, Unread},
    model::{BeforeTask, Event, Gap, ServiceId, TaskHappening},
};

/// How long the last lines of a task that has stopped may be on their way.
const LATE: Duration = Duration::from_secs(1);
/// How many looks are taken at what is left of a log once its task has stopped.
const LAST_LOOKS: usize = 5;

/// The log of a one-off task, as far as it was told.
pub(super) struct TaskLog<'a> {
    /// Whose it is.
    source: LogSource<'a>,
    /// The service that the task runs for.
    service: &'a ServiceId,
    /// Up to where it was told.
    cursor: LogCursor,
    /// Whether it was said that it cannot be read.
    is_lack_told: bool,
    /// Whether no more is to be had of it.
    is_given_up: bool,
}

impl<'a> TaskLog<'a> {
    /// The log of the container that has the command.
    pub(super) fn of(before: Before<'a>, (task, arn): (&'a BeforeTask, &'a str)) -> Self {
        let source = LogSource {
            task: arn,
            task_definition: before.task_definition.as_str(),
            container: task.run.container.as_str(),
        };
        let service = &before.step.service;
        let cursor = LogCursor::default();
        Self { source, service, cursor, is_lack_told: false, is_given_up: false }
    }
}

impl Engine<'_> {
    /// Tells the lines that are new; gives where more of them are, if they are more than one look
    /// takes.
    pub(super) async fn tell_new_lines(&self, log: &mut TaskLog<'_>) -> Option<String> {
        if log.is_given_up {
            return None;
        }
        match self.ecs.new_lines(log.source, &mut log.cursor).await {
            Ok(found) if found.lines.is_empty() => found.rest,
            Ok(found) => {
                let container = log.source.container.to_owned();
                let happening = TaskHappening::Log { container, lines: found.lines };
                let service = log.service.clone();
                self.listener.hear(&Event::BeforeTask { service, happening });
                found.rest
            }
            Err(Unread { gap, is_lasting }) => {
                log.is_given_up = is_lasting;
                self.tell_lack(log, &gap);
                None
            }
        }
    }

    /// Tells what is left once the task has stopped: its last lines come late.
    pub(super) async fn tell_last_lines(&self, log: &mut TaskLog<'_>) {
        if log.is_given_up {
            return;
        }
        sleep(LATE).await;
        for _ in 1..LAST_LOOKS {
            if self.tell_new_lines(log).await.is_none() {
                return;
            }
        }
        if let Some(rest) = self.tell_new_lines(log).await {
            let service = log.service;
            let text = format!("`{service}`: its one-off task logged more; the rest is in {rest}");
            self.listener.hear(&Event::Warning { text });
        }
    }

    /// Says once that the log cannot be read, and what to do about it.
    fn tell_lack(&self, log: &mut TaskLog<'_>, gap: &Gap) {
        if std::mem::replace(&mut log.is_lack_told, true) {
            return;
        }
        let hint = gap.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
        let text = format!("`{}`: {}{hint}", log.service, gap.what);
        self.listener.hear(&Event::Warning { text });
    }
}
