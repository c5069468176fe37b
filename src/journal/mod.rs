//! The journal: what must outlive a restart, in one SQLite file.
//!
//! Its law: nobody waits for it but who asks it to record a human act, and that one is answered when
//! the act lies on the disk. All else is brought to the file by difference, as fast as the file
//! takes it: there is no queue that could grow. Whatever is wrong with the file is told, and nothing
//! stops for it.
//!
//! One thread holds the file. The lock that keeps a second daemon away is on a file of its own, so
//! that others may read.

mod aside;
mod file;
mod held;
mod items;
mod lock;
mod points;
mod reading;
mod record;
mod records;
mod retention;
mod salvage;
mod schema;
mod trouble;
mod writer;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::{mpsc, oneshot};

use crate::model::memory::Vocabulary;
use crate::model::vitals::JournalHealth;
use lock::{Lock, Refused};
use trouble::Trouble;
use writer::{Request, Writer};

pub use lock::Holder;
pub use reading::{Recalled, read};
pub use record::{Kind, Record};
pub use writer::Known;

/// The journal's file in the data folder.
pub const FILE: &str = "vigie.db";
/// The most requests that wait for the writer.
const MOST_WAITING: usize = 64;

/// How long the end of the writer is waited for.
const LONGEST_CLOSING: Duration = Duration::from_secs(3);
/// How often it is looked at.
const MOMENT: Duration = Duration::from_millis(2);

/// A journal that is open, or will be when its disk is well again.
#[derive(Debug)]
pub struct Journal {
    requests: Mutex<Option<mpsc::Sender<Request>>>,
    health: Arc<Mutex<JournalHealth>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Why a journal was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unopened {
    /// Another daemon has it; try again when that one has ended.
    Held {
        /// Who, in words.
        by: String,
    },
    /// What an earlier daemon left can't be read, for now; why. Try again: to go on without it would
    /// be to forget it.
    Unread(String),
    /// The daemon must not go on with this folder; why, and what to do.
    Refused(String),
}

/// An act was not recorded; why, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrecorded(pub String);

impl Journal {
    /// Takes the folder, opens the journal in it, or begins one, and reads what an earlier daemon
    /// left. Blocks: it reads the whole file.
    ///
    /// # Errors
    /// Another daemon has the folder, or this one must not use it, or what lies there can't be read.
    /// That it can't be written is no error: [`Journal::health`] tells of it.
    pub fn open(
        folder: &Path,
        words: &Vocabulary,
        now: Timestamp,
    ) -> Result<(Self, Recalled), Unopened> {
        Self::open_bounded(folder, file::MOST_PAGES, words, now)
    }

    /// The same with another bound for the file, in pages of 4 KiB.
    pub fn open_bounded(
        folder: &Path,
        most_pages: u32,
        words: &Vocabulary,
        now: Timestamp,
    ) -> Result<(Self, Recalled), Unopened> {
        let unusable = |error| Unopened::from(Trouble::unusable(folder, &error));
        fs::create_dir_all(folder).map_err(unusable)?;
        let lock = Lock::take(folder, now).map_err(|refusal| match refusal {
            Refused::Held(holder) => Unopened::Held {
                by: holder.map_or_else(|| "another process".to_owned(), |holder| holder.told()),
            },
            Refused::Unopened(error) => unusable(error),
        })?;
        let recall = |connection: rusqlite::Connection| {
            let (recalled, series) = reading::recall(&connection, words)?;
            Ok((connection, recalled, series))
        };
        let mut ours = None;
        let mut opened = file::open(folder, most_pages, now, &mut ours).and_then(recall);
        if let Err(trouble) = &opened
            && trouble.is_damage()
        {
            // Such as a table whose name is another: only who reads all of it sees that.
            opened = file::begin_anew(folder, most_pages, now, trouble, &mut ours).and_then(recall);
        }
        let mut health = JournalHealth {
            up: true,
            set_aside: aside::lie_aside(folder),
            bytes: file::bytes(folder),
            ..JournalHealth::default()
        };
        let (connection, mut recalled, series) = match opened {
            Ok((connection, recalled, series)) => (Some(connection), recalled, series),
            Err(trouble @ Trouble::Final(_)) => return Err(trouble.into()),
            Err(trouble) => {
                let (recalled, read) = reading::without_writing(folder, words)
                    .map_err(|unread| Unopened::Unread(told_both(&trouble, &unread)))?;
                ours = read;
                (health.up, health.write_errors) = (false, 1);
                health.trouble = Some(trouble.to_string());
                (None, recalled, HashMap::new())
            }
        };
        recalled.resume(now);
        let health = Arc::new(Mutex::new(health));
        let place = (folder.to_owned(), most_pages);
        let writer = Writer::new(place, (connection, ours), series, Arc::clone(&health), lock);
        let (requests, asked) = mpsc::channel(MOST_WAITING);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(asked))
            .map_err(|error| Unopened::Refused(format!("the journal has no thread: {error}")))?;
        let (requests, thread) = (Mutex::new(Some(requests)), Mutex::new(Some(thread)));
        Ok((Self { requests, health, thread }, recalled))
    }

