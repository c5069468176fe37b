//! `pod_logs` against an API server.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vigie::model::finding::Verdict::{self, Fail, Pass, Unknown};
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::model::reason::Reason;
use vigie_sim::kubernetes::{Act, Fault, Rule, User};

use super::Provocation;
use crate::kubernetes::{Cluster, brisk, now, pod, trouble, with};
use crate::support;

const CHECK: &str = "pod_logs: { namespaces: [shop], workloads: [web], \
                     limit: { warn_above: 1, fail_above: 2 } }";

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// Lines of a web server; so many of them errors.
fn lines(errors: usize, others: usize) -> Vec<String> {
    let line = |level: &str, number| format!(r#"{{"level":"{level}","message":"line {number}"}}"#);
    let errors = (0..errors).map(|number| line("error", number));
    errors.chain((0..others).map(|number| line("info", number))).collect()
}

fn write(cluster: &Cluster, pod: &str, lines: &[String], at: Timestamp) {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    cluster.server.log_at(&format!("shop/{pod}"), "web", &lines, at);
}

async fn with_log(errors: usize, others: usize) -> Cluster {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    write(&cluster, "a", &lines(errors, others), ago(30));
    cluster
}

async fn errors(errors: usize) -> Judgement {
    with_log(errors, 3).await.look(CHECK).await
}

async fn more_than_usual() -> Judgement {
    let cluster = with_log(0, 1).await;
    let check = "pod_logs: { namespaces: [shop], workloads: [web], baseline: { at_least: 10m } }";
    let mut past = Past::default();
    for _ in 0..20 {
        support::look_back(check, &cluster.systems, &mut past).await;
        cluster.advance(1);
    }
    let later = cluster.clock.now();
    write(&cluster, "a", &lines(6, 0), later);
    support::look_back(check, &cluster.systems, &mut past).await
}

async fn without_line() -> Judgement {
    let cluster = with_log(0, 1).await;
    cluster.advance(6);
    cluster
        .look("pod_logs: { namespaces: [shop], workloads: [web], expect: { pattern: started } }")
        .await
}

async fn silent() -> Judgement {
    let cluster = with_log(0, 0).await;
    cluster.advance(6);
    cluster.look(CHECK).await
}

async fn not_started() -> Judgement {
    let cluster = Cluster::start().await;
    let waiting = json!({ "waiting": { "reason": "ContainerCreating" } });
    let pod = with(pod("a"), "/status/containerStatuses/0/state", waiting);
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-1" },
        "status": { "addresses": [{ "type": "InternalIP", "address": "192.0.2.7" }] },
    }));
    cluster.put(with(pod, "/spec/nodeName", json!("node-1")));
    cluster.look(CHECK).await
}

/// A container that writes more than a look may read.
async fn too_much() -> Judgement {
    let cluster = with_log(0, 30_000).await;
    cluster.look(CHECK).await
}

async fn struck(act: Act) -> Judgement {
    let cluster = with_log(0, 3).await;
    cluster.server.inject(Fault::new(act).resource("pods/log"));
    cluster.look(CHECK).await
}

async fn ahead() -> Judgement {
    let cluster = with_log(0, 0).await;
    write(&cluster, "a", &lines(0, 1), ago(-600));
    cluster.look(CHECK).await
}

async fn garbled() -> Judgement {
    let cluster = with_log(0, 3).await;
    cluster.put(with(pod("b"), "/status/containerStatuses", json!("none")));
    cluster.look(CHECK).await
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { vigie::checks::pod_logs::PodLogs:
        "TooManyErrors" Warn errors(6);
        "TooManyErrors" Fail errors(11);
        "MoreErrorsThanUsual" Fail more_than_usual();
        "LineMissing" Fail without_line();
        "NoLines" Warn silent();
        "NoPods" Unknown async { Cluster::start().await.look(CHECK).await };
        "NotStarted" Unknown not_started();
        "NotAllRead" Unknown too_much();
        "LogUnreadable" Unknown struck(Act::Status { code: 500, retry_after: None });
        "TooLarge" Unknown struck(Act::Pad(8 << 20));
        "ClockSkew" Unknown ahead();
        "Garbled" Unknown garbled();
        "WatchRunning" Unknown trouble::running(CHECK);
        "StreamDown" Unknown trouble::down(CHECK);
        "StreamSilent" Unknown trouble::silent(CHECK);
        "Forbidden" Unknown struck(Act::Forbid);
        "Unauthorized" Unknown trouble::unauthorized(CHECK);
        "KindUnknown" Unknown trouble::kind_unknown(CHECK);
        "NoAccess" Unknown trouble::no_access(CHECK);
    }
}

