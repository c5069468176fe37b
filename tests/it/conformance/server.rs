//! An API server as somebody sees it who writes objects: nothing but HTTP.

use std::time::Duration;

use http::Method;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::Instant;
use vigie::model::needs::Resource;

use crate::simulation::facts::{SOON, call};

/// Somebody's connection to an API server.
pub struct Server(pub Client);

/// A kind, as discovery describes it.
struct Kind {
    root: String,
    plural: String,
    namespaced: bool,
    status: bool,
}

impl Kind {
    fn path(&self, namespace: &str) -> String {
        let Self { root, plural, namespaced, .. } = self;
        if *namespaced {
            format!("{root}/namespaces/{namespace}/{plural}")
        } else {
            format!("{root}/{plural}")
        }
    }
}

impl Server {
    /// Creates an object, or replaces it, its status too; namespaced ones in `namespace`.
    pub async fn put(&self, mut object: Value, namespace: &str) -> Value {
        let kind = self.kind(&object).await;
        let all = kind.path(namespace);
        if kind.namespaced {
            object["metadata"]["namespace"] = namespace.into();
        }
        let path = format!("{all}/{}", name(&object));
        let made = self.made(&all, &path, &object).await;
        let metadata = &made["metadata"];
        // What nothing but finalizers held is gone once they are.
        let gone = metadata["deletionTimestamp"].is_string() && metadata["finalizers"].is_null();
        if gone || !kind.status || object["status"].is_null() {
            return made;
        }
        let mut with_status = made.clone();
        with_status["status"] = object["status"].take();
        self.replace(&path, &format!("{path}/status"), &with_status, made).await
    }

    /// Creates the object at `path` among `all`, or replaces what is there. While the versions of a
    /// kind change, a real server may answer 404 for an object and 409 for making it, until its
    /// handlers are the new ones: so that it is asked again.
    async fn made(&self, all: &str, path: &str, object: &Value) -> Value {
        let end = Instant::now() + SOON;
        loop {
            let (code, answer) = match self.call(Method::GET, path, Value::Null).await {
                (200, old) => return self.replace(path, path, object, old).await,
                (404, _) => self.call(Method::POST, all, object.clone()).await,
                other => other,
            };
            match code {
                200..300 => return answer,
                404 | 409 | 503 if Instant::now() < end => tokio::time::sleep(PAUSE).await,
                _ => panic!("POST {all}: {code}: {answer}"),
            }
        }
    }

