//! Repositories: `CreateRepository`, `DescribeRepositories`, `DeleteRepository` and
//! `PutImageTagMutability`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Seconds, fault,
    image::{self, Image},
    layer::{Blob, Layer},
    mutability::{Exclusion, Mutability, Setting},
    page_size, page_start,
    place::{self, Place},
    tags::{self, Tag, Tags},
    upload::{Part, Upload},
};
use crate::sandbox::{
    SandboxError,
    call::{Call, Fault},
    page,
    state::{Entity, Transaction},
};

/// A repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Repository {
    /// Its name.
    pub(super) name: String,
    /// When it was created.
    pub(super) created_at: Timestamp,
    /// Which tags may move.
    pub(super) mutability: Mutability,
    /// Whether images are scanned; kept and told, nothing is ever scanned.
    scanning: Scanning,
    /// How layers are said to be encrypted; they are not.
    encryption: Encryption,
    /// Its tags.
    pub(super) tags: Tags,
}

impl Entity for Repository {
    const KIND: &'static str = "ecr-repository";
}

/// `ImageScanningConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Scanning {
    /// Whether images are scanned when they come.
    scan_on_push: bool,
}

/// `EncryptionConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Encryption {
    /// `AES256`, `KMS` or `KMS_DSSE`.
    encryption_type: String,
    /// The key, for KMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key: Option<String>,
}

impl Default for Encryption {
    fn default() -> Self {
        Self { encryption_type: "AES256".to_owned(), kms_key: None }
    }
}

impl Encryption {
    /// Checks what a request asks for.
    fn check(&self) -> Result<(), Fault> {
        let rule = match (self.encryption_type.as_str(), &self.kms_key) {
            ("AES256", None) | ("KMS" | "KMS_DSSE", _) => return Ok(()),
            ("AES256", Some(_)) => "kmsKey is for KMS only",
            _ => "encryptionType must satisfy enum value set: [AES256, KMS, KMS_DSSE]",
        };
        Err(fault::invalid("encryptionConfiguration", rule))
    }
}

impl Repository {
    /// A repository with the settings that one has when nothing is said.
    pub(super) fn plain(name: &str, created_at: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            created_at,
            mutability: Mutability::default(),
            scanning: Scanning::default(),
            encryption: Encryption::default(),
            tags: Tags::new(),
        }
    }

    /// The repository at a place.
    pub(super) fn find(transaction: &Transaction<'_>, place: &Place) -> Result<Self, Fault> {
        transaction.get(&place.key())?.ok_or_else(|| fault::repository_not_found(place))
    }

    /// Keeps the repository.
    pub(super) fn save(
        &self,
        transaction: &mut Transaction<'_>,
        place: &Place,
    ) -> Result<(), SandboxError> {
        transaction.put(&place.key(), self)
    }
}

/// `Repository` as answers give it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    /// The ARN.
    repository_arn: String,
    /// Whose registry.
    registry_id: String,
    /// The name.
    repository_name: String,
    /// What image URIs begin with.
    repository_uri: String,
    /// When it was created.
    created_at: Seconds,
    /// Which tags may move.
    image_tag_mutability: Setting,
    /// And which of them are excluded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tag_mutability_exclusion_filters: Vec<Exclusion>,
    /// Whether images are scanned.
    image_scanning_configuration: Scanning,
    /// How layers are encrypted.
    encryption_configuration: Encryption,
}

impl View {
    /// What is told of a repository.
    fn new(place: &Place, repository: Repository) -> Self {
        Self {
            repository_arn: place.arn(),
            registry_id: place.scope.account.clone(),
            repository_name: repository.name,
            repository_uri: place.uri(),
            created_at: repository.created_at.into(),
            image_tag_mutability: repository.mutability.setting,
            image_tag_mutability_exclusion_filters: repository.mutability.exclusions,
            image_scanning_configuration: repository.scanning,
            encryption_configuration: repository.encryption,
        }
    }
}

/// `CreateRepositoryResponse` and `DeleteRepositoryResponse`.
#[derive(Debug, Serialize)]
pub(super) struct One {
    /// The repository.
    repository: View,
}

/// `CreateRepositoryRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Create {
    /// Whose registry.
    registry_id: Option<String>,
    /// The name.
    repository_name: String,
    /// Tags.
    tags: Vec<Tag>,
    /// Which tags of images may move.
    image_tag_mutability: Option<String>,
    /// And which of them are excluded.
    image_tag_mutability_exclusion_filters: Option<Vec<Exclusion>>,
    /// Whether images are to be scanned.
    image_scanning_configuration: Scanning,
    /// How layers are to be encrypted.
    encryption_configuration: Option<Encryption>,
}

/// Answers `CreateRepository`.
pub(super) fn create(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Create,
) -> Result<One, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    let mutability = Mutability::read(
        input.image_tag_mutability.as_deref(),
        input.image_tag_mutability_exclusion_filters.clone(),
    )?;
    let encryption = input.encryption_configuration.clone().unwrap_or_default();
    encryption.check()?;
    let tags = tags::merged(Tags::new(), &input.tags)?;
    if transaction.get::<Repository>(&place.key())?.is_some() {
        return Err(fault::repository_already_exists(&place));
    }
    let repository = Repository {
        mutability,
        scanning: input.image_scanning_configuration.clone(),
        encryption,
        tags,
        ..Repository::plain(&place.repository, call.now)
    };
    repository.save(transaction, &place)?;
    Ok(One { repository: View::new(&place, repository) })
}

