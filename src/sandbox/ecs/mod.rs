//! The embedded ECS.

pub(in crate::sandbox) mod fate;
mod rollout;
