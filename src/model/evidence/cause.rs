//! What evidence means.

use serde::{Deserialize, Serialize};

/// What a piece of evidence means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The kind of cause.
    pub cause: Cause,
    /// What is wrong, in one sentence.
    pub text: String,
    /// What to do, in one sentence.
    pub hint: String,
}

/// Kinds of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// The image is not in its registry.
    ImageNotFound,
    /// Nobody may pull the image in this way.
    ImageDenied,
    /// The registry is out of reach, or lets no more through.
    ImageUnreachable,
    /// The image cannot be pulled for another reason.
    ImageUnpullable,
    /// The image, or the program in it, is built for another platform.
    WrongPlatform,
    /// A secret or parameter may not be read, is not there, or is out of reach.
    SecretUnreadable,
    /// A log cannot be written.
    LogUnwritable,
    /// ECS cannot assume a role.
    RoleUnassumable,
    /// A volume cannot be made or mounted.
    Volume,
    /// The network of a task cannot be made.
    Network,
    /// A container used more memory than it may.
    OutOfMemory,
    /// A container was killed.
    Killed,
    /// A container broke off with a segmentation fault.
    SegmentationFault,
    /// The command of a container is not in its image.
    CommandNotFound,
    /// The command of a container cannot be executed.
    CommandNotExecutable,
    /// A container exited with an error.
    Crashed,
    /// A container that is to go on ended without one.
    Exited,
    /// A container cannot be started.
    CannotStart,
    /// The health checks of a target group find another answer than they should.
    TargetUnhealthy,
    /// The health checks of a target group get no answer.
    TargetUnreachable,
    /// The health check of a container fails.
    ContainerUnhealthy,
    /// There is no room for a task.
    NoCapacity,
    /// A quota of the account is reached.
    Quota,
    /// The bounds of the rollout leave no task to start or stop.
    Deadlock,
    /// AWS throttles ECS's own requests.
    Throttled,
    /// Spot capacity was taken back.
    SpotInterruption,
    /// The machine below a task went away.
    Infrastructure,
    /// Somebody stopped a task.
    StoppedByUser,
    /// An alarm went off.
    Alarm,
    /// A lifecycle hook failed.
    HookFailed,
    /// A lifecycle hook was not answered in time.
    HookTimedOut,
    /// A lifecycle hook could not be called, or not be understood.
    HookUnusable,
    /// Somebody answered a lifecycle hook with a rollback.
    HookRefused,
    /// The load balancer is not set as a deployment needs it, or ECS may not use it.
    LoadBalancer,
    /// Not known to this program.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_of_newer_programs_are_read() {
        assert_eq!(serde_json::to_string(&Cause::OutOfMemory).unwrap(), "\"OUT_OF_MEMORY\"");
        let newer: Cause = serde_json::from_str("\"SOMETHING_NEW\"").unwrap();
        assert_eq!(newer, Cause::Unknown);
    }
}
