//! The course of a drill: one fault after the other, the whole board after each.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures::{FutureExt, select_biased};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};
use vigie::systems::clock::Clock;
use vigie_sim::town::{Act, PLEDGE, Town, Turn};

use super::board::Board;
use super::configuration::configuration;
use super::daemon::Daemon;

/// How long the board may take to become what it should be; generous, for slow machines.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long it may take until all is well at first: clusters and databases have just started.
const START: Duration = Duration::from_secs(180);
/// How long a look may have been under way when something changed: one that ends later than so long
/// after the change has seen it.
const LONGEST_LOOK: SignedDuration = SignedDuration::from_secs(1);
/// The standings of the healthy board: sign-off lines wait for the end of a watch, and tools are for
/// workstations.
const HEALTHY: [&str; 3] = ["passing", "pending", "not_applicable"];

/// A daemon on its checklist, the board while all is well, and what came of faults and changes.
pub struct Drill {
    daemon: Daemon,
    healthy: Board,
    /// The items that are to be looked at after each fault; all, where none is named.
    looked_at: Option<Vec<&'static str>>,
    tally: Tally,
}

/// What came of faults and changes.
#[derive(Debug, Default)]
pub struct Tally {
    faults: usize,
    found: usize,
    /// What was otherwise than it should after faults, and after they were healed.
    wrong: Vec<String>,
    /// What turned though nothing had gone wrong.
    alarms: Vec<String>,
}

impl Tally {
    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        let Self { faults, found, wrong, alarms } = other;
        self.faults += faults;
        self.found += found;
        self.wrong.extend(wrong);
        self.alarms.extend(alarms);
        self
    }

    /// Says it.
    ///
    /// # Panics
    /// A fault was not found, or an item was otherwise than it should be.
    pub fn tell(self) {
        let Self { faults, found, wrong, alarms } = self;
        let all: Vec<_> = wrong.iter().chain(&alarms).map(String::as_str).collect();
        let tally = format!(
            "{faults} faults, {found} found, {} wrong items, {} false alarms",
            wrong.len(),
            alarms.len()
        );
        if faults > 0 {
            // Past the harness, which swallows what passing tests print, and on a line of its own.
            writeln!(std::io::stdout(), "\n{tally}").expect("standard output");
        }
        assert!(all.is_empty() && found == faults, "{tally}\n{}", all.join("\n"));
    }
}

impl Drill {
    /// Starts the daemon on the shipped checklist for this town, and waits until all is well.
    pub async fn begin(town: &Town, folder: &Path) -> Self {
        let files = configuration(&town.variables(), folder);
        let tokens = folder.join("tokens.yaml");
        std::fs::write(&tokens, PLEDGE.tokens).expect("tokens are written");
        let [tokens, data] = [tokens, folder.join("data")].map(|path| path.display().to_string());
        let more = ["--tokens", &tokens, "--data-dir", &data];
        Self::on(Daemon::start_with(&files, &more).await, town, None).await
    }

    /// Tells a daemon what has happened in the town, and waits until all is well. Only these items
    /// are looked at often, where some are named.
    pub async fn on(daemon: Daemon, town: &Town, looked_at: Option<Vec<&'static str>>) -> Self {
        for act in town.acts() {
            tell(&daemon, &act).await;
        }
        Self::of(daemon, looked_at).await
    }

    /// Takes over a daemon, and waits until all is well.
    async fn of(daemon: Daemon, looked_at: Option<Vec<&'static str>>) -> Self {
        let deadline = Instant::now() + START;
        let begun = now();
        let healthy = loop {
            let board = daemon.board().await;
            let mut ill = board.others_than(&HEALTHY);
            ill.extend(board.undecided());
            if ill.is_empty() && board.not_seen_since(begun).is_empty() {
                break board;
            }
            assert!(Instant::now() < deadline, "all is well at first:\n{}", ill.join("\n"));
            sleep(Duration::from_millis(200)).await;
        };
        Self { daemon, healthy, looked_at, tally: Tally::default() }
    }

    /// Puts a fault in, compares the whole board, heals it, and compares again.
    pub async fn fault(
        &mut self,
        name: &str,
        turns: &[Turn],
        inject: impl AsyncFnOnce(),
        heal: impl AsyncFnOnce(),
    ) {
        let begun = Instant::now();
        inject().await;
        self.turns(name, turns).await;
        let found = begun.elapsed();
        heal().await;
        self.heals(name).await;
        let both = begun.elapsed();
        show(&format!("{name}: {found:.1?}, and healed after {both:.1?}"));
    }

    /// A fault was put in: compares the whole board.
    pub async fn turns(&mut self, name: &str, turns: &[Turn]) {
        self.tally.faults += 1;
        match self.becomes(turns).await {
            Ok(()) => self.tally.found += 1,
            Err(differences) => self.tally.wrong.extend(told(name, &differences)),
        }
    }

    /// The last fault was taken out: compares the whole board.
    pub async fn heals(&mut self, name: &str) {
        if let Err(differences) = self.becomes(&[]).await {
            self.tally.wrong.extend(told(&format!("{name}, healed"), &differences));
        }
    }

