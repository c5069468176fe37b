//! What is thought of references, each by itself and all together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::parameters::TagForm;
use super::{
    COUNT, DIGEST_MISSING, IMAGE_INVALID, Images, NO_MEMBERS, NO_PODS, PLACEHOLDER,
    REGISTRIES_DIFFER, REGISTRY_FORBIDDEN, REGISTRY_NOT_ALLOWED, RUNNING_DIFFERS, Seen,
    TAG_FORBIDDEN, TAG_MISSING, TAG_NOT_ALLOWED, TAGS_DIFFER, Use,
};
use crate::model::finding::{Finding, Obstacle};
use crate::model::image::ImageName;
use crate::model::judgement::{Judgement, legible};
use crate::model::reason::Reason;

/// So many are named in a sentence.
const FEW: usize = 5;

impl Images {
    pub(super) fn judge_seen(&self, seen: &Seen, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        for (namespace, obstacle) in seen.blind.iter().chain(&seen.unseen_reports) {
            judgement.add(namespace.clone(), obstacle.clone());
        }
        for (name, why) in &seen.garbled {
            let because = format!("the object can't be read: {why}");
            judgement.add(name.clone(), Obstacle::new(Reason::GARBLED, because));
        }
        judgement.dropped += seen.garbled_more;
        self.judge_presence(seen, &mut judgement);
        let mut marred: BTreeSet<&Arc<str>> = BTreeSet::new();
        for ((namespace, image), used) in &seen.images {
            let findings = match ImageName::parse(image) {
                Ok(name) => self.against(&name, used),
                Err(why) => {
                    let because = format!("it is no reference to an image: {why}");
                    vec![Finding::fail(IMAGE_INVALID, because)]
                }
            };
            for finding in findings {
                marred.insert(namespace);
                let because = format!("{}; {}", finding.because, users(used));
                let subject = format!("{namespace}: {}", legible(image, 200));
                judgement.add(subject, Finding { because, ..finding });
            }
        }
        for namespace in seen.pods.keys() {
            let count = seen.images.keys().filter(|(here, _)| here == namespace).count();
            #[expect(clippy::cast_precision_loss, reason = "far from 2^52 images")]
            judgement.measure(COUNT.is(count as f64, [namespace]));
            if count > 0 && !marred.contains(namespace) {
                let because = match count {
                    1 => "1 image, named as it must be".to_owned(),
                    count => format!("{count} images, each named as it must be"),
                };
                judgement.add(namespace.to_string(), Finding::pass(because));
            }
        }
        if self.one_registry {
            judge_registries(seen, &mut judgement);
        }
        self.judge_groups(seen, &mut judgement);
        if let Some(limits) = &self.vulnerability_reports {
            super::reports::judge(limits, seen, now, &mut judgement);
        }
        judgement
    }

    /// Nothing is not a pass, unless something is there that can't be read.
    fn judge_presence(&self, seen: &Seen, judgement: &mut Judgement) {
        let absent = || Finding::fail(NO_PODS, "no pod runs, so that nothing can be judged");
        if !seen.garbled.is_empty() || seen.garbled_more > 0 {
            return;
        }
        if self.namespaces.names().is_none() {
            if seen.pods.is_empty() && seen.blind.is_empty() {
                judgement.add("", absent());
            }
            return;
        }
        for (namespace, _) in seen.pods.iter().filter(|(_, pods)| **pods == 0) {
            judgement.add(namespace.to_string(), absent());
        }
    }

    /// All that is to be said against one image.
    fn against(&self, image: &ImageName, used: &Use) -> Vec<Finding> {
        let mut all = Vec::new();
        all.extend(self.against_place(image));
        all.extend(self.against_tag(image));
        if self.require_digest && image.digest().is_none() {
            let because = "it is not pinned by a digest, which is wanted";
            all.push(Finding::fail(DIGEST_MISSING, because));
        }
        all.extend(against_running(image, used));
        all
    }

    fn against_place(&self, image: &ImageName) -> Option<Finding> {
        if let Some(place) = self.placeholders.iter().find(|place| place.holds(image)) {
            let because = format!("its registry is the placeholder {}", place.as_str());
            return Some(Finding::fail(PLACEHOLDER, because));
        }
        if let Some(place) = self.forbidden_registries.iter().find(|place| place.holds(image)) {
            let because = format!("it comes from {}, which is forbidden", place.as_str());
            return Some(Finding::fail(REGISTRY_FORBIDDEN, because));
        }
        let allowed = self.registries.as_ref()?;
        if allowed.iter().any(|place| place.holds(image)) {
            return None;
        }
        let places: Vec<&str> = allowed.iter().map(super::Place::as_str).collect();
        let because =
            format!("it comes from {}, {} allowed", image.registry(), listed(places.into_iter()));
        Some(Finding::fail(REGISTRY_NOT_ALLOWED, because))
    }