#[tokio::test]
async fn every_reason_of_pod_logs_is_given() {
    super::provoke(provocations()).await;
}

/// The rows of `vigie_log_lines_total`: error, warn, info, other.
fn totals(judgement: &Judgement) -> Vec<f64> {
    let rows = judgement.samples().iter();
    rows.filter(|sample| sample.measure.name == "vigie_log_lines_total")
        .map(|sample| sample.value)
        .collect()
}

/// The queries of the requests for logs so far, which are forgotten.
fn queries(cluster: &Cluster) -> Vec<String> {
    let requests = cluster.server.requests();
    cluster.server.forget_requests();
    let logs = requests.into_iter().filter(|request| request.resource == "pods/log");
    logs.map(|request| request.query).collect()
}

#[tokio::test]
async fn each_look_reads_on_from_the_last_line() {
    let cluster = with_log(1, 2).await;
    assert_eq!(totals(&cluster.look(CHECK).await), [1.0, 0.0, 2.0, 0.0]);
    // Written within the second, and at the very time, of the last line.
    write(&cluster, "a", &lines(0, 1), ago(30));
    queries(&cluster);
    assert_eq!(totals(&cluster.look(CHECK).await), [1.0, 0.0, 3.0, 0.0]);
    assert_eq!(totals(&cluster.look(CHECK).await), [1.0, 0.0, 3.0, 0.0]);
    let queries = queries(&cluster);
    assert_eq!(queries.len(), 2, "one request a look: {queries:?}");
    for query in queries {
        for part in ["container=web", "timestamps=true", "limitBytes=1048576", "sinceTime="] {
            assert!(query.contains(part), "{query}");
        }
    }
}

/// A change of a pod wakes the item; what was read a moment ago is not read again for that.
#[tokio::test]
async fn a_log_that_was_just_read_is_not_read_again() {
    let cluster = with_log(1, 2).await;
    cluster.look(CHECK).await;
    queries(&cluster);
    let minute = std::time::Duration::from_mins(1);
    let judgement = support::look_sharing(minute, CHECK, &cluster.systems).await;
    assert_eq!(totals(&judgement), [1.0, 0.0, 2.0, 0.0]);
    assert_eq!((judgement.verdict(), queries(&cluster).len()), (Pass, 0));
    // One that could not be read is asked for again.
    cluster.server.inject(Fault::new(Act::Forbid).resource("pods/log").times(1));
    assert_eq!(cluster.look(CHECK).await.verdict(), Unknown);
    let judgement = support::look_sharing(minute, CHECK, &cluster.systems).await;
    assert_eq!((judgement.verdict(), queries(&cluster).len()), (Pass, 2));
}

#[tokio::test]
async fn what_stays_is_read_on_after_a_reload_and_another_check_begins_anew() {
    let cluster = with_log(1, 2).await;
    cluster.look(CHECK).await;
    let connections = "{ net: {} }";
    let before = vigie::config::yaml::from_str(connections).expect("connections");
    let after = vigie::config::yaml::from_str(connections).expect("connections");
    let reloaded = cluster.systems.changed(&before, &after);
    write(&cluster, "a", &lines(0, 1), ago(10));
    assert_eq!(totals(&support::look(CHECK, &reloaded).await), [1.0, 0.0, 3.0, 0.0]);
    let other = CHECK.replace("fail_above: 2", "fail_above: 3");
    assert_eq!(totals(&support::look(&other, &reloaded).await), [1.0, 0.0, 3.0, 0.0]);
    write(&cluster, "a", &lines(0, 1), ago(9));
    assert_eq!(totals(&support::look(CHECK, &reloaded).await), [1.0, 0.0, 4.0, 0.0]);
}

