//! The table itself: what it should be, making it, and what differs from that.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, ContinuousBackupsStatus, GlobalSecondaryIndex, IndexStatus,
    KeySchemaElement, KeyType, PointInTimeRecoverySpecification, PointInTimeRecoveryStatus,
    Projection, ProjectionType, ScalarAttributeType, TableDescription, TableStatus,
};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{
    super::{Index, StoreError},
    DynamoStore,
    convert::{PK, SK},
    problem,
};
use crate::backend::aws::{AwsError, Bucket, FaultKind, Operation, Repeat};

const DESCRIBE_TABLE: Operation =
    Operation { name: "DescribeTable", bucket: Bucket::Table, repeat: Repeat::Harmless };
const DESCRIBE_BACKUPS: Operation =
    Operation { name: "DescribeContinuousBackups", ..DESCRIBE_TABLE };
/// A second one is told that the table is there.
const CREATE_TABLE: Operation = Operation { name: "CreateTable", ..DESCRIBE_TABLE };
const UPDATE_BACKUPS: Operation = Operation { name: "UpdateContinuousBackups", ..DESCRIBE_TABLE };

/// How long a new table may take until it can be used.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_secs(1);

/// The name of an index in the table.
pub(super) fn index_name(index: Index) -> &'static str {
    match index {
        Index::First => "gsi1",
        Index::Second => "gsi2",
    }
}

/// A table that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Its ARN, where DynamoDB tells it.
    pub arn: Option<String>,
    /// What is not as it should be, each as a clause. The store works without backups and
    /// protection, and not with other keys or indexes.
    pub differences: Vec<String>,
}

/// Why a table cannot be used yet.
#[derive(Debug, thiserror::Error)]
#[error("the table is {0}")]
struct NotReady(String);

impl DynamoStore {
    /// Looks at the table, and waits for one that is being made; nothing if there is none.
    ///
    /// # Errors
    /// Fails when DynamoDB does not answer, or may not be asked, and when the table takes too long.
    pub async fn describe_table(&self) -> Result<Option<TableReport>, StoreError> {
        let Some(mut table) = self.look().await? else { return Ok(None) };
        if table.table_status == Some(TableStatus::Creating) {
            table = self.wait_until_active(Instant::now() + PATIENCE).await?;
        }
        let mut differences = differences(&table);
        match self.has_recovery().await {
            Ok(true) => {}
            Ok(false) => differences.push("point-in-time recovery is off".to_owned()),
            Err(error) if matches!(error.kind(), FaultKind::AccessDenied(_)) => differences.push(
                "whether point-in-time recovery is on is not known: \
                 `dynamodb:DescribeContinuousBackups` is not allowed"
                    .to_owned(),
            ),
            Err(error) => return Err(self.problem(error)),
        }
        Ok(Some(TableReport { arn: table.table_arn, differences }))
    }

    /// Makes the table as it should be and waits until it can be used. A table that is there, made
    /// by this call or before, is left as it is but for the recovery, which is switched on. Where
    /// that is not allowed, the report says so.
    ///
    /// # Errors
    /// Fails when DynamoDB refuses, and when the table takes too long. The table may be there
    /// then; calling again goes on.
    pub async fn create_table(&self) -> Result<TableReport, StoreError> {
        let request = self
            .client
            .create_table()
            .table_name(self.table.as_str())
            .set_attribute_definitions(Some(attributes().map_err(|error| unbuilt(&error))?))
            .set_key_schema(Some(keys(PK, SK).map_err(|error| unbuilt(&error))?))
            .set_global_secondary_indexes(Some(indexes().map_err(|error| unbuilt(&error))?))
            .billing_mode(BillingMode::PayPerRequest)
            .deletion_protection_enabled(true);
        match self.session.call(CREATE_TABLE, || request.clone().send()).await {
            Ok(_) => {}
            Err(error) if *error.kind() == FaultKind::Conflict => {}
            Err(error) => return Err(self.problem(error)),
        }
        let deadline = Instant::now() + PATIENCE;
        self.wait_until_active(deadline).await?;
        self.switch_recovery_on(deadline).await?;
        match self.describe_table().await? {
            Some(report) => Ok(report),
            None => Err(self.not_ready("gone".to_owned())),
        }
    }

    /// The table as DynamoDB describes it.
    async fn look(&self) -> Result<Option<TableDescription>, StoreError> {
        let request = self.client.describe_table().table_name(self.table.as_str());
        match self.session.call(DESCRIBE_TABLE, || request.clone().send()).await {
            Ok(answer) => Ok(answer.table),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(self.problem(error)),
        }
    }

    /// Waits until the table can be used.
    async fn wait_until_active(&self, deadline: Instant) -> Result<TableDescription, StoreError> {
        loop {
            match self.look().await? {
                Some(table) if table.table_status == Some(TableStatus::Active) => return Ok(table),
                other if Instant::now() > deadline => {
                    let status = other.and_then(|table| table.table_status);
                    let status = status.map_or("not there".to_owned(), |status| status.to_string());
                    return Err(self.not_ready(status));
                }
                _ => sleep(PAUSE).await,
            }
        }
    }

