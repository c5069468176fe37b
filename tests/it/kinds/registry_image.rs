//! `registry_image` against registries and an API server.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use vigie::checks::registry_image::RegistryImage;
use vigie::model::finding::Verdict::{Fail, Pass, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::dns::Behaviour;
use vigie_sim::net::mill::Sort;
use vigie_sim::net::site::{Answer, Site};

use super::{Provocation, provoke};
use crate::kubernetes::{Cluster, deployment, pod, trouble, until, with};
use crate::net::ground::{Ground, deserted};
use crate::registry::image::{Stored, config, config_with, index, manifest, serve};
use crate::support::{self, look_within};

const OF_CLUSTER: &str = "registry_image: { deployments: { namespaces: [shop], names: [web] } }";

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_of_registry_image_is_given() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    let mut rows = of_registries();
    rows.extend(of_connections());
    rows.extend(of_clusters());
    rows
}

fn of_registries() -> Vec<Provocation> {
    rows! { RegistryImage:
        "NotFound" Fail answering(Answer::new(404, ""));
        "ServerError" Fail answering(Answer::new(503, ""));
        "Throttled" Unknown answering(Answer::new(429, ""));
        "Unauthorized" Fail answering(Answer::new(401, "").header("www-authenticate", "Basic realm=\"x\""));
        "Forbidden" Fail answering(Answer::new(403, ""));
        "Garbled" Fail answering(Answer::new(200, "<html>"));
        "TooLarge" Fail answering(Answer::new(200, "x".repeat((4 << 20) + 1)));
        "PlatformMissing" Fail async {
            let (site, systems) = registry().await;
            let both = index(&[("riscv64", &manifest(&config("1")))]);
            site.answer("/v2/shop/web/manifests/1", both.answer());
            look(&site, &systems).await
        };
        "PlatformMissing" Fail built_for(json!({ "os": "linux", "architecture": "arm64" }));
        "PlatformUnknown" Unknown built_for(json!({ "os": "linux" }));
        "NoTimeLeft" Unknown async {
            let (site, systems) = registry().await;
            let (allowed, slow) = (Duration::from_secs(4), Duration::from_millis(2_600));
            let image = manifest(&config("1"));
            site.answer("*", image.answer().after(slow));
            let images: Vec<_> = (0..12)
                .map(|number| format!("'{}/shop/web:{number}'", site.address()))
                .collect();
            let check = format!("registry_image: {{ images: [{}] }}", images.join(", "));
            look_within(allowed, &check, &systems).await
        };
        "TagMoved" Warn async {
            let (site, cluster) = rolled_out(&["1"]).await;
            let before = serve(&site, "shop/web", "1", &config("1"));
            serve(&site, "shop/web", "1", &config("2"));
            cluster.put(running(&site, &before.digest));
            cluster.look(OF_CLUSTER).await
        };
    }
}

fn of_connections() -> Vec<Provocation> {
    rows! { RegistryImage:
        "Reset" Fail broken(Fault::Reset);
        "TimedOut" Fail broken(Fault::Silent);
        "Refused" Fail async { at(&deserted().await.to_string()).await };
        "Unreachable" Fail at("127.255.255.255:9");
        "Unreachable" Unknown at("[fe80::1]:9");
        "NameNotFound" Fail at("absent.test:9");
        "ResolverFailed" Unknown async {
            let ground = Ground::new().await;
            ground.names.set("sick.test", Behaviour::Code(2));
            ground.look(&named("sick.test")).await
        };
        "SecretMissing" Unknown async {
            let more = "credential: { basic: { username: jo, password: { env: NONE_SUCH } } }";
            let (site, systems) = registry_with(more).await;
            site.answer("*", Answer::new(401, "").header("www-authenticate", "Basic realm=\"x\""));
            look(&site, &systems).await
        };
        "TlsFailed" Fail async {
            let broken = Broken::start(Fault::Says(Bytes::from_static(b"HTTP/1.1 400 \r\n\r\n"))).await.expect("a server");
            at(&broken.address().to_string()).await
        };
        "CertificateExpired" Fail secure(Sort::Good, "app.test", -90, -1);
        "CertificateNotYetValid" Fail secure(Sort::Good, "app.test", 1, 90);
        "NameMismatch" Fail secure(Sort::Good, "other.test", -1, 90);
        "UnknownIssuer" Fail async {
            let (ground, stranger) = (Ground::new().await, Ground::new().await);
            let site = stranger.secure_site(&stranger.leaf(Sort::Good, -1, 90)).await;
            ground.look(&named(&format!("app.test:{}", site.address().port()))).await
        };
        "SelfSigned" Fail secure(Sort::SelfSigned, "app.test", -1, 90);
        "ChainIncomplete" Fail secure(Sort::Incomplete, "app.test", -1, 90);
        "CertificateInvalid" Fail secure(Sort::ForClients, "app.test", -1, 90);
    }
}

