//! The last lines of containers, from CloudWatch Logs.
//!
//! Where a container's log is, is told by its task definition: the driver `awslogs` writes the stream
//! `prefix/container/task` of a group (ECS developer guide, "send Amazon ECS logs to CloudWatch").
//! What another driver takes elsewhere is not read.

use aws_sdk_ecs::types::Task;
use jiff::Timestamp;
use serde::Deserialize;

use super::{Ecs, evidence::gap, pages, read};
use crate::{
    backend::aws::{AwsError, Bucket, Operation},
    model::{ContainerLog, Gap, LogLine, Region},
};

const GET_LOG_EVENTS: Operation = read("GetLogEvents", Bucket::LogRead);

/// How many lines are read.
const LINES: i32 = 20;

/// The part of a task definition that tells where logs are.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    /// Its containers.
    #[serde(default)]
    container_definitions: Vec<Container>,
}

/// A container of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    /// Its name.
    name: String,
    /// Where its log goes.
    log_configuration: Option<LogConfiguration>,
}

/// Where a log goes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogConfiguration {
    /// By which driver.
    log_driver: String,
    /// With which options.
    #[serde(default)]
    options: std::collections::BTreeMap<String, String>,
}

/// A log that can be read.
struct Place {
    /// The group.
    group: String,
    /// The stream.
    stream: String,
    /// The region, where it is named.
    region: Option<Region>,
}

impl Ecs {
    /// The last lines of a container of a task; or why there are none.
    pub(super) async fn last_lines(
        &self,
        task: &Task,
        container: &str,
    ) -> Result<ContainerLog, Gap> {
        let place = self.log_of(task, container).await?;
        let region = place.region.as_ref().unwrap_or_else(|| self.session.region());
        let session = self.session.in_region(region);
        let client = aws_sdk_cloudwatchlogs::Client::new(session.config());
        let request = || {
            client
                .get_log_events()
                .log_group_name(&place.group)
                .log_stream_name(&place.stream)
                .start_from_head(false)
                .limit(LINES)
                .send()
        };
        let told = session.call(GET_LOG_EVENTS, request).await;
        let told = told.map_err(|error| unread(container, &place, &error))?;
        let lines = told.events().iter().filter_map(|event| {
            let at = Timestamp::from_millisecond(event.timestamp()?).ok()?;
            Some(LogLine { at, message: event.message()?.trim_end().to_owned() })
        });
        let arn = task.task_arn().unwrap_or_default();
        let account = pages::account(arn);
        Ok(ContainerLog {
            task: id_of(task).to_owned(),
            container: container.to_owned(),
            lines: lines.collect(),
            console: pages::log_page((region.as_str(), account), &place.group, &place.stream),
            source: place.group,
            stream: Some(place.stream),
        })
    }

    /// Where a container's log is.
    async fn log_of(&self, task: &Task, container: &str) -> Result<Place, Gap> {
        let lost = |why: String, hint: Option<&str>| Gap {
            what: format!("the log of container {container} is not read: {why}"),
            hint: hint.map(str::to_owned),
        };
        let arn = task.task_definition_arn().unwrap_or_default();
        let definition = self
            .task_definition(arn)
            .await
            .map_err(|error| lost(error.to_string(), Some("allow `ecs:DescribeTaskDefinition`")))?;
        let definition: Definition = serde_json::from_str(&definition.document)
            .map_err(|error| lost(error.to_string(), None))?;
        let mut containers = definition.container_definitions.into_iter();
        let found = containers.find(|one| one.name == container);
        let Some(configuration) = found.and_then(|one| one.log_configuration) else {
            let hint = "set `logConfiguration` with the driver `awslogs` in the task definition";
            return Err(lost("it has no `logConfiguration`".to_owned(), Some(hint)));
        };
        let driver = &configuration.log_driver;
        let option = |name: &str| configuration.options.get(name).cloned();
        let group = option("awslogs-group").filter(|_| driver == "awslogs");
        let group = group.ok_or_else(|| lost(format!("the driver `{driver}` takes it"), None))?;
        let prefix = option("awslogs-stream-prefix").ok_or_else(|| {
            let hint = "set `awslogs-stream-prefix` in the task definition";
            lost("its stream is named by no `awslogs-stream-prefix`".to_owned(), Some(hint))
        })?;
        let region = option("awslogs-region").and_then(|name| Region::new(name).ok());
        Ok(Place { group, stream: format!("{prefix}/{container}/{}", id_of(task)), region })
    }
}

/// That a log could not be read; a stream that is not there was never written.
fn unread(container: &str, place: &Place, error: &AwsError) -> Gap {
    if error.is_not_found() {
        let what = format!("container {container} logged nothing to {}", place.group);
        return Gap { what, hint: None };
    }
    gap(&format!("the log of container {container} in {} could not be read", place.group), error)
}

/// A task's id.
fn id_of(task: &Task) -> &str {
    task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default()
}
