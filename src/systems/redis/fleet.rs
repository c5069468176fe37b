//! The nodes of a Redis Cluster: one connection to each that keeps slots, asked side by side.
//!
//! Every look begins with the topology of the look before and asks for the present one along with
//! its first questions, so that it costs no round trip of its own. Keys that have moved meanwhile
//! are asked for again where the node says that they are, once. A node that is silent blinds those
//! who ask for its keys, and nobody else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use redis::{Cmd, Value};
use tokio::time::Instant;

use super::clients::Clients;
use super::command::{Command, Reply};
use super::dial::share;
use super::peer::{Failed, Peer};
use super::target::Target;
use super::topology::{Topology, slot};
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;

/// Questions about the cluster itself, which go first to a node: as many as [`topology`] reads.
const QUESTIONS: usize = 2;

/// An obstacle, or a node's answers to each question that went to it.
pub(super) type OfNode = (HostPort, Result<Vec<Reply>, Obstacle>);

/// What is kept of a cluster between looks.
pub(super) struct Fleet {
    pub(super) credential: [u8; 32],
    pub(super) clients: Option<(Instant, Arc<Clients>)>,
    topology: Arc<Topology>,
    peers: BTreeMap<HostPort, Peer>,
}

/// What a flight brought.
pub(super) struct Landed {
    /// The answers to the commands about keys, in their order.
    pub(super) replies: Vec<Reply>,
    /// The answers of each master to what all of them were asked.
    pub(super) of_each: Vec<OfNode>,
    /// Whether a node refused the credential, so that it must not be tried again.
    pub(super) refused: bool,
}

/// A node, the places of its answers, and the answers.
type Sent = (HostPort, Vec<usize>, Result<Vec<Reply>, Failed>);

/// What goes to one node.
#[derive(Default)]
struct Load {
    /// Where each reply belongs among those of the flight.
    places: Vec<usize>,
    commands: Vec<Cmd>,
}

impl Fleet {
    /// A cluster of which nothing is known but where some of its nodes are.
    pub(super) async fn learn(
        seeds: &[HostPort],
        target: &Target,
        deadline: Instant,
    ) -> Result<Self, Failed> {
        let mut last = None;
        for (asked, at) in seeds.iter().enumerate() {
            // Half of the time is for the questions themselves.
            let until = share(share(deadline, 2), seeds.len() - asked);
            match learn_from(at, target, until).await {
                Ok((topology, peer)) => {
                    return Ok(Self {
                        credential: target.digest,
                        clients: None,
                        topology: Arc::new(topology),
                        peers: BTreeMap::from([(at.clone(), peer)]),
                    });
                }
                Err(failed @ Failed::Credential(_)) => return Err(failed),
                Err(Failed::Otherwise(obstacle)) => last = Some(obstacle),
            }
        }
        let none = || Obstacle::ours(Reason::NOT_FOUND, "no node of the cluster is configured");
        Err(Failed::Otherwise(last.unwrap_or_else(none)))
    }

