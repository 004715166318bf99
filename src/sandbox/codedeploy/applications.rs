//! Applications: what deployment groups belong to.

use aws_sdk_codedeploy::{
    operation::{
        create_application::{CreateApplicationInput, CreateApplicationOutput},
        get_application::{GetApplicationInput, GetApplicationOutput},
        list_applications::{ListApplicationsInput, ListApplicationsOutput},
    },
    types::{ApplicationInfo, ComputePlatform},
};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    faults::{self, refuse},
    view::{page, time, uuid},
};
use crate::sandbox::{
    call::{Call, Fault, Scope},
    state::{Entity, Transaction},
    wire,
};

/// An application.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Application {
    /// Its name.
    pub(super) name: String,
    /// Its id.
    pub(super) id: String,
    /// When it was made.
    pub(super) created_at: Timestamp,
}

impl Entity for Application {
    const KIND: &'static str = "codedeploy.application";
}

/// The application with a name.
pub(super) fn find(
    transaction: &Transaction<'_>,
    scope: &Scope,
    name: Option<&str>,
) -> Result<Application, Fault> {
    let name = faults::name(name, "ApplicationName")?;
    let found: Option<Application> = transaction.get(&scope.key(name))?;
    found.ok_or_else(|| {
        let words = format!("No application found for name: {name}");
        Fault::new("ApplicationDoesNotExistException", words)
    })
}

/// Makes an application where there is none with its name; tells whether it did.
pub(super) fn make(
    transaction: &mut Transaction<'_>,
    (scope, now): (&Scope, Timestamp),
    name: &str,
) -> Result<Option<Application>, Fault> {
    if transaction.get::<Application>(&scope.key(name))?.is_some() {
        return Ok(None);
    }
    let id = uuid(&format!("{}@{now}", scope.key(name)));
    let made = Application { name: name.to_owned(), id, created_at: now };
    transaction.put(&scope.key(name), &made)?;
    Ok(Some(made))
}

/// `CreateApplication`.
pub(super) fn create(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, CreateApplicationInput::deserialize)?;
    let name = faults::name(input.application_name(), "ApplicationName")?;
    let platform = input.compute_platform();
    refuse(&[
        (
            platform != Some(&ComputePlatform::Ecs),
            "InvalidComputePlatformException",
            "compute platforms other than ECS",
        ),
        (!input.tags().is_empty(), "InvalidTagsToAddException", "tags"),
    ])?;
    let made = make(transaction, (&call.scope, call.now), name)?.ok_or_else(|| {
        let words = format!("An application with the name {name} already exists");
        Fault::new("ApplicationAlreadyExistsException", words)
    })?;
    wire::write(&CreateApplicationOutput::builder().application_id(made.id).build())
}

/// `GetApplication`.
pub(super) fn get(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, GetApplicationInput::deserialize)?;
    let found = find(transaction, &call.scope, input.application_name())?;
    let told = ApplicationInfo::builder()
        .application_id(found.id)
        .application_name(found.name)
        .create_time(time(found.created_at))
        .linked_to_git_hub(false)
        .compute_platform(ComputePlatform::Ecs);
    wire::write(&GetApplicationOutput::builder().application(told.build()).build())
}

/// `ListApplications`, a hundred a page.
pub(super) fn list(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListApplicationsInput::deserialize)?;
    let all: Vec<(String, Application)> = transaction.scan(&call.scope.key(""))?;
    let names = all.into_iter().map(|(_, one)| (one.name.clone(), one.name)).collect();
    let (names, next) = page(names, input.next_token())?;
    let output = ListApplicationsOutput::builder().set_applications(Some(names));
    wire::write(&output.set_next_token(next).build())
}
