//! The time by a service's clock, as the `Date` of its answers shows it.
//!
//! An answer was made between the moment its request was sent and the moment it came, and its
//! `Date` says when, to the second below. So each answer gives two bounds of how far this machine's
//! clock is off, and all answers together tighter ones. Only what the bounds prove is corrected: a
//! clock that may be right is left alone.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{
                BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
            },
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use crate::backend::clock as machine;

/// The resolution of a `Date` header.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// How far the service's clock is ahead of this machine's: between these two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    /// No less than this.
    least: SignedDuration,
    /// No more than this.
    most: SignedDuration,
}

impl Bounds {
    /// What one answer proves. Nothing where this machine's clock was set back meanwhile.
    fn of(sent: Timestamp, date: Timestamp, came: Timestamp) -> Option<Self> {
        let least = date.duration_since(came);
        let most = date.duration_since(sent).checked_add(SECOND)?;
        (least <= most).then_some(Self { least, most })
    }

    /// What both prove together; the newer alone where they contradict each other, as they do when
    /// this machine's clock was set meanwhile.
    fn and(self, newer: Self) -> Self {
        let both = Self { least: self.least.max(newer.least), most: self.most.min(newer.most) };
        if both.least <= both.most { both } else { newer }
    }

    /// What is to be added to this machine's time: the least that is proven.
    fn correction(self) -> SignedDuration {
        SignedDuration::ZERO.max(self.least).min(self.most)
    }
}

/// What is known of a service's clock. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedClock(Arc<Mutex<Option<Bounds>>>);

impl SharedClock {
    /// The service's time at a time of this machine's.
    pub(crate) fn of(&self, now: Timestamp) -> Timestamp {
        let bounds = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let correction = bounds.map_or(SignedDuration::ZERO, Bounds::correction);
        now.checked_add(correction).unwrap_or(now)
    }

    /// How far the service's clock is ahead of this machine's, at the least; nothing before it
    /// answered.
    pub(super) fn ahead(&self) -> Option<SignedDuration> {
        let bounds = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bounds.map(Bounds::correction)
    }

    /// Learns from an answer.
    fn learn(&self, sent: Timestamp, date: Timestamp, came: Timestamp) {
        let Some(newer) = Bounds::of(sent, date, came) else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(known.map_or(newer, |known| known.and(newer)));
    }
}

/// When a request was sent.
#[derive(Debug, Clone, Copy)]
struct Sent(Timestamp);

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

impl Intercept for SharedClock {
    fn name(&self) -> &'static str {
        "SharedClock"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        state.interceptor_state().store_put(Sent(machine::now()));
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(read);
        if let (Some(Sent(sent)), Some(date)) = (state.load::<Sent>(), date) {
            self.learn(*sent, date, machine::now());
        }
        Ok(())
    }
}

/// Reads a `Date` header.
fn read(date: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    /// An answer by a store whose clock is ahead by `ahead`, all in milliseconds.
    fn answer(clock: &SharedClock, (sent, ahead, there, back): (i64, i64, i64, i64)) {
        let date = (sent + there + ahead).div_euclid(1000) * 1000;
        clock.learn(at(sent), at(date), at(sent + there + back));
    }

    fn correction(clock: &SharedClock) -> i64 {
        clock.of(at(0)).as_millisecond() - at(0).as_millisecond()
    }

    #[test]
    fn a_header_is_read() {
        assert_eq!(read("Sat, 21 Nov 2026 12:38:58 GMT"), "2026-11-21T12:38:58Z".parse().ok());
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn a_clock_that_may_be_right_is_left_alone() {
        let clock = SharedClock::default();
        assert_eq!(correction(&clock), 0);
        for sent in [0, 10_999, 20_500] {
            answer(&clock, (sent, 0, 40, 60));
            assert_eq!(correction(&clock), 0);
        }
    }

    #[test]
    fn a_wrong_clock_is_corrected_to_within_a_second() {
        for wrong in [-3_600_000, -90_000, -5_000, 5_000, 90_000, 3_600_000] {
            let clock = SharedClock::default();
            answer(&clock, (300, wrong, 40, 60));
            let left = wrong - correction(&clock);
            assert!(left.abs() <= 1_100, "{wrong}: {left}");
        }
    }

    #[test]
    fn many_answers_know_better_than_one_and_a_slow_one_unlearns_nothing() {
        let clock = SharedClock::default();
        for sent in (0..20).map(|n| n * 1_050) {
            answer(&clock, (sent, 90_000, 5, 5));
        }
        let left = 90_000 - correction(&clock);
        assert!((0..=70).contains(&left), "{left}");
        answer(&clock, (40_000, 90_000, 5_000, 5_000));
        assert_eq!(90_000 - correction(&clock), left);
    }

    #[test]
    fn a_clock_that_was_set_is_followed() {
        let clock = SharedClock::default();
        answer(&clock, (0, 90_000, 5, 5));
        answer(&clock, (1_000, 0, 5, 5));
        assert_eq!(correction(&clock), 0);
        // Set back while the answer was under way: it proves nothing.
        clock.learn(at(100_000), at(40_000), at(0));
        assert_eq!(correction(&clock), 0);
    }

    proptest! {
        #[test]
        fn the_correction_never_makes_it_worse(
            ahead in -100_000_i64..100_000,
            answers in prop::collection::vec((0_i64..100_000, 0_i64..3_000, 0_i64..3_000), 1..20),
        ) {
            let clock = SharedClock::default();
            for (sent, there, back) in answers {
                answer(&clock, (sent, ahead, there, back));
            }
            let left = ahead - correction(&clock);
            prop_assert!(left.abs() <= ahead.abs());
        }
    }
}
