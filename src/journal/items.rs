//! Items in the file: what is written of one, in parts that change at different times, and how it is
//! read back.
//!
//! Each part is bounded, since the board bounds what it holds; so is the file.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::record::digest;
use super::trouble::Trouble;
use crate::model::finding::Verdict;
use crate::model::item::ItemId;
use crate::model::judgement::Line;
use crate::model::memory::{Memory, Vocabulary};
use crate::model::reason::Reason;
use crate::model::report::Cause;
use crate::model::snapshot::{Attempt, Blocked, Folded, ItemState, Snapshot};
use crate::model::standing::{Standing, Turn};
use crate::model::tally;

/// The fold's state, times and counts: changes with every attempt.
const STATE: &str = "state";
/// The last attempts: so does this.
const RECENT: &str = "recent";
/// The last failures: changes with each of them.
const FAILURES: &str = "failures";
/// The last turns.
const TURNS: &str = "turns";
/// What a waiver has to cover: as a rule the same at every attempt.
const FAILING: &str = "failing";

/// The part `state`, as it is written.
#[derive(Serialize)]
struct Written<'a> {
    folded: &'a Folded,
    blocked: Option<&'a Blocked>,
    stale_at: Option<Timestamp>,
    last_attempt: Option<Timestamp>,
    last_pass: Option<Timestamp>,
    attempts: [u64; 4],
    known_since: Timestamp,
    attested: bool,
}

/// The parts of an item, by name, as JSON.
///
/// # Errors
/// They can't be written as JSON: a defect of Vigie.
pub(super) fn parts(
    snapshot: &Snapshot,
    item: &ItemState,
    now: Timestamp,
) -> serde_json::Result<[(&'static str, String); 5]> {
    let state = Written {
        folded: &item.folded,
        blocked: item.blocked.as_ref(),
        stale_at: snapshot.stale_since(item, now),
        last_attempt: item.last_attempt,
        last_pass: item.last_pass,
        attempts: item.attempts,
        known_since: item.known_since,
        attested: tally::attested(item),
    };
    Ok([
        (STATE, serde_json::to_string(&state)?),
        (RECENT, serde_json::to_string(&item.recent)?),
        (FAILURES, serde_json::to_string(&item.failures)?),
        (TURNS, serde_json::to_string(&item.turns)?),
        (FAILING, serde_json::to_string(&item.failing_reasons())?),
    ])
}

/// The part `state`, as it is read.
#[derive(Deserialize)]
struct KeptState {
    folded: KeptFold,
    blocked: Option<Blocked>,
    stale_at: Option<Timestamp>,
    last_attempt: Option<Timestamp>,
    last_pass: Option<Timestamp>,
    attempts: [u64; 4],
    known_since: Option<Timestamp>,
    /// Not in files of the first versions.
    #[serde(default)]
    attested: bool,
}

#[derive(Deserialize)]
struct KeptLine {
    subject: String,
    verdict: Verdict,
    reason: Option<String>,
    because: String,
}

#[derive(Deserialize)]
struct KeptFold {
    standing: Standing,
    since: Timestamp,
    reason: Option<String>,
    because: String,
    goods: u32,
    fails: u32,
    unknowns: u32,
    counted_at: [Option<Timestamp>; 3],
    last_verdict: Option<Verdict>,
    last_reason: Option<String>,
    last_because: String,
    before_unknown: Option<Standing>,
    last_seen_failing: Option<Timestamp>,
}

#[derive(Deserialize)]
struct KeptAttempt {
    started: Timestamp,
    took: f64,
    cause: Cause,
    verdict: Verdict,
    reason: Option<String>,
    because: String,
}

#[derive(Deserialize)]
struct KeptTurn {
    at: Timestamp,
    from: Standing,
    to: Standing,
    reason: Option<String>,
    because: String,
}

/// A reason that may be missing; `Err` where its code means nothing here.
fn known(words: &Vocabulary, code: Option<&str>) -> Result<Option<Reason>, ()> {
    match code {
        None => Ok(None),
        Some(code) => words.reason(code).map(Some).ok_or(()),
    }
}

impl KeptFold {
    /// The fold's state, where all its words are known.
    fn folded(self, words: &Vocabulary) -> Option<Folded> {
        Some(Folded {
            standing: self.standing,
            since: self.since,
            reason: known(words, self.reason.as_deref()).ok()?,
            because: self.because,
            goods: self.goods,
            fails: self.fails,
            unknowns: self.unknowns,
            counted_at: self.counted_at,
            last_verdict: self.last_verdict,
            last_reason: known(words, self.last_reason.as_deref()).ok()?,
            last_because: self.last_because,
            before_unknown: self.before_unknown,
            last_seen_failing: self.last_seen_failing,
        })
    }
}

impl KeptAttempt {
    fn attempt(self, words: &Vocabulary) -> Option<Attempt> {
        Some(Attempt {
            started: self.started,
            took: Duration::try_from_secs_f64(self.took).ok()?,
            cause: self.cause,
            verdict: self.verdict,
            reason: known(words, self.reason.as_deref()).ok()?,
            because: self.because,
        })
    }
}

/// A failing line. One whose reason is unknown here has none: no waiver covers what can't be told.
fn failing(line: serde_json::Value, words: &Vocabulary) -> Line {
    let Ok(line) = serde_json::from_value::<KeptLine>(line) else { return unreadable() };
    let KeptLine { subject, verdict, reason, because } = line;
    let reason = known(words, reason.as_deref()).unwrap_or_default();
    Line { subject, verdict, reason, because }
}

/// In place of a failing line that another version wrote in another way.
fn unreadable() -> Line {
    Line {
        subject: String::new(),
        verdict: Verdict::Fail,
        reason: None,
        because: "what failed at the last look was written by another version of Vigie, and can't \
                  be read by this one"
            .to_owned(),
    }
}

impl KeptTurn {
    fn turn(self, words: &Vocabulary) -> Option<Turn> {
        Some(Turn {
            at: self.at,
            from: self.from,
            to: self.to,
            reason: known(words, self.reason.as_deref()).ok()?,
            because: self.because,
        })
    }
}

const ALL: &str = "SELECT item, name, json, digest FROM part";

/// Looks at the digest of every part.
pub(super) fn verify(connection: &Connection) -> Result<(), Trouble> {
    let mut statement = connection.prepare(ALL)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (item, name, json): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if row.get::<_, Vec<u8>>(3)? != digest(&[&item, &name, &json]) {
            return Err(Trouble::damaged(&format!("the digest of `{name}` of `{item}` is wrong")));
        }
    }
    Ok(())
}

