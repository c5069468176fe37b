//! Notices above the checklist: when the page itself is not to be trusted, and why.

use jiff::Timestamp;

use super::moment::Moment;
use super::{journal, maintenance};
use crate::model::item::ItemId;
use crate::model::snapshot::{LONGEST_SILENCE, Snapshot, Stream};
use crate::model::vitals::{ConfigVitals, Vitals};

/// One notice.
pub(super) struct Notice {
    /// The sentence.
    pub(super) text: String,
    /// Whether somebody must act before the page can be trusted as a whole.
    pub(super) grave: bool,
    /// More of it, unfolded on demand.
    pub(super) more: Vec<String>,
}

/// All notices, the gravest first; of maintenance, what is about this section, or all of it.
pub(super) fn notices(
    snapshot: &Snapshot,
    vitals: &Vitals,
    section: Option<&ItemId>,
    now: Timestamp,
) -> Vec<Notice> {
    let own = [engine(vitals, now), configuration(&vitals.config, now)];
    let own = own.into_iter().flatten().chain(journal::notices(&vitals.journal));
    let maintenance = maintenance::notice(snapshot, section, now);
    let mut all: Vec<_> = own.chain(streams(snapshot, now)).chain(maintenance).collect();
    all.sort_by_key(|notice| !notice.grave);
    all
}

fn engine(vitals: &Vitals, now: Timestamp) -> Option<Notice> {
    vitals.engine_is_late(now).then(|| {
        let last = Moment::new(vitals.last_tick, now);
        let text = format!("Nothing is being looked at: the engine last ticked {}.", last.ago());
        Notice { text, grave: true, more: Vec::new() }
    })
}

fn configuration(config: &ConfigVitals, now: Timestamp) -> Option<Notice> {
    let ConfigVitals { successful, last_success, checksum: _, refused } = config;
    (!successful).then(|| {
        let last = Moment::new(*last_success, now).ago();
        let text =
            format!("The newest configuration was refused; the one loaded {last} is in use.");
        Notice { text, grave: true, more: refused.iter().cloned().collect() }
    })
}

fn streams(snapshot: &Snapshot, now: Timestamp) -> Option<Notice> {
    let down: Vec<_> = snapshot.streams.iter().filter(|stream| is_down(stream, now)).collect();
    let text = match down.len() {
        0 => return None,
        1 => "A watch of the Kubernetes API is down; what it tells may be out of date.".to_owned(),
        n => format!(
            "{n} watches of the Kubernetes API are down; what they tell may be out of date."
        ),
    };
    let more = down.into_iter().map(|stream| told(stream, now)).collect();
    Some(Notice { text, grave: false, more })
}

fn is_down(stream: &Stream, now: Timestamp) -> bool {
    let silent = |heard: Timestamp| now.duration_since(heard) > LONGEST_SILENCE;
    !stream.up || stream.last_heard.is_some_and(silent)
}

fn told(stream: &Stream, now: Timestamp) -> String {
    let Stream { watch, up: _, last_heard } = stream;
    let mut text = watch.resource.name();
    if let Some(namespace) = &watch.namespace {
        text.push_str(" in ");
        text.push_str(namespace);
    }
    match last_heard {
        Some(heard) => format!("{text}, last heard {}", Moment::new(*heard, now).ago()),
        None => format!("{text}, never heard"),
    }
}
