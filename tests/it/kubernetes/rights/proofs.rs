//! One proof or more a kind that asks anything of the API server: name a kind that is added here.

use std::io::Read;
use std::net::TcpListener;

use jiff::SignedDuration;
use serde_json::{Value, json};
use vigie_sim::kubernetes::{ApiServer, Kind, Metrics};

use super::GADGETS;
use crate::kinds::{
    autoscalers, cron_jobs, images, ingresses, nodes, operator, pod_security, registry_image,
    resource, resource_usage, secret_keys, services,
};
use crate::kubernetes::{deployment, now, pod, with};

/// A way of using a kind in which it uses every right that it asks for.
pub struct Proof {
    /// The kind.
    pub kind: &'static str,
    /// Checks, each of an item of its own.
    pub checks: &'static [&'static str],
    /// Puts the objects there.
    pub furnish: fn(&ApiServer),
}

const fn proof(
    kind: &'static str,
    checks: &'static [&'static str],
    furnish: fn(&ApiServer),
) -> Proof {
    Proof { kind, checks, furnish }
}

/// One or more a kind that asks anything of the API server.
pub fn proofs() -> Vec<Proof> {
    let mut proofs = of_workloads();
    proofs.extend(of_network());
    proofs.extend(of_objects());
    proofs.extend(of_security());
    proofs.push(proof("kubernetes_api", &["kubernetes_api: {}"], |_| {}));
    proofs
}

fn of_workloads() -> Vec<Proof> {
    vec![
        proof(
            "pods",
            &["pods: { namespaces: [shop] }", "pods: { namespaces: [shop, jobs] }"],
            failed_pods,
        ),
        proof("pods", &["pods: { namespaces: all }"], failed_pods),
        proof(
            "deployment",
            &[
                "deployment: { rolled_out: { namespaces: [shop] } }",
                "deployment: { environment: { namespaces: [shop], value: live } }",
            ],
            |server| {
                let labels = json!({ "environment": "live" });
                put(server, with(deployment("web"), "/metadata/labels", labels));
            },
        ),
        proof("workloads", &["workloads: { namespaces: [shop], at_most: { web: 2 } }"], |server| {
            put(server, deployment("web"));
        }),
        proof(
            "autoscalers",
            &[
                "autoscalers: { namespaces: [shop], expect: [web] }",
                "autoscalers: { namespaces: all, concerns: [scaled] }",
            ],
            |server| put(server, autoscalers::autoscaler()),
        ),
        proof("autoscalers", &["autoscalers: { namespaces: [shop] }"], |server| {
            put(server, autoscalers::autoscaler());
        }),
        proof("cron_jobs", &["cron_jobs: { namespaces: [shop], jobs: [migrate] }"], |server| {
            put(server, cron_jobs::cron_job(Some(now())));
            put(server, cron_jobs::ended("migrate", "Complete"));
        }),
        proof(
            "nodes",
            &["nodes: {}", "nodes: { needed: { cpu: 1 }, counting: [shop] }"],
            |server| {
                put(server, nodes::node("a"));
                put(server, with(pod("web"), "/spec/nodeName", json!("a")));
            },
        ),
        proof("pod_logs", &[LOGS, "images: { namespaces: [shop] }"], written),
        proof("pod_logs", &[LOGS_OF_ALL], written),
        proof("resource_usage", &[USAGE, QUOTAS], used),
        proof("resource_usage", &["resource_usage: { namespaces: all, memory: {} }"], used),
        proof("resource_usage", &["resource_usage: { namespaces: [shop], volumes: {} }"], used),
    ]
}

const LOGS: &str = "pod_logs: { namespaces: [shop], workloads: [web], limit: { fail_above: 2 } }";
const LOGS_OF_ALL: &str =
    "pod_logs: { namespaces: all, workloads: [web], limit: { fail_above: 2 } }";
const USAGE: &str = "resource_usage: { namespaces: [shop], memory: {}, cpu: {} }";
const QUOTAS: &str = "resource_usage: { namespaces: [shop], quotas: { expect: [quota] } }";

