//! Redis Cluster as one of its nodes sees it: who is in it, who keeps which hash slots.
//!
//! Read from `CLUSTER NODES` and `CLUSTER INFO`, which every version of Redis Cluster answers and
//! which tell, beside the slots, who is held for dead. Pure functions of foreign bytes.

use std::collections::BTreeSet;

use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// How many hash slots there are.
pub const SLOTS: u16 = 16_384;
/// The most nodes that are read; Redis itself advises against more than 1,000.
const MOST_NODES: usize = 1_000;
/// The longest name of a node that is shown, in characters.
const LONGEST_NAME: usize = 100;

/// The hash slot of a key: of what stands between its first `{` and the next `}`, where that is
/// something, else of all of it.
pub fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        Some(&rest[..close]).filter(|tag| !tag.is_empty())
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM, as the specification of Redis Cluster has it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// A cluster, as one of its nodes sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// All nodes that are known there.
    pub members: Vec<Member>,
    /// What `CLUSTER INFO` calls the cluster's state, where it is not `ok`.
    pub trouble: Option<String>,
    /// The newest epoch known there: of two views, the one with the larger is newer.
    pub epoch: u64,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where clients reach it; none where it is not known.
    pub at: Option<HostPort>,
    /// Whether it follows another.
    pub replica: bool,
    /// Whether the cluster has agreed that it is down.
    pub failed: bool,
    /// The slots that it keeps, both ends included.
    pub slots: Vec<(u16, u16)>,
}

impl Topology {
    /// Reads the answers to `CLUSTER NODES` and `CLUSTER INFO`; `asked` is who gave them: a node
    /// may not know its own address.
    ///
    /// # Errors
    /// `Garbled`, where it is not of that form.
    pub fn read(nodes: &[u8], info: &[u8], asked: &HostPort) -> Result<Self, Obstacle> {
        let (nodes, info) = (String::from_utf8_lossy(nodes), String::from_utf8_lossy(info));
        let mut members = Vec::new();
        let lines = nodes.lines().filter(|line| !line.trim().is_empty() && !is_only_met(line));
        for line in lines.take(MOST_NODES) {
            let Some(member) = Member::read(line, asked) else {
                let line = legible(line, LONGEST_NAME);
                let because =
                    format!("Redis at {asked} describes a node of its cluster as: {line}");
                return Err(Obstacle::new(Reason::GARBLED, because));
            };
            members.push(member);
        }
        let field = |name: &str| info.lines().find_map(|line| line.trim().strip_prefix(name));
        let Some(state) = field("cluster_state:").filter(|_| !members.is_empty()) else {
            let because = format!("Redis at {asked} does not tell the state of its cluster");
            return Err(Obstacle::new(Reason::GARBLED, because));
        };
        let trouble = Some(legible(state, LONGEST_NAME)).filter(|state| state != "ok");
        let epoch = field("cluster_current_epoch:").and_then(|epoch| epoch.parse().ok());
        Ok(Self { members, trouble, epoch: epoch.unwrap_or(0) })
    }

    /// Who keeps a slot.
    pub fn owner(&self, slot: u16) -> Option<&Member> {
        let keeps = |member: &&Member| {
            !member.replica && member.slots.iter().any(|(from, to)| (*from..=*to).contains(&slot))
        };
        self.members.iter().find(keeps)
    }

    /// Where those are who keep slots and are not held for dead.
    pub fn masters(&self) -> BTreeSet<HostPort> {
        let serves = |member: &&Member| !member.replica && !member.failed;
        let keep = self.members.iter().filter(serves).filter(|member| !member.slots.is_empty());
        keep.filter_map(|member| member.at.clone()).collect()
    }

    /// How many slots nobody keeps who is not held for dead.
    pub fn uncovered(&self) -> u16 {
        let serving = self.members.iter().filter(|member| !member.replica && !member.failed);
        let mut covered = vec![false; usize::from(SLOTS)];
        for (from, to) in serving.flat_map(|member| &member.slots) {
            covered[usize::from(*from)..=usize::from(*to)].fill(true);
        }
        u16::try_from(covered.iter().filter(|covered| !**covered).count()).unwrap_or(SLOTS)
    }
}

impl Member {
    /// `<id> <ip:port@bus[,hostname]> <flags> <master> <ping> <pong> <epoch> <link> <slot>…`
    fn read(line: &str, asked: &HostPort) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (_id, address, flags) = (words.next()?, words.next()?, words.next()?);
        let flags: BTreeSet<_> = flags.split(',').collect();
        let rest: Vec<_> = words.collect();
        let slots = rest.get(5..)?;
        let slots = slots.iter().filter(|slots| !slots.starts_with('['));
        let slots = slots.map(|slots| span(slots)).collect::<Option<_>>()?;
        let replica = flags.contains("slave") || flags.contains("replica");
        let failed = flags.contains("fail") || flags.contains("noaddr");
        Some(Self { at: place(address, asked), replica, failed, slots })
    }
}

