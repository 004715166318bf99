//! Transactions: sent until there is a verdict on them.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::{
        TransactWriteItemsError, builders::TransactWriteItemsFluentBuilder,
    },
    types::CancellationReason,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    super::{FailedWrite, StoreError, Write},
    DynamoStore, convert, expression, problem,
};
use crate::backend::aws::{Bucket, Operation, Repeat, spread};

/// The token makes a repeat harmless.
const TRANSACT_WRITE_ITEMS: Operation =
    Operation { name: "TransactWriteItems", bucket: Bucket::ItemWrite, repeat: Repeat::Harmless };

/// How long DynamoDB knows a token is 10 minutes (DynamoDB API reference,
/// `TransactWriteItems.ClientRequestToken`); after that a repeat could act again.
const TOKEN_LIFE: Duration = Duration::from_mins(9);
/// How long a transaction gives way to others on the same items.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first wait before it is sent again; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(20);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What DynamoDB made of a transaction.
#[derive(Debug)]
enum Answer {
    /// It was carried out, now or when it was sent before.
    Done,
    /// It was not carried out. A reason for each write, in their order.
    Cancelled(Vec<CancellationReason>),
    /// It is being carried out: it was sent before, and that answer was lost.
    InProgress,
}

impl Answer {
    /// Sends once.
    async fn to(
        request: TransactWriteItemsFluentBuilder,
    ) -> Result<Self, SdkError<TransactWriteItemsError, HttpResponse>> {
        let Err(error) = request.send().await else { return Ok(Self::Done) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                Ok(Self::Cancelled(cancelled.cancellation_reasons().to_vec()))
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                Ok(Self::InProgress)
            }
            _ => Err(error),
        }
    }
}

/// Reasons that pass: others work on the same items, or there is too much to do right now
/// (DynamoDB API reference, `TransactWriteItems`).
const PASSING: [&str; 4] = [
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
];

/// Why no verdict was reached.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoVerdict(String);

impl DynamoStore {
    /// Carries out checked writes.
    pub(super) async fn carry_out(&self, writes: &[Write]) -> Result<(), StoreError> {
        let parts = writes.iter().map(|write| expression::part(&self.table, write));
        let parts = parts.collect::<Result<Vec<_>, _>>();
        let parts = parts.map_err(|error| StoreError::invalid(error.to_string()))?;
        let request = self
            .client
            .transact_write_items()
            .set_transact_items(Some(parts))
            .client_request_token(Uuid::new_v4().to_string());
        match tokio::time::timeout(TOKEN_LIFE, self.send(request, writes)).await {
            Ok(verdict) => verdict,
            Err(late) => Err(problem::unsettled(self, "it does not answer in time", late)),
        }
    }

    /// Sends a transaction until it is done or refused.
    async fn send(
        &self,
        request: TransactWriteItemsFluentBuilder,
        writes: &[Write],
    ) -> Result<(), StoreError> {
        let began = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            let answer =
                self.session.call(TRANSACT_WRITE_ITEMS, || Answer::to(request.clone())).await;
            let why = match answer.map_err(|error| self.problem(error))? {
                Answer::Done => return Ok(()),
                Answer::Cancelled(reasons) => passing(writes, reasons)?,
                Answer::InProgress => "TransactionInProgress".to_owned(),
            };
            tracing::debug!(why, "the transaction is sent again");
            if began.elapsed() > PATIENCE {
                return Err(problem::unsettled(
                    self,
                    "others keep changing the same records",
                    NoVerdict(why),
                ));
            }
            tokio::time::sleep(spread(wait)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// The reason to send a cancelled transaction again.
///
/// # Errors
/// Fails with the verdict where there is one: conditions that do not hold, or a write that DynamoDB
/// does not take.
fn passing(writes: &[Write], reasons: Vec<CancellationReason>) -> Result<String, StoreError> {
    let mut failed = Vec::new();
    let mut why = None;
    for (position, (write, reason)) in writes.iter().zip(reasons).enumerate() {
        let message = reason.message.unwrap_or_default();
        match reason.code.as_deref() {
            None | Some("None") => {}
            Some("ConditionalCheckFailed") => {
                let found = reason.item.filter(|item| !item.is_empty());
                let found = found.map(convert::item).transpose()?;
                failed.push(FailedWrite { position, key: write.key.clone(), found });
            }
            Some(code) if PASSING.contains(&code) => why = Some(code.to_owned()),
            Some(code) => {
                let reason = format!("`{}` is refused by DynamoDB: {code}: {message}", write.key);
                return Err(StoreError::invalid(reason));
            }
        }
    }
    if !failed.is_empty() {
        return Err(StoreError::failed_writes(failed));
    }
    why.ok_or_else(|| StoreError::invalid("DynamoDB cancelled the transaction without a reason"))
}
