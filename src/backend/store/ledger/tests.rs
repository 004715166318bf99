//! The ledger on SQLite, one file a group of records.

mod ages;
mod deployments;
mod heads;
mod history;
mod labels;
mod releases;
mod round_trips;
pub(super) mod support;

use super::{super::*, *};
