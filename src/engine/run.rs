//! One run over the steps of a deployment, in one direction.

use tokio::time::{Duration, Instant, timeout};

use super::{
    Engine, LAST_ANSWERS,
    course::Course,
    effects::Written,
    error::EngineError,
    follow::Followed,
    journal::Journal,
    keeper::Keeper,
    rollouts::{Rollouts, Stop},
};

/// Everything that belongs to a run.
pub(super) struct Run<'a> {
    /// What is to be done.
    pub(super) course: &'a Course,
    /// Where it is written down.
    pub(super) journal: &'a Journal<'a>,
    /// What is under way.
    pub(super) rollouts: &'a Rollouts,
    /// Who keeps the lease.
    pub(super) keeper: &'a Keeper<'a>,
    /// What services share.
    pub(super) written: Written,
    /// For how long a rollout that ECS calls complete has to stay so until it is verified.
    pub(super) settle: Duration,
    /// Whether rollouts are followed to their end.
    pub(super) wait: bool,
    /// Whether everything goes back once a service has failed.
    pub(super) goes_back: bool,
    /// Since when the rollouts may take their time.
    pub(super) began: Instant,
    /// When they must have ended: what was given, the bakes that are planned, and the time
    /// that a complete one has to stay so.
    pub(super) deadline: Instant,
    /// Who says that one-off tasks succeeded whose end is not known.
    pub(super) confirmed_by: Option<String>,
}

impl Engine<'_> {
    /// Tells the services to move and follows those that do, both at the same time, so that a
    /// failure of the first is seen before the last is started.
    pub(super) async fn run(&self, run: &Run<'_>) -> Result<Followed, EngineError> {
        let work = async { tokio::try_join!(self.apply_all(run), self.follow_all(run)) };
        let done = self.attend(run, work).await?;
        Ok(done.map_or(Followed::Stopped, |((), followed)| followed))
    }

    /// Does some work while the lease is kept; nothing where the work has to stop.
    pub(super) async fn attend<T>(
        &self,
        run: &Run<'_>,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<Option<T>, EngineError> {
        let mut work = std::pin::pin!(work);
        let mut interrupt = self.interrupt.clone();
        tokio::select! {
            biased;
            _ = interrupt.wait_for(|stop| *stop) => run.rollouts.stop(Stop::Signal),
            () = run.rollouts.stops() => {}
            lost = run.keeper.keep(run.rollouts) => return Err(lost),
            done = &mut work => return done.map(Some),
        }
        // Requests that are under way may still be answered and recorded.
        match timeout(LAST_ANSWERS, work).await {
            Ok(done) => done.map(Some),
            Err(_still_going) => Ok(None),
        }
    }
}
