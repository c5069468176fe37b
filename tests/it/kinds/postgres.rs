//! `postgres`: each reason, provoked by a server that speaks PostgreSQL's protocol and says what it
//! is told. What a real one does is in [`real`](crate::postgres).

mod ground;
mod reach;

use jiff::{SignedDuration, Timestamp};
use vigie::checks::postgres::Postgres as Kind;
use vigie::model::deployment::Deployment;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::postgres::{Postgres, Said};

use super::{Provocation, provoke};
use crate::support::look_deployed;
use ground::{over, server};

#[tokio::test(flavor = "multi_thread")]
async fn postgres_gives_every_reason() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    let mut all = looks();
    all.extend(queries());
    all.extend(remembered());
    all.extend(reach::provocations());
    all
}

/// A sessions' answer: max, reserved, used, by state, of the user, longest (whose), idle, prepared.
const QUIET: [&str; 12] = ["100", "3", "10", "1", "8", "1", "2", "-", "-", "-", "-", "-"];

fn looks() -> Vec<Provocation> {
    rows! { Kind:
        "TooSlow" Warn says("reachable: { within: { warn: 1ns } }", "facts", &[&FACTS]);
        "TooSlow" Fail says("reachable: { within: { fail: 1ns } }", "facts", &[&FACTS]);
        "NoMigrations" Fail says("migrations: {}", "migrations", &[]);
        "MigrationMissing" Fail migrated("expected: b", &["a", "60", "50", "-", "f"]);
        "MigrationFailed" Fail migrated("", &["a", "60", "-", "-", "t"]);
        "MigrationStuck" Fail migrated("", &["a", "660", "-", "-", "f"]);
        "MigrationRolledBack" Fail migrated("", &["a", "60", "-", "50", "t"]);
        "MigrationRunning" Warn migrated("", &["a", "540", "-", "-", "f"]);
        "ClockSkew" Unknown migrated("", &["a", "-180", "-", "-", "f"]);
        "ExpectationMissing" Unknown migrated("expected: ''", &["a", "60", "50", "-", "f"]);
        "NoDeployment" Unknown migrated("announced: true", &["a", "60", "50", "-", "f"]);
        "WrongRole" Fail says("replication: { role: standby }", "replication", &[]);
        "StandbyMissing" Fail says("replication: {}", "replication", &[]);
        "NotStreaming" Fail async {
            let server = server().await;
            server.say("facts", Said::rows(&[&["150014", "t", "f", "t"]]));
            server.say("replication", Said::rows(&[&["self", "-", "-", "0", "4"]]));
            over(&server, "replication: {}").await
        };
        "ReplicationLag" Warn follows("standby", "streaming", "134217729", "1");
        "ReplicationLag" Fail follows("standby", "streaming", "1", "301");
        "SlotHoldsWal" Warn slot("inactive reserved", "2000000000");
        "SlotHoldsWal" Fail slot("inactive reserved", "20000000000");
        "SlotLost" Fail slot("inactive lost", "-");
        "NotYet" Unknown follows("standby", "streaming", "-", "-");
        "TooFewConnections" Fail sessions("sessions: { user: app }", &[(6, "0")]);
        "TooManyInUse" Warn sessions("sessions: {}", &[(2, "80")]);
        "TooManyInUse" Fail sessions("sessions: {}", &[(2, "96")]);
        "Forbidden" Unknown async {
            let server = server().await;
            server.say("facts", Said::rows(&[&["150014", "f", "f", "f"]]));
            server.say("sessions", Said::rows(&[&QUIET]));
            over(&server, "sessions: {}").await
        };
        "TransactionTooLong" Warn sessions("transactions: {}", &[(7, "400"), (8, "app")]);
        "TransactionTooLong" Fail sessions("transactions: {}", &[(11, "4000")]);
        "IdleInTransaction" Warn sessions("transactions: {}", &[(7, "70"), (10, "61")]);
        "IdleInTransaction" Fail sessions("transactions: { longest: {} }", &[(10, "901")]);
        "NotTracked" Unknown says("deadlocks: {}", "statistics", &[&["off", "1", "1", "1", "-", "1"]]);
        "TooManyDeadRows" Warn says("dead_rows: {}", "dead rows", &[&["on", "s.t", "60", "40"]]);
        "TooManyDeadRows" Fail says("dead_rows: {}", "dead rows", &[&["on", "s.t", "30", "70"]]);
        "WraparoundNear" Warn aged("310000000");
        "WraparoundNear" Fail aged("1700000000");
    }
}

