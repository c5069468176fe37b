//! Faults of the simulated town.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use vigie::config::load;
use vigie::model::item::Mode;
use vigie::systems::clock::Clock;
use vigie_sim::town::{CHANGES, FAULTS, Town};

use super::configuration::configuration;
use super::course::{Drill, Tally};
use super::daemon::Daemon;
use super::people;

/// How many towns there are, each with a daemon and its share of the faults: a fault takes seconds,
/// most of which are waiting.
const TOWNS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_turns_its_items_and_no_other_and_heals() {
    let tallies = futures::future::join_all((0..TOWNS).map(share)).await;
    tallies.into_iter().fold(Tally::default(), Tally::and).tell();
}

/// The share of a town.
async fn share(number: usize) -> Tally {
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let mut drill = Drill::begin(&town, folder.path()).await;
    for fault in FAULTS.iter().copied().flatten().skip(number).step_by(TOWNS) {
        let inject = async || town.inject(fault.name).await.expect(fault.name);
        let heal = async || town.heal(fault.name).await.expect(fault.name);
        drill.fault(fault.name, fault.turns, inject, heal).await;
    }
    if number == 0 {
        people::say(&town, &mut drill).await;
    }
    for change in CHANGES.iter().skip(number).step_by(TOWNS) {
        let happen = async || town.change(change.name).await.expect(change.name);
        drill.change(change.name, change.meanwhile, happen).await;
    }
    for (name, _, act) in town.ordinary_acts().iter().skip(number).step_by(TOWNS) {
        drill.act(name, act).await;
    }
    drill.tally()
}

#[tokio::test]
async fn something_that_is_no_fault_happens_before_the_eyes_of_every_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let files = configuration(&town.variables(), folder.path());
    let loaded = load::load(&files).unwrap_or_else(|flaws| panic!("{flaws:?}"));
    let items = loaded.checklist.items.iter();
    let all: BTreeSet<_> = items.flat_map(|item| item.card.kinds.iter().copied()).collect();
    let acts = town.ordinary_acts();
    let acts = acts.iter().flat_map(|(_, seen_by, _)| *seen_by);
    let seen_by = CHANGES.iter().flat_map(|change| change.seen_by).chain(acts);
    let spared: BTreeSet<_> = seen_by.copied().collect();
    // Tools are run by `vigie once` alone.
    let forgotten: Vec<_> = all.difference(&spared).filter(|kind| **kind != "tool").collect();
    assert!(forgotten.is_empty(), "no change for {forgotten:?}");
    assert!(spared.is_subset(&all), "{spared:?} are kinds");
}

/// Lines that no fault of the town turns: tools are run by `vigie once` alone, and the sign-off is
/// decided when a watch ends. What people announce decides the others, and no system.
const UNTURNED: [&str; 12] = [
    "tool-kubectl",
    "tool-kustomize",
    "tool-helm",
    "tool-docker",
    "tool-git",
    "deployment-completed",
    "verification-passed",
    "no-critical-errors",
    "performance-met",
    "deployment-documented",
    "deployment-recorded",
    "deployment-window",
];

#[tokio::test]
async fn every_line_that_a_machine_decides_is_turned_by_a_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let files = configuration(&town.variables(), folder.path());
    let loaded = load::load(&files).unwrap_or_else(|flaws| panic!("{flaws:?}"));
    let items = loaded.checklist.items.iter().filter(|item| item.card.mode != Mode::Attested);
    let decided: BTreeSet<_> = items.map(|item| item.card.id.as_str()).collect();
    let faults = FAULTS.iter().copied().flatten();
    let turned: BTreeSet<_> =
        faults.flat_map(|fault| fault.turns).map(|turn| turn.item).chain(UNTURNED).collect();
    let left: Vec<_> = decided.difference(&turned).collect();
    assert!(left.is_empty(), "nothing turns {left:?}");
    let strangers: Vec<_> = turned.difference(&decided).collect();
    assert!(strangers.is_empty(), "no such lines: {strangers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_daemon_within_five_seconds() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let mut daemon = Daemon::start(&configuration(&town.variables(), folder.path())).await;
    let killed = Command::new("kill").arg("-TERM").arg(daemon.id().to_string()).status();
    assert!(killed.expect("kill").success());
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(status) = daemon.ended() {
            assert!(status.success(), "{status}");
            return;
        }
        assert!(Instant::now() < deadline, "it still runs");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_stands_as_it_did_from_its_first_answer_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let mut drill = Drill::begin(&town, folder.path()).await;
    for _ in 0..3 {
        drill.restart("killed").await;
        drill.heals("killed").await;
    }
    drill.end();
}
