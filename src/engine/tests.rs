//! The engine swung by hand, on a clock set by hand, with scripted checks.

use std::time::Duration;

use super::*;
use crate::checks::AnyCheck;
use crate::checks::scripted::{Act, Script, Scripted};
use crate::model::deployment::Announcement;
use crate::model::finding::Finding;
use crate::model::item::{Card, Mode, Severity};
use crate::model::needs::Needs;
use crate::model::reason::Reason;
use crate::model::schedule::{Damping, Schedule};
use crate::systems::Connections;

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn holds() -> Act {
    Act::Say(Finding::pass("holds"))
}

pub(super) fn fails() -> Act {
    Act::Say(Finding::fail(Reason::REFUSED, "refuses"))
}

pub(super) fn item(id: &str, script: &Script, depends_on: &[&str]) -> Item {
    Item {
        card: Card {
            id: ItemId::parse(id).unwrap(),
            title: id.to_owned(),
            section: ItemId::parse("section").unwrap(),
            group: None,
            severity: Severity::Warning,
            mode: Mode::Auto,
            kinds: vec!["scripted"],
            runbook_url: None,
            boxes: vec![],
        },
        schedule: Schedule::Every(60 * SECOND),
        timeout: 10 * SECOND,
        damping: Damping {
            fail_after: 1,
            recover_after: 1,
            unknown_after: 1,
            confirm_every: 30 * SECOND,
            grace: 300 * SECOND,
        },
        depends_on: depends_on.iter().map(|id| ItemId::parse(id).unwrap()).collect(),
        applies: true,
        word: None,
        waivable_for: None,
        checks: vec![AnyCheck::Scripted(Scripted {
            script: script.clone(),
            host: "host".to_owned(),
        })],
        needs: Needs::host("host"),
        limits: vec![],
        parameters: Arc::default(),
        fingerprint: [0; 32],
    }
}

/// A daemon in small: engine, board, clock.
pub(super) struct Bench {
    pub(super) engine: Engine,
    pub(super) board: Arc<Board>,
    pub(super) clock: Clock,
}

impl Bench {
    pub(super) fn new(items: Vec<Item>) -> Self {
        let clock = Clock::manual("2026-11-23T12:00:00Z".parse().unwrap());
        let board = Arc::new(Board::default());
        let engine = Engine::new(Arc::clone(&board), systems(&clock));
        let bench = Self { engine, board, clock };
        bench.configure(items);
        bench
    }

    pub(super) fn configure(&self, items: Vec<Item>) {
        let items = items.into_iter().map(Arc::new).collect();
        let checklist = Checklist { items, ..Checklist::default() };
        self.engine.configure("test", &checklist, systems(&self.clock));
    }

    /// Lets `time` pass, a swing each second, and all tasks come to rest after each.
    pub(super) async fn pass(&self, time: Duration) {
        for _ in 0..time.as_secs() {
            self.clock.set(later(self.clock.now(), SECOND));
            self.engine.swing();
            tokio::time::sleep(SECOND).await;
        }
    }

    pub(super) fn standing(&self, id: &str) -> (Standing, Option<Reason>) {
        let snapshot = self.board.snapshot();
        let shown = snapshot.shown(snapshot.item(id).unwrap(), self.clock.now());
        (shown.standing, shown.reason)
    }
}

fn systems(clock: &Clock) -> Systems {
    Systems::new(&Connections::default(), clock.clone())
}

