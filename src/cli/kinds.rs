//! `vigie kinds` and `vigie schema`: documentation from the code itself.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use crate::checks::{KINDS, Kind};
use crate::config::file::File;
use crate::model::finding::Verdict;
use crate::model::measure::Measure;
use crate::model::reason::Documented;

/// Lists the kinds of check.
#[derive(Args)]
pub(super) struct Kinds {
    /// One kind: its parameters, reasons, figures and an example.
    kind: Option<String>,
}

pub(super) fn schema() -> ExitCode {
    let schema = schemars::schema_for!(File);
    match serde_json::to_string_pretty(&schema) {
        Ok(text) => super::print(&(text + "\n")),
        Err(error) => super::complain(&format!("can't write the schema: {error}")),
    }
}

pub(super) fn main(Kinds { kind }: &Kinds) -> ExitCode {
    let Some(name) = kind else { return super::print(&list()) };
    if let Some(kind) = KINDS.iter().find(|kind| kind.name == name) {
        return super::print(&describe(kind));
    }
    let known: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    let hint = crate::config::flaw::expected(name, &known);
    super::complain(&format!("there is no kind `{name}`\n  hint: {hint}"))
}

fn list() -> String {
    KINDS
        .iter()
        .fold(String::new(), |text, kind| text + &format!("{:<16} {}\n", kind.name, summary(kind)))
}

/// The first sentence of the kind's own documentation.
pub(super) fn summary(kind: &Kind) -> String {
    let schema = (kind.schema)().to_value();
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
}

fn describe(kind: &Kind) -> String {
    let schema = (kind.schema)().to_value();
    let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let reasons: Vec<_> = kind.reasons.iter().map(reason).collect();
    let figures: Vec<_> =
        kind.measures.iter().filter(|measure| measure.exported).map(|m| figure(m)).collect();
    format!(
        "{}\n{}\nParameters\n{}\nReasons\n{}\nFigures\n{}\nExample\n{}",
        kind.name,
        indented(about),
        parameters(&schema),
        reasons.concat(),
        figures.concat(),
        indented(kind.example),
    )
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |text, line| text + format!("  {line}").trim_end() + "\n")
}

fn reason(row: &Documented) -> String {
    let verdicts: Vec<_> = row.verdicts.iter().map(|verdict| spoken(*verdict)).collect();
    format!("  {:<26} {:<12} {}\n", row.reason.code(), verdicts.join(", "), row.means)
}

fn figure(measure: &Measure) -> String {
    let labels = [&["item"][..], measure.labels].concat().join(", ");
    format!("  {}{{{labels}}}\n      {}\n", measure.name, measure.help)
}

/// A verdict as the reader of a reason understands it: blind or evidence.
fn spoken(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passes",
        Verdict::Warn => "warns",
        Verdict::Fail => "fails",
        Verdict::Unknown => "unknown",
    }
}

fn parameters(schema: &Value) -> String {
    let required: Vec<_> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut text = String::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let must = if required.contains(&name.as_str()) { " (required)" } else { "" };
        let described = property.get("description").and_then(Value::as_str).unwrap_or_default();
        // Writing to a string can't fail.
        write!(text, "  {name}{must}").ok();
        if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
            write!(text, " (default {default})").ok();
        }
        text.push('\n');
        for line in described.lines() {
            text += format!("      {line}").trim_end();
            text.push('\n');
        }
    }
    text
}
