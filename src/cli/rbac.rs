//! `vigie rbac`: the least rights that a configuration needs, as YAML to apply.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::Files;
use crate::model::needs::Resource;
use crate::model::rights::{Demands, Rights, told};
use crate::systems::Systems;
use crate::systems::clock::Clock;
use crate::systems::kubernetes::plurals;
use crate::views::rbac::{Account, yaml};

/// How long the API server may take to tell one plural.
const PATIENCE: Duration = Duration::from_secs(20);

/// Prints the least rights in Kubernetes that the configuration needs.
#[derive(Args)]
pub(super) struct Rbac {
    #[command(flatten)]
    files: Files,
    /// The namespace that Vigie runs in, of its service account.
    #[arg(long, default_value = "vigie", value_parser = namespace)]
    namespace: String,
    /// Asks the API server how it addresses kinds that are not well known, by the configured
    /// connection. Nothing else asks anybody.
    #[arg(long)]
    ask_cluster: bool,
}

fn namespace(text: &str) -> Result<String, String> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let plain = text.len() <= 63
        && text.starts_with(word)
        && text.ends_with(word)
        && text.chars().all(|c| word(c) || c == '-');
    if plain { Ok(text.to_owned()) } else { Err("it is not the name of a namespace".to_owned()) }
}

pub(super) async fn main(rbac: Rbac) -> ExitCode {
    let Rbac { files, namespace, ask_cluster } = rbac;
    let configuration = match super::load(&files) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    let connections = &configuration.settings.connections;
    let demands = configuration.checklist.demands(connections);
    let discovered = if ask_cluster {
        let systems = Systems::new(connections, Clock::System);
        match discover(&systems, &demands).await {
            Ok(discovered) => discovered,
            Err(message) => return super::complain(&message),
        }
    } else {
        BTreeMap::new()
    };
    let rights = demands.rights(|resource| {
        let known = plurals::known(&resource.group, &resource.kind);
        known.map(|known| known.plural.to_owned()).or_else(|| discovered.get(resource).cloned())
    });
    match ungranted(&rights) {
        Some(message) => super::complain(&message),
        None => super::print(&yaml(&rights, &Account { namespace })),
    }
}

/// The plurals of kinds that are not well known.
async fn discover(
    systems: &Systems,
    demands: &Demands,
) -> Result<BTreeMap<Resource, String>, String> {
    let mut plurals = BTreeMap::new();
    for resource in demands.without_plural() {
        let asked = systems.kubernetes.discover(&resource);
        let found = tokio::time::timeout(PATIENCE, asked).await;
        let found = found
            .map_err(|_| format!("looking for {}: no answer in time", resource.name()))?
            .map_err(|obstacle| obstacle.because)?;
        plurals.insert(resource, found.resource.plural.into_owned());
    }
    Ok(plurals)
}

/// What can't be granted: half of the rights would be taken for all of them.
fn ungranted(rights: &Rights) -> Option<String> {
    let unknown = rights.unknown().map(|(resource, purposes)| {
        let Resource { group, version, plural: _, kind } = resource;
        let api = if group.is_empty() { version.to_string() } else { format!("{group}/{version}") };
        let who = told(purposes);
        format!(
            "the plural of {kind} in {api} is not known; {who} need it\n  hint: give `plural:`, or \
             `--ask-cluster`"
        )
    });
    let refused = rights.refused().map(|(right, why, purposes)| {
        format!("`{right}` is needed by {} and can't be granted: {why}", told(purposes))
    });
    let all: Vec<_> = unknown.chain(refused).collect();
    (!all.is_empty()).then(|| all.join("\n"))
}
