//! How the API server is reached, and the client that reaches it.
//!
//! Credentials are read again at every request (a stream is renewed every few minutes), and the
//! client is built anew where they changed: a token, a client certificate or an authority that
//! rotates on disk is in use at the next request. Reading goes on by itself where nobody waits for
//! it any more, and never twice at once: a file or a credential plugin that hangs holds one thread,
//! and those who ask meanwhile wait for as long as they care to. One reading serves all who asked
//! before it began. What can't be read here is an obstacle on our own side, told without its content.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::client::{AuthError, ClientBuilder};
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::api_url::ApiUrl;
use super::counted::{Counted, Traffic};
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::secrets;

/// The credentials or the address of the API server can't be read on our side.
pub const NO_ACCESS: Reason = Reason::new("NoAccess");

/// Where the kubelet puts the credentials of a pod.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The longest wait for a TCP connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// The longest part of a certificate's file that is watched for changes, in bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// How the API server is reached. Without any: as a pod of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// As a pod of the cluster, by its service account.
    InCluster(InCluster),
    /// As a kubeconfig file says.
    Kubeconfig(KubeconfigFile),
    /// At a URL, with a token.
    Server(Server),
}

/// As a pod of the cluster, by its service account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InCluster {
    /// The folder with `token` and `ca.crt`; the kubelet's own by default.
    pub service_account: PathBuf,
    /// The API server, where it is not the one in `KUBERNETES_SERVICE_HOST` and `…_PORT`.
    pub url: Option<ApiUrl>,
}

/// As a kubeconfig file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KubeconfigFile {
    /// The file; without it `$KUBECONFIG` or `~/.kube/config`.
    pub path: Option<PathBuf>,
    /// The context in it; without it the current one.
    pub context: Option<String>,
}

/// At a URL, with a token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The API server, such as `https://10.0.0.1:6443`.
    pub url: ApiUrl,
    /// The bearer token's place; without it requests are anonymous.
    #[serde(default)]
    pub token: Option<TokenSource>,
    /// A PEM file of the authorities that sign the server's certificate; without it the system's.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

/// The place of the API server's token: a Kubernetes Secret can't be one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// A file; read at each use, so that it may rotate.
    File(PathBuf),
    /// An environment variable of the daemon.
    Env(String),
}

impl Default for Connection {
    fn default() -> Self {
        Self::InCluster(InCluster::default())
    }
}

impl Default for InCluster {
    fn default() -> Self {
        Self { service_account: PathBuf::from(SERVICE_ACCOUNT), url: None }
    }
}

/// Keeps one client, and builds another where address or credentials changed.
pub(super) struct Access {
    connection: Connection,
    traffic: Arc<Traffic>,
    built: Mutex<Option<Built>>,
    /// Held by whoever reads credentials.
    reading: Arc<tokio::sync::Mutex<()>>,
}

struct Built {
    client: Client,
    of: [u8; 32],
    /// When the last reading began that found it to be of what is there.
    read: Instant,
}

/// What a client is built from.
struct Found {
    config: Config,
    token: Option<SecretString>,
    /// Further text that the client depends on.
    text: Vec<u8>,
}

impl Access {
    pub(super) fn new(connection: Connection, traffic: Arc<Traffic>) -> Self {
        Self { connection, traffic, built: Mutex::default(), reading: Arc::default() }
    }

    /// A client with the credentials as they are now.
    pub(super) async fn client(self: &Arc<Self>) -> Result<Client, Obstacle> {
        let asked = Instant::now();
        let reading = Arc::clone(&self.reading).lock_owned().await;
        if let Some(built) = self.built().as_ref().filter(|built| built.read > asked) {
            return Ok(built.client.clone());
        }
        let this = Arc::clone(self);
        let renewed = tokio::spawn(async move {
            let _reading = reading;
            this.renewed().await
        });
        renewed.await.unwrap_or_else(|_| Err(no_access("the credentials could not be read")))
    }

