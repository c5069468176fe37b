//! `deployment`: the record, and an API server about labels and workloads.

use std::sync::Arc;

use serde_json::{Value, json};
use vigie::checks::deployment::Deployment;
use vigie::model::finding::Verdict::Pass;
use vigie::model::judgement::Judgement;
use vigie::model::records::Records;
use vigie::systems::clock::Clock;

use super::{Provocation, provoke};
use crate::kubernetes::{Cluster, deployment, trouble, with};
use crate::support::{self, look_recorded, systems};

const ENVIRONMENT: &str = "deployment: { environment: { namespaces: [shop], value: production } }";
const ROLLED_OUT: &str = "deployment: { rolled_out: { namespaces: [shop] } }";

#[tokio::test]
async fn every_reason_of_deployment_is_given() {
    provoke(provocations()).await;
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { Deployment:
        "EnvironmentMismatch" Fail of(ENVIRONMENT, [namespace("staging")]);
        "EnvironmentUnmarked" Unknown of(ENVIRONMENT, [unmarked(), deployment("web")]);
        "OutsideWindow" Fail began("{ window: ['Mon 00:00-00:01'] }");
        "RolloutRunning" Fail of(ROLLED_OUT, [with(deployment("web"), "/status/updatedReplicas", json!(1))]);
        "Missing" Fail of(ROLLED_OUT, []);
        "NoDeployment" Unknown async { support::look("deployment: { recorded: true }", &systems("{}", Clock::System)).await };
        "NotYet" Unknown began("{ recorded: true, decided: watch_end }");
        "Garbled" Unknown of(ROLLED_OUT, [with(deployment("web"), "/spec/replicas", json!("two"))]);
        "WatchRunning" Unknown trouble::running(ROLLED_OUT);
        "StreamDown" Unknown trouble::down(ROLLED_OUT);
        "StreamSilent" Unknown trouble::silent(ROLLED_OUT);
        "Forbidden" Unknown trouble::forbidden(ROLLED_OUT);
        "Unauthorized" Unknown trouble::unauthorized(ROLLED_OUT);
        "KindUnknown" Unknown trouble::kind_unknown(ROLLED_OUT);
        "NoAccess" Unknown trouble::no_access(ROLLED_OUT);
    }
}

fn unmarked() -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } })
}

fn namespace(environment: &str) -> Value {
    with(unmarked(), "/metadata/labels", json!({ "environment": environment }))
}

async fn of(check: &str, objects: impl IntoIterator<Item = Value>) -> Judgement {
    let cluster = Cluster::start().await;
    for object in objects {
        cluster.put(object);
    }
    cluster.look(check).await
}

/// What is said of a rollout that began on a Tuesday.
async fn began(parameters: &str) -> Judgement {
    let tuesday = "2026-11-24T10:00:00Z".parse().expect("a time");
    let deployment = Some(Arc::new(support::deployment(tuesday)));
    let records = Records { deployment, ..Records::default() };
    look_recorded(&format!("deployment: {parameters}"), &systems("{}", Clock::System), &records)
        .await
}

#[tokio::test]
async fn what_bears_the_environment_passes_and_one_that_bears_another_does_not() {
    let marked = |name: &str, environment: &str| {
        with(deployment(name), "/metadata/labels", json!({ "environment": environment }))
    };
    let production = || namespace("production");
    let judgement = of(ENVIRONMENT, [production(), marked("web", "production")]).await;
    assert_eq!(judgement.because(), "shop: 2 objects bear environment=production");
    let judgement = of(ENVIRONMENT, [production(), marked("web", "staging")]).await;
    assert!(
        judgement.because().contains("1 object bears environment=staging"),
        "{}",
        judgement.because()
    );
    let by_workload = of(ENVIRONMENT, [unmarked(), marked("web", "production")]).await;
    assert_eq!(by_workload.verdict(), Pass, "{}", by_workload.because());
    let elsewhere = "deployment: { environment: { namespaces: [elsewhere] } }";
    let gone = of(elsewhere, [production()]).await;
    assert_eq!(gone.because(), "elsewhere: the namespace is not there");
}

#[tokio::test]
async fn workloads_that_are_rolled_out_pass() {
    let judgement = of(ROLLED_OUT, [deployment("web")]).await;
    assert_eq!(
        judgement.because(),
        "Deployment shop/web: all 2 replicas are of the newest revision"
    );
}
