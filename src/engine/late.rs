//! What becomes of rollouts whose end is not known when the wait is over.
//!
//! Invariant: however many there are, they are looked at for a last time side by side, so that a
//! deadline is not passed by minutes.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout};

use super::{
    Engine,
    error::EngineError,
    follow::{Seen, target_of},
    proof::{ONE_LOOK, SIDE_BY_SIDE},
    rollouts::Moving,
    run::Run,
};
use crate::model::{Evidence, Verdict};

/// What is said first of a rollout that there was no time to look at before.
const LOOKED_AT_LATE: &str = "it was first looked at when the time was up; ";
/// How long services are looked at for a last time.
const LAST_LOOK: Duration = Duration::from_secs(10);

impl Engine<'_> {
    /// The wait is over and the end is not known: it is too late, or AWS cannot be seen.
    pub(super) async fn give_up(
        &self,
        run: &Run<'_>,
        unseen: Option<&str>,
    ) -> Result<(), EngineError> {
        let mut left = run.rollouts.take();
        for one in &left {
            run.rollouts.ended(&one.watch.service, &given_up(run, unseen));
        }
        let seen = self.last_look(run, &left).await;
        for one in &left {
            let now = run.course.step(one.position).and_then(|step| seen.get(&target_of(step)));
            if let Some(last) = now.or(one.seen.as_deref()) {
                run.journal.saw(one.position, last);
            }
        }
        let by = Instant::now() + ONE_LOOK;
        let ends: Vec<(usize, Verdict, Evidence)> = stream::iter(&mut left)
            .map(async |one| {
                let (verdict, evidence) = self.last_words(run, one, (&seen, unseen, by)).await;
                (one.position, verdict, evidence)
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        for (position, verdict, evidence) in ends {
            let evidence = (!evidence.is_empty()).then_some(evidence);
            self.conclude(run, position, (verdict, evidence)).await?;
        }
        Ok(())
    }

    /// The services once more, if AWS can be asked.
    async fn last_look(&self, run: &Run<'_>, left: &[Moving]) -> Seen {
        let steps = left.iter().filter_map(|one| run.course.step(one.position));
        let targets: Vec<_> = steps.map(target_of).collect();
        let looking = timeout(LAST_LOOK, self.ecs.observe(&targets)).await;
        looking.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// How a rollout is given up, and what proves why it has not ended by now.
    async fn last_words(
        &self,
        run: &Run<'_>,
        one: &mut Moving,
        (seen, unseen, by): (&Seen, Option<&str>, Instant),
    ) -> (Verdict, Evidence) {
        let step = run.course.step(one.position);
        let service = step.and_then(|step| seen.get(&target_of(step)));
        let verdict = match given_up(run, unseen) {
            Verdict::TimedOut { seconds, .. } => {
                let is_new = one.seen.is_none();
                one.seen = service.cloned().map(Arc::new).or_else(|| one.seen.take());
                let words = self.last_seen(step, one).await;
                let last_seen = if is_new { format!("{LOOKED_AT_LATE}{words}") } else { words };
                Verdict::TimedOut { seconds, last_seen }
            }
            unknown => unknown,
        };
        (verdict, self.evidence(one, (service, None), by).await)
    }
}

/// The verdict on what is given up, without what was seen last. What was told to move late has had
/// less time than the run, whose time it is that is up.
fn given_up(run: &Run<'_>, unseen: Option<&str>) -> Verdict {
    match unseen {
        None => {
            let last_seen = String::new();
            Verdict::TimedOut { seconds: run.began.elapsed().as_secs(), last_seen }
        }
        Some(why) => Verdict::Unknown { reason: why.to_owned() },
    }
}
