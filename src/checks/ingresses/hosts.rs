//! Hosts, and whether TLS covers them.
//!
//! A TLS entry without hosts stands, says the API, for the wildcard setting of whichever controller
//! serves the Ingress: it covers all hosts, and the sentence says by what. Which certificate is shown
//! there, the kind `tls` sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Ingresses, Seen};
use crate::model::finding::Finding;
use crate::model::judgement::{Judgement, legible};
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::ingress::{Ingress, Tls};

pub(super) const HOST_MISSING: Documented =
    Documented::fails(Reason::new("HostMissing"), "No Ingress serves a host that is wanted.");
pub(super) const HOST_UNEXPECTED: Documented = Documented::fails(
    Reason::new("HostUnexpected"),
    "An Ingress serves a host that is not among `hosts`.",
);
pub(super) const NO_TLS: Documented =
    Documented::fails(Reason::new("NoTls"), "No TLS entry of an Ingress covers one of its hosts.");
pub(super) const DEFAULT_CERTIFICATE: Documented = Documented::warns(
    Reason::new("DefaultCertificate"),
    "The TLS entry of a host names no Secret: the controller's own certificate serves it.",
);

/// A rule without a host.
const ANY: &str = "*";
/// The most hosts that a sentence names.
const MOST_NAMED: usize = 10;

/// The hosts that an Ingress serves.
fn served(ingress: &Ingress) -> BTreeSet<&str> {
    let hosts = ingress.rules.iter().map(|rule| rule.host.as_deref().unwrap_or(ANY));
    let any = (ingress.rules.is_empty() && ingress.default_backend.is_some()).then_some(ANY);
    hosts.chain(any).collect()
}

/// Whether `pattern`, perhaps a wildcard, stands for `host`: one label deep, as in certificates.
fn stands_for(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(domain), Some((label, rest))) = (pattern.strip_prefix("*."), host.split_once('.'))
    else {
        return false;
    };
    label != ANY && !label.is_empty() && rest.eq_ignore_ascii_case(domain)
}

/// What covers a host, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cover {
    Named,
    Wildcard,
    Default,
    Nothing,
}

fn cover(host: &str, entries: &[Tls]) -> Cover {
    let by = |entry: &Tls| {
        let covers = if entry.hosts.is_empty() {
            Cover::Wildcard
        } else if entry.hosts.iter().any(|pattern| stands_for(pattern, host)) {
            Cover::Named
        } else {
            return Cover::Nothing;
        };
        if entry.secret.is_some() { covers } else { Cover::Default }
    };
    entries.iter().map(by).min().unwrap_or(Cover::Nothing)
}

/// The TLS entries by which a host of an Ingress is served: its own, and for a canary those of the
/// others that serve the host.
fn entries(ingress: &Ingress, host: &str, all: &[Arc<Ingress>]) -> Vec<Tls> {
    if !ingress.is_canary() {
        return ingress.tls.to_vec();
    }
    let others = all.iter().filter(|other| !other.is_canary() && served(other).contains(host));
    others.flat_map(|other| other.tls.iter().cloned()).collect()
}