fn written(server: &ApiServer) {
    put(server, pod("a"));
    let at = now() - SignedDuration::from_secs(30);
    server.log_at("shop/a", "web", &[r#"{"level":"info","message":"here"}"#], at);
}

fn used(server: &ApiServer) {
    server.serve_metrics(Metrics::Served);
    server.consume("shop/web-5d8c-a/web", "100m", "250Mi");
    server.mount(resource_usage::volume(40, 7));
    put(server, resource_usage::node());
    put(server, resource_usage::limited());
    put(server, resource_usage::quota(Some("40Gi")));
}

fn of_network() -> Vec<Proof> {
    let service = |server: &ApiServer| {
        put(server, services::service("web"));
        put(server, services::slice("web", "a", &["10.0.0.1"]));
        put(server, ingresses::class("nginx", "false"));
        put(server, ingresses::ingress());
    };
    vec![
        proof("services", &["services: { namespaces: [shop] }"], service),
        proof("services", &["services: { namespaces: all, min_ready: 1 }"], service),
        proof(
            "ingresses",
            &[
                "ingresses: { namespaces: [shop], class: nginx }",
                "ingresses: { namespaces: [shop], concerns: [address] }",
            ],
            service,
        ),
        proof("ingresses", &["ingresses: { namespaces: all }"], service),
        proof("http", astray(), |server| {
            let mut any_host = ingresses::ingress();
            any_host["spec"]["rules"][0].as_object_mut().expect("a rule").remove("host");
            put(server, any_host);
        }),
        proof("dns", &[NAMED_OF_SERVICE, NAMED_OF_INGRESS], service),
        proof("tls", &[SHOWN, SHOWN_BY_ANOTHER], objects),
    ]
}

/// Checks of a host that hangs up without a word, with nothing that is ready behind it.
fn astray() -> &'static [&'static str] {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut caller in listener.incoming().flatten() {
            drop(caller.read(&mut [0; 4096]));
        }
    });
    let check = |behind: &str| -> &'static str {
        let behind = format!("behind: {{ {behind}: {{ namespace: shop, name: web }} }}");
        format!("http: {{ url: 'http://{address}/', {behind} }}").leak()
    };
    vec![check("service"), check("ingress")].leak()
}

/// Names at whose port nobody is: whose load balancer it is, is asked all the same.
const NAMED_OF_SERVICE: &str = "dns: { name: app.example.org, resolvers: ['127.0.0.1:9'], \
    load_balancer: { service: { namespace: shop, name: web } } }";
const NAMED_OF_INGRESS: &str = "dns: { name: app.example.org, resolvers: ['127.0.0.1:9'], \
    load_balancer: { ingress: { namespace: shop, name: web } } }";
/// Endpoints that are not there, and the Secrets whose certificates they are to show.
const SHOWN: &str = "tls: { target: '127.0.0.1:9', matches_secret: { namespace: shop, name: db } }";
const SHOWN_BY_ANOTHER: &str =
    "tls: { target: '127.0.0.1:9', matches_secret: { namespace: jobs, name: db } }";

fn of_objects() -> Vec<Proof> {
    vec![
        proof(
            "operator",
            &["operator: { crds: [gadgets.example.org/v1], namespace: shop, ingress_class: web, \
               controllers: [{ kind: Deployment, name: operator }], \
               ingress_controller: example.org/web }"],
            |server| {
                put(server, operator::definition());
                put(server, operator::class());
                put(server, deployment("operator"));
            },
        ),
        proof("operator", &["operator: { selector: app=operator }"], |server| {
            let labels = json!({ "app": "operator" });
            put(server, with(deployment("operator"), "/metadata/labels", labels));
        }),
        proof(
            "resource",
            &[
                "resource: { api_version: v1, kind: ConfigMap, namespaces: [shop], name: a }",
                "resource: { api_version: v1, kind: ConfigMap, namespaces: [shop], name: b }",
                "resource: { api_version: v1, kind: Secret, namespaces: [shop], name: [db, web] }",
            ],
            objects,
        ),
        proof(
            "resource",
            &[
                "resource: { api_version: v1, kind: ConfigMap, namespaces: [shop], prefix: a }",
                "resource: { api_version: v1, kind: Service, namespaces: all, selector: '!absent' }",
            ],
            objects,
        ),
        proof("resource", &[GADGET], objects),
        proof("resource", &[GADGET_BY_PLURAL], objects),
        proof("resource", &[FAILOVER], objects),
        proof(
            "secret_keys",
            &[
                "secret_keys: { namespace: shop, secrets: [db, web], keys: { token: {} } }",
                "secret_keys: { namespace: jobs, secrets: [db], keys: { token: {} } }",
                "secret_keys: { namespace: shop, secrets: [old, new], alternatives: true, \
                 keys: { token: {} } }",
            ],
            objects,
        ),
    ]
}