fn queries() -> Vec<Provocation> {
    rows! { Kind:
        "NoRows" Fail query("", &[]);
        "TooFewRows" Fail query("rows_at_least: 2", &[&["1"]]);
        "TooManyRows" Fail query("rows_at_least: 0, rows_at_most: 0", &[&["1"]]);
        "ValueTooHigh" Warn query("columns: { n: { at_most: { warn: 1, fail: 5 } } }", &[&["2"]]);
        "ValueTooHigh" Fail query("columns: { n: { at_most: { warn: 1, fail: 5 } } }", &[&["6"]]);
        "ValueTooLow" Warn query("columns: { n: { at_least: { warn: 5 } } }", &[&["2"]]);
        "ValueTooLow" Fail query("columns: { n: { at_least: { fail: 1 } } }", &[&["f"]]);
        "ValueNull" Warn query("columns: { n: { 'null': warn } }", &[&["-"]]);
        "ValueNull" Fail query("columns: { n: {} }", &[&["3"], &["-"]]);
        "NotANumber" Unknown query("columns: { n: {} }", &[&["many"]]);
        "QueryWrites" Unknown refuses("25006", "cannot execute INSERT in a read-only transaction");
        "QueryInvalid" Unknown refuses("42601", "cannot insert multiple commands into a prepared");
        "RoleTooPowerful" Warn async {
            let server = server().await;
            server.say("facts", Said::rows(&[&["150014", "f", "t", "t"]]));
            server.say("query", Said::rows(&[&["1"]]));
            over(&server, "queries: [{ name: q, sql: SELECT 1 }]").await
        };
    }
}

fn remembered() -> Vec<Provocation> {
    rows! { Kind:
        "CacheTooCold" Warn counted("cache: {}", &["on", "9900", "1100", "0", "7", "1"]);
        "CacheTooCold" Fail counted("cache: {}", &["on", "1000", "9000", "0", "7", "1"]);
        "TooManyDeadlocks" Warn counted("deadlocks: {}", &["on", "0", "0", "1", "7", "1"]);
        "TooManyDeadlocks" Fail counted("deadlocks: {}", &["on", "0", "0", "11", "7", "1"]);
        "AboveBaseline" Warn compared("sessions: {}", "{}");
        "AboveBaseline" Fail compared("sessions: {}", "{ in_use: { fail: 3 } }");
        "BelowBaseline" Warn compared("cache: { hits_at_least: {} }", "{}");
        "BelowBaseline" Fail compared("cache: { hits_at_least: {} }", "{ hits_lost: { fail: 0.2 } }");
        "NoBaseline" Unknown async {
            let server = server().await;
            server.say("sessions", Said::rows(&[&QUIET]));
            let systems = ground::systems_of(&server);
            let check = "postgres: { sessions: {}, baseline: {} }";
            look_deployed(check, &systems, &mut Past::default(), &deployment(&systems)).await
        };
    }
}

/// A server whose past nobody knows is judged by its own limits, where that is wanted.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_level_from_before_its_own_limits_count() {
    let server = server().await;
    let systems = ground::systems_of(&server);
    let check = "postgres: { sessions: {}, baseline: { missing: pass } }";
    for (in_use, verdict) in [("10", Verdict::Pass), ("96", Verdict::Fail)] {
        let mut row = QUIET;
        row[2] = in_use;
        server.say("sessions", Said::rows(&[&row]));
        let none = crate::support::look(check, &systems).await;
        let deployment = deployment(&systems);
        let new = look_deployed(check, &systems, &mut Past::default(), &deployment).await;
        for (judgement, why) in [(none, "no deployment"), (new, "too little is remembered")] {
            let because = judgement.because();
            assert_eq!(judgement.verdict(), verdict, "{because}");
            if verdict == Verdict::Pass {
                let lines = judgement.lines().iter();
                let told: Vec<_> = lines.map(|line| line.because.as_str()).collect();
                let wanted = format!("not compared: {why}");
                assert!(told.iter().any(|told| told.starts_with(&wanted)), "{told:?}");
            }
        }
    }
}

const FACTS: [&str; 4] = ["150014", "f", "f", "t"];

/// A look at a server that answers `what` with `rows`.
async fn says(check: &str, what: &str, rows: &[&[&str]]) -> Judgement {
    let server = server().await;
    server.say(what, Said::rows(rows));
    over(&server, check).await
}

/// A migration: its name, how many seconds ago it started, finished and was rolled back, and
/// whether it complains.
async fn migrated(options: &str, row: &[&str; 5]) -> Judgement {
    let server = server().await;
    server.say("migrations", Said::rows(&[&["public", "t"]]));
    let now = Clock::System.now().as_second();
    let ago = |text: &str| {
        text.parse::<i64>().map_or_else(|_| "-".to_owned(), |ago| (now - ago).to_string())
    };
    let [name, started, finished, rolled_back, complains] = row;
    let row = [*name, &ago(started), &ago(finished), &ago(rolled_back), *complains];
    server.say("migrations of", Said::rows(&[&row]));
    over(&server, &format!("migrations: {{ {options} }}")).await
}

