//! A real registry, Debian's, with passwords.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::process::Child;
use vigie::model::image::ImageName;
use vigie::model::reason::Reason;
use vigie::systems::clock::Clock;
use vigie::systems::registry::{Content, Fit, Platform};
use vigie::systems::secrets::Secrets;
use vigie::systems::{Connections, Systems};
use vigie_sim::net::site::{Answer, Site};

use super::image::{Stored, config, index, manifest};
use super::{patience, user, user_of};
use crate::net::ground::{listening, start, vacant};
use crate::support;

/// `alice` with the password `hunter2`, as `htpasswd -B` writes it.
const PASSWORDS: &str = "alice:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.\n";

struct Registry {
    address: SocketAddr,
    folder: TempDir,
    _child: Child,
}

impl Registry {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().display();
        std::fs::write(folder.path().join("passwords"), PASSWORDS).expect("a file");
        for _ in 0..10 {
            let address = vacant().await;
            let text = format!(
                "version: 0.1
log: {{ level: error }}
storage: {{ filesystem: {{ rootdirectory: '{path}/data' }} }}
http: {{ addr: '{address}' }}
auth: {{ htpasswd: {{ realm: test, path: '{path}/passwords' }} }}
"
            );
            let file = folder.path().join("config.yml");
            std::fs::write(&file, text).expect("a file");
            let file = file.display().to_string();
            let mut child = start("docker-registry", &["serve", &file]);
            if listening(&mut child, address).await {
                return Self { address, folder, _child: child };
            }
        }
        panic!("the registry found no free port");
    }

    /// Puts bytes to a path, as a client that pushes does.
    async fn put(&self, path: &str, stored: &Stored) {
        let client = reqwest::Client::builder().build().expect("a client");
        let url = format!("http://{}/v2/{path}", self.address);
        let put = client.put(url).basic_auth("alice", Some("hunter2"));
        let put = put.header("content-type", stored.media_type).body(stored.bytes.clone());
        let response = put.send().await.expect("an answer");
        assert!(response.status().is_success(), "{path}: {}", response.status());
    }

    async fn push_blob(&self, repository: &str, stored: &Stored) {
        let client = reqwest::Client::builder().build().expect("a client");
        let url = format!("http://{}/v2/{repository}/blobs/uploads/", self.address);
        let post = client.post(url).basic_auth("alice", Some("hunter2"));
        let response = post.send().await.expect("an upload");
        let location = response.headers()["location"].to_str().expect("text").to_owned();
        let path = location.split_once("/v2/").expect("a path").1;
        self.put(&format!("{path}&digest={}", stored.digest), stored).await;
    }

    async fn push(&self, repository: &str, tag: &str, user: &str) -> Stored {
        let config = config(user);
        self.push_blob(repository, &config).await;
        let manifest = manifest(&config);
        self.put(&format!("{repository}/manifests/{tag}"), &manifest).await;
        manifest
    }

    fn systems(&self, credential: &str) -> Systems {
        let connections = format!(
            "{{ registries: {{ '{}': {{ plain_http: true, credential: {credential} }} }} }}",
            self.address
        );
        support::systems(&connections, Clock::System)
    }

    fn password(&self, password: &str) -> String {
        let file = self.folder.path().join("password");
        std::fs::write(&file, password).expect("a file");
        format!("{{ basic: {{ username: alice, password: {{ file: '{}' }} }} }}", file.display())
    }
}

