//! One-off tasks of earlier deployments whose ends are not recorded.
//!
//! Invariant: no task is planned beside one that still runs, and none after one whose end nobody
//! knows, unless somebody says so.

use std::fmt;

use super::steps::{Note, Plan, PlannedStep, Warning};
use crate::model::{BeforeTask, ClusterName, DeploymentNumber, ServiceId};

/// The one-off task that was asked for last for a service, where its end is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierTask {
    /// The service.
    pub service: ServiceId,
    /// The deployment that asked for it.
    pub deployment: DeploymentNumber,
    /// The task, as it is recorded.
    pub task: BeforeTask,
    /// The cluster it was asked for in.
    pub cluster: ClusterName,
    /// Whether the images that it was run for are those that are to be deployed now.
    pub same_images: bool,
    /// What ECS tells of it now.
    pub seen: Seen,
}

/// What ECS tells of a one-off task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is not over.
    Runs {
        /// Its ARN.
        arn: String,
        /// Its status.
        status: String,
    },
    /// It exited with this code; none where it never ran.
    Ended(Option<i32>),
    /// It started, and stopped without an exit code.
    WithoutCode,
    /// ECS does not know it, or not any more.
    Nothing,
}

impl EarlierTask {
    /// What to do about it: sentences with the exact flag or command.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let look =
            format!("see what is recorded of it with `release-tool show {}`", self.deployment);
        if let Seen::Runs { arn, .. } = &self.seen {
            let (cluster, id) = (&self.cluster, arn.rsplit('/').next().unwrap_or(arn));
            return vec![format!(
                "wait for its end, or stop it with `aws ecs stop-task --cluster {cluster} --task \
                 {id}`, and deploy again"
            )];
        }
        let again = "find out by its log or by what it changed how it ended; where it may be run \
                     again, deploy with `--rerun-before`"
            .to_owned();
        let skip = "where it succeeded, deploy without it with `--skip-before`".to_owned();
        [look, again].into_iter().chain(self.same_images.then_some(skip)).collect()
    }

    /// The task, who asked for it and when, and its ARN.
    fn name(&self) -> String {
        let Self { service, deployment, task, .. } = self;
        let arn = match (&task.task_arn, &self.seen) {
            (Some(arn), _) | (None, Seen::Runs { arn, .. }) => format!(" as {arn}"),
            (None, _) => ", and ECS gave no ARN that was seen".to_owned(),
        };
        let at = task.started_at.map(|at| format!(" at {at:.0}")).unwrap_or_default();
        format!(
            "the one-off task `{}` before `{service}`, which {deployment} asked for{at}{arn}",
            task.run.line()
        )
    }
}

impl fmt::Display for EarlierTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match &self.seen {
            Seen::Runs { status, .. } => {
                write!(
                    f,
                    "{name}, is not over: ECS says that it is {status}; none is run beside it"
                )
            }
            Seen::Ended(Some(code)) => write!(f, "{name}, exited with {code}"),
            Seen::Ended(None) => write!(f, "{name}, never ran"),
            Seen::WithoutCode => write!(
                f,
                "{name}, stopped without an exit code, and how far it came is not known; it is not \
                 run again by itself"
            ),
            Seen::Nothing => write!(
                f,
                "{name}, is not known to ECS any more, and how it ended is not known; it is not run \
                 again by itself"
            ),
        }
    }
}

impl Plan {
    /// Takes note of one-off tasks of earlier deployments. Gives those that stand against the plan:
    /// those that still run, and those whose end nobody knows, unless somebody wishes that such
    /// tasks are run again. What is left out on wish is not run beside anything.
    pub fn take_note_of_tasks(
        &mut self,
        earlier: Vec<EarlierTask>,
        rerun: bool,
    ) -> Vec<EarlierTask> {
        let mut against = Vec::new();
        for one in earlier {
            let Some(step) = self.steps.iter_mut().find(|step| step.service == one.service) else {
                continue;
            };
            let is_left_out = step.skipped_task.is_some();
            match (&one.seen, is_left_out) {
                (Seen::Ended(_), _) => {
                    let text = format!("{one}; that is its end, although it is not recorded");
                    self.notes.push(Note { text, hint: None });
                }
                (Seen::Runs { .. }, true) => {
                    // That it is over is nobody's word.
                    step.skipped_task = None;
                    self.warnings.push(beside(step, &one));
                }
                (Seen::WithoutCode | Seen::Nothing, _) if is_left_out || rerun => {
                    step.answers_for = Some(one.deployment);
                    self.warnings.push(answered(step, &one));
                }
                _ => against.push(one),
            }
        }
        against
    }
}

/// That a service is moved while a one-off task of it runs.
fn beside(step: &PlannedStep, task: &EarlierTask) -> Warning {
    Warning {
        service: step.service.clone(),
        text: format!("is moved all the same: {task}"),
        hint: task.hints().concat(),
    }
}

