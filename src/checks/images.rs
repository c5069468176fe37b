//! `images`: what runs comes from the right registries, by the right tags, and was scanned.
//! Witness: the API server, by watch. References are judged as the specification names them; that
//! another image runs under the same reference warns.

mod judging;
mod parameters;
mod reports;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::Obstacle;
use crate::model::image::{ImageName, running_digest};
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::{Needs, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::pod::{Phase, Pod};
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::vulnerability_report::{
    Severity, VULNERABILITY_REPORTS, VulnerabilityReport,
};
use crate::systems::kubernetes::{PODS, Table, blind};

use parameters::{ForbiddenTags, Group, Place, Reports, TagForm};

static COUNT: Measure =
    Measure::gauge("vigie_images", "Distinct images that pods run.", &["object_namespace"]);
static VULNERABILITIES: Measure = Measure::gauge(
    "vigie_image_vulnerabilities",
    "Vulnerabilities in the newest reports on the images that pods run, each image counted once.",
    &["object_namespace", "severity"],
);

const NO_PODS: Reason = Reason::new("NoPods");
const IMAGE_INVALID: Reason = Reason::new("ImageInvalid");
const REGISTRY_NOT_ALLOWED: Reason = Reason::new("RegistryNotAllowed");
const REGISTRY_FORBIDDEN: Reason = Reason::new("RegistryForbidden");
const PLACEHOLDER: Reason = Reason::new("PlaceholderRegistry");
const TAG_MISSING: Reason = Reason::new("TagMissing");
const TAG_FORBIDDEN: Reason = Reason::new("TagForbidden");
const TAG_NOT_ALLOWED: Reason = Reason::new("TagNotAllowed");
const DIGEST_MISSING: Reason = Reason::new("DigestMissing");
const REGISTRIES_DIFFER: Reason = Reason::new("RegistriesDiffer");
const TAGS_DIFFER: Reason = Reason::new("TagsDiffer");
const NO_MEMBERS: Reason = Reason::new("GroupEmpty");
const RUNNING_DIFFERS: Reason = Reason::new("RunningDiffers");
const REPORT_MISSING: Reason = Reason::new("ReportMissing");
const REPORT_TOO_OLD: Reason = Reason::new("ReportTooOld");
const VULNERABLE: Reason = Reason::new("Vulnerable");

/// What runs comes from the right registries, by the right tags, and was scanned.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// A label selector, such as `app=api`; without it all pods.
    #[serde(default)]
    selector: Option<Selector>,
    /// Where images may come from; without it from anywhere. Images without a registry come from
    /// `docker.io/library`.
    #[serde(default)]
    registries: Option<Vec<Place>>,
    /// Where they may not come from.
    #[serde(default)]
    forbidden_registries: Vec<Place>,
    /// Registries that stand in manifests until somebody writes the real one.
    #[serde(default)]
    placeholders: Vec<Place>,
    /// Tags that are never right; default `[latest]`. A tag that is left out means `latest`.
    #[serde(default)]
    forbidden_tags: ForbiddenTags,
    /// Regular expressions of the tags that are right in this environment, each of a whole tag:
    /// `v.*`, not `v*`. Without them any tag is.
    #[serde(default)]
    tags: Option<Vec<TagForm>>,
    /// Whether each image must be pinned by its digest. Default `false`.
    #[serde(default)]
    require_digest: bool,
    /// Whether all images must come from one registry, each namespace by itself. Default `false`.
    #[serde(default)]
    one_registry: bool,
    /// Groups of images that must bear one tag each.
    #[serde(default)]
    same_tag: Vec<Group>,
    /// Whether every image must have a report of the Trivy operator, and what may be in it.
    #[serde(default)]
    vulnerability_reports: Option<Reports>,
}

