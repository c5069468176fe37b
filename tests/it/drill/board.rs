//! The whole board, and how it differs from what it should be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use vigie_sim::town::Turn;

use super::configuration::COSTLY_ITEMS;

/// How every item stands at one moment.
#[derive(Clone, Debug, Default)]
pub struct Board(BTreeMap<String, Line>);

/// How an item stands.
#[derive(Clone, Debug)]
struct Line {
    standing: String,
    /// Empty while it passes.
    reason: String,
    because: String,
    since: String,
    last_attempt: Option<Timestamp>,
}

impl Board {
    /// What `/api/v1/checklist` says.
    pub fn read(checklist: &Value) -> Self {
        let sections = checklist["sections"].as_array().expect("sections").iter();
        let items = sections.flat_map(|section| section["items"].as_array().expect("items"));
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // A machine that is busy with other tests is slow, which says nothing of the town.
        let slow = |item: &Value| item["reason"] == "TooSlow" && item["standing"] == "warning";
        let line = |item: &Value| Line {
            standing: if slow(item) { "passing".to_owned() } else { word(&item["standing"]) },
            reason: if slow(item) { String::new() } else { word(&item["reason"]) },
            because: word(&item["because"]),
            since: word(&item["since"]),
            last_attempt: item["last_attempt"].as_str().map(|at| at.parse().expect("a time")),
        };
        Self(items.map(|item| (word(&item["id"]), line(item))).collect())
    }

    /// Each item's standing and reason.
    pub fn standings(&self) -> BTreeMap<String, (String, String)> {
        let lines = self.0.iter();
        lines.map(|(id, line)| (id.clone(), (line.standing.clone(), line.reason.clone()))).collect()
    }

    /// The items whose standing is none of these, each in a sentence.
    pub fn others_than(&self, standings: &[&str]) -> Vec<String> {
        let other = |(_, line): &(&String, &Line)| !standings.contains(&line.standing.as_str());
        self.0.iter().filter(other).map(|(id, line)| line.told(id)).collect()
    }

    /// The items that are pending though they are not decided at the end of a watch alone, each in a
    /// sentence.
    pub fn undecided(&self) -> Vec<String> {
        let waits = |line: &Line| line.because.starts_with("is decided when the watch");
        let pending = self.0.iter().filter(|(_, line)| line.standing == "pending");
        pending.filter(|(_, line)| !waits(line)).map(|(id, line)| line.told(id)).collect()
    }

    /// What is otherwise than on the `healthy` board after these turns; nothing, where all is as it
    /// should be.
    pub fn differences(&self, healthy: &Self, turns: &[Turn]) -> Vec<String> {
        let mut differences = Vec::new();
        for (id, line) in &self.0 {
            let before = healthy.0.get(id).map(|line| (&*line.standing, &*line.reason));
            let turn = turns.iter().find(|turn| turn.item == id);
            let wanted = turn.map(|turn| (turn.standing, turn.reason)).or(before);
            if wanted != Some((&*line.standing, &*line.reason)) {
                let (standing, reason) = wanted.unwrap_or(("absent", ""));
                differences.push(format!("{}, wanted {standing} {reason}", line.told(id)));
            }
        }
        let absent = |id: &str| !self.0.contains_key(id);
        let named = turns.iter().map(|turn| turn.item).filter(|id| absent(id));
        let before = healthy.0.keys().map(String::as_str).filter(|id| absent(id));
        differences.extend(named.chain(before).map(|id| format!("{id}: there is no such item")));
        differences
    }

    /// The items that have turned since another board, be it for a moment.
    pub fn turned_since(&self, before: &Self) -> Vec<&str> {
        let since = |id: &str| before.0.get(id).map(|line| &*line.since);
        let turned = self.0.iter().filter(|(id, line)| since(id) != Some(&*line.since));
        turned.map(|(id, _)| id.as_str()).collect()
    }

    /// The items that stand otherwise than before, or since another time, each in a sentence.
    pub fn lost(&self, before: &Self) -> Vec<String> {
        let stands = |line: &Line| (line.standing.clone(), line.reason.clone(), line.since.clone());
        let told = |(id, line): (&String, &Line)| {
            let was = before.0.get(id)?;
            let told = || format!("{} since {}, was {}", line.told(id), line.since, was.told(id));
            (stands(line) != stands(was)).then(told)
        };
        self.0.iter().filter_map(told).collect()
    }

    /// Whether an item has turned so.
    pub fn has(&self, turn: &Turn) -> bool {
        let line = self.0.get(turn.item);
        line.is_some_and(|line| line.standing == turn.standing && line.reason == turn.reason)
    }

    /// The items that were not looked at since, of those that are looked at all the time.
    pub fn not_seen_since(&self, at: Timestamp) -> Vec<&str> {
        let is_looked_at = |(id, line): &(&String, &Line)| {
            !matches!(line.standing.as_str(), "pending" | "not_applicable")
                && line.reason != "DependencyFailing"
                && !COSTLY_ITEMS.contains(&id.as_str())
        };
        let seen = |line: &Line| line.last_attempt.is_some_and(|last| last > at);
        let lines = self.0.iter().filter(is_looked_at).filter(|(_, line)| !seen(line));
        lines.map(|(id, _)| id.as_str()).collect()
    }
}

impl Line {
    fn told(&self, id: &str) -> String {
        let Self { standing, reason, because, since: _, last_attempt: _ } = self;
        format!("{id}: {standing} {reason} ({because})")
    }
}
