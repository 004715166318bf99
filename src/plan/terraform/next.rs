//! What a `terraform apply` does to what a service runs, and the words for it.

use serde::Serialize;

use crate::plan::FieldChange;

/// What is changed of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageMove {
    /// The container.
    pub container: String,
    /// What it runs.
    pub from: String,
    /// What it would run; none where that is known only when it is done.
    pub to: Option<String>,
}

/// What the next `terraform apply` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NextApply {
    /// Nothing: `terraform plan` has no changes for the service.
    Nothing,
    /// It changes what is beside what runs: tags, outputs, or settings of the service.
    Beside {
        /// What, as the end of "changes …".
        what: String,
    },
    /// It moves the service to a revision that is there.
    Moves {
        /// That revision, or the family.
        to: String,
        /// The images that change with it.
        images: Vec<ImageMove>,
    },
    /// It registers a revision and moves the service to it.
    Registers {
        /// The images that change with it; none where it is what runs once more.
        images: Vec<ImageMove>,
        /// What else changes, as far as it is known.
        changes: Vec<FieldChange>,
    },
    /// It registers a revision that the service is not moved to, since that is ignored.
    RegistersAside,
    /// It takes away what deployments need: the service, its task definition or a parameter.
    Destroys {
        /// The address of what goes.
        what: String,
    },
    /// It takes the service away and makes another: nothing runs in between, and what others changed
    /// of it is lost.
    Replaces {
        /// The address of the service.
        what: String,
    },
    /// It leaves something as it is, and does not have it any more.
    Forgets {
        /// The address of what is left.
        what: String,
    },
    /// It fails.
    Fails {
        /// Why.
        reason: String,
    },
    /// That cannot be told.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl NextApply {
    /// Whether nothing is done.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }

    /// Whether it fails, or takes away or replaces what runs, or makes a revision: even one with the
    /// same images, since every task is replaced or the next deployment brings it.
    #[must_use]
    pub fn is_a_danger(&self) -> bool {
        match self {
            Self::Nothing | Self::Beside { .. } | Self::Forgets { .. } | Self::Unknown { .. } => {
                false
            }
            Self::Moves { images, .. } => !images.is_empty(),
            Self::Registers { .. }
            | Self::RegistersAside
            | Self::Destroys { .. }
            | Self::Replaces { .. }
            | Self::Fails { .. } => true,
        }
    }

    /// What it does, as the end of "the next `terraform apply` …".
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Nothing => "changes nothing".to_owned(),
            Self::Beside { what } => format!("changes {what}; what runs stays"),
            Self::Moves { to, images } if images.is_empty() => {
                format!("moves the service to {to}, with the same images")
            }
            Self::Moves { to, images } => format!("moves the service to {to}: {}", moved(images)),
            Self::Registers { images, changes } if images.is_empty() && changes.is_empty() => {
                "registers what runs once more, and replaces every task by one that runs the same"
                    .to_owned()
            }
            Self::Registers { images, changes } if images.is_empty() => {
                format!("registers a revision and deploys it: {}", fields(changes))
            }
            Self::Registers { images, changes } if changes.is_empty() => {
                format!("registers a revision and deploys it: {}", moved(images))
            }
            Self::Registers { images, changes } => {
                format!(
                    "registers a revision and deploys it: {}; {}",
                    moved(images),
                    fields(changes)
                )
            }
            Self::RegistersAside => {
                "registers a revision that the service is not moved to".to_owned()
            }
            Self::Destroys { what } => format!("destroys {what}"),
            Self::Replaces { what } => {
                format!("destroys {what} and makes it anew: nothing of it runs in between")
            }
            Self::Forgets { what } => {
                format!("takes {what} out of its state, and leaves it running")
            }
            Self::Fails { reason } => format!("fails: {reason}"),
            Self::Unknown { reason } => format!("cannot be foretold: {reason}"),
        }
    }
}

/// Images that change, in words.
fn moved(images: &[ImageMove]) -> String {
    let one = |image: &ImageMove| {
        let to = image.to.as_deref().unwrap_or("what is known only then");
        format!("`{}` goes from {} to {to}", image.container, image.from)
    };
    images.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Members that change, in words.
fn fields(changes: &[FieldChange]) -> String {
    let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    format!("it changes {}", paths.join(", "))
}
