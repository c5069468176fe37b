//! The daemon that is told: where it is, who speaks, and what it answers.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::super::{complain, print};
use crate::model::judgement::legible;
use crate::views::api::Problem;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest file of a token, in bytes.
const LARGEST_FILE: u64 = 4 * 1024;
/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;
/// The longest part of an answer that is shown, in characters.
const LONGEST: usize = 2_000;

/// Where the daemon is, and the token that it asks for.
#[derive(Args)]
pub(super) struct Remote {
    /// Where the daemon listens.
    #[arg(long, default_value = "http://127.0.0.1:9743", env = "VIGIE_URL")]
    url: Url,
    /// A file that holds the token, and nothing else.
    #[arg(long, value_name = "FILE", env = "VIGIE_TOKEN_FILE")]
    token_file: PathBuf,
    /// A name for this request, such as a pipeline's job: sent again under it, it is done once.
    #[arg(long, value_name = "KEY", env = "VIGIE_IDEMPOTENCY_KEY")]
    idempotency_key: Option<String>,
}

/// What the daemon has recorded.
pub(super) struct Told {
    /// Whether it was recorded before, for the same request.
    repeated: bool,
    /// Until when it holds.
    until: Option<String>,
    /// Where it can be looked at.
    place: String,
}

/// What of an answer is told on.
#[derive(Deserialize)]
struct Recorded {
    #[serde(default)]
    until: Option<String>,
}

/// A problem, as it arrives.
#[derive(Deserialize)]
struct Heard {
    title: String,
    detail: String,
}

impl Told {
    /// A line for people.
    pub(super) fn spoken(&self, what: &str) -> String {
        let Self { repeated, until, place } = self;
        let until = until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        let before = if *repeated { ", by this very request before" } else { "" };
        format!("{what}{until}{before}: {place}\n")
    }
}

impl Remote {
    /// Posts this, and says what came of it.
    pub(super) async fn tell(
        self,
        path: &str,
        body: &impl Serialize,
        said: impl FnOnce(&Told) -> String,
    ) -> ExitCode {
        let Self { url, token_file, idempotency_key } = self;
        let token = match read(&token_file) {
            Ok(token) => token,
            Err(why) => {
                return complain(&format!("the token file {}: {why}", token_file.display()));
            }
        };
        let Some(headers) = headers(&token, idempotency_key.as_deref()) else {
            return complain("the token or the key holds what no header can bear");
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return complain(&format!("`{url}` is no address; write `http://127.0.0.1:9743`"));
        }
        let url = format!("{}{path}", url.as_str().trim_end_matches('/'));
        match post(&url, headers, body).await {
            Ok(told) => print(&said(&told)),
            Err(why) => {
                complain(&why);
                ExitCode::FAILURE
            }
        }
    }
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

fn headers(token: &SecretString, key: Option<&str>) -> Option<reqwest::header::HeaderMap> {
    let mut headers = reqwest::header::HeaderMap::new();
    let bearer = format!("Bearer {}", token.expose_secret());
    let mut bearer = HeaderValue::try_from(bearer).ok()?;
    bearer.set_sensitive(true);
    headers.insert(reqwest::header::AUTHORIZATION, bearer);
    if let Some(key) = key {
        headers.insert("idempotency-key", HeaderValue::try_from(key).ok()?);
    }
    Some(headers)
}

/// What was recorded, or why nothing was.
async fn post(
    url: &str,
    headers: reqwest::header::HeaderMap,
    body: &impl Serialize,
) -> Result<Told, String> {
    let unheard = |error: reqwest::Error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        format!("{url} does not answer: {cause}")
    };
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .default_headers(headers)
        .build()
        .map_err(unheard)?;
    let mut answer = client.post(url).json(body).send().await.map_err(unheard)?;
    let status = answer.status();
    let header = |name| {
        let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (kind, location) = (header(CONTENT_TYPE), header(LOCATION));
    let mut text = Vec::new();
    while let Some(more) = answer.chunk().await.map_err(unheard)? {
        text.extend_from_slice(&more);
        if text.len() > LARGEST_ANSWER {
            return Err(format!("{url} answers {status} at endless length: is it Vigie?"));
        }
    }
    let text = String::from_utf8_lossy(&text);
    if status.is_success() {
        let recorded: Recorded = serde_json::from_str(&text)
            .map_err(|error| format!("{url} answers {status}, but not as Vigie does: {error}"))?;
        let place = Url::parse(url).and_then(|url| url.join(&location));
        let place = place.map_or(location, String::from);
        return Ok(Told { repeated: status.as_u16() == 200, until: recorded.until, place });
    }
    if kind.starts_with(Problem::CONTENT_TYPE)
        && let Ok(Heard { title, detail }) = serde_json::from_str(&text)
    {
        return Err(format!("{}: {}", legible(&title, LONGEST), legible(&detail, LONGEST)));
    }
    Err(format!("{url} answers {status}: {}", legible(text.trim(), 200)))
}
