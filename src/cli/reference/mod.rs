//! What may be written in a configuration, told from the code's own documentation.
//!
//! Law: nothing is said here that the JSON Schema of the types does not say.

mod field;
mod markdown;
mod text;

use schemars::Schema;
use serde_json::Value;

use crate::checks::{KINDS, Kind};
use crate::config::file::File;
use crate::model::finding::Verdict;
use crate::model::reason::Documented;

/// The kinds of check, one a line.
pub(super) fn list() -> String {
    KINDS
        .iter()
        .fold(String::new(), |text, kind| text + &format!("{:<16} {}\n", kind.name, summary(kind)))
}

/// One kind, for a terminal: its parameters, reasons, figures and an example.
pub(super) fn kind(kind: &Kind) -> String {
    text::kind(kind, &about(&(kind.schema)()), &field::fields(&(kind.schema)()))
}

/// All kinds, as a page of documentation.
pub(super) fn kinds_page() -> String {
    markdown::kinds(KINDS.iter().map(|kind| {
        let schema = (kind.schema)();
        (kind, about(&schema), field::fields(&schema))
    }))
}

/// The keys of a configuration file, as a page of documentation.
pub(super) fn configuration_page() -> String {
    let schema = schemars::schema_for!(File);
    markdown::configuration(&about(&schema), &field::fields(&schema))
}

/// The first paragraph of the kind's own documentation.
fn summary(kind: &Kind) -> String {
    let text = about(&(kind.schema)());
    text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
}

fn about(schema: &Schema) -> String {
    let about = schema.get("description").and_then(Value::as_str);
    about.unwrap_or_default().to_owned()
}

/// What comes with a reason, as its reader understands it: evidence, blindness, or patience.
fn verdicts(row: &Documented) -> String {
    let spoken = |verdict: &Verdict| match verdict {
        Verdict::Pass => "passes",
        Verdict::Warn => "warns",
        Verdict::Fail => "fails",
        Verdict::Unknown if row.reason.is_not_yet() => "pending",
        Verdict::Unknown => "unknown",
    };
    row.verdicts.iter().map(spoken).collect::<Vec<_>>().join(", ")
}
