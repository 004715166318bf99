//! The store in one DynamoDB table, for a team: every process of every machine sees the same.
//!
//! An item is a map of DynamoDB's own attributes, so that IAM can limit access by partition key and
//! people can read it in the console. Every write is a `TransactWriteItems` with a token of its own:
//! one that is repeated after a lost answer is carried out once.

mod convert;
mod expression;
mod problem;
mod table;
mod terraform;
#[cfg(test)]
mod tests;
mod transact;

use async_trait::async_trait;
use aws_sdk_dynamodb::{Client, config, types::AttributeValue};
use aws_types::endpoint_config::AccountIdEndpointMode;
use jiff::Timestamp;

use super::{
    Consistency, Cursor, Direction, Index, IndexQuery, Item, Key, Page, Query, Store, StoreError,
    Write, query::check_scan, write::check_writes,
};
use crate::{
    backend::{
        aws::{AwsError, AwsSession, Bucket, Operation, Repeat, SharedClock},
        clock as machine,
    },
    model::{Region, TableName},
};
use convert::Attributes;

pub use table::TableReport;
pub use terraform::terraform;

const GET_ITEM: Operation =
    Operation { name: "GetItem", bucket: Bucket::ItemRead, repeat: Repeat::Harmless };
const QUERY: Operation = Operation { name: "Query", ..GET_ITEM };
const SCAN: Operation = Operation { name: "Scan", ..GET_ITEM };

/// A store in a DynamoDB table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    /// The way there.
    session: AwsSession,
    /// The SDK's client.
    client: Client,
    /// The table.
    table: TableName,
    /// The time by DynamoDB's answers.
    clock: SharedClock,
}

impl DynamoStore {
    /// The store in a table. Sends nothing: what is wrong with the table or the credentials shows
    /// with the first call.
    #[must_use]
    pub fn new(session: AwsSession, table: TableName) -> Self {
        let clock = SharedClock::default();
        let config = config::Builder::from(session.config())
            // An endpoint of each account's own would pass by the VPC endpoints and the lists of
            // allowed hosts that are made for the region's.
            .account_id_endpoint_mode(AccountIdEndpointMode::Disabled)
            .interceptor(clock.clone())
            .build();
        Self { client: Client::from_conf(config), session, table, clock }
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// The region it is in.
    #[must_use]
    pub fn region(&self) -> &Region {
        self.session.region()
    }

    /// A request that failed, as a problem of this store.
    fn problem(&self, error: AwsError) -> StoreError {
        problem::told(self, error)
    }

    /// What a page of the table or an index becomes.
    fn page(
        items: Option<Vec<Attributes>>,
        last: Option<Attributes>,
        index: Option<Index>,
    ) -> Result<Page, StoreError> {
        let items = items.unwrap_or_default().into_iter().map(convert::item);
        let next = last.map(|last| convert::cursor(last, index)).transpose()?;
        Ok(Page { items: items.collect::<Result<_, _>>()?, next })
    }
}

/// A number of items as DynamoDB takes it.
fn limit(items: usize) -> i32 {
    i32::try_from(items).unwrap_or(i32::MAX)
}

#[async_trait]
impl Store for DynamoStore {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        key.check()?;
        let request = self
            .client
            .get_item()
            .table_name(self.table.as_str())
            .set_key(Some(convert::key(key)))
            .consistent_read(consistency == Consistency::Strong);
        let answer = self.session.call(GET_ITEM, || request.clone().send()).await;
        let answer = answer.map_err(|error| self.problem(error))?;
        answer.item.map(convert::item).transpose()
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        query.check()?;
        let mut request = self
            .client
            .query()
            .table_name(self.table.as_str())
            .expression_attribute_names("#pk", convert::PK)
            .expression_attribute_values(":pk", AttributeValue::S(query.pk.clone()))
            .scan_index_forward(query.direction == Direction::Ascending)
            .consistent_read(query.consistency == Consistency::Strong)
            .limit(limit(query.limit))
            .set_exclusive_start_key(query.after.as_ref().map(|cursor| convert::key(&cursor.key)));
        request = if query.prefix.is_empty() {
            request.key_condition_expression("#pk = :pk")
        } else {
            request
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
                .expression_attribute_names("#sk", convert::SK)
                .expression_attribute_values(":prefix", AttributeValue::S(query.prefix.clone()))
        };
        let answer = self.session.call(QUERY, || request.clone().send()).await;
        let answer = answer.map_err(|error| self.problem(error))?;
        Self::page(answer.items, answer.last_evaluated_key, None)
    }

    async fn query_index(&self, query: &IndexQuery) -> Result<Page, StoreError> {
        query.check()?;
        let start = query.after.as_ref().map(|cursor| convert::start(cursor, query));
        let request = self
            .client
            .query()
            .table_name(self.table.as_str())
            .index_name(table::index_name(query.index))
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", query.index.pk_attribute())
            .expression_attribute_values(":pk", AttributeValue::S(query.pk.clone()))
            .scan_index_forward(query.direction == Direction::Ascending)
            .limit(limit(query.limit))
            .set_exclusive_start_key(start);
        let answer = self.session.call(QUERY, || request.clone().send()).await;
        let answer = answer.map_err(|error| self.problem(error))?;
        Self::page(answer.items, answer.last_evaluated_key, Some(query.index))
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        check_writes(&writes)?;
        self.carry_out(&writes).await
    }

    async fn scan(&self, items: usize, after: Option<&Cursor>) -> Result<Page, StoreError> {
        check_scan(items, after)?;
        let request = self
            .client
            .scan()
            .table_name(self.table.as_str())
            .consistent_read(true)
            .limit(limit(items))
            .set_exclusive_start_key(after.map(|cursor| convert::key(&cursor.key)));
        let answer = self.session.call(SCAN, || request.clone().send()).await;
        let answer = answer.map_err(|error| self.problem(error))?;
        Self::page(answer.items, answer.last_evaluated_key, None)
    }

    fn now(&self) -> Timestamp {
        self.clock.of(machine::now())
    }
}
