//! How a Kubernetes API server behaves, fact by fact, over whatever client is handed in.
//!
//! Law: nothing here knows of the simulation, so that the same facts can be asked of a real server.
//! Each fact makes what it needs in a namespace of its own, and leaves nothing outside it.

mod kubelets;
mod listing;
mod reviewing;
mod watching;
mod writing;

use std::pin::pin;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use futures::{AsyncBufReadExt, StreamExt};
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long anything may take that must happen.
pub const SOON: Duration = Duration::from_secs(20);

/// A server, and what can be asked of it.
pub struct Cluster {
    /// Somebody who may do everything.
    pub client: Client,
    /// Somebody with a token and without rights, where there is one.
    pub stranger: Option<Client>,
    /// Somebody without a token, where the server wants one.
    pub anonymous: Option<Client>,
    /// Makes the server forget old versions, where that can be had.
    pub compact: Option<Compact>,
}

/// Makes a server forget all versions that anybody has seen.
pub type Compact = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A fact: what it says, and how it is seen in a namespace of its own.
type Fact = (&'static str, fn(Place) -> BoxFuture<'static, ()>);

/// All facts hold; those that don't are named together.
pub async fn hold(cluster: &Cluster) {
    let all = [watching::FACTS, listing::FACTS, writing::FACTS, reviewing::FACTS, kubelets::FACTS]
        .concat();
    let looks = all.into_iter().enumerate().map(|(number, (says, look))| {
        let namespace = format!("fact-{number}-{}", std::process::id());
        let place = Place { client: cluster.client.clone(), namespace };
        let seen = tokio::spawn(async move { place.visit(look).await });
        async move { seen.await.is_err().then_some(says) }
    });
    let wrong: Vec<_> = join_all(looks).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "not so: {wrong:#?}");
    if let Some(stranger) = &cluster.stranger {
        writing::a_token_without_rights_is_forbidden(stranger).await;
    }
    if let Some(anonymous) = &cluster.anonymous {
        writing::no_token_is_unauthorized(anonymous).await;
    }
    if let Some(compact) = &cluster.compact {
        listing::a_page_after_compaction_is_expired(&cluster.client, compact).await;
    }
}

/// A namespace on a server.
#[derive(Clone)]
pub struct Place {
    client: Client,
    namespace: String,
}

impl Place {
    async fn visit(self, look: fn(Self) -> BoxFuture<'static, ()>) {
        let path = "/api/v1/namespaces";
        self.make(path, json!({ "metadata": { "name": self.namespace } })).await;
        look(self.clone()).await;
        let own = format!("{path}/{}", self.namespace);
        self.call(Method::DELETE, &own, "", Value::Null).await;
    }

    /// The path of a core resource in the namespace, such as `pods` or `pods/a/status`.
    fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.namespace)
    }

    /// The answer to a request: its code and its body.
    async fn call(&self, method: Method, path: &str, media: &str, body: Value) -> (u16, Value) {
        call(&self.client, method, path, media, body).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, "", Value::Null).await
    }

    /// Creates an object, which must succeed.
    async fn make(&self, path: &str, object: Value) -> Value {
        let (code, made) = self.call(Method::POST, path, "application/json", object).await;
        assert_eq!(code, 201, "{made}");
        made
    }

    /// Creates a pod that nobody runs.
    async fn make_pod(&self, name: &str, labels: Value) -> Value {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": name, "labels": labels },
            "spec": { "containers": [{ "name": "c", "image": "i" }] },
        });
        self.make(&self.path("pods"), object).await
    }

    /// Merges `changes` into the object at `path`, which must succeed.
    async fn merge(&self, path: &str, changes: Value) -> Value {
        let media = "application/merge-patch+json";
        let (code, patched) = self.call(Method::PATCH, path, media, changes).await;
        assert_eq!(code, 200, "{patched}");
        patched
    }

    /// A list of pods, which must succeed.
    async fn pods(&self, query: &str) -> Value {
        let (code, list) = self.get(&self.path(&format!("pods?{query}"))).await;
        assert_eq!(code, 200, "{list}");
        list
    }

    /// Opens a watch of pods.
    async fn watch(&self, query: &str) -> Lines {
        Lines::open(&self.client, &self.path(&format!("pods?watch=true&{query}"))).await
    }
}

/// The answer to a request, whatever its code.
pub async fn call(
    client: &Client,
    method: Method,
    path: &str,
    media: &str,
    body: Value,
) -> (u16, Value) {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", if media.is_empty() { "application/json" } else { media })
        .body(body.into())
        .expect("a request");
    let answer = timeout(SOON, client.send(request)).await.expect("in time").expect("an answer");
    let code = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a whole body").to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    (code, serde_json::from_slice(&body).unwrap_or(Value::String(text)))
}

/// The lines of an open watch.
pub struct Lines(mpsc::UnboundedReceiver<String>);

impl Lines {
    pub async fn open(client: &Client, path: &str) -> Self {
        let request = Request::get(path).body(Vec::new()).expect("a request");
        let body = timeout(SOON, client.request_stream(request)).await;
        let body = body.expect("a watch in time").expect("a watch");
        let (lines, received) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut read = pin!(body.lines());
            while let Some(Ok(line)) = read.next().await {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        Self(received)
    }

    /// The next line; none when the server has ended the watch.
    pub async fn line(&mut self) -> Option<String> {
        timeout(SOON, self.0.recv()).await.expect("a line in time")
    }

    /// The next event that is no bookmark, which must come.
    pub async fn event(&mut self) -> (String, Value) {
        loop {
            let line = self.line().await.expect("an event before the end");
            let event = read(&line);
            if event.0 != "BOOKMARK" {
                return event;
            }
        }
    }

    /// All events until the server ends the watch.
    pub async fn rest(mut self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        while let Some(line) = self.line().await {
            all.push(read(&line));
        }
        all
    }
}

/// A line as its type and its object.
fn read(line: &str) -> (String, Value) {
    let mut event: Value = serde_json::from_str(line).expect("JSON in each line");
    let word = event["type"].as_str().expect("a type").to_owned();
    (word, event["object"].take())
}

/// The version of an object or of a list.
fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok()).expect("a version")
}

/// The name of an object.
fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// The names of a list's items.
fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().expect("items").iter().map(name).collect()
}