async fn follows(what: &str, state: &str, bytes: &str, seconds: &str) -> Judgement {
    says("replication: {}", "replication", &[&[what, "b", state, bytes, seconds]]).await
}

async fn slot(state: &str, bytes: &str) -> Judgement {
    let rows: &[&[&str]] = &[&["slot", "b", state, bytes, "-"]];
    says("replication: { standbys_at_least: 0 }", "replication", rows).await
}

async fn sessions(check: &str, changes: &[(usize, &'static str)]) -> Judgement {
    let mut row = QUIET;
    for (at, text) in changes {
        row[*at] = text;
    }
    says(check, "sessions", &[&row]).await
}

async fn aged(age: &str) -> Judgement {
    let row = ["app", age, "200000000", "5", "400000000"];
    says("wraparound: {}", "wraparound", &[&row]).await
}

async fn query(options: &str, rows: &[&[&str]]) -> Judgement {
    let server = server().await;
    server.columns(&["n"]);
    server.say("query", Said::rows(rows));
    over(&server, &format!("queries: [{{ name: q, sql: SELECT 1, {options} }}]")).await
}

async fn refuses(code: &str, words: &str) -> Judgement {
    let server = server().await;
    server.say("query", Said::error(code, words));
    over(&server, "queries: [{ name: q, sql: SELECT 1 }]").await
}

/// A second look, ten minutes after one at which all counters were 0.
async fn counted(check: &str, row: &[&str]) -> Judgement {
    let server = server().await;
    let (systems, clock) = ground::by_hand(&server);
    let check = format!("postgres: {{ {check} }}");
    let mut past = Past::default();
    server.say("statistics", Said::rows(&[&["on", "0", "0", "0", "7", "1"]]));
    crate::support::look_back(&check, &systems, &mut past).await;
    clock.set(clock.now() + SignedDuration::from_mins(10));
    server.say("statistics", Said::rows(&[row]));
    crate::support::look_back(&check, &systems, &mut past).await
}

/// Ten looks at a quiet server, a deployment, and one at a busy one.
async fn compared(check: &str, baseline: &str) -> Judgement {
    let server = server().await;
    let (systems, clock) = ground::by_hand(&server);
    let check = format!("postgres: {{ {check}, baseline: {baseline} }}");
    let mut past = Past::default();
    server.say("sessions", Said::rows(&[&QUIET]));
    for look in 0..10_u64 {
        let hit = (look * 10_000).to_string();
        server.say("statistics", Said::rows(&[&["on", &hit, "0", "0", "7", "1"]]));
        crate::support::look_back(&check, &systems, &mut past).await;
        clock.set(clock.now() + SignedDuration::from_mins(5));
    }
    let deployment = deployment(&systems);
    clock.set(clock.now() + SignedDuration::from_mins(5));
    let mut busy = QUIET;
    busy[2] = "60";
    server.say("sessions", Said::rows(&[&busy]));
    server.say("statistics", Said::rows(&[&["on", "90000", "90000", "0", "7", "1"]]));
    look_deployed(&check, &systems, &mut past, &deployment).await
}

fn deployment(systems: &Systems) -> Deployment {
    let now: Timestamp = systems.clock.now();
    Deployment {
        id: "d".into(),
        environment: "test".into(),
        version: "2".into(),
        who: "w".into(),
        token: "t".into(),
        started: now,
        announced: now,
        migration: Some("20260101000000_last".into()),
        ticket: None,
        notes: None,
    }
}

#[tokio::test]
async fn the_announced_migration_is_what_is_expected() {
    let server: Postgres = server().await;
    server.say("migrations", Said::rows(&[&["public", "t"], &["default$default", "t"]]));
    let systems = ground::systems_of(&server);
    let now = systems.clock.now().as_second().to_string();
    let look = async |name: &str| {
        server.say("migrations of", Said::rows(&[&[name, &now, &now, "-", "f"]]));
        let check = "postgres: { migrations: { announced: true } }";
        let deployment = deployment(&systems);
        look_deployed(check, &systems, &mut Past::default(), &deployment).await
    };
    let judgement = look("20260101000000_last").await;
    assert_eq!(judgement.verdict().label(), "pass", "{}", judgement.because());
    assert_eq!(judgement.lines().len(), 2, "a line a schema");
    let judgement = look("20250101000000_other").await;
    assert_eq!(judgement.reason().map(Reason::code), Some("MigrationMissing"));
    assert!(judgement.because().contains("20250101000000_other"), "{}", judgement.because());
}
