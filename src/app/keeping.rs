//! What the daemon keeps over a restart: it takes the journal, is seeded from it, and feeds it.
//!
//! A daemon that can't have its data folder, or can't read what is kept there, knows nothing: it
//! serves, says why, looks at nothing and shows no item, until it can.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::App;
use crate::checks::KINDS;
use crate::journal::{Journal, Known, Recalled, Record, Unopened, Unrecorded};
use crate::model::duration::spoken;
use crate::model::memory::Vocabulary;
use crate::model::vitals::JournalVitals;

/// How often a folder is asked for that another daemon has.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// The longest that a change waits to be kept where nobody told of it.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);
/// How long a start waits for the journal before the daemon serves without it.
const LONGEST_OPENING: Duration = Duration::from_secs(8);

/// Where records are kept.
#[derive(Clone, Debug)]
pub(super) enum Keeping {
    /// In memory alone.
    Nowhere,
    /// In a folder that can't be had yet; why, in a sentence.
    Waiting(PathBuf, String),
    /// In a journal.
    Journal(Arc<Journal>),
}

/// What is kept, and what an earlier daemon left.
pub(super) type Opened = (Keeping, Recalled);

/// Opens the journal of a folder.
///
/// # Errors
/// The daemon must not use the folder; why, and what to do.
pub(super) async fn open(folder: Option<&Path>, now: Timestamp) -> anyhow::Result<Opened> {
    let Some(folder) = folder else {
        tracing::warn!("nothing outlives a restart, human acts included: there is no --data-dir");
        return Ok((Keeping::Nowhere, Recalled::default()));
    };
    let waiting = |because: String| {
        tracing::error!("{because}");
        (Keeping::Waiting(folder.to_owned(), because), Recalled::default())
    };
    match tokio::time::timeout(LONGEST_OPENING, attempt(folder, now)).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(Unopened::Held { by })) => Ok(waiting(held(folder, &by))),
        Ok(Err(Unopened::Unread(why))) => Ok(waiting(unread(folder, &why))),
        Ok(Err(Unopened::Refused(why))) => Err(anyhow::Error::msg(why)),
        Err(_) => {
            let (folder, within) = (folder.display(), spoken(LONGEST_OPENING));
            Ok(waiting(format!("the data folder {folder} did not answer within {within}")))
        }
    }
}

async fn attempt(folder: &Path, now: Timestamp) -> Result<Opened, Unopened> {
    let path = folder.to_owned();
    let opening = tokio::task::spawn_blocking(move || Journal::open(&path, &words(), now));
    let opened =
        opening.await.map_err(|_| Unopened::Refused("the journal's own code broke".to_owned()));
    let (journal, recalled) = opened??;
    let (items, folder) = (recalled.items.len(), folder.display());
    if let Some(trouble) = journal.health().trouble {
        tracing::error!(
            items,
            "nothing is recorded: {trouble}; what is kept in {folder} could be read, and remembers \
             {items} items"
        );
    } else {
        tracing::info!(items, "the journal in {folder} is open, and remembers {items} items");
    }
    Ok((Keeping::Journal(Arc::new(journal)), recalled))
}

/// The words that the journal may use: those of all kinds.
fn words() -> Vocabulary {
    let reasons = KINDS.iter().flat_map(|kind| kind.reasons).map(|documented| documented.reason);
    Vocabulary::new(reasons, KINDS.iter().flat_map(|kind| kind.measures).copied())
}

fn held(folder: &Path, by: &str) -> String {
    format!("waits for the data folder {}, which another Vigie has: {by}", folder.display())
}

fn unread(folder: &Path, why: &str) -> String {
    format!("waits for what is kept in the data folder {}: {why}", folder.display())
}

/// Waits for the folder where another daemon has it, then keeps what changes until `stop`.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = keep(&app) => {}
    }
    let Keeping::Journal(journal) = app.keeping() else { return };
    journal.keep(app.known()).await;
    tokio::task::spawn_blocking(move || journal.close()).await.ok();
}

async fn keep(app: &App) {
    let journal = loop {
        match app.keeping() {
            Keeping::Nowhere => return std::future::pending().await,
            Keeping::Journal(journal) => break journal,
            Keeping::Waiting(folder, _) => {
                tokio::time::sleep(ASK_AGAIN).await;
                wait_on(app, &folder).await;
            }
        }
    };
    loop {
        // Told or not: what another told of just before is not waited for.
        tokio::time::timeout(AT_LEAST_EVERY, app.engine.changed()).await.ok();
        journal.keep(app.known()).await;
    }
}

/// Asks for the folder again.
async fn wait_on(app: &App, folder: &Path) {
    match attempt(folder, app.clock.now()).await {
        Ok(opened) => app.seed(opened).await,
        Err(Unopened::Held { by }) => {
            app.waits(Keeping::Waiting(folder.to_owned(), held(folder, &by)));
        }
        Err(Unopened::Unread(why)) => {
            app.waits(Keeping::Waiting(folder.to_owned(), unread(folder, &why)));
        }
        Err(Unopened::Refused(why)) => app.waits(Keeping::Waiting(folder.to_owned(), why)),
    }
}

impl Keeping {
    /// How it is doing.
    pub(super) fn vitals(&self) -> JournalVitals {
        match self {
            Self::Nowhere => JournalVitals::None,
            Self::Waiting(_, because) => JournalVitals::Waiting { because: because.clone() },
            Self::Journal(journal) => JournalVitals::Kept(journal.health()),
        }
    }

    /// Whether the daemon may look and show.
    ///
    /// # Errors
    /// What it waits for.
    pub(super) fn ready(&self) -> Result<(), String> {
        match self {
            Self::Nowhere | Self::Journal(_) => Ok(()),
            Self::Waiting(_, because) => Err(because.clone()),
        }
    }

    /// Records acts, before they take effect. Where nothing is kept, that is known, and they do.
    ///
    /// # Errors
    /// They are not recorded.
    pub(super) async fn record(
        &self,
        records: Vec<Record>,
        now: Timestamp,
    ) -> Result<(), Unrecorded> {
        match self {
            Self::Nowhere => Ok(()),
            Self::Waiting(_, because) => Err(Unrecorded(because.clone())),
            Self::Journal(journal) => journal.record(records, now).await,
        }
    }
}

impl App {
    pub(super) fn keeping(&self) -> Keeping {
        self.keeping.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn waits(&self, waiting: Keeping) {
        if let (Keeping::Waiting(_, before), Keeping::Waiting(_, now)) = (self.keeping(), &waiting)
            && before != *now
        {
            tracing::error!("{now}");
        }
        *self.keeping.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }

    fn known(&self) -> Known {
        let (snapshot, pasts) = (self.board.snapshot(), self.engine.pasts());
        Known { snapshot, pasts, now: self.clock.now() }
    }
}

#[cfg(test)]
#[path = "keeping_tests.rs"]
mod tests;
