//! The words for rollouts in stages and for hooks that wait; one place, so that all reporters say
//! the same.
//!
//! ECS calls the new version green and the old one blue, whatever the strategy; so is it here.

use std::time::Duration;

use super::{escape::escape, table::Table};
use crate::model::{
    CodeDeployWaits, DeploymentNumber, HookAnswer, HookDetail, LifecycleHook, Percent, ServiceId,
    StageProgress, StepProgress, Strategy, TrafficShift, TrafficSteps,
};

/// How far a rollout in stages is, in a few words.
#[must_use]
pub(super) fn progress(progress: &StepProgress, stage: &StageProgress) -> String {
    let tasks = format!("{} of {} tasks", progress.running, progress.desired);
    let counts = [(progress.pending, "starting"), (progress.failed_tasks, "failed to start")];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, what)| format!("{count} {what}"));
    let traffic = traffic(stage);
    let parts = traffic.into_iter().chain([tasks]).chain(counts);
    let parts = parts.chain(stage.until.map(|until| until_words(stage, until)));
    let parts = parts.chain(stage.hooks.iter().map(hook_words));
    format!("{}  {}", place(stage), parts.collect::<Vec<String>>().join(", "))
}

/// Where a rollout in stages is, whatever becomes of its tasks.
#[must_use]
pub(super) fn summary(stage: &StageProgress) -> String {
    let parts = traffic(stage).into_iter();
    let parts = parts.chain(stage.until.map(|until| until_words(stage, until)));
    let parts: Vec<String> = parts.chain(stage.hooks.iter().map(hook_words)).collect();
    format!("{}  {}", place(stage), parts.join(", ")).trim_end().to_owned()
}

/// The strategy, and the stage where it is in one.
fn place(stage: &StageProgress) -> String {
    let at = stage.stage.as_deref().map(|at| format!("  {}", escape(at)));
    format!("{}{}", escape(&stage.strategy), at.unwrap_or_default())
}

/// Who has which share of traffic, as far as ECS tells.
fn traffic(stage: &StageProgress) -> Option<String> {
    let nothing = Percent::new(0.0);
    let green = stage.production?;
    let blue = stage.old_production.map_or_else(String::new, |blue| format!(", {blue} % blue"));
    let test = stage.test.filter(|test| *test > nothing && green < Percent::ALL);
    let test = test.map_or_else(String::new, |test| format!(", {test} % of test traffic green"));
    Some(format!("{green} % green{blue}{test}"))
}

/// When a planned wait is over.
fn until_words(stage: &StageProgress, until: jiff::Timestamp) -> String {
    let is_part = stage.production.is_some_and(Percent::is_a_part);
    let what = match stage.is_of_code_deploy() {
        _ if is_part => "next shift",
        true => "the old tasks are kept until",
        false => "bake ends",
    };
    format!("{what} {}", minute(until))
}

/// What a hook that is not over does.
fn hook_words(hook: &HookDetail) -> String {
    let name = match &hook.target {
        None if hook.is_ready_wait() => escape(&hook.id),
        Some(target) => format!("hook {}", escape(target.rsplit(':').next().unwrap_or(target))),
        None => format!("{} hook", escape(&hook.target_type)),
    };
    if !hook.awaits_action() {
        return format!("{name} runs");
    }
    let until = hook.expires_at.map_or_else(String::new, |at| format!(" until {}", minute(at)));
    format!("{name} waits{until}")
}

/// That a hook waits for somebody, until when, and what happens then.
#[must_use]
pub(super) fn awaits(stage: Option<&str>, hook: &HookDetail) -> String {
    let at = stage.map_or_else(String::new, |stage| format!(" at {}", escape(stage)));
    let kind = escape(&hook.target_type);
    let who = if hook.is_ready_wait() { "CodeDeploy" } else { "ECS" };
    let then = match (&hook.timeout_action, hook.expires_at) {
        (Some(action), Some(at)) => {
            format!("; at {} {who} does {} by itself", minute(at), escape(action))
        }
        (_, Some(at)) => format!("; it waits until {}", minute(at)),
        _ => String::new(),
    };
    if hook.is_ready_wait() {
        let id = escape(&hook.id);
        return format!("WAITING  {id} waits for your answer before it shifts traffic{then}");
    }
    format!("WAITING  {kind} hook {}{at} waits for your answer{then}", escape(&hook.id))
}

