//! Endpoints by name: resolving, dialling, TLS and HTTP, with every phase timed.
//!
//! What is asked here is a check's *subject* more often than not, so each failure is an obstacle
//! that says whether it was met on our own side ([`Obstacle::ours`]) or is evidence about the peer.
//! Foreign bytes are bounded everywhere, and no client keeps connections, sessions or answers: each
//! look is made anew.

pub mod answer;
pub mod certificate;
pub mod connection;
pub mod der;
pub mod detour;
pub mod dial;
mod distrust;
pub mod exchange;
pub mod handshake;
pub mod names;
pub mod old_tls;
pub mod opened;
pub mod proxy;
pub mod proxy_header;
pub mod question;
pub mod reach;
pub mod reasons;
pub mod server_address;
pub mod staple;
pub mod starttls;
pub mod trust;
pub mod url;
pub mod web;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::trials::Trials;
use detour::Detours;
use names::Resolver;
use server_address::ServerAddress;
use trust::{Roots, SystemRoots};

/// How endpoints are found and trusted: `connections.net` in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Resolvers to ask for the addresses of endpoints, in order; the system's without any.
    /// Named here, they are asked for the names as written: no search domains, no hosts file.
    pub resolvers: Vec<ServerAddress>,
    /// PEM certificates that are trusted beside the system's roots.
    pub ca: Option<SecretSource>,
    /// Where to connect instead of to targets of `http`, `event_stream`, `tls` and connections: from
    /// inside a cluster to what stands behind its own load balancer, say. A check's own
    /// `connect_to` comes first. What is asked for, and what certificates must be for, stays.
    pub connect_to: Detours,
}

/// Endpoints by name. Cheap to clone.
#[derive(Clone)]
pub struct Net {
    trials: Arc<Trials>,
    resolver: Resolver,
    ca: Option<SecretSource>,
    detours: Arc<Detours>,
    system_roots: Arc<SystemRoots>,
}

impl Net {
    /// Endpoints as configured. Nothing is read or asked before the first look.
    pub fn new(settings: &Settings) -> Self {
        let Settings { resolvers, ca, connect_to } = settings;
        Self {
            trials: Arc::default(),
            resolver: Resolver::new(resolvers),
            ca: ca.clone(),
            detours: Arc::new(connect_to.clone()),
            system_roots: Arc::default(),
        }
    }

    /// How long ago a credential, by its digest, was refused, where that forbids to send it again.
    pub fn refused(&self, credential: [u8; 32]) -> Option<Duration> {
        self.trials.refused(credential)
    }

    /// Remembers that a credential was refused, so that no look can lock an account.
    pub fn refuse(&self, credential: [u8; 32]) {
        self.trials.refuse(credential);
    }

    /// What is known of the credentials that are sent to endpoints.
    pub fn trials(&self) -> &Trials {
        &self.trials
    }

    /// The same with other settings. What was refused stays refused.
    pub fn reconfigured(&self, settings: &Settings) -> Self {
        Self { trials: Arc::clone(&self.trials), ..Self::new(settings) }
    }

    /// Who finds addresses.
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// Who is trusted: the certificates at `ca` alone, else the system's roots and the configured
    /// ones.
    ///
    /// # Errors
    /// An obstacle of ours: a place that can't be read or holds no certificate.
    pub async fn roots(
        &self,
        secrets: &super::secrets::Secrets,
        ca: Option<&SecretSource>,
    ) -> Result<Arc<Roots>, Obstacle> {
        match (ca, &self.ca) {
            (Some(ca), _) => Ok(Arc::new(trust::private(secrets, ca).await?)),
            (None, Some(ca)) => {
                let private = trust::private(secrets, ca).await?;
                // A machine without a trust store trusts the configured ones alone.
                let all = match self.system_roots.get().await {
                    Ok(system) => private.joined(&system),
                    Err(_) => private,
                };
                Ok(Arc::new(all))
            }
            (None, None) => self.system_roots.get().await,
        }
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

/// Awaits `future` until `until`; what lasts longer is the peer's silence.
async fn within<T>(
    until: Instant,
    silence: impl FnOnce() -> String,
    future: impl Future<Output = Result<T, Obstacle>>,
) -> Result<T, Obstacle> {
    match tokio::time::timeout_at(until, future).await {
        Ok(answer) => answer,
        Err(_) => Err(Obstacle::new(Reason::TIMED_OUT, silence())),
    }
}
