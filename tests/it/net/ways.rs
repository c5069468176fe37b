//! The ways to an endpoint: through proxies, to each address, under other names.

use std::sync::Arc;

use futures::future::join_all;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::net::dns::{Behaviour, Record};
use vigie_sim::net::mill::Sort;
use vigie_sim::net::proxy::Proxy;
use vigie_sim::net::site::{Answer, Site};

use super::ground::Ground;

fn said(judgement: &Judgement) -> (Verdict, Option<&'static str>) {
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

#[tokio::test]
async fn a_proxy_tunnels_what_is_secure_and_fetches_the_rest() {
    let ground = Ground::new().await;
    let secure = ground.secure_site(&ground.leaf_for(Sort::Good, &["far.test"], -1, 90)).await;
    let plain = Site::plain().await.unwrap();
    let onward = format!("https://far.test:{}/end", secure.address().port());
    plain.answer("/", Answer::new(302, "").header("location", &onward));
    // The names are known to nobody here: the proxy finds them.
    let plain_url = format!("http://near.test:{}/?a=b", plain.address().port());
    for over_tls in [false, true] {
        let leaf = ground.leaf_for(Sort::Good, &["proxy.test"], -1, 90);
        ground.names.point("proxy.test", super::ground::HERE);
        let proxy = Proxy::start(over_tls.then_some(&leaf)).await.unwrap();
        let scheme = if over_tls { "https" } else { "http" };
        let through = format!("{scheme}://proxy.test:{}", proxy.address().port());
        let check = format!(
            "http: {{ url: '{plain_url}', headers: {{ x-secret: a }}, proxy: {{ url: '{through}' }} }}"
        );
        let judgement = ground.look(&check).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{through}: {}", judgement.because());
        let asked = proxy.asked();
        assert!(asked[0].starts_with(&format!("GET {plain_url} HTTP/1.1\r\n")), "{asked:?}");
        let connect = format!("CONNECT far.test:{} HTTP/1.1\r\n", secure.address().port());
        assert!(asked[1].starts_with(&connect) && !asked[1].contains("x-secret"), "{asked:?}");
        assert_eq!(secure.asked().last().unwrap().target, "/end");
    }
    assert_eq!(plain.asked()[0].target, "/?a=b");
}

#[tokio::test]
async fn a_proxy_learns_who_we_are_and_the_target_does_not() {
    let ground = Ground::new().await;
    let (site, proxy) = (Site::plain().await.unwrap(), Proxy::start(None).await.unwrap());
    site.answer("*", Answer::new(200, "fine"));
    proxy.wants("Basic dmlnaWU6czNjcmV0");
    let secure = ground.secure_site(&ground.leaf(Sort::Good, -1, 90)).await;
    for (url, seen) in [
        (format!("http://a.test:{}/", site.address().port()), &site),
        (format!("https://app.test:{}/", secure.address().port()), &secure),
    ] {
        let look = async |rest: &str| {
            let to = proxy.address();
            ground
                .look(&format!("http: {{ url: '{url}', proxy: {{ url: 'http://{to}'{rest} }} }}"))
                .await
        };
        let without = look("").await;
        assert_eq!(said(&without), (Verdict::Unknown, Some("ProxyFailed")), "{url}");
        assert!(without.because().contains("takes a `login`"), "{}", without.because());
        let password = ground.file("password", "wrong\n");
        let login = format!(
            ", login: {{ username: vigie, password: {{ file: '{}' }} }}",
            password.display()
        );
        let before = proxy.asked().len();
        for _ in 0..3 {
            let judgement = look(&login).await;
            assert_eq!(said(&judgement), (Verdict::Unknown, Some("ProxyFailed")), "{url}");
            assert!(!judgement.because().contains("wrong"), "{}", judgement.because());
        }
        // A refused password of the first URL is not tried for the second either.
        assert!(proxy.asked().len() - before <= 1, "{:?}", proxy.asked());
        ground.file("password", "s3cret\n");
        let judgement = look(&login).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{url}: {}", judgement.because());
        assert!(!seen.asked()[0].headers.contains_key("proxy-authorization"));
    }
}

#[tokio::test]
async fn ten_looks_at_once_show_a_proxy_a_wrong_password_once() {
    let ground = Ground::new().await;
    let proxy = Proxy::start(None).await.unwrap();
    proxy.wants("Basic dmlnaWU6czNjcmV0");
    let password = ground.file("password", "wrong");
    let proxied = format!(
        "proxy: {{ url: 'http://{}', login: {{ username: vigie, password: {{ file: '{}' }} }} }}",
        proxy.address(),
        password.display()
    );
    let checks = (0..10).map(|n| {
        let scheme = if n % 2 == 0 { "http" } else { "https" };
        format!("http: {{ url: '{scheme}://a.test/{n}', {proxied} }}")
    });
    let checks: Vec<_> = checks.collect();
    for judgement in join_all(checks.iter().map(|check| ground.look(check))).await {
        assert_eq!(said(&judgement), (Verdict::Unknown, Some("ProxyFailed")));
    }
    assert_eq!(proxy.asked().len(), 1, "{:?}", proxy.asked());
}

#[tokio::test]
async fn a_proxy_that_does_not_lead_there_is_no_evidence() {
    let ground = Ground::new().await;
    let proxy = Proxy::start(None).await.unwrap();
    let check = format!(
        "http: {{ url: 'https://a.test/', proxy: {{ url: 'http://{}' }} }}",
        proxy.address()
    );
    for (status, expected) in [
        (403, (Verdict::Unknown, Some("ProxyFailed"))),
        (503, (Verdict::Unknown, Some("ProxyFailed"))),
        (502, (Verdict::Fail, Some("Unreachable"))),
        (504, (Verdict::Fail, Some("Unreachable"))),
    ] {
        proxy.refuses(status);
        let judgement = ground.look(&check).await;
        assert_eq!(said(&judgement), expected, "{status}: {}", judgement.because());
    }
}

#[tokio::test]
async fn each_address_is_asked_and_judged() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(200, "fine"));
    let both = ["127.0.0.1", "127.0.0.2"].map(|address| Record::address(address.parse().unwrap()));
    ground.names.set("app.test", Behaviour::Records(both.to_vec()));
    let port = site.address().port();
    let url = format!("http://app.test:{port}/");
    let judgement = ground.look(&format!("http: {{ url: '{url}' }}")).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let check = format!("http: {{ url: '{url}', every_address: true }}");
    let judgement = ground.look(&check).await;
    let lines: Vec<_> =
        judgement.lines().iter().map(|line| (line.subject.clone(), line.verdict)).collect();
    let line = |address: &str, verdict| (format!("{url} at {address}"), verdict);
    assert_eq!(lines, [line("127.0.0.1", Verdict::Pass), line("127.0.0.2", Verdict::Fail)]);
    assert_eq!(judgement.lines()[1].because, "refuses the connection");
    let rows = judgement.samples().iter().filter(|s| s.measure.name == "vigie_http_status_code");
    assert_eq!(rows.count(), 1, "one row a target, whatever the addresses");

    // The second address gets a server, and one that answers otherwise.
    let listener = tokio::net::TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let answering = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut came = [0; 4096];
            let _came = stream.read(&mut came).await.unwrap_or(0);
            stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await.ok();
        }
    });
    let judgement = ground.look(&check).await;
    assert_eq!(said(&judgement), (Verdict::Fail, Some("ServerError")), "{}", judgement.because());
    let status = judgement.samples().iter().find(|s| s.measure.name == "vigie_http_status_code");
    assert!((status.unwrap().value - 500.0).abs() < 0.1, "the figures are those of the worst");
    answering.abort();
}

