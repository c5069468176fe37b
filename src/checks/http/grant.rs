//! Grants of OAuth 2.0 (RFC 6749): client credentials, or a user's name and password.
//!
//! The token's endpoint is a *witness* where it is not the URL's own origin: while it is silent or in
//! trouble, nobody can ask the URL, and nothing is known. That it refuses the credential is an answer,
//! and fails the check. With `judged` it is a subject, and its silence fails the check, too.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::text::Text;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::net::exchange::Request;
use crate::systems::net::url::WebUrl;
use crate::systems::oauth::Grant;
use crate::systems::secrets::Secrets;
use crate::systems::trials;

/// What every grant's body is.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// A grant, and where a token is issued for it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OAuth2 {
    /// Where tokens are issued. Redirects are not followed: the credential goes nowhere else.
    pub(super) token_url: WebUrl,
    /// The client: a text, or the place of a secret.
    client_id: Text,
    /// The client's own secret; a public client has none.
    #[serde(default)]
    client_secret: Option<SecretSource>,
    /// How the client shows that: `header` (basic authentication, the default) or `body`.
    #[serde(default)]
    client_secret_in: ShownIn,
    /// A user's name and password. Without them the client asks on its own behalf (the grant
    /// `client_credentials`).
    #[serde(default)]
    password: Option<UserPassword>,
    /// The scopes to ask for.
    #[serde(default)]
    scopes: Vec<String>,
    /// Further parameters, such as `audience`: texts, or places of secrets.
    #[serde(default)]
    parameters: BTreeMap<String, Text>,
    /// PEM certificates to trust there instead of the system's roots.
    #[serde(default)]
    pub(super) ca: Option<SecretSource>,
    /// Whether the claim is about the token's endpoint, too, so that its silence, or an answer
    /// without a token, fails the check. By default that is so where it lies at the URL's own
    /// scheme, host and port; elsewhere it makes the check unknown (`NoToken`). That it refuses the
    /// credential fails the check in either case.
    #[serde(default)]
    judged: Option<bool>,
}

/// A request for a token, and digests of what it shows.
pub(super) struct Asking {
    pub(super) request: Request,
    /// All that it is asked with.
    pub(super) grant: Grant,
    /// The client's own credential, whatever it asks for.
    pub(super) client: trials::Credential,
    /// The credential on whose behalf it asks: the user's, or else the client's own.
    pub(super) account: trials::Credential,
}

/// How a client shows its secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ShownIn {
    /// By basic authentication, as every server must take it.
    #[default]
    Header,
    /// In the body, as some take it alone.
    Body,
}

/// A user's name and password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UserPassword {
    /// The name: a text, or the place of a secret.
    username: Text,
    /// Where the password is read from.
    password: SecretSource,
}

impl OAuth2 {
    /// What is wrong between the parameters.
    pub(super) fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.client_secret.is_none() && self.password.is_none() {
            flaws.push("a grant without a `password` needs a `client_secret`".to_owned());
        }
        let own = ["grant_type", "scope", "username", "password", "client_id", "client_secret"];
        for name in own.into_iter().filter(|name| self.parameters.contains_key(*name)) {
            flaws.push(format!("`{name}` has a parameter of its own in `oauth2`"));
        }
        if !self.token_url.is_secure() && self.ca.is_some() {
            flaws.push("`ca` needs an `https` URL".to_owned());
        }
        flaws
    }

    /// The secrets that it reads.
    pub(super) fn secrets(&self) -> Vec<SecretSource> {
        let Self { client_id, client_secret, password, parameters, ca, .. } = self;
        let user = password
            .iter()
            .flat_map(|user| user.username.source().into_iter().chain([&user.password]));
        let further = parameters.values().filter_map(Text::source);
        let client = client_id.source().into_iter().chain(client_secret);
        client.chain(user).chain(further).chain(ca).cloned().collect()
    }

    /// Whether the claim of a check that asks `url` is about the token's endpoint, too.
    pub(super) fn is_judged(&self, url: &WebUrl) -> bool {
        self.judged.unwrap_or_else(|| self.token_url.same_origin(url))
    }

    /// The request for a token, and the digests of what it is asked with.
    pub(super) async fn request(&self, secrets: &Secrets) -> Result<Asking, Obstacle> {
        let id = self.client_id.read(secrets).await?;
        let secret = match &self.client_secret {
            Some(source) => Some(secrets.read(source).await?),
            None => None,
        };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        let plain = |text: &str| SecretString::from(text);
        // A query says what is asked for, and not of whom.
        let to = self.token_url.to_string();
        let word = secret.as_ref().map_or("", |secret| secret.expose_secret());
        let client = digest([&to, "client", id.expose_secret(), word].map(str::as_bytes));
        let mut account = client;
        let mut form = Vec::new();
        match &self.password {
            None => form.push(("grant_type", plain("client_credentials"))),
            Some(UserPassword { username, password }) => {
                let (name, word) = (username.read(secrets).await?, secrets.read(password).await?);
                let user = [&to, "user", name.expose_secret(), word.expose_secret()];
                account = digest(user.map(str::as_bytes));
                let kind = ("grant_type", plain("password"));
                form.extend([kind, ("username", name), ("password", word)]);
            }
        }
        if !self.scopes.is_empty() {
            form.push(("scope", plain(&self.scopes.join(" "))));
        }
        for (name, value) in &self.parameters {
            form.push((name.as_str(), value.read(secrets).await?));
        }
        match secret {
            Some(secret) if self.client_secret_in == ShownIn::Header => {
                let value = basic(id.expose_secret(), secret.expose_secret())?;
                headers.insert(AUTHORIZATION, value);
            }
            Some(secret) => form.extend([("client_id", id), ("client_secret", secret)]),
            None => form.push(("client_id", id)),
        }
        let body = encoded(&form);
        let url = self.token_url.clone();
        let shown = headers.get(AUTHORIZATION).map_or(&[][..], HeaderValue::as_bytes);
        let grant = digest([url.whole().as_bytes(), shown, &body]);
        let request = Request { method: Method::POST, url, headers, body };
        Ok(Asking { request, grant, client, account })
    }
}

