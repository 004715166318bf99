//! The one loop through which every request goes: paced, retried where that is safe, classified.
//!
//! A throttled request was not carried out, so it is sent again, whatever it does, at half the
//! pace. A request whose answer was lost is sent again only if a repeat does no harm; otherwise
//! the caller gets [`FaultKind::Ambiguous`](super::FaultKind) and has to look.

use std::{
    future::Future,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;

use super::{
    bucket::Bucket,
    fault::{AwsError, FaultKind},
    session::AwsSession,
};

/// What is known of an operation before it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operation {
    /// The API's name for it.
    pub(crate) name: &'static str,
    /// What AWS counts it towards.
    pub(crate) bucket: Bucket,
    /// What happens if it is sent twice.
    pub(crate) repeat: Repeat,
}

/// What a request does when it is carried out a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nothing: it reads, or sets what is already so.
    Harmless,
    /// It acts again: a second revision, version or deployment.
    ActsAgain,
}

/// How often a request that failed in passing is sent, the first time included.
const ATTEMPTS: u32 = 4;
/// The wait before the first of those repeats; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// How long a request is sent again on throttles and on "somebody else is changing this" before
/// it fails. A thousand registrations take 17 minutes at AWS's default rate, so whoever shares
/// the account may well keep us waiting that long.
const PATIENCE: Duration = Duration::from_mins(30);
/// How many requests of one kind are in flight at once.
const PARALLEL: usize = 16;

impl AwsSession {
    /// Sends a request and returns its answer, waiting its turn and sending it again as needed.
    ///
    /// # Errors
    /// Fails with what AWS or the way there made of it.
    pub(crate) async fn call<O, E, F>(
        &self,
        operation: Operation,
        send: impl Fn() -> F + Send,
    ) -> Result<O, AwsError>
    where
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let pacer = self.pacer(operation.bucket);
        let began = Instant::now();
        let mut failures = 0;
        loop {
            pacer.acquire().await;
            let start = Instant::now();
            let answer = send().await;
            let millis = start.elapsed().as_millis();
            let error = match answer {
                Ok(output) => {
                    self.witness().allowed(operation.name);
                    tracing::debug!(operation = operation.name, millis, "answered");
                    return Ok(output);
                }
                Err(error) => AwsError::new(operation, &error).signed_by(&self.sources()),
            };
            tracing::debug!(operation = operation.name, millis, %error, "failed");
            if matches!(error.kind(), FaultKind::AccessDenied(_)) {
                self.witness().denied(operation.name);
            }
            let patient = began.elapsed() < PATIENCE;
            match error.kind() {
                FaultKind::Throttled if patient => {
                    pacer.throttled();
                    self.pacers().tell(operation.name);
                }
                FaultKind::Busy if patient => {
                    failures += 1;
                    tokio::time::sleep(wait_after(failures)).await;
                }
                FaultKind::Unreachable | FaultKind::Server if failures + 1 < ATTEMPTS => {
                    failures += 1;
                    tracing::debug!(%error, failures, "sending again");
                    tokio::time::sleep(wait_after(failures)).await;
                }
                _ => return Err(error),
            }
        }
    }
}

/// The wait after so many failures: doubling up to 3 s, each time between half and all of it, so
/// that requests that failed together do not come back together.
fn wait_after(failures: u32) -> Duration {
    let doubled = FIRST_WAIT * 2_u32.pow(failures.saturating_sub(1).min(4));
    spread(doubled.min(Duration::from_secs(3)))
}

/// Between half and all of a wait.
pub(crate) fn spread(full: Duration) -> Duration {
    full.mul_f64(0.5 + 0.5 * random_share())
}

/// A number from 0 to 1, random enough to spread retries: the hasher's keys are.
fn random_share() -> f64 {
    let sixteen_bits = RandomState::new().build_hasher().finish() & 0xffff;
    f64::from(u16::try_from(sixteen_bits).unwrap_or_default()) / f64::from(u16::MAX)
}

/// Runs requests side by side, a bounded number at a time; the answers are in the order given.
///
/// # Errors
/// Fails with the first failure; what has not been sent then is not sent.
pub(crate) async fn in_parallel<T, E>(
    requests: Vec<impl Future<Output = Result<T, E>>>,
) -> Result<Vec<T>, E> {
    stream::iter(requests).buffered(PARALLEL).try_collect().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::testing::{Answer, FakeAws};

    const READ: Operation =
        Operation { name: "GetCallerIdentity", bucket: Bucket::Identity, repeat: Repeat::Harmless };
    const WRITE: Operation = Operation { repeat: Repeat::ActsAgain, ..READ };

    /// Calls through a fake that gives these answers in turn, the last one for ever. Returns the
    /// outcome and how many requests were sent.
    async fn outcome(operation: Operation, answers: Vec<Answer>) -> (Result<(), AwsError>, usize) {
        let mut answers = answers.into_iter();
        let mut last = Answer::Silence;
        let aws = FakeAws::new(move |_| {
            last = answers.next().unwrap_or_else(|| last.clone());
            last.clone()
        });
        let session = aws.session().await;
        let client = aws_sdk_sts::Client::new(session.config());
        let answer =
            session.call(operation, || client.get_caller_identity().send()).await.map(drop);
        (answer, aws.seen().len())
    }

    fn identity() -> Answer {
        Answer::xml(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Account>111111111111</Account><Arn>a</Arn>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>",
        )
    }

    fn refusal(code: &str) -> Answer {
        Answer::xml(&format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
             <Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
        ))
        .with_status(400)
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_request_is_sent_again_whatever_it_does() {
        for operation in [READ, WRITE] {
            let mut answers = vec![refusal("Throttling"); 30];
            answers.push(identity());
            let (answer, sent) = outcome(operation, answers).await;
            assert_eq!((answer.is_ok(), sent), (true, 31));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_survives_what_passes_and_no_more() {
        let down = || Answer::xml("").with_status(503);
        assert!(outcome(READ, vec![down(), Answer::Cut, identity()]).await.0.is_ok());
        let (answer, sent) = outcome(READ, vec![down()]).await;
        assert_eq!((answer.unwrap_err().kind(), sent), (&FaultKind::Server, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_whose_answer_was_lost_is_not_sent_again() {
        for lost in [Answer::Cut, Answer::Silence, Answer::xml("").with_status(500)] {
            let (answer, sent) = outcome(WRITE, vec![lost]).await;
            let error = answer.unwrap_err();
            assert!(error.is_ambiguous(), "{error}");
            assert_eq!(sent, 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final() {
        let (answer, sent) = outcome(READ, vec![refusal("AccessDenied")]).await;
        assert!(matches!(answer.unwrap_err().kind(), FaultKind::AccessDenied(_)));
        assert_eq!(sent, 1);
    }

    #[test]
    fn waits_grow_and_end() {
        for failures in 1..10 {
            let wait = wait_after(failures);
            assert!(wait >= FIRST_WAIT / 2 && wait <= Duration::from_secs(3), "{wait:?}");
        }
    }
}
