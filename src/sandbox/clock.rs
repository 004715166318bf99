//! The sandbox's two clocks: the machine's, and the one that its services live by.
//!
//! Invariant: the services' clock never goes back, except by a reset, and does not jump when its
//! speed is changed. It is a function of the machine's clock and of what is kept in the state, so
//! that all processes on one state agree on it. Credentials' expiry, quotas and the latency of
//! answers are on the machine's clock, because clients are.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    SandboxError,
    state::{Entity, Transaction},
};

/// Where the machine's time is taken from; tests bring their own.
#[derive(Clone)]
pub(super) struct Machine(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Machine {
    /// The real thing.
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox is a leaf; its one look at the time"
    )]
    pub(super) fn real() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A machine whose time is what a test says.
    #[cfg(test)]
    pub(super) fn told(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub(super) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Machine")
    }
}

/// How many seconds pass in the sandbox in a second: 0 (the clock stands) to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Speed(f64);

/// Why a number is no speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a speed: a number from 0 (the clock stands) to 1000000 is")]
pub struct SpeedError(String);

impl Speed {
    /// As the machine's clock.
    pub const REAL: Self = Self(1.0);
    /// The clock stands; only [`advance`](super::Sandbox::advance) moves it.
    pub const STOPPED: Self = Self(0.0);
    /// The fastest: a day in less than a tenth of a second.
    const MOST: f64 = 1_000_000.0;
}

impl TryFrom<f64> for Speed {
    type Error = SpeedError;

    fn try_from(factor: f64) -> Result<Self, SpeedError> {
        let valid = (0.0..=Self::MOST).contains(&factor);
        // A negative zero is in the range; it is not to be seen.
        if valid { Ok(Self(factor.abs())) } else { Err(SpeedError(factor.to_string())) }
    }
}

impl From<Speed> for f64 {
    fn from(speed: Speed) -> Self {
        speed.0
    }
}

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        let factor: f64 = text.parse().map_err(|_not_a_number| SpeedError(text.to_owned()))?;
        Self::try_from(factor)
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The services' clock: what it showed when it was last set, and how it has gone since.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Clock {
    /// The machine's time when it was set.
    set_at: Timestamp,
    /// What it showed then.
    shown: Timestamp,
    /// How fast it has gone since.
    pub(super) speed: Speed,
}

impl Entity for Clock {
    const KIND: &'static str = "clock";
}

/// There is one clock in a state.
const KEY: &str = "";

impl Clock {
    /// The latest time it shows, so that what the services add to it is a time, too.
    const END: Timestamp = Timestamp::constant(221_845_392_000, 0);

    /// The state's clock; one that nobody has set yet goes with the machine's.
    pub(super) fn load(
        transaction: &Transaction<'_>,
        machine: Timestamp,
    ) -> Result<Self, SandboxError> {
        let unset = Self { set_at: machine, shown: machine, speed: Speed::REAL };
        Ok(transaction.get(KEY)?.unwrap_or(unset))
    }

    /// Keeps the clock in the state.
    pub(super) fn save(&self, transaction: &mut Transaction<'_>) -> Result<(), SandboxError> {
        transaction.put(KEY, self)
    }

    /// What it shows when the machine's clock shows `machine`.
    pub(super) fn at(&self, machine: Timestamp) -> Timestamp {
        // A machine's clock that was put back stops this one until it has caught up.
        let passed = machine.duration_since(self.set_at).max(SignedDuration::ZERO);
        if self.speed == Speed::REAL {
            return later(self.shown, passed);
        }
        let seconds = passed.as_secs_f64() * self.speed.0;
        later(self.shown, SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX))
    }

    /// The time for services when the machine's clock shows `machine`, in whole milliseconds. Their
    /// answers tell no finer ones, so that a time that a client sends back is the one that was kept.
    pub(super) fn told(&self, machine: Timestamp) -> Timestamp {
        let shown = self.at(machine);
        Timestamp::from_millisecond(shown.as_millisecond()).unwrap_or(shown)
    }

    /// The same clock at another speed from now on.
    pub(super) fn with_speed(self, machine: Timestamp, speed: Speed) -> Self {
        Self { set_at: machine, shown: self.at(machine), speed }
    }

    /// The same clock, put forward.
    pub(super) fn advanced(self, machine: Timestamp, by: Duration) -> Self {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        Self { set_at: machine, shown: later(self.at(machine), by), speed: self.speed }
    }
}

/// A time that much later, or the end of time.
fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).map_or(Clock::END, |time| time.min(Clock::END))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One thing that happens to a clock: the machine's time goes on, then perhaps a setting.
    #[derive(Debug, Clone)]
    enum Step {
        Wait(u32),
        Speed(f64),
        Advance(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any::<u32>().prop_map(Step::Wait),
            (0.0..1000.0).prop_map(Step::Speed),
            Just(Step::Speed(0.0)),
            any::<u32>().prop_map(Step::Advance),
        ]
    }

    fn start() -> (Timestamp, Clock) {
        let now: Timestamp = "2026-11-21T16:32:12Z".parse().unwrap();
        (now, Clock { set_at: now, shown: now, speed: Speed::REAL })
    }

    proptest! {
        #[test]
        fn setting_is_continuous_and_time_never_goes_back(
            steps in proptest::collection::vec(step(), 0..30)
        ) {
            let (mut machine, mut clock) = start();
            for step in steps {
                let before = clock.at(machine);
                match step {
                    Step::Wait(millis) => {
                        machine += SignedDuration::from_millis(i64::from(millis));
                        prop_assert!(clock.at(machine) >= before);
                    }
                    Step::Speed(factor) => {
                        clock = clock.with_speed(machine, Speed::try_from(factor).unwrap());
                        prop_assert_eq!(clock.at(machine), before);
                    }
                    Step::Advance(seconds) => {
                        clock = clock.advanced(machine, Duration::from_secs(seconds.into()));
                        let after = before + SignedDuration::from_secs(seconds.into());
                        prop_assert_eq!(clock.at(machine), after);
                    }
                }
            }
        }
    }

    #[test]
    fn speed_multiplies_and_zero_stands() {
        let (machine, clock) = start();
        let later = machine + SignedDuration::from_secs(3);
        for (factor, seconds) in [("0", 0), ("1", 3), ("2.5", 7), ("60", 180)] {
            let clock = clock.with_speed(machine, factor.parse().unwrap());
            assert_eq!(clock.at(later).duration_since(machine).as_secs(), seconds, "{factor}");
        }
    }

    #[test]
    fn services_are_told_milliseconds() {
        let (machine, clock) = start();
        let later = machine + SignedDuration::from_nanos(1_234_567_891);
        assert_eq!(clock.told(later), machine + SignedDuration::from_millis(1_234));
        assert_eq!(clock.told(machine), machine);
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let (machine, clock) = start();
        let clock = clock.advanced(machine, Duration::MAX);
        assert_eq!(clock.at(machine), Clock::END);
        assert_eq!(clock.at(machine + SignedDuration::from_hours(1)), Clock::END);
    }

    #[test]
    fn a_machine_put_back_does_not_put_the_clock_back() {
        let (machine, clock) = start();
        assert_eq!(clock.at(machine - SignedDuration::from_hours(1)), machine);
    }

    #[test]
    fn only_speeds_are_speeds() {
        for text in ["", "-1", "NaN", "inf", "1000001", "fast"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
        assert_eq!("-0".parse::<Speed>().unwrap().to_string(), "0");
    }
}
