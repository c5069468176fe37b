//! What happens every day, and must turn nothing: for each kind of check at least one.
//!
//! What a change leaves behind is what a town that lives looks like: it is not undone.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::fault::Deed::{Later, Now};
use super::fault::{Change, Deed, blind, warns};
use super::faults::named;
use super::furnish::{ALIASES, APPLICATION, MIGRATION, MIGRATIONS, SESSIONS, Taken, rows};
use super::{HOSTS, NOTIFIER, Town, UI, began, until};
use crate::elasticsearch::Index;
use crate::kubernetes::trackdechets::{FOLDER, NAMESPACE};
use crate::kubernetes::{Blow, story};
use crate::net::mill::Sort;
use crate::net::site::Answer;
use crate::prometheus::Alert;
use crate::redis::TRACKDECHETS_QUEUES;
use crate::s3::{MONGODB_BUCKET, Settings};

/// How long after a backup is in its bucket its operator says so.
const NOTICED_AFTER: Duration = Duration::from_secs(10);
/// How long each step of a rolling update takes.
const PACE: Duration = Duration::from_secs(1);

const fn change(
    name: &'static str,
    about: &'static str,
    seen_by: &'static [&'static str],
    deed: Deed,
) -> Change {
    Change { name, about, seen_by, meanwhile: &[], deed }
}

