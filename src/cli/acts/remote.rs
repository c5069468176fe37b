//! The daemon that is told: where it is, who speaks, and what it answers.
//!
//! Each invocation sends one request under one key, so that it is done once however often it has to
//! be sent; where nobody knows what came of it, the key is told.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::super::{complain, print};
use crate::model::judgement::legible;
use crate::views::api::Problem;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where a daemon on this machine listens.
const OWN: &str = "http://127.0.0.1:9743";
/// The largest file of a token, in bytes.
const LARGEST_FILE: u64 = 4 * 1024;
/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;
/// What stands before a daemon answers so where nobody knows what the daemon did.
const OPEN: [StatusCode; 3] =
    [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
/// The longest part of an answer that is shown, in characters.
const LONGEST: usize = 2_000;

/// Where the daemon is, and the token that it asks for.
#[derive(Args)]
pub(super) struct Remote {
    /// Where the daemon listens.
    #[arg(long, default_value = OWN, value_parser = address, env = "VIGIE_URL")]
    url: Url,
    /// A file that holds the token, and nothing else.
    #[arg(long, value_name = "FILE", env = "VIGIE_TOKEN_FILE")]
    token_file: PathBuf,
    /// A name for this request, such as a pipeline's job: sent again under it, it is done once. By
    /// default each invocation has another.
    #[arg(long, value_name = "KEY", env = "VIGIE_IDEMPOTENCY_KEY")]
    idempotency_key: Option<String>,
}

/// What is sent.
struct Request {
    method: Method,
    url: String,
    key: String,
}

/// Why nothing is known to be recorded.
struct Untold {
    sort: Sort,
    why: String,
}

/// What can be known of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// It is not recorded.
    Refused,
    /// It did not arrive.
    Unsent,
    /// The connection broke before the answer: it may be recorded.
    Broken,
    /// Nobody waits for it any longer: it may be recorded.
    Open,
}

/// What the daemon has recorded.
pub(super) struct Told {
    /// Whether it was recorded before, for the same request.
    repeated: bool,
    /// Until when it holds.
    until: Option<String>,
    /// Reasons that it covers, and for which nothing fails now.
    not_failing: Vec<String>,
    /// Where it can be looked at.
    place: String,
}

/// What of an answer is told on.
#[derive(Deserialize)]
struct Recorded {
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    not_failing: Vec<String>,
}

/// A problem, as it arrives.
#[derive(Deserialize)]
struct Heard {
    title: String,
    detail: String,
}

/// A time as people read it: what it says beyond the second is noise.
fn to_the_second(time: &str) -> String {
    time.parse::<jiff::Timestamp>()
        .map_or_else(|_| legible(time, LONGEST), |time| format!("{time:.0}"))
}

impl Told {
    /// A line for people.
    pub(super) fn spoken(&self, what: &str) -> String {
        let Self { repeated, until, not_failing, place } = self;
        let until = until
            .as_ref()
            .map(|until| format!(" until {}", to_the_second(until)))
            .unwrap_or_default();
        let before = if *repeated { ", by this very request before" } else { "" };
        let idle = match not_failing.as_slice() {
            [] => String::new(),
            codes => {
                let codes = legible(&codes.join(", "), LONGEST);
                format!("it does not fail for {codes} now\n")
            }
        };
        format!("{what}{until}{before}: {place}\n{idle}")
    }
}

impl Remote {
    /// Posts this, and says what came of it; `again` are the options that say the same again.
    pub(super) async fn tell(
        self,
        path: &str,
        body: &impl Serialize,
        again: &str,
        said: impl FnOnce(&Told) -> String,
    ) -> ExitCode {
        let (request, token) = match self.request(Method::POST, path) {
            Ok(request) => request,
            Err(why) => return complain(&why),
        };
        let told = match request.sent(&token, body).await {
            // Whatever broke, the key tells the daemon that it is the same request.
            Err(Untold { sort: Sort::Broken, .. }) => {
                let again = request.sent(&token, body).await;
                // The first has arrived, or may have.
                again.map(|told| Told { repeated: false, ..told }).map_err(|untold| match untold {
                    Untold { sort: Sort::Unsent, why } => Untold { sort: Sort::Open, why },
                    untold => untold,
                })
            }
            told => told,
        };
        match told {
            Ok(told) => print(&said(&told)),
            Err(Untold { sort: Sort::Refused | Sort::Unsent, why }) => failed(&why),
            Err(Untold { sort: Sort::Broken | Sort::Open, why }) => {
                let key = &request.key;
                failed(&format!(
                    "{why}. It may be recorded all the same: the same command with \
                     `--idempotency-key {key}{again}` is not done twice"
                ))
            }
        }
    }

    /// Takes back what is at this path, and says so.
    pub(super) async fn take_back(self, path: &str, body: &impl Serialize, said: &str) -> ExitCode {
        let (request, token) = match self.request(Method::DELETE, path) {
            Ok(request) => request,
            Err(why) => return complain(&why),
        };
        match request.sent(&token, body).await {
            Ok(_) => print(&format!("{said}\n")),
            Err(Untold { sort: Sort::Refused | Sort::Unsent, why }) => failed(&why),
            Err(Untold { sort: Sort::Broken | Sort::Open, why }) => {
                failed(&format!("{why}. It may be taken back all the same: look there"))
            }
        }
    }

