//! `vigie check-config`: all mistakes, or what the configuration amounts to.

use std::process::ExitCode;

use super::Files;
use crate::model::counted::counted;
use crate::model::item::Severity;

pub(super) fn main(files: &Files) -> ExitCode {
    let configuration = match super::load(files) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    let items = &configuration.checklist.items;
    let of = |severity| {
        items.iter().filter(|item| item.applies && item.card.severity == severity).count()
    };
    let elsewhere = items.iter().filter(|item| !item.applies).count();
    super::print(&format!(
        "{} in {} for environment `{}`: {} critical, {} warning, {} info, {elsewhere} not applicable\n",
        counted(items.len(), "item"),
        counted(configuration.checklist.sections.len(), "section"),
        configuration.settings.environment,
        of(Severity::Critical),
        of(Severity::Warning),
        of(Severity::Info),
    ))
}
