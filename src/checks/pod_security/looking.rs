//! What a look sees: templates, the users of images, policies and accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use tokio::time::Instant;

use super::PodSecurity;
use super::accounts::{self, Account, MOST_ACCOUNTS, Powers};
use super::isolation::{Peer, Policies};
use super::parameters::Control;
use super::user::{Asked, left_to_images};
use crate::checks::Look;
use crate::model::finding::Obstacle;
use crate::model::image::ImageName;
use crate::model::reason::Reason;
use crate::systems::kubernetes::Table;
use crate::systems::kubernetes::pod::{Phase, Pod};
use crate::systems::kubernetes::template::{Running, Template};
use crate::systems::registry::Patience;

/// The most images whose registries one look asks.
const MOST_IMAGES: usize = 500;
/// How many images of one registry are asked for at a time.
const AT_A_TIME: usize = 4;

/// The pods of one workload that are of one template.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) namespace: Arc<str>,
    pub(super) workload: String,
    pub(super) template: Arc<Template>,
    /// What runs of it: usually the same everywhere.
    pub(super) running: Vec<Arc<[Running]>>,
    pub(super) pods: u64,
}

/// What a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub(super) groups: Vec<Group>,
    /// Pods that run, by namespace.
    pub(super) pods: BTreeMap<Arc<str>, u64>,
    /// The users of images, as far as containers leave it to them.
    pub(super) users: BTreeMap<ImageName, Asked>,
    pub(super) peers: BTreeMap<Arc<str>, Vec<Peer>>,
    pub(super) policies: Policies,
    pub(super) powers: Powers,
    /// Accounts that were not asked about.
    pub(super) accounts_more: u64,
    /// Pods that do not say by which account they run.
    pub(super) nameless: Vec<String>,
    /// Objects that can't be read, and what is wrong with them.
    pub(super) garbled: Vec<(String, String)>,
    pub(super) garbled_more: u64,
    /// Namespaces that can't be seen.
    pub(super) blind: Vec<(String, Obstacle)>,
    /// Namespaces whose policies can't be seen.
    pub(super) unseen_policies: Vec<(String, Obstacle)>,
}

impl PodSecurity {
    pub(super) async fn look(&self, look: &Look<'_>) -> Seen {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        for watch in self.pods() {
            if let Some(namespace) = &watch.namespace {
                seen.pods.entry(namespace.as_str().into()).or_default();
            }
            let mut groups = Groups::default();
            if let Err(obstacle) = kubernetes.read(look.needs, &watch, |table| groups.take(table)) {
                let namespace = watch.namespace.unwrap_or_default();
                seen.pods.remove(namespace.as_str());
                seen.blind.push((namespace, obstacle));
            }
            groups.settle(&mut seen);
        }
        if self.isolated {
            for watch in self.policies() {
                let read = kubernetes.read(look.needs, &watch, |table| seen.policies.take(table));
                if let Err(obstacle) = read {
                    let namespace = watch.namespace.unwrap_or_default();
                    seen.unseen_policies.push((namespace, obstacle));
                }
            }
        }
        if self.judges(Control::NonRoot) {
            seen.users = self.users(look, &seen.groups).await;
        }
        if self.service_accounts {
            seen.ask_accounts(look).await;
        }
        seen
    }

    async fn users(&self, look: &Look<'_>, groups: &[Group]) -> BTreeMap<ImageName, Asked> {
        let mut wanted = BTreeSet::new();
        for group in groups {
            for running in &group.running {
                left_to_images(&group.template, running, &mut wanted);
            }
        }
        let mut by_registry: BTreeMap<String, Vec<ImageName>> = BTreeMap::new();
        for image in wanted.into_iter().take(MOST_IMAGES) {
            by_registry.entry(image.registry().to_owned()).or_default().push(image);
        }
        let asked = by_registry.into_values().map(|images| self.ask_registry(look, images));
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Asks one registry. Where it is itself in trouble, it is left alone until the next look.
    async fn ask_registry(
        &self,
        look: &Look<'_>,
        images: Vec<ImageName>,
    ) -> Vec<(ImageName, Asked)> {
        let patience =
            Patience { until: look.until(), fresh_within: look.fresh_within, now: look.now };
        let registries = &look.systems.registries;
        let mut all = Vec::with_capacity(images.len());
        let mut trouble: Option<Obstacle> = None;
        for some in images.chunks(AT_A_TIME) {
            if Instant::now() >= patience.until {
                let because = "its registry was not asked within the time allowed";
                trouble.get_or_insert_with(|| Obstacle::new(Reason::TIMED_OUT, because));
            }
            if let Some(trouble) = &trouble {
                all.extend(some.iter().map(|image| (image.clone(), Err(trouble.clone()))));
                continue;
            }
            let ask = |image: &ImageName| {
                let image = image.clone();
                async move {
                    let config = registries.config(&image, &self.platform, patience).await;
                    (image, config.map(|config| config.user.clone()))
                }
            };
            let answers = join_all(some.iter().map(ask)).await;
            let mut troubled = answers.iter().filter_map(|(_, answer)| answer.as_ref().err());
            trouble = troubled.find(|obstacle| is_of_registry(obstacle)).cloned();
            all.extend(answers);
        }
        all
    }
}

