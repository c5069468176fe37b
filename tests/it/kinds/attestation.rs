//! `attestation`: what the record holds, as time goes by. That words come to the record over HTTP, and
//! from there to the item, is seen in `server` and `drill`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use vigie::checks::attestation::Attestation;
use vigie::model::acts::{self, Covers};
use vigie::model::judgement::Judgement;
use vigie::model::records::Records;
use vigie::systems::clock::Clock;

use super::{Provocation, provoke};
use crate::support::{deployment, look_recorded, systems};

const PERIOD: &str = "attestation: { valid_for: 30d, warn_before: 5d, within: 7d }";
const DEPLOYMENT: &str = "attestation: { valid_for: deployment }";

#[tokio::test]
async fn every_reason_of_attestation_is_given() {
    provoke(provocations()).await;
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { Attestation:
        "NotAttested" Fail known(PERIOD, 8);
        "NotYet" Unknown known(PERIOD, 6);
        "AttestationLapsed" Fail attested(-1);
        "AttestationEnding" Warn attested(4);
        "NoDeployment" Unknown known(DEPLOYMENT, 100);
    }
}

fn days(days: i64) -> Timestamp {
    Clock::System.now() + SignedDuration::from_hours(24 * days)
}

async fn with(check: &str, records: &Records) -> Judgement {
    look_recorded(check, &systems("{}", Clock::System), records).await
}

/// An item that has been on the checklist for so many days, without a word.
async fn known(check: &str, since: i64) -> Judgement {
    with(check, &Records { known_since: Some(days(-since)), ..Records::default() }).await
}

/// One with a word that lasts so many days from now.
async fn attested(until: i64) -> Judgement {
    with(PERIOD, &records(Covers::Until(days(until)))).await
}

fn records(covers: Covers) -> Records {
    let attestation = acts::Attestation {
        id: "1".to_owned(),
        item: vigie::model::item::ItemId::parse("load-test").expect("an id"),
        who: "Jo".to_owned(),
        token: "jo".to_owned(),
        at: days(-20),
        covers,
        note: None,
        link: None,
        ended: None,
    };
    Records { attestations: vec![Arc::new(attestation)], ..Records::default() }
}

#[tokio::test]
async fn a_word_says_whose_it_is_and_until_when() {
    let judgement = attested(10).await;
    let because = judgement.because();
    assert!(
        because.starts_with("attested by Jo at ") && because.contains("valid until"),
        "{because}"
    );
    assert!(judgement.changes_at.is_some(), "it warns by itself");
}

#[tokio::test]
async fn a_word_for_this_deployment_holds() {
    let covered = Records {
        deployment: Some(Arc::new(deployment(days(-1)))),
        ..records(Covers::Deployment("test".to_owned()))
    };
    let judgement = with(DEPLOYMENT, &covered).await;
    assert!(judgement.because().contains("for the deployment test"), "{}", judgement.because());
}
