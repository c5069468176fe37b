//! Sessions: the connections of a name, taken out for a look and put back after it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use super::NO_MASTER;
use super::clients::Clients;
use super::command::{Command, Reply};
use super::connection::{Connection, Place};
use super::fleet::{Fleet, fresh};
use super::peer::{Peer, Role, role, role_questions};
use super::target::Target;
use super::topology::Topology;
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;
use crate::systems::refusals::Refusals;
use crate::systems::secrets::Secrets;

/// A configured connection, and what is kept of it between looks.
pub(super) struct Slot {
    connection: Connection,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) master: Option<Live>,
    pub(super) sentinel: Option<(Peer, [u8; 32])>,
    pub(super) refusals: Refusals,
    fleet: Option<Fleet>,
}

/// An open connection to the master, the credential that opened it, and who else is connected to its
/// database.
pub(super) struct Live {
    pub(super) peer: Peer,
    pub(super) credential: [u8; 32],
    /// The database that was selected on it.
    pub(super) db: u16,
    pub(super) clients: Option<(Instant, Arc<Clients>)>,
}

/// A connection to a master, or to all masters of a cluster, for one look at a time.
///
/// Dropped before [`Session::close`], it takes the connection with it: whoever comes next dials
/// anew instead of reading answers that were meant for somebody else.
pub struct Session {
    state: OwnedMutexGuard<State>,
    reach: Reach,
    target: Target,
    deadline: Instant,
    verified: bool,
}

enum Reach {
    One(Box<Live>),
    Many(Box<Fleet>),
}

/// A node's address, empty where there is but one, and what it answered.
pub type OfNode = (String, Result<Vec<Reply>, Obstacle>);