    /// How it is doing.
    pub fn health(&self) -> JournalHealth {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records acts, all or none; comes back when they lie on the disk.
    ///
    /// # Errors
    /// They are not recorded: then they must not take effect, and whoever acted must be told.
    pub async fn record(&self, records: Vec<Record>, now: Timestamp) -> Result<(), Unrecorded> {
        let (told, outcome) = oneshot::channel();
        let Some(requests) = self.requests() else {
            return Err(Unrecorded("Vigie is about to end".to_owned()));
        };
        let busy = |_| Unrecorded("too many others wait for the journal".to_owned());
        requests.try_send(Request::Record(records, now, told)).map_err(busy)?;
        outcome.await.unwrap_or_else(|_| Err(Unrecorded("the journal's own code broke".to_owned())))
    }

    /// Brings the file to what is known; comes back when that was tried. Whether it succeeded,
    /// [`Journal::health`] tells.
    pub async fn keep(&self, known: Known) {
        let Some(requests) = self.requests() else { return };
        let (done, tried) = oneshot::channel();
        if requests.send(Request::Keep(Box::new(known), done)).await.is_ok() {
            // A writer that broke keeps nobody waiting.
            tried.await.ok();
        }
    }

    /// Ends the writer and closes the file. Blocks until both are done, but not for long: a disk that
    /// hangs must not keep the daemon from ending, and what is in the file is in it.
    pub fn close(&self) {
        drop(self.requests.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        for _ in 0..LONGEST_CLOSING.as_millis() / MOMENT.as_millis() {
            if thread.is_finished() {
                break;
            }
            std::thread::sleep(MOMENT);
        }
        if !thread.is_finished() {
            tracing::warn!("the journal was not closed: its disk does not answer");
        } else if thread.join().is_err() {
            tracing::error!("the journal's own code broke; this is a defect of Vigie");
        }
    }

    fn requests(&self) -> Option<mpsc::Sender<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

impl From<Trouble> for Unopened {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Final(why) => Self::Refused(why),
            Trouble::Damaged(_) | Trouble::Passing { .. } => Self::Unread(trouble.to_string()),
        }
    }
}

/// Why a file was not opened, and why it could not be read either, once where both are the same.
fn told_both(unopened: &Trouble, unread: &Trouble) -> String {
    let (unopened, unread) = (unopened.to_string(), unread.to_string());
    if unopened == unread { unopened } else { format!("{unopened}; {unread}") }
}

/// A name in the folder that bears the time, and that nothing has yet.
fn dated(folder: &Path, stem: &str, now: Timestamp) -> PathBuf {
    let at = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ");
    let first = folder.join(format!("{stem}-{at}"));
    let numbered = (2..1_000).map(|number| folder.join(format!("{stem}-{at}-{number}")));
    let mut free = std::iter::once(first.clone()).chain(numbered).filter(|path| !path.exists());
    free.next().unwrap_or(first)
}

#[cfg(test)]
mod acts_tests;
#[cfg(test)]
mod aside_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod held_tests;
#[cfg(test)]
mod other_records_tests;
#[cfg(test)]
mod other_versions_tests;
#[cfg(test)]
mod pause_tests;
#[cfg(test)]
mod room_tests;
#[cfg(test)]
mod tests;
