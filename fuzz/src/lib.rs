//! What is fuzzed: for each parser of foreign bytes a function that reads any bytes and holds the
//! parser to its laws.
//!
//! Not to panic is the least of them: what is read says the same when it is read again, is bounded
//! and legible, and never complete where something that it needs was taken away. A broken law
//! panics. Each function tells whether the bytes were taken for what they are meant to be, so that
//! the seeds can be held to it.
//!
//! The functions are run by libFuzzer (`fuzz_targets/`) and, over seeds and their mutations, by the
//! ordinary tests (`tests/it/fuzz.rs`), which compile these files, too.

pub mod answers;
pub mod backups;
pub mod configuration;
pub mod endpoints;
pub mod expressions;
pub mod laws;
pub mod logs;
pub mod redis;
pub mod registries;
pub mod stores;
pub mod texts;

/// Reads bytes, and tells whether they were taken.
pub type Body = fn(&[u8]) -> bool;

/// Every target, by name.
pub const TARGETS: &[(&str, Body)] = &[
    ("alert_matcher", texts::alert_matcher),
    ("alertmanager_answer", answers::alertmanager_answer),
    ("backup_info", backups::backup_info),
    ("cel_expression", expressions::cel_expression),
    ("certificate", endpoints::certificate),
    ("configuration", configuration::configuration),
    ("der", endpoints::der),
    ("dns_answer", endpoints::dns_answer),
    ("elasticsearch_answer", answers::elasticsearch_answer),
    ("event_stream", logs::event_stream),
    ("handshake", endpoints::handshake),
    ("image_name", registries::image_name),
    ("log_lines", logs::log_lines),
    ("oauth_answer", answers::oauth_answer),
    ("ocsp_staple", endpoints::ocsp_staple),
    ("pbm_metadata", backups::pbm_metadata),
    ("postgres_dsn", texts::postgres_dsn),
    ("prometheus_answer", answers::prometheus_answer),
    ("quantity", texts::quantity),
    ("redis_cluster", redis::redis_cluster),
    ("redis_info", redis::redis_info),
    ("redis_reply", redis::redis_reply),
    ("registry_challenge", registries::registry_challenge),
    ("registry_manifest", registries::registry_manifest),
    ("s3_answer", stores::s3_answer),
    ("wal_archive", backups::wal_archive),
    ("wal_history", backups::wal_history),
];