/// That a hook of a service waits for somebody, with the commands that answer it.
#[must_use]
pub fn waits(
    (deployment, service): (DeploymentNumber, &ServiceId),
    stage: Option<&str>,
    hook: &HookDetail,
) -> String {
    let line = format!("{service}: {}", awaits(stage, hook));
    [line].into_iter().chain(answers(deployment, service)).collect::<Vec<String>>().join("\n")
}

/// The commands that answer a hook.
#[must_use]
pub(super) fn answers(deployment: DeploymentNumber, service: &ServiceId) -> Vec<String> {
    let ways = ways_on(deployment, service).into_iter();
    ways.map(|way| format!("hint: {way}")).collect()
}

/// What can be done where a hook waits, without the word that it is a hint.
#[must_use]
pub(super) fn ways_on(deployment: DeploymentNumber, service: &ServiceId) -> [String; 2] {
    let answer = format!("release-tool continue {deployment} --service {service}");
    [format!("go on with `{answer}`"), format!("or take it back with `{answer} --rollback`")]
}

/// A hook that waits, as `continue` shows it.
pub struct WaitingRow<'a> {
    /// The deployment.
    pub deployment: DeploymentNumber,
    /// The service.
    pub service: &'a ServiceId,
    /// How far its rollout is.
    pub stage: &'a StageProgress,
    /// The hook.
    pub hook: &'a HookDetail,
}

