//! Service Quotas: how many requests the emulated services let through, and more on request.
//!
//! It has the rates that AWS has there, which are those of ECS and ECR
//! ([`listed`](super::faults::listed)); the fault `quota` keeps to what is told here. Where AWS takes
//! days to say yes, the sandbox says it at once. Error names are those of the API, version 2019-06-24.

use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    call::{Call, Fault},
    faults::{Raised, applied, listed},
    page, refusal, region,
    service::{Protocol, Service},
    state::Transaction,
};

/// Answers one request.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let answer = match call.operation.as_str() {
        "GetServiceQuota" => get(call, transaction, &read(call)?)?,
        "ListServiceQuotas" => list(call, transaction, &read(call)?)?,
        "RequestServiceQuotaIncrease" => raise(call, transaction, &read(call)?)?,
        other => return Err(refusal::unknown_operation(Protocol::Json, other)),
    };
    Ok(Bytes::from(answer.to_string()))
}

/// `GetServiceQuota`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetInput {
    /// The service.
    service_code: String,
    /// The quota.
    quota_code: String,
    /// The resource that it is for.
    context_id: Option<String>,
}

/// `ListServiceQuotas`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListInput {
    /// The service.
    service_code: String,
    /// One of its quotas.
    quota_code: Option<String>,
    /// What the quotas are for.
    quota_applied_at_level: Option<String>,
    /// How many a page.
    max_results: Option<usize>,
    /// Where the page begins.
    next_token: Option<String>,
}

/// `RequestServiceQuotaIncrease`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RaiseInput {
    /// The service.
    service_code: String,
    /// The quota.
    quota_code: String,
    /// What it is to be.
    desired_value: f64,
    /// The resource that it is for.
    context_id: Option<String>,
    /// Whether somebody may be asked, which is never needed.
    #[serde(rename = "SupportCaseAllowed")]
    _support_case_allowed: Option<bool>,
}

/// A quota as it holds.
struct Quota {
    /// The service.
    service: Service,
    /// Its code.
    code: &'static str,
    /// What it is.
    name: String,
    /// What holds.
    value: u32,
}

impl Quota {
    /// As Service Quotas tells it.
    fn told(&self, call: &Call) -> Value {
        let mut told = self.named(call);
        told.extend(members(json!({
            "Value": self.value,
            "Adjustable": true,
            "Period": { "PeriodValue": 1, "PeriodUnit": "SECOND" },
            "QuotaAppliedAtLevel": "ACCOUNT",
        })));
        Value::Object(told)
    }

    /// What names it.
    fn named(&self, call: &Call) -> Map<String, Value> {
        let (service, code) = (self.service.name(), self.code);
        let (account, region) = (&call.scope.account, &call.scope.region);
        let partition = region::partition(region);
        let arn = format!("arn:{partition}:servicequotas:{region}:{account}:{service}/{code}");
        let told = json!({
            "ServiceCode": service,
            "ServiceName": full_name(self.service),
            "QuotaArn": arn,
            "QuotaCode": code,
            "QuotaName": self.name,
            "Unit": "None",
            "GlobalQuota": false,
        });
        members(told)
    }
}

/// The members of an object.
fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// What Service Quotas calls a service.
const fn full_name(service: Service) -> &'static str {
    match service {
        Service::Ecr => "Amazon Elastic Container Registry (Amazon ECR)",
        _ => "Amazon Elastic Container Service (Amazon ECS)",
    }
}

/// Reads a request. What the sandbox does not know it refuses.
fn read<I: DeserializeOwned>(call: &Call) -> Result<I, Fault> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body).map_err(|error| illegal(&format!("Invalid input: {error}.")))
}

/// The quotas of a service, as they hold.
fn quotas(
    call: &Call,
    transaction: &Transaction<'_>,
    service_code: &str,
) -> Result<Vec<Quota>, Fault> {
    let service: Option<Service> = service_code.parse().ok();
    let service = service.filter(|service| !listed(*service).is_empty());
    let service = service
        .ok_or_else(|| none("The request failed because the specified service does not exist."))?;
    let quotas = listed(service).into_iter().map(|one| {
        let value = applied(transaction, &call.scope, (one.code, one.default))?;
        Ok(Quota { service, code: one.code, name: one.name, value })
    });
    quotas.collect()
}

