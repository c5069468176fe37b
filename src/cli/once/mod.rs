//! `vigie once`: every item one time, no damping.

mod junit;
mod ledger;
mod outcome;
mod progress;
mod records;
mod text;

use std::collections::{BTreeSet, HashSet};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use futures::StreamExt;
use futures::stream;

use super::{BAD_USAGE, Files};
use crate::checklist::{Checklist, Item};
use crate::config::Configuration;
use crate::engine::{self, Looked};
use crate::model::item::{ItemId, Severity};
use crate::model::past::Past;
use crate::model::records::Records;
use crate::model::report::{Cause, Report};
use crate::systems::Systems;
use crate::systems::clock::Clock;
use crate::systems::programs::Programs;
use crate::views::markdown;
use ledger::Ledger;
use outcome::{Outcome, Summary};
use progress::Progress;
use records::Record;

/// Items that are looked at side by side.
const AT_ONCE: usize = 32;

/// Looks at every item one time and prints what was found.
#[derive(Args)]
pub(super) struct Once {
    #[command(flatten)]
    files: Files,
    /// Only this item; may be given several times.
    #[arg(long, value_name = "ID")]
    item: Vec<String>,
    /// Only this section; may be given several times.
    #[arg(long, value_name = "ID")]
    section: Vec<String>,
    /// How the outcome is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where people's words and the deployment are recorded: the URL of a running Vigie of this
    /// environment, or its data folder. Without it, what depends on them does not apply.
    #[arg(long, value_name = "URL|DIR")]
    records: Option<String>,
    /// The least severity whose items decide the exit code.
    #[arg(long, value_enum, default_value_t = Severity::Info, value_name = "SEVERITY")]
    fail_on: Severity,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For a pipeline's test report.
    Junit,
    /// The paper checklist, all its boxes, ticked, with the evidence behind each.
    Markdown,
}

pub(super) async fn main(once: Once) -> ExitCode {
    let Once { files, item, section, format, records, fail_on } = once;
    let configuration = match super::load(&files) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    let selected = match select(&configuration.checklist, &item, &section) {
        Ok(selected) => selected,
        Err(message) => return super::complain(&message),
    };
    let environment = &configuration.settings.environment;
    let record = match &records {
        Some(place) => match records::read(place, environment).await {
            Ok(record) => Some(record),
            Err(message) => return super::complain(&message),
        },
        None => None,
    };
    let from = record.as_ref().map(|record| record.from.clone());
    let ledger = look(&configuration, &selected, record).await;
    let (snapshot, now) = (ledger.snapshot(), Clock::System.now());
    let outcomes = Outcome::all(snapshot, now);
    let summary = Summary::of(&outcomes, ledger.unrecorded(), fail_on);
    let sections = &configuration.checklist.sections;
    let printed = match format {
        Format::Text => Ok(text::print(sections, &outcomes, &summary)),
        Format::Json => outcome::json(environment, &outcomes, &summary),
        Format::Junit => junit::render(sections, &outcomes),
        Format::Markdown => Ok(markdown::checklist(snapshot, &remarks(from, &summary), now)),
    };
    match printed {
        Ok(text) if super::print(&text) == ExitCode::SUCCESS => ExitCode::from(summary.exit_code()),
        Ok(_) => ExitCode::from(BAD_USAGE),
        Err(message) => super::complain(&message),
    }
}

/// How the checklist came to be, for whoever reads it later.
fn remarks(records_from: Option<String>, summary: &Summary) -> Vec<String> {
    let told = records_from
        .map(|place| format!("People's words and the deployment are those that {place} records."));
    let first = "Each line was looked at one time, by `vigie once`.".to_owned();
    [first].into_iter().chain(told).chain(summary.unrecorded()).collect()
}

