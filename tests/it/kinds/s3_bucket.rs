//! `s3_bucket`, against a store in memory over real sockets; against a real one in `real`.

mod exposed;

use std::time::Duration;

use vigie::checks::s3_bucket::S3Bucket;
use vigie::model::finding::Verdict::{Fail, Pass, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::s3::{ACCESS_KEY, Fault, Settings, Store, WITHOUT_A_KEY};

use super::Provocation;
use crate::net::ground::deserted;
use crate::s3::fixture::{BUCKET, Fixture, ago, look_within};
use crate::support;

/// Everything that can be asked of a bucket.
const ALL: &str = "grants: private, public_access_block: all, encryption: kms, versioning: enabled, \
                   retention: { kept: 7d, gone_after: 40d }";

/// What strangers may do, and no more.
const EXPOSURE: &str = "about: exposure";

pub fn provocations() -> Vec<Provocation> {
    let mut table = rows! { S3Bucket:
        "BucketMissing" Fail looked("", |fixture| fixture.store.delete(BUCKET));
        "BucketMissing" Unknown looked(EXPOSURE, |fixture| fixture.store.delete(BUCKET));
        "PublicAccess" Fail set("", Settings { open: &["ListObjectsV2"], ..Settings::default() });
        "PublicGrant" Fail set("grants: private", granting("global/AllUsers"));
        "PublicGrant" Warn set("grants: private", policy(PUBLIC_BUT_DENIED));
        "PublicAccessNotBlocked" Fail set("public_access_block: all", blocking([true, true, false, true]));
        "NotEncrypted" Fail set("encryption: enabled", Settings::default());
        "WrongVersioning" Fail set("versioning: enabled", versioned("Suspended"));
        "DeletedTooSoon" Fail set("retention: { kept: 30d }", rule(29, None));
        "NeverDeleted" Fail set("retention: { gone_after: 40d }", Settings::default());
        "WrongRegion" Fail faulty("", Fault::Moved("eu-west-3"));
        "WrongRegion" Unknown faulty(EXPOSURE, Fault::Moved("eu-west-3"));
        "Redirected" Fail faulty("", Fault::Redirect("https://elsewhere.example/"));
        "Redirected" Unknown faulty(EXPOSURE, Fault::Redirect("https://elsewhere.example/"));
        "Unauthorized" Fail looked("", |fixture| fixture.store.revoke(ACCESS_KEY));
        "Unauthorized" Unknown looked(EXPOSURE, |fixture| fixture.store.revoke(ACCESS_KEY));
        "Forbidden" Fail faulty("", Fault::Error("AccessDenied"));
        "Forbidden" Unknown at("GetBucketAcl", Fault::Error("AccessDenied"));
        "Rejected" Fail faulty("", Fault::Error("InvalidRequest"));
        "Rejected" Unknown at("GetBucketAcl", Fault::Error("InvalidRequest"));
        "Garbled" Fail faulty("", Fault::Html);
        "Garbled" Unknown at("GetBucketAcl", Fault::HalfXml);
        "TooLarge" Fail faulty("", Fault::Endless);
        "TooLarge" Unknown at("GetBucketAcl", Fault::Endless);
        "NotImplemented" Unknown at("GetBucketAcl", Fault::Error("NotImplemented"));
        "NotFound" Unknown at("GetBucketAcl", Fault::Error("NoSuchBucket"));
        "NotYet" Unknown async { support::look(&check(""), &Fixture::new().await.systems).await };
        "ClockSkew" Unknown faulty("", Fault::Error("RequestTimeTooSkewed"));
        "Throttled" Fail faulty("", Fault::SlowDownEvery(1));
        "Throttled" Unknown faulty(EXPOSURE, Fault::SlowDownEvery(1));
        "ServerError" Fail faulty("", Fault::Error("InternalError"));
        "ServerError" Unknown faulty(EXPOSURE, Fault::Error("InternalError"));
        "TimedOut" Fail silent("", Fault::Silent);
        "TimedOut" Unknown silent(EXPOSURE, Fault::Silent);
        "Refused" Fail async { elsewhere("", format!("http://{}", deserted().await)).await };
        "Refused" Unknown async { elsewhere(EXPOSURE, format!("http://{}", deserted().await)).await };
        "Reset" Fail faulty("", Fault::Cut);
        "Reset" Unknown faulty(EXPOSURE, Fault::Cut);
        "Unreachable" Fail elsewhere("", "http://255.255.255.255:9000".to_owned());
        "Unreachable" Unknown elsewhere(EXPOSURE, "http://255.255.255.255:9000".to_owned());
        "NameNotFound" Fail elsewhere("", "http://no..such..host:9000".to_owned());
        "NameNotFound" Unknown elsewhere(EXPOSURE, "http://no..such..host:9000".to_owned());
        "TlsFailed" Fail untrusted("");
        "TlsFailed" Unknown untrusted(EXPOSURE);
        "ResolverFailed" Unknown
            support::without_resolver("kinds::s3_bucket::a_name_that_nobody_knows_is_an_obstacle");
        "SecretMissing" Unknown looked("", |fixture| {
            std::fs::remove_file(&fixture.secret_file).expect("a file");
        });
        "ConnectionUnknown" Unknown async {
            let check = check("").replace("backups", "elsewhere");
            support::look(&check, &Fixture::new().await.systems).await
        };
    };
    // Beside the table of reasons, each of these turns on a detail of what stores say.
    table.extend(others());
    table
}

/// More ways to the same reasons.
fn others() -> Vec<Provocation> {
    rows! { S3Bucket:
        "PublicAccess" Fail set("", Settings { open: &["HeadObject"], ..Settings::default() });
        "PublicGrant" Fail set("grants: private", granting("global/AuthenticatedUsers"));
        "PublicGrant" Fail set("grants: private", policy(PUBLIC));
        "PublicAccessNotBlocked" Fail set("public_access_block: all", Settings::default());
        "PublicAccessNotBlocked" Fail set("public_access_block: all", blocking([false, true, true, true]));
        "PublicAccessNotBlocked" Fail set("public_access_block: all", blocking([true, false, true, true]));
        "PublicAccessNotBlocked" Fail set("public_access_block: all", blocking([true, true, true, false]));
        "NotEncrypted" Fail set("encryption: kms", encrypted("AES256"));
        "WrongVersioning" Fail set("versioning: enabled", Settings::default());
        "WrongVersioning" Fail set("versioning: disabled", versioned("Enabled"));
        "NeverDeleted" Fail set("retention: { gone_after: 40d }", rule(41, None));
        "NeverDeleted" Fail set("retention: { gone_after: 40d }", Settings {
            versioning: Some("Enabled"), ..rule(30, None)
        });
        "NeverDeleted" Fail set("retention: { gone_after: 40d }", Settings {
            versioning: Some("Suspended"), ..rule(30, Some(11))
        });
        "NeverDeleted" Fail set("retention: { gone_after: 40d }", Settings {
            rules: vec![("2026-03-15/", 1, None)], ..Settings::default()
        });
        "DeletedTooSoon" Fail set("retention: { kept: 30d }", Settings {
            rules: vec![("2026-03-15/", 1, None)], ..Settings::default()
        });
        "Unauthorized" Fail faulty("", Fault::Error("SignatureDoesNotMatch"));
        "WrongRegion" Fail faulty("", Fault::Error("AuthorizationHeaderMalformed"));
        "Garbled" Fail faulty("", Fault::HalfXml);
        "Garbled" Fail faulty("", Fault::Status(404));
        "Garbled" Unknown set("grants: private", policy("{\"Statement\": [{"));
        "Garbled" Unknown set("versioning: enabled", versioned("Perhaps"));
        "Garbled" Unknown set("encryption: enabled", encrypted("ROT13"));
        "Throttled" Fail faulty("", Fault::Status(429));
        "ServerError" Fail at(WITHOUT_A_KEY, Fault::Status(503));
        "TimedOut" Fail silent(ALL, Fault::At("GetBucketAcl", Box::new(Fault::Silent)));
    }
}

#[tokio::test]
async fn each_reason_is_given_when_it_is_due() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_an_obstacle() {
    let judgement = elsewhere("", "http://store.test:9000".to_owned()).await;
    // With a resolver that works, there is no such name, and the store is to blame.
    match judgement.verdict() {
        Unknown => support::tell(&judgement),
        Pass | Warn | Fail => assert_eq!(judgement.reason(), Some(Reason::NAME_NOT_FOUND)),
    }
}

#[tokio::test]
async fn a_bucket_that_is_kept_as_stated_passes_with_its_figures() {
    let fixture = Fixture::new().await.daily(5, &[1_000]);
    fixture.store.set(BUCKET, as_stated());
    let judgement = support::look(&check(ALL), &fixture.systems).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    let rows: Vec<_> =
        judgement.samples().iter().map(|sample| (sample.measure.name, sample.value)).collect();
    for row in [
        ("vigie_s3_bucket_readable", 1.0),
        ("vigie_s3_bucket_unsigned_refused", 1.0),
        ("vigie_s3_bucket_public_grants", 0.0),
        ("vigie_s3_bucket_public_access_blocked", 1.0),
        ("vigie_s3_bucket_encrypted", 1.0),
        ("vigie_s3_bucket_versioned", 1.0),
        ("vigie_s3_bucket_kept_for_seconds", 30.0 * 86_400.0),
    ] {
        assert!(rows.contains(&row), "{row:?} in {rows:?}");
    }
    let grants = rows.iter().filter(|(name, _)| *name == "vigie_s3_bucket_public_grants");
    assert_eq!(grants.count(), 2);
}

#[tokio::test]
async fn a_look_reads_alone_is_counted_and_serves_others() {
    let fixture = Fixture::new().await.daily(5, &[1_000]);
    fixture.store.set(BUCKET, as_stated());
    for _ in 0..5 {
        let judgement =
            support::look_sharing(Duration::from_secs(30), &check(ALL), &fixture.systems).await;
        assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    }
    let told = fixture.store.requests();
    let wanted = [
        "GetBucketAcl",
        "GetBucketEncryption",
        "GetBucketLifecycleConfiguration",
        "GetBucketPolicy",
        "GetBucketVersioning",
        "GetPublicAccessBlock",
        "ListObjectsV2",
    ];
    let mut expected: Vec<_> = wanted.into_iter().map(|operation| (operation, 1)).collect();
    expected.push(("without a key", 2));
    assert_eq!(told.into_iter().collect::<Vec<_>>(), expected);
    let counted = fixture.systems.s3.requests();
    let of = |operation: &str, code: &str| counted.get(&[operation.to_owned(), code.to_owned()]);
    for operation in wanted {
        assert_eq!(of(operation, "200"), Some(&1), "{operation}");
    }
    assert_eq!((of("ListObjectsV2", "403"), of("HeadObject", "403")), (Some(&1), Some(&1)));
}

#[tokio::test]
async fn what_is_not_asked_for_costs_nothing() {
    let fixture = Fixture::new().await;
    let judgement = support::look(&check("unsigned: any"), &fixture.systems).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert_eq!(fixture.store.request_count(), 1);
}

#[tokio::test]
async fn a_call_that_a_store_lacks_is_named_and_hides_no_other_line() {
    let lacking = [Fault::Error("NotImplemented"), Fault::Status(501), Fault::Status(405)];
    for (operation, line) in [
        ("GetBucketAcl", "acl"),
        ("GetBucketPolicy", "policy"),
        ("GetPublicAccessBlock", "public access block"),
        ("GetBucketEncryption", "encryption"),
        ("GetBucketVersioning", "versioning"),
        ("GetBucketLifecycleConfiguration", "lifecycle"),
    ] {
        for fault in &lacking {
            let fixture = Fixture::new().await.daily(5, &[1_000]);
            fixture.store.set(BUCKET, as_stated());
            fixture.store.set_fault(Some(Fault::At(operation, Box::new(fault.clone()))));
            let judgement = support::look(&check(ALL), &fixture.systems).await;
            assert_eq!(judgement.reason().map(Reason::code), Some("NotImplemented"), "{operation}");
            assert!(judgement.because().contains(operation), "{}", judgement.because());
            for told in judgement.lines() {
                let lacks = told.subject == line
                    || operation == "GetBucketVersioning" && told.subject == "gone";
                let verdict = if lacks { Unknown } else { Pass };
                assert_eq!(told.verdict, verdict, "{operation}: {told:?}");
            }
        }
    }
}

#[tokio::test]
async fn stores_refuse_whoever_has_no_key_in_many_ways() {
    for status in [401, 403] {
        let fault = Fault::At(WITHOUT_A_KEY, Box::new(Fault::Status(status)));
        let judgement = with("", Settings::default(), Some(&fault)).await;
        assert_eq!(judgement.verdict(), Pass, "{status}: {}", judgement.because());
    }
    let fault = Fault::At(WITHOUT_A_KEY, Box::new(Fault::Html));
    let judgement = with("", Settings::default(), Some(&fault)).await;
    assert_eq!(judgement.reason().map(Reason::code), Some("Garbled"), "a page is no answer");
    assert_eq!(judgement.verdict(), Unknown);
}

#[tokio::test]
async fn what_public_access_is_blocked_from_is_public_no_more() {
    let blocked = Settings { block: Some([true; 4]), ..granting("global/AllUsers") };
    let both = Settings { policy: Some(PUBLIC.to_owned()), ..blocked };
    let judgement = set("grants: private", both).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    for line in judgement.lines().iter().filter(|line| ["acl", "policy"].contains(&&*line.subject))
    {
        assert!(line.because.contains("undoes"), "{}", line.because);
    }
    // New ones are refused: that says nothing of those that are there.
    let refused =
        Settings { block: Some([true, false, true, false]), ..granting("global/AllUsers") };
    assert_eq!(set("grants: private", refused).await.verdict(), Fail);
}

#[tokio::test]
async fn other_groups_and_whom_a_policy_names_are_not_the_public() {
    for settings in [granting("s3/LogDelivery"), policy(NAMED), policy(BOUND)] {
        let judgement = set("grants: private", settings).await;
        assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    }
}

#[tokio::test]
async fn objects_of_the_right_age_are_kept_and_gone() {
    for settings in [
        rule(30, None),
        Settings { versioning: Some("Enabled"), ..rule(30, Some(10)) },
        Settings { rules: vec![("", 30, None), ("other/", 1, None)], ..Settings::default() },
    ] {
        let check = "prefix: dumps/, unsigned: any, retention: { kept: 30d, gone_after: 40d }";
        let judgement = set(check, settings).await;
        assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    }
}

#[test]
fn retention_that_says_nothing_or_contradicts_itself_is_refused() {
    for (more, said) in [
        ("retention: {}", "write `kept`, `gone_after`, or both"),
        ("retention: { kept: 30d, gone_after: 7d }", "can't be gone after 7d"),
    ] {
        let flaws = support::check(&check(more)).flaws();
        assert!(flaws.len() == 1 && flaws[0].contains(said), "{flaws:?}");
    }
    for name in ["a", "a/b", "a b", ""] {
        let check = check("").replace(BUCKET, &format!("\"{name}\""));
        assert!(
            vigie::config::yaml::from_str::<vigie::checks::AnyCheck>(&check).is_err(),
            "{name}"
        );
    }
}

const PUBLIC: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::dumps/*"}
]}"#;
const PUBLIC_BUT_DENIED: &str = r#"{"Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject"},
    {"Effect": "Deny", "Principal": "*", "Action": "s3:*",
     "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}
]}"#;
const NAMED: &str = r#"{"Statement": [
    {"Effect": "Allow", "Principal": {"SCW": "application_id:1"}, "Action": "*"}
]}"#;
const BOUND: &str = r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
    "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}]}"#;

fn granting(group: &'static str) -> Settings {
    Settings { grants: vec![(group, "READ")], ..Settings::default() }
}

fn policy(policy: &str) -> Settings {
    Settings { policy: Some(policy.to_owned()), ..Settings::default() }
}

fn blocking(block: [bool; 4]) -> Settings {
    Settings { block: Some(block), ..Settings::default() }
}

fn encrypted(algorithm: &'static str) -> Settings {
    Settings { encryption: Some(algorithm), ..Settings::default() }
}

fn versioned(state: &'static str) -> Settings {
    Settings { versioning: Some(state), ..Settings::default() }
}

fn rule(days: i32, old_versions: Option<i32>) -> Settings {
    Settings { rules: vec![("", days, old_versions)], ..Settings::default() }
}

/// What [`ALL`] asks for.
fn as_stated() -> Settings {
    Settings {
        open: &[],
        grants: Vec::new(),
        policy: Some(NAMED.to_owned()),
        block: Some([true; 4]),
        encryption: Some("aws:kms"),
        versioning: Some("Enabled"),
        rules: vec![("", 30, Some(10))],
    }
}

/// A check of [`BUCKET`].
fn check(more: &str) -> String {
    let comma = if more.is_empty() { "" } else { ", " };
    format!("s3_bucket: {{ connection: backups, bucket: {BUCKET}{comma}{more} }}")
}

/// A look at a bucket with one object and these settings, at a store that may do something wrong.
async fn with(more: &str, settings: Settings, fault: Option<&Fault>) -> Judgement {
    let fixture = Fixture::new().await.daily(5, &[1_000]);
    fixture.store.set(BUCKET, settings);
    fixture.store.set_fault(fault.cloned());
    support::look(&check(more), &fixture.systems).await
}

async fn set(more: &str, settings: Settings) -> Judgement {
    with(more, settings, None).await
}

async fn faulty(more: &str, fault: Fault) -> Judgement {
    with(more, Settings::default(), Some(&fault)).await
}

/// A look at all settings, one of which the store has trouble with.
async fn at(operation: &'static str, fault: Fault) -> Judgement {
    with(ALL, as_stated(), Some(&Fault::At(operation, Box::new(fault)))).await
}

async fn looked(more: &str, doing: fn(&Fixture)) -> Judgement {
    let fixture = Fixture::new().await;
    fixture.store.put(BUCKET, "a", 1, ago(1));
    doing(&fixture);
    support::look(&check(more), &fixture.systems).await
}

async fn silent(more: &str, fault: Fault) -> Judgement {
    let fixture = Fixture::new().await;
    fixture.store.set(BUCKET, as_stated());
    fixture.store.set_fault(Some(fault));
    let (half, none) = (Duration::from_millis(500), Duration::ZERO);
    look_within(&check(more), &fixture.systems, half, none).await
}

async fn elsewhere(more: &str, endpoint: String) -> Judgement {
    support::look(&check(more), &Fixture::new().await.at(&endpoint).systems).await
}

async fn untrusted(more: &str) -> Judgement {
    // The system's authorities did not sign its certificate.
    let store = Store::start_tls().await.expect("a store");
    let endpoint = store.endpoint();
    support::look(&check(more), &Fixture::with(store).at(&endpoint).systems).await
}
