//! The record of a running Vigie, by its API.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use super::{ItemRecord, LONGEST_ECHO, Record, is_of_another};
use crate::model::acts::{Attestation, Maintenance, Waiver};
use crate::model::deployment::Deployment;
use crate::model::item::ItemId;
use crate::model::judgement::legible;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than the largest record: beyond it, what answers is something else.
const LARGEST: usize = 64 << 20;
/// The longest foreign text that is kept, in characters.
const LONGEST_TEXT: usize = 4_000;

/// The answer of `/api/v1/records`.
#[derive(Deserialize)]
struct Told {
    environment: String,
    deployments: Vec<Deployment>,
    maintenance: Vec<Maintenance>,
    items: Vec<ToldItem>,
}

#[derive(Deserialize)]
struct ToldItem {
    id: ItemId,
    known_since: Timestamp,
    attestations: Vec<Attestation>,
    waivers: Vec<Waiver>,
}

/// Asks a running Vigie.
pub(super) async fn ask(place: &str, environment: &str) -> Result<Record, String> {
    let base = Url::parse(place).map_err(|error| format!("--records: no URL: {error}"))?;
    if !base.username().is_empty() || base.password().is_some() {
        return Err(
            "--records: a URL with a password in it would be shown to others; leave it out, \
                    reading takes none"
                .to_owned(),
        );
    }
    let place = place.trim_end_matches('/');
    let text = fetch(place).await.map_err(|why| format!("--records: {place} {why}"))?;
    let told: Told = serde_json::from_slice(&text).map_err(|error| {
        format!(
            "--records: what answers at {place} is no Vigie, or one of another version: {error}"
        )
    })?;
    let Told { environment: theirs, deployments, maintenance, items } = told;
    if theirs != environment {
        return Err(is_of_another(place, &theirs, environment));
    }
    let item = |item: ToldItem| {
        let ToldItem { id, known_since, attestations, waivers } = item;
        let attestations = attestations.into_iter().map(bounded_attestation).collect();
        let waivers = waivers.into_iter().map(bounded_waiver).collect();
        (id, ItemRecord { known_since: Some(known_since), attestations, waivers })
    };
    Ok(Record {
        from: place.to_owned(),
        deployments: deployments.into_iter().map(bounded_deployment).collect(),
        maintenance: maintenance.into_iter().map(bounded_maintenance).collect(),
        items: items.into_iter().map(item).collect(),
    })
}

/// A name or a word as it may be printed, whoever it was that answered.
fn word(text: &str) -> String {
    legible(text, LONGEST_ECHO)
}

fn bounded_attestation(told: Attestation) -> Attestation {
    Attestation {
        who: word(&told.who),
        token: word(&told.token),
        note: told.note.map(|note| legible(&note, LONGEST_TEXT)),
        link: told.link.map(|link| legible(&link, LONGEST_TEXT)),
        ..told
    }
}

fn bounded_waiver(told: Waiver) -> Waiver {
    Waiver {
        who: word(&told.who),
        token: word(&told.token),
        why: legible(&told.why, LONGEST_TEXT),
        ..told
    }
}

fn bounded_maintenance(told: Maintenance) -> Maintenance {
    Maintenance {
        who: told.who.as_deref().map(word),
        token: told.token.as_deref().map(word),
        why: legible(&told.why, LONGEST_TEXT),
        ..told
    }
}

fn bounded_deployment(told: Deployment) -> Deployment {
    Deployment {
        version: word(&told.version),
        who: word(&told.who),
        token: word(&told.token),
        migration: told.migration.as_deref().map(word),
        ticket: told.ticket.as_deref().map(word),
        notes: told.notes.map(|notes| legible(&notes, LONGEST_TEXT)),
        ..told
    }
}

/// The bytes of `/api/v1/records`, or what was wrong, as the end of a sentence.
async fn fetch(place: &str) -> Result<Vec<u8>, String> {
    let silent = |error: reqwest::Error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        format!("does not answer: {cause}")
    };
    let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(silent)?;
    let request = client.get(format!("{place}/api/v1/records"));
    let mut answer = request.send().await.map_err(silent)?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("answers {status} to /api/v1/records: is it a Vigie of this version?"));
    }
    let mut text = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(silent)? {
        if text.len() + part.len() > LARGEST {
            return Err(format!("answers more than {} MiB: it is no Vigie", LARGEST >> 20));
        }
        text.extend_from_slice(&part);
    }
    Ok(text)
}
