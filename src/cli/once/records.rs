//! `--records`: human acts and deployments, from a running Vigie or from its data folder.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use crate::model::acts::{Attestation, Maintenance, Waiver};
use crate::model::deployment::Deployment;
use crate::model::item::ItemId;
use crate::model::judgement::legible;

mod folder;
mod running;

/// The longest foreign word that is repeated, in characters.
const LONGEST_ECHO: usize = 128;

/// What is recorded.
#[derive(Default)]
pub(super) struct Record {
    /// Where it was had, in words.
    pub(super) from: String,
    /// Deployments, the one that began last first.
    pub(super) deployments: Vec<Deployment>,
    /// Maintenance that was declared.
    pub(super) maintenance: Vec<Maintenance>,
    /// Acts by item.
    pub(super) items: BTreeMap<ItemId, ItemRecord>,
}

/// What is recorded of one item.
#[derive(Default)]
pub(super) struct ItemRecord {
    /// Since when it is on the checklist.
    pub(super) known_since: Option<Timestamp>,
    /// Newest first.
    pub(super) attestations: Vec<Attestation>,
    /// Newest first.
    pub(super) waivers: Vec<Waiver>,
}

/// Reads the record of `environment`: at a URL, or in the data folder of a Vigie that runs or ran.
///
/// # Errors
/// Why it can't be had, in a sentence that names the place.
pub(super) async fn read(place: &str, environment: &str) -> Result<Record, String> {
    if place.starts_with("http://") || place.starts_with("https://") {
        return running::ask(place, environment).await;
    }
    let folder = Path::new(place);
    if !folder.is_dir() {
        let place = legible(place, LONGEST_ECHO);
        return Err(format!(
            "--records: `{place}` is neither the URL of a running Vigie (http://…) nor its data folder"
        ));
    }
    folder::read(folder, environment)
}

/// That the record is of another environment.
fn is_of_another(place: &str, theirs: &str, ours: &str) -> String {
    let theirs = legible(theirs, LONGEST_ECHO);
    format!(
        "--records: the Vigie at {place} watches `{theirs}`, and this configuration is for `{ours}`"
    )
}
