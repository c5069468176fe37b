//! What goes wrong with real programs, and what it turns; and what happens that turns nothing.

use vigie_sim::town::{Turn, blind, fails, warns};

use super::database::Database;
use super::front::{self, Front, GOOD, Manner, Shown};
use super::monitoring::{self, ALL, Found, Monitoring};
use super::queues::Queues;
use crate::drill::Drill;

/// The items that look at the queues.
const QUEUES: [&str; 3] = ["queue-workers", "queue-performance", "watch-queues"];
/// The items that ask Redis.
const REDIS: [&str; 4] = ["redis-ready", QUEUES[0], QUEUES[1], QUEUES[2]];
/// The items that look at the database's sessions.
const SESSIONS: [&str; 3] = ["database-connections", "database-performance", "watch-database"];
/// The items that look at its standbys.
const STANDBYS: [&str; 2] = [SESSIONS[1], SESSIONS[2]];
/// The items that look at migrations.
const MIGRATIONS: [&str; 2] = ["migrations-ran", "migrations-succeeded"];
/// The items that speak TLS with the front.
const TLS: [&str; 4] = ["tls-certificates", "ui-accessible", "api-health", "notifier-sse"];
/// The items that ask it without TLS.
const PLAIN: [&str; 2] = ["https-redirects", "tls-enabled"];
/// The items that ask Prometheus about itself.
const PROMETHEUS: [&str; 2] = ["prometheus-scraping", "alerts-configured"];

/// The items that look at Redis and PostgreSQL.
pub fn items_of_data() -> Vec<&'static str> {
    [REDIS.as_slice(), &SESSIONS, &MIGRATIONS].concat()
}

/// The items that look at nginx, Prometheus and Alertmanager.
pub fn items_of_web() -> Vec<&'static str> {
    let alone = ["watch-resources", "watch-alerts"];
    [TLS.as_slice(), &PLAIN, &PROMETHEUS, &alone].concat()
}

