//! Where services run. One platform so far: ECS, where CodeDeploy may move the tasks.

pub mod code_deploy;
pub mod ecs;
