//! The ledger on SQLite, one file a group of records.

mod ages;
mod audit;
mod budget;
mod deployments;
mod fences;
mod heads;
mod history;
mod labels;
mod locks;
mod releases;
mod round_trips;
pub(super) mod support;

use super::{super::*, *};
