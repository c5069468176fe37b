//! The cluster: what names the town's other systems, and credentials that fit them.

use std::path::Path;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::kubernetes::trackdechets::{NAMESPACE, REGISTRY};
use crate::kubernetes::{ApiServer, Rule, User};
use crate::registry::Registry;
use crate::s3::{ACCESS_KEY, SECRET_KEY};
use crate::town::{API, NOTIFIER, Town, UI};

/// The application's Secret.
pub(in crate::town) const APPLICATION: &str = "trackdechets-secrets";
/// The generated `ConfigMap`.
const OF_ENVIRONMENT: &str = "env-specific-config-7m8k5t2bh4";

/// By which Vigie is let in.
const TOKEN: &str = "simulated";

/// Where the application's images come from.
pub(in crate::town) fn images(registry: &Registry) -> String {
    format!("{REGISTRY}:{}", registry.address().port())
}

/// Lets Vigie in by a token, and whoever has the kubeconfig.
pub(in crate::town) fn let_vigie_in(server: &ApiServer, folder: &Path) -> Result<()> {
    server.admit(TOKEN, User::new("system:serviceaccount:vigie:vigie", vec![Rule::everything()]));
    server.write_kubeconfig(&folder.join("kubeconfig"), Some(TOKEN))?;
    std::fs::write(folder.join("kubernetes-token"), TOKEN)?;
    std::fs::write(folder.join("kubernetes-ca.pem"), server.authority().unwrap_or_default())?;
    Ok(())
}

impl Town {
    pub(in crate::town) fn furnish_cluster(&self) -> Result<()> {
        let address = self.postgres.address();
        let url = format!("postgresql://trackdechets:simulated-and-long-enough@{address}/prisma");
        self.keep_secret(
            APPLICATION,
            &[
                ("DATABASE_URL", &url),
                ("REDIS_URL", &self.redis.url()),
                ("MONGO_URL", "mongodb://trackdechets:simulated-and-long-enough@mongodb-rs0:27017"),
                ("S3_ENDPOINT", &self.s3.endpoint()),
                ("S3_ACCESS_KEY_ID", ACCESS_KEY),
                ("S3_SECRET_ACCESS_KEY", SECRET_KEY),
                ("API_TOKEN_SECRET", &STANDARD.encode([0x5a; 33])),
                ("SESSION_SECRET", &STANDARD.encode([0xa7; 33])),
            ],
        )?;
        self.keep_secret(
            "postgres-credentials",
            &[("username", "trackdechets"), ("password", "simulated-and-long-enough")],
        )?;
        let administrators = ["DATABASE_ADMIN", "CLUSTER_ADMIN", "USER_ADMIN", "BACKUP"];
        for user in administrators {
            let key = format!("MONGODB_{user}_PASSWORD");
            let value = format!("simulated-and-long-enough-{}", user.to_lowercase());
            self.keep_secret("mongodb-secrets", &[(&key, &value)])?;
        }
        self.keep_secret(
            "postgres-backup-credentials",
            &[("ACCESS_KEY_ID", ACCESS_KEY), ("SECRET_ACCESS_KEY", SECRET_KEY)],
        )?;
        self.keep_secret(
            "mongodb-backup-credentials",
            &[("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)],
        )?;
        for (name, key) in [("vigie-postgres", "password"), ("vigie-grafana", "token")] {
            self.kubernetes.apply(json!({
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": { "name": name, "namespace": "vigie" },
                "data": { key: STANDARD.encode("simulated") },
            }))?;
        }
        self.write_configuration()?;
        self.tell_of_backups()?;
        let reader = json!({ "spec": { "backup": { "barmanObjectStore": { "s3Credentials": {
            "secretAccessKey": { "key": "SECRET_ACCESS_KEY" },
        } } } } });
        self.kubernetes
            .patch(&format!("clusters.postgresql.cnpg.io/{NAMESPACE}/postgres"), &reader)?;
        Ok(())
    }

    /// Puts values into a Secret of the application's namespace, beside those that it has.
    pub(in crate::town) fn keep_secret(&self, name: &str, values: &[(&str, &str)]) -> Result<()> {
        let encoded = |(key, value): &(&str, &str)| {
            ((*key).to_owned(), Value::String(STANDARD.encode(value)))
        };
        let data: Map<String, Value> = values.iter().map(encoded).collect();
        self.kubernetes.patch(&format!("secrets/{NAMESPACE}/{name}"), &json!({ "data": data }))?;
        Ok(())
    }

    fn write_configuration(&self) -> Result<()> {
        let settings = json!({ "data": {
            "NODE_ENV": "production", "TZ": "Europe/Paris", "EMAIL_BACKEND": "sendinblue",
            "ELASTICSEARCH_BSDS_ALIAS_NAME": "bsds", "QUEUE_NAME_SENDMAIL": "queue_sendmail",
        } });
        self.kubernetes.patch(&format!("configmaps/{NAMESPACE}/trackdechets-config"), &settings)?;
        let hosts = json!({ "data": {
            "UI_HOST": UI, "API_HOST": API, "NOTIFIER_HOST": NOTIFIER,
            "UI_URL_SCHEME": "https", "NOTIFIER_ENDPOINT": format!("https://{NOTIFIER}"),
        } });
        self.kubernetes.patch(&format!("configmaps/{NAMESPACE}/{OF_ENVIRONMENT}"), &hosts)?;
        Ok(())
    }

    /// Now, by the clock of the systems.
    pub(in crate::town) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(super::life::millis()).unwrap_or(self.founded)
    }
}
