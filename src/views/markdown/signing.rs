//! The fields at the end of the paper, filled in where the deployment is known.

use super::prose::{code, prose};
use super::{Sheet, stamp};
use crate::model::deployment::Deployment;
use crate::model::snapshot::Snapshot;

/// A field that nobody has filled in.
const BLANK: &str = "\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_";

pub(super) fn write(sheet: &mut Sheet, snapshot: &Snapshot) {
    let known = snapshot.deployment().map(|deployment| {
        let Deployment { version, who, started, notes, .. } = &**deployment;
        (prose(who), stamp(*started), code(version), notes.as_deref().map(prose))
    });
    let (who, date, version, notes) = match known {
        Some((who, date, version, notes)) => (Some(who), Some(date), Some(version), notes),
        None => (None, None, None, None),
    };
    let environment = Some(code(&snapshot.environment));
    sheet.heading(2, "Signature");
    for (field, value) in [
        ("Deployed by", who),
        ("Date", date),
        ("Environment", environment),
        ("Version/Tag", version),
        ("Notes", notes),
    ] {
        sheet.entry(0, &format!("**{field}:** {}", value.unwrap_or_else(|| BLANK.to_owned())));
    }
}
