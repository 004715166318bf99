//! Why ECS ended a rollout: from the fields that say so, and from its words only where none does.

use crate::model::{RollbackCause, ServiceDeployment};

/// What made ECS put a service back, or try to.
pub(super) fn cause_of(deployment: &ServiceDeployment) -> RollbackCause {
    if deployment.circuit_breaker_triggered {
        return RollbackCause::CircuitBreaker;
    }
    if !deployment.triggered_alarms.is_empty() {
        return RollbackCause::Alarm;
    }
    if !deployment.failed_hooks.is_empty() {
        return RollbackCause::Hook;
    }
    // ECS sets it when somebody asks for the end, and when a failure ends a deployment without
    // rollback (ECS API reference, `ServiceDeployment.stoppedAt`).
    if deployment.stopped_at.is_some() {
        return RollbackCause::User;
    }
    cause_in(words_of(deployment))
}

/// What words of ECS tell of a rollback's cause.
pub(super) fn cause_in(words: &str) -> RollbackCause {
    let words = words.to_ascii_lowercase();
    let known = [
        // Names of functions and alarms may have any of the other words.
        ("lifecycle hook", RollbackCause::Hook),
        ("pause hook", RollbackCause::Hook),
        ("circuit breaker", RollbackCause::CircuitBreaker),
        ("alarm", RollbackCause::Alarm),
        ("hook", RollbackCause::Hook),
        ("user", RollbackCause::User),
    ];
    let found = known.into_iter().find(|(word, _)| words.contains(word));
    found.map_or(RollbackCause::Other, |(_, cause)| cause)
}

/// ECS's words on why a deployment did not succeed, empty where it has none.
pub(super) fn words_of(deployment: &ServiceDeployment) -> &str {
    let rollback = deployment.rollback.as_ref().map(|rollback| rollback.reason.as_str());
    let told = [rollback.unwrap_or_default(), deployment.status_reason.as_str()];
    told.into_iter().find(|words| !words.is_empty()).unwrap_or_default()
}

/// Why a deployment did not succeed: ECS's words, or ours where it has none, with the alarms and
/// hooks that it names elsewhere.
pub(super) fn failure_reason(deployment: &ServiceDeployment) -> String {
    let words = match words_of(deployment) {
        "" => "ECS ended the deployment and gives no reason",
        words => words,
    };
    with_names(words, deployment)
}

/// Why a rollback did not succeed: the words on the status come later than those on the rollback.
pub(super) fn rollback_failure(deployment: &ServiceDeployment) -> String {
    match deployment.status_reason.as_str() {
        "" => failure_reason(deployment),
        words => with_names(words, deployment),
    }
}

/// Words with the alarms and hooks that they leave out.
fn with_names(words: &str, deployment: &ServiceDeployment) -> String {
    let named = |what: &str, names: &[String]| {
        let missing: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !words.contains(name)).collect();
        (!missing.is_empty()).then(|| format!("{what} {}", missing.join(", ")))
    };
    let alarms = named("in ALARM:", &deployment.triggered_alarms);
    // ECS names the function and the stage; an id tells nothing beside these.
    let hooks =
        named("failed hooks:", &deployment.failed_hooks).filter(|_| !words.contains("hook"));
    let more: Vec<String> = alarms.into_iter().chain(hooks).collect();
    if more.is_empty() { words.to_owned() } else { format!("{words} ({})", more.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::ServiceRollback, plan::test_support::service_deployment};

    /// A service deployment that was rolled back with these words.
    fn back(words: &str) -> ServiceDeployment {
        let rollback = Some(ServiceRollback { reason: words.to_owned(), revision: None });
        ServiceDeployment { rollback, ..service_deployment() }
    }

    #[test]
    fn fields_tell_the_cause_and_words_only_where_none_does() {
        // The words name another cause each time, to show what counts.
        let words = "rolled back because of an alarm";
        let breaker = ServiceDeployment { circuit_breaker_triggered: true, ..back(words) };
        let alarm = ServiceDeployment {
            triggered_alarms: vec!["slow".to_owned()],
            ..back("circuit breaker")
        };
        let hook = ServiceDeployment { failed_hooks: vec!["smoke".to_owned()], ..back(words) };
        let user =
            ServiceDeployment { stopped_at: Some(jiff::Timestamp::UNIX_EPOCH), ..back(words) };
        for (deployment, cause) in [
            (breaker, RollbackCause::CircuitBreaker),
            (alarm, RollbackCause::Alarm),
            (hook, RollbackCause::Hook),
            (user, RollbackCause::User),
            (back(words), RollbackCause::Alarm),
            (back("ECS deployment Circuit Breaker: tasks failed"), RollbackCause::CircuitBreaker),
            (back("rolled back because a user stopped it"), RollbackCause::User),
            (back("a lifecycle hook failed"), RollbackCause::Hook),
            (back("lifecycle hook(s) failed: function:user-alarm"), RollbackCause::Hook),
            (back("it rained"), RollbackCause::Other),
            (back(""), RollbackCause::Other),
        ] {
            assert_eq!(cause_of(&deployment), cause, "{deployment:?}");
        }
    }

    #[test]
    fn alarms_and_hooks_are_named() {
        let mut alarmed = back("rolled back for the alarm slow");
        alarmed.triggered_alarms = vec!["slow".to_owned(), "errors".to_owned()];
        assert_eq!(failure_reason(&alarmed), "rolled back for the alarm slow (in ALARM: errors)");
        alarmed.failed_hooks = vec!["smoke".to_owned()];
        alarmed.rollback = None;
        assert_eq!(
            failure_reason(&alarmed),
            "ECS ended the deployment and gives no reason (in ALARM: slow, errors; failed hooks: \
             smoke)"
        );
        let mut hooked = back("rolled back because POST_SCALE_UP pause hook timed out");
        hooked.failed_hooks = vec!["ecs-pause-1".to_owned()];
        assert_eq!(
            failure_reason(&hooked),
            "rolled back because POST_SCALE_UP pause hook timed out"
        );
    }

    #[test]
    fn a_rollback_that_fails_is_told_in_its_own_words() {
        let mut failed = back("tasks failed");
        assert_eq!(rollback_failure(&failed), "tasks failed");
        failed.status_reason = "No rollback candidate was found.".to_owned();
        assert_eq!(rollback_failure(&failed), "No rollback candidate was found.");
        assert_eq!(failure_reason(&failed), "tasks failed");
    }
}
