//! Credentials that an endpoint refused: not sent again at every look, so that no account is locked.

use http::StatusCode;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::expect::refuses_grant;
use crate::checks::Look;
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::net::exchange::Response;
use crate::systems::net::url::WebUrl;
use crate::systems::refusals::AGAIN_AFTER;
use crate::systems::trials::{self, Turn};

/// What of a request is secret, as it is gathered.
#[derive(Debug, Default)]
pub(super) struct Secrecy {
    all: Sha256,
    any: bool,
}

impl Secrecy {
    /// Adds a part. Its name, and whatever else stands beside it, is another part.
    pub(super) fn add(&mut self, part: &[u8]) {
        self.all.update((part.len() as u64).to_be_bytes());
        self.all.update(part);
        self.any = true;
    }

    /// The credential that this is at `url`, by whatever way that is reached; none where nothing is
    /// secret.
    pub(super) fn credential(mut self, url: &WebUrl) -> Option<Credential> {
        if !self.any {
            return None;
        }
        self.add(url.endpoint().to_string().as_bytes());
        let at_endpoint = self.all.clone().finalize().into();
        self.add(url.whole().as_bytes());
        Some(Credential { at_endpoint, at_url: self.all.finalize().into() })
    }
}

/// What a check sends that is secret, as digests.
///
/// A 401 says that the credential is wrong wherever it is sent at that endpoint, a 403 only that it
/// may not fetch that URL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credential {
    at_endpoint: trials::Credential,
    at_url: trials::Credential,
}

impl Credential {
    /// Waits for the turn to send it.
    ///
    /// # Errors
    /// It was refused, and has not changed since; or another look tries it for the first time, and
    /// the endpoint does not answer that.
    pub(super) async fn turn(self, look: &Look<'_>) -> Result<Turn, Obstacle> {
        self.allowed(look)?;
        let Some(turn) = look.systems.net.trials().turn(self.at_endpoint, look.until()).await
        else {
            let because = "does not answer another look that shows it the same credential for the \
                           first time, for which this one waited";
            return Err(Obstacle::new(Reason::TIMED_OUT, because));
        };
        self.allowed(look)?;
        Ok(turn)
    }

    fn allowed(self, look: &Look<'_>) -> Result<(), Obstacle> {
        let trials = look.systems.net.trials();
        let refused = |credential, reason| Some((trials.refused(credential)?, reason));
        let Some((ago, reason)) = refused(self.at_endpoint, Reason::UNAUTHORIZED)
            .or_else(|| refused(self.at_url, Reason::FORBIDDEN))
        else {
            return Ok(());
        };
        let since = look.now.checked_sub(ago).unwrap_or(look.now);
        let because = format!(
            "refused this credential at {since:.0} ({} ago) and is not asked since; {}",
            spoken(ago),
            until_when(again(since))
        );
        Err(Obstacle::new(reason, because))
    }

    /// Remembers that `response` refuses it, if it does; says when it is tried again.
    pub(super) fn note(self, look: &Look<'_>, response: &Response) -> Option<Timestamp> {
        let status = response.status;
        let grant = status == StatusCode::BAD_REQUEST && refuses_grant(&response.body);
        if status == StatusCode::FORBIDDEN {
            look.systems.net.refuse(self.at_url);
        } else if status == StatusCode::UNAUTHORIZED || grant {
            look.systems.net.refuse(self.at_endpoint);
        } else {
            return None;
        }
        Some(again(look.now))
    }
}

/// When a credential is tried again that was refused then.
pub(super) fn again(refused: Timestamp) -> Timestamp {
    refused.checked_add(AGAIN_AFTER).unwrap_or(refused)
}

/// What becomes of a credential that was refused.
pub(super) fn until_when(again: Timestamp) -> String {
    format!(
        "the credential is tried again when it changes, or at {again:.0}, or when Vigie is restarted"
    )
}
