//! The verdict of policies on a request.

use super::{
    condition::Context,
    document::{Document, Effect, Patterns, Statement},
    pattern,
};

/// What is asked of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Question {
    /// The action, for example `ecs:UpdateService`.
    pub(in crate::sandbox) action: String,
    /// The ARN of what it is on, or `*`.
    pub(in crate::sandbox) resource: String,
    /// What else the request tells.
    pub(in crate::sandbox) context: Context,
}

/// What policies say, the strictest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sandbox) enum Decision {
    /// It is allowed.
    Allowed,
    /// Nothing allows it.
    NotAllowed,
    /// Something denies it.
    Denied,
}

impl Decision {
    /// As the simulator calls it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::NotAllowed => "implicitDeny",
            Self::Denied => "explicitDeny",
        }
    }
}

/// Whether one of the patterns fits, or none, where all but those are meant.
fn fits(patterns: &Patterns, text: &str) -> bool {
    let one = patterns.patterns.iter().any(|one| pattern::matches(one, text));
    one != patterns.is_negated
}

/// Whether an action is among some. Actions have no case.
fn has_action(patterns: &Patterns, action: &str) -> bool {
    let lower = Patterns {
        patterns: patterns.patterns.iter().map(|one| one.to_ascii_lowercase()).collect(),
        is_negated: patterns.is_negated,
    };
    fits(&lower, &action.to_ascii_lowercase())
}

impl Statement {
    /// Whether it says something of a request.
    fn applies(&self, question: &Question) -> bool {
        has_action(&self.actions, &question.action)
            && self.resources.as_ref().is_none_or(|resources| fits(resources, &question.resource))
            && self.conditions.iter().all(|condition| condition.holds(&question.context))
    }
}

/// The verdict of statements on a request.
fn verdict<'a>(statements: impl Iterator<Item = &'a Statement>, question: &Question) -> Decision {
    let mut decision = Decision::NotAllowed;
    for statement in statements.filter(|statement| statement.applies(question)) {
        match statement.effect {
            Effect::Deny => return Decision::Denied,
            Effect::Allow => decision = Decision::Allowed,
        }
    }
    decision
}

/// What the policies of a role say of a request.
pub(super) fn decide(documents: &[Document], question: &Question) -> Decision {
    verdict(documents.iter().flat_map(|document| &document.statements), question)
}

/// What a trust policy says of somebody: of each principal with its kind that they are.
pub(super) fn trusts(
    document: &Document,
    question: &Question,
    principals: &[(&str, String)],
) -> Decision {
    let is_about = |statement: &&Statement| {
        statement.principals.iter().any(|(kind, name)| {
            let is_it = |(of, other): &(&str, String)| of == kind && (name == "*" || name == other);
            principals.iter().any(is_it)
        })
    };
    verdict(document.statements.iter().filter(is_about), question)
}
