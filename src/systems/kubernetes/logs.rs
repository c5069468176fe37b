//! What containers write, read on from the last line: `pods/<name>/log`.
//!
//! A log can't be watched cheaply, so each look asks for what is new, at most 1 MiB a container and
//! so many pods a look, in turn. Where a reader stands is kept here, by reader: a reload that leaves
//! an item alone leaves its reader alone, too. Lines are counted and not kept.

pub mod answer;
mod fetch;
mod readers;
mod tail;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::pod::{Phase, Pod};
use super::template::Role;
use super::{Kubernetes, Refused};
use crate::model::needs::{Needs, Right};
use crate::model::reason::Reason;

use fetch::{Fetched, Place};
pub(super) use readers::Readers;
use tail::{Counts, Over, Runs, Tail};

/// The most that is read of a container in a look, in bytes.
pub const MOST_BYTES: usize = 1 << 20;
/// The most pods whose logs are read in a look.
pub const MOST_PODS: usize = 50;
const HOUR: Duration = Duration::from_hours(1);
/// Logs that are read at a time.
const AT_A_TIME: usize = 4;

/// The API server can't get a log from the kubelet.
pub const UNREADABLE: Reason = Reason::new("LogUnreadable");

/// How bad a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// An error.
    Error,
    /// A warning.
    Warn,
    /// An ordinary line.
    Info,
    /// Any other.
    Other,
}

impl Level {
    /// All of them, for series that must exist at zero.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warn, Self::Info, Self::Other];

    /// As labels name it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Other => "other",
        }
    }
}

/// What is made of a line.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// How bad it is.
    pub level: Level,
    /// Whether it is the line that is waited for.
    pub wanted: bool,
}

/// A container whose log is read.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name under which its lines are counted.
    pub workload: String,
    /// The pod.
    pub pod: Arc<Pod>,
    /// The container's name.
    pub container: Box<str>,
    /// When it runs.
    pub role: Role,
}

/// How a log is read.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How far back a log is read at the first look, and lines are counted.
    pub window: Duration,
    /// Whether the first look reads from the container's start.
    pub from_the_start: bool,
    /// Whether the sources are all there are: what is known of others is forgotten.
    pub is_all: bool,
    /// A log that was read within this time is not read again: an item is woken by each change of
    /// a pod.
    pub fresh_within: Duration,
    /// When the look has to end.
    pub until: Instant,
    /// The time.
    pub now: Timestamp,
}

/// What is known of a container's log after a look.
#[derive(Clone, Debug)]
pub struct Log {
    /// Whose it is.
    pub source: Source,
    /// Why it could not be read in this look.
    pub trouble: Option<Trouble>,
    /// Lines at error level within the window.
    pub errors: u64,
    /// Whether there is a line at all since the container started.
    pub heard: bool,
    /// Whether the wanted line is among them.
    pub found: bool,
    /// The time of the first line that was read since the container started.
    pub begins: Option<Timestamp>,
    /// The time of the newest line.
    pub newest: Option<Timestamp>,
    /// Whether there is more to read than a look may.
    pub behind: bool,
    /// How much of the window could not be read, and never will be.
    pub unread: Duration,
    /// The same of the last hour.
    pub left_out: Duration,
}

/// Why a container's log could not be read in a look.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// Its turn has not come; whether it had one before.
    NotItsTurn(bool),
    /// It has not started.
    NotStarted,
    /// The pod is gone.
    Gone,
    /// There was no time left.
    NoTime,
    /// What came is no log.
    NoLog,
    /// The request came to nothing.
    Refused(Refused),
}

/// What a look brought.
#[derive(Debug, Default)]
pub struct Read {
    /// Lines by workload and level since the reader is there.
    pub totals: BTreeMap<String, [u64; Level::ALL.len()]>,
    /// Each container's log.
    pub logs: Vec<Log>,
}

/// Namespace, pod, the time of its creation, container.
type Key = (Arc<str>, Arc<str>, Option<Timestamp>, Box<str>);

/// Where one reader stands.
#[derive(Debug, Default)]
struct Reader {
    tails: BTreeMap<Key, Tail>,
    totals: BTreeMap<String, Counts>,
    turn: u64,
}

/// The right to read the logs of a namespace's pods; without one, of all.
pub fn right(namespace: Option<&str>) -> Right {
    Right {
        verb: "get",
        group: "".into(),
        resource: "pods/log".into(),
        namespace: namespace.map(str::to_owned),
        name: None,
    }
}