/// What the look may read is cut at the newest end; the next one goes on there, until all is read.
#[tokio::test]
async fn a_long_log_is_read_in_pieces_and_no_line_twice() {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    let mut at = ago(200);
    for _ in 0..30 {
        write(&cluster, "a", &lines(0, 1_000), at);
        at += SignedDuration::from_millis(3_700);
    }
    let mut looks = 0;
    let judgement = loop {
        let judgement = cluster.look(CHECK).await;
        looks += 1;
        if judgement.verdict() == Pass || looks == 10 {
            break judgement;
        }
        assert_eq!(judgement.reason(), Some(Reason::new("NotAllRead")));
    };
    assert_eq!(totals(&judgement), [0.0, 0.0, 30_000.0, 0.0], "after {looks} looks");
    assert!((2..10).contains(&looks), "{looks} looks");
}

/// A second that holds more than a look may read is left, and that is said.
#[tokio::test]
async fn a_second_longer_than_the_limit_does_not_hold_reading_up() {
    let cluster = with_log(0, 30_000).await;
    write(&cluster, "a", &lines(1, 0), ago(5));
    let mut judgement = cluster.look(CHECK).await;
    for _ in 0..3 {
        judgement = cluster.look(CHECK).await;
    }
    let totals = totals(&judgement);
    assert!(totals[0] > 0.0 && totals[2] < 30_000.0, "{totals:?}");
    assert_eq!(judgement.reason(), Some(Reason::new("NotAllRead")));
    assert!(judgement.because().contains("can't be read any more"), "{}", judgement.because());
}

fn restarted(times: u32, at: Timestamp) -> Value {
    let last = json!({ "terminated": { "exitCode": 1, "reason": "Error", "finishedAt": at } });
    let pod = with(pod("a"), "/status/containerStatuses/0/restartCount", json!(times));
    with(pod, "/status/containerStatuses/0/lastState", last)
}

#[tokio::test]
async fn the_last_words_before_a_crash_are_read_once() {
    let cluster = with_log(0, 2).await;
    cluster.look(CHECK).await;
    let mut last_words = lines(11, 0).join("\n");
    last_words.push_str("\nerror: cut off");
    cluster.server.write_log("shop/a", "web", last_words.as_bytes(), ago(20));
    cluster.server.turn_log("shop/a", "web");
    write(&cluster, "a", &lines(0, 1), ago(10));
    cluster.put(restarted(1, ago(15)));
    let read = |judgement: &Judgement| totals(judgement) == [12.0, 0.0, 3.0, 0.0];
    let ask = async || cluster.look(CHECK).await;
    let judgement = crate::kubernetes::until(ask, read).await;
    assert!(read(&judgement), "{:?}", totals(&judgement));
    assert_eq!(judgement.verdict(), Fail);
    queries(&cluster);
    assert!(read(&cluster.look(CHECK).await), "and not again");
    let queries = queries(&cluster);
    assert!(queries.iter().all(|query| !query.contains("previous")), "{queries:?}");
}

#[tokio::test]
async fn a_run_before_that_is_not_there_is_no_trouble() {
    let cluster = with_log(0, 2).await;
    cluster.put(restarted(1, ago(15)));
    let judgement = cluster.look(CHECK).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
}

