//! What containers log, from CloudWatch Logs: their last lines, or all lines as they come.
//!
//! Where a container's log is, is told by its task definition: the driver `awslogs` writes the stream
//! `prefix/container/task` of a group (ECS developer guide, "send Amazon ECS logs to CloudWatch").
//! What another driver takes elsewhere is not read.

use aws_sdk_cloudwatchlogs::operation::get_log_events::GetLogEventsOutput;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{
    Ecs,
    evidence::{PATIENCE, gap, late},
    pages, read,
};
use crate::{
    backend::aws::{AwsError, Bucket, FaultKind, Operation},
    model::{ContainerLog, Gap, LogLine, Region},
};

const GET_LOG_EVENTS: Operation = read("GetLogEvents", Bucket::LogRead);

/// How many of the last lines are read.
const LINES: usize = 20;
/// How many lines are read in one look at a log that is followed.
const LINES_A_LOOK: usize = 200;
/// How many requests one look takes at most. Pages may be empty although more follow.
const REQUESTS_A_LOOK: usize = 5;
/// The most bytes of a line that are told of a log that is followed; an event may have a megabyte.
const LINE_BYTES: usize = 4000;

/// Whose log is read.
#[derive(Debug, Clone, Copy)]
pub struct LogSource<'a> {
    /// The task, by its ARN.
    pub task: &'a str,
    /// Its task definition, by its ARN.
    pub task_definition: &'a str,
    /// The container.
    pub container: &'a str,
}

impl<'a> LogSource<'a> {
    /// The task's id.
    fn task_id(self) -> &'a str {
        self.task.rsplit('/').next().unwrap_or_default()
    }
}

/// How far a log has been read.
#[derive(Debug, Clone, Default)]
pub struct LogCursor {
    /// `nextForwardToken` of the last page.
    next: Option<String>,
}

impl LogCursor {
    /// Goes on to the next page. The log ends where the token is the same again; before that pages
    /// may be empty (CloudWatch Logs API, `GetLogEvents`).
    fn is_at_end(&mut self, next: Option<String>) -> bool {
        let is_end = next.is_none() || next == self.next;
        if next.is_some() {
            self.next = next;
        }
        is_end
    }
}

/// What one look at a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewLines {
    /// The lines after those of the look before, oldest first.
    pub lines: Vec<LogLine>,
    /// Where more of them are, when the look ended before the log did.
    pub rest: Option<String>,
}

/// Why a log is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// In words, with what to do about it.
    pub gap: Gap,
    /// Whether another look finds the same.
    pub is_lasting: bool,
}

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

/// Which part of a log is asked for.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// Its end.
    Last,
    /// What follows a token, or the beginning.
    After(Option<&'a str>),
}

impl Ecs {
    /// The last lines of a container of a task; or why there are none.
    pub(super) async fn last_lines(&self, source: LogSource<'_>) -> Result<ContainerLog, Gap> {
        let container = source.container;
        let place = self.log_of(source).await?;
        let told = self.log_page((&place, LINES), Part::Last).await;
        let told = told.map_err(|error| unread(container, &place, &error))?;
        let region = self.region_of(&place);
        let at = (region.as_str(), pages::account(source.task));
        Ok(ContainerLog {
            task: source.task_id().to_owned(),
            container: container.to_owned(),
            lines: lines(&told).collect(),
            console: pages::log_page(at, &place.group, &place.stream),
            source: place.group,
            stream: Some(place.stream),
        })
    }

    /// The lines of a container's log that are new since the look before, within bounds: what is left
    /// is for the next look. A log that nothing was written to yet has none.
    ///
    /// # Errors
    /// Tells why nothing more can be read. No line is lost by that: what had been read is given
    /// first, and the failure by the next look.
    pub async fn new_lines(
        &self,
        source: LogSource<'_>,
        cursor: &mut LogCursor,
    ) -> Result<NewLines, Unread> {
        let deadline = Instant::now() + PATIENCE;
        let too_late = || {
            let gap = late(&format!("the log of container {}", source.container));
            Unread { gap, is_lasting: false }
        };
        let place = timeout_at(deadline, self.log_of(source)).await;
        let place = place.map_err(|_elapsed| too_late())?;
        let place = place.map_err(|gap| Unread { gap, is_lasting: true })?;
        let mut found = Vec::new();
        for _ in 0..REQUESTS_A_LOOK {
            let part = (&place, LINES_A_LOOK.saturating_sub(found.len()));
            let page = self.log_page(part, Part::After(cursor.next.as_deref()));
            let page = match timeout_at(deadline, page).await {
                Ok(Ok(page)) => page,
                Ok(Err(_)) | Err(_) if !found.is_empty() => break,
                Ok(Err(error)) => return unreadable(source.container, &place, &error),
                Err(_elapsed) => return Err(too_late()),
            };
            found.extend(lines(&page).map(|line| line.cut(LINE_BYTES)));
            if cursor.is_at_end(page.next_forward_token) {
                return Ok(NewLines { lines: found, rest: None });
            }
            if found.len() >= LINES_A_LOOK {
                break;
            }
        }
        let rest = Some(format!("{}, stream {}", place.group, place.stream));
        Ok(NewLines { lines: found, rest })
    }

    /// A page of a log.
    async fn log_page(
        &self,
        (place, most): (&Place, usize),
        part: Part<'_>,
    ) -> Result<GetLogEventsOutput, AwsError> {
        let session = self.session.in_region(self.region_of(place));
        let client = aws_sdk_cloudwatchlogs::Client::new(session.config());
        let (from_head, token) = match part {
            Part::Last => (false, None),
            Part::After(token) => (true, token.map(str::to_owned)),
        };
        let request = client
            .get_log_events()
            .log_group_name(&place.group)
            .log_stream_name(&place.stream)
            .start_from_head(from_head)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .set_next_token(token);
        session.call(GET_LOG_EVENTS, || request.clone().send()).await
    }

    /// The region of a log.
    fn region_of<'a>(&'a self, place: &'a Place) -> &'a Region {
        place.region.as_ref().unwrap_or_else(|| self.session.region())
    }

    /// Where a container's log is.
    async fn log_of(&self, source: LogSource<'_>) -> Result<Place, Gap> {
        let container = source.container;
        let lost = |why: String, hint: Option<&str>| Gap {
            what: format!("the log of container {container} is not read: {why}"),
            hint: hint.map(str::to_owned),
        };
        let definition = self
            .task_definition(source.task_definition)
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
        Ok(Place { group, stream: format!("{prefix}/{container}/{}", source.task_id()), region })
    }
}

/// What a failed request makes of a look: a stream that is not there yet has no lines.
fn unreadable(container: &str, place: &Place, error: &AwsError) -> Result<NewLines, Unread> {
    if error.is_not_found() {
        return Ok(NewLines::default());
    }
    let is_lasting = matches!(error.kind(), FaultKind::AccessDenied(_));
    Err(Unread { gap: unread(container, place, error), is_lasting })
}

/// That a log could not be read; a stream that is not there was never written.
fn unread(container: &str, place: &Place, error: &AwsError) -> Gap {
    if error.is_not_found() {
        let what = format!("container {container} logged nothing to {}", place.group);
        return Gap { what, hint: None };
    }
    gap(&format!("the log of container {container} in {} could not be read", place.group), error)
}

/// The lines of a page.
fn lines(page: &GetLogEventsOutput) -> impl Iterator<Item = LogLine> {
    page.events().iter().filter_map(|event| {
        let at = Timestamp::from_millisecond(event.timestamp()?).ok()?;
        Some(LogLine { at, message: event.message()?.trim_end().to_owned() })
    })
}
