//! Secrets of connections that only some kinds use: of Prometheus and of registries.

use std::net::Ipv4Addr;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use vigie::systems::clock::Clock;
use vigie_sim::kubernetes::{ApiServer, Kind};
use vigie_sim::net::site::{Answer, Site};
use vigie_sim::s3::{ACCESS_KEY, SECRET_KEY, Store};

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

#[tokio::test]
async fn custom_resources_of_backups_are_granted_and_missed() {
    let store = Store::start().await.expect("a store");
    let now = Clock::System.now();
    store.fill_barman("dumps", "pg/", now, SignedDuration::from_hours(5), (2, 10));
    store.pbm_backup("mongo", now - SignedDuration::from_hours(5), |_| {});
    let of = |key: &str| format!("{{ secret: {{ namespace: shop, name: store, key: {key} }} }}");
    let connections = format!(
        "  s3: {{ dumps: {{ endpoint: '{}', region: test, access_key: {}, secret_key: {} }} }}\n",
        store.endpoint(),
        of("access"),
        of("secret"),
    );
    let check = |bucket: &str, layout: &str, resource: &str| {
        format!(
            "backup: {{ connection: dumps, bucket: {bucket}, max_age: {{ fail: 1d }}, layout: \
             {layout}, custom_resource: {resource} }}"
        )
    };
    let postgres = check(
        "dumps",
        "{ barman: { server: pg } }",
        "{ cloudnative_pg: { namespace: shop, cluster: pg, object_store: far } }",
    );
    let mongodb = check(
        "mongo",
        "{ pbm: {} }",
        "{ percona_mongodb: { namespace: shop, cluster: mongo, storage: far } }",
    );
    let furnish = |server: &ApiServer| {
        for (api, kind, plural) in [
            ("postgresql.cnpg.io/v1", "Cluster", "clusters"),
            ("postgresql.cnpg.io/v1", "Backup", "backups"),
            ("postgresql.cnpg.io/v1", "ScheduledBackup", "scheduledbackups"),
            ("barmancloud.cnpg.io/v1", "ObjectStore", "objectstores"),
            ("psmdb.percona.com/v1", "PerconaServerMongoDB", "perconaservermongodbs"),
            ("psmdb.percona.com/v1", "PerconaServerMongoDBBackup", "perconaservermongodbbackups"),
        ] {
            server.register(Kind::custom(api, kind, plural));
        }
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "namespace": "shop", "name": "store" },
            "data": { "access": STANDARD.encode(ACCESS_KEY), "secret": STANDARD.encode(SECRET_KEY) },
        });
        put(server, secret);
    };
    let ground = Ground::new(&[&postgres, &mongodb], &connections, furnish).await;
    let wrong = trouble(&ground).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let rights = ground.rights.granted().map(|(right, _)| right.to_string());
    assert_eq!(rights.filter(|right| right.starts_with("watch")).count(), 6);
}
