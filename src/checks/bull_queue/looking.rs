//! Looking at queues: what is asked of Redis, and how the answers are read.

mod answers;
pub(super) mod counted;
pub(super) mod discovery;
mod keys;
mod repeats;

use std::sync::Arc;

use super::super::Look;
use super::BullQueue;
use super::seen::{Looked, Seen, Server, StoreSeen};
use crate::model::finding::Obstacle;
use crate::systems::redis::info::Info;
use crate::systems::redis::topology::Topology;
use crate::systems::redis::{Command, NO_MASTER, OfNode, Reply};
use answers::Answers;
use counted::Counted;
use discovery::Walk;
use keys::{Keys, QUESTIONS, Span};

/// Two flights: counts and ends of lists, then the jobs found there together with the clients.
///
/// # Errors
/// Redis could not be asked. Where something is claimed of the Redis itself, that it has no master
/// is no obstacle, but an answer.
pub(super) async fn look(check: &BullQueue, look: &Look<'_>) -> Result<Seen, Obstacle> {
    match fly(check, look).await {
        Err(obstacle) if obstacle.reason == NO_MASTER && check.store.is_some() => {
            Ok(Seen { store: Some(Err(obstacle)), ..Seen::default() })
        }
        seen => seen,
    }
}

async fn fly(check: &BullQueue, look: &Look<'_>) -> Result<Seen, Obstacle> {
    let deployed = look.deployment().map(|deployment| deployment.started);
    let walk = check.discover.as_ref().map(|discover| Walk::of(check, discover, look.past));
    let found = walk.iter().flat_map(|walk| &walk.chosen).map(|name| (name, true));
    let named = check.queues.iter().map(|name| (name, false));
    let keys: Vec<_> =
        named.chain(found).map(|(name, found)| Keys::of(check, name, found, look.past)).collect();
    let span = Span::of(check, look.now);

    let mut session = look.systems.redis.open(&check.connection.0, look.until()).await?;
    let mut first: Vec<_> = keys.iter().flat_map(|keys| keys.questions(&span)).collect();
    first.extend(walk.iter().flat_map(|walk| walk.questions(check)));
    let of_each = |node: &str| {
        let mut commands: Vec<_> = walk.iter().map(|walk| walk.step(node)).collect();
        if check.store.is_some() {
            commands.extend([Command::info(), Command::eviction_policy()]);
        }
        commands
    };
    let (replies, nodes) = session.ask(first, &of_each).await?;
    let (of_queues, of_walk) = replies.split_at(replies.len().min(keys.len() * QUESTIONS));
    let discovery = walk.as_ref().map(|walk| walk.seen(&mut Answers(of_walk.iter()), &nodes));
    let store = check.store.as_ref().map(|_| Ok(store(nodes, session.topology())));
    let counted: Vec<_> = keys
        .iter()
        .zip(of_queues.chunks(QUESTIONS))
        .map(|(keys, replies)| {
            let counting = (keys.counted_to, span.counted_to);
            Counted::read(replies, check.paused, counting, look.now)
        })
        .collect();

    let mut second = Vec::new();
    for (keys, counted) in keys.iter().zip(&counted) {
        if let Ok(counted) = counted {
            second.extend(counted.questions(keys));
        }
    }
    if keys.is_empty() {
        session.close();
        return Ok(Seen { deployed, discovery, store, ..Seen::default() });
    }
    let (jobs, clients) = match session.ask_with_clients(second, look.fresh_within).await {
        Ok((jobs, clients)) => {
            session.close();
            (Ok(jobs), clients)
        }
        Err(obstacle) => (Err(obstacle.clone()), Err(obstacle)),
    };
    let blind_to_jobs = jobs.as_ref().err().cloned();
    let mut jobs = Answers(jobs.as_deref().unwrap_or_default().iter());
    let mut queues = Vec::new();
    for (keys, counted) in keys.into_iter().zip(counted) {
        let library = counted.as_ref().ok().map(|counted| counted.queue.library);
        let workers = clients.as_ref().map_err(Obstacle::clone).and_then(|clients| {
            let workers = keys.workers(library, clients);
            match &clients.silent {
                // Others may be connected to the node that did not tell.
                Some(obstacle) if workers < check.workers_at_least.0 => Err(obstacle.clone()),
                Some(_) | None => Ok(workers),
            }
        });
        let queue = match (&blind_to_jobs, counted) {
            (None, Ok(counted)) => counted.answered(&mut jobs, look.now),
            (Some(_), Ok(counted)) => Ok(counted.queue),
            (_, Err(obstacle)) => Err(obstacle),
        };
        queues.push(Looked { name: keys.name, found: keys.found, queue, workers });
    }
    Ok(Seen { queues, blind_to_jobs, deployed, discovery, store })
}

/// What every node says of itself: the last two of its answers.
fn store(nodes: Vec<OfNode>, topology: Option<Arc<Topology>>) -> StoreSeen {
    let told = |answered: Result<Vec<Reply>, Obstacle>| {
        let replies = answered?;
        let (_, last) = replies.split_at(replies.len().saturating_sub(2));
        let mut answers = Answers(last.iter());
        let info = answers.next()?.long_text().and_then(Info::read);
        let policy = answers.next()?.list().ok().and_then(|pair| {
            let value = pair.get(1).copied().flatten()?;
            Some(String::from_utf8_lossy(value).into_owned())
        });
        Ok(Server { info, policy })
    };
    let nodes = nodes.into_iter().map(|(node, answered)| (node, told(answered))).collect();
    StoreSeen { nodes, topology }
}
