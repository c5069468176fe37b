use super::parameters::Alertmanagers;
use super::*;
use crate::systems::prometheus::targets::{Health, Target};

fn check(parts: &str) -> PrometheusServer {
    serde_saphyr::from_str(&format!("{{ {parts} }}")).unwrap()
}

#[test]
fn counters_are_asked_for_by_their_labels() {
    let wanted: Alertmanagers =
        serde_saphyr::from_str("{ window: 5m, counters: { job: 'a\"b\\c' } }").unwrap();
    assert_eq!(
        wanted.dropped(),
        r#"sum(increase(prometheus_notifications_dropped_total{job="a\"b\\c"}[300s]))"#
    );
    assert_eq!(
        Alertmanagers::default().failed(),
        "sum by (alertmanager) (increase(prometheus_notifications_errors_total{}[600s]))"
    );
}

#[test]
fn something_must_be_looked_at() {
    for (parts, flaw) in [
        ("reloaded: true", "at least one of"),
        ("alertmanagers: { counters: { 'a b': c } }", "is no label"),
        ("targets: { jobs: { '': 1 } }", "of one to 128 bytes"),
    ] {
        let flaws = check(parts).flaws();
        assert!(flaws.iter().any(|told| told.contains(flaw)), "{parts}: {flaws:?}");
    }
    assert_eq!(check("rules: {}").flaws(), Vec::<String>::new());
}

#[test]
fn what_is_beyond_us_is_no_failure_of_the_server() {
    let verdict = |reason| Judgement::from(blamed(&Obstacle::new(reason, "x"))).verdict();
    for ours in [Reason::TOO_LARGE, QUERY_REFUSED, NOT_COUNTED] {
        assert_eq!(verdict(ours), Verdict::Unknown, "{ours}");
    }
    for theirs in [Reason::REFUSED, Reason::TIMED_OUT, Reason::GARBLED, Reason::UNAUTHORIZED] {
        assert_eq!(verdict(theirs), Verdict::Fail, "{theirs}");
    }
    let ours = Obstacle::ours(Reason::SECRET_MISSING, "x");
    assert_eq!(Judgement::from(blamed(&ours)).verdict(), Verdict::Unknown);
}

fn target(job: &str, scraped: &str) -> Target {
    Target {
        labels: [("job", job), ("instance", "a:1")]
            .map(|(name, is)| (name.to_owned(), is.to_owned()))
            .into(),
        health: Health::Up,
        error: String::new(),
        scraped: scraped.parse().ok(),
        interval: Some(std::time::Duration::from_secs(15)),
    }
}

fn nothing() -> Seen {
    Seen {
        targets: None,
        rules: None,
        alertmanagers: None,
        dropped: None,
        failed: None,
        reloaded: Some(Ok(true)),
    }
}

#[test]
fn targets_of_a_clock_ahead_are_not_told_to_be_too_few() {
    let now = "2026-03-15T12:00:00Z".parse().unwrap();
    let judged = |scraped: &[&str], least: u32| {
        let active = scraped.iter().map(|at| target("api", at)).collect();
        let seen = TargetsSeen { active, dropped: std::collections::BTreeMap::new() };
        let seen = Seen { targets: Some(Ok(seen)), ..nothing() };
        let check = check(&format!("targets: {{ own: {{}}, jobs: {{ api: {least} }} }}"));
        let judgement = check.judge(&seen, &Past::default(), now);
        (judgement.verdict(), judgement.reason())
    };
    let (good, ahead) = ("2026-03-15T11:59:50Z", "2026-03-15T12:05:00Z");
    assert_eq!(judged(&[good], 1), (Verdict::Pass, None));
    assert_eq!(judged(&[ahead], 1), (Verdict::Unknown, Some(Reason::CLOCK_SKEW)));
    assert_eq!(judged(&[ahead, good], 2), (Verdict::Unknown, Some(Reason::CLOCK_SKEW)));
    assert_eq!(judged(&[ahead], 2), (Verdict::Fail, Some(TOO_FEW_TARGETS)));
}

#[test]
fn what_was_dropped_is_told_though_nobody_counts_what_failed() {
    let uncounted = || Err(Obstacle::new(NOT_COUNTED, "x"));
    let count = |value| Ok(vec![Row { labels: std::collections::BTreeMap::new(), value }]);
    for (dropped, failed, verdict) in [
        (count(0.0), count(0.0), Verdict::Pass),
        (count(3.0), uncounted(), Verdict::Fail),
        (count(0.0), uncounted(), Verdict::Unknown),
        (uncounted(), count(0.0), Verdict::Unknown),
    ] {
        let told = format!("{dropped:?} {failed:?}");
        let (dropped, failed) = (Some(dropped), Some(failed));
        let seen = Seen { alertmanagers: Some(Ok(1)), dropped, failed, ..nothing() };
        let now = "2026-03-15T12:00:00Z".parse().unwrap();
        let judgement = check("alertmanagers: {}").judge(&seen, &Past::default(), now);
        assert_eq!(judgement.verdict(), verdict, "{told}");
    }
}
