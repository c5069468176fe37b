//! `ConfigMaps`, and what backups are configured to be.

use serde_json::json;

use super::super::fault::Deed::Now;
use super::super::fault::{Fault, blind, fails, warns};
use super::{fault, path};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "setting-empty",
        "the ConfigMap has no EMAIL_BACKEND any more",
        &[fails("configmap-reviewed", "ExpressionFalse")],
        Now(|doing| {
            let data = json!({ "data": { "EMAIL_BACKEND": null } });
            doing.change("configmaps", "trackdechets-config", &data)
        }),
    ),
    fault(
        "host-of-another",
        "the application is configured for another host",
        &[fails("configmap-reviewed", "ExpressionFalse")],
        Now(|doing| {
            let data = json!({ "data": { "API_HOST": "api.sandbox.trackdechets.beta.gouv.fr" } });
            doing.change("configmaps", "env-specific-config-7m8k5t2bh4", &data)
        }),
    ),
    fault(
        "configmap-gone",
        "the ConfigMap is deleted",
        &[fails("configmaps", "ObjectAbsent"), fails("configmap-reviewed", "ObjectAbsent")],
        Now(|doing| doing.delete(&path("configmaps", "trackdechets-config"))),
    ),
    fault(
        "retention-unset",
        "PostgreSQL's backups are kept for ever",
        &[fails("backup-retention-configured", "ExpressionFalse")],
        Now(|doing| {
            let spec = json!({ "spec": { "backup": { "retentionPolicy": null } } });
            doing.change("clusters.postgresql.cnpg.io", "postgres", &spec)
        }),
    ),
    fault(
        "schedule-suspended",
        "the schedule of PostgreSQL's backups is suspended",
        &[
            fails("backup-retention-configured", "ExpressionFalse"),
            warns("postgres-backup", "ScheduleSuspended"),
        ],
        Now(|doing| {
            let spec = json!({ "spec": { "suspend": true } });
            doing.change("scheduledbackups", "postgres-backup-schedule", &spec)
        }),
    ),
    fault(
        "archiving-fails",
        "PostgreSQL's operator can't archive the log",
        &[fails("postgres-backup", "ConditionUnmet")],
        Now(|doing| {
            let path = path("clusters.postgresql.cnpg.io", "postgres");
            let cluster = doing.town.kubernetes.get(&path).unwrap_or_default();
            let mut conditions = cluster["status"]["conditions"].clone();
            for one in conditions.as_array_mut().into_iter().flatten() {
                if one["type"] == "ContinuousArchiving" {
                    one["status"] = "False".into();
                    one["reason"] = "ContinuousArchivingFailing".into();
                }
            }
            doing.patch(&path, &json!({ "status": { "conditions": conditions } })).map(drop)
        }),
    ),
    fault(
        "backup-credential-renamed",
        "PostgreSQL's backups name a key that their Secret does not have",
        &[fails("postgres-backup-credentials", "ReferenceKeyMissing")],
        Now(|doing| {
            let key = json!({ "spec": { "backup": { "barmanObjectStore": { "s3Credentials": {
                "secretAccessKey": { "key": "SECRET_KEY" },
            } } } } });
            doing.change("clusters.postgresql.cnpg.io", "postgres", &key)
        }),
    ),
    fault(
        "mongodb-backup-secret-renamed",
        "MongoDB's backups name a Secret that Vigie was not told of",
        &[blind("mongodb-backup-credentials", "ReferenceNotNamed")],
        Now(|doing| {
            let storage = json!({ "s3": { "credentialsSecret": "backup-keys" } });
            let backup = json!({ "storages": { "s3-backup": storage } });
            let change = json!({ "spec": { "backup": backup } });
            doing.change("perconaservermongodbs", "mongodb", &change)
        }),
    ),
];
