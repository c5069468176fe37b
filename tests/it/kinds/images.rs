//! `images` against an API server.

use jiff::SignedDuration;
use serde_json::{Value, json};
use vigie::model::finding::Verdict::{Fail, Pass, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::kubernetes::Kind;

use super::Provocation;
use crate::kubernetes::{Cluster, now, pod, trouble, with};

const CHECK: &str = "images: { namespaces: [shop] }";
const REPORTS: &str = "images: { namespaces: [shop], vulnerability_reports: { max_age: 3d } }";
const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A pod of another image.
fn of(name: &str, image: &str) -> Value {
    with(pod(name), "/spec/containers/0/image", json!(image))
}

/// The same, of which this image runs.
fn running(name: &str, image: &str, id: &str) -> Value {
    with(of(name, image), "/status/containerStatuses/0/imageID", json!(id))
}

async fn look(check: &str, objects: impl IntoIterator<Item = Value>) -> Judgement {
    let cluster = Cluster::start().await;
    for object in objects {
        cluster.put(object);
    }
    cluster.look(check).await
}

fn with_check(more: &str) -> String {
    format!("images: {{ namespaces: [shop], {more} }}")
}

async fn against(more: &'static str, images: &'static [&'static str]) -> Judgement {
    let pods = images.iter().enumerate().map(|(number, image)| of(&format!("p{number}"), image));
    look(&with_check(more), pods).await
}

pub fn report(hours: i64) -> Value {
    let made = now() - SignedDuration::from_hours(hours);
    json!({
        "apiVersion": "aquasecurity.github.io/v1alpha1",
        "kind": "VulnerabilityReport",
        "metadata": {
            "namespace": "shop", "name": "pod-a-web",
            "labels": {
                "trivy-operator.container.name": "web",
                "trivy-operator.resource.kind": "ReplicaSet",
                "trivy-operator.resource.name": "web-5d8c",
            },
        },
        "report": {
            "artifact": { "repository": "web", "tag": "1" },
            "registry": { "server": "registry.example" },
            "scanner": { "name": "Trivy", "vendor": "Aqua Security", "version": "0.67.2" },
            "summary": {
                "criticalCount": 0, "highCount": 3, "mediumCount": 5, "lowCount": 8, "unknownCount": 0,
            },
            "updateTimestamp": made,
            "vulnerabilities": [{ "vulnerabilityID": "CVE-2026-1", "severity": "HIGH" }],
        },
    })
}

async fn scanned(pod: Value, reports: impl IntoIterator<Item = Value>) -> Judgement {
    let cluster = Cluster::start().await;
    let (version, kind) = ("aquasecurity.github.io/v1alpha1", "VulnerabilityReport");
    cluster.server.register(Kind::custom(version, kind, "vulnerabilityreports"));
    cluster.put(pod);
    for report in reports {
        cluster.put(report);
    }
    cluster.look(REPORTS).await
}

fn counted(critical: u64) -> Value {
    with(report(1), "/report/summary/criticalCount", json!(critical))
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    macro_rules! rows {
        ($($code:literal $verdict:ident $run:expr;)*) => {
            vec![$(Provocation {
                reason: Reason::new($code), verdict: $verdict, run: || Box::pin($run),
            }),*]
        };
    }
    rows! {
        "NoPods" Fail look(CHECK, []);
        "ImageInvalid" Fail against("", &["registry.example/Web:1"]);
        "RegistryNotAllowed" Fail against("registries: [ghcr.io]", &["registry.example/web:1"]);
        "RegistryForbidden" Fail against("forbidden_registries: [docker.io]", &["nginx:1"]);
        "PlaceholderRegistry" Fail against("placeholders: [registry.example]", &["registry.example/web:1"]);
        "TagMissing" Fail against("", &["registry.example/web"]);
        "TagForbidden" Fail against("", &["registry.example/web:latest"]);
        "TagNotAllowed" Fail against("tags: ['^v[0-9]+$']", &["registry.example/web:pr-7"]);
        "DigestMissing" Fail against("require_digest: true", &["registry.example/web:1"]);
        "RegistriesDiffer" Fail against("one_registry: true", &["ghcr.io/a/web:1", "quay.io/a/web:1"]);
        "TagsDiffer" Fail against("same_tag: [{ name: all, images: [ghcr.io/a] }]", &["ghcr.io/a/web:1", "ghcr.io/a/api:2"]);
        "GroupEmpty" Unknown against("same_tag: [{ name: all, images: [ghcr.io/b] }]", &["ghcr.io/a/web:1"]);
        "RunningDiffers" Warn look(CHECK, [
            running("a", "ghcr.io/a/web:1", &format!("ghcr.io/a/web@{DIGEST}")),
            running("b", "ghcr.io/a/web:1", &format!("ghcr.io/a/web@{}", DIGEST.replace('e', "f"))),
        ]);
        "ReportMissing" Fail scanned(pod("a"), []);
        "ReportTooOld" Fail scanned(pod("a"), [report(73)]);
        "Vulnerable" Fail scanned(pod("a"), [counted(1)]);
        "ClockSkew" Unknown scanned(pod("a"), [report(-1)]);
        "Garbled" Unknown look(CHECK, [with(pod("a"), "/spec/containers", json!([{ "name": "web" }]))]);
        "WatchRunning" Unknown trouble::running(CHECK);
        "StreamDown" Unknown trouble::down(CHECK);
        "StreamSilent" Unknown trouble::silent(CHECK);
        "Forbidden" Unknown trouble::forbidden(CHECK);
        "Unauthorized" Unknown trouble::unauthorized(CHECK);
        "KindUnknown" Unknown trouble::kind_unknown(CHECK);
        "NoAccess" Unknown trouble::no_access(CHECK);
    }
}

#[tokio::test]
async fn every_reason_of_images_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn images_as_they_must_be_pass() {
    let check = with_check(
        "registries: [registry.example], tags: ['^[0-9]+$'], one_registry: true, \
         same_tag: [{ name: web, images: [registry.example/web] }]",
    );
    let judgement = look(&check, [pod("a"), pod("b")]).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    let said: Vec<_> = judgement.lines().iter().map(|line| line.because.as_str()).collect();
    assert_eq!(
        said,
        [
            "1 image, named as it must be",
            "all images come from registry.example",
            "all of its images bear the tag 1",
        ]
    );
}

#[tokio::test]
async fn without_the_operator_nobody_knows_and_the_rest_goes_on() {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    let judgement = cluster.look(REPORTS).await;
    assert_eq!(judgement.reason(), Some(Reason::KIND_UNKNOWN), "{}", judgement.because());
    assert_eq!(judgement.verdict(), Unknown);
    assert!(judgement.because().contains("vulnerability reports: "), "{}", judgement.because());
    cluster.put(of("b", "registry.example/web:latest"));
    let judgement = cluster.look_until(REPORTS, Reason::new("TagForbidden")).await;
    assert_eq!(judgement.verdict(), Fail, "{}", judgement.because());
}

#[tokio::test]
async fn a_report_is_found_by_tag_by_digest_or_by_owner() {
    let id = format!("registry.example/web@{DIGEST}");
    let pinned = running("a", &id, &id);
    let by_digest = json!({ "repository": "mirror/web", "digest": DIGEST });
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8c", "uid": "1",
        "controller": true,
    }]);
    let owned = with(pod("a"), "/metadata/ownerReferences", owner);
    let nameless = with(report(1), "/report/artifact", json!({}));
    for (pod, report, verdict) in [
        (pod("a"), report(1), Pass),
        (pinned.clone(), with(report(1), "/report/artifact", by_digest), Pass),
        (pinned, report(1), Fail),
        (owned, nameless.clone(), Pass),
        (pod("a"), nameless, Fail),
    ] {
        let judgement = scanned(pod, [report.clone()]).await;
        assert_eq!(judgement.verdict(), verdict, "{report}: {}", judgement.because());
    }
}

#[tokio::test]
async fn a_report_that_lacks_a_figure_is_never_taken_for_none() {
    for pointer in ["/report/summary/criticalCount", "/report/summary", "/report/updateTimestamp"] {
        let judgement = scanned(pod("a"), [with(report(1), pointer, Value::Null)]).await;
        assert_eq!(judgement.verdict(), Unknown, "{pointer}: {}", judgement.because());
        let judgement = scanned(pod("a"), [with(report(1), pointer, json!("x"))]).await;
        assert_eq!(judgement.verdict(), Unknown, "{pointer}: {}", judgement.because());
    }
}
