//! Judging what addresses showed. Pure.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Duration;

use super::looking::Shown;
use super::secret::Held;
use super::{HANDSHAKE, NOT_AFTER, OldProtocols, STAPLE, Seen, Stapled, Tls};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::net::certificate::Certificate;
use crate::systems::net::old_tls::Taken;
use crate::systems::net::staple::{Staple, Status};

pub(super) const CERTIFICATE_EXPIRING: Reason = Reason::new("CertificateExpiring");
pub(super) const CERTIFICATE_REVOKED: Reason = Reason::new("CertificateRevoked");
pub(super) const CHAIN_DISORDERED: Reason = Reason::new("ChainDisordered");
pub(super) const STAPLE_MISSING: Reason = Reason::new("StapleMissing");
pub(super) const STAPLE_INVALID: Reason = Reason::new("StapleInvalid");
pub(super) const STAPLE_UNKNOWN: Reason = Reason::new("StapleUnknown");
pub(super) const STAPLE_EXPIRED: Reason = Reason::new("StapleExpired");
pub(super) const WEAK_KEY: Reason = Reason::new("WeakKey");
pub(super) const WEAK_SIGNATURE: Reason = Reason::new("WeakSignature");
pub(super) const WEAK_PROTOCOL: Reason = Reason::new("WeakProtocol");
pub(super) const CLIENT_CERTIFICATE_REQUIRED: Reason = Reason::new("ClientCertificateRequired");

/// How long an OCSP answer is believed that does not say when there will be news, as browsers do.
const UNSAID: SignedDuration = SignedDuration::from_hours(24);

impl Tls {
    pub(super) fn judged(&self, seen: &Seen, now: Timestamp) -> Judgement {
        let Seen { shown, trouble, left_out, held } = seen;
        let mut judgement = Judgement::new();
        judgement.dropped += *left_out as u64;
        let target = self.target.to_string();
        for shown in shown {
            self.measure(shown, &mut judgement);
            let ip = shown.address.ip();
            let subject =
                if ip.is_unspecified() { target.clone() } else { format!("{target} at {ip}") };
            let held = held.as_ref().and_then(|held| held.as_ref().ok());
            for answer in self.answers(shown, held, now) {
                judgement.add(subject.clone(), answer);
            }
        }
        if let Some(trouble) = trouble {
            judgement.add(target, trouble.clone());
        }
        if let (Some(place), Some(held)) = (&self.matches_secret, held)
            && let Some(answer) = Self::of_secret(held)
        {
            judgement.add(format!("Secret {place}"), answer);
        }
        judgement
    }

    fn measure(&self, shown: &Shown, judgement: &mut Judgement) {
        let target = self.target.to_string();
        let ip = shown.address.ip().to_string();
        for (certificate, label) in [(&shown.leaf, "leaf"), (&shown.first_to_end, "chain")] {
            if let Some(Certificate { not_after, .. }) = certificate {
                let labels = [target.as_str(), &ip, label];
                judgement.measure(NOT_AFTER.is(seconds(*not_after), labels));
            }
        }
        if let Some(took) = shown.took {
            judgement.measure(HANDSHAKE.is(took.as_secs_f64(), [&target, &ip]));
        }
        if let Some(Ok(Staple { next_update: Some(end), .. })) = shown.staple {
            judgement.measure(STAPLE.is(seconds(end), [&target, &ip]));
        }
    }

    /// All that is wrong with an address; what is right where nothing is.
    fn answers(&self, shown: &Shown, held: Option<&Held>, now: Timestamp) -> Vec<Answer> {
        let mut wrong: Vec<Answer> = Vec::new();
        let weak = shown.weak.iter();
        wrong.extend(weak.map(|(reason, because)| Finding::fail(*reason, because.clone()).into()));
        let good = match self.find(shown, now) {
            Ok(good) => Some(good),
            Err(answer) => {
                wrong.push(answer);
                None
            }
        };
        let trusted = shown.outcome.is_ok();
        if trusted {
            wrong.extend(self.of_staple(shown, now));
        }
        if trusted && let Some(disorder) = &shown.disorder {
            wrong.push(Finding::warn(CHAIN_DISORDERED, disorder.clone()).into());
        }
        if let (Some(held), Some(leaf)) = (held, &shown.leaf) {
            wrong.extend(self.differs(held, leaf).map(Answer::from));
        }
        wrong.extend(self.of_old(shown));
        if wrong.is_empty() {
            wrong.extend(good.map(Answer::from));
        }
        wrong
    }

