//! The audit log: no change without its entry, in an order that shows what was tampered with.

use std::fmt::Write as _;

use rusqlite::{Connection, params};
use tokio::task::JoinSet;

use super::{support::*, *};
use crate::model::{AuditEvent, EnvironmentId, ImageId, Label};

/// Prod's chain with some entries in it.
async fn written(place: &Place) -> EnvironmentId {
    for n in 0..4 {
        let new = new_deployment("prod", steps(1));
        place.clock.set(n);
        place.ledger.start_deployment(&place.lease, new).await.unwrap();
    }
    "prod".parse().unwrap()
}

/// What is wrong with prod's chain.
async fn breaks(place: &Place) -> Vec<String> {
    let prod = ["prod".parse().unwrap()];
    let breaks = place.ledger.verify_audit(&project(), &prod).await.unwrap();
    breaks.iter().map(ToString::to_string).collect()
}

/// The store, past all its guards.
fn past_the_guards(place: &Place) -> Connection {
    let connection = Connection::open(place.store.path()).unwrap();
    let guards = "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete;";
    connection.execute_batch(guards).unwrap();
    connection
}

#[tokio::test]
async fn entries_are_chained() {
    let place = Place::new().await;
    let prod = written(&place).await;
    assert_eq!(breaks(&place).await, [""; 0]);
    let mut events = place.ledger.audit(&project(), Some(&prod), 9).await.unwrap();
    events.reverse();
    assert_eq!(events.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(events[0].previous, "");
    for pair in events.windows(2) {
        assert_eq!(pair[1].previous, pair[0].hash);
    }
    let AuditEvent { environment, at, actor: by, action, subject, detail, hash, .. } = &events[2];
    assert_eq!((environment.as_ref(), *at, by), (Some(&prod), time(2), &actor()));
    assert_eq!((action.as_str(), subject.as_str()), ("deployment.started", "d3"));
    assert_eq!(detail.as_deref(), Some("r1 of all"));
    assert_eq!(hash.len(), 64);
    assert_eq!(place.ledger.audit(&project(), Some(&prod), 2).await.unwrap()[0].number, 4);
}

/// The hash is part of what is in people's stores.
#[tokio::test]
async fn an_entry_always_has_the_same_hash() {
    let place = Place::new().await;
    let prod = written(&place).await;
    let first = place.ledger.audit(&project(), Some(&prod), 9).await.unwrap().pop().unwrap();
    let text = r#"{"action":"deployment.started","actor":{"ci":{"system":"GitHub Actions"},"host":"laptop","name":"Bob Beardly <bob@beardcorp.com>"},"at":"2027-01-15T08:00:00Z","detail":"r1 of all","environment":"prod","number":1,"previous":"","subject":"d1"}"#;
    let digest = <sha2::Sha256 as sha2::Digest>::digest(text);
    let mut hash = String::new();
    for byte in digest {
        write!(hash, "{byte:02x}").unwrap();
    }
    assert_eq!(first.hash, hash);
}

#[tokio::test]
async fn a_project_has_all_its_chains_in_one_log() {
    let place = Place::new().await;
    let (latest, image) = (Label::latest(), ImageId::new("app").unwrap());
    place.clock.set(1);
    let record = label_record("v1", 1);
    place.ledger.record_registration(&project(), &latest, &image, &record).await.unwrap();
    place.clock.set(2);
    let (release, _) = place.ledger.record_release(new_release("v1")).await.unwrap();
    place.ledger.record_release(new_release("v1")).await.unwrap();
    place.clock.set(3);
    let new = new_deployment("prod", steps(1));
    place.ledger.start_deployment(&place.lease, new).await.unwrap();
    let events = place.ledger.audit(&project(), None, 9).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.action.as_str(), event.subject.as_str(), event.number))
        .collect();
    let number = release.number.to_string();
    assert_eq!(
        told,
        [
            ("deployment.started", "d1", 1),
            ("release.created", number.as_str(), 2),
            ("image.registered", "app", 1),
        ]
    );
    assert_eq!(events[1].detail.as_deref(), Some("for all: app@v1"));
    assert_eq!(events[1].reason.as_deref(), Some("for v1"));
    assert_eq!(events[2].detail.as_deref(), Some("example.com/app:v1 as latest"));
    assert_eq!(place.ledger.audit(&"dog".parse().unwrap(), None, 9).await.unwrap(), []);
    assert_eq!(breaks(&place).await, [""; 0]);
}

