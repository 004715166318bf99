//! `RunTask`, and the tasks it makes: those that belong to no service.
//!
//! A container that is given another command exits by itself, since commands that are run once end;
//! the others run until they are stopped. A client token is good for as long as ECS tells of the
//! tasks it made.

use aws_sdk_ecs::{
    operation::run_task::{RunTaskInput, RunTaskOutput},
    types::{self, LaunchType, PropagateTags},
};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    estate::{self, Viewpoint},
    fate::{Fate, Fates},
    faults::{client, invalid, required},
    images, names,
    rollout::{Task, World, ids::Ids},
    settings,
    stored::Stored,
    tags::{self, Tag},
    task_definitions::{self, TaskDefinition},
    view::{self, TaskContext},
};
use crate::sandbox::{
    SandboxError,
    call::{Call, Fault, Scope},
    state::{Entity, Transaction},
    wire,
};

/// A task that belongs to no service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LoneTask {
    /// The short name of its cluster.
    pub(super) cluster: String,
    /// What happens to it.
    pub(super) task: Task,
    /// What it was asked for with.
    pub(super) input: Stored<RunTaskInput>,
    /// Its tags.
    pub(super) tags: Vec<Tag>,
}

impl Entity for LoneTask {
    const KIND: &'static str = "ecs.task";
}

/// A request that carried a client token.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Request {
    /// What was asked for.
    input: serde_json::Value,
    /// The ids of the tasks it made.
    tasks: Vec<String>,
}

impl Entity for Request {
    const KIND: &'static str = "ecs.run-task";
}

/// How often tasks were run in a cluster: what sets their ids apart.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Runs(u64);

impl Entity for Runs {
    const KIND: &'static str = "ecs.runs";
}

/// `RunTask`.
pub(super) fn run(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, RunTaskInput::deserialize)?;
    let cluster = estate::cluster(transaction, &call.scope, input.cluster())?;
    let input = with_defaults(input, cluster.input.default_capacity_provider_strategy());
    let json = Stored(input.clone()).json()?;
    let token = input.client_token().map(|token| format!("{}/{token}", cluster.name));
    let token = token.map(|token| call.scope.key(&token));
    if let Some(key) = &token
        && let Some(earlier) = transaction.get::<Request>(key)?
        && let Some(answer) = again(call, transaction, &cluster.name, (earlier, &json))?
    {
        return Ok(answer);
    }
    let given = required(input.task_definition(), "TaskDefinition")?;
    let definition = task_definitions::deployable(transaction, &call.scope, given)?;
    check(&input, &definition)?;
    check_role(transaction, &definition, call.now)?;
    let tags = tags_of(&input, &definition)?;
    let tasks = start(call, transaction, (&cluster.name, input, tags), &definition)?;
    if let Some(key) = token {
        let tasks = tasks.iter().map(|one| one.task.id.clone()).collect();
        transaction.put(&key, &Request { input: json, tasks })?;
    }
    answer(call, tasks.iter(), &definition)
}

/// Fills in what the request leaves to ECS.
fn with_defaults(
    mut input: RunTaskInput,
    default: &[types::CapacityProviderStrategyItem],
) -> RunTaskInput {
    if input.launch_type.is_none() && input.capacity_provider_strategy().is_empty() {
        if default.is_empty() {
            input.launch_type = Some(LaunchType::Ec2);
        } else {
            input.capacity_provider_strategy = Some(default.to_vec());
        }
    }
    input
}