#[tokio::test]
async fn a_wrong_credential_goes_to_one_address_alone() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(401, ""));
    let six = ["127.0.0.1", "::ffff:127.0.0.1"].map(|a| Record::address(a.parse().unwrap()));
    ground.names.set("app.test", Behaviour::Records(six.to_vec()));
    let token = ground.file("token", "wrong\n");
    let check = format!(
        "http: {{ url: 'http://app.test:{}/', every_address: true, \
         secret_headers: {{ Authorization: {{ from: {{ file: '{}' }} }} }} }}",
        site.address().port(),
        token.display()
    );
    let judgement = ground.look(&check).await;
    assert_eq!(judgement.lines().len(), 2);
    assert_eq!(said(&judgement), (Verdict::Fail, Some("Unauthorized")));
    assert_eq!(site.asked().len(), 1, "{:?}", site.asked());
}

#[tokio::test]
async fn the_name_under_tls_and_the_host_are_two_things() {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf_for(Sort::Good, &["edge.test"], -1, 90)).await;
    let url = format!("url: 'https://app.test:{}/'", site.address().port());
    let look = async |rest: &str| ground.look(&format!("http: {{ {url}{rest} }}")).await;
    assert_eq!(said(&look("").await), (Verdict::Fail, Some("NameMismatch")));
    assert_eq!(said(&look(", host: edge.test").await), (Verdict::Fail, Some("NameMismatch")));
    let judgement = look(", server_name: edge.test").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let judgement = look(", server_name: edge.test, host: 'shop.test:8443'").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let hosts: Vec<_> = site.asked().iter().map(|asked| asked.headers["host"].clone()).collect();
    let own = format!("app.test:{}", site.address().port());
    assert_eq!(hosts, [own.as_str(), "shop.test:8443"]);
}