    fn against_tag(&self, image: &ImageName) -> Option<Finding> {
        let Some(tag) = image.tag() else {
            if image.digest().is_none() {
                let because = "it bears no tag, which means `latest`; a tag or digest is wanted";
                return Some(Finding::fail(TAG_MISSING, because));
            }
            return self.tags.as_ref().map(|_| {
                let because = "it bears a digest alone, a tag of the allowed form is wanted";
                Finding::fail(TAG_NOT_ALLOWED, because)
            });
        };
        if self.forbidden_tags.0.iter().any(|forbidden| forbidden == tag) {
            return Some(Finding::fail(TAG_FORBIDDEN, format!("its tag `{tag}` is forbidden")));
        }
        let allowed = self.tags.as_ref()?;
        if allowed.iter().any(|form| form.holds(tag)) {
            return None;
        }
        let forms: Vec<&str> = allowed.iter().map(TagForm::as_str).collect();
        let because = format!("its tag `{tag}` is not of the allowed form {}", forms.join(" or "));
        Some(Finding::fail(TAG_NOT_ALLOWED, because))
    }

    fn judge_groups(&self, seen: &Seen, judgement: &mut Judgement) {
        for group in &self.same_tag {
            let members = seen
                .named()
                .filter(|(_, image, _)| group.images.iter().any(|place| place.holds(image)));
            let mut tags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (_, image, _) in members {
                let tag = image.tag().or_else(|| image.digest()).unwrap_or("latest").to_owned();
                tags.entry(tag).or_default().insert(image.name());
            }
            let subject = format!("group {}", group.name);
            match tags.len() {
                // Whatever keeps them from being seen has a line of its own.
                0 if !seen.blind.is_empty() => {}
                0 => {
                    let because = "none of its images runs, so that nothing can be compared";
                    judgement.add(subject, Obstacle::new(NO_MEMBERS, because));
                }
                1 => {
                    let tag = tags.keys().next().map(String::as_str).unwrap_or_default();
                    let because = format!("all of its images bear the tag {tag}");
                    judgement.add(subject, Finding::pass(because));
                }
                count => {
                    let told = tags.iter().map(|(tag, images)| {
                        format!("{tag} ({})", listed(images.iter().map(String::as_str)))
                    });
                    let told = listed(told.collect::<Vec<_>>().iter().map(String::as_str));
                    let because = format!("its images bear {count} tags, one is wanted: {told}");
                    judgement.add(subject, Finding::fail(TAGS_DIFFER, because));
                }
            }
        }
    }
}

fn against_running(image: &ImageName, used: &Use) -> Option<Finding> {
    let digests = &used.digests;
    if digests.len() > 1 {
        let because = format!(
            "{} images run under this one reference: {}",
            digests.len(),
            listed(digests.iter().map(String::as_str))
        );
        return Some(Finding::warn(RUNNING_DIFFERS, because));
    }
    let (pinned, runs) = image.digest().zip(digests.first())?;
    (pinned != runs).then(|| {
        let because = format!("{runs} runs in the place of the pinned image");
        Finding::warn(RUNNING_DIFFERS, because)
    })
}

/// Each namespace by itself.
fn judge_registries(seen: &Seen, judgement: &mut Judgement) {
    let mut registries: BTreeMap<&Arc<str>, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (namespace, image, _) in seen.named() {
        let of = registries.entry(namespace).or_default();
        of.entry(image.registry().to_owned()).or_default().insert(image.repository().to_owned());
    }
    for (namespace, of) in registries {
        let finding = if of.len() == 1 {
            let registry = of.keys().next().map(String::as_str).unwrap_or_default();
            Finding::pass(format!("all images come from {registry}"))
        } else {
            let told = of.iter().map(|(registry, repositories)| {
                format!("{registry} ({})", listed(repositories.iter().map(String::as_str)))
            });
            let told = told.collect::<Vec<_>>().join(", ");
            let because =
                format!("images come from {} registries, one is wanted: {told}", of.len());
            Finding::fail(REGISTRIES_DIFFER, because)
        };
        judgement.add(namespace.to_string(), finding);
    }
}

/// Who uses an image, a few by name.
fn users(used: &Use) -> String {
    let names: Vec<String> =
        used.by.iter().map(|(workload, container)| format!("{workload} ({container})")).collect();
    format!("used by {}", listed(names.iter().map(String::as_str)))
}

/// A few, and how many more there are.
fn listed<'a>(all: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = all.len().saturating_sub(FEW);
    let few: Vec<&str> = all.take(FEW).collect();
    match more {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}