/// What a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Pods that run, by namespace.
    pods: BTreeMap<Arc<str>, u64>,
    /// Images by namespace and as the specification names them.
    images: BTreeMap<(Arc<str>, Box<str>), Use>,
    reports: Vec<Arc<VulnerabilityReport>>,
    /// Objects that can't be read, and what is wrong with them.
    garbled: Vec<(String, String)>,
    garbled_more: u64,
    /// Reports that can't be read, likewise.
    garbled_reports: Vec<(String, String)>,
    garbled_reports_more: u64,
    /// Namespaces that can't be seen.
    blind: Vec<(String, Obstacle)>,
    /// Namespaces whose reports can't be seen.
    unseen_reports: Vec<(String, Obstacle)>,
}

/// Who uses an image.
#[derive(Debug, Default)]
struct Use {
    /// The workloads and their containers.
    by: BTreeSet<(String, Box<str>)>,
    /// Who controls the pods, and the container: kind, name, container.
    owners: BTreeSet<(Arc<str>, Arc<str>, Box<str>)>,
    /// Digests of what runs.
    digests: BTreeSet<String>,
    /// Digests of the configurations of what runs, where a node tells no other: nobody pins those.
    configs: BTreeSet<String>,
}

impl Check for Images {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(NO_PODS, "No pod runs there: nothing could be judged."),
        Documented::fails(IMAGE_INVALID, "An image is no reference."),
        Documented::fails(REGISTRY_NOT_ALLOWED, "An image comes from elsewhere than `registries`."),
        Documented::fails(REGISTRY_FORBIDDEN, "An image comes from `forbidden_registries`."),
        Documented::fails(PLACEHOLDER, "An image's registry is one of `placeholders`."),
        Documented::fails(
            TAG_MISSING,
            "An image bears neither tag nor digest, which means `latest`.",
        ),
        Documented::fails(TAG_FORBIDDEN, "An image's tag is one of `forbidden_tags`."),
        Documented::fails(TAG_NOT_ALLOWED, "An image's tag is none of `tags`, or it bears none."),
        Documented::fails(DIGEST_MISSING, "An image is not pinned by its digest."),
        Documented::fails(
            REGISTRIES_DIFFER,
            "Images of one namespace come from several registries.",
        ),
        Documented::fails(TAGS_DIFFER, "Images of a group bear several tags."),
        Documented::blinds(NO_MEMBERS, "No image of a group runs: there is nothing to compare."),
        Documented::warns(
            RUNNING_DIFFERS,
            "Several images run under one reference, or another than the one it is pinned to.",
        ),
        Documented::fails(REPORT_MISSING, "No vulnerability report is about an image that runs."),
        Documented::fails(REPORT_TOO_OLD, "The newest report on an image is older than `max_age`."),
        Documented::fails(VULNERABLE, "A report counts more vulnerabilities than `most` allows."),
        Documented::blinds(Reason::CLOCK_SKEW, "A report's time lies more than two minutes ahead."),
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&COUNT, &VULNERABILITIES];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        let empty = [
            (self.registries.as_ref().is_some_and(Vec::is_empty), "`registries`"),
            (self.tags.as_ref().is_some_and(Vec::is_empty), "`tags`"),
        ];
        for (_, name) in empty.into_iter().filter(|(empty, _)| *empty) {
            flaws.push(format!("{name} is empty: nothing would be allowed; leave it out"));
        }
        for group in self.same_tag.iter().filter(|group| group.images.is_empty()) {
            flaws.push(format!("the group `{}` of `same_tag` names no images", group.name));
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let mut watches = self.pods();
        watches.extend(self.reports());
        Needs { watches, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let namespaces: Vec<Option<String>> = match self.namespaces.names() {
            Some(names) => names.iter().cloned().map(Some).collect(),
            None => vec![None],
        };
        let mut all = Vec::new();
        for namespace in namespaces {
            if self.vulnerability_reports.is_some() {
                let labels = vec![namespace.clone(), None];
                all.push(Series { measure: &VULNERABILITIES, labels });
            }
            all.push(Series { measure: &COUNT, labels: vec![namespace] });
        }
        all
    }

    fn bounds(&self) -> Vec<Bound> {
        Vec::new()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        for watch in self.pods() {
            if let Some(namespace) = &watch.namespace {
                seen.pods.entry(namespace.as_str().into()).or_default();
            }
            if let Err(obstacle) = kubernetes.read(look.needs, &watch, |table| seen.take(table)) {
                let namespace = watch.namespace.unwrap_or_default();
                seen.pods.remove(namespace.as_str());
                seen.blind.push((namespace, obstacle));
            }
        }
        for watch in self.reports() {
            let read = kubernetes.read(look.needs, &watch, |table| seen.take_reports(table));
            if let Err(obstacle) = read {
                let namespace = watch.namespace.unwrap_or_default();
                let because = format!("vulnerability reports: {}", obstacle.because);
                seen.unseen_reports.push((namespace, Obstacle { because, ..obstacle }));
            }
        }
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, _: &Past, now: Timestamp) -> Judgement {
        self.judge_seen(seen, now)
    }
}

