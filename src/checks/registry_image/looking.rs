//! Looks: which images are meant, and what their registries say of them.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;
use tokio::time::Instant;

use super::parameters::{Deployments, Which};
use super::revision::{Revision, newest};
use super::{Look, RegistryImage, Seen};
use crate::model::finding::Obstacle;
use crate::model::image::{ImageName, running_digest};
use crate::model::reason::Reason;
use crate::systems::kubernetes::pod::Pod;
use crate::systems::kubernetes::whole::Whole;
use crate::systems::registry::{Built, Patience};

/// Images that are asked for at a time.
const AT_ONCE: usize = 8;

/// An image, and what its registry says of it.
#[derive(Debug)]
pub(super) struct Looked {
    /// Whose it is: a Deployment's container, or nobody's.
    pub(super) subject: String,
    /// As it is written.
    pub(super) image: String,
    /// The digests of what runs of it.
    pub(super) running: BTreeSet<String>,
    /// What the registry says; none where it is no reference.
    pub(super) answer: Option<Result<Built, Obstacle>>,
}

/// An image that is meant.
struct Meant {
    subject: String,
    image: String,
    running: BTreeSet<String>,
}

impl RegistryImage {
    pub(super) async fn look_at_all(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let mut seen = Seen::default();
        let mut meant: Vec<Meant> = self
            .images
            .iter()
            .map(|image| Meant {
                subject: String::new(),
                image: image.name().to_string(),
                running: BTreeSet::new(),
            })
            .collect();
        if let Some(deployments) = &self.deployments {
            meant.extend(self.of_deployments(deployments, look, &mut seen));
        }
        let names: BTreeMap<&str, Option<ImageName>> = meant
            .iter()
            .map(|meant| (meant.image.as_str(), ImageName::parse(&meant.image).ok()))
            .collect();
        // Of what is asked later than this, silence says more of our queue than of the registry.
        let begin = Instant::now();
        let late = begin + look.until().saturating_duration_since(begin) / 2;
        let distinct: BTreeSet<ImageName> = names.values().flatten().cloned().collect();
        let asked = distinct.into_iter().map(|image| async move {
            let is_late = Instant::now() > late;
            let answer = self.ask(&image, look).await;
            (image, if is_late { answer.map_err(no_time_left) } else { answer })
        });
        let answers: BTreeMap<ImageName, Result<Built, Obstacle>> =
            stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        let answer =
            |image: &str| names.get(image)?.as_ref().and_then(|name| answers.get(name)).cloned();
        seen.images = meant
            .iter()
            .map(|Meant { subject, image, running }| Looked {
                answer: answer(image),
                subject: subject.clone(),
                image: image.clone(),
                running: running.clone(),
            })
            .collect();
        Ok(seen)
    }

    async fn ask(&self, image: &ImageName, look: &Look<'_>) -> Result<Built, Obstacle> {
        let Look { systems, fresh_within, now, .. } = *look;
        let patience = Patience { until: look.until(), fresh_within, now };
        let alone_too = self.platform.is_some();
        systems.registries.built(image, &self.wanted(), alone_too, patience).await
    }

    /// The images of Deployments, those in the same namespace once.
    fn of_deployments(
        &self,
        deployments: &Deployments,
        look: &Look<'_>,
        seen: &mut Seen,
    ) -> Vec<Meant> {
        let mut revisions: BTreeMap<(String, String), Vec<Revision>> = BTreeMap::new();
        let kubernetes = &look.systems.kubernetes;
        for watch in self.replica_sets() {
            let read = kubernetes.read::<Whole, _>(look.needs, &watch, |table| {
                seen.unseen.note(table, |_| true);
                for set in table.records() {
                    match Revision::read(&set.object) {
                        Ok(Some(one)) if deployments.names.contains(&one.deployment) => {
                            let key = (set.namespace.to_string(), one.deployment.clone());
                            revisions.entry(key).or_default().push(one);
                        }
                        Ok(_) => {}
                        Err(why) => {
                            seen.unseen.unreadable(format!("{}/{}", set.namespace, set.name), why);
                        }
                    }
                }
            });
            if let Err(obstacle) = read {
                seen.unseen.blind(&watch, obstacle);
            }
        }
        let running = self.running(look, seen);
        let there: BTreeSet<&str> = revisions.keys().map(|(_, name)| name.as_str()).collect();
        // An unreadable ReplicaSet's name begins with its Deployment's, and says no more.
        if seen.unseen.is_nothing() {
            let missing = deployments.names.iter().filter(|name| !there.contains(name.as_str()));
            seen.missing.extend(missing.cloned());
        }
        let mut meant = Vec::new();
        for ((namespace, name), all) in &revisions {
            let subject = format!("{namespace}/{name}");
            let (Some(current), previous) = newest(all) else { continue };
            let chosen = match deployments.revision {
                Which::Current => Some(current),
                Which::Previous => previous,
            };
            let Some(chosen) = chosen else {
                seen.without.push((subject, no_previous(current)));
                continue;
            };
            for (container, image) in &chosen.images {
                let key = (namespace.clone(), chosen.name.clone(), container.clone());
                meant.push(Meant {
                    subject: format!("{subject} {container}"),
                    image: image.clone(),
                    running: running.get(&key).cloned().unwrap_or_default(),
                });
            }
        }
        meant
    }

    /// The digests of what runs, by namespace, `ReplicaSet` and container.
    fn running(
        &self,
        look: &Look<'_>,
        seen: &mut Seen,
    ) -> BTreeMap<(String, String, String), BTreeSet<String>> {
        let mut running: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for watch in self.pods() {
            let read = look.systems.kubernetes.read::<Pod, _>(look.needs, &watch, |table| {
                seen.unseen.note(table, |_| true);
                for pod in table.records() {
                    let Some(owner) = &pod.owner else { continue };
                    // Without a repository it is the digest of a configuration, which no registry
                    // knows by itself.
                    let by_digest = pod.running.iter().filter(|one| one.image_id.contains('@'));
                    for one in by_digest {
                        let key = (
                            pod.namespace.to_string(),
                            owner.name.to_string(),
                            one.container.to_string(),
                        );
                        running.entry(key).or_default().extend(running_digest(&one.image_id));
                    }
                }
            });
            if let Err(obstacle) = read {
                seen.unseen.blind(&watch, obstacle);
            }
        }
        running
    }
}

/// Silence towards somebody who had little time left to hear.
fn no_time_left(obstacle: Obstacle) -> Obstacle {
    if obstacle.reason == Reason::TIMED_OUT {
        let because = format!("{}; others took most of the time before", obstacle.because);
        return Obstacle::ours(super::NO_TIME_LEFT, because);
    }
    obstacle
}

fn no_previous(current: &Revision) -> Obstacle {
    if current.number == 1 {
        let because = "it has had one revision: there is nothing to go back to";
        Obstacle::ours(Reason::FIRST_DEPLOYMENT, because)
    } else {
        let because = format!(
            "it is at revision {}, and no ReplicaSet of an earlier one is left",
            current.number
        );
        Obstacle::ours(super::REVISION_GONE, because)
    }
}
