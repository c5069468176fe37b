//! Why an endpoint is not as it should be, or why nobody could tell.

use super::{
    NOT_JSON, REDIRECT_LOOP, TOO_MANY_REDIRECTS, TOO_SLOW, WRONG_BODY, WRONG_HEADER, WRONG_JSON,
    WRONG_REDIRECT, WRONG_STATUS,
};
use crate::model::finding::Verdict;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::blind;

pub(super) const EXPRESSION_FALSE: Reason = Reason::new("ExpressionFalse");
pub(super) const EVALUATION_ERROR: Reason = Reason::new("EvaluationError");
pub(super) const EVALUATION_TIMED_OUT: Reason = Reason::new("EvaluationTimedOut");
pub(super) const NUMBER_TOO_LOW: Reason = Reason::new("NumberTooLow");
pub(super) const NUMBER_TOO_HIGH: Reason = Reason::new("NumberTooHigh");
pub(super) const NO_TOKEN: Reason = Reason::new("NoToken");
pub(super) const DSN_MALFORMED: Reason = Reason::new("DsnMalformed");
pub(super) const DSN_DIFFERS: Reason = Reason::new("DsnDiffers");
pub(super) const HAIRPIN_SUSPECTED: Reason = Reason::new("HairpinSuspected");

/// All but those of fetching.
pub(super) const OWN: &[Documented] = &[
    Documented::fails(WRONG_STATUS, "The status is not among the accepted ones."),
    Documented::fails(WRONG_HEADER, "A header is absent or other than expected."),
    Documented::fails(WRONG_BODY, "The body lacks what it must hold, or holds what it must not."),
    Documented::fails(NOT_JSON, "The body is not JSON."),
    Documented::fails(WRONG_JSON, "A value of the JSON body is absent or other than expected."),
    Documented::fails(WRONG_REDIRECT, "No redirect, or another than the expected one."),
    Documented::fails(TOO_MANY_REDIRECTS, "More redirects than are followed."),
    Documented::fails(REDIRECT_LOOP, "Redirects lead back to where they came from."),
    Documented::warns_or_fails(TOO_SLOW, "The answer took longer than allowed."),
    Documented::fails(Reason::TOO_LARGE, "The body, or the head, is larger than is read."),
    Documented {
        reason: Reason::GARBLED,
        verdicts: &[Verdict::Fail, Verdict::Unknown],
        means: "What came is not HTTP/1, or in an encoding not asked for. Unknown if what stands \
                `behind` can't be read.",
    },
    Documented::fails(Reason::THROTTLED, "It answers 429."),
    Documented {
        reason: Reason::UNAUTHORIZED,
        verdicts: &[Verdict::Fail, Verdict::Unknown],
        means: "It answers 401, or a grant is refused; or did, and the same credential is not sent \
                again. Unknown if the API server does not accept Vigie's credentials, asked what \
                stands `behind`.",
    },
    Documented {
        reason: Reason::FORBIDDEN,
        verdicts: &[Verdict::Fail, Verdict::Unknown],
        means: "It answers 403; or did, and the same credential is not sent again. Unknown if the \
                API server does not let Vigie see what stands `behind`.",
    },
    Documented::fails(Reason::SERVER_ERROR, "It answers 5xx."),
    Documented {
        reason: NO_TOKEN,
        verdicts: &[Verdict::Fail, Verdict::Unknown],
        means: "No token could be had for the grant. Fails where the claim is about the token's \
                endpoint, too, which answers without one; unknown where that is another system, \
                whatever its trouble.",
    },
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
    Documented::fails(DSN_MALFORMED, "The `dsn` has not the form of one."),
    Documented::fails(
        DSN_DIFFERS,
        "The `dsn` leads to another scheme, host or port than the URL has.",
    ),
    Documented::blinds(
        HAIRPIN_SUSPECTED,
        "An own public host gives no answer at all from inside the cluster, while what stands \
         `behind` it is ready.",
    ),
    blind::RUNNING,
    blind::DOWN,
    blind::SILENT,
    blind::KIND_UNKNOWN,
    blind::NO_ACCESS,
];
