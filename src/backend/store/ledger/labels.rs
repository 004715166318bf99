//! Labels and artifacts: what is registered, and what was ever registered.

use std::collections::BTreeMap;

use super::{
    super::{Item, StoreError, Write},
    Ledger,
    audit::{Chain, News},
    keys,
    pages::Question,
    records::{self, ArtifactRecord, LabelItem},
};
use crate::model::{ImageId, Label, LabelRecord, ProjectId};

impl Ledger {
    /// Points a label at an image. The last writer wins, as in SSM.
    ///
    /// # Errors
    /// Fails when the store cannot be used.
    pub async fn record_label(
        &self,
        project: &ProjectId,
        label: &Label,
        image: &ImageId,
        record: &LabelRecord,
    ) -> Result<(), StoreError> {
        self.store.transact(vec![pointing(project, label, image, record)?]).await
    }

    /// Points a label at an image that was registered, and keeps the image among its artifacts.
    ///
    /// # Errors
    /// Fails when the store cannot be used; then neither is written.
    pub async fn record_registration(
        &self,
        project: &ProjectId,
        label: &Label,
        image: &ImageId,
        record: &LabelRecord,
    ) -> Result<(), StoreError> {
        let artifact = records::encode(&ArtifactRecord(record.clone()), None)?;
        let writes = [
            pointing(project, label, image, record)?,
            Write::put(keys::artifact(project, image, record), artifact),
        ];
        let news = News::of("image.registered", &record.by, image.as_str())
            .detail(format!("{} as {label}", record.uri));
        self.transact_and_tell(Chain::of_project(project), &[news], &writes).await
    }

    /// What a label points to, for each image that has it.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds one that this program cannot read.
    pub async fn labels(
        &self,
        project: &ProjectId,
        label: &Label,
    ) -> Result<BTreeMap<ImageId, LabelRecord>, StoreError> {
        let question = Question::all(keys::labels(project), keys::label_prefix(label));
        let read = |item: &Item| records::decode::<LabelItem>(item).map(Some);
        let found = self.gather(question, usize::MAX, read).await?;
        Ok(found.into_iter().map(|found| (found.image, found.record)).collect())
    }

    /// The images that were registered last under an image id, newest first.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds one that this program cannot read.
    pub async fn artifacts(
        &self,
        project: &ProjectId,
        image: &ImageId,
        limit: usize,
    ) -> Result<Vec<LabelRecord>, StoreError> {
        let question = Question::newest(keys::artifacts(project, image)).paged_for(limit);
        let read = |item: &Item| records::decode::<ArtifactRecord>(item).map(|found| Some(found.0));
        self.gather(question, limit, read).await
    }
}

/// The write that points a label at an image.
fn pointing(
    project: &ProjectId,
    label: &Label,
    image: &ImageId,
    record: &LabelRecord,
) -> Result<Write, StoreError> {
    let item = LabelItem { image: image.clone(), record: record.clone() };
    Ok(Write::put(keys::label(project, label, image), records::encode(&item, None)?))
}
