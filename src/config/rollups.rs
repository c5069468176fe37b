//! What is rolled up: sections become their items, and every name is known.

use std::collections::HashMap;
use std::sync::Arc;

use super::compile::{Draft, known};
use super::flaw::Flaw;
use super::yaml::Problem;
use crate::checklist::Item;
use crate::model::item::{ItemId, names_of_sections};

/// Writes the items of sections among what an item reads, and tells of names that are not known.
pub(super) fn expand(draft: &mut Draft) {
    let sections: HashMap<ItemId, Vec<ItemId>> =
        draft.sections.iter().map(|section| (section.id.clone(), section.items.clone())).collect();
    let names = names_of_sections(sections.keys());
    for (path, at, span) in &draft.maintenance {
        for name in span.sections.iter().filter(|name| !names.contains(name.as_str())) {
            let hint = known(name.as_str(), names.iter().copied());
            let problem = Problem::at(*at, format!("there is no section `{name}`")).hint(hint);
            draft.flaws.push(Flaw::new(path, problem));
        }
    }
    let mut items = std::mem::take(&mut draft.items);
    for item in &mut items {
        if item.needs.items.is_empty() && item.needs.sections.is_empty() {
            continue;
        }
        for problem in strangers(item, &sections, draft) {
            let Some(place) = draft.places.get(&item.card.id) else { continue };
            let at = place.node.place_of("checks");
            draft.flaws.push(Flaw::new(&place.file, Problem { at: Some(at), ..problem }));
        }
        if let Some(item) = Arc::get_mut(item) {
            gather(item, &sections);
        }
    }
    draft.items = items;
}

fn strangers(item: &Item, sections: &HashMap<ItemId, Vec<ItemId>>, draft: &Draft) -> Vec<Problem> {
    let told = |message: String, hint: String| Problem { at: None, message, hint: Some(hint) };
    let items = item.needs.items.iter().filter(|id| !draft.places.contains_key(*id)).map(|id| {
        let hint = known(id.as_str(), draft.places.keys().map(ItemId::as_str));
        told(format!("there is no item `{id}` to roll up"), hint)
    });
    let named = item.needs.sections.iter().filter(|id| !sections.contains_key(*id)).map(|id| {
        let hint = known(id.as_str(), sections.keys().map(ItemId::as_str));
        told(format!("there is no section `{id}` to roll up"), hint)
    });
    items.chain(named).collect()
}

/// Adds the items of the named sections, itself left out.
fn gather(item: &mut Item, sections: &HashMap<ItemId, Vec<ItemId>>) {
    let named = item.needs.sections.iter().filter_map(|section| sections.get(section)).flatten();
    for id in named {
        if *id != item.card.id && !item.needs.items.contains(id) {
            item.needs.items.push(id.clone());
        }
    }
}
