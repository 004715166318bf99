//! The one function that answers a request, whichever way it came.
//!
//! Invariant: a request is one transaction, with its effect, the count of the fault that was played
//! on it, its line in the log, and its count as a point for crashes. What a client is not told (a lost answer) has happened all the
//! same; what is refused has not.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::DATE};
use jiff::{SignedDuration, Timestamp};

use super::{
    Sandbox, SandboxError, admin,
    answer::Answer,
    authorize, autoscaling,
    call::{Call, Fault},
    clock::Clock,
    cloudwatch, codedeploy, crash, ecr, ecs, elb,
    faults::{self, Decision, FaultKind, Subject},
    iam,
    log::{self, RequestEntry},
    logs, quotas, refusal,
    resource::Resources,
    service::{Protocol, Service},
    ssm,
    state::Transaction,
    sts::{self, Caller},
    target::Target,
};

/// What becomes of a request, for a driver to play.
#[derive(Debug)]
pub struct Reply {
    /// How long to wait first, on the machine's clock.
    pub delay: Duration,
    /// What to do then.
    pub outcome: Outcome,
}

/// What a client gets to see.
#[derive(Debug)]
pub enum Outcome {
    /// An answer.
    Answer(Response<Bytes>),
    /// Nothing, on a connection that stays open.
    Silence,
    /// Nothing; the connection is cut.
    Hangup,
    /// Nothing; the client's process is to end at once.
    Crash,
}

impl Reply {
    /// An answer at once.
    fn at_once(response: Response<Bytes>) -> Self {
        Self { delay: Duration::ZERO, outcome: Outcome::Answer(response) }
    }
}

impl Sandbox {
    /// Answers one request to AWS or to the sandbox's own paths below `/_sandbox/`. Blocks while
    /// another request is answered. It does not wait for the reply's delay; that is the driver's.
    ///
    /// Signatures are not verified. No crash strikes at a request that is made in this way.
    #[must_use]
    pub fn handle(&self, request: Request<Bytes>) -> Reply {
        self.reply_to(request, false)
    }

    /// Answers a request of a client, at which a crash may strike.
    pub(super) fn handle_client(&self, request: Request<Bytes>) -> Reply {
        self.reply_to(request, self.is_watched)
    }

    /// Answers a request, which is a point for crashes or not.
    fn reply_to(&self, request: Request<Bytes>, is_point: bool) -> Reply {
        if admin::routes::is_for(&request) {
            return Reply::at_once(admin::routes::answer(self, &request));
        }
        let (target, service) = Target::of(request);
        let known = service.as_ref().ok().copied();
        let answered = self.state.transact(|transaction| {
            let moment = self.moment(transaction)?;
            reply(transaction, &target, service, (moment, is_point))
        });
        answered.unwrap_or_else(|error| self.fail(&error, &target, known))
    }

    /// Answers a request of the sandbox's own inside a transaction: no fault is played on it, and
    /// it is not in the log.
    pub(super) fn perform(
        &self,
        transaction: &mut Transaction<'_>,
        request: Request<Bytes>,
    ) -> Result<Bytes, Fault> {
        let (target, service) = Target::of(request);
        let moment = self.moment(transaction)?;
        let caller = sts::caller(transaction, &target.scope, &target.access_key, moment.machine)?;
        dispatch(transaction, service?, &target.call(caller.arn, moment.now), moment.machine)
    }

    /// The time on the services' clock.
    pub(super) fn now(&self, transaction: &Transaction<'_>) -> Result<Timestamp, SandboxError> {
        Ok(self.moment(transaction)?.now)
    }

    /// The time on both clocks.
    fn moment(&self, transaction: &Transaction<'_>) -> Result<Moment, SandboxError> {
        let machine = self.machine.now();
        Ok(Moment { machine, now: Clock::load(transaction, machine)?.told(machine) })
    }

    /// Answers a request that the sandbox itself failed on. Its effects are undone; that it was
    /// made is noted, if that much still works.
    fn fail(&self, error: &SandboxError, target: &Target, service: Option<Service>) -> Reply {
        tracing::error!(error = error as &dyn std::error::Error, "the sandbox failed");
        // STS has the error that all services have in common.
        let fault = refusal::internal(service.unwrap_or(Service::Sts));
        let Ok(answer) = Answer::failure(target.protocol, fault) else {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            return Reply::at_once(response);
        };
        let noted = self.state.transact(|transaction| {
            let mut entry = entry(target, self.moment(transaction)?);
            entry.status = Some(answer.response.status().as_u16());
            entry.error.clone_from(&answer.error);
            log::append(transaction, &entry)
        });
        if let Err(error) = noted {
            tracing::warn!(error = &error as &dyn std::error::Error, "a request is not in the log");
        }
        Reply::at_once(answer.response)
    }
}

/// The two clocks at the moment of a request.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// The machine's.
    machine: Timestamp,
    /// The services'.
    now: Timestamp,
}

/// What the log says of a request before anything is done.
fn entry(target: &Target, moment: Moment) -> RequestEntry {
    RequestEntry {
        at: moment.now,
        machine_at: moment.machine,
        scope: target.scope.clone(),
        service: target.service_name.clone(),
        operation: target.operation.clone(),
        resources: Vec::new(),
        status: None,
        error: None,
        fault: None,
    }
}

