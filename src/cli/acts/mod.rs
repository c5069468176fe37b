//! `vigie attest`, `waive`, `maintain`, `announce`: what people and pipelines tell a running daemon.
//!
//! Each is one request to its API. Exit code: 0 done, 1 refused or not reached, 2 nobody knows, 3 bad
//! usage.

mod remote;
mod request;
mod when;

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::complain;
use crate::model::item::ItemId;
use crate::model::judgement::legible;
use crate::systems::clock::Clock;
use remote::Remote;
use request::Told;
use when::{Edge, When, past};

/// What stands below the options of each: where a stranger looks for what is lacking.
pub(super) const TOKEN_HELP: &str = "\
The daemon takes it from whoever has a token for it: put yours into a file of its own, and name that
file by `--token-file`, or for all of these commands by VIGIE_TOKEN_FILE, as VIGIE_URL names the daemon.
Whoever runs the daemon gives tokens out: `vigie run --tokens FILE`.";
/// How much of an id that is none is repeated.
const LONGEST_ECHO: usize = 100;

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
    #[arg(long, value_parser = When::parse, value_name = "WHEN", allow_hyphen_values = true)]
    until: Option<When>,
    /// It is about the coming deployment, not the current one: where the item is attested for one.
    #[arg(long, conflicts_with = "until")]
    next_deployment: bool,
    /// Takes the attestation of this id back, instead of giving one.
    #[arg(long, value_name = "ID", conflicts_with_all = ["note", "link", "until", "next_deployment"])]
    take_back: Option<String>,
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
    #[arg(long, required_unless_present = "take_back")]
    why: Option<String>,
    /// A reason that is waived, such as `BackupTooOld`; may be given several times.
    #[arg(long = "reason", value_name = "REASON", required_unless_present = "take_back")]
    reasons: Vec<String>,
    /// Until when, at most as far as the item allows: a date, a timestamp, or a period such as `7d`.
    #[arg(long, value_parser = When::parse, value_name = "WHEN", allow_hyphen_values = true, required_unless_present = "take_back")]
    until: Option<When>,
    /// Takes the waiver of this id back, instead of giving one.
    #[arg(long, value_name = "ID", conflicts_with_all = ["why", "reasons", "until"])]
    take_back: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Declares maintenance: for its span, items that fail or can't be seen show as waived under its name,
/// and alerts keep still.
#[derive(Args)]
pub(super) struct Maintain {
    /// Who declares it.
    #[arg(long)]
    who: String,
    /// Why.
    #[arg(long, required_unless_present = "take_back")]
    why: Option<String>,
    /// From when, instead of from now: a date, a timestamp, or a period from now.
    #[arg(long, value_parser = When::parse, value_name = "WHEN", allow_hyphen_values = true)]
    from: Option<When>,
    /// Until when: a date (to its end), a timestamp, or a period from now such as `2h`.
    #[arg(long, value_parser = When::parse, value_name = "WHEN", allow_hyphen_values = true, required_unless_present = "take_back")]
    until: Option<When>,
    /// A section that is meant, with those below it, instead of all; may be given several times.
    #[arg(long = "section", value_name = "ID", value_parser = ItemId::parse)]
    sections: Vec<ItemId>,
    /// Ends the maintenance of this id, instead of declaring any.
    #[arg(long, value_name = "ID", conflicts_with_all = ["why", "from", "until", "sections"])]
    take_back: Option<String>,
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
    #[arg(long, value_parser = past, value_name = "WHEN")]
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    next_deployment: bool,
}

/// The body of `POST /api/v1/items/{id}/waivers`.
#[derive(Serialize)]
struct WaiveBody {
    who: String,
    why: Option<String>,
    reasons: Vec<String>,
    until: Option<Timestamp>,
}

/// The body that takes an act back.
#[derive(Serialize)]
struct TakeBackBody {
    who: String,
}

/// The body of `POST /api/v1/maintenance`.
#[derive(Serialize)]
struct MaintainBody {
    who: String,
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    until: Option<Timestamp>,
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
    let Attest { item, who, note, link, until, next_deployment, take_back, remote } = attest;
    let path = format!("/api/v1/items/{item}/attestations");
    if let Some(id) = take_back {
        let said = format!("the attestation `{id}` of `{item}` is taken back");
        return taken_back(remote, &path, &id, who, said).await;
    }
    let until = match resolved(until, Edge::End) {
        Ok(until) => until,
        Err(why) => return complain(&why),
    };
    let again = said_again(&[("until", until)]);
    let body = AttestBody { who, note, link, until, next_deployment };
    remote.tell(&path, &body, &again, |told| told.spoken(&format!("`{item}` is attested"))).await
}

pub(super) async fn waive(waive: Waive) -> ExitCode {
    let Waive { item, who, why, reasons, until, take_back, remote } = waive;
    let path = format!("/api/v1/items/{item}/waivers");
    if let Some(id) = take_back {
        let said = format!("the waiver `{id}` of `{item}` is taken back");
        return taken_back(remote, &path, &id, who, said).await;
    }
    let until = match resolved(until, Edge::End) {
        Ok(until) => until,
        Err(why) => return complain(&why),
    };
    let again = said_again(&[("until", until)]);
    let body = WaiveBody { who, why, reasons, until };
    remote.tell(&path, &body, &again, |told| told.spoken(&format!("`{item}` is waived"))).await
}

pub(super) async fn maintain(maintain: Maintain) -> ExitCode {
    let Maintain { who, why, from, until, sections, take_back, remote } = maintain;
    let path = "/api/v1/maintenance";
    if let Some(id) = take_back {
        return taken_back(remote, path, &id, who, format!("the maintenance `{id}` is over")).await;
    }
    let span = resolved(from, Edge::Start).and_then(|from| Ok((from, resolved(until, Edge::End)?)));
    let (from, until) = match span {
        Ok(span) => span,
        Err(why) => return complain(&why),
    };
    let again = said_again(&[("from", from), ("until", until)]);
    let body = MaintainBody { who, why, from, until, sections };
    remote.tell(path, &body, &again, |told| told.spoken("maintenance is declared")).await
}

/// Takes the act of this id back, which stands under this path.
async fn taken_back(remote: Remote, path: &str, id: &str, who: String, said: String) -> ExitCode {
    // Ids are of letters that paths bear; of anything else, none would be found.
    if ItemId::parse(id).is_err() {
        return complain(&format!("`{}` is no id of an act", legible(id, LONGEST_ECHO)));
    }
    remote.take_back(&format!("{path}/{id}"), &TakeBackBody { who }, &said).await
}

pub(super) async fn announce(announce: Announce) -> ExitCode {
    let Announce { version, who, environment, started, migration, ticket, notes, remote } =
        announce;
    let said = format!("`{version}` is announced");
    let body = AnnounceBody { version, who, environment, started, migration, ticket, notes };
    remote.tell("/api/v1/deployments", &body, "", |told: &Told| told.spoken(&said)).await
}

/// The options that say the same when they are said again: what was a period from now is a time.
fn said_again(moments: &[(&str, Option<Timestamp>)]) -> String {
    let given = moments.iter().filter_map(|(option, at)| Some((option, (*at)?)));
    given.map(|(option, at)| format!(" --{option} {at}")).collect::<Vec<_>>().concat()
}

fn resolved(when: Option<When>, edge: Edge) -> Result<Option<Timestamp>, String> {
    when.map(|when| when.resolve(edge, Clock::System.now())).transpose()
}
