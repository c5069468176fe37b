//! An own public host that gives nothing, and the API server that is asked what stands behind it.

use serde_json::json;
use vigie::checks::http::Http;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::net::broken::{Broken, Fault};

use crate::kinds::Provocation;
use crate::kinds::services::slice;
use crate::kubernetes::{Cluster, brisk, trouble, until, with};

pub(super) fn provocations() -> Vec<Provocation> {
    rows! { Http:
        "HairpinSuspected" Unknown async {
            let cluster = Cluster::start().await;
            cluster.put(slice("web", "a", &["10.0.0.1"]));
            let (check, _server) = astray().await;
            cluster.look(&check).await
        };
        "Garbled" Unknown async {
            let cluster = Cluster::start().await;
            cluster.put(with(slice("web", "a", &["10.0.0.1"]), "/endpoints", json!({ "a": 1 })));
            let (check, _server) = astray().await;
            cluster.look(&check).await
        };
        "NoAccess" Unknown async {
            let mut cluster = Cluster::start().await;
            cluster.connect("in_cluster: { service_account: /none/such, url: 'http://127.0.0.1:9' }", brisk());
            let (check, _server) = astray().await;
            cluster.look(&check).await
        };
        "WatchRunning" Unknown blind(|check| Box::pin(async move { trouble::running(&check).await }));
        "StreamDown" Unknown blind(|check| Box::pin(async move { trouble::down(&check).await }));
        "StreamSilent" Unknown blind(|check| Box::pin(async move { trouble::silent(&check).await }));
        "Forbidden" Unknown blind(|check| Box::pin(async move { trouble::forbidden(&check).await }));
        "Unauthorized" Unknown blind(|check| Box::pin(async move { trouble::unauthorized(&check).await }));
        "KindUnknown" Unknown blind(|check| Box::pin(async move { trouble::kind_unknown(&check).await }));
    }
}

#[tokio::test]
async fn of_several_services_behind_a_host_one_that_is_ready_is_enough_to_doubt() {
    let cluster = Cluster::start().await;
    let to = |path: &str, service: &str| {
        let backend = json!({ "service": { "name": service, "port": { "number": 80 } } });
        json!({ "path": path, "pathType": "Prefix", "backend": backend })
    };
    let paths = [to("/", "web"), to("/api", "api")];
    cluster.put(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": { "namespace": "shop", "name": "front" },
        "spec": { "rules": [{ "host": "127.0.0.1", "http": { "paths": paths } }] },
    }));
    let (check, _server) = astray().await;
    let check = check.replace(
        "service: { namespace: shop, name: web }",
        "ingress: { namespace: shop, name: front }",
    );
    let judgement = cluster.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Fail, "{}", judgement.because());
    assert!(judgement.because().contains("shop/web, shop/api"), "{}", judgement.because());
    cluster.put(slice("web", "a", &["10.0.0.1"]));
    let doubted = until(
        || cluster.look(&check),
        |seen| seen.reason().map(Reason::code) == Some("HairpinSuspected"),
    );
    assert_eq!(doubted.await.verdict(), Verdict::Unknown);
}

/// A check of a host that hangs up without a word, and that host.
async fn astray() -> (String, Broken) {
    let server = Broken::start(Fault::HangsUp).await.expect("a server");
    let behind = "behind: { service: { namespace: shop, name: web } }";
    (format!("http: {{ url: 'http://{}/', {behind} }}", server.address()), server)
}

async fn blind(look: fn(String) -> futures::future::BoxFuture<'static, Judgement>) -> Judgement {
    let (check, _server) = astray().await;
    look(check).await
}
