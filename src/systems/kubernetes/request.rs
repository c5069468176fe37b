//! Requests to the API server: listing, watching, and one Secret by name.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use kube::core::params::{GetParams, ListParams, WatchParams};
use tokio::time::{Instant, timeout, timeout_at};

use super::access::{Access, NO_ACCESS};
use super::counted::Errand;
use super::refusal::{Failure, Refusal};
use super::stream::shown;
use crate::model::finding::Obstacle;
use crate::model::needs::{Form, Resource, Watch};

/// The longest wait for the head of an answer.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// Objects in one page of a list.
const PAGE: u32 = 500;
/// The longest page that is read, in bytes.
const LONGEST_PAGE: usize = 64 << 20;
/// The longest failure that is read, in bytes.
const LONGEST_FAILURE: usize = 64 << 10;

/// Sends requests, with the credentials as they are at that moment.
#[derive(Clone)]
pub(super) struct Requests {
    access: Arc<Access>,
    head_within: Duration,
}

impl Requests {
    pub(super) fn new(access: Arc<Access>) -> Self {
        Self { access, head_within: HEAD_WITHIN }
    }

    /// The same, waiting at most so long for the head of an answer.
    pub(super) fn within(self, most: Duration) -> Self {
        Self { head_within: self.head_within.min(most), ..self }
    }

    /// Opens a watch from `version` on.
    pub(super) async fn watch(
        &self,
        watch: &Watch,
        params: &WatchParams,
        version: &str,
    ) -> Result<Body, Refusal> {
        let doing = format!("watching {}", shown(watch));
        let path = path(&watch.resource, watch.namespace.as_deref());
        let builder = kube::core::Request::new(path);
        let request = match watch.form {
            Form::Metadata => builder.watch_metadata(params, version),
            Form::Fields | Form::Whole => builder.watch(params, version),
        };
        let mut request = request.map_err(|error| Refusal::transport(&doing, &error))?;
        // One gzip member an event: kube decodes the first alone.
        plain(&mut request);
        let response = self.send(&doing, "watch", watch.resource.name(), request).await?;
        Ok(response.into_body())
    }

    /// One page of a list: the first, or the one that a token names.
    pub(super) async fn page(
        &self,
        watch: &Watch,
        next: Option<String>,
    ) -> Result<bytes::Bytes, Refusal> {
        let doing = format!("listing {}", shown(watch));
        let params = ListParams {
            label_selector: watch.selector.clone(),
            field_selector: field_selector(watch),
            limit: Some(PAGE),
            continue_token: next,
            ..ListParams::default()
        };
        let path = path(&watch.resource, watch.namespace.as_deref());
        let builder = kube::core::Request::new(path);
        let request = match watch.form {
            Form::Metadata => builder.list_metadata(&params),
            Form::Fields | Form::Whole => builder.list(&params),
        };
        let request = request.map_err(|error| Refusal::transport(&doing, &error))?;
        let response = self.send(&doing, "list", watch.resource.name(), request).await?;
        let body = Limited::new(response.into_body(), LONGEST_PAGE).collect().await;
        match body {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) => Err(Refusal::transport(&doing, &*error)),
        }
    }

    /// The body of one object, unread.
    pub(super) async fn object(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Body, Refusal> {
        let doing = format!("reading {} {namespace}/{name}", resource.kind);
        let mut request = kube::core::Request::new(path(resource, Some(namespace)))
            .get(name, &GetParams::default())
            .map_err(|error| Refusal::transport(&doing, &error))?;
        plain(&mut request);
        Ok(self.send(&doing, "get", resource.name(), request).await?.into_body())
    }

    /// Sends a request that is counted as `verb` on `resource`; the answer is a success.
    pub(super) async fn send(
        &self,
        doing: &str,
        verb: &'static str,
        resource: String,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Body>, Refusal> {
        let response = match self.exchange(doing, verb, resource, request).await {
            Ok(response) => response,
            Err(Lost::Ours(obstacle)) => return Err(obstacle.into()),
            Err(Lost::Broke(error)) => return Err(Refusal::transport(doing, &error)),
            Err(Lost::Late) => {
                let because = format!("{doing}: no answer within {}s", self.head_within.as_secs());
                return Err(Refusal::new(because));
            }
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = timeout(self.head_within, Limited::new(body, LONGEST_FAILURE).collect()).await;
        let failure: Failure = match body {
            Ok(Ok(body)) => serde_json::from_slice(&body.to_bytes()).unwrap_or_default(),
            Ok(Err(_)) | Err(_) => Failure::default(),
        };
        Err(Refusal::answered(doing, head.status, &head.headers, &failure))
    }

    /// Sends a request that is counted as `verb` on `resource`; the answer may be any.
    pub(super) async fn exchange(
        &self,
        doing: &str,
        verb: &'static str,
        resource: String,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Body>, Lost> {
        let until = Instant::now() + self.head_within;
        let client = timeout_at(until, self.access.client()).await.unwrap_or_else(|_| {
            let within = self.head_within.as_secs();
            let because = format!("{doing}: the credentials can't be read within {within}s");
            Err(Obstacle::ours(NO_ACCESS, because))
        });
        let client = client.map_err(Lost::Ours)?;
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(Errand { verb, resource });
        let response = timeout_at(until, client.send(request)).await.map_err(|_| Lost::Late)?;
        let response = response.map_err(Lost::Broke)?;
        if response.status() == http::StatusCode::UNAUTHORIZED {
            self.access.forget();
        }
        Ok(response)
    }
}

/// Why there is no answer at all.
pub(super) enum Lost {
    /// Nothing could be sent, by a fault on our own side.
    Ours(Obstacle),
    /// It did not come in time.
    Late,
    /// Connection or exchange broke.
    Broke(kube::Error),
}

/// The field selector of a watch of one object. RBAC grants watches by name through it alone.
pub(super) fn field_selector(watch: &Watch) -> Option<String> {
    watch.name.as_ref().map(|name| format!("metadata.name={name}"))
}

fn plain(request: &mut Request<Vec<u8>>) {
    let headers = request.headers_mut();
    headers.insert(http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// The path of a group in a version.
pub(super) fn root(resource: &Resource) -> String {
    let Resource { group, version, plural: _, kind: _ } = resource;
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

/// The path of a collection.
fn path(resource: &Resource, namespace: Option<&str>) -> String {
    let (api, plural) = (root(resource), &resource.plural);
    match namespace {
        Some(namespace) => format!("{api}/namespaces/{namespace}/{plural}"),
        None => format!("{api}/{plural}"),
    }
}
