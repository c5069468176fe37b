//! Backups that are none: what is said of those after the newest complete one, and before it.

use super::copies::{Broken, Copy, Fault, shown};
use super::measures::FAILED;
use super::{Backup, reasons};
use crate::model::finding::Finding;
use crate::model::judgement::Judgement;

/// How many attempts in a row may fail before that is no accident.
const ACCIDENT: usize = 1;

/// Says what broke.
pub(super) fn judge(
    check: &Backup,
    last: Option<&Copy>,
    broken: &[Broken],
    judgement: &mut Judgement,
) {
    let is_newer = |one: &&Broken| last.is_none_or(|last| one.name > last.name);
    let newer: Vec<&Broken> = broken.iter().filter(is_newer).collect();
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    judgement.measure(check.is(&FAILED, newer.len() as f64));
    let failed: Vec<_> = newer.iter().filter(|one| one.what == Fault::Failed).collect();
    if let Some(one) = failed.last() {
        let after = last.map_or_else(String::new, |last| {
            format!(", after `{}`, the newest complete one", last.shown())
        });
        let because = format!("`{}` {}{after}", shown(&one.name), one.because);
        judgement.add(
            "attempts",
            if failed.len() > ACCIDENT || last.is_none() {
                let many = format!("{because}; {} in a row did not end well", failed.len());
                Finding::fail(reasons::FAILED, many)
            } else {
                Finding::warn(reasons::FAILED, because)
            },
        );
    }
    for one in broken.iter().filter(|one| one.what != Fault::Failed) {
        let reason = match one.what {
            Fault::Failed | Fault::Unreadable => reasons::UNREADABLE,
            Fault::DataMissing => reasons::DATA_MISSING,
        };
        let because = format!("`{}`: {}", shown(&one.name), one.because);
        let finding = if is_newer(&one) {
            Finding::fail(reason, because)
        } else {
            Finding::warn(reason, because)
        };
        judgement.add("catalogue", finding);
    }
}
