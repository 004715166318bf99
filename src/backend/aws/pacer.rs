//! Keeping requests within the rates that AWS publishes or applies, so that they are not throttled.
//!
//! One [`Pacer`] per account, region and [`Bucket`], shared by everything in this process. A
//! pacer lets requests through in the order they came. Time is Tokio's, so that tests can pause
//! it.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::bucket::{Bucket, Limit};

/// Called with the name of an operation each time AWS throttles it.
pub type ThrottleHook = Arc<dyn Fn(&str) + Send + Sync>;

/// Whether requests are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pacing {
    /// By AWS's published rates.
    #[default]
    Published,
    /// Not before the first throttle, for an AWS that has no quotas of its own. A throttle
    /// starts pacing by the published rates.
    AfterThrottle,
}

/// The share of a burst we use: the rest is for whoever else works in the account, and for what
/// an earlier run of this program took just before.
const BURST_SHARE: f64 = 0.9;
/// The share of a rate we use, since requests arrive less evenly than they are sent.
const RATE_SHARE: f64 = 0.98;
/// The least share of the rate that throttles can bring a pacer down to.
const SLOWEST: f64 = 1.0 / 16.0;
/// Throttles within this time of another count as one: they answer requests sent together.
const SAME_THROTTLE: Duration = Duration::from_secs(1);
/// The shortest wait, since timers tick in milliseconds and a shorter one would spin.
const TICK: Duration = Duration::from_millis(1);
/// How long without a throttle until a slowed pacer doubles its rate again.
const RECOVERY: Duration = Duration::from_secs(10);

impl Bucket {
    /// How many requests we send at once by what is published.
    pub(crate) fn at_once(self) -> f64 {
        self.published().ours().burst
    }
}

impl Limit {
    /// What we use of it.
    fn ours(self) -> Self {
        Self {
            burst: (self.burst * BURST_SHARE).max(1.0),
            per_second: self.per_second * RATE_SHARE,
        }
    }
}

/// How full a bucket is, and how much it is slowed. Pure: time is passed in.
#[derive(Debug)]
struct Level {
    /// What applies; `None` while nothing is held back.
    limit: Option<Limit>,
    /// Requests that may be sent now.
    tokens: f64,
    /// When `tokens` was right.
    filled_at: Instant,
    /// Share of the rate in use, 1 unless throttled.
    share: f64,
    /// When the pace last changed; none while there was no throttle.
    changed_at: Option<Instant>,
}

impl Level {
    /// A full bucket.
    fn new(limit: Option<Limit>, now: Instant) -> Self {
        let tokens = limit.map_or(0.0, |limit| limit.burst);
        Self { limit, tokens, filled_at: now, share: 1.0, changed_at: None }
    }

    /// Takes the right to send one request, or says how long to wait before asking again.
    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(limit) = self.limit else { return Ok(()) };
        while self.share < 1.0
            && let Some(recovered) = self.changed_at.map(|at| at + RECOVERY)
            && recovered <= now
        {
            self.changed_at = Some(recovered);
            self.fill(limit, recovered);
            self.share = (self.share * 2.0).min(1.0);
        }
        self.fill(limit, now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - self.tokens) / (limit.per_second * self.share);
        Err(Duration::from_secs_f64(wait).max(TICK))
    }

    /// Goes on by another limit. The bucket has as much less in it as it had before.
    fn change(&mut self, to: Limit, now: Instant) {
        let Some(before) = self.limit else { return };
        self.fill(before, now);
        self.tokens = (self.tokens + to.burst - before.burst).max(0.0);
        self.limit = Some(to);
    }

    /// Adds what came in since it was last filled.
    fn fill(&mut self, limit: Limit, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled_at);
        let gained = elapsed.as_secs_f64() * limit.per_second * self.share;
        self.tokens = (self.tokens + gained).min(limit.burst);
        self.filled_at = self.filled_at.max(now);
    }

    /// Empties the bucket, since AWS's own is empty, and halves the rate, unless nothing was held
    /// back before: then the published rate has not been tried yet.
    fn throttled(&mut self, known: Limit, now: Instant) {
        let was_paced = self.limit.is_some();
        let limit = *self.limit.get_or_insert(known);
        self.fill(limit, now);
        self.tokens = self.tokens.min(0.0);
        let is_same = self.changed_at.is_some_and(|at| now.duration_since(at) < SAME_THROTTLE);
        if is_same {
            return;
        }
        if was_paced {
            self.share = (self.share / 2.0).max(SLOWEST);
        }
        self.changed_at = Some(now);
    }
}

/// Lets requests of one bucket through at the rate AWS allows.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// What applies once there was a throttle: what is published, or what AWS told.
    known: Mutex<Limit>,
    /// How full the bucket is; never held across a wait.
    level: Mutex<Level>,
    /// Held by the request that is next, so that the others stay in line.
    turn: tokio::sync::Mutex<()>,
}

