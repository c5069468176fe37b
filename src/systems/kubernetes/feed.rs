//! Keeps one stream fed: the first list, the watch, and whatever goes wrong between them.
//!
//! A list is asked for as a stream (`sendInitialEvents`); where the server refuses that, in pages.
//! Afterwards the stream is resumed where it ended, and listed again only where the server has
//! forgotten that place. Whatever fails is waited out with growing pauses; the records stay.

mod end;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kube::core::params::WatchParams;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, timeout};

use super::discovery::Discovered;
use end::{End, ended};

use super::event::{Bookmark, Event, Page};
use super::lines::{Line, Lines};
use super::pace::Pace;
use super::record::Record;
use super::refusal::{Failure, Refusal};
use super::request::{Requests, field_selector};
use super::stream::Stream;
use crate::model::needs::Watch;
use crate::model::reason::Reason;
use crate::systems::clock::Clock;

/// A stream that lived for so long and brought something may be resumed at once.
const STEADY: Duration = Duration::from_secs(1);
/// The most pages of a list: a million objects.
const MOST_PAGES: u32 = 2_000;
/// A resumed stream that has been quiet for so long has told what was missed.
const CAUGHT_UP_AFTER: Duration = Duration::from_millis(500);
/// The longest wait for a quiet moment.
const LONGEST_CATCHING_UP: Duration = Duration::from_secs(5);
/// So many times the wait for one page is waited for all of them.
const PAGES_WITHIN: u32 = 10;

/// Feeds one stream for as long as it runs.
pub(super) struct Feed<R> {
    pub(super) stream: Arc<Stream<R>>,
    pub(super) requests: Requests,
    pub(super) pace: Pace,
    pub(super) clock: Clock,
    /// The watch, as the API server addresses its kind.
    watch: Watch,
    /// Where to resume; none where a list is needed.
    version: Option<String>,
    /// Since when the server is known not to stream lists.
    paged: Option<Instant>,
    /// Whether anything came in since the stream was last opened.
    progress: bool,
    /// Whether the stream before this one was silent to its end.
    silent_before: bool,
}

impl<R: Record> Feed<R> {
    pub(super) fn new(
        stream: Arc<Stream<R>>,
        requests: Requests,
        pace: Pace,
        clock: Clock,
    ) -> Self {
        Self {
            watch: stream.pulse.watch().clone(),
            stream,
            requests,
            pace,
            clock,
            version: None,
            paged: None,
            progress: false,
            silent_before: false,
        }
    }

    /// Never ends by itself.
    pub(super) async fn run(mut self) {
        let mut failures = 0;
        // Whether the server has forgotten a place since it last was steady.
        let mut expired = false;
        loop {
            self.progress = false;
            let opened = Instant::now();
            let pass = AssertUnwindSafe(self.follow()).catch_unwind();
            let end = pass.await.unwrap_or(End::Crashed);
            // Lists cost the server more than watches: one that leads nowhere is not hurried.
            let steady_after = match &end {
                End::Closed | End::Broken(_) => STEADY.min(self.pace.longest_pause),
                End::Expired(_) | End::Unstreamed | End::Crashed => self.pace.longest_pause,
            };
            let steady = self.progress && opened.elapsed() >= steady_after;
            if steady {
                failures = 0;
                expired = false;
            }
            let rest = match end {
                End::Closed => {
                    self.stream.pulse.closed();
                    if self.stream.read(super::table::Table::wants_list) {
                        self.version = None;
                    }
                    (!steady).then_some(Duration::ZERO)
                }
                // To be sent to a list is in due order, after a break as well; to be refused that, too,
                // or to be sent there again, is not.
                End::Expired(refusal) => {
                    let again = std::mem::replace(&mut expired, true);
                    if self.version.take().is_none() || again {
                        self.stream.pulse.broke(refusal);
                    } else {
                        self.stream.pulse.closed();
                    }
                    (!steady).then_some(Duration::ZERO)
                }
                End::Unstreamed => {
                    self.paged = Some(Instant::now());
                    None
                }
                // Whatever was half done is done anew.
                End::Crashed => {
                    self.version = None;
                    let because = format!("{}: Vigie itself crashed", self.doing("watching"));
                    self.stream.pulse.broke(Refusal::crash(because));
                    Some(Duration::ZERO)
                }
                End::Broken(refusal) => {
                    // Whatever it was, it may come back as something else.
                    if refusal.reason == Reason::KIND_UNKNOWN {
                        self.version = None;
                    }
                    let rest = refusal.rest.unwrap_or_default();
                    // A connection may break; what is known is doubted where no other can be had.
                    if self.stream.pulse.is_open() && !refusal.is_definite() {
                        self.stream.pulse.closed();
                    } else {
                        self.stream.pulse.broke(refusal);
                    }
                    Some(rest)
                }
            };
            if let Some(rest) = rest {
                sleep(self.pace.pause(failures).max(rest)).await;
                failures = failures.saturating_add(1);
            }
        }
    }

