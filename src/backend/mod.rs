//! Everything outside this process: AWS, the store, and the local git repository.

pub mod actor;
pub mod alarms;
pub mod aws;
pub mod clock;
pub mod escape;
pub mod params;
pub mod platform;
pub mod process;
pub mod quotas;
pub mod registry;
pub mod scaling;
pub mod source;
pub mod store;
pub mod text;

#[cfg(test)]
pub(crate) mod testing;