/// All changes, in the order in which the drill lets them happen.
pub const CHANGES: &[Change] = &[
    Change {
        name: "pods-are-replaced",
        about: "the pods of the API are replaced one after the other, as by `kubectl rollout restart`",
        seen_by: &["pods", "workloads", "services", "deployment"],
        meanwhile: &[
            warns("deployments-ready", "RollingOut"),
            warns("watch-pods", "RollingOut"),
            warns("pods-running", "Pending"),
            warns("watch-pods", "Pending"),
            // Of a new pod there is no sample yet; as shipped, several looks decide.
            blind("watch-resources", "NoSample"),
        ],
        deed: Later(|doing| {
            Box::pin(async {
                Ok(story::restart(&doing.town.kubernetes, &named("api"), PACE).await?)
            })
        }),
    },
    Change {
        name: "autoscaler-scales",
        about: "the autoscaler of the UI adds a pod",
        seen_by: &["autoscalers"],
        // Until the controller has seen what is desired now.
        meanwhile: &[warns("deployments-ready", "RollingOut"), warns("watch-pods", "RollingOut")],
        deed: Now(|doing| {
            story::scale(&doing.town.kubernetes, &format!("{NAMESPACE}/ui"), 3)?;
            let status = json!({ "status": { "lastScaleTime": doing.town.now() } });
            doing.patch(&format!("horizontalpodautoscalers/{NAMESPACE}/ui"), &status).map(drop)
        }),
    },
    change(
        "job-completes",
        "a Job ends, and its pod stays as a completed one",
        &["pods", "pod_security"],
        Now(|doing| {
            let pods = doing.town.kubernetes.list("pods", Some(NAMESPACE))?;
            let done = pods.iter().find(|pod| pod["status"]["phase"] == "Succeeded");
            let mut pod = done.cloned().unwrap_or_default();
            pod["metadata"]["name"] = "prisma-migrate-again".into();
            pod["metadata"]["uid"] = serde_json::Value::Null;
            doing.town.kubernetes.apply(pod)?;
            Ok(())
        }),
    ),
    change(
        "cron-job-is-new",
        "a CronJob is made that is due next year",
        &["cron_jobs"],
        Now(|doing| {
            doing.town.kubernetes.apply(json!({
                "apiVersion": "batch/v1", "kind": "CronJob",
                "metadata": { "name": "yearly", "namespace": NAMESPACE },
                "spec": {
                    "schedule": "0 4 1 1 *", "suspend": false, "concurrencyPolicy": "Forbid",
                    "jobTemplate": { "spec": { "template": { "spec": {
                        "restartPolicy": "Never",
                        "containers": [{ "name": "yearly", "image": "registry.example/yearly:1" }],
                    } } } },
                },
                "status": {},
            }))?;
            Ok(())
        }),
    ),
    change(
        "node-comes-back",
        "a node is drained for a moment, and takes pods again",
        &["nodes"],
        Now(|doing| {
            for cordoned in [json!(true), json!(null)] {
                doing.patch("nodes/node-2", &json!({ "spec": { "unschedulable": cordoned } }))?;
            }
            Ok(())
        }),
    ),
    change(
        "watches-are-cut",
        "a proxy cuts all watches, and history is compacted",
        &["kubernetes_api"],
        Now(|doing| {
            doing.town.kubernetes.expire_history();
            doing.town.kubernetes.blow(Blow::Cut);
            Ok(())
        }),
    ),
    change(
        "operator-writes",
        "an operator notes something in its object",
        &["resource", "operator"],
        Now(|doing| {
            let path = format!("clusters.postgresql.cnpg.io/{NAMESPACE}/postgres");
            doing.patch(&path, &json!({ "status": { "writeService": "postgres-rw" } })).map(drop)
        }),
    ),
    change(
        "solver-comes-and-goes",
        "cert-manager solves a challenge through an Ingress of its own",
        &["ingresses"],
        Now(|doing| {
            doing.town.kubernetes.apply(json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": {
                    "name": "cm-acme-http-solver-x7k2p", "namespace": NAMESPACE,
                    "labels": { "acme.cert-manager.io/http01-solver": "true" },
                },
                "spec": { "ingressClassName": "nginx", "rules": [{
                    "host": UI,
                    "http": { "paths": [{
                        "path": "/.well-known/acme-challenge/token", "pathType": "Exact",
                        "backend": {
                            "service": { "name": "cm-acme-http-solver", "port": { "number": 8089 } },
                        },
                    }] },
                }] },
                "status": { "loadBalancer": {} },
            }))?;
            Ok(())
        }),
    ),
    change(
        "secret-is-rotated",
        "the application's secrets are rotated",
        &["secret_keys"],
        Now(|doing| {
            doing.town.keep_secret(
                APPLICATION,
                &[
                    ("API_TOKEN_SECRET", &STANDARD.encode([0x11; 48])),
                    ("SESSION_SECRET", &STANDARD.encode([0x22; 48])),
                    ("WEBHOOK_TOKEN_ENCRYPTION_KEY", "rotated-rotated-rotated-rotated!"),
                ],
            )
        }),
    ),
    change(
        "certificate-is-renewed",
        "the certificate is renewed",
        &["tls"],
        Now(|doing| {
            let town = doing.town;
            let (from, to) = (began(town.founded), until(town.founded, 89));
            town.web.certify(&town.mill.issue(Sort::Good, &HOSTS, from, to)?)
        }),
    ),
    change(
        "page-is-new",
        "a new build of the UI is served, somewhat slower",
        &["http"],
        Now(|doing| {
            let page =
                "<!doctype html><script src=\"/main.1f3a.js\"></script><div id=\"root\"></div>";
            let page = Answer::new(200, page).header("content-type", "text/html; charset=utf-8");
            doing.town.web.answer(&format!("{UI}/*"), page.after(Duration::from_millis(300)));
            Ok(())
        }),
    ),
    change(
        "updates-are-sent",
        "the notifier sends updates between its signs of life",
        &["event_stream"],
        Now(|doing| {
            let mut stream = Town::stream();
            let update = "event: update\ndata: {\"type\":\"bsdd\"}\n\n: keep alive\n\n";
            stream.beat = stream.beat.map(|(_, apart)| (update.into(), apart));
            doing.town.web.answer(&format!("{NOTIFIER}/*"), stream);
            Ok(())
        }),
    ),
    change(
        "names-over-tcp",
        "a resolver answers over TCP alone",
        &["dns"],
        Now(|doing| {
            use crate::net::dns::{Behaviour, Record};
            let address = Record::address(super::LOAD_BALANCER.parse()?);
            doing.town.names[1].set(UI, Behaviour::OverTcp(vec![address]));
            Ok(())
        }),
    ),
    change(
        "burst-of-jobs",
        "three hundred jobs come at once, and are worked off",
        &["bull_queue"],
        Now(|doing| {
            for queue in TRACKDECHETS_QUEUES.iter().take(6) {
                doing.town.redis.queue(queue).add(50, Duration::ZERO);
            }
            Ok(())
        }),
    ),
    change(
        "queues-are-idle",
        "nothing waits in any queue",
        &["bull_queue"],
        Now(|doing| {
            for queue in TRACKDECHETS_QUEUES {
                doing.town.redis.queue(queue).drain();
            }
            Ok(())
        }),
    ),
    change(
        "index-yellow",
        "a replica of the index behind bsds is on no node for a while",
        &["elasticsearch"],
        Now(|doing| {
            let mut cluster = doing.town.search.like();
            cluster.indices[0].health = "yellow";
            cluster.unassigned = 1;
            cluster.indices.push(Index::new("scratch"));
            doing.town.search.become_like(&cluster, &ALIASES);
            Ok(())
        }),
    ),
    change(
        "migration-repeated",
        "a migration was rolled back, and applied again",
        &["postgres"],
        Now(|doing| {
            let [first, second, last] = MIGRATIONS;
            let rolled_back = [MIGRATION, "1794737600", "-", "1794737650", "f"];
            doing.town.postgres.say("migrations of", rows(&[first, second, rolled_back, last]));
            let mut busy = SESSIONS;
            (busy[2], busy[3], busy[7]) = ("66", "9", "41.5");
            (busy[8], busy[9]) = ("trackdechets", "prisma");
            doing.town.postgres.say("sessions", rows(&[busy]));
            Ok(())
        }),
    ),
    change(
        "backup-is-taken",
        "another backup of each database is taken, and MongoDB's oldest goes",
        &["backup", "rollup"],
        Later(|doing| {
            Box::pin(async {
                let began = back_up(doing.town);
                // The bucket first, and then the operators, who look at it from time to time.
                tokio::time::sleep(NOTICED_AFTER).await;
                doing.town.tell_of_another_backup(began)
            })
        }),
    ),
    change(
        "objects-are-written",
        "the application writes into its buckets, and one is encrypted",
        &["s3_bucket"],
        Now(|doing| {
            let town = doing.town;
            for bucket in super::furnish::BUCKETS {
                town.s3.put(bucket, "2026/11/form.pdf", 81_233, town.now());
            }
            let encrypted = Settings { encryption: Some("AES256"), ..Settings::default() };
            town.s3.set(super::furnish::BUCKETS[5], encrypted);
            Ok(())
        }),
    ),
    change(
        "old-image-is-deleted",
        "the registry deletes a tag that nobody uses",
        &["registry_image", "images"],
        Now(|doing| {
            doing.town.registry.remove(&format!("{FOLDER}/api"), "2026.1.1");
            Ok(())
        }),
    ),
    change(
        "logs-are-written",
        "the parts write what they do, and now and then an error",
        &["pod_logs"],
        Now(|doing| {
            for part in ["api", "ui", "queues-runner"] {
                let pod = doing.pod(part)?;
                doing.town.kubernetes.log(
                    &pod,
                    part,
                    &[
                        "{\"level\":\"info\",\"message\":\"POST / 200 41 ms\"}",
                        "{\"level\":\"error\",\"message\":\"a form of 2019 can't be rendered\"}",
                        "{\"level\":\"info\",\"message\":\"POST / 200 17 ms\"}",
                    ],
                );
            }
            Ok(())
        }),
    ),
    change(
        "target-is-new",
        "Prometheus finds another target",
        &["prometheus_server"],
        Now(|doing| {
            doing.town.prometheus.change(|scraping| {
                scraping.targets.push(("redis".to_owned(), "10.244.1.9:9121".to_owned(), true));
            });
            Ok(())
        }),
    ),
    change(
        "alert-for-information",
        "an alert of no watched severity fires",
        &["firing_alerts"],
        Now(|doing| {
            let began = doing.town.now() - SignedDuration::from_mins(3);
            doing.town.alertmanager.change(|alerts| {
                let (name, severity) = ("KubeQuotaAlmostFull".to_owned(), "info".to_owned());
                alerts.push(Alert { name, severity, namespace: None, began, silenced: false });
            });
            Ok(())
        }),
    ),
    change(
        "memory-is-used",
        "a pod of the API takes 70 % of its memory",
        &["resource_usage"],
        Now(|doing| {
            let container = format!("{}/api", doing.pod("api")?);
            doing.town.kubernetes.consume(&container, "310m", "716Mi");
            Ok(())
        }),
    ),
];

/// A backup of each database began a quarter of an hour ago and has ended: it is in its bucket, where
/// no more of MongoDB's are kept than the operator was told. Returns when they began.
fn back_up(town: &Town) -> Timestamp {
    if let Some(oldest) = Taken::as_of(town.founded).mongodb.last() {
        let name = oldest.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        town.s3.remove_all(MONGODB_BUCKET, |key, _| key.starts_with(&name));
    }
    let began = town.now() - SignedDuration::from_mins(15);
    town.put_base_backup(began, 1_000_000_000);
    town.s3.pbm_backup(MONGODB_BUCKET, began, |_| {});
    began
}
