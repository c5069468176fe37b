//! How Vigie itself is doing: engine, configuration, what it costs others, process.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::family::{Family, Type, Value};
use super::{Served, count, flag, seconds};
use crate::model::item::Mode;
use crate::model::snapshot::Snapshot;
use crate::model::vitals::{ConfigVitals, ProcessVitals, Vitals};

/// All families of the daemon but those of its process.
pub(super) fn families<'a>(
    snapshot: &'a Snapshot,
    vitals: &'a Vitals,
    served: &'a Served,
) -> Vec<Family<'a>> {
    let mut families = Vec::from(engine(snapshot, vitals));
    families.extend(config(snapshot, &vitals.config));
    families.extend(costs(vitals));
    families.extend(streams(snapshot));
    families.extend([series_dropped(snapshot, served), writes(served), build()]);
    families
}

fn engine<'a>(snapshot: &'a Snapshot, vitals: &'a Vitals) -> [Family<'a>; 5] {
    let mut durations = Family::new(
        Type::Histogram,
        "vigie_attempt_duration_seconds",
        "How long the checks of a kind took.",
        ["kind"],
    );
    for (kind, histogram) in &vitals.attempt_duration {
        durations.push([Cow::Borrowed(*kind)], Value::Histogram(histogram));
    }
    let mut panics = Family::counter(
        "vigie_attempt_panics_total",
        "Checks whose own code broke: defects of Vigie.",
        ["kind"],
    );
    let known = vitals.attempt_panics.keys().chain(vitals.attempt_duration.keys()).copied();
    let configured = snapshot.items.iter().flat_map(|item| item.card.kinds.iter().copied());
    for kind in known.chain(configured).collect::<BTreeSet<_>>() {
        panics.row([kind], count(vitals.attempt_panics.get(kind).copied().unwrap_or_default()));
    }
    let mut delay = Family::new(
        Type::Histogram,
        "vigie_schedule_delay_seconds",
        "From the time that an attempt was due to its start.",
        [],
    );
    delay.push([], Value::Histogram(&vitals.schedule_delay));
    let mut tick = Family::gauge(
        "vigie_engine_last_tick_timestamp_seconds",
        "When the engine last looked at what is due.",
        [],
    );
    tick.row([], seconds(vitals.last_tick));
    let mut swings = Family::counter(
        "vigie_engine_own_swings_total",
        "Times that the engine had to look at what is due without being told to.",
        [],
    );
    swings.row([], count(vitals.own_swings));
    [durations, panics, delay, tick, swings]
}

fn config<'a>(snapshot: &'a Snapshot, config: &'a ConfigVitals) -> [Family<'a>; 4] {
    let ConfigVitals { successful, last_success, checksum, refused: _ } = config;
    let mut taken = Family::gauge(
        "vigie_config_last_reload_successful",
        "Whether the last attempt to load the configuration succeeded.",
        [],
    );
    taken.row([], flag(*successful));
    let mut at = Family::gauge(
        "vigie_config_last_reload_success_timestamp_seconds",
        "When the configuration in use was loaded.",
        [],
    );
    at.row([], seconds(*last_success));
    let mut items =
        Family::gauge("vigie_config_items", "Items of the configuration in use.", ["mode"]);
    for mode in Mode::ALL {
        let of_mode = snapshot.items.iter().filter(|item| item.card.mode == mode).count();
        items.row([mode.label()], count(of_mode as u64));
    }
    let mut info = Family::new(
        Type::Info,
        "vigie_config_info",
        "The configuration in use; always 1.",
        ["checksum"],
    );
    info.row([checksum], 1.0);
    [taken, at, items, info]
}

