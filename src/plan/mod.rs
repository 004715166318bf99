//! What is to be done, worked out from what is wanted and what was observed. Pure.
//!
//! A [`Plan`] leaves no choice to whoever carries it out: every request that will change something
//! is in it. [`Plan::approve`] is the only way to an [`ApprovedPlan`], and only the engine takes
//! one.

mod cause;
mod code_deploy;
mod diagnosis;
pub mod doctor;
mod document;
mod earlier;
mod failures;
mod hcl;
mod judge;
mod lineage;
pub mod permissions;
mod planner;
mod preflight;
mod restart;
mod resume;
mod standing;
mod state;
mod steps;
mod stop;
mod surroundings;
mod terraform;
#[cfg(test)]
pub(crate) mod test_support;
mod undo;
mod warnings;
mod ways_back;

pub use code_deploy::judge_code_deploy;
pub use diagnosis::diagnose;
pub use document::{
    DocumentError, FieldChange, container_images, differences, has_images, with_images,
};
pub use earlier::{EarlierTask, Seen};
pub use failures::{failed_before, gone_back_from};
pub use judge::{Judgement, Watch, failure_threshold, judge};
pub use lineage::{RanBefore, ran_before, rollback_target};
pub use planner::plan;
pub use preflight::{Absence, Problem, Refusal};
pub use restart::{Restarted, running_images};
pub use resume::{Leg, Rest, Start, resume};
pub use state::{
    OldTasks, RecordedAttempt, ServiceState, TaskCounts, overall, service_state, task_counts,
};
pub use steps::{
    ApprovedPlan, ImageSource, Insistence, Note, ParameterChange, Plan, PlanRequest, PlannedStep,
    Revision, Rollout, ServicePicture, UnchangedService, Wanted, Warning,
};
pub use stop::{goes_back_to_before, is_rolling_back, rollout_under_way};
pub use surroundings::{Asked, Silence, Surroundings};
pub use terraform::{
    Basis, DraftError, DraftManifest, Facts, Finding, FindingName, ImageMove, NextApply,
    ParameterFacts, RevisionFacts, Severity, SnippetParameter, SnippetRequest, SnippetSeen,
    SnippetService, TerraformCheck, TerraformDocument, TerraformReadError, TerraformStanding,
    check_terraform, draft_manifest, known_revisions, terraform_after_deployment, terraform_has,
    terraform_snippet,
};
pub use undo::{Extent, Undo, UndoPicture, UndoRequest, undo};
