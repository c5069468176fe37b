//! Judging, as tables; and that no autoscaler passes by absence.

use serde_json::{Value, json};

use super::*;
use crate::model::finding::Verdict::{self, Fail, Pass, Unknown, Warn};
use crate::systems::kubernetes::shapes::{self, with, without};

const CREATED: &str = "2026-11-23T10:00:00Z";

fn at(minutes: i64) -> Timestamp {
    let created: Timestamp = CREATED.parse().unwrap();
    created + jiff::SignedDuration::from_mins(minutes)
}

fn autoscalers(parameters: &str) -> Autoscalers {
    serde_saphyr::from_str(&format!("namespaces: [d]\n{parameters}")).unwrap()
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": CREATED,
    })
}

/// An autoscaler that wants 3 replicas of at most 5.
fn autoscaler() -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "namespace": "d", "name": "web", "generation": 2, "creationTimestamp": CREATED,
        },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
            "minReplicas": 2, "maxReplicas": 5,
            "metrics": [{ "type": "Resource", "resource": { "name": "cpu" } }],
        },
        "status": {
            "observedGeneration": 2, "lastScaleTime": CREATED,
            "currentReplicas": 3, "desiredReplicas": 3,
            "currentMetrics": [{
                "type": "Resource",
                "resource": { "name": "cpu", "current": { "averageUtilization": 0 } },
            }],
            "conditions": [
                condition("AbleToScale", "True", "ReadyForNewScale", ""),
                condition("ScalingActive", "True", "ValidMetricFound", ""),
                condition("ScalingLimited", "False", "DesiredWithinRange", ""),
            ],
        },
    })
}

fn told(number: usize, status: &str, reason: &str, message: &str) -> Value {
    let kind = ["AbleToScale", "ScalingActive", "ScalingLimited"][number];
    let condition = condition(kind, status, reason, message);
    let mut object = autoscaler();
    object["status"]["conditions"][number] = condition;
    object
}

fn wanting(replicas: u32) -> Value {
    with(autoscaler(), "/status/desiredReplicas", json!(replicas))
}

fn target_missing() -> Value {
    let message = "the HPA controller was unable to get the target's current scale: \
                   deployments.apps \"web\" not found";
    told(0, "False", "FailedGetScale", message)
}

fn unknown_metric() -> Value {
    with(autoscaler(), "/status/currentMetrics", json!([{ "type": "" }]))
}

fn judged(check: &Autoscalers, object: &Value, past: &Past, now: Timestamp) -> Judgement {
    let mut table = Table::default();
    table.take(&object.to_string(), &AUTOSCALERS);
    let mut seen = Seen::default();
    check.take(&table, &mut seen);
    check.judge(&seen, past, now)
}

