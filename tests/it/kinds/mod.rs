//! Each kind of check against real systems, or real bytes over real sockets.
//!
//! Every documented (kind, reason, verdict) must be provoked here; a test over all kinds compares
//! the tables, and one test a kind runs its table.

/// A table of provocations: code, verdict, and a future that looks.
macro_rules! rows {
    ($kind:ty: $($code:literal $verdict:ident $run:expr;)*) => {
        vec![$(crate::kinds::Provocation {
            reason: crate::kinds::documented::<$kind>($code),
            verdict: vigie::model::finding::Verdict::$verdict,
            run: || Box::pin($run),
        }),*]
    };
}

#[macro_use]
mod fetching;

mod api;
mod attestation;
pub mod autoscalers;
mod backup;
mod bull_queue;
pub mod cron_jobs;
mod deployment;
mod dns;
mod elasticsearch;
mod event_stream;
mod firing_alerts;
mod http;
pub mod images;
pub mod ingresses;
mod kubernetes_api;
pub mod nodes;
pub mod operator;
mod pod_logs;
pub mod pod_security;
mod pods;
mod postgres;
mod prometheus_query;
mod prometheus_server;
pub mod registry_image;
pub mod resource;
pub mod resource_usage;
mod rollup;
mod s3_bucket;
pub mod secret_keys;
pub mod services;
mod tls;
mod tool;
mod workloads;

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use vigie::checks::{Check, KINDS};
use vigie::model::finding::Verdict;
use vigie::model::judgement::{Judgement, Line};
use vigie::model::reason::Reason;
use vigie::systems::clock::Clock;

use crate::support;

/// One way to make a kind give a reason.
pub struct Provocation {
    /// The reason that it must give.
    pub reason: Reason,
    /// The verdict that the reason must come with.
    pub verdict: Verdict,
    /// Puts a system into that state over a real socket, looks, and returns what the check said.
    pub run: fn() -> BoxFuture<'static, Judgement>,
}

/// The reason of a kind with this code.
fn documented<C: Check>(code: &str) -> Reason {
    let reason = C::REASONS.iter().map(|row| row.reason).find(|reason| reason.code() == code);
    reason.unwrap_or_else(|| panic!("`{code}` is not documented"))
}

/// The provocations of each kind, in alphabetical order.
fn tables() -> Vec<(&'static str, Vec<Provocation>)> {
    vec![
        ("attestation", attestation::provocations()),
        ("autoscalers", autoscalers::provocations()),
        ("backup", backup::provocations()),
        ("bull_queue", bull_queue::provocations()),
        ("cron_jobs", cron_jobs::provocations()),
        ("deployment", deployment::provocations()),
        ("dns", dns::provocations()),
        ("elasticsearch", elasticsearch::provocations()),
        ("event_stream", event_stream::provocations()),
        ("firing_alerts", firing_alerts::provocations()),
        ("http", http::provocations()),
        ("images", images::provocations()),
        ("ingresses", ingresses::provocations()),
        ("kubernetes_api", kubernetes_api::provocations()),
        ("nodes", nodes::provocations()),
        ("operator", operator::provocations()),
        ("pod_logs", pod_logs::provocations()),
        ("pod_security", pod_security::provocations()),
        ("pods", pods::provocations()),
        ("postgres", postgres::provocations()),
        ("prometheus_query", prometheus_query::provocations()),
        ("prometheus_server", prometheus_server::provocations()),
        ("registry_image", registry_image::provocations()),
        ("resource", resource::provocations()),
        ("resource_usage", resource_usage::provocations()),
        ("rollup", rollup::provocations()),
        ("s3_bucket", s3_bucket::provocations()),
        ("secret_keys", secret_keys::provocations()),
        ("services", services::provocations()),
        ("tls", tls::provocations()),
        ("tool", tool::provocations()),
        ("workloads", workloads::provocations()),
    ]
}

/// Runs a kind's table, and fails with all rows that did not turn as they must.
pub async fn provoke(table: Vec<Provocation>) {
    let mut wrong = Vec::new();
    for Provocation { reason, verdict, run } in table {
        let judgement = run().await;
        if judgement.reason() != Some(reason) || judgement.verdict() != verdict {
            wrong.push(format!(
                "{verdict} {reason} wanted; {} {:?} came: {}",
                judgement.verdict(),
                judgement.reason(),
                judgement.because()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_documented_reason_of_every_kind_is_provoked() {
    let tables = tables();
    for kind in KINDS {
        let table = tables.iter().find(|(name, _)| *name == kind.name);
        let (_, table) = table.unwrap_or_else(|| panic!("no provocations for `{}`", kind.name));
        let provoked: BTreeSet<_> =
            table.iter().map(|row| (row.reason.code(), row.verdict.label())).collect();
        let documented: BTreeSet<_> = kind
            .reasons
            .iter()
            .flat_map(|row| row.verdicts.iter().map(|verdict| (row.reason.code(), verdict.label())))
            .collect();
        assert_eq!(provoked, documented, "provoked and documented reasons of `{}`", kind.name);
    }
}

#[tokio::test]
async fn a_watch_that_a_kind_did_not_declare_is_not_read() {
    let systems = support::systems("{}", Clock::System);
    for kind in KINDS {
        let check = support::check(kind.example);
        if check.needs().watches.is_empty() {
            continue;
        }
        let judgement = support::look_undeclared(&check, &systems).await;
        // Whoever asks others beside may hear of them what is worse.
        let is_told = |line: &Line| {
            (line.verdict, line.reason) == (Verdict::Unknown, Some(Reason::UNDECLARED))
        };
        let lines = judgement.lines();
        assert!(lines.iter().any(is_told), "{}: {lines:?}", kind.name);
        let hides = |line: &Line| line.verdict == Verdict::Pass;
        assert!(!lines.iter().any(hides), "{}: {lines:?}", kind.name);
    }
}
