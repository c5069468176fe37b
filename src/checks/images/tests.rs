//! Judging of images, over objects as the API server gives them.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Images, Seen};
use crate::checks::Check;
use crate::model::finding::Verdict;
use crate::model::judgement::Judgement;
use crate::model::past::Past;
use crate::systems::kubernetes::pod::Pod;
use crate::systems::kubernetes::vulnerability_report::{
    VULNERABILITY_REPORTS, VulnerabilityReport,
};
use crate::systems::kubernetes::{PODS, Table};

const NOW: &str = "2026-11-23T12:00:00Z";

fn check(more: &str) -> Images {
    let text = format!("{{ namespaces: [shop], {more} }}");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn pod(name: &str, image: &str) -> Value {
    json!({
        "metadata": { "namespace": "shop", "name": name, "creationTimestamp": NOW },
        "spec": { "containers": [{ "name": "web", "image": image }] },
        "status": { "phase": "Running" },
    })
}

fn report() -> Value {
    json!({
        "metadata": { "namespace": "shop", "name": "r" },
        "report": {
            "artifact": { "repository": "library/nginx", "tag": "1.27" },
            "registry": { "server": "index.docker.io" },
            "summary": {
                "criticalCount": 0, "highCount": 0, "mediumCount": 0, "lowCount": 0, "unknownCount": 0,
            },
            "updateTimestamp": "2026-11-23T11:00:00Z",
        },
    })
}

fn judged(check: &Images, pods: &[Value], reports: &[Value]) -> Judgement {
    let (mut all, mut scanned) = (Table::<Pod>::default(), Table::<VulnerabilityReport>::default());
    for pod in pods {
        all.take(&pod.to_string(), &PODS);
    }
    for report in reports {
        scanned.take(&report.to_string(), &VULNERABILITY_REPORTS);
    }
    let mut seen = Seen::default();
    seen.pods.entry("shop".into()).or_default();
    seen.take(&all);
    seen.take_reports(&scanned);
    let now: Timestamp = NOW.parse().unwrap();
    check.judge(&seen, &Past::default(), now)
}

#[test]
fn docker_hubs_short_names_meet_their_reports() {
    let limits = check("vulnerability_reports: {}");
    let judgement = judged(&limits, &[pod("a", "nginx:1.27")], &[report()]);
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let judgement = judged(&limits, &[pod("a", "nginx:1.28")], &[report()]);
    assert_eq!(judgement.verdict(), Verdict::Fail, "{}", judgement.because());
}

#[test]
fn the_newest_report_counts() {
    let limits = check("vulnerability_reports: { most: { critical: 0, high: 2 } }");
    let mut old = report();
    old["metadata"]["name"] = json!("old");
    old["report"]["updateTimestamp"] = json!("2026-11-22T11:00:00Z");
    old["report"]["summary"]["highCount"] = json!(3);
    let pods = [pod("a", "nginx:1.27")];
    assert_eq!(judged(&limits, &pods, &[old.clone(), report()]).verdict(), Verdict::Pass);
    let judgement = judged(&limits, &pods, &[old]);
    assert!(
        judgement.because().contains("old counts 3 high vulnerabilities, 2 allowed"),
        "{}",
        judgement.because()
    );
}

/// A node that knows an image by its configuration alone says nothing of the digest it is pinned by.
#[test]
fn a_digest_of_a_configuration_is_not_held_against_that_of_an_image() {
    let [pinned, other] = ["a", "b"].map(|digit| format!("sha256:{}", digit.repeat(64)));
    let image = format!("nginx@{pinned}");
    let runs = |id: &str| {
        let mut pod = pod("a", &image);
        pod["status"]["containerStatuses"] =
            json!([{ "name": "web", "image": image, "imageID": id }]);
        judged(&check(""), &[pod], &[])
    };
    for (id, verdict) in [
        (format!("docker.io/library/nginx@{pinned}"), Verdict::Pass),
        (format!("docker.io/library/nginx@{other}"), Verdict::Warn),
        (other, Verdict::Pass),
        (String::new(), Verdict::Pass),
    ] {
        let judgement = runs(&id);
        assert_eq!(judgement.verdict(), verdict, "{id}: {}", judgement.because());
    }
}

#[test]
fn only_whole_parts_of_a_place_and_of_a_tag_count() {
    let limits = check("registries: [ghcr.io/shop], tags: ['^v1$'], forbidden_tags: []");
    for (image, verdict) in [
        ("ghcr.io/shop/api:v1", Verdict::Pass),
        ("ghcr.io/shopping/api:v1", Verdict::Fail),
        ("ghcr.io/shop/api:v10", Verdict::Fail),
        ("shop/api:v1", Verdict::Fail),
    ] {
        assert_eq!(judged(&limits, &[pod("a", image)], &[]).verdict(), verdict, "{image}");
    }
}

#[test]
fn a_form_is_one_of_whole_tags() {
    let forms = check("tags: ['v*', '1[.]2|2[.]0']");
    let allowed = |tag: &str| forms.tags.iter().flatten().any(|form| form.holds(tag));
    assert!(allowed("vv") && allowed("1.2") && allowed("2.0"));
    assert!(!allowed("v1.2.3") && !allowed("11.2") && !allowed("1.2.0"));
}

#[test]
fn bad_parameters_are_told() {
    assert_eq!(check("registries: []").flaws().len(), 1);
    assert_eq!(check("same_tag: [{ name: a, images: [] }]").flaws().len(), 1);
    for bad in ["registries: ['ghcr.io/a:1']", "registries: ['a b']", "tags: ['(']"] {
        let text = format!("{{ namespaces: [shop], {bad} }}");
        assert!(serde_saphyr::from_str::<Images>(&text).is_err(), "{bad}");
    }
}

proptest! {
    /// No bent report is taken for a good one: the figure with a limit and the time must be there.
    #[test]
    fn a_bent_report_never_passes(pick in 0..9_usize, kind in 0..4_usize) {
        let places = [
            "", "/report", "/report/summary", "/report/summary/criticalCount",
            "/report/updateTimestamp", "/report/artifact", "/report/artifact/tag",
            "/report/registry", "/metadata",
        ];
        let mut bent = report();
        let value = [Value::Null, json!("x"), json!([]), json!({})][kind].clone();
        *bent.pointer_mut(places[pick]).unwrap() = value;
        let limits = check("vulnerability_reports: {}");
        let judgement = judged(&limits, &[pod("a", "nginx:1.27")], &[bent.clone()]);
        prop_assert_ne!(judgement.verdict(), Verdict::Pass, "{}", bent);
    }

    /// A pod whose image can't be read is never one whose image is right.
    #[test]
    fn a_bent_pod_never_passes(pick in 0..5_usize, kind in 0..4_usize) {
        let places = [
            "/spec", "/spec/containers", "/spec/containers/0", "/spec/containers/0/image", "",
        ];
        let mut bent = pod("a", "nginx:1.27");
        let value = [Value::Null, json!(7), json!([]), json!({})][kind].clone();
        *bent.pointer_mut(places[pick]).unwrap() = value;
        let judgement = judged(&check(""), &[bent.clone()], &[]);
        prop_assert_ne!(judgement.verdict(), Verdict::Pass, "{}", bent);
    }
}

#[test]
fn five_thousand_images_are_judged_and_the_worst_are_told() {
    let pods: Vec<Value> = (0..5000).map(|n| pod(&format!("p{n}"), &format!("a/b{n}"))).collect();
    let judgement = judged(&check("one_registry: true"), &pods, &[]);
    assert_eq!(judgement.verdict(), Verdict::Fail);
    assert!(judgement.capped().lines().len() <= 200);
}
