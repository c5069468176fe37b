//! From what the user wrote to what it means, all mistakes collected.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{File, GroupEntry, MaintenanceEntry, SectionEntry};
use super::flaw::{self, Flaw};
use super::item::{self, Overrides};
use super::load::Tree;
use super::yaml::{Node, Position, Problem, interpolate};
use super::{Configuration, SecretFiles, Settings, acts, graph, rollups};
use crate::checklist::{Checklist, Item};
use crate::model::item::{ItemId, Section};
use crate::systems::Connections;

/// Where an item was written.
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) node: Node,
}

/// What is gathered while the files are read.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) flaws: Vec<Flaw>,
    secret_files: SecretFiles,
    environment: Option<String>,
    runbook_base_url: Option<String>,
    connections: Option<Connections>,
    connections_node: Option<Node>,
    /// Whether some of what is said of connections can't be read.
    connections_unread: bool,
    pub(super) maintenance: Vec<(PathBuf, Position, MaintenanceEntry)>,
    pub(super) sections: Vec<Section>,
    pub(super) items: Vec<Arc<Item>>,
    pub(super) places: HashMap<ItemId, Place>,
}

pub(super) fn compile(
    mut trees: Vec<Tree>,
    checksum: String,
    secret_files: SecretFiles,
) -> Result<Configuration, Vec<Flaw>> {
    let mut draft = Draft { secret_files, ..Draft::default() };
    let variables = variables(&trees, &mut draft);
    for Tree { path, root } in &mut trees {
        let problems = interpolate(root, &variables);
        draft.flaws.extend(problems.into_iter().map(|problem| Flaw::new(&*path, problem)));
    }
    // A value with an unknown variable would be read as a second mistake of another sort.
    if !draft.flaws.is_empty() {
        return Err(draft.flaws);
    }
    for tree in &trees {
        draft.settings(tree);
    }
    let overrides = Overrides::read(&trees, &mut draft.flaws);
    for tree in &trees {
        draft.sections(tree, &overrides);
    }
    overrides.all_used(&draft.places, &mut draft.flaws);
    rollups::expand(&mut draft);
    graph::check(&draft.items, &draft.places, &mut draft.flaws);
    draft.finish(&trees, checksum)
}

/// The variables of all files, later ones winning.
fn variables(trees: &[Tree], draft: &mut Draft) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for Tree { path, root } in trees {
        let Some(node) = root.get("variables") else { continue };
        match node.read::<BTreeMap<String, String>>() {
            Ok(variables) => all.extend(variables),
            Err(problem) => draft.flaws.push(Flaw::new(path, problem)),
        }
    }
    all
}

impl Draft {
    fn flaw(&mut self, file: &Path, problem: Problem) {
        self.flaws.push(Flaw::new(file, problem));
    }

    fn settings(&mut self, Tree { path, root }: &Tree) {
        let file = match root.read::<File>() {
            Ok(file) => file,
            Err(problem) => {
                self.connections_unread = true;
                return self.flaw(path, problem);
            }
        };
        let File {
            environment,
            runbook_base_url,
            variables: _,
            connections,
            sections: _,
            maintenance,
            overrides: _,
        } = file;
        self.maintenance.extend(acts::spans(path, root, maintenance, &mut self.flaws));
        self.once(path, root, "environment", environment, |draft| &mut draft.environment);
        self.once(path, root, "runbook_base_url", runbook_base_url, |draft| {
            &mut draft.runbook_base_url
        });
        if let Some(node) = root.get("connections") {
            let absent = self.secret_files.missing(node).into_iter();
            self.flaws.extend(absent.map(|problem| Flaw::new(path, problem)));
            self.connections_node = Some(node.clone());
        }
        self.once(path, root, "connections", connections, |draft| &mut draft.connections);
    }

    fn once<T>(
        &mut self,
        path: &Path,
        root: &Node,
        key: &str,
        value: Option<T>,
        slot: impl Fn(&mut Self) -> &mut Option<T>,
    ) {
        let Some(value) = value else { return };
        if slot(self).replace(value).is_some() {
            let problem =
                Problem::at(root.place_of(key), format!("`{key}` stands in another file, too"))
                    .hint("keep it in one of them");
            self.flaw(path, problem);
        }
    }

    fn sections(&mut self, tree: &Tree, overrides: &Overrides) {
        let Some(list) = tree.root.get("sections") else { return };
        for node in list.elements() {
            match node.read::<SectionEntry>() {
                Ok(entry) => self.section(tree, node, entry, overrides),
                Err(problem) => {
                    self.flaw(&tree.path, problem);
                    self.unread(tree, node, overrides);
                }
            }
        }
    }

