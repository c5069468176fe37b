//! The server: connections, what they may do, and how it breaks.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use super::commands;
use super::keyspace::{Bytes, Keyspace};
use super::queue::Queue;
use super::resp::{Answer, read_command};

/// A queue store on a loopback port. Dropped, it is gone.
#[derive(Debug)]
pub struct Redis {
    address: SocketAddr,
    state: Arc<State>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) keys: Keyspace,
    clients: BTreeMap<u64, String>,
    next_client: u64,
    password: Option<String>,
    denied: BTreeSet<String>,
    silent: bool,
    loading: bool,
    replica: bool,
    canned: BTreeMap<String, String>,
    /// The masters that it knows as a sentinel.
    masters: BTreeMap<String, SocketAddr>,
}

impl State {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever waits for a key or for the end of a silence.
    pub(super) fn changed(&self) {
        self.changed.notify_waiters();
    }
}

impl Redis {
    /// Starts a store on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let redis = Self { address, state: Arc::default(), listening: Mutex::default() };
        redis.listen(listener);
        Ok(redis)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// A queue as Bull 4 keeps it.
    pub fn queue(&self, name: &str) -> Queue {
        Queue::new(Arc::clone(&self.state), name)
    }

    /// Takes connections and commands and answers nothing, until [`Redis::speak`].
    pub fn silence(&self) {
        self.state.lock().silent = true;
    }

    /// Ends a silence. What was asked meanwhile is answered.
    pub fn speak(&self) {
        self.state.lock().silent = false;
        self.state.changed();
    }

    /// Hangs up on everybody and refuses connections, until [`Redis::accept`].
    pub async fn refuse(&self) {
        let listening = self.listening().take();
        if let Some(listening) = listening {
            listening.abort();
            // The port is closed when the task has ended, be it by being aborted.
            let _ended = listening.await;
        }
    }

    /// Listens again, on the same port.
    pub async fn accept(&self) -> io::Result<()> {
        self.refuse().await;
        let listener = TcpListener::bind(self.address).await?;
        self.listen(listener);
        Ok(())
    }

    /// Answers `LOADING`, as after a restart.
    pub fn load(&self, loading: bool) {
        self.state.lock().loading = loading;
    }

    /// Follows another master, as after a failover.
    pub fn follow(&self, replica: bool) {
        self.state.lock().replica = replica;
    }

    /// Wants a password from whoever connects from here on, and from everybody else, too.
    pub fn protect(&self, password: Option<&str>) {
        self.state.lock().password = password.map(str::to_owned);
    }

    /// Denies a command, as an access list does.
    pub fn deny(&self, command: &str) {
        self.state.lock().denied.insert(command.to_ascii_uppercase());
    }

    /// Answers a whole command line (`CLUSTER NODES`, `INFO`) with this text from here on.
    pub fn answer(&self, line: &str, text: &str) {
        self.state.lock().canned.insert(line.to_owned(), text.to_owned());
    }

    /// As a sentinel, knows where the master of this name is; or knows none.
    pub fn watch_over(&self, master: &str, at: Option<SocketAddr>) {
        let masters = &mut self.state.lock().masters;
        match at {
            Some(at) => masters.insert(master.to_owned(), at),
            None => masters.remove(master),
        };
    }

    /// The names of all clients that have one.
    pub fn client_names(&self) -> Vec<String> {
        self.state.lock().clients.values().filter(|name| !name.is_empty()).cloned().collect()
    }

    fn listening(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, listener: TcpListener) {
        let state = Arc::clone(&self.state);
        let task = tokio::spawn(async move {
            // Aborted with the task: its connections end with the listener.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&state)));
                while connections.try_join_next().is_some() {}
            }
        });
        *self.listening() = Some(task);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(listening) = self.listening().take() {
            listening.abort();
        }
    }
}

/// One client.
struct Client {
    state: Arc<State>,
    id: u64,
    version: u8,
    authenticated: bool,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.state.lock().clients.remove(&self.id);
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let id = {
        let mut inner = state.lock();
        inner.next_client += 1;
        let id = inner.next_client;
        inner.clients.insert(id, String::new());
        id
    };
    let mut client = Client { state, id, version: 2, authenticated: false };
    let mut stream = BufReader::new(stream);
    let mut out = Bytes::new();
    while let Some(words) = read_command(&mut stream).await? {
        let answer = tokio::select! {
            biased;
            answer = client.attend(words) => answer,
            () = hung_up(&mut stream) => return Ok(()),
        };
        answer.write(client.version, &mut out);
        if stream.buffer().is_empty() {
            stream.get_mut().write_all(&out).await?;
            out.clear();
        }
    }
    Ok(())
}

/// Ends when the client has hung up, even while it waits for an answer.
async fn hung_up(stream: &mut BufReader<TcpStream>) {
    match stream.fill_buf().await {
        Ok(bytes) if !bytes.is_empty() => std::future::pending().await,
        Ok(_) | Err(_) => {}
    }
}

impl Client {
    async fn attend(&mut self, words: Vec<Bytes>) -> Answer {
        self.heard().await;
        self.answer(words).await
    }

    /// Waits for the end of a silence.
    async fn heard(&self) {
        loop {
            let changed = self.state.changed.notified();
            if !self.state.lock().silent {
                return;
            }
            changed.await;
        }
    }