fn of_clusters() -> Vec<Provocation> {
    rows! { RegistryImage:
        "DeploymentMissing" Fail async { Cluster::start().await.look(OF_CLUSTER).await };
        "ImageInvalid" Fail async {
            let (_site, cluster) = rolled_out(&[]).await;
            cluster.put(revision("1", "registry.example/Web:1"));
            cluster.look(OF_CLUSTER).await
        };
        "FirstDeployment" Unknown async {
            let (_site, cluster) = rolled_out(&["1"]).await;
            cluster.look(&previous()).await
        };
        "RevisionGone" Unknown async {
            let (_site, cluster) = rolled_out(&["7"]).await;
            cluster.look(&previous()).await
        };
        "Garbled" Unknown async {
            let cluster = Cluster::start().await;
            cluster.put(with(revision("1", "a/web:1"), "/metadata/annotations", json!({})));
            cluster.look(OF_CLUSTER).await
        };
        "TooLarge" Unknown async {
            let cluster = Cluster::start().await;
            let padding = json!({ "a/padding": "x".repeat(1 << 20) });
            for number in 0..33 {
                let set = revision("1", "a/web:1");
                let set = with(set, "/metadata/name", json!(format!("web-{number}")));
                cluster.put(with(set, "/spec/template/metadata/labels", padding.clone()));
            }
            cluster.look(OF_CLUSTER).await
        };
        "WatchRunning" Unknown trouble::running(OF_CLUSTER);
        "StreamDown" Unknown trouble::down(OF_CLUSTER);
        "StreamSilent" Unknown trouble::silent(OF_CLUSTER);
        "Forbidden" Unknown trouble::forbidden(OF_CLUSTER);
        "Unauthorized" Unknown trouble::unauthorized(OF_CLUSTER);
        "KindUnknown" Unknown trouble::kind_unknown(OF_CLUSTER);
        "NoAccess" Unknown trouble::no_access(OF_CLUSTER);
    }
}

fn previous() -> String {
    OF_CLUSTER.replace("names: [web]", "names: [web], revision: previous")
}

fn named(registry: &str) -> String {
    format!("registry_image: {{ images: ['{registry}/shop/web:1'] }}")
}

async fn at(registry: &str) -> Judgement {
    let ground = Ground::new().await;
    look_within(Duration::from_secs(2), &named(registry), &ground.systems).await
}

/// A registry without TLS, and systems that know it.
async fn registry() -> (Site, Systems) {
    registry_with("").await
}

async fn registry_with(more: &str) -> (Site, Systems) {
    let site = Site::plain().await.expect("a site");
    let systems = knowing(&site.address().to_string(), more);
    (site, systems)
}

fn knowing(registry: &str, more: &str) -> Systems {
    let connections =
        format!("{{ registries: {{ '{registry}': {{ plain_http: true, {more} }} }} }}");
    support::systems(&connections, Clock::System)
}

async fn look(site: &Site, systems: &Systems) -> Judgement {
    support::look(&named(&site.address().to_string()), systems).await
}

/// A look at an image that stands alone, which must be for `linux/amd64`.
async fn built_for(config: Value) -> Judgement {
    let (site, systems) = registry().await;
    serve(&site, "shop/web", "1", &config_with(&config));
    support::look(&for_amd64(&site), &systems).await
}

fn for_amd64(site: &Site) -> String {
    named(&site.address().to_string()).replace(" }", ", platform: linux/amd64 }")
}

async fn answering(answer: Answer) -> Judgement {
    let (site, systems) = registry().await;
    site.answer("*", answer);
    look(&site, &systems).await
}

