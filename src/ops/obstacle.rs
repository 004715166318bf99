//! What the record puts in the way of a command: others at work, something unfinished, a hold.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    model::{
        Deployment, DeploymentNumber, EnvironmentId, HeldLock, Hold, ImageId, LockKind,
        ReleaseNumber, Selection, ServiceId, TaskDefinitionArn,
    },
    plan::EarlierTask,
};

/// What stands in the way. Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// Somebody else deployed between the plan and its beginning.
    #[error("somebody else deployed there after this was planned, so nothing was done")]
    Overtaken,
    /// A deployment there is not over.
    #[error(
        "{} to {} is not over: it is {}, and {} works on it",
        deployment.number,
        deployment.environment,
        deployment.status.as_str(),
        if *is_worked_on { "a command" } else { "nobody" }
    )]
    Unfinished {
        /// The deployment.
        deployment: Box<Deployment>,
        /// Whether a running command works on it.
        is_worked_on: bool,
    },
    /// The environment stays as it is for now.
    #[error("the environment is on hold since {:.0}, by {}: {}", hold.at, hold.by.name, hold.reason)]
    OnHold {
        /// Why.
        hold: Box<Hold>,
        /// The command, as it was given.
        command: String,
    },
    /// How one-off tasks of earlier deployments ended is not known, or they still run.
    #[error("{}", unsettled_words(tasks))]
    TasksUnsettled {
        /// The tasks, at least one.
        tasks: Vec<EarlierTask>,
    },
    /// A reason is needed.
    #[error("a reason is needed for `{environment}`")]
    ReasonRequired {
        /// The environment.
        environment: EnvironmentId,
        /// Whether it is for lifting a hold.
        lifts_hold: bool,
    },
    /// A release is deployed as it is.
    #[error("{release} is deployed as it is, so neither `--from` nor `--image` goes with it")]
    ReleaseIsWhole {
        /// The release.
        release: ReleaseNumber,
    },
    /// There is no deployment to go on with.
    #[error("no deployment is unfinished")]
    NothingUnfinished,
    /// There are several, and none was named.
    #[error("{} deployments are unfinished: {}", numbers.len(), numbers.iter().map(ToString::to_string).collect::<Vec<String>>().join(", "))]
    SeveralUnfinished {
        /// Their numbers, newest first.
        numbers: Vec<DeploymentNumber>,
    },
    /// No hook waits for an answer.
    #[error("nothing waits for an answer in `{place}`")]
    NothingWaits {
        /// What was asked for.
        place: String,
        /// Where.
        environment: EnvironmentId,
    },
    /// The deployment has ended.
    #[error("{} is over: it is {}", deployment.number, deployment.status.as_str())]
    Over {
        /// The deployment.
        deployment: Box<Deployment>,
    },
    /// The deployment was waited for, and still goes on.
    #[error("{number} did not end in time; its outcome is not known")]
    NotInTime {
        /// Its number.
        number: DeploymentNumber,
        /// Whether a running command works on it.
        is_worked_on: bool,
    },
    /// There is nothing to go back to.
    #[error(
        "nothing that `{selection}` ran in `{environment}` before is in the record, so there is nothing \
         to go back to"
    )]
    NoTarget {
        /// The environment.
        environment: EnvironmentId,
        /// The services.
        selection: Selection,
    },
    /// What a service ran before cannot be read any more.
    #[error("what `{service}` ran before, {}, cannot be read any more", revision.short())]
    BeforeUnreadable {
        /// The service.
        service: ServiceId,
        /// What it ran.
        revision: TaskDefinitionArn,
    },
    /// Services that share an image ran different ones.
    #[error("`{image}` was not the same for all its services before {deployment}")]
    BeforeDiffers {
        /// The image.
        image: ImageId,
        /// The deployment.
        deployment: DeploymentNumber,
    },
    /// The release was never verified there.
    #[error("{release} was never verified there")]
    NeverVerified {
        /// The release.
        release: ReleaseNumber,
        /// Those that were, newest first.
        known: Vec<ReleaseNumber>,
    },
    /// Others hold what is to be changed, so that nothing was done.
    #[error("{}", locked_words(held, environment))]
    Locked {
        /// What they hold, at least one.
        held: Vec<HeldLock>,
        /// Where.
        environment: EnvironmentId,
        /// When this was found.
        now: Timestamp,
    },
    /// What is to be unlocked is somebody else's.
    #[error("`{}` of {environment} is {}'s, and stays as it is", held.selection, held.by.name)]
    NotYours {
        /// What they hold.
        held: Box<HeldLock>,
        /// Where.
        environment: EnvironmentId,
    },
}

