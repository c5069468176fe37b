//! How readings of credentials are shared.

use super::*;
use crate::systems::clock::Clock;

fn access(token: &Path) -> Arc<Access> {
    let url = ApiUrl::try_from("http://127.0.0.1:9".to_owned()).unwrap();
    let token = Some(TokenSource::File(token.to_owned()));
    let connection = Connection::Server(Server { url, token, ca: None });
    Arc::new(Access::new(connection, Arc::new(Traffic::new(Clock::System))))
}

#[tokio::test]
async fn a_reading_serves_those_alone_who_asked_before_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "first").unwrap();
    let access = access(&token);
    assert!(access.client().await.is_ok());
    let reading = Arc::clone(&access.reading).lock_owned().await;
    let waiting = tokio::spawn({
        let access = Arc::clone(&access);
        async move { access.client().await.is_ok() }
    });
    tokio::task::yield_now().await;
    // Another's reading begins and ends; after it nothing can be read any more.
    access.built().as_mut().unwrap().read = Instant::now();
    std::fs::remove_file(&token).unwrap();
    drop(reading);
    assert!(waiting.await.unwrap(), "shared");
    assert!(access.client().await.is_err(), "asked later: read again");
}
