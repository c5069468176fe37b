//! `tls`: every reason, from certificates of every sort and servers that break off.

use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use vigie::checks::tls::Tls;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie_sim::kubernetes::{Act, Fault as ServerFault};
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::dns::Behaviour;
use vigie_sim::net::mill::Sort;
use vigie_sim::net::porter::{Porter, Step};
use vigie_sim::net::site::Site;
use vigie_sim::net::staple::{Signer, Word};

use super::{Provocation, provoke};
use crate::kubernetes::{Cluster, trouble};
use crate::net::ground::{Ground, deserted, now};
use crate::net::vault::{Vault, secret};
use crate::support::look_within;

#[tokio::test(flavor = "multi_thread")]
async fn tls_gives_every_reason() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    let mut rows = rows! { Tls:
        "CertificateExpiring" Warn secure(Sort::Good, "app.test", -60, 20);
        "CertificateExpiring" Fail secure(Sort::Good, "app.test", -60, 6);
        "CertificateExpired" Fail secure(Sort::Good, "app.test", -90, -1);
        "CertificateNotYetValid" Fail secure(Sort::Good, "app.test", 1, 90);
        "NameMismatch" Fail secure(Sort::Good, "other.test", -1, 90);
        "UnknownIssuer" Fail async {
            let (ground, stranger) = (Ground::new().await, Ground::new().await);
            let site = stranger.secure_site(&stranger.leaf(Sort::Good, -1, 90)).await;
            ground.look(&check(&site, "")).await
        };
        "SelfSigned" Fail secure(Sort::SelfSigned, "app.test", -1, 90);
        "ChainIncomplete" Fail secure(Sort::Incomplete, "app.test", -1, 90);
        "CertificateInvalid" Fail secure(Sort::ForClients, "app.test", -1, 90);
        "ClientCertificateRequired" Fail async {
            let ground = Ground::new().await;
            let leaf = ground.leaf(Sort::Good, -1, 90);
            let site = Site::mutual(&leaf, ground.clients.root()).await.expect("a site");
            ground.look(&check(&site, "")).await
        };
        "TlsFailed" Fail broken(Fault::Says(Bytes::from_static(b"220 mail.test ESMTP\r\n")), "");
        "Reset" Fail broken(Fault::Reset, "");
        "TimedOut" Fail broken(Fault::Silent, "");
        "Refused" Fail async { at(&deserted().await.to_string(), "").await };
        "Unreachable" Fail at("127.255.255.255:9", "");
        "Unreachable" Unknown at("[fe80::1]:9", "");
        "NameNotFound" Fail at("absent.test:443", "");
        "ResolverFailed" Unknown async {
            let ground = Ground::new().await;
            ground.names.set("sick.test", Behaviour::Code(2));
            ground.look("tls: { target: 'sick.test:443' }").await
        };
        "SecretMissing" Unknown at("app.test:443", "ca: { file: /none/such.pem }");
    };
    rows.extend(provocations_of_chains());
    rows.extend(provocations_of_staples());
    rows.extend(provocations_of_protocols());
    rows.extend(provocations_of_secrets());
    rows
}

fn provocations_of_chains() -> Vec<Provocation> {
    rows! { Tls:
        "ChainDisordered" Warn async {
            let ground = Ground::new().await;
            let mut leaf = ground.leaf(Sort::Good, -1, 90);
            leaf.chain.insert(1, ground.mill.root().clone());
            let site = ground.secure_site(&leaf).await;
            ground.look(&check(&site, "")).await
        };
        "WeakKey" Fail beside(&["-newkey", "rsa:1024"]);
        "WeakSignature" Fail async {
            let ground = Ground::new().await;
            let site = ground.secure_site(&ground.by_openssl(&["-sha1"]).await).await;
            ground.look(&check(&site, "")).await
        };
    }
}

