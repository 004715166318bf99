//! Tasks, of services and by themselves: listing, describing and stopping them.

use std::rc::Rc;

use aws_sdk_ecs::{
    operation::{
        create_service::CreateServiceInput,
        describe_tasks::{DescribeTasksInput, DescribeTasksOutput},
        list_tasks::{ListTasksInput, ListTasksOutput},
        stop_task::{StopTaskInput, StopTaskOutput},
    },
    types::{self, DesiredStatus, LaunchType, PropagateTags, TaskField},
};
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    estate::{self, Service, Viewpoint},
    faults::{invalid, missing, no_service, required, sized},
    names, paging,
    rollout::{StopCode, Task},
    run_task::{self, LoneTask},
    stored::Stored,
    tags::Tag,
    task_definitions::{self, TaskDefinition},
    view::{self, TaskContext},
};
use crate::sandbox::{
    call::{Call, Fault, Scope},
    state::Transaction,
    wire,
};

/// A task and whose it is.
enum Owned {
    /// A service's.
    Service(Rc<Service>, Box<Task>),
    /// Nobody's.
    Lone(Box<LoneTask>),
}

impl Owned {
    /// The task.
    fn task(&self) -> &Task {
        match self {
            Self::Service(_, task) => task,
            Self::Lone(lone) => &lone.task,
        }
    }
}

/// `ListTasks`, oldest first.
pub(super) fn list(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListTasksInput::deserialize)?;
    let cluster = estate::cluster(transaction, &call.scope, input.cluster())?.name;
    check_filters(&input)?;
    let mut found: Vec<(Timestamp, String)> = Vec::new();
    for service in services_of(call, transaction, &cluster, &input)? {
        let launch_type = service.input.launch_type();
        let listed = service.tasks().filter(|task| is_listed(&input, task, launch_type));
        found.extend(listed.map(|task| (task.created_at, task.id.clone())));
    }
    if input.service_name().is_none() {
        let lone = run_task::all(transaction, call.into(), &cluster)?;
        let listed =
            lone.iter().filter(|one| is_listed(&input, &one.task, one.input.launch_type()));
        found.extend(listed.map(|one| (one.task.created_at, one.task.id.clone())));
    }
    found.sort();
    let arns: Vec<String> =
        found.iter().map(|(_, id)| names::task_arn(&call.scope, &cluster, id)).collect();
    let token = input.next_token();
    let (page, next) = paging::page(arns, |arn| arn, token, input.max_results(), 100)?;
    let output = ListTasksOutput::builder().set_task_arns(Some(page));
    wire::write(&output.set_next_token(next).build())
}

/// `startedBy` "must be the only filter that you use" (ECS API, `ListTasks`).
fn check_filters(input: &ListTasksInput) -> Result<(), Fault> {
    let has_others = input.family().is_some()
        || input.service_name().is_some()
        || input.container_instance().is_some()
        || input.desired_status().is_some()
        || input.launch_type().is_some()
        || input.daemon_name().is_some();
    if input.started_by().is_some() && has_others {
        return Err(invalid("startedBy cannot be combined with other filters."));
    }
    Ok(())
}

/// The services whose tasks may be listed.
fn services_of(
    call: &Call,
    transaction: &mut Transaction<'_>,
    cluster: &str,
    input: &ListTasksInput,
) -> Result<Vec<Service>, Fault> {
    let Some(given) = input.service_name() else {
        return Ok(estate::services(transaction, call.into(), cluster)?);
    };
    let name = names::service_name(&call.scope, cluster, Some(given))?;
    let found = estate::find_service(transaction, call.into(), cluster, name)?;
    Ok(vec![found.ok_or_else(no_service)?])
}

/// Whether a task passes the filters. There are no container instances and no daemons, and no
/// task is desired to be PENDING.
fn is_listed(input: &ListTasksInput, task: &Task, launch_type: Option<&LaunchType>) -> bool {
    let status = match input.desired_status() {
        None if input.started_by().is_some() => true,
        None | Some(DesiredStatus::Running) => task.is_live(),
        Some(DesiredStatus::Stopped) => !task.is_live(),
        Some(_) => false,
    };
    let name = task.definition.rsplit('/').next().unwrap_or_default();
    let family = name.split(':').next().unwrap_or_default();
    status
        && input.family().is_none_or(|wanted| wanted == family)
        && input.started_by().is_none_or(|wanted| task.started_by.as_deref() == Some(wanted))
        && input.launch_type().is_none_or(|wanted| launch_type == Some(wanted))
        && input.container_instance().is_none()
        && input.daemon_name().is_none()
}

