use super::parameters::Alertmanagers;
use super::*;

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