/// Whether a line is about a node that is not yet known to be a member.
fn is_only_met(line: &str) -> bool {
    let flags = line.split_ascii_whitespace().nth(2);
    flags.is_some_and(|flags| flags.split(',').any(|flag| flag == "handshake"))
}

/// `192.0.2.1:6379@16379,redis-0.example.org`: the name is what a certificate bears, so it goes
/// first.
fn place(address: &str, asked: &HostPort) -> Option<HostPort> {
    let mut parts = address.split(',');
    let numeric = parts.next()?;
    let name = parts.next().filter(|name| !name.is_empty() && !name.contains('='));
    let (host, port) = numeric.split('@').next()?.rsplit_once(':')?;
    let host = match (name, host) {
        (Some(name), _) => name,
        (None, "") => asked.host(),
        (None, host) => host,
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    HostPort::parse(&format!("{host}:{port}")).ok()
}

/// `0-5460`, or `5461` alone.
fn span(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from <= to && to < SLOTS).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INFO: &str = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\n\
                        cluster_current_epoch:6\r\n";

    fn asked() -> HostPort {
        HostPort::parse("seed.test:7000").unwrap()
    }

    fn read(nodes: &str) -> Topology {
        Topology::read(nodes.as_bytes(), INFO.as_bytes(), &asked()).unwrap()
    }

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12_182);
        assert_eq!(slot(b"{user1000}.following"), slot(b"{user1000}.followers"));
        assert_eq!(slot(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS, "an empty tag is none");
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
        assert_eq!(slot(b"foo{bar}{zap}"), slot(b"bar"));
    }

    #[test]
    fn nodes_are_read_with_their_slots() {
        let topology = read(
            "a 192.0.2.1:7000@17000 myself,master - 0 0 1 connected 0-5460 [77->-b] 5462\n\
             b 192.0.2.2:7000@17000,redis-1.test master,fail - 0 0 2 disconnected 5461 5463-16383\n\
             c :0@0 slave,noaddr a 0 0 1 disconnected\n\
             d 192.0.2.9:7000@17000 handshake - 0 0 0 connected\n\
             e :7001@17001 slave a 0 0 1 connected\n\
             f 2001:db8::1:7001@17001 slave a 0 0 1 connected\n",
        );
        let at = |member: &Member| member.at.as_ref().map(ToString::to_string);
        let at: Vec<_> = topology.members.iter().map(at).collect();
        assert_eq!(at[0].as_deref(), Some("192.0.2.1:7000"));
        assert_eq!(at[1].as_deref(), Some("redis-1.test:7000"));
        assert_eq!(at[3].as_deref(), Some("seed.test:7001"), "the one that was asked");
        assert_eq!(topology.members.len(), 5);
        assert_eq!(topology.owner(5_462), topology.members.first());
        assert_eq!(topology.owner(5_461), topology.members.get(1));
        assert_eq!(topology.masters().len(), 1);
        assert_eq!(topology.uncovered(), 1 + 16_383 - 5_463 + 1);
        assert_eq!((topology.trouble, topology.epoch), (None, 6));
    }

    #[test]
    fn what_is_no_cluster_is_garbled() {
        for (nodes, info) in [
            ("", INFO),
            ("a 192.0.2.1:7000@17000 master - 0 0 1 connected 0-16384\n", INFO),
            ("a 192.0.2.1:7000@17000 master - 0 0 1 connected 9-1\n", INFO),
            ("a 192.0.2.1:7000@17000 master\n", INFO),
            ("a 192.0.2.1:7000@17000 master - 0 0 1 connected\n", "cluster_size:3\r\n"),
        ] {
            let told = Topology::read(nodes.as_bytes(), info.as_bytes(), &asked());
            assert_eq!(told.unwrap_err().reason, Reason::GARBLED, "{nodes}");
        }
        let down = Topology::read(
            b"a 192.0.2.1:7000@17000 master - 0 0 1 connected\n",
            b"cluster_state:fail\r\n",
            &asked(),
        );
        let down = down.unwrap();
        assert_eq!((down.trouble.as_deref(), down.uncovered()), (Some("fail"), SLOTS));
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(nodes: Vec<u8>, info: Vec<u8>) {
            let _read = Topology::read(&nodes, &info, &asked());
        }

        #[test]
        fn a_line_with_a_word_taken_away_never_covers_more(at in 0_usize..9) {
            let line = "a 192.0.2.1:7000@17000 master - 0 0 1 connected 0-16383";
            let mut words: Vec<_> = line.split(' ').collect();
            words.remove(at);
            let told = Topology::read(words.join(" ").as_bytes(), INFO.as_bytes(), &asked());
            prop_assert!(told.is_err() || told.is_ok_and(|seen| seen.masters().is_empty()
                || seen.uncovered() == 0 || seen.uncovered() == SLOTS));
        }
    }
}
