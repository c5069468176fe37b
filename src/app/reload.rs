//! What makes the daemon load its files anew, besides `POST /-/reload`.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::App;

/// How often the files' digest is looked at. A mounted `ConfigMap` changes by a swap of symbolic
/// links, which file watches miss.
const EVERY: Duration = Duration::from_secs(5);

/// Loads the files on `SIGHUP` and when their digest changes; stops on `SIGTERM` and `SIGINT`.
pub(super) async fn watch(app: Arc<App>, stop: CancellationToken) {
    let signals = (
        signal(SignalKind::hangup()),
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut hangup), Ok(mut terminate), Ok(mut interrupt)) = signals else {
        tracing::error!("signals can't be received; stop the daemon by its process id");
        return;
    };
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => app.load_if_changed().await,
            _ = hangup.recv() => {
                // Refused or taken, log, page and metrics say so.
                app.load().await.ok();
            }
            _ = terminate.recv() => return stop.cancel(),
            _ = interrupt.recv() => return stop.cancel(),
        }
    }
}
