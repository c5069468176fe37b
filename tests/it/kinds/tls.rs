//! `tls`: every reason, from certificates of every sort and servers that break off.

use std::time::Duration;

use bytes::Bytes;
use vigie::checks::tls::Tls;
use vigie::model::judgement::Judgement;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::dns::Behaviour;
use vigie_sim::net::mill::Sort;
use vigie_sim::net::site::Site;

use super::{Provocation, provoke};
use crate::net::ground::{Ground, deserted};
use crate::support::look_within;

#[tokio::test(flavor = "multi_thread")]
async fn tls_gives_every_reason() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    rows! { Tls:
        "CertificateExpiring" Warn secure(Sort::Good, "app.test", -60, 20);
        "CertificateExpiring" Fail secure(Sort::Good, "app.test", -60, 6);
        "CertificateExpired" Fail secure(Sort::Good, "app.test", -90, -1);
        "CertificateNotYetValid" Fail secure(Sort::Good, "app.test", 1, 90);
        "NameMismatch" Fail secure(Sort::Good, "other.test", -1, 90);
        "UnknownIssuer" Fail async {
            let (ground, stranger) = (Ground::new().await, Ground::new().await);
            let site = stranger.secure_site(&stranger.leaf(Sort::Good, -1, 90)).await;
            ground.look(&check(&site)).await
        };
        "SelfSigned" Fail secure(Sort::SelfSigned, "app.test", -1, 90);
        "ChainIncomplete" Fail secure(Sort::Incomplete, "app.test", -1, 90);
        "CertificateInvalid" Fail secure(Sort::ForClients, "app.test", -1, 90);
        "TlsFailed" Fail broken(Fault::Says(Bytes::from_static(b"220 mail.test ESMTP\r\n")));
        "Reset" Fail broken(Fault::Reset);
        "TimedOut" Fail broken(Fault::Silent);
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
    }
}

async fn secure(sort: Sort, name: &str, from: i64, until: i64) -> Judgement {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf_for(sort, &[name], from, until)).await;
    ground.look(&check(&site)).await
}

async fn broken(fault: Fault) -> Judgement {
    let ground = Ground::new().await;
    let server = Broken::start(fault).await.expect("a server");
    let check = format!("tls: {{ target: '{}' }}", server.address());
    look_within(Duration::from_secs(1), &check, &ground.systems).await
}

async fn at(target: &str, rest: &str) -> Judgement {
    Ground::new().await.look(&format!("tls: {{ target: '{target}', {rest} }}")).await
}

fn check(site: &Site) -> String {
    format!("tls: {{ target: 'app.test:{}' }}", site.address().port())
}
