//! The daemon: wires configuration, systems, board, engine and server together, and nothing else.

mod process;
mod reload;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::config::Configuration;
use crate::config::load::{self, Source};
use crate::engine::{Asked, Beats, Engine};
use crate::model::duration::spoken;
use crate::model::item::ItemId;
use crate::model::snapshot::Snapshot;
use crate::model::vitals::{ConfigVitals, Vitals};
use crate::server::{self, Daemon, Limits, LookNow};
use crate::systems::clock::Clock;
use crate::systems::{Connections, Systems};

/// How long the whole may take to stop.
const LONGEST_GOODBYE: Duration = Duration::from_secs(5);

/// What the daemon is started with.
pub struct Options {
    /// The files of its configuration.
    pub files: Vec<PathBuf>,
    /// Where page, API and metrics are served.
    pub listen: SocketAddr,
    /// The file of tokens that may write.
    pub tokens: Option<PathBuf>,
}

/// A daemon that looks and serves.
pub struct App {
    files: Vec<PathBuf>,
    clock: Clock,
    board: Arc<Board>,
    engine: Engine,
    /// What is in use; held while it is replaced, so that reloads come one after the other.
    current: tokio::sync::Mutex<Current>,
    systems: Mutex<Systems>,
    config: Mutex<ConfigVitals>,
}

/// The configuration in use.
struct Current {
    connections: Connections,
    /// The digest of the files that were last tried, good or bad.
    tried: String,
}

/// Runs until a signal or `stop` ends it.
///
/// # Errors
/// The address can't be listened on.
pub async fn run(
    options: Options,
    configuration: Configuration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let Options { files, listen, tokens } = options;
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("can't listen on {listen}"))?;
    let app = Arc::new(App::new(files, configuration, Clock::System));
    let address = listener.local_addr().context("the address that is listened on")?;
    tracing::info!(%address, "listening on {address}");
    let routes = server::routes(Arc::clone(&app) as Arc<dyn Daemon>, tokens);
    let watching = tokio::spawn(reload::watch(Arc::clone(&app), stop.clone()));
    let limits = Limits::default();
    let both = async {
        tokio::join!(
            app.engine.run(stop.clone()),
            server::serve(listener, routes, limits, stop.clone().cancelled_owned()),
        )
    };
    tokio::pin!(both);
    tokio::select! {
        _ = &mut both => {}
        () = stop.cancelled() => {
            if tokio::time::timeout(LONGEST_GOODBYE, both).await.is_err() {
                tracing::warn!("did not come to rest within {}", spoken(LONGEST_GOODBYE));
            }
        }
    }
    watching.abort();
    tracing::info!("stopped");
    Ok(())
}

impl App {
    /// A daemon with a configuration that was loaded; nothing runs yet.
    pub fn new(files: Vec<PathBuf>, configuration: Configuration, clock: Clock) -> Self {
        let Configuration { settings, checklist, checksum } = configuration;
        let systems = Systems::new(&settings.connections, clock.clone());
        let board = Arc::new(Board::default());
        let engine = Engine::new(Arc::clone(&board), systems.clone());
        let app = Self {
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
            }),
            systems: Mutex::new(systems.clone()),
        };
        systems.keep(&checklist.watches());
        app.engine.configure(&settings.environment, &checklist, systems);
        app
    }

    /// Loads the files anew; a bad one leaves what runs alone.
    async fn load(&self) -> Result<(), String> {
        let mut current = self.current.lock().await;
        match load::read(&self.files) {
            Ok(sources) => self.take(&mut current, &sources),
            Err(flaws) => {
                Err(self.refuse(&flaws.iter().map(ToString::to_string).collect::<Vec<_>>()))
            }
        }
    }

    /// Loads the files if they are not those that were last tried.
    async fn load_if_changed(&self) {
        let mut current = self.current.lock().await;
        // A file that is being replaced can't be read for a moment: the next look will tell.
        let Ok(sources) = load::read(&self.files) else { return };
        if load::checksum(&sources) != current.tried {
            // Refused or taken, log, page and metrics say so.
            self.take(&mut current, &sources).ok();
        }
    }

    fn take(&self, current: &mut Current, sources: &[Source]) -> Result<(), String> {
        current.tried = load::checksum(sources);
        let configuration = load::compile(sources).map_err(|flaws| {
            self.refuse(&flaws.iter().map(ToString::to_string).collect::<Vec<_>>())
        })?;
        let Configuration { settings, checklist, checksum } = configuration;
        let systems = {
            let mut systems = self.systems.lock().unwrap_or_else(PoisonError::into_inner);
            *systems = systems.changed(&current.connections, &settings.connections);
            systems.clone()
        };
        systems.keep(&checklist.watches());
        self.engine.configure(&settings.environment, &checklist, systems);
        current.connections = settings.connections;
        tracing::info!(%checksum, items = checklist.items.len(), "took a new configuration");
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = ConfigVitals {
            successful: true,
            last_success: self.clock.now(),
            checksum,
            refused: None,
        };
        Ok(())
    }

    fn refuse(&self, flaws: &[String]) -> String {
        let refused = flaws.join("\n");
        tracing::error!("refused a configuration, the one before goes on: {refused}");
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        config.successful = false;
        config.refused = Some(refused.clone());
        refused
    }
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
            process: process::vitals(),
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The board is filled before anybody listens: whoever gets an answer gets all items.
    fn ready(&self) -> Result<(), String> {
        Ok(())
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

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.load())
    }
}
