//! The simulator of policies: what they would say, without a request.

use super::{
    Request, Told,
    condition::Context,
    document::{Document, Use},
    evaluate::{Question, decide},
    roles::{self, Role},
    words::{invalid, no_such},
};
use crate::sandbox::{call::Fault, state::Transaction, xml};

/// `SimulatePrincipalPolicy`: with the policies of a role.
pub(super) fn principal(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let arn = request.required("PolicySourceArn")?;
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let account = &request.call.scope.account;
    let found = transaction.get::<Role>(&roles::key(account, name))?;
    let role = found.filter(|role| role.arn == arn);
    let role = role.ok_or_else(|| no_such(format!("No such entity {arn}")))?;
    let mut documents = role.documents(transaction)?;
    documents.extend(given(request)?);
    results(request, &documents)
}

/// `SimulateCustomPolicy`: with the policies that come with it.
pub(super) fn custom(request: &Request<'_>, _transaction: &mut Transaction<'_>) -> Told {
    results(request, &given(request)?)
}

/// The policies that come with a request.
fn given(request: &Request<'_>) -> Result<Vec<Document>, Fault> {
    for refused in ["PermissionsBoundaryPolicyInputList.member.1", "ResourcePolicy"] {
        if request.form.value(refused).is_some() {
            let name = refused.split('.').next().unwrap_or(refused);
            return Err(invalid(format!("The sandbox does not simulate {name}.")));
        }
    }
    let texts = request.form.list("PolicyInputList").into_iter();
    let documents = texts.map(|text| Document::read(&text, Use::Identity));
    documents.collect::<Result<_, _>>().map_err(|fault| match fault {
        Fault::Answer { status, members, .. } => {
            Fault::Answer { status, code: "InvalidInput".to_owned(), members }
        }
        failed @ Fault::Sandbox(_) => failed,
    })
}

/// What the request is to tell.
fn context(request: &Request<'_>) -> Context {
    let entries = request.form.structures("ContextEntries").into_iter();
    entries.fold(Context::default(), |context, entry| {
        let name = entry.value("ContextKeyName").unwrap_or_default();
        context.with(name, entry.list("ContextKeyValues"))
    })
}

/// The verdict on each action, on each resource.
fn results(request: &Request<'_>, documents: &[Document]) -> Told {
    let actions = request.form.list("ActionNames");
    if actions.is_empty() {
        request.required("ActionNames")?;
    }
    if let Some(action) = actions.iter().find(|action| !action.contains(':')) {
        let words = "must be of the form vendor:action";
        return Err(invalid(format!("Invalid Action name {action}: {words}")));
    }
    let mut resources = request.form.list("ResourceArns");
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let context = context(request);
    let mut listed = Vec::new();
    for action in &actions {
        for resource in &resources {
            let question = Question {
                action: action.clone(),
                resource: resource.clone(),
                context: context.clone(),
            };
            let decision = decide(documents, &question).as_str();
            let told = [
                xml::text("EvalActionName", action),
                xml::text("EvalResourceName", resource),
                xml::text("EvalDecision", decision),
                xml::element("MatchedStatements", &[]),
                xml::element("MissingContextValues", &[]),
            ];
            listed.push((format!("{:05}", listed.len()), xml::element("member", &told)));
        }
    }
    request.page("EvaluationResults", listed)
}
