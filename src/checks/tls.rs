//! `tls`: an endpoint shows a certificate that is trusted, for its name, and lasts.
//! Subject: the endpoint. Each of its addresses is judged by itself, with one handshake.

use std::net::SocketAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use super::{Check, Look};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Obstacle, Verdict};
use crate::model::host_port::HostPort;
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::{Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::net::certificate::Certificate;
use crate::systems::net::dial::{Dialled, blamed, dial, dial_any};
use crate::systems::net::exchange::server_name;
use crate::systems::net::handshake::{self, Handshake, Terms, shake};
use crate::systems::net::reach::reached;
use crate::systems::net::trust::Presented;

const CERTIFICATE_EXPIRING: Reason = Reason::new("CertificateExpiring");

/// How long a peer is waited for, once hands are shaken, to say that it minds our certificate.
const SECOND_THOUGHTS: Duration = Duration::from_millis(500);

static NOT_AFTER: Measure = Measure::gauge(
    "vigie_tls_not_after_timestamp_seconds",
    "When the endpoint's certificate ends (`leaf`), and the first to end on its verified path (`chain`).",
    &["target", "address", "certificate"],
);

reached! {
    /// An endpoint shows a certificate that is trusted, for its name, and lasts.
    #[derive(Clone, Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Tls {
        /// `host:port` to look at.
        target: HostPort,
        /// Warns if the chain ends within this time; `21d` by default.
        #[serde(default)]
        #[schemars(default)]
        warn_within: WarnWithin,
        /// Fails if the chain ends within this time; `7d` by default.
        #[serde(default)]
        #[schemars(default)]
        fail_within: FailWithin,
        /// The name to ask for and to find in the certificate; the target's host by default.
        #[serde(default)]
        server_name: Option<String>,
        /// Which of the host's addresses are looked at: `all` (the default, at most sixteen), or
        /// `any` one that accepts a connection.
        #[serde(default)]
        addresses: Addresses,
    }
}

/// Which addresses are looked at.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Addresses {
    /// Each of them, with a handshake of its own.
    #[default]
    All,
    /// The first that accepts a connection.
    Any,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
struct WarnWithin(Period);