fn provocations_of_staples() -> Vec<Provocation> {
    rows! { Tls:
        "CertificateRevoked" Fail stapled(Word::Revoked, Signer::Issuer, 0, "");
        "CertificateRevoked" Fail stapled(Word::Revoked, Signer::Issuer, 0, "staple: required");
        "StapleMissing" Fail async {
            let ground = Ground::new().await;
            let site = ground.secure_site(&ground.leaf(Sort::MustStaple, -1, 90)).await;
            ground.look(&check(&site, "")).await
        };
        "StapleInvalid" Warn stapled(Word::Good, Signer::Stranger, 0, "");
        "StapleInvalid" Fail stapled(Word::TryLater, Signer::Issuer, 0, "staple: required");
        "StapleUnknown" Warn stapled(Word::Unknown, Signer::Issuer, 0, "");
        "StapleUnknown" Fail stapled(Word::Unknown, Signer::Issuer, 0, "staple: required");
        "StapleExpired" Warn stapled(Word::Good, Signer::Issuer, -100, "");
        "StapleExpired" Fail stapled(Word::Good, Signer::Issuer, -100, "staple: required");
        "ClockSkew" Unknown stapled(Word::Good, Signer::Issuer, 1, "");
    }
}

fn provocations_of_protocols() -> Vec<Provocation> {
    rows! { Tls:
        "WeakProtocol" Warn old(Fault::Says(Bytes::from_static(OLD)), "warn");
        "WeakProtocol" Fail old(Fault::Says(Bytes::from_static(OLD)), "fail");
        "TimedOut" Unknown old(Fault::Silent, "fail");
        "Garbled" Unknown old(Fault::Says(Bytes::from_static(b"220 mail.test")), "fail");
        "NoStartTls" Fail async {
            let ground = Ground::new().await;
            let porter = Porter::postgres(b'N', deserted().await).await.expect("a porter");
            ground.look(&format!("tls: {{ target: '{}', starttls: postgres }}", porter.address())).await
        };
        "ServerError" Fail greeted(b"421 come back later\r\n");
        "Garbled" Fail greeted(b"SSH-2.0-OpenSSH_9.2\r\n");
        "TooLarge" Fail async {
            let babble = Step::Babbles(Bytes::from_static(b"220-hello\r\n"));
            let porter = Porter::start(vec![babble], deserted().await).await.expect("a porter");
            at(&porter.address().to_string(), "starttls: smtp").await
        };
    }
}

fn provocations_of_secrets() -> Vec<Provocation> {
    rows! { Tls:
        "SecretDiffers" Fail async {
            let vault = Vault::new().await;
            let cluster = Cluster::start().await;
            cluster.put(vault.other_secret());
            cluster.look(&vault.check).await
        };
        "KeyMissing" Fail async { held(&[("tls.key", "hunter2")]).await };
        "NotFound" Fail locked(async |check| Cluster::start().await.look(check).await);
        "Garbled" Unknown struck_by(async |cluster, _| {
            let mut secret = secret(&[]);
            secret["data"] = serde_json::json!({ "tls.crt": "not base64" });
            cluster.put(secret);
        });
        "TooLarge" Unknown async { held(&[("tls.crt", &"a".repeat(3 << 20))]).await };
        "StreamDown" Unknown struck_by(async |cluster, vault| {
            cluster.put(vault.secret());
            let act = Act::Status { code: 500, retry_after: None };
            cluster.server.inject(ServerFault::new(act).resource("secrets"));
        });
        "Forbidden" Unknown locked(async |check| trouble::forbidden(check).await);
        "KindUnknown" Unknown locked(async |check| trouble::kind_unknown(check).await);
        "Unauthorized" Unknown locked(async |check| trouble::unauthorized(check).await);
        "NoAccess" Unknown locked(async |check| trouble::no_access(check).await);
    }
}

/// The beginning of a `ServerHello` of TLS 1.0.
const OLD: &[u8] = &[22, 3, 1, 0, 81, 2, 0, 0, 77, 3, 1, 7, 7, 7];

