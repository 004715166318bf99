//! `release-tool` knows what is deployed where, by whom and why, and moves a set of services
//! there safely.

pub mod backend;
pub mod cli;
pub mod engine;
pub mod manifest;
pub mod model;
pub mod ops;
pub mod plan;
pub mod sandbox;
pub mod ui;
