//! What everybody may do: where nothing can be tried, and how it is named.

use vigie::model::finding::Verdict::{Fail, Pass, Unknown};
use vigie::model::reason::Reason;
use vigie_sim::s3::{ACCESS_KEY, Fault, Settings};

use super::{EXPOSURE, PUBLIC, check, policy, set, with};
use crate::s3::fixture::{BUCKET, Fixture};
use crate::support;

#[tokio::test]
async fn without_an_object_only_what_is_granted_tells_who_may_read_one() {
    let fixture = Fixture::new().await;
    // Nobody can tell by trying that objects are open to everybody.
    let open = Settings { open: &["HeadObject"], ..Settings::default() };
    fixture.store.set(BUCKET, open);
    let judgement = support::look(&check("prefix: db/"), &fixture.systems).await;
    assert_eq!(judgement.reason(), Some(Reason::NOT_YET), "{}", judgement.because());
    let said = "there is no object under `db/` that could be asked for without a signature";
    assert!(judgement.because().contains(said), "{}", judgement.because());
    let judgement = support::look(&check("grants: private"), &fixture.systems).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert!(judgement.lines().iter().any(|line| line.because.contains("there is no object in")));
    fixture.store.set(BUCKET, policy(PUBLIC));
    let judgement = support::look(&check("grants: private"), &fixture.systems).await;
    assert_eq!(judgement.reason().map(Reason::code), Some("PublicGrant"));
    // What can't be told hides behind nothing.
    let denied = Fault::At("GetBucketAcl", Box::new(Fault::Error("AccessDenied")));
    fixture.store.set_fault(Some(denied));
    fixture.store.set(BUCKET, Settings::default());
    let judgement = support::look(&check("grants: private"), &fixture.systems).await;
    assert_eq!(judgement.reason(), Some(Reason::FORBIDDEN), "{}", judgement.because());
}

#[tokio::test]
async fn all_that_a_policy_opens_is_named_objects_first() {
    let open = r#"{"Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetBucketLocation", "s3:ListBucket"]},
        {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"]}
    ]}"#;
    let judgement = set("grants: private", policy(open)).await;
    let said = "allows everybody: s3:GetObject, s3:GetBucketLocation, s3:ListBucket";
    assert!(judgement.because().ends_with(said), "{}", judgement.because());
    let words: Vec<_> = (0..9).map(|number| format!("\"s3:Other{number}\"")).collect();
    let open = open.replace("\"s3:ListBucket\"", &words.join(", "));
    let judgement = set("grants: private", policy(&open)).await;
    assert!(judgement.because().ends_with("s3:Other3, and 5 more"), "{}", judgement.because());
}

#[tokio::test]
async fn where_a_store_has_no_acl_what_nobody_may_do_stands_for_it() {
    for operation in ["GetBucketAcl", "GetBucketPolicy"] {
        let lacks = Fault::At(operation, Box::new(Fault::Status(501)));
        for (open, verdict) in [(&[] as &[&str], Pass), (&["ListObjectsV2"], Fail)] {
            let settings = Settings { open, ..Settings::default() };
            let judgement = with("grants: private_where_told", settings, Some(&lacks)).await;
            assert_eq!(judgement.verdict(), verdict, "{}", judgement.because());
        }
        // What is not tried stands for nothing, nor does a right that is lacking.
        let untried =
            with("grants: private_where_told, unsigned: any", Settings::default(), Some(&lacks));
        assert_eq!(untried.await.verdict(), Unknown);
        let denied = Fault::At(operation, Box::new(Fault::Error("AccessDenied")));
        let denied = with("grants: private_where_told", Settings::default(), Some(&denied)).await;
        assert_eq!(denied.reason().map(Reason::code), Some("Forbidden"));
    }
}

#[tokio::test]
async fn a_bucket_open_to_strangers_is_seen_without_a_key_that_works() {
    let fixture = Fixture::new().await;
    fixture.store.revoke(ACCESS_KEY);
    let judgement = support::look(&check(EXPOSURE), &fixture.systems).await;
    assert_eq!(judgement.verdict(), Unknown, "{}", judgement.because());
    assert_eq!(judgement.reason(), Some(Reason::UNAUTHORIZED), "{}", judgement.because());
    fixture.store.set(BUCKET, Settings { open: &["ListObjectsV2"], ..Settings::default() });
    let judgement = support::look(&check(EXPOSURE), &fixture.systems).await;
    assert_eq!(judgement.verdict(), Fail, "{}", judgement.because());
    assert_eq!(judgement.reason().map(Reason::code), Some("PublicAccess"));
}
