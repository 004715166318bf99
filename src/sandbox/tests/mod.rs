//! The sandbox as a whole, as its clients and its user meet it.

mod admin;
mod clients;
mod played;
mod seeding;
mod sharing;

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;

use super::{NewFault, Outcome, Reply, Sandbox, Scope, Service, clock::Machine, credential};

/// A sandbox with a folder of its own, on a machine whose clock stands unless it is moved.
struct Bench {
    folder: TempDir,
    sandbox: Sandbox,
    machine: Arc<Mutex<Timestamp>>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = Arc::new(Mutex::new("2026-11-21T16:32:12Z".parse().unwrap()));
        let sandbox = open(folder.path(), &machine);
        Self { folder, sandbox, machine }
    }

    /// Another sandbox on the same folder, as another process has it.
    fn again(&self) -> Sandbox {
        open(self.folder.path(), &self.machine)
    }

    /// Lets the machine's time go on.
    fn wait(&self, time: SignedDuration) {
        *self.machine.lock().unwrap() += time;
    }

    fn fault(&self, on: &str, kind: &str, times: u32) {
        let times = std::num::NonZeroU32::new(times);
        let fault = NewFault { on: on.parse().unwrap(), kind: kind.parse().unwrap(), times };
        self.sandbox.add_fault(fault).unwrap();
    }
}

fn open(folder: &Path, machine: &Arc<Mutex<Timestamp>>) -> Sandbox {
    let machine = Arc::clone(machine);
    Sandbox::with_clock(folder, Machine::told(move || *machine.lock().unwrap())).unwrap()
}

/// A signed request in awsJson.
fn request(service: Service, operation: &str, body: &Value) -> Request<Bytes> {
    let target = format!("{}.{operation}", service.target_prefix().unwrap());
    Request::post("/")
        .header("x-amz-target", target)
        .header(
            "authorization",
            credential::authorization(&Scope::default(), service.signing_name()),
        )
        .body(Bytes::from(body.to_string()))
        .unwrap()
}

/// A request to STS that nobody signed.
fn sts(form: &'static str) -> Request<Bytes> {
    Request::post("/").body(Bytes::from_static(form.as_bytes())).unwrap()
}

/// The answer of a reply that has one.
fn answered(reply: Reply) -> Response<Bytes> {
    match reply.outcome {
        Outcome::Answer(response) => response,
        other => panic!("{other:?}"),
    }
}

/// Sends a request in awsJson; gives the status and the body.
fn ask(sandbox: &Sandbox, service: Service, operation: &str, body: &Value) -> (u16, Value) {
    let response = answered(sandbox.handle(request(service, operation, body)));
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}
