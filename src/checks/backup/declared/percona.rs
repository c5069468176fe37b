//! What Percona's operator tells of backups: the `PerconaServerMongoDB` and its backups.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::schedule::Schedule;
use super::{Destination, Look, Policy, State, Taken, Told, all, one, read, text, time};
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::needs::{Resource, Watch};
use crate::systems::kubernetes::whole::Whole;
use crate::systems::s3::Endpoint;

const GROUP: &str = "psmdb.percona.com";
const CLUSTERS: Resource =
    Resource::known(GROUP, "v1", "perconaservermongodbs", "PerconaServerMongoDB");
const BACKUPS: Resource =
    Resource::known(GROUP, "v1", "perconaservermongodbbackups", "PerconaServerMongoDBBackup");

/// A `PerconaServerMongoDB`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct PerconaMongodb {
    /// Its namespace.
    namespace: String,
    /// Its name.
    cluster: String,
    /// The storage of its backups, by the name that it has there.
    storage: String,
    /// The URL at which the cluster sees the store, where that is another than the connection's.
    #[serde(default)]
    pub(super) endpoint: Option<Endpoint>,
}

impl PerconaMongodb {
    fn watch(&self) -> Watch {
        one(&CLUSTERS, &self.namespace, &self.cluster)
    }

    pub(super) fn watches(&self) -> Vec<Watch> {
        vec![self.watch(), all(&BACKUPS, &self.namespace)]
    }

    pub(super) fn told(&self, look: &Look<'_>) -> Result<Told, Obstacle> {
        let cluster = read(look, &self.watch())?;
        let backups = read(look, &all(&BACKUPS, &self.namespace))?;
        let cluster = cluster.first().map(|cluster| &**cluster);
        let ours = |backup: &&Arc<Whole>| {
            // Older versions call the cluster otherwise.
            let of =
                text(backup, "/spec/clusterName").or_else(|| text(backup, "/spec/psmdbCluster"));
            of == Some(&self.cluster) && text(backup, "/spec/storageName") == Some(&self.storage)
        };
        let tasks = cluster.map(|cluster| self.tasks(cluster)).unwrap_or_default();
        let off = cluster.is_some_and(is_off);
        Ok(Told {
            named: format!("PerconaServerMongoDB {}/{}", self.namespace, self.cluster),
            destination: cluster.map(|cluster| self.destination(cluster)),
            policy: tasks.iter().find_map(|task| policy(task)),
            backups: backups.iter().filter(ours).map(|backup| taken(backup)).collect(),
            schedules: tasks.iter().map(|task| schedule(task, off, cluster)).collect(),
        })
    }

    fn tasks<'c>(&self, cluster: &'c Whole) -> Vec<&'c Value> {
        let tasks = cluster.object.pointer("/spec/backup/tasks").and_then(Value::as_array);
        let here = |task: &&Value| string(task, "/storageName") == Some(&self.storage);
        tasks.into_iter().flatten().filter(here).collect()
    }

    pub(super) fn destination(&self, cluster: &Whole) -> Destination {
        let storages = cluster.object.pointer("/spec/backup/storages").and_then(Value::as_object);
        let Some(storage) = storages.and_then(|storages| storages.get(&self.storage)) else {
            return Destination::Nowhere(format!("it has no storage `{}`", self.storage));
        };
        let store = storage.get("s3").or_else(|| storage.get("minio"));
        let Some(store) = store.filter(|store| store.is_object()) else {
            let why = format!("its storage `{}` is no bucket of S3", self.storage);
            return Destination::Nowhere(why);
        };
        let Some(bucket) = string(store, "/bucket") else {
            return Destination::Untold(format!("its storage `{}` names no bucket", self.storage));
        };
        // Some write the prefix behind the bucket.
        let (bucket, before) = bucket.split_once('/').unwrap_or((bucket, ""));
        let prefix = string(store, "/prefix").unwrap_or_default();
        let parts = [before.trim_matches('/'), prefix.trim_matches('/')];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Destination::Store {
            bucket: bucket.to_owned(),
            path: parts.join("/"),
            endpoint: string(store, "/endpointUrl").map(str::to_owned),
        }
    }
}

fn string<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

fn is_off(cluster: &Whole) -> bool {
    cluster.object.pointer("/spec/backup/enabled").and_then(Value::as_bool) != Some(true)
}

fn policy(task: &Value) -> Option<(String, Policy)> {
    let count = task.pointer("/retention/count").or_else(|| task.pointer("/keep"))?;
    let count = u32::try_from(count.as_u64()?).ok().filter(|count| *count > 0)?;
    Some((count.to_string(), Policy::Count(count)))
}

fn schedule(task: &Value, off: bool, cluster: Option<&Whole>) -> Schedule {
    let name = string(task, "/name").unwrap_or("without a name");
    let enabled = task.pointer("/enabled").and_then(Value::as_bool) == Some(true);
    Schedule {
        named: format!("task {}", legible(name, 100)),
        cron: string(task, "/schedule").map(str::to_owned),
        suspended: off || !enabled,
        created: cluster.and_then(|cluster| time(cluster, "/metadata/creationTimestamp")),
        last: None,
    }
}

fn taken(backup: &Whole) -> Taken {
    let state = match text(backup, "/status/state") {
        Some("ready") => State::Completed,
        Some(state @ ("error" | "rejected")) => {
            let why = text(backup, "/status/error").unwrap_or(state);
            State::Failed(legible(why, 200))
        }
        Some(_) | None => State::UnderWay,
    };
    let created = time(backup, "/metadata/creationTimestamp");
    Taken {
        resource: format!("PerconaServerMongoDBBackup {}", backup.name),
        state,
        name: text(backup, "/status/pbmName").map(str::to_owned),
        began: time(backup, "/status/start").or(created),
        ended: time(backup, "/status/completed"),
    }
}
