//! Conformance: what the kinds say of objects, on the simulated API server and on a real one alike.
//!
//! A case puts objects on a [`Ground`], changes them, and looks with a check, through a connection
//! that may do no more than what `vigie rbac` gives for the check. It knows not where it runs; it runs in both
//! places. Where the two differ, the simulation is wrong.
//!
//! `objects` holds of the ground itself. To add a kind's cases:
//! 1. write `<kind>.rs` here: `pub const CASES: &[Case] = cases! { "what holds" => function; … };`,
//!    each function an `async fn(&Ground)`;
//! 2. add `<kind>` to the one list below, which makes a test of it in either place.
//!
//! What to mind:
//! - Objects of namespaced kinds go into the ground's own namespace, whatever theirs says. Objects
//!   without a namespace are everybody's: name them by [`Ground::own`], and remove them.
//! - The object is written first, its status then through the subresource, as controllers do. A
//!   real server validates both (a Job's or a `ReplicaSet`'s template has to be whole), completes
//!   them, and refuses what contradicts itself: what no server would ever say stays with the
//!   provocations in `kinds`.
//! - Nobody else writes: there are no nodes and no controllers, so that a status stays as it is put.
//! - Custom resources are defined by [`Ground::define`] first.
//! - Looks are repeated until they say what they are to say: a watch needs a moment. So a case that
//!   wants nothing to change has to change something else, and look at that.

/// A list of cases: what holds, and the function that sees to it.
macro_rules! cases {
    ($($says:literal => $run:path;)*) => {
        &[$($crate::conformance::Case { says: $says, run: |ground| Box::pin($run(ground)) }),*]
    };
}

/// The kinds, and a test for each in either place.
macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        $(mod $kind;)*

        mod simulated {
            $(#[tokio::test]
            async fn $kind() {
                super::hold(super::$kind::CASES, None).await;
            })*
        }

        /// What there are cases of.
        const COVERED: &[&str] = &[$(stringify!($kind)),*];

        mod real {
            $(#[tokio::test]
            async fn $kind() {
                let Some(cluster) = crate::real::shared().await else { return };
                super::hold(super::$kind::CASES, Some(cluster)).await;
            })*
        }
    };
}

pub mod ground;
mod rights;
pub mod server;

kinds! {
    autoscalers,
    cron_jobs,
    deployment,
    dns,
    http,
    images,
    ingresses,
    kubernetes_api,
    nodes,
    objects,
    operator,
    pod_logs,
    pod_security,
    pods,
    registry_image,
    resource,
    resource_usage,
    secret_keys,
    services,
    tls,
    workloads,
}

use std::sync::Arc;

use futures::future::{BoxFuture, join_all};

use vigie::checks::KINDS;

use crate::real::Cluster;
use crate::support;
use ground::Ground;

/// One thing that holds wherever it is looked at.
pub struct Case {
    /// What holds.
    pub says: &'static str,
    /// Sees to it.
    pub run: for<'a> fn(&'a Ground) -> BoxFuture<'a, ()>,
}

/// All cases hold, on the real cluster or else on simulated ones; those that don't are named together.
async fn hold(cases: &'static [Case], cluster: Option<Arc<Cluster>>) {
    let runs = cases.iter().map(|case| {
        let cluster = cluster.clone();
        let run = tokio::spawn(async move {
            let ground = match cluster {
                Some(cluster) => Ground::real(cluster).await,
                None => Ground::simulated().await,
            };
            (case.run)(&ground).await;
        });
        async move { run.await.is_err().then_some(case.says) }
    });
    let wrong: Vec<_> = join_all(runs).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "not so: {wrong:#?}");
}

/// Kinds that ask the API server only where a parameter says so, which their example's do not.
pub const MAY_ASK: &[&str] = &["http"];

#[test]
fn every_kind_that_asks_the_api_server_has_cases() {
    for kind in KINDS {
        let needs = support::check(kind.example).needs();
        let asks =
            !needs.watches.is_empty() || !needs.rights.is_empty() || MAY_ASK.contains(&kind.name);
        let is_covered = COVERED.contains(&kind.name);
        assert_eq!(asks, is_covered, "cases of `{}`", kind.name);
    }
}
