//! The notice of maintenance: who declared it, why, and until when things are shown as waived.

use jiff::Timestamp;

use super::moment::Moment;
use super::notice::Notice;
use crate::model::acts::Maintenance;
use crate::model::item::ItemId;
use crate::model::judgement::legible;
use crate::model::snapshot::Snapshot;

/// How much of the reason is told, in characters.
const LONGEST_WHY: usize = 300;

/// The notice of what is on now: anywhere, or about one section.
pub(super) fn notice(
    snapshot: &Snapshot,
    section: Option<&ItemId>,
    now: Timestamp,
) -> Option<Notice> {
    let about = |span: &Maintenance| section.is_none_or(|section| span.is_about(section));
    let on = snapshot.maintenance.iter().rev().filter(|span| span.is_on(now) && about(span));
    let told: Vec<String> = on.map(|span| told(span, now)).collect();
    let (text, more) = match told.as_slice() {
        [] => return None,
        [one] => (
            format!("Maintenance is on, {one} What fails or can't be seen is shown as waived."),
            vec![],
        ),
        all => {
            let n = all.len();
            let text = format!(
                "{n} spans of maintenance are on. What fails or can't be seen is shown as waived."
            );
            (text, told)
        }
    };
    Some(Notice { text, grave: false, more })
}

fn told(span: &Maintenance, now: Timestamp) -> String {
    let sections: Vec<_> = span.sections.iter().map(ItemId::as_str).collect();
    let of = match sections.as_slice() {
        [] => "of all sections".to_owned(),
        sections => format!("of {}", sections.join(", ")),
    };
    let until = Moment::new(span.until, now).spelled();
    let why = legible(&span.why, LONGEST_WHY);
    let stop = if why.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    format!("{of}, by {} until {until}: {why}{stop}", span.by())
}
