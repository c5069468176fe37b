//! `vigie kinds` and `vigie schema`: documentation from the code itself.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::reference;
use crate::checks::KINDS;
use crate::config::file::File;

/// Lists the kinds of check.
#[derive(Args)]
pub(super) struct Kinds {
    /// One kind: its parameters, reasons, figures and an example.
    kind: Option<String>,
    /// `markdown` prints a page on all kinds.
    #[arg(long, value_enum, default_value_t, conflicts_with = "kind")]
    format: KindsFormat,
}

/// How the kinds are printed.
#[derive(Clone, Copy, Default, ValueEnum)]
enum KindsFormat {
    #[default]
    Text,
    Markdown,
}

/// Prints what a configuration may say.
#[derive(Args)]
pub(super) struct Schema {
    /// A JSON Schema for editors, or a page for people.
    #[arg(long, value_enum, default_value_t)]
    format: SchemaFormat,
}

/// How the schema is printed.
#[derive(Clone, Copy, Default, ValueEnum)]
enum SchemaFormat {
    #[default]
    Json,
    Markdown,
}

pub(super) fn schema(schema: &Schema) -> ExitCode {
    match schema.format {
        SchemaFormat::Markdown => super::print(&reference::configuration_page()),
        SchemaFormat::Json => match serde_json::to_string_pretty(&schemars::schema_for!(File)) {
            Ok(text) => super::print(&(text + "\n")),
            Err(error) => super::complain(&format!("can't write the schema: {error}")),
        },
    }
}

pub(super) fn main(Kinds { kind, format }: &Kinds) -> ExitCode {
    let Some(name) = kind else {
        return match format {
            KindsFormat::Text => super::print(&reference::list()),
            KindsFormat::Markdown => super::print(&reference::kinds_page()),
        };
    };
    if let Some(kind) = KINDS.iter().find(|kind| kind.name == name) {
        return super::print(&reference::kind(kind));
    }
    let known: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    let hint = crate::config::flaw::expected(name, &known);
    super::complain(&format!("there is no kind `{name}`\n  hint: {hint}"))
}
