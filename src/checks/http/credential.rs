//! Credentials that an endpoint refused: not sent again at every look, so that no account is locked.

use std::time::Duration;

use http::StatusCode;
use sha2::{Digest, Sha256};

use super::Http;
use super::expect::refuses_grant;
use crate::checks::Look;
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::net::exchange::{Request, Response};

/// What a check sends that is secret, as digests.
///
/// A 401 says that the credential is wrong wherever it is sent at that endpoint, a 403 only that it
/// may not fetch that URL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credential {
    at_endpoint: [u8; 32],
    at_url: [u8; 32],
}

impl Credential {
    /// What is secret in `request`, the first that `check` sends; none if nothing is.
    pub(super) fn of(check: &Http, request: &Request) -> Option<Self> {
        if check.quotable() {
            return None;
        }
        let mut all = Sha256::new();
        let mut add = |part: &[u8]| {
            all.update((part.len() as u64).to_be_bytes());
            all.update(part);
        };
        for name in check.secret_headers.keys() {
            add(name.as_str().as_bytes());
            let value = request.headers.get(name.as_str());
            add(value.map_or(&[], |value| value.as_bytes()));
        }
        add(if check.body_from.is_some() { &request.body } else { &[] });
        let to = check.connect_to.as_ref().map(ToString::to_string).unwrap_or_default();
        add(to.as_bytes());
        add(request.url.endpoint().to_string().as_bytes());
        let at_endpoint = all.clone().finalize().into();
        all.update(request.url.whole().as_bytes());
        Some(Self { at_endpoint, at_url: all.finalize().into() })
    }

    /// Whether it may be sent.
    ///
    /// # Errors
    /// It was refused, and has not changed since.
    pub(super) fn allowed(self, look: &Look<'_>) -> Result<(), Obstacle> {
        let refused = |credential, reason| Some((look.systems.net.refused(credential)?, reason));
        let Some((ago, reason)) = refused(self.at_endpoint, Reason::UNAUTHORIZED)
            .or_else(|| refused(self.at_url, Reason::FORBIDDEN))
        else {
            return Ok(());
        };
        let since = look.now.checked_sub(ago).unwrap_or(look.now);
        let because = format!(
            "refused this credential at {since:.0} ({} ago) and is not asked since; it is tried \
             again when it changes, or after {}",
            spoken(ago),
            spoken(Duration::from_hours(12))
        );
        Err(Obstacle::new(reason, because))
    }

    /// Remembers that `response` refuses it, if it does.
    pub(super) fn note(self, look: &Look<'_>, response: &Response) {
        let status = response.status;
        if status == StatusCode::FORBIDDEN {
            look.systems.net.refuse(self.at_url);
        } else if status == StatusCode::UNAUTHORIZED
            || (status == StatusCode::BAD_REQUEST && refuses_grant(&response.body))
        {
            look.systems.net.refuse(self.at_endpoint);
        }
    }
}
