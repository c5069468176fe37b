//! The guard of whatever writes: token, scope, rate, body, and a line in the record for each.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::error;

use super::Served;
use super::answer::{body, defect, problem};
use super::audit::{Action, Entry, Outcome};
use super::pages::{LONGEST_ECHO, no_such_item};
use super::rate::{Allowed, household};
use super::replay::{self, Done, Name};
use super::waiting::{awaited, in_time, not_yet};
use crate::model::judgement::legible;
use crate::views::api::Problem;

/// The largest body of a request, in bytes.
const LARGEST_BODY: usize = 64 * 1024;
/// How long a client may take to send it.
const LONGEST_BODY: Duration = Duration::from_secs(10);

/// What becomes of a request that must be done one time, where it is sent again.
const AGAIN: &str = "the same request, sent again, is not done twice, and is told what came of it";

/// What a request to write ends with: what came of it, why, and what the client is told.
pub(super) struct Ended {
    outcome: Outcome,
    because: String,
    /// In a box: most requests do not end early, and this would make room for it in every result.
    answer: Box<Response>,
    /// Whether the log has told of its like a moment ago.
    told: bool,
}

/// A request to write, as far as all of them are alike.
pub(super) struct Write {
    pub(super) served: Arc<Served>,
    pub(super) action: Action,
    pub(super) about: String,
    pub(super) peer: SocketAddr,
    /// What becomes of it where it is sent again while nobody knows yet what came of it.
    again: &'static str,
}

/// What was let in: by the token of which name, and with what content.
pub(super) struct Admitted {
    pub(super) token: String,
    pub(super) content: Bytes,
}

/// What a request has brought into being.
pub(super) struct Made {
    /// It, as JSON.
    pub(super) content: Vec<u8>,
    /// Where it can be asked for.
    pub(super) place: String,
}

impl Write {
    /// A request for this action, about the item of this id, or about nothing.
    pub(super) fn new(served: &Arc<Served>, action: Action, about: &str, peer: SocketAddr) -> Self {
        let again = "look before you ask again";
        Self { served: Arc::clone(served), action, about: about.to_owned(), peer, again }
    }

    /// Authenticates, takes the body within the limits, acts, and records.
    ///
    /// Whoever is let in is served to the end in a task of its own: a client that goes away leaves
    /// nothing half done, and nothing unrecorded.
    pub(super) async fn run<Acting>(
        self,
        headers: &HeaderMap,
        content: Body,
        act: impl FnOnce(Admitted) -> Acting + Send + 'static,
    ) -> Response
    where
        Acting: Future<Output = Ended> + Send + 'static,
    {
        let mut token = String::new();
        let content = match self.admit(headers, &mut token).await {
            Ok(()) => read(content).await,
            Err(ended) => Err(ended),
        };
        let content = match content {
            Ok(content) => content,
            Err(ended) => return self.record(&token, ended),
        };
        let again = self.again;
        let acting = tokio::spawn(async move {
            let ended = act(Admitted { token: token.clone(), content }).await;
            self.record(&token, ended)
        });
        awaited(acting, again).await
    }

    /// The same for what must be done one time, however often it is asked: the second answer is the
    /// first one's, as long as what was made by it `stands`. After that, a key is used up; bytes that
    /// come without one may mean a new act.
    pub(super) async fn run_once<Acting>(
        self,
        headers: &HeaderMap,
        content: Body,
        stands: impl Fn(&Served, &str) -> bool + Send + Sync + 'static,
        act: impl FnOnce(Admitted) -> Acting + Send + 'static,
    ) -> Response
    where
        Acting: Future<Output = Result<Made, Ended>> + Send + 'static,
    {
        let (served, action) = (Arc::clone(&self.served), self.action.label());
        let (about, key) = (self.about.clone(), headers.get("idempotency-key").cloned());
        let once = move |admitted: Admitted| async move {
            let digest = replay::digest(action, &about, &admitted.content);
            let name = match Name::of(&admitted.token, key.as_ref(), digest) {
                Ok(name) => name,
                Err(why) => return Ended::rejected(400, "No key", why),
            };
            let Ok(mut slot) = in_time(served.replays.slot(&name, Instant::now())).await else {
                return Ended::failed(503, Problem::NOT_DONE_YET, not_yet(AGAIN));
            };
            if let Some(done) = &*slot {
                if done.digest != digest {
                    let why = "this `Idempotency-Key` was used for another request";
                    return Ended::rejected(422, "Key used before", why);
                }
                if stands(&served, &done.place) {
                    return Ended::repeated(done);
                }
                if matches!(name, Name::Keyed { .. }) {
                    let why = format!(
                        "under this `Idempotency-Key` {} was made, which was taken back or has \
                         ended; another act takes another key",
                        done.place
                    );
                    return Ended::rejected(409, "Key used before", why);
                }
            }
            match act(admitted).await {
                Ok(Made { content, place }) => {
                    let done = Done { digest, content: content.into(), place, at: Instant::now() };
                    let ended = Ended::done(created(StatusCode::CREATED, &done));
                    *slot = Some(done);
                    ended
                }
                Err(ended) => ended,
            }
        };
        Self { again: AGAIN, ..self }.run(headers, content, once).await
    }

