//! `vigie attest`, `waive`, `maintain`, `announce`: what people and pipelines tell a running daemon.
//!
//! Each is one request to its API. Exit code: 0 done, 1 refused or not reached, 3 bad usage.

mod remote;
mod when;

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::complain;
use crate::model::item::ItemId;
use crate::systems::clock::Clock;
use remote::{Remote, Told};
use when::{Edge, When};

/// Puts a name under an item that a person has looked at.
#[derive(Args)]
pub(super) struct Attest {
    /// The item's id.
    #[arg(value_parser = ItemId::parse)]
    item: ItemId,
    /// Who attests it.
    #[arg(long)]
    who: String,
    /// What was looked at.
    #[arg(long)]
    note: Option<String>,
    /// Where the evidence is: an `https://` address.
    #[arg(long, value_name = "URL")]
    link: Option<String>,
    /// How long it holds, where that is less than the item says: a date, a timestamp, or a period.
    #[arg(long, value_parser = When::parse, value_name = "WHEN")]
    until: Option<When>,
    #[command(flatten)]
    remote: Remote,
}

/// Takes the blame for named reasons of an item that does not hold.
#[derive(Args)]
pub(super) struct Waive {
    /// The item's id.
    #[arg(value_parser = ItemId::parse)]
    item: ItemId,
    /// Who takes the blame.
    #[arg(long)]
    who: String,
    /// Why.
    #[arg(long)]
    why: String,
    /// A reason that is waived, such as `BackupTooOld`; may be given several times.
    #[arg(long = "reason", value_name = "REASON", required = true)]
    reasons: Vec<String>,
    /// Until when, at most as far as the item allows: a date, a timestamp, or a period such as `7d`.
    #[arg(long, value_parser = When::parse, value_name = "WHEN")]
    until: When,
    #[command(flatten)]
    remote: Remote,
}

/// Declares maintenance: for its span, items show as waived under its name, and alerts keep still.
#[derive(Args)]
pub(super) struct Maintain {
    /// Who declares it.
    #[arg(long)]
    who: String,
    /// Why.
    #[arg(long)]
    why: String,
    /// From when, instead of from now: a date, a timestamp, or a period from now.
    #[arg(long, value_parser = When::parse, value_name = "WHEN")]
    from: Option<When>,
    /// Until when: a date (to its end), a timestamp, or a period from now such as `2h`.
    #[arg(long, value_parser = When::parse, value_name = "WHEN")]
    until: When,
    /// A section that is meant, instead of all; may be given several times.
    #[arg(long = "section", value_name = "ID", value_parser = ItemId::parse)]
    sections: Vec<ItemId>,
    #[command(flatten)]
    remote: Remote,
}

/// Announces a rollout.
#[derive(Args)]
pub(super) struct Announce {
    /// What is rolled out.
    #[arg(long)]
    version: String,
    /// Who rolls it out.
    #[arg(long)]
    who: String,
    /// Where; it must be the environment that the daemon watches.
    #[arg(long)]
    environment: Option<String>,
    /// When the rollout began, instead of now: a timestamp.
    #[arg(long)]
    started: Option<Timestamp>,
    /// The last migration that the new code expects, by the name of its folder.
    #[arg(long)]
    migration: Option<String>,
    /// The change that it belongs to.
    #[arg(long)]
    ticket: Option<String>,
    /// Whatever else is worth keeping.
    #[arg(long)]
    notes: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// The body of `POST /api/v1/items/{id}/attestations`.
#[derive(Serialize)]
struct AttestBody {
    who: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

/// The body of `POST /api/v1/items/{id}/waivers`.
#[derive(Serialize)]
struct WaiveBody {
    who: String,
    why: String,
    reasons: Vec<String>,
    until: Timestamp,
}

/// The body of `POST /api/v1/maintenance`.
#[derive(Serialize)]
struct MaintainBody {
    who: String,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    until: Timestamp,
    sections: Vec<ItemId>,
}

/// The body of `POST /api/v1/deployments`.
#[derive(Serialize)]
struct AnnounceBody {
    version: String,
    who: String,
    environment: Option<String>,
    started: Option<Timestamp>,
    migration: Option<String>,
    ticket: Option<String>,
    notes: Option<String>,
}

pub(super) async fn attest(attest: Attest) -> ExitCode {
    let Attest { item, who, note, link, until, remote } = attest;
    let until = match resolved(until, Edge::End) {
        Ok(until) => until,
        Err(why) => return complain(&why),
    };
    let body = AttestBody { who, note, link, until };
    let path = format!("/api/v1/items/{item}/attestations");
    remote.tell(&path, &body, |told| told.spoken(&format!("`{item}` is attested"))).await
}

pub(super) async fn waive(waive: Waive) -> ExitCode {
    let Waive { item, who, why, reasons, until, remote } = waive;
    let until = match until.resolve(Edge::End, Clock::System.now()) {
        Ok(until) => until,
        Err(why) => return complain(&why),
    };
    let body = WaiveBody { who, why, reasons, until };
    let path = format!("/api/v1/items/{item}/waivers");
    remote.tell(&path, &body, |told| told.spoken(&format!("`{item}` is waived"))).await
}

pub(super) async fn maintain(maintain: Maintain) -> ExitCode {
    let Maintain { who, why, from, until, sections, remote } = maintain;
    let span = resolved(from, Edge::Start)
        .and_then(|from| Ok((from, until.resolve(Edge::End, Clock::System.now())?)));
    let (from, until) = match span {
        Ok(span) => span,
        Err(why) => return complain(&why),
    };
    let body = MaintainBody { who, why, from, until, sections };
    remote.tell("/api/v1/maintenance", &body, |told| told.spoken("maintenance is declared")).await
}

pub(super) async fn announce(announce: Announce) -> ExitCode {
    let Announce { version, who, environment, started, migration, ticket, notes, remote } =
        announce;
    let said = format!("`{version}` is announced");
    let body = AnnounceBody { version, who, environment, started, migration, ticket, notes };
    remote.tell("/api/v1/deployments", &body, |told: &Told| told.spoken(&said)).await
}

fn resolved(when: Option<When>, edge: Edge) -> Result<Option<Timestamp>, String> {
    when.map(|when| when.resolve(edge, Clock::System.now())).transpose()
}
