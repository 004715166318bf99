//! Who does something, and from where, read from what the surroundings say.
//!
//! Nothing is looked up here: the variables of the environment and everything else are passed in,
//! so that the same surroundings always give the same actor.

use std::collections::BTreeMap;

use crate::model::{Actor, CiJob};

/// What may tell who is acting.
#[derive(Debug, Clone, Copy)]
pub struct ActorClues<'a> {
    /// The variables of the environment.
    pub variables: &'a BTreeMap<String, String>,
    /// Who git takes the user for, `Name <mail>`.
    pub git_user: Option<&'a str>,
    /// The machine's name.
    pub host: Option<&'a str>,
    /// The caller's ARN as STS tells it.
    pub arn: Option<&'a str>,
}

/// A CI system, and the variables by which it tells of a job.
struct CiSystem {
    /// Its name.
    name: &'static str,
    /// The variable that is set wherever it runs.
    mark: &'static str,
    /// Makes the link to the job.
    url: fn(&Variables<'_>) -> Option<String>,
    /// Finds whoever started the job.
    actor: fn(&Variables<'_>) -> Option<String>,
}

/// The systems that are known, as their documentation lists the variables. Jenkins comes late,
/// since others are started from it; the last stands for all that only say `CI`.
const SYSTEMS: [CiSystem; 8] = [
    CiSystem {
        name: "GitHub Actions",
        mark: "GITHUB_ACTIONS",
        url: |set| {
            let (server, repository) =
                (set.get("GITHUB_SERVER_URL")?, set.get("GITHUB_REPOSITORY")?);
            Some(format!("{server}/{repository}/actions/runs/{}", set.get("GITHUB_RUN_ID")?))
        },
        // Whoever runs a job again is not always who ran it first.
        actor: |set| set.first(&["GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"]),
    },
    CiSystem {
        name: "GitLab CI",
        mark: "GITLAB_CI",
        url: |set| set.first(&["CI_JOB_URL", "CI_PIPELINE_URL"]),
        actor: |set| {
            set.person("GITLAB_USER_NAME", "GITLAB_USER_EMAIL")
                .or_else(|| set.first(&["GITLAB_USER_LOGIN"]))
        },
    },
    CiSystem {
        name: "Buildkite",
        mark: "BUILDKITE",
        url: |set| {
            let build = set.get("BUILDKITE_BUILD_URL")?;
            let job = set.get("BUILDKITE_JOB_ID").map(|id| format!("#{id}"));
            Some(format!("{build}{}", job.unwrap_or_default()))
        },
        // A release is unblocked by hand; that is who decided.
        actor: |set| {
            set.person("BUILDKITE_UNBLOCKER", "BUILDKITE_UNBLOCKER_EMAIL")
                .or_else(|| set.person("BUILDKITE_BUILD_CREATOR", "BUILDKITE_BUILD_CREATOR_EMAIL"))
        },
    },
    CiSystem {
        name: "CircleCI",
        mark: "CIRCLECI",
        url: |set| set.first(&["CIRCLE_BUILD_URL"]),
        actor: |set| set.first(&["CIRCLE_USERNAME"]),
    },
    CiSystem {
        name: "AWS CodeBuild",
        mark: "CODEBUILD_BUILD_ID",
        url: |set| set.first(&["CODEBUILD_BUILD_URL", "CODEBUILD_PUBLIC_BUILD_URL"]),
        actor: |set| set.first(&["CODEBUILD_INITIATOR"]),
    },
    CiSystem {
        name: "Travis CI",
        mark: "TRAVIS",
        url: |set| set.first(&["TRAVIS_JOB_WEB_URL", "TRAVIS_BUILD_WEB_URL"]),
        actor: |_| None,
    },
    CiSystem {
        name: "Jenkins",
        mark: "JENKINS_URL",
        url: |set| set.first(&["BUILD_URL"]),
        actor: |set| {
            set.person("BUILD_USER", "BUILD_USER_EMAIL").or_else(|| set.first(&["BUILD_USER_ID"]))
        },
    },
    CiSystem { name: "CI", mark: "CI", url: |_| None, actor: |_| None },
];

/// The variables of the environment, of which empty ones count as not set.
struct Variables<'a>(&'a BTreeMap<String, String>);

impl Variables<'_> {
    /// A variable's value.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The value of the first of these that is set.
    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name)).map(str::to_owned)
    }

    /// `Name <mail>`, or the name alone.
    fn person(&self, name: &str, mail: &str) -> Option<String> {
        let name = self.get(name)?;
        Some(match self.get(mail) {
            Some(mail) => format!("{name} <{mail}>"),
            None => name.to_owned(),
        })
    }

    /// Whether a variable is set, and not to `false` or `0`.
    fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !matches!(value, "false" | "False" | "0"))
    }
}

