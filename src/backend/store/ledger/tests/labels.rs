//! Labels and artifacts.

use std::collections::BTreeMap;

use super::support::*;
use crate::model::{ImageId, Label};

#[tokio::test]
async fn a_label_points_where_it_was_last_set() {
    let place = Place::new().await;
    let (latest, prod) = (Label::latest(), Label::new("latest2").unwrap());
    let (app, tool) = (ImageId::new("app").unwrap(), ImageId::new("tool").unwrap());
    let set = async |label: &Label, image: &ImageId, tag: &str| {
        let record = label_record(tag, 0);
        place.ledger.record_label(&project(), label, image, &record).await.unwrap();
    };
    set(&latest, &app, "v1").await;
    set(&latest, &tool, "v1").await;
    set(&prod, &app, "v0").await;
    set(&latest, &app, "v2").await;
    let of = async |label: &Label| place.ledger.labels(&project(), label).await.unwrap();
    let expected =
        BTreeMap::from([(app.clone(), label_record("v2", 0)), (tool, label_record("v1", 0))]);
    assert_eq!(of(&latest).await, expected);
    assert_eq!(of(&prod).await, BTreeMap::from([(app, label_record("v0", 0))]));
    assert_eq!(of(&Label::new("none").unwrap()).await, BTreeMap::new());
}

#[tokio::test]
async fn a_registration_sets_the_label_and_is_remembered() {
    let place = Place::new().await;
    let (latest, app) = (Label::latest(), ImageId::new("app").unwrap());
    for n in 0..110 {
        let record = label_record(&format!("v{n}"), n);
        place.ledger.record_registration(&project(), &latest, &app, &record).await.unwrap();
    }
    let labels = place.ledger.labels(&project(), &latest).await.unwrap();
    assert_eq!(labels[&app], label_record("v109", 109));
    let tags = async |limit| {
        let found = place.ledger.artifacts(&project(), &app, limit).await.unwrap();
        found.iter().map(|record| record.uri.tag().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(tags(2).await, ["v109", "v108"]);
    assert_eq!(tags(500).await.len(), 110);
    assert_eq!(tags(0).await, [""; 0]);
}
