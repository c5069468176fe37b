//! The thread that writes: the only one that touches the file while the daemon runs.
//!
//! Human acts are synced to the disk before anybody is told that they are recorded. What machines
//! saw is written without waiting for the disk: a process that is killed loses nothing of it, a
//! machine that loses its power the last moments.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::file;
use super::held::Held;
use super::lock::Lock;
use super::points::{self, Series};
use super::record::{self, Record, digest};
use super::records::{OfBoard, OfItem};
use super::trouble::Trouble;
use super::{Unrecorded, aside, items, retention};
use crate::model::item::{ItemId, Section};
use crate::model::past::Past;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::vitals::JournalHealth;

/// How often it is written down that this daemon records, which tells the next one until when.
const PULSE: SignedDuration = SignedDuration::from_secs(30);

/// What the writer is asked for.
pub(super) enum Request {
    /// To record, and to tell whether it is on the disk.
    Record(Vec<Record>, Timestamp, oneshot::Sender<Result<(), Unrecorded>>),
    /// To bring the file to what is known now, and to tell when that was tried.
    Keep(Box<Known>, oneshot::Sender<()>),
}

/// All that is known at one moment.
pub struct Known {
    /// The board.
    pub snapshot: Snapshot,
    /// What the checks of each item remember.
    pub pasts: Vec<(ItemId, Arc<Past>)>,
    /// When.
    pub now: Timestamp,
}

/// How much a transaction waits for the disk.
#[derive(Clone, Copy, Debug)]
enum Sync {
    /// Until it lies there.
    Full,
    /// Not at all.
    Normal,
}

/// What of an item is in the file.
#[derive(Clone, Debug, Default)]
struct InFile {
    /// The state that was last looked at; another is a new one.
    state: Weak<ItemState>,
    past: Weak<Past>,
    fingerprint: [u8; 32],
    /// Hashes of the parts that were last written.
    parts: HashMap<&'static str, u64>,
    series: Series,
    acts: OfItem,
}

/// The writer.
pub(super) struct Writer {
    folder: PathBuf,
    most_pages: u32,
    connection: Option<Connection>,
    /// The file that was read whole, or made; none once it was seen to be gone.
    ours: Option<Held>,
    items: HashMap<ItemId, InFile>,
    records: OfBoard,
    /// Whether a new file still lacks what the daemon knows: then nothing is promised.
    lacking: bool,
    last_retention: Option<Timestamp>,
    /// Of the checklist whose items the file has as configured.
    sections: Weak<[Section]>,
    last_pulse: Option<Timestamp>,
    health: Arc<Mutex<JournalHealth>>,
    _lock: Lock,
}

impl Writer {
    pub(super) fn new(
        (folder, most_pages): (PathBuf, u32),
        (connection, ours): (Option<Connection>, Option<Held>),
        series: HashMap<ItemId, Series>,
        health: Arc<Mutex<JournalHealth>>,
        lock: Lock,
    ) -> Self {
        let in_file = |(id, series)| (id, InFile { series, ..InFile::default() });
        Self {
            folder,
            most_pages,
            connection,
            ours,
            items: series.into_iter().map(in_file).collect(),
            records: OfBoard::default(),
            lacking: false,
            last_retention: None,
            sections: Weak::<[Section; 0]>::new(),
            last_pulse: None,
            health,
            _lock: lock,
        }
    }

