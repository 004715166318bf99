//! Service Quotas: how many requests AWS lets through in an account and region.
//!
//! AWS tells what it applies, where an account was given more than is published. Where it does not
//! tell, what is published holds ([`Rates::published`]).

use std::collections::BTreeMap;

use super::aws::{AwsError, AwsSession, Bucket, Limit, Operation, Repeat};

/// The service whose rates matter and are told.
const SERVICE: &str = "ecs";

const LIST_SERVICE_QUOTAS: Operation =
    Operation { name: "ListServiceQuotas", bucket: Bucket::QuotaRead, repeat: Repeat::Harmless };

/// How often AWS lets requests of each kind through.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rates {
    /// The values that AWS told, by their codes.
    applied: BTreeMap<String, f64>,
}

impl Rates {
    /// What is published, for whoever cannot ask.
    #[must_use]
    pub fn published() -> Self {
        Self::default()
    }

    /// What holds of a kind of requests, where AWS told all of it.
    pub(crate) fn applied(&self, bucket: Bucket) -> Option<Limit> {
        let [burst, rate] = bucket.codes()?;
        let (burst, per_second) = (*self.applied.get(burst)?, *self.applied.get(rate)?);
        // Fewer than one request is nothing that could be kept to.
        (burst >= 1.0 && per_second > 0.0).then_some(Limit { burst, per_second })
    }
}

/// The quotas of one account and region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Quotas {
    /// The way there.
    session: AwsSession,
    /// The SDK's client.
    client: aws_sdk_servicequotas::Client,
}

impl Quotas {
    /// The quotas that a session is under.
    #[must_use]
    pub fn new(session: AwsSession) -> Self {
        let client = aws_sdk_servicequotas::Client::new(session.config());
        Self { session, client }
    }

    /// What AWS applies, all pages of it.
    ///
    /// # Errors
    /// Fails when AWS does not tell.
    pub async fn rates(&self) -> Result<Rates, AwsError> {
        let (mut applied, mut token) = (BTreeMap::new(), None);
        loop {
            let request = self
                .client
                .list_service_quotas()
                .service_code(SERVICE)
                .max_results(100)
                .set_next_token(token);
            let page = self.session.call(LIST_SERVICE_QUOTAS, || request.clone().send()).await?;
            let values = page.quotas().iter();
            applied.extend(
                values.filter_map(|one| Some((one.quota_code()?.to_owned(), one.value()?))),
            );
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(Rates { applied });
            }
        }
    }

    /// Keeps this account's requests to what AWS applies, from now on.
    ///
    /// # Errors
    /// Fails when AWS does not tell; what is published then holds as before.
    pub async fn keep_to_applied(&self) -> Result<(), AwsError> {
        let rates = self.rates().await?;
        let of_bucket = |bucket| Some((bucket, rates.applied(bucket)?));
        self.session.keep_to(Bucket::CODED.into_iter().filter_map(of_bucket));
        Ok(())
    }

    /// Whether so many services make more requests than are let through at once by what is published,
    /// so that it is worth asking what is applied.
    #[must_use]
    pub fn matter_for(services: usize) -> bool {
        u32::try_from(services)
            .is_ok_and(|services| f64::from(services) > Bucket::TaskDefinitionModify.at_once())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::backend::{
        aws::{Aws, AwsOptions},
        testing::{Answer, FakeAws, connection},
    };

    #[tokio::test]
    async fn what_is_applied_is_read_page_by_page() {
        let aws = FakeAws::new(|seen| {
            let quota = |code: &str, value: f64| json!({ "QuotaCode": code, "Value": value });
            Answer::json(&match seen.json()["NextToken"].as_str() {
                None => json!({
                    "NextToken": "more",
                    "Quotas": [quota("L-CDF9F16B", 100.0), quota("L-AA0D4951", 50.0)],
                }),
                Some(_) => json!({ "Quotas": [quota("L-1E6DEB89", 10.0)] }),
            })
        });
        let rates = Quotas::new(aws.session().await).rates().await.unwrap();
        assert_eq!(aws.sent("ListServiceQuotas").len(), 2);
        let told = rates.applied(Bucket::TaskDefinitionModify);
        assert_eq!(told, Some(Limit { burst: 100.0, per_second: 10.0 }));
        // Half of it is not enough to go by.
        assert_eq!(rates.applied(Bucket::ServiceModify), None);
        assert_eq!(rates.applied(Bucket::ParameterWrite), None);
        assert_eq!(Rates::published().applied(Bucket::TaskDefinitionModify), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_applied_is_kept_to() {
        let aws = FakeAws::new(|_| {
            let quota = |code: &str, value: f64| json!({ "QuotaCode": code, "Value": value });
            let quotas = [quota("L-CDF9F16B", 100.0), quota("L-1E6DEB89", 10.0)];
            Answer::json(&json!({ "Quotas": quotas }))
        });
        let options = AwsOptions { http_client: Some(aws.http_client()), ..AwsOptions::default() };
        let session = Aws::new(options).connect(&connection()).await;
        let quotas = Quotas::new(session.clone());
        quotas.keep_to_applied().await.unwrap();
        let register = Operation { bucket: Bucket::TaskDefinitionModify, ..LIST_SERVICE_QUOTAS };
        let request = quotas.client.list_service_quotas().service_code(SERVICE);
        let began = Instant::now();
        for _ in 0..90 {
            session.call(register, || request.clone().send()).await.unwrap();
        }
        // By what is published it takes more than a minute.
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }

    #[test]
    fn a_few_services_are_let_through_at_once() {
        assert!(!Quotas::matter_for(18) && Quotas::matter_for(19));
    }
}