#[tokio::test(start_paused = true)]
async fn an_item_is_looked_at_once_in_its_interval() {
    let script = Script::always(holds());
    let bench = Bench::new(vec![item("a", &script, &[])]);
    bench.pass(600 * SECOND).await;
    assert!((10..=11).contains(&script.asked()), "{}", script.asked());
    assert_eq!(bench.standing("a"), (Standing::Passing, None));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_check_ends_at_its_deadline_and_delays_nobody() {
    let (hangs, well) = (Script::always(Act::Hang), Script::always(holds()));
    let bench = Bench::new(vec![item("hangs", &hangs, &[]), item("well", &well, &[])]);
    bench.pass(120 * SECOND).await;
    assert_eq!(bench.standing("hangs"), (Standing::Unknown, Some(Reason::TIMED_OUT)));
    assert_eq!(bench.standing("well"), (Standing::Passing, None));
    assert!(well.asked() >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_breaks_is_unknown_and_counted() {
    let (breaks, well) = (Script::always(Act::Panic), Script::always(holds()));
    let bench = Bench::new(vec![item("breaks", &breaks, &[]), item("well", &well, &[])]);
    bench.pass(90 * SECOND).await;
    assert_eq!(bench.standing("breaks"), (Standing::Unknown, Some(Reason::CRASHED)));
    assert_eq!(bench.standing("well"), (Standing::Passing, None));
    assert!(bench.engine.beats().attempt_panics["scripted"] >= 1);
    breaks.now(holds());
    bench.pass(60 * SECOND).await;
    assert_eq!(bench.standing("breaks"), (Standing::Passing, None), "its task lives on");
}

#[tokio::test(start_paused = true)]
async fn a_contradiction_is_confirmed_before_the_next_slot() {
    let script = Script::always(holds());
    let mut damped = item("a", &script, &[]);
    damped.damping.fail_after = 2;
    let bench = Bench::new(vec![damped]);
    bench.pass(90 * SECOND).await;
    script.now(fails());
    let before = script.asked();
    while script.asked() == before {
        bench.pass(SECOND).await;
    }
    assert_eq!(bench.standing("a").0, Standing::Passing);
    bench.pass(33 * SECOND).await;
    assert_eq!(bench.standing("a"), (Standing::Failing, Some(Reason::REFUSED)));
}

#[tokio::test(start_paused = true)]
async fn dependencies_are_looked_at_before_a_dependent_is_called_failing() {
    let (database, migrations) = (Script::always(holds()), Script::always(holds()));
    let mut rare = item("database", &database, &[]);
    rare.schedule = Schedule::Every(3600 * SECOND);
    let bench = Bench::new(vec![rare, item("migrations", &migrations, &["database"])]);
    bench.pass(150 * SECOND).await;
    assert_eq!(bench.standing("migrations"), (Standing::Passing, None));
    database.now(fails());
    migrations.now(fails());
    bench.pass(61 * SECOND).await;
    assert_eq!(bench.standing("database"), (Standing::Failing, Some(Reason::REFUSED)));
    assert_eq!(bench.standing("migrations"), (Standing::Unknown, Some(Reason::DEPENDENCY_FAILING)));
    let turns = bench.board.snapshot().item("migrations").unwrap().turns.clone();
    assert!(
        turns.iter().all(|turn| turn.to != Standing::Failing),
        "never called failing: {turns:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dependent_is_due_as_soon_as_its_dependency_recovers() {
    let (database, migrations) = (Script::always(fails()), Script::always(holds()));
    let bench = Bench::new(vec![
        item("database", &database, &[]),
        item("migrations", &migrations, &["database"]),
    ]);
    bench.pass(120 * SECOND).await;
    assert_eq!(migrations.asked(), 0);
    database.now(holds());
    bench.pass(61 * SECOND).await;
    assert_eq!(bench.standing("migrations"), (Standing::Passing, None));
}

#[tokio::test(start_paused = true)]
async fn looking_now_is_granted_once_in_confirm_every() {
    let script = Script::always(holds());
    let bench = Bench::new(vec![item("a", &script, &[])]);
    bench.pass(2 * SECOND).await;
    let id = ItemId::parse("a").unwrap();
    let before = script.asked();
    assert_eq!(bench.engine.look_now(&id), Asked::Accepted);
    assert!(matches!(bench.engine.look_now(&id), Asked::TooSoon(_)));
    tokio::time::sleep(SECOND).await;
    assert_eq!(script.asked(), before + 1);
    bench.pass(30 * SECOND).await;
    assert_eq!(bench.engine.look_now(&id), Asked::Accepted);
    assert_eq!(bench.engine.look_now(&ItemId::parse("b").unwrap()), Asked::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_reload_looks_anew_at_what_changed_and_at_nothing_else() {
    let scripts: Vec<_> = (0..150).map(|_| Script::always(holds())).collect();
    let items = |edited: Option<usize>| {
        let one = |(n, script): (usize, &Script)| {
            let mut item = item(&format!("item-{n}"), script, &[]);
            item.schedule = Schedule::Every(3600 * SECOND);
            if edited == Some(n) {
                item.fingerprint = [1; 32];
            }
            item
        };
        scripts.iter().enumerate().map(one).collect::<Vec<_>>()
    };
    let asked = || scripts.iter().map(Script::asked).sum::<u32>();
    let bench = Bench::new(items(None));
    bench.pass(70 * SECOND).await;
    let before = asked();
    assert!(before >= 150);
    bench.configure(items(Some(7)));
    assert_eq!(bench.standing("item-7").0, Standing::Pending);
    assert_eq!(bench.standing("item-8").0, Standing::Passing);
    bench.pass(3 * SECOND).await;
    assert_eq!((asked(), bench.standing("item-7").0), (before + 1, Standing::Passing));
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_looked_at_no_more() {
    let (a, b) = (Script::always(holds()), Script::always(holds()));
    let bench = Bench::new(vec![item("a", &a, &[]), item("b", &b, &[])]);
    bench.pass(61 * SECOND).await;
    bench.configure(vec![item("a", &a, &[])]);
    let before = b.asked();
    bench.pass(120 * SECOND).await;
    assert_eq!(b.asked(), before);
    assert!(bench.board.snapshot().item("b").is_none());
}

#[tokio::test(start_paused = true)]
async fn clock_steps_cost_one_look_and_no_more() {
    let script = Script::always(holds());
    let bench = Bench::new(vec![item("a", &script, &[])]);
    bench.pass(120 * SECOND).await;
    for step in [-7200_i64, 7200] {
        let before = script.asked();
        bench.clock.set(bench.clock.now() + jiff::SignedDuration::from_secs(step));
        bench.pass(60 * SECOND).await;
        let looks = script.asked() - before;
        assert!((1..=2).contains(&looks), "{looks} looks in the minute after a step of {step} s");
        assert_eq!(bench.standing("a"), (Standing::Passing, None));
    }
}

#[tokio::test(start_paused = true)]
async fn first_attempts_are_spread_critical_ones_first() {
    let grave = Script::always(holds());
    let mut critical = item("z", &grave, &[]);
    critical.card.severity = Severity::Critical;
    let mild: Vec<_> = (0..59).map(|_| Script::always(holds())).collect();
    let others = mild.iter().enumerate().map(|(n, script)| item(&format!("a{n}"), script, &[]));
    let bench = Bench::new(others.chain([critical]).collect());
    bench.pass(SECOND).await;
    let asked = || mild.iter().map(Script::asked).sum::<u32>();
    assert_eq!(grave.asked(), 1);
    assert!(asked() <= 2, "{} at once", asked());
    bench.pass(60 * SECOND).await;
    assert!(asked() >= 59);
}

#[tokio::test(start_paused = true)]
async fn who_asks_about_the_deployment_is_looked_at_when_one_is_announced() {
    let (asks, other) = (Script::always(holds()), Script::always(holds()));
    let mut asking = item("asks", &asks, &[]);
    asking.needs.deployment = true;
    let bench = Bench::new(vec![asking, item("other", &other, &[])]);
    bench.pass(2 * SECOND).await;
    assert_eq!((asks.asked(), other.asked()), (1, 1));
    let announcement = Announcement {
        version: "1".to_owned(),
        who: "Jo".to_owned(),
        environment: None,
        started: None,
        migration: None,
        ticket: None,
        notes: None,
    };
    let announced = bench.engine.announce(announcement, "pipeline".to_owned()).unwrap();
    bench.pass(2 * SECOND).await;
    assert_eq!((asks.asked(), other.asked()), (2, 1));
    assert_eq!(bench.board.snapshot().deployment().cloned(), Some(announced));
}
