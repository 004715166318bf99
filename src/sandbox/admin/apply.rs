//! What a user does to what the emulated services hold: with what is beside this file, the one
//! place where the sandbox reaches into ECS, ECR and SSM other than by requests.

use std::time::Duration;

use aws_sdk_ecs::types::LoadBalancer;
use jiff::Timestamp;

use super::{
    DeleteImage, InterruptTask, MoveTag, PointService, Pushed, PutImage, PutParameter, SetCapacity,
    SetFate, SetTargetGroup, StopTask, TargetGroup,
};
use crate::sandbox::{
    Sandbox, SandboxError,
    call::Fault,
    ecr::{self, admin::ImageOptions},
    ecs::{self, admin::Viewpoint},
    elb,
    ssm::{self, admin::Author},
    state::Transaction,
    sts,
};

impl Sandbox {
    /// Tells what becomes of containers of an image that start from now on.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn set_fate(&self, fate: &SetFate) -> Result<(), SandboxError> {
        self.state.transact(|transaction| {
            let now = self.now(transaction)?;
            ecs::admin::set_fate(transaction, &fate.image, fate.fate, now)
        })
    }

    /// The fates that hold, of images whose containers are not just healthy.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn fates(&self) -> Result<Vec<SetFate>, SandboxError> {
        let fates = self.state.transact(|transaction| ecs::admin::fates(transaction))?;
        Ok(fates.into_iter().map(|(image, fate)| SetFate { image, fate }).collect())
    }

    /// Makes containers of all images healthy that start from now on.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn clear_fates(&self) -> Result<(), SandboxError> {
        self.state.transact(|transaction| {
            let now = self.now(transaction)?;
            ecs::admin::clear_fates(transaction, now)
        })
    }

    /// Tells how long tasks take from being provisioned to running.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn set_task_start(&self, after: Duration) -> Result<(), SandboxError> {
        self.state.transact(|transaction| ecs::admin::set_task_start(transaction, after))
    }

    /// Tells how long sessions of roles last at most that begin from now on.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub fn set_sessions(&self, at_most: Duration) -> Result<(), SandboxError> {
        self.state.transact(|transaction| sts::set_longest(transaction, at_most))
    }

    /// Stops a task, as if somebody had stopped it.
    ///
    /// # Errors
    ///
    /// There is no such task, or the state cannot be used.
    pub fn stop_task(&self, stop: &StopTask) -> Result<(), SandboxError> {
        let StopTask { scope, cluster, task, reason } = stop;
        self.change(format!("stop task `{task}`"), |transaction, now| {
            let from = Viewpoint { scope, now };
            ecs::admin::stop_task(transaction, from, cluster, task, reason)
        })
    }

    /// Takes the Spot capacity of a task back.
    ///
    /// # Errors
    ///
    /// There is no such task, or the state cannot be used.
    pub fn interrupt_task(&self, interrupt: &InterruptTask) -> Result<(), SandboxError> {
        let InterruptTask { scope, cluster, task } = interrupt;
        self.change(format!("interrupt task `{task}`"), |transaction, now| {
            ecs::admin::interrupt_task(transaction, Viewpoint { scope, now }, cluster, task)
        })
    }

    /// Tells whether there is room for tasks of a service.
    ///
    /// # Errors
    ///
    /// There is no such service, or the state cannot be used.
    pub fn set_capacity(&self, set: &SetCapacity) -> Result<(), SandboxError> {
        let SetCapacity { scope, cluster, service, capacity } = set;
        self.change(format!("set the capacity of service `{service}`"), |transaction, now| {
            let from = Viewpoint { scope, now };
            ecs::admin::set_capacity(transaction, from, (cluster, service), *capacity)
        })
    }

    /// Puts a service behind a target group of its own, as if it had always been; gives its ARN.
    ///
    /// # Errors
    ///
    /// There is no such service, or the state cannot be used.
    pub fn set_target_group(&self, set: &SetTargetGroup) -> Result<TargetGroup, SandboxError> {
        let SetTargetGroup { scope, cluster, service, container, port } = set;
        self.change(format!("put service `{service}` behind a target group"), |transaction, now| {
            let target_group_arn = elb::target_group_arn(scope, service);
            let balancer = LoadBalancer::builder()
                .target_group_arn(&target_group_arn)
                .container_name(container)
                .container_port(i32::from(*port))
                .build();
            let from = Viewpoint { scope, now };
            ecs::admin::balance(transaction, from, (cluster, service), balancer)?;
            Ok(TargetGroup { target_group_arn })
        })
    }

    /// Deploys a service to another task definition, as if somebody else had done it.
    ///
    /// # Errors
    ///
    /// There is no such service or task definition, or the state cannot be used.
    pub fn point_service(&self, point: &PointService) -> Result<(), SandboxError> {
        let PointService { scope, cluster, service, task_definition } = point;
        self.change(
            format!("point service `{service}` to another task definition"),
            |transaction, now| {
                let from = Viewpoint { scope, now };
                ecs::admin::point_service(transaction, from, cluster, service, task_definition)
            },
        )
    }

    /// Pushes an image; creates its repository where there is none.
    ///
    /// # Errors
    ///
    /// ECR refuses it, or the state cannot be used.
    pub fn put_image(&self, put: &PutImage) -> Result<Pushed, SandboxError> {
        let PutImage { scope, repository, tag, revision } = put;
        self.change(format!("push image `{repository}:{tag}`"), |transaction, now| {
            let options = ImageOptions { revision: revision.clone(), created: now };
            let digest = ecr::admin::put_image(transaction, scope, repository, tag, &options)?;
            Ok(Pushed { digest })
        })
    }

    /// Deletes an image, or takes a tag off it.
    ///
    /// # Errors
    ///
    /// There is no such image, or the state cannot be used.
    pub fn delete_image(&self, delete: &DeleteImage) -> Result<(), SandboxError> {
        let DeleteImage { scope, repository, reference } = delete;
        self.change(format!("delete image `{reference}` of `{repository}`"), |transaction, _now| {
            ecr::admin::delete_image(transaction, scope, repository, reference)
        })
    }

    /// Points a tag to another image of its repository.
    ///
    /// # Errors
    ///
    /// There is no such image, its repository's tags cannot be moved, or the state cannot be used.
    pub fn move_tag(&self, to: &MoveTag) -> Result<(), SandboxError> {
        let MoveTag { scope, repository, tag, to } = to;
        self.change(format!("move tag `{tag}` of `{repository}`"), |transaction, _now| {
            ecr::admin::move_tag(transaction, scope, repository, tag, to)
        })
    }

    /// Puts a parameter, as if somebody else had done it.
    ///
    /// # Errors
    ///
    /// SSM refuses it, or the state cannot be used.
    pub fn put_parameter(&self, put: &PutParameter) -> Result<(), SandboxError> {
        let PutParameter { scope, name, value } = put;
        let caller = scope.iam_arn("user/somebody-else");
        self.change(format!("put parameter `{name}`"), |transaction, now| {
            let author = Author { now, caller: &caller };
            ssm::admin::put(transaction, scope, name, value, author).map(|_version| ())
        })
    }

    /// Does what a service may refuse; `what` completes "failed to …".
    pub(super) fn change<T>(
        &self,
        what: String,
        work: impl FnOnce(&mut Transaction<'_>, Timestamp) -> Result<T, Fault>,
    ) -> Result<T, SandboxError> {
        self.state.transact(|transaction| {
            let now = self.now(transaction)?;
            work(transaction, now).map_err(|fault| SandboxError::refused(what, fault))
        })
    }
}
