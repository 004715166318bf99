//! Who we are, where, and at what time.

use jiff::{SignedDuration, Timestamp};

use super::{Check, Finding};
use crate::model::{AccountId, EnvironmentId, SignIn, other_account};

/// How far AWS lets a request's time be off (IAM User Guide, "Signing AWS API requests").
const MOST_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How far a clock may be off before it is told.
const SLIGHT_SKEW: SignedDuration = SignedDuration::from_secs(30);
/// A deployment may well take this long.
const A_DEPLOYMENT: SignedDuration = SignedDuration::from_mins(15);

/// Who we are, by what way, and until when.
#[must_use]
pub fn credentials(arn: &str, sign_in: Option<&SignIn>, now: Timestamp) -> Finding {
    let Some(sign_in) = sign_in else { return Finding::ok(Check::Credentials, format!("`{arn}`")) };
    let until = match sign_in.until {
        Some(until) => format!(", until {}", until.strftime("%Y-%m-%d %H:%M:%S UTC")),
        None => String::new(),
    };
    let text = format!("`{arn}`, by {}{until}", sign_in.by());
    let is_short = sign_in.until.is_some_and(|until| until.duration_since(now) < A_DEPLOYMENT);
    if sign_in.is_fixed {
        let text =
            format!("{text}: a session that nobody renews, and that does not say when it ends");
        return if is_short { ends_soon(text) } else { Finding::ok(Check::Credentials, text) };
    }
    Finding::ok(Check::Credentials, text)
}

/// Credentials that end before a deployment does.
fn ends_soon(text: String) -> Finding {
    let fix = "sign in again before a deployment, or use a profile, which is renewed by itself";
    Finding::warn(Check::Credentials, text, fix)
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
