//! What the files say of human acts: who may attest an item, how long it may be waived, and which
//! maintenance is planned.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use sha2::{Digest, Sha256};

use super::compile::known;
use super::file::{ItemEntry, MaintenanceEntry};
use super::flaw::Flaw;
use super::yaml::{Node, Position, Problem};
use crate::checks::{AnyCheck, codes};
use crate::model::acts::Maintenance;
use crate::model::duration::Period;
use crate::model::finding::Verdict;
use crate::model::item::{Mode, Severity};
use crate::model::judgement::legible;

/// The furthest end of a waiver of a critical item, where nothing is said.
const CRITICAL_FOR: Duration = Duration::from_hours(7 * 24);
/// How much of a word that nobody knows is repeated.
const LONGEST_ECHO: usize = 100;
/// The same of other items.
const OTHERS_FOR: Duration = Duration::from_hours(30 * 24);

/// The furthest end of a waiver, from when it is given; none is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaivableFor(Option<Period>);

impl<'de> Deserialize<'de> for WaivableFor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        if text == "never" {
            return Ok(Self(None));
        }
        let period = Period::parse(&text)
            .map_err(|expected| de::Error::custom(format!("{expected}, or `never`")))?;
        Ok(Self(Some(period)))
    }
}

impl JsonSchema for WaivableFor {
    fn schema_name() -> Cow<'static, str> {
        "WaivableFor".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let period = generator.subschema_for::<Period>();
        json_schema!({ "oneOf": [{ "const": "never" }, period] })
    }
}

/// How long an item may be waived; none is never.
pub(super) fn waivable_for(written: Option<WaivableFor>, severity: Severity) -> Option<Duration> {
    match (written, severity) {
        (Some(WaivableFor(period)), _) => period.map(Period::get),
        (None, Severity::Critical) => Some(CRITICAL_FOR),
        (None, Severity::Warning | Severity::Info) => Some(OTHERS_FOR),
    }
}

/// What a person's word is held against, where one may stand in for the checks. Says what does not
/// fit the item's mode.
pub(super) fn word(
    file: &Path,
    node: &Node,
    entry: &ItemEntry,
    checks: &[AnyCheck],
    applies: bool,
    flaws: &mut Vec<Flaw>,
) -> Option<AnyCheck> {
    let attested = checks.iter().filter(|check| matches!(check, AnyCheck::Attestation(_))).count();
    let problem = match entry.mode {
        // What is wrong with the checks themselves is told already.
        Mode::Attested if applies && !checks.is_empty() && (attested != 1 || checks.len() != 1) => {
            Some((
                "checks",
                "an item of mode `attested` is decided by a person alone",
                "let `attestation` be its only check, or make its mode `auto_attestable`",
            ))
        }
        Mode::Auto | Mode::AutoAttestable if attested > 0 => Some((
            "checks",
            "the check `attestation` is for items of mode `attested`",
            "where a person's word may stand in for the checks, write `mode: auto_attestable`, and \
             `attestation` beside `checks`",
        )),
        Mode::Auto | Mode::Attested if entry.attestation.is_some() => Some((
            "attestation",
            "`attestation` of an item is for those of mode `auto_attestable`",
            "write `mode: auto_attestable`, or take it out",
        )),
        Mode::AutoAttestable if entry.attestation.is_none() => Some((
            "mode",
            "an item of mode `auto_attestable` says for how long a person's word is valid",
            "write `attestation: { valid_for: 180d }` beside `checks`",
        )),
        Mode::Auto | Mode::Attested | Mode::AutoAttestable => None,
    };
    if let Some((key, message, hint)) = problem {
        flaws.push(Flaw::new(file, Problem::at(node.place_of(key), message).hint(hint)));
    }
    let names = |check: &AnyCheck| !check.answers().is_empty();
    let alone = checks.iter().any(names);
    if alone {
        let message = "`answers` has no meaning here: no check looks at the item";
        let hint = "take it out, or make the mode `auto_attestable`";
        flaws.push(Flaw::new(file, Problem::at(node.place_of("checks"), message).hint(hint)));
    }
    let word = entry.attestation.clone().filter(|_| applies)?;
    let at = node.place_of("attestation");
    if !checks.is_empty() {
        let kinds: Vec<&str> = checks.iter().map(AnyCheck::kind).collect();
        let can = codes(&kinds, &[Verdict::Warn, Verdict::Fail]);
        let strangers = word.answers().iter().filter(|code| !can.contains(code.as_str()));
        flaws.extend(strangers.map(|code| {
            let code = legible(code, LONGEST_ECHO);
            let message = format!("`answers`: no check of the item fails or warns for `{code}`");
            let hint = known(&code, can.iter().copied());
            Flaw::new(file, Problem::at(at, message).hint(hint))
        }));
    }
    let word = AnyCheck::Attestation(word);
    flaws.extend(word.flaws().into_iter().map(|flaw| Flaw::new(file, Problem::at(at, flaw))));
    Some(word)
}

/// The spans of one file, each with its place.
pub(super) fn spans(
    path: &Path,
    root: &Node,
    entries: Vec<MaintenanceEntry>,
    flaws: &mut Vec<Flaw>,
) -> Vec<(PathBuf, Position, MaintenanceEntry)> {
    let nodes = root.get("maintenance").map(Node::elements).unwrap_or_default();
    let mut spans = Vec::with_capacity(entries.len());
    for (node, entry) in nodes.iter().zip(entries) {
        if entry.until <= entry.from {
            let message = "the maintenance ends before it begins";
            flaws.push(Flaw::new(path, Problem::at(node.place_of("until"), message)));
        }
        spans.push((path.to_owned(), node.at, entry));
    }
    spans
}

/// The spans as they are recorded; the same words have the same id.
pub(super) fn maintenance(spans: &[(PathBuf, Position, MaintenanceEntry)]) -> Vec<Maintenance> {
    let act = |(_, _, entry): &(PathBuf, Position, MaintenanceEntry)| {
        let MaintenanceEntry { from, until, sections, why } = entry.clone();
        let digest = Sha256::digest(format!("{from} {until} {sections:?} {why}"));
        Maintenance {
            id: format!("configured-{}", hex::encode(&digest[..6])),
            who: None,
            token: None,
            at: from,
            from,
            until,
            sections,
            why,
            ended: None,
        }
    };
    spans.iter().map(act).collect()
}
