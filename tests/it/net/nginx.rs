//! A real nginx: the PROXY protocol in both versions, client certificates, redirects.

use std::net::SocketAddr;

use tokio::process::Child;
use vigie::model::finding::Verdict;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::net::mill::Sort;

use super::ground::{Ground, listening, now, start, vacant};
use crate::kinds::services::slice;
use crate::kubernetes::{Cluster, until};
use crate::support::look;

/// A real nginx on free ports of this machine; it is killed when dropped.
pub struct Nginx<const N: usize> {
    /// Where its servers listen, as they were told.
    pub at: [SocketAddr; N],
    _child: Child,
}

/// Starts one with the servers that `inside` describes. `leaf.pem` is a certificate for `app.test`.
pub async fn serve<const N: usize>(
    ground: &Ground,
    inside: impl Fn([SocketAddr; N]) -> String,
) -> Nginx<N> {
    let leaf = ground.leaf(Sort::Good, -1, 90);
    ground.file("leaf.pem", &leaf.chain_pem);
    ground.file("leaf.key", &leaf.key_pem);
    for _ in 0..10 {
        let mut at = [SocketAddr::from(([0; 4], 0)); N];
        for address in &mut at {
            *address = vacant().await;
        }
        let folder = ground.folder();
        let text = format!(
            "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
             events {{}}
             http {{
               access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
               fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
               ssl_certificate leaf.pem; ssl_certificate_key leaf.key;
               {}
             }}",
            inside(at),
            folder = folder.display()
        );
        let file = ground.file("nginx.conf", &text).display().to_string();
        let prefix = folder.display().to_string();
        let mut child = start("nginx", &["-e", "stderr", "-p", &prefix, "-c", &file]);
        if listening(&mut child, at[N - 1]).await {
            return Nginx { at, _child: child };
        }
    }
    panic!("nginx found no free ports");
}

