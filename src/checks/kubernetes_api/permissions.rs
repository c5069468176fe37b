//! Whether every right that the configuration needs is granted: one review a right, asked of the
//! API server and answered by it. A review is posted, and creates nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{MISSING_PERMISSION, NOT_REVIEWED, review_right};
use crate::checks::Look;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Judgement, legible};
use crate::model::needs::{Resource, Right};
use crate::model::reason::Reason;
use crate::model::rights::{Purpose, told};
use crate::systems::kubernetes::{Ask, Refused, plurals};

/// Reviews that are under way side by side.
const AT_ONCE: usize = 8;
/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 10;
const PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// What the API server said of the rights.
#[derive(Debug, Default)]
pub(super) struct Reviewed {
    /// How many rights are needed.
    needed: usize,
    /// Those that are not granted, by what they are about: the verbs, who needs them, and the
    /// server's own words.
    missing: BTreeMap<String, Missing>,
    /// Those that nobody could tell of, by reason: how many, and the first sentence.
    blind: BTreeMap<Reason, (usize, Obstacle)>,
    /// Kinds of objects that the API server does not tell how to address, and who needs them.
    unaddressed: Vec<(String, Obstacle)>,
}

#[derive(Debug, Default)]
struct Missing {
    verbs: BTreeSet<&'static str>,
    purposes: BTreeSet<Purpose>,
    words: String,
}

/// A review's answer, in the fields that are read.
#[derive(Deserialize)]
struct Review {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    allowed: Option<bool>,
    reason: Option<String>,
    evaluation_error: Option<String>,
}

impl Reviewed {
    /// Asks; what is not answered by the end of the look is told as such.
    pub(super) async fn look(look: &Look<'_>) -> Self {
        let mut reviewed = Self::default();
        let demands = look.systems.kubernetes.demands();
        let plurals = reviewed.addresses(look, &demands.without_plural()).await;
        let rights = demands.rights(|resource| plurals.get(resource).cloned());
        for (resource, purposes) in rights.unknown() {
            for (name, obstacle) in &mut reviewed.unaddressed {
                if *name == shown(resource) {
                    obstacle.because = format!("{}; {} need it", obstacle.because, told(purposes));
                }
            }
        }
        reviewed.needed = rights.granted().len();
        for (right, why, purposes) in rights.refused() {
            reviewed.needed += 1;
            reviewed.miss(right, purposes, why);
        }
        let needed: Vec<(Right, BTreeSet<Purpose>)> =
            rights.granted().map(|(right, purposes)| (right.clone(), purposes.clone())).collect();
        let reviews = needed.into_iter().map(|(right, purposes)| async move {
            let answer = review(look, &right).await;
            (right, purposes, answer)
        });
        let answers: Vec<_> = stream::iter(reviews).buffer_unordered(AT_ONCE).collect().await;
        for (right, purposes, answer) in answers {
            match answer {
                Ok(None) => {}
                Ok(Some(words)) => reviewed.miss(&right, &purposes, &words),
                Err(obstacle) => {
                    let known = reviewed.blind.entry(obstacle.reason).or_insert((0, obstacle));
                    known.0 += 1;
                }
            }
        }
        reviewed
    }

    /// The plurals of kinds that the configuration names without.
    async fn addresses(
        &mut self,
        look: &Look<'_>,
        resources: &BTreeSet<Resource>,
    ) -> BTreeMap<Resource, String> {
        let mut plurals = BTreeMap::new();
        for resource in resources {
            if let Some(known) = plurals::known(&resource.group, &resource.kind) {
                plurals.insert(resource.clone(), known.plural.to_owned());
                continue;
            }
            let asked = look.systems.kubernetes.discover(resource);
            let answer = tokio::time::timeout_at(look.until(), asked).await;
            let answer = answer.unwrap_or_else(|_| {
                let because = format!("looking for {}: no answer in time", shown(resource));
                Err(Obstacle::new(NOT_REVIEWED, because))
            });
            match answer {
                Ok(found) => {
                    plurals.insert(resource.clone(), found.resource.plural.into_owned());
                }
                Err(obstacle) => self.unaddressed.push((shown(resource), narrowed(obstacle))),
            }
        }
        plurals
    }

