//! Finding the master: dialled at its address, or where the sentinels say that it is.

use tokio::time::Instant;

use super::connection::Sentinel;
use super::peer::{Credential, Failed, Peer, Role, role, role_questions};
use super::session::{Live, State};
use super::target::{Target, credential};
use super::{NO_MASTER, sentinel};
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;
use crate::systems::refusals::AGAIN;
use crate::systems::secrets::Secrets;

impl State {
    /// A connection to the server at `at`, unless its credential must not be tried.
    pub(super) async fn dial(
        &mut self,
        at: &HostPort,
        target: &Target,
        deadline: Instant,
    ) -> Result<Live, Obstacle> {
        self.allowed(target.digest, "Redis")?;
        let Target { credential, digest, db, tls, at: _ } = target;
        match Peer::connect(at, tls.as_ref(), credential, *db, deadline).await {
            Ok(peer) => Ok(Live { peer, credential: *digest, db: *db, clients: None }),
            Err(failed) => Err(self.note(failed, *digest)),
        }
    }

    /// The master as the sentinels name it; `kept` where it is still the one, or where no sentinel
    /// answers.
    pub(super) async fn through(
        &mut self,
        sentinel: &Sentinel,
        secrets: &Secrets,
        target: &Target,
        mut kept: Option<Live>,
        deadline: Instant,
    ) -> Result<Live, Obstacle> {
        let credential =
            credential(secrets, sentinel.username.as_ref(), sentinel.password.as_ref()).await?;
        let mut last = None;
        for (asked, at) in self.in_order(sentinel).into_iter().enumerate() {
            let left = sentinel.addresses.len() - asked - 1;
            let until = sentinel::time_for_one(deadline, left);
            let master = match self.where_is(&at, sentinel, &credential, until).await {
                Ok(master) => master,
                Err(obstacle) => {
                    last = Some(obstacle);
                    continue;
                }
            };
            if let Some(live) = kept.take_if(|live| *live.peer.at() == master) {
                return Ok(live);
            }
            match self.dial_master(&master, target, deadline).await {
                Ok(live) => return Ok(live),
                // A sentinel that was cut off names the master of yesterday: ask the next one.
                Err(obstacle) if obstacle.reason == NO_MASTER && left > 0 => last = Some(obstacle),
                Err(obstacle) => return Err(obstacle),
            }
        }
        match (kept, last) {
            (Some(live), _) => Ok(live),
            (None, Some(Obstacle { reason, because, ours })) => {
                let because = format!("no sentinel leads to the master; the last one: {because}");
                Err(Obstacle { reason, because, ours })
            }
            (None, None) => Err(Obstacle::ours(Reason::NOT_FOUND, "no sentinel is configured")),
        }
    }

    async fn dial_master(
        &mut self,
        at: &HostPort,
        target: &Target,
        deadline: Instant,
    ) -> Result<Live, Obstacle> {
        let mut live = self.dial(at, target, deadline).await?;
        let answers = live.peer.send(role_questions().into(), deadline).await?;
        match role(&answers) {
            Role::Master => Ok(live),
            Role::Replica => {
                let because = format!("{} is named as master and is none", live.peer.whom());
                Err(Obstacle::new(NO_MASTER, because))
            }
        }
    }

    /// The sentinels' addresses, the one that is connected first.
    fn in_order(&self, sentinel: &Sentinel) -> Vec<HostPort> {
        let mut addresses = sentinel.addresses.clone();
        if let Some((peer, _)) = &self.sentinel {
            addresses.sort_by_key(|at| at != peer.at());
        }
        addresses
    }

    async fn where_is(
        &mut self,
        at: &HostPort,
        sentinel: &Sentinel,
        credential: &Credential,
        deadline: Instant,
    ) -> Result<HostPort, Obstacle> {
        let digest = credential.digest();
        let kept = self.sentinel.take();
        let kept = kept.filter(|(peer, by)| peer.at() == at && *by == digest && peer.is_fresh());
        let mut peer = match kept {
            Some((peer, _)) => peer,
            None => {
                self.allowed(digest, "the sentinel")?;
                match sentinel::connect(at, sentinel, credential, deadline).await {
                    Ok(peer) => peer,
                    Err(failed) => return Err(self.note(failed, digest)),
                }
            }
        };
        let master = sentinel::ask(&mut peer, sentinel, deadline).await?;
        self.sentinel = Some((peer, digest));
        Ok(master)
    }

    /// Whether a credential may be tried.
    pub(super) fn allowed(&self, digest: [u8; 32], whom: &str) -> Result<(), Obstacle> {
        match self.refusals.against(digest, Instant::now()) {
            None => Ok(()),
            Some(ago) => {
                let because =
                    format!("{whom} refused this credential {} ago; {AGAIN}", spoken(ago));
                Err(Obstacle::new(Reason::UNAUTHORIZED, because))
            }
        }
    }

    /// Remembers a refused credential.
    pub(super) fn note(&mut self, failed: Failed, digest: [u8; 32]) -> Obstacle {
        match failed {
            Failed::Otherwise(obstacle) => obstacle,
            Failed::Credential(obstacle) => {
                self.refusals.add(digest, Instant::now());
                obstacle
            }
        }
    }
}
