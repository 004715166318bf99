//! Everything that can be wrong with a manifest, or with a question asked of it.
//!
//! Each kind is one mistake a user can make, carries what its hint needs, and names its subject by
//! the dotted path of keys that leads to it.

use super::source::Format;
use crate::model::{
    ClusterName, ContainerName, EnvironmentId, IdError, ImageId, ProjectId, ServiceId,
};

/// One kind of mistake. The text completes “failed to read the manifest: …”.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestErrorKind {
    /// The text is neither TOML nor JSON.
    #[error("invalid {format}: {reason}")]
    Syntax {
        /// The notation the text was read as.
        format: Format,
        /// What the parser says.
        reason: String,
        /// Whether the line looks like YAML.
        is_yaml: bool,
    },
    /// A key that this place does not have.
    #[error("unknown key `{key}` in `{place}`")]
    UnknownKey {
        /// The key.
        key: String,
        /// The table it stands in.
        place: String,
        /// What that table describes, with an article: `a project`.
        owner: &'static str,
        /// The keys it may have.
        known: Vec<&'static str>,
    },
    /// A value of another type than its key wants.
    #[error("`{place}` is {found}, not {expected}")]
    WrongType {
        /// The value's key.
        place: String,
        /// What it must be, with an article.
        expected: &'static str,
        /// What it is, with an article.
        found: &'static str,
    },
    /// A text that is none of the words that its key takes.
    #[error("`{place}` cannot be `{value}`, only {}", one_of_them(.known))]
    UnknownValue {
        /// The value's key.
        place: String,
        /// What it is.
        value: String,
        /// What it may be.
        known: Vec<&'static str>,
    },
    /// One table has the same key twice.
    #[error("the key `{key}` is given twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A key and its other name, or two keys that say the same thing, are both given.
    #[error("`{place}` has both `{key}` and `{other}`")]
    ConflictingKeys {
        /// The table.
        place: String,
        /// The key to keep.
        key: &'static str,
        /// The key to remove.
        other: &'static str,
    },
    /// Two parts of the file say different things about the same environment, service or image.
    #[error("`{place}` is `{value}`, but `{other_place}` is `{other}`")]
    ConflictingValues {
        /// One place.
        place: String,
        /// What it says.
        value: String,
        /// The other place.
        other_place: String,
        /// What that says.
        other: String,
    },
    /// One id is defined twice.
    #[error("the {kind} `{id}` is defined twice")]
    DuplicateId {
        /// What is defined: `environment`, `service`, …
        kind: &'static str,
        /// The id.
        id: String,
    },
    /// A service is named twice in one set.
    #[error("the service `{service}` is listed twice in the service set `{set}`")]
    DuplicateMember {
        /// The service.
        service: String,
        /// The set.
        set: String,
    },
    /// Two images are to go into one container of a service.
    #[error("the container `{container}` of the service `{service}` is listed twice")]
    DuplicateContainer {
        /// The service.
        service: String,
        /// The container.
        container: String,
    },
    /// Two services are one and the same ECS service in an environment.
    #[error(
        "the services `{first}` and `{second}` are both the ECS service `{name}` in `{environment}`"
    )]
    DuplicateEcsService {
        /// The service that comes first in the file.
        first: ServiceId,
        /// The other service.
        second: ServiceId,
        /// The ECS service's name.
        name: String,
        /// The environment.
        environment: EnvironmentId,
    },
    /// Something is named that the project does not have.
    #[error("`{place}` names the {kind} `{id}`, which the project does not have")]
    DanglingReference {
        /// Where it is named.
        place: String,
        /// What is named: `environment`, `service`, `image`.
        kind: &'static str,
        /// The id.
        id: String,
        /// The ids there are.
        known: Vec<String>,
    },
    /// Environments that take what they deploy from one another, or one from itself.
    #[error("`from` leads in a circle: {}", circle(.0))]
    Cycle(
        /// The environments of the circle, each once.
        Vec<String>,
    ),
    /// A text that cannot be the id or name it is meant to be.
    #[error(transparent)]
    InvalidId(
        /// The rule that is broken.
        #[from]
        IdError,
    ),
    /// An id that means something else on the command line or in SSM.
    #[error("`{id}` cannot be {kind}: it {meaning}")]
    ReservedId {
        /// What it was meant to be, with an article.
        kind: &'static str,
        /// The id.
        id: String,
        /// What it means, as the rest of a sentence.
        meaning: &'static str,
    },
    /// A service set has the id of a service, so that a command could mean either.
    #[error("`{0}` is both a service and a service set")]
    SetNamedAsService(
        /// The id.
        String,
    ),
    /// A list, a table or a text without content.
    #[error("`{place}` is empty")]
    Empty {
        /// The key.
        place: String,
    },
    /// A table lacks what it makes no sense without: `id` in a list, the services of a set.
    #[error("`{place}` has no `{key}`")]
    MissingKey {
        /// The table.
        place: String,
        /// The key.
        key: &'static str,
    },
    /// A service set whose list of services has nothing in it.
    #[error("the service set `{0}` has no services")]
    EmptySet(
        /// The set's path.
        String,
    ),
    /// A key that means nothing without another.
    #[error("`{place}.{key}` means nothing without `{needed}`")]
    NeedsKey {
        /// The table.
        place: String,
        /// The key that is there.
        key: &'static str,
        /// The key that is missing.
        needed: &'static str,
    },
    /// A number or text that is no AWS account.
    #[error("`{0}` is not an account id: an AWS account id is at most 12 digits")]
    InvalidAccount(
        /// The value.
        String,
    ),
    /// A text that is not the ARN of an IAM role.
    #[error("`{0}` is not the ARN of an IAM role")]
    InvalidRoleArn(
        /// The text.
        String,
    ),
    /// A text that is not the host of a private ECR registry.
    #[error("`{0}` is not the host of an ECR registry")]
    InvalidRegistry(
        /// The text.
        String,
    ),
    /// A text that is not the name of an image repository.
    #[error("`{value}` is not an image repository: {reason}")]
    InvalidRepository {
        /// The text.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A text that is not a length of time.
    #[error("`{place}` is `{value}`, which is no time to wait such as `15m`")]
    InvalidDuration {
        /// The value's key.
        place: String,
        /// What it is.
        value: String,
    },
    /// A one-off task says no container, and its service has several.
    #[error("`{place}` does not say in which container it runs: there are {}", listed(.containers))]
    AmbiguousContainer {
        /// The task's path.
        place: String,
        /// The containers of its service.
        containers: Vec<ContainerName>,
    },
    /// A one-off task runs in a container that its service does not have.
    #[error("`{place}` is `{container}`, which is no container of the service `{service}`")]
    UnknownContainer {
        /// The path of the key.
        place: String,
        /// What is named.
        container: String,
        /// The service.
        service: String,
        /// The containers there are.
        containers: Vec<ContainerName>,
    },
    /// The role of an environment or project is in another account than the environment or project.
    #[error("`{place}` is in the account {account}, but its role is in {role_account}")]
    AccountMismatch {
        /// The path of the environment or project.
        place: String,
        /// The account that is configured.
        account: String,
        /// The account in the role's ARN.
        role_account: String,
    },
    /// The name that a service would have in ECS is none that ECS allows.
    #[error("the service `{service}` cannot be called `{name}` in `{environment}`: {reason}")]
    InvalidEcsServiceName {
        /// The service.
        service: ServiceId,
        /// The environment.
        environment: EnvironmentId,
        /// The name that its template gives.
        name: String,
        /// The rule that is broken.
        reason: String,
    },
    /// The file describes nothing.
    #[error("the manifest has no projects")]
    NoProjects,
    /// A service is deployed to an environment that says no cluster for it.
    #[error("the environment `{environment}` has no cluster for the service `{service}`")]
    NoCluster {
        /// The project.
        project: ProjectId,
        /// The environment.
        environment: EnvironmentId,
        /// The service.
        service: ServiceId,
        /// The environment's clusters for other services, if there are any.
        others: Vec<ClusterName>,
    },
    /// No project was named, and there are several.
    #[error("the manifest has {} projects: {}", .0.len(), listed(.0))]
    ProjectAmbiguous(
        /// The projects.
        Vec<ProjectId>,
    ),
    /// A project was named that the manifest does not have.
    #[error("there is no project `{id}`: {}", there_are("projects", .known))]
    UnknownProject {
        /// What was named.
        id: String,
        /// The projects there are.
        known: Vec<ProjectId>,
    },
    /// An environment was named that the project does not have.
    #[error("the project `{project}` has no environment `{id}`: {}", there_are("environments", .known))]
    UnknownEnvironment {
        /// The project.
        project: ProjectId,
        /// What was named.
        id: String,
        /// The environments there are.
        known: Vec<EnvironmentId>,
        /// Whether the word says which services are meant.
        is_selection: bool,
    },
    /// A service or set was named that the project does not have.
    #[error(
        "the project `{project}` has no service or service set `{id}`: {}",
        there_are("services or service sets", .known)
    )]
    UnknownSelection {
        /// The project.
        project: ProjectId,
        /// What was named.
        id: String,
        /// The sets and services there are.
        known: Vec<String>,
        /// Whether the word is an environment.
        is_environment: bool,
    },
    /// An image was named that the project does not have.
    #[error(
        "the project `{project}` has no image or service `{id}`: {}",
        there_are("images", .known)
    )]
    UnknownImage {
        /// The project.
        project: ProjectId,
        /// What was named.
        id: String,
        /// The images there are.
        known: Vec<ImageId>,
    },
    /// A service was named to mean its image, and it runs several.
    #[error("the service `{service}` runs several images: {}", listed(.images))]
    SeveralImages {
        /// The service.
        service: ServiceId,
        /// Its images.
        images: Vec<ImageId>,
    },
}

/// `a`, `b` and `c`, each between backticks.
pub(super) fn listed<T: std::fmt::Display>(items: &[T]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("`{item}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// `a`, `b` or `c`, each between backticks.
fn one_of_them(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Which of a kind there are, as the end of a sentence.
fn there_are<T: std::fmt::Display>(kind: &str, items: &[T]) -> String {
    match items {
        [] => format!("there are no {kind}"),
        [one] => format!("there is only `{one}`"),
        several => format!("there are {}", listed(several)),
    }
}

/// `a` → `b` → `a`.
fn circle(environments: &[String]) -> String {
    let steps: Vec<String> =
        environments.iter().chain(environments.first()).map(|id| format!("`{id}`")).collect();
    steps.join(" → ")
}
