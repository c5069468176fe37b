//! What a preset judges beside its object, and how little a look at one name takes.

use serde_json::json;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::kubernetes::{Kind, Rule, User};

use super::{MAPS, map};
use crate::kubernetes::{Cluster, brisk, deployment, until, with};

#[tokio::test]
async fn a_preset_judges_what_stands_beside_an_object_without_a_status() {
    let cluster = Cluster::start().await;
    cluster.server.register(Kind::custom(
        "databases.spotahome.com/v1",
        "RedisFailover",
        "redisfailovers",
    ));
    let check = "resource: { preset: redis-failover, namespaces: [shop], name: redis }";
    cluster.put(json!({
        "apiVersion": "databases.spotahome.com/v1", "kind": "RedisFailover",
        "metadata": { "namespace": "shop", "name": "redis" },
        "spec": { "redis": { "replicas": 2 }, "sentinel": { "replicas": 2 } },
    }));
    cluster.put(deployment("rfs-redis"));
    let judgement = cluster.look(check).await;
    assert_eq!(
        judgement.because(),
        "RedisFailover shop/redis: its StatefulSet rfr-redis is not there"
    );
    cluster.put(with(deployment("rfr-redis"), "/kind", json!("StatefulSet")));
    let passes = |judgement: &Judgement| judgement.verdict() == Verdict::Pass;
    let judgement = until(async || cluster.look(check).await, passes).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    cluster.put(with(deployment("rfs-redis"), "/status/readyReplicas", json!(1)));
    let reason = Reason::new("WorkloadNotReady");
    let judgement = cluster.look_until(check, reason).await;
    assert_eq!(judgement.reason(), Some(reason));
}

#[tokio::test]
async fn a_right_to_one_name_is_enough() {
    let mut cluster = Cluster::start().await;
    cluster.put(map("a"));
    let named = Rule::cluster(&["list", "watch"], &[""], &["configmaps"]).only("a");
    cluster.server.admit("t0ken", User::new("vigie", vec![named]));
    let token = cluster.file("token", "t0ken\n");
    let connection = cluster.connection(&format!("token: {{ file: '{}' }}", token.display()));
    cluster.connect(&connection, brisk());
    let one = "resource: { api_version: v1, kind: ConfigMap, namespaces: [shop], name: a }";
    assert_eq!(cluster.look(one).await.verdict(), Verdict::Pass);
    assert_eq!(cluster.look(MAPS).await.reason(), Some(Reason::FORBIDDEN));
}
