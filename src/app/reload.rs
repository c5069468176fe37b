//! What makes the daemon load its files anew, besides `POST /-/reload`, and what ends it.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::App;

/// How often the files' digest is looked at. A mounted `ConfigMap` changes by a swap of symbolic
/// links, which file watches miss.
const EVERY: Duration = Duration::from_secs(5);

/// Loads the files when their digest changes.
pub(super) async fn files(app: Arc<App>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.load_if_changed() => {}
        }
    }
}

/// Loads the files on `SIGHUP`, ends the daemon on `SIGTERM` and `SIGINT`. In a task of its own: a
/// folder that hangs must not keep it from hearing.
pub(super) async fn signals(app: Arc<App>, stop: CancellationToken) {
    let (mut hangup, mut terminate, mut interrupt) = (
        heard(SignalKind::hangup()),
        heard(SignalKind::terminate()),
        heard(SignalKind::interrupt()),
    );
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = next(&mut terminate) => return stop.cancel(),
            () = next(&mut interrupt) => return stop.cancel(),
            () = next(&mut hangup) => {
                let app = Arc::clone(&app);
                // Refused or taken, log, page and metrics say so.
                tokio::spawn(async move { app.load().await.ok() });
            }
        }
    }
}

fn heard(kind: SignalKind) -> Option<Signal> {
    signal(kind).inspect_err(|error| tracing::error!(%error, "a signal can't be received")).ok()
}

/// The next signal; never, where it can't be received.
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}
