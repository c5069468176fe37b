//! A disk that is really full, and small: a start on it forgets nothing, writes over nothing, and
//! says what is wrong until there is room.
//!
//! Not everybody may mount a disk. So each of this is also seen of a process whose files may not
//! grow at all, which everybody may have.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::StatusCode;
use serde_json::{Value, json};
use vigie::systems::clock::Clock;

use super::vigie::{Ground, Vigie, until};

/// More than the journal and its log take, little enough to be filled in a moment.
const SIZE: &str = "3m";
/// Acts of each sort that lie in the journal.
pub(super) const ACTS: usize = 12;

/// No file of this process takes another byte, and that is an error, not a signal; its log is
/// written by another.
const NO_BYTE: &str = "exec 2> >(cat >&2); trap '' XFSZ; ulimit -S -f 0;";

/// What takes the journal's room away.
enum Room {
    /// A disk of its own, in memory, that somebody else fills.
    Disk(PathBuf),
    /// The bound that the system sets to files of the process.
    Bound,
}

impl Room {
    /// Mounts a disk; none, with the reason printed, where this process may not.
    fn disk(place: &Path) -> Option<Self> {
        fs::create_dir_all(place).expect("a folder");
        let options = format!("size={SIZE},mode=700");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(place);
        let why = match command.output() {
            Ok(output) if output.status.success() => return Some(Self::Disk(place.to_owned())),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let told = format!(
            "NOT RUN on a full disk, but with a bound to the size of files alone: none can be mounted \
             here: {why}\n"
        );
        // In one piece, past what hides the words of tests that pass.
        std::io::stderr().write_all(told.as_bytes()).expect("somebody who listens");
        None
    }

    fn filler(place: &Path) -> PathBuf {
        place.join("somebody-else's")
    }

    /// Takes all that is left, to the last page, and starts a daemon then.
    fn start_without(&self, ground: &Ground) -> Vigie {
        let before = match self {
            Self::Disk(place) => {
                fill(&Self::filler(place));
                ""
            }
            Self::Bound => NO_BYTE,
        };
        Vigie::start(ground, Some(&ground.data()), before)
    }

    fn make(&self, vigie: &Vigie) {
        match self {
            Self::Disk(place) => fs::remove_file(Self::filler(place)).expect("it is there"),
            Self::Bound => {
                let mut command = Command::new("prlimit");
                command.args(["--pid", &vigie.id().to_string(), "--fsize=unlimited:"]);
                assert!(command.status().expect("`prlimit` (of util-linux)").success());
            }
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Self::Disk(place) = self {
            // The daemon is gone by now, or its files go with it.
            Command::new("umount").arg("--lazy").arg(place).status().ok();
        }
    }
}

fn fill(filler: &Path) {
    let mut file = File::create(filler).expect("a file");
    loop {
        match file.write_all(&[1; 4_096]) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => break,
            Err(error) => panic!("{error}"),
        }
    }
}

/// All that people did, and the deployments.
pub(super) async fn acts(vigie: &Vigie) -> Value {
    let (_, text) = vigie.get("/api/v1/records").await;
    let mut told: Value = serde_json::from_str(&text).expect("the record");
    told["at"].take();
    told
}

/// Announces, declares and attests; returns what is recorded then.
pub(super) async fn act(vigie: &Vigie) -> Value {
    let end = Clock::System.now() + jiff::SignedDuration::from_hours(1);
    for n in 0..ACTS {
        let why = format!("because of {n} ").repeat(30);
        let (status, said) = vigie.announce(&format!("2026.11.{n}")).await;
        assert_eq!(status, StatusCode::CREATED, "{said}");
        let span = json!({ "who": "Jo", "why": why, "until": end, "sections": ["s"] });
        let word = json!({ "who": "Jo", "note": why });
        for (path, body) in
            [("/api/v1/maintenance", span), ("/api/v1/items/seen/attestations", word)]
        {
            let (status, said) = vigie.post(path, body).await;
            assert_eq!(status, StatusCode::CREATED, "{said}");
        }
    }
    let acts = acts(vigie).await;
    assert_eq!(acts["maintenance"].as_array().map(Vec::len), Some(ACTS));
    acts
}

/// What is to be seen of a daemon that has no room, and that watches.
async fn tells_of_no_room(vigie: &Vigie) {
    let down = async || vigie.metric("vigie_journal_up").await == Some(0.0);
    until("it says that it is down", down).await;
    assert!(vigie.metric("vigie_journal_write_errors_total").await >= Some(1.0));
    assert!(vigie.get("/").await.1.contains("Nothing is recorded"));
    assert!(vigie.log().contains("nothing is recorded"), "{}", vigie.log());
    assert_eq!(vigie.get("/-/ready").await.0, 200);
    let (status, problem) = vigie.announce("refused").await;
    assert_eq!((status.as_u16(), &problem["title"]), (503, &"Not recorded".into()), "{problem}");
    let passes = "vigie_item_attempts_total{item=\"item-0\",verdict=\"pass\",environment=\"test\"}";
    let seen = vigie.metric(passes).await.expect("a count") + 2.0;
    until("watching goes on", async || vigie.metric(passes).await >= Some(seen)).await;
}

async fn writes_again(vigie: &Vigie) {
    let up = async || vigie.metric("vigie_journal_up").await == Some(1.0);
    until("it writes again", up).await;
    assert!(!vigie.get("/").await.1.contains("Nothing is recorded"));
    assert!(vigie.log().contains("the journal is written again"), "{}", vigie.log());
}

async fn forgets_nothing(ground: &Ground, room: Room) {
    let data = ground.data();
    let mut vigie = Vigie::start(ground, Some(&data), "");
    vigie.ready().await;
    let before = act(&vigie).await;
    for is_killed in [false, true] {
        // One that ended leaves no log and no index, which a start has to make; one that was killed
        // leaves both, and most of what it knew in the log.
        if is_killed {
            vigie.kill();
        } else {
            assert_eq!(vigie.end(), Some(0), "{}", vigie.log());
        }
        let file = data.join("vigie.db");
        let left = fs::read(&file).expect("the journal");
        vigie = room.start_without(ground);
        vigie.ready().await;
        assert_eq!(acts(&vigie).await, before, "killed: {is_killed}; {}", vigie.log());
        tells_of_no_room(&vigie).await;
        assert_eq!(acts(&vigie).await, before, "what was refused took no effect");
        assert_eq!(fs::read(&file).expect("the journal"), left, "nothing is written over it");
        room.make(&vigie);
        writes_again(&vigie).await;
        vigie.kill();
        vigie = Vigie::start(ground, Some(&data), "");
        vigie.ready().await;
        assert_eq!(acts(&vigie).await, before, "killed: {is_killed}, and started again");
        assert_eq!(vigie.metric("vigie_journal_set_aside_files").await, Some(0.0));
    }
    assert_eq!(vigie.announce("2026.12.1").await.0, StatusCode::CREATED);
    drop(vigie);
    drop(room);
}

async fn begins_when_there_is_room(ground: &Ground, room: Room) {
    let vigie = room.start_without(ground);
    vigie.ready().await;
    tells_of_no_room(&vigie).await;
    room.make(&vigie);
    writes_again(&vigie).await;
    let before = act(&vigie).await;
    vigie.kill();
    let vigie = Vigie::start(ground, Some(&ground.data()), "");
    vigie.ready().await;
    assert_eq!(acts(&vigie).await, before);
    drop(vigie);
    drop(room);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_forgets_nothing() {
    let ground = Ground::with_attested(1).await;
    let Some(disk) = Room::disk(&ground.data()) else { return };
    forgets_nothing(&ground, disk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_may_write_no_byte_forgets_nothing() {
    forgets_nothing(&Ground::with_attested(1).await, Room::Bound).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_on_a_full_disk_begins_a_journal_when_there_is_room() {
    let ground = Ground::with_attested(1).await;
    let Some(disk) = Room::disk(&ground.data()) else { return };
    begins_when_there_is_room(&ground, disk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_may_write_no_byte_begins_a_journal_when_it_may() {
    begins_when_there_is_room(&Ground::with_attested(1).await, Room::Bound).await;
}