fn said(check: &Autoscalers, object: &Value, minutes: i64) -> (Verdict, Option<&'static str>) {
    let judgement = judged(check, object, &Past::default(), at(minutes));
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

#[test]
fn an_autoscaler_is_judged_by_the_worst_that_can_be_said_of_it() {
    let check = autoscalers("");
    let limited = |reason| told(2, "True", reason, "");
    let fresh = without(autoscaler(), "/status");
    let old_server =
        without(without(autoscaler(), "/metadata/generation"), "/status/observedGeneration");
    for (object, minutes, verdict, reason) in [
        (autoscaler(), 10, Pass, None),
        (old_server, 10, Pass, None),
        (target_missing(), 10, Fail, Some("TargetMissing")),
        (told(0, "False", "FailedGetScale", "etcd timed out"), 10, Fail, Some("UnableToScale")),
        (told(0, "False", "FailedUpdateScale", "x"), 10, Fail, Some("UnableToScale")),
        (told(0, "Unknown", "", ""), 10, Unknown, Some("Garbled")),
        (told(1, "False", "FailedGetResourceMetric", "x"), 10, Fail, Some("ScalingInactive")),
        (told(1, "False", "ScalingDisabled", "x"), 10, Fail, Some("ScalingDisabled")),
        (told(1, "Unknown", "", ""), 10, Unknown, Some("Garbled")),
        (unknown_metric(), 10, Warn, Some("MetricUnknown")),
        (
            with(autoscaler(), "/status/currentMetrics", json!(null)),
            10,
            Warn,
            Some("MetricUnknown"),
        ),
        (fresh.clone(), 5, Warn, Some("NotObserved")),
        (fresh.clone(), 6, Fail, Some("NotObserved")),
        (fresh, -60, Unknown, Some("ClockSkew")),
        (with(autoscaler(), "/metadata/generation", json!(3)), 10, Warn, Some("NotObserved")),
        (wanting(5), 10, Warn, Some("AtMaximum")),
        (limited("TooManyReplicas"), 10, Warn, Some("AtMaximum")),
        (limited("TooFewReplicas"), 10, Pass, None),
        (limited("ScaleUpLimit"), 10, Pass, None),
        (with(wanting(5), "/spec/minReplicas", json!(5)), 10, Pass, None),
        (without(wanting(1), "/spec/minReplicas"), 10, Pass, None),
        (without(autoscaler(), "/spec/maxReplicas"), 10, Unknown, Some("Garbled")),
        (json!({ "metadata": { "name": "web", "namespace": "d" } }), 10, Unknown, Some("Garbled")),
    ] {
        assert_eq!(said(&check, &object, minutes), (verdict, reason), "{object}");
    }
}

#[test]
fn that_it_has_scaled_is_judged_where_it_is_asked() {
    let check = autoscalers("concerns: [scaled]\nscaled_within: 30d");
    let never = without(autoscaler(), "/status/lastScaleTime");
    for (object, minutes, verdict, reason) in [
        (autoscaler(), 30 * 24 * 60, Pass, None),
        (autoscaler(), 30 * 24 * 60 + 1, Fail, Some("NotScaledLately")),
        (autoscaler(), -60, Unknown, Some("ClockSkew")),
        (never.clone(), 10, Fail, Some("NeverScaled")),
        (target_missing(), 10, Pass, None),
        (without(autoscaler(), "/status"), 10, Fail, Some("NotObserved")),
    ] {
        assert_eq!(said(&check, &object, minutes), (verdict, reason), "{object}");
    }
    assert_eq!(said(&autoscalers(""), &never, 10).0, Pass);
}

/// Looks each time, remembering; what was said.
fn story(check: &Autoscalers, story: &[(i64, Value)]) -> Vec<(&'static str, Option<&'static str>)> {
    let mut past = Past::default();
    let look = |(minutes, object): &(i64, Value)| {
        let judgement = judged(check, object, &past, at(*minutes));
        past.remember(judgement.samples(), at(*minutes));
        (judgement.verdict().label(), judgement.reason().map(Reason::code))
    };
    story.iter().map(look).collect()
}

#[test]
fn to_be_at_the_maximum_fails_after_its_time_and_is_forgotten_by_leaving_it() {
    let check = autoscalers("at_maximum_within: 30m");
    let said = story(
        &check,
        &[
            (0, wanting(5)),
            (20, wanting(5)),
            (31, wanting(5)),
            (32, wanting(4)),
            (40, wanting(5)),
            (69, wanting(5)),
            (71, wanting(5)),
        ],
    );
    let (warn, fail) = (("warn", Some("AtMaximum")), ("fail", Some("AtMaximum")));
    assert_eq!(said, [warn, warn, fail, ("pass", None), warn, warn, fail]);
}

#[test]
fn a_version_that_nobody_has_seen_fails_after_its_time() {
    let unseen = || with(autoscaler(), "/metadata/generation", json!(3));
    let said = story(&autoscalers(""), &[(100, unseen()), (104, unseen()), (106, unseen())]);
    let warn = ("warn", Some("NotObserved"));
    assert_eq!(said, [warn, warn, ("fail", Some("NotObserved"))]);
}

#[test]
fn turns_within_the_window_are_counted_and_steps_the_same_way_are_none() {
    let check = autoscalers("concerns: [reversals]\nreversals: { window: 1h, fail_above: 2 }");
    let replicas = |all: &[(i64, u32)]| {
        let wanted: Vec<_> = all.iter().map(|(at, count)| (*at, wanting(*count))).collect();
        story(&check, &wanted).pop().unwrap().0
    };
    assert_eq!(replicas(&[(0, 2), (10, 3), (20, 4), (30, 3), (40, 2)]), "pass", "one turn");
    assert_eq!(replicas(&[(0, 2), (10, 3), (20, 2), (30, 3)]), "pass", "two turns");
    assert_eq!(replicas(&[(0, 2), (10, 3), (20, 2), (30, 3), (40, 2)]), "fail", "three turns");
    assert_eq!(replicas(&[(0, 2), (10, 3), (20, 2), (30, 3), (90, 2)]), "pass", "two are too old");
    assert_eq!(replicas(&[(0, 2), (10, 3), (15, 3), (20, 2), (21, 2), (30, 3), (40, 2)]), "fail");
}

#[test]
fn what_is_expected_is_missed_unless_something_can_not_be_seen() {
    let check = autoscalers("expect: [web, api]\nonly_expected: true");
    let judgement = judged(&check, &autoscaler(), &Past::default(), at(1));
    assert_eq!(judgement.because(), "api: no autoscaler of this name is there");
    let mut seen = Seen::default();
    seen.unseen.blind(&Watch::all(AUTOSCALERS).within("d"), Obstacle::new(Reason::FORBIDDEN, "no"));
    let judge =
        |check: &Autoscalers, seen: &Seen| check.judge(seen, &Past::default(), at(0)).reason();
    assert_eq!(judge(&check, &seen), Some(Reason::FORBIDDEN));
    assert_eq!(judge(&autoscalers(""), &Seen::default()), Some(MISSING));
    let stranger = with(autoscaler(), "/metadata/name", json!("stranger"));
    let judgement = judged(
        &autoscalers("expect: [web]\nonly_expected: true"),
        &stranger,
        &Past::default(),
        at(1),
    );
    assert_eq!(judgement.lines().len(), 1);
}

#[test]
fn no_autoscaler_in_trouble_passes_for_want_of_a_field_or_for_one_of_a_wrong_type() {
    let default = autoscalers("");
    let scaled = autoscalers("concerns: [scaled]\nscaled_within: 1h");
    for (check, trouble, telling) in [
        (&default, target_missing(), &[][..]),
        (&default, told(0, "False", "FailedUpdateScale", "x"), &[]),
        (&default, told(1, "False", "FailedGetResourceMetric", "x"), &[]),
        (&default, unknown_metric(), &["/spec/metrics/0"]),
        (&default, wanting(5), &[]),
        // Without this the autoscaler is none that is limited.
        (&default, told(2, "True", "TooManyReplicas", ""), &["/status/conditions/2"]),
        (&default, without(autoscaler(), "/status"), &[]),
        (&scaled, autoscaler(), &[]),
    ] {
        shapes::never_passes(&trouble, telling, |object| said(check, object, 100).0);
    }
}

#[test]
fn one_that_is_off_passes_where_it_may_be_and_nowhere_else() {
    let off = || told(1, "False", "ScalingDisabled", "x");
    let stale = with(off(), "/status/desiredReplicas", json!(5));
    let may = autoscalers("may_be_off: [web]");
    assert_eq!(said(&may, &stale, 100), (Pass, None));
    assert_eq!(said(&autoscalers("may_be_off: [api]"), &off(), 100).1, Some("ScalingDisabled"));
    for (object, reason) in [
        (told(1, "False", "FailedGetResourceMetric", "x"), "ScalingInactive"),
        (with(off(), "/status/conditions/0/status", json!("False")), "UnableToScale"),
    ] {
        assert_eq!(said(&may, &object, 100), (Fail, Some(reason)), "{object}");
    }
}

#[test]
fn a_number_that_nobody_works_out_any_more_is_not_judged() {
    let limited = condition("ScalingLimited", "True", "TooManyReplicas", "");
    for (object, reason) in [
        (told(1, "False", "FailedGetResourceMetric", "x"), "ScalingInactive"),
        (told(0, "False", "FailedGetScale", "etcd timed out"), "UnableToScale"),
    ] {
        let stale = with(object.clone(), "/status/conditions/2", limited.clone());
        for check in ["concerns: [maximum]", "concerns: [reversals]"] {
            for object in [&object, &stale] {
                assert_eq!(said(&autoscalers(check), object, 100), (Fail, Some(reason)), "{check}");
            }
        }
        assert_eq!(said(&autoscalers("concerns: [scaled]"), &object, 100), (Pass, None));
    }
}
