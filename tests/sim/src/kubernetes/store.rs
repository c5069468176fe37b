//! Everything the server holds: objects, one revision over all, and each resource's last changes.
//!
//! Changes wake watches; watches read the changes after the revision that they have seen.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::failure::Failure;
use super::kinds::{self, Kind};
use super::object::{Key, Object, uid};
use super::selector::Selector;

/// The revision at the start: a server that has just started remembers nothing from before.
const BEGINNING: u64 = 100;

/// What happened to one object.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) before: Option<Arc<Object>>,
    /// The object with the change's revision; where it was deleted, its last state.
    pub(super) now: Arc<Object>,
    pub(super) deleted: bool,
}

impl Change {
    fn revision(&self) -> u64 {
        self.now.revision
    }
}

/// The objects of one kind.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) kind: Arc<Kind>,
    pub(super) objects: BTreeMap<Key, Arc<Object>>,
    history: VecDeque<Change>,
    /// Changes up to this revision are no longer known.
    floor: u64,
    /// Nobody new may start from before this revision; who is there already goes on.
    barred: u64,
    /// Carries the revision of the newest change.
    pub(super) news: watch::Sender<u64>,
}

impl Collection {
    fn new(kind: Kind, floor: u64) -> Self {
        Self {
            kind: Arc::new(kind),
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            floor,
            barred: 0,
            news: watch::Sender::new(0),
        }
    }

    /// Refuses a start from a version that is gone.
    pub(super) fn admit(&self, revision: u64) -> Result<(), Failure> {
        let oldest = self.floor.max(self.barred);
        if revision < oldest { Err(Failure::expired(revision, oldest)) } else { Ok(()) }
    }

    /// The changes after `revision`, oldest first; refused where some are no longer known.
    pub(super) fn since(&self, revision: u64) -> Result<Vec<Change>, Failure> {
        if revision < self.floor {
            return Err(Failure::expired(revision, self.floor));
        }
        let start = self.history.partition_point(|change| change.revision() <= revision);
        Ok(self.history.range(start..).cloned().collect())
    }

    /// At most `limit` objects after `after` that `selector` takes, as they were at `revision`,
    /// whether more follow, and how many objects follow where nothing is selected.
    pub(super) fn page(
        &self,
        selector: &Selector,
        revision: u64,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<(Vec<Arc<Object>>, Option<usize>), Failure> {
        self.admit(revision)?;
        let start = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        let mut undone: BTreeMap<Key, Option<Arc<Object>>> = BTreeMap::new();
        for change in self.since(revision)? {
            undone.entry(change.now.key.clone()).or_insert(change.before);
        }
        let kept = self
            .objects
            .range((start.clone(), Bound::Unbounded))
            .filter(|(key, _)| !undone.contains_key(*key))
            .map(|(_, object)| object)
            .filter(|object| selector.takes(object));
        let old = undone
            .range((start, Bound::Unbounded))
            .filter_map(|(_, object)| object.as_ref())
            .filter(|object| selector.takes(object));
        if undone.is_empty() && limit < usize::MAX {
            let mut kept = kept;
            let page: Vec<_> = kept.by_ref().take(limit).cloned().collect();
            let left = kept.count();
            return Ok((page, (left > 0).then_some(left)));
        }
        let mut all: Vec<_> = kept.chain(old).cloned().collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        let left = all.len().saturating_sub(limit);
        all.truncate(limit);
        Ok((all, (left > 0).then_some(left)))
    }

    fn record(&mut self, change: Change, keep: usize) {
        let revision = change.revision();
        self.history.push_back(change);
        while self.history.len() > keep {
            self.floor = self.history.pop_front().map_or(self.floor, |old| old.revision());
        }
        self.news.send_replace(revision);
    }
}

/// All collections.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) revision: u64,
    born: u64,
    /// How many changes each collection remembers.
    keep: usize,
    collections: Vec<Collection>,
}

impl Store {
    pub(super) fn new(keep: usize) -> Self {
        let collections = kinds::built_in().map(|kind| Collection::new(kind, BEGINNING)).collect();
        Self { revision: BEGINNING, born: 0, keep, collections }
    }

    pub(super) fn register(&mut self, kind: Kind) {
        let same = |c: &&mut Collection| {
            c.kind.resource() == kind.resource() && c.kind.version == kind.version
        };
        match self.collections.iter_mut().find(same) {
            Some(known) => known.kind = Arc::new(kind),
            None => self.collections.push(Collection::new(kind, self.revision)),
        }
    }

    /// Forgets a kind with all its objects, as when its definition is deleted.
    pub(super) fn unregister(&mut self, group: &str, plural: &str) {
        self.collections.retain(|c| !(c.kind.group == group && c.kind.plural == plural));
    }

