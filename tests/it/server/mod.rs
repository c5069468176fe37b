//! The server over real sockets, with a daemon of cardboard behind it.

mod announcing;
mod limits;
mod openapi;
mod rates;
mod reading;
mod scraping;
mod writing;

pub use writing::write_tokens;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder, Response};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use vigie::board::{Board, Event, Layout};
use vigie::model::acts::Act;
use vigie::model::acts::requests::{Refused, Wish};
use vigie::model::deployment::{Announcement, Deployment};
use vigie::model::item::ItemId;
use vigie::model::snapshot::Snapshot;
use vigie::model::vitals::Vitals;
use vigie::server::{Daemon, Limits, LookNow, routes, serve};

use crate::fixtures::{everything, now, vitals};

/// A daemon that says what it was told to say.
pub struct Cardboard {
    pub snapshot: Mutex<Arc<Snapshot>>,
    pub vitals: Mutex<Vitals>,
    pub ready: Mutex<Result<(), String>>,
    pub look: Mutex<LookNow>,
    pub reload: Mutex<Result<(), String>>,
    /// Where set, a reload waits for it.
    pub gate: Mutex<Option<Arc<Notify>>>,
    pub looks: Mutex<Vec<String>>,
    pub reloads: AtomicU32,
    pub snapshots: AtomicU32,
    /// Where announcements are folded in.
    board: Board,
}

impl Cardboard {
    pub fn new(snapshot: Snapshot) -> Arc<Self> {
        let board = Board::default();
        let environment = snapshot.environment.clone();
        let sections = Arc::clone(&snapshot.sections);
        board.apply(
            Event::Configured(Layout { environment, sections, items: vec![], maintenance: vec![] }),
            now(),
        );
        Arc::new(Self {
            board,
            snapshot: Mutex::new(Arc::new(snapshot)),
            vitals: Mutex::new(vitals()),
            ready: Mutex::new(Ok(())),
            look: Mutex::new(LookNow::Accepted),
            reload: Mutex::new(Ok(())),
            gate: Mutex::new(None),
            looks: Mutex::default(),
            reloads: AtomicU32::new(0),
            snapshots: AtomicU32::new(0),
        })
    }
}

impl Daemon for Cardboard {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.fetch_add(1, Ordering::SeqCst);
        Arc::clone(&self.snapshot.lock().unwrap())
    }

    fn vitals(&self) -> Vitals {
        self.vitals.lock().unwrap().clone()
    }

    fn now(&self) -> Timestamp {
        now()
    }

    fn ready(&self) -> Result<(), String> {
        self.ready.lock().unwrap().clone()
    }

    fn look_now(&self, item: &ItemId) -> LookNow {
        self.looks.lock().unwrap().push(item.to_string());
        self.look.lock().unwrap().clone()
    }

    fn announce(
        &self,
        announcement: Announcement,
        token: String,
    ) -> BoxFuture<'_, Result<Arc<Deployment>, Refused>> {
        let mut snapshot = self.snapshot.lock().unwrap();
        let checked = announcement.check(&snapshot.environment, now());
        let announced = checked.map_err(Refused::invalid).map(|()| {
            let changes = self.board.apply(Event::Announced(announcement, token), now());
            Arc::make_mut(&mut snapshot).deployments = self.board.snapshot().deployments;
            changes.announced.expect("a deployment")
        });
        std::future::ready(announced).boxed()
    }

    fn record(&self, _: Wish, _: String) -> BoxFuture<'_, Result<Act, Refused>> {
        let refused = Err(Refused::not_recorded("cardboard keeps no record"));
        std::future::ready(refused).boxed()
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        let gate = self.gate.lock().unwrap().clone();
        async move {
            if let Some(gate) = gate {
                gate.notified().await;
            }
            self.reloads.fetch_add(1, Ordering::SeqCst);
            self.reload.lock().unwrap().clone()
        }
        .boxed()
    }
}

/// A server on a port of its own, and a client for it.
pub struct Running {
    pub at: SocketAddr,
    pub daemon: Arc<Cardboard>,
    pub client: Client,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

impl Running {
    pub async fn start(daemon: Arc<Cardboard>, tokens: Option<PathBuf>, limits: Limits) -> Self {
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        let (stop, stopped) = oneshot::channel::<()>();
        let handles = Arc::clone(&daemon) as Arc<dyn Daemon>;
        let served = tokio::spawn(async move {
            serve(listener, routes(handles, tokens), limits, stopped.map(|_| ())).await;
        });
        let client = Client::builder()
            .timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self { at, daemon, client, stop: Some(stop), served }
    }

    /// A server of every standing, without tokens.
    pub async fn plain() -> Self {
        Self::start(Cardboard::new(everything()), None, Limits::default()).await
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.at))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("an answer")
    }

    /// Asks it to stop.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
    }

    /// Waits until it has stopped.
    pub async fn stopped(self) {
        let end = tokio::time::timeout(Duration::from_secs(20), self.served).await;
        end.expect("it stops").expect("it does not break");
    }
}

/// The problem of an answer, whose status must be this.
pub async fn problem(answer: Response, status: u16) -> String {
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(problem["status"], status);
    assert!(!problem["title"].as_str().expect("a title").is_empty());
    problem["detail"].as_str().expect("a detail").to_owned()
}