/// Who is acting. In a CI job it is whoever started it, as far as the system tells, and not the
/// name that happens to be configured for git there.
#[must_use]
pub fn actor(clues: &ActorClues<'_>) -> Actor {
    let variables = Variables(clues.variables);
    let system = SYSTEMS.iter().find(|system| variables.is_on(system.mark));
    let claimed = system.and_then(|system| (system.actor)(&variables));
    let name = claimed
        .or_else(|| clues.git_user.map(str::to_owned))
        .or_else(|| variables.first(&["USER", "LOGNAME", "USERNAME"]))
        .or_else(|| clues.arn.and_then(session_of).map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned());
    Actor {
        name,
        arn: clues.arn.map(str::to_owned),
        host: clues.host.map(str::to_owned),
        ci: system
            .map(|system| CiJob { system: system.name.to_owned(), url: (system.url)(&variables) }),
    }
}

/// The last part of an ARN: a user's name, or the name of a role's session.
fn session_of(arn: &str) -> Option<&str> {
    arn.rsplit(['/', ':']).next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The actor that these variables make, given a user of git.
    fn with(variables: &[(&str, &str)]) -> Actor {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        actor(&ActorClues {
            variables: &variables.collect(),
            git_user: Some("Git User <git@example.org>"),
            host: Some("box"),
            arn: None,
        })
    }

    /// Variables of a job, its system, its link, and its actor.
    type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str, &'static str);

    const GIT: &str = "Git User <git@example.org>";
    const CASES: [Case; 10] = [
        (
            &[
                ("CI", "true"),
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_SERVER_URL", "https://github.example"),
                ("GITHUB_REPOSITORY", "team/shop"),
                ("GITHUB_RUN_ID", "42"),
                ("GITHUB_ACTOR", "bob"),
                ("GITHUB_TRIGGERING_ACTOR", "ann"),
            ],
            "GitHub Actions",
            "https://github.example/team/shop/actions/runs/42",
            "ann",
        ),
        (
            &[
                ("GITLAB_CI", "true"),
                ("CI_JOB_URL", "https://gitlab.example/j/1"),
                ("GITLAB_USER_NAME", "Ann"),
                ("GITLAB_USER_EMAIL", "ann@example.org"),
            ],
            "GitLab CI",
            "https://gitlab.example/j/1",
            "Ann <ann@example.org>",
        ),
        (
            &[
                ("BUILDKITE", "true"),
                ("BUILDKITE_BUILD_URL", "https://buildkite.example/b/1"),
                ("BUILDKITE_JOB_ID", "j-1"),
                ("BUILDKITE_BUILD_CREATOR", "Bob"),
                ("BUILDKITE_UNBLOCKER", "Ann"),
            ],
            "Buildkite",
            "https://buildkite.example/b/1#j-1",
            "Ann",
        ),
        (&[("BUILDKITE", "true"), ("BUILDKITE_BUILD_CREATOR", "Bob")], "Buildkite", "", "Bob"),
        (
            &[
                ("CIRCLECI", "true"),
                ("CIRCLE_BUILD_URL", "https://circle.example/1"),
                ("CIRCLE_USERNAME", "ann"),
            ],
            "CircleCI",
            "https://circle.example/1",
            "ann",
        ),
        (
            &[
                ("CODEBUILD_BUILD_ID", "shop:1"),
                ("CODEBUILD_BUILD_URL", "https://codebuild.example/1"),
                ("CODEBUILD_INITIATOR", "codepipeline/shop"),
            ],
            "AWS CodeBuild",
            "https://codebuild.example/1",
            "codepipeline/shop",
        ),
        (
            &[("TRAVIS", "true"), ("TRAVIS_JOB_WEB_URL", "https://travis.example/1")],
            "Travis CI",
            "https://travis.example/1",
            GIT,
        ),
        (
            &[
                ("JENKINS_URL", "https://jenkins.example/"),
                ("BUILD_URL", "https://jenkins.example/job/1"),
                ("BUILD_USER_ID", "ann"),
            ],
            "Jenkins",
            "https://jenkins.example/job/1",
            "ann",
        ),
        (&[("CI", "1")], "CI", "", GIT),
        (&[("CI", "false"), ("GITHUB_ACTIONS", "")], "", "", GIT),
    ];

    #[test]
    fn every_ci_system_tells_its_job_and_who_started_it() {
        for (variables, system, url, name) in CASES {
            let actor = with(variables);
            let job = actor.ci.unwrap_or(CiJob { system: String::new(), url: None });
            assert_eq!(
                (job.system.as_str(), job.url.unwrap_or_default().as_str(), actor.name.as_str()),
                (system, url, name),
                "{variables:?}"
            );
        }
    }

    #[test]
    fn without_git_it_is_the_login_name_and_then_the_session() {
        let none = BTreeMap::new();
        let login = BTreeMap::from([("USER".to_owned(), "bob".to_owned())]);
        let arn = "arn:aws:sts::111111111111:assumed-role/dev/ann";
        let named =
            |variables, arn| actor(&ActorClues { variables, git_user: None, host: None, arn }).name;
        assert_eq!(named(&login, Some(arn)), "bob");
        assert_eq!(named(&none, Some(arn)), "ann");
        assert_eq!(named(&none, None), "unknown");
    }
}