#[tokio::test]
async fn tampering_is_found() {
    let cases: [(&str, &[&str]); 7] = [
        (
            "UPDATE items SET doc = json_set(doc, '$.actor.name', 'nobody') \
             WHERE pk = ?1 AND sk = '000000000002'",
            &["entry 2 of the audit log of `prod` was changed after it was written"],
        ),
        (
            "UPDATE items SET doc = json_set(doc, '$.secret', 1) \
             WHERE pk = ?1 AND sk = '000000000002'",
            &["entry 2 of the audit log of `prod` was changed after it was written"],
        ),
        (
            "DELETE FROM items WHERE pk = ?1 AND sk = '000000000002'",
            &["entry 2 of the audit log of `prod` is missing"],
        ),
        (
            "DELETE FROM items WHERE pk = ?1 AND sk >= '000000000003'",
            &[
                "entry 3 of the audit log of `prod` is missing",
                "entry 4 of the audit log of `prod` is missing",
            ],
        ),
        (
            "UPDATE items SET sk = '000000000009' WHERE pk = ?1 AND sk = '000000000004'",
            &["entry 4 of the audit log of `prod` was changed after it was written"],
        ),
        (
            "UPDATE items SET doc = json_set(doc, '$.number', 2) \
             WHERE pk || '#AUD' = ?1 AND sk = 'AUDHEAD'",
            &["entry 4 of the audit log of `prod` is the last one, and the end of the log does \
               not name it"],
        ),
        (
            "DELETE FROM items WHERE pk || '#AUD' = ?1 AND sk = 'AUDHEAD'",
            &["entry 4 of the audit log of `prod` is the last one, and the end of the log does \
               not name it"],
        ),
    ];
    for (sql, expected) in cases {
        let place = Place::new().await;
        written(&place).await;
        let changed = past_the_guards(&place).execute(sql, params!["P#cat#E#prod#AUD"]).unwrap();
        assert!(changed > 0, "{sql}");
        assert_eq!(breaks(&place).await, expected, "{sql}");
        let examined = place.ledger.examine().await.unwrap();
        let mut broken = examined.findings.iter().filter(|one| one.flaw == Flaw::AuditBroken);
        assert!(broken.any(|one| one.detail == expected[0]), "{:?}", examined.findings);
    }
}

#[tokio::test]
async fn an_entry_that_is_written_anew_does_not_follow() {
    let place = Place::new().await;
    let prod = written(&place).await;
    // Somebody who knows how hashes are made changes an entry and its hash.
    let other = Place::new().await;
    other.clock.set(77);
    let new = new_deployment("prod", steps(1));
    other.ledger.start_deployment(&other.lease, new.clone()).await.unwrap();
    other.ledger.start_deployment(&other.lease, new).await.unwrap();
    let key = keys::audit_event(&project(), Some(&prod), 2);
    let forged = serde_json::Value::Object(other.stored(&key).await).to_string();
    past_the_guards(&place)
        .execute(
            "UPDATE items SET doc = ?1 WHERE pk = ?2 AND sk = ?3",
            params![forged, key.pk(), key.sk()],
        )
        .unwrap();
    assert_eq!(
        breaks(&place).await,
        [
            "entry 2 of the audit log of `prod` does not follow the one before",
            "entry 3 of the audit log of `prod` does not follow the one before",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_chain_has_no_gaps_however_many_write_to_it() {
    let place = Place::new().await;
    let mut clients = JoinSet::new();
    for client in 0..20 {
        let ledger = place.another().await;
        clients.spawn(async move {
            let image = ImageId::new(format!("app{client}")).unwrap();
            let record = label_record(&format!("v{client}"), client);
            let registered =
                ledger.record_registration(&project(), &Label::latest(), &image, &record).await;
            registered.unwrap();
        });
    }
    clients.join_all().await;
    assert_eq!(breaks(&place).await, [""; 0]);
    assert_eq!(place.ledger.examine().await.unwrap().findings, []);
    let events = place.ledger.audit(&project(), None, 99).await.unwrap();
    assert_eq!(events.len(), 20);
}
