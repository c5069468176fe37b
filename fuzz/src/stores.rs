//! Answers of object stores, read by the SDK as at a real one: over a connection to ourselves.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use vigie::model::secret::SecretSource;
use vigie::model::zone::Zone;
use vigie::systems::clock::Clock;
use vigie::systems::s3::{Connection, Endpoint, NEWEST, Patience, S3, Store, Template, Wanted};
use vigie::systems::secrets::Secrets;

use super::laws::{cut, is_legible};

/// What a first byte chooses from.
const STATUSES: [u16; 8] = [200, 200, 200, 404, 403, 301, 503, 500];
const OPERATIONS: u8 = 9;
const BUCKET: &str = "backups";

/// A store that answers every request with what it was told.
struct Ground {
    runtime: Runtime,
    s3: S3,
    said: Said,
}

/// A status and a body.
type Said = Arc<Mutex<(u16, Vec<u8>)>>;

static GROUND: LazyLock<Mutex<Option<Ground>>> = LazyLock::new(|| Mutex::new(Ground::new()));

impl Ground {
    fn new() -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").ok()?;
        let endpoint = format!("http://{}", listener.local_addr().ok()?);
        let said = Said::default();
        let saying = Arc::clone(&said);
        std::thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let said = Arc::clone(&saying);
                std::thread::spawn(move || answer(&caller, &said));
            }
        });
        // Any word serves as a key; this one is there on every Linux.
        let key = || SecretSource::File("/proc/self/comm".into());
        let connection = Connection {
            endpoint: Endpoint::parse(&endpoint).ok()?,
            region: "us-east-1".to_owned(),
            path_style: serde_json::from_str("true").ok()?,
            access_key: key(),
            secret_key: key(),
            ca: None,
        };
        let connections = BTreeMap::from([("fuzzed".to_owned(), connection)]);
        let now: Timestamp = "2026-03-16T00:00:00Z".parse().ok()?;
        let s3 = S3::new(&connections, Secrets::default(), Clock::manual(now));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        Some(Self { runtime, s3, said })
    }

    fn ask(&self, operation: u8, status: u16, body: &[u8]) -> bool {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = (status, body.to_vec());
        let until = Instant::now() + Duration::from_secs(5);
        let patience = Patience { until, fresh_within: Duration::ZERO };
        self.runtime.block_on(async {
            let Ok(store) = self.s3.open("fuzzed", patience).await else { return false };
            asked(&store, operation % OPERATIONS, body).await
        })
    }
}

/// Answers each request on a connection.
fn answer(stream: &TcpStream, said: &Said) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        let ends = line.trim_end().is_empty();
        line.clear();
        if !ends {
            continue;
        }
        let (status, body) = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let head = format!(
            "HTTP/1.1 {status} Told\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = stream;
        if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}

/// Asks, and holds the answer to what it says of itself; whether it was taken.
async fn asked(store: &Store<'_>, operation: u8, body: &[u8]) -> bool {
    let taken = match operation {
        0 => shelf(store).await,
        1 => match store.size(BUCKET, "db/2026-03-15.dump").await {
            Ok(Some(size)) => {
                let text = String::from_utf8_lossy(body);
                assert!(
                    text.contains(&size.to_string()) || body.contains(&b'&'),
                    "{size} is made up"
                );
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(obstacle) => Err(obstacle),
        },
        2 => store.held(BUCKET, "db/").await.map(drop),
        3 => store.grants(BUCKET).await.map(|grants| assert!(grants.len() <= body.len())),
        4 => store.policy(BUCKET).await.map(drop),
        5 => store.block(BUCKET).await.map(drop),
        6 => store.encryption(BUCKET).await.map(drop),
        7 => store.versioning(BUCKET).await.map(drop),
        _ => store.lifecycle(BUCKET).await.map(|rules| {
            assert!(rules.iter().all(|rule| is_legible(&rule.id, 100)), "{rules:?}");
        }),
    };
    match taken {
        Ok(()) => true,
        Err(obstacle) => {
            assert!(!obstacle.because.contains("no answer within"), "{}", obstacle.because);
            assert!(obstacle.because.chars().count() < 1_000, "{}", obstacle.because);
            false
        }
    }
}

async fn shelf(store: &Store<'_>) -> Result<(), vigie::model::finding::Obstacle> {
    let Ok(keys) = Template::parse("%Y-%m-%d.dump") else { return Ok(()) };
    let zone = Zone::default();
    let wanted = Wanted {
        bucket: BUCKET,
        prefix: "db/",
        keys: &keys,
        matching: None,
        zone: &zone,
        newest: NEWEST,
        most_requests: 6,
    };
    let Some(shelf) = store.shelf(&wanted).await? else { return Ok(()) };
    assert!(shelf.requests <= 6 && shelf.newest.len() <= NEWEST, "{shelf:?}");
    assert!(shelf.newest.is_sorted_by(|one, next| one.taken() >= next.taken()), "{shelf:?}");
    assert!(shelf.count.is_none_or(|count| count >= shelf.newest.len() as u64), "{shelf:?}");
    for backup in &shelf.newest {
        assert!(backup.key.starts_with("db/2") && backup.dated.is_some(), "{backup:?}");
        assert!(backup.taken() <= backup.modified, "{backup:?}");
    }
    Ok(())
}

/// An answer: the first byte says to what, the second its status, the rest is its body. Half of a
/// body is never taken.
pub fn s3_answer(data: &[u8]) -> bool {
    let [operation, status, body @ ..] = data else { return false };
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let ground = GROUND.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(ground) = ground.as_ref() else { return false };
    let taken = ground.ask(*operation, status, body);
    if taken && status == 200 {
        assert!(!ground.ask(*operation, 200, cut(body)), "half of it is taken");
    }
    taken
}