    /// Writes until nobody can ask any more, then leaves a file without a log.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.blocking_recv() {
            match request {
                Request::Record(records, now, told) => {
                    let outcome = self.record(&records, now);
                    // Who asked may have gone; the record stays.
                    told.send(outcome).ok();
                }
                Request::Keep(known, done) => {
                    self.keep(&known);
                    drop(known);
                    done.send(()).ok();
                }
            }
        }
        if let Some(connection) = self.connection.take()
            && let Err((_, error)) = connection.close()
        {
            tracing::warn!(%error, "the journal was not closed well: {error}");
        }
    }

    fn record(&mut self, records: &[Record], now: Timestamp) -> Result<(), Unrecorded> {
        if let Err(trouble) = self.connection(now).map(|_| ()) {
            return self.told(Err(trouble)).map_err(Unrecorded);
        }
        if self.lacking {
            let why = "a new journal was begun and does not hold yet what is known".to_owned();
            return Err(Unrecorded(why));
        }
        let written =
            self.within(Sync::Full, now, |transaction| record::insert(transaction, records));
        self.told(written).map_err(Unrecorded)
    }

    /// Brings the file to what is known: items that changed since the last time, and all records
    /// where the file is new.
    fn keep(&mut self, known: &Known) {
        let Known { snapshot, pasts, now } = known;
        // First of all: of another file, nothing is known.
        if let Err(trouble) = self.connection(*now).map(|_| ()) {
            self.told::<()>(Err(trouble)).ok();
            return;
        }
        let is_new = self.lacking;
        let due = retention::is_due(self.last_retention, *now);
        let changed: Vec<_> = snapshot.items.iter().filter(|item| self.has_changed(item)).collect();
        let mut records = self.records.clone();
        let news = records.news(snapshot);
        let is_quiet = matches!(&news, Ok(news) if news.is_empty());
        let longer: Vec<_> = pasts.iter().filter(|past| self.has_grown(past)).collect();
        let is_up = self.health(|health| health.up);
        let beats = self.beats(*now);
        let is_other = !std::ptr::addr_eq(self.sections.as_ptr(), Arc::as_ptr(&snapshot.sections));
        let is_due = due || is_new || is_other || beats;
        if changed.is_empty() && longer.is_empty() && is_quiet && !is_due && is_up {
            return;
        }
        // Where the writing does not succeed these are not put back: then all of it is written anew.
        let ids = changed.iter().map(|item| &item.card.id).chain(longer.iter().map(|(id, _)| id));
        let mut taken: HashMap<_, _> = ids.filter_map(|id| self.items.remove_entry(id)).collect();
        let written = self.within(Sync::Normal, *now, |transaction| {
            record::insert(transaction, &news?)?;
            if beats {
                record::insert(transaction, &[Record::pulse(*now)?])?;
            }
            for item in &changed {
                let in_file = taken.entry(item.card.id.clone()).or_default();
                write_item(transaction, known, item, in_file)?;
            }
            for (id, past) in &longer {
                // What is not configured has no row.
                let Some(in_file) = taken.get_mut(id) else { continue };
                in_file.series = points::write(transaction, id, past, &in_file.series)?;
                in_file.past = Arc::downgrade(past);
            }
            if due || is_other {
                retention::see(transaction, snapshot, *now)?;
            }
            if due { retention::forget(transaction, *now) } else { Ok(()) }
        });
        if written.is_ok() {
            self.items.extend(taken);
            self.records = records;
            self.lacking &= !is_new;
            self.sections = Arc::downgrade(&snapshot.sections);
            self.last_pulse = if beats { Some(*now) } else { self.last_pulse };
            self.tidy(known, due);
        }
        self.told(written).ok();
    }

    /// What follows a writing: marks of what is gone, room that is free, figures.
    fn tidy(&mut self, known: &Known, due: bool) {
        let Known { snapshot, pasts: _, now } = known;
        if due {
            self.last_retention = Some(*now);
            let configured: HashSet<_> = snapshot.items.iter().map(|item| &item.card.id).collect();
            self.items.retain(|id, _| configured.contains(id));
            let oldest = retention::oldest_point(*now);
            self.items.values_mut().for_each(|in_file| in_file.series.forget_before(oldest));
            if let Some(connection) = &self.connection
                && let Err(error) = retention::give_back(connection)
            {
                tracing::debug!(%error, "no room was given back");
            }
        }
        let (bytes, aside) =
            (file::bytes(&self.folder), due.then(|| aside::lie_aside(&self.folder)));
        self.health(|health| {
            health.bytes = bytes;
            health.set_aside = aside.unwrap_or_else(|| std::mem::take(&mut health.set_aside));
        });
    }

    /// Whether it is time to write down that this daemon records.
    fn beats(&self, now: Timestamp) -> bool {
        self.last_pulse.is_none_or(|last| now.duration_since(last).abs() >= PULSE)
    }

    fn has_changed(&self, item: &Arc<ItemState>) -> bool {
        self.items
            .get(&item.card.id)
            .is_none_or(|in_file| !std::ptr::eq(in_file.state.as_ptr(), Arc::as_ptr(item)))
    }

    fn has_grown(&self, (id, past): &(ItemId, Arc<Past>)) -> bool {
        self.items
            .get(id)
            .is_none_or(|in_file| !std::ptr::eq(in_file.past.as_ptr(), Arc::as_ptr(past)))
    }

    /// One transaction. What it can't do it leaves undone; a damaged file is moved aside.
    fn within<T>(
        &mut self,
        sync: Sync,
        now: Timestamp,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let written = self.connection(now).and_then(|connection| {
            connection.pragma_update(None, "synchronous", sync.word())?;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let written = write(&transaction)?;
            transaction.commit()?;
            Ok(written)
        });
        if let Err(trouble) = &written
            && trouble.is_damage()
        {
            self.connection = None;
            let (folder, ours) = (&self.folder, &mut self.ours);
            let begun = file::begin_anew(folder, self.most_pages, now, trouble, ours);
            self.take(begun.inspect_err(|error| tracing::error!("no new journal: {error}")).ok());
        }
        written
    }

    /// The file, opened again where it was lost.
    fn connection(&mut self, now: Timestamp) -> Result<&mut Connection, Trouble> {
        if let Some(ours) = &self.ours
            && !ours.lies_in(&self.folder)?
        {
            self.connection = None;
            ours.leave_log(&self.folder)?;
            self.ours = None;
            tracing::error!("the journal's file is gone from its place");
        }
        if self.connection.is_none() {
            // What it remembers would be written over with what this daemon knows.
            if self.ours.is_none() && file::is_there(&self.folder)? {
                return Err(Trouble::unread());
            }
            let opened = file::open(&self.folder, self.most_pages, now, &mut self.ours)?;
            self.take(Some(opened));
        }
        match &mut self.connection {
            Some(connection) => Ok(connection),
            None => Err(Trouble::Passing {
                doing: "the journal can't be written",
                why: "it is not open".to_owned(),
            }),
        }
    }

    /// Takes another file, of which nothing is known.
    fn take(&mut self, connection: Option<Connection>) {
        self.connection = connection;
        self.items.clear();
        self.records = OfBoard::default();
        self.sections = Weak::<[Section; 0]>::new();
        self.last_pulse = None;
        self.lacking = true;
        let aside = aside::lie_aside(&self.folder);
        self.health(|health| health.set_aside = aside);
    }

    /// Notes what came of a writing, and logs it where it is news.
    fn told<T>(&self, written: Result<T, Trouble>) -> Result<T, String> {
        self.health(|health| match written {
            Ok(done) => {
                if !health.up {
                    tracing::info!("the journal is written again");
                }
                (health.up, health.trouble) = (true, None);
                Ok(done)
            }
            Err(trouble) => {
                let told = trouble.to_string();
                health.write_errors += 1;
                if health.trouble.as_ref() != Some(&told) {
                    tracing::error!("nothing is recorded: {told}");
                }
                (health.up, health.trouble) = (false, Some(told.clone()));
                Err(told)
            }
        })
    }

    fn health<T>(&self, with: impl FnOnce(&mut JournalHealth) -> T) -> T {
        with(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sync {
    const fn word(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
        }
    }
}

/// Writes those parts of an item that are not in the file as they are.
fn write_item(
    transaction: &Transaction<'_>,
    known: &Known,
    item: &Arc<ItemState>,
    in_file: &mut InFile,
) -> Result<(), Trouble> {
    let id = item.card.id.as_str();
    if in_file.parts.is_empty() || in_file.fingerprint != item.fingerprint {
        transaction.execute(
            "INSERT INTO item VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET fingerprint = ?2, seen = ?3",
            params![id, item.fingerprint, known.now.as_second()],
        )?;
        in_file.fingerprint = item.fingerprint;
    }
    let mut write = transaction.prepare(
        "INSERT INTO part VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (item, name) DO UPDATE SET json = ?3, digest = ?4",
    )?;
    for (name, json) in items::parts(&known.snapshot, item, known.now)? {
        let mut hasher = DefaultHasher::new();
        json.hash(&mut hasher);
        let hash = hasher.finish();
        if in_file.parts.insert(name, hash) != Some(hash) {
            write.execute(params![id, name, json, digest(&[id, name, &json])])?;
        }
    }
    record::insert(transaction, &in_file.acts.news(item)?)?;
    in_file.state = Arc::downgrade(item);
    Ok(())
}
