//! `kubernetes_api`: the API server as the subject.

use std::time::Duration;

use tokio::net::TcpListener;
use vigie::checks::kubernetes_api::KubernetesApi;
use vigie::model::finding::Verdict;
use vigie::model::item::ItemId;
use vigie::model::judgement::Judgement;
use vigie::model::needs::{Needs, Resource, Watch};
use vigie::model::past::Past;
use vigie::model::reason::Reason;
use vigie::model::rights::{Demands, Purpose};
use vigie_sim::kubernetes::{Act, Fault, Settings, User, Version, Voice};
use vigie_sim::net::site::{Answer, Site};

use super::Provocation;
use crate::kubernetes::{Cluster, brisk, trouble};
use crate::support;

const CHECK: &str = "kubernetes_api: { version_at_least: \"1.25\" }";
const ALONE: &str = "kubernetes_api: { permissions: false }";

/// What a configuration with this check, and one more that needs these watches, asks for.
fn demands(check: &str, watches: &[Watch]) -> Demands {
    let purpose = |by: &'static str, item: &str| Purpose {
        by: by.into(),
        item: ItemId::parse(item).expect("an id"),
    };
    let mut demands = Demands::default();
    demands.add(&support::check(check).needs(), &purpose("kubernetes_api", "access"));
    let needs = Needs { watches: watches.to_vec(), ..Needs::default() };
    demands.add(&needs, &purpose("pods", "all-pods"));
    demands
}

fn pods() -> Watch {
    Watch::all(Resource::known("", "v1", "pods", "Pod")).within("shop")
}

async fn look(cluster: &Cluster, watches: &[Watch]) -> Judgement {
    cluster.systems.kubernetes.expect(demands(CHECK, watches));
    cluster.look(CHECK).await
}

/// A look after something was done to the server.
async fn after(act: impl FnOnce(&Cluster)) -> Judgement {
    let cluster = Cluster::start().await;
    act(&cluster);
    look(&cluster, &[pods()]).await
}

async fn answered(code: u16) -> Judgement {
    let fault = Fault::new(Act::Status { code, retry_after: None });
    after(|cluster| cluster.server.inject(fault)).await
}

async fn slow(limit: &str) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.server.inject(Fault::new(Act::Delay(Duration::from_millis(60))));
    cluster.look(&format!("kubernetes_api: {{ permissions: false, {limit}: 50ms }}")).await
}

/// A cluster that wants a token, and has one without rights for us.
async fn stranger(default_roles: bool) -> Cluster {
    let mut cluster = Cluster::start().await;
    cluster.server.admit("t0ken", User::new("vigie", vec![]));
    cluster.server.behave(|behaviour| behaviour.default_roles = default_roles);
    let token = cluster.file("token", "t0ken\n");
    let connection = cluster.connection(&format!("token: {{ file: '{}' }}", token.display()));
    cluster.connect(&connection, brisk());
    cluster
}

async fn at(url: &str) -> Judgement {
    let mut cluster = Cluster::start().await;
    cluster.connect(&format!("{{ server: {{ url: '{url}' }} }}"), brisk());
    cluster.look(ALONE).await
}

async fn silent() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.server.speak(Voice::Silent);
    support::look_within(Duration::from_secs(1), ALONE, &cluster.systems).await
}

/// Accepts, and hangs up.
async fn hanging_up() -> Judgement {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let accepting = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let judgement = at(&format!("http://{address}")).await;
    accepting.abort();
    judgement
}

async fn endless() -> Judgement {
    let site = Site::plain().await.expect("a site");
    for path in ["/readyz", "/version"] {
        site.answer(path, Answer::new(200, vec![b'a'; 70_000]));
    }
    at(&format!("http://{}", site.address())).await
}

async fn untrusted() -> Judgement {
    let cluster = Cluster::start_with(Settings { tls: true, ..Settings::default() }).await;
    cluster.look(ALONE).await
}

async fn refusing() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.server.refuse().await;
    cluster.look(ALONE).await
}

async fn unauthorized() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.server.admit("t0ken", User::admin());
    look(&cluster, &[pods()]).await
}

async fn unaddressed() -> Judgement {
    let cluster = Cluster::start().await;
    let gadgets = Watch::all(Resource::known("example.org", "v1", "", "Gadget"));
    look(&cluster, &[gadgets]).await
}

fn review_fails(cluster: &Cluster) {
    let fault = Fault::new(Act::Status { code: 500, retry_after: None });
    cluster.server.inject(fault.resource("selfsubjectaccessreviews"));
}

fn not_ready(cluster: &Cluster) {
    let failing = ["etcd", "informer-sync"].map(str::to_owned);
    cluster.server.behave(|behaviour| behaviour.failing_health.extend(failing));
}

fn old(cluster: &Cluster) {
    let version = Version::named("v1.24.17-eks-adc7111");
    cluster.server.behave(|behaviour| behaviour.version = version);
}

