//! Replies of Redis.

use vigie::model::host_port::HostPort;
use vigie::systems::redis::info::Info;
use vigie::systems::redis::topology::{SLOTS, Topology, slot};
use vigie::systems::redis::{Clients, Reply};

use super::laws::is_legible;

/// A reply in Redis' protocol, read in every way that a check reads one.
pub fn redis_reply(data: &[u8]) -> bool {
    assert!(slot(data) < SLOTS);
    let reply = match Reply::read(data) {
        Ok(reply) => reply,
        Err(obstacle) => {
            assert!(is_legible(&obstacle.because, 1_000), "{:?}", obstacle.because);
            return false;
        }
    };
    let (count, text, list) = (reply.count(), reply.text(), reply.list());
    let kinds = [count.is_ok(), text.is_ok(), list.is_ok()];
    assert!(kinds.iter().filter(|is| **is).count() <= 1, "it is of two kinds: {reply:?}");
    if let Ok(Some(text)) = text {
        assert!(text.len() <= data.len());
        assert_eq!(reply.long_text().ok(), Some(text));
    }
    if let Ok(list) = list {
        assert!(list.len() <= data.len());
    }
    if let Ok((_, keys)) = reply.scanned() {
        assert!(keys.len() <= data.len() && reply.count().is_err() && reply.list().is_err());
    }
    for obstacle in
        [reply.count().err(), reply.text().err(), reply.list().err(), reply.scanned().err()]
    {
        let because = obstacle.map(|obstacle| obstacle.because).unwrap_or_default();
        assert!(because.chars().count() < 1_000, "{because}");
    }
    if let Ok(clients) = Clients::of(0, vec![Ok(reply)]) {
        assert!(clients.all(|_| true) == clients.most(|_| true));
    }
    true
}

/// The answer to `INFO`.
pub fn redis_info(data: &[u8]) -> bool {
    let Ok(info) = Info::read(data) else { return false };
    let words = [&info.role, &info.policy, &info.last_dump];
    assert!(words.iter().all(|word| word.as_deref().is_none_or(|word| is_legible(word, 60))));
    assert!(info.role.is_some(), "a server without a role is taken");
    assert!(info.replicas.as_ref().is_none_or(|replicas| replicas.len() <= 100));
    let text = String::from_utf8_lossy(data);
    let others = text.lines().filter(|line| !line.trim_end().starts_with("role:"));
    let without = others.collect::<Vec<_>>().join("\n");
    assert!(Info::read(without.as_bytes()).is_err(), "it is taken without its role");
    let with = format!("{text}\n# Another\nunknown:1\n");
    assert_eq!(Info::read(with.as_bytes()), Ok(info));
    true
}

/// The answers to `CLUSTER NODES` and, after an empty line, to `CLUSTER INFO`.
pub fn redis_cluster(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let (nodes, info) = text.split_once("\n\n").unwrap_or((&text, ""));
    let asked = HostPort::new("redis.test", 6379);
    let read = |nodes: &str, info: &str| Topology::read(nodes.as_bytes(), info.as_bytes(), &asked);
    let topology = match read(nodes, info) {
        Ok(topology) => topology,
        Err(obstacle) => {
            assert!(is_legible(&obstacle.because, 1_000), "{:?}", obstacle.because);
            return false;
        }
    };
    assert!(!topology.members.is_empty() && topology.members.len() <= 1_000);
    assert!(topology.trouble.as_deref().is_none_or(|trouble| is_legible(trouble, 100)));
    assert!(topology.masters().len() <= topology.members.len());
    let spans = || topology.members.iter().flat_map(|member| &member.slots);
    assert!(spans().all(|(from, to)| from <= to && *to < SLOTS));
    let serves = |slot: u16| {
        let mut serving =
            topology.members.iter().filter(|member| !member.replica && !member.failed);
        serving.any(|member| member.slots.iter().any(|(from, to)| (*from..=*to).contains(&slot)))
    };
    let unserved = (0..SLOTS).step_by(64).filter(|slot| !serves(*slot)).count();
    assert!(usize::from(topology.uncovered()) >= unserved, "slots are covered that nobody serves");
    assert!(read(nodes, "").is_err() && read("", info).is_err(), "half of it is taken");
    true
}
