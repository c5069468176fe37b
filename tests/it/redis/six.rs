//! A Redis Cluster of six: three masters, each with a replica.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};
use vigie::systems::Systems;
use vigie::systems::clock::Clock;

use super::PATIENCE;
use super::server::{Server, free_port, say};
use crate::support::systems;

/// The servers, the first three of which begin as masters.
pub struct Six {
    pub nodes: Vec<Server>,
}

impl Six {
    pub async fn start() -> Self {
        let lines = [
            "cluster-enabled yes",
            "cluster-node-timeout 1000",
            "save \"\"",
            "repl-diskless-sync-delay 0",
        ];
        let mut nodes = Vec::new();
        for _ in 0..6 {
            nodes.push(Server::redis(&lines).await);
        }
        let created = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)))
            .args(["--cluster-replicas", "1", "--cluster-yes"])
            .stdin(Stdio::null())
            .output()
            .await
            .expect("redis-cli; `tests/setup.sh` installs it with redis-server");
        let told = String::from_utf8_lossy(&created.stdout);
        assert!(created.status.success(), "{told}");
        let six = Self { nodes };
        six.settle().await;
        six
    }

    /// Waits until every node knows all others, and every replica is connected.
    async fn settle(&self) {
        let end = Instant::now() + PATIENCE;
        for node in &self.nodes {
            loop {
                let told = say(node.port, "CLUSTER NODES").await.expect("an answer");
                let info = say(node.port, "CLUSTER INFO").await.expect("an answer");
                let up = info.contains("cluster_state:ok");
                if up
                    && told.matches("slave").count() == 3
                    && told.matches(" connected").count() == 6
                {
                    break;
                }
                assert!(Instant::now() < end, "the cluster never came up: {told}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Vigie's way there: by the address of nobody, then by those of all nodes.
    pub fn systems(&self) -> Systems {
        let nodes = self.nodes.iter().map(|node| node.port);
        let addresses: Vec<_> = std::iter::once(free_port())
            .chain(nodes)
            .map(|port| format!("'127.0.0.1:{port}'"))
            .collect();
        let addresses = addresses.join(", ");
        let connection =
            format!("redis: {{ default: {{ cluster: {{ addresses: [{addresses}] }} }} }}");
        systems(&connection, Clock::System)
    }

    /// Which of the nodes keeps a key.
    pub async fn owner(&self, key: &str) -> usize {
        for (at, node) in self.nodes.iter().enumerate() {
            let told = say(node.port, &format!("EXISTS {key}")).await.unwrap_or_default();
            if told.starts_with(':') {
                return at;
            }
        }
        panic!("nobody keeps {key}");
    }

    /// Waits until the nodes that keep these keys have no key that their replicas lack.
    pub async fn replicated(&self, keys: &[&str]) {
        let mut owners = BTreeSet::new();
        for key in keys {
            owners.insert(self.owner(key).await);
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let (mut kept, mut all) = (0, 0);
            for node in 0..self.nodes.len() {
                let told = self.tell(node, "DBSIZE").await;
                let size: u32 = told.trim_start_matches(':').trim().parse().expect("a number");
                all += size;
                kept += if owners.contains(&node) { size } else { 0 };
            }
            if all == 2 * kept {
                return;
            }
            assert!(Instant::now() < end, "{all} keys in all, {kept} with their owners");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// A node's id.
    pub async fn id(&self, node: usize) -> String {
        let told = say(self.nodes[node].port, "CLUSTER MYID").await.expect("an answer");
        told.lines().nth(1).expect("an id").to_owned()
    }

    /// Tells a node, which must not complain.
    pub async fn tell(&self, node: usize, line: &str) -> String {
        let told = say(self.nodes[node].port, line).await.expect("an answer");
        assert!(!told.starts_with('-'), "{line}: {told}");
        told
    }
}
