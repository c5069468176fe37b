//! Reading, as tables; and that no bytes break it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn list() -> Value {
    json!({ "kind": "PodMetricsList", "items": [{
        "metadata": { "name": "web-1", "namespace": "shop" },
        "timestamp": "2026-11-23T10:00:00Z", "window": "15.04s",
        "containers": [{ "name": "web", "usage": { "cpu": "12345678n", "memory": "2048Ki" } }],
    }] })
}

fn summary() -> Value {
    json!({ "node": { "nodeName": "n" }, "pods": [{
        "podRef": { "name": "db-0", "namespace": "shop" },
        "volume": [
            { "name": "token", "capacityBytes": 1 },
            {
                "name": "data", "time": "2026-11-23T10:00:00Z", "capacityBytes": 1000,
                "availableBytes": 400, "usedBytes": 550, "inodes": 100, "inodesUsed": 7,
                "inodesFree": 93, "pvcRef": { "name": "data-db-0", "namespace": "shop" },
            },
        ],
    }, { "podRef": {} }] })
}

#[test]
fn samples_are_read_with_their_time_and_window() {
    let usage = read_usage(list().to_string().as_bytes()).unwrap();
    let [PodUsage { at: Some(_), window: Some(window), containers, .. }] = usage.as_slice() else {
        panic!("{usage:?}");
    };
    assert_eq!(*window, Duration::from_millis(15_040));
    assert_eq!(containers[0].memory.unwrap().to_string(), "2097152");
    assert_eq!(containers[0].cpu.unwrap().to_string(), "0.012345678");
}

#[test]
fn volumes_of_claims_are_read_and_no_others() {
    let volumes = read_volumes(summary().to_string().as_bytes()).unwrap();
    assert_eq!(volumes.len(), 1);
    assert_eq!((volumes[0].claim.as_str(), volumes[0].capacity), ("data-db-0", Some(1000.0)));
}

#[test]
fn durations_are_read_as_go_writes_them() {
    for (text, seconds) in [
        ("15.04s", Some(15.04)),
        ("1m0s", Some(60.0)),
        ("1h2m3.5s", Some(3723.5)),
        ("250ms", Some(0.25)),
        ("0s", Some(0.0)),
        ("", None),
        ("15", None),
        ("s", None),
        ("-1s", None),
        ("1.2.3s", None),
    ] {
        assert_eq!(go_duration(text).map(|d| d.as_secs_f64()), seconds, "{text}");
    }
}

#[test]
fn what_can_not_be_read_hides_no_other() {
    let mut two = list();
    let good = two["items"][0].clone();
    two["items"] = json!([{ "metadata": { "name": 3 } }, good, "x"]);
    assert_eq!(read_usage(two.to_string().as_bytes()).unwrap().len(), 1);
    let mut two = summary();
    two["pods"][0]["volume"][0] = json!([]);
    assert_eq!(read_volumes(two.to_string().as_bytes()).unwrap().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_it_and_a_cut_answer_is_none(
        bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..1000, text in ".{0,12}",
    ) {
        let _any = (read_usage(&bytes), read_volumes(&bytes), go_duration(&text));
        let (list, summary) = (list().to_string(), summary().to_string());
        prop_assert!(read_usage(&list.as_bytes()[..cut.min(list.len() - 1)]).is_err());
        prop_assert!(read_volumes(&summary.as_bytes()[..cut.min(summary.len() - 1)]).is_err());
    }
}
