//! Who depends on whom: every name is known, and nobody waits for itself.

use std::collections::HashMap;
use std::sync::Arc;

use super::compile::{Place, known};
use super::flaw::Flaw;
use super::yaml::{Node, Position, Problem};
use crate::checklist::Item;
use crate::model::item::ItemId;

/// Adds a flaw for each unknown dependency and for each circle.
pub(super) fn check(items: &[Arc<Item>], places: &HashMap<ItemId, Place>, flaws: &mut Vec<Flaw>) {
    let by_id: HashMap<&ItemId, &Arc<Item>> =
        items.iter().map(|item| (&item.card.id, item)).collect();
    for item in items {
        for other in item.depends_on.iter().filter(|other| !places.contains_key(*other)) {
            let message = format!("there is no item `{other}` to depend on");
            let hint = known(other.as_str(), by_id.keys().map(|id| id.as_str()));
            told(item, other, places, Problem { at: None, message, hint: Some(hint) }, flaws);
        }
    }
    let mut done: HashMap<&ItemId, Mark> = HashMap::new();
    for item in items {
        if let Some(circle) = circle(item, &by_id, &mut done, &mut Vec::new()) {
            let names: Vec<_> = circle.iter().map(|id| format!("`{id}`")).collect();
            let message = format!("these items wait for each other: {}", names.join(" → "));
            let Some(start) = by_id.get(&circle[0]) else { continue };
            told(start, &circle[1], places, Problem { at: None, message, hint: None }, flaws);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    OnPath,
    Clear,
}

/// The circle that is reached from `item`, its first element repeated at its end.
fn circle<'a>(
    item: &'a Arc<Item>,
    by_id: &HashMap<&'a ItemId, &'a Arc<Item>>,
    done: &mut HashMap<&'a ItemId, Mark>,
    path: &mut Vec<ItemId>,
) -> Option<Vec<ItemId>> {
    let id = &item.card.id;
    match done.get(id) {
        Some(Mark::Clear) => return None,
        Some(Mark::OnPath) => {
            let start = path.iter().position(|on_path| on_path == id)?;
            let mut circle = path[start..].to_vec();
            circle.push(id.clone());
            return Some(circle);
        }
        None => {}
    }
    done.insert(id, Mark::OnPath);
    path.push(id.clone());
    let needed = item.depends_on.iter().chain(&item.needs.items);
    let found = needed
        .filter_map(|other| by_id.get(other))
        .find_map(|other| circle(other, by_id, done, path));
    path.pop();
    done.insert(id, Mark::Clear);
    found
}

fn told(
    item: &Item,
    other: &ItemId,
    places: &HashMap<ItemId, Place>,
    mut problem: Problem,
    flaws: &mut Vec<Flaw>,
) {
    let Some(Place { file, node }) = places.get(&item.card.id) else { return };
    problem.at = Some(place_of(node, other));
    flaws.push(Flaw::new(file, problem));
}

/// Where `other` is named among the item's dependencies, or the item itself.
fn place_of(node: &Node, other: &ItemId) -> Position {
    let named = node.get("depends_on").map(Node::elements).unwrap_or_default().iter();
    let mut named = named.filter(|element| element.read::<ItemId>().as_ref() == Ok(other));
    named.next().map_or(node.at, |element| element.at)
}