async fn secure(sort: Sort, name: &str, from: i64, until: i64) -> Judgement {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf_for(sort, &[name], from, until)).await;
    ground.look(&check(&site, "")).await
}

/// A good chain, with another certificate behind it that `openssl req` makes so.
async fn beside(more: &[&str]) -> Judgement {
    let ground = Ground::new().await;
    let mut leaf = ground.leaf(Sort::Good, -1, 90);
    leaf.chain.push(ground.self_signed_by_openssl(more).await);
    let site = ground.secure_site(&leaf).await;
    ground.look(&check(&site, "")).await
}

/// A good certificate with an answer that begins so many days from now, and lasts ten.
async fn stapled(word: Word, signer: Signer, begins: i64, rest: &str) -> Judgement {
    let ground = Ground::new().await;
    let leaf = ground.leaf(Sort::Good, -1, 90);
    let site = ground.secure_site(&leaf).await;
    let from = now() + SignedDuration::from_hours(24 * begins);
    let until = from + SignedDuration::from_hours(240);
    site.staple(ground.mill.staple(&leaf, word, signer, from, Some(until)).expect("an answer"));
    ground.look(&check(&site, rest)).await
}

#[tokio::test]
async fn an_answer_that_promises_no_news_is_believed_for_a_day() {
    for (hours, verdict) in [(23, Verdict::Pass), (25, Verdict::Warn)] {
        let ground = Ground::new().await;
        let leaf = ground.leaf(Sort::Good, -1, 90);
        let site = ground.secure_site(&leaf).await;
        let from = now() - SignedDuration::from_hours(hours);
        let answer = ground.mill.staple(&leaf, Word::Good, Signer::Issuer, from, None);
        site.staple(answer.expect("an answer"));
        let judgement = ground.look(&check(&site, "")).await;
        assert_eq!(judgement.verdict(), verdict, "{hours}: {}", judgement.because());
    }
}

/// A good endpoint that makes `fault` of an offer of old protocols.
async fn old(fault: Fault, means: &str) -> Judgement {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf(Sort::Good, -1, 90)).await;
    let broken = Broken::start(fault).await.expect("a server");
    let fork = crate::net::vault::fork(site.address(), broken.address()).await;
    let check =
        format!("tls: {{ target: 'app.test:{}', old_protocols: {means} }}", fork.address.port());
    look_within(Duration::from_secs(4), &check, &ground.systems).await
}

async fn greeted(greeting: &'static [u8]) -> Judgement {
    let script = vec![Step::Says(Bytes::from_static(greeting))];
    let porter = Porter::start(script, deserted().await).await.expect("a porter");
    at(&porter.address().to_string(), "starttls: smtp").await
}

/// What is said of a good endpoint whose certificate lies in a Secret, or is to.
async fn locked(look: impl AsyncFnOnce(&str) -> Judgement) -> Judgement {
    let vault = Vault::new().await;
    look(&vault.check).await
}

async fn struck_by(prepare: impl AsyncFnOnce(&Cluster, &Vault)) -> Judgement {
    let vault = Vault::new().await;
    let cluster = Cluster::start().await;
    prepare(&cluster, &vault).await;
    cluster.look(&vault.check).await
}

async fn held(values: &[(&str, &str)]) -> Judgement {
    struck_by(async |cluster, _| cluster.put(secret(values))).await
}

async fn broken(fault: Fault, rest: &str) -> Judgement {
    let ground = Ground::new().await;
    let server = Broken::start(fault).await.expect("a server");
    let check = format!("tls: {{ target: '{}', {rest} }}", server.address());
    look_within(Duration::from_secs(3), &check, &ground.systems).await
}

async fn at(target: &str, rest: &str) -> Judgement {
    Ground::new().await.look(&format!("tls: {{ target: '{target}', {rest} }}")).await
}

fn check(site: &Site, rest: &str) -> String {
    format!("tls: {{ target: 'app.test:{}', {rest} }}", site.address().port())
}
