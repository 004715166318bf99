//! Programs of different age on one store, and what the records look like in it.

use serde_json::{Value, json};

use super::{support::*, *};
use crate::model::{
    DeploymentStatus, ImageId, Label, ReleaseNumber, ServiceHead, Step, StepStatus,
};

/// A deployment with one step, begun, and its key.
async fn begun(place: &Place) -> (DeploymentKey, Step) {
    let new = new_deployment("prod", vec![Step { before: before(), ..step("web") }]);
    let mut deployment = place.ledger.start_deployment(&place.lease, new).await.unwrap();
    (DeploymentKey::of(&deployment), deployment.steps.remove(0))
}

/// An ending with success and one head.
fn success(heads: &[ServiceHead]) -> Ending<'_> {
    let (expected, status) = (DeploymentStatus::Running, DeploymentStatus::Succeeded);
    Ending { expected, status, at: time(9), heads }
}

/// Whether it is refused because a newer program wrote the record, with the words to say so.
fn is_newer<T: fmt::Debug>(result: Result<T, StoreError>) -> bool {
    let Err(error) = result else { return false };
    matches!(error, StoreError::NewerSchema { found: 9, .. })
        && error.hint().starts_with("update release-tool")
}

#[tokio::test]
async fn a_deployment_without_a_time_to_settle_is_read() {
    let place = Place::new().await;
    place.ledger.record_release(new_release("v1")).await.unwrap();
    let (key, _) = begun(&place).await;
    let settle =
        async || place.ledger.deployment(&project(), key.number).await.unwrap().settle_seconds;
    assert_eq!(settle().await, 120);
    place.change(&keys::deployment(&key), |item| drop(item.remove("settle_seconds"))).await;
    assert_eq!(settle().await, 0);
}

#[tokio::test]
async fn a_newer_schema_is_not_read() {
    let place = Place::new().await;
    place.ledger.record_release(new_release("v1")).await.unwrap();
    let (key, _) = begun(&place).await;
    place.ledger.record_heads(&place.lease, &key, &[head("web", 1)]).await.unwrap();
    let (label, image) = (Label::latest(), ImageId::new("app").unwrap());
    let registered = label_record("v1", 0);
    place.ledger.record_registration(&project(), &label, &image, &registered).await.unwrap();
    let ledger = &place.ledger;
    let newer = async |key: Key| {
        place.change(&key, |item| drop(item.insert("schema".to_owned(), json!(9)))).await;
    };

    newer(keys::step(&key, 0, &"web".parse().unwrap())).await;
    assert!(is_newer(ledger.deployment(&project(), key.number).await));
    assert!(is_newer(ledger.history(&project(), None, None, 9).await));
    newer(keys::entry(&project(), key.number)).await;
    assert!(is_newer(ledger.deployment(&project(), key.number).await));
    newer(keys::deployment(&key)).await;
    assert!(is_newer(ledger.unfinished(&project()).await));
    newer(keys::head(&project(), &key.environment, &"web".parse().unwrap())).await;
    assert!(is_newer(ledger.heads(&project(), &key.environment).await));
    newer(keys::release(&project(), ReleaseNumber(1))).await;
    assert!(is_newer(ledger.find_release(&project(), ReleaseNumber(1)).await));
    assert!(is_newer(ledger.releases(&project(), 9).await));
    newer(keys::label(&project(), &label, &image)).await;
    assert!(is_newer(ledger.labels(&project(), &label).await));
    newer(keys::artifact(&project(), &image, &registered)).await;
    assert!(is_newer(ledger.artifacts(&project(), &image, 9).await));
}

