//! A kept watch, and how tests ask about it.

use std::collections::BTreeSet;

use vigie::model::needs::{Needs, Resource, Watch};
use vigie::model::reason::Reason;
use vigie::systems::kubernetes::pod::Pod;
use vigie::systems::kubernetes::{PODS, Pace, Table};

use super::{Cluster, NAMESPACE, brisk, until};

/// A kept watch, and how to ask about it.
pub struct Watched {
    pub cluster: Cluster,
    pub needs: Needs,
    pub watch: Watch,
}

impl Watched {
    pub async fn pods() -> Self {
        Self::paced(brisk()).await
    }

    pub async fn paced(pace: Pace) -> Self {
        let mut cluster = Cluster::start().await;
        cluster.connect(&cluster.connection(""), pace);
        Self::of(cluster, PODS)
    }

    /// Watches nothing yet.
    pub fn of(cluster: Cluster, resource: Resource) -> Self {
        let watch = Watch::all(resource).within(NAMESPACE);
        let needs = Needs { watches: vec![watch.clone()], ..Needs::default() };
        Self { cluster, needs, watch }
    }

    pub async fn keep(&self) {
        let kubernetes = &self.cluster.systems.kubernetes;
        kubernetes.keep(&BTreeSet::from([self.watch.clone()]));
        kubernetes.settled(&self.needs.watches).await;
    }

    pub fn names(&self) -> Result<Vec<String>, Reason> {
        let names = |table: &Table<Pod>| table.records().map(|pod| pod.name.to_string()).collect();
        let read = self.cluster.systems.kubernetes.read(&self.needs, &self.watch, names);
        read.map_err(|obstacle| obstacle.reason)
    }

    pub async fn shows(&self, names: &[&str]) {
        let wanted = Ok(names.iter().map(|&name| name.to_owned()).collect());
        let seen = until(async || self.names(), |seen| *seen == wanted).await;
        assert_eq!(seen, wanted);
    }

    pub async fn says(&self, reason: Reason) {
        assert_eq!(until(async || self.names(), |seen| *seen == Err(reason)).await, Err(reason));
    }

    pub fn is_up(&self) -> bool {
        self.cluster.systems.kubernetes.streams()[0].up
    }

    pub async fn is_up_again(&self) {
        assert!(until(async || self.is_up(), |up| *up).await, "the stream is up");
    }

    pub async fn goes_down(&self) {
        assert!(!until(async || self.is_up(), |up| !*up).await, "the stream is down");
    }
}
