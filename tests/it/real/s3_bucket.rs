//! `s3_bucket` against MinIO: keys, anonymous rights, encryption, versions and lifecycle as it has
//! them, and the calls that it lacks.

use std::sync::Arc;

use tempfile::TempDir;
use vigie::model::finding::Verdict::{self, Fail, Pass, Unknown};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;

use super::store::{self, REGION, ROOT_KEY, ROOT_SECRET, Store};
use crate::support;

/// A bucket of its own at the real store, and a key.
struct Ground {
    store: Arc<Store>,
    bucket: &'static str,
    folder: TempDir,
    region: &'static str,
    key: (&'static str, &'static str),
}

impl Ground {
    async fn new(bucket: &'static str) -> Option<Self> {
        let store = store::shared().await?;
        store.create(bucket).await;
        store.write(bucket, "dumps/a", "a dump").await;
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self { store, bucket, folder, region: REGION, key: (ROOT_KEY, ROOT_SECRET) })
    }

    fn systems(&self) -> Systems {
        let file = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path.display().to_string()
        };
        let (key, secret) = (file("key", self.key.0), file("secret", self.key.1));
        let connections = format!(
            "s3: {{ default: {{ endpoint: '{}', region: {}, access_key: {{ file: '{key}' }}, \
             secret_key: {{ file: '{secret}' }} }} }}",
            self.store.endpoint, self.region
        );
        support::systems(&connections, Clock::System)
    }

    async fn look(&self, more: &str) -> Judgement {
        let check = format!("s3_bucket: {{ bucket: {}{more} }}", self.bucket);
        support::look(&check, &self.systems()).await
    }

    async fn says(&self, more: &str, verdict: Verdict, reason: Option<&str>) {
        let judgement = self.look(more).await;
        let said = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(said, (verdict, reason), "{more}: {}", judgement.because());
    }

    /// The bucket as `mc` calls it.
    fn place(&self) -> String {
        format!("store/{}", self.bucket)
    }
}

#[tokio::test]
async fn the_key_of_an_application_works_and_no_other() {
    let Some(mut ground) = Ground::new("of-an-app").await else { return };
    let rights = ["s3:ListBucket", "s3:GetObject", "s3:PutObject"];
    ground.store.user("app", "secret-of-app", &[ground.bucket], &rights).await;
    ground.key = ("app", "secret-of-app");
    ground.says("", Pass, None).await;
    ground.says(", grants: private", Unknown, Some("Forbidden")).await;
    ground.key = ("app", "another-secret");
    ground.says("", Fail, Some("Unauthorized")).await;
    ground.key = ("nobody", "another-secret");
    ground.says("", Fail, Some("Unauthorized")).await;
    ground.key = (ROOT_KEY, ROOT_SECRET);
    ground.region = "eu-elsewhere-1";
    ground.says("", Fail, Some("WrongRegion")).await;
    ground.region = REGION;
    ground.bucket = "not-there";
    ground.says("", Fail, Some("BucketMissing")).await;
    ground.store.user("stranger", "secret-of-stranger", &["other"], &["s3:ListBucket"]).await;
    ground.key = ("stranger", "secret-of-stranger");
    ground.bucket = "of-an-app";
    ground.says("", Fail, Some("Forbidden")).await;
}

#[tokio::test]
async fn what_everybody_may_do_is_seen_by_trying_and_by_policy() {
    let Some(ground) = Ground::new("open-to-all").await else { return };
    let private = ", grants: private, unsigned: any";
    ground.says(", grants: private", Pass, None).await;
    let anonymous = |what: &'static str| {
        let place = ground.place();
        let store = Arc::clone(&ground.store);
        async move { store.administer(&["anonymous", "set", what, &place]).await }
    };
    // A listing; objects alone; writing alone, which is never tried.
    anonymous("public").await;
    ground.says("", Fail, Some("PublicAccess")).await;
    ground.says(private, Fail, Some("PublicGrant")).await;
    anonymous("download").await;
    ground.says("", Fail, Some("PublicAccess")).await;
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"],
          "Resource": ["arn:aws:s3:::open-to-all/*"] },
    ] });
    let put = ground.store.client().put_bucket_policy().bucket(ground.bucket);
    put.policy(policy.to_string()).send().await.expect("a policy");
    let judgement = ground.look("").await;
    let lines: Vec<_> =
        judgement.lines().iter().map(|line| (line.subject.as_str(), line.verdict)).collect();
    let wanted = [("access", Pass), ("unsigned listing", Pass), ("unsigned object", Fail)];
    assert_eq!(lines, wanted, "{}", judgement.because());
    anonymous("upload").await;
    ground.says(private, Fail, Some("PublicGrant")).await;
    anonymous("private").await;
    ground.says(", grants: private", Pass, None).await;
}

#[tokio::test]
async fn encryption_is_as_it_was_set() {
    let Some(ground) = Ground::new("to-be-encrypted").await else { return };
    ground.says(", encryption: enabled", Fail, Some("NotEncrypted")).await;
    ground.store.administer(&["encrypt", "set", "sse-s3", &ground.place()]).await;
    ground.says(", encryption: enabled", Pass, None).await;
    ground.says(", encryption: kms", Fail, Some("NotEncrypted")).await;
    ground.store.administer(&["encrypt", "set", "sse-kms", "vigie", &ground.place()]).await;
    ground.says(", encryption: kms", Pass, None).await;
}

#[tokio::test]
async fn versions_and_lifecycle_are_as_they_were_set() {
    let Some(ground) = Ground::new("to-be-kept").await else { return };
    let retention = ", retention: { kept: 30d, gone_after: 40d }";
    ground.says(", versioning: enabled", Fail, Some("WrongVersioning")).await;
    ground.says(retention, Fail, Some("NeverDeleted")).await;
    let add = |what: &'static [&'static str]| {
        let (place, store) = (ground.place(), Arc::clone(&ground.store));
        async move {
            let arguments = [&["ilm", "rule", "add", &*place] as &[&str], what].concat();
            store.administer(&arguments).await
        }
    };
    add(&["--expire-days", "35"]).await;
    ground.says(retention, Pass, None).await;
    ground.store.administer(&["version", "enable", &ground.place()]).await;
    ground.says(", versioning: enabled", Pass, None).await;
    ground.says(retention, Fail, Some("NeverDeleted")).await;
    add(&["--noncurrent-expire-days", "5"]).await;
    ground.says(retention, Pass, None).await;
    add(&["--prefix", "dumps/", "--expire-days", "3"]).await;
    ground.says(retention, Fail, Some("DeletedTooSoon")).await;
    ground.says(&format!("{retention}, prefix: other/, unsigned: any"), Pass, None).await;
    ground.store.administer(&["version", "suspend", &ground.place()]).await;
    ground.says(", versioning: disabled", Pass, None).await;
}

#[tokio::test]
async fn what_the_store_lacks_is_named() {
    let Some(ground) = Ground::new("without-a-block").await else { return };
    let judgement = ground.look(", public_access_block: all").await;
    assert_eq!(judgement.reason().map(Reason::code), Some("NotImplemented"));
    assert!(judgement.because().contains("GetPublicAccessBlock"), "{}", judgement.because());
    // Its absence hides nothing of ACL and policy.
    ground.says(", grants: private_where_told", Pass, None).await;
}
