//! What people say and take back: it turns lines as faults do, and outlives a daemon that is killed.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use vigie::systems::clock::Clock;
use vigie_sim::town::{PLEDGE, Town, Turn, fails, warns};

use super::course::Drill;
use super::daemon::Daemon;

/// An item that no program can see, and what was said of it.
const ATTESTED: &str = "rollback-tested";
/// A fault that fails two items, of which one can be waived and the other stays.
const FAULT: &str = "service-gone";
const WAIVED: Turn = Turn { item: "services", standing: "waived", reason: "Missing" };
const OPEN: Turn = fails("ingress", "BackendMissing");

/// Lets them say it, and kills the daemon in the midst of it.
pub async fn say(town: &Town, drill: &mut Drill) {
    let attestations = acts_of(ATTESTED, "attestations");
    let pending = Turn { item: ATTESTED, standing: "pending", reason: "" };
    take_back_all(drill.daemon(), &attestations).await;
    drill.turns("attestation-taken-back", &[pending]).await;

    // Long enough that it is seen to end before it has.
    let until = Clock::System.now() + SignedDuration::from_secs(75);
    let soon = json!({ "who": "Noor", "note": "for a moment", "until": until });
    tell(drill.daemon(), &attestations, &soon).await;
    drill.turns("attestation-ends", &[warns(ATTESTED, "AttestationEnding")]).await;
    drill.turns("attestation-lapsed", &[fails(ATTESTED, "AttestationLapsed")]).await;
    drill.restart("attestation-lapsed, killed").await;
    drill.turns("attestation-lapsed, killed", &[fails(ATTESTED, "AttestationLapsed")]).await;
    tell(drill.daemon(), &attestations, &json!({ "who": "Noor", "note": "tested anew" })).await;
    drill.heals("attestation-lapsed").await;

    let waivers = acts_of(WAIVED.item, "waivers");
    town.inject(FAULT).await.expect(FAULT);
    drill.turns("to be waived", &[fails(WAIVED.item, WAIVED.reason), OPEN]).await;
    let until = Clock::System.now() + SignedDuration::from_hours(2);
    let why =
        json!({ "who": "Sacha", "why": "being moved", "reasons": ["Missing"], "until": until });
    tell(drill.daemon(), &waivers, &why).await;
    drill.turns("waived", &[WAIVED, OPEN]).await;
    drill.restart("waived, killed").await;
    drill.turns("waived, killed", &[WAIVED, OPEN]).await;
    take_back_all(drill.daemon(), &waivers).await;
    drill.turns("waiver-taken-back", &[fails(WAIVED.item, WAIVED.reason), OPEN]).await;
    town.heal(FAULT).await.expect(FAULT);
    drill.heals("waiver-taken-back").await;
}

fn acts_of(item: &str, sort: &str) -> String {
    format!("/api/v1/items/{item}/{sort}")
}

async fn tell(daemon: &Daemon, path: &str, said: &Value) {
    let (status, answer) = daemon.tell(path, PLEDGE.secret, said.to_string()).await;
    assert_eq!(status, 201, "{path}: {answer}");
}

/// Takes back what is said there.
async fn take_back_all(daemon: &Daemon, path: &str) {
    let known: Value = serde_json::from_str(&daemon.get(path).await).expect("JSON");
    let sort = path.rsplit('/').next().expect("a last word");
    let acts = known[sort].as_array().expect("acts").iter().filter(|act| act["ended"].is_null());
    for act in acts {
        let path = format!("{path}/{}", act["id"].as_str().expect("an id"));
        let who = json!({ "who": "Camille" }).to_string();
        let (status, answer) = daemon.ask(Method::DELETE, &path, PLEDGE.secret, who).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
}
