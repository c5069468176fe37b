//! The API's description: what is served, all of it, and no more.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use super::Running;
use crate::architecture::sources;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/golden/openapi.json");
/// What a path may know, in the order in which it is told.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn document(server: &Running) -> Value {
    let answer = server.get("/api/v1/openapi.json").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    answer.json().await.expect("JSON")
}

/// Each path with its operations.
fn paths(document: &Value) -> impl Iterator<Item = (&String, &serde_json::Map<String, Value>)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    paths.map(|(path, operations)| (path, operations.as_object().expect("operations")))
}

/// Paths, parameters, answers and schemas are an API. After a change that is meant:
/// `VIGIE_BLESS=1 cargo test --test it openapi`.
#[tokio::test]
async fn the_document_is_the_golden_one() {
    let server = Running::plain().await;
    let text = serde_json::to_string_pretty(&document(&server).await).expect("JSON") + "\n";
    if std::env::var_os("VIGIE_BLESS").is_some() {
        fs::write(GOLDEN, &text).expect("written");
    }
    let golden = fs::read_to_string(GOLDEN).expect("the golden file");
    for (n, (ours, theirs)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {} differs from the golden one", n + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count());
}

#[tokio::test]
async fn a_method_is_served_where_it_is_described_and_nowhere_else() {
    let server = Running::plain().await;
    let document = document(&server).await;
    for (path, operations) in paths(&document) {
        let told: BTreeSet<_> = operations.keys().map(String::as_str).collect();
        assert!(told.iter().all(|method| METHODS.contains(method)), "{path}: {told:?}");
        let concrete = path.replace("{id}", "pods-running").replace(['{', '}'], "");
        for method in METHODS {
            let name = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let answer = server.request(name, &concrete).send().await.expect("an answer");
            let status = answer.status().as_u16();
            if told.contains(method) {
                assert_ne!(status, 405, "{method} {path}");
                let said = answer.text().await.expect("text");
                assert!(!said.contains("there is no /"), "{method} {path}: {said}");
            } else {
                assert_eq!(status, 405, "{method} {path} is not described");
                let allowed = answer.headers()["allow"].to_str().expect("text").to_lowercase();
                let allowed: BTreeSet<_> = allowed.split(',').filter(|m| *m != "head").collect();
                assert_eq!(allowed, told, "{path}");
            }
        }
    }
}

/// The other way around: whoever is routed is described, since routes are made from descriptions
/// alone, and whoever is described is routed.
#[tokio::test]
async fn no_route_goes_around_the_document() {
    let server = Running::plain().await;
    let document = document(&server).await;
    let described: usize = paths(&document).map(|(_, operations)| operations.len()).sum();
    let mut written = 0;
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server")) {
        let text = fs::read_to_string(&path).expect("a source");
        for around in [".route(", ".nest(", ".nest_service(", ".route_service("] {
            assert!(!text.contains(around), "{}: `{around}`", path.display());
        }
        written += text.matches("#[utoipa::path(").count();
    }
    assert_eq!(written, described, "a description belongs to no route");
}

#[tokio::test]
async fn each_error_is_a_problem_and_each_write_names_its_own() {
    let server = Running::plain().await;
    let document = document(&server).await;
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    for (path, operations) in paths(&document) {
        for (method, operation) in operations {
            let answers = operation["responses"].as_object().expect("answers");
            for (status, answer) in answers {
                let is_probe = path.starts_with("/-/") && method == "get";
                if status.starts_with(['4', '5']) && !is_probe {
                    let schema = &answer["content"]["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
                }
            }
            if method == "get" {
                assert!(operation.get("security").is_none(), "{path}: reading is free");
                continue;
            }
            assert_eq!(operation["security"][0]["token"], Value::Array(vec![]), "{path}");
            for status in ["401", "403", "408", "413", "429", "500", "503"] {
                assert!(answers.contains_key(status), "{method} {path} says nothing of {status}");
            }
            let challenge = &answers["401"]["headers"]["WWW-Authenticate"];
            let wait = &answers["429"]["headers"]["Retry-After"];
            assert!(challenge.is_object() && wait.is_object(), "{method} {path}");
        }
    }
}
