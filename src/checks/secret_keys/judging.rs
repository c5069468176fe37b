//! Judging what was noted of Secrets.

use super::measured::{Measured, Undecodable};
use super::wanted::{Name, Wanted};
use super::{Contents, SecretKeys, Seen};
use crate::model::counted::counted;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Judgement, legible};
use crate::model::reason::{Documented, Reason};

pub(super) const NO_SECRET: Documented =
    Documented::fails(Reason::NOT_FOUND, "A Secret is not there, or none of its alternatives.");
pub(super) const KEY_MISSING: Documented =
    Documented::fails(Reason::new("KeyMissing"), "A key is in none of the Secrets.");
pub(super) const EMPTY: Documented = Documented::fails(
    Reason::new("Empty"),
    "A value is empty or nothing but white space, or a Secret has no values at all.",
);
pub(super) const PLACEHOLDER: Documented = Documented::fails(
    Reason::new("Placeholder"),
    "A value holds a text that stands for a secret still to be made, or a URL such a host or \
     password.",
);
pub(super) const MALFORMED: Documented = Documented::fails(
    Reason::new("MalformedUrl"),
    "A value is not the URL or DSN that it must be.",
);
pub(super) const NOT_DECODABLE: Documented = Documented::fails(
    Reason::new("NotDecodable"),
    "A value is not the base64, base64url or hex that it must be.",
);
pub(super) const WRONG_LENGTH: Documented =
    Documented::fails(Reason::new("WrongLength"), "A value is shorter or longer than wanted.");
pub(super) const NOT_DISTINCT: Documented =
    Documented::fails(Reason::new("NotDistinct"), "Two keys have the same value.");

/// The longest name of a key that is repeated, in characters.
const LONGEST_KEY: usize = 253;

impl SecretKeys {
    pub(super) fn judged(&self, seen: &Seen) -> Judgement {
        let mut judgement = Judgement::new();
        self.judge_presence(seen, &mut judgement);
        for (key, wanted) in &self.keys {
            self.judge_key(seen, key, wanted, &mut judgement);
        }
        for (one, other) in &seen.equal {
            let because = format!("has the same value as {other}; all must differ");
            judgement.add(one.clone(), Finding::fail(NOT_DISTINCT.reason, because));
        }
        if self.all_keys {
            for (name, contents) in seen.readable() {
                self.judge_all(name, contents, &mut judgement);
            }
        }
        judgement
    }

    fn judge_presence(&self, seen: &Seen, judgement: &mut Judgement) {
        let Name(namespace) = &self.namespace;
        let enough = self.alternatives && seen.readable().next().is_some();
        for (name, read) in &seen.secrets {
            let Err(refused) = read else { continue };
            if !refused.absent {
                judgement.add(format!("{namespace}/{name}"), refused.obstacle.clone());
            } else if !enough && (!self.alternatives || seen.is_whole()) {
                let because = if self.alternatives && self.secrets.len() > 1 {
                    "is not there, nor is any of its alternatives"
                } else {
                    "is not there"
                };
                let finding = Finding::fail(NO_SECRET.reason, because);
                judgement.add(format!("{namespace}/{name}"), finding);
            }
        }
    }

    fn judge_key(&self, seen: &Seen, key: &str, wanted: &Wanted, judgement: &mut Judgement) {
        let mut found = false;
        for (name, contents) in seen.readable() {
            let Some(measured) = contents.wanted.get(key) else { continue };
            found = true;
            match measured {
                Some(measured) => judgement.add(key, self.of_value(name, measured, wanted)),
                None => judgement.add(key, garbled(name)),
            }
        }
        if found {
            return;
        }
        let names: Vec<&str> = self.secrets.iter().map(|Name(name)| name.as_str()).collect();
        let place = if names.len() > 1 { "Secrets" } else { "Secret" };
        let place = format!("{place} {}", names.join(", "));
        if wanted.optional {
            // Where a Secret can't be read, its own line says so.
            if seen.is_whole() && seen.readable().next().is_some() {
                judgement.add(key, Finding::pass(format!("is not in {place}, and need not be")));
            }
        } else if seen.is_whole() && seen.readable().next().is_some() {
            let because = format!("is not in {place}");
            judgement.add(key, Finding::fail(KEY_MISSING.reason, because));
        }
    }