    /// Forgets a kind in one version with all its objects, as when that is served no more.
    pub(super) fn unserve(&mut self, group: &str, version: &str, plural: &str) {
        let gone = |k: &Kind| k.group == group && k.version == version && k.plural == plural;
        self.collections.retain(|c| !gone(&c.kind));
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.collections.iter().map(|c| &c.kind)
    }

    /// The kind of a path.
    pub(super) fn kind(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.find(|k| k.group == group && k.version == version && k.plural == plural)
    }

    /// The kind of an object.
    pub(super) fn kind_of(&self, object: &Value) -> Result<Arc<Kind>, Failure> {
        let (group, version) = kinds::split(object["apiVersion"].as_str().unwrap_or_default());
        let name = object["kind"].as_str().unwrap_or_default();
        self.find(|k| k.group == group && k.version == version && k.kind == name)
            .ok_or_else(|| Failure::bad_request(format!("no kind `{name}` in `{group}/{version}`")))
    }

    /// The kind that a person calls `word`, such as `pods` or `deployments.apps`.
    pub(super) fn called(&self, word: &str) -> Result<Arc<Kind>, Failure> {
        self.find(|kind| kind.answers_to(word))
            .ok_or_else(|| Failure::bad_request(format!("no resource `{word}`")))
    }

    fn find(&self, wanted: impl Fn(&Kind) -> bool) -> Option<Arc<Kind>> {
        self.kinds().find(|kind| wanted(kind)).map(Arc::clone)
    }

    pub(super) fn collection(&self, kind: &Kind) -> Result<&Collection, Failure> {
        let found = self.collections.iter().find(|c| *c.kind == *kind);
        found.ok_or_else(Failure::no_such_resource)
    }

    fn collection_mut(&mut self, kind: &Kind) -> Result<&mut Collection, Failure> {
        let found = self.collections.iter_mut().find(|c| *c.kind == *kind);
        found.ok_or_else(Failure::no_such_resource)
    }

    pub(super) fn get(&self, kind: &Kind, key: &Key) -> Result<Arc<Object>, Failure> {
        let found = self.collection(kind)?.objects.get(key).map(Arc::clone);
        found.ok_or_else(|| Failure::not_found(kind, &key.1))
    }

    /// A new object's identity.
    pub(super) fn next_uid(&mut self) -> String {
        self.born += 1;
        uid(self.born)
    }

    /// Sets numbers aside for `count` new objects; returns the first.
    pub(super) fn take_numbers(&mut self, count: u32) -> u32 {
        let first = u32::try_from(self.born).unwrap_or_default();
        self.born += u64::from(count);
        first
    }

    /// Stores `value`, whose metadata must be complete but for its version.
    pub(super) fn put(&mut self, kind: &Kind, mut value: Value) -> Result<Arc<Object>, Failure> {
        let (revision, keep) = (self.revision + 1, self.keep);
        let collection = self.collection_mut(kind)?;
        value["metadata"]["resourceVersion"] = revision.to_string().into();
        let now = Arc::new(Object::new(kind, &value));
        let before = collection.objects.insert(now.key.clone(), Arc::clone(&now));
        collection.record(Change { before, now: Arc::clone(&now), deleted: false }, keep);
        self.revision = revision;
        Ok(now)
    }

    /// Stores what `make` gives for each revision, unknown to history, as after a restart.
    pub(super) fn load(
        &mut self,
        kind: &Kind,
        count: u32,
        mut make: impl FnMut(u32, u64) -> Object,
    ) -> Result<(), Failure> {
        let mut revision = self.revision;
        let collection = self.collection_mut(kind)?;
        for index in 0..count {
            revision += 1;
            let object = Arc::new(make(index, revision));
            collection.objects.insert(object.key.clone(), object);
        }
        collection.history.clear();
        collection.floor = revision;
        collection.news.send_replace(revision);
        self.revision = revision;
        Ok(())
    }

    pub(super) fn remove(&mut self, kind: &Kind, key: &Key) -> Result<Arc<Object>, Failure> {
        let (revision, keep) = (self.revision + 1, self.keep);
        let collection = self.collection_mut(kind)?;
        let removed = collection.objects.remove(key);
        let before = removed.ok_or_else(|| Failure::not_found(kind, &key.1))?;
        let now = Arc::new(before.at(kind, revision));
        let change = Change { before: Some(before), now: Arc::clone(&now), deleted: true };
        collection.record(change, keep);
        self.revision = revision;
        Ok(now)
    }

    /// Every version that anybody has seen is gone; open watches go on, as after a compaction.
    pub(super) fn expire_history(&mut self) {
        self.revision += 1;
        for collection in &mut self.collections {
            collection.barred = self.revision;
        }
    }
}