async fn broken(fault: Fault) -> Judgement {
    let server = Broken::start(fault).await.expect("a server");
    let registry = server.address().to_string();
    look_within(Duration::from_secs(1), &named(&registry), &knowing(&registry, "")).await
}

async fn secure(sort: Sort, name: &str, from: i64, until: i64) -> Judgement {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf_for(sort, &[name], from, until)).await;
    ground.look(&named(&format!("app.test:{}", site.address().port()))).await
}

/// A `ReplicaSet` of the Deployment `web`.
pub fn revision(number: &str, image: &str) -> Value {
    let set = with(deployment(&format!("web-{number}")), "/kind", json!("ReplicaSet"));
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "1", "controller": true,
    }]);
    let set = with(set, "/metadata/ownerReferences", owner);
    let annotations = json!({ "deployment.kubernetes.io/revision": number });
    let set = with(set, "/metadata/annotations", annotations);
    let set = with(set, "/status", json!({ "replicas": 0 }));
    with(set, "/spec/template/spec/containers/0/image", json!(image))
}

/// A registry, and a cluster with these revisions of a Deployment, whose images are `web:NUMBER`.
async fn rolled_out(revisions: &[&str]) -> (Site, Cluster) {
    let (site, systems) = registry().await;
    let mut cluster = Cluster::start().await;
    cluster.systems.registries = systems.registries;
    for number in revisions {
        cluster.put(revision(number, &format!("{}/shop/web:{number}", site.address())));
    }
    (site, cluster)
}

/// A pod of revision 1 that runs this.
fn running(site: &Site, digest: &str) -> Value {
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "2", "controller": true,
    }]);
    let pod = with(pod("a"), "/metadata/ownerReferences", owner);
    let id = format!("{}/shop/web@{digest}", site.address());
    with(pod, "/status/containerStatuses/0/imageID", json!(id))
}

#[tokio::test]
async fn what_runs_is_what_the_registry_has() {
    let (site, cluster) = rolled_out(&["1"]).await;
    let image = serve(&site, "shop/web", "1", &config("1"));
    let judgement = cluster.look(OF_CLUSTER).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    cluster.put(running(&site, &image.digest));
    let judgement = until(
        async || cluster.look(OF_CLUSTER).await,
        |seen| seen.because().contains("as it runs"),
    )
    .await;
    assert_eq!(judgement.verdict(), Pass);
    let asked = site.asked();
    let targets: Vec<_> = asked.iter().map(|asked| asked.target.as_str()).collect();
    assert!(targets.iter().all(|target| *target == "/v2/shop/web/manifests/1"), "{targets:?}");
}

#[tokio::test]
async fn an_index_names_what_runs_on_each_platform() {
    let (site, cluster) = rolled_out(&["1"]).await;
    let (amd, arm) = (manifest(&config("1")), manifest(&config("2")));
    let both = index(&[("amd64", &amd), ("arm64", &arm)]);
    site.answer("/v2/shop/web/manifests/1", both.answer());
    for (digest, verdict) in [(&both.digest, Pass), (&amd.digest, Pass), (&arm.digest, Pass)] {
        cluster.put(running(&site, digest));
        let judgement = cluster.look(OF_CLUSTER).await;
        assert_eq!(judgement.verdict(), verdict, "{}", judgement.because());
    }
    cluster.put(running(&site, &manifest(&config("3")).digest));
    let judgement = cluster.look_until(OF_CLUSTER, Reason::new("TagMoved")).await;
    assert_eq!(judgement.verdict(), Warn, "{}", judgement.because());
}

#[tokio::test]
async fn a_rollback_is_possible_while_the_images_before_are_there() {
    let (site, cluster) = rolled_out(&["3", "9", "5"]).await;
    let before = serve(&site, "shop/web", "5", &config("1"));
    let judgement = cluster.look(&previous()).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert!(judgement.because().contains(&before.digest), "{}", judgement.because());
    site.answer("/v2/shop/web/manifests/5", Answer::new(404, ""));
    let judgement = cluster.look(&previous()).await;
    assert_eq!(judgement.verdict(), Fail, "{}", judgement.because());
    assert!(judgement.because().contains("shop/web:5"), "{}", judgement.because());
}