pub fn provocations() -> Vec<Provocation> {
    rows! { KubernetesApi:
        "NotReady" Fail after(not_ready);
        "VersionTooOld" Fail after(old);
        "TooSlow" Warn slow("warn_slower_than");
        "TooSlow" Fail slow("fail_slower_than");
        "MissingPermission" Fail async { look(&stranger(true).await, &[pods()]).await };
        "TimedOut" Fail silent();
        "Refused" Fail refusing();
        "Reset" Fail hanging_up();
        "Unreachable" Fail at("http://127.255.255.255:9");
        "Unreachable" Unknown at("http://[fe80::1]:9");
        "TlsFailed" Fail untrusted();
        "Unauthorized" Fail unauthorized();
        "ServerError" Fail answered(503);
        "Throttled" Fail answered(429);
        "NotFound" Fail answered(404);
        "Garbled" Fail after(|cluster| cluster.server.inject(Fault::new(Act::Garbage)));
        "TooLarge" Fail endless();
        "Forbidden" Unknown async { look(&stranger(false).await, &[pods()]).await };
        "NotReviewed" Unknown after(review_fails);
        "KindUnknown" Unknown unaddressed();
        "ResolverFailed" Unknown at("http://vigie.invalid:6443");
        "NoAccess" Unknown trouble::no_access(ALONE);
    }
}

#[tokio::test]
async fn every_reason_of_kubernetes_api_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn a_server_that_is_as_it_should_be_passes_and_costs_one_request_a_right_and_two() {
    let cluster = Cluster::start().await;
    cluster.server.behave(|behaviour| behaviour.version = Version::named("v1.29.3-eks-adc7111"));
    let judgement = look(&cluster, &[pods()]).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let said: Vec<_> = judgement.lines().iter().map(|line| line.because.as_str()).collect();
    assert!(said[0].starts_with("the API server is ready; answered in "), "{said:?}");
    assert!(said[1].starts_with("the server is v1.29.3-eks-adc7111, at least 1.25"), "{said:?}");
    assert_eq!(said[2], "all 5 rights that the configuration needs are granted");
    assert_eq!(cluster.server.requests().len(), 7);
    let missing = judgement.samples().iter().find(|s| s.measure.labels.is_empty());
    assert!(missing.is_some_and(|sample| sample.value == 0.0), "a row of zero");
    let reviews = cluster.server.requests();
    let reviews = reviews.iter().filter(|request| request.verb == "create").count();
    assert_eq!(reviews, cluster.server.count("create", "selfsubjectaccessreviews"));
}

#[tokio::test]
async fn what_fails_is_named() {
    let judgement = after(not_ready).await;
    assert_eq!(
        judgement.because(),
        "/readyz: the API server is not ready: etcd, informer-sync fail"
    );
    let judgement = look(&stranger(true).await, &[pods()]).await;
    let named: Vec<_> = judgement
        .lines()
        .iter()
        .filter(|line| line.verdict == Verdict::Fail)
        .map(|line| (line.subject.as_str(), line.because.as_str()))
        .collect();
    assert_eq!(
        named,
        [
            ("get /readyz", "the right is not granted; kubernetes_api (access) need it"),
            ("get /version", "the right is not granted; kubernetes_api (access) need it"),
            ("list, watch pods in shop", "the right is not granted; pods (all-pods) need it"),
            (
                "create selfsubjectaccessreviews.authorization.k8s.io",
                "the right is not granted; kubernetes_api (access) need it",
            ),
        ]
    );
}

#[tokio::test]
async fn a_review_that_says_nothing_is_no_grant() {
    let mut cluster = Cluster::start().await;
    let site = Site::plain().await.expect("a site");
    site.answer("/readyz", Answer::new(200, "readyz check passed\n"));
    site.answer("/version", Answer::new(200, "{\"gitVersion\":\"v1.36.0\"}"));
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    cluster.connect(&format!("{{ server: {{ url: 'http://{}' }} }}", site.address()), brisk());
    let bodies = ["{}", "[]", "", r#"{"status":{}}"#, r#"{"status":null}"#];
    for body in bodies.into_iter().chain([r#"{"status":{"allowed":"true"}}"#]) {
        site.answer(reviews, Answer::new(201, body));
        let judgement = look(&cluster, &[pods()]).await;
        let said = (judgement.verdict(), judgement.reason());
        assert_eq!(said, (Verdict::Unknown, Some(Reason::new("NotReviewed"))), "{body}");
    }
    let with = |version: &str| Answer::new(200, version.to_owned());
    site.answer(reviews, Answer::new(201, "{\"status\":{\"allowed\":true}}"));
    for version in ["{}", "null", "{\"gitVersion\":7}", "{\"major\":\"1\"}"] {
        site.answer("/version", with(version));
        let judgement = look(&cluster, &[pods()]).await;
        let said = (judgement.verdict(), judgement.reason());
        assert_eq!(said, (Verdict::Fail, Some(Reason::GARBLED)), "{version}");
    }
}

#[tokio::test]
async fn it_is_asked_anew_with_each_look() {
    let cluster = stranger(true).await;
    cluster.systems.kubernetes.expect(demands(CHECK, &[]));
    let mut past = Past::default();
    let judgement = support::look_back(CHECK, &cluster.systems, &mut past).await;
    assert_eq!(judgement.reason(), Some(Reason::new("MissingPermission")));
    cluster.server.admit("t0ken", User::admin());
    let judgement = support::look_back(CHECK, &cluster.systems, &mut past).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}