/// All items. What this version can't read of one is left out, and logged.
pub(super) fn read(
    connection: &Connection,
    words: &Vocabulary,
) -> Result<HashMap<ItemId, Memory>, Trouble> {
    let mut items = HashMap::new();
    let mut statement = connection.prepare("SELECT id, fingerprint, seen FROM item")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, fingerprint): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let (Ok(id), Ok(fingerprint)) = (ItemId::parse(&id), fingerprint.try_into()) else {
            return Err(Trouble::damaged("an item has a name or a digest that none has"));
        };
        let seen = Timestamp::from_second(row.get(2)?).ok();
        items.insert(id, Memory { seen, fingerprint, ..Memory::default() });
    }
    let mut statement = connection.prepare(ALL)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (item, name, json): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if let Some(memory) = items.get_mut(item.as_str())
            && let Err(error) = take(memory, &name, &json, words)
        {
            tracing::warn!(%error, "`{name}` of `{item}` in the journal can't be read by this version");
        }
    }
    let last = items.values().filter_map(|memory| memory.seen).max();
    for memory in items.values_mut() {
        memory.left = memory.seen < last;
    }
    Ok(items)
}

fn take(memory: &mut Memory, name: &str, json: &str, words: &Vocabulary) -> serde_json::Result<()> {
    match name {
        STATE => {
            let KeptState {
                folded,
                blocked,
                stale_at,
                last_attempt,
                last_pass,
                attempts,
                known_since,
                attested,
            } = serde_json::from_str(json)?;
            memory.known_since = known_since;
            memory.attested = attested;
            memory.folded = folded.folded(words);
            memory.blocked = blocked;
            memory.stale_at = stale_at;
            memory.last_attempt = last_attempt;
            memory.last_pass = last_pass;
            memory.attempts = attempts;
        }
        RECENT => memory.recent = attempts(json, words)?,
        FAILURES => memory.failures = attempts(json, words)?,
        FAILING => {
            let lines: serde_json::Result<Vec<serde_json::Value>> = serde_json::from_str(json);
            memory.failing = match lines {
                Ok(lines) => lines.into_iter().map(|line| failing(line, words)).collect(),
                Err(_) => vec![unreadable()],
            };
        }
        TURNS => {
            let turns: Vec<KeptTurn> = serde_json::from_str(json)?;
            memory.turns = turns.into_iter().filter_map(|turn| turn.turn(words)).collect();
        }
        // Written by a version that wrote more.
        _ => {}
    }
    Ok(())
}

fn attempts(json: &str, words: &Vocabulary) -> serde_json::Result<VecDeque<Attempt>> {
    let attempts: Vec<KeptAttempt> = serde_json::from_str(json)?;
    Ok(attempts.into_iter().filter_map(|attempt| attempt.attempt(words)).collect())
}
