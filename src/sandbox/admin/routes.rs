//! The sandbox's own paths, below `/_sandbox/`.

use std::error::Error;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    Advance, Cleared, ContinueCodeDeploy, ContinueDeployment, DeleteImage, Failure, HandOver,
    InterruptTask, MoveTag, PointService, PutImage, PutParameter, ScaleBetween, ScaleService,
    SetAlarm, SetBreaker, SetCapacity, SetCrash, SetFate, SetHook, SetSessions, SetSpeed,
    SetStrategy, SetTargetGroup, SetTaskStart, StopCodeDeploy, StopDeployment, StopTask,
};
use crate::sandbox::{Estate, NewFault, Sandbox, SandboxError, ecr};

/// What the sandbox's own paths begin with.
const PREFIX: &str = "/_sandbox/";

/// What the paths begin with, after the prefix, at which `GetDownloadUrlForLayer` says that layers
/// are.
const LAYERS: &str = "layers/";

/// The paths, after the prefix, that have another method than the one that was asked with.
const PATHS: &[&str] = &[
    "health",
    "clock",
    "speed",
    "advance",
    "faults",
    "crash",
    "crash-points",
    "requests",
    "reset",
    "seed",
    "fates",
    "task-start",
    "sessions",
    "stop-task",
    "interrupt-task",
    "capacity",
    "target-group",
    "point-service",
    "alarms",
    "hooks",
    "strategy",
    "continue-deployment",
    "scale",
    "scale-between",
    "breaker",
    "stop-deployment",
    "code-deploy",
    "stop-code-deploy",
    "continue-code-deploy",
    "put-image",
    "delete-image",
    "move-tag",
    "put-parameter",
];

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
enum Problem {
    /// No such path.
    #[error("there is no `{PREFIX}{0}`")]
    Path(String),
    /// The path has no such method.
    #[error("`{PREFIX}{0}` does not have this method")]
    Method(String),
    /// The body is not what it should be.
    #[error("failed to read the body for `{PREFIX}{path}`")]
    Body {
        /// The path.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// `since` is not a number.
    #[error("`since={0}` is not a sequence number")]
    Since(String),
    /// What is to be answered has no JSON.
    #[error("failed to write the answer")]
    Answer(#[source] serde_json::Error),
    /// The sandbox or a service of it did not do it.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl Problem {
    /// The HTTP status for it.
    fn status(&self) -> StatusCode {
        match self {
            Self::Path(_) => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Body { .. } | Self::Since(_) | Self::Sandbox(SandboxError::Refused { .. }) => {
                StatusCode::BAD_REQUEST
            }
            Self::Answer(_) | Self::Sandbox(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Whether a request is for the sandbox itself.
pub(in crate::sandbox) fn is_for(request: &Request<Bytes>) -> bool {
    request.uri().path().starts_with(PREFIX)
}

/// Answers a request for the sandbox itself.
pub(in crate::sandbox) fn answer(sandbox: &Sandbox, request: &Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path();
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let exchange = Exchange { sandbox, path, query: request.uri().query(), body: request.body() };
    let answer = match *request.method() {
        Method::GET => exchange.get(),
        Method::POST => exchange.post(),
        Method::DELETE => exchange.delete(),
        _ => Err(exchange.missing()),
    };
    answer.unwrap_or_else(|problem| {
        let causes = std::iter::successors(problem.source(), |&error| error.source());
        let causes = causes.map(ToString::to_string).collect();
        let failure = Failure { error: problem.to_string(), causes };
        response(problem.status(), serde_json::to_vec(&failure).unwrap_or_default())
    })
}

/// One request.
struct Exchange<'a> {
    /// What it is for.
    sandbox: &'a Sandbox,
    /// The path after the prefix.
    path: &'a str,
    /// What comes after the path.
    query: Option<&'a str>,
    /// The body.
    body: &'a [u8],
}

impl Exchange<'_> {
    /// Answers questions.
    fn get(&self) -> Result<Response<Bytes>, Problem> {
        let sandbox = self.sandbox;
        match self.path {
            "health" => ok(&sandbox.health()?),
            "clock" => ok(&sandbox.clock()?),
            "faults" => ok(&sandbox.faults()?),
            "crash" => ok(&sandbox.crash()?),
            "crash-points" => ok(&sandbox.crash_points()?),
            "fates" => ok(&sandbox.fates()?),
            "alarms" => ok(&sandbox.alarms()?),
            "hooks" => ok(&sandbox.hooks()?),
            "requests" => ok(&sandbox.requests(self.since()?)?),
            other => match other.strip_prefix(LAYERS) {
                Some(layer) => self.layer(layer),
                None => Err(self.missing()),
            },
        }
    }

    /// Does what changes something.
    fn post(&self) -> Result<Response<Bytes>, Problem> {
        let sandbox = self.sandbox;
        match self.path {
            "reset" => done(sandbox.reset()),
            "speed" => ok(&sandbox.set_speed(self.read::<SetSpeed>()?.speed)?),
            "advance" => ok(&sandbox.advance(self.read::<Advance>()?.by)?),
            "faults" => done(sandbox.add_fault(self.read::<NewFault>()?)),
            "crash" => ok(&sandbox.count_points(self.read::<SetCrash>()?.after)?),
            "seed" => ok(&sandbox.seed(&self.read::<Estate>()?)?),
            "fates" => done(sandbox.set_fate(&self.read::<SetFate>()?)),
            "task-start" => done(sandbox.set_task_start(self.read::<SetTaskStart>()?.after)),
            "sessions" => done(sandbox.set_sessions(self.read::<SetSessions>()?.at_most)),
            "stop-task" => done(sandbox.stop_task(&self.read::<StopTask>()?)),
            "interrupt-task" => done(sandbox.interrupt_task(&self.read::<InterruptTask>()?)),
            "capacity" => done(sandbox.set_capacity(&self.read::<SetCapacity>()?)),
            "target-group" => ok(&sandbox.set_target_group(&self.read::<SetTargetGroup>()?)?),
            "point-service" => done(sandbox.point_service(&self.read::<PointService>()?)),
            "alarms" => done(sandbox.set_alarm(&self.read::<SetAlarm>()?)),
            "hooks" => done(sandbox.set_hook(&self.read::<SetHook>()?)),
            "strategy" => done(sandbox.set_strategy(&self.read::<SetStrategy>()?)),
            "continue-deployment" => {
                done(sandbox.continue_deployment(&self.read::<ContinueDeployment>()?))
            }
            "scale" => done(sandbox.scale_service(&self.read::<ScaleService>()?)),
            "scale-between" => done(sandbox.scale_between(&self.read::<ScaleBetween>()?)),
            "breaker" => done(sandbox.set_breaker(&self.read::<SetBreaker>()?)),
            "stop-deployment" => done(sandbox.stop_deployment(&self.read::<StopDeployment>()?)),
            "code-deploy" => ok(&sandbox.hand_over(&self.read::<HandOver>()?)?),
            "stop-code-deploy" => ok(&sandbox.stop_code_deploy(&self.read::<StopCodeDeploy>()?)?),
            "continue-code-deploy" => {
                ok(&sandbox.continue_code_deploy(&self.read::<ContinueCodeDeploy>()?)?)
            }
            "put-image" => ok(&sandbox.put_image(&self.read::<PutImage>()?)?),
            "delete-image" => done(sandbox.delete_image(&self.read::<DeleteImage>()?)),
            "move-tag" => done(sandbox.move_tag(&self.read::<MoveTag>()?)),
            "put-parameter" => done(sandbox.put_parameter(&self.read::<PutParameter>()?)),
            _ => Err(self.missing()),
        }
    }

    /// Forgets.
    fn delete(&self) -> Result<Response<Bytes>, Problem> {
        match self.path {
            "faults" => ok(&Cleared { cleared: self.sandbox.clear_faults()? }),
            "crash" => ok(&self.sandbox.stop_counting_points()?),
            "requests" => ok(&Cleared { cleared: self.sandbox.clear_requests()? }),
            "fates" => done(self.sandbox.clear_fates()),
            _ => Err(self.missing()),
        }
    }

    /// Reads the body.
    fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(self.body)
            .map_err(|source| Problem::Body { path: self.path.to_owned(), source })
    }

    /// The parameter `since`.
    fn since(&self) -> Result<Option<u64>, Problem> {
        form_urlencoded::parse(self.query.unwrap_or_default().as_bytes())
            .find(|(name, _)| name == "since")
            .map(|(_, value)| {
                value.parse().map_err(|_no_number| Problem::Since(value.into_owned()))
            })
            .transpose()
    }

    /// The content of an image's layer.
    fn layer(&self, layer: &str) -> Result<Response<Bytes>, Problem> {
        let found =
            self.sandbox.state.transact(|transaction| ecr::admin::layer(transaction, layer));
        let content = found?.ok_or_else(|| self.missing())?;
        let mut response = Response::new(content);
        let content_type = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        Ok(response)
    }

    /// That there is no such path, or that it does not have the method.
    fn missing(&self) -> Problem {
        let path = self.path.to_owned();
        if PATHS.contains(&self.path) { Problem::Method(path) } else { Problem::Path(path) }
    }
}

/// An answer that tells something.
fn ok(content: &impl Serialize) -> Result<Response<Bytes>, Problem> {
    Ok(response(StatusCode::OK, serde_json::to_vec(content).map_err(Problem::Answer)?))
}

/// The answer to what was done, or why it was not.
fn done(result: Result<(), SandboxError>) -> Result<Response<Bytes>, Problem> {
    result?;
    ok(&json!({}))
}

/// A response with a JSON body.
fn response(status: StatusCode, body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
