//! Object stores that speak S3: what backups they hold.
//!
//! Read-only, and only by listing: no object is opened, and no right but `s3:ListBucket` is needed.
//! Secrets are read at each look; a client is kept as long as the digest of its settings and
//! secrets stays the same. A refused key is tried again at the next look: a store locks no account,
//! and a right that was granted meanwhile must show.

mod connection;
mod halving;
mod level;
mod ordered;
mod page;
mod parts;
mod search;
mod shelf;
mod stamp;
mod template;
mod trouble;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::SharedInterceptor;
use futures::FutureExt;
use tokio::time::Instant;

pub use connection::{Connection, Endpoint, PathStyle};
pub use search::NOT_LISTABLE;
pub use shelf::{Backup, NEWEST, Shelf, Wanted};
pub use template::Template;
pub use trouble::{NOT_IMPLEMENTED, REJECTED};

use self::page::{Ask, Bucket, Requests};
use self::search::Search;
use self::trouble::Trouble;
use self::wire::{Skews, Wire};
use super::clock::Clock;
use super::secrets::Secrets;
use super::shared::Shared;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;

/// So long before its deadline a look gives up by itself, so that it can say at what.
const MARGIN: Duration = Duration::from_millis(100);
/// No connection of this name is configured.
pub const NO_CONNECTION: Reason = Reason::new("ConnectionUnknown");

/// All object stores. Cheap to clone; what is behind it is shared.
#[derive(Clone)]
pub struct S3 {
    connections: Arc<BTreeMap<String, Connection>>,
    secrets: Secrets,
    clock: Clock,
    kept: Arc<Kept>,
}

/// What outlives a look, and a reload.
#[derive(Default)]
struct Kept {
    clients: Mutex<HashMap<String, ([u8; 32], Client)>>,
    shelves: Shared<Question, Result<Option<Arc<Shelf>>, Obstacle>>,
    keys: Shared<Question, Result<Option<bool>, Obstacle>>,
    requests: Requests,
    skews: Skews,
}

/// What identical looks have in common: the client's digest, then all that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question([u8; 32], String, Vec<String>);

/// How long a look may take, and how old an answer may be that serves it.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// When the look will be given up.
    pub deadline: Instant,
    /// How old a shared answer may be.
    pub fresh_within: Duration,
}

impl S3 {
    /// Stores as configured.
    pub fn new(connections: &BTreeMap<String, Connection>, secrets: Secrets, clock: Clock) -> Self {
        let connections = Arc::new(connections.clone());
        Self { connections, secrets, clock, kept: Arc::default() }
    }

    /// The same stores with other settings; what did not change keeps its clients and counts.
    pub fn reconfigured(&self, connections: &BTreeMap<String, Connection>) -> Self {
        Self { connections: Arc::new(connections.clone()), ..self.clone() }
    }

    /// How many requests there were, by operation and status code.
    pub fn requests(&self) -> BTreeMap<[String; 2], u64> {
        self.kept.requests.counts()
    }

    /// How far the stores' clocks are ahead of ours, in seconds, by system (`s3.<connection>`).
    pub fn skews(&self) -> BTreeMap<String, f64> {
        self.kept.skews.seen()
    }

    /// What backups there are; none where there is no such bucket.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn shelf(
        &self,
        connection: &str,
        wanted: &Wanted<'_>,
        patience: Patience,
    ) -> Result<Option<Arc<Shelf>>, Obstacle> {
        let within = self.within(connection, wanted.bucket, patience.deadline);
        let look = async {
            let (digest, client) = self.client(connection).await?;
            let Wanted { bucket, prefix, keys, zone, newest, most_requests } = *wanted;
            let parts = [bucket, prefix, keys.text(), zone.name()].map(str::to_owned);
            let counts = [newest.to_string(), most_requests.to_string()];
            let question = Question(digest, connection.to_owned(), [&parts[..], &counts].concat());
            let search = || async {
                let search =
                    Search::new(self.bucket(connection, &client, bucket), wanted, self.clock.now());
                match search.run().await {
                    Ok(found) => Ok(Some(Arc::new(found))),
                    Err(Trouble::NoBucket) => Ok(None),
                    Err(Trouble::Obstacle(obstacle)) => Err(obstacle),
                }
            };
            self.kept.shelves.ask(question, patience.fresh_within, search).await
        };
        within.of(look.boxed()).await
    }

    /// Whether there is an object of this key; none where there is no such bucket.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn has(
        &self,
        connection: &str,
        bucket: &str,
        key: &str,
        patience: Patience,
    ) -> Result<Option<bool>, Obstacle> {
        let within = self.within(connection, bucket, patience.deadline);
        let look = async {
            let (digest, client) = self.client(connection).await?;
            let parts = [bucket, key].map(str::to_owned);
            let question = Question(digest, connection.to_owned(), parts.to_vec());
            let ask = || async {
                let ask = Ask { prefix: key, most: Some(1), ..Ask::default() };
                match self.bucket(connection, &client, bucket).page(&ask).await {
                    Ok(page) => Ok(Some(page.objects.iter().any(|object| object.key == key))),
                    Err(Trouble::NoBucket) => Ok(None),
                    Err(Trouble::Obstacle(obstacle)) => Err(obstacle),
                }
            };
            self.kept.keys.ask(question, patience.fresh_within, ask).await
        };
        within.of(look.boxed()).await
    }

    fn bucket<'a>(&'a self, connection: &str, client: &'a Client, name: &'a str) -> Bucket<'a> {
        let doing = self.doing(connection, name);
        Bucket { client, name, doing, requests: &self.kept.requests }
    }

    fn doing(&self, connection: &str, bucket: &str) -> String {
        let place = self.connections.get(connection);
        let place = place.map_or("", |connection| connection.endpoint.authority());
        format!("listing bucket `{bucket}` at {place}")
    }

    fn within(&self, connection: &str, bucket: &str, deadline: Instant) -> Within {
        let doing = self.doing(connection, bucket);
        Within { doing, until: deadline.checked_sub(MARGIN).unwrap_or(deadline) }
    }

    async fn client(&self, name: &str) -> Result<([u8; 32], Client), Obstacle> {
        let connection = self.connections.get(name).ok_or_else(|| {
            Obstacle::ours(NO_CONNECTION, format!("no connection `s3.{name}` is configured"))
        })?;
        let opened = connection.open(&self.secrets).await?;
        let mut clients = self.kept.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((digest, client)) = clients.get(name)
            && *digest == opened.digest
        {
            return Ok((opened.digest, client.clone()));
        }
        let (clock, skews) = (self.clock.clone(), self.kept.skews.clone());
        let wire = Wire { system: format!("s3.{name}"), clock, skews };
        let client = connection.client(&opened, SharedInterceptor::new(wire))?;
        clients.insert(name.to_owned(), (opened.digest, client.clone()));
        Ok((opened.digest, client))
    }
}

/// The time that a look has.
struct Within {
    doing: String,
    until: Instant,
}

impl Within {
    async fn of<T>(self, look: impl Future<Output = Result<T, Obstacle>>) -> Result<T, Obstacle> {
        tokio::time::timeout_at(self.until, look).await.unwrap_or_else(|_| {
            let because = format!("{}: no answer within the time allowed", self.doing);
            Err(Obstacle::new(Reason::TIMED_OUT, because))
        })
    }
}
