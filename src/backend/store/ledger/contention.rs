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
    /// Waits a little after a lost race, longer each time, and by a random part of it, so that two
    /// losers do not meet again.
    ///
    /// # Errors
    /// Gives the error back when it is no conflict, or when too many races were lost.
    pub(super) async fn after(&mut self, error: StoreError) -> Result<(), StoreError> {
        if error.conflict().is_none() || self.losses >= MOST_LOSSES {
            return Err(error);
        }
        let most = FIRST_PAUSE.saturating_mul(1 << self.losses.min(10)).min(LONGEST_PAUSE);
        self.losses += 1;
        sleep(most.mul_f64(random_part())).await;
        Ok(())
    }
}

/// A random number from 0 up to 1.
fn random_part() -> f64 {
    let (random, ..) = Uuid::new_v4().as_fields();
    f64::from(random) / (f64::from(u32::MAX) + 1.0)
}
