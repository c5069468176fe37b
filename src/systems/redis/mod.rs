//! Redis: the store behind the queues, by URL, through Sentinel, or as a cluster.
//!
//! One connection a name (of a cluster, one a node) is kept open between looks and taken out while
//! it is used, so that a look which is given up can't leave a half-read connection to the next one.
//! Every look makes sure that it talks to a master: a replica lags behind, and no worker is connected
//! to it. Only commands that read and whose answers are bounded are sent; what a server says beyond
//! [`bounded::MOST_BYTES`] is cut off.

mod bounded;
mod clients;
mod command;
mod connection;
mod dial;
mod fleet;
pub mod info;
mod master;
mod peer;
mod sentinel;
mod session;
mod target;
pub mod topology;
mod trouble;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

pub use clients::Clients;
pub use command::{Command, Reply, Verb};
pub use connection::{Cluster, Connection, Place, Sentinel, Tls};
pub use session::{OfNode, Session};

use super::secrets::Secrets;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use session::Slot;

/// No master is known, or what is reached is a replica.
pub const NO_MASTER: Reason = Reason::new("NoMaster");

/// The connections to Redis, by the name that the configuration gives them. Cheap to clone.
#[derive(Clone)]
pub struct Redis {
    slots: BTreeMap<String, Arc<Slot>>,
    secrets: Secrets,
}

impl Redis {
    /// Connections as configured; none is dialled yet.
    pub fn new(connections: &BTreeMap<String, Connection>, secrets: Secrets) -> Self {
        let slots = connections
            .iter()
            .map(|(name, connection)| (name.clone(), Arc::new(Slot::new(connection.clone()))))
            .collect();
        Self { slots, secrets }
    }

    /// The same after a reload: a connection whose configuration did not change is kept open, and
    /// a credential that it saw refused is remembered.
    pub fn reconfigured(
        &self,
        connections: &BTreeMap<String, Connection>,
        secrets: Secrets,
    ) -> Self {
        let mut new = Self::new(connections, secrets);
        for (name, slot) in &mut new.slots {
            if let Some(old) = self.slots.get(name).filter(|old| old.serves(slot)) {
                *slot = Arc::clone(old);
            }
        }
        new
    }

    /// A session on the master behind the connection `name`, all of it before `deadline`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(&self, name: &str, deadline: Instant) -> Result<Session, Obstacle> {
        let Some(slot) = self.slots.get(name) else {
            let because = format!("no connection `{name}` is configured under `connections.redis`");
            return Err(Obstacle::ours(Reason::NOT_FOUND, because));
        };
        Session::open(slot, &self.secrets, deadline).await
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Reply;

    /// A reply as a server writes it.
    pub(crate) fn reply(wire: &str) -> Reply {
        Reply::read(wire.as_bytes()).unwrap()
    }
}
