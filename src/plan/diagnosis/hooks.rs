//! Why ECS ended a deployment that goes in stages: its lifecycle hooks, and what the load balancer is
//! set to.
//!
//! The words are those of the ECS developer guide, "troubleshooting blue/green deployments". Where they
//! are others, the states of the hooks count.

use super::super::cause::words_of;
use crate::model::{Cause, Diagnosis, Evidence, HookDetail, ServiceDeployment};

/// The cause that our service deployment or the service's events tell of.
pub(super) fn diagnose(
    evidence: &Evidence,
    ended: Option<&ServiceDeployment>,
) -> Option<Diagnosis> {
    let words = ended.map(words_of);
    let events = evidence.events.iter().rev().map(|event| event.message.as_str());
    words.into_iter().chain(events).find_map(of_words).or_else(|| of_states(ended?))
}

/// Whether a text is about hooks or the load balancer, and so means nothing else.
pub(super) fn is_about(text: &str) -> bool {
    of_words(text).is_some()
}

/// A hook that failed.
struct Hook<'a> {
    /// At which stage, where that is told.
    stage: Option<&'a str>,
    /// What ECS says of it.
    words: &'a str,
    /// The function that it calls, if it calls one.
    function: Option<Function<'a>>,
}

/// A function of Lambda.
struct Function<'a> {
    /// Its ARN, with a version or alias.
    arn: &'a str,
    /// Its name.
    name: &'a str,
}

impl<'a> Function<'a> {
    /// The first function that a text names by its ARN.
    fn in_text(text: &'a str) -> Option<Self> {
        let mut words = text.split_whitespace().map(|word| word.trim_end_matches(['.', ',', ':']));
        let arn = words.find(|word| word.contains(":function:"))?;
        let (_, named) = arn.split_once(":function:")?;
        Some(Self { arn, name: named.split(':').next().unwrap_or(named) })
    }

    /// What shows its log.
    fn log(&self) -> String {
        let region = self.arn.split(':').nth(3).filter(|region| !region.is_empty());
        let region = region.map(|region| format!(" --region {region}")).unwrap_or_default();
        format!("`aws logs tail /aws/lambda/{} --since 1h{region}`", self.name)
    }
}

impl Hook<'_> {
    /// Which hook it is.
    fn place(&self) -> String {
        self.stage.map_or_else(|| "a hook".to_owned(), |stage| format!("a hook at {stage}"))
    }

    /// Which pause it is.
    fn pause(&self) -> String {
        let at = self.stage.map(|stage| format!(" at {stage}")).unwrap_or_default();
        format!("the PAUSE hook{at}")
    }

    /// Which function, and which hook it is.
    fn called(&self) -> String {
        let name = self.function.as_ref().map(|function| format!("the function {}", function.name));
        format!("{}, {},", name.as_deref().unwrap_or("a function"), self.place())
    }

    /// Where the function's log is, in words that complete a sentence. It may have been given another
    /// log group than Lambda's own (Lambda developer guide, "configuring log groups").
    fn log(&self) -> String {
        self.function.as_ref().map_or_else(
            || "in its log".to_owned(),
            |function| format!("with {}, or in the log group it was given", function.log()),
        )
    }

    /// What follows "due to" in ECS's words.
    fn why(&self) -> &str {
        let (_, why) = self.words.split_once(" due to").unwrap_or(("", self.words));
        why.trim_matches([':', '.', ' '])
    }
}

