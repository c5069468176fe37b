//! Sessions: the one connection of a name, taken out for a look and put back after it.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use super::clients::{Clients, names};
use super::command::{Command, Reply};
use super::connection::{Connection, Place, Sentinel, Tls, Url};
use super::peer::{Credential, Failed, Peer, Role, role, role_questions};
use super::{NO_MASTER, sentinel};
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;
use crate::systems::refusals::Refusals;
use crate::systems::secrets::{Secrets, digest};

/// A configured connection, and what is kept of it between looks.
pub(super) struct Slot {
    connection: Connection,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    master: Option<Live>,
    sentinel: Option<(Peer, [u8; 32])>,
    refusals: Refusals,
}

/// An open connection to the master, the credential that opened it, and who else is connected.
struct Live {
    peer: Peer,
    credential: [u8; 32],
    clients: Option<(Instant, Arc<Clients>)>,
}

/// A connection to a master, for one look at a time.
///
/// Dropped before [`Session::close`], it takes the connection with it: whoever comes next dials
/// anew instead of reading answers that were meant for somebody else.
pub struct Session {
    state: OwnedMutexGuard<State>,
    live: Live,
    deadline: Instant,
    verified: bool,
}

/// What is needed to reach the master, with the secrets as they are now.
struct Target {
    credential: Credential,
    digest: [u8; 32],
    db: u16,
    tls: Option<Tls>,
    /// The fixed address, unless sentinels know it.
    at: Option<HostPort>,
}

impl Slot {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, state: Arc::default() }
    }

    /// Whether this slot is just what `other` is to be.
    pub(super) fn serves(&self, other: &Self) -> bool {
        self.connection == other.connection
    }

    async fn target(&self, secrets: &Secrets) -> Result<Target, Obstacle> {
        let Connection { place, username, password, db, tls } = &self.connection;
        let fixed = |url: &Url, credential: Credential| Target {
            digest: credential.digest(),
            credential,
            db: db.or(url.db).unwrap_or(0),
            tls: url.tls.then(|| tls.clone().unwrap_or_default()),
            at: Some(url.at.clone()),
        };
        match place {
            Place::Url(url) => {
                Ok(fixed(url, credential(secrets, username.as_ref(), password.as_ref()).await?))
            }
            Place::UrlFrom(source) => {
                let text = secrets.read(source).await?;
                let (url, user) = Url::parse_with_user(text.expose_secret()).map_err(|()| {
                    let because = format!("{} holds no Redis URL", source.place());
                    Obstacle::ours(Reason::SECRET_MISSING, because)
                })?;
                let password = user.password.map(SecretString::from);
                Ok(fixed(&url, Credential { username: user.username, password }))
            }
            Place::Sentinel(_) => {
                let credential = credential(secrets, username.as_ref(), password.as_ref()).await?;
                Ok(Target {
                    digest: credential.digest(),
                    credential,
                    db: db.unwrap_or(0),
                    tls: tls.clone(),
                    at: None,
                })
            }
        }
    }
}

async fn credential(
    secrets: &Secrets,
    username: Option<&String>,
    password: Option<&crate::model::secret::SecretSource>,
) -> Result<Credential, Obstacle> {
    let password = match password {
        Some(source) => Some(secrets.read(source).await?),
        None => None,
    };
    Ok(Credential { username: username.cloned(), password })
}

impl Credential {
    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.username.as_deref().unwrap_or_default());
        hash.update([0]);
        if let Some(password) = &self.password {
            hash.update(digest(password));
        }
        hash.finalize().into()
    }
}

impl Session {
    pub(super) async fn open(
        slot: &Slot,
        secrets: &Secrets,
        deadline: Instant,
    ) -> Result<Self, Obstacle> {
        let Ok(mut state) = timeout_at(deadline, Arc::clone(&slot.state).lock_owned()).await else {
            let because = "another look was still waiting for this Redis";
            return Err(Obstacle::new(Reason::TIMED_OUT, because));
        };
        let target = slot.target(secrets).await?;
        // Both are put back only when they have proved to be of use.
        let kept = state.master.take();
        let kept = kept.filter(|live| live.credential == target.digest && live.peer.is_fresh());
        let live = match (&target.at, &slot.connection.place) {
            (None, Place::Sentinel(sentinel)) => {
                state.through(sentinel, secrets, &target, kept, deadline).await?
            }
            (Some(at), _) => match kept.filter(|live| live.peer.at() == at) {
                Some(live) => live,
                None => state.dial(at, &target, deadline).await?,
            },
            (None, Place::Url(_) | Place::UrlFrom(_)) => {
                return Err(Obstacle::ours(Reason::NOT_FOUND, "this Redis has no address"));
            }
        };
        Ok(Self { state, live, deadline, verified: false })
    }

