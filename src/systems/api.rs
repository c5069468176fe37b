//! What systems that speak JSON over HTTP have in common: an address, a credential, one bounded GET.
//!
//! Each question is one request on a connection of its own; redirects are not followed, for the
//! credential is for one place alone. A credential that was refused is not sent again before it
//! changes, at most twice a day. What the answer means is its system's business.

mod credential;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use zeroize::Zeroizing;

pub(super) use credential::{Basic, Credentials};
use credential::{Credential, Signed};

use super::net::Net;
use super::net::dial::{Family, Route, blamed};
use super::net::exchange::{Phases, Reading, Request, Response, server_name};
use super::net::handshake::Terms;
use super::net::url::WebUrl;
use super::refusals::AGAIN;
use super::secrets::Secrets;
use super::trials::Turn;
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;

/// No connection of this name is configured.
pub const NO_CONNECTION: Reason = Reason::new("NoConnection");

/// The longest refusal that is read, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;
/// The longest form that is sent as part of the URL, in bytes; longer ones are posted.
const LONGEST_IN_URL: usize = 1_500;
/// The longest part of a system's own words that is repeated, in characters.
pub(super) const LONGEST_WORDS: usize = 300;

/// Where an API is, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    base: WebUrl,
    credential: Option<Credential>,
    ca: Option<SecretSource>,
}

impl Access {
    /// An API below `url`. `what` names it in errors: `a Prometheus`.
    pub(super) fn new(
        what: &str,
        url: &WebUrl,
        credentials: Credentials,
        ca: Option<SecretSource>,
    ) -> Result<Self, String> {
        let base = url.whole();
        if base.contains(['?', '#']) {
            return Err(format!("the URL of {what} ends before any `?` or `#`"));
        }
        if ca.is_some() && !url.is_secure() {
            return Err("`ca` goes with `https:`, not with `http:`".to_owned());
        }
        let base = WebUrl::parse(base.trim_end_matches('/'))?;
        Ok(Self { base, credential: credentials.one()?, ca })
    }

    /// The secrets that it reads.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretSource> {
        let Self { base: _, credential, ca } = self;
        let credential = credential.as_ref().map(|credential| match credential {
            Credential::Bearer(token) | Credential::ApiKey(token) => token,
            Credential::Basic(Basic { username: _, password }) => password,
        });
        credential.into_iter().chain(ca)
    }

    /// Where it is, without anything secret.
    pub(super) fn place(&self) -> String {
        self.base.to_string()
    }

    /// The URL of a path, which begins with `/`.
    pub(super) fn url(&self, path: &str) -> Result<WebUrl, String> {
        WebUrl::parse(&format!("{}{path}", self.base.whole().trim_end_matches('/')))
    }
}

/// Whom to ask, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The name of the connection.
    pub name: &'a str,
    /// The time by our clock, for certificates.
    pub now: Timestamp,
    /// When the look's own I/O has to end.
    pub until: Instant,
}

impl<'a> Asking<'a> {
    /// One question.
    pub(super) fn about(
        self,
        doing: &'a str,
        path: &'a str,
        form: &'a [(&'a str, &'a str)],
        longest: usize,
    ) -> Question<'a> {
        let Self { name: _, now, until } = self;
        Question { doing, path, form, longest, now, until }
    }
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// What is being done, for sentences: "asking Prometheus `main`".
    pub(super) doing: &'a str,
    /// The path, which begins with `/`.
    pub(super) path: &'a str,
    /// What goes along as a form, in the URL while that is short.
    pub(super) form: &'a [(&'a str, &'a str)],
    /// The longest answer that is read, in bytes.
    pub(super) longest: usize,
    /// The time, for certificates.
    pub(super) now: Timestamp,
    /// When to give up.
    pub(super) until: Instant,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answered {
    /// The status.
    pub(super) status: StatusCode,
    /// The body; of another status than 200, its beginning.
    pub(super) body: Bytes,
    /// Where it redirects to.
    location: Option<String>,
}

/// Whatever speaks JSON over HTTP. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Api {
    net: Net,
    secrets: Secrets,
}