/// Of a kind that discovery has to tell; it refers to a Secret, to an object of a well known kind,
/// and stands beside pods and workloads.
const GADGET: &str = "resource: { api_version: example.org/v1, kind: Gadget, namespaces: [shop], \
    name: a, references: [{ path: spec.backup.name, names: db, key_field: key, keys: [token] }, \
    { path: spec.backup.key, names: token, api_version: v1, kind: ConfigMap }], \
    ready_pods: { selector: 'app=web', at_least: '1' }, \
    ready_workloads: [{ kind: Deployment, name: 'web-{name}', at_least: '1' }] }";
const GADGET_BY_PLURAL: &str = "resource: { api_version: example.org/v1, kind: Gadget, \
    plural: gadgets, namespaces: [shop], min_count: 1 }";
const FAILOVER: &str = "resource: { preset: redis-failover, namespaces: [shop], name: redis }";

fn objects(server: &ApiServer) {
    server.register(Kind::custom("example.org/v1", "Gadget", GADGETS));
    let failover = ("databases.spotahome.com/v1", "RedisFailover");
    server.register(Kind::custom(failover.0, failover.1, "redisfailovers"));
    put(
        server,
        json!({
            "apiVersion": failover.0, "kind": failover.1,
            "metadata": { "namespace": "shop", "name": "redis" },
            "spec": { "redis": { "replicas": 2 }, "sentinel": { "replicas": 2 } },
        }),
    );
    put(server, deployment("rfs-redis"));
    put(server, with(deployment("rfr-redis"), "/kind", json!("StatefulSet")));
    put(server, services::service("web"));
    put(server, resource::gadget());
    put(server, pod("web"));
    put(server, deployment("web-a"));
    for name in ["a", "b", "token"] {
        put(server, resource::map(name));
    }
    for name in ["db", "web", "new"] {
        put(server, secret_keys::secret(name, &[("token", "hunter2-and-more")]));
    }
    let elsewhere = secret_keys::secret("db", &[("token", "hunter2-and-more")]);
    put(server, with(elsewhere, "/metadata/namespace", json!("jobs")));
}

fn of_security() -> Vec<Proof> {
    let secured = |server: &ApiServer| {
        put(server, with(pod_security::hardened(), "/spec/serviceAccountName", json!("web")));
        put(server, pod_security::both());
    };
    let scanned = |server: &ApiServer| {
        let (version, kind) = ("aquasecurity.github.io/v1alpha1", "VulnerabilityReport");
        server.register(Kind::custom(version, kind, "vulnerabilityreports"));
        put(server, images::report(1));
        let owner = json!([{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8c", "uid": "1",
            "controller": true,
        }]);
        put(server, with(pod("web-5d8c-a"), "/metadata/ownerReferences", owner));
    };
    vec![
        proof(
            "pod_security",
            &[
                "pod_security: { namespaces: [shop], level: restricted }",
                "pod_security: { namespaces: [shop], isolated: true }",
                "pod_security: { namespaces: [shop], service_accounts: true }",
            ],
            secured,
        ),
        proof("pod_security", &["pod_security: { namespaces: all, isolated: true }"], secured),
        proof(
            "registry_image",
            &["registry_image: { deployments: { namespaces: [shop], names: [web] } }"],
            |server| put(server, registry_image::revision("1", "127.0.0.1:9/web:1")),
        ),
        proof(
            "images",
            &[
                "images: { namespaces: [shop] }",
                "images: { namespaces: [shop], vulnerability_reports: { max_age: 3d } }",
            ],
            scanned,
        ),
        proof(
            "images",
            &["images: { namespaces: all, vulnerability_reports: { max_age: 3d } }"],
            scanned,
        ),
    ]
}

pub fn put(server: &ApiServer, object: Value) {
    server.apply(object).expect("an object that the server takes");
}

/// Pods that failed: their owners are asked whether that matters.
pub fn failed_pods(server: &ApiServer) {
    put(server, pod("web"));
    for namespace in ["shop", "jobs"] {
        for (version, kind) in [
            ("apps/v1", "ReplicaSet"),
            ("apps/v1", "StatefulSet"),
            ("apps/v1", "DaemonSet"),
            ("batch/v1", "Job"),
        ] {
            let name = format!("{}-1", kind.to_lowercase());
            let owner = json!([{
                "apiVersion": version, "kind": kind, "name": name, "uid": "1", "controller": true,
            }]);
            let failed = with(pod(&name), "/metadata/ownerReferences", owner);
            let failed = with(failed, "/metadata/namespace", json!(namespace));
            put(server, with(failed, "/status", json!({ "phase": "Failed", "message": "ended" })));
        }
    }
}