#[tokio::test]
async fn a_newer_schema_is_not_written_over() {
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    place.ledger.record_heads(&place.lease, &key, &[head("web", 1)]).await.unwrap();
    let all = [
        keys::counters(&project()),
        keys::deployment(&key),
        keys::step(&key, 0, &step.service),
        keys::head(&project(), &key.environment, &step.service),
    ];
    let mut stored = Vec::new();
    for item in &all {
        place.change(item, |item| drop(item.insert("schema".to_owned(), json!(9)))).await;
        stored.push(place.stored(item).await);
    }
    let ledger = &place.ledger;
    step.status = StepStatus::Intent;
    assert!(is_newer(
        ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Pending, &[]).await
    ));
    assert!(is_newer(ledger.record_heads(&place.lease, &key, &[head("web", 1)]).await));
    assert!(is_newer(ledger.finish_deployment(&place.lease, &key, success(&[])).await));
    let (running, unknown) = (DeploymentStatus::Running, DeploymentStatus::Unknown);
    assert!(is_newer(ledger.change_status(&place.lease, &key, running, unknown, None).await));
    assert!(is_newer(ledger.record_release(new_release("v1")).await));
    assert!(is_newer(ledger.start_deployment(&place.lease, new_deployment("prod", vec![])).await));
    for (item, before) in all.iter().zip(stored) {
        assert_eq!(place.stored(item).await, before, "{item}");
    }
}

#[tokio::test]
async fn an_older_program_leaves_alone_what_it_does_not_know() {
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    place.ledger.record_heads(&place.lease, &key, &[verified_head("web", 1)]).await.unwrap();
    let main_key = keys::deployment(&key);
    let step_key = keys::step(&key, 0, &step.service);
    let head_key = keys::head(&project(), &key.environment, &step.service);
    let new_member = |item: &mut serde_json::Map<String, Value>| {
        item.insert("new".to_owned(), json!({"a": [1]}));
        for name in ["before", "target", "verified", "attempt"] {
            if let Some(Value::Object(inner)) = item.get_mut(name) {
                inner.insert("new".to_owned(), json!(1));
            }
        }
    };
    for item in [&main_key, &step_key, &head_key, &keys::counters(&project())] {
        place.change(item, new_member).await;
    }

    step.status = StepStatus::Intent;
    place.ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Pending, &[]).await.unwrap();
    let full = full_step("web");
    place.ledger.record_step(&place.lease, &key, 0, &full, StepStatus::Intent, &[]).await.unwrap();
    let ending = success(&[]);
    place.ledger.finish_deployment(&place.lease, &key, ending).await.unwrap();
    let second = DeploymentKey { number: DeploymentNumber(2), ..key.clone() };
    place.ledger.start_deployment(&place.lease, new_deployment("prod", vec![])).await.unwrap();
    place.ledger.record_heads(&place.lease, &second, &[head("web", 2)]).await.unwrap();

    let (new, nested) = (Some(json!({"a": [1]})), json!(1));
    let stored = place.stored(&step_key).await;
    assert_eq!(stored.get("new"), new.as_ref());
    assert_eq!((&stored["before"]["new"], &stored["target"]["new"]), (&nested, &nested));
    assert_eq!(stored["ver"], json!(3), "every change is counted");
    assert_eq!(place.stored(&main_key).await.get("new"), new.as_ref());
    assert_eq!(place.stored(&keys::counters(&project())).await.get("new"), new.as_ref());
    let stored = place.stored(&head_key).await;
    assert_eq!(stored["verified"]["new"], nested, "the verified state is untouched");
    assert_eq!(stored["attempt"].get("new"), None, "an attempt takes its members with it");
    let found = place.ledger.deployment(&project(), key.number).await.unwrap();
    assert_eq!(found.steps, [full]);
}

#[tokio::test]
async fn a_state_before_with_new_members_is_still_written_once() {
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    let step_key = keys::step(&key, 0, &step.service);
    place.change(&step_key, |item| item["before"]["new"] = json!(1)).await;
    step.before.ecs_deployment = None;
    let refused =
        place.ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Pending, &[]).await;
    assert!(refused.unwrap_err().to_string().ends_with("has another state before it on record"));
}

#[tokio::test]
async fn a_newer_program_reads_what_an_older_one_wrote() {
    let place = Place::new().await;
    let (key, step) = begun(&place).await;
    let optional = ["registered", "description", "verdict", "evidence", "finished_at"];
    for item in [keys::deployment(&key), keys::step(&key, 0, &step.service)] {
        place
            .change(&item, |item| {
                for name in optional {
                    item.shift_remove(name);
                }
            })
            .await;
    }
    let found = place.ledger.deployment(&project(), key.number).await.unwrap();
    assert_eq!(found.steps, [step]);
}

