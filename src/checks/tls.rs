//! `tls`: an endpoint shows a certificate that is trusted, for its name, and lasts.
//! Subject: the endpoint. Each of its addresses is judged by itself, with one handshake. Witness: the
//! API server, about the Secret whose certificate it is to show.

mod judging;
mod looking;
mod secret;

use std::net::SocketAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use self::looking::Shown;
use self::secret::Held;
use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::{Obstacle, Verdict};
use crate::model::host_port::HostPort;
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::blind;
use crate::systems::kubernetes::scope::ObjectPlace;
use crate::systems::kubernetes::secret::right;
use crate::systems::net::exchange::server_name;
use crate::systems::net::reach::reached;
use crate::systems::net::starttls::{NO_STARTTLS, StartTls};

static NOT_AFTER: Measure = Measure::gauge(
    "vigie_tls_not_after_timestamp_seconds",
    "When the endpoint's certificate ends (`leaf`), and the first to end on its verified path (`chain`).",
    &["target", "address", "certificate"],
);
static HANDSHAKE: Measure = Measure::gauge(
    "vigie_tls_handshake_duration_seconds",
    "How long the TLS handshake took.",
    &["target", "address"],
);
static STAPLE: Measure = Measure::gauge(
    "vigie_tls_staple_next_update_timestamp_seconds",
    "When the OCSP answer ends that comes with the certificate.",
    &["target", "address"],
);

reached! {
    /// An endpoint shows a certificate that is trusted, for its name, and lasts.
    ///
    /// A weak key, a broken signature and a revoked certificate fail wherever they are seen. Each
    /// address costs one handshake, with `old_protocols` a second connection.
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
        /// How TLS begins, where not at once: `postgres` or `smtp`.
        #[serde(default)]
        starttls: Option<StartTls>,
        /// The OCSP answer that the server staples to its certificate: `judged` (the default) where
        /// it sends one, `required`, or `ignored`. Without it what is wrong with one warns, save a
        /// revoked certificate; a certificate that promises one (Must-Staple) requires it.
        #[serde(default)]
        staple: Stapled,
        /// What it means if the endpoint still speaks TLS 1.0 or 1.1: `ignore` (the default),
        /// `warn` or `fail`. Asked over a connection of its own.
        #[serde(default)]
        old_protocols: OldProtocols,
        /// The Secret of type `kubernetes.io/tls` whose certificate the endpoint must show. Read by
        /// name with one GET a look; nothing but `tls.crt` is looked at, and of that nothing is kept.
        #[serde(default)]
        matches_secret: Option<ObjectPlace>,
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

/// What is made of the OCSP answer that comes with a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stapled {
    /// It is judged where it comes.
    #[default]
    Judged,
    /// It must come, and be good.
    Required,
    /// Nothing.
    Ignored,
}

/// What it means if the endpoint speaks what nobody should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OldProtocols {
    /// It is not asked.
    #[default]
    Ignore,
    /// Somebody should look.
    Warn,
    /// The claim does not hold.
    Fail,
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
    /// What the Secret holds, where one is meant.
    held: Option<Result<Held, Obstacle>>,
}

