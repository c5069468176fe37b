//! The daemon: wires configuration, systems, board, engine and server together, and nothing else.

mod acts;
mod keeping;
mod process;
mod reload;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use anyhow::Context;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::board::{Board, Event};
use crate::checklist::Checklist;
use crate::config::Configuration;
use crate::config::flaw::Flaw;
use crate::config::load::{self, Source};
use crate::engine::{Asked, Beats, Engine};
use crate::journal::Recalled;
use crate::model::acts::Act;
use crate::model::acts::requests::{Refused, Wish};
use crate::model::deployment::{Announcement, Deployment};
use crate::model::duration::spoken;
use crate::model::item::ItemId;
use crate::model::snapshot::Snapshot;
use crate::model::vitals::{ConfigVitals, Vitals};
use crate::server::{self, Daemon, Limits, LookNow};
use crate::systems::clock::Clock;
use crate::systems::{Connections, Systems};
use keeping::{Keeping, Opened};

/// How long the parts may take to stop: with what the runtime leaves behind, under 5 s in all.
const LONGEST_GOODBYE: Duration = Duration::from_secs(4);
/// How long reading the configuration may take.
const LONGEST_READ: Duration = Duration::from_secs(20);

/// What the daemon is started with.
pub struct Options {
    /// The files of its configuration.
    pub files: Vec<PathBuf>,
    /// Where page, API and metrics are served.
    pub listen: SocketAddr,
    /// The file of tokens that may write.
    pub tokens: Option<PathBuf>,
    /// The folder of what must outlive a restart; without one nothing does.
    pub data_dir: Option<PathBuf>,
}

/// A daemon that looks and serves.
pub struct App {
    /// Itself, for what must end even where nobody waits for it any more.
    this: Weak<Self>,
    files: Vec<PathBuf>,
    clock: Clock,
    board: Arc<Board>,
    engine: Engine,
    /// What is in use; held while it is replaced, so that reloads come one after the other.
    current: tokio::sync::Mutex<Current>,
    systems: Mutex<Systems>,
    config: Mutex<ConfigVitals>,
    /// Held while an act is recorded, so that acts come one after the other.
    acting: tokio::sync::Mutex<()>,
    /// Where records are kept.
    keeping: Mutex<Keeping>,
    /// The environment and its checklist, while the data folder is waited for.
    waiting: Mutex<Option<(String, Checklist)>>,
}

/// The configuration in use.
struct Current {
    connections: Connections,
    /// The digest of the files that were last tried, good or bad, or why they could not be read.
    tried: String,
    /// Why they could not be read at the last look.
    unreadable: Option<String>,
}

/// Runs until a signal or `stop` ends it.
///
/// # Errors
/// The address can't be listened on, or a part of the daemon itself broke.
pub async fn run(
    options: Options,
    configuration: Configuration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let Options { files, listen, tokens, data_dir } = options;
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("can't listen on {listen}"))?;
    let clock = Clock::System;
    // Whoever asks meanwhile waits in the socket's queue: an empty answer would be believed.
    let opened = keeping::open(data_dir.as_deref(), clock.now()).await?;
    let app = App::new(files, configuration, clock, opened);
    let address = listener.local_addr().context("the address that is listened on")?;
    tracing::info!(%address, "listening on {address}");
    let routes = server::routes(Arc::clone(&app) as Arc<dyn Daemon>, tokens);
    let mut parts = JoinSet::new();
    parts.spawn(reload::signals(Arc::clone(&app), stop.clone()));
    parts.spawn(reload::files(Arc::clone(&app), stop.clone()));
    parts.spawn(keeping::run(Arc::clone(&app), stop.clone()));
    parts.spawn({
        let (app, stop) = (Arc::clone(&app), stop.clone());
        async move { app.engine.run(stop).await }
    });
    let stopped = stop.clone().cancelled_owned();
    parts.spawn(async move { server::serve(listener, routes, Limits::default(), stopped).await });
    let ended = goodbye(&mut parts, &stop).await;
    tracing::info!("stopped");
    ended
}