impl Default for WarnWithin {
    fn default() -> Self {
        Self(Period::from_secs(21 * 86_400))
    }
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
struct FailWithin(Period);

impl Default for FailWithin {
    fn default() -> Self {
        Self(Period::from_secs(7 * 86_400))
    }
}

/// What the endpoint showed.
#[derive(Debug)]
pub struct Seen {
    shown: Vec<Shown>,
    /// Why it may have other addresses, which could not be looked up.
    trouble: Option<Obstacle>,
    /// How many addresses were not looked at.
    left_out: usize,
}

/// What one address showed.
#[derive(Debug)]
pub struct Shown {
    address: SocketAddr,
    presented: Option<Presented>,
    outcome: Result<(), Obstacle>,
}

impl Check for Tls {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::warns_or_fails(
            CERTIFICATE_EXPIRING,
            "The certificate, or one on its verified path, ends within the wanted time.",
        ),
        Documented::fails(Reason::CERTIFICATE_EXPIRED, "A certificate of the chain has ended."),
        Documented::fails(
            Reason::CERTIFICATE_NOT_YET_VALID,
            "A certificate of the chain begins later.",
        ),
        Documented::fails(Reason::NAME_MISMATCH, "The certificate is for other names."),
        Documented::fails(
            Reason::UNKNOWN_ISSUER,
            "The chain ends at an issuer that is not trusted.",
        ),
        Documented::fails(
            Reason::SELF_SIGNED,
            "The certificate is its own issuer, and not trusted.",
        ),
        Documented::fails(Reason::CHAIN_INCOMPLETE, "The issuer's certificate is not sent along."),
        Documented::fails(Reason::CERTIFICATE_INVALID, "The certificate can't serve a server."),
        Documented::fails(Reason::TLS_FAILED, "It does not speak TLS, or breaks it off."),
        Documented::fails(Reason::REFUSED, "It refuses the connection."),
        Documented::fails(Reason::RESET, "The connection broke in the middle of the handshake."),
        Documented::fails(Reason::TIMED_OUT, "It did not answer in time."),
        Documented {
            reason: Reason::UNREACHABLE,
            verdicts: &[Verdict::Fail, Verdict::Unknown],
            means: "The network says that it can't be reached; unknown if this host has no way there.",
        },
        Documented::fails(Reason::NAME_NOT_FOUND, "The name has no address record."),
        Documented::blinds(
            Reason::RESOLVER_FAILED,
            "Our own resolver could not tell the addresses, or left no time to look at them.",
        ),
        Documented::blinds(Reason::SECRET_MISSING, "A CA or a client certificate can't be read."),
    ];
    const MEASURES: &'static [&'static Measure] = &[&NOT_AFTER];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.fail_within.0 >= self.warn_within.0 {
            flaws.push("`fail_within` must be shorter than `warn_within`".to_owned());
        }
        if let Some(name) = &self.server_name
            && let Err(Obstacle { because, .. }) = server_name(name)
        {
            flaws.push(because);
        }
        flaws
    }

    fn needs(&self) -> Needs {
        self.reach().needs(self.target.host())
    }

    fn series(&self) -> Vec<Series> {
        let target = self.target.to_string();
        ["leaf", "chain"]
            .map(|certificate| Series {
                measure: &NOT_AFTER,
                labels: vec![Some(target.clone()), None, Some(certificate.to_owned())],
            })
            .into()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let route = self.reach().route(&self.target, look.until());
        // What we need ourselves comes first: without it no peer can be blamed for anything.
        let terms = match self.terms(look).await {
            Ok(terms) => terms,
            Err(obstacle) if obstacle.ours => return Err(obstacle),
            Err(obstacle) => return Ok(self.nowhere(obstacle)),
        };
        let started = Instant::now();
        let found = match look.systems.net.addresses(route).await {
            Ok(found) => found,
            Err(obstacle) if obstacle.ours => return Err(obstacle),
            Err(obstacle) => return Ok(self.nowhere(obstacle)),
        };
        let resolve = started.elapsed();
        let addresses = found.at(route.to.port());
        let mut seen = match self.addresses {
            Addresses::All => {
                let looks = addresses.iter().map(|address| async {
                    look_at(*address, dial(*address, route).await, terms.clone(), route.until).await
                });
                let shown = futures::future::join_all(looks).await;
                Seen { shown, trouble: found.trouble, left_out: found.left_out }
            }
            Addresses::Any => {
                let dialled = dial_any(&addresses, route).await;
                let first = addresses[0];
                let address = dialled.as_ref().map_or(first, |dialled| dialled.peer);
                let shown = vec![look_at(address, dialled, terms, route.until).await];
                Seen { shown, trouble: None, left_out: 0 }
            }
        };
        for Shown { outcome, .. } in &mut seen.shown {
            *outcome = outcome.clone().map_err(|obstacle| blamed(obstacle, resolve, started));
        }
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, _past: &Past, now: Timestamp) -> Judgement {
        let Seen { shown, trouble, left_out } = seen;
        let mut judgement = Judgement::new();
        judgement.dropped += *left_out as u64;
        let target = self.target.to_string();
        for Shown { address, presented, outcome } in shown {
            let ip = address.ip().to_string();
            if let Some(Presented { leaf, first_to_end, sent: _, distrust: _ }) = presented {
                for (certificate, label) in [(leaf, "leaf"), (first_to_end, "chain")] {
                    if let Some(Certificate { not_after, .. }) = certificate {
                        let labels = [target.as_str(), &ip, label];
                        judgement.measure(NOT_AFTER.is(seconds(*not_after), labels));
                    }
                }
            }
            let unknown = address.ip().is_unspecified();
            let subject = if unknown { target.clone() } else { format!("{target} at {ip}") };
            // The line is about this address already.
            let outcome = outcome.clone().map_err(|obstacle| {
                let named = format!("{address} ");
                let because = obstacle.because.strip_prefix(&named).unwrap_or(&obstacle.because);
                Obstacle { because: because.to_owned(), ..obstacle }
            });
            judgement.add(subject, self.find(presented.as_ref(), &outcome, now));
        }
        if let Some(trouble) = trouble {
            judgement.add(target, trouble.clone());
        }
        judgement
    }
}