    /// A section whose own words are wrong hides no mistake of its items.
    fn unread(&mut self, tree: &Tree, node: &Node, overrides: &Overrides) {
        let groups = node.get("groups").and_then(|groups| groups.read::<Vec<GroupEntry>>().ok());
        let id = node.get("id").and_then(|id| id.read::<ItemId>().ok());
        let Some(id) = id.or_else(|| ItemId::parse("unread").ok()) else { return };
        let items = Vec::new();
        let entry =
            SectionEntry { id, title: String::new(), groups: groups.unwrap_or_default(), items };
        self.section(tree, node, entry, overrides);
    }

    fn section(&mut self, tree: &Tree, node: &Node, entry: SectionEntry, overrides: &Overrides) {
        let SectionEntry { id, title, groups, items: _ } = entry;
        let known = self.sections.iter().position(|section| section.id == id);
        let index = known.unwrap_or_else(|| {
            self.sections.push(Section { id, title, groups: vec![], items: vec![] });
            self.sections.len() - 1
        });
        let groups =
            groups.into_iter().map(|g| crate::model::item::Group { id: g.id, title: g.title });
        self.sections[index].groups.extend(groups);
        for item in node.get("items").map(Node::elements).unwrap_or_default() {
            self.item(tree, item, index, overrides);
        }
    }

    fn item(&mut self, tree: &Tree, node: &Node, section: usize, overrides: &Overrides) {
        let context = item::Context {
            section: &self.sections[section],
            runbook_base_url: self.runbook_base_url.as_deref(),
            connections: self.connections.as_ref(),
            connections_node: self.connections_node.as_ref(),
            connections_unread: self.connections_unread,
            secret_files: self.secret_files,
        };
        let compiled = item::compile(&tree.path, node, overrides, &context, &mut self.flaws);
        let Some(compiled) = compiled else {
            // Known all the same: whoever names it is not told that it is absent.
            if let Some(id) = node.get("id").and_then(|id| id.read::<ItemId>().ok()) {
                let place = Place { file: tree.path.clone(), node: node.clone() };
                self.places.entry(id).or_insert(place);
            }
            return;
        };
        let id = compiled.card.id.clone();
        if let Some(first) = self.places.get(&id) {
            let at = first.node.place_of("id");
            let message =
                format!("the item `{id}` stands twice; first at {}:{at}", first.file.display());
            return self.flaw(&tree.path, Problem::at(node.place_of("id"), message));
        }
        self.places.insert(id.clone(), Place { file: tree.path.clone(), node: node.clone() });
        self.sections[section].items.push(id);
        self.items.push(Arc::new(compiled));
    }

    fn finish(mut self, trees: &[Tree], checksum: String) -> Result<Configuration, Vec<Flaw>> {
        let Some(first) = trees.first() else {
            let message = "no configuration file is named".to_owned();
            return Err(vec![Flaw { file: "-c".into(), at: None, message, hint: None }]);
        };
        if self.items.is_empty() && self.flaws.is_empty() {
            let problem =
                Problem::at(Position { line: 1, column: 1 }, "the checklist has no items")
                    .hint("add `sections` with `items`; `vigie kinds` lists what can be checked");
            self.flaw(&first.path, problem);
        }
        if !self.flaws.is_empty() {
            self.flaws.sort_by(|a, b| (&a.file, a.at).cmp(&(&b.file, b.at)));
            self.flaws.dedup();
            return Err(self.flaws);
        }
        // Sections are filled item by item; file order of items is by section, not by file.
        let mut items: HashMap<ItemId, Arc<Item>> =
            self.items.into_iter().map(|item| (item.card.id.clone(), item)).collect();
        let ordered = self.sections.iter().flat_map(|section| &section.items);
        let items = ordered.filter_map(|id| items.remove(id)).collect();
        Ok(Configuration {
            settings: Settings {
                environment: self.environment.unwrap_or_else(|| "default".to_owned()),
                connections: self.connections.unwrap_or_default(),
            },
            checklist: Checklist {
                maintenance: acts::maintenance(&self.maintenance),
                sections: self.sections.into(),
                items,
            },
            checksum,
        })
    }
}

/// A hint for a name that is not among the known ones.
pub(super) fn known<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    flaw::expected(name, &known)
}
