//! Whatever writes: each needs a token with the scope for it, and leaves a line in the record.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use tracing::error;

use super::Served;
use super::answer::{body, defect, problem};
use super::audit::{Action, Entry, Outcome};
use super::daemon::LookNow;
use super::pages::{Id, no_such_item};
use super::tokens::Scope;
use crate::model::item::ItemId;

/// The largest body of a request, in bytes.
const LARGEST_BODY: usize = 64 * 1024;
/// How long a client may take to send it.
const LONGEST_BODY: Duration = Duration::from_secs(10);

/// What a request to write ends with: what came of it, why, and what the client is told.
pub(super) struct Ended {
    outcome: Outcome,
    because: String,
    answer: Response,
}

/// A request to write, as far as all of them are alike.
pub(super) struct Write<'r> {
    pub(super) served: &'r Served,
    pub(super) action: Action,
    pub(super) scope: Scope,
    pub(super) about: &'r str,
    pub(super) peer: SocketAddr,
}

/// What was let in: by the token of which name, and with what content.
pub(super) struct Admitted {
    pub(super) token: String,
    pub(super) content: Bytes,
}

/// `POST /-/reload`
pub(super) async fn reload(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write =
        Write { served: &served, action: Action::Reload, scope: Scope::Reload, about: "", peer };
    let daemon = Arc::clone(&served.daemon);
    write
        .run(&headers, body, async move |_| {
            // A task of its own: a client that goes away must not leave a reload half done.
            let reloading = tokio::spawn(async move { daemon.reload().await });
            match reloading.await {
                Ok(Ok(())) => Ended::done(empty(StatusCode::OK)),
                Ok(Err(why)) => Ended::failed(500, "Configuration refused", why),
                Err(error) => Ended {
                    outcome: Outcome::Failed,
                    because: error.to_string(),
                    answer: defect("reloading", &error),
                },
            }
        })
        .await
}

/// `POST /api/v1/items/{id}/attempts`
pub(super) async fn look_now(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write =
        Write { served: &served, action: Action::Look, scope: Scope::Look, about: &id, peer };
    write.run(&headers, body, async |_| asked(&served, &id)).await
}

fn asked(served: &Served, id: &str) -> Ended {
    let looked = match ItemId::parse(id) {
        Ok(item) => served.daemon.look_now(&item),
        Err(_) => LookNow::NotFound,
    };
    match looked {
        LookNow::Accepted => Ended::done(empty(StatusCode::ACCEPTED)),
        LookNow::TooSoon { retry_after } => {
            // Rounded up: whoever waits for so long is not refused again.
            let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
            let detail =
                format!("`{id}` was looked at a moment ago; ask again in {}s", seconds.max(1));
            let mut ended = Ended::rejected(429, "Too soon", detail);
            let headers = ended.answer.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
            ended
        }
        LookNow::NotFound => Ended {
            outcome: Outcome::Rejected,
            because: "no such item".to_owned(),
            answer: no_such_item(id),
        },
        LookNow::NotLookedAt { because } => Ended::rejected(409, "Not looked at", because),
    }
}

impl Write<'_> {
    /// Authenticates, takes the body within the limits, acts, and records.
    pub(super) async fn run(
        self,
        headers: &HeaderMap,
        content: Body,
        act: impl AsyncFnOnce(Admitted) -> Ended,
    ) -> Response {
        let mut token = String::new();
        let ended = match self.authenticate(headers).await {
            Ok(name) => {
                token.clone_from(&name);
                match read(content).await {
                    Ok(content) => act(Admitted { token: name, content }).await,
                    Err(ended) => ended,
                }
            }
            Err(ended) => ended,
        };
        let Ended { outcome, because, answer } = ended;
        let (action, about, peer) = (self.action, self.about, self.peer);
        let entry = Entry { action, outcome, token: &token, about, peer, because: &because };
        self.served.audit.record(&entry);
        answer
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
            Ok(Some(token)) if !token.allows(self.scope) => {
                let scope = self.scope.label();
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
        Self { outcome: Outcome::Accepted, because: String::new(), answer }
    }

    fn with(outcome: Outcome, status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { outcome, because: detail.clone(), answer: problem(status, title, detail) }
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

    /// Says what credential would do.
    fn challenged(mut self, challenge: String) -> Self {
        if let Ok(challenge) = HeaderValue::try_from(challenge) {
            self.answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        self
    }
}

fn empty(status: StatusCode) -> Response {
    body(status, "text/plain; charset=utf-8", "")
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