/// Whether a refusal is likely to be the same for every other image.
fn is_of_registry(obstacle: &Obstacle) -> bool {
    let of_image = [Reason::NOT_FOUND, Reason::FORBIDDEN, Reason::GARBLED, Reason::TOO_LARGE];
    !of_image.contains(&obstacle.reason) && obstacle.reason != Reason::UNAUTHORIZED
}

impl Seen {
    async fn ask_accounts(&mut self, look: &Look<'_>) {
        let mut accounts: BTreeSet<Account> = BTreeSet::new();
        for Group { namespace, workload, template, .. } in &self.groups {
            match &template.service_account {
                Some(name) => {
                    accounts.insert((Arc::clone(namespace), name.clone()));
                }
                None => self.nameless.push(format!("{namespace}/{workload}")),
            }
        }
        self.accounts_more = accounts.len().saturating_sub(MOST_ACCOUNTS) as u64;
        let accounts = accounts.into_iter().take(MOST_ACCOUNTS).collect();
        self.powers = accounts::ask(look, accounts).await;
    }
}

/// Groups while they are gathered.
#[derive(Default)]
struct Groups {
    known: BTreeMap<(Arc<str>, String, usize), Group>,
    peers: BTreeMap<(Arc<str>, String, usize, bool), Peer>,
    garbled: Vec<(String, String)>,
    garbled_more: u64,
}

impl Groups {
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
        let workload = pod.workload().to_owned();
        if pod.template.containers.is_empty() {
            let why = "the API server does not give spec.containers".to_owned();
            self.garbled.push((format!("{}/{}", pod.namespace, pod.name), why));
            return;
        }
        let labels = Arc::as_ptr(&pod.labels) as usize;
        let host = pod.template.security.host_network;
        let key = (Arc::clone(&pod.namespace), workload.clone(), labels, host);
        let peer = self.peers.entry(key).or_insert_with(|| Peer {
            workload: workload.clone(),
            labels: Arc::clone(&pod.labels),
            host_network: host,
            pods: 0,
        });
        peer.pods += 1;
        let template = Arc::as_ptr(&pod.template) as usize;
        let key = (Arc::clone(&pod.namespace), workload.clone(), template);
        let group = self.known.entry(key).or_insert_with(|| Group {
            namespace: Arc::clone(&pod.namespace),
            workload,
            template: Arc::clone(&pod.template),
            running: Vec::new(),
            pods: 0,
        });
        group.pods += 1;
        if !group.running.iter().any(|known| Arc::ptr_eq(known, &pod.running)) {
            group.running.push(Arc::clone(&pod.running));
        }
    }

    fn settle(self, seen: &mut Seen) {
        let Self { known, peers, garbled, garbled_more } = self;
        for ((namespace, ..), peer) in peers {
            seen.peers.entry(namespace).or_default().push(peer);
        }
        for group in known.into_values() {
            *seen.pods.entry(Arc::clone(&group.namespace)).or_default() += group.pods;
            seen.groups.push(group);
        }
        seen.garbled.extend(garbled);
        seen.garbled_more += garbled_more;
    }
}