    async fn answer(&mut self, words: Vec<Bytes>) -> Answer {
        let Some((name, words)) = words.split_first() else { return Answer::Ok };
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        if let Some(refusal) = self.refusal(&name) {
            return refusal;
        }
        let texts: Vec<_> = words.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let line = [&[name.as_str()], texts.as_slice()].concat().join(" ");
        if let Some(text) = self.state.lock().canned.get(&line) {
            return Answer::text(text.clone());
        }
        match (name.as_str(), texts.as_slice()) {
            ("AUTH", [.., password]) => self.authenticate(password),
            ("HELLO", options) => self.hello(options),
            ("PING", _) => Answer::Simple("PONG"),
            ("SELECT", _) => Answer::Ok,
            ("ROLE", []) => self.role(),
            ("INFO", _) => self.info(),
            ("CLIENT", options) => self.client(options),
            ("SENTINEL", [_, master]) => match self.state.lock().masters.get(*master) {
                Some(at) => Answer::List(vec![
                    Answer::text(at.ip().to_string()),
                    Answer::text(at.port().to_string()),
                ]),
                None => Answer::Nil,
            },
            ("BRPOPLPUSH", [_, _, seconds]) => {
                let seconds = seconds.parse().unwrap_or(0);
                self.wait_and_move(&words[0], &words[1], Duration::from_secs(seconds)).await
            }
            _ => {
                let answer = commands::run(&mut self.state.lock().keys, &name, words);
                self.state.changed();
                answer.unwrap_or_else(|| Answer::Error(format!("ERR unknown command '{name}'")))
            }
        }
    }

    fn refusal(&self, name: &str) -> Option<Answer> {
        let inner = self.state.lock();
        let open = matches!(name, "AUTH" | "HELLO");
        let error = |text: String| Some(Answer::Error(text));
        if inner.password.is_some() && !self.authenticated && !open {
            error("NOAUTH Authentication required.".to_owned())
        } else if inner.denied.contains(name) {
            error(format!("NOPERM this user has no permissions to run the '{name}' command"))
        } else if inner.loading && !open {
            error("LOADING Redis is loading the dataset in memory".to_owned())
        } else {
            None
        }
    }

    fn authenticate(&mut self, password: &str) -> Answer {
        let expected = self.state.lock().password.clone();
        self.authenticated = expected.as_deref() == Some(password);
        match expected {
            Some(_) if self.authenticated => Answer::Ok,
            Some(_) => Answer::Error(
                "WRONGPASS invalid username-password pair or user is disabled.".to_owned(),
            ),
            None => Answer::Error(
                "ERR AUTH <password> called without any password configured for the default user."
                    .to_owned(),
            ),
        }
    }

    fn hello(&mut self, options: &[&str]) -> Answer {
        if let Some(at) = options.iter().position(|word| word.eq_ignore_ascii_case("AUTH")) {
            let password = options.get(at + 2).copied().unwrap_or_default();
            if let refused @ Answer::Error(_) = self.authenticate(password) {
                return refused;
            }
        }
        match options.first() {
            Some(&"2") => self.version = 2,
            Some(&"3") => self.version = 3,
            None => {}
            Some(_) => return Answer::Error("NOPROTO unsupported protocol version".to_owned()),
        }
        let role = if self.state.lock().replica { "replica" } else { "master" };
        Answer::Pairs(vec![
            ("server", Answer::text("redis")),
            ("version", Answer::text("7.0.0")),
            ("proto", Answer::Number(i64::from(self.version))),
            ("mode", Answer::text("standalone")),
            ("role", Answer::text(role)),
            ("modules", Answer::List(Vec::new())),
        ])
    }

    fn role(&self) -> Answer {
        if self.state.lock().replica {
            let words = [Answer::text("slave"), Answer::text("192.0.2.1"), Answer::Number(6379)];
            let state = [Answer::text("connected"), Answer::Number(0)];
            Answer::List(words.into_iter().chain(state).collect())
        } else {
            let words = [Answer::text("master"), Answer::Number(0), Answer::List(Vec::new())];
            Answer::List(words.into())
        }
    }

    fn info(&self) -> Answer {
        let role = if self.state.lock().replica { "slave" } else { "master" };
        let policy = "maxmemory_policy:noeviction";
        Answer::text(format!("redis_version:7.0.0\r\nrole:{role}\r\n{policy}\r\n"))
    }

    fn client(&self, options: &[&str]) -> Answer {
        let Some((word, rest)) = options.split_first() else {
            return Answer::Error("ERR wrong number of arguments".to_owned());
        };
        let mut inner = self.state.lock();
        match (word.to_ascii_uppercase().as_str(), rest) {
            ("SETNAME", [name]) => {
                inner.clients.insert(self.id, (*name).to_owned());
                Answer::Ok
            }
            ("SETINFO", _) => Answer::Ok,
            ("LIST", _) => {
                let lines = inner.clients.iter().map(|(id, name)| {
                    format!("id={id} addr=127.0.0.1:1 laddr=127.0.0.1:2 name={name} age=1 db=0\n")
                });
                Answer::text(lines.collect::<String>())
            }
            _ => Answer::Error("ERR unknown subcommand".to_owned()),
        }
    }

    async fn wait_and_move(&self, from: &[u8], to: &[u8], patience: Duration) -> Answer {
        let patience = if patience.is_zero() { Duration::from_hours(1) } else { patience };
        let end = tokio::time::Instant::now() + patience;
        loop {
            let changed = self.state.changed.notified();
            match commands::move_last(&mut self.state.lock().keys, from, to) {
                Ok(Some(moved)) => return Answer::Bulk(moved),
                Ok(None) => {}
                Err(_) => return Answer::Error("WRONGTYPE not a list".to_owned()),
            }
            if tokio::time::timeout_at(end, changed).await.is_err() {
                return Answer::Nil;
            }
        }
    }
}
