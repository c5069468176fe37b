//! What tests share: a look at a check that is written as in a configuration file.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use vigie::checks::{AnyCheck, Look};
use vigie::model::deployment::Deployment;
use vigie::model::finding::{Obstacle, Verdict};
use vigie::model::item::ItemId;
use vigie::model::judgement::Judgement;
use vigie::model::needs::Needs;
use vigie::model::past::Past;
use vigie::model::reason::Reason;
use vigie::model::records::Records;
use vigie::systems::clock::Clock;
use vigie::systems::{Connections, Systems};

/// Systems as `connections`, a YAML document, configures them. `clock` may be set by hand.
pub fn systems(connections: &str, clock: Clock) -> Systems {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let connections: Connections = vigie::config::yaml::from_str(connections).expect("connections");
    Systems::new(&connections, clock)
}

/// One look at `check`, a YAML document such as `tls: { target: "a:443" }`, within ten seconds.
pub async fn look(check: &str, systems: &Systems) -> Judgement {
    look_back(check, systems, &mut Past::default()).await
}

/// The same within another time, in which the engine would give it up.
pub async fn look_within(allowed: Duration, check: &str, systems: &Systems) -> Judgement {
    look_back_within(allowed, check, systems, &mut Past::default()).await
}

/// The same, with a memory that the look reads and adds to.
pub async fn look_back(check: &str, systems: &Systems, past: &mut Past) -> Judgement {
    look_back_within(Duration::from_secs(10), check, systems, past).await
}

/// The same, within another time.
pub async fn look_back_within(
    allowed: Duration,
    check: &str,
    systems: &Systems,
    past: &mut Past,
) -> Judgement {
    look_settled(allowed, Duration::from_secs(20), check, systems, past).await
}

/// The same, waiting no longer than `settled_within` for the first lists of its watches.
pub async fn look_settled(
    allowed: Duration,
    settled_within: Duration,
    check: &str,
    systems: &Systems,
    past: &mut Past,
) -> Judgement {
    let check = self::check(check);
    assert_eq!(check.flaws(), Vec::<String>::new());
    let needs = check.needs();
    systems.kubernetes.keep(&needs.watches.iter().cloned().collect());
    systems.settle(&needs.watches, settled_within).await;
    run(allowed, &check, &needs, None, systems, past).await
}

/// A deployment that began then.
pub fn deployment(started: Timestamp) -> Deployment {
    let word = || "test".to_owned();
    Deployment {
        id: word(),
        environment: word(),
        version: word(),
        who: word(),
        token: word(),
        started,
        announced: started,
        migration: None,
        ticket: None,
        notes: None,
    }
}

/// A look after a deployment that began then.
pub async fn look_since(began: Timestamp, check: &str, systems: &Systems) -> Judgement {
    look_deployed(check, systems, &mut Past::default(), &deployment(began)).await
}

/// A look with a memory, while a deployment is known.
pub async fn look_deployed(
    text: &str,
    systems: &Systems,
    past: &mut Past,
    deployment: &Deployment,
) -> Judgement {
    let check = check(text);
    assert_eq!(check.flaws(), Vec::<String>::new());
    let needs = check.needs();
    assert!(needs.deployment, "{text} does not say that it reads the deployment");
    run(Duration::from_secs(10), &check, &needs, Some(deployment), systems, past).await
}

/// A look at what the record holds.
pub async fn look_recorded(text: &str, systems: &Systems, records: &Records) -> Judgement {
    let check = check(text);
    assert_eq!(check.flaws(), Vec::<String>::new());
    let item = ItemId::parse("test").expect("an id");
    let look = Look {
        item: &item,
        needs: &check.needs(),
        systems,
        records,
        deadline: Instant::now() + Duration::from_secs(10),
        fresh_within: Duration::ZERO,
        now: systems.clock.now(),
        past: &Past::default(),
    };
    check.run(&look).await
}

/// A look that takes what another brought within `fresh_within`.
pub async fn look_sharing(fresh_within: Duration, text: &str, systems: &Systems) -> Judgement {
    let check = check(text);
    let needs = check.needs();
    let item = ItemId::parse("test").expect("an id");
    let deadline = Instant::now() + Duration::from_secs(10);
    let now = systems.clock.now();
    let (records, past) = (&Records::default(), &Past::default());
    let look =
        Look { item: &item, needs: &needs, systems, records, deadline, fresh_within, now, past };
    check.run(&look).await
}

/// A look at a check that has declared nothing.
pub async fn look_undeclared(check: &AnyCheck, systems: &Systems) -> Judgement {
    let needs = Needs::default();
    run(Duration::from_secs(10), check, &needs, None, systems, &mut Past::default()).await
}

/// A check as in a configuration file.
pub fn check(text: &str) -> AnyCheck {
    vigie::config::yaml::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

async fn run(
    allowed: Duration,
    check: &AnyCheck,
    needs: &Needs,
    deployment: Option<&Deployment>,
    systems: &Systems,
    past: &mut Past,
) -> Judgement {
    let item = ItemId::parse("test").expect("an id");
    let now = systems.clock.now();
    let look = Look {
        item: &item,
        needs,
        systems,
        records: &Records { deployment: deployment.cloned().map(Arc::new), ..Records::default() },
        deadline: Instant::now() + allowed,
        fresh_within: Duration::ZERO,
        now,
        past: &*past,
    };
    let run = check.run(&look);
    let judgement = tokio::time::timeout(allowed, run).await.expect("an answer in time");
    past.remember(judgement.samples(), now);
    judgement
}

/// What a test that prints its judgement by [`tell`] says in a process whose resolver asks nobody:
/// the C library's, told to make no attempts.
pub async fn without_resolver(test: &str) -> Judgement {
    let program = std::env::current_exe().expect("this program");
    let output = tokio::process::Command::new(program)
        .args([test, "--exact", "--nocapture"])
        .env("RES_OPTIONS", "attempts:0")
        .kill_on_drop(true)
        .output();
    let output = output.await.expect("a test in a process of its own");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = output.lines().find_map(|line| line.split_once(TOLD)).map(|(_, told)| told);
    let told = told.unwrap_or_else(|| panic!("{test} said nothing: {output}"));
    let (code, because) = told.split_once(' ').expect("a reason");
    let reason = if code == Reason::RESOLVER_FAILED.code() {
        Reason::RESOLVER_FAILED
    } else {
        Reason::NOTHING_SEEN
    };
    Obstacle::ours(reason, because).into()
}

/// Prints what was not seen, for [`without_resolver`].
pub fn tell(judgement: &Judgement) {
    assert_eq!(judgement.verdict(), Verdict::Unknown, "{}", judgement.because());
    let code = judgement.reason().map(Reason::code).unwrap_or_default();
    let told = writeln!(std::io::stdout(), "{TOLD}{code} {}", judgement.because());
    told.expect("somebody who listens");
}

const TOLD: &str = "told: ";
