//! Looking: the objects, what expressions make of them, and what stands beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::references::{self, Led};
use super::{Resource, Target};
use crate::checks::Look;
use crate::checks::expression::OBJECT;
use crate::checks::expression::evaluation::{Outcome, Quoting, Scene, Work, evaluate};
use crate::model::finding::Obstacle;
use crate::model::needs::Form;
use crate::systems::kubernetes::pod::{Phase, Pod};
use crate::systems::kubernetes::whole::{Metadata, Whole};
use crate::systems::kubernetes::workload::Workload;
use crate::systems::kubernetes::{Record, Table};

/// The most objects that one look judges by what they hold.
const MOST_JUDGED: usize = 1000;

/// The objects that a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub(super) groups: Vec<Group>,
    /// What is known of the objects' insides, by namespace and name.
    pub(super) insides: BTreeMap<(Arc<str>, Arc<str>), Inside>,
    /// How many objects were too many to be judged.
    pub(super) unjudged: usize,
    /// What their references led to.
    pub(super) led: Led,
}

/// What one watch saw.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) namespace: String,
    /// The name, prefix or selector; empty where all objects are asked for.
    pub(super) asked: String,
    /// Whether one object is asked for.
    pub(super) named: bool,
    pub(super) found: Result<Found, Obstacle>,
}

#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) objects: Vec<Object>,
    /// Objects that can't be read, and what is wrong with them.
    pub(super) garbled: Vec<(String, String)>,
    /// More of those.
    pub(super) garbled_more: usize,
}

/// An object that is there.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
    /// Whether it is being deleted.
    pub(super) deleted: bool,
    pub(super) whole: Option<Arc<Whole>>,
}

/// What was seen of one object beside its being there.
#[derive(Debug)]
pub(super) struct Inside {
    /// Whether it is one of those that are meant; none where all are.
    pub(super) matched: Option<Outcome>,
    /// What the other expressions came to, in their order.
    pub(super) outcomes: Vec<Outcome>,
    /// How many of its pods are ready.
    pub(super) ready_pods: Option<Result<u64, Obstacle>>,
    /// How many replicas of its workloads are ready and available; none where one is not there.
    pub(super) workloads: Vec<ReadyReplicas>,
}

/// How many replicas of a workload are ready and available; none where it is not there.
type ReadyReplicas = Result<Option<i64>, Obstacle>;

impl Object {
    /// By what its inside is found.
    pub(super) fn key(&self) -> (Arc<str>, Arc<str>) {
        (Arc::clone(&self.namespace), Arc::clone(&self.name))
    }
}

impl Seen {
    /// Whether an object was judged by all that is asked of it.
    pub(super) fn is_judged(&self, object: &Object) -> bool {
        object.whole.is_none() || self.insides.contains_key(&object.key())
    }

    /// Whether an object is known to be one of those that are meant.
    pub(super) fn is_meant(&self, object: &Object) -> bool {
        let inside = self.insides.get(&object.key());
        inside.is_some_and(|inside| inside.matched == Some(Outcome::True))
    }
}

impl Resource {
    pub(super) async fn look(&self, look: &Look<'_>) -> Seen {
        if self.is_secret() {
            return self.look_at_secrets(look).await;
        }
        let mut seen = Seen::default();
        for target in self.targets() {
            let found = match self.form() {
                Form::Whole => found::<Whole>(look, &target),
                Form::Fields | Form::Metadata => found::<Metadata>(look, &target),
            };
            let Target { watch, asked, named } = target;
            let namespace = watch.namespace.unwrap_or_default();
            seen.groups.push(Group { namespace, asked, named, found });
        }
        let objects = seen.groups.iter().filter_map(|group| group.found.as_ref().ok());
        let objects = objects.flat_map(|found| &found.objects);
        let mut wholes: Vec<_> =
            objects.filter_map(|object| object.whole.as_ref().map(Arc::clone)).collect();
        seen.unjudged = wholes.len().saturating_sub(MOST_JUDGED);
        wholes.truncate(MOST_JUDGED);
        self.look_inside(look, &mut seen, wholes).await;
        seen
    }

