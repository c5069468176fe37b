//! Bands: how an item stood over the last day and the last week, drawn from its turns.
//!
//! Its law: what is drawn is also told in words, and where the record says nothing the band is empty.

use jiff::{SignedDuration, Timestamp};

use super::super::mark::Mark;
use super::super::moment::{Moment, length};
use crate::model::snapshot::ItemState;
use crate::model::standing::{Shown, Standing, Turn};

/// The size of a band, in its own units.
const WIDTH: i128 = 2_000;
const HEIGHT: u8 = 40;
/// No spell is drawn narrower: a short failure must be seen.
const NARROWEST: i128 = 6;
/// The spans that are drawn.
const SPANS: [(&str, i64); 2] = [("24 hours", 24), ("7 days", 7 * 24)];

/// How it stood over one span of time.
pub(super) struct Band {
    /// The span in words.
    pub(super) span: &'static str,
    /// What is drawn: better spells first, so that worse ones lie above them.
    pub(super) spells: Vec<Spell>,
    /// Shares in words, the longest first.
    pub(super) shares: Vec<Share>,
    /// How often it turned.
    pub(super) turns: usize,
    /// Where the record begins, if within the span.
    pub(super) begins: Option<Moment>,
}

/// A time without a turn, as it is drawn.
pub(super) struct Spell {
    pub(super) mark: Mark,
    pub(super) x: i128,
    pub(super) y: u8,
    pub(super) width: i128,
    pub(super) height: u8,
    /// When and for how long, in words.
    pub(super) told: String,
}

/// How long it stood so within the span.
pub(super) struct Share {
    pub(super) mark: Mark,
    pub(super) lasted: String,
    /// Of what is recorded.
    pub(super) percent: String,
}

/// A time without a turn.
#[derive(Clone, Copy)]
struct Stood {
    standing: Standing,
    from: Timestamp,
    to: Timestamp,
}

impl Band {
    /// The width of what is drawn, in its own units.
    pub(super) const WIDTH: i128 = WIDTH;

    /// One band a span.
    pub(super) fn all(state: &ItemState, shown: &Shown, now: Timestamp) -> Vec<Self> {
        let stood = stood(state, shown, now);
        let turns: Vec<_> = state.turns.iter().map(|turn| turn.at).collect();
        SPANS.iter().map(|(span, hours)| Self::new(span, *hours, &stood, &turns, now)).collect()
    }

    fn new(
        span: &'static str,
        hours: i64,
        stood: &[Stood],
        turns: &[Timestamp],
        now: Timestamp,
    ) -> Self {
        let length = SignedDuration::from_hours(hours);
        let first = now.saturating_sub(length).unwrap_or(Timestamp::MIN);
        let within =
            |all: &Stood| (all.to > first).then(|| Stood { from: all.from.max(first), ..*all });
        let within: Vec<_> = stood.iter().filter_map(within).collect();
        let mut drawn = within.clone();
        drawn.sort_by_key(|stood| stood.standing.badness());
        Self {
            span,
            spells: drawn.iter().map(|stood| Spell::new(stood, first, length, now)).collect(),
            shares: shares(&within),
            turns: turns.iter().filter(|at| **at > first).count(),
            begins: stood.last().filter(|s| s.from > first).map(|s| Moment::new(s.from, now)),
        }
    }
}

/// What the turns tell, the newest first. Before the oldest turn nothing is known.
fn stood(state: &ItemState, shown: &Shown, now: Timestamp) -> Vec<Stood> {
    let mut all = Vec::new();
    let mut to = now;
    let newest = state.turns.front();
    // What is shown may have turned since anybody last wrote it down.
    if newest.is_none_or(|turn| turn.to != shown.standing) {
        let after = newest.map_or(Timestamp::MIN, |turn| turn.at);
        let from = shown.since.max(after).min(now);
        all.push(Stood { standing: shown.standing, from, to });
        to = from;
    }
    for Turn { at, to: standing, .. } in &state.turns {
        let from = (*at).min(to);
        all.push(Stood { standing: *standing, from, to });
        to = from;
    }
    all
}

fn shares(within: &[Stood]) -> Vec<Share> {
    let lasted = |stood: &Stood| stood.to.duration_since(stood.from);
    let all: SignedDuration = within.iter().map(lasted).sum();
    let mut each: Vec<(Standing, SignedDuration)> = Standing::ALL
        .into_iter()
        .map(|standing| {
            (standing, within.iter().filter(|stood| stood.standing == standing).map(lasted).sum())
        })
        .filter(|(standing, lasted): &(_, SignedDuration)| {
            lasted.is_positive() || within.iter().any(|stood| stood.standing == *standing)
        })
        .collect();
    each.sort_by_key(|(_, lasted)| std::cmp::Reverse(*lasted));
    each.into_iter()
        .map(|(standing, lasted)| Share {
            mark: standing.into(),
            lasted: length(lasted.unsigned_abs()),
            percent: percent(lasted, all),
        })
        .collect()
}

