//! One-off tasks that may still run when a command ends: nobody here stops them, so the last screen
//! names them, with the commands that look at them and end them.

use super::escape::escape;
use crate::model::{BeforeTask, Deployment, Step};

/// That the one-off task of a service was last seen to run, or may have been asked for.
pub(super) fn left_running(step: &Step) -> Option<String> {
    let task = may_run(step)?;
    let (service, line) = (&step.service, escape(&task.run.line()));
    let cluster = &step.target.cluster;
    Some(match task.id() {
        Some(id) => format!(
            "    {service}: its one-off task `{line}` goes on in ECS: task {} in {cluster}",
            escape(id)
        ),
        None => format!(
            "    {service}: its one-off task `{line}` was asked for, and whether it runs in {cluster} \
             is not known"
        ),
    })
}

/// How each of them is looked at, and ended.
pub(super) fn hints(deployment: &Deployment) -> Vec<String> {
    deployment.steps.iter().flat_map(hints_for).collect()
}

/// How the one of a step is looked at, and ended.
fn hints_for(step: &Step) -> Vec<String> {
    let Some(task) = may_run(step) else { return Vec::new() };
    let cluster = &step.target.cluster;
    let Some(id) = task.id().map(escape) else {
        let family = step.task_definition.as_ref().map(|arn| format!(" --family {}", arn.family()));
        return vec![format!(
            "look for the one-off task with `aws ecs list-tasks --cluster {cluster}{}`",
            family.unwrap_or_default()
        )];
    };
    vec![
        format!(
            "see how the one-off task is with `aws ecs describe-tasks --cluster {cluster} --tasks {id}`"
        ),
        format!("or stop it with `aws ecs stop-task --cluster {cluster} --task {id}`"),
    ]
}

/// The one-off task of a step, where its end was not seen.
fn may_run(step: &Step) -> Option<&BeforeTask> {
    step.before_task.as_ref().filter(|task| task.may_run())
}
