//! The reasons that fetching can give, whatever is then asked of the answer.

use crate::model::finding::Verdict;
use crate::model::reason::{Documented, Reason, joined};

/// What a kind documents that fetches by [`super::web::Web`], beside its own reasons.
pub const FETCHING: &[Documented] =
    &joined::<{ REACHING.len() + PROXIED.len() }>(REACHING, PROXIED);

/// What goes wrong with proxies.
const PROXIED: &[Documented] = &[Documented::blinds(
    Reason::PROXY_FAILED,
    "The proxy can't be reached, refuses us, or did refuse the same credential before.",
)];

/// The same where no proxy is in between.
pub const REACHING: &[Documented] = &[
    Documented::fails(Reason::REFUSED, "It refuses the connection."),
    Documented::fails(Reason::RESET, "The connection broke before the answer was complete."),
    Documented::fails(Reason::TIMED_OUT, "It did not answer in time."),
    Documented {
        reason: Reason::UNREACHABLE,
        verdicts: &[Verdict::Fail, Verdict::Unknown],
        means: "The network, or a proxy's 502 or 504, says that it can't be reached; unknown if this \
                host has no way there.",
    },
    Documented::fails(Reason::NAME_NOT_FOUND, "The name has no address record."),
    Documented::blinds(
        Reason::RESOLVER_FAILED,
        "Our own resolver could not tell the address, or left no time to ask there.",
    ),
    Documented::fails(Reason::TLS_FAILED, "TLS could not be established."),
    Documented::fails(Reason::CERTIFICATE_EXPIRED, "A certificate of the chain has ended."),
    Documented::fails(
        Reason::CERTIFICATE_NOT_YET_VALID,
        "A certificate of the chain begins later.",
    ),
    Documented::fails(Reason::NAME_MISMATCH, "The certificate is for other names."),
    Documented::fails(Reason::UNKNOWN_ISSUER, "The chain ends at an issuer that is not trusted."),
    Documented::fails(Reason::SELF_SIGNED, "The certificate is its own issuer, and not trusted."),
    Documented::fails(Reason::CHAIN_INCOMPLETE, "The issuer's certificate is not sent along."),
    Documented::fails(Reason::CERTIFICATE_INVALID, "The certificate can't serve a server."),
    Documented::blinds(
        Reason::SECRET_MISSING,
        "A secret, a CA or a client certificate can't be read.",
    ),
];
