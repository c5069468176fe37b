//! Bands: how an item stood over the last day and the last week, drawn from its turns.
//!
//! Its law: what is drawn is also told in words, and where the record says nothing the band is empty.

use jiff::{SignedDuration, Timestamp};

use super::super::mark::Mark;
use super::super::moment::{Moment, length};
use crate::model::pause::Pause;
use crate::model::snapshot::ItemState;
use crate::model::standing::{Shown, Standing, Turn};

/// The size of a band, in its own units.
const WIDTH: i128 = 2_000;
const HEIGHT: u8 = 40;
/// No spell is drawn narrower: a short failure must be seen.
const NARROWEST: i128 = 6;
/// What is drawn where there is no record: nothing.
const NO_RECORD: Mark = Mark { shape: "blank", word: "No record" };
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
    /// For how long there is no record, since no daemon ran, or none that could write.
    pub(super) paused: Option<String>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stood {
    /// None where there is no record.
    standing: Option<Standing>,
    from: Timestamp,
    to: Timestamp,
}

impl Band {
    /// The width of what is drawn, in its own units.
    pub(super) const WIDTH: i128 = WIDTH;

    /// One band a span.
    pub(super) fn all(
        state: &ItemState,
        shown: &Shown,
        pauses: &[Pause],
        now: Timestamp,
    ) -> Vec<Self> {
        let stood = without(stood(state, shown, now), pauses, now);
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
        let whole = SignedDuration::from_hours(hours);
        let first = now.saturating_sub(whole).unwrap_or(Timestamp::MIN);
        let within =
            |all: &Stood| (all.to > first).then(|| Stood { from: all.from.max(first), ..*all });
        let within: Vec<_> = stood.iter().filter_map(within).collect();
        let mut drawn = within.clone();
        drawn.sort_by_key(|stood| stood.standing.map(Standing::badness));
        let paused = within.iter().filter(|stood| stood.standing.is_none());
        let paused: SignedDuration = paused.map(Stood::lasted).sum();
        Self {
            span,
            spells: drawn.iter().map(|stood| Spell::new(stood, first, whole, now)).collect(),
            shares: shares(&within),
            turns: turns.iter().filter(|at| **at > first).count(),
            begins: stood.last().filter(|s| s.from > first).map(|s| Moment::new(s.from, now)),
            paused: paused.is_positive().then(|| length(paused.unsigned_abs())),
        }
    }
}

impl Stood {
    fn lasted(&self) -> SignedDuration {
        self.to.duration_since(self.from)
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
        all.push(Stood { standing: Some(shown.standing), from, to });
        to = from;
    }
    for Turn { at, to: standing, .. } in &state.turns {
        let from = (*at).min(to);
        all.push(Stood { standing: Some(*standing), from, to });
        to = from;
    }
    all
}

/// The same with what nobody recorded cut out, and told to be so: how it stood then is not known.
fn without(stood: Vec<Stood>, pauses: &[Pause], now: Timestamp) -> Vec<Stood> {
    // One that ends in the future was noted while the clock was ahead: of now there is a record.
    let pauses = || pauses.iter().filter(|pause| pause.to <= now);
    let mut all = Vec::with_capacity(stood.len());
    for Stood { standing, from, mut to } in stood {
        let whole = to;
        // The newest first, as all of it is.
        for pause in pauses().rev() {
            let (begins, ends) = (pause.from.max(from), pause.to.min(to));
            if begins >= ends {
                continue;
            }
            if ends < to {
                all.push(Stood { standing, from: ends, to });
            }
            all.push(Stood { standing: None, from: begins, to: ends });
            to = begins;
        }
        if from < to || from == whole {
            all.push(Stood { standing, from, to });
        }
    }
    all
}

fn shares(within: &[Stood]) -> Vec<Share> {
    let recorded = within.iter().filter(|stood| stood.standing.is_some());
    let all: SignedDuration = recorded.map(Stood::lasted).sum();
    let mut each: Vec<(Standing, SignedDuration)> = Standing::ALL
        .into_iter()
        .filter_map(|standing| {
            let mut of_it = within.iter().filter(|stood| stood.standing == Some(standing));
            let first = of_it.next()?.lasted();
            Some((standing, of_it.fold(first, |sum, stood| sum + stood.lasted())))
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
        let mark = stood.standing.map_or(NO_RECORD, Mark::from);
        let (began, lasted) = (Moment::new(stood.from, now), stood.lasted());
        let told = format!(
            "{} from {}, for {}",
            mark.word,
            began.spelled(),
            length(lasted.unsigned_abs())
        );
        let height = stood.standing.map_or(HEIGHT, height);
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
            .map(|(standing, from, to)| Stood {
                standing: Some(*standing),
                from: at(*from),
                to: at(*to),
            })
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
    fn of_a_time_without_a_record_nothing_is_told() {
        let stood = |standing, from, to| Stood { standing, from: at(from), to: at(to) };
        let pause = |from, to| Pause { from: at(from), to: at(to) };
        let (passing, failing) = (Some(Standing::Passing), Some(Standing::Failing));
        let told = vec![stood(passing, 6, 0), stood(failing, 12, 6)];
        // One ends before the record begins, one lies across a turn, and one up to now.
        let pauses = [pause(20, 13), pause(8, 4), pause(1, 0)];
        let cut = without(told.clone(), &pauses, now());
        let wanted = [
            stood(None, 1, 0),
            stood(passing, 4, 1),
            stood(None, 6, 4),
            stood(None, 8, 6),
            stood(failing, 12, 8),
        ];
        assert_eq!(cut, wanted);
        assert_eq!(without(told.clone(), &[], now()), told);
        assert_eq!(without(told.clone(), &[pause(6, -9_000)], now()), told, "of a clock far ahead");
        let band = Band::new("24 hours", 24, &cut, &[], now());
        let shares: Vec<_> =
            band.shares.iter().map(|s| (s.mark.shape, &*s.lasted, &*s.percent)).collect();
        assert_eq!(shares, [("failing", "4h", "57.1 %"), ("passing", "3h", "42.8 %")]);
        assert_eq!(band.paused.as_deref(), Some("5h"));
        let blank: Vec<_> = band.spells.iter().filter(|s| s.mark == NO_RECORD).collect();
        assert_eq!(blank[0].told, "No record from 2026-11-23 11:00:00 UTC, for 1h");
        assert!(day(&[(Standing::Passing, 6, 0)]).paused.is_none());
    }

    #[test]
    fn a_short_failure_is_seen_and_is_not_rounded_away() {
        let now = now();
        let (from, to) = (now - SignedDuration::from_secs(40), now - SignedDuration::from_secs(20));
        let stood = [
            Stood { standing: Some(Standing::Passing), from: to, to: now },
            Stood { standing: Some(Standing::Failing), from, to },
            Stood { standing: Some(Standing::Passing), from: at(48), to: from },
        ];
        let band = Band::new("24 hours", 24, &stood, &[], now);
        let failing = band.spells.last().unwrap();
        assert_eq!((failing.mark.shape, failing.width), ("failing", NARROWEST));
        assert!(failing.x + failing.width <= WIDTH);
        assert_eq!(band.shares[1].percent, "under 0.1 %");
        assert_eq!(band.shares[0].percent, "99.9 %");
    }
}