    /// Whether hands could be shaken, and how long that will be so.
    fn find(&self, shown: &Shown, now: Timestamp) -> Result<Finding, Answer> {
        let asks = if shown.asked { "; it asks for a client certificate" } else { "" };
        if let Err(obstacle) = &shown.outcome {
            return Err(self.unshaken(shown, bare(obstacle, shown)));
        }
        let Some(first) = &shown.first_to_end else {
            let because = "the handshake ended without a certificate";
            return Err(Finding::fail(Reason::TLS_FAILED, because).into());
        };
        let is_leaf = shown.leaf.as_ref() == Some(first);
        let left = Duration::try_from(first.not_after.duration_since(now)).unwrap_or_default();
        let what =
            if is_leaf { String::new() } else { format!("`{}` in its chain ", first.subject) };
        let date = first.not_after.strftime("%Y-%m-%d");
        let because = |wanted: Period| {
            format!("{what}expires in {} ({date}), {wanted} wanted{asks}", spoken(left))
        };
        let (warn, fail) = (self.warn_within.0, self.fail_within.0);
        if left < fail.get() {
            Err(Finding::fail(CERTIFICATE_EXPIRING, because(fail)).into())
        } else if left < warn.get() {
            Err(Finding::warn(CERTIFICATE_EXPIRING, because(warn)).into())
        } else {
            Ok(Finding::pass(because(warn)))
        }
    }

    /// Why hands could not be shaken.
    fn unshaken(&self, shown: &Shown, obstacle: Obstacle) -> Answer {
        let broken = [Reason::TLS_FAILED, Reason::RESET].contains(&obstacle.reason);
        if shown.asked && self.client_certificate.is_none() && broken {
            let because = format!("asks for a client certificate, and {}", obstacle.because);
            return Finding::fail(CLIENT_CERTIFICATE_REQUIRED, because).into();
        }
        obstacle.into_failure().into()
    }

    fn of_staple(&self, shown: &Shown, now: Timestamp) -> Option<Answer> {
        let promised = shown.leaf.as_ref().is_some_and(|leaf| leaf.must_staple);
        if self.staple == Stapled::Ignored {
            return None;
        }
        let required = promised || self.staple == Stapled::Required;
        let mind = |reason, because: String| {
            let finding = if required {
                Finding::fail(reason, because)
            } else {
                Finding::warn(reason, because)
            };
            Some(finding.into())
        };
        let Staple { status, this_update, next_update } = match &shown.staple {
            Some(Ok(staple)) => staple,
            Some(Err(flaw)) => return mind(STAPLE_INVALID, format!("its OCSP answer {flaw}")),
            None if !required => return None,
            None => {
                let because = if promised {
                    "sends no OCSP answer, which its certificate promises (Must-Staple)"
                } else {
                    "sends no OCSP answer, one wanted"
                };
                return Some(Finding::fail(STAPLE_MISSING, because).into());
            }
        };
        if let Status::Revoked(at) = status {
            let because = format!("its certificate was revoked at {at:.0}, says its authority");
            return Some(Finding::fail(CERTIFICATE_REVOKED, because).into());
        }
        if this_update.duration_since(now) > CLOCK_TOLERANCE {
            let because = format!("its OCSP answer begins at {this_update:.0}, in the future");
            return Some(Obstacle::new(Reason::CLOCK_SKEW, because).into());
        }
        let end = next_update.or_else(|| this_update.checked_add(UNSAID).ok());
        if let Some(end) = end.filter(|end| *end < now) {
            return mind(STAPLE_EXPIRED, format!("its OCSP answer ended at {end:.0}"));
        }
        if *status == Status::Unknown {
            let because = "its authority says that it does not know the certificate".to_owned();
            return mind(STAPLE_UNKNOWN, because);
        }
        None
    }

    fn of_old(&self, shown: &Shown) -> Option<Answer> {
        match shown.old.as_ref()? {
            Ok(Taken::Refuses) => None,
            Ok(Taken::Takes(version)) => {
                let because = format!("still speaks {version}; nothing below TLS 1.2 wanted");
                Some(match self.old_protocols {
                    OldProtocols::Fail => Finding::fail(WEAK_PROTOCOL, because).into(),
                    OldProtocols::Warn | OldProtocols::Ignore => {
                        Finding::warn(WEAK_PROTOCOL, because).into()
                    }
                })
            }
            // Who can't be reached at all is told of once.
            Err(_) if shown.outcome.is_err() => None,
            Err(obstacle) => Some(bare(obstacle, shown).into()),
        }
    }
}

/// An obstacle whose line is about this address already.
fn bare(obstacle: &Obstacle, shown: &Shown) -> Obstacle {
    let named = format!("{} ", shown.address);
    let because = obstacle.because.strip_prefix(&named).unwrap_or(&obstacle.because);
    Obstacle { because: because.to_owned(), ..obstacle.clone() }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 have few bits")]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}