/// Waits for the end, and then for all parts, but not for long. A part that breaks ends the daemon:
/// whoever runs it starts it anew, and half a daemon would be believed.
async fn goodbye(parts: &mut JoinSet<()>, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut broke = None;
    tokio::select! {
        () = stop.cancelled() => {}
        ended = parts.join_next() => {
            broke = ended.and_then(Result::err);
            stop.cancel();
        }
    }
    let rest = async { while parts.join_next().await.is_some() {} };
    if tokio::time::timeout(LONGEST_GOODBYE, rest).await.is_err() {
        tracing::warn!("did not come to rest within {}", spoken(LONGEST_GOODBYE));
    }
    match broke {
        Some(error) => Err(anyhow::Error::new(error).context("a part of the daemon broke")),
        None => Ok(()),
    }
}

impl App {
    /// A daemon with a configuration that was loaded; nothing runs yet.
    fn new(
        files: Vec<PathBuf>,
        configuration: Configuration,
        clock: Clock,
        (keeping, recalled): Opened,
    ) -> Arc<Self> {
        let Configuration { settings, checklist, checksum } = configuration;
        let systems = Systems::new(&settings.connections, clock.clone());
        let board = Arc::new(Board::default());
        let engine = Engine::new(Arc::clone(&board), systems.clone());
        let app = Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            files,
            config: Mutex::new(ConfigVitals {
                successful: true,
                last_success: clock.now(),
                checksum: checksum.clone(),
                refused: None,
            }),
            clock,
            board,
            engine,
            current: tokio::sync::Mutex::new(Current {
                connections: settings.connections.clone(),
                tried: checksum,
                unreadable: None,
            }),
            systems: Mutex::new(systems),
            acting: tokio::sync::Mutex::default(),
            keeping: Mutex::new(keeping),
            waiting: Mutex::default(),
        });
        app.recall(recalled);
        app.configure(settings.environment, checklist, &settings.connections);
        app
    }

    /// Hands a checklist to the engine; while the data folder is waited for, an empty one.
    fn configure(&self, environment: String, checklist: Checklist, connections: &Connections) {
        if self.keeping().ready().is_err() {
            let systems = self.systems.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.engine.configure(&environment, &Checklist::default(), systems);
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            *waiting = Some((environment, checklist));
            return;
        }
        self.watch(&environment, &checklist, connections);
    }

    /// Opens the watches of a checklist, and has the engine look at its items.
    fn watch(&self, environment: &str, checklist: &Checklist, connections: &Connections) {
        let systems = self.systems.lock().unwrap_or_else(PoisonError::into_inner).clone();
        systems.keep(&checklist.watches(), checklist.demands(connections));
        self.engine.configure(environment, checklist, systems);
    }

    /// Takes what an earlier daemon left, before any item is configured.
    fn recall(&self, recalled: Recalled) {
        let Recalled { items, deployments, maintenance, pauses, alive: _ } = recalled;
        self.engine.recall(items);
        self.board.apply(Event::Recalled(deployments, maintenance, pauses), self.clock.now());
    }

    /// Takes the journal that was waited for, and the checklist that waited with it. The journal last:
    /// a daemon that says that it is ready has all its items.
    async fn seed(&self, (keeping, recalled): Opened) {
        let current = self.current.lock().await;
        self.recall(recalled);
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((environment, checklist)) = waiting {
            self.watch(&environment, &checklist, &current.connections);
        }
        *self.keeping.lock().unwrap_or_else(PoisonError::into_inner) = keeping;
    }

    /// Loads the files anew; a bad one leaves what runs alone.
    async fn load(&self) -> Result<(), String> {
        let mut current = self.current.lock().await;
        match self.read().await {
            Ok(sources) => self.take(&mut current, &sources),
            Err(unreadable) => {
                current.tried.clone_from(&unreadable);
                Err(self.refuse(unreadable))
            }
        }
    }

    /// Loads the files if they are not those that were last tried. Refused or taken, log, page and
    /// metrics say so.
    async fn load_if_changed(&self) {
        let mut current = self.current.lock().await;
        match self.read().await {
            Ok(sources) => {
                current.unreadable = None;
                if load::checksum(&sources) != current.tried {
                    self.take(&mut current, &sources).ok();
                }
            }
            // A file that is being replaced can't be read for a moment: the second time counts.
            Err(unreadable) if current.unreadable.as_ref() == Some(&unreadable) => {
                if current.tried != unreadable {
                    current.tried.clone_from(&unreadable);
                    self.refuse(unreadable);
                }
            }
            Err(unreadable) => current.unreadable = Some(unreadable),
        }
    }

    /// The files' texts, or why they can't be read; a folder that hangs holds nobody up.
    async fn read(&self) -> Result<Vec<Source>, String> {
        let files = self.files.clone();
        let reading = tokio::task::spawn_blocking(move || load::read(&files));
        match tokio::time::timeout(LONGEST_READ, reading).await {
            Ok(Ok(Ok(sources))) => Ok(sources),
            Ok(Ok(Err(flaws))) => Err(told(&flaws)),
            Ok(Err(_)) => Err("the configuration could not be read: the reader broke".to_owned()),
            Err(_) => {
                let within = spoken(LONGEST_READ);
                Err(format!("the configuration could not be read within {within}"))
            }
        }
    }

    fn take(&self, current: &mut Current, sources: &[Source]) -> Result<(), String> {
        current.tried = load::checksum(sources);
        let configuration = load::compile(sources).map_err(|flaws| self.refuse(told(&flaws)))?;
        let Configuration { settings, checklist, checksum } = configuration;
        {
            let mut systems = self.systems.lock().unwrap_or_else(PoisonError::into_inner);
            *systems = systems.changed(&current.connections, &settings.connections);
        }
        tracing::info!(%checksum, items = checklist.items.len(), "took a new configuration");
        self.configure(settings.environment, checklist, &settings.connections);
        current.connections = settings.connections;
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = ConfigVitals {
            successful: true,
            last_success: self.clock.now(),
            checksum,
            refused: None,
        };
        Ok(())
    }

    fn refuse(&self, refused: String) -> String {
        tracing::error!("refused a configuration, the one before goes on: {refused}");
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        config.successful = false;
        config.refused = Some(refused.clone());
        refused
    }
}

