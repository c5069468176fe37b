//! Every line of the paper is there, in its place, decided as agreed: 150 items, 159 boxes.

use std::collections::BTreeSet;
use std::time::Duration;

use vigie::checklist::Item;
use vigie::config::Configuration;
use vigie::model::duration::Period;
use vigie::model::item::Card;
use vigie::model::schedule::Schedule;

use super::{ENVIRONMENTS, shipped, whole};

/// The lines of the paper that have a box: where it stands there, and what the item must be.
const LINES: &str = include_str!("lines.csv");

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub section: String,
    pub group: Option<String>,
    pub item: String,
    pub kinds: Vec<String>,
    pub mode: String,
    pub severity: String,
    pub every: Duration,
    /// How many boxes it is on paper.
    pub boxes: usize,
}

/// The lines, in the paper's order.
pub fn lines() -> Vec<Line> {
    let read = |row: &str| {
        let cells: Vec<_> = row.split(',').collect();
        let [line, section, group, item, kinds, mode, severity, every] = cells[..] else {
            panic!("`{row}` has not eight cells");
        };
        let number = |text: &str| text.parse::<usize>().expect("a line");
        let boxes = match line.split_once('-') {
            Some((first, last)) => number(last) - number(first) + 1,
            None => 1,
        };
        Line {
            section: section.to_owned(),
            group: Some(group.to_owned()).filter(|group| !group.is_empty()),
            item: item.to_owned(),
            kinds: kinds.split(' ').map(str::to_owned).collect(),
            mode: mode.to_owned(),
            severity: severity.to_owned(),
            every: Period::parse(every).expect("an interval").get(),
            boxes,
        }
    };
    LINES.lines().skip(1).map(read).collect()
}

/// What the configuration makes of a line; no kinds where it does not apply.
fn line(item: &Item) -> Line {
    let Card { id, section, group, severity, mode, kinds, boxes, .. } = &item.card;
    let Schedule::Every(every) = &item.schedule else {
        panic!("{id} is looked at by the calendar")
    };
    let word = |value: serde_json::Value| value.as_str().expect("a word").to_owned();
    Line {
        section: section.to_string(),
        group: group.as_ref().map(ToString::to_string),
        item: id.to_string(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        mode: word(serde_json::to_value(mode).expect("a word")),
        severity: word(serde_json::to_value(severity).expect("a word")),
        every: *every,
        boxes: boxes.len().max(1),
    }
}

#[test]
fn the_paper_has_150_lines_and_159_boxes() {
    let lines = lines();
    assert_eq!(lines.len(), 150);
    let ids: BTreeSet<_> = lines.iter().map(|line| &line.item).collect();
    assert_eq!(ids.len(), 150, "no id stands twice");
    let groups: BTreeSet<_> = lines.iter().filter_map(|line| line.group.as_ref()).collect();
    let boxes: usize = lines.iter().map(|line| line.boxes).sum();
    assert_eq!(boxes + groups.len(), 159);
    let count = |what: fn(&Line) -> bool| lines.iter().filter(|line| what(line)).count();
    assert_eq!(count(|line| line.mode == "attested"), 15);
    assert_eq!(count(|line| line.mode == "auto_attestable"), 6);
    assert_eq!(count(|line| line.severity == "critical"), 60);
    assert_eq!(count(|line| line.severity == "warning"), 64);
}

#[test]
fn each_environment_has_every_line_and_no_other() {
    for environment in ENVIRONMENTS {
        let configuration = whole(environment);
        let items = &configuration.checklist.items;
        let paper = lines();
        let found: Vec<_> = items.iter().map(|item| line(item)).collect();
        for (found, paper) in found.iter().zip(&paper) {
            assert_eq!(found, paper, "{environment}");
        }
        assert_eq!(items.len(), paper.len(), "{environment}");
        let sections = configuration.checklist.sections.iter();
        let groups: usize = sections.map(|section| section.groups.len()).sum();
        let boxes: usize = found.iter().map(|line| line.boxes).sum();
        assert_eq!(boxes + groups, 159, "{environment}");
    }
}

/// What does not apply is there all the same, and nothing else of it differs.
#[test]
fn what_does_not_apply_keeps_its_place() {
    for environment in ENVIRONMENTS {
        for (item, paper) in shipped(environment, &[]).checklist.items.iter().zip(lines()) {
            let mut found = line(item);
            if !item.applies {
                found.kinds.clone_from(&paper.kinds);
            }
            assert_eq!(found, paper, "{environment}");
        }
    }
}

#[test]
fn the_environments_have_a_box_each_in_the_paper_s_order() {
    for environment in ENVIRONMENTS {
        let configuration = shipped(environment, &[]);
        let mut items = configuration.checklist.items.iter();
        let applied =
            items.find(|item| item.card.id.as_str() == "environment-applied").expect("it");
        let names: Vec<_> = applied.card.boxes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ENVIRONMENTS);
    }
}

#[test]
fn what_is_in_the_record_is_believed_at_once() {
    let Configuration { checklist, .. } = shipped("production", &[]);
    let confirmed = |id: &str| {
        let item = checklist.items.iter().find(|item| item.card.id.as_str() == id);
        item.expect(id).damping.confirm_every
    };
    let second = Duration::from_secs(1);
    for id in ["backup-buckets", "load-test", "deployment-recorded", "performance-met"] {
        assert_eq!(confirmed(id), second, "{id}");
    }
    // Which look at something, beside what people say or other items.
    for id in ["api-health", "s3-storage", "environment-applied", "watch-queues"] {
        assert!(confirmed(id) > second, "{id}");
    }
}
