//! `vigie rbac` by the real binary.

use std::fs;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};
use vigie::checks::KINDS;
use vigie_sim::kubernetes::{ApiServer, Kind, Rule, Settings, User};

use crate::drill::Daemon;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/golden/rbac.yaml");

/// Connections that the examples of the kinds name.
pub const CONNECTIONS: &str = "connections:\n  alertmanager:\n    main:\n      urls: ['https://127.0.0.1']\n      \
    bearer: { secret: { namespace: monitoring, name: alertmanager, key: token } }\n  elasticsearch:\n    \
    default:\n      url: https://127.0.0.1\n      \
    basic: { username: vigie, password: { secret: { namespace: databases, name: search, key: password } } }\n  \
    redis: { default: { url_from: { secret: { namespace: shop, name: \
    redis, key: url } } } }\n  s3:\n    backups:\n      endpoint: https://127.0.0.1\n      region: r\n      \
    access_key: { secret: { namespace: shop, name: store, key: access } }\n      \
    secret_key: { secret: { namespace: shop, name: store, key: secret } }\n  prometheus:\n    main:\n      \
    url: https://127.0.0.1\n      bearer: { secret: { namespace: monitoring, name: prometheus, key: token } }\n  \
    registries: { ghcr.io: { credential: { docker_config: { secret: { namespace: shop, name: pull, key: \
    .dockerconfigjson } } } } }\n  postgres: { default: { url_from: { secret: { namespace: shop, name: app, key: \
    DATABASE_URL } } } }\n";

/// One item a kind, with the kind's example.
pub fn examples() -> String {
    let mut text =
        format!("{CONNECTIONS}sections:\n  - id: deployment.verify\n    title: S\n    items:\n");
    for kind in KINDS {
        let check: Vec<_> =
            kind.example.lines().map(|line| format!("            {line}\n")).collect();
        let check = check.concat();
        text += &format!(
            "      - id: {}\n        title: T\n        severity: info\n{}        timeout: 1m\n        checks:\n          -\n{check}",
            kind.name.replace('_', "-"),
            if kind.name == "attestation" { "        mode: attested\n" } else { "" },
        );
    }
    text
}

pub async fn rbac(text: &str, more: &[&str]) -> Output {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("checklist.yaml");
    fs::write(&file, text).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command.arg("rbac").arg("-c").arg(&file).args(more).kill_on_drop(true);
    command.output().await.expect("the binary")
}