/// The hooks that wait, and what they are to be answered.
#[must_use]
pub fn waiting(rows: &[WaitingRow<'_>], answer: HookAnswer) -> String {
    let mut table = Table::default();
    for row in rows {
        let then = row.hook.timeout_action.as_deref();
        let then = then.map_or_else(String::new, |then| format!(", then {}", escape(then)));
        table.row([
            format!("{} {}", row.deployment, row.service),
            place(row.stage),
            traffic(row.stage).unwrap_or_default(),
            format!("{}{then}", hook_words(row.hook)),
        ]);
    }
    let what = match answer {
        HookAnswer::Continue => "These will go on",
        HookAnswer::Rollback => "These will go back to what ran before",
    };
    format!("{what}:\n\n{}", table.render(4))
}

/// That a hook was answered.
#[must_use]
pub fn answered(deployment: DeploymentNumber, service: &ServiceId, answer: HookAnswer) -> String {
    match answer {
        HookAnswer::Continue => format!("{deployment}: {service} goes on."),
        HookAnswer::Rollback => {
            format!("{deployment}: {service} goes back to what it ran before.")
        }
    }
}

/// What a service's strategy means for its rollout, one line each.
#[must_use]
pub(super) fn plan(strategy: &Strategy) -> Vec<String> {
    if !strategy.is_staged() {
        return Vec::new();
    }
    let name = escape(&strategy.name);
    let steps = strategy.shift.map(steps);
    let bake = Some(strategy.bake_minutes).filter(|minutes| *minutes > 0);
    let bake = bake.map(|minutes| format!("bakes for {minutes} min"));
    let how: Vec<String> = steps.into_iter().chain(bake).collect();
    let colon = if how.is_empty() { "" } else { ": " };
    let words = format!("{name}{colon}{}{}", how.join(", then "), at_least(strategy.bakes()));
    [words].into_iter().chain(strategy.hooks.iter().map(hook_plan)).collect()
}

/// How traffic moves in steps.
fn steps(shift: TrafficSteps) -> String {
    let TrafficSteps { percent, bake_minutes: minutes, waits } = shift;
    if waits == 1 {
        return format!("{percent} % of traffic for {minutes} min, then all");
    }
    format!("{percent} % of traffic a step, {minutes} min after each but the last")
}

/// How long something takes at least, to be put behind other words.
fn at_least(planned: Duration) -> String {
    if planned.is_zero() { String::new() } else { format!("; takes at least {}", span(planned)) }
}

/// What the waits of a deployment group mean for a service's rollout, one line each.
#[must_use]
pub(super) fn code_deploy_plan(waits: &CodeDeployWaits) -> Vec<String> {
    let name = escape(&waits.configuration);
    let somebody = waits.ready_minutes.map(|minutes| {
        let longest = span(Duration::from_secs(u64::from(minutes) * 60));
        format!(
            "waits for `release-tool continue` before it shifts traffic, at most {longest}, then \
             STOP_DEPLOYMENT"
        )
    });
    let shift = match waits.shift {
        TrafficShift::AllAtOnce => None,
        TrafficShift::InSteps(shift) => Some(steps(shift)),
        TrafficShift::Unknown => {
            Some("CodeDeploy does not tell how traffic is shifted, nor how long that takes".into())
        }
    };
    let minutes = Some(waits.termination_minutes).filter(|minutes| *minutes > 0);
    let kept = minutes.map(|minutes| format!("the old tasks are kept for {minutes} min"));
    let how: Vec<String> = shift.into_iter().chain(kept).collect();
    let how = (!how.is_empty())
        .then(|| format!("{name}: {}{}", how.join(", then "), at_least(waits.planned())));
    somebody.into_iter().chain(how).collect()
}

/// What a hook will do.
fn hook_plan(hook: &LifecycleHook) -> String {
    let stages = escape(&hook.stages.join(", "));
    let limit = hook.timeout_minutes.map(|minutes| {
        let action = hook.timeout_action.as_deref().unwrap_or("ROLLBACK");
        let span = span(Duration::from_secs(u64::from(minutes) * 60));
        format!(", at most {span}, then {}", escape(action))
    });
    let limit = limit.unwrap_or_default();
    if let Some(target) = &hook.target {
        let name = target.rsplit(':').next().unwrap_or(target);
        return format!("calls {} at {stages}{limit}", escape(name));
    }
    let kind = escape(&hook.target_type);
    format!("{kind} hook at {stages}: waits for `release-tool continue`{limit}")
}

/// A planned time, in hours and minutes.
fn span(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// A minute in UTC, with its day: a stage may last for one, and a hook for two weeks.
fn minute(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baking() -> StageProgress {
        StageProgress {
            strategy: "BLUE_GREEN".to_owned(),
            stage: Some("BAKE_TIME".to_owned()),
            production: Some(Percent::ALL),
            old_production: Some(Percent::new(0.0)),
            test: Some(Percent::ALL),
            until: "2026-11-21T16:42:10Z".parse().ok(),
            hooks: Vec::new(),
        }
    }

    fn words(stage: StageProgress) -> String {
        let stage = Some(stage);
        super::super::words::progress(&StepProgress {
            service: ServiceId::new("storefront").unwrap(),
            rollout_state: None,
            running: 2,
            pending: 0,
            desired: 2,
            old_tasks: 2,
            failed_tasks: 0,
            seconds: 1,
            stage,
        })
    }

    fn pause(status: &str) -> HookDetail {
        HookDetail {
            id: "approve".to_owned(),
            target_type: "PAUSE".to_owned(),
            target: None,
            status: status.to_owned(),
            expires_at: "2026-11-22T08:00:00Z".parse().ok(),
            timeout_action: Some("ROLLBACK".to_owned()),
        }
    }

    #[test]
    fn a_stage_says_who_has_the_traffic_and_until_when_it_waits() {
        assert_eq!(
            words(baking()),
            "BLUE_GREEN  BAKE_TIME  100 % green, 0 % blue, 2 of 2 tasks, bake ends 2026-11-21 16:42 UTC"
        );
        let mut part = baking();
        part.strategy = "CANARY".to_owned();
        part.stage = Some("PRODUCTION_TRAFFIC_SHIFT".to_owned());
        (part.production, part.old_production) =
            (Some(Percent::new(2.5)), Some(Percent::new(97.5)));
        assert_eq!(
            words(part),
            "CANARY  PRODUCTION_TRAFFIC_SHIFT  2.5 % green, 97.5 % blue, 100 % of test traffic \
             green, 2 of 2 tasks, next shift 2026-11-21 16:42 UTC"
        );
        let mut paused = baking();
        (paused.until, paused.hooks) = (None, vec![pause("AWAITING_ACTION")]);
        assert!(words(paused).ends_with("tasks, PAUSE hook waits until 2026-11-22 08:00 UTC"));
        let mut over = baking();
        (over.stage, over.until) = (None, None);
        assert_eq!(words(over), "BLUE_GREEN  100 % green, 0 % blue, 2 of 2 tasks");
        let mut odd = baking();
        odd.stage = Some("A\u{1b}[2JSTAGE".to_owned());
        assert!(!words(odd).contains('\u{1b}'));
    }

    #[test]
    fn a_hook_that_waits_comes_with_both_answers() {
        let hook = pause("AWAITING_ACTION");
        assert_eq!(
            awaits(Some("POST_TEST_TRAFFIC_SHIFT"), &hook),
            "WAITING  PAUSE hook approve at POST_TEST_TRAFFIC_SHIFT waits for your answer; at \
             2026-11-22 08:00 UTC ECS does ROLLBACK by itself"
        );
        let lines = answers(DeploymentNumber(12), &ServiceId::new("web").unwrap());
        assert_eq!(
            lines,
            [
                "hint: go on with `release-tool continue d12 --service web`",
                "hint: or take it back with `release-tool continue d12 --service web --rollback`"
            ]
        );
    }

    #[test]
    fn codedeploy_says_what_it_waits_for_and_until_when() {
        let mut stage = StageProgress {
            strategy: StageProgress::CODE_DEPLOY.to_owned(),
            stage: Some("Baking".to_owned()),
            test: None,
            ..baking()
        };
        assert_eq!(
            summary(&stage),
            "CODE_DEPLOY  Baking  100 % green, 0 % blue, the old tasks are kept until 2026-11-21 \
             16:42 UTC"
        );
        let hook = HookDetail {
            id: "d-ABC".to_owned(),
            target_type: HookDetail::READY_WAIT.to_owned(),
            timeout_action: Some("STOP_DEPLOYMENT".to_owned()),
            ..pause("AWAITING_ACTION")
        };
        assert_eq!(
            awaits(Some("Ready"), &hook),
            "WAITING  d-ABC waits for your answer before it shifts traffic; at 2026-11-22 08:00 UTC \
             CodeDeploy does STOP_DEPLOYMENT by itself"
        );
        (stage.until, stage.production, stage.old_production) = (None, None, None);
        (stage.stage, stage.hooks) = (Some("Ready".to_owned()), vec![hook]);
        assert_eq!(summary(&stage), "CODE_DEPLOY  Ready  d-ABC waits until 2026-11-22 08:00 UTC");
    }

    #[test]
    fn a_plan_says_what_codedeploy_waits_for() {
        let waits = |shift, ready_minutes, termination_minutes| CodeDeployWaits {
            configuration: "Mine".to_owned(),
            shift,
            ready_minutes,
            termination_minutes,
        };
        let percent = Percent::new(10.0);
        let canary = TrafficShift::InSteps(TrafficSteps { percent, bake_minutes: 5, waits: 1 });
        let nothing: Vec<String> = Vec::new();
        assert_eq!(code_deploy_plan(&waits(TrafficShift::AllAtOnce, None, 0)), nothing);
        assert_eq!(
            code_deploy_plan(&waits(canary, Some(2880), 60)),
            [
                "waits for `release-tool continue` before it shifts traffic, at most 48 h, then \
                 STOP_DEPLOYMENT",
                "Mine: 10 % of traffic for 5 min, then all, then the old tasks are kept for 60 min; \
                 takes at least 1 h 5 min"
            ]
        );
        assert_eq!(
            code_deploy_plan(&waits(TrafficShift::Unknown, None, 0)),
            ["Mine: CodeDeploy does not tell how traffic is shifted, nor how long that takes"]
        );
    }

    #[test]
    fn a_plan_says_how_long_it_takes_at_least() {
        let shift = |percent, waits| {
            Some(TrafficSteps { percent: Percent::new(percent), bake_minutes: 15, waits })
        };
        let hook = LifecycleHook {
            target_type: "PAUSE".to_owned(),
            target: None,
            stages: vec!["POST_TEST_TRAFFIC_SHIFT".to_owned()],
            timeout_minutes: Some(1440),
            timeout_action: Some("ROLLBACK".to_owned()),
        };
        let strategy = |name: &str, shift, hooks| Strategy {
            name: name.to_owned(),
            bake_minutes: 10,
            shift,
            hooks,
        };
        assert_eq!(plan(&Strategy::default()), Vec::<String>::new());
        assert_eq!(
            plan(&strategy("CANARY", shift(10.0, 1), vec![hook])),
            [
                "CANARY: 10 % of traffic for 15 min, then all, then bakes for 10 min; takes at \
                 least 25 min",
                "PAUSE hook at POST_TEST_TRAFFIC_SHIFT: waits for `release-tool continue`, at most \
                 24 h, then ROLLBACK"
            ]
        );
        assert_eq!(
            plan(&strategy("LINEAR", shift(20.0, 4), vec![])),
            [
                "LINEAR: 20 % of traffic a step, 15 min after each but the last, then bakes for 10 min; \
              takes at least 1 h 10 min"
            ]
        );
    }
}