/// One quota.
fn quota(
    call: &Call,
    transaction: &Transaction<'_>,
    (service, code): (&str, &str),
) -> Result<Quota, Fault> {
    let found = quotas(call, transaction, service)?.into_iter().find(|one| one.code == code);
    found.ok_or_else(|| none("The request failed because the specified quota does not exist."))
}

/// That quotas are for whole accounts.
fn check_context(context_id: Option<&str>) -> Result<(), Fault> {
    match context_id {
        Some(_) => {
            Err(illegal("The sandbox has no quotas for a resource: ContextId is not taken."))
        }
        None => Ok(()),
    }
}

/// `GetServiceQuota`.
fn get(call: &Call, transaction: &Transaction<'_>, input: &GetInput) -> Result<Value, Fault> {
    check_context(input.context_id.as_deref())?;
    let quota = quota(call, transaction, (&input.service_code, &input.quota_code))?;
    Ok(json!({ "Quota": quota.told(call) }))
}

/// The most that a page has.
const PAGE: usize = 100;

/// `ListServiceQuotas`.
fn list(call: &Call, transaction: &Transaction<'_>, input: &ListInput) -> Result<Value, Fault> {
    let size = input.max_results.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&size) {
        return Err(illegal("MaxResults must be between 1 and 100."));
    }
    let after = page::after(input.next_token.as_deref(), "L-").map_err(|_bad_token| {
        fault("InvalidPaginationTokenException", "The pagination token is not valid.")
    })?;
    let mut found = quotas(call, transaction, &input.service_code)?;
    found.retain(|one| input.quota_code.as_ref().is_none_or(|code| code == one.code));
    match input.quota_applied_at_level.as_deref() {
        None | Some("ACCOUNT" | "ALL") => {}
        Some("RESOURCE") => found.clear(),
        Some(_) => return Err(illegal("QuotaAppliedAtLevel is ACCOUNT, RESOURCE or ALL.")),
    }
    let told = found.iter().map(|one| (one.code.to_owned(), one.told(call))).collect();
    let page = page::cut(told, &after, size);
    let mut answer = json!({ "Quotas": page.items });
    if let (Some(next), Some(members)) = (page.next, answer.as_object_mut()) {
        members.insert("NextToken".to_owned(), next.into());
    }
    Ok(answer)
}

/// `RequestServiceQuotaIncrease`, which is granted.
fn raise(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &RaiseInput,
) -> Result<Value, Fault> {
    check_context(input.context_id.as_deref())?;
    let quota = quota(call, transaction, (&input.service_code, &input.quota_code))?;
    let wanted = whole(input.desired_value)?;
    if wanted <= quota.value {
        return Err(illegal(
            "You must provide a quota value greater than the current quota value.",
        ));
    }
    transaction.put(&call.scope.key(quota.code), &Raised { value: wanted })?;
    let mut told = quota.named(call);
    told.extend(members(json!({
        "Id": Uuid::new_v4().simple().to_string(),
        "DesiredValue": wanted,
        "Status": "APPROVED",
        "Created": call.now.as_second(),
        "Requester": json!({ "callerArn": call.caller }).to_string(),
        "QuotaRequestedAtLevel": "ACCOUNT",
    })));
    Ok(json!({ "RequestedQuota": told }))
}

/// A value, which is a whole number of requests.
fn whole(value: f64) -> Result<u32, Fault> {
    let text = format!("{value}");
    text.parse().map_err(|_not_whole| illegal("The desired value is not a number of requests."))
}

/// An error; its shapes write the message with a capital.
fn fault(code: &str, message: &str) -> Fault {
    let members = [("Message".to_owned(), Value::from(message))];
    Fault::Answer { status: 400, code: code.to_owned(), members: members.into_iter().collect() }
}

/// What is asked for is not there.
fn none(message: &str) -> Fault {
    fault("NoSuchResourceException", message)
}

/// The request is not valid, or the sandbox does not do it.
fn illegal(message: &str) -> Fault {
    fault("IllegalArgumentException", message)
}
