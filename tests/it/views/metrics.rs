//! `/metrics` of snapshots built by hand.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use proptest::prelude::*;
use vigie::checks::KINDS;
use vigie::model::needs::Form;
use vigie::model::snapshot::Snapshot;
use vigie::model::vitals::Vitals;
use vigie::views::metrics::{Exposition, Format, Served};

use super::exposition::{Labels, Value, read_open_metrics, read_text};
use crate::fixtures::{FINISHED, WAITING, ago, everything, item, now, snapshot, vitals};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/golden/metrics.txt");

fn render(snapshot: Snapshot, vitals: Vitals, format: Format) -> String {
    let writes = [(["look", "accepted"], 3), (["reload", "denied"], 0)].into();
    let served = Served { writes, ..Served::default() };
    let exposition = Exposition::new(Arc::new(snapshot), vitals, served, now());
    Arc::new(exposition).render(format).expect("an exposition")
}

fn text(snapshot: Snapshot) -> String {
    render(snapshot, vitals(), Format::Text)
}

fn value(text: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let wanted: Labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let exposition = read_text(text).expect("readable text");
    let mut rows = exposition.rows.into_iter().filter(|((row, borne), _)| {
        row == name && wanted.iter().all(|(label, value)| borne.get(label) == Some(value))
    });
    let found = rows.next().map(|(_, Value(value))| value);
    assert!(rows.next().is_none(), "several rows of {name} {labels:?}");
    found
}

