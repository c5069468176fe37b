//! Configuration, secrets (harmless ones), quotas and policies of the namespace.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{ApiServer, Failure, NAMESPACE, apply};
use crate::kubernetes::{Metrics, Volume};

/// The keys of `trackdechets-secrets`; each value says that it opens nothing.
const KEYS: [&str; 20] = [
    "DATABASE_URL",
    "REDIS_URL",
    "MONGO_URL",
    "ELASTIC_SEARCH_URL",
    "API_TOKEN_SECRET",
    "SESSION_SECRET",
    "WEBHOOK_TOKEN_ENCRYPTION_KEY",
    "SIB_APIKEY",
    "QUEUE_MONITOR_TOKEN",
    "GOTENBERG_TOKEN",
    "GOTENBERG_URL",
    "SENTRY_DSN",
    "INSEE_CLIENT_ID",
    "INSEE_CLIENT_SECRET",
    "INSEE_USERNAME",
    "INSEE_PASSWORD",
    "S3_ENDPOINT",
    "S3_REGION",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
];

pub(super) fn furnish(server: &ApiServer) -> Result<(), Failure> {
    secret(server, "trackdechets-secrets", "Opaque", &KEYS)?;
    for name in ["postgres-credentials", "mongodb-secrets"] {
        secret(server, name, "Opaque", &["username", "password"])?;
    }
    for name in ["postgres-backup-credentials", "mongodb-backup-credentials"] {
        secret(server, name, "Opaque", &["ACCESS_KEY_ID", "ACCESS_SECRET_KEY"])?;
    }
    secret(server, "trackdechets-tls", "kubernetes.io/tls", &["tls.crt", "tls.key"])?;
    for (name, data) in [
        ("trackdechets-config", json!({ "NODE_ENV": "production", "TZ": "Europe/Paris" })),
        ("env-specific-config-7m8k5t2bh4", json!({ "UI_HOST": "app.trackdechets.beta.gouv.fr" })),
    ] {
        apply(
            server,
            json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": { "name": name, "namespace": NAMESPACE },
                "data": data,
            }),
        )?;
    }
    limits(server)?;
    usage(server);
    for (name, spec) in [
        ("allow-ingress", json!({ "podSelector": {}, "policyTypes": ["Ingress"] })),
        ("allow-internal", json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] })),
    ] {
        apply(
            server,
            json!({
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": { "name": name, "namespace": NAMESPACE },
                "spec": spec,
            }),
        )?;
    }
    apply(
        server,
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": { "name": "nginx" },
            "spec": { "controller": "k8s.io/ingress-nginx" },
        }),
    )
}

fn secret(server: &ApiServer, name: &str, kind: &str, keys: &[&str]) -> Result<(), Failure> {
    let value = |key: &str| Value::String(STANDARD.encode(value_of(key)));
    let data: Map<String, Value> = keys.iter().map(|&key| (key.to_owned(), value(key))).collect();
    apply(
        server,
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": name, "namespace": NAMESPACE },
            "type": kind,
            "data": data,
        }),
    )
}

/// A value of the right form that opens nothing.
fn value_of(key: &str) -> String {
    match key {
        "DATABASE_URL" => "postgresql://trackdechets:simulated@postgres-rw:5432/prisma".to_owned(),
        "REDIS_URL" => "redis://:simulated@rfrm-redis:6379".to_owned(),
        "MONGO_URL" => "mongodb://trackdechets:simulated@mongodb-rs0:27017".to_owned(),
        "ELASTIC_SEARCH_URL" => "http://elasticsearch-es-http:9200".to_owned(),
        "GOTENBERG_URL" => "http://gotenberg:3000".to_owned(),
        "S3_ENDPOINT" => "https://s3.fr-par.scw.cloud".to_owned(),
        "S3_REGION" => "fr-par".to_owned(),
        // Exactly 32 characters are wanted there.
        "WEBHOOK_TOKEN_ENCRYPTION_KEY" => "simulated-simulated-simulated-32".to_owned(),
        "SENTRY_DSN" => {
            "https://0123456789abcdef0123456789abcdef@sentry.incubateur.net/42".to_owned()
        }
        // Long enough for whatever wants 32 characters.
        _ => format!("simulated-{}-which-opens-nothing-at-all", key.to_lowercase()),
    }
}

/// What everything takes: far from any limit.
fn usage(server: &ApiServer) {
    server.serve_metrics(Metrics::Served);
    server.consume("*", "180m", "420Mi");
    for claim in
        ["postgres", "mongod-data-mongodb-rs0", "elasticsearch-data-elasticsearch-es-default"]
    {
        for number in 0..3_u64 {
            server.mount(Volume {
                node: format!("node-{number}"),
                namespace: NAMESPACE.to_owned(),
                claim: format!("{claim}-{number}"),
                capacity: 100 << 30,
                available: (62 - number) << 30,
                inodes: 6_553_600,
                inodes_used: 14_203 + number,
            });
        }
    }
}

fn limits(server: &ApiServer) -> Result<(), Failure> {
    let hard = json!({ "requests.cpu": "50", "requests.memory": "120Gi", "pods": "100" });
    apply(
        server,
        json!({
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": { "name": "trackdechets-quota", "namespace": NAMESPACE },
            "spec": { "hard": hard },
            "status": {
                "hard": hard,
                "used": { "requests.cpu": "12", "requests.memory": "40Gi", "pods": "36" },
            },
        }),
    )?;
    apply(
        server,
        json!({
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": { "name": "trackdechets-limits", "namespace": NAMESPACE },
            "spec": { "limits": [{
                "type": "Container",
                "default": { "cpu": "1", "memory": "1Gi" },
                "defaultRequest": { "cpu": "100m", "memory": "256Mi" },
            }] },
        }),
    )
}
