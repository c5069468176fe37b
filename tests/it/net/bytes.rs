//! Any bytes at all as an answer: judged, in time, and never a crash, a pass or our own fault.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vigie::model::finding::Verdict;
use vigie_sim::net::broken::{Broken, Fault};

use super::ground::Ground;
use crate::support::look_within;

/// A good answer with some of its bytes changed, cut or added, or no answer at all.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let good =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nfine".to_vec();
    let changed = (proptest::collection::vec((0..good.len(), any::<u8>()), 1..6), 0..good.len());
    let mangled = changed.prop_map(move |(changes, cut)| {
        let mut bytes = good.clone();
        for (at, to) in changes {
            bytes[at] = to;
        }
        bytes.truncate(bytes.len() - cut / 2);
        bytes
    });
    prop_oneof![mangled, proptest::collection::vec(any::<u8>(), 0..300)]
}

fn survives(scheme: &str, kind: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ground = runtime.block_on(Ground::new());
    let mut runner =
        TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&answers(), |bytes| {
        let judgement = runtime.block_on(async {
            let server = Broken::start(Fault::Says(bytes.into())).await.expect("a server");
            let endpoint = format!("{scheme}{}", server.address());
            // Nothing that comes holds this word: a pass would be a lie.
            let wanted = if kind == "http" {
                format!("http: {{ url: '{endpoint}/', expect: {{ body: {{ must_match: [^never$] }} }} }}")
            } else {
                format!("tls: {{ target: '{endpoint}' }}")
            };
            look_within(Duration::from_secs(2), &wanted, &ground.systems).await
        });
        prop_assert_eq!(judgement.verdict(), Verdict::Fail, "{}", judgement.because());
        prop_assert!(!judgement.because().contains(char::is_control));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn any_bytes_as_an_http_answer_are_judged() {
    survives("http://", "http");
}

#[test]
fn any_bytes_under_tls_are_judged() {
    survives("https://", "http");
    survives("", "tls");
}