impl Obstacle {
    /// What to do: sentences with the exact flag, key or command.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let one = |hint: String| vec![hint];
        match self {
            Self::Overtaken => {
                one("look at `release-tool history`, and run the same command again".to_owned())
            }
            Self::Unfinished { deployment, is_worked_on: true } => {
                one(format!("see it through with `release-tool wait {}`", deployment.number))
            }
            Self::Unfinished { deployment, is_worked_on: false } => unfinished_hints(deployment),
            Self::OnHold { command, .. } => one(format!(
                "lift the hold with `release-tool {command} --release-hold --reason 'why it may move \
                 again'`"
            )),
            Self::TasksUnsettled { tasks } => {
                let mut hints: Vec<String> = tasks.iter().flat_map(EarlierTask::hints).collect();
                let mut told = BTreeSet::new();
                hints.retain(|hint| told.insert(hint.clone()));
                hints
            }
            Self::ReasonRequired { lifts_hold: true, .. } => {
                one("say why the hold may be lifted with `--reason TEXT`".to_owned())
            }
            Self::ReasonRequired { .. } => one("add `--reason TEXT`".to_owned()),
            Self::ReleaseIsWhole { .. } => one("leave them away".to_owned()),
            Self::NothingUnfinished => {
                one("see what there was with `release-tool history`".to_owned())
            }
            Self::NothingWaits { environment, .. } => one(format!(
                "see how far its rollouts are with `release-tool status all {environment}`"
            )),
            Self::SeveralUnfinished { numbers } => numbers
                .first()
                .map(|number| format!("name the one that is meant, for example `{number}`"))
                .into_iter()
                .collect(),
            Self::Over { deployment } => {
                one(format!("see how it ended with `release-tool show {}`", deployment.number))
            }
            Self::NotInTime { number, is_worked_on: true } => {
                one(format!("see it through with `release-tool wait {number}`"))
            }
            Self::NotInTime { number, is_worked_on: false } => {
                one(format!("finish it with `release-tool resume {number}`"))
            }
            Self::NoTarget { .. }
            | Self::BeforeUnreadable { .. }
            | Self::BeforeDiffers { .. }
            | Self::NeverVerified { .. } => self.hints_on_the_way_back(),
            Self::Locked { held, environment, .. } => locked_hints(held, environment),
            Self::NotYours { held, environment } => one(unlock_hint(held, environment)),
        }
    }

    /// What to do where there is nothing to go back to, or not so.
    fn hints_on_the_way_back(&self) -> Vec<String> {
        let one = |hint: String| vec![hint];
        match self {
            Self::NoTarget { environment, selection } => one(format!(
                "deploy what shall run instead, as in `release-tool deploy {selection} {environment} \
                 --image <image>=<uri>`"
            )),
            Self::BeforeUnreadable { .. } => {
                one("name what shall run with `release-tool deploy … --image <image>=<uri>`"
                    .to_owned())
            }
            Self::BeforeDiffers { image, .. } => one(format!(
                "name what shall run with `release-tool deploy … --image {image}=<uri>`"
            )),
            Self::NeverVerified { known, .. } => match known.as_slice() {
                [] => one("see what was deployed with `release-tool history`".to_owned()),
                some => {
                    let some: Vec<String> = some.iter().map(ToString::to_string).collect();
                    one(format!("name one of {}", some.join(", ")))
                }
            },
            _ => Vec::new(),
        }
    }
}

/// One-off tasks that are not known to have ended, each in its words.
fn unsettled_words(tasks: &[EarlierTask]) -> String {
    let words: Vec<String> = tasks.iter().map(ToString::to_string).collect();
    format!("nothing was changed: {}", words.join("\n  - and "))
}

/// The ways on from a deployment that is not over.
fn unfinished_hints(deployment: &Deployment) -> Vec<String> {
    let Deployment { number, environment, .. } = deployment;
    let finish = format!("finish it with `release-tool resume {number}`");
    let undo = format!("or take it back with `release-tool rollback {environment} {number}`");
    if deployment.may_be_taken_back() { vec![finish, undo] } else { vec![finish] }
}

/// What others hold, in one line.
fn locked_words(held: &[HeldLock], environment: &EnvironmentId) -> String {
    let words: Vec<String> =
        held.iter().map(|held| format!("`{}` by {}", held.selection, held.by.name)).collect();
    format!("{environment} is held, so nothing was changed: {}", words.join(", "))
}

/// The ways on when others hold what is to be changed. A lock of a person is never waited for.
fn locked_hints(held: &[HeldLock], environment: &EnvironmentId) -> Vec<String> {
    let is_manual = |held: &&HeldLock| matches!(held.kind, LockKind::Manual { .. });
    if let Some(lock) = held.iter().find(is_manual) {
        return vec![unlock_hint(lock, environment)];
    }
    let follow = held.iter().find_map(|lock| lock.deployment).map(|number| {
        format!(
            "see it through with `release-tool wait {number}`, or stop it with `release-tool abort \
             {number}`"
        )
    });
    let wait = "`release-tool deploy` waits for its turn with `--wait 15m`".to_owned();
    let hangs = held.first().map(|held| {
        let selection = &held.selection;
        format!(
            "where its command hangs, `release-tool unlock {selection} {environment} --force \
             --reason TEXT` breaks its lease"
        )
    });
    follow.into_iter().chain([wait]).chain(hangs).collect()
}

/// What to do where somebody else has it.
fn unlock_hint(held: &HeldLock, environment: &EnvironmentId) -> String {
    let command =
        format!("`release-tool unlock {} {environment} --force --reason TEXT`", held.selection);
    match held.kind {
        LockKind::Manual { .. } => {
            format!("ask {} first; {command} takes it away all the same", held.by.name)
        }
        LockKind::Lease { .. } => format!(
            "it is the lease of a running command, which gives it back at its end, and loses it \
             within two minutes of its death; {command} breaks it, so that the command can write \
             nothing more"
        ),
    }
}