/// Answers a request in its transaction, counts it if it is a point for crashes, and writes it
/// down.
fn reply(
    transaction: &mut Transaction<'_>,
    target: &Target,
    service: Result<Service, Fault>,
    (moment, is_point): (Moment, bool),
) -> Result<Reply, SandboxError> {
    let mut entry = entry(target, moment);
    let mut reply = match service {
        Ok(service) => play(transaction, target, service, moment, &mut entry)?,
        Err(fault) => {
            let answer = Answer::failure(target.protocol, fault)?;
            entry.error = answer.error;
            Reply::at_once(answer.response)
        }
    };
    if is_point && crash::pass(transaction, target.point())? {
        reply = Reply { delay: Duration::ZERO, outcome: Outcome::Crash };
    }
    if let Outcome::Answer(response) = &reply.outcome {
        entry.status = Some(response.status().as_u16());
    }
    log::append(transaction, &entry)?;
    Ok(reply)
}

/// Has the service do what is asked, with the fault that is to be played on it.
fn play(
    transaction: &mut Transaction<'_>,
    target: &Target,
    service: Service,
    moment: Moment,
    entry: &mut RequestEntry,
) -> Result<Reply, SandboxError> {
    let Resources { names, arn } = Resources::of(service, &target.scope, &target.body);
    let subject =
        Subject { service, operation: &target.operation, resources: &names, scope: &target.scope };
    let decision = faults::decide(transaction, &subject, moment.machine)?;
    let delay = decision.latency.duration();
    entry.fault = decision.logged();
    entry.resources = names;
    if decision.kind == Some(FaultKind::Drop) {
        return Ok(Reply { delay, outcome: Outcome::Hangup });
    }
    let caller = sts::caller(transaction, &target.scope, &target.access_key, moment.machine)?;
    let refused = refused((decision, moment), target, service, &caller, arn.as_deref());
    let call = target.call(caller.arn.clone(), moment.now);
    let result = match refused {
        Some(fault) => Err(fault),
        None => permitted(transaction, (service, target.protocol), &call, &caller)
            .and_then(|()| dispatch(transaction, service, &call, moment.machine)),
    };
    let answer = match result {
        Ok(_done) if decision.kind == Some(FaultKind::ErrorAfter) => {
            Answer::failure(target.protocol, refusal::internal(service))?
        }
        Ok(result) => Answer::success(target.protocol, &target.operation, result),
        Err(fault) => Answer::failure(target.protocol, refusal::spelled(service, fault))?,
    };
    entry.error = answer.error;
    let outcome = match decision.kind {
        Some(FaultKind::Timeout) => Outcome::Silence,
        Some(FaultKind::DropAfter) => Outcome::Hangup,
        _ => Outcome::Answer(dated(answer.response, decision, moment)),
    };
    Ok(Reply { delay, outcome })
}

/// The error that a request is answered with before the service has seen it.
fn refused(
    (decision, moment): (Decision, Moment),
    target: &Target,
    service: Service,
    caller: &Caller,
    resource: Option<&str>,
) -> Option<Fault> {
    if caller.is_expired {
        return Some(refusal::expired(target.protocol));
    }
    match decision.kind? {
        FaultKind::Conflict => Some(refusal::conflict(target.protocol)),
        FaultKind::Expired => Some(refusal::expired(target.protocol)),
        FaultKind::Skew(seconds) => refusal::skewed(target.protocol, moment.machine, seconds),
        FaultKind::Throttle | FaultKind::Quota => Some(refusal::throttled(target.protocol)),
        FaultKind::Error => Some(refusal::internal(service)),
        FaultKind::Deny => {
            let action = format!("{service}:{}", target.operation);
            let resource = resource.unwrap_or("*");
            Some(refusal::denied(target.protocol, &caller.arn, &action, resource))
        }
        FaultKind::ErrorAfter
        | FaultKind::Timeout
        | FaultKind::Drop
        | FaultKind::DropAfter
        | FaultKind::Latency(_) => None,
    }
}

/// An answer with the time that AWS's clock shows, as every answer has it.
fn dated(mut response: Response<Bytes>, decision: Decision, moment: Moment) -> Response<Bytes> {
    let skew = match decision.kind {
        Some(FaultKind::Skew(seconds)) => SignedDuration::from_secs(seconds.into()),
        _ => SignedDuration::ZERO,
    };
    let shown = moment.machine.checked_add(skew).unwrap_or(moment.machine);
    let date = shown.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::try_from(date) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// Holds a request against the policies of its caller's role.
fn permitted(
    transaction: &mut Transaction<'_>,
    service: (Service, Protocol),
    call: &Call,
    caller: &Caller,
) -> Result<(), Fault> {
    authorize::refused(transaction, service, call, caller)?.map_or(Ok(()), Err)
}

/// Has the service answer.
fn dispatch(
    transaction: &mut Transaction<'_>,
    service: Service,
    call: &Call,
    machine: Timestamp,
) -> Result<Bytes, Fault> {
    match service {
        Service::Ecs => ecs::answer(call, transaction),
        Service::Ssm => ssm::answer(call, transaction),
        Service::Ecr => ecr::answer(call, transaction),
        Service::CloudWatch => cloudwatch::answer(call, transaction),
        Service::AutoScaling => autoscaling::answer(call, transaction),
        Service::Sts => sts::answer(call, transaction, machine),
        Service::CodeDeploy => codedeploy::answer(call, transaction),
        Service::Logs => logs::answer(call, transaction),
        Service::Elb => elb::answer(call, transaction),
        Service::Iam => iam::answer(call, transaction),
        Service::ServiceQuotas => quotas::answer(call, transaction),
    }
}
