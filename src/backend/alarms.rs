//! CloudWatch's alarms: what state each is in.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};

use super::aws::{AwsError, AwsSession, Bucket, Operation, Repeat, in_parallel};
use crate::model::AlarmState;

/// The most names that `DescribeAlarms` takes (CloudWatch API reference).
const NAMES_A_CALL: usize = 100;

const DESCRIBE_ALARMS: Operation =
    Operation { name: "DescribeAlarms", bucket: Bucket::AlarmRead, repeat: Repeat::Harmless };

/// The alarms of one account and region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Alarms {
    /// The way there.
    session: AwsSession,
    /// The SDK's client.
    client: aws_sdk_cloudwatch::Client,
}

impl Alarms {
    /// The alarms that a session leads to.
    #[must_use]
    pub fn new(session: AwsSession) -> Self {
        let client = aws_sdk_cloudwatch::Client::new(session.config());
        Self { session, client }
    }

    /// The states of alarms, metric and composite ones, a hundred a request. Those that there are
    /// not are absent: CloudWatch leaves them out without a word.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn states(&self, names: &[String]) -> Result<BTreeMap<String, AlarmState>, AwsError> {
        let requests = names.chunks(NAMES_A_CALL).map(|names| self.describe(names));
        Ok(in_parallel(requests.collect()).await?.into_iter().flatten().collect())
    }

    /// Describes at most a hundred alarms.
    async fn describe(&self, names: &[String]) -> Result<Vec<(String, AlarmState)>, AwsError> {
        // Without types, only metric alarms are told.
        let request = self
            .client
            .describe_alarms()
            .set_alarm_names(Some(names.to_vec()))
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .max_records(100);
        let answer = self.session.call(DESCRIBE_ALARMS, || request.clone().send()).await?;
        let metric = answer.metric_alarms().iter().map(|one| (one.alarm_name(), one.state_value()));
        let composite =
            answer.composite_alarms().iter().map(|one| (one.alarm_name(), one.state_value()));
        let told = |(name, value): (Option<&str>, Option<&StateValue>)| {
            Some((name?.to_owned(), known_state(value?)))
        };
        Ok(metric.chain(composite).filter_map(told).collect())
    }
}

/// A state; one that is not known yet is no proof that all is well.
fn known_state(value: &StateValue) -> AlarmState {
    match value.as_str() {
        "OK" => AlarmState::Ok,
        "ALARM" => AlarmState::Alarm,
        _ => AlarmState::InsufficientData,
    }
}