/// `DescribeRepositoriesRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Describe {
    /// Whose registry.
    registry_id: Option<String>,
    /// Which repositories; all, when they are not given.
    repository_names: Option<Vec<String>>,
    /// The page.
    next_token: Option<String>,
    /// Its size.
    max_results: Option<i64>,
}

/// `DescribeRepositoriesResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Described {
    /// The repositories.
    repositories: Vec<View>,
    /// The token of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Answers `DescribeRepositories`. One name of none is an error of the whole call.
pub(super) fn describe(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Describe,
) -> Result<Described, Fault> {
    if let Some(names) = &input.repository_names {
        let repositories = named(call, transaction, input, names)?;
        return Ok(Described { repositories, next_token: None });
    }
    let scope = place::registry(call, input.registry_id.as_deref())?;
    let prefix = scope.key("");
    let after = page_start(input.next_token.as_deref(), &prefix)?;
    let size = page_size(input.max_results)?;
    let page = page::read(transaction, &prefix, after, size, |repository: Repository| {
        let place = Place { scope: scope.clone(), repository: repository.name.clone() };
        Some(View::new(&place, repository))
    })?;
    Ok(Described { repositories: page.items, next_token: page.next })
}

/// The repositories that a request names.
fn named(
    call: &Call,
    transaction: &Transaction<'_>,
    input: &Describe,
    names: &[String],
) -> Result<Vec<View>, Fault> {
    if !(1..=100).contains(&names.len()) {
        return Err(fault::invalid("repositoryNames", "there must be 1 to 100 of them"));
    }
    if input.next_token.is_some() || input.max_results.is_some() {
        let rule = "nextToken and maxResults cannot be used with it";
        return Err(fault::invalid("repositoryNames", rule));
    }
    let view = |name: &String| {
        let place = Place::of(call, input.registry_id.as_deref(), name)?;
        Repository::find(transaction, &place).map(|repository| View::new(&place, repository))
    };
    names.iter().map(view).collect()
}

/// `DeleteRepositoryRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Delete {
    /// Whose registry.
    registry_id: Option<String>,
    /// Which repository.
    repository_name: String,
    /// Whether images go with it.
    force: bool,
}

/// Answers `DeleteRepository`.
pub(super) fn delete(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Delete,
) -> Result<One, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    let repository = Repository::find(transaction, &place)?;
    let images = image::all(transaction, &place)?;
    if !images.is_empty() && !input.force {
        return Err(fault::repository_not_empty(&place));
    }
    empty(transaction, &place, &images)?;
    transaction.delete::<Repository>(&place.key())?;
    Ok(One { repository: View::new(&place, repository) })
}

/// Forgets everything that is in a repository.
fn empty(
    transaction: &mut Transaction<'_>,
    place: &Place,
    images: &[Image],
) -> Result<(), SandboxError> {
    for image in images {
        image::remove(transaction, place, image)?;
    }
    clear::<Layer>(transaction, place)?;
    clear::<Blob>(transaction, place)?;
    clear::<Upload>(transaction, place)?;
    clear::<Part>(transaction, place)
}

/// Forgets everything of one kind that is in a repository.
fn clear<E: Entity>(transaction: &mut Transaction<'_>, place: &Place) -> Result<(), SandboxError> {
    for (key, _) in transaction.scan::<E>(&place.key_of(""))? {
        transaction.delete::<E>(&key)?;
    }
    Ok(())
}

/// `PutImageTagMutabilityRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PutMutability {
    /// Whose registry.
    registry_id: Option<String>,
    /// Which repository.
    repository_name: String,
    /// Which tags may move.
    image_tag_mutability: String,
    /// And which of them are excluded.
    image_tag_mutability_exclusion_filters: Option<Vec<Exclusion>>,
}

/// `PutImageTagMutabilityResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MutabilityPut {
    /// Whose registry.
    registry_id: String,
    /// Which repository.
    repository_name: String,
    /// Which tags may move.
    image_tag_mutability: Setting,
    /// And which of them are excluded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tag_mutability_exclusion_filters: Vec<Exclusion>,
}

/// Answers `PutImageTagMutability`.
pub(super) fn put_mutability(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &PutMutability,
) -> Result<MutabilityPut, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    let mutability = Mutability::read(
        Some(&input.image_tag_mutability),
        input.image_tag_mutability_exclusion_filters.clone(),
    )?;
    let mut repository = Repository::find(transaction, &place)?;
    repository.mutability = mutability.clone();
    repository.save(transaction, &place)?;
    Ok(MutabilityPut {
        registry_id: place.scope.account,
        repository_name: place.repository,
        image_tag_mutability: mutability.setting,
        image_tag_mutability_exclusion_filters: mutability.exclusions,
    })
}
