//! Quotas, and whether they leave autoscalers room.

use serde_json::{Value, json};
use vigie::model::judgement::Judgement;

use super::cluster;
use crate::kubernetes::{Cluster, NAMESPACE};

pub const QUOTAS: &str = "resource_usage: { namespaces: [shop], quotas: { expect: [quota] } }";
pub const ROOM: &str =
    "resource_usage: { namespaces: [shop], quotas: { room_for_autoscalers: true } }";

pub fn quota(used: Option<&str>) -> Value {
    let hard = json!({ "requests.memory": "100Gi", "pods": "50", "services.nodeports": "0" });
    let mut counted = json!({ "pods": "3", "services.nodeports": "0" });
    if let Some(used) = used {
        counted["requests.memory"] = used.into();
    }
    json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": { "namespace": NAMESPACE, "name": "quota" },
        "spec": { "hard": hard },
        "status": { "hard": hard, "used": counted },
    })
}

pub async fn quotas(object: Option<Value>) -> Judgement {
    let cluster = Cluster::start().await;
    if let Some(object) = object {
        cluster.put(object);
    }
    cluster.look(QUOTAS).await
}

/// An autoscaler of what `web-5d8c-a` belongs to, or of another, that may ask for 48 more pods.
fn autoscaler(target: &str) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "namespace": NAMESPACE, "name": "web" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": target },
            "minReplicas": 1, "maxReplicas": 50,
        },
        "status": { "currentReplicas": 2, "desiredReplicas": 2 },
    })
}

pub async fn growing(target: &str) -> Judgement {
    let cluster = cluster().await;
    cluster.put(quota(Some("1Gi")));
    cluster.put(autoscaler(target));
    cluster.look(ROOM).await
}