/// All of these fail for one reason.
fn fail<const N: usize>(items: [&'static str; N], reason: &'static str) -> [Turn; N] {
    items.map(|item| fails(item, reason))
}

/// All of these warn for one reason.
fn warn<const N: usize>(items: [&'static str; N], reason: &'static str) -> [Turn; N] {
    items.map(|item| warns(item, reason))
}

/// None of these can be told, for one reason.
fn lost<const N: usize>(items: [&'static str; N], reason: &'static str) -> [Turn; N] {
    items.map(|item| blind(item, reason))
}

/// Workers of Bull, and its queues.
pub async fn of_workers(drill: &mut Drill, queues: &Queues) {
    let employ = async || queues.employ_mail().await;
    let turns = [fails("queue-workers", "NoWorkers")];
    drill.fault("mail-worker-killed", &turns, async || queues.kill_mail().await, employ).await;
    let turns = fail(QUEUES, "BacklogTooOld");
    drill.fault("mail-worker-hangs", &turns, async || queues.hang_mail().await, employ).await;
    let turns = fail(QUEUES, "JobsStalled");
    drill.fault("mail-worker-frozen", &turns, async || queues.freeze_mail().await, employ).await;
    let turns = [fails("queue-performance", "TooManyFailed")];
    let send = async || queues.send_mails().await;
    drill.fault("mails-fail", &turns, async || queues.fail_mails().await, send).await;
    let turns = fail(QUEUES, "QueuePaused");
    let resume = async || queues.resume().await;
    drill.fault("webhooks-paused", &turns, async || queues.pause().await, resume).await;
    drill.change("workers-replaced", &[], employ).await;
    drill.change("jobs-come-and-go", &[], async || queues.plan().await).await;
}

/// Redis itself.
pub async fn of_redis(drill: &mut Drill, queues: &Queues) {
    let ready = |reason| [fails("redis-ready", reason)];
    let keep = async || queues.evict("noeviction").await;
    let turns = ready("EvictsJobs");
    drill.fault("redis-evicts", &turns, async || queues.evict("allkeys-lru").await, keep).await;
    let turns = warn(["redis-ready"], "EvictsJobs");
    drill
        .fault("redis-evicts-locks", &turns, async || queues.evict("volatile-lru").await, keep)
        .await;
    let free = async || queues.free_memory().await;
    let turns = ready("MemoryFull");
    drill.fault("redis-full", &turns, async || queues.fill_memory().await, free).await;
    let mend = async || queues.mend_dumps().await;
    let turns = ready("NotPersisted");
    drill.fault("redis-not-persisted", &turns, async || queues.spoil_dumps().await, mend).await;
    let revive = async || queues.revive().await;
    let turns = ready("TooFewReplicas");
    drill.fault("replica-killed", &turns, async || queues.kill_replica().await, revive).await;
    let turns = lost(REDIS, "Refused");
    drill.fault("redis-killed", &turns, async || queues.kill().await, revive).await;
    let show = async || queues.show_clients().await;
    let turns = [blind("queue-workers", "Forbidden")];
    drill.fault("clients-hidden", &turns, async || queues.hide_clients().await, show).await;
    let tell = async || queues.tell_password();
    let turns = lost(REDIS, "Unauthorized");
    drill.fault("password-changed", &turns, async || queues.change_password().await, tell).await;
    drill.change("redis-dumps", &[], async || queues.dump_well().await).await;
    drill.hiccup("sentinel-fails-over", async || queues.fail_over().await).await;
}

/// Prisma's migrations.
pub async fn of_migrations(drill: &mut Drill, database: &Database) {
    let broken = "20261201000000_broken";
    let turns = fail(MIGRATIONS, "MigrationFailed");
    let repair = async || {
        database.roll_back(broken).await;
        database.migrate(broken).await;
    };
    drill
        .fault("migration-broken", &turns, async || database.break_migration(broken).await, repair)
        .await;
    let slowly = async || database.migrate_slowly("20261202000000_slow").await;
    let turns = warn(MIGRATIONS, "MigrationRunning");
    drill.fault("migration-waits", &turns, slowly, async || database.migrate_on().await).await;
    let clear = async || database.clear_migration().await;
    let turns = fail(MIGRATIONS, "MigrationStuck");
    drill.fault("migration-left", &turns, async || database.leave_migration().await, clear).await;
    let find = async || database.find_migration().await;
    let turns = [fails("migrations-ran", "MigrationMissing")];
    drill.fault("migration-lost", &turns, async || database.lose_migration().await, find).await;
}

/// PostgreSQL itself.
pub async fn of_postgres(drill: &mut Drill, database: &Database) {
    let connect = async || database.connect().await;
    let turns = [fails("database-connections", "TooFewConnections")];
    drill.fault("application-gone", &turns, async || database.disconnect().await, connect).await;
    let disperse = async || database.disperse().await;
    let turns = warn(SESSIONS, "TooManyInUse");
    drill.fault("connections-many", &turns, async || database.crowd(true).await, disperse).await;
    let turns = fail(SESSIONS, "TooManyInUse");
    drill
        .fault("connections-used-up", &turns, async || database.crowd(false).await, disperse)
        .await;
    let give = async || database.give_rights().await;
    let turns = lost(SESSIONS, "Forbidden");
    drill.fault("rights-revoked", &turns, async || database.take_rights().await, give).await;
    let follow = async || database.start_standby().await;
    let turns = fail(STANDBYS, "StandbyMissing");
    drill.fault("standby-stopped", &turns, async || database.stop_standby().await, follow).await;
    let start = async || database.start().await;
    let turns = [lost(MIGRATIONS, "Refused").as_slice(), &lost(SESSIONS, "Refused")].concat();
    drill.fault("postgres-stopped", &turns, async || database.stop().await, start).await;
    drill.change("application-reconnects", &[], async || database.reconnect().await).await;
    drill.change("vacuum", &[], async || database.vacuum().await).await;
}

/// What nginx answers.
pub async fn of_answers(drill: &mut Drill, front: &Front) {
    let well = async || front.behaves(&front::WELL).await;
    let ui = |reason| [fails("ui-accessible", reason)];
    let told = |ui| Manner { ui, ..front::WELL };
    let bad = told("return 500;");
    drill
        .fault("ui-in-trouble", &ui("ServerError"), async || front.behaves(&bad).await, well)
        .await;
    let bad = told("default_type text/html; return 200 '';");
    drill.fault("ui-empty", &ui("WrongBody"), async || front.behaves(&bad).await, well).await;
    let bad = Manner { api: "return 404;", ..front::WELL };
    let turns = [fails("api-health", "WrongStatus")];
    drill.fault("api-not-routed", &turns, async || front.behaves(&bad).await, well).await;
    let bad = Manner { stream: "proxy_buffering on;", ..front::WELL };
    let turns = [fails("notifier-sse", "NoFirstEvent")];
    drill.fault("stream-buffered", &turns, async || front.behaves(&bad).await, well).await;
    let revive = async || front.revive_notifier().await;
    let turns = [fails("notifier-sse", "ServerError")];
    drill.fault("notifier-killed", &turns, async || front.kill_notifier().await, revive).await;
    drill.hiccup("nginx-reloaded", well).await;
}

/// What nginx shows, and where it leads.
pub async fn of_tls(drill: &mut Drill, front: &Front) {
    let renewed = async || front.shows(&GOOD).await;
    let bad = Shown { names: &["other.example.org"], ..GOOD };
    let turns = fail(TLS, "NameMismatch");
    drill.fault("certificate-of-another", &turns, async || front.shows(&bad).await, renewed).await;
    let bad = Shown { days: (-90, -1), ..GOOD };
    let turns = fail(TLS, "CertificateExpired");
    drill.fault("certificate-expired", &turns, async || front.shows(&bad).await, renewed).await;
    let bad = Shown { days: (-85, 5), ..GOOD };
    let turns = [fails("tls-certificates", "CertificateExpiring")];
    drill.fault("certificate-expiring", &turns, async || front.shows(&bad).await, renewed).await;
    drill.hiccup("certificate-renewed", renewed).await;
    let well = async || front.behaves(&front::WELL).await;
    let bad = Manner { plain: "return 200 'hello';", ..front::WELL };
    let turns = fail(PLAIN, "WrongRedirect");
    drill.fault("plain-answered", &turns, async || front.behaves(&bad).await, well).await;
    let bad = Manner { plain: "return 308 https://$host/;", ..front::WELL };
    let turns = [fails("https-redirects", "WrongRedirect")];
    drill.fault("redirect-to-home", &turns, async || front.behaves(&bad).await, well).await;
    let revive = async || front.revive().await;
    let turns = [fail(TLS, "Refused").as_slice(), &fail(PLAIN, "Refused")].concat();
    drill.fault("nginx-stopped", &turns, async || front.kill().await, revive).await;
}

/// What Prometheus finds, scrapes and is told.
pub async fn of_prometheus(drill: &mut Drill, monitoring: &Monitoring) {
    let all = async || monitoring.finds(ALL).await;
    let bad = Found { api: false, ..ALL };
    let turns = warn(["prometheus-scraping"], "TargetDown");
    drill.fault("target-down", &turns, async || monitoring.finds(bad).await, all).await;
    let bad = Found { vigie: false, ..ALL };
    let turns = [fails("prometheus-scraping", "OwnTargetMissing")];
    drill.fault("vigie-not-scraped", &turns, async || monitoring.finds(bad).await, all).await;
    let well = async || monitoring.api_is_well();
    let twice = "api_errors{path=\"a\",of=\"1\"} 1\napi_errors{path=\"a\",of=\"2\"} 1\n\
                 api_requests{path=\"a\",of=\"1\"} 1\napi_requests{path=\"a\",of=\"2\"} 1";
    let turns = warn(["alerts-configured"], "RuleFailing");
    drill.fault("rule-broken", &turns, async || monitoring.api_tells(twice), well).await;
    let empty = async || monitoring.disk_holds(0.4);
    let turns = [fails("watch-resources", "VolumeNearlyFull")];
    drill.fault("disk-full", &turns, async || monitoring.disk_holds(0.95), empty).await;
    let restore = async || monitoring.is_restored().await;
    let lose = async || monitoring.is_misconfigured(monitoring::SHIPPED_RULES, "").await;
    let turns = [fails("alerts-configured", "RuleMissing")];
    drill.fault("rules-missing", &turns, lose, restore).await;
    let spoil = async || monitoring.is_misconfigured("global:", "universal:").await;
    let turns = fail(PROMETHEUS, "ReloadFailed");
    drill.fault("configuration-refused", &turns, spoil, restore).await;
}

/// What Alertmanager knows, and both of them gone.
pub async fn of_alerts(drill: &mut Drill, monitoring: &Monitoring) {
    let well = async || monitoring.api_is_well();
    let turns = [fails("watch-alerts", "AlertFiring")];
    drill.fault("alert-fires", &turns, async || monitoring.api_tells("api_slow 1"), well).await;
    let turns = [blind("watch-alerts", "NoWatchdog")];
    drill.fault("watchdog-gone", &turns, async || monitoring.api_tells("api_muted 1"), well).await;
    let silenced = async || {
        monitoring.silence().await;
        monitoring.api_tells("api_slow 1");
        monitoring.rings().await;
    };
    drill.change("alert-silenced", &[], silenced).await;
    drill.change("alert-resolved", &[], well).await;
    let restore = async || monitoring.is_restored().await;
    let bad = Found { alertmanager: false, ..ALL };
    let turns =
        [fails("alerts-configured", "TooFewAlertmanagers"), blind("watch-alerts", "NoWatchdog")];
    drill.fault("nobody-notified", &turns, async || monitoring.finds(bad).await, restore).await;
    let revive = async || monitoring.revive_prometheus().await;
    let mut turns = fail(PROMETHEUS, "Refused").to_vec();
    turns.extend([blind("watch-resources", "PrometheusDown"), blind("watch-alerts", "NoWatchdog")]);
    drill
        .fault("prometheus-killed", &turns, async || monitoring.kill_prometheus().await, revive)
        .await;
    let revive = async || monitoring.revive_alertmanager().await;
    let turns =
        [fails("alerts-configured", "NotificationsDropped"), blind("watch-alerts", "Refused")];
    let kill = async || monitoring.kill_alertmanager().await;
    drill.fault("alertmanager-killed", &turns, kill, revive).await;
}