/// What a hook's failure means.
type Meaning = fn(&Hook<'_>) -> Diagnosis;

/// What ECS says of a hook, and what it means; the first counts.
const CASES: &[(&str, Meaning)] = &[
    ("unable to assume role", unassumable),
    ("unable to invoke hook target", not_called),
    ("unable to parse the response", not_understood),
    ("returned FAILED status", refused_by_function),
    ("pause hook", refused_by_somebody),
    ("timed out", function_is_late),
];

/// What words of ECS mean; nothing where they are about something else.
fn of_words(text: &str) -> Option<Diagnosis> {
    if let Some((_, action)) = text.split_once("not authorized to perform: elasticloadbalancing:") {
        return Some(balancer_denied(action.split_whitespace().next().unwrap_or_default()));
    }
    if let Some((_, words)) = text.split_once("invalid networking configuration") {
        return Some(balancer_unfit(words.trim_matches([':', '.', ' '])));
    }
    if let Some((before, words)) = text.split_once(" pause hook timed out") {
        return Some(nobody_answered(&Hook { stage: last_word(before), words, function: None }));
    }
    let (before, words) = text.split_once(" lifecycle hook(s) failed")?;
    let words = words.trim_start_matches(['.', ' ']);
    let hook = Hook { stage: last_word(before), words, function: Function::in_text(words) };
    let case = CASES.iter().find(|(has, _)| words.contains(has));
    Some(case.map_or(failed as Meaning, |(_, meaning)| *meaning)(&hook))
}

/// The last word of a text.
fn last_word(text: &str) -> Option<&str> {
    text.split_whitespace().last()
}

/// What the states of hooks mean.
fn of_states(ended: &ServiceDeployment) -> Option<Diagnosis> {
    let is_it = |hook: &&HookDetail| {
        let names = [Some(&hook.id), hook.target.as_ref()];
        hook.has_failed() && names.into_iter().flatten().any(|id| ended.failed_hooks.contains(id))
    };
    let failed = ended.hooks.iter().find(is_it)?;
    let function = failed.target.as_deref().and_then(Function::in_text);
    let hook = Hook { stage: None, words: "", function };
    Some(match (failed.target_type.as_str(), failed.status.as_str()) {
        ("PAUSE", "TIMED_OUT") => nobody_answered(&hook),
        ("PAUSE", _) => refused_by_somebody(&hook),
        (_, "TIMED_OUT") => function_is_late(&hook),
        _ => refused_by_function(&hook),
    })
}

/// A function that says no.
fn refused_by_function(hook: &Hook<'_>) -> Diagnosis {
    Diagnosis {
        cause: Cause::HookFailed,
        text: format!("{} answered FAILED", hook.called()),
        hint: format!("read what it found {}; mend that, and deploy again", hook.log()),
    }
}

/// A function that does not say anything in time.
fn function_is_late(hook: &Hook<'_>) -> Diagnosis {
    Diagnosis {
        cause: Cause::HookTimedOut,
        text: format!("{} did not answer in time", hook.called()),
        hint: format!(
            "read what it waits for {}; raise `timeoutInMinutes` of the hook where it only needs \
             longer",
            hook.log()
        ),
    }
}

/// A pause that nobody ended.
fn nobody_answered(hook: &Hook<'_>) -> Diagnosis {
    Diagnosis {
        cause: Cause::HookTimedOut,
        text: format!("nobody answered {} in time", hook.pause()),
        hint:
            "deploy again, and answer with the `release-tool continue` that is shown then; raise \
               `timeoutInMinutes` of the hook where people need longer, up to 20160"
                .to_owned(),
    }
}

/// A pause that somebody ended with no.
fn refused_by_somebody(hook: &Hook<'_>) -> Diagnosis {
    Diagnosis {
        cause: Cause::HookRefused,
        text: format!("somebody answered {} with ROLLBACK", hook.pause()),
        hint: "ask who did, and why: `release-tool log` has it where it was done with this program, and \
               CloudTrail has the event `ContinueServiceDeployment`"
            .to_owned(),
    }
}

/// A role that ECS cannot take to call a function.
fn unassumable(hook: &Hook<'_>) -> Diagnosis {
    let role = hook.words.split_once("assume role").map(|(_, rest)| rest);
    let role = role.and_then(|rest| rest.split_whitespace().next()).unwrap_or("of the hook");
    let role = role.trim_end_matches(['.', ',']);
    Diagnosis {
        cause: Cause::HookUnusable,
        text: format!("ECS cannot assume the role {role}, with which it calls {}", hook.place()),
        hint: format!(
            "let `ecs.amazonaws.com` do `sts:AssumeRole` in the trust policy of {role}, which `roleArn` \
             of the hook names"
        ),
    }
}

/// A function that ECS cannot call.
fn not_called(hook: &Hook<'_>) -> Diagnosis {
    let arn = hook.function.as_ref().map_or("the function", |function| function.arn);
    let (what, hint) = if hook.words.contains("lambda:InvokeFunction") {
        let role = hook.words.split_once("assumed-role/").and_then(|(_, r)| r.split('/').next());
        let role =
            role.map_or_else(|| "the hook's role".to_owned(), |role| format!("the role {role}"));
        ("may not call".to_owned(), format!("let {role} do `lambda:InvokeFunction` on {arn}"))
    } else {
        let look = format!(
            "look whether it is there with `aws lambda get-function --function-name {arn}`"
        );
        ("cannot call".to_owned(), format!("{look}; ECS says: {}", hook.why()))
    };
    let called = hook.called();
    let text = format!("ECS {what} {}", called.trim_end_matches(','));
    Diagnosis { cause: Cause::HookUnusable, text, hint }
}

/// A function whose answer ECS does not understand: mostly it broke off.
fn not_understood(hook: &Hook<'_>) -> Diagnosis {
    Diagnosis {
        cause: Cause::HookUnusable,
        text: format!("{} gave no answer that ECS understands: {}", hook.called(), hook.why()),
        hint: format!(
            "read whether it broke off or ran out of time {}; have it return \
             `{{\"hookStatus\": \"SUCCEEDED\"}}`",
            hook.log()
        ),
    }
}

/// A hook that failed in a way that is not known.
fn failed(hook: &Hook<'_>) -> Diagnosis {
    Diagnosis {
        cause: Cause::HookFailed,
        text: format!("{} failed: {}", hook.place(), hook.words),
        hint: "look for these words in the ECS developer guide, \"troubleshooting blue/green \
               deployments\""
            .to_owned(),
    }
}

/// What ECS may not do with a load balancer.
fn balancer_denied(action: &str) -> Diagnosis {
    Diagnosis {
        cause: Cause::LoadBalancer,
        text: format!("ECS may not do `elasticloadbalancing:{action}`"),
        hint: "attach `AmazonECSInfrastructureRolePolicyForLoadBalancers` to the role that `roleArn` in \
               `loadBalancers` of the service names"
            .to_owned(),
    }
}

/// A load balancer that is not set as a deployment needs it.
fn balancer_unfit(words: &str) -> Diagnosis {
    Diagnosis {
        cause: Cause::LoadBalancer,
        text: format!("the load balancer is not set up as the deployment needs it: {words}"),
        hint: "compare the rules of its listeners with `loadBalancers` of the service: each target group \
               in a rule of its own or in one rule with all the weight on one of them, and a role in \
               `roleArn` that `ecs.amazonaws.com` may assume"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{model::ServiceEvent, plan::test_support::service_deployment};

    /// The ARN of a function.
    const ARN: &str = "arn:aws:lambda:us-west-2:123456789012:function:myHook";

    /// How its log is read.
    const LOG: &str = "aws logs tail /aws/lambda/myHook --since 1h --region us-west-2";

    /// What ECS says after "Service deployment rolled back because ", the cause of it, and words of the
    /// text and of the hint.
    const ENDED: &[(&str, Cause, &str, &str)] = &[
        (
            "TEST_TRAFFIC_SHIFT lifecycle hook(s) failed. Lifecycle hook target \
             arn:aws:lambda:us-west-2:123456789012:function:myHook returned FAILED status.",
            Cause::HookFailed,
            "the function myHook, a hook at TEST_TRAFFIC_SHIFT, answered FAILED",
            LOG,
        ),
        (
            "PRE_SCALE_UP lifecycle hook(s) failed. ECS was unable to parse the response from \
             arn:aws:lambda:us-west-2:123456789012:function:myHook:live due to: HookStatus must not be \
             null.",
            Cause::HookUnusable,
            "myHook, a hook at PRE_SCALE_UP, gave no answer that ECS understands: HookStatus must not be \
             null",
            LOG,
        ),
        (
            "TEST_TRAFFIC_SHIFT lifecycle hook(s) failed. ECS was unable to assume role \
             arn:aws:iam::123456789012:role/Admin",
            Cause::HookUnusable,
            "cannot assume the role arn:aws:iam::123456789012:role/Admin",
            "`ecs.amazonaws.com`",
        ),
        (
            "TEST_TRAFFIC_SHIFT lifecycle hook(s) failed. ECS was unable to invoke hook target \
             arn:aws:lambda:us-west-2:123456789012:function:myHook due to User: \
             arn:aws:sts::123456789012:assumed-role/myLambdaRole/ECS-Lambda-Execution is not authorized \
             to perform: lambda:InvokeFunction on resource: \
             arn:aws:lambda:us-west-2:123456789012:function:myHook because no identity-based policy \
             allows the lambda:InvokeFunction action",
            Cause::HookUnusable,
            "ECS may not call the function myHook, a hook at TEST_TRAFFIC_SHIFT",
            "let the role myLambdaRole do `lambda:InvokeFunction` on arn:aws:lambda:us-west-2:123456789012:\
             function:myHook",
        ),
        (
            "POST_SCALE_UP lifecycle hook(s) failed. ECS was unable to invoke hook target \
             arn:aws:lambda:us-west-2:123456789012:function:myHook due to Function not found",
            Cause::HookUnusable,
            "ECS cannot call the function myHook, a hook at POST_SCALE_UP",
            "Function not found",
        ),
        (
            "POST_SCALE_UP lifecycle hook(s) failed. Lifecycle hook target \
             arn:aws:lambda:us-west-2:123456789012:function:myHook timed out.",
            Cause::HookTimedOut,
            "did not answer in time",
            LOG,
        ),
        (
            "POST_TEST_TRAFFIC_SHIFT pause hook timed out.",
            Cause::HookTimedOut,
            "nobody answered the PAUSE hook at POST_TEST_TRAFFIC_SHIFT in time",
            "release-tool continue",
        ),
        (
            "POST_SCALE_UP lifecycle hook(s) failed. A user rolled back at the pause hook ecs-pause-1.",
            Cause::HookRefused,
            "somebody answered the PAUSE hook at POST_SCALE_UP with ROLLBACK",
            "ContinueServiceDeployment",
        ),
        (
            "POST_SCALE_UP lifecycle hook(s) failed. Something new.",
            Cause::HookFailed,
            "a hook at POST_SCALE_UP failed: Something new.",
            "developer guide",
        ),
        (
            "TEST_TRAFFIC_SHIFT lifecycle hook(s) failed. User: \
             arn:aws:sts::123456789012:assumed-role/myELBRole/ECSNetworkingWithELB is not authorized to \
             perform: elasticloadbalancing:ModifyListener on resource: arn:aws:x because no \
             identity-based policy allows the elasticloadbalancing:ModifyListener action",
            Cause::LoadBalancer,
            "ECS may not do `elasticloadbalancing:ModifyListener`",
            "AmazonECSInfrastructureRolePolicyForLoadBalancers",
        ),
        (
            "of invalid networking configuration: Target group arn:aws:x is not associated with either \
             productionListenerRule or testListenerRule.",
            Cause::LoadBalancer,
            "as the deployment needs it: Target group arn:aws:x is not associated",
            "loadBalancers",
        ),
    ];

    /// A deployment that ended with these words.
    fn ended(words: &str) -> ServiceDeployment {
        let status_reason = format!("Service deployment rolled back because {words}");
        ServiceDeployment { status_reason, ..service_deployment() }
    }

    /// An event with these words.
    fn event(words: &str) -> Evidence {
        let message = format!(
            "(service web) (deployment ecs-svc/1) deployment failed: Service deployment rolled back \
             because {words}"
        );
        let event = ServiceEvent { id: "1".to_owned(), at: Timestamp::UNIX_EPOCH, message };
        Evidence { events: vec![event], ..Evidence::default() }
    }

    #[test]
    fn words_say_which_hook_failed_and_how() {
        for (words, cause, text, hint) in ENDED.iter().copied() {
            let by_status = super::super::diagnose(&Evidence::default(), Some(&ended(words)));
            let by_event = super::super::diagnose(&event(words), None);
            assert_eq!(by_status, by_event, "{words}");
            assert_eq!(by_status.len(), 1, "nothing else is told: {by_status:?}");
            assert_eq!(by_status[0].cause, cause, "{words}");
            assert!(by_status[0].text.contains(text), "{}", by_status[0].text);
            assert!(by_status[0].hint.contains(hint), "{}", by_status[0].hint);
        }
    }

    #[test]
    fn without_known_words_the_states_of_the_hooks_count() {
        let hook = |target_type: &str, target: Option<&str>, status: &str| HookDetail {
            id: "h".to_owned(),
            target_type: target_type.to_owned(),
            target: target.map(str::to_owned),
            status: status.to_owned(),
            expires_at: None,
            timeout_action: None,
        };
        for (hook, cause) in [
            (hook("PAUSE", None, "TIMED_OUT"), Cause::HookTimedOut),
            (hook("PAUSE", None, "FAILED"), Cause::HookRefused),
            (hook("AWS_LAMBDA", Some(ARN), "FAILED"), Cause::HookFailed),
            (hook("AWS_LAMBDA", Some(ARN), "TIMED_OUT"), Cause::HookTimedOut),
        ] {
            let failed_hooks = vec!["h".to_owned()];
            let deployment =
                ServiceDeployment { hooks: vec![hook], failed_hooks, ..ended("it is so") };
            let found = diagnose(&Evidence::default(), Some(&deployment)).unwrap();
            assert_eq!(found.cause, cause);
            assert_eq!(found.hint.contains(LOG), deployment.hooks[0].target.is_some());
            let heedless = ServiceDeployment { failed_hooks: Vec::new(), ..deployment };
            assert_eq!(diagnose(&Evidence::default(), Some(&heedless)), None, "ECS went on");
        }
        let breaker = ended("the circuit breaker threshold was exceeded.");
        assert_eq!(diagnose(&Evidence::default(), Some(&breaker)), None);
    }
}
