//! What people did about an item, under their names: the one that was claimed, and the token's.

use jiff::Timestamp;

use super::prose::{code, prose};
use super::{Sheet, stamp};
use crate::model::acts::{Attestation, Covers, Maintenance, Waiver};
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
    let valid = item.attestations.iter().filter(|one| one.is_valid(current, now));
    let valid: Vec<_> = valid.take(MOST).collect();
    for attestation in &valid {
        sheet.entry(depth, &attested("attested", attestation));
    }
    if let (true, Some(last)) = (valid.is_empty(), item.attestations.front()) {
        sheet.entry(depth, &attested("was attested", last));
    }
    for waiver in item.open_waivers(now) {
        sheet.entry(depth, &waived(waiver));
    }
    if let Some(span) = snapshot.maintenance_of(item, now) {
        sheet.entry(depth, &maintained(span));
    }
}

fn attested(how: &str, attestation: &Attestation) -> String {
    let Attestation { id: _, item: _, who, token, at, covers, note, link } = attestation;
    let until = match covers {
        Covers::Until(until) => format!("until {}", stamp(*until)),
        Covers::Deployment(id) => format!("for the deployment {}", code(id)),
        Covers::NextDeployment => "for the coming deployment".to_owned(),
    };
    let note = note.as_deref().map(|note| format!(": {}", prose(note))).unwrap_or_default();
    let link = link.as_deref().map(|link| format!(" (evidence: {})", prose(link)));
    let by = by(who, Some(token));
    format!("{how} by {by} at {}, {until}{note}{}", stamp(*at), link.unwrap_or_default())
}

fn waived(waiver: &Waiver) -> String {
    let Waiver { id: _, item: _, who, token, at, until, reasons, why, ended: _ } = waiver;
    let reasons: Vec<_> = reasons.iter().map(|reason| code(reason)).collect();
    format!(
        "waived by {} at {}, until {}, for {}: {}",
        by(who, Some(token)),
        stamp(*at),
        stamp(*until),
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
