//! Watches: the changes of a resource, line by line, until the timeout or a fault ends them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

use super::Shared;
use super::call::{Call, Wanted};
use super::failure::Failure;
use super::faults::{Blow, Voice, until_heard};
use super::kinds::Kind;
use super::list::{PIECE, reached, selector, streamed};
use super::lock;
use super::object::{Object, Shape, bookmark};
use super::selector::Selector;
use super::store::{Change, Store};
use super::table;
use super::traffic::OpenWatch;

/// How long a watch lasts that did not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(45);
/// How long before the end the closing bookmark comes, at most.
const CLOSING: Duration = Duration::from_secs(1);

/// Answers a watch.
pub(super) async fn watch(
    shared: &Arc<Shared>,
    kind: &Arc<Kind>,
    call: &Call,
) -> Result<Response, Failure> {
    let selector = selector(kind, call)?;
    let version = call.ask_number("resourceVersion")?.unwrap_or_default();
    let streaming = streaming(kind, call)?;
    let timeout = match call.ask_number("timeoutSeconds")? {
        None | Some(0) => DEFAULT_TIMEOUT,
        Some(seconds) => Duration::from_secs(seconds),
    };
    let (bookmark_every, can_stream) = {
        let behaviour = lock(&shared.behaviour);
        (behaviour.bookmark_every, behaviour.streaming_lists)
    };
    if streaming == Some(true) {
        if !can_stream {
            return Ok(error_line(&Failure::no_progress()));
        }
        reached(shared, version).await?;
    }
    let initial = streaming.unwrap_or(version == 0);
    let started = match start(shared, kind, &selector, version, initial) {
        Ok(started) => started,
        Err(failure) if failure.code == 410 => return Ok(error_line(&failure)),
        Err(failure) => return Err(failure),
    };
    let now = Instant::now();
    let bookmarks = call.asks_for("allowWatchBookmarks").then(|| {
        let mut ticks = interval_at(now + bookmark_every, bookmark_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    let open = Watch {
        kind: Arc::clone(kind),
        selector,
        wanted: call.wanted,
        rows: Rows { whole: call.ask("includeObject") == "Object", begun: false },
        cursor: started.cursor,
        initial: started.objects.into_iter(),
        initial_end: (streaming == Some(true) && bookmarks.is_some()).then_some(started.cursor),
        bookmark_due: false,
        closing: bookmarks.is_some().then(|| now + timeout - CLOSING.min(timeout / 2)),
        bookmarks,
        end: now + timeout,
        news: started.news,
        voice: shared.voice.subscribe(),
        blows: shared.blows.subscribe(),
        _open: shared.traffic.watching(kind.plural.clone()),
        shared: Arc::clone(shared),
        ended: false,
    };
    Ok(streamed(Body::from_stream(stream::unfold(open, Watch::next))))
}

/// Whether the watch asks for initial events, or for none; neither by default.
fn streaming(kind: &Kind, call: &Call) -> Result<Option<bool>, Failure> {
    let matching = call.ask("resourceVersionMatch");
    match call.ask("sendInitialEvents") {
        "" if matching.is_empty() => Ok(None),
        "" => Err(Failure::invalid(
            kind,
            "",
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless \
             sendInitialEvents is provided",
        )),
        _ if matching != "NotOlderThan" => Err(Failure::invalid(
            kind,
            "",
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting \
             resourceVersionMatch to NotOlderThan",
        )),
        send => Ok(Some(send == "true" || send == "1")),
    }
}

struct Started {
    cursor: u64,
    objects: Vec<Arc<Object>>,
    news: watch::Receiver<u64>,
}

fn start(
    shared: &Shared,
    kind: &Kind,
    selector: &Selector,
    version: u64,
    initial: bool,
) -> Result<Started, Failure> {
    let store = lock(&shared.store);
    let collection = store.collection(kind)?;
    let news = collection.news.subscribe();
    if initial {
        let (objects, _) = collection.page(selector, store.revision, None, usize::MAX)?;
        return Ok(Started { cursor: store.revision, objects, news });
    }
    let cursor = if version == 0 { store.revision } else { version };
    collection.admit(cursor)?;
    Ok(Started { cursor, objects: Vec::new(), news })
}

/// 200 and one `ERROR` event: how a watch is refused.
fn error_line(failure: &Failure) -> Response {
    streamed(Body::from(event("ERROR", &failure.status())))
}

/// The type comes first: readers would have to hold the whole object back otherwise.
fn event(word: &str, object: &Value) -> String {
    format!("{{\"type\":\"{word}\",\"object\":{object}}}\n")
}

/// One open watch.
struct Watch {
    shared: Arc<Shared>,
    kind: Arc<Kind>,
    selector: Selector,
    wanted: Wanted,
    rows: Rows,
    /// All changes up to this version are sent.
    cursor: u64,
    initial: std::vec::IntoIter<Arc<Object>>,
    initial_end: Option<u64>,
    bookmark_due: bool,
    bookmarks: Option<Interval>,
    closing: Option<Instant>,
    end: Instant,
    news: watch::Receiver<u64>,
    voice: watch::Receiver<Voice>,
    blows: broadcast::Receiver<Blow>,
    _open: OpenWatch,
    ended: bool,
}

/// How objects go into tables.
struct Rows {
    /// With the whole object beside the cells.
    whole: bool,
    /// Columns are told once.
    begun: bool,
}

type Piece = io::Result<Bytes>;

impl Watch {
    async fn next(mut self) -> Option<(Piece, Self)> {
        const MUTE: &[Voice] = &[Voice::Silent, Voice::WatchesMute];
        while !self.ended {
            until_heard(&mut self.voice, MUTE).await;
            let ready = self.ready();
            if !ready.is_empty() {
                return Some((Ok(ready.into()), self));
            }
            if let Some(piece) = self.wait().await {
                return Some((piece, self));
            }
        }
        None
    }

    /// Sleeps until there may be something to say; what a blow says comes at once.
    async fn wait(&mut self) -> Option<Piece> {
        if self.ended {
            return None;
        }
        let closing = self.closing.unwrap_or(self.end);
        let bookmarks = &mut self.bookmarks;
        let tick = async {
            match bookmarks {
                Some(ticks) => ticks.tick().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            change = self.news.changed() => self.ended |= change.is_err(),
            change = self.voice.changed() => self.ended |= change.is_err(),
            blow = self.blows.recv() => return self.suffer(blow.unwrap_or(Blow::Close)),
            _ = tick => self.bookmark_due = true,
            () = sleep_until(closing), if self.closing.is_some() => {
                self.closing = None;
                self.bookmark_due = true;
            }
            () = sleep_until(self.end) => self.ended = true,
        }
        None
    }

    fn suffer(&mut self, blow: Blow) -> Option<Piece> {
        self.ended = true;
        match blow {
            Blow::Cut => Some(Err(io::ErrorKind::ConnectionReset.into())),
            Blow::Close => None,
            Blow::Expire => {
                let failure = Failure::expired(self.cursor, self.cursor + 1);
                Some(Ok(event("ERROR", &failure.status()).into()))
            }
            Blow::Garbage => {
                self.ended = false;
                Some(Ok(Bytes::from_static(b"<html>not what was asked for</html>\n")))
            }
        }
    }

    /// What can be sent now.
    fn ready(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while out.len() < PIECE
            && let Some(object) = self.initial.next()
        {
            self.write("ADDED", &object, &mut out);
        }
        if self.initial.len() > 0 {
            return out;
        }
        if let Some(revision) = self.initial_end.take() {
            self.mark(revision, true, &mut out);
        }
        self.news.borrow_and_update();
        let shared = Arc::clone(&self.shared);
        match self.read(&lock(&shared.store)) {
            Ok(changes) => {
                for change in changes {
                    self.tell(&change, &mut out);
                }
            }
            Err(failure) => {
                self.ended = true;
                out.extend_from_slice(event("ERROR", &failure.status()).as_bytes());
                return out;
            }
        }
        if std::mem::take(&mut self.bookmark_due) && self.cursor <= lock(&shared.store).revision {
            self.mark(self.cursor, false, &mut out);
        }
        out
    }

    fn read(&mut self, store: &Store) -> Result<Vec<Change>, Failure> {
        let changes = store.collection(&self.kind)?.since(self.cursor)?;
        self.cursor = self.cursor.max(store.revision);
        Ok(changes)
    }

    fn tell(&mut self, change: &Change, out: &mut Vec<u8>) {
        let was = change.before.as_ref().is_some_and(|before| self.selector.takes(before));
        let is = !change.deleted && self.selector.takes(&change.now);
        match (was, is) {
            (false, true) => self.write("ADDED", &change.now, out),
            (true, true) => self.write("MODIFIED", &change.now, out),
            (true, false) if change.deleted => self.write("DELETED", &change.now, out),
            // It left the selection: the watcher is shown what it knew, with the new version.
            (true, false) => {
                if let Some(before) = &change.before {
                    let last = before.at(&self.kind, change.now.revision);
                    self.write("DELETED", &last, out);
                }
            }
            (false, false) => {}
        }
    }

    fn write(&mut self, word: &str, object: &Object, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{{\"type\":\"{word}\",\"object\":").as_bytes());
        match self.wanted {
            Wanted::Objects => object.write(&self.kind, Shape::Whole, out),
            Wanted::Metadata => object.write(&self.kind, Shape::Metadata, out),
            Wanted::Table => {
                let metadata = json!({ "resourceVersion": object.revision.to_string() });
                let columns = !std::mem::replace(&mut self.rows.begun, true);
                let values = [object.value(&self.kind)];
                let table = table::table(&self.kind, &values, &metadata, columns, self.rows.whole);
                out.extend_from_slice(table.to_string().as_bytes());
            }
        }
        out.extend_from_slice(b"}\n");
    }

    fn mark(&self, revision: u64, end_of_initial: bool, out: &mut Vec<u8>) {
        let shape = match self.wanted {
            Wanted::Metadata => Shape::Metadata,
            Wanted::Objects | Wanted::Table => Shape::Whole,
        };
        let mark = bookmark(&self.kind, shape, revision, end_of_initial);
        out.extend_from_slice(event("BOOKMARK", &mark).as_bytes());
    }
}
