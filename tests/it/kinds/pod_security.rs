//! `pod_security` against an API server and a registry.

use std::time::Duration;

use serde_json::{Value, json};
use vigie::model::finding::Verdict::{Fail, Pass, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::clock::Clock;
use vigie_sim::kubernetes::{Act, Fault};
use vigie_sim::net::site::{Answer, Site};

use super::Provocation;
use crate::kubernetes::{Cluster, pod, trouble, with};
use crate::registry::image::{config, serve};
use crate::support;

const ROOT: &str = "pod_security: { namespaces: [shop], controls: [non_root] }";
const ISOLATED: &str = "pod_security: { namespaces: [shop], isolated: true }";
const ACCOUNTS: &str = "pod_security: { namespaces: [shop], service_accounts: true }";

/// A pod that keeps the `restricted` standard and more.
pub fn hardened() -> Value {
    let pod = with(
        pod("a"),
        "/spec/securityContext",
        json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } }),
    );
    let context = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    });
    with(pod, "/spec/containers/0/securityContext", context)
}

async fn look(check: &str, objects: impl IntoIterator<Item = Value>) -> Judgement {
    let cluster = Cluster::start().await;
    for object in objects {
        cluster.put(object);
    }
    cluster.look(check).await
}

/// What a control says of a pod that is hardened but for one value.
async fn of(control: &str, pointer: &str, value: Value) -> Judgement {
    let check = format!("pod_security: {{ namespaces: [shop], controls: [{control}] }}");
    let judgement = look(&check, [hardened()]).await;
    assert_eq!(judgement.verdict(), Pass, "{control}: {}", judgement.because());
    look(&check, [with(hardened(), pointer, value)]).await
}

async fn container(control: &str, field: &str, value: Value) -> Judgement {
    of(control, &format!("/spec/containers/0/securityContext/{field}"), value).await
}

async fn whole(control: &str, field: &str, value: Value) -> Judgement {
    of(control, &format!("/spec/securityContext/{field}"), value).await
}

/// A cluster with a pod that leaves its user to an image, and the image's registry.
async fn of_image(prepare: impl FnOnce(&Site)) -> Judgement {
    of_image_by("", prepare).await
}

/// The same, the connection to the registry having further keys.
async fn of_image_by(more: &str, prepare: impl FnOnce(&Site)) -> Judgement {
    let site = Site::plain().await.expect("a site");
    prepare(&site);
    let mut cluster = Cluster::start().await;
    let connections =
        format!("{{ registries: {{ '{}': {{ plain_http: true, {more} }} }} }}", site.address());
    cluster.systems.registries = support::systems(&connections, Clock::System).registries;
    let image = format!("{}/shop/web:1", site.address());
    cluster.put(with(pod("a"), "/spec/containers/0/image", json!(image)));
    cluster.look(ROOT).await
}

/// A registry that asks for a credential, which is not there.
async fn keyless() -> Judgement {
    let challenge = Answer::new(401, "").header("www-authenticate", "Basic realm=\"x\"");
    let absent = "credential: { docker_config: { file: /absent } }";
    of_image_by(absent, |site| site.answer("*", challenge)).await
}

async fn of_user(user: &'static str) -> Judgement {
    of_image(|site| drop(serve(site, "shop/web", "1", &config(user)))).await
}

#[expect(clippy::needless_pass_by_value, reason = "as `json!` gives it")]
pub fn policy(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "namespace": "shop", "name": name }, "spec": spec,
    })
}

pub fn both() -> Value {
    policy("both", json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }))
}

/// A role that allows everything, bound to an account.
fn admin(namespace: Option<&str>) -> [Value; 2] {
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": "everything" },
        "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }],
    });
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": { "name": "web-everything", "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "everything" },
        "subjects": [{ "kind": "ServiceAccount", "namespace": "shop", "name": "web" }],
    });
    [role, binding]
}

fn by(account: &str) -> Value {
    with(pod("a"), "/spec/serviceAccountName", json!(account))
}

fn named(name: &str, account: &str) -> Value {
    with(pod(name), "/spec/serviceAccountName", json!(account))
}

async fn bound(namespace: Option<&str>) -> Judgement {
    let [role, binding] = admin(namespace);
    look(ACCOUNTS, [by("web"), role, binding]).await
}

