//! What stores tell of encryption, and what they do not tell.

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use vigie::model::finding::Verdict::{self, Fail, Unknown};
use vigie::model::judgement::Judgement;
use vigie_sim::s3::Kept;

use super::{Provocation, row};
use crate::s3::fixture::{BUCKET, Fixture, ago, now, pbm};
use crate::support;

pub(super) fn provocations() -> Vec<Provocation> {
    vec![
        row("NotEncrypted", Fail, || kept(&[("pg/base/", Kept::ByStore)], "any")),
        row("EncryptionUnknown", Unknown, || kept(&[], "any")),
    ]
}

fn kept(
    prefixes: &'static [(&str, Kept)],
    demanded: &'static str,
) -> BoxFuture<'static, Judgement> {
    async move {
        let fixture = Fixture::new().await;
        let age = SignedDuration::from_hours(5);
        fixture.store.fill_barman(BUCKET, "pg/", now(), age, (3, 30));
        for (prefix, kept) in prefixes {
            fixture.store.encrypt(BUCKET, prefix, *kept);
        }
        fixture.look_at_barman(&format!("encrypted: {demanded}")).await
    }
    .boxed()
}

#[tokio::test]
async fn encryption_is_held_to_what_is_demanded() {
    for (how, demanded, verdict) in [
        (&[("", Kept::ByStore)] as &'static [(&str, Kept)], "any", Verdict::Pass),
        (&[("", Kept::ByStore)], "own_key", Fail),
        (&[("", Kept::ByKms)], "own_key", Verdict::Pass),
        (&[("", Kept::ByKms)], "client", Fail),
        (&[("", Kept::ByClient)], "client", Verdict::Pass),
        (&[("pg/base/", Kept::ByClient), ("", Kept::ByStore)], "any", Verdict::Pass),
    ] {
        let judgement = kept(how, demanded).await;
        assert_eq!(judgement.verdict(), verdict, "{how:?} {demanded}: {}", judgement.because());
    }
}

#[tokio::test]
async fn metadata_and_data_of_a_mongodb_are_both_asked_about() {
    let fixture = Fixture::new().await;
    fixture.store.pbm_backup(BUCKET, ago(5), |_| {});
    let check = pbm("{}", "encrypted: any");
    fixture.store.encrypt(BUCKET, &ago(5).strftime("%Y-%m-%dT%H:%M:%SZ/").to_string(), Kept::ByKms);
    let judgement = support::look(&check, &fixture.systems).await;
    assert_eq!(judgement.verdict(), Fail, "{}", judgement.because());
    fixture.store.encrypt(BUCKET, "", Kept::ByKms);
    let judgement = support::look(&check, &fixture.systems).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert_eq!(fixture.store.requests()["HeadObject"], 4);
}

#[tokio::test]
async fn an_object_by_itself_is_asked_about() {
    let fixture = Fixture::new().await.daily(5, &[10_000; 3]);
    let judgement = fixture.look("encrypted: any").await;
    assert_eq!(judgement.verdict(), Unknown, "{}", judgement.because());
    fixture.store.encrypt(BUCKET, "", Kept::ByStore);
    let judgement = fixture.look("encrypted: any").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}