fn told(flaws: &[Flaw]) -> String {
    flaws.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Daemon for App {
    fn snapshot(&self) -> Arc<Snapshot> {
        let mut snapshot = self.board.snapshot();
        snapshot.streams = self.systems.lock().unwrap_or_else(PoisonError::into_inner).streams();
        Arc::new(snapshot)
    }

    fn vitals(&self) -> Vitals {
        let Beats { last_tick, own_swings, schedule_delay, attempt_duration, attempt_panics } =
            self.engine.beats();
        let systems = self.systems.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Vitals {
            last_tick,
            own_swings,
            schedule_delay,
            attempt_duration,
            attempt_panics,
            kubernetes_requests: systems.kubernetes_requests(),
            s3_requests: systems.s3_requests(),
            clock_skew: systems.clock_skew(),
            config: self.config.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            journal: self.keeping().vitals(),
            process: process::vitals(),
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The board is filled before anybody listens, unless another daemon has the data folder.
    fn ready(&self) -> Result<(), String> {
        self.keeping().ready()
    }

    fn look_now(&self, item: &ItemId) -> LookNow {
        match self.engine.look_now(item) {
            Asked::Accepted => LookNow::Accepted,
            Asked::TooSoon(retry_after) => LookNow::TooSoon { retry_after },
            Asked::Unknown => LookNow::NotFound,
            Asked::Blocked => LookNow::NotLookedAt {
                because: "it does not apply here, or a dependency does not hold".to_owned(),
            },
        }
    }

    fn announce(
        &self,
        announcement: Announcement,
        token: String,
    ) -> BoxFuture<'_, Result<Arc<Deployment>, Refused>> {
        Box::pin(self.seen_through(async |app| app.take_announcement(announcement, token).await))
    }

    fn record(&self, wish: Wish, token: String) -> BoxFuture<'_, Result<Act, Refused>> {
        Box::pin(self.seen_through(async |app| app.take_act(wish, token).await))
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.load())
    }
}
