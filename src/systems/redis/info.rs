//! `INFO`: what a server says of itself. A pure function of foreign bytes.

use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// The most replicas that are read.
const MOST_REPLICAS: usize = 100;
/// The longest word that is kept, in characters.
const LONGEST_WORD: usize = 60;

/// What a server says of itself; each field is absent where it does not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// `master` or `slave`.
    pub role: Option<String>,
    /// The replicas that are connected to it; none at all where it does not tell how many.
    pub replicas: Option<Vec<Replica>>,
    /// The limit of its memory in bytes, 0 for none.
    pub memory_limit: Option<u64>,
    /// The bytes in use.
    pub memory_used: Option<u64>,
    /// What it does once its memory is full.
    pub policy: Option<String>,
    /// How the last dump to disk ended: `ok` or not.
    pub last_dump: Option<String>,
    /// Whether it writes a log of its changes, and how that went.
    pub log: Option<Log>,
}

/// A replica, as its master sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Whether it has been synchronised.
    pub online: bool,
    /// The seconds since it last confirmed what it received; absent while it is being synchronised.
    pub lag: Option<u64>,
}

/// The log of changes (append-only file).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Whether it is on.
    pub on: bool,
    /// How the last write to it ended: `ok` or not.
    pub last_write: Option<String>,
    /// How the last attempt to write it anew ended.
    pub last_rewrite: Option<String>,
}

impl Info {
    /// Reads the answer to `INFO`.
    ///
    /// # Errors
    /// `Garbled`, where it names not even the server's role.
    pub fn read(text: &[u8]) -> Result<Self, Obstacle> {
        let text = String::from_utf8_lossy(text);
        let field = |name: &str| {
            text.lines().find_map(|line| {
                let (field, value) = line.trim_end().split_once(':')?;
                (field == name).then_some(value)
            })
        };
        let word = |name: &str| field(name).map(|value| legible(value, LONGEST_WORD));
        let number = |name: &str| field(name).and_then(|value| value.parse::<u64>().ok());
        let Some(role) = word("role") else {
            let because = "what Redis says of itself does not name its role";
            return Err(Obstacle::new(Reason::GARBLED, because));
        };
        let connected = number("connected_slaves").or_else(|| number("connected_replicas"));
        let replicas = connected.map(|count| {
            let count = usize::try_from(count).unwrap_or(MOST_REPLICAS).min(MOST_REPLICAS);
            let of = |at| field(&format!("slave{at}")).or_else(|| field(&format!("replica{at}")));
            (0..count).filter_map(of).map(Replica::read).collect()
        });
        let log = field("aof_enabled").map(|on| Log {
            on: on != "0",
            last_write: word("aof_last_write_status"),
            last_rewrite: word("aof_last_bgrewrite_status"),
        });
        Ok(Self {
            role: Some(role),
            replicas,
            memory_limit: number("maxmemory"),
            memory_used: number("used_memory"),
            policy: word("maxmemory_policy"),
            last_dump: word("rdb_last_bgsave_status"),
            log,
        })
    }
}

impl Replica {
    /// `ip=192.0.2.2,port=6379,state=online,offset=28,lag=0`
    fn read(text: &str) -> Self {
        let word = |name: &str| {
            text.split(',').find_map(|pair| {
                let (key, value) = pair.split_once('=')?;
                (key == name).then_some(value)
            })
        };
        Self {
            online: word("state") == Some("online"),
            lag: word("lag").and_then(|lag| lag.parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOLD: &str = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
                        slave0:ip=192.0.2.2,port=6379,state=online,offset=28,lag=1\r\n\
                        slave1:ip=192.0.2.3,port=6379,state=wait_bgsave,offset=0\r\n\
                        # Memory\r\nused_memory:900\r\nmaxmemory:1000\r\n\
                        maxmemory_policy:noeviction\r\n# Persistence\r\n\
                        rdb_last_bgsave_status:ok\r\naof_enabled:1\r\n\
                        aof_last_write_status:err\r\n";

    #[test]
    fn a_server_says_what_it_is() {
        let info = Info::read(TOLD.as_bytes()).unwrap();
        let replicas =
            vec![Replica { online: true, lag: Some(1) }, Replica { online: false, lag: None }];
        assert_eq!(info.replicas, Some(replicas));
        assert_eq!((info.memory_limit, info.memory_used), (Some(1_000), Some(900)));
        assert_eq!(info.policy.as_deref(), Some("noeviction"));
        let log = info.log.unwrap();
        assert_eq!(
            (log.on, log.last_write.as_deref(), log.last_rewrite),
            (true, Some("err"), None)
        );
    }

    #[test]
    fn a_field_that_is_taken_away_is_absent_and_reads_as_nothing_else() {
        for gone in ["connected_slaves", "maxmemory:", "used_memory", "aof_enabled", "maxmemory_p"]
        {
            let text: Vec<_> = TOLD.lines().filter(|line| !line.starts_with(gone)).collect();
            let info = Info::read(text.join("\r\n").as_bytes()).unwrap();
            let absent = [
                info.replicas.is_none(),
                info.memory_limit.is_none(),
                info.memory_used.is_none(),
                info.log.is_none(),
                info.policy.is_none(),
            ];
            assert_eq!(absent.into_iter().filter(|absent| *absent).count(), 1, "{gone}");
        }
        assert_eq!(Info::read(b"").unwrap_err().reason, Reason::GARBLED);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>) {
            let _read = Info::read(&bytes);
        }

        #[test]
        fn a_huge_count_of_replicas_is_bounded(count: u64) {
            let text = format!("role:master\r\nconnected_slaves:{count}\r\n");
            let read = Info::read(text.as_bytes()).unwrap();
            prop_assert_eq!(read.replicas, Some(Vec::new()));
        }
    }
}