/// `99.9 %`, never rounded up to all and never down to nothing.
fn percent(part: SignedDuration, all: SignedDuration) -> String {
    let (part, all) = (part.as_millis(), all.as_millis());
    if all == 0 || part == all {
        return "100 %".to_owned();
    }
    match part * 1_000 / all {
        0 => "under 0.1 %".to_owned(),
        tenths => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

impl Spell {
    fn new(stood: &Stood, first: Timestamp, span: SignedDuration, now: Timestamp) -> Self {
        let place = |at: Timestamp| at.duration_since(first).as_millis() * WIDTH / span.as_millis();
        let (from, to) = (place(stood.from), place(stood.to));
        let width = (to - from).max(NARROWEST);
        let mark = Mark::from(stood.standing);
        let (began, lasted) = (Moment::new(stood.from, now), stood.to.duration_since(stood.from));
        let told = format!(
            "{} from {}, for {}",
            mark.word,
            began.spelled(),
            length(lasted.unsigned_abs())
        );
        let height = height(stood.standing);
        Self { mark, x: from.min(WIDTH - width), y: HEIGHT - height, width, height, told }
    }
}

/// The worse, the higher: colour is never all there is.
const fn height(standing: Standing) -> u8 {
    match standing {
        Standing::NotApplicable => 4,
        Standing::Pending => 10,
        Standing::Passing => 18,
        Standing::Waived => 22,
        Standing::Warning => 26,
        Standing::Unknown => 33,
        Standing::Failing => HEIGHT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours_ago: i64) -> Timestamp {
        now() - SignedDuration::from_hours(hours_ago)
    }

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn day(stood: &[(Standing, i64, i64)]) -> Band {
        let stood: Vec<_> = stood
            .iter()
            .map(|(standing, from, to)| Stood { standing: *standing, from: at(*from), to: at(*to) })
            .collect();
        Band::new("24 hours", 24, &stood, &stood.iter().map(|s| s.from).collect::<Vec<_>>(), now())
    }

    #[test]
    fn a_band_shows_each_spell_in_its_place_and_tells_its_share() {
        let band = day(&[
            (Standing::Passing, 6, 0),
            (Standing::Failing, 12, 6),
            (Standing::Passing, 90, 12),
        ]);
        let places: Vec<_> = band.spells.iter().map(|s| (s.mark.shape, s.x, s.width)).collect();
        assert_eq!(
            places,
            [("passing", 1_500, 500), ("passing", 0, 1_000), ("failing", 1_000, 500)]
        );
        let shares: Vec<_> =
            band.shares.iter().map(|s| (s.mark.shape, &*s.lasted, &*s.percent)).collect();
        assert_eq!(shares, [("passing", "18h", "75.0 %"), ("failing", "6h", "25.0 %")]);
        assert_eq!(band.turns, 2);
        assert!(band.begins.is_none());
        assert_eq!(band.spells[2].told, "Failing from 2026-11-23 00:00:00 UTC, for 6h");
    }

    #[test]
    fn before_the_record_begins_the_band_is_empty() {
        let band = day(&[(Standing::Passing, 6, 0)]);
        assert_eq!((band.spells[0].x, band.spells[0].width), (1_500, 500));
        assert_eq!(band.begins.unwrap().ago(), "6h ago");
        assert_eq!(band.shares[0].percent, "100 %");
    }

    #[test]
    fn a_short_failure_is_seen_and_is_not_rounded_away() {
        let now = now();
        let (from, to) = (now - SignedDuration::from_secs(40), now - SignedDuration::from_secs(20));
        let stood = [
            Stood { standing: Standing::Passing, from: to, to: now },
            Stood { standing: Standing::Failing, from, to },
            Stood { standing: Standing::Passing, from: at(48), to: from },
        ];
        let band = Band::new("24 hours", 24, &stood, &[], now);
        let failing = band.spells.last().unwrap();
        assert_eq!((failing.mark.shape, failing.width), ("failing", NARROWEST));
        assert!(failing.x + failing.width <= WIDTH);
        assert_eq!(band.shares[1].percent, "under 0.1 %");
        assert_eq!(band.shares[0].percent, "99.9 %");
    }
}
