//! Who we are, where, and at what time.

use jiff::SignedDuration;

use super::{Check, Finding};
use crate::model::{AccountId, EnvironmentId, SignIn, other_account};

/// How far AWS lets a request's time be off (IAM User Guide, "Signing AWS API requests").
const MOST_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How far a clock may be off before it is told.
const SLIGHT_SKEW: SignedDuration = SignedDuration::from_secs(30);

/// Who we are, by what way, and until when. Keys of the environment do not tell when they end.
#[must_use]
pub fn credentials(arn: &str, sign_in: Option<&SignIn>) -> Finding {
    let Some(sign_in) = sign_in else { return Finding::ok(Check::Credentials, format!("`{arn}`")) };
    let until = match sign_in.until {
        Some(until) => format!(", until {}", until.strftime("%Y-%m-%d %H:%M:%S UTC")),
        None => String::new(),
    };
    let fixed = if sign_in.is_fixed {
        ": the environment's keys are a session that nobody renews, and that does not tell when it ends"
    } else {
        ""
    };
    Finding::ok(Check::Credentials, format!("`{arn}`, by {}{until}{fixed}", sign_in.by()))
}

/// Whether the account is the manifest's.
#[must_use]
pub fn account(
    environment: &EnvironmentId,
    expected: Option<&AccountId>,
    (found, arn): (&AccountId, &str),
) -> Finding {
    match expected {
        Some(expected) if expected == found => {
            Finding::ok(Check::Account, format!("{found}, as the manifest says"))
        }
        Some(expected) => Finding::fail(
            Check::Account,
            format!("this is account {found} (`{arn}`), not {expected}"),
            Some(other_account(expected, found)),
        ),
        None => Finding::warn(
            Check::Account,
            format!("{found}; the manifest names none, so that nothing is compared with it"),
            format!(
                "write `account = \"{found}\"` in `environments.{environment}` of the manifest"
            ),
        ),
    }
}

/// Whether this machine's clock is AWS's. Nothing where AWS did not tell the time.
#[must_use]
pub fn clock(ahead: Option<SignedDuration>) -> Option<Finding> {
    let ahead = ahead?;
    let side = if ahead.is_positive() { "behind" } else { "ahead of" };
    let told = format!("this machine's clock is {} {side} AWS's", words(ahead.abs()));
    let fix = "set this machine's clock right, for example with NTP: AWS takes requests within five \
               minutes of its own";
    Some(match ahead.abs() {
        skew if skew >= MOST_SKEW => Finding::fail(Check::Clock, told, Some(fix.to_owned())),
        skew if skew >= SLIGHT_SKEW => Finding::warn(Check::Clock, told, fix),
        _ => Finding::ok(Check::Clock, "as AWS's"),
    })
}

/// A time in words, in whole units.
fn words(time: SignedDuration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1800) / 3600),
    }
}