    fn of_value(&self, secret: &str, seen: &Measured, wanted: &Wanted) -> Finding {
        let place = format!("in Secret {secret}");
        if seen.blank {
            let because = format!("{place} is empty or nothing but white space");
            return Finding::fail(EMPTY.reason, because);
        }
        if let Some(number) = seen.placeholder {
            let text = self.placeholders.0.get(number).map_or("", |text| text);
            let because = format!("{place} holds the placeholder `{text}`");
            return Finding::fail(PLACEHOLDER.reason, because);
        }
        if let (Some(Err(Undecodable)), Some(encoding)) = (seen.decoded, wanted.decoded) {
            let because = format!("{place} is not {}", encoding.label());
            return Finding::fail(NOT_DECODABLE.reason, because);
        }
        let what = if wanted.sentry_dsn { "Sentry DSN" } else { "URL" };
        match &seen.address {
            Some(Err(flaw)) => {
                let because = format!("{place} is not a {what} as wanted: {}", flaw.because());
                return Finding::fail(MALFORMED.reason, because);
            }
            Some(Ok(address)) if address.stands_for_one => {
                let because = format!(
                    "{place} is a {what} in which a host or the password is a word that stands \
                     for one"
                );
                return Finding::fail(PLACEHOLDER.reason, because);
            }
            Some(Ok(address)) => {
                let least = wanted.url.as_ref().and_then(|url| url.password_at_least);
                if let Some(least) = least.filter(|least| address.password < *least) {
                    let because = format!(
                        "{place} is a URL with a password of {} bytes, at least {least} wanted",
                        address.password
                    );
                    return Finding::fail(WRONG_LENGTH.reason, because);
                }
            }
            None => (),
        }
        of_length(&place, seen, wanted)
    }

    /// The values beside the wanted ones.
    fn judge_all(&self, name: &str, seen: &Contents, judgement: &mut Judgement) {
        for (key, number) in &seen.placeholders {
            let text = self.placeholders.0.get(*number).map_or("", |text| text);
            let because = format!("in Secret {name} holds the placeholder `{text}`");
            let finding = Finding::fail(PLACEHOLDER.reason, because);
            judgement.add(legible(key, LONGEST_KEY), finding);
        }
        for key in &seen.garbled {
            judgement.add(legible(key, LONGEST_KEY), garbled(name));
        }
        judgement.dropped += seen.more;
        let subject = format!("{}/{name}", self.namespace.0);
        if seen.values == 0 {
            judgement.add(subject, Finding::fail(EMPTY.reason, "has no values at all"));
        } else if seen.placeholders.is_empty() && seen.garbled.is_empty() {
            let because = format!(
                "{}, none beside `keys` and `except` holds a placeholder",
                counted(seen.values, "value")
            );
            judgement.add(subject, Finding::pass(because));
        }
    }
}

fn of_length(place: &str, seen: &Measured, wanted: &Wanted) -> Finding {
    let length = match (seen.decoded, wanted.decoded) {
        (Some(Ok(length)), Some(encoding)) => {
            format!("{length} bytes, decoded from {}", encoding.label())
        }
        _ => format!("{} bytes", seen.bytes),
    };
    let asked = wanted.length().map(|asked| format!("; {asked}")).unwrap_or_default();
    if wanted.fits(seen.length()) {
        return Finding::pass(format!("{place}: {length}{asked}"));
    }
    let hint = if seen.line_break { ", a line break at the end included" } else { "" };
    Finding::fail(WRONG_LENGTH.reason, format!("{place}: {length}{hint}{asked}"))
}

fn garbled(secret: &str) -> Obstacle {
    let because = format!("in Secret {secret} the API server gives no base64 for it");
    Obstacle::new(Reason::GARBLED, because)
}

impl Seen {
    /// The Secrets that could be read.
    fn readable(&self) -> impl Iterator<Item = (&str, &Contents)> {
        self.secrets.iter().filter_map(|(name, read)| Some((name.as_str(), read.as_ref().ok()?)))
    }

    /// Whether of each Secret it is known what is in it, or that it is not there.
    fn is_whole(&self) -> bool {
        let known = |(_, read): &(String, Result<Contents, _>)| match read {
            Ok(_) => true,
            Err(super::Refused { absent, .. }) => *absent,
        };
        self.secrets.iter().all(known)
    }
}
