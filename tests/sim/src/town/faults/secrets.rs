//! Secrets: placeholders, weak passwords, keys that are gone.

use anyhow::Result;
use serde_json::json;

use super::super::fault::Deed::Now;
use super::super::fault::{Doing, Fault, blind, fails};
use super::super::furnish::APPLICATION;
use super::{fault, path};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "token-secret-changeme",
        "API_TOKEN_SECRET is still the one of the example",
        &[fails("secret-api-token", "Placeholder"), fails("no-placeholder-secrets", "Placeholder")],
        Now(|doing| keep(doing, "API_TOKEN_SECRET", "changeme-changeme-changeme-changeme")),
    ),
    fault(
        "session-secret-short",
        "SESSION_SECRET is of twelve bytes",
        &[fails("secret-session", "WrongLength")],
        Now(|doing| keep(doing, "SESSION_SECRET", "c2ltdWxhdGVkLTEy")),
    ),
    fault(
        "webhook-key-too-long",
        "WEBHOOK_TOKEN_ENCRYPTION_KEY is of 33 characters",
        &[fails("secret-webhook-encryption-key", "WrongLength")],
        Now(|doing| {
            keep(doing, "WEBHOOK_TOKEN_ENCRYPTION_KEY", "simulated-simulated-simulated-033")
        }),
    ),
    fault(
        "database-password-weak",
        "PostgreSQL's password is `prisma`",
        &[fails("secret-postgres-password", "WrongLength")],
        Now(|doing| {
            let address = doing.town.postgres.address();
            keep(
                doing,
                "DATABASE_URL",
                &format!("postgresql://trackdechets:prisma@{address}/prisma"),
            )
        }),
    ),
    fault(
        "mongodb-password-gone",
        "MongoDB's Secret lacks the password for backups",
        &[fails("secret-mongodb-password", "KeyMissing")],
        Now(|doing| {
            let data = json!({ "data": { "MONGODB_BACKUP_PASSWORD": null } });
            doing.change("secrets", "mongodb-secrets", &data)
        }),
    ),
    fault(
        "insee-password-gone",
        "the Secret has no INSEE_PASSWORD",
        &[fails("secret-insee-credentials", "KeyMissing"), blind("insee-api", "SecretMissing")],
        Now(|doing| {
            let data = json!({ "data": { "INSEE_PASSWORD": null } });
            doing.change("secrets", APPLICATION, &data)
        }),
    ),
    fault(
        "mail-key-gone",
        "the Secret has no SIB_APIKEY",
        &[fails("secret-sendinblue-key", "KeyMissing"), blind("email-provider", "SecretMissing")],
        Now(|doing| {
            let data = json!({ "data": { "SIB_APIKEY": null } });
            doing.change("secrets", APPLICATION, &data)
        }),
    ),
    fault(
        "s3-keys-example",
        "the object store's keys are still those of the example",
        &[
            fails("secret-s3-credentials", "Placeholder"),
            fails("no-placeholder-secrets", "Placeholder"),
            fails("s3-storage", "Unauthorized"),
            fails("s3-bucket-main", "Unauthorized"),
            fails("s3-bucket-registry-errors", "Unauthorized"),
            fails("s3-bucket-registry-imports", "Unauthorized"),
            fails("s3-bucket-registry-exports", "Unauthorized"),
            fails("s3-bucket-texs-analysis", "Unauthorized"),
            fails("s3-bucket-registry-models", "Unauthorized"),
            fails("s3-bucket-registry-exhaustive-exports", "Unauthorized"),
            fails("s3-bucket-bsd-templates", "Unauthorized"),
            fails("s3-access-keys", "Unauthorized"),
            blind("s3-access-control", "Unauthorized"),
        ],
        Now(|doing| {
            keep(doing, "S3_ACCESS_KEY_ID", "changeme")?;
            keep(doing, "S3_SECRET_ACCESS_KEY", "changeme")
        }),
    ),
    fault(
        "gotenberg-token-empty",
        "GOTENBERG_TOKEN is empty",
        &[fails("secret-gotenberg-token", "Empty")],
        Now(|doing| keep(doing, "GOTENBERG_TOKEN", "")),
    ),
    fault(
        "sentry-dsn-malformed",
        "SENTRY_DSN lacks its project",
        &[fails("secret-sentry-dsn", "MalformedUrl"), fails("sentry", "DsnMalformed")],
        Now(|doing| keep(doing, "SENTRY_DSN", "https://0123456789abcdef@sentry.incubateur.net")),
    ),
    fault(
        "queue-monitor-token-placeholder",
        "QUEUE_MONITOR_TOKEN is `your-token`",
        &[
            fails("secret-queue-monitor-token", "Placeholder"),
            fails("no-placeholder-secrets", "Placeholder"),
        ],
        Now(|doing| keep(doing, "QUEUE_MONITOR_TOKEN", "your-token")),
    ),
    fault(
        "credentials-secret-gone",
        "the Secret of PostgreSQL's credentials is deleted",
        &[
            fails("secrets-created", "ObjectAbsent"),
            fails("secrets", "ObjectAbsent"),
            fails("secret-postgres-password", "NotFound"),
            fails("no-placeholder-secrets", "NotFound"),
        ],
        Now(|doing| doing.delete(&path("secrets", "postgres-credentials"))),
    ),
    fault(
        "certificate-secret-gone",
        "the Secret of the certificate is deleted",
        &[fails("secrets", "ObjectAbsent")],
        Now(|doing| doing.delete(&path("secrets", "trackdechets-tls"))),
    ),
];

fn keep(doing: &Doing<'_>, key: &str, value: &str) -> Result<()> {
    doing.town.keep_secret(APPLICATION, &[(key, value)])
}