    async fn renewed(&self) -> Result<Client, Obstacle> {
        let began = Instant::now();
        let found = self.find().await?;
        let of = found.digest().await;
        if let Some(Built { client, of: before, read }) = self.built().as_mut()
            && *before == of
        {
            *read = began;
            return Ok(client.clone());
        }
        let traffic = Arc::clone(&self.traffic);
        let client = blocking(move || build(found, &traffic)).await?;
        *self.built() = Some(Built { client: client.clone(), of, read: began });
        Ok(client)
    }

    fn built(&self) -> std::sync::MutexGuard<'_, Option<Built>> {
        self.built.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Builds the next client anew: the server did not accept this one's credentials.
    pub(super) fn forget(&self) {
        *self.built() = None;
    }

    async fn find(&self) -> Result<Found, Obstacle> {
        match &self.connection {
            Connection::InCluster(pod) => find_in_cluster(pod).await,
            Connection::Kubeconfig(file) => find_kubeconfig(file).await,
            Connection::Server(Server { url, token, ca }) => {
                let mut config = Config::new(url.0.clone());
                config.root_cert_file.clone_from(ca);
                let token = match token {
                    Some(TokenSource::File(path)) => Some(token_in(secrets::file(path).await)?),
                    Some(TokenSource::Env(name)) => Some(token_in(secrets::env(name))?),
                    None => None,
                };
                Ok(Found { config, token, text: Vec::new() })
            }
        }
    }
}

impl Found {
    /// Of everything the client is built from, the content of files included.
    async fn digest(&self) -> [u8; 32] {
        let Self { config, token, text } = self;
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        };
        add(config.cluster_url.to_string().as_bytes());
        add(token.as_ref().map_or("", ExposeSecret::expose_secret).as_bytes());
        add(text);
        // A kubeconfig's authority is read with it.
        config.root_cert.iter().flatten().for_each(|certificate| add(certificate));
        let login = &config.auth_info;
        let named = [&login.client_certificate, &login.client_key].map(Option::as_deref);
        let named = named.into_iter().flatten().map(Path::new);
        for path in config.root_cert_file.as_deref().into_iter().chain(named) {
            add(&content(path).await);
        }
        digest.finalize().into()
    }
}

/// What a file holds; nothing where it can't be read: whoever needs it will say so.
async fn content(path: &Path) -> Vec<u8> {
    let mut content = Vec::new();
    if let Ok(file) = tokio::fs::File::open(path).await {
        // What was read before an error will differ from the whole.
        let _read = file.take(LONGEST_FILE).read_to_end(&mut content).await;
    }
    content
}

async fn find_in_cluster(pod: &InCluster) -> Result<Found, Obstacle> {
    let InCluster { service_account, url } = pod;
    let url = match url {
        Some(url) => url.0.clone(),
        None => in_cluster_url()?,
    };
    let mut config = Config::new(url);
    config.root_cert_file = Some(service_account.join("ca.crt"));
    let token = token_in(secrets::file(&service_account.join("token")).await)?;
    Ok(Found { config, token: Some(token), text: Vec::new() })
}

fn in_cluster_url() -> Result<http::Uri, Obstacle> {
    let outside = || {
        no_access(
            "Vigie does not run as a pod of the cluster (KUBERNETES_SERVICE_HOST and \
             KUBERNETES_SERVICE_PORT are not set); name a kubeconfig or a server under \
             `connections.kubernetes`",
        )
    };
    let host = secrets::env("KUBERNETES_SERVICE_HOST");
    let port = secrets::env("KUBERNETES_SERVICE_PORT");
    let (Ok(host), Ok(port)) = (host, port) else { return Err(outside()) };
    let (host, port) = (host.expose_secret(), port.expose_secret());
    let url = if host.contains(':') {
        format!("https://[{host}]:{port}")
    } else {
        format!("https://{host}:{port}")
    };
    url.parse().map_err(|_| outside())
}

