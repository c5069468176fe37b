//! DSNs of Sentry: `https://<public key>@<host>/<project>`, where applications send their errors.
//!
//! The application's secret is read, and judged by its form and by where it leads. Nothing is sent
//! there in its name, and nothing of it is shown.

use secrecy::ExposeSecret;
use url::Url;

use super::Http;
use super::reasons::{DSN_DIFFERS, DSN_MALFORMED};
use crate::checks::Look;
use crate::model::finding::Finding;
use crate::model::judgement::Answer;
use crate::systems::net::url::WebUrl;

/// The longest DSN that is read, in bytes.
const LONGEST: usize = 2048;

impl Http {
    /// What is wrong with the DSN, where one is meant.
    pub(super) async fn trouble_of_dsn(&self, look: &Look<'_>) -> Option<Answer> {
        let text = match look.systems.secrets.read(self.dsn.as_ref()?).await {
            Ok(text) => text,
            Err(obstacle) => return Some(obstacle.into()),
        };
        match leads_to(text.expose_secret().trim()) {
            Err(why) => Some(Finding::fail(DSN_MALFORMED, why).into()),
            Ok(origin) if origin.same_origin(&self.url) => None,
            Ok(_) => {
                let because = format!("leads to another scheme, host or port than {}", self.url);
                Some(Finding::fail(DSN_DIFFERS, because).into())
            }
        }
    }
}

/// Where a DSN leads: scheme, host and port.
///
/// # Errors
/// What is wrong with its form; nothing of it is repeated.
pub fn leads_to(dsn: &str) -> Result<WebUrl, &'static str> {
    if dsn.len() > LONGEST {
        return Err("is longer than 2048 bytes");
    }
    let mut url = Url::parse(dsn).map_err(|_| "is not a URL")?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if url.username().is_empty() || !plain(url.username()) {
        return Err("has no public key");
    }
    let project = url.path().rsplit('/').next().unwrap_or_default();
    if project.is_empty() || !project.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("does not end with the number of a project");
    }
    let no_host = "has no host that can be asked over HTTP";
    url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| no_host)?;
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    WebUrl::parse(url.as_str()).map_err(|_| no_host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_dsn_leads_to_its_host() {
        for (dsn, origin) in [
            ("https://0123abcd@sentry.test/42", Ok("https://sentry.test/")),
            ("https://0123abcd:s3cret@sentry.test:9000/deep/42", Ok("https://sentry.test:9000/")),
            ("http://a@[::1]:9000/1?x=y", Ok("http://[::1]:9000/")),
            ("", Err("is not a URL")),
            ("changeme", Err("is not a URL")),
            ("https://sentry.test/42", Err("has no public key")),
            ("https://<key>@sentry.test/42", Err("has no public key")),
            ("https://a@sentry.test/", Err("does not end with the number of a project")),
            ("https://a@sentry.test/42/", Err("does not end with the number of a project")),
            ("https://a@sentry.test/shop", Err("does not end with the number of a project")),
            ("ftp://a@sentry.test/42", Err("has no host that can be asked over HTTP")),
        ] {
            let led = leads_to(dsn).map(|origin| origin.to_string());
            assert_eq!(led, origin.map(str::to_owned), "{dsn}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,60}", dsn in "[a-z:/@.0-9?#%-]{0,40}") {
            drop(leads_to(&text));
            drop(leads_to(&format!("https://{dsn}")));
        }
    }
}