    /// Switches the recovery on. DynamoDB refuses it for a while after a table was made.
    async fn switch_recovery_on(&self, deadline: Instant) -> Result<(), StoreError> {
        let wanted = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(true)
            .build()
            .map_err(|error| unbuilt(&error))?;
        let request = self
            .client
            .update_continuous_backups()
            .table_name(self.table.as_str())
            .point_in_time_recovery_specification(wanted);
        loop {
            match self.session.call(UPDATE_BACKUPS, || request.clone().send()).await {
                Ok(_) => return Ok(()),
                Err(error) if matches!(error.kind(), FaultKind::AccessDenied(_)) => return Ok(()),
                Err(error)
                    if error.code() == Some("ContinuousBackupsUnavailableException")
                        && Instant::now() < deadline =>
                {
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(self.problem(error)),
            }
        }
    }

    /// Whether the table can be set back to a moment of the last weeks.
    async fn has_recovery(&self) -> Result<bool, AwsError> {
        let request = self.client.describe_continuous_backups().table_name(self.table.as_str());
        let answer = self.session.call(DESCRIBE_BACKUPS, || request.clone().send()).await?;
        let Some(backups) = answer.continuous_backups_description else { return Ok(false) };
        let recovery = backups.point_in_time_recovery_description;
        let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
        Ok(backups.continuous_backups_status == ContinuousBackupsStatus::Enabled
            && status == Some(PointInTimeRecoveryStatus::Enabled))
    }

    /// A table that cannot be used yet.
    fn not_ready(&self, status: String) -> StoreError {
        let hint = "run `release-tool store create` again; it goes on waiting".to_owned();
        problem::unavailable(self, "the table is not ready".to_owned(), hint, NotReady(status))
    }
}

/// A request that lacks a member, which none of ours does.
fn unbuilt(error: &BuildError) -> StoreError {
    StoreError::invalid(error.to_string())
}

/// The attributes that are keys, all of them texts.
fn attributes() -> Result<Vec<AttributeDefinition>, BuildError> {
    let of_indexes = Index::BOTH.into_iter();
    let of_indexes = of_indexes.flat_map(|index| [index.pk_attribute(), index.sk_attribute()]);
    [PK, SK]
        .into_iter()
        .chain(of_indexes)
        .map(|name| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
        })
        .collect()
}

/// A partition key and a sort key.
fn keys(pk: &str, sk: &str) -> Result<Vec<KeySchemaElement>, BuildError> {
    [(pk, KeyType::Hash), (sk, KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build())
        .collect()
}

/// Both indexes, with whole items in them.
fn indexes() -> Result<Vec<GlobalSecondaryIndex>, BuildError> {
    Index::BOTH
        .into_iter()
        .map(|index| {
            GlobalSecondaryIndex::builder()
                .index_name(index_name(index))
                .set_key_schema(Some(keys(index.pk_attribute(), index.sk_attribute())?))
                .projection(Projection::builder().projection_type(ProjectionType::All).build())
                .build()
        })
        .collect()
}

/// What of a table is not as it should be.
fn differences(table: &TableDescription) -> Vec<String> {
    let mut differences = Vec::new();
    if let Some(status) = table.table_status().filter(|status| **status != TableStatus::Active) {
        differences.push(format!("it is {status}"));
    }
    if !has_keys(table.key_schema(), PK, SK) {
        differences.push(format!("its keys are not `{PK}` and `{SK}`"));
    }
    let types: BTreeMap<_, _> = table
        .attribute_definitions()
        .iter()
        .map(|attribute| (attribute.attribute_name(), attribute.attribute_type()))
        .collect();
    differences.extend(
        types
            .into_iter()
            .filter(|(_, kind)| **kind != ScalarAttributeType::S)
            .map(|(name, _)| format!("its key attribute `{name}` is no text")),
    );
    differences.extend(Index::BOTH.into_iter().filter_map(|index| difference(table, index)));
    let billing = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    if billing.is_some_and(|mode| *mode != BillingMode::PayPerRequest) {
        differences.push("its capacity is not on demand".to_owned());
    }
    if table.deletion_protection_enabled() != Some(true) {
        differences.push("deletion protection is off".to_owned());
    }
    differences
}

/// What of an index is not as it should be.
fn difference(table: &TableDescription, index: Index) -> Option<String> {
    let name = index_name(index);
    let found = table.global_secondary_indexes().iter();
    let Some(found) = found.into_iter().find(|found| found.index_name() == Some(name)) else {
        return Some(format!("it has no index `{name}`"));
    };
    let (pk, sk) = (index.pk_attribute(), index.sk_attribute());
    if !has_keys(found.key_schema(), pk, sk) {
        return Some(format!("the keys of its index `{name}` are not `{pk}` and `{sk}`"));
    }
    let projection = found.projection().and_then(|projection| projection.projection_type());
    if projection != Some(&ProjectionType::All) {
        return Some(format!("its index `{name}` does not hold whole items"));
    }
    match found.index_status() {
        None | Some(IndexStatus::Active) => None,
        Some(status) => Some(format!("its index `{name}` is {status}")),
    }
}

/// Whether a key is made of these two attributes.
fn has_keys(schema: &[KeySchemaElement], pk: &str, sk: &str) -> bool {
    let is = |name: &str, kind: &KeyType| {
        schema.iter().any(|key| key.attribute_name() == name && key.key_type() == kind)
    };
    schema.len() == 2 && is(pk, &KeyType::Hash) && is(sk, &KeyType::Range)
}