impl Api {
    pub(super) fn new(net: Net, secrets: Secrets) -> Self {
        Self { net, secrets }
    }

    /// Asks once.
    ///
    /// # Errors
    /// There is no answer, or it is longer than is read; every sentence begins with what was done.
    pub(super) async fn ask(
        &self,
        access: &Access,
        question: Question<'_>,
    ) -> Result<Answered, Obstacle> {
        let Question { doing, path, form, longest, now, until } = question;
        let mut request = request(access, path, form)
            .map_err(|why| Obstacle::ours(Reason::GARBLED, format!("{doing}: {why}")))?;
        let signed = match &access.credential {
            Some(credential) => Some(self.signed(&mut request, credential).await?),
            None => None,
        };
        let turn = match &signed {
            Some(signed) => Some(self.turn(signed, doing, until).await?),
            None => None,
        };
        let endpoint = access.base.endpoint();
        let route = Route { to: &endpoint, family: Family::Any, proxy_protocol: None, until };
        let terms = self.terms(access, now).await?;
        let reading = |status, _: &HeaderMap| match status {
            StatusCode::OK => Reading::Whole(longest),
            _ => Reading::Excerpt(LONGEST_REFUSAL),
        };
        let (started, mut phases) = (Instant::now(), Phases::default());
        let response = self
            .net
            .exchange(request, route, terms, reading, &mut phases)
            .await
            .map_err(|obstacle| silence(doing, blamed(obstacle, phases.resolve, started)))?;
        if let Some((signed, turn)) = signed.as_ref().zip(turn) {
            match response.status {
                StatusCode::UNAUTHORIZED => self.net.refuse(signed.digest),
                _ => turn.accepted(),
            }
        }
        let Response { status, headers, mut body, cut } = response;
        if status == StatusCode::OK && cut {
            let because = format!("{doing}: the answer is longer than {longest} bytes");
            return Err(Obstacle::new(Reason::TOO_LARGE, because));
        }
        if status == StatusCode::OK
            && let Some(signed) = &signed
        {
            body = signed.masked(body);
        }
        let echoes = |words: &[u8]| signed.as_ref().is_some_and(|signed| signed.is_in(words));
        if status != StatusCode::OK && echoes(&body) {
            body = Bytes::new();
        }
        let location = headers.get(LOCATION).filter(|value| !echoes(value.as_bytes()));
        let location = location.and_then(|value| value.to_str().ok());
        let location = location.map(|place| legible(place.split('?').next().unwrap_or(""), 200));
        Ok(Answered { status, body, location })
    }

    /// The turn to send a credential, where it may be sent.
    async fn turn(&self, signed: &Signed, doing: &str, until: Instant) -> Result<Turn, Obstacle> {
        let Some(turn) = self.net.trials().turn(signed.digest, until).await else {
            let because = format!(
                "{doing}: another look that shows the same credential for the first time has no \
                 answer yet, and this one waited for it"
            );
            return Err(Obstacle::new(Reason::TIMED_OUT, because));
        };
        match self.net.refused(signed.digest) {
            None => Ok(turn),
            Some(ago) => {
                let ago = spoken(ago);
                let because = format!("{doing}: it refused this credential {ago} ago; {AGAIN}");
                Err(Obstacle::new(Reason::UNAUTHORIZED, because))
            }
        }
    }

