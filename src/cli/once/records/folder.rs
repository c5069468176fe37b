//! The record in the data folder of a Vigie, whether one runs on it or not.

use std::collections::BTreeMap;
use std::path::Path;

use super::{ItemRecord, Record, is_of_another};
use crate::journal;
use crate::model::item::ItemId;
use crate::model::memory::Kept;

/// Reads the journal, and writes nothing.
pub(super) fn read(folder: &Path, environment: &str) -> Result<Record, String> {
    let place = folder.display().to_string();
    let kept = journal::read(folder).map_err(|why| format!("--records: {why}"))?;
    let Kept { mut deployments, attestations, waivers, maintenance, known_since } = kept;
    // The journal knows its environment by its deployments alone.
    if let Some(other) = deployments.iter().find(|one| one.environment != environment) {
        return Err(is_of_another(&place, &other.environment, environment));
    }
    let mut items = BTreeMap::<ItemId, ItemRecord>::new();
    for (id, since) in known_since {
        items.entry(id).or_default().known_since = Some(since);
    }
    for act in attestations.into_iter().rev() {
        items.entry(act.item.clone()).or_default().attestations.push(act);
    }
    for act in waivers.into_iter().rev() {
        items.entry(act.item.clone()).or_default().waivers.push(act);
    }
    deployments.sort_by_key(|one| std::cmp::Reverse(one.started));
    Ok(Record { from: place, deployments, maintenance, items })
}
