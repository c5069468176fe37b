//! Secrets of connections that only some kinds use: of Prometheus and of registries.

use std::net::Ipv4Addr;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use vigie_sim::kubernetes::ApiServer;
use vigie_sim::net::site::{Answer, Site};

use super::proofs::put;
use super::{Ground, trouble};
use crate::kinds::secret_keys::secret;
use crate::kubernetes::{pod, with};
use crate::registry::image::{config, manifest};

/// A Prometheus that knows one volume, whatever it is asked.
async fn prometheus() -> (String, AbortOnDropHandle<()>) {
    let row = |name: &str, value: &str| {
        json!({
            "metric": {
                "__name__": format!("kubelet_volume_stats_{name}"), "namespace": "shop",
                "persistentvolumeclaim": "data",
            },
            "value": [1_790_000_000, value],
        })
    };
    let result: Vec<Value> = [
        ("capacity_bytes", "1000"),
        ("available_bytes", "900"),
        ("used_bytes", "100"),
        ("inodes", "100"),
        ("inodes_used", "1"),
    ]
    .map(|(name, value)| row(name, value))
    .into();
    let data = json!({ "resultType": "vector", "result": result });
    let answer = json!({ "status": "success", "data": data }).to_string();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let router = Router::new().fallback(move || async move { answer });
    let serving = async move { axum::serve(listener, router).await.expect("it serves") };
    (format!("http://{address}"), AbortOnDropHandle::new(tokio::spawn(serving)))
}

/// A registry of one image, for whoever logs in so.
async fn registry(login: &str) -> Site {
    let site = Site::plain().await.expect("a site");
    site.answer("*", Answer::new(401, "").header("www-authenticate", "Basic realm=\"shop\""));
    let config = config("1000");
    let manifest = manifest(&config);
    for (path, answer) in [
        ("/v2/".to_owned(), Answer::new(200, "{}")),
        ("/v2/shop/web/manifests/1".to_owned(), manifest.answer()),
        (format!("/v2/shop/web/blobs/{}", config.digest), config.answer()),
    ] {
        site.answer_to(&format!("Basic {login}"), &path, answer);
    }
    site
}

#[tokio::test]
async fn secrets_of_prometheus_and_of_registries_are_granted_to_whom_they_serve() {
    let (url, _serving) = prometheus().await;
    let login = STANDARD.encode("vigie:hunter2");
    let registry = registry(&login).await;
    let host = registry.address().to_string();
    let source =
        |name: &str| format!("{{ secret: {{ namespace: shop, name: {name}, key: key }} }}");
    let connections = format!(
        "  prometheus: {{ main: {{ url: '{url}', bearer: {} }} }}\n  registries: {{ '{host}': {{ \
         plain_http: true, credential: {{ docker_config: {} }} }} }}\n",
        source("prometheus"),
        source("pull"),
    );
    let furnish = |server: &ApiServer| {
        put(server, secret("prometheus", &[("key", "t0ken")]));
        let logins = json!({ "auths": { host.clone(): { "auth": login } } }).to_string();
        put(server, secret("pull", &[("key", &logins)]));
        let image = json!(format!("{host}/shop/web:1"));
        put(server, with(pod("web"), "/spec/containers/0/image", image));
    };
    let checks = [
        "resource_usage: { namespaces: [shop], volumes: { from: { prometheus: main } } }",
        "pod_security: { namespaces: [shop], controls: [non_root] }",
        "images: { namespaces: [shop] }",
    ];
    let ground = Ground::new(&checks, &connections, furnish).await;
    let secrets: Vec<String> = ground
        .rights
        .granted()
        .filter(|(right, _)| right.resource == "secrets")
        .map(|(right, purposes)| {
            let items: Vec<_> = purposes.iter().map(|purpose| purpose.item.as_str()).collect();
            format!("{right}: {}", items.join(" "))
        })
        .collect();
    assert_eq!(
        secrets,
        ["get secrets prometheus in shop: item-0", "get secrets pull in shop: item-1"]
    );
    let wrong = trouble(&ground).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
