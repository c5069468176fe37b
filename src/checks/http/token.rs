//! Tokens for a grant: the one that is kept, or a new one.

use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::Http;
use super::credential::{again, until_when};
use super::grant::{Asking, OAuth2};
use super::reasons::NO_TOKEN;
use crate::checks::Look;
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::net::exchange::{Phases, Reading, Response};
use crate::systems::net::reach::Reach;
use crate::systems::net::web::Web;
use crate::systems::oauth::answer::{self, Refused, Unissued};
use crate::systems::oauth::{Grant, Token};

/// The most bytes of an answer that are read.
const LONGEST: usize = 256 * 1024;

/// A token, and what it was issued for.
pub(super) struct Held {
    pub(super) token: Token,
    pub(super) grant: Grant,
    /// Whether it was issued for this look: older ones may have been revoked since.
    pub(super) fresh: bool,
}

impl Http {
    /// A token, where the login is a grant; another than `stale`.
    pub(super) async fn token(
        &self,
        look: &Look<'_>,
        stale: Option<&Token>,
    ) -> Result<Option<Held>, Obstacle> {
        let grant = self.login.as_ref().and_then(|login| login.grant());
        let Some(asked) = grant else { return Ok(None) };
        let asking = asked.request(&look.systems.secrets).await?;
        let Asking { grant, client, account, .. } = asking;
        let waited = || {
            let because = "no answer to another look that asks with the same credential";
            self.blamed(asked, Obstacle::new(Reason::TIMED_OUT, because))
        };
        let Some(mut desk) = look.systems.tokens.desk(grant, look.until()).await else {
            return Err(waited());
        };
        if let Some(stale) = stale {
            desk.forget(stale);
        }
        if let Some(token) = desk.token() {
            return Ok(Some(Held { token, grant, fresh: stale.is_some() }));
        }
        let trials = look.systems.net.trials();
        // One account asks for many things: a wrong password must not be tried for each of them.
        let Some(turn) = trials.turn(account, look.until()).await else { return Err(waited()) };
        let refused = [grant, client, account].into_iter().find_map(|one| trials.refused(one));
        if let Some(ago) = refused {
            return Err(refused_before(asked, look, ago));
        }
        let started = Instant::now();
        let web = self.issuer(asked);
        let visit = web.visit(&look.systems.net, &look.systems.secrets, look.until(), look.now);
        let whole = |_: StatusCode, _: &HeaderMap| Reading::Whole(LONGEST);
        let answered = async {
            let mut phases = Phases::default();
            let opened = visit.open(asking.request, None, &mut phases).await?;
            opened.read(whole, look.until(), &mut phases).await
        };
        let response = answered.await.map_err(|obstacle| self.blamed(asked, obstacle))?;
        match read(&response) {
            Ok(issued) => {
                turn.accepted();
                let token = desk.keep(issued, started);
                Ok(Some(Held { token, grant, fresh: true }))
            }
            Err(Unissued::Refused(what, said)) => {
                trials.refuse(match what {
                    Refused::Client => client,
                    Refused::Account => account,
                    Refused::Grant => grant,
                });
                let then = until_when(again(look.now));
                let because = format!("{} refuses the credential: it {said}; {then}", named(asked));
                Err(Obstacle::new(Reason::UNAUTHORIZED, because))
            }
            Err(Unissued::Throttled) => {
                Err(self.blamed(asked, Obstacle::new(Reason::THROTTLED, "it answers 429")))
            }
            Err(Unissued::ServerError(code)) => {
                let because = format!("it answers {code}");
                Err(self.blamed(asked, Obstacle::new(Reason::SERVER_ERROR, because)))
            }
            Err(Unissued::Unusable(said)) => {
                Err(self.blamed(asked, Obstacle::new(NO_TOKEN, format!("it {said}"))))
            }
        }
    }

    /// How the token's endpoint is reached: as the URL where both are one, else as any other host.
    fn issuer<'a>(&'a self, grant: &'a OAuth2) -> Web<'a> {
        let Web { reach, .. } = self.web();
        let url = &grant.token_url;
        if url.same_origin(&self.url) {
            let ca = grant.ca.as_ref().or(reach.ca);
            return Web { url, reach: Reach { ca, ..reach }, ..self.web() };
        }
        let reach = Reach { ca: grant.ca.as_ref(), ..reach.elsewhere() };
        Web { url, host: None, server_name: None, reach, ..self.web() }
    }

    /// Why there is no token: our blindness, unless the claim is about its endpoint, too.
    fn blamed(&self, grant: &OAuth2, obstacle: Obstacle) -> Obstacle {
        if obstacle.ours {
            return obstacle;
        }
        let because = format!("{} issues no token: {}", named(grant), obstacle.because);
        if grant.is_judged(&self.url) {
            Obstacle::new(obstacle.reason, because)
        } else {
            Obstacle::ours(NO_TOKEN, because)
        }
    }
}

fn read(response: &Response) -> Result<answer::Issued, Unissued> {
    if response.cut {
        return Err(Unissued::Unusable(format!("answers with more than {LONGEST} bytes")));
    }
    answer::read(response.status, &response.body)
}

fn refused_before(grant: &OAuth2, look: &Look<'_>, ago: std::time::Duration) -> Obstacle {
    let since = look.now.checked_sub(ago).unwrap_or(look.now);
    let because = format!(
        "{} refused this credential at {since:.0} ({} ago) and is not asked since; {}",
        named(grant),
        spoken(ago),
        until_when(again(since))
    );
    Obstacle::new(Reason::UNAUTHORIZED, because)
}

fn named(grant: &OAuth2) -> String {
    format!("the token's endpoint {}", grant.token_url)
}
