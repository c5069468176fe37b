//! Why an endpoint is not as it should be, or why nobody could tell.

use super::{
    NOT_JSON, TOO_MANY_REDIRECTS, TOO_SLOW, WRONG_BODY, WRONG_HEADER, WRONG_JSON, WRONG_REDIRECT,
    WRONG_STATUS,
};
use crate::model::finding::Verdict;
use crate::model::reason::{Documented, Reason};

pub(super) const EXPRESSION_FALSE: Reason = Reason::new("ExpressionFalse");
pub(super) const EVALUATION_ERROR: Reason = Reason::new("EvaluationError");
pub(super) const EVALUATION_TIMED_OUT: Reason = Reason::new("EvaluationTimedOut");
pub(super) const NUMBER_TOO_LOW: Reason = Reason::new("NumberTooLow");
pub(super) const NUMBER_TOO_HIGH: Reason = Reason::new("NumberTooHigh");
pub(super) const NO_TOKEN: Reason = Reason::new("NoToken");
pub(super) const HAIRPIN_SUSPECTED: Reason = Reason::new("HairpinSuspected");

/// All of them.
pub(super) const REASONS: &[Documented] = &[
    Documented::fails(WRONG_STATUS, "The status is not among the accepted ones."),
    Documented::fails(WRONG_HEADER, "A header is absent or other than expected."),
    Documented::fails(WRONG_BODY, "The body lacks what it must hold, or holds what it must not."),
    Documented::fails(NOT_JSON, "The body is not JSON."),
    Documented::fails(WRONG_JSON, "A value of the JSON body is absent or other than expected."),
    Documented::fails(WRONG_REDIRECT, "No redirect, or another than the expected one."),
    Documented::fails(TOO_MANY_REDIRECTS, "More redirects than are followed."),
    Documented::warns_or_fails(TOO_SLOW, "The answer took longer than allowed."),
    Documented::fails(Reason::TOO_LARGE, "The body, or the head, is larger than is read."),
    Documented::fails(Reason::GARBLED, "What came is not HTTP/1, or in an encoding not asked for."),
    Documented::fails(Reason::THROTTLED, "It answers 429."),
    Documented::fails(
        Reason::UNAUTHORIZED,
        "It answers 401 or refuses a grant; or did, and the same credential is not sent again.",
    ),
    Documented::fails(
        Reason::FORBIDDEN,
        "It answers 403; or did, and the same credential is not sent again.",
    ),
    Documented {
        reason: NO_TOKEN,
        verdicts: &[Verdict::Fail, Verdict::Unknown],
        means: "No token could be had for the grant. Fails where the claim is about the token's \
                endpoint, too, which answers without one; unknown where that is another system, \
                whatever its trouble.",
    },
    Documented::fails(Reason::SERVER_ERROR, "It answers 5xx."),
    Documented::fails(Reason::REFUSED, "It refuses the connection."),
    Documented::fails(Reason::RESET, "The connection broke before the answer was complete."),
    Documented::fails(Reason::TIMED_OUT, "It did not answer in time."),
    Documented {
        reason: Reason::UNREACHABLE,
        verdicts: &[Verdict::Fail, Verdict::Unknown],
        means: "The network says that it can't be reached; unknown if this host has no way there.",
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
    Documented::warns_or_fails(EXPRESSION_FALSE, "An expression is false of the answer."),
    Documented::blinds(
        EVALUATION_ERROR,
        "An expression can't be evaluated on the answer (a field is missing, types do not match), \
         or gives another type than is wanted.",
    ),
    Documented::blinds(
        EVALUATION_TIMED_OUT,
        "Expressions took longer than 5 s, or than the look had left.",
    ),
    Documented::blinds(Reason::CLOCK_SKEW, "A time within `past(…)` lies ahead."),
    Documented::warns_or_fails(NUMBER_TOO_LOW, "A number of the answer is below its limit."),
    Documented::warns_or_fails(NUMBER_TOO_HIGH, "A number of the answer is above its limit."),
    Documented::blinds(
        HAIRPIN_SUSPECTED,
        "An own public host gives no answer at all from inside the cluster, and nothing says that \
         what stands `behind` it is not ready.",
    ),
];