pub fn printed(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `VIGIE_BLESS=1` writes them.
#[tokio::test]
async fn the_rights_of_all_examples_are_the_golden_ones() {
    let text = printed(&rbac(&examples(), &[]).await);
    #[expect(clippy::disallowed_methods, reason = "how a golden file is blessed")]
    if std::env::var("VIGIE_BLESS").is_ok() {
        fs::write(GOLDEN, &text).expect("the golden file is written");
    }
    let golden = fs::read_to_string(GOLDEN).expect("the golden file");
    assert_eq!(text, golden);
    for document in text.split("\n---\n") {
        let object: Value = serde_saphyr::from_str(document).expect("YAML");
        for rule in object["rules"].as_array().into_iter().flatten() {
            let rule = rule.to_string();
            assert!(!rule.contains('*'), "{rule}");
            let secrets = rule.contains("\"secrets\"");
            let one = rule.contains("resourceNames") && rule.contains("\"verbs\":[\"get\"]");
            assert!(!secrets || one, "{rule}");
            assert!(!rule.contains("nodes/proxy"), "no example asks a kubelet: {rule}");
            assert!(!rule.contains("\"\"]") || rule.contains("\"apiGroups\":[\"\"]"), "{rule}");
        }
    }
}

const ITEM: &str = "sections:\n  - id: s\n    title: S\n    items:\n";

#[tokio::test]
async fn what_does_not_apply_needs_nothing() {
    let text = format!(
        "{ITEM}      - {{ id: a, title: A, severity: info, when: \"\", checks: [{{ pods: {{ namespaces: [shop] }} }}] }}\n"
    );
    let text = printed(&rbac(&text, &["--namespace", "watch"]).await);
    assert!(text.contains("no right at all in the cluster"), "{text}");
    assert!(text.contains("kind: ServiceAccount\nmetadata:\n  name: vigie\n  namespace: watch\n"));
    assert!(!text.contains("Role"), "{text}");
}

#[tokio::test]
async fn a_namespace_that_can_be_none_and_a_bad_configuration_are_bad_usage() {
    let text = format!(
        "{ITEM}      - {{ id: a, title: A, severity: info, checks: [{{ pods: {{ namespaces: [shop] }} }}] }}\n"
    );
    for namespace in ["", "A", "a: b", "-a"] {
        let output = rbac(&text, &[&format!("--namespace={namespace}")]).await;
        assert_eq!(output.status.code(), Some(3), "{namespace}");
    }
    assert_eq!(rbac("sections: 3\n", &[]).await.status.code(), Some(3));
}

/// A server that knows a token without rights, and a configuration that bears it.
async fn stranger(items: &str) -> (ApiServer, TempDir, String) {
    let server = ApiServer::start(Settings::default()).await.expect("a server");
    server.admit("t0ken", User::new("stranger", vec![]));
    let folder = TempDir::new().expect("a folder");
    let token = folder.path().join("token");
    fs::write(&token, "t0ken").expect("a file");
    let text = format!(
        "connections: {{ kubernetes: {{ server: {{ url: '{}', token: {{ file: '{}' }} }} }} }}\n{ITEM}{items}",
        server.url(),
        token.display()
    );
    (server, folder, text)
}

const PODS: &str = "      - { id: all-pods, title: A, severity: info, checks: [{ pods: { namespaces: [shop] } }] }\n";

#[tokio::test]
async fn the_rights_of_all_items_are_reviewed_where_one_is_looked_at() {
    let access =
        "      - { id: access, title: A, severity: info, checks: [{ kubernetes_api: {} }] }\n";
    let (server, folder, text) = stranger(&format!("{access}{PODS}")).await;
    let file = folder.path().join("checklist.yaml");
    fs::write(&file, text).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command.arg("once").arg("-c").arg(&file).args(["--item", "access", "--format", "json"]);
    let output = command.kill_on_drop(true).output().await.expect("the binary");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("list, watch pods in shop"), "{said}");
    assert!(said.contains("pods (all-pods) need it"), "{said}");
    assert_eq!(
        server.open_watches("pods") + server.count("watch", "pods"),
        0,
        "nothing is watched"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_reviews_the_rights_of_a_new_configuration() {
    let access = "      - { id: access, title: A, severity: info, every: 1s, checks: [{ kubernetes_api: {} }] }\n";
    let (server, folder, text) = stranger(access).await;
    server.admit(
        "t0ken",
        User::new(
            "stranger",
            vec![Rule {
                paths: vec!["/*".to_owned()],
                ..Rule::cluster(
                    &["get", "create"],
                    &["authorization.k8s.io"],
                    &["selfsubjectaccessreviews"],
                )
            }],
        ),
    );
    let file = folder.path().join("checklist.yaml");
    fs::write(&file, &text).expect("a file");
    let daemon = Daemon::start(std::slice::from_ref(&file)).await;
    for (standing, more) in [("passing", PODS), ("failing", "")] {
        let deadline = Instant::now() + Duration::from_secs(60);
        let stands = async || daemon.standings().await["access"].0.clone();
        while stands().await != standing {
            assert!(Instant::now() < deadline, "{:?}, {standing} wanted", daemon.standings().await);
            sleep(Duration::from_millis(50)).await;
        }
        fs::write(&file, format!("{text}{more}")).expect("a file");
    }
}

/// An item about a kind that is in no table.
fn gadgets(more: &str) -> String {
    format!(
        "      - {{ id: gadgets, title: A, severity: info, checks: [{{ resource: {{ api_version: \
         example.org/v1, kind: Gadget, namespaces: [shop]{more} }} }}] }}\n"
    )
}

#[tokio::test]
async fn a_plural_that_nobody_knows_is_asked_of_the_cluster_where_that_is_wished() {
    let (server, _folder, text) = stranger(&gadgets("")).await;
    let ask = async || rbac(&text, &["--ask-cluster"]).await;
    let error = |output: &Output| {
        assert_eq!(output.status.code(), Some(3));
        assert!(output.stdout.is_empty(), "half of the rights would be taken for all");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let offline = error(&rbac(&text, &[]).await);
    assert!(offline.contains("the plural of Gadget in example.org/v1 is not known"), "{offline}");
    assert!(offline.contains("give `plural:`, or `--ask-cluster`"), "{offline}");
    assert!(server.requests().is_empty(), "nobody was to be asked");
    let absent = error(&ask().await);
    assert!(absent.contains("serves no example.org/v1"), "{absent}");
    server.register(Kind::custom("example.org/v1", "Gadget", "gadgetry"));
    let printed = printed(&ask().await);
    assert!(printed.contains("gadgetry"), "{printed}");
    assert!(printed.contains("/apis/example.org/v1"), "{printed}");
    assert!(!printed.contains("gadgets.example.org") && !printed.contains("\"\""), "{printed}");
    let asked = server.requests();
    assert!(asked.iter().all(|one| one.path == "/apis/example.org/v1"), "{asked:?}");
    server.behave(|behaviour| behaviour.default_roles = false);
    let forbidden = error(&ask().await);
    assert!(forbidden.contains("403"), "{forbidden}");
}

#[tokio::test]
async fn a_plural_that_is_given_needs_no_discovery_and_an_empty_one_is_none() {
    let (server, _folder, text) = stranger(&gadgets(", plural: gadgetry")).await;
    for more in [&[][..], &["--ask-cluster"]] {
        let printed = printed(&rbac(&text, more).await);
        assert!(printed.contains("gadgetry"), "{printed}");
        assert!(!printed.contains("/apis/"), "{printed}");
    }
    assert!(server.requests().is_empty(), "nobody was to be asked");
    let text = text.replace("plural: gadgetry", "plural: ''");
    for more in [&[][..], &["--ask-cluster"]] {
        let output = rbac(&text, more).await;
        assert_eq!(output.status.code(), Some(3));
        assert!(output.stdout.is_empty());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("is not a plural"), "{error}");
    }
}