/// Answers a request with a client token that was used before; nothing where the tasks it made are
/// forgotten, and the token with them (ECS API, "Ensuring idempotency").
fn again(
    call: &Call,
    transaction: &mut Transaction<'_>,
    cluster: &str,
    (earlier, asked): (Request, &serde_json::Value),
) -> Result<Option<Bytes>, Fault> {
    let all = all(transaction, call.into(), cluster)?;
    let same: Vec<&LoneTask> =
        all.iter().filter(|one| earlier.tasks.contains(&one.task.id)).collect();
    if same.is_empty() {
        return Ok(None);
    }
    if earlier.input != *asked {
        let arns: Vec<String> =
            earlier.tasks.iter().map(|id| names::task_arn(&call.scope, cluster, id)).collect();
        let mut conflict = Fault::new(
            "ConflictException",
            "The provided client token is already in use with a different RunTask request.",
        );
        if let Fault::Answer { members, .. } = &mut conflict {
            members.insert("resourceIds".to_owned(), json!(arns));
        }
        return Err(conflict);
    }
    let arn = same.first().map(|one| one.task.definition.clone()).unwrap_or_default();
    let Some(definition) = task_definitions::find(transaction, &call.scope, &arn)? else {
        return wire::write(&RunTaskOutput::builder().set_tasks(Some(Vec::new())).build())
            .map(Some);
    };
    answer(call, same.into_iter(), &definition).map(Some)
}

/// Refuses what ECS refuses.
fn check(input: &RunTaskInput, definition: &TaskDefinition) -> Result<(), Fault> {
    if !(1..=10).contains(&input.count().unwrap_or(1)) {
        return Err(invalid("count must be between 1 and 10."));
    }
    let is_short = |text: Option<&str>, most| text.is_none_or(|text| text.len() <= most);
    if !is_short(input.started_by(), 128) || !is_short(input.client_token(), 64) {
        return Err(invalid("startedBy has at most 128 characters, and clientToken 64."));
    }
    let has_network = input.network_configuration().is_some();
    settings::check_fit(definition, input.launch_type(), has_network)?;
    let overridden = input.overrides().map(types::TaskOverride::container_overrides);
    for container in overridden.unwrap_or_default() {
        let name = container.name().unwrap_or_default();
        if definition.container(name).is_none() {
            return Err(invalid(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            )));
        }
    }
    Ok(())
}

/// Refuses to run a task whose role cannot be assumed.
fn check_role(
    transaction: &Transaction<'_>,
    definition: &TaskDefinition,
    now: Timestamp,
) -> Result<(), Fault> {
    let fates: Fates = transaction.get(images::ONLY)?.unwrap_or_default();
    let images = definition.containers();
    if images.iter().all(|one| fates.of(&one.image, now) != Fate::NoRole) {
        return Ok(());
    }
    let role = definition.text("executionRoleArn").unwrap_or_default();
    Err(client(format!(
        "ECS was unable to assume the role '{role}' that was provided for this task. Please verify \
         that the role being passed has the proper trust relationship and permissions and that \
         your IAM user has permissions to pass this role."
    )))
}

/// The tags that tasks get.
fn tags_of(input: &RunTaskInput, definition: &TaskDefinition) -> Result<Vec<Tag>, Fault> {
    let mut tags = tags::given(input.tags.as_deref())?;
    match input.propagate_tags() {
        None | Some(PropagateTags::None) => {}
        Some(PropagateTags::TaskDefinition) => {
            let own: Vec<String> = tags.iter().map(|tag| tag.key.clone()).collect();
            tags.extend(definition.tags.iter().filter(|tag| !own.contains(&tag.key)).cloned());
        }
        Some(_) => return Err(invalid("propagateTags: SERVICE is not valid for tasks.")),
    }
    Ok(tags)
}

/// Makes the tasks.
fn start(
    call: &Call,
    transaction: &mut Transaction<'_>,
    (cluster, input, tags): (&str, RunTaskInput, Vec<Tag>),
    definition: &TaskDefinition,
) -> Result<Vec<LoneTask>, Fault> {
    let key = call.scope.key(cluster);
    let runs = Runs(transaction.get::<Runs>(&key)?.unwrap_or_default().0 + 1);
    transaction.put(&key, &runs)?;
    let mut ids = Ids::new(format!("{key}+{}@{}", runs.0, call.now));
    let containers = definition.containers();
    let mut tasks = Vec::new();
    for _ in 0..input.count().unwrap_or(1) {
        let mut task = Task::new(ids.task(), definition.arn(), &containers, call.now);
        task.started_by = input.started_by().map(str::to_owned);
        for container in &mut task.containers {
            container.has_own_command = has_own_command(&input, &container.spec.name);
        }
        let cluster = cluster.to_owned();
        let lone = LoneTask { cluster, task, input: Stored(input.clone()), tags: tags.clone() };
        save(transaction, &call.scope, &lone)?;
        tasks.push(lone);
    }
    Ok(tasks)
}

