//! Acts under a daemon that is started again, and under one that can record nothing.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::load::{self, Source};
use crate::model::acts::requests::{
    AttestationRequest, MaintenanceRequest, RefusedSort, WaiverRequest, Wish,
};
use crate::model::deployment::Announcement;
use crate::model::item::ItemId;
use crate::model::schedule::later;
use crate::model::standing::{Shown, Standing};
use crate::model::tally::Tally;
use crate::server::Daemon;
use crate::systems::clock::Clock;

const CHECKLIST: &str = r#"
environment: test
sections:
  - id: s
    title: S
    items:
      - id: signed
        title: Signed
        severity: info
        mode: attested
        every: 1h
        checks: [{ attestation: { valid_for: 30d } }]
      - id: vouched
        title: Vouched
        severity: info
        mode: auto_attestable
        every: 1h
        attestation: { valid_for: 30d, answers: [Refused] }
        checks: [{ http: { url: "http://127.0.0.1:1/" } }]
      - id: refused
        title: Refused
        severity: info
        every: 1h
        checks: [{ http: { url: "http://127.0.0.1:1/" } }]
"#;

async fn app(folder: &Path) -> Arc<App> {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let source = Source { path: "checklist.yaml".into(), text: CHECKLIST.to_owned() };
    let configuration = load::compile(&[source]).unwrap_or_else(|flaws| panic!("{flaws:?}"));
    let clock = Clock::System;
    let opened = open(Some(folder), clock.now()).await.unwrap();
    App::new(vec![], configuration, clock, opened)
}

fn shown(app: &App, item: &str) -> Shown {
    let snapshot = app.board.snapshot();
    snapshot.shown(snapshot.item(item).unwrap(), app.clock.now())
}

