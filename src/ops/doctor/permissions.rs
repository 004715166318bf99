//! Whether whoever deploys may do all that deployments need: by IAM's own word, where it may be asked,
//! else by what was read. What was neither asked nor read is told as not checked.

use std::collections::BTreeSet;

use super::{Patient, failed};
use crate::{
    backend::aws::{AwsError, AwsSession, ContextKey, FaultKind, Simulated, Simulation},
    engine::cause_chain,
    manifest::Environment,
    model::EnvironmentId,
    ops::{
        guests::Asking,
        permissions::{PolicyRequest, iam_policies},
    },
    plan::{
        doctor::{self, Check, Finding, Tries},
        permissions::{Condition, Effect, Group, Policy, Principal, Statement, is_kept},
    },
};

/// The most actions times resources of one question.
const MOST: usize = 100;

/// What is known of permissions.
pub(super) enum Asked {
    /// This.
    Told(Vec<Finding>),
    /// IAM does not tell: what else is known is told by what was read.
    Untold(Untold),
}

/// Permissions that IAM does not tell of.
pub(super) struct Untold {
    /// In which environment.
    environment: EnvironmentId,
    /// Whose.
    principal: String,
    /// Which actions.
    actions: BTreeSet<String>,
    /// Why.
    why: Finding,
}

impl Untold {
    /// What is known by what was tried.
    pub(super) fn settle(self, tries: &Tries) -> Vec<Finding> {
        let Self { environment, principal, actions, why } = self;
        let mut findings = vec![why];
        findings.extend(doctor::tried(&environment, &principal, (&actions, tries)));
        findings
    }
}

/// Asks IAM about everything that a deployment to an environment needs.
pub(super) async fn look(
    patient: &Patient<'_>,
    environment: &Environment,
    session: &AwsSession,
) -> Asked {
    let request = PolicyRequest {
        group: Group::Deploy,
        environment: Some(environment.id.to_string()),
        asking: Asking::WhatItTells,
        role: None,
    };
    let report = match iam_policies(patient.connector, patient.project, &request).await {
        Ok(report) => report,
        Err(error) => return Asked::Told(vec![failed(Check::Permissions, &error)]),
    };
    let role = environment.role_arn.as_ref().map(ToString::to_string);
    let whose = role.clone().map_or(Principal::Caller, Principal::Role);
    let own: Vec<&Policy> =
        report.policies.iter().filter(|policy| policy.principal == whose).collect();
    let Ok(identity) = session.identity().await else { return Asked::Told(Vec::new()) };
    let principal = role.unwrap_or_else(|| doctor::principal(&identity.arn));
    if principal.ends_with(":root") {
        let text = "the account's root user may do everything".to_owned();
        return Asked::Told(vec![Finding::ok(Check::Permissions, text)]);
    }
    match simulate(session, &principal, &own).await {
        Ok(told) => Asked::Told(judged(environment, &principal, &told)),
        Err(error) => {
            let is_denied = matches!(error.kind(), FaultKind::AccessDenied(_));
            let why = if is_denied { cause_chain(&error) } else { error.message().to_owned() };
            let why = doctor::not_simulated(&principal, is_denied, &why);
            let (environment, actions) = (environment.id.clone(), actions(&own));
            Asked::Untold(Untold { environment, principal, actions, why })
        }
    }
}

/// What IAM says of all that policies allow.
async fn simulate(
    session: &AwsSession,
    principal: &str,
    policies: &[&Policy],
) -> Result<Vec<Simulated>, AwsError> {
    let mut told = Vec::new();
    for asked in policies.iter().flat_map(|policy| questions(principal, policy)) {
        told.extend(session.simulate(&asked).await?);
    }
    Ok(told)
}

/// What was told, judged.
fn judged(environment: &Environment, principal: &str, told: &[Simulated]) -> Vec<Finding> {
    let denied: Vec<(String, String)> = told
        .iter()
        .filter(|one| !one.is_allowed)
        .map(|Simulated { action, resource, .. }| (action.clone(), resource.clone()))
        .collect();
    doctor::permissions(&environment.id, principal, (told.len(), &denied))
}

/// The actions that policies allow.
fn actions(policies: &[&Policy]) -> BTreeSet<String> {
    let statements = policies.iter().flat_map(|policy| &policy.statements);
    let allowing = statements.filter(|one| one.effect == Effect::Allow);
    allowing.flat_map(|one| one.actions.iter().cloned()).collect()
}

/// What IAM is asked for a policy. Resources that nobody knows the names of are left out.
fn questions(principal: &str, policy: &Policy) -> Vec<Simulation> {
    let allowing = policy.statements.iter().filter(|one| one.effect == Effect::Allow);
    allowing.flat_map(|statement| of_statement(principal, statement)).collect()
}

/// What IAM is asked for a statement: a question for each value that a request may tell, since a request
/// tells one. What the policy itself takes away is not asked.
fn of_statement(principal: &str, statement: &Statement) -> Vec<Simulation> {
    let known = statement.resources.iter().filter(|resource| !is_placeholder(resource));
    let known: Vec<String> = known.cloned().collect();
    let mut questions = Vec::new();
    for context in contexts(&statement.conditions) {
        let told = |action: &&String| !context.iter().any(|key| is_kept(action, &key.value));
        let actions: Vec<String> = statement.actions.iter().filter(told).cloned().collect();
        let a_time = (MOST / actions.len().max(1)).max(1);
        let asked = known.chunks(a_time).filter(|_| !actions.is_empty());
        questions.extend(asked.map(|resources| Simulation {
            principal: principal.to_owned(),
            actions: actions.clone(),
            resources: resources.to_vec(),
            context: context.clone(),
        }));
    }
    questions
}

/// Everything that requests may tell under some conditions, one value a key.
fn contexts(conditions: &[Condition]) -> Vec<Vec<ContextKey>> {
    let nothing = vec![Vec::new()];
    conditions.iter().fold(nothing, |contexts, condition| {
        let with = |context: &Vec<ContextKey>, value: &String| {
            let (name, value) = (condition.key.clone(), value.clone());
            let key = ContextKey { name, value, is_list: condition.is_about_lists() };
            [context.clone(), vec![key]].concat()
        };
        let each = contexts
            .iter()
            .flat_map(|context| condition.values.iter().map(move |value| with(context, value)));
        each.collect()
    })
}

/// Whether a resource is one that the manifest does not tell and AWS did not either.
fn is_placeholder(resource: &str) -> bool {
    ["FAMILY-OF-", "ROLE-OF-", "LOG-GROUP-OF-", "REPOSITORY-OF-"]
        .iter()
        .any(|mark| resource.contains(mark))
}
