//! What to do about each mistake: one imperative sentence that names the exact key or command.

use std::fmt::Display;

use super::{
    error::{ManifestErrorKind as Kind, listed},
    nearest::nearest,
    shape::owner_of,
    source::Format,
};
use crate::model::IdError;

impl Kind {
    /// What to do about it, in one sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Syntax { .. }
            | Self::UnknownKey { .. }
            | Self::WrongType { .. }
            | Self::UnknownValue { .. }
            | Self::DuplicateKey { .. }
            | Self::ConflictingKeys { .. }
            | Self::Empty { .. }
            | Self::MissingKey { .. }
            | Self::EmptySet(_)
            | Self::NeedsKey { .. }
            | Self::NoProjects => self.hint_on_shape(),
            Self::ConflictingValues { .. }
            | Self::DuplicateId { .. }
            | Self::DuplicateMember { .. }
            | Self::DuplicateContainer { .. }
            | Self::DuplicateEcsService { .. }
            | Self::DanglingReference { .. }
            | Self::Cycle(_)
            | Self::ReservedId { .. }
            | Self::SetNamedAsService(_) => self.hint_on_meaning(),
            Self::InvalidId(_)
            | Self::InvalidAccount(_)
            | Self::InvalidRoleArn(_)
            | Self::InvalidRegistry(_)
            | Self::InvalidRepository { .. }
            | Self::InvalidDuration { .. }
            | Self::AmbiguousContainer { .. }
            | Self::UnknownContainer { .. }
            | Self::AccountMismatch { .. }
            | Self::InvalidEcsServiceName { .. } => self.hint_on_value(),
            Self::NoCluster { .. }
            | Self::ProjectAmbiguous(_)
            | Self::UnknownProject { .. }
            | Self::UnknownEnvironment { .. }
            | Self::UnknownSelection { .. }
            | Self::UnknownImage { .. }
            | Self::SeveralImages { .. } => self.hint_on_question(),
        }
    }

    /// Hints for a text of the wrong form.
    fn hint_on_shape(&self) -> String {
        match self {
            Self::Syntax { is_yaml: true, .. } => {
                "rewrite the file in TOML, with tables such as `[my-project.environments.prod]`; \
                 YAML is not read"
                    .to_owned()
            }
            Self::Syntax { format: Format::Json, .. } => {
                "correct the JSON here; comments and trailing commas are not part of it".to_owned()
            }
            Self::Syntax { .. } => {
                "correct the TOML here, or begin the file with `{` to write JSON".to_owned()
            }
            Self::UnknownKey { key, place, owner, known } => unknown_key(key, place, owner, known),
            Self::WrongType { place, expected, .. } => wrong_type(place, expected),
            Self::UnknownValue { place, value, known } => unknown_value(place, value, known),
            Self::DuplicateKey { key } => format!("remove one of the two `{key}`, or merge them"),
            Self::ConflictingKeys { key, other, .. } => {
                format!("keep `{key}` and remove `{other}`")
            }
            Self::Empty { place } => format!("fill `{place}`, or remove it"),
            Self::MissingKey { place, key } => format!("add the key `{key}` to `{place}`"),
            Self::EmptySet(set) => {
                format!("list the ids of its services in `{set}.services`, or remove the set")
            }
            Self::NeedsKey { place, key, needed } => {
                format!("add `{needed}` to `{place}`, or remove `{key}`")
            }
            _ => "describe a project, beginning with a table such as `[my-project]`".to_owned(),
        }
    }

    /// Hints for parts of a file that contradict each other.
    fn hint_on_meaning(&self) -> String {
        match self {
            Self::ConflictingValues { place, other_place, .. } => {
                format!("make `{place}` and `{other_place}` the same, or remove one of them")
            }
            Self::DuplicateId { kind, id } => {
                format!("define the {kind} `{id}` once, and name it by its id everywhere else")
            }
            Self::DuplicateMember { service, .. } => format!("remove the second `{service}`"),
            Self::DuplicateContainer { service, .. } => format!(
                "write `images` of `{service}` as a table of container names and image ids, with \
                 each container once"
            ),
            Self::DuplicateEcsService { second, .. } => format!(
                "merge them into one service with several `images`, or give `{second}` another \
                 name by its key `service`"
            ),
            Self::DanglingReference { kind, id, known, .. } => dangling(kind, id, known),
            Self::Cycle(environments) => match environments.first() {
                Some(first) => format!("remove `from` from the environment `{first}`"),
                None => "remove one `from`".to_owned(),
            },
            Self::ReservedId { id, .. } if id == "latest" => {
                "remove the environment `latest`: `release-tool register` needs none".to_owned()
            }
            Self::ReservedId { id, kind, .. } => format!("give {kind} another id than `{id}`"),
            Self::SetNamedAsService(id) => {
                format!("rename the service set, for example to `{id}-set`")
            }
            _ => String::new(),
        }
    }

    /// Hints for a value that its key cannot have.
    fn hint_on_value(&self) -> String {
        match self {
            Self::InvalidId(error) => invalid_id(error),
            Self::InvalidAccount(_) => {
                "write the account id as 12 digits between quotes, such as `\"123456789012\"`"
                    .to_owned()
            }
            Self::InvalidRoleArn(_) => {
                "write the role as `arn:aws:iam::<account>:role/<name>`".to_owned()
            }
            Self::InvalidRegistry(_) => {
                "write the registry as `<account>.dkr.ecr.<region>.amazonaws.com`".to_owned()
            }
            Self::InvalidRepository { .. } => {
                "write the repository without tag and digest, such as `example/id_minter`"
                    .to_owned()
            }
            Self::InvalidDuration { place, .. } => {
                let key = place.rsplit('.').next().unwrap_or(place);
                format!("write `{key}` as a time such as `90s`, `15m` or `2h`")
            }
            Self::AmbiguousContainer { place, containers } => {
                let first = containers.first().map(ToString::to_string).unwrap_or_default();
                format!(
                    "write `{place}` as a table with `command` and `container`, such as \
                     `container = \"{first}\"`"
                )
            }
            Self::UnknownContainer { container, containers, .. } => {
                one_of("", container, containers, || "give the service `images`".to_owned())
            }
            Self::AccountMismatch { place, role_account, .. } => format!(
                "set `account` of `{place}` to `\"{role_account}\"`, or name a role in its \
                 own account"
            ),
            Self::InvalidEcsServiceName { service, .. } => format!(
                "set the key `service` of `{service}` to its ECS service's name, in which `{{env}}` \
                 stands for the environment id"
            ),
            _ => String::new(),
        }
    }

    /// Hints for a question the manifest has no answer to.
    fn hint_on_question(&self) -> String {
        match self {
            Self::NoCluster { project, environment, others, .. } => {
                let example = others.first().map_or("<name>", |cluster| cluster.as_str());
                format!(
                    "add the key `cluster` to `{project}.environments.{environment}`, such as \
                     `cluster = \"{example}\"`"
                )
            }
            Self::ProjectAmbiguous(projects) => {
                let first = projects.first().map(ToString::to_string).unwrap_or_default();
                format!("name the project, for example `--project {first}`")
            }
            Self::UnknownProject { id, known } => one_of("--project ", id, known, || {
                format!("add the project to the manifest as `[{id}]`")
            }),
            Self::UnknownEnvironment { id, is_selection: true, .. } => {
                format!("name `{id}` first and the environment after it")
            }
            Self::UnknownSelection { id, is_environment: true, .. } => format!(
                "name the environment after `all`, a service set or a service, or as `--env {id}` where \
                 the command has that"
            ),
            Self::UnknownEnvironment { project, id, known, .. } => one_of("", id, known, || {
                format!("add the environment to the manifest as `[{project}.environments.{id}]`")
            }),
            Self::UnknownSelection { id, known, .. } => one_of("", id, known, || {
                format!("register an image first: `release-tool register <uri> {id}`")
            }),
            Self::UnknownImage { project, id, known } => one_of("", id, known, || {
                format!("add the service to the manifest as `[{project}.services.{id}]`")
            }),
            Self::SeveralImages { images, .. } => {
                let image = images.first().map(ToString::to_string).unwrap_or_default();
                format!("name the image, for example `release-tool register <uri> {image}`")
            }
            _ => String::new(),
        }
    }
}

