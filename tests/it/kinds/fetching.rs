//! What every kind that fetches can meet on the way: one table for all of them.

use std::time::Duration;

use vigie::model::judgement::Judgement;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::mill::Sort;
use vigie_sim::net::proxy::Proxy;

use crate::net::ground::Ground;
use crate::support::look_within;

/// The provocations of a kind by its type and name.
macro_rules! fetching {
    ($kind:ty, $name:literal) => {
        rows! { $kind:
            "Reset" Fail crate::kinds::fetching::broken($name, "http", vigie_sim::net::broken::Fault::Reset);
            "TimedOut" Fail crate::kinds::fetching::broken($name, "http", vigie_sim::net::broken::Fault::Silent);
            "TlsFailed" Fail crate::kinds::fetching::broken(
                $name, "https", vigie_sim::net::broken::Fault::Says("HTTP/1.1 400 \r\n\r\n".into())
            );
            "Refused" Fail async {
                let nobody = crate::net::ground::deserted().await;
                crate::kinds::fetching::at($name, &format!("http://{nobody}/"), "").await
            };
            "Unreachable" Fail crate::kinds::fetching::at($name, "http://127.255.255.255:9/", "");
            "Unreachable" Unknown crate::kinds::fetching::at($name, "http://[fe80::1]:9/", "");
            "NameNotFound" Fail crate::kinds::fetching::at($name, "http://absent.test/", "");
            "ResolverFailed" Unknown async {
                let ground = crate::net::ground::Ground::new().await;
                ground.names.set("sick.test", vigie_sim::net::dns::Behaviour::Code(2));
                ground.look(&format!("{}: {{ url: 'http://sick.test/' }}", $name)).await
            };
            "ProxyFailed" Unknown async {
                let proxy = format!("proxy: {{ url: 'http://{}' }}", crate::net::ground::deserted().await);
                crate::kinds::fetching::at($name, "http://app.test/", &proxy).await
            };
            "Unreachable" Fail crate::kinds::fetching::behind_a_proxy_that_says($name, 502);
            "SecretMissing" Unknown crate::kinds::fetching::at(
                $name, "https://app.test/", "ca: { file: /none/such.pem }"
            );
            "CertificateExpired" Fail crate::kinds::fetching::secure(
                $name, vigie_sim::net::mill::Sort::Good, "app.test", -90, -1
            );
            "CertificateNotYetValid" Fail crate::kinds::fetching::secure(
                $name, vigie_sim::net::mill::Sort::Good, "app.test", 1, 90
            );
            "NameMismatch" Fail crate::kinds::fetching::secure(
                $name, vigie_sim::net::mill::Sort::Good, "other.test", -1, 90
            );
            "UnknownIssuer" Fail crate::kinds::fetching::by_a_stranger($name);
            "SelfSigned" Fail crate::kinds::fetching::secure(
                $name, vigie_sim::net::mill::Sort::SelfSigned, "app.test", -1, 90
            );
            "ChainIncomplete" Fail crate::kinds::fetching::secure(
                $name, vigie_sim::net::mill::Sort::Incomplete, "app.test", -1, 90
            );
            "CertificateInvalid" Fail crate::kinds::fetching::secure(
                $name, vigie_sim::net::mill::Sort::ForClients, "app.test", -1, 90
            );
        }
    };
}

pub async fn broken(kind: &str, scheme: &str, fault: Fault) -> Judgement {
    let ground = Ground::new().await;
    let server = Broken::start(fault).await.expect("a server");
    let check = format!("{kind}: {{ url: '{scheme}://{}/' }}", server.address());
    look_within(Duration::from_secs(1), &check, &ground.systems).await
}

pub async fn at(kind: &str, url: &str, rest: &str) -> Judgement {
    Ground::new().await.look(&format!("{kind}: {{ url: '{url}', {rest} }}")).await
}

pub async fn behind_a_proxy_that_says(kind: &str, status: u16) -> Judgement {
    let proxy = Proxy::start(None).await.expect("a proxy");
    proxy.refuses(status);
    let through = format!("proxy: {{ url: 'http://{}' }}", proxy.address());
    at(kind, "https://app.test/", &through).await
}

pub async fn secure(kind: &str, sort: Sort, name: &str, from: i64, until: i64) -> Judgement {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf_for(sort, &[name], from, until)).await;
    ground.look(&format!("{kind}: {{ url: 'https://app.test:{}/' }}", site.address().port())).await
}

pub async fn by_a_stranger(kind: &str) -> Judgement {
    let (ground, stranger) = (Ground::new().await, Ground::new().await);
    let site = stranger.secure_site(&stranger.leaf(Sort::Good, -1, 90)).await;
    ground.look(&format!("{kind}: {{ url: 'https://app.test:{}/' }}", site.address().port())).await
}
