//! `vigie rbac`: the least rights that a configuration needs, as YAML to apply.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::Files;
use crate::config::load::load_for_elsewhere;
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
    // Its token is made with the account that is printed here.
    let configuration = match super::told(load_for_elsewhere(&files.config)) {
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

#[cfg(test)]
mod tests {
    use vigie_sim::kubernetes::{ApiServer, Kind, Settings};

    use super::*;
    use crate::model::item::ItemId;
    use crate::model::needs::{Needs, Watch};
    use crate::model::rights::Purpose;
    use crate::systems::Connections;

    fn gadgets() -> Demands {
        let gadgets = Watch::all(Resource::known("example.org", "v1", "", "Gadget")).within("shop");
        let needs = Needs { watches: vec![gadgets], ..Needs::default() };
        let item = ItemId::parse("gadgets").unwrap();
        let mut demands = Demands::default();
        demands.add(&needs, &Purpose { by: "resource".into(), item });
        demands
    }

    #[tokio::test]
    async fn a_plural_is_asked_of_the_cluster_or_its_absence_told() {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let server = ApiServer::start(Settings::default()).await.unwrap();
        let connections = format!("kubernetes: {{ server: {{ url: '{}' }} }}", server.url());
        let connections: Connections = crate::config::yaml::from_str(&connections).unwrap();
        let systems = Systems::new(&connections, Clock::System);
        let absent = discover(&systems, &gadgets()).await.unwrap_err();
        assert!(absent.contains("serves no example.org/v1"), "{absent}");
        server.register(Kind::custom("example.org/v1", "Gadget", "gadgetry"));
        let plurals = discover(&systems, &gadgets()).await.unwrap();
        let rights = gadgets().rights(|resource| plurals.get(resource).cloned());
        let said: Vec<_> = rights.granted().map(|(right, _)| right.to_string()).collect();
        let [list, watch] =
            ["list", "watch"].map(|verb| format!("{verb} gadgetry.example.org in shop"));
        assert_eq!(said, [list, watch]);
        assert_eq!(ungranted(&rights), None);
    }

    #[test]
    fn what_can_not_be_granted_is_told_with_what_to_do() {
        let told = ungranted(&gadgets().rights(|_| None)).unwrap();
        assert_eq!(
            told,
            "the plural of Gadget in example.org/v1 is not known; resource (gadgets) need it\n  \
             hint: give `plural:`, or `--ask-cluster`"
        );
        let told = ungranted(&gadgets().rights(|_| Some("*".to_owned()))).unwrap();
        assert!(told.contains("no wildcard is ever granted"), "{told}");
    }
}
