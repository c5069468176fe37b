//! What the server serves and how it is: discovery, versions, health, and as much `OpenAPI` as
//! `kubectl` needs in order to leave validation to the server.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::Shared;
use super::call::Call;
use super::failure::json_response;
use super::kinds::{Kind, split};
use super::lock;
use super::review::REVIEWS;
use super::settings::Version;

/// Answers a path that names no resource.
pub(super) fn answer(shared: &Shared, call: &Call) -> Response {
    let steps: Vec<_> = call.path.split('/').filter(|step| !step.is_empty()).collect();
    let found = match steps.as_slice() {
        ["healthz" | "livez" | "readyz", rest @ ..] => return health(shared, call, rest),
        ["openapi", "v2"] => return old_specification(),
        ["version"] => Some(version(shared)),
        ["api"] => Some(json!({ "kind": "APIVersions", "versions": ["v1"] })),
        ["apis"] => Some(groups(shared)),
        ["apis", group] => group_of(shared, group),
        ["api", "v1"] => resources(shared, "v1"),
        ["apis", group, version] => resources(shared, &format!("{group}/{version}")),
        ["openapi", "v3"] => Some(specifications(shared)),
        ["openapi", "v3", "api", version] => Some(specification(shared, version)),
        ["openapi", "v3", "apis", group, version] => {
            Some(specification(shared, &format!("{group}/{version}")))
        }
        _ => None,
    };
    found.map_or_else(not_found, |value| json_response(200, &value))
}

/// The answer to a path of a group that nobody serves: no `Status`, but a line of text.
pub(super) fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned())
}

fn text(code: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = code;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

fn health(shared: &Shared, call: &Call, rest: &[&str]) -> Response {
    const CHECKS: [&str; 5] =
        ["ping", "log", "etcd", "informer-sync", "poststarthook/rbac/bootstrap-roles"];
    let failing = lock(&shared.behaviour).failing_health.clone();
    let asked = rest.join("/");
    let excluded = call.ask("exclude");
    let mut failed = false;
    let mut report = String::new();
    for check in CHECKS.iter().filter(|check| asked.is_empty() || **check == asked) {
        let fails = failing.contains(*check) && excluded != *check;
        failed |= fails;
        let line = if fails {
            ["[-]", check, " failed: reason withheld\n"]
        } else {
            ["[+]", check, " ok\n"]
        };
        report.extend(line);
    }
    let endpoint = call.path.split('/').nth(1).unwrap_or_default();
    if failed {
        report.extend([endpoint, " check failed\n"]);
        return text(StatusCode::INTERNAL_SERVER_ERROR, report);
    }
    if call.has("verbose") {
        report.extend([endpoint, " check passed\n"]);
        return text(StatusCode::OK, report);
    }
    text(StatusCode::OK, "ok".to_owned())
}

fn version(shared: &Shared) -> Value {
    let Version { major, minor, git } = lock(&shared.behaviour).version.clone();
    json!({
        "major": major,
        "minor": minor,
        "gitVersion": git,
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2026-04-22T00:00:00Z",
        "goVersion": "go1.26.0",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

fn kinds(shared: &Shared) -> Vec<Arc<Kind>> {
    lock(&shared.store).kinds().map(Arc::clone).collect()
}

fn groups(shared: &Shared) -> Value {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for kind in kinds(shared).iter().filter(|kind| !kind.group.is_empty()) {
        let known = versions.entry(kind.group.clone()).or_default();
        if !known.contains(&kind.version) {
            known.push(kind.version.clone());
        }
    }
    versions.entry("authorization.k8s.io".to_owned()).or_insert_with(|| vec!["v1".to_owned()]);
    let groups: Vec<_> =
        versions.iter().map(|(group, versions)| one_group(group, versions)).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

fn one_group(group: &str, versions: &[String]) -> Value {
    let versions: Vec<_> = versions
        .iter()
        .map(|version| json!({ "groupVersion": format!("{group}/{version}"), "version": version }))
        .collect();
    json!({ "name": group, "versions": versions, "preferredVersion": versions[0] })
}

fn group_of(shared: &Shared, group: &str) -> Option<Value> {
    let all = groups(shared);
    let found = all["groups"].as_array()?.iter().find(|known| known["name"] == group)?;
    let mut found = found.clone();
    found["kind"] = "APIGroup".into();
    found["apiVersion"] = "v1".into();
    Some(found)
}

fn resources(shared: &Shared, api_version: &str) -> Option<Value> {
    const VERBS: [&str; 8] =
        ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let mut resources = Vec::new();
    for kind in kinds(shared).iter().filter(|kind| kind.api_version() == api_version) {
        let entry = |name: String, verbs: &[&str]| {
            json!({
                "name": name,
                "singularName": kind.kind.to_lowercase(),
                "namespaced": kind.namespaced,
                "kind": kind.kind,
                "verbs": verbs,
            })
        };
        let mut main = entry(kind.plural.clone(), &VERBS);
        if !kind.short.is_empty() {
            main["shortNames"] = json!(kind.short);
        }
        resources.push(main);
        if kind.status {
            resources.push(entry(format!("{}/status", kind.plural), &["get", "patch", "update"]));
        }
        if kind.resource() == "pods" {
            resources.push(entry("pods/log".to_owned(), &["get"]));
        }
    }
    if api_version == "authorization.k8s.io/v1" {
        for (name, kind) in REVIEWS {
            resources.push(json!({
                "name": name,
                "singularName": kind.to_lowercase(),
                "namespaced": false,
                "kind": kind,
                "verbs": ["create"],
            }));
        }
    }
    (!resources.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": api_version,
            "resources": resources,
        })
    })
}

/// An `OpenAPI` 2 document without a path or a schema, in the protobuf that `kubectl` asks for: older
/// ones leave out the validation of what they know no schema of.
fn old_specification() -> Response {
    const DOCUMENT: &[u8] = b"\x0a\x032.0\x12\x15\x0a\x0aKubernetes\x12\x07v1.36.0\x42\x00";
    const MEDIA: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    let mut response = Response::new(Body::from(DOCUMENT));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    response
}

fn specifications(shared: &Shared) -> Value {
    let paths: BTreeMap<String, Value> = kinds(shared)
        .iter()
        .map(|kind| {
            let path = kind.root()[1..].to_owned();
            let url = format!("/openapi/v3/{path}");
            (path, json!({ "serverRelativeURL": url }))
        })
        .collect();
    json!({ "paths": paths })
}

/// No schemas: only that patches understand `fieldValidation`, which makes `kubectl` trust us.
fn specification(shared: &Shared, api_version: &str) -> Value {
    let (group, version) = split(api_version);
    let mut paths = serde_json::Map::new();
    for kind in kinds(shared).iter().filter(|kind| kind.api_version() == api_version) {
        let place = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let path = format!("{}{place}/{}/{{name}}", kind.root(), kind.plural);
        let operation = json!({
            "parameters": [
                { "name": "fieldValidation", "in": "query", "schema": { "type": "string" } },
            ],
            "responses": { "200": { "description": "OK" } },
            "x-kubernetes-group-version-kind":
                { "group": group, "version": version, "kind": kind.kind },
        });
        paths.insert(path, json!({ "patch": operation }));
    }
    json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "v1.36.0" },
        "paths": paths,
        "components": { "schemas": {} },
    })
}
