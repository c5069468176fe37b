//! One request outside the watches, for what can't be watched: reviews, logs, figures.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::Kubernetes;
use super::refusal::Refusal;
use crate::model::finding::Obstacle;
use crate::model::needs::{Needs, Right};
use crate::model::reason::Reason;

/// What is sent of an object that is asked for by its metadata.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// One request outside the watches.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The right that it takes; the check must have declared it.
    pub right: &'a Right,
    /// Path and query, `/api` and `/apis` included.
    pub path: &'a str,
    /// What is posted; without it the request is a GET.
    pub post: Option<&'a Value>,
    /// Whether an object is asked for by its metadata alone.
    pub metadata_only: bool,
    /// The longest answer that is read, in bytes.
    pub longest: usize,
    /// When waiting ends.
    pub until: Instant,
}

/// Why a request brought nothing.
#[derive(Clone, Debug)]
pub struct Refused {
    /// As an obstacle.
    pub obstacle: Obstacle,
    /// The status code, where there was an answer.
    pub code: Option<u16>,
    /// Whether the answer is that the one named object is not there.
    pub absent: bool,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (code, absent) = (refusal.code, refusal.absent);
        Self { obstacle: refusal.into(), code, absent }
    }
}

impl From<Refused> for Obstacle {
    fn from(refused: Refused) -> Self {
        refused.obstacle
    }
}

impl Kubernetes {
    /// The same as [`Self::ask`], and one request for all that is the same and is asked within
    /// `fresh_within`: an item is woken by each change of a pod.
    ///
    /// # Errors
    /// Any answer but a success, none in time, or one that is too long.
    pub async fn ask_once(
        &self,
        needs: &Needs,
        ask: Ask<'_>,
        fresh_within: Duration,
    ) -> Result<Bytes, Refused> {
        if !needs.rights.contains(ask.right) {
            return self.ask(needs, ask).await;
        }
        let question = (ask.path.to_owned(), ask.post.map(Value::to_string).unwrap_or_default());
        self.0.asked.ask(question, fresh_within, || self.ask(needs, ask)).await
    }

    /// The body of an answer; `needs` must declare the right.
    ///
    /// # Errors
    /// Any answer but a success, none in time, or one that is too long: `TooLarge`.
    pub async fn ask(&self, needs: &Needs, ask: Ask<'_>) -> Result<Bytes, Refused> {
        let Ask { right, path, post, metadata_only, longest, until } = ask;
        let what = right.name();
        if !needs.rights.contains(right) {
            let because = format!(
                "the check asks for the right to {} {what}, which it did not declare",
                right.verb
            );
            let obstacle = Obstacle::ours(Reason::UNDECLARED, because);
            return Err(Refused { obstacle, code: None, absent: false });
        }
        let doing = match post {
            Some(_) => format!("posting {what}"),
            None => format!("reading {what}"),
        };
        let request = request(path, post, metadata_only)
            .map_err(|error| Refusal::transport(&doing, &error))?;
        let left = until.saturating_duration_since(Instant::now());
        let requests = self.0.requests.clone().within(left);
        let read = async {
            let response = requests.send(&doing, right.verb, what.clone(), request).await?;
            let body = Limited::new(response.into_body(), longest).collect().await;
            body.map(http_body_util::Collected::to_bytes).map_err(|error| {
                if error.is::<LengthLimitError>() {
                    let because = format!("{doing}: the answer is longer than {longest} bytes");
                    return Refusal { reason: Reason::TOO_LARGE, ..Refusal::new(because) };
                }
                Refusal::transport(&doing, &*error)
            })
        };
        let read = timeout_at(until, read).await;
        let read = read.unwrap_or_else(|_| {
            Err(Refusal::new(format!("{doing}: the API server does not answer in time")))
        });
        Ok(read?)
    }
}

fn request(
    path: &str,
    post: Option<&Value>,
    metadata_only: bool,
) -> Result<Request<Vec<u8>>, http::Error> {
    let accept = if metadata_only { METADATA } else { "application/json, */*" };
    let request = Request::builder().uri(path).header(ACCEPT, accept);
    match post {
        Some(value) => request
            .method(http::Method::POST)
            .header(CONTENT_TYPE, "application/json")
            .body(value.to_string().into_bytes()),
        None => request.body(Vec::new()),
    }
}