impl Check for Tls {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::warns_or_fails(
            judging::CERTIFICATE_EXPIRING,
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
        Documented::warns(
            judging::CHAIN_DISORDERED,
            "Certificates are sent that are not each the issuer of the one before; TLS 1.2 wants them so.",
        ),
        Documented::fails(Reason::CERTIFICATE_INVALID, "The certificate can't serve a server."),
        Documented::fails(
            judging::CERTIFICATE_REVOKED,
            "The OCSP answer that comes along says that the certificate is revoked.",
        ),
        Documented::fails(
            judging::STAPLE_MISSING,
            "No OCSP answer comes along, though it is required or the certificate promises one.",
        ),
        Documented::warns_or_fails(
            judging::STAPLE_INVALID,
            "The OCSP answer is not one about this certificate, or not signed by its issuer; it fails \
             where one is required.",
        ),
        Documented::warns_or_fails(
            judging::STAPLE_UNKNOWN,
            "The authority does not know the certificate; it fails where an answer is required.",
        ),
        Documented::warns_or_fails(
            judging::STAPLE_EXPIRED,
            "The OCSP answer has ended; it fails where one is required.",
        ),
        Documented::fails(
            judging::WEAK_KEY,
            "A key in the chain is weak: RSA of less than 2048 bits, a curve of less than 256, DSA.",
        ),
        Documented::fails(
            judging::WEAK_SIGNATURE,
            "A certificate of the chain is signed with SHA-1, MD5 or MD2.",
        ),
        Documented::warns_or_fails(
            judging::WEAK_PROTOCOL,
            "The endpoint speaks TLS 1.1, 1.0 or SSL 3.0.",
        ),
        Documented::fails(
            judging::CLIENT_CERTIFICATE_REQUIRED,
            "The endpoint asks for a certificate, has none from us, and breaks off.",
        ),
        Documented::fails(
            secret::SECRET_DIFFERS,
            "The endpoint shows another certificate than the Secret holds.",
        ),
        Documented::fails(secret::KEY_MISSING, "The Secret has no `tls.crt`."),
        Documented::fails(Reason::NOT_FOUND, "The Secret is not there."),
        Documented::fails(NO_STARTTLS, "The server does not go over to TLS, or offers none."),
        Documented::fails(Reason::SERVER_ERROR, "The server is in trouble before TLS begins."),
        Documented::fails(Reason::TLS_FAILED, "It does not speak TLS, or breaks it off."),
        Documented::fails(Reason::REFUSED, "It refuses the connection."),
        Documented::fails(Reason::RESET, "The connection broke in the middle of the handshake."),
        Documented {
            reason: Reason::TIMED_OUT,
            verdicts: &[Verdict::Fail, Verdict::Unknown],
            means: "It did not answer in time; unknown if it did, and only not to an offer of old \
                    protocols.",
        },
        Documented {
            reason: Reason::GARBLED,
            verdicts: &[Verdict::Fail, Verdict::Unknown],
            means: "Before TLS it does not speak the protocol that it should; unknown if it is the \
                    Secret that can't be read, or the answer to an offer of old protocols.",
        },
        Documented {
            reason: Reason::TOO_LARGE,
            verdicts: &[Verdict::Fail, Verdict::Unknown],
            means: "Before TLS it says more than is read; unknown if it is the Secret that is longer \
                    than 3 MiB.",
        },
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
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "The OCSP answer begins more than two minutes ahead of our clock.",
        ),
        Documented::blinds(
            Reason::STREAM_DOWN,
            "The API server does not give the Secret, or answers otherwise than it should.",
        ),
        Documented::blinds(Reason::FORBIDDEN, "Vigie lacks the right to get the Secret."),
        blind::KIND_UNKNOWN,
        blind::UNAUTHORIZED,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&NOT_AFTER, &HANDSHAKE, &STAPLE];

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
        let rights = self.matches_secret.iter();
        let rights = rights.map(|place| right(place.namespace.text(), place.name.text())).collect();
        Needs { rights, ..self.reach().needs(self.target.host()) }
    }

    fn series(&self) -> Vec<Series> {
        let target = Some(self.target.to_string());
        let row = |measure, rest: &[Option<&str>]| Series {
            measure,
            labels: std::iter::once(target.clone())
                .chain(rest.iter().map(|label| label.map(str::to_owned)))
                .collect(),
        };
        vec![
            row(&NOT_AFTER, &[None, Some("leaf")]),
            row(&NOT_AFTER, &[None, Some("chain")]),
            row(&HANDSHAKE, &[None]),
            row(&STAPLE, &[None]),
        ]
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        match futures::future::join(self.held(look), self.look_at_all(look)).await {
            (held, Ok(seen)) => Ok(Seen { held, ..seen }),
            (None, Err(obstacle)) => Err(obstacle),
            (held, Err(obstacle)) => {
                Ok(Seen { shown: Vec::new(), trouble: Some(obstacle), left_out: 0, held })
            }
        }
    }

    fn judge(&self, seen: &Seen, _past: &Past, now: Timestamp) -> Judgement {
        self.judged(seen, now)
    }
}

impl Tls {
    /// A name without addresses, as a line that is about no address.
    fn nowhere(&self, obstacle: Obstacle) -> Seen {
        let address = SocketAddr::from(([0, 0, 0, 0], self.target.port()));
        let shown = vec![Shown::nothing(address, obstacle)];
        Seen { shown, trouble: None, left_out: 0, held: None }
    }
}
