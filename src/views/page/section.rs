//! Sections of the checklist: their lines, and the boxes that head indented ones.

use jiff::Timestamp;

use super::filter::{Filter, Traits};
use super::mark::Mark;
use super::moment::Moment;
use crate::model::acts::Covers;
use crate::model::counted::either;
use crate::model::item::{Card, Group, Section as Heading, Severity};
use crate::model::judgement::legible;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::Standing;

/// How much of what maintenance is for goes into a line, in characters.
const LONGEST_WHY: usize = 100;

/// One section.
pub(super) struct Section<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) mark: Mark,
    pub(super) tally: Tally,
    /// Its lines, in order; those under one box together.
    pub(super) blocks: Vec<Block<'a>>,
    /// Whether the filter leaves nothing of it.
    pub(super) hidden: bool,
}

/// Lines side by side: all under one box, or all without.
pub(super) struct Block<'a> {
    pub(super) head: Option<Head<'a>>,
    pub(super) rows: Vec<Row<'a>>,
    /// Whether the filter leaves nothing of it.
    pub(super) hidden: bool,
}

/// The box above indented lines: as bad as the worst of them.
pub(super) struct Head<'a> {
    pub(super) title: &'a str,
    pub(super) mark: Mark,
    pub(super) tally: Tally,
}

/// How many lines hold, of those that apply.
#[derive(Clone, Copy)]
pub(super) struct Tally {
    pub(super) holding: usize,
    pub(super) counted: usize,
}

/// One line of the checklist.
pub(super) struct Row<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) section: &'a str,
    pub(super) group: Option<&'a str>,
    pub(super) standing: Standing,
    pub(super) severity: Severity,
    pub(super) mark: Mark,
    pub(super) reason: &'static str,
    pub(super) because: String,
    pub(super) since: Moment,
    pub(super) last: Option<Moment>,
    pub(super) runbook: Option<&'a str>,
    /// Who stands for it beside what was seen, in words.
    pub(super) act: Option<String>,
    /// The box of this environment, where each has one of its own.
    pub(super) own_box: Option<&'a str>,
    /// The boxes of other environments.
    pub(super) other_boxes: Vec<&'a str>,
    /// Whether the filter leaves it out.
    pub(super) hidden: bool,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        heading: &'a Heading,
        filter: &Filter,
        now: Timestamp,
    ) -> Self {
        let Heading { id, title, groups, items } = heading;
        let states = items.iter().filter_map(|id| snapshot.item(id.as_str()));
        let mut blocks: Vec<(Option<&Group>, Vec<Row<'_>>)> = Vec::new();
        for state in states {
            let row = Row::new(snapshot, heading, state, filter, now);
            let group = state.card.group.as_ref();
            let group = groups.iter().find(|known| Some(&known.id) == group);
            match blocks.last_mut() {
                Some((last, rows)) if *last == group => rows.push(row),
                Some(_) | None => blocks.push((group, vec![row])),
            }
        }
        let rows = || blocks.iter().flat_map(|(_, rows)| rows);
        Self {
            id: id.as_str(),
            title,
            mark: worst(rows()),
            tally: Tally::of(rows()),
            hidden: rows().all(|row| row.hidden),
            blocks: blocks.into_iter().map(|(group, rows)| Block::new(group, rows)).collect(),
        }
    }

    /// All of its lines.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row<'a>> {
        self.blocks.iter().flat_map(|block| &block.rows)
    }
}

impl<'a> Block<'a> {
    fn new(group: Option<&'a Group>, rows: Vec<Row<'a>>) -> Self {
        let head = group.map(|group| Head {
            title: &group.title,
            mark: worst(&rows),
            tally: Tally::of(&rows),
        });
        Self { head, hidden: rows.iter().all(|row| row.hidden), rows }
    }
}

fn worst<'r, 'a: 'r>(rows: impl IntoIterator<Item = &'r Row<'a>>) -> Mark {
    let worst = Standing::worst(rows.into_iter().map(|row| row.standing));
    worst.unwrap_or(Standing::NotApplicable).into()
}

