//! A real object store: MinIO, which checks signatures, and `mc`, which administers it.
//!
//! One store serves all tests of this binary that ask for it: each works in buckets of its own.
//! Where it can't be had (`tests/store.sh` says why), these tests are not run, and say so.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::ByteStream;
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::guard::{Guard, runs};
use super::{PATIENCE, Started, given, programs};
use crate::postgres_server::succeeded;
use crate::redis::server::free_port;

/// The access key of somebody who may do everything.
pub const ROOT_KEY: &str = "root-of-store";
/// The secret of it.
pub const ROOT_SECRET: &str = "the-secret-of-root";
/// The only region that requests may be signed for.
pub const REGION: &str = "eu-test-1";
/// The key that objects are encrypted with, as MinIO takes it.
const ENCRYPTION: &str = "vigie:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const MINIO: &str = "minio";

/// A store that runs.
pub struct Store {
    /// Its URL.
    pub endpoint: String,
    programs: PathBuf,
    folder: PathBuf,
    guard: Guard,
}

/// The store that all tests share; none where it can't be run here.
///
/// # Panics
/// It could be run, and does not start.
pub async fn shared() -> Option<Arc<Store>> {
    static STORE: OnceCell<Started<Store>> = OnceCell::const_new();
    let started = STORE.get_or_init(async || start().await);
    given("object store", started.await.clone())
}

async fn start() -> Started<Store> {
    let programs = match programs::find("tests/store.sh") {
        Ok(programs) => programs,
        Err(why) => return Started::Not(why),
    };
    // Another program may take the port before ours does.
    let mut why = String::new();
    for _ in 0..3 {
        match Store::start(&programs).await {
            Ok(store) => return Started::Runs(Arc::new(store)),
            Err(said) => why = said,
        }
    }
    Started::Fails(why)
}

impl Store {
    async fn start(programs: &Path) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("vigie-store-").tempdir();
        let folder = folder.expect("a folder").keep();
        let guard = Guard::start(folder.clone());
        let endpoint = format!("http://127.0.0.1:{}", free_port());
        let mut store = Self { endpoint, programs: programs.to_owned(), folder, guard };
        let process = store.serve();
        let end = Instant::now() + PATIENCE;
        while !store.is_up().await {
            if !runs(process) || Instant::now() > end {
                return Err(store.guard.said(MINIO));
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Ok(store)
    }

    fn serve(&mut self) -> u32 {
        let (_, address) = self.endpoint.split_once("//").expect("a URL");
        let console = format!("127.0.0.1:{}", free_port());
        let arguments = [
            &format!("MINIO_ROOT_USER={ROOT_KEY}"),
            &format!("MINIO_ROOT_PASSWORD={ROOT_SECRET}"),
            &format!("MINIO_SITE_REGION={REGION}"),
            &format!("MINIO_KMS_SECRET_KEY={ENCRYPTION}"),
            "MINIO_BROWSER=off",
            &format!("HOME={}", self.folder.display()),
            &self.programs.join(MINIO).display().to_string(),
            "server",
            "--quiet",
            "--address",
            address,
            "--console-address",
            &console,
            &self.folder.join("data").display().to_string(),
        ];
        self.guard.run(MINIO, Path::new("env"), &arguments.map(str::to_owned))
    }

    async fn is_up(&self) -> bool {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("{}/minio/health/live", self.endpoint);
        client.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// Runs `mc` as root; the store's name there is `store`.
    ///
    /// # Panics
    /// It says that it did not succeed.
    pub async fn administer(&self, arguments: &[&str]) -> String {
        let mut mc = Command::new(self.programs.join("mc"));
        let at = self.endpoint.replacen("//", &format!("//{ROOT_KEY}:{ROOT_SECRET}@"), 1);
        mc.env("MC_HOST_store", at).arg("--config-dir").arg(self.folder.join("mc"));
        mc.args(arguments).kill_on_drop(true);
        succeeded(mc).await
    }

    /// Makes a user who may do in these buckets what is written, such as `s3:ListBucket`.
    pub async fn user(&self, name: &str, secret: &str, buckets: &[&str], may: &[&str]) {
        let of = |end: &str| {
            let names = buckets.iter().map(|bucket| format!("arn:aws:s3:::{bucket}{end}"));
            names.collect::<Vec<_>>()
        };
        let all = [of(""), of("/*")].concat();
        let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": may, "Resource": all },
        ] });
        let file = self.folder.join(format!("{name}.json"));
        std::fs::write(&file, policy.to_string()).expect("a file");
        let file = file.display().to_string();
        self.administer(&["admin", "user", "add", "store", name, secret]).await;
        self.administer(&["admin", "policy", "create", "store", name, &file]).await;
        self.administer(&["admin", "policy", "attach", "store", name, "--user", name]).await;
    }

    /// Makes a bucket.
    pub async fn create(&self, bucket: &str) {
        self.client().create_bucket().bucket(bucket).send().await.expect("a bucket");
    }

    /// Asks as root. A client of its own each time: the connections of one end with the runtime of the
    /// test that opened them, and tests end in any order.
    pub fn client(&self) -> Client {
        client(&self.endpoint, ROOT_KEY, ROOT_SECRET)
    }

    /// All keys that begin so.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let list = self.client().list_objects_v2().bucket(bucket).prefix(prefix).into_paginator();
        let pages: Vec<_> = list.send().try_collect().await.expect("a listing");
        let objects = pages.iter().flat_map(ListObjectsV2Output::contents);
        objects.filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// The content of an object.
    pub async fn read(&self, bucket: &str, key: &str) -> Vec<u8> {
        let object = self.client().get_object().bucket(bucket).key(key).send().await;
        object.expect("an object").body.collect().await.expect("a body").to_vec()
    }

    /// Writes an object.
    pub async fn write(&self, bucket: &str, key: &str, content: impl Into<Vec<u8>>) {
        let body = ByteStream::from(content.into());
        let put = self.client().put_object().bucket(bucket).key(key).body(body).send();
        put.await.expect("a place for an object");
    }

    /// Copies an object.
    pub async fn copy(&self, from: &str, to: &str, (key, new): (&str, &str)) {
        let source = format!("{from}/{key}");
        let copy = self.client().copy_object().copy_source(source).bucket(to).key(new);
        copy.send().await.expect("a copy");
    }

    /// Removes an object.
    pub async fn remove(&self, bucket: &str, key: &str) {
        self.client().delete_object().bucket(bucket).key(key).send().await.expect("no object");
    }
}

/// Somebody who asks.
pub fn client(endpoint: &str, key: &str, secret: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new(REGION))
        .force_path_style(true)
        .credentials_provider(Credentials::new(key, secret, None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn a_real_store_refuses_whom_it_does_not_know() {
    let Some(store) = shared().await else { return };
    store.create("known").await;
    store.write("known", "a", "b").await;
    assert_eq!(store.read("known", "a").await, b"b");
    store.user("reader", "reader-secret", &["known"], &["s3:ListBucket"]).await;
    let list = |key, secret| {
        let client = client(&store.endpoint, key, secret);
        async move { client.list_objects_v2().bucket("known").send().await.is_ok() }
    };
    assert!(list("reader", "reader-secret").await);
    assert!(!list("reader", "another-secret").await);
    assert!(!list("nobody", "reader-secret").await);
}