/// The names and labels of all metrics are an API. After a change that is meant:
/// `VIGIE_BLESS=1 cargo test --test it golden`.
#[test]
fn the_exposition_is_the_golden_one() {
    let text = text(everything());
    #[expect(clippy::disallowed_methods, reason = "how a golden file is blessed")]
    if std::env::var("VIGIE_BLESS").is_ok() {
        std::fs::write(GOLDEN, &text).expect("the golden file is written");
    }
    let golden = std::fs::read_to_string(GOLDEN).expect("the golden file");
    for (n, (ours, theirs)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {} differs from the golden one", n + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count());
}

#[test]
fn promtool_finds_nothing_wrong_with_the_golden_exposition() {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, of Debian's package prometheus, is installed");
    let mut stdin = promtool.stdin.take().expect("its input");
    stdin.write_all(text(everything()).as_bytes()).expect("it reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn the_golden_exposition_holds_every_metric_of_every_kind() {
    let golden = read_text(&text(everything())).expect("readable text");
    for kind in KINDS {
        for measure in kind.measures.iter().filter(|measure| measure.exported) {
            let (is, help) = &golden.families[measure.name];
            assert_eq!(
                (is == "counter", help.as_str()),
                (measure.name.ends_with("_total"), measure.help)
            );
        }
    }
}

#[test]
fn no_kind_uses_a_name_of_ours() {
    let ours = read_text(&text(snapshot([item("a", "b", "c").passes("fine", 1)]))).expect("text");
    for measure in KINDS.iter().flat_map(|kind| kind.measures) {
        assert!(!ours.families.contains_key(measure.name), "{}", measure.name);
    }
}

#[test]
fn both_formats_carry_the_same_families_and_rows() {
    let text = read_text(&render(everything(), vitals(), Format::Text)).expect("text");
    let open = render(everything(), vitals(), Format::OpenMetrics);
    let open = read_open_metrics(&open).expect("OpenMetrics");
    assert_eq!(text.differences(&open), Vec::<String>::new());
}

#[test]
fn every_row_of_ours_bears_item_first_and_the_environment() {
    let exposition = text(everything());
    for line in exposition.lines().filter(|line| line.starts_with("vigie_")) {
        assert!(line.contains("environment=\"staging\""), "{line}");
        assert!(!line.contains("item=") || line.contains("{item="), "{line}");
    }
    assert!(!exposition.contains("fixture_restarts"), "what is only remembered is not shown");
}

#[test]
fn every_metric_of_the_contract_is_there() {
    let families: BTreeSet<_> =
        read_text(&text(everything())).expect("text").families.into_keys().collect();
    for name in [
        "vigie_item_info",
        "vigie_item_passing",
        "vigie_item_standing",
        "vigie_item_reason",
        "vigie_item_standing_since_timestamp_seconds",
        "vigie_item_last_attempt_timestamp_seconds",
        "vigie_item_last_pass_timestamp_seconds",
        "vigie_item_stale_timestamp_seconds",
        "vigie_item_attempts_total",
        "vigie_item_consecutive_failures",
        "vigie_attempt_duration_seconds",
        "vigie_attempt_panics_total",
        "vigie_schedule_delay_seconds",
        "vigie_engine_last_tick_timestamp_seconds",
        "vigie_limit",
        "vigie_item_details_dropped",
        "vigie_series_dropped_total",
        "vigie_config_last_reload_successful",
        "vigie_config_last_reload_success_timestamp_seconds",
        "vigie_config_items",
        "vigie_config_info",
        "vigie_build_info",
        "vigie_kubernetes_requests_total",
        "vigie_kubernetes_stream_up",
        "vigie_kubernetes_stream_last_heard_timestamp_seconds",
        "vigie_s3_requests_total",
        "vigie_clock_skew_seconds",
        "vigie_writes_total",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    ] {
        assert!(families.contains(name), "{name}");
    }
}

#[test]
fn passing_has_no_row_where_neither_yes_nor_no_is_true() {
    let text = text(everything());
    let passing = |id| value(&text, "vigie_item_passing", &[("item", id)]);
    assert_eq!(passing("queues"), Some(1.0));
    assert_eq!(passing("certificates"), Some(1.0), "a warning holds");
    assert_eq!(passing("pods-running"), Some(0.0));
    assert_eq!(passing("backup-fresh"), Some(0.0), "unknown is not good");
    for id in ["restore-tested", "mail-provider", "error-tracker"] {
        assert_eq!(passing(id), None, "{id}");
    }
}

#[test]
fn standings_are_a_state_set_and_reasons_at_most_one_row() {
    let text = text(everything());
    let exposition = read_text(&text).expect("text");
    for id in ["pods-running", "restore-tested", "mail-provider", "error-tracker"] {
        let of = |name: &str| {
            let rows = exposition.rows.iter();
            rows.filter(|((row, labels), _)| row == name && labels["item"] == id)
                .map(|(_, Value(value))| *value)
                .collect::<Vec<_>>()
        };
        assert_eq!(of("vigie_item_standing").len(), 7);
        assert!((of("vigie_item_standing").iter().sum::<f64>() - 1.0).abs() < f64::EPSILON);
        assert_eq!(of("vigie_item_reason").len(), usize::from(id == "pods-running"), "{id}");
    }
    let why = [("item", "pods-running"), ("reason", "CrashLoopBackOff"), ("standing", "failing")];
    assert_eq!(value(&text, "vigie_item_reason", &why), Some(1.0));
}

#[test]
fn a_time_that_never_was_has_no_row() {
    let text = text(everything());
    let of = |name: &str| value(&text, name, &[("item", "restore-tested")]);
    assert_eq!(of("vigie_item_last_attempt_timestamp_seconds"), None);
    assert_eq!(of("vigie_item_last_pass_timestamp_seconds"), None);
    let attempts = [("item", "restore-tested"), ("verdict", "fail")];
    assert_eq!(value(&text, "vigie_item_attempts_total", &attempts), Some(0.0));
}

#[test]
fn rows_that_coincide_are_left_out_and_counted() {
    let broken = FINISHED.is(-1.0, ["mails"]);
    let twins = item("twins", "s", "t")
        .sample(WAITING.is(1.0, ["a", "b"]))
        .sample(WAITING.is(2.0, ["a", "b"]))
        .sample(broken)
        .passes("fine", 1);
    let shown = snapshot([twins, item("single", "s", "t").passes("fine", 1)]);
    let mut served = Served::default();
    served.series_dropped.insert(crate::fixtures::id("twins"), 40);
    let exposition = Exposition::new(Arc::new(shown), vitals(), served, now());
    assert_eq!(exposition.dropped().into_values().collect::<Vec<_>>(), [2]);
    let text = Arc::new(exposition).render(Format::Text).expect("text");
    assert_eq!(value(&text, "vigie_fixture_jobs", &[]), Some(1.0), "the first one stays");
    assert_eq!(value(&text, "vigie_fixture_jobs_finished_total", &[]), None);
    let dropped = |id| value(&text, "vigie_series_dropped_total", &[("item", id)]);
    assert_eq!((dropped("twins"), dropped("single")), (Some(42.0), Some(0.0)));
}

#[test]
fn of_several_limits_of_one_measure_the_strictest_is_drawn() {
    let text = text(everything());
    let limit = [("item", "pods-running"), ("bound", "fail_above")];
    assert_eq!(value(&text, "vigie_limit", &limit), Some(50.0));
}

#[test]
fn a_stale_item_is_unknown_at_once() {
    let late = now() + jiff::SignedDuration::from_secs(109);
    let shown = snapshot([item("a", "b", "c").passes("fine", 60)]);
    let exposition = Exposition::new(Arc::new(shown), vitals(), Served::default(), late);
    let text = Arc::new(exposition).render(Format::Text).expect("text");
    assert_eq!(value(&text, "vigie_item_reason", &[("reason", "Stale")]), Some(1.0));
    assert_eq!(value(&text, "vigie_item_passing", &[("item", "a")]), Some(0.0));
}

#[test]
fn watches_that_differ_by_selector_name_or_form_show_the_worst_of_them() {
    let pods = [("resource", "pods"), ("object_namespace", "shop")];
    let heard = "vigie_kubernetes_stream_last_heard_timestamp_seconds";
    let mut all = everything();
    let mut other = all.streams[0].clone();
    other.watch.selector = Some("app=web".to_owned());
    (other.up, other.last_heard) = (false, Some(ago(90)));
    let mut third = all.streams[0].clone();
    (third.watch.name, third.watch.form) = (Some("web".to_owned()), Form::Metadata);
    all.streams.extend([other, third.clone()]);
    let shown = text(all.clone());
    assert_eq!(value(&shown, "vigie_kubernetes_stream_up", &pods), Some(0.0));
    assert_eq!(value(&shown, heard, &pods), Some(1_795_395_510.0));
    third.last_heard = None;
    all.streams.push(third);
    let shown = text(all);
    let row = "vigie_kubernetes_stream_up{resource=\"pods\",object_namespace=\"shop\"";
    assert_eq!(shown.matches(row).count(), 1, "four watches, one row");
    assert_eq!(value(&shown, heard, &pods), None, "one of them was never heard");
}

#[test]
fn a_large_checklist_is_written_whole() {
    let text = text(crate::fixtures::many(500, 20));
    assert_eq!(text.lines().filter(|line| line.starts_with("vigie_fixture_jobs{")).count(), 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_leaves_both_formats_well_formed(
        title in any::<String>(),
        environment in "[\\PC\n\"\\\\<>&]{1,40}",
        queue in any::<String>(),
        number in any::<f64>(),
    ) {
        let mut shown = snapshot([item("a", "b", &title)
            .runbook(&title)
            .sample(WAITING.is(number, [&queue, &title]))
            .fails(vigie::model::reason::Reason::REFUSED, &title, 5)]);
        shown.environment.clone_from(&environment);
        let text = read_text(&render(shown.clone(), vitals(), Format::Text));
        let open = read_open_metrics(&render(shown, vitals(), Format::OpenMetrics));
        let (text, open) = (text.map_err(TestCaseError::fail)?, open.map_err(TestCaseError::fail)?);
        prop_assert_eq!(text.differences(&open), Vec::<String>::new());
        let row = text.rows.iter().find(|((name, _), _)| name == "vigie_fixture_jobs");
        let ((_, labels), value) = row.expect("the row");
        let cut = |text: &str| String::from(vigie::model::measure::bounded(text));
        prop_assert_eq!(&labels["queue"], &cut(&queue));
        prop_assert_eq!(&labels["state"], &cut(&title));
        prop_assert_eq!(&labels["environment"], &environment);
        prop_assert_eq!(*value, Value(number));
    }
}
