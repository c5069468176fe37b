//! The outcome for people: the checklist with its standings, what is wrong spelled out.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};

use super::outcome::{Outcome, Summary};
use crate::model::item::Section;
use crate::model::standing::Standing;

/// Renders sections and items; colours where standard output is a terminal that wants them.
pub(super) fn print(sections: &[Section], outcomes: &[Outcome<'_>], summary: &Summary) -> String {
    let coloured = std::io::stdout().is_terminal()
        && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    let mut text = String::new();
    for section in sections {
        let of_section: Vec<_> =
            outcomes.iter().filter(|outcome| outcome.card.section == section.id).collect();
        if of_section.is_empty() {
            continue;
        }
        let bold = if coloured { Style::new().bold() } else { Style::new() };
        let lines: Vec<_> = of_section.iter().map(|outcome| line(outcome, coloured)).collect();
        let heading = format!("{bold}{}{bold:#}", section.title);
        text += &[heading.as_str(), "\n", &lines.concat(), "\n"].concat();
    }
    let unrecorded = summary.unrecorded().map(|said| said + "\n").unwrap_or_default();
    text + &summary.spoken() + "\n" + &unrecorded
}

fn line(outcome: &Outcome<'_>, coloured: bool) -> String {
    let Outcome { card, standing, reason, because, attested, .. } = outcome;
    let (mark, colour) = match standing {
        Standing::Passing => ("✓", AnsiColor::Green),
        Standing::Warning | Standing::Waived => ("!", AnsiColor::Yellow),
        Standing::Failing => ("✗", AnsiColor::Red),
        Standing::Unknown => ("?", AnsiColor::Magenta),
        Standing::Pending => ("…", AnsiColor::Blue),
        Standing::NotApplicable => ("–", AnsiColor::BrightBlack),
    };
    let style = if coloured { colour.on_default() } else { Style::new() };
    let head = format!("  {style}{mark}{style:#} {}", card.title);
    match (standing, reason) {
        // A person's word is told with the name.
        (Standing::Passing, _) if !attested => head + "\n",
        (Standing::Passing | Standing::NotApplicable, _) | (_, None) => {
            format!("{head}\n      {because}\n")
        }
        (_, Some(reason)) => {
            format!(
                "{head}\n      {style}{standing} {reason}{style:#} {}\n      {because}\n",
                card.id
            )
        }
    }
}