    /// Lists where needed, then watches to the stream's end.
    async fn follow(&mut self) -> End {
        let listing = self.version.is_none();
        if listing {
            self.watch = match self.addressed().await {
                Ok(watch) => watch,
                Err(refusal) => return refusal.into(),
            };
            self.stream.write(super::table::Table::begin);
            if self.paged.is_some_and(|since| since.elapsed() >= self.pace.stream_again_after) {
                self.paged = None;
            }
            if self.paged.is_some()
                && let Err(end) = self.list_pages().await
            {
                return end;
            }
        }
        let initial = listing && self.paged.is_none();
        let mut lines = match self.open(initial).await {
            Ok(lines) => lines,
            Err(end) => return end,
        };
        if !initial && !self.stream.pulse.is_down() {
            self.resumed();
        }
        self.read(&mut lines, initial).await
    }

    /// The watch, once it is known how the API server addresses its kind.
    async fn addressed(&self) -> Result<Watch, Refusal> {
        let watch = self.stream.pulse.watch();
        let Discovered { resource, namespaced } = self.requests.discover(&watch.resource).await?;
        if namespaced == Some(false) && watch.namespace.is_some() {
            let because = format!("{}: this kind has no namespaces", self.doing("watching"));
            return Err(Refusal { reason: Reason::KIND_UNKNOWN, ..Refusal::new(because) });
        }
        Ok(Watch { resource, ..watch.clone() })
    }

    async fn open(&self, initial: bool) -> Result<Lines, End> {
        let watch = &self.watch;
        let params = WatchParams {
            label_selector: watch.selector.clone(),
            field_selector: field_selector(watch),
            timeout: Some(u32::try_from(self.pace.renewal().as_secs()).unwrap_or(u32::MAX)),
            send_initial_events: initial,
            ..WatchParams::default()
        };
        let version = self.version.as_deref().unwrap_or_default();
        match self.requests.watch(watch, &params, version).await {
            Ok(body) => Ok(Lines::new(body)),
            Err(refusal) => Err(ended(refusal, initial)),
        }
    }

    async fn read(&mut self, lines: &mut Lines, mut initial: bool) -> End {
        let list_until = Instant::now() + self.pace.list_within;
        let caught_up_by = Instant::now() + LONGEST_CATCHING_UP;
        loop {
            // After a break what was missed comes first, and is not to be judged in parts.
            let behind = !initial && self.stream.pulse.is_down();
            if behind && Instant::now() >= caught_up_by {
                self.resumed();
                continue;
            }
            let patience = if initial {
                self.pace.silence.min(list_until.saturating_duration_since(Instant::now()))
            } else if behind {
                CAUGHT_UP_AFTER
            } else {
                self.pace.silence
            };
            let line = match timeout(patience, lines.next()).await {
                Err(_) if behind => {
                    self.resumed();
                    continue;
                }
                Err(_) => return self.silent(initial),
                Ok(Err(error)) => {
                    return Refusal::transport(&self.doing("watching"), &error).into();
                }
                Ok(Ok(None)) if initial => {
                    let because = format!("{}: the list was cut off", self.doing("listing"));
                    return Refusal::new(because).into();
                }
                Ok(Ok(None)) => return End::Closed,
                Ok(Ok(Some(line))) => line,
            };
            if let Err(end) = self.take(&line, &mut initial) {
                return end;
            }
            self.progress = true;
            if !initial {
                self.heard();
            }
        }
    }

    /// A stream that says nothing. A second one in a row is not resumed: the place may be wrong.
    fn silent(&mut self, initial: bool) -> End {
        if initial && self.progress {
            // Objects came, and no end of the list: the server does not know streaming lists.
            return End::Unstreamed;
        }
        if std::mem::replace(&mut self.silent_before, true) {
            self.version = None;
        }
        let because = format!(
            "{}: the API server has said nothing for over {}s",
            self.doing("watching"),
            self.pace.silence.as_secs()
        );
        Refusal::silence(because).into()
    }