fn costs(vitals: &Vitals) -> [Family<'_>; 3] {
    let mut kubernetes = Family::counter(
        "vigie_kubernetes_requests_total",
        "Requests to the Kubernetes API server.",
        ["verb", "resource", "code"],
    );
    for ([verb, resource, code], requests) in &vitals.kubernetes_requests {
        kubernetes.row([verb, resource, code], count(*requests));
    }
    let mut s3 = Family::counter(
        "vigie_s3_requests_total",
        "Requests to object stores.",
        ["operation", "code"],
    );
    for ([operation, code], requests) in &vitals.s3_requests {
        s3.row([operation, code], count(*requests));
    }
    let mut skew = Family::gauge(
        "vigie_clock_skew_seconds",
        "How far a system's clock is ahead of ours, by its Date headers.",
        ["system"],
    );
    for (system, ahead) in &vitals.clock_skew {
        skew.row([system], *ahead);
    }
    [kubernetes, s3, skew]
}

/// Watches that differ by selector, name or form share a row: the worst of them counts.
fn streams(snapshot: &Snapshot) -> [Family<'_>; 2] {
    let labels = ["resource", "object_namespace"];
    let mut up = Family::gauge(
        "vigie_kubernetes_stream_up",
        "Whether the watch is open and has delivered its first list.",
        labels,
    );
    let mut heard = Family::gauge(
        "vigie_kubernetes_stream_last_heard_timestamp_seconds",
        "When anything, a bookmark included, last came in over the watch.",
        labels,
    );
    let mut worst = BTreeMap::<(String, &str), (bool, Option<Timestamp>)>::new();
    for stream in &snapshot.streams {
        let watch = &stream.watch;
        let place = (watch.resource.name(), watch.namespace.as_deref().unwrap_or_default());
        let row = worst.entry(place).or_insert((stream.up, stream.last_heard));
        row.0 &= stream.up;
        row.1 = row.1.min(stream.last_heard);
    }
    for ((resource, namespace), (is_up, last)) in worst {
        let cells = [Cow::Owned(resource), Cow::Borrowed(namespace)];
        up.push(cells.clone(), Value::Number(flag(is_up)));
        if let Some(last) = last {
            heard.push(cells, Value::Number(seconds(last)));
        }
    }
    [up, heard]
}

fn series_dropped<'a>(snapshot: &'a Snapshot, served: &Served) -> Family<'a> {
    let mut family = Family::counter(
        "vigie_series_dropped_total",
        "Rows left out of scrapes because another had the same labels or a counter had no count.",
        ["item"],
    );
    for item in &snapshot.items {
        let id = &item.card.id;
        let dropped = served.series_dropped.get(id).copied().unwrap_or_default();
        family.row([id.as_str()], count(dropped));
    }
    family
}

fn writes(served: &Served) -> Family<'_> {
    let mut family = Family::counter(
        "vigie_writes_total",
        "Requests to write, by what came of them.",
        ["action", "outcome"],
    );
    for ([action, outcome], writes) in &served.writes {
        family.row([action, outcome], count(*writes));
    }
    family
}

fn build<'a>() -> Family<'a> {
    let mut family =
        Family::new(Type::Info, "vigie_build_info", "The program; always 1.", ["version"]);
    family.row([env!("CARGO_PKG_VERSION")], 1.0);
    family
}

/// The process, under the names of Prometheus' client libraries.
pub(super) fn process(vitals: &Vitals) -> Vec<Family<'_>> {
    let Some(process) = vitals.process else { return Vec::new() };
    let ProcessVitals {
        cpu_seconds,
        resident_bytes,
        virtual_bytes,
        open_fds,
        max_fds,
        start_time,
        threads,
    } = process;
    let mut cpu = Family::counter("process_cpu_seconds_total", "CPU time spent, in seconds.", []);
    cpu.row([], cpu_seconds);
    let gauge = |name, help, value| {
        let mut family = Family::gauge(name, help, []);
        family.row([], value);
        family
    };
    vec![
        cpu,
        gauge("process_resident_memory_bytes", "Resident memory.", count(resident_bytes)),
        gauge("process_virtual_memory_bytes", "Virtual memory.", count(virtual_bytes)),
        gauge("process_open_fds", "Open file descriptors.", count(open_fds)),
        gauge("process_max_fds", "The most file descriptors that may be open.", count(max_fds)),
        gauge("process_start_time_seconds", "When the process began, Unix seconds.", start_time),
        gauge("process_threads", "Threads of the process.", count(threads)),
    ]
}
