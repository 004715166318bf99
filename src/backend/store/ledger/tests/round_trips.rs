//! Every record comes back as it was written, and stays within what a store takes.

use proptest::prelude::*;
use serde_json::Value;

use super::{
    super::records::{
        self, ArtifactRecord, Counters, DeploymentRecord, EntryRecord, FingerprintRecord,
        HeadRecord, LabelItem, Record, StepRecord,
    },
    support::*,
    *,
};
use crate::{
    backend::store::write::check_writes,
    model::{Fingerprint, Release, ReleaseNumber, ServiceHead, Step},
};

/// Writes a record as an item and reads it again.
fn round_trip<R: Record>(record: &R) -> R {
    let attributes = records::encode(record, None).unwrap();
    let key = Key::new("p", "s");
    check_writes(&[Write::put(key.clone(), attributes.clone())]).unwrap();
    // Through text, as every store has it.
    let text = Value::Object(attributes).to_string();
    records::decode(&Item::new(key, serde_json::from_str(&text).unwrap())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_release(new in any_new_release(), number in 1_u64..) {
        let release = Release {
            number: ReleaseNumber(number),
            fingerprint: Fingerprint::of(&new.selection, &new.images),
            project: new.project,
            selection: new.selection,
            images: new.images,
            created_at: new.at,
            created_by: new.actor,
            description: new.description,
        };
        prop_assert_eq!(round_trip(&release), release);
    }

    #[test]
    fn a_step(step in any_step(), position in 0..10_000_usize) {
        let record = StepRecord::new(position, step);
        prop_assert_eq!(round_trip(&record), record);
    }

    #[test]
    fn a_head(head in any_head()) {
        let record = HeadRecord::from(head.clone());
        prop_assert_eq!(ServiceHead::from(round_trip(&record)), head);
    }

    #[test]
    fn a_label(record in any_label_record()) {
        let item = LabelItem { image: "app".parse().unwrap(), record: record.clone() };
        prop_assert_eq!(round_trip(&item), item);
        let artifact = ArtifactRecord(record);
        prop_assert_eq!(round_trip(&artifact), artifact);
    }

    #[test]
    fn a_deployment(steps in prop::collection::vec(any_step(), 0..3), new in any_new_release()) {
        let mut deployment = unstored_deployment(steps);
        deployment.actor = new.actor;
        deployment.description = new.description;
        deployment.selection = new.selection;
        deployment.finished_at = Some(new.at);
        let (main, steps) = DeploymentRecord::split(deployment.clone());
        prop_assert_eq!(round_trip(&main).join(steps), deployment);
    }

    #[test]
    fn the_small_ones(number in 1_u64.., other in prop::option::of(1_u64..)) {
        let counters = Counters { release: other, deployment: Some(number) };
        prop_assert_eq!(round_trip(&counters), counters);
        let fingerprint = FingerprintRecord { release: ReleaseNumber(number) };
        prop_assert_eq!(round_trip(&fingerprint), fingerprint);
        let entry = EntryRecord {
            number: DeploymentNumber(number),
            environment: "prod".parse().unwrap(),
            services: vec!["web".parse().unwrap()],
        };
        prop_assert_eq!(round_trip(&entry), entry);
    }
}

/// A deployment that no store has seen.
fn unstored_deployment(steps: Vec<Step>) -> Deployment {
    let new = new_deployment("prod", steps);
    Deployment {
        number: DeploymentNumber(7),
        project: new.project,
        environment: new.environment,
        selection: new.selection,
        release: new.release,
        kind: new.kind,
        status: crate::model::DeploymentStatus::Running,
        actor: new.actor,
        description: new.description,
        created_at: new.at,
        finished_at: None,
        tool_version: new.tool_version,
        on_failure: new.on_failure,
        settle_seconds: new.settle_seconds,
        from_release: new.from_release,
        cancel: None,
        steps: new.steps,
    }
}