impl Pacer {
    /// A pacer with a full bucket.
    fn new(bucket: Bucket, pacing: Pacing) -> Self {
        let published = bucket.published().ours();
        let limit = (pacing == Pacing::Published).then_some(published);
        Self {
            known: Mutex::new(published),
            level: Mutex::new(Level::new(limit, Instant::now())),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Waits until one request may be sent. Fair: first come, first served.
    pub(crate) async fn acquire(&self) {
        let _turn = self.turn.lock().await;
        while let Err(wait) = self.with_level(|level| level.take(Instant::now())) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Notes that AWS throttled a request.
    pub(crate) fn throttled(&self) {
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.with_level(|level| level.throttled(known, Instant::now()));
    }

    /// Keeps to what AWS told instead of what is published.
    pub(crate) fn keep_to(&self, applied: Limit) {
        let ours = applied.ours();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = ours;
        self.with_level(|level| level.change(ours, Instant::now()));
    }

    /// Works on the level. Whoever panicked before left it whole: it holds numbers only.
    fn with_level<T>(&self, work: impl FnOnce(&mut Level) -> T) -> T {
        work(&mut self.level.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All pacers of this process.
pub(crate) struct Pacers {
    /// Whether requests are held back from the start.
    pacing: Pacing,
    /// Whom to tell of throttles.
    hook: Option<ThrottleHook>,
    /// By account, region and bucket.
    by_bucket: Mutex<HashMap<(String, String, Bucket), Arc<Pacer>>>,
}

impl Pacers {
    /// No pacers yet.
    pub(crate) fn new(pacing: Pacing, hook: Option<ThrottleHook>) -> Self {
        Self { pacing, hook, by_bucket: Mutex::default() }
    }

    /// The pacer of a bucket in an account and region.
    pub(crate) fn of(&self, account: &str, region: &str, bucket: Bucket) -> Arc<Pacer> {
        let mut pacers = self.by_bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.to_owned(), region.to_owned(), bucket);
        Arc::clone(pacers.entry(key).or_insert_with(|| Arc::new(Pacer::new(bucket, self.pacing))))
    }

    /// Tells that an operation was throttled.
    pub(crate) fn tell(&self, operation: &str) {
        tracing::debug!(operation, "throttled");
        if let Some(hook) = &self.hook {
            hook(operation);
        }
    }
}

impl fmt::Debug for Pacers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacers").field("pacing", &self.pacing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use proptest::prelude::*;

    use super::*;

    /// AWS's side of a bucket: refuses what comes too fast.
    struct Theirs {
        limit: Limit,
        level: Mutex<(f64, Instant)>,
    }

    impl Theirs {
        fn of(bucket: Bucket) -> Self {
            Self::with(bucket.published())
        }

        fn with(limit: Limit) -> Self {
            Self { limit, level: Mutex::new((limit.burst, Instant::now())) }
        }

        fn allows(&self) -> bool {
            let mut level = self.level.lock().unwrap();
            let now = Instant::now();
            let gained = now.duration_since(level.1).as_secs_f64() * self.limit.per_second;
            level.0 = (level.0 + gained).min(self.limit.burst);
            level.1 = now;
            let allowed = level.0 >= 1.0;
            if allowed {
                level.0 -= 1.0;
            }
            allowed
        }
    }

    /// Sends `count` requests at once, as a deployment does, and says how many were refused and
    /// how long all took.
    async fn send(pacer: &Pacer, theirs: &Theirs, count: usize) -> (usize, f64) {
        let began = Instant::now();
        let refused = join_all((0..count).map(|_| async {
            let mut refused = 0;
            loop {
                pacer.acquire().await;
                if theirs.allows() {
                    return refused;
                }
                pacer.throttled();
                refused += 1;
            }
        }))
        .await;
        (refused.into_iter().sum(), began.elapsed().as_secs_f64())
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_registrations_are_never_throttled_and_take_what_the_quota_says() {
        let bucket = Bucket::TaskDefinitionModify;
        let pacer = Pacer::new(bucket, Pacing::Published);
        let (refused, seconds) = send(&pacer, &Theirs::of(bucket), 100).await;
        let ideal = 80.0;
        assert_eq!(refused, 0);
        assert!(seconds >= ideal && seconds < ideal * 1.1, "{seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_within_the_quota_waits_for_nothing() {
        for (bucket, count) in [(Bucket::ServiceModify, 45), (Bucket::ServiceRead, 90)] {
            let pacer = Pacer::new(bucket, Pacing::Published);
            assert_eq!(send(&pacer, &Theirs::of(bucket), count).await, (0, 0.0));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_program_took_only_slows_us_down() {
        let bucket = Bucket::ServiceModify;
        let (pacer, theirs) = (Pacer::new(bucket, Pacing::Published), Theirs::of(bucket));
        theirs.level.lock().unwrap().0 = 0.0;
        let (refused, seconds) = send(&pacer, &theirs, 60).await;
        assert!(refused > 0, "the test makes no sense otherwise");
        assert!(seconds < 60.0 / 5.0 * 3.0, "{seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn without_pacing_a_throttle_starts_it() {
        let pacer = Pacer::new(Bucket::ParameterWrite, Pacing::AfterThrottle);
        for _ in 0..1000 {
            pacer.acquire().await;
        }
        pacer.throttled();
        let began = Instant::now();
        pacer.acquire().await;
        assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_above_the_burst_takes_what_the_quota_says_also_after_the_first_throttle() {
        let bucket = Bucket::TaskDefinitionModify;
        let pacer = Pacer::new(bucket, Pacing::AfterThrottle);
        let (refused, seconds) = send(&pacer, &Theirs::of(bucket), 30).await;
        assert!(refused > 0, "the test makes no sense otherwise");
        let ideal = 10.0;
        assert!(seconds >= ideal && seconds < ideal * 1.2, "{seconds} s, {refused} refused");
    }

    #[tokio::test(start_paused = true)]
    async fn throttles_halve_the_rate_once_a_second_and_it_comes_back() {
        let limit = Limit { burst: 10.0, per_second: 10.0 };
        let mut level = Level::new(Some(limit), Instant::now());
        for _ in 0..5 {
            level.throttled(limit, Instant::now());
        }
        assert!((level.share - 0.5).abs() < f64::EPSILON, "answers to one burst count once");
        tokio::time::advance(SAME_THROTTLE).await;
        level.throttled(limit, Instant::now());
        assert!((level.share - 0.25).abs() < f64::EPSILON);
        tokio::time::advance(RECOVERY * 2).await;
        assert_eq!(level.take(Instant::now()), Ok(()));
        assert!((level.share - 1.0).abs() < f64::EPSILON);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_go_in_the_order_they_came() {
        let pacer = Pacer::new(Bucket::ParameterWrite, Pacing::Published);
        let order = Mutex::new(Vec::new());
        join_all((0..12).map(|number| {
            let (pacer, order) = (&pacer, &order);
            async move {
                pacer.acquire().await;
                order.lock().unwrap().push(number);
            }
        }))
        .await;
        assert_eq!(order.into_inner().unwrap(), (0..12).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn whatever_the_rhythm_no_span_holds_more_than_was_published(
            gaps in prop::collection::vec(0_u64..3000, 1..200),
        ) {
            let published = Bucket::ServiceModify.published();
            let began = Instant::now();
            let mut level = Level::new(Some(published.ours()), began);
            let mut now = began;
            let mut sent: Vec<Instant> = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap % 400 * u64::from(gap > 1500));
                while let Err(wait) = level.take(now) {
                    now += wait;
                }
                sent.push(now);
            }
            for (first, from) in sent.iter().enumerate() {
                for (count, to) in (1_u32..).zip(&sent[first..]) {
                    let span = to.duration_since(*from).as_secs_f64();
                    let most = published.burst + span * published.per_second;
                    prop_assert!(f64::from(count) <= most, "{count} in {span} s");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_raised_quota_is_kept_to_before_and_after_a_throttle() {
        let raised = Limit { burst: 40.0, per_second: 10.0 };
        for pacing in [Pacing::Published, Pacing::AfterThrottle] {
            let pacer = Pacer::new(Bucket::TaskDefinitionModify, pacing);
            pacer.keep_to(raised);
            let theirs = Theirs::with(raised);
            let (refused, seconds) = send(&pacer, &theirs, 100).await;
            let ideal = 6.0;
            assert_eq!(refused == 0, pacing == Pacing::Published, "{refused}");
            assert!(seconds >= ideal && seconds < ideal * 1.2, "{pacing:?}: {seconds} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_counts_when_a_quota_turns_out_to_be_another() {
        let pacer = Pacer::new(Bucket::TaskDefinitionModify, Pacing::Published);
        for _ in 0..18 {
            pacer.acquire().await;
        }
        pacer.keep_to(Limit { burst: 10.0, per_second: 1.0 });
        let began = Instant::now();
        pacer.acquire().await;
        assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    }

    #[test]
    fn accounts_and_regions_do_not_share_a_pacer() {
        let pacers = Pacers::new(Pacing::Published, None);
        let of = |account, region| pacers.of(account, region, Bucket::ServiceRead);
        assert!(Arc::ptr_eq(&of("1", "eu-west-1"), &of("1", "eu-west-1")));
        assert!(!Arc::ptr_eq(&of("1", "eu-west-1"), &of("2", "eu-west-1")));
        assert!(!Arc::ptr_eq(&of("1", "eu-west-1"), &of("1", "eu-west-2")));
    }
}
