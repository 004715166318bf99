//! Releases: made once for each content, found by number.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    super::{Condition, Consistency, Index, StoreError, Write},
    Ledger,
    audit::{Chain, News},
    contention::Contention,
    keys,
    numbers::Counter,
    pages::Question,
    records::{self, FingerprintRecord},
};
use crate::model::{
    Actor, Fingerprint, ImageId, ProjectId, Release, ReleaseNumber, ReleasedImage, Selection,
};

/// A release that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRelease {
    /// Its project.
    pub project: ProjectId,
    /// The services it is made for.
    pub selection: Selection,
    /// Its images, at least one.
    pub images: BTreeMap<ImageId, ReleasedImage>,
    /// Who makes it.
    pub actor: Actor,
    /// Why, in the words given.
    pub description: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl NewRelease {
    /// The release with its number.
    fn numbered(&self, number: ReleaseNumber, fingerprint: &Fingerprint) -> Release {
        Release {
            number,
            project: self.project.clone(),
            selection: self.selection.clone(),
            images: self.images.clone(),
            fingerprint: fingerprint.clone(),
            created_at: self.at,
            created_by: self.actor.clone(),
            description: self.description.clone(),
        }
    }
}

impl Ledger {
    /// The release with this content, and whether it was made just now. Where there is one already,
    /// by whomever, it is that one, with its own number, author and description.
    ///
    /// # Errors
    /// Fails with [`StoreError::Invalid`] for a release of no images, and when the store cannot be
    /// used.
    pub async fn record_release(&self, new: NewRelease) -> Result<(Release, bool), StoreError> {
        if new.images.is_empty() {
            return Err(StoreError::invalid("a release has at least one image"));
        }
        let fingerprint = Fingerprint::of(&new.selection, &new.images);
        let mut contention = Contention::default();
        loop {
            if let Some(number) = self.numbered_as(&new.project, &fingerprint).await? {
                return Ok((self.find_release(&new.project, number).await?, false));
            }
            let claim = self.claim(&new.project, Counter::Release).await?;
            let release = new.numbered(ReleaseNumber(claim.number), &fingerprint);
            let mut writes = creation(&release)?;
            writes.push(claim.write);
            let news = News::of("release.created", &release.created_by, release.number.to_string())
                .detail(format!("for {}: {}", release.selection, image_list(&release)))
                .reason(release.description.as_deref());
            let chain = Chain::of_project(&new.project);
            match self.transact_and_tell(chain, &[news], &writes).await {
                Ok(()) => return Ok((release, true)),
                Err(error) => contention.after(error).await?,
            }
        }
    }

    /// The release with a number.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] when there is none, and when the store cannot be used.
    pub async fn find_release(
        &self,
        project: &ProjectId,
        number: ReleaseNumber,
    ) -> Result<Release, StoreError> {
        match self.store.get(&keys::release(project, number), Consistency::Strong).await? {
            Some(item) => records::decode(&item),
            None => {
                Err(StoreError::NotFound { what: format!("release `{number}` of `{project}`") })
            }
        }
    }

    /// The newest releases, newest first. One made a moment ago may be missing.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds one that this program cannot read.
    pub async fn releases(
        &self,
        project: &ProjectId,
        limit: usize,
    ) -> Result<Vec<Release>, StoreError> {
        let question = Question::newest_in(Index::First, keys::releases(project)).paged_for(limit);
        self.gather(question, limit, |item| records::decode(item).map(Some)).await
    }

    /// The number of the release with a fingerprint.
    async fn numbered_as(
        &self,
        project: &ProjectId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<ReleaseNumber>, StoreError> {
        let key = keys::fingerprint(project, fingerprint);
        let found = self.store.get(&key, Consistency::Strong).await?;
        let record: Option<FingerprintRecord> = found.as_ref().map(records::decode).transpose()?;
        Ok(record.map(|record| record.release))
    }
}

/// Most images that the audit log names; the release has them all.
const MOST_NAMED: usize = 20;

/// The images of a release in a line.
fn image_list(release: &Release) -> String {
    let named = release.images.iter().take(MOST_NAMED);
    let named: Vec<String> =
        named.map(|(id, image)| format!("{id}@{}", image.release_hash)).collect();
    match release.images.len().saturating_sub(MOST_NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The writes that make a release, each of which fails when it is there already.
fn creation(release: &Release) -> Result<Vec<Write>, StoreError> {
    let (project, number) = (&release.project, release.number);
    let guard = records::encode(&FingerprintRecord { release: number }, None)?;
    let whole = records::encode(release, Some(&keys::release_entry(project, number)))?;
    Ok(vec![
        Write::put(keys::fingerprint(project, &release.fingerprint), guard).when(Condition::Absent),
        Write::put(keys::release(project, number), whole).when(Condition::Absent),
    ])
}
