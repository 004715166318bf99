//! Which AWS actions the commands need, on what, and the IAM policies that allow exactly those.
//!
//! [`NEEDS`] is the one list of permissions: every request that this program can send is in it, with
//! the commands that send it. A [`Reach`] says which resources are meant for one principal; the
//! policies are the two multiplied. What a request needs where is AWS's Service Authorization
//! Reference, read in November 2026.

mod facts;
mod hcl;
mod issuer;
mod list;
mod policy;
mod reach;
mod resources;
mod trust;

pub use facts::repositories;
pub use hcl::{Provider, hcl, trust_hcl};
pub use list::{DONE_WITHOUT, Group, NEEDS, Need, On};
pub use policy::{
    ATTACHED_MAX, Condition, Effect, MANAGED_POLICY_MAX, Policy, Statement, is_kept, policies,
    too_many,
};
pub use reach::{CodeDeployFacts, LogGroup, Principal, Reach, ReachRequest, ServiceFacts, reaches};
pub use resources::Arns;
pub use trust::{Ci, Jobs, Subject, Trust, TrustError};

#[cfg(test)]
mod tests;