#[tokio::test]
async fn a_record_of_another_type_is_damage() {
    let place = Place::new().await;
    place.ledger.record_release(new_release("v1")).await.unwrap();
    let key = keys::release(&project(), ReleaseNumber(1));
    let number = ReleaseNumber(1);
    place.change(&key, |item| drop(item.insert("type".to_owned(), json!("label")))).await;
    let error = place.ledger.find_release(&project(), number).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to read the release record `P#cat#R#1/META`: it is damaged"
    );
    place.change(&key, |item| drop(item.shift_remove("schema"))).await;
    let error = place.ledger.find_release(&project(), number).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

/// The format that is in people's stores: a change of it needs a thought for older programs.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the records are long, and belong together")]
async fn records_are_stored_so() {
    let place = Place::new().await;
    place.ledger.record_release(new_release("v2")).await.unwrap();
    let (key, _) = begun(&place).await;
    place
        .ledger
        .record_step(&place.lease, &key, 0, &full_step("web"), StepStatus::Pending, &[])
        .await
        .unwrap();
    place.clock.set(9);
    place
        .ledger
        .finish_deployment(&place.lease, &key, success(&[verified_head("web", 1)]))
        .await
        .unwrap();
    let image = ImageId::new("app").unwrap();
    let record = label_record("v2", 3);
    place.ledger.record_registration(&project(), &Label::latest(), &image, &record).await.unwrap();
    let connection = rusqlite::Connection::open(place.store.path()).unwrap();
    let mut statement =
        connection.prepare("SELECT pk, sk, doc FROM items ORDER BY pk, sk").unwrap();
    let rows = statement.query_map([], |row| {
        let (pk, sk, doc): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(format!("{pk} / {sk}\n    {doc}"))
    });
    let text: Vec<String> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    let text = text.join("\n").replace(&"0f".repeat(32), "…");
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<random>");
    settings.add_filter("#EV / ([^#]*)#[0-9a-f]*", "#EV / $1#<random>");
    let _filtered = settings.bind_to_scope();
    insta::assert_snapshot!(text, @r#"
    P#cat / AUDHEAD
        {"type":"audit_head","schema":1,"number":2,"hash":"1c4c4396aa650a36e7f153613cc3402d59a3bdcad227ec7e4b9ef40af74a3548","ver":2}
    P#cat / CTR
        {"type":"counters","schema":1,"release":1,"ver":2,"deployment":1}
    P#cat / FP#9a4843a003e725520b4a92a05453675f0c0540506d685594a542d43c668a449b
        {"type":"fingerprint","schema":1,"ver":1,"release":1}
    P#cat / LABEL#latest#app
        {"type":"label","schema":1,"ver":1,"image":"app","uri":"example.com/app:v2","digest":"sha256:…","release_hash":"v2","by":{"name":"Bob Beardly <bob@beardcorp.com>","host":"laptop","ci":{"system":"GitHub Actions"}},"at":"2027-01-15T08:00:03Z"}
    P#cat#ART#app / 2027-01-15T08:00:03.000000000Z#sha256:…
        {"type":"artifact","schema":1,"ver":1,"uri":"example.com/app:v2","digest":"sha256:…","release_hash":"v2","by":{"name":"Bob Beardly <bob@beardcorp.com>","host":"laptop","ci":{"system":"GitHub Actions"}},"at":"2027-01-15T08:00:03Z"}
    P#cat#AUD / 000000000001
        {"type":"audit","schema":1,"ver":1,"gsi1pk":"P#cat#AUDIT","gsi1sk":"2027-01-15T08:00:00.000000000Z#000000000001","number":1,"at":"2027-01-15T08:00:00Z","actor":{"name":"Bob Beardly <bob@beardcorp.com>","host":"laptop","ci":{"system":"GitHub Actions"}},"action":"release.created","subject":"r1","detail":"for all: app@v2","reason":"for v2","previous":"","hash":"3fa2c74a69c9d373e6016aa112f172b131ab98cd8af29110a389a0d0acd4e633"}
    P#cat#AUD / 000000000002
        {"type":"audit","schema":1,"ver":1,"gsi1pk":"P#cat#AUDIT","gsi1sk":"2027-01-15T08:00:09.000000000Z#000000000002","number":2,"at":"2027-01-15T08:00:09Z","actor":{"name":"Bob Beardly <bob@beardcorp.com>","host":"laptop","ci":{"system":"GitHub Actions"}},"action":"image.registered","subject":"app","detail":"example.com/app:v2 as latest","previous":"3fa2c74a69c9d373e6016aa112f172b131ab98cd8af29110a389a0d0acd4e633","hash":"1c4c4396aa650a36e7f153613cc3402d59a3bdcad227ec7e4b9ef40af74a3548"}
    P#cat#DEP / 000000000001
        {"type":"deployment_entry","schema":1,"ver":1,"gsi1pk":"P#cat#E#prod","gsi1sk":"000000000001","number":1,"environment":"prod","services":["web"]}
    P#cat#E#prod / AUDHEAD
        {"type":"audit_head","schema":1,"number":2,"hash":"a87532ccd5cf4e37133c040f64701c7efca9d076ceaf43c6a3ce6642f117f83a","ver":2}
    P#cat#E#prod / LOCK
        {"type":"lock_guard","schema":1,"generation":1,"changed":["LOCK#all"],"ver":1}
    P#cat#E#prod / LOCK#all
        {"type":"lease","schema":1,"selection":{"kind":"all"},"fence":1,"generation":1,"holder":"<random>","by":{"name":"Bob Beardly <bob@beardcorp.com>","host":"laptop","ci":{"system":"GitHub Actions"}},"since":"2027-01-15T08:00:00Z","reason":"a test","lease_until":"2027-01-15T08:01:30Z","heartbeat_at":"2027-01-15T08:00:00Z","ver":2,"deployment":1,"last":1}
    P#cat#E#prod / SVC#web
        {"type":"service_head","schema":2,"service":"web","deployment":1,"attempt":{"release":1,"status":"VERIFIED","before":"arn:aws:ecs:eu-west-1:000000000000:task-definition/web:1","task_definition":"arn:aws:ecs:eu-west-1:000000000000:task-definition/web:2","verdict":{"verdict":"VERIFIED"},"images":{"app":{"uri":"example.com/app:v2","digest":"sha256:…","release_hash":"v2"}},"at":"2027-01-15T08:00:01Z"},"verified":{"deployment":1,"release":1,"task_definition":"arn:aws:ecs:eu-west-1:000000000000:task-definition/web:2","ecs_deployment":"ecs-svc/2","images":{"app":{"uri":"example.com/app:v2","digest":"sha256:…","release_hash":"v2"}},"at":"2027-01-15T08:00:02Z"},"ver":1}
    P#cat#E#prod#AUD / 000000000001
        {"type":"audit","schema":1,"ver":1,"gsi1pk":"P#cat#AUDIT","gsi1sk":"2027-01-15T08:00:00.000000000Z#000000000001","number":1,"environment":"prod","at":"2027-01-15T08:00:00Z","actor":{"name":"Bob Beardly <bob@beardcorp.com>","host":"laptop","ci":{"system":"GitHub Actions"}},"action":"deployment.started","subject":"d1","detail":"r1 of all","previous":"","hash":"e3484def76c0315cee02ad958635b48f5aa7fdfa6c4b24ab88a7d2cdd9752b1c"}
    P#cat#E#prod#AUD / 000000000002
        {"type":"audit","schema":1,"ver":1,"gsi1pk":"P#cat#AUDIT","gsi1sk":"2027-01-15T08:00:09.000000000Z#000000000002","number":2,"environment":"prod","at":"2027-01-15T08:00:09Z","actor":{"name":"Bob Beardly <bob@beardcorp.com>","host":"laptop","ci":{"system":"GitHub Actions"}},"action":"deployment.finished","subject":"d1","detail":"SUCCEEDED","previous":"e3484def76c0315cee02ad958635b48f5aa7fdfa6c4b24ab88a7d2cdd9752b1c","hash":"a87532ccd5cf4e37133c040f64701c7efca9d076ceaf43c6a3ce6642f117f83a"}
    P#cat#E#prod#D#1 / META
        {"type":"deployment","schema":2,"ver":2,"number":1,"project":"cat","environment":"prod","selection":{"kind":"all"},"release":1,"kind":"deploy","status":"SUCCEEDED","actor":{"name":"Bob Beardly <bob@beardcorp.com>","host":"laptop","ci":{"system":"GitHub Actions"}},"created_at":"2027-01-15T08:00:00Z","tool_version":"0.1.0","on_failure":"hold","settle_seconds":120,"step_count":1,"fence":1,"finished_at":"2027-01-15T08:00:09Z"}
    P#cat#E#prod#D#1 / STEP#0000#web
        {"type":"step","schema":2,"ver":2,"position":0,"service":"web","status":"FAILED","target":{"cluster":"main","ecs_service":"web","containers":{"app":"app"},"images":{"app":"example.com/app:v2"}},"before":{"task_definition":"arn:aws:ecs:eu-west-1:000000000000:task-definition/web:1","ecs_deployment":"ecs-svc/1","parameters":{"app":null},"release_hashes":{"app":"v1"}},"registered":true,"task_definition":"arn:aws:ecs:eu-west-1:000000000000:task-definition/web:2","ecs_deployment":"ecs-svc/2","verdict":{"verdict":"FAILED","reason":"it crashed"},"note":"nothing runs","evidence":{"events":[],"stopped_tasks":[]},"started_at":"2027-01-15T08:00:01Z","finished_at":"2027-01-15T08:00:02Z","compensation":{"before":{"task_definition":"arn:aws:ecs:eu-west-1:000000000000:task-definition/web:1","ecs_deployment":"ecs-svc/1","parameters":{"app":null},"release_hashes":{"app":"v1"}},"registered":false},"before_task":{"command":["migrate"],"container":"web","timeout_seconds":60,"status":"PENDING"},"seen":{"at":"2027-01-15T08:00:02Z","task_definition":"arn:aws:ecs:eu-west-1:000000000000:task-definition/web:2","desired":2,"tasks":[{"task_definition":"arn:aws:ecs:eu-west-1:000000000000:task-definition/web:1","running":2}]},"compensation_before":{"task_definition":"arn:aws:ecs:eu-west-1:000000000000:task-definition/web:1","ecs_deployment":"ecs-svc/1","parameters":{"app":null},"release_hashes":{"app":"v1"}}}
    P#cat#E#prod#D#1#EV / 2027-01-15T08:00:00.000000000Z#<random>
        {"type":"timeline","schema":1,"ver":1,"at":"2027-01-15T08:00:00Z","text":"started by Bob Beardly <bob@beardcorp.com>: r1 of all"}
    P#cat#E#prod#D#1#EV / 2027-01-15T08:00:09.000000000Z#<random>
        {"type":"timeline","schema":1,"ver":1,"at":"2027-01-15T08:00:09Z","text":"finished by Bob Beardly <bob@beardcorp.com>: SUCCEEDED"}
    P#cat#R#1 / META
        {"type":"release","schema":1,"ver":1,"gsi1pk":"P#cat#REL","gsi1sk":"000000000001","number":1,"project":"cat","selection":{"kind":"all"},"images":{"app":{"uri":"example.com/app:v2","digest":"sha256:…","release_hash":"v2"}},"fingerprint":"9a4843a003e725520b4a92a05453675f0c0540506d685594a542d43c668a449b","created_at":"2027-01-15T08:00:00Z","created_by":{"name":"Bob Beardly <bob@beardcorp.com>","host":"laptop","ci":{"system":"GitHub Actions"}},"description":"for v2"}
    "#);
}