    async fn look_inside(&self, look: &Look<'_>, seen: &mut Seen, wholes: Vec<Arc<Whole>>) {
        let expressions = self.evaluated().map(super::Expression::compiled).collect();
        let scenes = wholes.clone();
        let work = Work { scenes, expressions, quoting: Quoting::Status, now: look.now };
        let outcomes = evaluate(work, look.until()).await;
        let mut others = BTreeSet::new();
        let mut meant = Vec::new();
        for (whole, mut outcomes) in wholes.into_iter().zip(outcomes) {
            let key = (Arc::clone(&whole.namespace), Arc::clone(&whole.name));
            let matched = self.matching.as_ref().map(|_| outcomes.remove(0));
            if matches!(matched, Some(Outcome::False(_))) {
                others.insert(key);
                continue;
            }
            let (ready_pods, workloads) = self.look_beside(look, &whole);
            seen.insides.insert(key, Inside { matched, outcomes, ready_pods, workloads });
            meant.push(whole);
        }
        seen.led = references::follow(&self.references, &meant, look).await;
        for found in seen.groups.iter_mut().filter_map(|group| group.found.as_mut().ok()) {
            found.objects.retain(|object| !others.contains(&object.key()));
        }
    }

    fn look_beside(
        &self,
        look: &Look<'_>,
        whole: &Whole,
    ) -> (Option<Result<u64, Obstacle>>, Vec<ReadyReplicas>) {
        let kubernetes = &look.systems.kubernetes;
        let (namespace, name) = (&*whole.namespace, &*whole.name);
        let ready_pods = self.ready_pods().map(|pods| {
            let watch = pods.watch(namespace, name);
            kubernetes.read(look.needs, &watch, |table: &Table<Pod>| {
                let ready = |pod: &&Arc<Pod>| {
                    pod.ready && pod.phase == Phase::Running && pod.deleted.is_none()
                };
                table.records().filter(ready).count() as u64
            })
        });
        let workloads = self.ready_workloads().map(|workload| {
            let watch = workload.watch(namespace, name);
            let workload = workload.name.of(name);
            kubernetes.read(look.needs, &watch, |table: &Table<Workload>| {
                let workload = table.get(namespace, &workload)?;
                // What the controller has not seen yet says nothing of the replicas to come.
                let count = workload.ready.min(workload.available);
                Some(if workload.missing.is_none() { count } else { 0 })
            })
        });
        (ready_pods, workloads.collect())
    }

    async fn look_at_secrets(&self, look: &Look<'_>) -> Seen {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        for (namespace, name) in self.places() {
            let there = kubernetes.secret_exists(look.needs, &namespace, &name, look.until()).await;
            let found = there.map(|there| {
                let object = || Object {
                    namespace: namespace.as_str().into(),
                    name: name.as_str().into(),
                    deleted: false,
                    whole: None,
                };
                Found { objects: there.then(object).into_iter().collect(), ..Found::default() }
            });
            seen.groups.push(Group { namespace, asked: name, named: true, found });
        }
        seen
    }
}

impl Scene for Arc<Whole> {
    fn values(&self) -> Vec<(&'static str, &Value)> {
        vec![(OBJECT, &self.object)]
    }
}

/// A record of which it is known here what it is.
trait Seeable: Record {
    fn seen(record: &Arc<Self>) -> Object;
}

impl Seeable for Whole {
    fn seen(record: &Arc<Self>) -> Object {
        let deleted = record.object.pointer("/metadata/deletionTimestamp");
        Object {
            namespace: Arc::clone(&record.namespace),
            name: Arc::clone(&record.name),
            deleted: deleted.is_some_and(|time| !time.is_null()),
            whole: Some(Arc::clone(record)),
        }
    }
}

impl Seeable for Metadata {
    fn seen(record: &Arc<Self>) -> Object {
        Object {
            namespace: Arc::clone(&record.namespace),
            name: Arc::clone(&record.name),
            deleted: record.deleted.is_some(),
            whole: None,
        }
    }
}

fn found<R: Seeable>(look: &Look<'_>, target: &Target) -> Result<Found, Obstacle> {
    look.systems.kubernetes.read(look.needs, &target.watch, |table: &Table<R>| Found {
        objects: table.records().map(R::seen).collect(),
        garbled: table.garbled().map(|(name, why)| (name.to_owned(), why.to_owned())).collect(),
        garbled_more: table.garbled_more(),
    })
}