/// `DescribeTasks`.
pub(super) fn describe(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, DescribeTasksInput::deserialize)?;
    let cluster = estate::cluster(transaction, &call.scope, input.cluster())?.name;
    let wanted = sized(input.tasks(), "Tasks", 100)?;
    let ids: Result<Vec<&str>, Fault> =
        wanted.iter().map(|text| names::task_id(&call.scope, &cluster, text)).collect();
    let ids = ids?;
    let owned = owned(transaction, call.into(), &cluster, &ids)?;
    let with_tags = input.include().contains(&TaskField::Tags);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        if let Some(one) = owned.iter().find(|one| one.task().id == id) {
            found.push(told(transaction, &call.scope, one, with_tags)?);
        } else {
            failures.push(missing(&names::task_arn(&call.scope, &cluster, id)));
        }
    }
    let output = DescribeTasksOutput::builder().set_tasks(Some(found));
    wire::write(&output.set_failures(Some(failures)).build())
}

/// The tasks with some ids, in no order.
fn owned(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    cluster: &str,
    ids: &[&str],
) -> Result<Vec<Owned>, Fault> {
    let mut found = Vec::new();
    for service in estate::services(transaction, from, cluster)? {
        let service = Rc::new(service);
        let tasks = service.tasks().filter(|task| ids.contains(&task.id.as_str()));
        found.extend(tasks.map(|task| Owned::Service(Rc::clone(&service), Box::new(task.clone()))));
    }
    let lone = run_task::all(transaction, from, cluster)?;
    let wanted = lone.into_iter().filter(|one| ids.contains(&one.task.id.as_str()));
    found.extend(wanted.map(|one| Owned::Lone(Box::new(one))));
    Ok(found)
}

/// A task as the API tells it.
fn told(
    transaction: &Transaction<'_>,
    scope: &Scope,
    owned: &Owned,
    with_tags: bool,
) -> Result<types::Task, Fault> {
    let arn = &owned.task().definition;
    let definition = task_definitions::find(transaction, scope, arn)?;
    match owned {
        Owned::Lone(lone) => Ok(run_task::told(scope, lone, definition, with_tags)),
        Owned::Service(service, task) => of_service(scope, service, task, (definition, with_tags)),
    }
}

/// A service's task as the API tells it.
fn of_service(
    scope: &Scope,
    service: &Service,
    task: &Task,
    (definition, with_tags): (Option<TaskDefinition>, bool),
) -> Result<types::Task, Fault> {
    let revision =
        task.revision.and_then(|number| service.states().find_map(|state| state.revision(number)));
    let input = match revision {
        Some(revision) => Stored::<CreateServiceInput>::from_json(&revision.snapshot)?.0,
        None => service.input.0.clone(),
    };
    let tags: Vec<Tag> = match input.propagate_tags() {
        Some(PropagateTags::Service) => service.tags.clone(),
        Some(PropagateTags::TaskDefinition) => {
            definition.as_ref().map(|one| one.tags.clone()).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let context = TaskContext {
        cluster: &service.cluster,
        group: format!("service:{}", service.name),
        launch_type: input.launch_type.clone(),
        platform_version: input.platform_version.clone(),
        can_execute: input.enable_execute_command().unwrap_or(false),
        overrides: None,
        definition,
        tags: with_tags.then_some(tags),
    };
    Ok(view::task(scope, task, context))
}

/// `StopTask`.
pub(super) fn stop(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, StopTaskInput::deserialize)?;
    let cluster = estate::cluster(transaction, &call.scope, input.cluster())?.name;
    let given = required(input.task(), "Task")?;
    let id = names::task_id(&call.scope, &cluster, given)?;
    let reason = input.reason().unwrap_or("Task stopped by user");
    let stop = (StopCode::UserInitiated, reason);
    let stopped = stop_one(transaction, call.into(), (&cluster, id), stop)?;
    let told = told(transaction, &call.scope, &stopped, true)?;
    wire::write(&StopTaskOutput::builder().task(told).build())
}

/// Stops a task of a cluster, for a kind of reason and in words.
pub(super) fn stop_task(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    at: (&str, &str),
    stop: (StopCode, &str),
) -> Result<(), Fault> {
    stop_one(transaction, from, at, stop).map(|_| ())
}

/// Stops a task, and gives it back.
fn stop_one(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, id): (&str, &str),
    (code, reason): (StopCode, &str),
) -> Result<Owned, Fault> {
    let mut found = owned(transaction, from, cluster, &[id])?;
    let stopped = found.pop().ok_or_else(|| invalid("The referenced task was not found."))?;
    match stopped {
        Owned::Lone(mut lone) => {
            lone.task.stop(code, reason, from.now);
            run_task::save(transaction, from.scope, &lone)?;
            Ok(Owned::Lone(lone))
        }
        Owned::Service(service, mut task) => {
            let mut service = Rc::unwrap_or_clone(service);
            task.stop(code, reason, from.now);
            for state in service.states_mut() {
                if let Some(one) = state.tasks.iter_mut().find(|one| one.id == task.id) {
                    one.clone_from(&task);
                    state.disturb(from.now);
                }
            }
            estate::catch_up(transaction, from, &mut service)?;
            estate::save(transaction, from.scope, &service)?;
            Ok(Owned::Service(Rc::new(service), task))
        }
    }
}
