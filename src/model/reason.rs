//! Reasons: why a line is not simply true, as closed `CamelCase` codes.
//!
//! A code is an API: alerts match on it, waivers name it. A kind of check documents every reason it
//! can give in its table of [`Documented`]; the codes that several kinds share are named here.

use std::fmt;

use jiff::SignedDuration;
use serde::{Serialize, Serializer};

use super::finding::Verdict;

/// A time further ahead of ours than this is not believed: [`Reason::CLOCK_SKEW`].
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(2);

/// Why a claim does not hold, or why nobody could tell; `CamelCase`, as in Kubernetes conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, pattern = "^[A-Z][A-Za-z0-9]*$")]
pub struct Reason(&'static str);

impl Reason {
    /// Names a reason. Codes are constants of the program, never text from a watched system.
    pub const fn new(code: &'static str) -> Self {
        Self(code)
    }

    /// The code, as labels and the API show it.
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// The question has no answer yet: folds to pending instead of unknown.
    pub const NOT_YET: Self = Self::new("NotYet");
    /// No deployment of this environment is known, and the question is about one. Folds to pending.
    pub const NO_DEPLOYMENT: Self = Self::new("NoDeployment");
    /// The question is about what was before, and there was nothing. Folds to not applicable.
    pub const FIRST_DEPLOYMENT: Self = Self::new("FirstDeployment");
    /// The question is about a workstation, and a daemon runs on none. Folds to not applicable.
    pub const NOT_A_WORKSTATION: Self = Self::new("NotAWorkstation");
    /// Whether the question does not arise as things are, so that an item does not apply.
    pub fn is_not_applicable(self) -> bool {
        matches!(self, Self::FIRST_DEPLOYMENT | Self::NOT_A_WORKSTATION)
    }

    /// Whether the question merely has no answer yet, so that an item stays pending.
    pub fn is_not_yet(self) -> bool {
        matches!(self, Self::NOT_YET | Self::NO_DEPLOYMENT | Self::WATCH_RUNNING)
    }

    /// No answer within the time allowed.
    pub const TIMED_OUT: Self = Self::new("TimedOut");
    /// The peer refused the connection.
    pub const REFUSED: Self = Self::new("Refused");
    /// The connection broke before the answer was complete.
    pub const RESET: Self = Self::new("Reset");
    /// No route, or the network says the peer can't be reached.
    pub const UNREACHABLE: Self = Self::new("Unreachable");
    /// The name does not resolve.
    pub const NAME_NOT_FOUND: Self = Self::new("NameNotFound");
    /// Our own resolver did not answer or answered with a failure.
    pub const RESOLVER_FAILED: Self = Self::new("ResolverFailed");
    /// A proxy on the way to what is asked did not lead there.
    pub const PROXY_FAILED: Self = Self::new("ProxyFailed");
    /// TLS could not be established.
    pub const TLS_FAILED: Self = Self::new("TlsFailed");
    /// A certificate on the way to a trusted root has ended.
    pub const CERTIFICATE_EXPIRED: Self = Self::new("CertificateExpired");
    /// A certificate on the way to a trusted root begins later.
    pub const CERTIFICATE_NOT_YET_VALID: Self = Self::new("CertificateNotYetValid");
    /// The certificate is for other names.
    pub const NAME_MISMATCH: Self = Self::new("NameMismatch");
    /// The certificate's chain ends at an issuer that is not trusted.
    pub const UNKNOWN_ISSUER: Self = Self::new("UnknownIssuer");
    /// The certificate is its own issuer, and not trusted by itself.
    pub const SELF_SIGNED: Self = Self::new("SelfSigned");
    /// The peer sends its certificate without the one that issued it.
    pub const CHAIN_INCOMPLETE: Self = Self::new("ChainIncomplete");
    /// The certificate can't serve: malformed, for another purpose, wrongly signed.
    pub const CERTIFICATE_INVALID: Self = Self::new("CertificateInvalid");
    /// The credential was not accepted.
    pub const UNAUTHORIZED: Self = Self::new("Unauthorized");
    /// The credential is accepted and lacks the right.
    pub const FORBIDDEN: Self = Self::new("Forbidden");
    /// What was asked for does not exist.
    pub const NOT_FOUND: Self = Self::new("NotFound");
    /// The answer is not in the form it must have.
    pub const GARBLED: Self = Self::new("Garbled");
    /// The answer is larger than Vigie is ready to read.
    pub const TOO_LARGE: Self = Self::new("TooLarge");
    /// The system asked to be left alone for a while.
    pub const THROTTLED: Self = Self::new("Throttled");
    /// The system answered that it is in trouble itself (5xx and its like).
    pub const SERVER_ERROR: Self = Self::new("ServerError");
    /// A time lies more than two minutes in the future.
    pub const CLOCK_SKEW: Self = Self::new("ClockSkew");
    /// A secret that the look needs can't be read on our side.
    pub const SECRET_MISSING: Self = Self::new("SecretMissing");
    /// The watch has not delivered its first list.
    pub const WATCH_RUNNING: Self = Self::new("WatchRunning");
    /// The watch is down: nothing newer can be known.
    pub const STREAM_DOWN: Self = Self::new("StreamDown");
    /// The watch has said nothing for too long.
    pub const STREAM_SILENT: Self = Self::new("StreamSilent");
    /// The API server does not know this kind of object.
    pub const KIND_UNKNOWN: Self = Self::new("KindUnknown");

    /// The check's own code broke. A defect of Vigie, reported as such.
    pub const CRASHED: Self = Self::new("Crashed");
    /// A check asked for a watch that it had not declared. A defect of Vigie.
    pub const UNDECLARED: Self = Self::new("Undeclared");
    /// A look ended without anything to judge.
    pub const NOTHING_SEEN: Self = Self::new("NothingSeen");
    /// No attempt was made by the end of the grace period.
    pub const NEVER_LOOKED: Self = Self::new("NeverLooked");
    /// The last attempt is too old to be believed.
    pub const STALE: Self = Self::new("Stale");
    /// An item that this one depends on is failing or unknown.
    pub const DEPENDENCY_FAILING: Self = Self::new("DependencyFailing");
    /// A roll-up over no items.
    pub const NO_MEMBERS: Self = Self::new("NoMembers");

    /// Every code that is named here: what the daemon itself says, and what several kinds share.
    pub const SHARED: &'static [Self] = &[
        Self::NOT_YET,
        Self::NO_DEPLOYMENT,
        Self::FIRST_DEPLOYMENT,
        Self::NOT_A_WORKSTATION,
        Self::TIMED_OUT,
        Self::REFUSED,
        Self::RESET,
        Self::UNREACHABLE,
        Self::NAME_NOT_FOUND,
        Self::RESOLVER_FAILED,
        Self::PROXY_FAILED,
        Self::TLS_FAILED,
        Self::CERTIFICATE_EXPIRED,
        Self::CERTIFICATE_NOT_YET_VALID,
        Self::NAME_MISMATCH,
        Self::UNKNOWN_ISSUER,
        Self::SELF_SIGNED,
        Self::CHAIN_INCOMPLETE,
        Self::CERTIFICATE_INVALID,
        Self::UNAUTHORIZED,
        Self::FORBIDDEN,
        Self::NOT_FOUND,
        Self::GARBLED,
        Self::TOO_LARGE,
        Self::THROTTLED,
        Self::SERVER_ERROR,
        Self::CLOCK_SKEW,
        Self::SECRET_MISSING,
        Self::WATCH_RUNNING,
        Self::STREAM_DOWN,
        Self::STREAM_SILENT,
        Self::KIND_UNKNOWN,
        Self::CRASHED,
        Self::UNDECLARED,
        Self::NOTHING_SEEN,
        Self::NEVER_LOOKED,
        Self::STALE,
        Self::DEPENDENCY_FAILING,
        Self::NO_MEMBERS,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// One row of a kind's table of reasons: what the documentation, `vigie kinds` and tests read.
#[derive(Clone, Copy, Debug)]
pub struct Documented {
    /// The code.
    pub reason: Reason,
    /// The verdicts that this reason comes with: `Unknown` is blindness, `Fail` is evidence.
    pub verdicts: &'static [Verdict],
    /// When it is given, in one sentence.
    pub means: &'static str,
}

impl Documented {
    /// The claim does not hold.
    pub const fn fails(reason: Reason, means: &'static str) -> Self {
        Self { reason, verdicts: &[Verdict::Fail], means }
    }

    /// The claim holds, and somebody should look.
    pub const fn warns(reason: Reason, means: &'static str) -> Self {
        Self { reason, verdicts: &[Verdict::Warn], means }
    }

    /// The claim holds or not, by how far a limit is passed.
    pub const fn warns_or_fails(reason: Reason, means: &'static str) -> Self {
        Self { reason, verdicts: &[Verdict::Warn, Verdict::Fail], means }
    }

    /// Nobody could tell.
    pub const fn blinds(reason: Reason, means: &'static str) -> Self {
        Self { reason, verdicts: &[Verdict::Unknown], means }
    }
}

/// A kind's own reasons, and those that it shares; `N` is how many there are.
pub const fn joined<const N: usize>(own: &[Documented], shared: &[Documented]) -> [Documented; N] {
    let mut all = [Documented::fails(Reason::NOTHING_SEEN, ""); N];
    let mut at = 0;
    while at < N {
        all[at] = if at < own.len() { own[at] } else { shared[at - own.len()] };
        at += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shared_code_is_in_the_list() {
        let source = include_str!("reason.rs");
        let named = source.lines().filter_map(|line| {
            let (name, rest) = line.trim().strip_prefix("pub const ")?.split_once(": Self = ")?;
            let code = rest.split('"').nth(1)?;
            Some((name, code))
        });
        let mut count = 0;
        for (name, code) in named {
            assert!(Reason::SHARED.iter().any(|reason| reason.code() == code), "{name}");
            count += 1;
        }
        assert_eq!(count, Reason::SHARED.len());
    }
}
