//! A small queue store that speaks Redis' protocol, for machines without Redis.
//!
//! It knows as much of Redis as Vigie's check and simple workers need, and it can be broken in the
//! ways in which real ones break: it goes silent, refuses, hangs up, loads, follows a master, hides
//! commands. Faults are put in here, never into Vigie. Workers are real TCP clients under the name
//! that Bull gives to its own.

mod commands;
mod keyspace;
mod queue;
mod resp;
mod server;
mod worker;

pub use queue::Queue;
pub use server::Redis;
pub use worker::Worker;

/// The queues of Trackdéchets in production.
pub const TRACKDECHETS_QUEUES: [&str; 18] = [
    "queue_sendmail",
    "queue_company_geocode",
    "queue_company_set_departement",
    "queue_sync_events_production",
    "queue_operation_hook_production",
    "queue_administrative_transfer_production",
    "queue_update_appendix2_production",
    "queue_registry_import_production",
    "queue_registry_export_production",
    "queue_registry_exhaustive_export_production",
    "queue_index_elastic_production",
    "queue_company_favorites",
    "queue_bulk_index_elastic_production",
    "queue_bulk_sirenify_production",
    "queue_bulk_index_master_elastic_production",
    "queue_webhooks_production",
    "queue_gerico_production",
    "queue_updates_elastic_production",
];

/// Milliseconds since 1970, by the machine's clock.
fn now_millis() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a simulated system has a clock of its own")]
    jiff::Timestamp::now().as_millisecond()
}
