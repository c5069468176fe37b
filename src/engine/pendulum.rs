//! The pendulum: swings once a second, and decides nothing.
//!
//! `tokio-cron-scheduler` freezes time zones, knows no jitter, and loses ticks under a burst; so it
//! is asked for one tick a second and the agenda works out the rest. Where it stays still, the
//! engine swings by itself and counts that.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// How long the pendulum may stay still before the engine swings by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// A tick a second.
pub(super) struct Pendulum {
    scheduler: Option<JobScheduler>,
    swing: Arc<Notify>,
}

impl Pendulum {
    /// Starts to swing. One that can't be started is logged and replaced by the engine's patience.
    pub(super) async fn start() -> Self {
        let swing = Arc::new(Notify::new());
        let scheduler = match scheduler(&swing).await {
            Ok(scheduler) => Some(scheduler),
            Err(error) => {
                tracing::error!(%error, "the pendulum did not start; the engine swings by itself");
                None
            }
        };
        Self { scheduler, swing }
    }

    /// Waits for the next swing; `false` where the pendulum was still for too long.
    pub(super) async fn swung(&self) -> bool {
        tokio::time::timeout(PATIENCE, self.swing.notified()).await.is_ok()
    }

    /// Stops.
    pub(super) async fn stop(self) {
        if let Some(mut scheduler) = self.scheduler
            && let Err(error) = scheduler.shutdown().await
        {
            tracing::debug!(%error, "the pendulum did not stop");
        }
    }
}

async fn scheduler(swing: &Arc<Notify>) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    let swing = Arc::clone(swing);
    let tick = Job::new("* * * * * *", move |_, _| swing.notify_one())?;
    scheduler.add(tick).await?;
    scheduler.start().await?;
    Ok(scheduler)
}
