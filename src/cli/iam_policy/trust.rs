//! `iam-policy trust`: whom a role trusts.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{PolicyFormat, pretty};
use crate::{
    cli::{exit::Exit, failure::CliError, settings::Settings, workspace},
    ops::{self, Asking},
    plan::permissions::{Ci, Jobs, Provider, Subject, Trust, trust_hcl},
    ui::{self, Format},
};

/// The arguments of `iam-policy trust`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool iam-policy trust github --repo acme/shop --environment production --env prod
  release-tool iam-policy trust github --repo acme@1234/shop@5678 --environment production
  release-tool iam-policy trust gitlab --repo acme/shop --branch main
  release-tool iam-policy trust buildkite --repo acme/shop --branch main --format terraform")]
pub(super) struct TrustArguments {
    /// Whose jobs.
    #[arg(value_enum)]
    ci: CiArgument,
    /// The repository, project or pipeline, as OWNER/NAME. GitHub repositories that were made or
    /// renamed since July 2026 have their ids in tokens: give those as OWNER@ID/NAME@ID.
    #[arg(long = "repo", value_name = "OWNER/NAME", required = true)]
    repositories: Vec<String>,
    /// Jobs in this environment of GitHub's, whose rules say who may deploy.
    #[arg(long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// Jobs for this branch; `*` stands for any part of its name.
    #[arg(long = "branch", value_name = "NAME")]
    branches: Vec<String>,
    /// Jobs for this tag; `*` stands for any part of its name.
    #[arg(long = "tag", value_name = "NAME")]
    tags: Vec<String>,
    /// The host of a GitHub or GitLab of your own, as in its URL.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The environment of the manifest in whose account the role is [default: the project's own].
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// The name of the role, for Terraform.
    #[arg(long, value_name = "NAME", default_value = "release-tool")]
    role: String,
    /// Where Terraform gets the identity provider from. An account has one for each host.
    #[arg(long, value_enum, default_value = "make")]
    provider: ProviderArgument,
    /// The form of the policy.
    #[arg(long, value_enum, default_value = "json")]
    format: PolicyFormat,
    /// Ask nothing of AWS.
    #[arg(long)]
    offline: bool,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Where Terraform gets the identity provider from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProviderArgument {
    /// It makes it here.
    Make,
    /// Another file of the same folder makes it, as `make` prints it.
    Refer,
    /// The account has it already.
    LookUp,
}

impl From<ProviderArgument> for Provider {
    fn from(argument: ProviderArgument) -> Self {
        match argument {
            ProviderArgument::Make => Self::Made,
            ProviderArgument::Refer => Self::Referred,
            ProviderArgument::LookUp => Self::LookedUp,
        }
    }
}

/// Whose jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CiArgument {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Buildkite.
    Buildkite,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: TrustArguments) -> Result<Exit, CliError> {
    let base = workspace::base(settings, arguments.project.as_deref())?;
    let environment = arguments.environment.as_deref();
    let asking = if arguments.offline { Asking::Nothing } else { Asking::Everything };
    let place = ops::whereabouts(&base.connector, &base.project, environment, asking).await?;
    let trust = Trust::new(jobs(&arguments), arguments.host.as_deref(), place);
    let trust = trust.map_err(|error| CliError::Usage {
        message: error.to_string(),
        hint: error.hint().to_owned(),
    })?;
    settings.console.result(render(settings, &arguments, &trust));
    remark(settings, &trust);
    Ok(Exit::Done)
}

/// Whom the arguments mean.
fn jobs(arguments: &TrustArguments) -> Jobs {
    let environments = arguments.environments.iter().cloned().map(Subject::Environment);
    let branches = arguments.branches.iter().cloned().map(Subject::Branch);
    let tags = arguments.tags.iter().cloned().map(Subject::Tag);
    Jobs {
        ci: match arguments.ci {
            CiArgument::Github => Ci::GitHub,
            CiArgument::Gitlab => Ci::GitLab,
            CiArgument::Buildkite => Ci::Buildkite,
        },
        repositories: arguments.repositories.clone(),
        subjects: environments.chain(branches).chain(tags).collect(),
    }
}

/// The policy in the form that is wanted.
fn render(settings: &Settings, arguments: &TrustArguments, trust: &Trust) -> String {
    let is_hcl = arguments.format == PolicyFormat::Terraform;
    match settings.console.format {
        Format::Json => ui::document(
            "iam_trust",
            &json!({
                "provider": trust.provider(),
                "audience": trust.audience(),
                "document": trust.document(),
                "terraform": is_hcl.then(|| trust_hcl(trust, &arguments.role, arguments.provider.into())),
            }),
        ),
        Format::Human if is_hcl => trust_hcl(trust, &arguments.role, arguments.provider.into()),
        Format::Human => pretty(&trust.document()),
    }
}

/// Tells what has to be there, too.
fn remark(settings: &Settings, trust: &Trust) {
    settings.console.remark(format!(
        "the account needs the identity provider `https://{}` with the audience `{}`",
        trust.issuer(),
        trust.audience()
    ));
    let Jobs { ci, repositories, .. } = trust.jobs();
    let is_named_only = repositories.iter().all(|repository| !repository.contains('@'));
    if *ci == Ci::GitHub && trust.is_public() && is_named_only {
        settings.console.remark(
            "a repository that was made or renamed since July 2026 has ids in its tokens: give it \
             as `--repo OWNER@ID/NAME@ID`",
        );
    }
}
