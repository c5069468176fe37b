//! How the town's systems are when all is well.

mod backups;
mod cluster;
mod databases;
mod life;
mod monitoring;
mod store;
mod web;

pub(super) use backups::{POSTGRES_SERVER, Taken};
pub(super) use cluster::{APPLICATION, images, let_vigie_in};
pub(super) use databases::{
    ALIASES, MIGRATION, MIGRATIONS, REDIS, REPLICATION, SESSIONS, rows, search,
};
pub(super) use life::live;
pub(super) use monitoring::{alertmanager, prometheus};
pub(super) use store::BUCKETS;
pub(super) use web::{MAINTENANCE, OUTSIDE, account, of_json};

use anyhow::Result;

use super::{MASTER, TRACKDECHETS_QUEUES, Town};

impl Town {
    /// Gives all systems but the cluster what they have when all is well.
    pub(super) async fn furnish(&self) -> Result<()> {
        self.write_files()?;
        self.fill_store();
        self.fill_backups();
        self.fill_databases();
        self.fill_registry();
        self.open_sites();
        self.point_names()?;
        self.sentinel.watch_over(MASTER, Some(self.redis.address()));
        for queue in TRACKDECHETS_QUEUES {
            self.employ(queue).await?;
        }
        Ok(())
    }
}
