use std::collections::BTreeMap;

use super::looking::Fired;
use super::*;
use crate::model::finding::Verdict;
use crate::systems::alertmanager::alert::Heard;

const WATCHED: &str = "{ from: { alertmanager: main }, matchers: ['severity=critical'] }";

fn now() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn seen(name: &str, since: &str, heard: Heard) -> Seen {
    let labels = [("alertname", name), ("severity", "critical")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let fired = Fired { since: at(since), heard };
    Seen {
        alerts: BTreeMap::from([(BTreeMap::from(labels), fired)]),
        always: Some(true),
        silent: Vec::new(),
        deployed: Some(at("2026-03-15T11:00:00Z")),
    }
}

fn said(check: &str, seen: &Seen) -> (Verdict, Option<&'static str>) {
    let check: FiringAlerts = serde_saphyr::from_str(check).unwrap();
    assert_eq!(check.flaws(), Vec::<String>::new());
    let judgement = check.judge(seen, &Past::default(), now());
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

#[test]
fn an_alert_is_judged_by_when_it_began_and_who_hears_of_it() {
    use Heard::{Active, Inhibited, Silenced};
    for (name, since, heard, verdict, reason) in [
        ("Slow", "2026-03-15T11:00:00Z", Active, Verdict::Fail, Some("AlertFiring")),
        ("Slow", "2026-03-15T10:59:59Z", Active, Verdict::Warn, Some("AlertFiring")),
        ("Slow", "2026-03-15T11:30:00Z", Silenced, Verdict::Pass, None),
        ("Slow", "2026-03-15T11:30:00Z", Inhibited, Verdict::Pass, None),
        ("VigieItemFailing", "2026-03-15T11:30:00Z", Active, Verdict::Pass, None),
        ("Vigie", "2026-03-15T11:30:00Z", Active, Verdict::Fail, Some("AlertFiring")),
        ("Slow", "2026-03-15T12:03:00Z", Active, Verdict::Unknown, Some("ClockSkew")),
    ] {
        assert_eq!(said(WATCHED, &seen(name, since, heard)), (verdict, reason), "{name} {since}");
    }
}

#[test]
fn how_long_before_the_deployment_it_began_is_told() {
    let check: FiringAlerts = serde_saphyr::from_str(WATCHED).unwrap();
    for (since, told) in [
        ("2026-03-15T10:48:27Z", "for 1h 11m; it began 11m 33s before the deployment"),
        ("2026-03-15T11:20:00Z", "for 40m; it began 20m after the deployment"),
    ] {
        let seen = seen("Slow", since, Heard::Active);
        let because = check.judge(&seen, &Past::default(), now()).because();
        assert!(because.ends_with(told), "{because}");
    }
}

#[test]
fn none_is_not_seen_where_the_one_that_always_fires_is_not() {
    let none = Seen {
        alerts: BTreeMap::new(),
        always: Some(false),
        ..seen("a", "2026-03-15T11:00:00Z", Heard::Active)
    };
    assert_eq!(said(WATCHED, &none), (Verdict::Unknown, Some("NoWatchdog")));
    let firing = Seen { always: Some(false), ..seen("a", "2026-03-15T11:00:00Z", Heard::Active) };
    assert_eq!(
        said(WATCHED, &firing),
        (Verdict::Fail, Some("AlertFiring")),
        "what is seen is seen"
    );
}

#[test]
fn a_thousand_silences_make_a_short_line() {
    let mut many = seen("a", "2026-03-15T11:30:00Z", Heard::Silenced);
    let fired = many.alerts.values().next().copied().unwrap();
    for number in 0..1_000 {
        let labels = [("alertname".to_owned(), format!("Alert{number:04}"))];
        many.alerts.insert(labels.into(), fired);
    }
    let check: FiringAlerts = serde_saphyr::from_str(WATCHED).unwrap();
    let judgement = check.judge(&many, &Past::default(), now());
    assert_eq!(judgement.lines().len(), 2);
    assert_eq!(judgement.verdict(), Verdict::Pass);
}

#[test]
fn the_deployment_is_read_only_where_it_matters() {
    let needs = |more: &str| {
        let text = format!("{{ from: {{ alertmanager: main }}, {more} matchers: ['a=b'] }}");
        serde_saphyr::from_str::<FiringAlerts>(&text).unwrap().needs()
    };
    assert!(needs("").deployment);
    assert!(!needs("began: any_time,").deployment);
    assert_eq!(needs("").connections, [(SystemName::Alertmanager, "main".to_owned())]);
}

#[test]
fn which_alerts_are_watched_must_be_said() {
    let check: FiringAlerts =
        serde_saphyr::from_str("{ from: { prometheus: main }, matchers: [] }").unwrap();
    assert!(check.flaws()[0].contains("at least one"));
}
