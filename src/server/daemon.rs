//! The handles that the program gives the server: all that a request may read or ask for.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::model::acts::Act;
use crate::model::acts::requests::{Refused, Wish};
use crate::model::deployment::{Announcement, Deployment};
use crate::model::item::ItemId;
use crate::model::snapshot::Snapshot;
use crate::model::vitals::Vitals;

/// The daemon, as the server sees it. Nothing in here waits for a watched system.
pub trait Daemon: Send + Sync {
    /// What the board holds.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// How the daemon itself is doing.
    fn vitals(&self) -> Vitals;

    /// The time, by the daemon's clock.
    fn now(&self) -> Timestamp;

    /// Whether it can serve what it is there for.
    ///
    /// # Errors
    /// A sentence that says what it still waits for.
    fn ready(&self) -> Result<(), String>;

    /// Asks for an attempt at an item now.
    fn look_now(&self, item: &ItemId) -> LookNow;

    /// Takes a rollout that the token of this name announces into the record.
    ///
    /// # Errors
    /// Why it can't be taken.
    fn announce(
        &self,
        announcement: Announcement,
        token: String,
    ) -> BoxFuture<'_, Result<Arc<Deployment>, Refused>>;

    /// Records what somebody asks for with the token of this name; comes back when it is on the board.
    ///
    /// # Errors
    /// Why it is not recorded.
    fn record(&self, wish: Wish, token: String) -> BoxFuture<'_, Result<Act, Refused>>;

    /// Loads the configuration anew.
    ///
    /// # Errors
    /// What is wrong with the files; the configuration in use is left alone.
    fn reload(&self) -> BoxFuture<'_, Result<(), String>>;
}

/// What became of the wish for an attempt now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookNow {
    /// The item is due.
    Accepted,
    /// The last attempt is younger than the item's `confirm_every`.
    TooSoon {
        /// How long to wait.
        retry_after: Duration,
    },
    /// No item has this id.
    NotFound,
    /// The item is not looked at as things are: it does not apply, or a dependency does not hold.
    NotLookedAt {
        /// Why, in a sentence.
        because: String,
    },
}
