//! The same as pages of documentation.

use super::field::Field;
use super::verdicts;
use crate::checks::Kind;
use crate::model::measure::Measure;
use crate::model::reason::Documented;

const KINDS_HEAD: &str = "# Kinds of check

Written by `vigie kinds --format markdown`: change the code, not this page.

A reason *fails* or *warns* where the claim was seen not to hold, and leaves the item *unknown* where it could not be seen.
";

const CONFIGURATION_HEAD: &str = "# Configuration

Written by `vigie schema --format markdown`: change the code, not this page. What a check takes stands in
[kinds of check](kinds.md).
";

/// A page on every kind.
pub(super) fn kinds<'k>(
    kinds: impl Iterator<Item = (&'k Kind, String, Vec<Field>)> + Clone,
) -> String {
    let index = kinds.clone().map(|(kind, ..)| format!("[`{0}`](#{0})", kind.name));
    let index = index.collect::<Vec<_>>().join(" · ");
    let pages: String = kinds.map(|(kind, about, fields)| section(kind, &about, &fields)).collect();
    format!("{KINDS_HEAD}\n{index}\n{pages}")
}

/// A page on the keys of a configuration file.
pub(super) fn configuration(about: &str, fields: &[Field]) -> String {
    format!("{CONFIGURATION_HEAD}\n{}\n\n{}", flowing(about), parameters(fields, 0))
}

fn section(kind: &Kind, about: &str, fields: &[Field]) -> String {
    let reasons: String = kind.reasons.iter().map(reason).collect();
    let figures: String =
        kind.measures.iter().filter(|measure| measure.exported).map(|m| figure(m)).collect();
    let figures = if figures.is_empty() { String::new() } else { format!("\n{figures}") };
    format!(
        "\n## {}\n\n{}\n\n```yaml\n{}```\n\n{}\n| reason | | |\n|---|---|---|\n{reasons}{figures}",
        kind.name,
        paragraphs(about),
        kind.example,
        parameters(fields, 0),
    )
}

/// Lines of a paragraph joined: the page flows as wide as the reader wants.
fn flowing(text: &str) -> String {
    text.replace('\n', " ")
}

fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(flowing).collect::<Vec<_>>().join("\n\n")
}

fn reason(row: &Documented) -> String {
    format!("| `{}` | {} | {} |\n", row.reason.code(), verdicts(row), row.means)
}

fn figure(measure: &Measure) -> String {
    let labels = [&["item"][..], measure.labels].concat().join(", ");
    format!("- `{}{{{labels}}}`: {}\n", measure.name, measure.help)
}

fn parameters(fields: &[Field], depth: usize) -> String {
    let by = "  ".repeat(depth);
    let field = |text: String, field: &Field| {
        let Field { name, required, takes, default, about, choices, fields } = field;
        let required = if *required { ", required" } else { "" };
        let default = default.as_ref().map(|it| format!(", default `{it}`")).unwrap_or_default();
        let head = format!("{by}- **`{name}`** ({takes}{required}{default}): {}\n", flowing(about));
        let choices: String = choices.iter().map(|choice| word(choice, depth + 1)).collect();
        text + &head + &choices + &parameters(fields, depth + 1)
    };
    fields.iter().fold(String::new(), field)
}

fn word((word, about): &(String, String), depth: usize) -> String {
    let by = "  ".repeat(depth);
    let about = flowing(about);
    let line = format!("{by}- `{word}`");
    if about.is_empty() { line + "\n" } else { format!("{line}: {about}\n") }
}