#[tokio::test]
async fn families_are_told_apart() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(200, "fine"));
    let both = ["127.0.0.1", "::1"].map(|address| Record::address(address.parse().unwrap()));
    ground.names.set("app.test", Behaviour::Records(both.to_vec()));
    for (family, expected) in [
        ("any", (Verdict::Pass, None)),
        ("ipv4", (Verdict::Pass, None)),
        ("ipv6", (Verdict::Fail, Some("Refused"))),
    ] {
        let check = format!(
            "http: {{ url: 'http://app.test:{}/', family: {family} }}",
            site.address().port()
        );
        let judgement = ground.look(&check).await;
        assert_eq!(said(&judgement), expected, "{family}: {}", judgement.because());
    }
}

#[tokio::test]
async fn no_credential_follows_a_redirect_abroad_and_circles_end() {
    let ground = Ground::new().await;
    let (first, other) = (Site::plain().await.unwrap(), Site::plain().await.unwrap());
    first.answer(
        "/",
        Answer::new(307, "").header("location", &format!("http://{}/away", other.address())),
    );
    first.answer("/a", Answer::new(302, "").header("location", "/b#x"));
    first.answer("/b", Answer::new(302, "").header("location", "/a?"));
    first.answer("/a?", Answer::new(200, ""));
    other.answer("*", Answer::new(200, ""));
    let at = first.address();
    let headers = "Authorization: Basic abc, Cookie: session=abc, x-plain: kept";
    let check =
        format!("http: {{ url: 'http://{at}/', host: shop.test, headers: {{ {headers} }} }}");
    let judgement = ground.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert!(first.asked()[0].headers.contains_key("authorization"));
    assert_eq!(first.asked()[0].headers["host"], "shop.test");
    let away = &other.asked()[0].headers;
    assert!(!away.contains_key("authorization") && !away.contains_key("cookie"), "{away:?}");
    assert_eq!(away["x-plain"], "kept");
    assert_eq!(away["host"], other.address().to_string());

    first.answer("/b", Answer::new(302, "").header("location", "/a"));
    let judgement = ground.look(&format!("http: {{ url: 'http://{at}/a' }}")).await;
    assert_eq!(said(&judgement), (Verdict::Fail, Some("RedirectLoop")), "{}", judgement.because());
    assert_eq!(first.asked().len(), 3, "a circle is walked once");
    let twice = Answer::new(301, "").header("location", "/x").header("location", "/y");
    first.answer("/b", twice);
    let judgement = ground.look(&format!("http: {{ url: 'http://{at}/b' }}")).await;
    assert_eq!(said(&judgement), (Verdict::Fail, Some("WrongRedirect")), "{}", judgement.because());
}

#[tokio::test]
async fn a_server_of_http2_alone_is_told() {
    let ground = Ground::new().await;
    let leaf = ground.leaf(Sort::Good, -1, 90);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(leaf.chain.clone(), leaf.key.clone_key())
        .expect("a certificate");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            acceptor.accept(stream).await.ok();
        }
    });
    let judgement = ground.look(&format!("http: {{ url: 'https://app.test:{port}/' }}")).await;
    assert_eq!(said(&judgement), (Verdict::Fail, Some("TlsFailed")), "{}", judgement.because());
    assert!(judgement.because().contains("NoApplicationProtocol"), "{}", judgement.because());
    serving.abort();
}
