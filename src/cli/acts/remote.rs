//! The daemon that is told: where it is, who speaks, and what it answers.
//!
//! Each invocation sends one request under one key, so that it is done once however often it has to
//! be sent; where nobody knows what came of it, the key is told.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use reqwest::Method;
use secrecy::SecretString;
use serde::Serialize;
use url::Url;

use super::super::{complain, print};
use super::request::{Request, Sort, Told, Untold, headers};

/// Where a daemon on this machine listens.
const OWN: &str = "http://127.0.0.1:9743";
/// The largest file of a token, in bytes.
const LARGEST_FILE: u64 = 4 * 1024;
/// What is said where no token is given.
const NO_TOKEN: &str = "a token is needed: name the file that holds it by `--token-file FILE`, or in \
                        the variable `VIGIE_TOKEN_FILE`";
/// The exit code where nobody knows whether it is recorded.
const UNKNOWN: u8 = 2;

/// Where the daemon is, and the token that it asks for.
#[derive(Args)]
pub(super) struct Remote {
    /// Where the daemon listens.
    #[arg(long, default_value = OWN, value_parser = address, env = "VIGIE_URL")]
    url: Url,
    /// A file that holds the token, and nothing else; needed unless the variable names one.
    #[arg(long, value_name = "FILE", env = "VIGIE_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// A name for this request, such as a pipeline's job: sent again under it, it is done once. By
    /// default each invocation has another.
    #[arg(long, value_name = "KEY", env = "VIGIE_IDEMPOTENCY_KEY")]
    idempotency_key: Option<String>,
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
            Err(Untold { sort: Sort::Broken, why: first }) => {
                let again = request.sent(&token, body).await;
                // The first has arrived, or may have.
                again.map(Told::of_both).map_err(|untold| untold.after(&first))
            }
            told => told,
        };
        match told {
            Ok(told) => print(&said(&told)),
            Err(Untold { sort: Sort::Never | Sort::Refused | Sort::Unsent, why }) => failed(&why),
            Err(Untold { sort: Sort::Broken | Sort::Open, why }) => {
                let Request { url, key, .. } = &request;
                unknown(&format!(
                    "{why}. It may be recorded all the same: look at {url}, which lists what is. The \
                     same command with `--idempotency-key {key}{again}` is not done twice, as long as \
                     the daemon was not started anew in between"
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
            Err(Untold { sort: Sort::Never | Sort::Refused | Sort::Unsent, why }) => failed(&why),
            Err(Untold { sort: Sort::Broken | Sort::Open, why }) => {
                let url = &request.url;
                unknown(&format!("{why}. It may be taken back all the same: look at {url}"))
            }
        }
    }

    /// The request, and the token that it is sent with; or what is wrong with what was written.
    fn request(self, method: Method, path: &str) -> Result<(Request, SecretString), String> {
        let Self { url, token_file, idempotency_key } = self;
        let token_file = token_file.ok_or(NO_TOKEN)?;
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

fn unknown(why: &str) -> ExitCode {
    complain(why);
    ExitCode::from(UNKNOWN)
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
