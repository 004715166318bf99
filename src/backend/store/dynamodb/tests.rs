//! The contract on servers of DynamoDB that others wrote, and what only DynamoDB can do: refuse, lose an
//! answer, and be repeated.

#[path = "../../../../tests/peers/dynamodb.rs"]
mod server;

use std::{cell::Cell, collections::BTreeSet, sync::Arc};

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

/// A store on an AWS that gives these answers in turn, the last one for ever.
async fn played(answers: Vec<Answer>) -> (DynamoStore, FakeAws) {
    let mut answers = answers.into_iter();
    let mut last = Answer::Silence;
    let aws = FakeAws::new(move |_| {
        last = answers.next().unwrap_or_else(|| last.clone());
        last.clone()
    });
    let table = TableName::new("release-tool").unwrap();
    (DynamoStore::new(aws.session().await, table), aws)
}

/// A cancelled transaction, with a reason for each write.
fn cancelled(reasons: &Value) -> Answer {
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    });
    Answer::json(&body).with_status(400)
}

fn refusal(code: &str, message: &str) -> Answer {
    Answer::error(&format!("com.amazonaws.dynamodb.v20120810#{code}"), message)
}

fn done() -> Answer {
    Answer::json(&json!({}))
}

fn put(sk: &str) -> Write {
    Write::put(Key::new("p", sk), Map::new())
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_sent_again_with_the_same_token() {
    let conflict = json!([{"Code": "None"}, {"Code": "TransactionConflict", "Message": "m"}]);
    let answers = vec![
        Answer::Cut,
        Answer::json(&json!({})).with_status(500),
        refusal("TransactionInProgressException", "m"),
        cancelled(&conflict),
        refusal("ThrottlingException", "m"),
        done(),
    ];
    let (store, aws) = played(answers).await;
    store.transact(vec![put("1"), put("2")]).await.unwrap();
    let sent = aws.sent("TransactWriteItems");
    assert_eq!(sent.len(), 6);
    let token = |body: &Value| body["ClientRequestToken"].as_str().unwrap().to_owned();
    assert_eq!(sent.iter().map(token).collect::<BTreeSet<_>>().len(), 1);

    store.transact(vec![put("1")]).await.unwrap();
    assert_ne!(token(&sent[0]), token(aws.sent("TransactWriteItems").last().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn giving_way_has_an_end() {
    let (store, _) = played(vec![cancelled(&json!([{"Code": "TransactionConflict"}]))]).await;
    let began = tokio::time::Instant::now();
    let error = store.transact(vec![put("1")]).await.unwrap_err();
    assert!(began.elapsed() < std::time::Duration::from_secs(40), "{:?}", began.elapsed());
    assert_eq!(
        error.to_string(),
        "failed to use the store `dynamodb=release-tool`: others keep changing the same records"
    );
}

#[tokio::test]
async fn conditions_that_fail_beside_what_passes_are_the_verdict() {
    let item = json!({"pk": {"S": "p"}, "sk": {"S": "3"}, "by": {"S": "Bob"}});
    let reasons = json!([
        {"Code": "ConditionalCheckFailed", "Message": "m"},
        {"Code": "TransactionConflict"},
        {"Code": "ConditionalCheckFailed", "Item": item},
    ]);
    let (store, aws) = played(vec![cancelled(&reasons)]).await;
    let absent = |sk| put(sk).when(Condition::Absent);
    let error = store.transact(vec![absent("1"), put("2"), absent("3")]).await.unwrap_err();
    let failed = &error.conflict().unwrap().failed;
    let told: Vec<_> = failed.iter().map(|one| (one.position, one.key.sk())).collect();
    assert_eq!(told, [(0, "1"), (2, "3")]);
    assert_eq!(failed[0].found, None);
    assert_eq!(failed[1].found.as_ref().unwrap().get("by"), Some(&json!("Bob")));
    assert_eq!(aws.seen().len(), 1);
}

#[tokio::test]
async fn what_dynamodb_does_not_take_is_no_conflict() {
    let large = "Item size to update has exceeded the maximum allowed size";
    for answer in [
        cancelled(&json!([{"Code": "ValidationError", "Message": large}])),
        refusal("ValidationException", large),
    ] {
        let (store, _) = played(vec![answer]).await;
        let error = store.transact(vec![put("1")]).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
        assert!(error.to_string().contains(large), "{error}");
    }
}

#[tokio::test]
async fn an_expression_names_nothing_by_itself() {
    let (store, aws) = played(vec![done()]).await;
    let set = Map::from_iter([("status".to_owned(), json!("DONE"))]);
    let write = Write::update(Key::new("p", "s"), set, vec!["name".to_owned()])
        .when(Condition::Any(vec![Condition::Absent, Condition::equals("status", "RUNNING")]))
        .when(Condition::AtMost("schema".to_owned(), 1))
        .when(Condition::Missing("size".to_owned()));
    store.transact(vec![write]).await.unwrap();
    let update = &aws.sent("TransactWriteItems")[0]["TransactItems"][0]["Update"];
    assert_eq!(update["UpdateExpression"], "SET #1 = :2 REMOVE #4 ADD #5 :3");
    assert_eq!(
        update["ConditionExpression"],
        "(attribute_not_exists(#0) OR #1 = :0) AND #2 <= :1 AND attribute_not_exists(#3)"
    );
    assert_eq!(update["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    let names = json!({
        "#0": "pk", "#1": "status", "#2": "schema", "#3": "size", "#4": "name", "#5": "ver",
    });
    assert_eq!(update["ExpressionAttributeNames"], names);
    let values = json!({
        ":0": {"S": "RUNNING"}, ":1": {"N": "1"}, ":2": {"S": "DONE"}, ":3": {"N": "1"},
    });
    assert_eq!(update["ExpressionAttributeValues"], values);
}

#[tokio::test]
async fn the_time_is_that_of_the_answers() {
    for date in ["Fri, 21 Nov 2098 12:00:00 GMT", "Tue, 21 Nov 2006 12:00:00 GMT"] {
        let aws = FakeAws::new(|_| done()).dated(date);
        let table = TableName::new("release-tool").unwrap();
        let store = DynamoStore::new(aws.session().await, table);
        let apart = |store: &DynamoStore| {
            let there = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).unwrap();
            store.now().duration_since(there).abs()
        };
        assert!(apart(&store) > jiff::SignedDuration::from_hours(24 * 365), "nothing is known yet");
        store.get(&Key::new("p", "s"), Consistency::Strong).await.unwrap();
        assert!(apart(&store) < jiff::SignedDuration::from_secs(60), "{:?}", apart(&store));
    }
}

#[tokio::test(start_paused = true)]
async fn each_problem_says_what_to_do() {
    let denied = "User: arn:aws:iam::1:user/bob is not authorized to perform: dynamodb:GetItem on \
                  resource: arn:aws:dynamodb:eu-west-1:1:table/release-tool because no \
                  identity-based policy allows the dynamodb:GetItem action";
    let mut told = Vec::new();
    for answer in [
        refusal("ResourceNotFoundException", "Requested resource not found"),
        refusal("AccessDeniedException", denied),
        refusal("ExpiredTokenException", "The security token included in the request is expired"),
        refusal("UnrecognizedClientException", "The security token is invalid"),
        refusal("ValidationException", "The provided key element does not match the schema"),
        Answer::Cut,
        Answer::json(&json!({})).with_status(503),
    ] {
        let (store, _) = played(vec![answer]).await;
        let error = store.get(&Key::new("p", "s"), Consistency::Strong).await.unwrap_err();
        let StoreError::Unavailable { problem, hint, .. } = error else { panic!("{error:?}") };
        told.push(format!("{problem}: {hint}"));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    there is no such table in eu-west-1: make it with `release-tool store create`, or correct `store` and its `region` in the manifest
    access to the table is denied: allow `dynamodb:GetItem` on `arn:aws:dynamodb:eu-west-1:1:table/release-tool` to `arn:aws:iam::1:user/bob`
    there are no valid credentials: sign in again, for example with `aws sso login`, or take fresh keys where they are in the environment
    there are no valid credentials: sign in again, for example with `aws sso login`, or set `AWS_PROFILE`
    the table is not as it should be: see what differs with `release-tool store create`
    it gives no sound answer: run the command again
    it gives no sound answer: run the command again
    ");
}

#[tokio::test]
async fn a_table_that_differs_is_told() {
    let table = json!({"Table": {
        "TableName": "release-tool", "TableStatus": "ACTIVE",
        "TableArn": "arn:aws:dynamodb:eu-west-1:1:table/release-tool",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "N"}],
        "BillingModeSummary": {"BillingMode": "PROVISIONED"},
        "GlobalSecondaryIndexes": [{
            "IndexName": "gsi1", "IndexStatus": "CREATING",
            "KeySchema": [
                {"AttributeName": "gsi1pk", "KeyType": "HASH"},
                {"AttributeName": "gsi1sk", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }],
    }});
    let denied = refusal("AccessDeniedException", "no");
    let (store, _) = played(vec![Answer::json(&table), denied]).await;
    let report = store.describe_table().await.unwrap().unwrap();
    insta::assert_snapshot!(report.differences.join("\n"), @r"
    its keys are not `pk` and `sk`
    its key attribute `pk` is no text
    its index `gsi1` is CREATING
    it has no index `gsi2`
    its capacity is not on demand
    deletion protection is off
    whether point-in-time recovery is on is not known: `dynamodb:DescribeContinuousBackups` is not allowed
    ");

    let (store, _) = played(vec![refusal("ResourceNotFoundException", "")]).await;
    assert_eq!(store.describe_table().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_new_table_is_waited_for_and_what_is_not_allowed_is_told() {
    let index = |n: u32| {
        json!({
            "IndexName": format!("gsi{n}"),
            "KeySchema": [
                {"AttributeName": format!("gsi{n}pk"), "KeyType": "HASH"},
                {"AttributeName": format!("gsi{n}sk"), "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        })
    };
    let described = |status: &str| {
        Answer::json(&json!({"Table": {
            "TableName": "release-tool", "TableStatus": status, "DeletionProtectionEnabled": true,
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "GlobalSecondaryIndexes": [index(1), index(2)],
        }}))
    };
    let backups = json!({"ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
    }});
    let answers = vec![
        Answer::Cut,
        refusal("ResourceInUseException", "Table already exists: release-tool"),
        described("CREATING"),
        described("ACTIVE"),
        refusal("ContinuousBackupsUnavailableException", "Backups are being enabled"),
        refusal("AccessDeniedException", "no"),
        described("CREATING"),
        described("ACTIVE"),
        Answer::json(&backups),
    ];
    let (store, aws) = played(answers).await;
    let report = store.create_table().await.unwrap();
    assert_eq!(report.differences, ["point-in-time recovery is off"]);
    let asked: Vec<String> = aws.seen().into_iter().map(|seen| seen.operation).collect();
    assert_eq!(
        asked,
        [
            "CreateTable",
            "CreateTable",
            "DescribeTable",
            "DescribeTable",
            "UpdateContinuousBackups",
            "UpdateContinuousBackups",
            "DescribeTable",
            "DescribeTable",
            "DescribeContinuousBackups",
        ]
    );
}

#[test]
fn the_table_in_terraform() {
    let table = TableName::new("release-tool").unwrap();
    insta::assert_snapshot!(super::terraform(&table, true), @r#"
    resource "aws_dynamodb_table" "release_tool" {
      name                        = "release-tool"
      billing_mode                = "PAY_PER_REQUEST"
      hash_key                    = "pk"
      range_key                   = "sk"
      deletion_protection_enabled = true

      attribute {
        name = "pk"
        type = "S"
      }

      attribute {
        name = "sk"
        type = "S"
      }

      attribute {
        name = "gsi1pk"
        type = "S"
      }

      attribute {
        name = "gsi1sk"
        type = "S"
      }

      attribute {
        name = "gsi2pk"
        type = "S"
      }

      attribute {
        name = "gsi2sk"
        type = "S"
      }

      global_secondary_index {
        name            = "gsi1"
        hash_key        = "gsi1pk"
        range_key       = "gsi1sk"
        projection_type = "ALL"
      }

      global_secondary_index {
        name            = "gsi2"
        hash_key        = "gsi2pk"
        range_key       = "gsi2sk"
        projection_type = "ALL"
      }

      point_in_time_recovery {
        enabled = true
      }
    }

    import {
      to = aws_dynamodb_table.release_tool
      id = "release-tool"
    }
    "#);
}
