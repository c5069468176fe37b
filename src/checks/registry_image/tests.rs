//! Judging as tables: what a registry has, what runs, what was before.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::looking::Looked;
use super::revision::{Revision, newest};
use super::*;
use crate::model::finding::Verdict::{Fail, Pass, Unknown, Warn};
use crate::systems::registry::{Built, Fit};

fn check() -> RegistryImage {
    RegistryImage { images: vec![], deployments: None, platform: None }
}

fn judge(running: &[&str], answer: Option<Result<Built, Obstacle>>) -> (Verdict, Option<Reason>) {
    let looked = Looked {
        subject: "shop/api web".to_owned(),
        image: "ghcr.io/shop/api:1".to_owned(),
        running: running.iter().map(|digest| (*digest).to_owned()).collect::<BTreeSet<_>>(),
        answer,
    };
    let judgement = check().judge_seen(&Seen { images: vec![looked], ..Seen::default() });
    let total: f64 = judgement.samples().iter().map(|sample| sample.value).sum();
    assert!((total - 1.0).abs() < f64::EPSILON, "each image is counted once");
    (judgement.verdict(), judgement.reason())
}

fn found(parts: &[&str], fits: bool) -> Built {
    let fit = if fits { Fit::Yes } else { Fit::No(["linux/arm64".to_owned()].into()) };
    let parts = parts.iter().map(|part| (*part).to_owned()).collect();
    Built { digest: "sha256:a".to_owned(), parts, fit }
}

fn obstacle(reason: Reason) -> Obstacle {
    Obstacle::new(reason, "because")
}

#[test]
fn an_image_is_judged_by_its_digest_and_platform() {
    for (running, answer, wanted) in [
        (&[][..], Some(Ok(found(&[], true))), (Pass, None)),
        (&["sha256:a"], Some(Ok(found(&[], true))), (Pass, None)),
        (&["sha256:b"], Some(Ok(found(&["sha256:b", "sha256:c"], true))), (Pass, None)),
        (&["sha256:b"], Some(Ok(found(&[], true))), (Warn, Some(MOVED))),
        (&["sha256:a", "sha256:b"], Some(Ok(found(&[], true))), (Warn, Some(MOVED))),
        (&["sha256:a"], Some(Ok(found(&["sha256:b"], false))), (Fail, Some(PLATFORM_MISSING))),
        (&[], None, (Fail, Some(IMAGE_INVALID))),
        (&[], Some(Err(obstacle(Reason::NOT_FOUND))), (Fail, Some(Reason::NOT_FOUND))),
        (&[], Some(Err(obstacle(Reason::REFUSED))), (Fail, Some(Reason::REFUSED))),
        (&[], Some(Err(obstacle(Reason::THROTTLED))), (Unknown, Some(Reason::THROTTLED))),
    ] {
        assert_eq!(judge(running, answer.clone()), wanted, "{running:?} {answer:?}");
    }
    let ours = Some(Err(Obstacle::ours(Reason::SECRET_MISSING, "no file")));
    assert_eq!(judge(&[], ours), (Unknown, Some(Reason::SECRET_MISSING)));
}

#[test]
fn a_line_names_its_image_once() {
    let image = "ghcr.io/shop/api:1";
    let untold = Built { fit: Fit::Untold("no architecture".to_owned()), ..found(&[], true) };
    for (answer, because) in [
        (Ok(found(&[], true)), "it can be fetched: sha256:a"),
        (Ok(found(&[], false)), "it is built for linux/arm64, and not for linux/amd64"),
        (Ok(untold), "whether it is built for linux/amd64 is not told: no architecture"),
        (
            Err(Obstacle::new(Reason::NOT_FOUND, format!("{image}: its registry answers 404"))),
            "its registry answers 404",
        ),
    ] {
        let (subject, running) = (String::new(), BTreeSet::new());
        let image = image.to_owned();
        let looked = Looked { subject, image, running, answer: Some(answer) };
        let judgement = check().judge_seen(&Seen { images: vec![looked], ..Seen::default() });
        assert_eq!(judgement.because(), format!("ghcr.io/shop/api:1: {because}"));
    }
}

#[test]
fn nothing_looked_at_is_no_pass() {
    assert_eq!(check().judge_seen(&Seen::default()).verdict(), Unknown);
}

fn set(number: &str) -> Value {
    json!({
        "metadata": {
            "name": "api-7c9d", "namespace": "shop",
            "annotations": { "deployment.kubernetes.io/revision": number },
            "ownerReferences": [
                { "kind": "Deployment", "name": "api", "controller": true, "apiVersion": "apps/v1" },
            ],
        },
        "spec": { "template": { "spec": {
            "initContainers": [{ "name": "wait", "image": "busybox" }],
            "containers": [{ "name": "web", "image": "ghcr.io/shop/api:1" }],
        } } },
    })
}

#[test]
fn a_replica_set_is_a_revision_of_its_deployment() {
    let revision = Revision::read(&set("3")).unwrap().unwrap();
    assert_eq!((revision.deployment.as_str(), revision.number), ("api", 3));
    let images: Vec<_> = revision.images.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(images, ["wait", "web"]);
    let mut alone = set("3");
    alone["metadata"]["ownerReferences"] = json!([]);
    assert_eq!(Revision::read(&alone), Ok(None));
}

#[test]
fn a_replica_set_that_lacks_something_is_never_taken_for_another() {
    for pointer in [
        "/metadata",
        "/metadata/name",
        "/metadata/annotations/deployment.kubernetes.io~1revision",
        "/spec",
        "/spec/template/spec",
        "/spec/template/spec/containers",
        "/spec/template/spec/containers/0/image",
        "/spec/template/spec/containers/0/name",
    ] {
        for wrong in [Value::Null, json!(7), json!([])] {
            let mut object = set("3");
            *object.pointer_mut(pointer).unwrap() = wrong.clone();
            assert!(Revision::read(&object).is_err(), "{pointer} {wrong}");
        }
    }
    assert!(Revision::read(&set("three")).is_err());
}

#[test]
fn the_one_before_is_the_next_lower_whatever_the_order() {
    let all: Vec<_> =
        ["2", "7", "4"].iter().map(|n| Revision::read(&set(n)).unwrap().unwrap()).collect();
    let (current, previous) = newest(&all);
    assert_eq!(current.map(|one| one.number), Some(7));
    assert_eq!(previous.map(|one| one.number), Some(4));
    assert_eq!(newest(&all[..1]).1, None);
}