    /// Leaves the line in the record, and gives the client its answer.
    fn record(&self, token: &str, ended: Ended) -> Response {
        let Ended { outcome, because, answer, told } = ended;
        let (action, about, peer) = (self.action, self.about.as_str(), self.peer);
        let entry = Entry { action, outcome, token, about, peer, because: &because, told };
        self.served.audit.record(&entry);
        *answer
    }

    /// Lets in, under its name, whoever has a token for it and does not write too much.
    async fn admit(&self, headers: &HeaderMap, token: &mut String) -> Result<(), Ended> {
        let rates = &self.served.rates;
        match self.authenticate(headers).await {
            Ok(name) => {
                let allowed = rates.written.count(&name, Instant::now());
                token.clone_from(&name);
                let Allowed::After { wait, first } = allowed else { return Ok(()) };
                let detail =
                    format!("the token `{name}` writes too much; go on in {}s", whole(wait));
                Err(Ended::rejected(429, "Too many writes", detail).waiting(wait, first))
            }
            Err(ended) if ended.outcome == Outcome::Denied => {
                let allowed = rates.refused.count(&household(self.peer.ip()), Instant::now());
                let Allowed::After { wait, first } = allowed else { return Err(ended) };
                let detail = format!(
                    "too many requests from this address were refused; try again in {}s. The last \
                     one: {}",
                    whole(wait),
                    ended.because
                );
                Err(Ended::denied(429, "Too many refusals", detail).waiting(wait, first))
            }
            Err(ended) => Err(ended),
        }
    }

    /// The name of the token that allows it.
    async fn authenticate(&self, headers: &HeaderMap) -> Result<String, Ended> {
        let Some(file) = &self.served.tokens else {
            return Err(Ended::denied(
                403,
                "Writing is not enabled",
                "start Vigie with `--tokens FILE`, a YAML list of \
                 `{ name, sha256, scopes }`; `printf %s \"$TOKEN\" | sha256sum` gives the digest",
            ));
        };
        let Some(presented) = bearer(headers) else {
            let ended = Ended::denied(401, "Token needed", "send `Authorization: Bearer TOKEN`");
            return Err(ended.challenged("Bearer realm=\"vigie\"".to_owned()));
        };
        match file.find(presented).await {
            Err(why) => {
                error!("{why}");
                let detail = "the token file can't be used; the log says why";
                Err(Ended::failed(503, "Token file unusable", detail))
            }
            Ok(None) => {
                let ended = Ended::denied(401, "Token unknown", "this token is not in the file");
                let challenge = "Bearer realm=\"vigie\", error=\"invalid_token\"";
                Err(ended.challenged(challenge.to_owned()))
            }
            Ok(Some(token)) if !token.allows(self.action.scope()) => {
                let scope = self.action.scope().label();
                let detail = format!("the token `{}` lacks the scope `{scope}`", token.name);
                Err(Ended::denied(403, "Scope missing", detail).challenged(format!(
                    "Bearer realm=\"vigie\", error=\"insufficient_scope\", scope=\"{scope}\""
                )))
            }
            Ok(Some(token)) => Ok(token.name),
        }
    }
}

impl Ended {
    pub(super) fn done(answer: Response) -> Self {
        let answer = Box::new(answer);
        Self { outcome: Outcome::Accepted, because: String::new(), answer, told: false }
    }