/// The items that were asked for, in file order; all of them where nothing was.
fn select(
    checklist: &Checklist,
    items: &[String],
    sections: &[String],
) -> Result<Vec<Arc<Item>>, String> {
    let item_ids: Vec<_> = checklist.items.iter().map(|item| item.card.id.as_str()).collect();
    let section_ids: Vec<_> =
        checklist.sections.iter().map(|section| section.id.as_str()).collect();
    for (noun, wanted, known) in [("item", items, &item_ids), ("section", sections, &section_ids)] {
        if let Some(stranger) = wanted.iter().find(|id| !known.contains(&id.as_str())) {
            let hint = crate::config::flaw::expected(stranger, known);
            return Err(format!("there is no {noun} `{stranger}`\n  hint: {hint}"));
        }
    }
    let everything = items.is_empty() && sections.is_empty();
    let wanted = |item: &&Arc<Item>| {
        everything
            || items.iter().any(|id| item.card.id.as_str() == id)
            || sections.iter().any(|id| item.card.section.as_str() == id)
    };
    Ok(checklist.items.iter().filter(wanted).map(Arc::clone).collect())
}

/// The selected items, and those that they roll up: what is worked out from others needs them.
fn with_members(checklist: &Checklist, selected: &[Arc<Item>]) -> Vec<Arc<Item>> {
    let mut chosen: HashSet<&ItemId> = HashSet::new();
    let mut left: Vec<&Arc<Item>> = selected.iter().collect();
    while let Some(item) = left.pop() {
        if chosen.insert(&item.card.id) {
            left.extend(item.needs.items.iter().filter_map(|id| checklist.item(id)));
        }
    }
    checklist.items.iter().filter(|item| chosen.contains(&item.card.id)).cloned().collect()
}

/// Looks at the items, each after those it depends on and those it rolls up.
async fn look(
    configuration: &Configuration,
    selected: &[Arc<Item>],
    record: Option<Record>,
) -> Ledger {
    let items = with_members(&configuration.checklist, selected);
    let connections = &configuration.settings.connections;
    let systems =
        Systems { programs: Programs::here(), ..Systems::new(connections, Clock::System) };
    let watches =
        items.iter().filter(|item| item.applies).flat_map(|item| item.needs.watches.clone());
    systems.keep(&watches.collect(), configuration.checklist.demands(connections));
    let progress = Progress::start(items.len());
    let mut ledger = Ledger::new(configuration, &items, record, Clock::System.now());
    let mut unlooked: HashSet<_> = items.iter().map(|item| item.card.id.clone()).collect();
    let mut left = items;
    while !left.is_empty() {
        let (ready, waiting): (Vec<_>, Vec<_>) = left.into_iter().partition(|item| {
            let mut before = item.depends_on.iter().chain(&item.needs.items);
            before.all(|id| !unlooked.contains(id))
        });
        for report in wave(&systems, &mut ledger, &ready, &progress).await {
            ledger.conclude(report, Clock::System.now());
        }
        for item in ready {
            unlooked.remove(&item.card.id);
        }
        left = waiting;
    }
    progress.finish();
    let wanted: BTreeSet<_> = selected.iter().map(|item| item.card.id.clone()).collect();
    ledger.retain(&wanted);
    ledger
}

/// Looks at items of which none waits for another.
async fn wave(
    systems: &Systems,
    ledger: &mut Ledger,
    items: &[Arc<Item>],
    progress: &Progress,
) -> Vec<Report> {
    let now = Clock::System.now();
    let mut due = Vec::with_capacity(items.len());
    for item in items {
        if ledger.wants_look(item, now) {
            due.push((Arc::clone(item), ledger.records(item, now)));
        } else {
            progress.looked(&item.card.id);
        }
    }
    stream::iter(due)
        .map(|(item, records)| async move {
            let report = one(systems, &item, &records).await;
            progress.looked(&item.card.id);
            report
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// One look at one item.
async fn one(systems: &Systems, item: &Item, records: &Records) -> Report {
    systems.settle(&item.needs.watches, item.timeout).await;
    let started = systems.clock.now();
    let began = tokio::time::Instant::now();
    let Looked { checks, word } =
        engine::look(systems, item, records, &Past::of_a_single_look(), started).await;
    Report {
        item: item.card.id.clone(),
        generation: 0,
        cause: Cause::Asked,
        started,
        took: began.elapsed(),
        checks,
        word,
    }
}
