//! Progress as lines that are never redrawn, for CI logs: a line only when something changed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::{
    console::Console,
    evidence::{self, Extent},
    stages, words,
};
use crate::model::{Event, Listener};

/// Writes each event as a line of text.
pub struct PlainLines {
    /// Where to.
    console: Console,
    /// When it began.
    start: Instant,
    /// The last line of each service, so as not to repeat it.
    last: Mutex<HashMap<String, String>>,
}

impl PlainLines {
    /// Writes to the console's error stream.
    #[must_use]
    pub fn new(console: Console) -> Self {
        Self { console, start: Instant::now(), last: Mutex::default() }
    }

    /// Whether this service's last line was another.
    fn is_news(&self, service: &str, line: &str) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(service.to_owned(), line.to_owned()).as_deref() != Some(line)
    }
}

impl Listener for PlainLines {
    fn hear(&self, event: &Event) {
        let seconds = self.start.elapsed().as_secs();
        let logged = words::logged(event);
        if !logged.is_empty() {
            // What is logged twice is told twice.
            for line in logged {
                self.console.remark(format!("[{seconds:>4}s] {line}"));
            }
            return;
        }
        let (service, line) = words::event_line(event);
        let subject = service.unwrap_or_default();
        if !self.is_news(subject, &line) {
            return;
        }
        match service {
            Some(service) => self.console.remark(format!("[{seconds:>4}s] {service}: {line}")),
            None => self.console.remark(format!("[{seconds:>4}s] {line}")),
        }
        let more = match event {
            Event::Failing { evidence, .. } => evidence::lines(evidence, Extent::Screen),
            Event::HookAwaits { deployment, service, .. } => stages::answers(*deployment, service),
            _ => Vec::new(),
        };
        for line in more {
            self.console.remark(format!("        {line}"));
        }
    }
}
