//! Images, where they come from, and what a scanner says of them.

use serde_json::json;

use super::super::fault::Deed::Now;
use super::super::fault::{Doing, Fault, fails, warns};
use super::fault;
use crate::kubernetes::pods::USER;
use crate::kubernetes::trackdechets::{DEPLOYMENTS, FOLDER, NAMESPACE, VERSIONS};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "image-deleted",
        "the registry has deleted the image of queues-gerico that runs",
        &[fails("image-queues-gerico", "NotFound")],
        Now(|doing| {
            delete(doing, "queues-gerico", VERSIONS[0]);
            Ok(())
        }),
    ),
    fault(
        "images-deleted",
        "a policy of retention has deleted the images of eight parts that run",
        &[
            fails("image-ui", "NotFound"),
            fails("image-notifier", "NotFound"),
            fails("image-cron", "NotFound"),
            fails("image-queues-runner", "NotFound"),
            fails("image-queues-indexation", "NotFound"),
            fails("image-queues-bulk-indexation", "NotFound"),
            fails("image-queues-bulk-indexation-master", "NotFound"),
            fails("image-queues-webhooks", "NotFound"),
        ],
        Now(|doing| {
            let parts = DEPLOYMENTS.iter().map(|(part, ..)| *part);
            for part in parts.filter(|part| !["api", "queues-gerico"].contains(part)) {
                delete(doing, part, VERSIONS[0]);
            }
            Ok(())
        }),
    ),
    fault(
        "image-moved",
        "the tag of the API that runs names another image by now",
        &[warns("image-api", "TagMoved")],
        Now(|doing| {
            let repository = format!("{FOLDER}/api");
            doing.town.registry.retag(&repository, VERSIONS[0], "built-anew", USER);
            push_later(doing, repository, VERSIONS[0]);
            Ok(())
        }),
    ),
    fault(
        "previous-image-deleted",
        "the registry has deleted the image of cron that a rollback would return to",
        &[fails("previous-images", "NotFound")],
        Now(|doing| {
            delete(doing, "cron", VERSIONS[1]);
            Ok(())
        }),
    ),
    fault(
        "image-from-elsewhere",
        "a pod of cron runs an image of another registry",
        &[
            fails("image-registry", "RegistryNotAllowed"),
            fails("registry-variable", "RegistriesDiffer"),
            fails("image-scanning", "ReportMissing"),
        ],
        Now(|doing| {
            doing.change_container("cron", |container| {
                container["image"] = format!("docker.io/{FOLDER}/cron:{}", VERSIONS[0]).into();
            })
        }),
    ),
    fault(
        "image-of-a-placeholder",
        "a pod of queues-webhooks runs an image of `registry.example.com`",
        &[
            fails("image-registry", "PlaceholderRegistry"),
            fails("registry-variable", "RegistriesDiffer"),
            fails("image-scanning", "ReportMissing"),
        ],
        Now(|doing| {
            doing.change_container("queues-webhooks", |container| {
                container["image"] =
                    format!("registry.example.com/webhooks:{}", VERSIONS[0]).into();
            })
        }),
    ),
    fault(
        "image-latest",
        "a pod of the UI runs `latest`",
        &[fails("image-tags", "TagForbidden"), fails("image-scanning", "ReportMissing")],
        Now(|doing| {
            doing.change_container("ui", |container| {
                let image = container["image"].as_str().unwrap_or_default().to_owned();
                let (place, _) = image.rsplit_once(':').unwrap_or((&image, ""));
                container["image"] = format!("{place}:latest").into();
            })
        }),
    ),
    fault(
        "vulnerable",
        "the scanner finds a critical vulnerability in an image",
        &[fails("image-scanning", "Vulnerable")],
        Now(|doing| {
            let reports = doing.town.kubernetes.list("vulnerabilityreports", Some(NAMESPACE))?;
            let is_api = |report: &&serde_json::Value| {
                report["metadata"]["labels"]["trivy-operator.container.name"] == "api"
            };
            let Some(report) = reports.iter().find(is_api) else { anyhow::bail!("no report") };
            let name = report["metadata"]["name"].as_str().unwrap_or_default();
            let found = json!({ "report": { "summary": { "criticalCount": 1 } } });
            doing.change("vulnerabilityreports", name, &found)
        }),
    ),
];

/// The registry loses the image of a part until the fault is mended.
fn delete(doing: &mut Doing<'_>, part: &str, version: &'static str) {
    let repository = format!("{FOLDER}/{part}");
    doing.town.registry.remove(&repository, version);
    push_later(doing, repository, version);
}

/// The mend: the image is pushed as it was built.
fn push_later(doing: &mut Doing<'_>, repository: String, version: &'static str) {
    doing.mend(move |town| {
        town.registry.push(&repository, version, USER);
        Ok(())
    });
}
