//! Reports of the Trivy operator: which is about which image, and what is in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::parameters::Reports;
use super::{REPORT_MISSING, REPORT_TOO_OLD, Seen, Use, VULNERABILITIES, VULNERABLE, severities};
use crate::model::counted::either;
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::image::{ImageName, parse_host};
use crate::model::judgement::{Answer, Judgement};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::kubernetes::vulnerability_report::{Severity, VulnerabilityReport};

type Report = Arc<VulnerabilityReport>;

/// Reports by what they may be found by, all of one namespace.
#[derive(Default)]
struct Shelf<'s> {
    digests: HashMap<&'s str, Vec<&'s Report>>,
    /// By registry and repository, then by tag.
    tags: HashMap<(String, &'s str), Vec<&'s Report>>,
    /// Those that name no image, by owner's kind, its name and the container.
    containers: HashMap<(&'s str, &'s str, &'s str), Vec<&'s Report>>,
}

impl<'s> Shelf<'s> {
    fn put(&mut self, report: &'s Report) {
        if let Some(digest) = &report.digest {
            self.digests.entry(digest).or_default().push(report);
        }
        if let (Some(registry), Some(repository)) = (&report.registry, &report.repository) {
            if let Some(tag) = &report.tag {
                let registry = parse_host(registry).unwrap_or_else(|_| registry.to_string());
                let name = format!("{registry}/{repository}");
                self.tags.entry((name, tag)).or_default().push(report);
            }
        } else if let (Some((kind, owner)), Some(container)) = (&report.owner, &report.container) {
            self.containers.entry((kind, owner, container)).or_default().push(report);
        }
    }

    /// The newest report on an image; one without a time comes last.
    fn newest(&self, image: &ImageName, used: &Use) -> Option<&'s Report> {
        let pinned = image.digest();
        let told = used.digests.iter().chain(&used.configs).map(String::as_str).chain(pinned);
        let digests = told.filter_map(|digest| self.digests.get(digest));
        // A tag beside a digest names nothing.
        let tag = image.tag().or(pinned.is_none().then_some("latest"));
        let tag = tag.filter(|_| pinned.is_none());
        let by_tag = tag.and_then(|tag| self.tags.get(&(image.name(), tag)));
        let owners = used.owners.iter();
        let containers = owners.filter_map(|(kind, name, container)| {
            self.containers.get(&(&**kind, &**name, &**container))
        });
        let all = digests.chain(by_tag).chain(containers).flatten();
        all.max_by_key(|report| report.updated).copied()
    }
}

/// Judges the report on each image.
pub(super) fn judge(limits: &Reports, seen: &Seen, now: Timestamp, judgement: &mut Judgement) {
    for (name, why) in &seen.garbled_reports {
        let because = format!("the vulnerability report can't be read: {why}");
        judgement.add(name.clone(), Obstacle::new(Reason::GARBLED, because));
    }
    judgement.dropped += seen.garbled_reports_more;
    let mut shelves: BTreeMap<&Arc<str>, Shelf<'_>> = BTreeMap::new();
    for report in &seen.reports {
        shelves.entry(&report.namespace).or_default().put(report);
    }
    let mut sums: BTreeMap<&Arc<str>, [u64; Severity::ALL.len()]> = BTreeMap::new();
    let mut whole: BTreeMap<&Arc<str>, (usize, bool)> = BTreeMap::new();
    for (namespace, image, used) in seen.named() {
        if !is_seen(namespace, seen) {
            continue;
        }
        let report = shelves.get(namespace).and_then(|shelf| shelf.newest(&image, used));
        let (count, good) = whole.entry(namespace).or_insert((0, true));
        *count += 1;
        if let Some(report) = report {
            let sums = sums.entry(namespace).or_default();
            for (sum, count) in sums.iter_mut().zip(report.counts) {
                *sum += count.unwrap_or_default();
            }
        }
        match against(limits, report, unread(namespace, seen), now) {
            Said::Good => {}
            Said::ToldElsewhere => *good = false,
            Said::Against(answer) => {
                *good = false;
                judgement.add(format!("{namespace}: {image}"), answer);
            }
        }
    }
    for namespace in seen.pods.keys().filter(|namespace| is_seen(namespace, seen)) {
        let sums = sums.get(namespace).copied().unwrap_or_default();
        for (severity, sum) in severities().into_iter().zip(sums) {
            #[expect(clippy::cast_precision_loss, reason = "far from 2^52 vulnerabilities")]
            judgement.measure(VULNERABILITIES.is(sum as f64, [namespace, severity.label()]));
        }
        if let Some((count, true)) = whole.get(namespace) {
            let each = either(count, "1 image,", &format!("{count} images, each")).to_owned();
            let because = format!("{each} with a report within its limits");
            judgement.add(namespace.to_string(), Finding::pass(because));
        }
    }
}

/// Whether the reports of a namespace were seen.
fn is_seen(namespace: &str, seen: &Seen) -> bool {
    !seen.unseen_reports.iter().any(|(unseen, _)| unseen.is_empty() || *unseen == *namespace)
}

/// Whether a report that can't be read may be one of this namespace.
fn unread(namespace: &str, seen: &Seen) -> bool {
    seen.garbled_reports_more > 0
        || seen.garbled_reports.iter().any(|(name, _)| {
            name.is_empty() || name.split_once('/').is_some_and(|(place, _)| place == namespace)
        })
}

/// What is to be said of the report on an image.
enum Said {
    /// Nothing against it.
    Good,
    /// Something against it, or that nobody can tell.
    Against(Answer),
    /// Nobody can tell, and a line of its own already says why.
    ToldElsewhere,
}

/// What is to be said of the report on an image.
fn against(limits: &Reports, report: Option<&Report>, unread: bool, now: Timestamp) -> Said {
    let Some(report) = report else {
        let because = "no vulnerability report is about this image, one is wanted";
        return if unread {
            Said::ToldElsewhere
        } else {
            Said::Against(Finding::fail(REPORT_MISSING, because).into())
        };
    };
    let blind =
        |reason, because: String| Said::Against(Answer::from(Obstacle::new(reason, because)));
    let name = &report.name;
    let Some(updated) = report.updated else {
        let because = format!("its report {name} does not say when it was made");
        return blind(Reason::GARBLED, because);
    };
    let ahead = updated.duration_since(now);
    if ahead > CLOCK_TOLERANCE {
        let because = format!(
            "its report {name} was made {} ahead of now, 2m allowed",
            spoken(ahead.unsigned_abs())
        );
        return blind(Reason::CLOCK_SKEW, because);
    }
    for (severity, count) in severities().into_iter().zip(report.counts) {
        let Some(most) = limits.most.of(severity) else { continue };
        let label = severity.label();
        let Some(count) = count else {
            let because = format!("its report {name} does not count {label} vulnerabilities");
            return blind(Reason::GARBLED, because);
        };
        if count > most {
            let noun = if count == 1 { "vulnerability" } else { "vulnerabilities" };
            let because =
                format!("its report {name} counts {count} {label} {noun}, {most} allowed");
            return Said::Against(Finding::fail(VULNERABLE, because).into());
        }
    }
    let age = Duration::try_from(now.duration_since(updated)).unwrap_or_default();
    let allowed = limits.max_age.0.get();
    if age <= allowed {
        return Said::Good;
    }
    let (age, allowed) = (spoken(age), spoken(allowed));
    let because = format!("its newest report {name} is {age} old, {allowed} allowed");
    Said::Against(Finding::fail(REPORT_TOO_OLD, because).into())
}