#[tokio::test]
async fn pods_beyond_the_cap_are_read_in_turn() {
    let cluster = Cluster::start().await;
    for number in 0..120 {
        let name = format!("a{number}");
        cluster.put(pod(&name));
        write(&cluster, &name, &lines(0, 1), ago(30));
    }
    let mut told = Vec::new();
    for read in [50.0, 100.0, 120.0] {
        let judgement = cluster.look(CHECK).await;
        assert_eq!(totals(&judgement), [0.0, 0.0, read, 0.0]);
        told.push((judgement.verdict(), judgement.because()));
        assert_eq!(queries(&cluster).len(), 50);
    }
    assert!(told[0].1.contains("70 containers are not read yet"), "{told:?}");
    let verdicts: Vec<Verdict> = told.iter().map(|(verdict, _)| *verdict).collect();
    assert_eq!(verdicts, [Unknown, Unknown, Pass]);
    assert!(told[2].1.contains("70 of them read before, as their turn comes"), "{told:?}");
}

#[tokio::test]
async fn no_line_is_shown_unless_that_is_asked_for() {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    let line = b"\x1b[31merror: hunter2 \xff\x1b]0;x\x07\n".repeat(11);
    cluster.server.write_log("shop/a", "web", &line, ago(5));
    let told = |judgement: Judgement| {
        judgement.lines().iter().fold(String::new(), |mut told, line| {
            write!(told, "{} {}", line.subject, line.because).expect("a string");
            told
        })
    };
    let silent = told(cluster.look(CHECK).await);
    assert!(silent.contains("11 error lines") && !silent.contains("hunter2"), "{silent}");
    let shown = told(cluster.look(&CHECK.replace("limit", "show_lines: true, limit")).await);
    assert!(shown.contains("the last: error: hunter2 \u{fffd} | error"), "{shown}");
}

#[tokio::test]
async fn what_is_no_log_is_not_taken_for_one() {
    for act in [
        Act::Garbage,
        Act::CutAfter(20),
        Act::Status { code: 400, retry_after: None },
        Act::Status { code: 404, retry_after: None },
        Act::Status { code: 503, retry_after: None },
    ] {
        let judgement = struck(act).await;
        let reason = judgement.reason().map(Reason::code);
        assert_eq!((judgement.verdict(), reason), (Unknown, Some("LogUnreadable")), "{act:?}");
    }
}

/// A kubelet that does not answer takes the time of its own pods alone.
#[tokio::test]
async fn a_log_that_hangs_delays_no_other() {
    let cluster = with_log(11, 0).await;
    cluster.put(with(pod("b"), "/metadata/labels", json!({ "app": "other" })));
    cluster.server.inject(Fault::new(Act::Hang).resource("pods/log").times(1));
    let check = CHECK.replace("[web]", "[web, other]");
    let allowed = std::time::Duration::from_secs(3);
    let look = support::look_within(allowed, &check, &cluster.systems).await;
    let told: Vec<_> = look.lines().iter().map(|line| line.verdict).collect();
    assert!(told.contains(&Unknown), "{told:?}");
    let next = cluster.look(&check).await;
    assert_eq!(next.reason(), Some(Reason::new("TooManyErrors")), "nothing was lost");
}

/// Rights: pods by list and watch, their logs by get, in the namespace; without the latter the rest
/// goes on.
#[tokio::test]
async fn without_the_right_to_logs_the_item_is_blind() {
    let check = CHECK;
    let allowed = |logs: bool| {
        let pods = Rule::cluster(&["list", "watch"], &[""], &["pods"]).within("shop");
        let logs = logs.then(|| Rule::cluster(&["get"], &[""], &["pods/log"]).within("shop"));
        std::iter::once(pods).chain(logs).collect::<Vec<_>>()
    };
    for (logs, expected) in [(true, Pass), (false, Unknown)] {
        let mut cluster = with_log(0, 3).await;
        cluster.server.admit("t0ken", User::new("vigie", allowed(logs)));
        let token = cluster.file("token", "t0ken\n");
        let token = format!("token: {{ file: '{}' }}", token.display());
        cluster.connect(&cluster.connection(&token), brisk());
        let judgement = cluster.look(check).await;
        assert_eq!(judgement.verdict(), expected, "{}", judgement.because());
        if !logs {
            assert_eq!(judgement.reason(), Some(Reason::FORBIDDEN));
        }
    }
}
