//! Who asks: a credential, and how it is shown.
//!
//! The claim is that the URL answers as it should *to whoever holds the credential*. So a refusal is
//! evidence, whoever utters it: the endpoint, or the one that was to issue a token for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::grant::OAuth2;
use super::params::FieldName;
use super::text::Text;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::net::exchange::Request;
use crate::systems::secrets::Secrets;

/// A credential to show.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Login {
    /// A name and a password, by HTTP's basic authentication.
    Basic(Basic),
    /// A token, sent as `Authorization: Bearer …`.
    Bearer(SecretSource),
    /// A key in a header or in the query.
    ApiKey(ApiKey),
    /// A token that is issued for a grant of OAuth 2.0, and kept in memory until shortly before it
    /// expires. All checks with the same grant share it.
    #[serde(rename = "oauth2")]
    OAuth2(Box<OAuth2>),
}

/// A name and a password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Basic {
    /// The name: a text, or the place of a secret.
    username: Text,
    /// Where the password is read from.
    password: SecretSource,
}

/// A key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKey {
    /// The header that it is sent in, such as `api-key`.
    #[serde(default)]
    header: Option<FieldName>,
    /// The parameter of the query that it is sent in. Queries end up in the logs of servers: prefer
    /// a header where there is one.
    #[serde(default)]
    query: Option<String>,
    /// Where the key is read from.
    from: SecretSource,
}

/// What a login adds to a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// The header that it is sent in; none where it is sent in the query.
    pub(super) header: Option<HeaderName>,
}

impl Login {
    /// What is wrong between the parameters.
    pub(super) fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        match self {
            Self::Basic(Basic { username: Text::Plain(name), password: _ })
                if name.contains(':') =>
            {
                flaws.push("a `username` with a colon can't be sent".to_owned());
            }
            Self::ApiKey(ApiKey { header, query, from: _ })
                if header.is_some() == query.is_some() =>
            {
                flaws.push("`api_key` goes into either a `header` or the `query`".to_owned());
            }
            Self::OAuth2(grant) => flaws.extend(grant.flaws()),
            Self::Basic(_) | Self::Bearer(_) | Self::ApiKey(_) => {}
        }
        flaws
    }

    /// The header that it is sent in.
    pub(super) fn field(&self) -> Option<FieldName> {
        match self {
            Self::Basic(_) | Self::Bearer(_) | Self::OAuth2(_) => {
                Some(FieldName::of(&AUTHORIZATION))
            }
            Self::ApiKey(ApiKey { header, query: _, from: _ }) => header.clone(),
        }
    }

    /// The secrets that it reads.
    pub(super) fn secrets(&self) -> Vec<SecretSource> {
        match self {
            Self::Basic(Basic { username, password }) => {
                username.source().into_iter().chain([password]).cloned().collect()
            }
            Self::Bearer(from) | Self::ApiKey(ApiKey { from, header: _, query: _ }) => {
                vec![from.clone()]
            }
            Self::OAuth2(grant) => grant.secrets(),
        }
    }

    /// The grant for which a token has to be had first.
    pub(super) fn grant(&self) -> Option<&OAuth2> {
        match self {
            Self::OAuth2(grant) => Some(grant),
            Self::Basic(_) | Self::Bearer(_) | Self::ApiKey(_) => None,
        }
    }

    /// Adds what is shown to `request`, and what of it is secret to `secret`. A grant's token is
    /// not this one's business.
    pub(super) async fn show(
        &self,
        request: &mut Request,
        secrets: &Secrets,
        mut secret: impl FnMut(&[u8]),
    ) -> Result<Shown, Obstacle> {
        match self {
            Self::Basic(Basic { username, password }) => {
                let name = username.read(secrets).await?;
                let word = secrets.read(password).await?;
                if name.expose_secret().contains(':') {
                    return Err(unsendable("a username with a colon"));
                }
                let both = format!("{}:{}", name.expose_secret(), word.expose_secret());
                let both = Zeroizing::new(both);
                let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(both.as_bytes())));
                secret(value.as_bytes());
                header(request, AUTHORIZATION, &value)
            }
            Self::Bearer(from) => {
                let token = secrets.read(from).await?;
                secret(token.expose_secret().as_bytes());
                bearer(request, token.expose_secret())
            }
            Self::ApiKey(ApiKey { header: field, query, from }) => {
                let key = secrets.read(from).await?;
                secret(key.expose_secret().as_bytes());
                if let Some(field) = field {
                    let name = field.name().ok_or_else(|| unsendable("the header's name"))?;
                    return header(request, name, key.expose_secret());
                }
                let parameter = query.as_deref().unwrap_or_default();
                request.url = request.url.with_parameter(parameter, key.expose_secret());
                Ok(Shown::default())
            }
            Self::OAuth2(_) => Ok(Shown::default()),
        }
    }
}

/// Adds a bearer token to `request`.
pub(super) fn bearer(request: &mut Request, token: &str) -> Result<Shown, Obstacle> {
    header(request, AUTHORIZATION, &Zeroizing::new(format!("Bearer {token}")))
}

fn header(request: &mut Request, name: HeaderName, value: &str) -> Result<Shown, Obstacle> {
    let mut value = HeaderValue::try_from(value).map_err(|_| unsendable("the credential"))?;
    value.set_sensitive(true);
    request.headers.insert(name.clone(), value);
    Ok(Shown { header: Some(name) })
}

fn unsendable(what: &str) -> Obstacle {
    Obstacle::ours(Reason::SECRET_MISSING, format!("{what} can't be sent in a header"))
}
