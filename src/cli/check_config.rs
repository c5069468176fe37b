//! `vigie check-config`: all mistakes, or what the configuration amounts to.

use std::process::ExitCode;

use super::Files;
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
        "{} items in {} sections for environment `{}`: {} critical, {} warning, {} info, {elsewhere} not applicable\n",
        items.len(),
        configuration.checklist.sections.len(),
        configuration.settings.environment,
        of(Severity::Critical),
        of(Severity::Warning),
        of(Severity::Info),
    ))
}
