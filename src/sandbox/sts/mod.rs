//! STS: who a caller is, and sessions of roles, which is how a client comes to another account.
//!
//! A role that IAM has is given to whom its trust policy says, and its sessions may do what its
//! policies say. Any other role of any account may be taken on by anybody, may do everything, and a web
//! identity token for it is believed whatever it says. A session is over when its time is over on the machine's clock, as
//! clients reckon it. Limits, names and error texts are those of the API, version 2011-06-15.

mod session;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    call::{Call, Fault},
    form::Form,
    iam, refusal,
    service::{Protocol, Service},
    state::Transaction,
    xml,
};
pub(super) use session::{Caller, caller, role_id, set_longest, unique_id};
use session::{Role, Session};

/// Answers one request to STS. The body is a form; what is answered is the content of the
/// `…Response` element.
pub(super) fn answer(
    call: &Call,
    transaction: &mut Transaction<'_>,
    machine: Timestamp,
) -> Result<Bytes, Fault> {
    let form = Parameters(Form::of(&call.body));
    let result = match call.operation.as_str() {
        "GetCallerIdentity" => get_caller_identity(call),
        "AssumeRole" => assume_role(call, transaction, machine, &form)?,
        "AssumeRoleWithWebIdentity" => assume_with_web_identity(transaction, machine, &form)?,
        other => return Err(refusal::unknown_operation(Protocol::Query(Service::Sts), other)),
    };
    Ok(Bytes::from(xml::element(&format!("{}Result", call.operation), &result)))
}

/// `GetCallerIdentity`.
fn get_caller_identity(call: &Call) -> Vec<String> {
    vec![
        xml::text("Arn", &call.caller),
        xml::text("UserId", &session::user_id(&call.caller)),
        xml::text("Account", &call.scope.account),
    ]
}

/// `AssumeRole`.
fn assume_role(
    call: &Call,
    transaction: &mut Transaction<'_>,
    machine: Timestamp,
    form: &Parameters,
) -> Result<Vec<String>, Fault> {
    let seconds = form.duration()?;
    if session::is_session(&call.caller) && seconds > session::CHAINED {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
             role chaining",
        ));
    }
    let (role, name) = (form.role()?, form.session_name()?);
    let kept = kept(transaction, form, &role)?;
    let external_id = form.0.value("ExternalId");
    if let Some(kept) = &kept
        && !kept.trusts_caller(transaction, (&call.caller, &call.scope.account), external_id)?
    {
        let (caller, arn) = (&call.caller, form.required("RoleArn")?);
        return Err(refusal::not_trusted(caller, arn));
    }
    form.check_duration(kept.as_ref(), seconds)?;
    let session = Session::start((&role, kept.is_some()), name, machine, seconds);
    Ok(session.open(machine, transaction)?)
}

/// The role that IAM has, if it has it. Nobody but IAM's roles can be limited further.
fn kept(
    transaction: &Transaction<'_>,
    form: &Parameters,
    role: &Role,
) -> Result<Option<iam::Role>, Fault> {
    let limits = ["Policy", "PolicyArns.member.1.arn"];
    if limits.iter().any(|name| form.0.value(name).is_some()) {
        return Err(invalid("The sandbox has no session policies"));
    }
    Ok(iam::role(transaction, &role.account, &role.name)?)
}

/// `AssumeRoleWithWebIdentity`.
fn assume_with_web_identity(
    transaction: &mut Transaction<'_>,
    machine: Timestamp,
    form: &Parameters,
) -> Result<Vec<String>, Fault> {
    let token = form.required("WebIdentityToken")?;
    if token.split('.').filter(|part| !part.is_empty()).count() != 3 {
        let message = "The ID Token provided is not a valid JWT. (You may see this error if you \
                       sent an Access Token)";
        return Err(Fault::new("InvalidIdentityToken", message));
    }
    let (role, seconds) = (form.role()?, form.duration()?);
    let kept = kept(transaction, form, &role)?;
    if let Some(kept) = &kept {
        check_token(transaction, kept, token)?;
    }
    form.check_duration(kept.as_ref(), seconds)?;
    let session = Session::start((&role, kept.is_some()), form.session_name()?, machine, seconds);
    Ok(session.open(machine, transaction)?)
}

/// Checks that a role trusts the bearer of a token.
fn check_token(transaction: &Transaction<'_>, role: &iam::Role, token: &str) -> Result<(), Fault> {
    let unreadable =
        || Fault::new("InvalidIdentityToken", "Couldn't retrieve verification key from your token");
    let token = iam::Token::read(token).ok_or_else(unreadable)?;
    iam::check_provider(transaction, role, &token)?;
    if role.trusts_token(&token)? {
        return Ok(());
    }
    let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    let members = [("message".to_owned(), serde_json::Value::from(message))];
    Err(Fault::Answer {
        status: 403,
        code: "AccessDenied".to_owned(),
        members: members.into_iter().collect(),
    })
}

/// A request's parameters, as the API's model has them.
struct Parameters(Form);

impl Parameters {
    /// One that must be there.
    fn required(&self, name: &str) -> Result<&str, Fault> {
        let value = self.0.value(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| constraint("null", name, "Member must not be null"))
    }

    /// `RoleArn`.
    fn role(&self) -> Result<Role, Fault> {
        let arn = self.required("RoleArn")?;
        Role::parse(arn).ok_or_else(|| invalid(&format!("{arn} is invalid")))
    }

    /// `RoleSessionName`.
    fn session_name(&self) -> Result<&str, Fault> {
        let name = self.required("RoleSessionName")?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if name.chars().all(allowed) && (2..=64).contains(&name.len()) {
            return Ok(name);
        }
        let rule = if name.len() < 2 {
            "Member must have length greater than or equal to 2"
        } else if name.len() > 64 {
            "Member must have length less than or equal to 64"
        } else {
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*"
        };
        Err(constraint(&format!("'{name}'"), "RoleSessionName", rule))
    }

    /// Checks that a session lasts no longer than its role allows.
    fn check_duration(&self, role: Option<&iam::Role>, seconds: u32) -> Result<(), Fault> {
        let is_asked = self.0.value("DurationSeconds").is_some();
        if is_asked && role.is_some_and(|role| seconds > role.longest) {
            return Err(invalid(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        Ok(())
    }

    /// `DurationSeconds`; an hour, if not told.
    fn duration(&self) -> Result<u32, Fault> {
        let Some(text) = self.0.value("DurationSeconds") else {
            return Ok(session::CHAINED);
        };
        let rule = match text.parse::<u32>() {
            Ok(900..=43_200) => return Ok(text.parse().unwrap_or(session::CHAINED)),
            Ok(0..900) => "Member must have value greater than or equal to 900",
            Ok(_) => "Member must have value less than or equal to 43200",
            Err(_) => "Member must be an integer",
        };
        Err(constraint(&format!("'{text}'"), "DurationSeconds", rule))
    }
}

/// A parameter that is not what it must be.
fn invalid(message: &str) -> Fault {
    Fault::new("ValidationError", message)
}

/// A parameter that breaks a rule of the API's model.
fn constraint(value: &str, member: &str, rule: &str) -> Fault {
    // The sentence names members as the model of the service's own code does.
    let mut name = member.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    invalid(&format!(
        "1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: {rule}"
    ))
}

#[cfg(test)]
mod tests;