    /// The cluster as its nodes describe it.
    pub(super) fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.topology)
    }

    /// Sends every command to whoever keeps its key, and `of_each` to every master, in one round
    /// trip; `first` asks for the topology, too.
    ///
    /// # Errors
    /// No node answered.
    pub(super) async fn fly(
        &mut self,
        target: &Target,
        commands: &[Command],
        of_each: &(dyn Fn(&str) -> Vec<Command> + Sync),
        first: bool,
        deadline: Instant,
    ) -> Result<Landed, Obstacle> {
        // Where it is the first of two, the other half of the time is the second's.
        let until = if first { share(deadline, 2) } else { deadline };
        let mut replies: Vec<Option<Reply>> = vec![None; commands.len()];
        let mut loads: BTreeMap<HostPort, Load> =
            self.topology.masters().into_iter().map(|at| (at, Load::default())).collect();
        for (place, command) in commands.iter().enumerate() {
            let owner = self.topology.owner(slot(command.key())).and_then(|owner| owner.at.clone());
            match owner.and_then(|at| loads.get_mut(&at)) {
                Some(load) => {
                    load.places.push(place);
                    load.commands.push(command.as_cmd().clone());
                }
                None => replies[place] = Some(Reply::lost(unserved(command))),
            }
        }
        let asked = self.send(target, loads, of_each, first, until).await;
        let mut landed = self.land(asked, first, &mut replies);
        if let Some((_, Err(obstacle))) = landed.of_each.first()
            && landed.of_each.iter().all(|(_, answers)| answers.is_err())
        {
            return Err(obstacle.clone());
        }
        landed.replies = replies.into_iter().map(|reply| reply.unwrap_or_else(left_out)).collect();
        self.follow(target, commands, &mut landed.replies, deadline).await;
        Ok(landed)
    }

    /// Puts every answer where it belongs, and takes over the newest view of the cluster.
    fn land(&mut self, asked: Vec<Sent>, first: bool, replies: &mut [Option<Reply>]) -> Landed {
        let mut landed = Landed { replies: Vec::new(), of_each: Vec::new(), refused: false };
        let mut views = Vec::new();
        for (at, places, answered) in asked {
            landed.refused |= matches!(answered, Err(Failed::Credential(_)));
            let answered = answered.map_err(Failed::into_obstacle).map(|mut answers| {
                if first {
                    let rest = answers.split_off(QUESTIONS.min(answers.len()));
                    views.extend(topology(&answers, &at).ok());
                    answers = rest;
                }
                let of_node = answers.split_off(places.len().min(answers.len()));
                for (place, reply) in places.iter().zip(answers) {
                    replies[*place] = Some(reply);
                }
                of_node
            });
            if let Err(obstacle) = &answered {
                for place in places {
                    replies[place] = Some(Reply::lost(obstacle.clone()));
                }
            }
            landed.of_each.push((at, answered));
        }
        let newest = views.into_iter().max_by_key(|view| (view.trouble.is_none(), view.epoch));
        if let Some(newest) = newest {
            self.topology = Arc::new(newest);
        }
        landed
    }

    /// Sends what goes to each node, to all of them at once.
    async fn send(
        &mut self,
        target: &Target,
        loads: BTreeMap<HostPort, Load>,
        of_each: &(dyn Fn(&str) -> Vec<Command> + Sync),
        first: bool,
        until: Instant,
    ) -> Vec<Sent> {
        let flights = loads.into_iter().map(|(at, load)| {
            let kept = self.peers.remove(&at).filter(Peer::is_fresh);
            let mut commands = if first { questions().into() } else { Vec::new() };
            commands.extend(load.commands);
            let of_this = of_each(&at.to_string());
            commands.extend(of_this.into_iter().map(Command::into_inner));
            async move {
                let answered = ask(&at, kept, target, commands, until).await;
                (at, load.places, answered)
            }
        });
        let landed = join_all(flights).await;
        let mut answered = Vec::with_capacity(landed.len());
        for (at, places, answers) in landed {
            let answers = answers.map(|(peer, answers)| {
                self.peers.insert(at.clone(), peer);
                answers
            });
            answered.push((at, places, answers));
        }
        answered
    }

    /// Asks again for what a node says another keeps, where it says so. Once: what moves faster than
    /// that is told as it is.
    async fn follow(
        &mut self,
        target: &Target,
        commands: &[Command],
        replies: &mut [Reply],
        deadline: Instant,
    ) {
        let mut loads: BTreeMap<HostPort, Load> = BTreeMap::new();
        for (place, reply) in replies.iter().enumerate() {
            let (Some((at, asking)), Some(command)) = (elsewhere(reply), commands.get(place))
            else {
                continue;
            };
            let load = loads.entry(at).or_default();
            if asking {
                load.commands.push(redis::cmd("ASKING"));
            }
            load.places.push(load.commands.len());
            load.places.push(place);
            load.commands.push(command.as_cmd().clone());
        }
        if loads.is_empty() {
            return;
        }
        let nothing = |_: &str| Vec::new();
        for (_, places, answered) in self.send(target, loads, &nothing, false, deadline).await {
            let answers = answered.map_err(Failed::into_obstacle);
            for pair in places.chunks_exact(2) {
                replies[pair[1]] = match &answers {
                    Ok(answers) => answers.get(pair[0]).cloned().unwrap_or_else(left_out),
                    Err(obstacle) => Reply::lost(obstacle.clone()),
                };
            }
        }
    }
}