/// Whether TLS covers each host of an Ingress, one of `all`.
pub(super) fn covered(
    ingress: &Ingress,
    all: &[Arc<Ingress>],
    default_will_do: bool,
) -> Result<String, Finding> {
    let mut by: BTreeMap<Cover, Vec<&str>> = BTreeMap::new();
    for host in served(ingress) {
        by.entry(cover(host, &entries(ingress, host, all))).or_default().push(host);
    }
    let listed = |cover: Cover| {
        let hosts = by.get(&cover)?;
        let mut words: Vec<String> =
            hosts.iter().take(MOST_NAMED).map(|host| legible(host, 100)).collect();
        words.extend((hosts.len() > MOST_NAMED).then(|| "…".to_owned()));
        Some(words.join(", "))
    };
    if let Some(hosts) = listed(Cover::Nothing) {
        let because = format!("no TLS entry covers {hosts}");
        return Err(Finding::fail(NO_TLS.reason, because));
    }
    let default = listed(Cover::Default);
    if let Some(hosts) = default.as_ref().filter(|_| !default_will_do) {
        let because = format!(
            "the TLS entry for {hosts} names no Secret: the controller's own certificate serves it"
        );
        return Err(Finding::warn(DEFAULT_CERTIFICATE.reason, because));
    }
    let parts = [
        listed(Cover::Named).map(|hosts| format!("TLS covers {hosts}")),
        listed(Cover::Wildcard).map(|hosts| {
            format!("a TLS entry without hosts, by the controller's wildcard, covers {hosts}")
        }),
        default.map(|hosts| format!("the controller's own certificate serves {hosts}")),
    ];
    Ok(parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
}

impl Ingresses {
    /// Compares the hosts of all Ingresses with those that are wanted. Where an Ingress can't be
    /// seen, it may serve any that is missed.
    pub(super) fn judge_hosts(&self, seen: &Seen, judgement: &mut Judgement) {
        let Some(wanted) = &self.hosts else { return };
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for ingress in &seen.ingresses {
            for host in served(ingress) {
                let place = || format!("{}/{}", ingress.namespace, ingress.name);
                found.entry(host.to_ascii_lowercase()).or_insert_with(place);
            }
        }
        for (host, place) in &found {
            if !wanted.iter().any(|wanted| wanted.0 == *host) {
                let because = format!("Ingress {place} serves this host, which is not wanted");
                judgement.add(host.clone(), Finding::fail(HOST_UNEXPECTED.reason, because));
            }
        }
        let all_seen = seen.unseen.is_nothing()
            && seen.ingresses.iter().all(|ingress| ingress.missing.is_none());
        let missing: Vec<&str> =
            wanted.iter().map(|host| &*host.0).filter(|host| !found.contains_key(*host)).collect();
        for host in missing.iter().filter(|_| all_seen) {
            let because = "no Ingress serves this host".to_owned();
            judgement.add(*host, Finding::fail(HOST_MISSING.reason, because));
        }
        if missing.is_empty() && all_seen && found.len() == wanted.len() {
            let because = "all that are wanted are served, and no other";
            judgement.add("hosts", Finding::pass(because));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(hosts: &[&str], secret: Option<&str>) -> Tls {
        let hosts = hosts.iter().map(|host| Box::from(*host)).collect();
        Tls { hosts, secret: secret.map(Box::from) }
    }

    #[test]
    fn a_wildcard_covers_one_label_and_itself() {
        for (pattern, host, covers) in [
            ("a.example.org", "a.example.org", true),
            ("A.example.org", "a.example.org", true),
            ("*.example.org", "a.example.org", true),
            ("*.example.org", "*.example.org", true),
            ("*.example.org", "b.a.example.org", false),
            ("*.example.org", "example.org", false),
            ("*.example.org", "*", false),
            ("a.example.org", "*.example.org", false),
            ("*.a.example.org", "*.example.org", false),
            ("*", "a.example.org", false),
            ("*.", "a.", true),
        ] {
            assert_eq!(stands_for(pattern, host), covers, "{pattern} for {host}");
        }
    }

    #[test]
    fn the_best_entry_counts() {
        let with = entry(&["a.b"], Some("s"));
        let without = entry(&["a.b"], None);
        let all = entry(&[], Some("s"));
        for (entries, wanted) in [
            (vec![], Cover::Nothing),
            (vec![entry(&["c.b"], Some("s"))], Cover::Nothing),
            (vec![without.clone()], Cover::Default),
            (vec![without.clone(), with.clone()], Cover::Named),
            (vec![without, all.clone()], Cover::Wildcard),
            (vec![all, with], Cover::Named),
            (vec![entry(&[], None)], Cover::Default),
        ] {
            assert!(cover("a.b", &entries) == wanted, "{entries:?}");
        }
    }
}
