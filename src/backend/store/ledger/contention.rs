//! Losing a race and trying again, for a bounded time.

use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use super::super::StoreError;

/// Most lost races before the conflict is told; about seven seconds in all.
const MOST_LOSSES: u32 = 50;
/// The longest first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// The races that one piece of work has lost.
#[derive(Debug, Default)]
pub(super) struct Contention {
    /// How many.
    losses: u32,
}

impl Contention {
    /// Waits a little after a lost race, by a random time, so that two losers do not meet again.
    ///
    /// # Errors
    /// Gives the error back when it is no conflict, or when too many races were lost.
    pub(super) async fn after(&mut self, error: StoreError) -> Result<(), StoreError> {
        if error.conflict().is_none() {
            return Err(error);
        }
        let Some(longest) = longest_pause(self.losses) else { return Err(error) };
        self.losses += 1;
        sleep(longest.mul_f64(random_part())).await;
        Ok(())
    }
}

/// The longest pause after so many earlier losses; none when it is time to give up.
fn longest_pause(losses: u32) -> Option<Duration> {
    let doubled = 2_u32.saturating_pow(losses);
    (losses < MOST_LOSSES).then(|| FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE))
}

/// A random number from 0 up to 1.
fn random_part() -> f64 {
    let (random, ..) = Uuid::new_v4().as_fields();
    f64::from(random) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_end() {
        let millis = |losses| longest_pause(losses).map(|pause| pause.as_millis());
        assert_eq!([0, 1, 2, 6, 7, 49].map(millis), [5, 10, 20, 320, 320, 320].map(Some));
        assert_eq!(millis(50), None);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random_part())));
    }

    #[tokio::test]
    async fn what_is_no_conflict_is_not_tried_again() {
        let error = StoreError::invalid("a test");
        assert!(Contention::default().after(error).await.is_err());
        let conflict = || StoreError::failed_writes(Vec::new());
        assert!(Contention::default().after(conflict()).await.is_ok());
        assert!(Contention { losses: MOST_LOSSES }.after(conflict()).await.is_err());
    }
}