fn left_out() -> Reply {
    Reply::lost(Obstacle::new(Reason::GARBLED, "Redis left out an answer"))
}

fn questions() -> [Cmd; QUESTIONS] {
    ["NODES", "INFO"].map(|word| {
        let mut question = redis::cmd("CLUSTER");
        question.arg(word);
        question
    })
}

fn topology(answers: &[Reply], asked: &HostPort) -> Result<Topology, Obstacle> {
    let [nodes, info] = answers else {
        return Err(Obstacle::new(Reason::GARBLED, "Redis does not describe its cluster"));
    };
    Topology::read(nodes.long_text()?, info.long_text()?, asked)
}

async fn learn_from(
    at: &HostPort,
    target: &Target,
    until: Instant,
) -> Result<(Topology, Peer), Failed> {
    let (peer, answers) = ask(at, None, target, questions().into(), until).await?;
    let topology = topology(&answers, at).map_err(Failed::Otherwise)?;
    Ok((topology, peer))
}

async fn ask(
    at: &HostPort,
    kept: Option<Peer>,
    target: &Target,
    commands: Vec<Cmd>,
    until: Instant,
) -> Result<(Peer, Vec<Reply>), Failed> {
    let mut peer = match kept {
        Some(peer) => peer,
        None => Peer::connect(at, target.tls.as_ref(), &target.credential, 0, until).await?,
    };
    let answers = peer.send(commands, until).await.map_err(Failed::Otherwise)?;
    Ok((peer, answers))
}

fn unserved(command: &Command) -> Obstacle {
    let because = format!(
        "no node of the Redis Cluster that is alive keeps slot {}, where this key belongs",
        slot(command.key())
    );
    Obstacle::new(Reason::SERVER_ERROR, because)
}

/// `MOVED 3999 192.0.2.1:6381`, or `ASK …`: where the key is, and whether the node there has to be
/// told that we know it is on its way.
fn elsewhere(reply: &Reply) -> Option<(HostPort, bool)> {
    let Reply(Ok(Value::ServerError(error))) = reply else { return None };
    let asking = match error.code() {
        "MOVED" => false,
        "ASK" => true,
        _ => return None,
    };
    let (host, port) = error.details()?.split_ascii_whitespace().nth(1)?.rsplit_once(':')?;
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Some((HostPort::parse(&format!("{host}:{port}")).ok()?, asking))
}

/// How long what one look learned of connected clients may serve another.
pub(super) fn fresh(
    clients: Option<&(Instant, Arc<Clients>)>,
    within: Duration,
) -> Option<Arc<Clients>> {
    let (at, clients) = clients?;
    (at.elapsed() < within).then(|| Arc::clone(clients))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::redis::tests::reply;

    #[test]
    fn a_key_that_is_elsewhere_is_told_from_one_that_moves() {
        let at = |wire: &str| elsewhere(&reply(wire)).map(|(at, asking)| (at.to_string(), asking));
        assert_eq!(at("-MOVED 3999 192.0.2.1:6381\r\n"), Some(("192.0.2.1:6381".into(), false)));
        assert_eq!(at("-ASK 3999 2001:db8::1:6381\r\n"), Some(("[2001:db8::1]:6381".into(), true)));
        for none in ["-MOVED 3999\r\n", "-MOVED 3999 :6381\r\n", "-ERR MOVED 1 a:1\r\n", ":1\r\n"] {
            assert_eq!(at(none), None, "{none}");
        }
    }
}