impl Images {
    fn pods(&self) -> Vec<Watch> {
        self.namespaces.watches(&PODS, self.selector.as_ref())
    }

    fn reports(&self) -> Vec<Watch> {
        match &self.vulnerability_reports {
            Some(_) => self.namespaces.watches(&VULNERABILITY_REPORTS, None),
            None => Vec::new(),
        }
    }
}

impl Seen {
    fn take(&mut self, table: &Table<Pod>) {
        for pod in table.records() {
            if !matches!(pod.phase, Phase::Succeeded | Phase::Failed) {
                self.add(pod);
            }
        }
        self.garbled.extend(table.garbled().map(|(name, why)| (name.to_owned(), why.to_owned())));
        self.garbled_more += table.garbled_more() as u64;
    }

    fn add(&mut self, pod: &Pod) {
        let lacks_image = pod.template.containers.iter().any(|one| one.image.is_empty());
        if pod.template.containers.is_empty() || lacks_image {
            let why = "the API server does not give the image of a container".to_owned();
            self.garbled.push((format!("{}/{}", pod.namespace, pod.name), why));
        }
        *self.pods.entry(Arc::clone(&pod.namespace)).or_default() += 1;
        for container in &pod.template.containers {
            if container.image.is_empty() {
                continue;
            }
            let key = (Arc::clone(&pod.namespace), container.image.clone());
            let used = self.images.entry(key).or_default();
            used.by.insert((pod.workload().to_owned(), container.name.clone()));
            if let Some(owner) = &pod.owner {
                let (kind, name) = (Arc::clone(&owner.kind), Arc::clone(&owner.name));
                used.owners.insert((kind, name, container.name.clone()));
            }
            let running = pod.running.iter().find(|one| one.container == container.name);
            let Some(running) = running else { continue };
            // Without a repository it is the digest of a configuration.
            let of_image = running.image_id.contains('@');
            let digests = if of_image { &mut used.digests } else { &mut used.configs };
            digests.extend(running_digest(&running.image_id));
        }
    }

    fn take_reports(&mut self, table: &Table<VulnerabilityReport>) {
        self.reports.extend(table.records().map(Arc::clone));
        let garbled = table.garbled().map(|(name, why)| (name.to_owned(), why.to_owned()));
        self.garbled_reports.extend(garbled);
        self.garbled_reports_more += table.garbled_more() as u64;
    }

    /// The images that are references, by namespace.
    fn named(&self) -> impl Iterator<Item = (&Arc<str>, ImageName, &Use)> {
        self.images.iter().filter_map(|((namespace, image), used)| {
            Some((namespace, ImageName::parse(image).ok()?, used))
        })
    }
}

/// The severities with a limit or a figure.
fn severities() -> [Severity; Severity::ALL.len()] {
    Severity::ALL
}