    /// Kills the daemon in the midst of it all and starts it again: from its first answer on every
    /// item stands as it did, and since when it did.
    pub async fn restart(&mut self, name: &str) {
        let before = self.daemon.board().await;
        self.daemon.restart().await;
        let lost = self.daemon.board().await.lost(&before);
        self.tally.alarms.extend(told(name, &lost));
    }

    /// The daemon.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Lets something happen that is no fault, and compares the whole board all the time: while it
    /// happens, and until every item was looked at since. Only what items may say `meanwhile` is no
    /// alarm, and it must be over in the end.
    pub async fn change(&mut self, name: &str, meanwhile: &[Turn], happen: impl AsyncFnOnce()) {
        let begun = Instant::now();
        let (from, before) = (now(), self.daemon.board().await);
        let mut differences = BTreeSet::new();
        let over = async {
            happen().await;
            now() + LONGEST_LOOK
        };
        let mut over = pin!(over.fuse());
        let mut since = None;
        let deadline = begun + PATIENCE;
        loop {
            select_biased! {
                at = over => since = Some(at),
                () = sleep(Duration::from_millis(100)).fuse() => {}
            }
            let board = self.daemon.board().await;
            let mut left = board.differences(&self.healthy, &[]);
            if !left.is_empty() {
                let turns: Vec<_> =
                    meanwhile.iter().filter(|turn| board.has(turn)).copied().collect();
                differences.extend(board.differences(&self.healthy, &turns));
            }
            let Some(since) = since else { continue };
            left.extend(self.unseen(&board, since));
            if left.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                differences.extend(left);
                break;
            }
        }
        differences.extend(self.flaps(from, &before, meanwhile).await);
        if !differences.is_empty() {
            let differences: Vec<_> = differences.into_iter().collect();
            self.tally.alarms.extend(told(name, &differences));
        }
        show(&format!("{name}, which is no fault: {:.1?}", begun.elapsed()));
    }

    /// Lets something happen that is felt for moments: as shipped, several looks decide, and here one
    /// does. Compares the whole board when it is over.
    pub async fn hiccup(&mut self, name: &str, happen: impl AsyncFnOnce()) {
        happen().await;
        if let Err(differences) = self.becomes(&[]).await {
            self.tally.alarms.extend(told(name, &differences));
        }
    }

    /// Lets somebody tell the daemon what is no fault, and compares the whole board.
    pub async fn act(&mut self, name: &str, act: &Act) {
        tell(&self.daemon, act).await;
        self.change(name, &[], async || ()).await;
    }

    /// What came of it all.
    pub fn tally(self) -> Tally {
        self.tally
    }

    /// Says what came of it all.
    ///
    /// # Panics
    /// A fault was not found, or an item was otherwise than it should be.
    pub fn end(self) {
        self.tally.tell();
    }

    /// Waits until the whole board is as it was with these turns, and every item was looked at since.
    async fn becomes(&self, turns: &[Turn]) -> Result<(), Vec<String>> {
        let deadline = Instant::now() + PATIENCE;
        let since = now() + LONGEST_LOOK;
        loop {
            let board = self.daemon.board().await;
            let mut differences = board.differences(&self.healthy, turns);
            if differences.is_empty() {
                differences = self.unseen(&board, since);
                if differences.is_empty() {
                    return Ok(());
                }
            }
            if Instant::now() > deadline {
                return Err(differences);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// What items turned to between two glances at the board; a machine that is busy with other tests
    /// is slow, which says nothing of the town.
    async fn flaps(&self, from: Timestamp, before: &Board, meanwhile: &[Turn]) -> Vec<String> {
        let board = self.daemon.board().await;
        let mut flaps = Vec::new();
        for item in board.turned_since(before) {
            for (standing, reason) in self.daemon.turns(item, from).await {
                let is_expected = meanwhile.iter().any(|turn| {
                    (turn.item, turn.standing, turn.reason) == (item, &*standing, &*reason)
                });
                let is_slow = standing == "warning" && reason == "TooSlow";
                if !is_expected && !is_slow && !HEALTHY.contains(&&*standing) {
                    flaps.push(format!("{item}: {standing} {reason} for a moment"));
                }
            }
        }
        flaps
    }

    /// The items that are to be looked at and were not since, each in a sentence.
    fn unseen(&self, board: &Board, since: Timestamp) -> Vec<String> {
        let wanted = |id: &&str| self.looked_at.as_ref().is_none_or(|ids| ids.contains(id));
        let unseen = board.not_seen_since(since).into_iter().filter(wanted);
        unseen.map(|id| format!("{id}: not looked at")).collect()
    }
}

fn told(name: &str, differences: &[String]) -> Vec<String> {
    let told: Vec<_> = differences.iter().map(|said| format!("{name}: {said}")).collect();
    show(&told.join("\n"));
    told
}

/// How the drill comes along: shown where a test fails, or where all that tests print is.
#[expect(clippy::print_stderr, reason = "the harness takes it, and shows it where it is wanted")]
fn show(line: &str) {
    eprintln!("{line}");
}

async fn tell(daemon: &Daemon, act: &Act) {
    let (status, said) = daemon.tell(&act.path, PLEDGE.secret, act.body.to_string()).await;
    assert!((200..300).contains(&status), "{}: {status} {said}", act.path);
}

fn now() -> Timestamp {
    Clock::System.now()
}
