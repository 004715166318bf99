//! What of a configuration does not stay clean, or hides something, and how it is put right.

use serde::Serialize;

use super::{
    facts::Facts,
    outlook::is_up_to_date,
    part::{DefinitionPart, ImageOrigin, Part},
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

/// Something about the configuration of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// One word for it, for scripts.
    pub name: &'static str,
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
        let beside = ["SKIP_DESTROY_OFF", "TAGS_DIFFER", "OUTPUT_OF_REVISION"];
        self.severity == Severity::Warning && !beside.contains(&self.name)
    }
}

/// A warning.
fn warning(name: &'static str, text: String, fix: impl Into<String>) -> Finding {
    Finding { name, severity: Severity::Warning, text, fix: fix.into() }
}

/// A note.
fn note(name: &'static str, text: String, fix: impl Into<String>) -> Finding {
    Finding { name, severity: Severity::Note, text, fix: fix.into() }
}

/// All that is found: `part` is what Terraform has of the service, where it was given.
pub(super) fn findings(facts: &Facts, part: Option<&Part>, is_given: bool) -> Vec<Finding> {
    let mut found: Vec<Finding> = of_aws(facts, part).collect();
    let Some(part) = part else {
        if is_given {
            found.push(warning(
                "NOT_IN_STATE",
                format!("Terraform does not have the service {} there", facts.arn),
                "name the state that has it with `--state`, or import the service into it",
            ));
        }
        return found;
    };
    match &part.definition {
        Some(definition) => found.extend(of_definition(facts, part, definition)),
        None => found.push(warning(
            "DEFINITION_NOT_IN_STATE",
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
            "RUNS_DEREGISTERED",
            format!("it runs {}, which is deregistered", facts.running.arn.short()),
            "set `skip_destroy = true` in the task definition, and deploy anew",
        )
    });
    let secrets = facts.parameters.iter().filter(move |one| one.is_secret && part.is_none());
    deregistered.into_iter().chain(secrets.map(|one| {
        note(
            "SECRET_PARAMETER",
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
    let tracks = (!definition.track_latest).then(|| match definition.wants_track_latest {
        Some(true) => warning(
            "TRACK_LATEST_NOT_APPLIED",
            format!("{address} has `track_latest = true`, and it was never applied"),
            once(is_steady, "run `terraform apply`"),
        ),
        _ => warning(
            "TRACK_LATEST_OFF",
            format!(
                "{address} compares with {}, which Terraform made, and not with the latest revision",
                definition.arn.short()
            ),
            once(is_steady, "write `track_latest = true` into it, and run `terraform apply`"),
        ),
    });
    let destroys = (!definition.skip_destroy).then(|| {
        warning(
            "SKIP_DESTROY_OFF",
            format!("{address} deregisters the revision that runs when Terraform makes another"),
            "write `skip_destroy = true` into it",
        )
    });
    let read = if definition.track_latest { Some(&facts.latest) } else { None };
    let tags = read.filter(|read| read.tags != definition.tags).map(|read| {
        let text = format!("the tags of {} are not those of {address}", read.arn.short());
        warning("TAGS_DIFFER", text, "run `terraform apply`, and leave tags to Terraform")
    });
    let outputs = part.outputs.iter().map(move |name| {
        warning(
            "OUTPUT_OF_REVISION",
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
            "NAMES_FAMILY",
            format!("{} names the family, so that every plan moves the service", part.service),
            format!("write `task_definition = {address}.arn` into it"),
        )
    });
    let is_hidden = part.is_ignored && !facts.by_code_deploy;
    let ignored = is_hidden.then(|| {
        warning(
            "DEFINITION_IGNORED",
            format!(
                "{} ignores changes of `task_definition`: what Terraform changes is registered, and \
                 does not run until the next deployment",
                part.service
            ),
            "take `task_definition` out of `ignore_changes`, once `track_latest = true` is applied",
        )
    });
    let is_old = part.service_change.is_some() && !is_up_to_date(facts, part);
    let old = is_old.then(|| {
        note(
            "PLAN_IS_OLD",
            "the plan was made before what is there now".to_owned(),
            "make it anew: `terraform plan -out p && terraform show -json p`",
        )
    });
    family.into_iter().chain(ignored).chain(old)
}

/// What is wrong with how images get into the configuration.
fn of_images<'a>(facts: &'a Facts, part: &'a Part) -> impl Iterator<Item = Finding> + 'a {
    facts.parameters.iter().filter_map(move |one| {
        let container = one.container.as_str();
        match part.images.get(container)? {
            ImageOrigin::Elsewhere if part.definition.is_some() => Some(warning(
                "IMAGE_NOT_FROM_PARAMETER",
                format!("the image of `{container}` does not come from `{}`", one.name),
                format!(
                    "read it: `data \"aws_ssm_parameter\" \"image\" {{ name = \"{}\" }}`, and `image = \
                     data.aws_ssm_parameter.image.insecure_value`",
                    one.name
                ),
            )),
            ImageOrigin::Parameter { by_value: false, .. } if one.is_secret => Some(warning(
                "EMPTY_INSECURE_VALUE",
                format!("`{}` is a SecureString, whose `insecure_value` is empty", one.name),
                "make it a String, or read it with `nonsensitive(data.aws_ssm_parameter.….value)`",
            )),
            ImageOrigin::Parameter { reset_to: Some(value), .. } => Some(warning(
                "PARAMETER_RESET",
                format!("Terraform sets `{}` back to {value}", one.name),
                "write `lifecycle { ignore_changes = [value, insecure_value] }` into its \
                 `aws_ssm_parameter`",
            )),
            ImageOrigin::Parameter { by_value: true, .. } if !one.is_secret => Some(note(
                "READ_AS_SECRET",
                format!("`{}` is read by `value`, so that plans do not show the image", one.name),
                "read it by `insecure_value`; the next apply then changes the task definition in \
                 place, once",
            )),
            _ => None,
        }
    })
}
