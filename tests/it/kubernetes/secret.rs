//! A Secret by name: read with one GET, and never shown.

use std::io;
use std::sync::{Arc, Mutex};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;
use vigie::model::reason::Reason;
use vigie::model::secret::{SecretKey, SecretSource};
use vigie_sim::kubernetes::{Act, Fault};

use super::{Cluster, NAMESPACE};

/// `hunter2`, and another secret beside it.
fn secret() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "namespace": NAMESPACE, "name": "db" },
        "data": { "password": "aHVudGVyMgo=", "other": "b3RoZXItc2VjcmV0" },
    })
}

fn source(name: &str, key: &str) -> SecretSource {
    let (namespace, name, key) = (NAMESPACE.to_owned(), name.to_owned(), key.to_owned());
    SecretSource::Secret(SecretKey { namespace, name, key })
}

#[tokio::test]
async fn a_key_is_read_with_one_get_and_no_list() {
    let cluster = Cluster::start().await;
    cluster.put(secret());
    let read = cluster.systems_with_secrets().secrets.read(&source("db", "password")).await;
    assert_eq!(read.unwrap().expose_secret(), "hunter2");
    let requests = cluster.server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].verb.as_str(), requests[0].resource.as_str()), ("get", "secrets"));
}

#[tokio::test]
async fn what_is_absent_is_told_by_its_place() {
    let cluster = Cluster::start().await;
    cluster.put(secret());
    let systems = cluster.systems_with_secrets();
    for (name, key, said) in [
        ("db", "user", "key user of Secret shop/db: the Secret has no such key"),
        (
            "web",
            "user",
            "key user of Secret shop/web: reading Secret shop/web: the API server answers 404",
        ),
    ] {
        let obstacle = systems.secrets.read(&source(name, key)).await.unwrap_err();
        assert_eq!(obstacle.reason, Reason::SECRET_MISSING);
        assert!(obstacle.ours);
        assert!(obstacle.because.starts_with(said), "{}", obstacle.because);
    }
}

/// All that is logged by this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_secret_that_does_not_decode_is_shown_nowhere() {
    let cluster = Cluster::start().await;
    let mut broken = secret();
    broken["data"]["password"] = json!({ "value": "aHVudGVyMgo=" });
    cluster.put(broken);
    let systems = cluster.systems_with_secrets();
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // With one dispatcher alone, whoever first comes by a place in the code on another thread would
    // decide that nobody listens there.
    let another = tracing::Dispatch::new(tracing_subscriber::registry());
    let logging = tracing::subscriber::set_default(subscriber);
    let mut told = Vec::new();
    let read = async || systems.secrets.read(&source("db", "password")).await;
    told.push(read().await.unwrap_err().because);
    cluster.put(secret());
    cluster.server.inject(Fault::new(Act::CutAfter(200)).times(1));
    told.push(read().await.unwrap_err().because);
    cluster.server.inject(Fault::new(Act::Garbage).times(1));
    told.push(read().await.unwrap_err().because);
    assert_eq!(read().await.unwrap().expose_secret(), "hunter2");
    drop((logging, another));
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("/api/v1/namespaces/shop/secrets/db"), "the log was caught: {logged}");
    told.push(logged);
    for text in told {
        for secret in ["hunter2", "aHVudGVyMgo", "b3RoZXItc2VjcmV0", "other-secret"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
