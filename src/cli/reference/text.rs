//! A kind of check, for a terminal.

use super::field::Field;
use super::verdicts;
use crate::checks::Kind;
use crate::model::measure::Measure;
use crate::model::reason::Documented;

pub(super) fn kind(kind: &Kind, about: &str, fields: &[Field]) -> String {
    let reasons: Vec<_> = kind.reasons.iter().map(reason).collect();
    let figures: Vec<_> =
        kind.measures.iter().filter(|measure| measure.exported).map(|m| figure(m)).collect();
    let figures =
        if figures.is_empty() { String::new() } else { format!("Figures\n{}\n", figures.concat()) };
    format!(
        "{}\n{}\nParameters\n{}\nReasons\n{}\n{figures}Example\n{}",
        kind.name,
        indented(about, "  "),
        parameters(fields, "  "),
        reasons.concat(),
        indented(kind.example, "  "),
    )
}

fn indented(text: &str, by: &str) -> String {
    text.lines().fold(String::new(), |text, line| text + format!("{by}{line}").trim_end() + "\n")
}

fn reason(row: &Documented) -> String {
    format!("  {:<26} {:<12} {}\n", row.reason.code(), verdicts(row), row.means)
}

fn figure(measure: &Measure) -> String {
    let labels = [&["item"][..], measure.labels].concat().join(", ");
    format!("  {}{{{labels}}}\n      {}\n", measure.name, measure.help)
}

fn parameters(fields: &[Field], by: &str) -> String {
    let deeper = format!("{by}    ");
    let field = |text: String, field: &Field| {
        let Field { name, required, takes, default, about, choices, fields } = field;
        let required = if *required { ", required" } else { "" };
        let default = default.as_ref().map(|it| format!(", default {it}")).unwrap_or_default();
        let head = format!("{by}{name} ({takes}{required}{default})\n");
        let choices: String = choices.iter().map(|choice| word(choice, &deeper)).collect();
        text + &head + &indented(about, &deeper) + &choices + &parameters(fields, &deeper)
    };
    fields.iter().fold(String::new(), field)
}

fn word((word, about): &(String, String), by: &str) -> String {
    let about = about.replace('\n', " ");
    let line = format!("{by}- {word}");
    if about.is_empty() { line + "\n" } else { format!("{line}: {about}\n") }
}