impl Tally {
    fn of<'r, 'a: 'r>(rows: impl IntoIterator<Item = &'r Row<'a>>) -> Self {
        let mut tally = Self { holding: 0, counted: 0 };
        for row in rows {
            let holds = matches!(row.standing, Standing::Passing | Standing::Warning);
            tally.holding += usize::from(holds);
            tally.counted += usize::from(row.standing != Standing::NotApplicable);
        }
        tally
    }

    /// `8 of 10 hold`.
    pub(super) fn told(self) -> String {
        match self {
            Self { counted: 0, .. } => "does not apply".to_owned(),
            Self { holding, counted } => {
                format!("{holding} of {counted} {}", either(&holding, "holds", "hold"))
            }
        }
    }
}

impl<'a> Row<'a> {
    pub(super) fn new(
        snapshot: &Snapshot,
        heading: &'a Heading,
        state: &'a ItemState,
        filter: &Filter,
        now: Timestamp,
    ) -> Self {
        let shown = snapshot.shown(state, now);
        let Card { id, title, section: _, group, severity, mode: _, kinds: _, runbook_url, boxes } =
            &state.card;
        let own = boxes.iter().find(|(environment, _)| *environment == snapshot.environment);
        let group = heading.groups.iter().find(|known| Some(&known.id) == group.as_ref());
        let mut row = Self {
            id: id.as_str(),
            title,
            section: &heading.title,
            group: group.map(|group| group.title.as_str()),
            standing: shown.standing,
            severity: *severity,
            mark: shown.standing.into(),
            reason: shown.reason.map_or("", |reason| reason.code()),
            because: shown.because,
            since: Moment::new(shown.since, now),
            last: state.last_attempt.map(|at| Moment::new(at, now)),
            runbook: runbook_url.as_deref().and_then(web_link),
            act: act(snapshot, state, now),
            own_box: own.map(|(_, text)| text.as_str()),
            other_boxes: boxes
                .iter()
                .filter(|b| Some(*b) != own)
                .map(|(_, text)| &**text)
                .collect(),
            hidden: false,
        };
        row.hidden = !filter.admits(&Traits {
            standing: row.standing,
            severity: row.severity,
            texts: &[&row.about(), row.title, &row.because, row.act.as_deref().unwrap_or_default()],
        });
        row
    }

    /// What a line may be found by beside its own words.
    pub(super) fn about(&self) -> String {
        format!("{} {} {} {}", self.id, self.reason, self.section, self.group.unwrap_or_default())
    }
}

/// Maintenance that an item is in without being waived by it, or else a person's word that stands
/// beside what was seen. What decides the standing is in its sentence already.
fn act(snapshot: &Snapshot, state: &ItemState, now: Timestamp) -> Option<String> {
    let shown = snapshot.shown(state, now);
    if matches!(shown.standing, Standing::NotApplicable | Standing::Waived) {
        return None;
    }
    if let Some(span) = snapshot.maintenance_of(state, now) {
        let why = legible(&span.why, LONGEST_WHY);
        return Some(format!("under maintenance by {} until {:.0}: {why}", span.by(), span.until));
    }
    let deployment = snapshot.deployment().map(AsRef::as_ref);
    let word = state.word(deployment, now);
    let word = word.filter(|_| !shown.because.starts_with("attested by "))?;
    let who = &word.who;
    Some(match word.covers {
        Covers::Until(until) => {
            let end = state.terms.and_then(|terms| terms.end(word, now)).unwrap_or(until);
            format!("attested by {who} until {end:.0}")
        }
        Covers::Deployment(_) => format!("attested by {who} for the deployment"),
        Covers::NextDeployment => format!("attested by {who} for the coming deployment"),
    })
}

/// A link that a browser may follow: never `javascript:` and its like.
pub(super) fn web_link(url: &str) -> Option<&str> {
    (url.starts_with("https://") || url.starts_with("http://")).then_some(url)
}
