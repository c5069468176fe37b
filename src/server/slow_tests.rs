//! A journal that is slower than anybody waits: the same request, sent again, makes one act.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use super::*;
use crate::model::acts::Act;
use crate::model::acts::requests::{Refused, Wish};
use crate::model::deployment::{Announcement, Deployment};
use crate::model::item::ItemId;
use crate::model::snapshot::Snapshot;
use crate::model::vitals::Vitals;

/// So long the disk takes.
const SLOW: Duration = Duration::from_secs(25);
/// A version whose record the disk never takes.
const NEVER: &str = "never";

/// A daemon that takes its time to record a rollout.
#[derive(Default)]
struct Slow(Mutex<Vec<Arc<Deployment>>>);

impl Daemon for Slow {
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            environment: "test".to_owned(),
            sections: Arc::from([]),
            items: vec![],
            streams: vec![],
            deployments: self.0.lock().unwrap().clone(),
            maintenance: vec![],
            pauses: Arc::from([]),
        })
    }

    fn vitals(&self) -> Vitals {
        unreachable!("nobody asks")
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn look_now(&self, _: &ItemId) -> LookNow {
        LookNow::NotFound
    }

    fn announce(
        &self,
        announcement: Announcement,
        token: String,
    ) -> BoxFuture<'_, Result<Arc<Deployment>, Refused>> {
        async move {
            let Announcement { version, who, .. } = announcement;
            if version == NEVER {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(SLOW).await;
            let mut taken = self.0.lock().unwrap();
            let deployment = Arc::new(Deployment {
                id: format!("d{}", taken.len() + 1),
                environment: "test".to_owned(),
                version,
                who,
                token,
                started: Timestamp::UNIX_EPOCH,
                announced: Timestamp::UNIX_EPOCH,
                migration: None,
                ticket: None,
                notes: None,
            });
            taken.push(Arc::clone(&deployment));
            Ok(deployment)
        }
        .boxed()
    }

    fn record(&self, _: Wish, _: String) -> BoxFuture<'_, Result<Act, Refused>> {
        unreachable!("nobody asks")
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        unreachable!("nobody asks")
    }
}

fn tokens() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let digest = hex::encode(Sha256::digest("secret"));
    writeln!(file, "- {{ name: jo, sha256: \"{digest}\", scopes: [announce] }}").unwrap();
    file
}

/// Status and body of an announcement under a key.
async fn announced(routes: &Router, key: &str, version: &str) -> (u16, String) {
    let peer: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let request = Request::post("/api/v1/deployments")
        .extension(ConnectInfo(peer))
        .header(header::AUTHORIZATION, "Bearer secret")
        .header("idempotency-key", key)
        .body(Body::from(format!("{{\"version\": \"{version}\", \"who\": \"Jo\"}}")))
        .unwrap();
    let answer = routes.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 64 * 1024).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_key_that_comes_again_while_the_journal_is_slow_makes_one_act() {
    let (daemon, file) = (Arc::new(Slow::default()), tokens());
    let routes = routes(Arc::clone(&daemon) as Arc<dyn Daemon>, Some(file.path().to_owned()));
    let (status, told) = announced(&routes, "job-7", "1").await;
    assert_eq!(status, 503);
    assert!(told.contains("Not done yet") && told.contains("sent again, is not done"), "{told}");
    let twice = tokio::join!(announced(&routes, "job-7", "1"), announced(&routes, "job-7", "1"));
    assert_eq!((twice.0.0, twice.1.0), (503, 503), "who asks again waits for the first");
    assert!(daemon.0.lock().unwrap().is_empty());
    let (status, told) = announced(&routes, "job-7", "1").await;
    assert_eq!(status, 200, "{told}");
    assert!(told.contains("\"id\":\"d1\""), "{told}");
    let (status, told) = announced(&routes, "job-7", "2").await;
    assert_eq!(status, 422, "{told}");
    tokio::time::sleep(4 * SLOW).await;
    let taken = daemon.0.lock().unwrap();
    let versions: Vec<_> = taken.iter().map(|taken| taken.version.as_str()).collect();
    assert_eq!(versions, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever_behind_a_disk_that_hangs() {
    let (daemon, file) = (Arc::new(Slow::default()), tokens());
    let routes = routes(Arc::clone(&daemon) as Arc<dyn Daemon>, Some(file.path().to_owned()));
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert_eq!(announced(&routes, "job-7", NEVER).await.0, 503);
    let hanging = tasks();
    for _ in 0..5 {
        assert_eq!(announced(&routes, "job-7", NEVER).await.0, 503);
    }
    tokio::time::sleep(SLOW).await;
    assert_eq!(tasks(), hanging, "who came after the first has gone");
}
