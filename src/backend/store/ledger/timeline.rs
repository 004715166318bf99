//! What a deployment did, told as it goes on.

use uuid::Uuid;

use super::{
    super::{Condition, Item, StoreError, Write},
    DeploymentKey, Ledger, keys,
    pages::Question,
    records,
};
use crate::model::TimelineEntry;

/// Most bytes of an entry's text. What is longer is in the logs of CI and of the containers.
pub(super) const MOST_TEXT: usize = 4096;

impl Ledger {
    /// What a deployment did, oldest first.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds an entry that this program cannot read.
    pub async fn timeline(&self, key: &DeploymentKey) -> Result<Vec<TimelineEntry>, StoreError> {
        let question = Question::all(keys::timeline(key), "");
        self.gather(question, usize::MAX, |item: &Item| records::decode(item).map(Some)).await
    }
}

/// The write of an entry.
pub(super) fn telling(key: &DeploymentKey, entry: &TimelineEntry) -> Result<Write, StoreError> {
    let mut entry = entry.clone();
    entry.text.truncate(entry.text.floor_char_boundary(MOST_TEXT));
    let random = Uuid::new_v4().simple().to_string();
    let place = keys::timeline_entry(key, entry.at, random.get(..12).unwrap_or(&random));
    Ok(Write::put(place, records::encode(&entry, None)?).when(Condition::Absent))
}