    /// The request, and the token that it is sent with; or what is wrong with what was written.
    fn request(self, method: Method, path: &str) -> Result<(Request, SecretString), String> {
        let Self { url, token_file, idempotency_key } = self;
        let token = read(&token_file)
            .map_err(|why| format!("the token file {}: {why}", token_file.display()))?;
        let key = match idempotency_key {
            Some(key) => key,
            None => fresh_key()?,
        };
        if headers(&token, &key).is_none() {
            return Err("the token or the key holds what no header can bear".to_owned());
        }
        let url = format!("{}{path}", url.as_str().trim_end_matches('/'));
        Ok((Request { method, url, key }, token))
    }
}

/// Reads where a daemon is.
///
/// # Errors
/// Nothing can be asked there; a sentence.
fn address(text: &str) -> Result<Url, String> {
    let reachable = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if let Some(url) = Url::parse(text).ok().filter(reachable) {
        return Ok(url);
    }
    // `localhost:9743` is a URL, too: one of the scheme `localhost`.
    let whole = format!("http://{text}");
    let lacks = !text.contains("//") && Url::parse(&whole).is_ok_and(|url| reachable(&url));
    Err(if lacks {
        format!("`{text}` names no scheme; write `{whole}`, or `https://{text}`")
    } else {
        format!("`{text}` is no address of a daemon; write one such as `{OWN}`")
    })
}

fn failed(why: &str) -> ExitCode {
    complain(why);
    ExitCode::FAILURE
}

/// A key that nobody has used.
fn fresh_key() -> Result<String, String> {
    let mut bytes = [0; 16];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| "this system gives no random numbers".to_owned())?;
    Ok(hex::encode(bytes))
}

fn read(file: &Path) -> Result<SecretString, String> {
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(|error| error.to_string())?;
    opened.take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(format!("it is larger than {LARGEST_FILE} bytes"));
    }
    let token = text.trim();
    let is_one = !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic());
    if is_one { Ok(token.into()) } else { Err("it does not hold one token".to_owned()) }
}

fn headers(token: &SecretString, key: &str) -> Option<reqwest::header::HeaderMap> {
    let mut headers = reqwest::header::HeaderMap::new();
    let bearer = format!("Bearer {}", token.expose_secret());
    let mut bearer = HeaderValue::try_from(bearer).ok()?;
    bearer.set_sensitive(true);
    headers.insert(reqwest::header::AUTHORIZATION, bearer);
    headers.insert("idempotency-key", HeaderValue::try_from(key).ok()?);
    Some(headers)
}

impl Request {
    /// What was recorded, or why nothing is known to be.
    async fn sent(&self, token: &SecretString, body: &impl Serialize) -> Result<Told, Untold> {
        let Self { method, url, key } = self;
        let unheard = |error: reqwest::Error| {
            let sort = if error.is_builder() || error.is_connect() {
                Sort::Unsent
            } else if error.is_timeout() {
                Sort::Open
            } else {
                Sort::Broken
            };
            let mut cause: &dyn std::error::Error = &error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            Untold { sort, why: format!("{url} does not answer: {cause}") }
        };
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(headers(token, key).unwrap_or_default())
            .build()
            .map_err(unheard)?;
        let asked = client.request(method.clone(), url).json(body);
        let mut answer = asked.send().await.map_err(unheard)?;
        let header = |name| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (status, kind, place) = (answer.status(), header(CONTENT_TYPE), header(LOCATION));
        let mut text = Vec::new();
        while let Some(more) = answer.chunk().await.map_err(unheard)? {
            text.extend_from_slice(&more);
            if text.len() > LARGEST_ANSWER {
                let why = format!("{url} answers {status} at endless length: is it Vigie?");
                return Err(Untold { sort: Sort::Refused, why });
            }
        }
        let text = String::from_utf8_lossy(&text);
        if status.is_success() {
            return self.recorded(status, &place, &text);
        }
        let heard = Some(&text).filter(|_| kind.starts_with(Problem::CONTENT_TYPE));
        let (is_open, why) = match heard.and_then(|text| serde_json::from_str(text).ok()) {
            Some(Heard { title, detail }) => {
                let why = format!("{}: {}", legible(&title, LONGEST), legible(&detail, LONGEST));
                (title == Problem::NOT_DONE_YET, why)
            }
            None => {
                let why = format!("{url} answers {status}: {}", legible(text.trim(), 200));
                (OPEN.contains(&status), why)
            }
        };
        Err(Untold { sort: if is_open { Sort::Open } else { Sort::Refused }, why })
    }

    fn recorded(&self, status: StatusCode, place: &str, text: &str) -> Result<Told, Untold> {
        let url = &self.url;
        let Recorded { until, not_failing } = serde_json::from_str(text).map_err(|error| {
            let why = format!("{url} answers {status}, but not as Vigie does: {error}");
            Untold { sort: Sort::Refused, why }
        })?;
        let whole = Url::parse(url).and_then(|url| url.join(place));
        let place = whole.map_or_else(|_| place.to_owned(), String::from);
        Ok(Told { repeated: status == StatusCode::OK, until, not_failing, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_scheme() {
        for good in [OWN, "https://vigie.example/below", "http://[::1]:9743"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for (lacks, whole) in [
            ("127.0.0.1:9850", "`http://127.0.0.1:9850`, or `https://127.0.0.1:9850`"),
            ("localhost:9743", "`http://localhost:9743`, or `https://localhost:9743`"),
            ("vigie.example", "`http://vigie.example`, or `https://vigie.example`"),
        ] {
            let told = format!("`{lacks}` names no scheme; write {whole}");
            assert_eq!(address(lacks), Err(told));
        }
        for wrong in ["", "ftp://vigie.example", "http://", "a b", "//vigie.example", "http:///"] {
            let told = format!("`{wrong}` is no address of a daemon; write one such as `{OWN}`");
            assert_eq!(address(wrong), Err(told));
        }
    }
}