impl Slot {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, state: Arc::default() }
    }

    /// Whether this slot is just what `other` is to be.
    pub(super) fn serves(&self, other: &Self) -> bool {
        self.connection == other.connection
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
        let target = Target::of(&slot.connection, secrets).await?;
        // What is kept is put back only when it has proved to be of use.
        let kept = state.master.take();
        let kept = kept.filter(|live| live.serves(&target) && live.peer.is_fresh());
        let reach = match (&target.at, &slot.connection.place) {
            (None, Place::Sentinel(sentinel)) => Reach::One(Box::new(
                state.through(sentinel, secrets, &target, kept, deadline).await?,
            )),
            (None, Place::Cluster(cluster)) => {
                Reach::Many(Box::new(state.fleet(&cluster.addresses, &target, deadline).await?))
            }
            (Some(at), _) => Reach::One(Box::new(match kept.filter(|live| live.peer.at() == at) {
                Some(live) => live,
                None => state.dial(at, &target, deadline).await?,
            })),
            (None, Place::Url(_) | Place::UrlFrom(_)) => {
                return Err(Obstacle::ours(Reason::NOT_FOUND, "this Redis has no address"));
            }
        };
        Ok(Self { state, reach, target, deadline, verified: false })
    }

    /// Sends all commands in one round trip, and `of_each` to every master there is. The first call
    /// of a session also makes sure that a server is a master, or where the nodes of a cluster are.
    ///
    /// # Errors
    /// Nothing was answered. The errors of single commands are in their replies.
    pub async fn ask(
        &mut self,
        commands: Vec<Command>,
        of_each: &(dyn Fn(&str) -> Vec<Command> + Sync),
    ) -> Result<(Vec<Reply>, Vec<OfNode>), Obstacle> {
        let first = !std::mem::replace(&mut self.verified, true);
        match &mut self.reach {
            Reach::One(live) => {
                let about_keys = commands.len();
                let commands = commands.into_iter().chain(of_each(""));
                let mut flight: Vec<_> = commands.map(Command::into_inner).collect();
                let questions = role_questions();
                let asked = if first { questions.len() } else { 0 };
                if first {
                    flight.splice(0..0, questions);
                }
                let mut replies = live.peer.send(flight, self.deadline).await?;
                let mut rest = replies.split_off(asked);
                if first && role(&replies) == Role::Replica {
                    let whom = live.peer.whom();
                    let because = format!(
                        "{whom} is a replica: workers and their queues are seen on the master"
                    );
                    return Err(Obstacle::new(NO_MASTER, because));
                }
                let of_node = rest.split_off(about_keys);
                Ok((rest, vec![(String::new(), Ok(of_node))]))
            }
            Reach::Many(fleet) => {
                let landed =
                    fleet.fly(&self.target, &commands, of_each, first, self.deadline).await?;
                if landed.refused {
                    self.state.refusals.add(self.target.digest, Instant::now());
                }
                let of_each = landed.of_each.into_iter();
                let of_each = of_each.map(|(at, answers)| (at.to_string(), answers)).collect();
                Ok((landed.replies, of_each))
            }
        }
    }

    /// Sends all commands, and in the same round trip asks for the names of all connected clients,
    /// unless they are known and at most `fresh_within` old.
    ///
    /// # Errors
    /// As [`Session::ask`]. A server that does not tell its clients is an error of its own, inside.
    pub async fn ask_with_clients(
        &mut self,
        commands: Vec<Command>,
        fresh_within: Duration,
    ) -> Result<(Vec<Reply>, Result<Arc<Clients>, Obstacle>), Obstacle> {
        let known = match &self.reach {
            Reach::One(live) => fresh(live.clients.as_ref(), fresh_within),
            Reach::Many(fleet) => fresh(fleet.clients.as_ref(), fresh_within),
        };
        if let Some(clients) = known {
            return Ok((self.ask(commands, &|_| Vec::new()).await?.0, Ok(clients)));
        }
        let now = Instant::now();
        let (replies, of_each) = self.ask(commands, &|_| vec![Command::clients()]).await?;
        let left_out = || Obstacle::new(Reason::GARBLED, "Redis left out its clients");
        let answers = of_each.into_iter().map(|(_, answers)| answers?.pop().ok_or_else(left_out));
        let db = match &self.reach {
            Reach::One(live) => live.db,
            // A cluster has this one alone.
            Reach::Many(_) => 0,
        };
        let clients = Clients::of(db, answers.collect()).map(Arc::new);
        let kept = clients.as_ref().ok().filter(|clients| clients.silent.is_none());
        let kept = kept.map(|clients| (now, Arc::clone(clients)));
        match &mut self.reach {
            Reach::One(live) => live.clients = kept,
            Reach::Many(fleet) => fleet.clients = kept,
        }
        Ok((replies, clients))
    }

    /// The cluster that this leads to, where it leads to one.
    pub fn topology(&self) -> Option<Arc<Topology>> {
        match &self.reach {
            Reach::One(_) => None,
            Reach::Many(fleet) => Some(fleet.topology()),
        }
    }

    /// Keeps the connection for the next look.
    pub fn close(self) {
        let Self { mut state, reach, target: _, deadline: _, verified: _ } = self;
        match reach {
            Reach::One(live) => state.master = Some(*live),
            Reach::Many(fleet) => state.fleet = Some(*fleet),
        }
    }
}

impl Live {
    /// Whether it is what would be dialled: a URL in a secret may name another database by now.
    fn serves(&self, target: &Target) -> bool {
        self.credential == target.digest && self.db == target.db
    }
}

impl State {
    /// What is known of the cluster, or learned from the first of `seeds` that tells.
    async fn fleet(
        &mut self,
        seeds: &[HostPort],
        target: &Target,
        deadline: Instant,
    ) -> Result<Fleet, Obstacle> {
        // A known cluster, too, may have nodes that are still to be dialled.
        self.allowed(target.digest, "Redis")?;
        let kept = self.fleet.take().filter(|fleet| fleet.credential == target.digest);
        if let Some(kept) = kept.filter(|fleet| !fleet.topology().masters().is_empty()) {
            return Ok(kept);
        }
        match Fleet::learn(seeds, target, deadline).await {
            Ok(fleet) => Ok(fleet),
            Err(failed) => Err(self.note(failed, target.digest)),
        }
    }
}