/// A server that says more of an account than is read.
async fn verbose() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(by("web"));
    cluster.server.inject(Fault::new(Act::Pad(1 << 20)).resource("subjectaccessreviews"));
    cluster.look(ACCOUNTS).await
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
        "NoPods" Fail look(ROOT, []);
        "RunsAsRoot" Fail of_user("");
        "NamedUser" Unknown of_user("node");
        "UserUnknown" Unknown of_image(|site| site.answer("*", Answer::new(503, "")));
        "SecretMissing" Unknown keyless();
        "HostProcess" Fail whole("host_process", "windowsOptions", json!({ "hostProcess": true }));
        "HostNamespace" Fail of("host_namespaces", "/spec/hostPID", json!(true));
        "Privileged" Fail container("privileged", "privileged", json!(true));
        "CapabilityAdded" Fail container("capabilities", "capabilities", json!({ "add": ["SYS_ADMIN"] }));
        "HostPath" Fail of("host_path", "/spec/volumes", json!([{ "name": "x", "hostPath": { "path": "/" } }]));
        "HostPort" Fail of("host_ports", "/spec/containers/0/ports", json!([{ "containerPort": 80, "hostPort": 80 }]));
        "HostProbe" Fail of("host_probes", "/spec/containers/0/livenessProbe", json!({ "httpGet": { "port": 80, "host": "10.0.0.1" } }));
        "AppArmor" Fail container("app_armor", "appArmorProfile", json!({ "type": "Unconfined" }));
        "SELinux" Fail container("selinux", "seLinuxOptions", json!({ "type": "spc_t" }));
        "ProcMount" Fail container("proc_mount", "procMount", json!("Unmasked"));
        "Seccomp" Fail container("seccomp", "seccompProfile", json!({ "type": "Unconfined" }));
        "Sysctl" Fail whole("sysctls", "sysctls", json!([{ "name": "kernel.msgmax", "value": "1" }]));
        "VolumeType" Fail of("volume_types", "/spec/volumes", json!([{ "name": "x", "nfs": { "path": "/", "server": "a" } }]));
        "PrivilegeEscalation" Fail container("privilege_escalation", "allowPrivilegeEscalation", Value::Null);
        "RunAsNonRootUnset" Fail whole("run_as_non_root", "runAsNonRoot", Value::Null);
        "RunAsUserRoot" Fail container("run_as_user", "runAsUser", json!(0));
        "SeccompUnset" Fail whole("seccomp_profile", "seccompProfile", Value::Null);
        "CapabilitiesKept" Fail container("drop_capabilities", "capabilities", Value::Null);
        "WritableRoot" Fail container("read_only_root", "readOnlyRootFilesystem", json!(false));
        "ClusterAdmin" Fail bound(None);
        "NamespaceAdmin" Fail bound(Some("shop"));
        "DefaultAccount" Warn look(ACCOUNTS, [by("default")]);
        "AccountsLeftOut" Unknown look(ACCOUNTS, (0..=200).map(|n| named(&format!("p{n}"), &format!("a{n}"))));
        "NotIsolated" Fail look(ISOLATED, [pod("a"), policy("in", json!({ "podSelector": {} }))]);
        "OpenPolicy" Warn look(ISOLATED, [pod("a"), both(), policy("in", json!({ "podSelector": {}, "ingress": [{}] }))]);
        "TooLarge" Unknown verbose();
        "Garbled" Unknown look(ROOT, [with(pod("a"), "/spec/containers", json!([]))]);
        "WatchRunning" Unknown trouble::running(ROOT);
        "StreamDown" Unknown trouble::down(ROOT);
        "StreamSilent" Unknown trouble::silent(ROOT);
        "Forbidden" Unknown trouble::forbidden(ROOT);
        "Unauthorized" Unknown trouble::unauthorized(ROOT);
        "KindUnknown" Unknown trouble::kind_unknown(ROOT);
        "NoAccess" Unknown trouble::no_access(ROOT);
    }
}

#[tokio::test]
async fn accounts_are_not_asked_about_at_each_change_of_a_pod() {
    let cluster = Cluster::start().await;
    cluster.put(by("web"));
    assert_eq!(cluster.look(ACCOUNTS).await.verdict(), Pass);
    for _ in 0..3 {
        let judgement = support::look_sharing(Duration::from_hours(1), ACCOUNTS, &cluster.systems);
        assert_eq!(judgement.await.verdict(), Pass);
    }
    let requests = cluster.server.requests();
    let reviews = requests.iter().filter(|asked| asked.path.ends_with("/subjectaccessreviews"));
    assert_eq!(reviews.count(), 2, "{requests:?}");
}