    /// The server goes on where it was left. Its answer is a sign of life, but for one that answered
    /// before and then said nothing.
    fn resumed(&mut self) {
        if !self.silent_before {
            self.heard();
        }
        self.stream.pulse.opened();
    }

    /// What came in is as new as can be: parts of a list are not.
    fn heard(&mut self) {
        self.silent_before = false;
        self.stream.pulse.heard(self.clock.now());
    }

    fn take(&mut self, line: &Line, initial: &mut bool) -> Result<(), End> {
        let Line::Whole(line) = line else {
            self.stream.write(|table| table.garble(None, "an object is larger than is read"));
            self.stream.pulse.changed();
            return Ok(());
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let Ok(Event { kind, object }) = serde_json::from_slice(line) else {
            let because = format!("{}: an event is not JSON", self.doing("watching"));
            return Err(Refusal::new(because).into());
        };
        match kind {
            "ADDED" | "MODIFIED" => self.put(object, *initial),
            "DELETED" => self.delete(object, *initial),
            "BOOKMARK" => self.turn_page(object, initial),
            "ERROR" => return Err(self.failure(object, *initial)),
            // A type that is not known yet says nothing about objects.
            _ => {}
        }
        Ok(())
    }

    fn put(&mut self, object: &RawValue, initial: bool) {
        let resource = &self.stream.pulse.watch().resource;
        let taken = self.stream.write(|table| table.take(object.get(), resource));
        self.moved_on(taken.version, initial);
        if taken.changed && !initial {
            self.stream.pulse.changed();
        }
    }

    fn delete(&mut self, object: &RawValue, initial: bool) {
        let taken = self.stream.write(|table| table.forget(object.get()));
        self.moved_on(taken.version, initial);
        if taken.changed && !initial {
            self.stream.pulse.changed();
        }
    }

    fn turn_page(&mut self, object: &RawValue, initial: &mut bool) {
        let Bookmark { metadata } = serde_json::from_str(object.get()).unwrap_or_default();
        let end = metadata.annotations.and_then(|annotations| annotations.initial_events_end);
        if *initial && end.as_deref() == Some("true") {
            *initial = false;
            self.complete(metadata.resource_version);
            self.stream.pulse.opened();
        } else {
            self.moved_on(metadata.resource_version, *initial);
        }
    }

    fn failure(&self, object: &RawValue, initial: bool) -> End {
        let failure: Failure = serde_json::from_str(object.get()).unwrap_or_default();
        let code = failure.code.unwrap_or(500);
        ended(Refusal::coded(&self.doing("watching"), code, &failure), initial)
    }

    /// Objects of a list come in no order: its end alone is a place to resume.
    fn moved_on(&mut self, version: Option<String>, initial: bool) {
        if !initial && version.is_some() {
            self.version = version;
        }
    }

    fn complete(&mut self, version: Option<String>) {
        self.version = version;
        self.stream.write(super::table::Table::sweep);
        self.heard();
        self.stream.pulse.completed();
    }

    async fn list_pages(&mut self) -> Result<(), End> {
        let watch = self.watch.clone();
        let mut next = None;
        let until = Instant::now() + self.pace.list_within * PAGES_WITHIN;
        for _ in 0..MOST_PAGES {
            if Instant::now() >= until {
                break;
            }
            let page = timeout(self.pace.list_within, self.requests.page(&watch, next)).await;
            let page = page.unwrap_or_else(|_| {
                let because = format!("{}: no answer in time", self.doing("listing"));
                Err(Refusal::new(because))
            });
            let page = page.map_err(|refusal| ended(refusal, false))?;
            let Ok(Page { metadata, items }) = serde_json::from_slice(&page) else {
                let because = format!("{}: the answer is not a list", self.doing("listing"));
                return Err(Refusal::new(because).into());
            };
            for object in items.unwrap_or_default() {
                self.put(object, true);
            }
            self.progress = true;
            next = metadata.next.filter(|token| !token.is_empty());
            if next.is_some() {
                continue;
            }
            let Some(version) = metadata.resource_version else {
                let because = format!("{}: the list has no version", self.doing("listing"));
                return Err(Refusal::new(because).into());
            };
            self.complete(Some(version));
            return Ok(());
        }
        let because = format!("{}: the list does not come to its end", self.doing("listing"));
        Err(Refusal::new(because).into())
    }

    fn doing(&self, verb: &str) -> String {
        format!("{verb} {}", super::stream::shown(self.stream.pulse.watch()))
    }
}

#[cfg(test)]
mod tests;
