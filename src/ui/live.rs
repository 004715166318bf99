//! Progress on a terminal: one live line a service.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use console::Style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{
    console::Console,
    evidence::{self, Extent},
    stages, words,
};
use crate::model::{Event, Listener, ServiceId, TaskHappening, Verdict};

/// How often the spinners turn.
const TICK: Duration = Duration::from_millis(120);

/// Shows each service on a line of its own, redrawn as it moves.
pub struct Live {
    /// How it looks.
    console: Console,
    /// All lines.
    lines: MultiProgress,
    /// The line of each service.
    services: Mutex<HashMap<ServiceId, ProgressBar>>,
}

impl Live {
    /// Draws on the terminal behind the error stream.
    #[must_use]
    pub fn new(console: Console) -> Self {
        Self { console, lines: MultiProgress::new(), services: Mutex::default() }
    }

    /// Makes the lines of all services.
    fn begin(&self, services: &[ServiceId]) {
        let width = services.iter().map(|id| id.as_str().len()).max().unwrap_or_default();
        let template =
            format!("  {{spinner:.cyan}} {{prefix:{width}}}  {{wide_msg}} {{elapsed:.dim}}");
        let style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_bad_template| ProgressStyle::default_spinner());
        let mut known = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        for service in services {
            let line = self.lines.add(ProgressBar::new_spinner().with_style(style.clone()));
            line.set_prefix(service.to_string());
            line.set_message("waiting");
            line.enable_steady_tick(TICK);
            known.insert(service.clone(), line);
        }
    }

    /// The line of a service.
    fn line(&self, service: &str) -> Option<ProgressBar> {
        let known = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(service).cloned()
    }

    /// A line above the live ones.
    fn remark(&self, text: &str) {
        // A terminal that went away shows nothing; the deployment goes on.
        drop(self.lines.println(text));
    }

    /// Ends a service's line.
    fn finish(&self, service: &ServiceId, verdict: &Verdict, words: &str) {
        let Some(line) = self.line(service.as_str()) else { return };
        let style = match verdict {
            Verdict::Verified => Style::new().green(),
            Verdict::NotStarted { .. } => Style::new().dim(),
            _ => Style::new().red(),
        };
        line.finish_with_message(self.console.paint(&style, words));
    }
}

impl Listener for Live {
    fn hear(&self, event: &Event) {
        let (service, words) = words::event_line(event);
        match event {
            Event::DeploymentStarted { services, .. }
            | Event::Resumed { services, .. }
            | Event::RollingBack { services, .. } => {
                self.remark(&words);
                self.begin(services);
            }
            Event::StepFinished { service, verdict, .. }
            | Event::PutBack { service, verdict, .. } => self.finish(service, verdict, &words),
            Event::Failing { service, evidence, .. } => {
                self.remark(
                    &self.console.paint(&Style::new().red(), format!("{service}: {words}")),
                );
                for line in evidence::lines(evidence, Extent::Screen) {
                    self.remark(&format!("    {line}"));
                }
            }
            Event::HookAwaits { deployment, service, .. } => {
                self.remark(
                    &self.console.paint(&Style::new().yellow(), format!("{service}: {words}")),
                );
                for line in stages::answers(*deployment, service) {
                    self.remark(&format!("    {line}"));
                }
            }
            Event::BeforeTask { happening: TaskHappening::Log { .. }, .. } => {
                for line in words::logged(event) {
                    self.remark(&line);
                }
            }
            Event::Troubled { service, .. } => {
                self.remark(&format!("{service}: {words}"));
            }
            _ => match service.and_then(|service| self.line(service)) {
                Some(line) if !line.is_finished() => line.set_message(words),
                _ => self.remark(&match service {
                    Some(service) => format!("{service}: {words}"),
                    None => words,
                }),
            },
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        for line in self.services.lock().unwrap_or_else(PoisonError::into_inner).values() {
            if !line.is_finished() {
                line.abandon();
            }
        }
    }
}