fn key(source: &Source) -> Key {
    let Pod { namespace, name, created, .. } = &*source.pod;
    (Arc::clone(namespace), Arc::clone(name), *created, source.container.clone())
}

fn runs(pod: &Pod) -> Runs {
    let Pod { restarts, last_restart, template, .. } = pod;
    Runs { restarts: *restarts, last: *last_restart, containers: template.containers.len() }
}

impl Kubernetes {
    /// Reads what is new in the logs of `sources`, all that the reader `name` is to know; each line
    /// is shown to `classify`, and not kept. `right` must be declared by `needs`.
    pub async fn read_logs(
        &self,
        needs: &Needs,
        right: impl Fn(&str) -> Right,
        name: &str,
        sources: Vec<Source>,
        plan: Plan,
        mut classify: impl FnMut(&Source, &[u8]) -> Heard + Send,
    ) -> Read {
        let reader = self.0.readers.get(name);
        let mut reader = reader.lock().await;
        reader.turn += 1;
        if plan.is_all {
            reader.keep_only(&sources);
        }
        reader.leave_fresh(&sources, plan);
        let chosen = reader.choose(&sources);
        let places: Vec<_> = sources
            .iter()
            .filter(|source| chosen.contains(&pod_of(source)) && reader.is_due(source))
            .collect();
        let places: Vec<_> = places.into_iter().map(|source| reader.place(source, plan)).collect();
        let mut troubles: BTreeMap<Key, Trouble> = BTreeMap::new();
        let fetches = places.into_iter().map(|place| {
            let right = right(&place.source.pod.namespace);
            async move { (self.fetch(needs, &right, &place, plan).await, place) }
        });
        let mut fetches = futures::stream::iter(fetches).buffer_unordered(AT_A_TIME);
        let turn = reader.turn;
        while let Some((fetched, place)) = fetches.next().await {
            let trouble = reader.take(fetched, &place, plan, turn, &mut classify);
            if let Some(trouble) = trouble {
                troubles.insert(key(&place.source), trouble);
            }
        }
        drop(fetches);
        let logs = sources
            .into_iter()
            .map(|source| {
                let trouble = troubles.remove(&key(&source));
                reader.log(source, trouble, plan)
            })
            .collect();
        Read { totals: reader.totals.clone(), logs }
    }
}

fn pod_of(source: &Source) -> (Arc<str>, Arc<str>) {
    (Arc::clone(&source.pod.namespace), Arc::clone(&source.pod.name))
}

/// A pod that no node has started has no logs; that one that is pending may have those of its init
/// containers.
fn has_started(source: &Source) -> bool {
    source.pod.node.is_some() || source.pod.phase != Phase::Pending
}

/// Whether the pod has ended for good: nothing more is written, and its containers may be gone.
fn has_ended(pod: &Pod) -> bool {
    matches!(pod.phase, Phase::Succeeded | Phase::Failed)
}

impl Reader {
    /// Forgets containers that are no more.
    fn keep_only(&mut self, sources: &[Source]) {
        let keys: BTreeSet<Key> = sources.iter().map(key).collect();
        self.tails.retain(|key, _| keys.contains(key));
    }

    /// What was read a moment ago stands for this turn, too, unless its container was restarted; and
    /// what is over stands for ever.
    fn leave_fresh(&mut self, sources: &[Source], plan: Plan) {
        for source in sources {
            let Some(tail) = self.tails.get_mut(&key(source)) else { continue };
            let fresh = tail.asked.is_some_and(|asked| asked.elapsed() < plan.fresh_within);
            let stands = fresh && tail.previous(runs(&source.pod)).is_none();
            if stands || tail.over.is_some() {
                tail.turn = self.turn;
            }
        }
    }

    /// Whether a container has a log that is to be read in this turn.
    fn is_due(&self, source: &Source) -> bool {
        let read = self.tails.get(&key(source)).is_some_and(|tail| tail.turn == self.turn);
        has_started(source) && !read
    }

    /// The pods whose turn it is: those that waited longest.
    fn choose(&self, sources: &[Source]) -> BTreeSet<(Arc<str>, Arc<str>)> {
        let turn = |source: &Source| self.tails.get(&key(source)).map_or(0, |tail| tail.turn);
        let mut pods: BTreeMap<_, u64> = BTreeMap::new();
        for source in sources.iter().filter(|source| self.is_due(source)) {
            let last = pods.entry(pod_of(source)).or_insert(u64::MAX);
            *last = (*last).min(turn(source));
        }
        let mut pods: Vec<_> = pods.into_iter().collect();
        pods.sort_by_key(|(_, turn)| *turn);
        pods.into_iter().take(MOST_PODS).map(|(pod, _)| pod).collect()
    }