/// Fields as a form is sent.
pub(super) fn encoded(fields: &[(&str, SecretString)]) -> Bytes {
    let mut form = Serializer::new(String::new());
    for (name, value) in fields {
        form.append_pair(name, value.expose_secret());
    }
    Bytes::from(form.finish())
}

/// The client's name and secret, encoded first as a form's would be (RFC 6749, 2.3.1).
fn basic(id: &str, secret: &str) -> Result<HeaderValue, Obstacle> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let both = Zeroizing::new(format!("{}:{}", encoded(id), encoded(secret)));
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(both.as_bytes())));
    let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| {
        Obstacle::ours(Reason::SECRET_MISSING, "the client's secret can't be sent in a header")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn digest<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut all = Sha256::new();
    for part in parts {
        all.update((part.len() as u64).to_be_bytes());
        all.update(part);
    }
    all.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(rest: &str) -> OAuth2 {
        let text = format!("{{ token_url: 'https://id.test/token', client_id: 'a b', {rest} }}");
        serde_saphyr::from_str(&text).unwrap()
    }

    /// What is sent: the header, decoded, and the body.
    async fn sent(rest: &str) -> (String, String) {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "s:&é").unwrap();
        let rest = rest.replace('$', &format!("{{ file: '{}' }}", path.display()));
        let Asking { request, .. } = grant(&rest).request(&Secrets::default()).await.unwrap();
        let shown = request.headers.get(AUTHORIZATION).map(|value| {
            let encoded = value.to_str().unwrap().trim_start_matches("Basic ").to_owned();
            String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
        });
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        (shown.unwrap_or_default(), body)
    }

    #[tokio::test]
    async fn a_grant_is_asked_for_as_the_standard_says() {
        let (shown, body) = sent("client_secret: $, scopes: [read, write]").await;
        assert_eq!(shown, "a+b:s%3A%26%C3%A9");
        assert_eq!(body, "grant_type=client_credentials&scope=read+write");
        let rest = "client_secret: $, client_secret_in: body, parameters: { audience: x }";
        let (shown, body) = sent(rest).await;
        assert_eq!(shown, "");
        let secret = "client_id=a+b&client_secret=s%3A%26%C3%A9";
        assert_eq!(body, format!("grant_type=client_credentials&audience=x&{secret}"));
        let (_, body) = sent("password: { username: me, password: $ }").await;
        let user = "username=me&password=s%3A%26%C3%A9";
        assert_eq!(body, format!("grant_type=password&{user}&client_id=a+b"));
    }

    #[tokio::test]
    async fn another_secret_is_another_grant() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("s");
        let rest = format!("client_secret: {{ file: '{}' }}", path.display());
        let mut seen = Vec::new();
        for secret in ["one", "two", "one"] {
            std::fs::write(&path, secret).unwrap();
            seen.push(grant(&rest).request(&Secrets::default()).await.unwrap().grant);
        }
        assert!(seen[0] != seen[1] && seen[0] == seen[2]);
    }

    #[tokio::test]
    async fn an_account_is_one_whatever_is_asked_for() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "word").unwrap();
        let secret = format!("{{ file: '{}' }}", path.display());
        let asking = async |rest: &str| {
            let rest = rest.replace('$', &secret);
            grant(&rest).request(&Secrets::default()).await.unwrap()
        };
        let one = asking("client_secret: $, scopes: [read]").await;
        let other = asking("client_secret: $, scopes: [write], client_secret_in: body").await;
        assert!(one.grant != other.grant);
        assert!(one.client == other.client && one.account == other.account);
        let user = asking("client_secret: $, password: { username: me, password: $ }").await;
        assert!(user.client == one.client && user.account != one.account);
        let public = asking("password: { username: me, password: $ }").await;
        assert!(public.client != user.client && public.account == user.account);
    }

    #[test]
    fn a_token_is_judged_with_what_it_is_for_unless_it_is_told_otherwise() {
        let url = |text| WebUrl::parse(text).unwrap();
        for (rest, asked, judged) in [
            ("", "https://id.test/api", true),
            ("", "https://id.test:8443/api", false),
            ("", "https://api.test/", false),
            ("judged: true", "https://api.test/", true),
            ("judged: false", "https://id.test/api", false),
        ] {
            assert_eq!(grant(rest).is_judged(&url(asked)), judged, "{rest} {asked}");
        }
    }
}
