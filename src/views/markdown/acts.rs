//! What people did about an item, under their names: the one that was claimed, and the token's.

use jiff::Timestamp;

use super::prose::{code, prose};
use super::{Sheet, stamp};
use crate::model::acts::{Attestation, Covers, Ended, EndedBy, Maintenance, Waiver};
use crate::model::snapshot::{ItemState, Snapshot};

/// Attestations that are printed of an item.
const MOST: usize = 3;

/// The attestations that are valid (where none is, the last one), the waivers that stand, and the
/// maintenance that it is in.
pub(super) fn write(
    sheet: &mut Sheet,
    depth: usize,
    snapshot: &Snapshot,
    item: &ItemState,
    now: Timestamp,
) {
    let current = snapshot.deployment().map(|deployment| &**deployment);
    let valid = item.attestations.iter().filter(|one| item.holds(one, current, now));
    let valid: Vec<_> = valid.take(MOST).collect();
    let end = |one: &Attestation| item.terms.and_then(|terms| terms.end(one, now));
    for attestation in &valid {
        sheet.entry(depth, &attested("attested", attestation, end(attestation)));
    }
    if let (true, Some(last)) = (valid.is_empty(), item.attestations.front()) {
        sheet.entry(depth, &attested("was attested", last, end(last)));
    }
    for waiver in item.open_waivers(now) {
        let end = item.end_of_waiver(waiver, now).unwrap_or(waiver.until);
        sheet.entry(depth, &waived(waiver, end));
    }
    if let Some(span) = snapshot.maintenance_of(item, now) {
        sheet.entry(depth, &maintained(span));
    }
}

/// One word, in one sentence; `end` is when it lapses on the item's present terms.
fn attested(how: &str, attestation: &Attestation, end: Option<Timestamp>) -> String {
    let Attestation { id: _, item: _, who, token, at, covers, note, link, ended } = attestation;
    let until = match covers {
        Covers::Until(until) => format!("until {}", stamp(end.unwrap_or(*until))),
        Covers::Deployment(id) => format!("for the deployment {}", code(id)),
        Covers::NextDeployment => "for the coming deployment".to_owned(),
    };
    let until = match ended {
        Some(Ended { at, by: EndedBy::Withdrawal { who, token } }) => {
            format!("{until}, taken back by {} at {}", by(who, Some(token)), stamp(*at))
        }
        Some(Ended { at: _, by: EndedBy::Lapse | EndedBy::Recovery }) | None => until,
    };
    let note = note.as_deref().map(|note| format!(": {}", prose(note))).unwrap_or_default();
    let link = link.as_deref().map(|link| format!(" (evidence: {})", prose(link)));
    let by = by(who, Some(token));
    format!("{how} by {by} at {}, {until}{note}{}", stamp(*at), link.unwrap_or_default())
}

fn waived(waiver: &Waiver, end: Timestamp) -> String {
    let Waiver { id: _, item: _, who, token, at, until: _, reasons, why, ended: _ } = waiver;
    let reasons: Vec<_> = reasons.iter().map(|reason| code(reason)).collect();
    format!(
        "waived by {} at {}, until {}, for {}: {}",
        by(who, Some(token)),
        stamp(*at),
        stamp(end),
        reasons.join(", "),
        prose(why)
    )
}

/// A span of maintenance, in one sentence.
pub(super) fn maintained(span: &Maintenance) -> String {
    let Maintenance { id: _, who: _, token, at: _, from, until, sections, why, ended: _ } = span;
    let sections: Vec<_> = sections.iter().map(|section| code(section.as_str())).collect();
    let about = if sections.is_empty() { "everything".to_owned() } else { sections.join(", ") };
    format!(
        "maintenance of {about} by {}, from {} until {}: {}",
        by(span.by(), token.as_deref()),
        stamp(*from),
        stamp(*until),
        prose(why)
    )
}

/// Who it was, as claimed, and the token that the request came with.
fn by(who: &str, token: Option<&str>) -> String {
    let token = token.map(|token| format!(" (token {})", code(token))).unwrap_or_default();
    format!("{}{token}", prose(who))
}
