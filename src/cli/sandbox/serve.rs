//! `sandbox serve`: the sandbox for any AWS client.

use std::collections::BTreeSet;

use clap::Args;
use tokio::net::TcpListener;

use super::{open, prepare};
use crate::{
    backend::source::Repository,
    cli::{exit::Exit, failure::CliError, interrupt::Interrupt, settings::Settings, workspace},
    manifest::Environment,
    sandbox::{DEFAULT_ACCOUNT, DEFAULT_REGION, credentials},
    ui::{self, Format},
};

/// Answer any AWS client over HTTP on 127.0.0.1, until a signal comes.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  release-tool sandbox serve --seed
  aws --endpoint-url http://127.0.0.1:4566 --region eu-west-1 ecs list-clusters

Signatures are not verified; any credentials do.")]
pub(crate) struct ServeArguments {
    /// The port; 0 takes a free one. The first line of output names it.
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// Seed it from the manifest first, if that was not done before.
    #[arg(long)]
    seed: bool,
}

/// Serves until a signal comes.
pub(super) async fn run(settings: &Settings, arguments: ServeArguments) -> Result<Exit, CliError> {
    let sandbox = if arguments.seed {
        let found = workspace::manifest(settings)?;
        let repository = Repository::discover(&found.folder);
        prepare(settings, &found, repository.as_ref())?
    } else {
        open(settings)?
    };
    let address = format!("127.0.0.1:{}", arguments.port);
    let failed = |source| CliError::Listen { address: address.clone(), source };
    let listener = TcpListener::bind(&address).await.map_err(failed)?;
    let url = format!("http://{}", listener.local_addr().map_err(failed)?);
    tell(settings, &url);
    let interrupt = Interrupt::listen(&settings.console);
    sandbox.serve(listener, interrupt.comes()).await?;
    Ok(Exit::Done)
}

/// Says where it listens, and how a client gets there.
fn tell(settings: &Settings, url: &str) {
    if settings.console.format == Format::Json {
        let document = serde_json::json!({ "url": url });
        settings.console.result(ui::document("sandbox-serve", &document));
        return;
    }
    settings.console.result(format!("listening on {url}"));
    settings.console.remark(format!(
        "\n  release-tool --endpoint-url {url} …   # this program, which refuses the variable alone"
    ));
    settings.console.remark(format!("  export AWS_ENDPOINT_URL={url}   # the AWS CLI and SDKs"));
    settings.console.remark(format!(
        "  export AWS_REGION={DEFAULT_REGION} AWS_DEFAULT_REGION={DEFAULT_REGION}"
    ));
    for account in accounts(settings) {
        let key = credentials(&account);
        settings.console.remark(format!(
            "  export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY=any   # account {account}",
            key.access_key_id()
        ));
    }
    settings.console.remark("\nStop it with Ctrl-C.");
}

/// The accounts that the manifest names; the sandbox's own where it names none.
fn accounts(settings: &Settings) -> BTreeSet<String> {
    let own = || DEFAULT_ACCOUNT.to_owned();
    let Ok(found) = workspace::manifest(settings) else { return BTreeSet::from([own()]) };
    let homes = found.manifest.projects().flat_map(|project| {
        let environments = project.environments.values().map(Environment::home);
        environments.chain([project.home.clone()])
    });
    homes.map(|home| home.account.map_or_else(own, |account| account.to_string())).collect()
}
