//! The shipped checklist as it is printed: the paper's 159 boxes, in the paper's order, whatever
//! the environment, and nothing ticked that nobody has looked at.

use std::sync::Arc;

use vigie::board::{Board, Event, Layout, Seed};
use vigie::config::Configuration;
use vigie::model::snapshot::Snapshot;
use vigie::views::markdown;

use super::lines::lines;
use super::{ENVIRONMENTS, shipped, whole};
use crate::fixtures::now;

/// What a daemon shows of it before anybody has looked.
fn unlooked(configuration: &Configuration) -> Snapshot {
    let items = configuration.checklist.items.iter().map(|item| Seed {
        card: item.card.clone(),
        schedule: item.schedule.clone(),
        timeout: item.timeout,
        damping: item.damping,
        depends_on: item.depends_on.clone(),
        watches: item.needs.watches.clone(),
        limits: item.limits.clone(),
        terms: item.needs.attestation,
        waivable_for: item.waivable_for,
        applies: item.applies,
        generation: 0,
        fingerprint: item.fingerprint,
        parameters: Arc::clone(&item.parameters),
        remembered: None,
    });
    let layout = Layout {
        environment: configuration.settings.environment.clone(),
        sections: Arc::clone(&configuration.checklist.sections),
        items: items.collect(),
        maintenance: vec![],
    };
    let board = Board::default();
    board.apply(Event::Configured(layout), now());
    board.snapshot()
}

/// Whether each box is indented, and the id behind its text, as they are printed.
fn boxes(text: &str) -> Vec<(bool, String)> {
    let of_line = |line: &str| {
        let own = line.trim_start().strip_prefix("- [ ] ")?;
        let id = own.trim_end_matches('`').rsplit('`').next().expect("an id");
        Some((line.starts_with(' '), id.to_owned()))
    };
    text.lines().filter_map(of_line).collect()
}

/// The same as the paper has them: a group's box before its first item.
fn papers() -> Vec<(bool, String)> {
    let mut boxes: Vec<(bool, String)> = Vec::new();
    for line in lines() {
        if let Some(group) = &line.group
            && !boxes.iter().any(|(_, id)| id == group)
        {
            boxes.push((false, group.clone()));
        }
        boxes.extend((0..line.boxes).map(|_| (line.group.is_some(), line.item.clone())));
    }
    boxes
}

#[test]
fn each_environment_prints_the_papers_159_boxes() {
    assert_eq!(papers().len(), 159);
    for environment in ENVIRONMENTS {
        for configuration in [whole(environment), shipped(environment, &[])] {
            let text = markdown::checklist(&unlooked(&configuration), &[], now());
            assert_eq!(boxes(&text), papers(), "{environment}");
            assert!(text.contains("| of 150 items | |\n"), "{environment}");
            assert!(!text.contains("- [x]"), "{environment}: nobody has looked");
        }
    }
}