    /// Adds the credential.
    async fn signed(
        &self,
        request: &mut Request,
        credential: &Credential,
    ) -> Result<Signed, Obstacle> {
        let (scheme, source, user) = match credential {
            Credential::Bearer(source) => ("Bearer", source, None),
            Credential::ApiKey(source) => ("ApiKey", source, None),
            Credential::Basic(Basic { username, password }) => ("Basic", password, Some(username)),
        };
        let secret = self.secrets.read(source).await?;
        let secret = Zeroizing::new(secret.expose_secret().to_owned());
        let sent = match user {
            None => secret.clone(),
            Some(user) => {
                let both = Zeroizing::new(format!("{user}:{}", secret.as_str()));
                Zeroizing::new(STANDARD.encode(both.as_bytes()))
            }
        };
        let value = Zeroizing::new(format!("{scheme} {}", sent.as_str()));
        let mut header = HeaderValue::try_from(value.as_str()).map_err(|_| {
            let because = format!("{} can't be sent in a header", source.place());
            Obstacle::ours(Reason::SECRET_MISSING, because)
        })?;
        header.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, header);
        let mut digest = Sha256::new();
        digest.update(request.url.endpoint().to_string().as_bytes());
        digest.update([0]);
        digest.update(value.as_bytes());
        Ok(Signed { digest: digest.finalize().into(), words: [secret, sent] })
    }

    async fn terms(&self, access: &Access, now: Timestamp) -> Result<Option<Terms>, Obstacle> {
        if !access.base.is_secure() {
            return Ok(None);
        }
        let roots = self.net.roots(&self.secrets, access.ca.as_ref()).await?;
        let name = server_name(&access.base.host())?;
        Ok(Some(Terms { name, roots, identity: None, protocol: Some(b"http/1.1"), now }))
    }
}

impl Answered {
    /// An answer with another status than 200, and what it says of itself.
    pub(super) fn refusal(&self, doing: &str, words: &str) -> Obstacle {
        let status = self.status.as_u16();
        let reason = match status {
            401 => Reason::UNAUTHORIZED,
            403 => Reason::FORBIDDEN,
            404 => Reason::NOT_FOUND,
            429 => Reason::THROTTLED,
            500..=599 => Reason::SERVER_ERROR,
            _ => Reason::GARBLED,
        };
        let onward =
            self.location.as_ref().map(|place| format!(", to {place}, where nobody follows"));
        let words = match words {
            "" => String::new(),
            words => format!(": {}", legible(words, LONGEST_WORDS)),
        };
        let onward = onward.unwrap_or_default();
        Obstacle::new(reason, format!("{doing}: it answers {status}{onward}{words}"))
    }
}

/// What came has not the form that it must have.
pub(super) fn garbled(doing: &str, why: &str) -> Obstacle {
    let why = legible(why, LONGEST_WORDS);
    Obstacle::new(Reason::GARBLED, format!("{doing}: the answer can't be read: {why}"))
}

/// A connection that is not there.
pub(super) fn unconfigured(system: &str, name: &str) -> Obstacle {
    let because = format!("no connection `{name}` is configured under `connections.{system}`");
    Obstacle::ours(NO_CONNECTION, because)
}

/// Nobody was asked: a connection without members, which its configuration rules out.
pub fn nobody(system: &str) -> Obstacle {
    Obstacle::ours(NO_CONNECTION, format!("a connection to {system} has nobody to ask"))
}

fn request(access: &Access, path: &str, form: &[(&str, &str)]) -> Result<Request, String> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let url = access.url(path)?;
    if form.is_empty() {
        return Ok(Request { method: Method::GET, url, headers, body: Bytes::new() });
    }
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    if form.len() <= LONGEST_IN_URL {
        let url = WebUrl::parse(&format!("{}?{form}", url.whole()))?;
        return Ok(Request { method: Method::GET, url, headers, body: Bytes::new() });
    }
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, kind);
    Ok(Request { method: Method::POST, url, headers, body: form.into() })
}

/// Says what was done; what is wrong with a certificate is left to the sentence.
fn silence(doing: &str, obstacle: Obstacle) -> Obstacle {
    const OF_TLS: [Reason; 7] = [
        Reason::CERTIFICATE_EXPIRED,
        Reason::CERTIFICATE_NOT_YET_VALID,
        Reason::NAME_MISMATCH,
        Reason::UNKNOWN_ISSUER,
        Reason::SELF_SIGNED,
        Reason::CHAIN_INCOMPLETE,
        Reason::CERTIFICATE_INVALID,
    ];
    let Obstacle { reason, because, ours } = obstacle;
    let reason = if OF_TLS.contains(&reason) { Reason::TLS_FAILED } else { reason };
    Obstacle { reason, because: format!("{doing}: {because}"), ours }
}
