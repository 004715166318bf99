//! What of a configuration does not stay clean, or hides something, and how it is put right.

use serde::Serialize;

use super::{
    facts::{Facts, ParameterFacts},
    origin::ImageOrigin,
    part::{DefinitionPart, Part},
    planned::is_up_to_date,
};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; `terraform plan` stays clean.
    Note,
    /// It changes, reverts or hides something, sooner or later.
    Warning,
}

/// One word for what is found, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FindingName {
    /// Terraform deregisters what runs when it makes another revision.
    SkipDestroyOff,
    /// The tags of the revision are not those of the configuration.
    TagsDiffer,
    /// An output changes with each deployment.
    OutputOfRevision,
    /// Terraform does not have the service there.
    NotInState,
    /// Terraform does not have the task definition there.
    DefinitionNotInState,
    /// The service runs a revision that is deregistered.
    RunsDeregistered,
    /// The parameter is a `SecureString`; how it is read is not known.
    SecretParameter,
    /// `track_latest` is written, and was never applied.
    TrackLatestNotApplied,
    /// Terraform compares with the revision that it made itself.
    TrackLatestOff,
    /// The service names the family, and no revision.
    NamesFamily,
    /// The service ignores changes of its task definition.
    DefinitionIgnored,
    /// The plan was made before what is there now.
    PlanIsOld,
    /// The image does not come from the parameter.
    ImageNotFromParameter,
    /// The image is read from what is deployed.
    ImageFromDeployed,
    /// The service takes the highest revision there is.
    LatestByMaximum,
    /// The image is read where a `SecureString` has nothing.
    EmptyInsecureValue,
    /// Terraform sets the parameter back.
    ParameterReset,
    /// The parameter is read as a secret, and is none.
    ReadAsSecret,
    /// The plan was made for a part of the configuration only.
    PlanIsPartial,
    /// Whether ECS itself put the service back is not known.
    HistoryNotRead,
}

impl FindingName {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SkipDestroyOff => "SKIP_DESTROY_OFF",
            Self::TagsDiffer => "TAGS_DIFFER",
            Self::OutputOfRevision => "OUTPUT_OF_REVISION",
            Self::NotInState => "NOT_IN_STATE",
            Self::DefinitionNotInState => "DEFINITION_NOT_IN_STATE",
            Self::RunsDeregistered => "RUNS_DEREGISTERED",
            Self::SecretParameter => "SECRET_PARAMETER",
            Self::TrackLatestNotApplied => "TRACK_LATEST_NOT_APPLIED",
            Self::TrackLatestOff => "TRACK_LATEST_OFF",
            Self::NamesFamily => "NAMES_FAMILY",
            Self::DefinitionIgnored => "DEFINITION_IGNORED",
            Self::PlanIsOld => "PLAN_IS_OLD",
            Self::ImageNotFromParameter => "IMAGE_NOT_FROM_PARAMETER",
            Self::ImageFromDeployed => "IMAGE_FROM_DEPLOYED",
            Self::LatestByMaximum => "LATEST_BY_MAXIMUM",
            Self::EmptyInsecureValue => "EMPTY_INSECURE_VALUE",
            Self::ParameterReset => "PARAMETER_RESET",
            Self::ReadAsSecret => "READ_AS_SECRET",
            Self::PlanIsPartial => "PLAN_IS_PARTIAL",
            Self::HistoryNotRead => "HISTORY_NOT_READ",
        }
    }
}

/// Something about the configuration of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// One word for it.
    pub name: FindingName,
    /// How bad it is.
    pub severity: Severity,
    /// What is so, one sentence about the service.
    pub text: String,
    /// What to do: HCL, or a command.
    pub fix: String,
}

impl Finding {
    /// Whether it is why `terraform apply` does not leave what was deployed.
    #[must_use]
    pub fn is_a_cause(&self) -> bool {
        let is_beside = matches!(
            self.name,
            FindingName::SkipDestroyOff | FindingName::TagsDiffer | FindingName::OutputOfRevision
        );
        self.severity == Severity::Warning && !is_beside
    }
}

/// A warning.
fn warning(name: FindingName, text: String, fix: impl Into<String>) -> Finding {
    Finding { name, severity: Severity::Warning, text, fix: fix.into() }
}

/// A note.
fn note(name: FindingName, text: String, fix: impl Into<String>) -> Finding {
    Finding { name, severity: Severity::Note, text, fix: fix.into() }
}

