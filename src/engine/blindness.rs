//! What becomes of following rollouts while AWS cannot be seen.
//!
//! Invariant: what passes is waited out for some minutes, in which somebody can sign in again; what
//! waiting cannot mend ends the following at once. In both cases the outcome is unknown, and ECS goes on.

use std::time::Duration;

use tokio::time::Instant;

use super::{Engine, effects::cause_chain};
use crate::{backend::platform::ecs::EcsError, model::Event};

/// For how long AWS may not be seen before the outcome is called unknown.
const BLINDNESS: Duration = Duration::from_mins(5);

impl Engine<'_> {
    /// AWS could not be asked: say so and go on.
    pub(super) fn tell_blindness(&self, error: &EcsError) {
        let then = if error.is_lasting() { "" } else { ", trying again" };
        let to_do = error.sign_in_hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        let text = format!("cannot see how the rollouts go{then}: {}{to_do}", cause_chain(error));
        self.listener.hear(&Event::Warning { text });
    }
}

/// That AWS cannot be seen.
pub(super) struct Blindness {
    /// Since when.
    since: Instant,
    /// Why.
    why: String,
    /// Whether waiting mends nothing.
    is_lasting: bool,
}

impl Blindness {
    /// One more look at AWS that failed, after others.
    pub(super) fn of(error: &EcsError, before: Option<Self>) -> Self {
        let is_lasting = error.is_lasting();
        match before {
            Some(before) if !is_lasting => before,
            _ => Self { since: Instant::now(), why: cause_chain(error), is_lasting },
        }
    }

    /// Why the outcome is called unknown, where it goes on for too long.
    pub(super) fn too_long(&self) -> Option<String> {
        if self.is_lasting {
            return Some(format!("ECS cannot be asked any more: {}", self.why));
        }
        let for_seconds = BLINDNESS.as_secs();
        (self.since.elapsed() >= BLINDNESS)
            .then(|| format!("ECS could not be asked for {for_seconds} s: {}", self.why))
    }
}
