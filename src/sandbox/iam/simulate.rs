//! The simulator of policies: what they would say, without a request.

use super::{
    Request, Told,
    condition::Context,
    document::{Document, Use},
    evaluate::{Decision, Question, decide},
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

/// The verdict on each action: on all resources together, and on each.
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
    let listed = actions.iter().enumerate().map(|(number, action)| {
        let decide = |resource: &String| {
            let (action, resource) = (action.clone(), resource.clone());
            let question = Question { action, resource, context: context.clone() };
            decide(documents, &question)
        };
        let each: Vec<(&String, Decision)> =
            resources.iter().map(|resource| (resource, decide(resource))).collect();
        (format!("{number:05}"), result(action, &each))
    });
    request.page("EvaluationResults", listed.collect())
}

/// What is told of an action: the strictest of its verdicts, and each by its resource, except where all
/// resources were asked about. Members stand in the order in which IAM's own examples have them.
fn result(action: &str, each: &[(&String, Decision)]) -> String {
    let strictest = each.iter().map(|(_, decision)| *decision).max();
    let form = each.first().map_or_else(|| "*".to_owned(), |(resource, _)| form(resource));
    let of_resources: Vec<String> = each
        .iter()
        .filter(|(resource, _)| *resource != "*")
        .map(|(resource, decision)| {
            let told = [
                xml::element("MatchedStatements", &[]),
                xml::element("MissingContextValues", &[]),
                xml::text("EvalResourceName", resource),
                xml::text("EvalResourceDecision", decision.as_str()),
            ];
            xml::element("member", &told)
        })
        .collect();
    let mut told = vec![
        xml::element("MatchedStatements", &[]),
        xml::element("MissingContextValues", &[]),
        xml::text("EvalResourceName", &form),
        xml::text("EvalDecision", strictest.unwrap_or(Decision::NotAllowed).as_str()),
        xml::text("EvalActionName", action),
    ];
    if !of_resources.is_empty() {
        told.push(xml::element("ResourceSpecificResults", &of_resources));
    }
    xml::element("member", &told)
}

/// The form of the ARNs of a kind of resource, by one of them; `*` where there is none.
fn form(resource: &str) -> String {
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let [_, _, service, region, _, last] = parts.as_slice() else { return "*".to_owned() };
    let region = if region.is_empty() { "" } else { "${Region}" };
    let kind: String = last.chars().take_while(|c| !matches!(c, '/' | ':')).collect();
    let mark: String = last.chars().skip(kind.chars().count()).take(1).collect();
    let kind = if mark.is_empty() { String::new() } else { kind + &mark };
    format!("arn:${{Partition}}:{service}:{region}:${{Account}}:{kind}${{ResourceName}}")
}
