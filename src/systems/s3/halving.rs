//! Where in time to ask next, when the last of many names are wanted and listings only go forward.

use super::stamp::{Civil, Unit};

/// The part of a level's time in which its last names are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halving {
    /// Names are asked for that bear this date or a later one.
    from: Civil,
    /// Nothing older counts.
    low: Civil,
    /// Names of this date are there, and more follow than fit a page.
    crowded: Option<Civil>,
    /// No name bears this date or a later one.
    empty: Civil,
    /// How far to step back where nothing is found.
    width: i64,
    /// How fine the dates are.
    unit: Unit,
}

impl Halving {
    /// Starts `width` seconds before `high`.
    pub(super) fn new(low: Civil, high: Civil, width: i64, unit: Unit) -> Self {
        let low = unit.floor(low);
        let width = width.max(unit.longest());
        let from = unit.floor(Civil(high.0 - width)).max(low);
        Self { from, low, crowded: None, empty: high, width, unit }
    }

    /// The date from which on names are to be asked for.
    pub(super) fn from(&self) -> Civil {
        self.from
    }

    /// How far it steps back.
    pub(super) fn width(&self) -> i64 {
        self.width
    }

    /// The names from here on overflow a page whose last is of `newest`: asks for later ones.
    ///
    /// False where there is no room for halves: the listing must be read on.
    pub(super) fn later(&mut self, newest: Option<Civil>) -> bool {
        let crowded = newest.unwrap_or(self.from).max(self.crowded.unwrap_or(self.low));
        self.crowded = Some(crowded);
        let middle = self.middle(crowded);
        let room = middle > self.from && middle > crowded;
        if room {
            self.from = middle;
        }
        room
    }

    /// There is nothing from here on: asks for earlier ones. False where there are none.
    pub(super) fn earlier(&mut self) -> bool {
        if self.from <= self.low {
            return false;
        }
        self.empty = self.from;
        self.from = if let Some(crowded) = self.crowded.filter(|crowded| *crowded < self.from) {
            self.middle(crowded).max(self.unit.floor(crowded))
        } else {
            // What crowded there bears no date: the names lie further back.
            self.crowded = None;
            self.width = self.width.saturating_mul(4);
            self.unit.floor(Civil(self.from.0.saturating_sub(self.width))).max(self.low)
        };
        true
    }

    fn middle(&self, crowded: Civil) -> Civil {
        self.unit.floor(Civil(crowded.0.midpoint(self.empty.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pages it takes to see the last of `names` (seconds), a thousand a page.
    fn pages(names: &[i64], now: i64, low: i64) -> (usize, Option<i64>) {
        let mut halving = Halving::new(Civil(low), Civil(now), 8 * 86_400, Unit::Second);
        for n in 1..100 {
            let start = names.partition_point(|name| *name < halving.from().0);
            let page = &names[start..names.len().min(start + 1000)];
            let go_on = if start + 1000 < names.len() {
                halving.later(page.last().map(|at| Civil(*at)))
            } else if page.is_empty() {
                halving.earlier()
            } else {
                false
            };
            if !go_on {
                return (n, page.last().copied());
            }
        }
        panic!("no end");
    }

    #[test]
    fn the_last_of_a_million_is_found_within_a_dozen_pages() {
        let now = 1_800_000_000;
        for apart in [1, 7, 60, 3600] {
            let names: Vec<i64> = (0..1_000_000).rev().map(|n| now - 60 - n * apart).collect();
            let (pages, last) = pages(&names, now, names[0]);
            assert_eq!(last, names.last().copied(), "{apart} s apart");
            assert!(pages <= 12, "{pages} pages, {apart} s apart");
        }
    }

    #[test]
    fn what_stopped_years_ago_is_found_in_growing_steps() {
        let now = 1_800_000_000;
        let names: Vec<i64> = (0..30).map(|n| now - 900 * 86_400 + n * 86_400).collect();
        let (pages, last) = pages(&names, now, names[0]);
        assert_eq!(last, names.last().copied());
        assert!(pages <= 6, "{pages}");
    }

    #[test]
    fn a_crowd_without_dates_is_left_behind() {
        let mut halving = Halving::new(Civil(0), Civil(1_000), 100, Unit::Second);
        while halving.later(None) {}
        let mut back = 0;
        while halving.earlier() {
            back += 1;
            assert!(back < 20, "it stands still at {:?}", halving.from());
        }
        assert_eq!(halving.from(), Civil(0));
    }

    #[test]
    fn where_nothing_is_the_steps_end() {
        assert_eq!(pages(&[], 1_800_000_000, Civil::FIRST.0).1, None);
    }
}