    /// What is to be asked of a container.
    fn place(&mut self, source: &Source, plan: Plan) -> Place {
        let window = SignedDuration::try_from(plan.window).unwrap_or(SignedDuration::MAX);
        let from = plan.now.checked_sub(window).unwrap_or(Timestamp::MIN);
        let runs = runs(&source.pod);
        let since = if plan.from_the_start { Timestamp::MIN } else { from };
        let tail = self.tails.entry(key(source)).or_insert_with(|| Tail::new(since, runs));
        if !plan.from_the_start {
            tail.skip_to(from);
        }
        tail.forget(from, plan.now);
        tail.ended = has_ended(&source.pod).then(|| tail.ended.unwrap_or(plan.now));
        Place {
            source: source.clone(),
            previous: tail.previous(runs),
            cursor: tail.cursor(),
            heard: tail.heard,
        }
    }

    fn take(
        &mut self,
        fetched: Fetched,
        place: &Place,
        plan: Plan,
        turn: u64,
        classify: &mut (dyn FnMut(&Source, &[u8]) -> Heard + Send),
    ) -> Option<Trouble> {
        let trouble = self.take_answers(fetched, place, plan, turn, classify);
        self.tails.get_mut(&key(&place.source))?.concluded(trouble, plan)
    }

    fn take_answers(
        &mut self,
        fetched: Fetched,
        place: &Place,
        plan: Plan,
        turn: u64,
        classify: &mut (dyn FnMut(&Source, &[u8]) -> Heard + Send),
    ) -> Option<Trouble> {
        let tail = self.tails.get_mut(&key(&place.source))?;
        tail.turn = turn;
        tail.asked = None;
        let totals = self.totals.entry(place.source.workload.clone()).or_default();
        let mut classify = |line: &[u8]| classify(&place.source, line);
        if let Some(last) = place.previous {
            let passed_by = (last != place.cursor).then_some(place.cursor);
            let mut cut = false;
            if let Some(body) = &fetched.previous {
                let taken = tail.take(&body.answer(true, plan.now), last, totals, &mut classify);
                cut = body.cut && taken.lines > 0;
            }
            if let Some(trouble) = fetched.previous_trouble {
                return Some(trouble);
            }
            if cut && passed_by.is_none() {
                // The rest of it comes first at the next look.
                return None;
            }
            if cut {
                tail.gap(tail.cursor().at, plan.now);
            }
            tail.turn_over(runs(&place.source.pod), passed_by, plan.now);
        }
        let body = match fetched.current {
            Ok(body) => body,
            Err(trouble) => return Some(trouble),
        };
        let last = tail.cursor();
        let taken = tail.take(&body.answer(false, plan.now), last, totals, &mut classify);
        tail.heard |= fetched.has_lines;
        tail.asked = (!taken.no_log).then(Instant::now);
        taken.no_log.then_some(Trouble::NoLog)
    }

    fn log(&self, source: Source, trouble: Option<Trouble>, plan: Plan) -> Log {
        let tail = self.tails.get(&key(&source));
        let trouble = trouble.or_else(|| match tail {
            Some(Tail { over: Some(Over::Lost), .. }) => Some(Trouble::Gone),
            Some(tail) if tail.turn == self.turn => None,
            Some(tail) => Some(Trouble::NotItsTurn(tail.turn > 0)),
            None if !has_started(&source) => Some(Trouble::NotStarted),
            None => Some(Trouble::NotItsTurn(false)),
        });
        Log {
            trouble,
            errors: tail
                .filter(|tail| tail.over.is_none())
                .map_or(0, |tail| tail.within(plan.window, Level::Error)),
            heard: tail.is_some_and(|tail| tail.heard),
            found: tail.is_some_and(|tail| tail.found.is_some()),
            begins: tail.and_then(|tail| tail.begins),
            newest: tail.and_then(|tail| tail.newest),
            behind: tail.is_some_and(|tail| tail.behind),
            unread: tail.map_or(Duration::ZERO, |tail| tail.unread(plan.window, plan.now)),
            left_out: tail.map_or(Duration::ZERO, |tail| tail.unread(HOUR, plan.now)),
            source,
        }
    }
}