/// All that is found: `part` is what Terraform has of the service, where it was given.
pub(super) fn findings(facts: &Facts, part: Option<&Part>, is_given: bool) -> Vec<Finding> {
    let mut found: Vec<Finding> = of_aws(facts, part).collect();
    let Some(part) = part else {
        if is_given {
            found.push(warning(
                FindingName::NotInState,
                format!("Terraform does not have the service {} there", facts.arn),
                "name the state that has it with `--state`, or import the service into it",
            ));
        }
        return found;
    };
    match &part.definition {
        Some(definition) => found.extend(of_definition(facts, part, definition)),
        None => found.push(warning(
            FindingName::DefinitionNotInState,
            "its task definition is not in the same state".to_owned(),
            "have the service and its `aws_ecs_task_definition` in one state",
        )),
    }
    found.extend(of_service(facts, part));
    found.extend(of_images(facts, part));
    found
}

/// What AWS alone tells.
fn of_aws<'a>(facts: &'a Facts, part: Option<&'a Part>) -> impl Iterator<Item = Finding> + 'a {
    let deregistered = (!facts.running.is_active).then(|| {
        warning(
            FindingName::RunsDeregistered,
            format!("it runs {}, which is deregistered", facts.running.arn.short()),
            "set `skip_destroy = true` in the task definition, and deploy anew",
        )
    });
    let unread = facts.history_not_read.as_ref().map(|reason| {
        note(
            FindingName::HistoryNotRead,
            format!("whether ECS itself put it back is not known: {reason}"),
            "ask again, with what `release-tool iam-policy status` allows",
        )
    });
    let secrets = facts.parameters.iter().filter(move |one| one.is_secret && part.is_none());
    deregistered.into_iter().chain(unread).chain(secrets.map(|one| {
        note(
            FindingName::SecretParameter,
            format!("`{}` is a SecureString, whose `insecure_value` is empty", one.name),
            "make it a String, or read it with `nonsensitive(data.aws_ssm_parameter.….value)`",
        )
    }))
}

/// What is wrong with the task definition's block.
fn of_definition<'a>(
    facts: &'a Facts,
    part: &'a Part,
    definition: &'a DefinitionPart,
) -> impl Iterator<Item = Finding> + 'a {
    let address = &definition.address;
    let is_steady = facts.running.arn == facts.latest.arn && definition.arn == facts.latest.arn;
    let tracks = match (definition.track_latest, definition.wants_track_latest) {
        (true, Some(false)) => Some(warning(
            FindingName::TrackLatestOff,
            format!("{address} has no `track_latest` any more: the plan turns it off"),
            "write `track_latest = true` into it",
        )),
        (true, _) => None,
        (false, Some(true)) => Some(warning(
            FindingName::TrackLatestNotApplied,
            format!("{address} has `track_latest = true`, and it was never applied"),
            once(is_steady, "run `terraform apply`"),
        )),
        (false, _) => Some(warning(
            FindingName::TrackLatestOff,
            format!(
                "{address} compares with {}, which Terraform made, and not with the latest revision",
                definition.arn.short()
            ),
            once(is_steady, "write `track_latest = true` into it, and run `terraform apply`"),
        )),
    };
    let destroys = (!definition.skip_destroy).then(|| {
        warning(
            FindingName::SkipDestroyOff,
            format!("{address} deregisters the revision that runs when Terraform makes another"),
            "write `skip_destroy = true` into it",
        )
    });
    let read = if definition.track_latest { Some(&facts.latest) } else { None };
    let tags = read.filter(|read| read.tags != definition.tags).map(|read| {
        let text = format!("the tags of {} are not those of {address}", read.arn.short());
        warning(FindingName::TagsDiffer, text, "run `terraform apply`, and leave tags to Terraform")
    });
    let outputs = part.outputs.iter().map(move |name| {
        warning(
            FindingName::OutputOfRevision,
            format!("the output `{name}` tells the revision, and changes with each deployment"),
            format!("let it tell `{address}.arn_without_revision`"),
        )
    });
    tracks.into_iter().chain(destroys).chain(tags).chain(outputs)
}

/// The way to `track_latest`, and what it does once.
fn once(is_steady: bool, way: &str) -> String {
    if is_steady {
        return format!("{way} now, between two deployments: it changes nothing that runs");
    }
    format!("{way}: it registers a revision once more, and does not do so again")
}