async fn find_kubeconfig(file: &KubeconfigFile) -> Result<Found, Obstacle> {
    let KubeconfigFile { path, context } = file.clone();
    let place = match &path {
        Some(path) => format!("kubeconfig {}", path.display()),
        None => "the default kubeconfig".to_owned(),
    };
    let refused = move |error: &KubeconfigError| no_access(format!("{place}: {}", told(error)));
    let (kubeconfig, text) = blocking({
        let refused = refused.clone();
        move || read_kubeconfig(path.as_deref()).map_err(|error| refused(&error))
    })
    .await?;
    let of_file = proxied(&kubeconfig);
    let options = KubeConfigOptions { context, cluster: None, user: None };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| refused(&error))?;
    if !of_file {
        // From the environment: meant for the outside world, not for the API server.
        config.proxy_url = None;
    }
    let token = match config.auth_info.token_file.take() {
        Some(path) if config.auth_info.token.is_none() => {
            Some(token_in(secrets::file(Path::new(&path)).await)?)
        }
        _ => None,
    };
    Ok(Found { config, token, text })
}

fn token_in(read: Result<SecretString, Obstacle>) -> Result<SecretString, Obstacle> {
    read.map_err(|obstacle| no_access(format!("the API server's token: {}", obstacle.because)))
}

/// What can't be sent as a header would make the HTTP stack panic at each request.
fn sendable(token: &SecretString) -> Result<(), Obstacle> {
    let plain = token.expose_secret().bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    if plain {
        return Ok(());
    }
    Err(no_access(
        "the API server's token holds a line break, a blank or another byte no token has",
    ))
}

fn build(found: Found, traffic: &Arc<Traffic>) -> Result<Client, Obstacle> {
    let Found { mut config, token, text: _ } = found;
    if let Some(token) = token {
        config.auth_info.token = Some(token);
    }
    if let Some(token) = &config.auth_info.token {
        sendable(token)?;
    }
    config.connect_timeout = Some(CONNECT_WITHIN);
    // The next attempt is the retry.
    config.default_retry = false;
    let builder = ClientBuilder::try_from(config).map_err(|error| {
        let why = if let kube::Error::Auth(error) = &error {
            told_of_auth(error)
        } else {
            super::refusal::causes(&error)
        };
        no_access(format!("no connection to the API server can be made: {why}"))
    })?;
    Ok(builder.with_layer(&Counted::layer(Arc::clone(traffic))).build())
}

/// The file as parsed, and as it is, so that a change is noticed.
fn read_kubeconfig(path: Option<&Path>) -> Result<(Kubeconfig, Vec<u8>), KubeconfigError> {
    let Some(path) = path else {
        let kubeconfig = Kubeconfig::read()?;
        let text = serde_json::to_vec(&kubeconfig).unwrap_or_default();
        return Ok((kubeconfig, text));
    };
    let read = |error| KubeconfigError::ReadConfig(error, path.to_owned());
    let text = std::fs::read(path).map_err(read)?;
    Ok((Kubeconfig::read_from(path)?, text))
}

fn proxied(kubeconfig: &Kubeconfig) -> bool {
    let clusters = kubeconfig.clusters.iter().filter_map(|named| named.cluster.as_ref());
    clusters.into_iter().any(|cluster| cluster.proxy_url.is_some())
}

/// What is wrong with a kubeconfig, without any of its text.
fn told(error: &KubeconfigError) -> String {
    if let KubeconfigError::Parse(_) = error {
        return "is not the YAML of a kubeconfig".to_owned();
    }
    error.to_string()
}

/// What is wrong with credentials, without what a credential plugin printed.
fn told_of_auth(error: &AuthError) -> String {
    if let AuthError::AuthExecRun { cmd, out } = error {
        let name = cmd.split_whitespace().next().unwrap_or_default();
        return format!("the credential plugin {name} ended with {}", out.status);
    }
    if matches!(error, AuthError::AuthExecParse(_) | AuthError::ParseTokenKey(_)) {
        return "the credential plugin printed no credential".to_owned();
    }
    error.to_string()
}

fn no_access(because: impl Into<String>) -> Obstacle {
    Obstacle::ours(NO_ACCESS, because)
}

/// Runs what reads files or starts a credential plugin where it holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Obstacle> + Send + 'static,
) -> Result<T, Obstacle> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(no_access("the credentials could not be read")),
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
