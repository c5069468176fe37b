//! Judging what a Redis says of itself, as tables.

use super::*;
use crate::model::finding::Verdict;
use crate::model::host_port::HostPort;

const TOLD: &str = "role:master\nconnected_slaves:1\n\
                    slave0:ip=192.0.2.2,port=1,state=online,offset=1,lag=5\n\
                    used_memory:500\nmaxmemory:1000\nmaxmemory_policy:noeviction\n\
                    rdb_last_bgsave_status:ok\naof_enabled:1\naof_last_write_status:ok\n\
                    aof_last_bgrewrite_status:ok\n";

/// What is said of a server that tells `text`, where `claims` are made.
fn judged(claims: &str, text: &str, policy: Option<&str>) -> Judgement {
    let check = format!("{{ store: {{ {claims} }} }}");
    let check: BullQueue = serde_saphyr::from_str(&check).unwrap();
    let server = Server { info: Info::read(text.as_bytes()), policy: policy.map(str::to_owned) };
    let seen = StoreSeen { nodes: vec![(String::new(), Ok(server))], topology: None };
    let mut judgement = Judgement::new();
    judge(&mut judgement, &check, &Ok(seen));
    judgement
}

fn said(judgement: &Judgement) -> (Verdict, Option<&'static str>) {
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

#[test]
fn each_claim_is_held_to_what_the_server_says() {
    let all = "replicas_at_least: 1, replica_lag_within: { fail: 5s }";
    assert_eq!(said(&judged(all, TOLD, None)), (Verdict::Pass, None));
    let (fail, warn) = (Verdict::Fail, Verdict::Warn);
    for (claims, from, to, wanted) in [
        ("", "noeviction", "allkeys-lru", (fail, Some("EvictsJobs"))),
        ("", "noeviction", "volatile-lru", (warn, Some("EvictsJobs"))),
        ("eviction: warn", "noeviction", "allkeys-lru", (warn, Some("EvictsJobs"))),
        ("eviction: allowed", "noeviction", "allkeys-lru", (Verdict::Pass, None)),
        ("", "used_memory:500", "used_memory:801", (warn, Some("MemoryFull"))),
        ("", "used_memory:500", "used_memory:951", (fail, Some("MemoryFull"))),
        ("", "bgsave_status:ok", "bgsave_status:err", (fail, Some("NotPersisted"))),
        ("", "write_status:ok", "write_status:err", (fail, Some("NotPersisted"))),
        (
            "persistence: warn",
            "bgrewrite_status:ok",
            "bgrewrite_status:err",
            (warn, Some("NotPersisted")),
        ),
        ("replicas_at_least: 2", "", "", (fail, Some("TooFewReplicas"))),
        ("replicas_at_least: 1", "online", "wait_bgsave", (fail, Some("TooFewReplicas"))),
        ("replica_lag_within: { warn: 5s }", "lag=5", "lag=6", (warn, Some("ReplicaLagging"))),
    ] {
        let judgement = judged(claims, &TOLD.replace(from, to), None);
        assert_eq!(said(&judgement), wanted, "{claims} {to}: {}", judgement.because());
    }
}

#[test]
fn without_a_limit_of_memory_nothing_is_thrown_away() {
    let text = TOLD.replace("maxmemory:1000", "maxmemory:0").replace("noeviction", "allkeys-lru");
    assert_eq!(said(&judged("", &text, None)), (Verdict::Pass, None));
}

#[test]
fn what_is_not_told_is_unknown_and_never_good() {
    let all = "replicas_at_least: 1, replica_lag_within: { fail: 5s }";
    for line in TOLD.lines() {
        let text: Vec<_> = TOLD.lines().filter(|other| *other != line).collect();
        let judgement = judged(all, &text.join("\n"), None);
        assert_ne!(judgement.verdict(), Verdict::Pass, "{line}: {}", judgement.because());
    }
    let text = TOLD.replace("maxmemory_policy:noeviction\n", "");
    assert_eq!(said(&judged("", &text, Some("noeviction"))), (Verdict::Pass, None));
    let told = judged("", "", Some("allkeys-lru"));
    assert_eq!(said(&told), (Verdict::Fail, Some("EvictsJobs")), "by its configuration");
    assert_eq!(said(&judged("", "", None)).0, Verdict::Unknown);
    let replica = judged("", &TOLD.replace("master", "slave"), None);
    assert_eq!(said(&replica), (Verdict::Unknown, Some("NoMaster")));
}

#[test]
fn a_cluster_with_a_hole_is_broken_and_one_with_a_dead_node_is_not() {
    let judged = |nodes: &str, state: &str| {
        let asked = HostPort::new("192.0.2.1", 1);
        let info = format!("cluster_state:{state}\n");
        let topology = Topology::read(nodes.as_bytes(), info.as_bytes(), &asked).unwrap();
        let mut judgement = Judgement::new();
        for answer in of_cluster(&topology) {
            judgement.add("cluster", answer);
        }
        judgement
    };
    let whole = "a 192.0.2.1:1@2 master - 0 0 1 connected 0-16383\n";
    assert_eq!(said(&judged(whole, "ok")), (Verdict::Pass, None));
    let broken = (Verdict::Fail, Some("ClusterBroken"));
    assert_eq!(said(&judged(whole, "fail")), broken);
    assert_eq!(said(&judged(&whole.replace("16383", "16382"), "ok")), broken);
    assert_eq!(said(&judged(&whole.replace("master", "master,fail"), "ok")), broken);
    let replica = format!("{whole}b 192.0.2.2:1@2 slave,fail a 0 0 1 disconnected\n");
    assert_eq!(said(&judged(&replica, "ok")), (Verdict::Warn, Some("NodeDown")));
}
