//! Faults of a real cluster's objects: those of the simulated town, done on a real API server, too.

use vigie::systems::clock::Clock;
use vigie_sim::town::{FAULTS, Town, Turn};

use super::mirror::Mirror;
use crate::conformance::server::Server;
use crate::drill::{Drill, Place};
use crate::real;

/// The faults of the town that are nothing but changes of objects; a few of each sort.
const NAMES: [&str; 12] = [
    "node-lost",
    "storage-class-gone",
    "pod-crash-loops",
    "image-missing",
    "scaled-to-zero",
    "service-gone",
    "ingress-without-tls",
    "policy-gone",
    "limit-range-gone",
    "environment-of-another",
    "certificate-not-ready",
    "postgres-degraded",
];

/// What kubelets and the metrics server tell: there are none behind an API server alone.
const OF_KUBELETS: [&str; 4] =
    ["database-connections", "logs-collected", "watch-error-logs", "watch-resources"];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_real_cluster_turns_its_items_and_no_other_and_heals() {
    let Some(cluster) = real::own().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let mirror = Mirror::of(&town.kubernetes, Server(cluster.admin())).await;
    let token = folder.path().join("root-token");
    std::fs::write(&token, real::programs::ROOT).expect("a file");
    let place = Place {
        variables: vec![
            ("town_kubernetes", cluster.url.clone()),
            ("town_kubernetes_token", token.display().to_string()),
            ("town_kubernetes_ca", cluster.authority.display().to_string()),
        ],
        environment: Vec::new(),
        not_applicable: &OF_KUBELETS,
        looked_at: turned(),
    };
    let mut drill = Drill::in_place(&town, folder.path(), place).await;
    for name in NAMES {
        let turns = turns(name);
        let inject = async || {
            town.inject(name).await.expect(name);
            mirror.follow(&town.kubernetes).await;
        };
        let heal = async || {
            town.heal(name).await.expect(name);
            mirror.follow(&town.kubernetes).await;
        };
        drill.fault(name, &turns, inject, heal).await;
    }
    drill.end();
}

/// What a fault of the town turns in this place.
fn turns(name: &str) -> Vec<Turn> {
    let fault = FAULTS.iter().copied().flatten().find(|fault| fault.name == name);
    let fault = fault.unwrap_or_else(|| panic!("the town has no fault {name}"));
    let is_looked_at = |turn: &&Turn| !OF_KUBELETS.contains(&turn.item);
    fault.turns.iter().filter(is_looked_at).copied().collect()
}

/// The items that any of the faults turns.
fn turned() -> Vec<&'static str> {
    NAMES.iter().flat_map(|name| turns(name)).map(|turn| turn.item).collect()
}
