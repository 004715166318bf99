//! What failing health checks mean: those of target groups, and those of containers.

use crate::model::{Cause, Diagnosis, Evidence};

/// The causes that health checks tell.
pub(super) fn diagnose(evidence: &Evidence) -> Vec<Diagnosis> {
    let balancer = of_target(evidence).map(|found| told(&found));
    balancer.into_iter().chain(of_container(evidence)).collect()
}

/// What a target group found.
struct Found {
    /// The target group's ARN, if it was told.
    group: Option<String>,
    /// The port, if it was told.
    port: Option<String>,
    /// The load balancer's words.
    words: String,
}

/// What a target group found: as it tells itself, as an event tells it, or as a stopped task does.
fn of_target(evidence: &Evidence) -> Option<Found> {
    let seen =
        evidence.targets.iter().find(|target| target.state == "unhealthy").map(|target| Found {
            group: Some(target.target_group.clone()),
            port: target.target.rsplit_once(':').map(|(_, port)| port.to_owned()),
            words: format!("{} {}", target.reason, target.description),
        });
    let events = evidence.events.iter().rev().map(|event| event.message.as_str());
    let mut events = events.filter(|text| {
        text.contains("is unhealthy in (") || text.contains("is not healthy in target-group")
    });
    let between = |text: &str, before: &str| {
        text.split_once(before)
            .and_then(|(_, rest)| rest.split_once(')'))
            .map(|(it, _)| it.to_owned())
    };
    seen.or_else(|| {
        events.next().map(|text| Found {
            group: between(text, "(target-group "),
            port: between(text, "(port "),
            words: between(text, "(reason ").unwrap_or_else(|| text.to_owned()),
        })
    })
    .or_else(|| {
        let stopped = evidence.stopped_tasks.iter().map(|task| task.stopped_reason.as_str());
        let text = stopped.into_iter().find(|text| text.contains("failed ELB health checks"))?;
        Some(Found {
            group: between(text, "(target-group "),
            port: None,
            words: "Health checks failed".to_owned(),
        })
    })
}

/// What that means.
fn told(found: &Found) -> Diagnosis {
    let port = found.port.as_deref().map_or("its port".to_owned(), |port| format!("port {port}"));
    let describe = match &found.group {
        Some(arn) => format!("`aws elbv2 describe-target-groups --target-group-arns {arn}`"),
        None => "`aws elbv2 describe-target-groups`".to_owned(),
    };
    let words = found.words.to_lowercase();
    if let Some((_, rest)) = found.words.split_once("these codes: [")
        && let Some((codes, _)) = rest.split_once(']')
    {
        return Diagnosis {
            cause: Cause::TargetUnhealthy,
            text: format!(
                "the load balancer's health check of {port} is answered with {codes}, which its \
                 target group does not take for healthy"
            ),
            hint: format!(
                "read the log of the container for that request; path and codes that it takes are in \
                 {describe}"
            ),
        };
    }
    if words.contains("availability zone that is not enabled") {
        return Diagnosis {
            cause: Cause::TargetUnreachable,
            text: "a task runs in an availability zone that the load balancer does not serve"
                .to_owned(),
            hint: "enable the zone for the load balancer, or take its subnet out of the service's \
                   network configuration"
                .to_owned(),
        };
    }
    if words.contains("not found") {
        return Diagnosis {
            cause: Cause::TargetUnreachable,
            text: "the target group of the service is gone, or the task was taken out of it"
                .to_owned(),
            hint: format!("look whether it is there, with {describe}"),
        };
    }
    Diagnosis {
        cause: Cause::TargetUnreachable,
        text: format!(
            "the load balancer's health check of {port} gets no answer ({})",
            found.words.trim()
        ),
        hint: format!(
            "check that the container listens on 0.0.0.0 at {port}, that the task's security group \
             lets the load balancer in there, and that it is up within \
             `healthCheckGracePeriodSeconds`; {describe} tells path and timeout"
        ),
    }
}

/// The container health check of a task that fails.
fn of_container(evidence: &Evidence) -> Option<Diagnosis> {
    let stopped = evidence.stopped_tasks.iter();
    let failed = stopped
        .clone()
        .find(|task| task.stopped_reason.to_lowercase().contains("container health checks"));
    let in_stopped = failed.map(|task| {
        let unhealthy = |health: &Option<String>| health.as_deref() == Some("UNHEALTHY");
        task.containers.iter().find(|one| unhealthy(&one.health)).map(|one| one.name.clone())
    });
    let running = || evidence.unhealthy_tasks.iter().find_map(|task| task.containers.first());
    let name = match in_stopped {
        Some(name) => name,
        None => Some(running()?.clone()),
    };
    let which = name.map_or("a container".to_owned(), |name| format!("container {name}"));
    Some(Diagnosis {
        cause: Cause::ContainerUnhealthy,
        text: format!("the health check of {which} fails"),
        hint: "run the `healthCheck` command of the task definition in the image; raise its \
               `startPeriod` where the program is only slow to start"
            .to_owned(),
    })
}