    /// Replaces `old`, the object at `path`, again where a controller was faster.
    async fn replace(&self, path: &str, at: &str, object: &Value, mut old: Value) -> Value {
        let end = Instant::now() + SOON;
        loop {
            let mut object = object.clone();
            object["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].take();
            let (code, answer) = self.call(Method::PUT, at, object).await;
            match code {
                200..300 => return answer,
                404 | 409 | 503 if Instant::now() < end => tokio::time::sleep(PAUSE).await,
                _ => panic!("PUT {at}: {code}: {answer}"),
            }
            if let (200, newer) = self.call(Method::GET, path, Value::Null).await {
                old = newer;
            }
        }
    }

    /// Changes an object, or with `/status` its status, by a merge patch.
    pub async fn patch(&self, object: &Value, namespace: &str, part: &str, changes: Value) {
        let path = format!("{}/{}{part}", self.kind(object).await.path(namespace), name(object));
        let media = "application/merge-patch+json";
        let (code, answer) = call(&self.0, Method::PATCH, &path, media, changes).await;
        assert!((200..300).contains(&code), "PATCH {path}: {code}: {answer}");
    }

    /// Deletes an object, which must be there.
    pub async fn remove(&self, object: &Value, namespace: &str) {
        let kind = self.kind(object).await;
        let path = format!(
            "{}/{}?gracePeriodSeconds=0&propagationPolicy=Background",
            kind.path(namespace),
            name(object)
        );
        self.must(Method::DELETE, &path, Value::Null).await;
    }

    /// Defines a kind of custom resources with a status, and waits until they are served.
    pub async fn define(&self, api_version: &str, kind: &str, plural: &str, namespaced: bool) {
        let (group, version) = api_version.split_once('/').expect("a group and a version");
        let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let definition = json!({
            "metadata": { "name": format!("{plural}.{group}") },
            "spec": {
                "group": group,
                "names": {
                    "kind": kind, "plural": plural, "singular": kind.to_lowercase(),
                    "listKind": format!("{kind}List"),
                },
                "scope": if namespaced { "Namespaced" } else { "Cluster" },
                "versions": [{
                    "name": version, "served": true, "storage": true,
                    "subresources": { "status": {} },
                    "schema": { "openAPIV3Schema": schema },
                }],
            },
        });
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let (code, answer) = self.call(Method::POST, path, definition).await;
        // Another case may have defined it before.
        assert!([201, 409].contains(&code), "{answer}");
        let end = Instant::now() + SOON;
        let list = format!("/apis/{api_version}/{plural}");
        while self.call(Method::GET, &list, Value::Null).await.0 != 200 {
            assert!(Instant::now() < end, "{plural}.{group} are never served");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Makes a namespace.
    pub async fn namespace(&self, name: &str) {
        let object = json!({ "metadata": { "name": name } });
        self.must(Method::POST, "/api/v1/namespaces", object).await;
    }

    /// The plural of a kind that is served.
    pub async fn plural(&self, resource: &Resource) -> String {
        let Resource { group, version, plural: _, kind } = resource;
        let group = if group.is_empty() { String::new() } else { format!("{group}/") };
        let object = json!({ "apiVersion": format!("{group}{version}"), "kind": kind });
        self.kind(&object).await.plural
    }

    /// Whether a review of one's own access says yes.
    pub async fn may(&self, question: Value) -> bool {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": question,
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let (code, answer) = self.call(Method::POST, path, review).await;
        code == 201 && answer["status"]["allowed"] == true
    }

    async fn kind(&self, object: &Value) -> Kind {
        let (api_version, kind) = (&object["apiVersion"], &object["kind"]);
        let api_version = api_version.as_str().expect("an API version");
        let tree = if api_version.contains('/') { "apis" } else { "api" };
        let root = format!("/{tree}/{api_version}");
        let plural = |resource: &Value| resource["name"].as_str().unwrap_or_default().to_owned();
        let own = |resource: &&Value| resource["kind"] == *kind && !plural(resource).contains('/');
        let end = Instant::now() + SOON;
        // What was defined a moment ago may be served before discovery tells of it.
        let resources = loop {
            let (_, mut list) = self.call(Method::GET, &root, Value::Null).await;
            // Between two versions the path is nobody's, and its 404 is a line of text.
            let resources = list.get_mut("resources").and_then(Value::as_array_mut);
            let resources = resources.map(std::mem::take).unwrap_or_default();
            if resources.iter().any(|resource| own(&resource)) {
                break resources;
            }
            assert!(Instant::now() < end, "no {kind} in {root}: {list}");
            tokio::time::sleep(PAUSE).await;
        };
        let main = resources.iter().find(own).expect("the kind");
        let status = format!("{}/status", plural(main));
        Kind {
            plural: plural(main),
            namespaced: main["namespaced"] == true,
            status: resources.iter().any(|resource| plural(resource) == status),
            root,
        }
    }

    /// An answer that must be a success.
    pub async fn must(&self, method: Method, path: &str, body: Value) -> Value {
        let (code, answer) = self.call(method.clone(), path, body).await;
        assert!((200..300).contains(&code), "{method} {path}: {code}: {answer}");
        answer
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        call(&self.0, method, path, "", body).await
    }
}

/// How long to wait before something is asked again.
pub const PAUSE: Duration = Duration::from_millis(20);

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().expect("a name")
}