impl Tls {
    async fn terms(&self, look: &Look<'_>) -> Result<Terms, Obstacle> {
        let trust = self.reach().trust(&look.systems.net, &look.systems.secrets).await?;
        let name = server_name(self.server_name.as_deref().unwrap_or(self.target.host()))?;
        Ok(trust.terms(name, None, look.now))
    }

    /// A name without addresses, as a line that is about no address.
    fn nowhere(&self, obstacle: Obstacle) -> Seen {
        let address = SocketAddr::from(([0, 0, 0, 0], self.target.port()));
        let shown = vec![Shown { address, presented: None, outcome: Err(obstacle) }];
        Seen { shown, trouble: None, left_out: 0 }
    }

    fn find(
        &self,
        presented: Option<&Presented>,
        outcome: &Result<(), Obstacle>,
        now: Timestamp,
    ) -> Answer {
        if let Err(obstacle) = outcome {
            return obstacle.clone().into_failure().into();
        }
        let Some(first) = presented.and_then(|presented| presented.first_to_end.as_ref()) else {
            let because = "the handshake ended without a certificate";
            return Finding::fail(Reason::TLS_FAILED, because).into();
        };
        let is_leaf = presented.and_then(|presented| presented.leaf.as_ref()) == Some(first);
        let left = Duration::try_from(first.not_after.duration_since(now)).unwrap_or_default();
        let what =
            if is_leaf { String::new() } else { format!("`{}` in its chain ", first.subject) };
        let date = first.not_after.strftime("%Y-%m-%d");
        let because =
            |wanted: Period| format!("{what}expires in {} ({date}), {wanted} wanted", spoken(left));
        let (warn, fail) = (self.warn_within.0, self.fail_within.0);
        if left < fail.get() {
            Finding::fail(CERTIFICATE_EXPIRING, because(fail))
        } else if left < warn.get() {
            Finding::warn(CERTIFICATE_EXPIRING, because(warn))
        } else {
            Finding::pass(because(warn))
        }
        .into()
    }
}

/// Shakes hands with one address. An obstacle of ours that only a handshake meets (a key that does
/// not fit its certificate) is one of the address' line.
async fn look_at(
    address: SocketAddr,
    dialled: Result<Dialled, Obstacle>,
    terms: Terms,
    until: Instant,
) -> Shown {
    let stream = match dialled {
        Ok(dialled) => dialled.stream,
        Err(obstacle) => return Shown { address, presented: None, outcome: Err(obstacle) },
    };
    let Handshake { presented, outcome } = shake(stream, address, terms, until).await;
    let outcome = match outcome {
        Ok((secured, _)) => second_thoughts(secured, address, until).await,
        Err(obstacle) => Err(obstacle),
    };
    Shown { address, presented, outcome }
}

/// Says goodbye and listens: under TLS 1.3 a server that minds our certificate, or misses one, says
/// so only after our side of the handshake is done.
async fn second_thoughts(
    mut secured: TlsStream<TcpStream>,
    address: SocketAddr,
    until: Instant,
) -> Result<(), Obstacle> {
    let until = until.min(Instant::now() + SECOND_THOUGHTS);
    let goodbye = async {
        secured.shutdown().await?;
        secured.read(&mut [0; 1024]).await
    };
    match timeout_at(until, goodbye).await {
        Ok(Err(error)) if handshake::is_of_tls(&error) => Err(handshake::obstacle(address, &error)),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 have few bits")]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}