#[tokio::test]
async fn a_real_registry_tells_the_user_of_an_image() {
    let registry = Registry::start().await;
    let small = registry.push("shop/api", "1", "1000:1000").await;
    let other = registry.push("shop/api", "arm", "node").await;
    let both = index(&[("amd64", &small), ("arm64", &other)]);
    registry.put("shop/api/manifests/both", &both).await;
    let systems = registry.systems(&registry.password("hunter2"));
    let at = registry.address;
    assert_eq!(user(&systems, &format!("{at}/shop/api:1")).await.unwrap(), "1000:1000");
    assert_eq!(user(&systems, &format!("{at}/shop/api@{}", other.digest)).await.unwrap(), "node");
    let arm = Platform::parse("linux/arm64").unwrap();
    let both = format!("{at}/shop/api:both");
    assert_eq!(user(&systems, &both).await.unwrap(), "1000:1000");
    assert_eq!(user_of(&systems, &both, &arm).await.unwrap(), "node");
    let alone = ImageName::parse(&format!("{at}/shop/api:1")).unwrap();
    let built = systems.registries.built(&alone, &arm, true, patience(&systems)).await.unwrap();
    assert_eq!(built.fit, Fit::No(["linux/amd64".to_owned()].into()));
    let riscv = Platform::parse("linux/riscv64").unwrap();
    let absent = user_of(&systems, &both, &riscv).await.unwrap_err();
    assert_eq!(absent.reason, Reason::NOT_FOUND);
    let absent = user(&systems, &format!("{at}/shop/api:2")).await.unwrap_err();
    assert_eq!(absent.reason, Reason::NOT_FOUND);
    assert_eq!(
        absent.because,
        format!("{at}/shop/api:2: its registry answers 404: manifest unknown")
    );
    let image = ImageName::parse(&both).unwrap();
    let manifest = systems.registries.manifest(&image, patience(&systems)).await.unwrap();
    assert!(matches!(&manifest.content, Content::Index(images) if images.len() == 2));
}

#[tokio::test]
async fn a_refused_password_is_not_sent_again_until_it_changes() {
    let registry = Registry::start().await;
    registry.push("shop/api", "1", "1000").await;
    let image = format!("{}/shop/api:1", registry.address);
    let nobody = registry.systems("null");
    let obstacle = user(&nobody, &image).await.unwrap_err();
    assert_eq!(obstacle.reason, Reason::UNAUTHORIZED);
    assert!(obstacle.because.ends_with("wants a user, and none is configured"));
    let systems = registry.systems(&registry.password("wrong"));
    let obstacle = user(&systems, &image).await.unwrap_err();
    assert!(obstacle.because.ends_with("refuses the configured credential"), "{obstacle}");
    let obstacle = user(&systems, &image).await.unwrap_err();
    assert!(obstacle.because.contains("it is tried again when it changes"), "{obstacle}");
    assert!(!obstacle.because.contains("wrong"), "{obstacle}");
    registry.password("hunter2");
    assert_eq!(user(&systems, &image).await.unwrap(), "1000");
}

#[tokio::test]
async fn a_pull_secret_serves_and_a_reload_keeps_what_is_known() {
    let registry = Registry::start().await;
    registry.push("shop/api", "1", "1000").await;
    let auth = STANDARD.encode("alice:hunter2");
    let config = format!(r#"{{"auths":{{"http://{}":{{"auth":"{auth}"}}}}}}"#, registry.address);
    let file = registry.folder.path().join("config.json");
    std::fs::write(&file, config).unwrap();
    let systems =
        registry.systems(&format!("{{ docker_config: {{ file: '{}' }} }}", file.display()));
    let image = format!("{}/shop/api:1", registry.address);
    assert_eq!(user(&systems, &image).await.unwrap(), "1000");
    let image = ImageName::parse(&image).unwrap();
    let manifest = systems.registries.manifest(&image, patience(&systems)).await.unwrap();
    // By its digest it is known, and nobody is asked any more.
    let (address, none) = (registry.address, Connections::default());
    drop(registry);
    let after =
        systems.registries.reconfigured(&none.registries, systems.net.clone(), Secrets::default());
    let systems = Systems { registries: after, ..systems };
    let known = format!("{address}/shop/api@{}", manifest.digest);
    assert_eq!(user(&systems, &known).await.unwrap(), "1000");
}

/// The site that answers in a registry's place is told apart from it by its headers alone.
#[tokio::test]
async fn a_credential_for_one_registry_is_not_sent_to_another() {
    let site = Site::plain().await.unwrap();
    let challenge = Answer::new(401, "").header("www-authenticate", "Basic realm=\"x\"");
    site.answer("*", challenge);
    let registry = Registry::start().await;
    let credential = registry.password("hunter2");
    let connections = format!(
        "{{ registries: {{ '{}': {{ plain_http: true, credential: {credential} }}, \
         '{}': {{ plain_http: true }} }} }}",
        registry.address,
        site.address()
    );
    let systems = support::systems(&connections, Clock::System);
    let obstacle = user(&systems, &format!("{}/a/b:1", site.address())).await.unwrap_err();
    assert_eq!(obstacle.reason, Reason::UNAUTHORIZED);
    assert!(site.asked().iter().all(|asked| !asked.headers.contains_key("authorization")));
}
