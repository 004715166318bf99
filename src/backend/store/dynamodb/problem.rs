//! What can be the matter with the table, told in words and with what to do about it.

use super::{
    super::{StoreError, error::Cause},
    DynamoStore,
};
use crate::backend::aws::{AwsError, FaultKind};

/// What to do about what may not happen again.
const RETRY: &str = "run the command again";

/// A request that failed, as a problem of a store.
pub(super) fn told(store: &DynamoStore, error: AwsError) -> StoreError {
    let is_write = error.operation() == "TransactWriteItems";
    let hint = error.hint();
    let (problem, hint) = match error.kind() {
        FaultKind::Invalid if is_write => return StoreError::invalid(error.to_string()),
        FaultKind::NotFound(_) => (
            format!("there is no such table in {}", store.region()),
            "make it with `release-tool store create`, or correct `store` and its `region` in \
             the manifest"
                .to_owned(),
        ),
        FaultKind::Invalid => (
            "the table is not as it should be".to_owned(),
            "see what differs with `release-tool store create`".to_owned(),
        ),
        FaultKind::AccessDenied(_) => {
            ("access to the table is denied".to_owned(), hint.unwrap_or_default())
        }
        FaultKind::Credentials => {
            ("there are no valid credentials".to_owned(), hint.unwrap_or_default())
        }
        FaultKind::Unreachable => ("it cannot be reached".to_owned(), hint.unwrap_or_default()),
        FaultKind::Throttled => ("it has too much to do".to_owned(), hint.unwrap_or_default()),
        FaultKind::Server | FaultKind::Ambiguous => {
            ("it gives no sound answer".to_owned(), RETRY.to_owned())
        }
        FaultKind::Conflict | FaultKind::Busy => {
            ("somebody else is changing the table".to_owned(), RETRY.to_owned())
        }
        FaultKind::Other => ("it refuses the request".to_owned(), RETRY.to_owned()),
    };
    unavailable(store, problem, hint, error)
}

/// A transaction of which it is not known whether it was carried out, or was not in all this time.
pub(super) fn unsettled(
    store: &DynamoStore,
    problem: &str,
    source: impl Into<Cause>,
) -> StoreError {
    unavailable(store, problem.to_owned(), RETRY.to_owned(), source)
}

/// A store that cannot be used.
pub(super) fn unavailable(
    store: &DynamoStore,
    problem: String,
    hint: String,
    source: impl Into<Cause>,
) -> StoreError {
    StoreError::Unavailable {
        store: format!("dynamodb={}", store.table()),
        problem,
        hint,
        source: source.into(),
    }
}
