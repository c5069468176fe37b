//! What `CloudNativePG` tells of backups: the Cluster, its Backups, its `ScheduledBackups`, and the
//! `ObjectStore` of the barman-cloud plugin.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::schedule::Schedule;
use super::{Destination, Look, Policy, State, Taken, Told, all, one, read, text, time, window};
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::needs::{Resource, Watch};
use crate::systems::kubernetes::whole::Whole;
use crate::systems::s3::Endpoint;

const GROUP: &str = "postgresql.cnpg.io";
const CLUSTERS: Resource = Resource::known(GROUP, "v1", "clusters", "Cluster");
const BACKUPS: Resource = Resource::known(GROUP, "v1", "backups", "Backup");
const SCHEDULES: Resource = Resource::known(GROUP, "v1", "scheduledbackups", "ScheduledBackup");
const STORES: Resource =
    Resource::known("barmancloud.cnpg.io", "v1", "objectstores", "ObjectStore");
/// The plugin that archives to an `ObjectStore`.
const PLUGIN: &str = "barman-cloud.cloudnative-pg.io";
/// Where a Cluster without the plugin names its store.
const IN_TREE: &str = "/spec/backup/barmanObjectStore";

/// A Cluster of `CloudNativePG`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct CloudNativePg {
    /// Its namespace.
    namespace: String,
    /// Its name.
    cluster: String,
    /// The `ObjectStore` that it backs up to, where it uses the barman-cloud plugin.
    #[serde(default)]
    object_store: Option<String>,
    /// The URL at which the cluster sees the store, where that is another than the connection's.
    #[serde(default)]
    pub(super) endpoint: Option<Endpoint>,
}

impl CloudNativePg {
    fn watch(&self) -> Watch {
        one(&CLUSTERS, &self.namespace, &self.cluster)
    }

    fn store_watch(&self) -> Option<Watch> {
        self.object_store.as_ref().map(|name| one(&STORES, &self.namespace, name))
    }

    pub(super) fn watches(&self) -> Vec<Watch> {
        let there =
            [self.watch(), all(&BACKUPS, &self.namespace), all(&SCHEDULES, &self.namespace)];
        there.into_iter().chain(self.store_watch()).collect()
    }

    pub(super) fn told(&self, look: &Look<'_>) -> Result<Told, Obstacle> {
        let cluster = read(look, &self.watch())?;
        let backups = read(look, &all(&BACKUPS, &self.namespace))?;
        let schedules = read(look, &all(&SCHEDULES, &self.namespace))?;
        let store = match self.store_watch() {
            Some(watch) => read(look, &watch)?,
            None => Vec::new(),
        };
        let store = store.first().map(|store| &**store);
        let cluster = cluster.first().map(|cluster| &**cluster);
        let ours = |object: &&Arc<Whole>| text(object, "/spec/cluster/name") == Some(&self.cluster);
        Ok(Told {
            named: format!("Cluster {}/{}", self.namespace, self.cluster),
            destination: cluster.map(|cluster| self.destination(cluster, store)),
            policy: cluster.and_then(|cluster| policy(cluster, store)),
            backups: backups.iter().filter(ours).filter_map(|backup| taken(backup)).collect(),
            schedules: schedules.iter().filter(ours).map(|one| schedule(one)).collect(),
        })
    }

    pub(super) fn destination(&self, cluster: &Whole, store: Option<&Whole>) -> Destination {
        if cluster.object.pointer(IN_TREE).is_some_and(Value::is_object) {
            let server = text(cluster, &format!("{IN_TREE}/serverName"));
            return place(cluster, IN_TREE, server.unwrap_or(&self.cluster));
        }
        let Some(plugin) = plugin(cluster) else {
            return Destination::Nowhere("it names no store to back up to".to_owned());
        };
        let parameter = |name: &str| plugin.pointer(&format!("/parameters/{name}"))?.as_str();
        let Some(named) = parameter("barmanObjectName") else {
            return Destination::Untold("its plugin names no ObjectStore".to_owned());
        };
        let shown = legible(named, 100);
        if self.object_store.is_none() {
            let why =
                format!("it backs up to the ObjectStore `{shown}`: write it as `object_store`");
            return Destination::Untold(why);
        }
        if self.object_store.as_deref() != Some(named) {
            let why =
                format!("it backs up to the ObjectStore `{shown}`, and `object_store` is another");
            return Destination::Nowhere(why);
        }
        let Some(store) = store else {
            return Destination::Nowhere(format!("its ObjectStore `{shown}` is not there"));
        };
        place(store, "/spec/configuration", parameter("serverName").unwrap_or(&self.cluster))
    }
}

/// The plugin of a Cluster, where it is on.
fn plugin(cluster: &Whole) -> Option<&Value> {
    let plugins = cluster.object.pointer("/spec/plugins")?.as_array()?;
    plugins.iter().find(|plugin| {
        let named = plugin.pointer("/name").and_then(Value::as_str) == Some(PLUGIN);
        named && plugin.pointer("/enabled").and_then(Value::as_bool) != Some(false)
    })
}

/// `s3://bucket/path` and the folder of the server.
fn place(object: &Whole, at: &str, server: &str) -> Destination {
    let Some(path) = text(object, &format!("{at}/destinationPath")) else {
        return Destination::Untold("it has no `destinationPath`".to_owned());
    };
    let Some(rest) = path.strip_prefix("s3://") else {
        let path = legible(path, 100);
        return Destination::Nowhere(format!("it backs up to `{path}`, which is no bucket of S3"));
    };
    let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
    let folder = folder.trim_matches('/');
    let slash = if folder.is_empty() { "" } else { "/" };
    Destination::Store {
        bucket: bucket.to_owned(),
        path: format!("{folder}{slash}{server}/"),
        endpoint: text(object, &format!("{at}/endpointURL")).map(str::to_owned),
    }
}

fn policy(cluster: &Whole, store: Option<&Whole>) -> Option<(String, Policy)> {
    let of_store = || text(store?, "/spec/retentionPolicy");
    let written = text(cluster, "/spec/backup/retentionPolicy").or_else(of_store)?;
    Some((written.to_owned(), Policy::Window(window(written)?)))
}

/// A Backup, if it is one of the store: snapshots of volumes are none.
fn taken(backup: &Whole) -> Option<Taken> {
    let method = text(backup, "/status/method").or_else(|| text(backup, "/spec/method"));
    if method == Some("volumeSnapshot") {
        return None;
    }
    let state = match text(backup, "/status/phase") {
        Some("completed") => State::Completed,
        Some(phase @ ("failed" | "walArchivingFailing")) => {
            let why = text(backup, "/status/error").unwrap_or(phase);
            State::Failed(legible(why, 200))
        }
        Some(_) | None => State::UnderWay,
    };
    let created = time(backup, "/metadata/creationTimestamp");
    Some(Taken {
        resource: format!("Backup {}", backup.name),
        state,
        name: text(backup, "/status/backupId").map(str::to_owned),
        began: time(backup, "/status/startedAt").or(created),
        ended: time(backup, "/status/stoppedAt"),
    })
}

fn schedule(schedule: &Whole) -> Schedule {
    Schedule {
        named: format!("ScheduledBackup {}", schedule.name),
        cron: text(schedule, "/spec/schedule").map(str::to_owned),
        suspended: schedule.object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true),
        created: time(schedule, "/metadata/creationTimestamp"),
        last: time(schedule, "/status/lastScheduleTime"),
    }
}
