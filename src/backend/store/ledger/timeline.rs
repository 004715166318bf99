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

/// The writes of entries, which keep their order where they are of one moment.
pub(super) fn telling(
    key: &DeploymentKey,
    entries: &[TimelineEntry],
) -> Result<Vec<Write>, StoreError> {
    entries.iter().enumerate().map(|(place, entry)| one(key, place, entry)).collect()
}

/// The write of an entry that stands alone.
pub(super) fn telling_one(key: &DeploymentKey, entry: &TimelineEntry) -> Result<Write, StoreError> {
    one(key, 0, entry)
}

/// The write of an entry, at its place among those that are written together.
fn one(key: &DeploymentKey, place: usize, entry: &TimelineEntry) -> Result<Write, StoreError> {
    let mut entry = entry.clone();
    entry.text.truncate(entry.text.floor_char_boundary(MOST_TEXT));
    let random = Uuid::new_v4().simple().to_string();
    let random = format!("{place:02}{}", random.get(..12).unwrap_or(&random));
    let key = keys::timeline_entry(key, entry.at, &random);
    Ok(Write::put(key, records::encode(&entry, None)?).when(Condition::Absent))
}