#[tokio::test]
async fn every_reason_of_pod_security_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn a_hardened_pod_keeps_every_standard() {
    for check in [
        "level: baseline",
        "level: restricted",
        "level: restricted, controls: [non_root, read_only_root]",
    ] {
        let check = format!("pod_security: {{ namespaces: [shop], {check} }}");
        let judgement = look(&check, [hardened()]).await;
        assert_eq!(judgement.verdict(), Pass, "{check}: {}", judgement.because());
    }
}

#[tokio::test]
async fn an_image_without_root_is_enough_and_is_asked_by_the_digest_that_runs() {
    let judgement = of_user("1000:1000").await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    let site = Site::plain().await.unwrap();
    let before = serve(&site, "shop/web", "1", &config("1000"));
    serve(&site, "shop/web", "1", &config("root"));
    let mut cluster = Cluster::start().await;
    let connections =
        format!("{{ registries: {{ '{}': {{ plain_http: true }} }} }}", site.address());
    cluster.systems.registries = support::systems(&connections, Clock::System).registries;
    let image = format!("{}/shop/web", site.address());
    let of_pod = |digest: &str| {
        let pod = with(pod("a"), "/spec/containers/0/image", json!(format!("{image}:1")));
        let id = format!("{image}@{digest}");
        with(pod, "/status/containerStatuses/0/imageID", json!(id))
    };
    cluster.put(of_pod(&before.digest));
    let judgement = cluster.look(ROOT).await;
    assert_eq!(judgement.verdict(), Pass, "the tag has moved on: {}", judgement.because());
    // Without a repository, a digest is that of a configuration: the tag must tell.
    let alone = with(of_pod(""), "/status/containerStatuses/0/imageID", json!(before.digest));
    cluster.put(alone);
    let judgement = cluster.look_until(ROOT, Reason::new("RunsAsRoot")).await;
    assert_eq!(judgement.verdict(), Fail, "{}", judgement.because());
    assert!(judgement.because().contains("says USER root"), "{}", judgement.because());
}

#[tokio::test]
async fn a_listed_exception_covers_what_it_names_and_no_more() {
    let root = with(pod("db-0"), "/spec/containers/0/securityContext", json!({ "runAsUser": 0 }));
    let also = with(root.clone(), "/metadata/name", json!("web"));
    let except = "exceptions: [{ workload: 'db-*', container: web, controls: [non_root], \
                  because: its volume belongs to root }]";
    let check = format!("pod_security: {{ namespaces: [shop], controls: [non_root], {except} }}");
    let judgement = look(&check, [root.clone()]).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert!(judgement.because().ends_with("save 1 listed exception"), "{}", judgement.because());
    let judgement = look(&check, [root, also]).await;
    assert_eq!(judgement.verdict(), Fail, "{}", judgement.because());
    assert!(judgement.because().starts_with("shop/web (web): "), "{}", judgement.because());
}

#[tokio::test]
async fn isolation_is_as_the_policies_say_and_its_enforcement_not_proven() {
    let judgement = look(ISOLATED, [pod("a"), both()]).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert!(judgement.because().contains("enforces them is not proven"), "{}", judgement.because());
    let broken = json!({ "podSelector": { "matchExpressions": [{ "key": "app" }] } });
    let of_others = json!({
        "podSelector": { "matchLabels": { "app": "db" } }, "policyTypes": ["Ingress", "Egress"],
    });
    let host = with(pod("a"), "/spec/hostNetwork", json!(true));
    for (objects, verdict, said) in [
        (vec![pod("a"), policy("x", of_others)], Fail, "no ingress and no egress policy"),
        (vec![pod("a"), policy("x", broken.clone())], Unknown, "no known operator"),
        (vec![pod("a"), policy("x", broken), both()], Unknown, "no known operator"),
        (vec![host, both()], Fail, "shares its node's network"),
    ] {
        let judgement = look(ISOLATED, objects).await;
        assert_eq!(judgement.verdict(), verdict, "{said}: {}", judgement.because());
        assert!(judgement.because().contains(said), "{}", judgement.because());
    }
}

#[tokio::test]
async fn accounts_of_bounded_rights_pass_and_what_forbids_the_question_is_told() {
    let judgement = look(ACCOUNTS, [by("web")]).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    let judgement = look(ACCOUNTS, [pod("a")]).await;
    let said = (judgement.verdict(), judgement.reason());
    assert_eq!(said, (Unknown, Some(Reason::GARBLED)), "{}", judgement.because());
}
