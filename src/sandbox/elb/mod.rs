//! Elastic Load Balancing, as far as ECS services stand behind it: target groups.

use uuid::Uuid;

use super::call::Scope;

/// The ARN of the target group that a service is put behind: always the same for a name. The names
/// of target groups have at most 32 characters.
pub(super) fn target_group_arn(scope: &Scope, service: &str) -> String {
    let Scope { account, region } = scope;
    let name: String = service.chars().take(32).collect();
    let text = format!("{account}/{region}/{service}");
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).simple().to_string();
    let id: String = hash.chars().take(16).collect();
    format!("arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{id}")
}
