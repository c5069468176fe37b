//! `tool`: programs of a folder that stands for a workstation's PATH.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use vigie::checks::tool::Tool;
use vigie::model::finding::Verdict::{Fail, Pass};
use vigie::model::judgement::Judgement;
use vigie::systems::clock::Clock;
use vigie::systems::programs::Programs;
use vigie_sim::kubernetes::{Act, Fault};

use super::{Provocation, provoke};
use crate::kubernetes::Cluster;
use crate::support::{look, look_within, systems};

const KUBECTL: &str = "tool: { programs: [{ name: kubectl, at_least: '1.30' }] }";
const COMPARED: &str = "tool: { programs: [{ name: kubectl }], minors_from_server: 1 }";

#[tokio::test]
async fn every_reason_of_tool_is_given() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    rows! { Tool:
        "NotOnPath" Fail with("git", "echo git version 2.39.5", KUBECTL);
        "ProgramFailed" Fail with("kubectl", "echo no engine >&2; exit 3", KUBECTL);
        "TimedOut" Fail with("kubectl", "exec sleep 60", KUBECTL);
        "VersionUnreadable" Unknown with("kubectl", "echo hello", KUBECTL);
        "VersionTooOld" Fail async { with("kubectl", &says("v1.29.4"), KUBECTL).await };
        "VersionsApart" Fail beside("v1.33.0", None);
        "ServerVersionUnknown" Unknown beside("v1.36.0", Some(Act::Status { code: 503, retry_after: None }));
        "NotAWorkstation" Unknown async { look(KUBECTL, &systems("{}", Clock::System)).await };
    }
}

fn says(version: &str) -> String {
    format!("echo '{}'", json!({ "clientVersion": { "gitVersion": version } }))
        .replace("\":\"", "\": \"")
}

/// A folder with one program, a script.
fn folder(name: &str, script: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    put(&folder, name, script);
    folder
}

fn put(folder: &TempDir, name: &str, script: &str) {
    let file = folder.path().join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a file");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).expect("permissions");
}

async fn with(name: &str, script: &str, check: &str) -> Judgement {
    on(&folder(name, script), check).await
}

async fn on(folder: &TempDir, check: &str) -> Judgement {
    let mut systems = systems("{}", Clock::System);
    systems.programs = Programs::On(folder.path().into());
    look_within(Duration::from_secs(5), check, &systems).await
}

/// kubectl beside a server of version 1.36, as the simulation is.
async fn beside(version: &str, act: Option<Act>) -> Judgement {
    let folder = folder("kubectl", &says(version));
    let mut cluster = Cluster::start().await;
    cluster.systems.programs = Programs::On(folder.path().into());
    if let Some(act) = act {
        cluster.server.inject(Fault::new(act));
    }
    cluster.look(COMPARED).await
}

#[tokio::test]
async fn the_first_program_that_will_do_counts() {
    let check = "tool: { programs: [{ name: kustomize, at_least: '4.0' }, { name: kubectl }] }";
    let folder = folder("kubectl", &says("v1.31.0"));
    let judgement = on(&folder, check).await;
    assert_eq!((judgement.verdict(), judgement.because()), (Pass, "kubectl is 1.31.0".to_owned()));
    put(&folder, "kustomize", "echo v3.9.0");
    assert_eq!(on(&folder, check).await.verdict(), Pass, "too old, and another will do");
    std::fs::remove_file(folder.path().join("kubectl")).unwrap();
    let judgement = on(&folder, check).await;
    assert_eq!(judgement.verdict(), Fail);
    assert!(judgement.because().contains("kustomize is 3.9.0"), "{}", judgement.because());
}

#[tokio::test]
async fn a_kubectl_next_to_its_server_passes() {
    let judgement = beside("v1.35.2", None).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert!(judgement.because().contains("the API server v1.36"), "{}", judgement.because());
}

#[tokio::test]
async fn a_program_that_prints_for_ever_fills_no_memory_and_is_killed() {
    let judgement = with("kubectl", "exec yes", KUBECTL).await;
    assert_eq!(judgement.verdict(), Fail, "{}", judgement.because());
    assert!(judgement.because().contains("did not end in time"), "{}", judgement.because());
}

#[tokio::test]
async fn programs_of_this_machine_are_found() {
    let mut systems = systems("{}", Clock::System);
    systems.programs = Programs::here();
    let judgement = look("tool: { programs: [{ name: git, at_least: '2.0' }] }", &systems).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
}