/// That somebody answers for a one-off task whose end nobody knows.
fn answered(step: &PlannedStep, task: &EarlierTask) -> Warning {
    let answer = if step.skipped_task.is_some() {
        "is moved as if its one-off task had succeeded"
    } else {
        "has its one-off task run again"
    };
    Warning {
        service: step.service.clone(),
        text: format!("{answer}, although how it ended is not known: {}", task.name()),
        hint: format!(
            "say no where that is not certain to be right, and look at `release-tool show {}`",
            task.deployment
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{BeforeTaskStatus, ContainerName, DeploymentKind, RunTask},
        plan::{
            plan,
            test_support::{picture, released, request},
        },
    };

    /// The one-off task of `web`.
    fn run() -> RunTask {
        RunTask {
            command: vec!["migrate".to_owned()],
            container: ContainerName::new("web").unwrap(),
            timeout_seconds: 9,
        }
    }

    /// A plan that moves `web`, whose one-off task is run, or left out.
    fn planned(skip: bool) -> Plan {
        let mut web = picture("web:1");
        web.before_task = Some(run());
        let mut plan = plan(request(&[("web", released("web:2", 2))], vec![web])).unwrap();
        plan.settle_tasks(DeploymentKind::Deploy, skip);
        plan
    }

    /// The task of `d7`, as ECS tells of it.
    fn earlier(seen: Seen) -> EarlierTask {
        let arn = "arn:aws:ecs:eu-west-1:000000000000:task/prod/3f0c";
        EarlierTask {
            service: ServiceId::new("web").unwrap(),
            deployment: DeploymentNumber(7),
            task: BeforeTask {
                status: BeforeTaskStatus::Running,
                task_arn: Some(arn.to_owned()),
                started_at: Some("2026-11-21T16:32:12.5Z".parse().unwrap()),
                ..BeforeTask::new(run())
            },
            cluster: ClusterName::new("prod").unwrap(),
            same_images: true,
            seen,
        }
    }

    fn runs() -> Seen {
        Seen::Runs { arn: "task/prod/3f0c".to_owned(), status: "RUNNING".to_owned() }
    }

    #[test]
    fn what_is_in_doubt_stands_against_a_plan_unless_somebody_answers_for_it() {
        for seen in [Seen::Nothing, Seen::WithoutCode] {
            let one = earlier(seen);
            let mut refused = planned(false);
            let all = vec![one.clone()];
            assert_eq!(refused.take_note_of_tasks(all.clone(), false), all);
            for (skip, rerun, word) in
                [(false, true, "has its one-off task run again"), (true, false, "had succeeded")]
            {
                let mut plan = planned(skip);
                assert_eq!(plan.take_note_of_tasks(vec![one.clone()], rerun), []);
                assert!(plan.warnings.last().unwrap().text.contains(word), "{:?}", plan.warnings);
                let record = plan.steps[0].record().before_task.unwrap();
                assert_eq!(record.answers_for, Some(DeploymentNumber(7)));
                let status =
                    if skip { BeforeTaskStatus::Skipped } else { BeforeTaskStatus::Pending };
                assert_eq!(record.status, status);
            }
        }
    }

    #[test]
    fn none_is_run_beside_one_that_runs_whatever_is_wished() {
        let one = earlier(runs());
        for rerun in [false, true] {
            let all = vec![one.clone()];
            assert_eq!(planned(false).take_note_of_tasks(all.clone(), rerun), all);
        }
        let mut left_out = planned(true);
        assert_eq!(left_out.take_note_of_tasks(vec![one], false), []);
        assert!(left_out.warnings.last().unwrap().text.contains("is not over"));
        assert_eq!(left_out.steps[0].record().before_task, None, "nobody said that it is over");
    }

    #[test]
    fn an_end_that_is_seen_settles_it() {
        for (code, text) in
            [(Some(0), "exited with 0"), (Some(3), "exited with 3"), (None, "never ran")]
        {
            let mut plan = planned(false);
            assert_eq!(plan.take_note_of_tasks(vec![earlier(Seen::Ended(code))], false), []);
            assert!(plan.notes[0].text.contains(text), "{:?}", plan.notes);
            assert_eq!(plan.steps[0].before_task, Some(run()));
            assert_eq!(plan.steps[0].answers_for, None);
        }
    }

    #[test]
    fn the_refusal_names_it_and_the_way_on() {
        let text = earlier(Seen::Nothing).to_string();
        for part in
            ["`migrate` before `web`", "d7 asked for at 2026-11-21T16:32:12Z", "task/prod/3f0c"]
        {
            assert!(text.contains(part), "{text}");
        }
        let hints = earlier(Seen::Nothing).hints().join("\n");
        for part in ["`release-tool show d7`", "`--rerun-before`", "`--skip-before`"] {
            assert!(hints.contains(part), "{hints}");
        }
        let other = EarlierTask { same_images: false, ..earlier(Seen::Nothing) };
        assert!(
            !other.hints().concat().contains("--skip-before"),
            "its own task is still to be run"
        );
        let stop = "`aws ecs stop-task --cluster prod --task 3f0c`";
        assert!(earlier(runs()).hints()[0].contains(stop));
    }
}
