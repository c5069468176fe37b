//! `images`, wherever it looks.

use serde_json::{Value, json};

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{now, pod, with};

pub const CASES: &[Case] = cases! {
    "images as they should be pass, and others fail" => rules;
    "every running image has a report without grave findings" => reports;
    "a report is asked for where nobody makes any" => no_scanner;
    "without the right to see pods nothing is said" => forbidden;
    "without the right to see reports the rules are judged" => forbidden_reports;
};

const VERSION: &str = "aquasecurity.github.io/v1alpha1";

fn check(ground: &Ground, more: &str) -> String {
    format!("images: {{ namespaces: [{}], {more} }}", ground.namespace())
}

/// A pod of this image; the server's default of how it is pulled would depend on the tag, and can't
/// be changed.
fn of(image: &str) -> Value {
    let pod = with(pod("a"), "/spec/containers/0/imagePullPolicy", json!("IfNotPresent"));
    with(pod, "/spec/containers/0/image", json!(image))
}

const WEB: &str = "registry.example/web:1";

fn report(critical: u32) -> Value {
    json!({
        "apiVersion": VERSION, "kind": "VulnerabilityReport",
        "metadata": {
            "name": "pod-a-web",
            "labels": {
                "trivy-operator.container.name": "web",
                "trivy-operator.resource.kind": "Pod",
                "trivy-operator.resource.name": "a",
            },
        },
        "report": {
            "artifact": { "repository": "web", "tag": "1" },
            "registry": { "server": "registry.example" },
            "scanner": { "name": "Trivy", "vendor": "Aqua Security", "version": "0.67.2" },
            "summary": {
                "criticalCount": critical, "highCount": 3, "mediumCount": 5, "lowCount": 8,
                "unknownCount": 0,
            },
            "updateTimestamp": now(),
            "vulnerabilities": [],
        },
    })
}

async fn rules(ground: &Ground) {
    let check = check(ground, "registries: [registry.example], tags: ['^[0-9]+$']");
    ground.fails(&check, "NoPods").await;
    ground.put(of(WEB)).await;
    ground.passes(&check).await;
    ground.put(of("registry.example/web:latest")).await;
    ground.fails(&check, "TagForbidden").await;
    ground.put(of("docker.io/library/web:1")).await;
    ground.fails(&check, "RegistryNotAllowed").await;
    ground.put(of(WEB)).await;
    ground.passes(&check).await;
}

async fn reports(ground: &Ground) {
    ground.define(VERSION, "VulnerabilityReport", "vulnerabilityreports").await;
    let check = check(ground, "vulnerability_reports: { max_age: 3d }");
    ground.put(of(WEB)).await;
    ground.fails(&check, "ReportMissing").await;
    ground.put(report(0)).await;
    ground.passes(&check).await;
    ground.put(report(1)).await;
    ground.fails(&check, "Vulnerable").await;
    ground.put(report(0)).await;
    ground.passes(&check).await;
    ground.advance(73 * 60);
    ground.fails(&check, "ReportTooOld").await;
}

async fn no_scanner(ground: &Ground) {
    ground.put(of(WEB)).await;
    let check = check(ground, "vulnerability_reports: { max_age: 3d }");
    let not_seen = |judgement: &vigie::model::judgement::Judgement| {
        let code = judgement.reason().map(vigie::model::reason::Reason::code);
        // On a server of many cases another one may have defined them.
        matches!(code, Some("KindUnknown" | "ReportMissing"))
    };
    ground.sees(&check, "reports that are not there", not_seen).await;
}

async fn forbidden(ground: &Ground) {
    ground.put(of(WEB)).await;
    ground.lacks(&check(ground, ""), "pods").await;
}

async fn forbidden_reports(ground: &Ground) {
    ground.define(VERSION, "VulnerabilityReport", "vulnerabilityreports").await;
    ground.put(of("registry.example/web:latest")).await;
    let check = check(ground, "vulnerability_reports: { max_age: 3d }");
    let judgement = ground.lacks(&check, "vulnerabilityreports.aquasecurity.github.io").await;
    let code = judgement.reason().map(vigie::model::reason::Reason::code);
    assert_eq!(code, Some("TagForbidden"), "{}", judgement.because());
}
