//! Elastic Load Balancing, as far as ECS services stand behind it: target groups and what their
//! health checks find.
//!
//! Nothing is written here: a target group is there because a service or a deployment group of
//! CodeDeploy names it, and its targets are the service's tasks
//! ([`witness`](super::ecs::witness)). Names, reasons and error texts are those of the API, version
//! 2015-12-01.

use bytes::Bytes;
use uuid::Uuid;

use super::{
    call::{Call, Fault, Scope},
    codedeploy,
    ecs::witness::{self, Target, TargetHealth},
    refusal,
    service::Protocol,
    state::Transaction,
    xml,
};

/// Answers one request. The body is a form; what is answered is the content of the `…Response`
/// element.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let form = Form::of(&call.body);
    let result = match call.operation.as_str() {
        "DescribeTargetGroups" => describe_groups(call, transaction, &form)?,
        "DescribeTargetHealth" => describe_health(call, transaction, &form)?,
        other => return Err(refusal::unknown_operation(Protocol::Query, other)),
    };
    Ok(Bytes::from(xml::element(&format!("{}Result", call.operation), &[result])))
}

/// The ARN of the target group that a service is put behind: always the same for a name. The names
/// of target groups have at most 32 characters.
pub(in crate::sandbox) fn target_group_arn(scope: &Scope, service: &str) -> String {
    let Scope { account, region } = scope;
    let name: String = service.chars().take(32).collect();
    let text = format!("{account}/{region}/{service}");
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).simple().to_string();
    let id: String = hash.chars().take(16).collect();
    format!("arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{id}")
}

/// The name in a target group's ARN.
fn name_of(arn: &str) -> &str {
    arn.rsplit('/').nth(1).unwrap_or(arn)
}

/// All target groups, each with the port that is reached: those that services are behind, and those
/// that CodeDeploy will put them behind.
fn all_groups(call: &Call, transaction: &mut Transaction<'_>) -> Result<Vec<(String, u16)>, Fault> {
    let mut all = witness::target_groups(transaction, call.into())?;
    all.extend(codedeploy::admin::target_groups(transaction, call.into())?);
    all.sort();
    all.dedup_by(|one, other| one.0 == other.0);
    Ok(all)
}

/// `DescribeTargetGroups`.
fn describe_groups(
    call: &Call,
    transaction: &mut Transaction<'_>,
    form: &Form,
) -> Result<String, Fault> {
    let all = all_groups(call, transaction)?;
    let (arns, names) = (form.list("TargetGroupArns"), form.list("Names"));
    let wanted: Vec<&(String, u16)> = all
        .iter()
        .filter(|(arn, _)| arns.is_empty() || arns.contains(arn))
        .filter(|(arn, _)| names.is_empty() || names.iter().any(|name| name == name_of(arn)))
        .collect();
    if wanted.len() < arns.len().max(names.len()) {
        return Err(no_group());
    }
    let told: Vec<String> = wanted.into_iter().map(|(arn, port)| group(arn, *port)).collect();
    Ok(xml::element("TargetGroups", &told))
}

/// One target group.
fn group(arn: &str, port: u16) -> String {
    let members = [
        xml::text("TargetGroupArn", arn),
        xml::text("TargetGroupName", name_of(arn)),
        xml::text("Protocol", "HTTP"),
        xml::text("Port", &port.to_string()),
        xml::text("HealthCheckProtocol", "HTTP"),
        xml::text("HealthCheckPort", "traffic-port"),
        xml::text("HealthCheckEnabled", "true"),
        xml::text("HealthCheckPath", "/"),
        xml::element("Matcher", &[xml::text("HttpCode", "200")]),
        xml::text("TargetType", "ip"),
    ];
    xml::element("member", &members)
}

/// `DescribeTargetHealth`.
fn describe_health(
    call: &Call,
    transaction: &mut Transaction<'_>,
    form: &Form,
) -> Result<String, Fault> {
    let arn = form.value("TargetGroupArn").ok_or_else(no_group)?;
    if all_groups(call, transaction)?.iter().all(|(known, _)| known != arn) {
        return Err(no_group());
    }
    let targets = witness::targets(transaction, call.into(), arn)?.unwrap_or_default();
    let wanted = form.list_of("Targets", "Id");
    let told: Vec<String> = targets
        .iter()
        .filter(|target| wanted.is_empty() || wanted.contains(&target.ip))
        .map(|target| description(target, &call.scope.region))
        .collect();
    Ok(xml::element("TargetHealthDescriptions", &told))
}

/// What the health checks of a target found.
fn description(target: &Target, region: &str) -> String {
    let (state, reason, words) = match target.health {
        TargetHealth::Registering => (
            "initial",
            Some("Elb.RegistrationInProgress"),
            Some("Target registration is in progress"),
        ),
        TargetHealth::Initial => (
            "initial",
            Some("Elb.InitialHealthChecking"),
            Some("Initial health checks in progress"),
        ),
        TargetHealth::Healthy => ("healthy", None, None),
        TargetHealth::Unhealthy => (
            "unhealthy",
            Some("Target.ResponseCodeMismatch"),
            Some("Health checks failed with these codes: [502]"),
        ),
        TargetHealth::Draining => (
            "draining",
            Some("Target.DeregistrationInProgress"),
            Some("Target deregistration is in progress"),
        ),
    };
    let port = target.port.to_string();
    let health: Vec<String> = [("State", Some(state)), ("Reason", reason), ("Description", words)]
        .into_iter()
        .filter_map(|(name, value)| Some(xml::text(name, value?)))
        .collect();
    let address = [
        xml::text("Id", &target.ip),
        xml::text("Port", &port),
        xml::text("AvailabilityZone", &format!("{region}a")),
    ];
    xml::element(
        "member",
        &[
            xml::element("Target", &address),
            xml::text("HealthCheckPort", &port),
            xml::element("TargetHealth", &health),
        ],
    )
}

/// That a target group is not there.
fn no_group() -> Fault {
    Fault::new("TargetGroupNotFound", "One or more target groups not found")
}

/// A request's parameters, in the order of their numbers.
struct Form(Vec<(String, String)>);

impl Form {
    /// Reads them.
    fn of(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// One by its name.
    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A list of texts: `Name.member.1` and so on.
    fn list(&self, name: &str) -> Vec<String> {
        let prefix = format!("{name}.member.");
        let of_list = self.0.iter().filter(|(key, _)| key.starts_with(&prefix));
        of_list.map(|(_, value)| value.clone()).collect()
    }

    /// One member of each of a list of structures: `Name.member.1.Member` and so on.
    fn list_of(&self, name: &str, member: &str) -> Vec<String> {
        let (prefix, suffix) = (format!("{name}.member."), format!(".{member}"));
        let has = |key: &str| key.starts_with(&prefix) && key.ends_with(&suffix);
        self.0.iter().filter(|(key, _)| has(key)).map(|(_, value)| value.clone()).collect()
    }
}
