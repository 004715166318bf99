//! Who may do what: requests of a role's sessions, held against the policies of the role.
//!
//! Which actions a request needs, on which resources and with which condition keys, is AWS's Service
//! Authorization Reference. Requests of the sandbox's own credentials, and those of roles that IAM does
//! not have, are not judged. Invariant: what is refused here has had no effect.

mod ecs;
mod others;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::{
    call::{Call, Fault},
    iam::{self, Context, Decision, Question},
    refusal, region,
    service::{Protocol, Service},
    state::Transaction,
    sts::Caller,
};

/// What a request needs of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Want {
    /// The action.
    action: String,
    /// On what.
    resource: String,
    /// What else the request tells.
    context: Context,
}

impl Want {
    /// An action of a service on a resource.
    fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        let (action, resource) = (action.into(), resource.into());
        Self { action, resource, context: Context::default() }
    }

    /// The same with a condition key.
    fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context = self.context.with(key, vec![value.into()]);
        self
    }
}

/// One request, as it is judged.
struct Asked<'a> {
    /// The service.
    service: Service,
    /// The request.
    call: &'a Call,
    /// Its members, or its parameters.
    members: Map<String, Value>,
}

impl<'a> Asked<'a> {
    /// Reads a request.
    fn of(service: Service, call: &'a Call) -> Self {
        let members = if matches!(service, Service::Sts | Service::Iam) {
            let form = form_urlencoded::parse(&call.body).into_owned();
            form.map(|(name, value)| (name, Value::from(value))).collect()
        } else {
            serde_json::from_slice(&call.body).unwrap_or_default()
        };
        Self { service, call, members }
    }

    /// A member that is a text.
    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A member that is a list of texts.
    fn texts(&self, name: &str) -> Vec<&str> {
        let list = self.members.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Whether a list has entries.
    fn has_entries(&self, name: &str) -> bool {
        self.members.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    }

    /// An ARN of the request's account and region.
    fn arn(&self, resource: &str) -> String {
        self.arn_in(&self.call.scope.account, resource)
    }

    /// An ARN of an account in the request's region.
    fn arn_in(&self, account: &str, resource: &str) -> String {
        let region = &self.call.scope.region;
        let partition = region::partition(region);
        format!("arn:{partition}:{}:{region}:{account}:{resource}", self.service)
    }

    /// The request's own action on a resource.
    fn want(&self, resource: impl Into<String>) -> Want {
        Want::new(format!("{}:{}", self.service, self.call.operation), resource)
    }

    /// The same on several resources; on every one, where none is named.
    fn wants(&self, resources: impl IntoIterator<Item = String>) -> Vec<Want> {
        let wants: Vec<Want> = resources.into_iter().map(|resource| self.want(resource)).collect();
        if wants.is_empty() { vec![self.want("*")] } else { wants }
    }
}

/// What a request needs.
fn wants(
    service: Service,
    call: &Call,
    transaction: &mut Transaction<'_>,
) -> Result<Vec<Want>, Fault> {
    let asked = Asked::of(service, call);
    match service {
        Service::Ecs => ecs::wants(&asked, transaction),
        Service::CodeDeploy => others::code_deploy(&asked, transaction),
        Service::Ssm => Ok(others::parameters(&asked)),
        Service::Ecr => Ok(others::repositories(&asked)),
        Service::CloudWatch => Ok(others::alarms(&asked)),
        Service::Logs => Ok(others::logs(&asked)),
        Service::AutoScaling => Ok(others::scaling(&asked)),
        Service::Elb => Ok(vec![asked.want("*")]),
        Service::ServiceQuotas => Ok(vec![others::quota(&asked)]),
        Service::Sts => Ok(others::sessions(&asked)),
        Service::Iam => Ok(others::identities(&asked)),
    }
}

/// The error that a request is answered with which the policies of its caller's role do not allow.
pub(super) fn refused(
    transaction: &mut Transaction<'_>,
    (service, protocol): (Service, Protocol),
    call: &Call,
    caller: &Caller,
) -> Result<Option<Fault>, Fault> {
    let Some(name) = &caller.role else { return Ok(None) };
    let role = iam::role(transaction, &call.scope.account, name)?;
    let principal = iam::principal(transaction, &caller.arn, &call.scope.account)?;
    for Want { action, resource, context } in wants(service, call, transaction)? {
        let context = context
            .with("aws:RequestedRegion", vec![call.scope.region.clone()])
            .with("aws:PrincipalAccount", vec![call.scope.account.clone()])
            .with("aws:PrincipalArn", vec![principal.clone()]);
        let question = Question { action, resource, context };
        let decision = match &role {
            Some(role) => iam::decide(transaction, role, &question)?,
            // It was deleted since.
            None => Decision::NotAllowed,
        };
        let Question { action, resource, .. } = &question;
        match decision {
            Decision::Allowed => {}
            Decision::NotAllowed => {
                return Ok(Some(refusal::denied(protocol, &caller.arn, action, resource)));
            }
            Decision::Denied => {
                return Ok(Some(refusal::forbidden(protocol, &caller.arn, action, resource)));
            }
        }
    }
    Ok(None)
}
