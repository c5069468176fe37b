//! Object stores that speak S3: what backups they hold.
//!
//! Read-only. A plain search for objects only lists, and needs no right but `s3:ListBucket`; the
//! catalogues of backup tools are opened, too, and need `s3:GetObject`. What was read once is read
//! again only where its `ETag` changed.
//! Secrets are read at each look; a client is kept as long as the digest of its settings and
//! secrets stays the same. A refused key is tried again at the next look: a store locks no account,
//! and a right that was granted meanwhile must show.

pub mod barman;
mod connection;
mod halving;
mod head;
mod kept;
mod level;
mod ordered;
mod page;
mod parts;
pub mod pbm;
mod read;
mod search;
mod settings;
mod shelf;
pub mod slices;
mod stamp;
mod template;
mod trouble;
pub mod wals;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::SharedInterceptor;
use futures::FutureExt;
use tokio::time::Instant;

pub use connection::{Connection, Endpoint, PathStyle};
pub use head::{Encryption, Heading};
pub use search::NOT_LISTABLE;
pub use settings::{
    Answered, Block, DefaultEncryption, Grant, Held, Policy, REDIRECTED, Rule, Told, Unsigned,
    Versioning, WRONG_REGION,
};
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
    sizes: Shared<Question, Result<Option<u64>, Obstacle>>,
    headings: Shared<Question, Result<Option<Heading>, Obstacle>>,
    barman: Shared<Question, Result<Option<Arc<barman::Catalogue>>, Obstacle>>,
    barman_infos: kept::Files<barman::Info>,
    wals: Shared<Question, Result<Option<Arc<wals::Wals>>, Obstacle>>,
    pbm: Shared<Question, Result<Option<Arc<pbm::Catalogue>>, Obstacle>>,
    pbm_metadata: kept::Files<pbm::Info>,
    slices: Shared<Question, Result<Option<Arc<slices::Oplogs>>, Obstacle>>,
    settings: settings::Kept,
    requests: Requests,
    skews: Skews,
}

/// What identical looks have in common: the client's digest, then all that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question([u8; 32], String, Vec<String>);

/// How long a look may take, and how old an answer may be that serves it.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// When the look's own I/O has to end.
    pub until: Instant,
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

    /// The URL of a store, if it is configured.
    pub fn endpoint(&self, connection: &str) -> Option<String> {
        self.connections.get(connection).map(|connection| connection.endpoint.url())
    }

    /// A store to look at: its keys are read here, once for a look.
    ///
    /// # Errors
    /// No such connection is configured, or a key can't be read.
    pub async fn open<'a>(
        &'a self,
        connection: &'a str,
        patience: Patience,
    ) -> Result<Store<'a>, Obstacle> {
        let within = Within { doing: format!("opening `s3.{connection}`"), patience };
        let (digest, client) = within.of(self.client(connection).boxed()).await?;
        Ok(Store { s3: self, connection, digest, client, patience })
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

/// A store with the keys of one look.
pub struct Store<'a> {
    s3: &'a S3,
    connection: &'a str,
    digest: [u8; 32],
    client: Client,
    patience: Patience,
}

impl Store<'_> {
    /// What backups there are; none where there is no such bucket.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn shelf(&self, wanted: &Wanted<'_>) -> Result<Option<Arc<Shelf>>, Obstacle> {
        let Wanted { bucket, prefix, keys, matching, zone, newest, most_requests } = *wanted;
        let matching = matching.map_or("", |matching| matching.regex().as_str());
        let parts = [bucket, prefix, keys.text(), matching, zone.name()].map(str::to_owned);
        let counts = [newest.to_string(), most_requests.to_string()];
        let question = self.question([&parts[..], &counts].concat());
        let search = || async {
            let search = Search::new(self.bucket(bucket), wanted, self.s3.clock.now());
            found(search.run().await)
        };
        let look = self.s3.kept.shelves.ask(question, self.patience.fresh_within, search);
        self.within(bucket).of(look.boxed()).await
    }

    /// The size of the object of this key, in bytes; none where there is none.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn size(&self, bucket: &str, key: &str) -> Result<Option<u64>, Obstacle> {
        let question = self.question([bucket, key].map(str::to_owned).to_vec());
        let ask = || async {
            let ask = Ask { prefix: key, most: Some(1), ..Ask::default() };
            match self.bucket(bucket).page(&ask).await {
                Ok(page) => {
                    let object = page.objects.iter().find(|object| object.key == key);
                    Ok(object.map(|object| object.size))
                }
                Err(Trouble::NoBucket | Trouble::NoObject) => Ok(None),
                Err(Trouble::Obstacle(obstacle)) => Err(obstacle),
            }
        };
        let look = self.s3.kept.sizes.ask(question, self.patience.fresh_within, ask);
        self.within(bucket).of(look.boxed()).await
    }

    fn question(&self, parts: Vec<String>) -> Question {
        Question(self.digest, self.connection.to_owned(), parts)
    }

    /// A folder whose files are kept once they are read.
    fn folder(&self, parts: &[&str]) -> kept::Folder {
        let connection = [self.connection].into_iter();
        (self.digest, connection.chain(parts.iter().copied()).map(str::to_owned).collect())
    }

    fn bucket<'a>(&'a self, name: &'a str) -> Bucket<'a> {
        let Self { s3, client, .. } = self;
        Bucket { client, name, doing: self.doing(name), requests: &s3.kept.requests }
    }

    fn doing(&self, bucket: &str) -> String {
        let place = self.s3.connections.get(self.connection);
        let place = place.map_or("", |connection| connection.endpoint.authority());
        format!("listing bucket `{bucket}` at {place}")
    }

    fn within(&self, bucket: &str) -> Within {
        Within { doing: self.doing(bucket), patience: self.patience }
    }
}

/// What was found, to be shared; none where there is no such bucket.
fn found<T>(found: Result<T, Trouble>) -> Result<Option<Arc<T>>, Obstacle> {
    match found {
        Ok(found) => Ok(Some(Arc::new(found))),
        Err(Trouble::NoBucket | Trouble::NoObject) => Ok(None),
        Err(Trouble::Obstacle(obstacle)) => Err(obstacle),
    }
}

/// The time that a look has.
struct Within {
    doing: String,
    patience: Patience,
}

impl Within {
    async fn of<T>(self, look: impl Future<Output = Result<T, Obstacle>>) -> Result<T, Obstacle> {
        tokio::time::timeout_at(self.patience.until, look).await.unwrap_or_else(|_| {
            let because = format!("{}: no answer within the time allowed", self.doing);
            Err(Obstacle::new(Reason::TIMED_OUT, because))
        })
    }
}
