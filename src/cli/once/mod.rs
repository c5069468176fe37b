//! `vigie once`: every item one time, no damping.

mod junit;
mod outcome;
mod progress;
mod text;

use std::collections::{BTreeMap, HashSet};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use futures::StreamExt;
use futures::stream;

use super::{BAD_USAGE, Files};
use crate::checklist::{Checklist, Item};
use crate::config::Configuration;
use crate::model::item::{ItemId, Severity};
use crate::model::records::{Member, Records};
use crate::model::standing::{Shown, Standing};
use crate::systems::Systems;
use crate::systems::clock::Clock;
use crate::systems::programs::Programs;
use outcome::{Outcome, Summary};
use progress::Progress;

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
}

pub(super) async fn main(once: Once) -> ExitCode {
    let Once { files, item, section, format, fail_on } = once;
    let configuration = match super::load(&files) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    let selected = match select(&configuration.checklist, &item, &section) {
        Ok(selected) => selected,
        Err(message) => return super::complain(&message),
    };
    let outcomes = look(&configuration, selected).await;
    let summary = Summary::of(&outcomes, fail_on);
    let sections = &configuration.checklist.sections;
    let printed = match format {
        Format::Text => Ok(text::print(sections, &outcomes, &summary)),
        Format::Json => outcome::json(&configuration.settings.environment, &outcomes, &summary),
        Format::Junit => junit::render(sections, &outcomes),
    };
    match printed {
        Ok(text) if super::print(&text) == ExitCode::SUCCESS => ExitCode::from(summary.exit_code()),
        Ok(_) => ExitCode::from(BAD_USAGE),
        Err(message) => super::complain(&message),
    }
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

/// Looks at the items, each after those it depends on.
async fn look(configuration: &Configuration, items: Vec<Arc<Item>>) -> Vec<Outcome> {
    let connections = &configuration.settings.connections;
    let systems =
        Systems { programs: Programs::here(), ..Systems::new(connections, Clock::System) };
    let watches =
        items.iter().filter(|item| item.applies).flat_map(|item| item.needs.watches.clone());
    systems.keep(&watches.collect(), configuration.checklist.demands(connections));
    let progress = Progress::start(items.len());
    let order: Vec<_> = items.iter().map(|item| item.card.id.clone()).collect();
    let chosen: HashSet<_> = order.iter().cloned().collect();
    let mut done: BTreeMap<ItemId, Outcome> = BTreeMap::new();
    let mut left = items;
    while !left.is_empty() {
        let (ready, waiting): (Vec<_>, Vec<_>) = left.into_iter().partition(|item| {
            let mut before = item.depends_on.iter().chain(&item.needs.items);
            before.all(|id| !chosen.contains(id) || done.contains_key(id))
        });
        let wave: Vec<_> = stream::iter(ready)
            .map(|item| {
                let culprit = culprit(&item, &done);
                let records = records(configuration, &item, &done);
                let (systems, progress) = (&systems, &progress);
                async move {
                    let outcome = outcome::look(systems, &item, culprit, &records).await;
                    progress.looked(&outcome);
                    outcome
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        done.extend(wave.into_iter().map(|outcome| (outcome.card.id.clone(), outcome)));
        left = waiting;
    }
    progress.finish();
    order.iter().filter_map(|id| done.remove(id)).collect()
}

/// What an item can read of this run: how those stand that it rolls up.
fn records(
    configuration: &Configuration,
    item: &Item,
    done: &BTreeMap<ItemId, Outcome>,
) -> Records {
    let seen = item.needs.items.iter().filter_map(|id| done.get(id));
    let members = seen.map(|outcome| Member {
        id: outcome.card.id.clone(),
        shown: Shown {
            standing: outcome.standing,
            reason: outcome.reason,
            because: outcome.because.clone(),
            since: Clock::System.now(),
        },
    });
    Records {
        environment: configuration.settings.environment.clone(),
        members: members.collect(),
        ..Records::default()
    }
}

/// The dependency that keeps an item from being looked at.
fn culprit(item: &Item, done: &BTreeMap<ItemId, Outcome>) -> Option<ItemId> {
    let broken = |id: &&ItemId| {
        done.get(*id).is_some_and(|outcome| {
            matches!(outcome.standing, Standing::Failing | Standing::Unknown)
        })
    };
    item.depends_on.iter().find(broken).cloned()
}