/// Whether a container is given another command than its task definition's.
fn has_own_command(input: &RunTaskInput, container: &str) -> bool {
    let overrides = input.overrides().map(types::TaskOverride::container_overrides);
    let mut of_container = overrides.unwrap_or_default().iter();
    of_container.any(|one| one.name() == Some(container) && !one.command().is_empty())
}

/// The answer that tells of tasks.
fn answer<'a>(
    call: &Call,
    tasks: impl Iterator<Item = &'a LoneTask>,
    definition: &TaskDefinition,
) -> Result<Bytes, Fault> {
    let told = tasks.map(|one| told(&call.scope, one, Some(definition.clone()), true)).collect();
    let output = RunTaskOutput::builder().set_tasks(Some(told));
    wire::write(&output.set_failures(Some(Vec::new())).build())
}

/// A task as the API tells it.
pub(super) fn told(
    scope: &Scope,
    lone: &LoneTask,
    definition: Option<TaskDefinition>,
    with_tags: bool,
) -> types::Task {
    let input = &lone.input;
    let family = definition.as_ref().map(|one| format!("family:{}", one.family));
    let group = input.group().map(str::to_owned).or(family).unwrap_or_default();
    let is_fargate = input.launch_type() == Some(&LaunchType::Fargate);
    let version = input.platform_version().filter(|version| *version != "LATEST");
    let context = TaskContext {
        cluster: &lone.cluster,
        group,
        launch_type: input.launch_type.clone(),
        platform_version: is_fargate.then(|| version.unwrap_or("1.4.0").to_owned()),
        can_execute: input.enable_execute_command().unwrap_or(false),
        overrides: input.overrides.clone(),
        definition,
        tags: with_tags.then(|| lone.tags.clone()),
    };
    view::task(scope, &lone.task, context)
}

/// All such tasks of a cluster at a moment; those that ended long ago are forgotten.
pub(super) fn all(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    cluster: &str,
) -> Result<Vec<LoneTask>, SandboxError> {
    let pace = images::pace(transaction)?;
    let prefix = from.scope.key(&format!("{cluster}/"));
    let found: Vec<(String, LoneTask)> = transaction.scan(&prefix)?;
    let mut tasks = Vec::with_capacity(found.len());
    for (key, mut lone) in found {
        if lone.task.due(&pace).is_some_and(|due| due <= from.now) {
            let specs = lone.task.containers.iter().map(|one| (&one.spec, None));
            let world = images::world(transaction, specs)?;
            live(&mut lone.task, from.now, &world);
            save(transaction, from.scope, &lone)?;
        }
        if lone.task.is_forgotten(from.now) {
            transaction.delete::<LoneTask>(&key)?;
        } else {
            tasks.push(lone);
        }
    }
    Ok(tasks)
}

/// Brings a task to a moment.
fn live(task: &mut Task, now: Timestamp, world: &World) {
    while !task.is_forgotten(now)
        && let Some(due) = task.due(&world.pace)
        && due <= now
    {
        task.step(due, world, None, false);
    }
}

/// Keeps a task.
pub(super) fn save(
    transaction: &mut Transaction<'_>,
    scope: &Scope,
    lone: &LoneTask,
) -> Result<(), SandboxError> {
    transaction.put(&scope.key(&format!("{}/{}", lone.cluster, lone.task.id)), lone)
}