/// What is wrong with the service's block.
fn of_service<'a>(facts: &'a Facts, part: &'a Part) -> impl Iterator<Item = Finding> + 'a {
    let address = part.definition.as_ref().map_or("…", |definition| definition.address.as_str());
    let family = part.names_family.then(|| {
        warning(
            FindingName::NamesFamily,
            format!("{} names the family, so that every plan moves the service", part.service),
            format!("write `task_definition = {address}.arn` into it"),
        )
    });
    let maximum = part.maximum.as_ref().map(|by| {
        note(
            FindingName::LatestByMaximum,
            format!("{} takes the highest revision there is, by `{by}`", part.service),
            format!(
                "write `task_definition = {address}.arn` into it, once `track_latest = true` is applied"
            ),
        )
    });
    let is_hidden = part.is_ignored && !facts.by_code_deploy;
    let ignored = is_hidden.then(|| {
        warning(
            FindingName::DefinitionIgnored,
            format!(
                "{} ignores changes of `task_definition`: what Terraform changes is registered, and \
                 does not run until the next deployment",
                part.service
            ),
            "take `task_definition` out of `ignore_changes`, once `track_latest = true` is applied",
        )
    });
    let partial = part.is_partial.then(|| {
        note(
            FindingName::PlanIsPartial,
            "the plan was made for a part of the configuration only".to_owned(),
            "make it for all of it: `terraform plan -out p` without `-target`",
        )
    });
    let is_old = part.service_change.is_some() && !part.is_partial && !is_up_to_date(facts, part);
    let old = is_old.then(|| {
        note(
            FindingName::PlanIsOld,
            "the plan was made before what is there now".to_owned(),
            "make it anew: `terraform plan -out p && terraform show -json p`",
        )
    });
    family.into_iter().chain(maximum).chain(ignored).chain(partial).chain(old)
}

/// That an image comes from somewhere else than its parameter.
fn not_from(one: &ParameterFacts, source: Option<&str>) -> String {
    let (container, name) = (&one.container, &one.name);
    let told = format!("the image of `{container}` does not come from `{name}`");
    source.map_or(told.clone(), |source| format!("{told}; its task definition depends on {source}"))
}

/// The way to read an image from its parameter.
fn read(one: &ParameterFacts) -> String {
    format!(
        "read it: `data \"aws_ssm_parameter\" \"image\" {{ name = \"{}\" }}`, and `image = \
         data.aws_ssm_parameter.image.insecure_value`",
        one.name
    )
}

/// What is wrong with how images get into the configuration.
fn of_images<'a>(facts: &'a Facts, part: &'a Part) -> impl Iterator<Item = Finding> + 'a {
    facts.parameters.iter().filter_map(move |one| {
        let container = one.container.as_str();
        match part.images.get(container)? {
            ImageOrigin::Elsewhere { source } if part.definition.is_some() => Some(warning(
                FindingName::ImageNotFromParameter,
                not_from(one, source.as_deref()),
                read(one),
            )),
            ImageOrigin::Deployed { by } => Some(note(
                FindingName::ImageFromDeployed,
                format!("the image of `{container}` is the one that is deployed, by `{by}`"),
                format!("{}: a new environment has nothing deployed to begin with", read(one)),
            )),
            ImageOrigin::Parameter { by_value: false, .. } if one.is_secret => Some(warning(
                FindingName::EmptyInsecureValue,
                format!("`{}` is a SecureString, whose `insecure_value` is empty", one.name),
                "make it a String, or read it with `nonsensitive(data.aws_ssm_parameter.….value)`",
            )),
            ImageOrigin::Parameter { reset_to: Some(value), .. } => Some(warning(
                FindingName::ParameterReset,
                format!("Terraform sets `{}` back to {value}", one.name),
                "write `lifecycle { ignore_changes = [value, insecure_value] }` into its \
                 `aws_ssm_parameter`",
            )),
            ImageOrigin::Parameter { by_value: true, .. } if !one.is_secret => Some(note(
                FindingName::ReadAsSecret,
                format!("`{}` is read by `value`, so that plans do not show the image", one.name),
                "read it by `insecure_value`; the next apply then changes the task definition in \
                 place, once",
            )),
            _ => None,
        }
    })
}