/// Advises to use the id nearest to `id`, any of those there are, or what `otherwise` says.
fn one_of<T: Display>(
    flag: &str,
    id: &str,
    known: &[T],
    otherwise: impl FnOnce() -> String,
) -> String {
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    match (nearest(id, &known), known.as_slice()) {
        (Some(near), _) => format!("use `{flag}{near}`, if that is meant"),
        (None, []) => otherwise(),
        (None, [only]) => format!("use `{flag}{only}`"),
        (None, _) => format!("use one of {}", listed(&known)),
    }
}

/// What to do with a key that a table does not have.
fn unknown_key(key: &str, place: &str, owner: &str, known: &[&'static str]) -> String {
    if let Some(advice) = older_key(key) {
        return advice;
    }
    if key == "id" {
        return format!("remove `id`: the id of {owner} is the key that leads to `{place}`");
    }
    if let Some(near) = nearest(key, known) {
        return format!("rename `{key}` to `{near}`");
    }
    if let Some(other) = owner_of(key) {
        return format!("move `{key}`: it is a key of {other}, not of {owner}");
    }
    format!("remove `{key}`: {owner} has the keys {}", listed(known))
}

/// Keys of the manifests that earlier tools read, each with what took its place.
fn older_key(key: &str) -> Option<String> {
    Some(match key {
        "aws_region_name" => format!("rename `{key}` to `region`"),
        "image_repositories" => format!(
            "replace `{key}` by a table `services` with each service's `images`, and a table \
             `images` with their repositories"
        ),
        "namespace" => format!("replace `{key}` by the beginning of `repository` in `images`"),
        "github_repository" | "tf_stack_root" => format!("remove `{key}`: nothing uses it"),
        _ => return None,
    })
}

/// What to write instead of a value of the wrong type.
fn wrong_type(place: &str, expected: &str) -> String {
    let key = place.rsplit('.').next().unwrap_or(place);
    if place.contains(['.', '[']) {
        return format!("write {expected} as the value of `{key}`");
    }
    format!(
        "move `{key}` into a project such as `[my-project]`: the keys of the file are project ids"
    )
}

/// What to write instead of a word that its key does not take.
fn unknown_value(place: &str, value: &str, known: &[&'static str]) -> String {
    let key = place.rsplit('.').next().unwrap_or(place);
    match nearest(value, known) {
        Some(near) => format!("write `{key} = \"{near}\"`"),
        None => format!("set `{key}` to one of {}, or remove it", listed(known)),
    }
}

/// What to do about a reference to nothing.
fn dangling(kind: &str, id: &str, known: &[String]) -> String {
    match nearest(id, known) {
        Some(near) => format!("rename `{id}` to `{near}`, or define the {kind} `{id}`"),
        None if known.is_empty() => format!("define the {kind} `{id}`; there are none yet"),
        None => format!("define the {kind} `{id}`, or name one of {}", listed(known)),
    }
}

/// An id that would do instead of one that does not.
fn invalid_id(error: &IdError) -> String {
    let value = error.value.as_str();
    match error.kind {
        "region" => "write the region's code, such as `eu-west-1`".to_owned(),
        "cluster name" if value.starts_with("arn:") => {
            let name = value.rsplit('/').next().unwrap_or_default();
            format!("write the cluster's name alone, `{name}`")
        }
        "table name" if value.starts_with("arn:") => {
            let name = value.rsplit('/').next().unwrap_or_default();
            format!("write the table's name alone, `{name}`")
        }
        "table name" if value.len() < 3 => "rename it, for example to `release-tool`".to_owned(),
        kind => match sound_id(value, kind == "cluster name") {
            Some(other) => format!("rename it, for example to `{other}`"),
            None if kind == "project id" => format!("rename it, for example to `my-{value}`"),
            None => "use letters, digits, `_` and `-` only".to_owned(),
        },
    }
}

/// The text with `-` for every character an id cannot have, where anything sound remains.
fn sound_id(value: &str, is_ecs_name: bool) -> Option<String> {
    let sound =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || (c == '.' && !is_ecs_name);
    let other: String = value.chars().map(|c| if sound(c) { c } else { '-' }).take(64).collect();
    let other = other.trim_matches('-');
    let is_better = other != value && other.contains(|c: char| c.is_ascii_alphanumeric());
    is_better.then(|| other.to_owned())
}