    fn miss(&mut self, right: &Right, purposes: &BTreeSet<Purpose>, words: &str) {
        let place = Right { verb: "", ..right.clone() }.to_string();
        let missing = self.missing.entry(place.trim_start().to_owned()).or_default();
        missing.verbs.insert(right.verb);
        missing.purposes.extend(purposes.iter().cloned());
        words.clone_into(&mut missing.words);
    }

    /// How many rights are known to be missing; none where some could not be told.
    pub(super) fn missing(&self) -> Option<usize> {
        let whole = self.blind.is_empty() && self.unaddressed.is_empty();
        whole.then(|| self.missing.values().map(|missing| missing.verbs.len()).sum())
    }

    pub(super) fn judge(&self, judgement: &mut Judgement) {
        let Self { needed, missing, blind, unaddressed } = self;
        for (place, Missing { verbs, purposes, words }) in missing {
            let verbs = verbs.iter().copied().collect::<Vec<_>>().join(", ");
            let mut because = format!("the right is not granted; {} need it", told(purposes));
            if !words.is_empty() {
                because = format!("{because} ({})", legible(words, 200));
            }
            judgement.add(format!("{verbs} {place}"), Finding::fail(MISSING_PERMISSION, because));
        }
        for (count, obstacle) in blind.values() {
            let because =
                format!("{count} of {needed} rights can't be reviewed: {}", obstacle.because);
            let obstacle = Obstacle { because, ..obstacle.clone() };
            if obstacle.reason == Reason::UNAUTHORIZED {
                judgement.add("permissions", obstacle.into_failure());
            } else {
                judgement.add("permissions", obstacle);
            }
        }
        for (resource, obstacle) in unaddressed {
            judgement.add(resource.clone(), obstacle.clone());
        }
        if !missing.is_empty() || !blind.is_empty() || !unaddressed.is_empty() {
            return;
        }
        if *needed == 0 {
            // Reviewing takes a right itself: somebody forgot to say what is needed.
            let because = "no right is known to be needed, not even the one to review rights";
            judgement.add("permissions", Obstacle::ours(NOT_REVIEWED, because));
        } else {
            let because = format!("all {needed} rights that the configuration needs are granted");
            judgement.add("permissions", Finding::pass(because));
        }
    }
}

fn shown(resource: &Resource) -> String {
    if resource.group.is_empty() {
        resource.kind.to_string()
    } else {
        format!("{}.{}", resource.kind, resource.group)
    }
}

/// None where the right is granted; where it is not, the server's own words, which may be empty.
async fn review(look: &Look<'_>, right: &Right) -> Result<Option<String>, Obstacle> {
    let post = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": spec(right),
    });
    let ask = Ask {
        right: &review_right(),
        path: PATH,
        post: Some(&post),
        metadata_only: false,
        longest: LONGEST,
        until: look.until(),
    };
    let answer = look.systems.kubernetes.ask(look.needs, ask).await;
    let body = answer.map_err(|Refused { obstacle, .. }| narrowed(obstacle))?;
    let review = serde_json::from_slice(&body).ok();
    let status = review.and_then(|Review { status }| status);
    let Some(Status { allowed: Some(allowed), reason, evaluation_error }) = status else {
        let because = "the API server's answer to a review does not say whether it is allowed";
        return Err(Obstacle::new(NOT_REVIEWED, because));
    };
    let words = evaluation_error.or(reason).unwrap_or_default();
    Ok((!allowed).then_some(words))
}

/// Whom to blame is told by other lines: here the rights are in question, and could not be told.
fn narrowed(obstacle: Obstacle) -> Obstacle {
    let kept = [Reason::FORBIDDEN, Reason::UNAUTHORIZED, Reason::KIND_UNKNOWN];
    if obstacle.ours || kept.contains(&obstacle.reason) {
        return obstacle;
    }
    Obstacle { reason: NOT_REVIEWED, ..obstacle }
}

fn spec(right: &Right) -> Value {
    let Right { verb, group, resource, namespace, name } = right;
    if right.is_path() {
        return json!({ "nonResourceAttributes": { "verb": verb, "path": resource } });
    }
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let attributes = json!({
        "verb": verb,
        "group": group,
        "resource": resource,
        "subresource": subresource,
        "namespace": namespace.as_deref().unwrap_or_default(),
        "name": name.as_deref().unwrap_or_default(),
    });
    json!({ "resourceAttributes": attributes })
}
