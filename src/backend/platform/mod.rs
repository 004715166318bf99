//! Where services run. One platform so far: ECS.

pub mod ecs;