    /// Sends all commands in one round trip. The first call of a session also makes sure that the
    /// server is a master.
    ///
    /// # Errors
    /// Nothing was answered. The errors of single commands are in their replies.
    pub async fn ask(&mut self, commands: Vec<Command>) -> Result<Vec<Reply>, Obstacle> {
        let commands = commands.into_iter().map(Command::into_inner);
        if self.verified {
            return self.live.peer.send(commands.collect(), self.deadline).await;
        }
        let questions = role_questions();
        let asked = questions.len();
        let commands = questions.into_iter().chain(commands).collect();
        let mut replies = self.live.peer.send(commands, self.deadline).await?;
        let rest = replies.split_off(asked);
        if role(&replies) == Role::Replica {
            let whom = self.live.peer.whom();
            let because =
                format!("{whom} is a replica: workers and their queues are seen on the master");
            return Err(Obstacle::new(NO_MASTER, because));
        }
        self.verified = true;
        Ok(rest)
    }

    /// The same, and in the same round trip the names of all connected clients, unless they are
    /// known and at most `fresh_within` old.
    ///
    /// # Errors
    /// As [`Session::ask`]. A server that does not tell its clients is an error of its own, inside.
    pub async fn ask_with_clients(
        &mut self,
        commands: Vec<Command>,
        fresh_within: Duration,
    ) -> Result<(Vec<Reply>, Result<Arc<Clients>, Obstacle>), Obstacle> {
        let now = Instant::now();
        if let Some((at, clients)) = &self.live.clients
            && now.duration_since(*at) < fresh_within
        {
            let clients = Arc::clone(clients);
            return Ok((self.ask(commands).await?, Ok(clients)));
        }
        let mut list = redis::cmd("CLIENT");
        list.arg("LIST");
        let mut flight: Vec<_> = commands.into_iter().map(Command::into_inner).collect();
        flight.push(list);
        let mut replies = self.live.peer.send(flight, self.deadline).await?;
        let clients = match replies.pop() {
            Some(reply) => names(&reply).map(Arc::new),
            None => Err(Obstacle::new(Reason::GARBLED, "Redis left out its clients")),
        };
        self.live.clients = clients.as_ref().ok().map(|clients| (now, Arc::clone(clients)));
        Ok((replies, clients))
    }

    /// Keeps the connection for the next look.
    pub fn close(self) {
        let Self { mut state, live, deadline: _, verified: _ } = self;
        state.master = Some(live);
    }
}

impl State {
    async fn dial(
        &mut self,
        at: &HostPort,
        target: &Target,
        deadline: Instant,
    ) -> Result<Live, Obstacle> {
        self.allowed(target.digest, "Redis")?;
        let Target { credential, digest, db, tls, at: _ } = target;
        match Peer::connect(at, tls.as_ref(), credential, *db, deadline).await {
            Ok(peer) => Ok(Live { peer, credential: *digest, clients: None }),
            Err(failed) => Err(self.note(failed, *digest)),
        }
    }

    /// The master as the sentinels name it; `kept` where it is still the one, or where no sentinel
    /// answers.
    async fn through(
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

    fn allowed(&self, digest: [u8; 32], whom: &str) -> Result<(), Obstacle> {
        match self.refusals.against(digest, Instant::now()) {
            None => Ok(()),
            Some(ago) => {
                let because = format!(
                    "{whom} refused this credential {} ago; it is tried again when it changes, \
                     or after 12h",
                    spoken(ago)
                );
                Err(Obstacle::new(Reason::UNAUTHORIZED, because))
            }
        }
    }

    fn note(&mut self, failed: Failed, digest: [u8; 32]) -> Obstacle {
        match failed {
            Failed::Otherwise(obstacle) => obstacle,
            Failed::Credential(obstacle) => {
                self.refusals.add(digest, Instant::now());
                obstacle
            }
        }
    }
}
