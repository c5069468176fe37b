//! How the API server is reached: a URL, a kubeconfig, a pod's own service account; rotating tokens.

use std::path::Path;
use std::time::Duration;

use vigie::model::finding::Verdict;
use vigie::model::reason::Reason;
use vigie::systems::kubernetes::Pace;
use vigie::systems::kubernetes::access::NO_ACCESS;
use vigie_sim::kubernetes::{Blow, Settings, User};

use super::{Cluster, brisk, pod, until};

const CHECK: &str = "pods: { namespaces: [shop] }";

/// A cluster that lets nobody in but the bearer of `first`.
async fn guarded(tls: bool) -> Cluster {
    let cluster = Cluster::start_with(Settings { tls, ..Settings::default() }).await;
    cluster.put(pod("a"));
    cluster.server.admit("first", User::admin());
    cluster
}

/// Looks, rotates the token at the server and in the file, and looks at a change.
async fn rotates(cluster: &Cluster, token: &Path) {
    let judgement = cluster.look(CHECK).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    cluster.server.rotate("first", "second");
    std::fs::write(token, "second\n").expect("a token");
    cluster.server.blow(Blow::Cut);
    cluster.remove("pods/shop/a");
    let judgement = cluster.look_until(CHECK, Reason::new("TooFew")).await;
    assert_eq!(judgement.reason(), Some(Reason::new("TooFew")), "{}", judgement.because());
    let unauthorized = ["watch", "pods", "401"].map(str::to_owned);
    let requests = cluster.systems.kubernetes.requests();
    assert!(!requests.contains_key(&unauthorized), "the new token is in use at once");
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_told_and_crashes_nothing() {
    let mut cluster = Cluster::start().await;
    let token = cluster.file("token", "line1\nline2\n");
    let connection = cluster.connection(&format!("token: {{ file: '{}' }}", token.display()));
    cluster.connect(&connection, brisk());
    let judgement = cluster.look("pods: { namespaces: [shop] }").await;
    assert_eq!(judgement.reason(), Some(NO_ACCESS), "{}", judgement.because());
    assert!(judgement.because().contains("a line break"), "{}", judgement.because());
    assert!(!judgement.because().contains("line1"), "{}", judgement.because());
}

#[tokio::test]
async fn a_url_with_a_token_file_and_an_authority() {
    let mut cluster = guarded(true).await;
    let token = cluster.file("token", "first\n");
    let authority = cluster.server.authority().expect("TLS").to_owned();
    let authority = cluster.file("ca.crt", &authority);
    let more = format!("token: {{ file: '{}' }}, ca: '{}'", token.display(), authority.display());
    cluster.connect(&cluster.connection(&more), brisk());
    rotates(&cluster, &token).await;
}

#[tokio::test]
async fn a_kubeconfig_with_a_token_file() {
    let mut cluster = guarded(true).await;
    let token = cluster.file("token", "first");
    let authority = cluster.server.authority().expect("TLS").to_owned();
    cluster.file("ca.crt", &authority);
    let text = format!(
        "apiVersion: v1\nkind: Config\n\
         clusters: [{{ name: c, cluster: {{ server: '{}', certificate-authority: ca.crt }} }}]\n\
         users: [{{ name: u, user: {{ tokenFile: '{}' }} }}, {{ name: v, user: {{ token: bad }} }}]\n\
         contexts: [{{ name: one, context: {{ cluster: c, user: u }} }},\n\
         {{ name: two, context: {{ cluster: c, user: v }} }}]\ncurrent-context: two\n",
        cluster.server.url(),
        token.display(),
    );
    let path = cluster.file("kubeconfig", &text);
    let connection = format!("kubeconfig: {{ path: '{}' }}", path.display());
    cluster.connect(&connection, brisk());
    assert_eq!(cluster.look(CHECK).await.reason(), Some(Reason::UNAUTHORIZED), "context two");
    let connection = format!("kubeconfig: {{ path: '{}', context: one }}", path.display());
    cluster.connect(&connection, brisk());
    rotates(&cluster, &token).await;
}

#[tokio::test]
async fn a_kubeconfig_that_changes_is_read_again() {
    let mut cluster = guarded(false).await;
    let path = cluster.folder().join("kubeconfig");
    cluster.server.write_kubeconfig(&path, Some("wrong")).expect("a kubeconfig");
    cluster.connect(&format!("kubeconfig: {{ path: '{}' }}", path.display()), brisk());
    assert_eq!(cluster.look(CHECK).await.reason(), Some(Reason::UNAUTHORIZED));
    cluster.server.write_kubeconfig(&path, Some("first")).expect("a kubeconfig");
    let look = async || cluster.look(CHECK).await;
    let judgement = until(look, |judgement| judgement.verdict() == Verdict::Pass).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

#[tokio::test]
async fn a_pods_own_service_account() {
    let mut cluster = guarded(true).await;
    let folder = cluster.folder().join("serviceaccount");
    cluster.server.write_service_account(&folder, "first", "vigie").expect("three files");
    let connection = format!(
        "in_cluster: {{ service_account: '{}', url: '{}' }}",
        folder.display(),
        cluster.server.url(),
    );
    cluster.connect(&connection, brisk());
    rotates(&cluster, &folder.join("token")).await;
}

#[tokio::test]
async fn an_authority_that_did_not_sign_is_not_trusted() {
    let mut cluster = guarded(true).await;
    let other = Cluster::start_with(Settings { tls: true, ..Settings::default() }).await;
    let authority = cluster.file("ca.crt", other.server.authority().expect("TLS"));
    cluster.connect(&cluster.connection(&format!("ca: '{}'", authority.display())), brisk());
    let judgement = cluster.look(CHECK).await;
    assert_eq!(judgement.reason(), Some(Reason::STREAM_DOWN));
    assert!(judgement.because().contains("certificate"), "{}", judgement.because());
    cluster.file("ca.crt", cluster.server.authority().expect("TLS"));
    let look = async || cluster.look(CHECK).await;
    let judgement = until(look, |judgement| judgement.reason() != Some(Reason::STREAM_DOWN)).await;
    assert_eq!(judgement.reason(), Some(Reason::UNAUTHORIZED), "the new file is trusted");
}

#[tokio::test]
async fn a_credential_plugin_that_hangs_is_told() {
    let mut cluster = guarded(false).await;
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: one\n\
         clusters: [{{ name: c, cluster: {{ server: '{}' }} }}]\n\
         contexts: [{{ name: one, context: {{ cluster: c, user: u }} }}]\n\
         users: [{{ name: u, user: {{ exec: {{ command: sleep, args: ['5'], \
         apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never }} }} }}]\n",
        cluster.server.url(),
    );
    let path = cluster.file("kubeconfig", &text);
    let pace = Pace { silence: Duration::from_secs(1), ..brisk() };
    cluster.connect(&format!("kubeconfig: {{ path: '{}' }}", path.display()), pace);
    let judgement = cluster.look(CHECK).await;
    assert_eq!(judgement.reason(), Some(Reason::new("NoAccess")));
    let because = judgement.because();
    assert!(because.contains("can't be read within 1s"), "{because}");
}

#[tokio::test]
async fn access_that_can_not_be_read_is_told_without_its_content() {
    let mut cluster = guarded(false).await;
    let broken = cluster.file("broken", "users: [{ name: u, user: { token: hunter2 }\n");
    let empty = cluster.file("empty", "");
    for (connection, said) in [
        (
            format!("kubeconfig: {{ path: '{}' }}", broken.display()),
            "is not the YAML of a kubeconfig",
        ),
        ("kubeconfig: { path: /absent }".to_owned(), "kubeconfig /absent"),
        (cluster.connection("token: { file: /absent }"), "file /absent can't be read"),
        (cluster.connection(&format!("token: {{ file: '{}' }}", empty.display())), "is empty"),
        (cluster.connection("token: { env: VIGIE_ABSENT }"), "VIGIE_ABSENT is not set"),
        ("in_cluster: { service_account: /absent }".to_owned(), "does not run as a pod"),
    ] {
        cluster.connect(&connection, brisk());
        let judgement = cluster.look(CHECK).await;
        assert_eq!(judgement.reason(), Some(Reason::new("NoAccess")), "{connection}");
        let because = judgement.because();
        assert!(because.contains(said), "{because}");
        assert!(!because.contains("hunter2"), "{because}");
    }
}
