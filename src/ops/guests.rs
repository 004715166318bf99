//! Who is let in at the accounts that a manifest names: whoever runs the program, and the roles that it
//! names.

use super::{error::OpError, workspace::Connector};
use crate::{
    backend::aws::AwsSession,
    engine::cause_chain,
    manifest::{Home, Project},
    model::{AccountId, Region},
    plan::permissions::Arns,
};

/// How much AWS is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// Nothing.
    Nothing,
    /// What it tells; the rest stays open.
    WhatItTells,
    /// Everything that is needed.
    Everything,
}

/// Somebody who is let in at a home.
pub(super) struct Guest {
    /// The way there.
    pub(super) session: AwsSession,
    /// The account.
    pub(super) account: AccountId,
}

/// Goes to a home: with the caller's own credentials, where they are of its account, and as the role
/// that the manifest names. Or says why nobody is let in.
pub(super) async fn enter(
    connector: &Connector,
    home: &Home,
    asking: Asking,
) -> Result<Result<Vec<Guest>, String>, OpError> {
    if asking == Asking::Nothing {
        return Ok(Err("AWS was not asked".to_owned()));
    }
    let own = Home { role_arn: None, external_id: None, account: account_of(home), ..home.clone() };
    let (mut guests, mut why) = (Vec::new(), String::new());
    for home in [Some(own), home.role_arn.as_ref().map(|_| home.clone())].into_iter().flatten() {
        let session = connector.connect(&home).await?;
        match session.identity().await {
            Ok(identity) => {
                let account = identity.account.clone();
                guests.push(Guest { session, account });
            }
            Err(error) => why = cause_chain(&error),
        }
    }
    Ok(if guests.is_empty() { Err(why) } else { Ok(guests) })
}

/// What the first of some guests finds out that may look; or why the last one does not.
pub(super) async fn first<T, E: std::error::Error + 'static>(
    guests: &[Guest],
    look: impl AsyncFn(&Guest) -> Result<T, E>,
) -> Result<T, String> {
    let mut why = String::new();
    for guest in guests {
        match look(guest).await {
            Ok(found) => return Ok(found),
            Err(error) => why = cause_chain(&error),
        }
    }
    Err(why)
}

/// The account that the manifest names, or that of its role.
pub(super) fn account_of(home: &Home) -> Option<AccountId> {
    let of_role = || AccountId::new(home.role_arn.as_ref()?.account()).ok();
    home.account.clone().or_else(of_role)
}

/// Where a home is, as far as the manifest or whoever is let in there tells it.
pub(super) fn site(
    project: &Project,
    (home, region): (&Home, Region),
    (entered, asking): (&Result<Vec<Guest>, String>, Asking),
) -> Result<Arns, OpError> {
    let guest = |all: &Vec<Guest>| all.first().map(|guest| guest.account.clone());
    let account = account_of(home).or_else(|| entered.as_ref().ok().and_then(guest));
    let Some(account) = account else {
        return Err(OpError::NoAccount {
            home: place(home, &region),
            table: table(project, home),
            why: entered.as_ref().err().cloned().unwrap_or_default(),
            was_asked: asking != Asking::Nothing,
        });
    };
    Ok(Arns { account, region })
}

/// A home in words.
fn place(home: &Home, region: &Region) -> String {
    match &home.profile {
        Some(profile) => format!("profile `{profile}` in {region}"),
        None => region.to_string(),
    }
}

/// The table of the manifest in which the account of a home belongs.
fn table(project: &Project, home: &Home) -> String {
    let id = &project.id;
    let of_environment = || {
        let found = project.environments.values().find(|one| one.home() == *home);
        found.map(|environment| format!("[{id}.environments.{}]", environment.id))
    };
    if *home == project.home {
        return format!("[{id}]");
    }
    of_environment().unwrap_or_else(|| format!("`store` of [{id}]"))
}

/// The account and the partition of an environment, or of the project.
///
/// # Errors
/// Fails when the manifest does not have the environment, and when nobody knows its account or its
/// region.
pub async fn whereabouts(
    connector: &Connector,
    project: &Project,
    environment: Option<&str>,
    asking: Asking,
) -> Result<(AccountId, &'static str), OpError> {
    let home = match environment {
        Some(id) => project.environment(id)?.home(),
        None => project.home.clone(),
    };
    let region = connector.region_of(&home).await?;
    // Nobody is asked what the manifest tells.
    let asking = if account_of(&home).is_some() { Asking::Nothing } else { asking };
    let entered = enter(connector, &home, asking).await?;
    let arns = site(project, (&home, region), (&entered, asking))?;
    let partition = arns.partition();
    Ok((arns.account, partition))
}