    /// It was done before, for the same request.
    fn repeated(done: &Done) -> Self {
        let because = format!("it made {} before", done.place);
        let answer = Box::new(created(StatusCode::OK, done));
        Self { outcome: Outcome::Repeated, because, answer, told: false }
    }

    fn with(outcome: Outcome, status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let because = detail.clone();
        Self { outcome, because, answer: Box::new(problem(status, title, detail)), told: false }
    }

    fn denied(status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        Self::with(Outcome::Denied, status, title, detail)
    }

    pub(super) fn rejected(status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        Self::with(Outcome::Rejected, status, title, detail)
    }

    pub(super) fn failed(status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        Self::with(Outcome::Failed, status, title, detail)
    }

    /// No item has this id.
    pub(super) fn no_such_item(id: &str) -> Self {
        let because = "no such item".to_owned();
        let answer = Box::new(no_such_item(id));
        Self { outcome: Outcome::Rejected, because, answer, told: false }
    }

    /// It is our own fault.
    pub(super) fn defect(doing: &'static str, error: &dyn std::fmt::Display) -> Self {
        let (because, answer) = (error.to_string(), Box::new(defect(doing, error)));
        Self { outcome: Outcome::Failed, because, answer, told: false }
    }

    /// Says how long to wait; the log tells of the `first` one alone.
    pub(super) fn waiting(mut self, wait: Duration, first: bool) -> Self {
        self.answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole(wait)));
        self.told = !first;
        self
    }

    /// Says what credential would do.
    fn challenged(mut self, challenge: String) -> Self {
        if let Ok(challenge) = HeaderValue::try_from(challenge) {
            self.answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        self
    }
}

/// What a body says, or why it is not what is wanted: `what`, such as `example`.
pub(super) fn wanted<Wanted: DeserializeOwned>(
    content: &[u8],
    what: &str,
    example: &str,
) -> Result<Wanted, Ended> {
    let told = |what: &str, why: &str| {
        // The parser's sentence quotes words of the body, which came with a token.
        let why = legible(why, LONGEST_ECHO);
        Ended::rejected(
            400,
            "Not understood",
            format!("the body is not {what}: {why}; wanted {example}"),
        )
    };
    if content.trim_ascii_start().starts_with(b"[") {
        // The parser would take its values for the fields, in their order.
        return Err(told(what, "it is a list"));
    }
    let mut parser = serde_json::Deserializer::from_slice(content);
    let read = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let (path, why) = (format!("`{}`", error.path()), error.inner().to_string());
        // The dot is the whole; of a field that lacks or is too much, the parser says the name itself.
        let named = path == "`.`" || why.contains(&path);
        let why = if named { why } else { format!("{path}: {why}") };
        told(if error.inner().is_data() { what } else { "JSON" }, &why)
    })?;
    parser.end().map_err(|error| told("JSON", &error.to_string()))?;
    Ok(read)
}

/// What has come into being there.
pub(super) fn made(view: &impl Serialize, place: String) -> Result<Made, Ended> {
    match serde_json::to_vec(view) {
        Ok(content) => Ok(Made { content, place }),
        Err(error) => Err(Ended::defect("writing JSON", &error)),
    }
}

/// What was made, and where it can be asked for.
fn created(status: StatusCode, done: &Done) -> Response {
    let mut answer = body(status, "application/json", done.content.clone());
    if let Ok(place) = HeaderValue::try_from(&done.place) {
        answer.headers_mut().insert(LOCATION, place);
    }
    answer
}

/// Rounded up: whoever waits for so long is not refused again.
pub(super) fn whole(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Takes the whole body, also where none is needed: so that the connection can go on.
async fn read(content: Body) -> Result<Bytes, Ended> {
    match tokio::time::timeout(LONGEST_BODY, to_bytes(content, LARGEST_BODY)).await {
        Ok(Ok(content)) => Ok(content),
        Ok(Err(_)) => {
            let detail = format!("a body is at most {LARGEST_BODY} bytes, and complete");
            Err(Ended::rejected(413, "Body too large", detail))
        }
        Err(_) => Err(Ended::rejected(408, "Body too slow", "the body did not arrive in time")),
    }
}
