//! What a user does to the sandbox itself: its clock, its faults, what tasks come to, what somebody
//! else is made to have changed, and the log of requests.
//!
//! All of it is methods of [`Sandbox`], and the same over HTTP below `/_sandbox/`, with the types
//! that are here as JSON:
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /_sandbox/health` | | [`Health`] |
//! | `GET /_sandbox/clock` | | [`ClockReading`] |
//! | `POST /_sandbox/speed` | [`SetSpeed`] | [`ClockReading`] |
//! | `POST /_sandbox/advance` | [`Advance`] | [`ClockReading`] |
//! | `GET /_sandbox/faults` | | list of [`FaultRule`] |
//! | `POST /_sandbox/faults` | [`NewFault`] | |
//! | `DELETE /_sandbox/faults` | | [`Cleared`] |
//! | `GET /_sandbox/crash` | | [`CrashReading`] |
//! | `POST /_sandbox/crash` | [`SetCrash`] | [`CrashReading`] |
//! | `DELETE /_sandbox/crash` | | [`CrashReading`] |
//! | `GET /_sandbox/crash-points` | | list of [`CrashPoint`] |
//! | `GET /_sandbox/requests?since=N` | | list of [`RequestRecord`] |
//! | `DELETE /_sandbox/requests` | | [`Cleared`] |
//! | `POST /_sandbox/reset` | | |
//! | `POST /_sandbox/seed` | [`Estate`](super::Estate) | [`SeedReport`](super::SeedReport) |
//! | `GET /_sandbox/fates` | | list of [`SetFate`] |
//! | `POST /_sandbox/fates` | [`SetFate`] | |
//! | `DELETE /_sandbox/fates` | | |
//! | `POST /_sandbox/task-start` | [`SetTaskStart`] | |
//! | `POST /_sandbox/sessions` | [`SetSessions`] | |
//! | `POST /_sandbox/stop-task` | [`StopTask`] | |
//! | `POST /_sandbox/interrupt-task` | [`InterruptTask`] | |
//! | `POST /_sandbox/capacity` | [`SetCapacity`] | |
//! | `POST /_sandbox/target-group` | [`SetTargetGroup`] | [`TargetGroup`] |
//! | `POST /_sandbox/point-service` | [`PointService`] | |
//! | `GET /_sandbox/alarms` | | list of [`AlarmReading`] |
//! | `POST /_sandbox/alarms` | [`SetAlarm`] | |
//! | `GET /_sandbox/hooks` | | list of [`SetHook`] |
//! | `POST /_sandbox/hooks` | [`SetHook`] | |
//! | `POST /_sandbox/strategy` | [`SetStrategy`] | |
//! | `POST /_sandbox/continue-deployment` | [`ContinueDeployment`] | |
//! | `POST /_sandbox/scale` | [`ScaleService`] | |
//! | `POST /_sandbox/scale-between` | [`ScaleBetween`] | |
//! | `POST /_sandbox/breaker` | [`SetBreaker`] | |
//! | `POST /_sandbox/stop-deployment` | [`StopDeployment`] | |
//! | `POST /_sandbox/code-deploy` | [`HandOver`] | [`HandedOver`] |
//! | `POST /_sandbox/stop-code-deploy` | [`StopCodeDeploy`] | [`Interfered`] |
//! | `POST /_sandbox/continue-code-deploy` | [`ContinueCodeDeploy`] | [`Interfered`] |
//! | `POST /_sandbox/put-image` | [`PutImage`] | [`Pushed`] |
//! | `POST /_sandbox/delete-image` | [`DeleteImage`] | |
//! | `POST /_sandbox/move-tag` | [`MoveTag`] | |
//! | `POST /_sandbox/put-parameter` | [`PutParameter`] | |
//!
//! An answer without a type is an empty object. An error is [`Failure`], with status 400 for a
//! request that is not understood or that a service refuses, 404 and 405 for a path or method that
//! there is not, and 500 where the sandbox itself fails. No request here is in the log, no fault is
//! played on it, and it is no point for crashes.

mod alarm;
mod apply;
mod code_deploy;
mod commands;
mod known;
pub(super) mod routes;
mod service;
mod strategy;

use std::{num::NonZeroU64, time::Duration};

pub use alarm::{AlarmReading, SetAlarm};
pub use code_deploy::{ContinueCodeDeploy, HandOver, HandedOver, Interfered, StopCodeDeploy};
pub use commands::{
    Advance, Cleared, ClockReading, DeleteImage, Failure, Health, InterruptTask, MoveTag,
    PointService, Pushed, PutImage, PutParameter, SetCapacity, SetCrash, SetFate, SetSessions,
    SetSpeed, SetTargetGroup, SetTaskStart, StopTask, TargetGroup,
};
pub use service::{
    BreakerMode, BreakerModeError, ScaleBetween, ScaleService, SetBreaker, StopDeployment,
};
pub use strategy::{
    ContinueDeployment, LambdaHook, SetHook, SetStrategy, StrategyMode, StrategyModeError,
};

use super::{
    CrashPoint, CrashReading, FaultRule, NewFault, RequestRecord, Sandbox, SandboxError, Speed,
    clock::Clock, crash, faults, log, state::Transaction,
};

impl Sandbox {
    /// That the state can be read, and what sandbox this is.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn health(&self) -> Result<Health, SandboxError> {
        Ok(Health {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            is_seeded: self.is_seeded()?,
            clock: self.clock()?,
        })
    }

    /// What the clocks show.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn clock(&self) -> Result<ClockReading, SandboxError> {
        self.state.transact(|transaction| self.read_clock(transaction))
    }

    /// Lets the services' clock go faster or slower from now on.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn set_speed(&self, speed: Speed) -> Result<ClockReading, SandboxError> {
        self.state.transact(|transaction| {
            let machine = self.machine.now();
            Clock::load(transaction, machine)?.with_speed(machine, speed).save(transaction)?;
            self.read_clock(transaction)
        })
    }

    /// Puts the services' clock forward.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn advance(&self, by: Duration) -> Result<ClockReading, SandboxError> {
        self.state.transact(|transaction| {
            let machine = self.machine.now();
            Clock::load(transaction, machine)?.advanced(machine, by).save(transaction)?;
            self.read_clock(transaction)
        })
    }

    /// What the clocks show.
    fn read_clock(&self, transaction: &Transaction<'_>) -> Result<ClockReading, SandboxError> {
        let machine = self.machine.now();
        let clock = Clock::load(transaction, machine)?;
        Ok(ClockReading { now: clock.at(machine), machine, speed: clock.speed })
    }

    /// Has a fault played on requests from now on, after those that were added before.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn add_fault(&self, fault: NewFault) -> Result<(), SandboxError> {
        self.state.transact(|transaction| faults::add(transaction, fault))
    }

    /// All faults that were added, also those that have acted as often as they may.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn faults(&self) -> Result<Vec<FaultRule>, SandboxError> {
        self.state.transact(|transaction| faults::list(transaction))
    }

    /// Forgets all faults; tells how many there were. Quotas begin anew.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn clear_faults(&self) -> Result<usize, SandboxError> {
        self.state.transact(faults::clear)
    }

    /// Counts points from now on, from 1: requests of clients, and writes to the record of
    /// deployments. The process that passes the point with the number `after` ends there.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn count_points(&self, after: Option<NonZeroU64>) -> Result<CrashReading, SandboxError> {
        self.state.transact(|transaction| crash::begin(transaction, after))
    }

    /// Counts no more points, and ends no process.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn stop_counting_points(&self) -> Result<CrashReading, SandboxError> {
        self.state.transact(crash::end)
    }

    /// Whether points are counted, and how many there have been.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn crash(&self) -> Result<CrashReading, SandboxError> {
        self.state.transact(|transaction| crash::read(transaction))
    }

    /// The points that were counted, in their order.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn crash_points(&self) -> Result<Vec<CrashPoint>, SandboxError> {
        self.state.transact(|transaction| crash::points(transaction))
    }

    /// The requests after the one with sequence number `since`, oldest first: of all, or of the
    /// 100,000 latest where there were more.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn requests(&self, since: Option<u64>) -> Result<Vec<RequestRecord>, SandboxError> {
        self.state.transact(|transaction| log::list(transaction, since))
    }

    /// Forgets the requests; tells how many there were. Sequence numbers go on.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn clear_requests(&self) -> Result<usize, SandboxError> {
        self.state.transact(log::clear)
    }

    /// Forgets everything: all resources, sessions, faults, fates, points and requests, and how the
    /// clock was set.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn reset(&self) -> Result<(), SandboxError> {
        self.state.transact(|transaction| {
            log::clear(transaction)?;
            transaction.forget_everything()
        })
    }
}