/// Servers behind the PROXY protocol, plain and over TLS, and one that asks for certificates.
async fn nginx(ground: &Ground) -> Nginx<3> {
    ground.file("clients.pem", ground.clients.root_pem());
    serve(ground, |[plain, secure, mutual]| {
        format!(
            "# The header names the very connection that it came on.
             map '$remote_addr:$remote_port $proxy_protocol_addr:$proxy_protocol_port' $same {{
               '~^(.+) \\1$' yes; default no;
             }}
             server {{ listen {plain} proxy_protocol; return 301 https://$host$request_uri; }}
             server {{
               listen {secure} ssl proxy_protocol;
               location / {{
                 add_header x-client '$proxy_protocol_addr:$proxy_protocol_port';
                 add_header x-server '$proxy_protocol_server_addr:$proxy_protocol_server_port';
                 add_header x-same $same;
                 return 200 'hello $ssl_server_name';
               }}
             }}
             server {{
               listen {mutual} ssl; ssl_client_certificate clients.pem; ssl_verify_client on;
               ssl_verify_depth 2;
               location / {{ return 200 'hello $ssl_client_s_dn'; }}
             }}"
        )
    })
    .await
}

#[tokio::test]
async fn nginx_learns_from_the_header_who_calls() {
    let ground = Ground::new().await;
    let nginx = nginx(&ground).await;
    let [_, secure, _] = nginx.at;
    let port = secure.port();
    for version in ["v1", "v2"] {
        let check = format!(
            "http: {{ url: 'https://app.test/', connect_to: '{secure}', proxy_protocol: {version}, \
             expect: {{ headers: {{ x-client: '^127\\.0\\.0\\.1:[0-9]+$', x-server: '^{secure}$', \
             x-same: '^yes$' }}, body: {{ must_match: ['^hello app.test$'] }} }} }}"
        );
        let judgement = ground.look(&check).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{version}: {}", judgement.because());
        let check = format!("tls: {{ target: 'app.test:{port}', proxy_protocol: {version} }}");
        let judgement = ground.look(&check).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{version}: {}", judgement.because());
    }
    let judgement = ground.look(&format!("tls: {{ target: 'app.test:{port}' }}")).await;
    assert_eq!(judgement.verdict(), Verdict::Fail, "without the header nginx hangs up");
    let code = judgement.reason().map(Reason::code);
    assert!(["TlsFailed", "Reset"].map(Some).contains(&code), "{}", judgement.because());
}

#[tokio::test]
async fn nginx_that_waits_for_the_header_is_suspected_to_be_short_cut() {
    let cluster = Cluster::start().await;
    let ground = Ground::new().await;
    let nginx = nginx(&ground).await;
    let [plain, secure, _] = nginx.at;
    let systems = Systems { kubernetes: cluster.systems.kubernetes.clone(), ..ground.systems };
    let behind = "behind: { service: { namespace: shop, name: ingress-nginx } }";
    for url in [
        format!("http://app.test:{}/", plain.port()),
        format!("https://app.test:{}/", secure.port()),
    ] {
        let check = format!("http: {{ url: '{url}', {behind} }}");
        cluster.put(slice("ingress-nginx", "a", &["10.0.0.1"]));
        let suspected = until(
            || look(&check, &systems),
            |seen| seen.reason().map(Reason::code) == Some("HairpinSuspected"),
        );
        assert_eq!(suspected.await.verdict(), Verdict::Unknown, "{url}");
        cluster.remove("endpointslices/shop/ingress-nginx-a");
        let failing = until(|| look(&check, &systems), |seen| seen.verdict() == Verdict::Fail);
        let failing = failing.await;
        assert!(failing.because().contains("no endpoint of Service"), "{}", failing.because());
    }
    let through = format!("connect_to: '{secure}', proxy_protocol: v2");
    let checked = format!("http: {{ url: 'https://app.test/', {through} }}");
    let judgement = look(&checked, &systems).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

/// As from inside a cluster, past its load balancer: nobody resolves the name, and nothing is
/// suspected of the way.
#[tokio::test]
async fn what_the_configuration_leads_elsewhere_reaches_nginx_with_the_header() {
    let cluster = Cluster::start().await;
    let ground = Ground::new().await;
    let nginx = nginx(&ground).await;
    let [plain, secure, mutual] = nginx.at;
    let connections = format!(
        "net: {{ ca: {{ file: '{}' }}, connect_to: [\
           {{ target: 'app.test:80', address: '{plain}', proxy_protocol: v2 }}, \
           {{ target: 'app.test:443', address: '{secure}', proxy_protocol: v1 }}, \
           {{ target: 'app.test:444', address: '{secure}' }}, \
           {{ target: 'app.test:445', address: '{mutual}' }}] }}",
        ground.folder().join("root.pem").display()
    );
    let systems = Systems {
        kubernetes: cluster.systems.kubernetes.clone(),
        ..crate::support::systems(&connections, Clock::manual(now()))
    };
    let behind = "behind: { service: { namespace: shop, name: ingress-nginx } }";
    cluster.put(slice("ingress-nginx", "a", &["10.0.0.1"]));
    for check in [
        "http: { url: 'https://app.test/', expect: { headers: { x-same: '^yes$' } } }",
        "http: { url: 'https://app.test/', every_address: true }",
        "http: { url: 'http://app.test/a', redirects: { expect: { https: same_url } } }",
        "tls: { target: 'app.test:443' }",
        "tls: { target: 'app.test:445' }",
    ] {
        let judgement = look(check, &systems).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{check}: {}", judgement.because());
    }
    // Without the header nginx hangs up, which is no suspicion: the way is the one configured.
    let check = format!("http: {{ url: 'https://app.test:444/', {behind} }}");
    let judgement = look(&check, &systems).await;
    assert_eq!(judgement.verdict(), Verdict::Fail, "{}", judgement.because());
}

#[tokio::test]
async fn nginx_redirects_and_is_followed() {
    let ground = Ground::new().await;
    let nginx = nginx(&ground).await;
    let check = format!(
        "http: {{ url: 'http://app.test/a?b=c', connect_to: '{}', proxy_protocol: v2, \
         redirects: {{ expect: {{ status: [301], location: '^https://app\\.test/a\\?b=c$' }} }} }}",
        nginx.at[0]
    );
    let judgement = ground.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

#[tokio::test]
async fn nginx_redirects_to_https_and_how_it_does_is_judged() {
    let ground = Ground::new().await;
    let nginx = serve(&ground, |[at]| {
        format!(
            "server {{
               listen {at};
               location / {{ return 301 https://$host$request_uri; }}
               location /home {{ return 301 https://$host/; }}
               location /temporary {{ return 302 https://$host$request_uri; }}
               location /abroad {{ return 301 https://www.app.test$request_uri; }}
               location /plain {{ return 308 http://$host/; }}
               location /port {{ return 308 https://$host:8443$request_uri; }}
               location /no {{ return 200 'no redirect'; }}
             }}"
        )
    })
    .await;
    let look = async |path: &str, expect: &str| {
        let check = format!(
            "http: {{ url: 'http://app.test{path}', connect_to: '{}', \
             redirects: {{ expect: {{ {expect} }} }} }}",
            nginx.at[0]
        );
        let judgement = ground.look(&check).await;
        (judgement.reason().map(Reason::code), judgement.because())
    };
    let wrong = Some("WrongRedirect");
    for (path, expect, reason) in [
        ("/a?b=c", "https: same_url", None),
        ("/a?b=c", "https: same_host", None),
        ("/a?b=c", "to: 'https://app.test/a?b=c'", None),
        ("/a?b=c", "to: 'https://app.test/a'", wrong),
        ("/a?b=c", "to: 'https://app.test/a?b=c', location: never", wrong),
        ("/home", "https: same_host", None),
        ("/home", "https: same_url", wrong),
        ("/temporary", "https: same_url", wrong),
        ("/temporary", "https: same_url, status: [302]", None),
        ("/abroad", "https: same_host", wrong),
        ("/plain", "https: same_host", wrong),
        ("/port", "https: same_url", None),
        ("/no", "https: same_host", wrong),
    ] {
        let (said, because) = look(path, expect).await;
        assert_eq!(said, reason, "{path} {expect}: {because}");
    }
    let (_, because) = look("/a?b=c", "to: 'https://app.test/a?b=d'").await;
    assert!(because.ends_with("https://app.test/a expected, with another query"), "{because}");
}

#[tokio::test]
async fn nginx_sees_our_certificate() {
    let ground = Ground::new().await;
    let nginx = nginx(&ground).await;
    let url = format!("url: 'https://app.test:{}/'", nginx.at[2].port());
    let with = ground.client_certificate();
    let expect = "expect: { body: { must_match: ['CN=vigie.test'] } }";
    let judgement = ground.look(&format!("http: {{ {url}, {with}, {expect} }}")).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let judgement = ground.look(&format!("http: {{ {url}, {expect} }}")).await;
    assert_eq!(judgement.reason().map(Reason::code), Some("WrongStatus"));
}
