//! The audit log, for people.

use super::{escape::escape, table::Table, words};
use crate::model::AuditEvent;

/// A line for each entry, newest first.
#[must_use]
pub fn log(events: &[AuditEvent]) -> String {
    if events.is_empty() {
        return "Nothing was done yet.".to_owned();
    }
    let mut table = Table::default();
    for event in events {
        let environment =
            event.environment.as_ref().map_or("-", |environment| environment.as_str());
        table.row([
            words::date_time(event.at),
            environment.to_owned(),
            escape(&event.action),
            escape(&event.subject),
            escape(&event.actor.name),
            more(event),
        ]);
    }
    table.render(0)
}

/// What it came to, and why.
fn more(event: &AuditEvent) -> String {
    let reason = event.reason.as_ref().map(|reason| format!("because: {reason}"));
    let parts: Vec<String> = event.detail.iter().cloned().chain(reason).collect();
    escape(&parts.join("; "))
}
