//! Pods and their owners.

use serde_json::json;

use super::super::fault::Deed::Now;
use super::super::fault::{Fault, blind, fails, warns};
use super::{fault, named};
use crate::kubernetes::story;

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "pod-crash-loops",
        "a pod of the API crashes again and again",
        &[
            fails("pods-running", "CrashLoopBackOff"),
            fails("watch-pods", "CrashLoopBackOff"),
            warns("deployments-ready", "Unavailable"),
        ],
        Now(|doing| Ok(story::crash_loop(&doing.town.kubernetes, &doing.pod("api")?)?)),
    ),
    fault(
        "image-missing",
        "a pod of the UI can't pull its image",
        &[
            fails("pods-running", "ImagePullBackOff"),
            fails("images-pullable", "ImagePullBackOff"),
            warns("watch-pods", "NotReady"),
            warns("deployments-ready", "Unavailable"),
        ],
        Now(|doing| Ok(story::fail_to_pull(&doing.town.kubernetes, &doing.pod("ui")?)?)),
    ),
    fault(
        "out-of-memory",
        "a pod of the notifier is killed for its memory, and runs again",
        &[fails("pods-running", "OOMKilled"), fails("watch-pods", "OOMKilled")],
        Now(|doing| Ok(story::run_out_of_memory(&doing.town.kubernetes, &doing.pod("notifier")?)?)),
    ),
    fault(
        "no-node-takes-it",
        "a pod of queues-runner finds no node",
        &[
            warns("pods-running", "Unschedulable"),
            warns("watch-pods", "Unschedulable"),
            warns("deployments-ready", "Unavailable"),
        ],
        Now(|doing| Ok(story::find_no_node(&doing.town.kubernetes, &doing.pod("queues-runner")?)?)),
    ),
    fault(
        "cron-runs-twice",
        "the singleton cron is scaled to two",
        &[
            fails("deployments-ready", "TooMany"),
            fails("cron-scheduled", "TooMany"),
            fails("watch-pods", "TooMany"),
        ],
        Now(|doing| Ok(story::scale(&doing.town.kubernetes, &named("cron"), 2)?)),
    ),
    fault(
        "scaled-to-zero",
        "queues-gerico is scaled to zero",
        &[
            fails("deployments-ready", "ScaledToZero"),
            fails("watch-pods", "ScaledToZero"),
            blind("watch-resources", "NoReplica"),
            blind("logs-collected", "NoPods"),
            blind("watch-error-logs", "NoPods"),
        ],
        Now(|doing| Ok(story::scale(&doing.town.kubernetes, &named("queues-gerico"), 0)?)),
    ),
    fault(
        "sentinels-down",
        "a sentinel crashes again and again",
        &[
            warns("redis-ready", "Unavailable"),
            warns("deployments-ready", "Unavailable"),
            fails("pods-running", "CrashLoopBackOff"),
            fails("watch-pods", "CrashLoopBackOff"),
        ],
        Now(|doing| Ok(story::crash_loop(&doing.town.kubernetes, &doing.pod("rfs-redis")?)?)),
    ),
    fault(
        "autoscaler-without-metrics",
        "the autoscaler of the API has no metrics",
        &[
            fails("autoscalers-active", "ScalingInactive"),
            fails("watch-autoscaling", "ScalingInactive"),
        ],
        Now(|doing| {
            let condition = |kind: &str, status: &str, reason: &str| {
                json!({
                    "type": kind, "status": status, "reason": reason,
                    "lastTransitionTime": "2026-11-01T08:00:00Z",
                    "message": "the HPA was unable to compute the replica count",
                })
            };
            let conditions = [
                condition("AbleToScale", "True", "SucceededGetScale"),
                condition("ScalingActive", "False", "FailedGetResourceMetric"),
            ];
            let status = json!({ "conditions": conditions, "currentMetrics": null });
            doing.change("horizontalpodautoscalers", "api", &json!({ "status": status }))
        }),
    ),
    fault(
        "autoscaler-at-its-maximum",
        "the autoscaler of queues-webhooks wants all that it may",
        &[warns("watch-autoscaling", "AtMaximum")],
        Now(|doing| {
            story::scale(&doing.town.kubernetes, &named("queues-webhooks"), 5)?;
            let status = json!({ "status": { "desiredReplicas": 5, "currentReplicas": 5 } });
            doing.change("horizontalpodautoscalers", "queues-webhooks", &status)
        }),
    ),
    fault(
        "autoscaler-never-scaled",
        "the autoscaler of queues-gerico is new, and has never scaled",
        &[fails("autoscaling-tested", "NeverScaled")],
        Now(|doing| {
            let status = json!({ "status": { "lastScaleTime": null } });
            doing.change("horizontalpodautoscalers", "queues-gerico", &status)
        }),
    ),
    fault(
        "runs-as-root",
        "a pod of the notifier runs as root",
        &[fails("pods-non-root", "RunsAsRoot")],
        Now(|doing| {
            doing.change_container("notifier", |container| {
                container["securityContext"] = json!({ "runAsUser": 0 });
            })
        }),
    ),
];