async fn until_it_is(app: &App, item: &str, standing: Standing) {
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while shown(app, item).standing != standing {
        assert!(tokio::time::Instant::now() < end, "{:?}", shown(app, item));
        app.engine.swing();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn announcement() -> Announcement {
    Announcement {
        version: "2026.11.1".to_owned(),
        who: "Jo".to_owned(),
        environment: None,
        started: None,
        migration: None,
        ticket: None,
        notes: None,
    }
}

fn maintenance(app: &App) -> Wish {
    Wish::Maintain(MaintenanceRequest {
        who: "Jo".to_owned(),
        why: "new disks".to_owned(),
        from: Some(later(app.clock.now(), Duration::from_hours(1))),
        until: later(app.clock.now(), Duration::from_hours(2)),
        sections: vec![],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_acts_stand_and_change_what_is_shown_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let before = app(folder.path()).await;
    until_it_is(&before, "refused", Standing::Failing).await;
    until_it_is(&before, "vouched", Standing::Failing).await;
    let attest = |item: &str| Wish::Attest {
        item: item.to_owned(),
        request: AttestationRequest {
            who: "Jo".to_owned(),
            note: None,
            link: None,
            until: None,
            next_deployment: false,
        },
    };
    let waive = Wish::Waive {
        item: "refused".to_owned(),
        request: WaiverRequest {
            who: "Al".to_owned(),
            why: "known".to_owned(),
            reasons: vec!["Refused".to_owned()],
            until: later(before.clock.now(), Duration::from_hours(1)),
        },
    };
    for wish in [attest("signed"), attest("vouched"), waive, maintenance(&before)] {
        before.record(wish, "team".to_owned()).await.unwrap();
    }
    let deployment = before.announce(announcement(), "pipeline".to_owned()).await.unwrap();
    until_it_is(&before, "signed", Standing::Passing).await;
    until_it_is(&before, "vouched", Standing::Passing).await;
    assert_eq!(shown(&before, "refused").standing, Standing::Waived);
    let Keeping::Journal(journal) = before.keeping() else { panic!("a journal") };
    journal.keep(before.known()).await;
    journal.close();
    drop(journal);

    let after = app(folder.path()).await;
    for item in ["signed", "vouched", "refused"] {
        let id = ItemId::parse(item).unwrap();
        assert_eq!(shown(&after, item), shown(&before, item), "{id}");
        let (old, new) = (before.board.snapshot(), after.board.snapshot());
        let (old, new) = (old.item(item).unwrap(), new.item(item).unwrap());
        assert_eq!((&new.attestations, &new.waivers), (&old.attestations, &old.waivers));
        assert_eq!((new.known_since, &new.turns), (old.known_since, &old.turns));
    }
    let (old, new) = (before.board.snapshot(), after.board.snapshot());
    let tally = |snapshot| Tally::of(snapshot, after.clock.now());
    assert_eq!((tally(&new), tally(&new).attested), (tally(&old), 2), "nobody has looked");
    assert_eq!(new.maintenance, old.maintenance);
    assert_eq!(new.deployment(), Some(&deployment));
}

/// Takes the folder's journal away from who reads, as a disk that is full or gone does; gives it
/// back when dropped.
struct Unreadable<'a>(&'a Path);

impl<'a> Unreadable<'a> {
    fn new(folder: &'a Path) -> Self {
        let unreadable = Self(folder);
        std::os::unix::fs::symlink("/nowhere/at/all", unreadable.part("-shm")).unwrap();
        std::fs::create_dir(unreadable.part("-wal")).unwrap();
        unreadable
    }

    fn part(&self, part: &str) -> PathBuf {
        self.0.join(format!("{}{part}", crate::journal::FILE))
    }
}

impl Drop for Unreadable<'_> {
    fn drop(&mut self) {
        std::fs::remove_file(self.part("-shm")).unwrap();
        std::fs::remove_dir(self.part("-wal")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_at_the_start_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let before = app(folder.path()).await;
    before.record(maintenance(&before), "team".to_owned()).await.unwrap();
    let deployment = before.announce(announcement(), "pipeline".to_owned()).await.unwrap();
    until_it_is(&before, "refused", Standing::Failing).await;
    let Keeping::Journal(journal) = before.keeping() else { panic!("a journal") };
    journal.keep(before.known()).await;
    journal.close();
    drop(journal);
    let file = folder.path().join(crate::journal::FILE);
    let left = std::fs::read(&file).unwrap();

    let unreadable = Unreadable::new(folder.path());
    let after = app(folder.path()).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(run(Arc::clone(&after), stop.clone()));
    // Asked again, it is no more to be read than at first.
    for _ in 0..2 {
        let Keeping::Waiting(waited_for, because) = after.keeping() else { panic!("it waits") };
        assert_eq!(waited_for, folder.path());
        assert!(because.starts_with("waits for what is kept in the data folder "), "{because}");
        assert_eq!(after.ready(), Err(because.clone()));
        assert_eq!(after.keeping().vitals(), JournalVitals::Waiting { because: because.clone() });
        let refused = after.record(maintenance(&after), "team".to_owned()).await.unwrap_err();
        assert_eq!((refused.sort, refused.because), (RefusedSort::NotRecorded, because));
        assert!(after.board.snapshot().items.is_empty(), "nothing is looked at");
        wait_on(&after, folder.path()).await;
    }
    assert_eq!(std::fs::read(&file).unwrap(), left, "nothing is written over it");
    drop(unreadable);
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while after.ready().is_err() {
        assert!(tokio::time::Instant::now() < end, "{:?}", after.ready());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(shown(&after, "refused"), shown(&before, "refused"), "nobody has looked");
    let (old, new) = (before.board.snapshot(), after.board.snapshot());
    assert_eq!(new.maintenance, old.maintenance);
    assert_eq!(new.deployment(), Some(&deployment));
    after.record(maintenance(&after), "team".to_owned()).await.unwrap();
    assert_eq!(after.board.snapshot().maintenance.len(), 2, "it records again");
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_recorded_takes_no_effect() {
    let folder = tempfile::tempdir().unwrap();
    let first = app(folder.path()).await;
    let second = app(folder.path()).await;
    assert!(second.ready().unwrap_err().contains("which another Vigie has"));
    let refused = second.record(maintenance(&second), "team".to_owned()).await.unwrap_err();
    assert_eq!(refused.sort, RefusedSort::NotRecorded);
    assert!(refused.because.contains("which another Vigie has"), "{}", refused.because);
    let refused = second.announce(announcement(), "team".to_owned()).await.unwrap_err();
    assert_eq!(refused.sort, RefusedSort::NotRecorded);
    let snapshot = second.board.snapshot();
    assert!(snapshot.maintenance.is_empty() && snapshot.deployments.is_empty());
    assert!(snapshot.items.is_empty(), "nothing is looked at");
    drop(first);
}
