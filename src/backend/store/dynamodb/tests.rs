//! The contract on DynamoDBs that others wrote, and what only DynamoDB can do: refuse, lose an
//! answer, and be repeated.

#[path = "../../../../tests/peers/dynamodb.rs"]
mod server;

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use serde_json::{Map, Value, json};
use server::Server;

use super::{
    super::{Condition, Consistency, Key, Store, StoreError, Write, contract},
    DynamoStore,
};
use crate::{
    backend::{
        aws::{Aws, AwsOptions, AwsSession, Connection},
        testing::{Answer, FakeAws},
    },
    model::{Region, TableName},
};

/// Makes stores for the contract on one server, each in a table of its own.
struct Maker {
    server: Server,
    session: AwsSession,
    made: Cell<u32>,
}

impl Maker {
    async fn on(server: Server) -> Self {
        let credentials = Credentials::new("AKIATEST", "secret", None, None, "test");
        let connection = Connection {
            credentials: Some(SharedCredentialsProvider::new(credentials)),
            endpoint_url: Some(server.url.clone()),
            ..Connection::to(Region::new("eu-west-1").unwrap())
        };
        let session = Aws::new(AwsOptions::default()).connect(&connection).await;
        Self { server, session, made: Cell::new(0) }
    }

    /// A store whose table is not there yet.
    fn store(&self) -> DynamoStore {
        self.made.set(self.made.get() + 1);
        let table = format!("release-tool-{}", self.made.get());
        DynamoStore::new(self.session.clone(), TableName::new(table).unwrap())
    }

    async fn make(&self) -> Arc<dyn Store> {
        let store = self.store();
        match store.create_table().await {
            // DynamoDB Local has no backups; the table is there by then.
            Err(StoreError::Unavailable { source, .. })
                if source.to_string().contains("UnknownOperationException") => {}
            made => assert_eq!(made.unwrap().differences, Vec::<String>::new()),
        }
        Arc::new(store)
    }

    /// Holds the store to the whole contract.
    async fn keeps_the_contract(&self) {
        let rules = contract::run(async || self.make().await).await;
        let races = contract::race(async || self.make().await).await;
        let name = self.server.name;
        server::say(&format!("{name}: {rules} rules hold, and {races} in races"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract_on_ministack() {
    let Some(server) = Server::ministack("the contract on ministack") else { return };
    Maker::on(server).await.keeps_the_contract().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract_on_dynamodb_local() {
    let Some(server) = Server::dynamodb_local("the contract on DynamoDB Local") else { return };
    Maker::on(server).await.keeps_the_contract().await;
}