#[tokio::test]
async fn one_image_that_is_gone_hides_no_other() {
    let (site, systems) = registry().await;
    serve(&site, "shop/web", "1", &config("1"));
    site.answer("/v2/shop/api/manifests/1", Answer::new(404, ""));
    let at = site.address();
    let check = format!("registry_image: {{ images: ['{at}/shop/web:1', '{at}/shop/api:1'] }}");
    let judgement = support::look(&check, &systems).await;
    let verdicts: Vec<_> = judgement.lines().iter().map(|line| line.verdict).collect();
    assert_eq!(verdicts, [Pass, Fail]);
    let counts: Vec<_> =
        judgement.samples().iter().map(|sample| sample.value.to_string()).collect();
    assert_eq!(counts, ["1", "1", "0"], "found, missing, unknown");
}

#[tokio::test]
async fn a_deployment_is_not_missing_while_nobody_can_see() {
    let cluster = Cluster::start().await;
    cluster.put(with(revision("1", "a/web:1"), "/spec/template/spec/containers", json!("?")));
    let judgement = cluster.look(OF_CLUSTER).await;
    assert_eq!(judgement.verdict(), Unknown, "{}", judgement.because());
}

#[tokio::test]
async fn an_image_that_stands_alone_is_built_for_what_its_configuration_says() {
    let arm = built_for(json!({ "os": "linux", "architecture": "arm64" })).await;
    assert!(arm.because().contains("it is built for linux/arm64, and not for linux/amd64"));
    let amd = built_for(json!({ "os": "linux", "architecture": "amd64" })).await;
    assert_eq!(amd.verdict(), Pass, "{}", amd.because());
    // A configuration that is gone, garbled or not an image's says nothing of the image.
    let (site, systems) = registry().await;
    let config = config("1");
    serve(&site, "shop/web", "1", &config);
    let blob = format!("/v2/shop/web/blobs/{}", config.digest);
    for answer in [Answer::new(404, ""), Answer::new(503, ""), Answer::new(200, "{}")] {
        site.answer(&blob, answer);
        let judgement = support::look(&for_amd64(&site), &systems).await;
        assert_eq!(judgement.verdict(), Unknown, "{}", judgement.because());
        assert_eq!(judgement.reason(), Some(Reason::new("PlatformUnknown")));
    }
    // What is not asked for costs nothing; what is, once for good.
    let targets = || site.asked().iter().filter(|asked| asked.target == blob).count();
    let before = targets();
    look(&site, &systems).await;
    assert_eq!(targets(), before);
    site.answer(&blob, config.answer());
    for _ in 0..3 {
        let judgement = support::look(&for_amd64(&site), &systems).await;
        assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    }
    assert_eq!(targets(), before + 1);
}

#[tokio::test]
async fn an_index_of_indexes_is_read_one_level_down() {
    let (site, systems) = registry().await;
    let (amd, arm) = (manifest(&config("1")), manifest(&config("2")));
    let nest = |inner: &Stored| index(&[("unknown", inner)]);
    let serve = |outer: &Stored, inner: &[&Stored]| {
        site.answer("/v2/shop/web/manifests/1", outer.answer());
        for one in inner {
            site.answer(&format!("/v2/shop/web/manifests/{}", one.digest), one.answer());
        }
    };
    let both = index(&[("amd64", &amd), ("arm64", &arm)]);
    let arm_alone = index(&[("arm64", &arm)]);
    let deeper = nest(&both);
    for (inner, verdict, code) in [
        (&both, Pass, None),
        (&arm_alone, Fail, Some("PlatformMissing")),
        (&deeper, Unknown, Some("PlatformUnknown")),
    ] {
        serve(&nest(inner), &[inner]);
        let judgement = support::look(&for_amd64(&site), &systems).await;
        let said = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(said, (verdict, code), "{}", judgement.because());
    }
    let lost = index(&[("riscv64", &amd)]);
    serve(&nest(&lost), &[]);
    site.answer(&format!("/v2/shop/web/manifests/{}", lost.digest), Answer::new(404, ""));
    let judgement = support::look(&for_amd64(&site), &systems).await;
    assert_eq!(judgement.reason(), Some(Reason::new("PlatformUnknown")));
}
