//! How TLS is spoken, beyond a certificate: before it begins, what comes with it, what is too old;
//! against real servers where they can be had.

use std::net::SocketAddr;

use jiff::SignedDuration;
use tokio::process::Child;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::net::mill::{Issued, Mill, Sort};
use vigie_sim::net::porter::Porter;
use vigie_sim::net::staple::{Signer, Word};

use super::ground::{Ground, listening, now, openssl, start, vacant};
use crate::postgres_server::PostgresServer;
use crate::support::{look, systems};

fn code(judgement: &Judgement) -> Option<&'static str> {
    judgement.reason().map(Reason::code)
}

/// A ground, a mill at the machine's time, and systems that trust it: real servers know no other.
struct Today {
    ground: Ground,
    mill: Mill,
    leaf: Issued,
    systems: Systems,
}

impl Today {
    async fn new() -> Self {
        let ground = Ground::new().await;
        let now = Clock::System.now();
        let day = SignedDuration::from_hours(24);
        let mill = Mill::new(now, std::time::Duration::from_hours(1000 * 24)).expect("a mill");
        let leaf = mill.issue(Sort::Good, &["app.test"], now - day, now + day * 90);
        let leaf = leaf.expect("a leaf");
        ground.file("today.pem", &leaf.chain_pem);
        ground.file("today.key", &leaf.key_pem);
        let root = ground.file("today-root.pem", mill.root_pem());
        let connections = format!(
            "net: {{ resolvers: ['{}'], ca: {{ file: '{}' }} }}",
            ground.names.address(),
            root.display()
        );
        let systems = systems(&connections, Clock::System);
        Self { ground, mill, leaf, systems }
    }

    async fn look(&self, port: u16, rest: &str) -> Judgement {
        look(&format!("tls: {{ target: 'app.test:{port}', {rest} }}"), &self.systems).await
    }

    /// An nginx that shows the leaf, with these lines in its server.
    async fn nginx(&self, lines: &str) -> (SocketAddr, Child) {
        for _ in 0..10 {
            let address = vacant().await;
            let folder = self.ground.folder();
            let text = format!(
                "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
                 events {{}}
                 http {{
                   access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
                   fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
                   server {{
                     listen {address} ssl; {lines}
                     location / {{ return 200 hello; }}
                   }}
                 }}",
                folder = folder.display()
            );
            let file = self.ground.file("nginx.conf", &text).display().to_string();
            let prefix = folder.display().to_string();
            let mut child = start("nginx", &["-e", "stderr", "-p", &prefix, "-c", &file]);
            if listening(&mut child, address).await {
                return (address, child);
            }
        }
        panic!("nginx found no free port");
    }

    /// An answer about the leaf, signed by openssl, which is told this of it.
    async fn ocsp(&self, index: &str) -> String {
        let path = |name: &str| self.ground.path(name);
        let file = |name: &str, text: &str| self.ground.file(name, text).display().to_string();
        let leaf = file("ocsp-leaf.pem", &self.leaf.chain_pem);
        let issuer = file("ocsp-issuer.pem", self.mill.intermediate_pem());
        let key = file("ocsp-issuer.key", &self.mill.intermediate().key().serialize_pem());
        let index = file("ocsp-index.txt", index);
        let (request, answer) = (path("ocsp.req"), path("ocsp.der"));
        openssl(&["ocsp", "-issuer", &issuer, "-cert", &leaf, "-no_nonce", "-reqout", &request])
            .await;
        openssl(&[
            "ocsp", "-index", &index, "-CA", &issuer, "-rsigner", &issuer, "-rkey", &key, "-reqin",
            &request, "-ndays", "7", "-respout", &answer,
        ])
        .await;
        answer
    }
}

const CERTIFICATE: &str = "ssl_certificate today.pem; ssl_certificate_key today.key;";

#[tokio::test]
async fn an_answer_that_openssl_signs_and_nginx_staples_is_read() {
    let today = Today::new().await;
    let serial = format!("{:08X}", today.leaf.serial);
    let line = |state: &str, revoked: &str| {
        format!("{state}\t991231235959Z\t{revoked}\t{serial}\tunknown\t/CN=app.test\n")
    };
    for (index, rest, reason, verdict) in [
        (line("V", ""), "staple: required", None, Verdict::Pass),
        (line("R", "260101000000Z"), "", Some("CertificateRevoked"), Verdict::Fail),
        (line("R", "260101000000Z"), "staple: ignored", None, Verdict::Pass),
        (String::new(), "", Some("StapleUnknown"), Verdict::Warn),
    ] {
        let answer = today.ocsp(&index).await;
        let stapled = format!("{CERTIFICATE} ssl_stapling on; ssl_stapling_file {answer};");
        let (address, _nginx) = today.nginx(&stapled).await;
        let judgement = today.look(address.port(), rest).await;
        let said = (code(&judgement), judgement.verdict());
        assert_eq!(said, (reason, verdict), "{index} {rest}: {}", judgement.because());
    }
    let (address, _nginx) = today.nginx(CERTIFICATE).await;
    let judgement = today.look(address.port(), "staple: required").await;
    assert_eq!(code(&judgement), Some("StapleMissing"), "{}", judgement.because());
}

#[tokio::test]
async fn an_answer_is_believed_from_the_issuer_and_whom_it_names_alone() {
    let ground = Ground::new().await;
    let leaf = ground.leaf(Sort::Good, -1, 90);
    let site = ground.secure_site(&leaf).await;
    let check = format!("tls: {{ target: 'app.test:{}' }}", site.address().port());
    let later = now() + SignedDuration::from_hours(100);
    for (word, signer, reason) in [
        (Word::Good, Signer::Issuer, None),
        (Word::Good, Signer::Delegate, None),
        (Word::Revoked, Signer::Delegate, Some("CertificateRevoked")),
        (Word::Good, Signer::Impostor, Some("StapleInvalid")),
        (Word::Revoked, Signer::Stranger, Some("StapleInvalid")),
        (Word::Good, Signer::Forger, Some("StapleInvalid")),
        (Word::OfAnother, Signer::Issuer, Some("StapleInvalid")),
        (Word::TryLater, Signer::Issuer, Some("StapleInvalid")),
    ] {
        let answer = ground.mill.staple(&leaf, word, signer, now(), Some(later));
        site.staple(answer.expect("an answer"));
        let judgement = ground.look(&check).await;
        assert_eq!(code(&judgement), reason, "{word:?} {signer:?}: {}", judgement.because());
    }
    let answer = ground.mill.staple(&leaf, Word::Good, Signer::Issuer, now(), None);
    let answer = answer.expect("an answer");
    for end in [1, 40, answer.len() - 1] {
        site.staple(answer[..end].to_vec());
        let judgement = ground.look(&check).await;
        assert_eq!(code(&judgement), Some("StapleInvalid"), "{end}: {}", judgement.because());
    }
    site.staple(answer);
    let judgement = ground.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

#[tokio::test]
async fn an_nginx_that_speaks_old_protocols_is_found_out() {
    let today = Today::new().await;
    let ciphers = "ssl_ciphers ALL:@SECLEVEL=0;";
    for (protocols, wanted) in [
        ("TLSv1 TLSv1.1 TLSv1.2", Some("TLS 1.1")),
        ("TLSv1 TLSv1.2 TLSv1.3", Some("TLS 1.0")),
        ("TLSv1.2 TLSv1.3", None),
    ] {
        let lines = format!("{CERTIFICATE} {ciphers} ssl_protocols {protocols};");
        let (address, _nginx) = today.nginx(&lines).await;
        let judgement = today.look(address.port(), "old_protocols: fail").await;
        let because = judgement.because();
        assert_eq!(code(&judgement), wanted.map(|_| "WeakProtocol"), "{protocols}: {because}");
        assert!(because.contains(wanted.unwrap_or("expires in")), "{protocols}: {because}");
        // Whoever does not ask is not told.
        let judgement = today.look(address.port(), "").await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    }
    let lines = format!("{CERTIFICATE} {ciphers} ssl_protocols TLSv1 TLSv1.1;");
    let (address, _nginx) = today.nginx(&lines).await;
    let judgement = today.look(address.port(), "old_protocols: warn").await;
    let reasons: Vec<_> =
        judgement.lines().iter().map(|line| line.reason.map(Reason::code)).collect();
    assert_eq!(reasons, [Some("TlsFailed"), Some("WeakProtocol")], "{:?}", judgement.lines());
}

#[tokio::test]
async fn a_short_key_of_a_real_server_is_told_as_such() {
    let today = Today::new().await;
    let names = "subjectAltName=DNS:app.test";
    today.ground.self_signed_by_openssl(&["-newkey", "rsa:1024", "-addext", names]).await;
    let lines = "ssl_certificate made.pem; ssl_certificate_key made.key; \
                 ssl_ciphers DEFAULT:@SECLEVEL=0;";
    let (address, _nginx) = today.nginx(lines).await;
    let ca = today.ground.path("made.pem");
    let judgement = today.look(address.port(), &format!("ca: {{ file: '{ca}' }}")).await;
    assert_eq!(code(&judgement), Some("WeakKey"), "{}", judgement.because());
    assert!(judgement.because().contains("an RSA key of 1024 bits"), "{}", judgement.because());
}

#[tokio::test]
async fn a_real_postgresql_goes_over_to_tls_when_asked() {
    let today = Today::new().await;
    let mut server = PostgresServer::create().await;
    let certificate = server.file("server.pem", &today.leaf.chain_pem);
    let key = server.file("server.key", &today.leaf.key_pem);
    server.configure(&[
        "ssl = on",
        &format!("ssl_cert_file = '{}'", certificate.display()),
        &format!("ssl_key_file = '{}'", key.display()),
    ]);
    server.run().await;
    let judgement = today.look(server.port, "starttls: postgres, old_protocols: fail").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert_eq!(code(&today.look(server.port, "").await), Some("TlsFailed"));
    server.stop().await;
    server.configure(&["ssl = off"]);
    server.run().await;
    let judgement = today.look(server.port, "starttls: postgres").await;
    assert_eq!(code(&judgement), Some("NoStartTls"), "{}", judgement.because());
}

#[tokio::test]
async fn a_real_mail_server_goes_over_to_tls_when_asked() {
    let today = Today::new().await;
    let (certificate, key) = (today.ground.path("today.pem"), today.ground.path("today.key"));
    for (more, reason) in
        [(vec!["--tlscert", &*certificate, "--tlskey", &*key], None), (vec![], Some("NoStartTls"))]
    {
        let (port, _server) = aiosmtpd(&more).await;
        let judgement = today.look(port, "starttls: smtp").await;
        assert_eq!(code(&judgement), reason, "{more:?}: {}", judgement.because());
    }
}

/// Debian's aiosmtpd, and its port.
async fn aiosmtpd(more: &[&str]) -> (u16, Child) {
    for _ in 0..10 {
        let address = vacant().await;
        let place = address.to_string();
        let mut child = start("aiosmtpd", &[&["-n", "-l", &place], more].concat());
        if listening(&mut child, address).await {
            return (address.port(), child);
        }
    }
    panic!("aiosmtpd found no free port");
}

#[tokio::test]
async fn mail_goes_over_to_tls_after_replies_of_several_lines() {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf(Sort::Good, -1, 90)).await;
    let full = "250-mail.test greets\r\n250-SIZE 1000\r\n250-starttls\r\n250 HELP\r\n";
    for (greeting, offer, go, reason) in [
        ("220 mail.test ESMTP\r\n", full, "220 go on\r\n", None),
        ("220-mail.test\r\n220 ESMTP\r\n", full, "220-go\r\n220 on\r\n", None),
        ("220 a\n", "250-a\n250 STARTTLS\n", "220 b\n", None),
        ("220 a\r\n", "250-a\r\n250 HELP\r\n", "", Some("NoStartTls")),
        ("220 a\r\n", "502 no such command\r\n", "", Some("NoStartTls")),
        ("220 a\r\n", full, "454 TLS not available\r\n", Some("NoStartTls")),
        // What is slipped in behind the word that TLS may begin breaks it.
        ("220 a\r\n", full, "220 go on\r\n250 slipped in\r\n", Some("TlsFailed")),
    ] {
        let porter = Porter::smtp(greeting, offer, go, site.address()).await.expect("a porter");
        let port = porter.address().port();
        let check = format!("tls: {{ target: 'app.test:{port}', starttls: smtp }}");
        let judgement = ground.look(&check).await;
        assert_eq!(code(&judgement), reason, "{greeting}{offer}{go}: {}", judgement.because());
    }
}

#[tokio::test]
async fn an_optional_client_certificate_is_said_to_be_asked_for() {
    let today = Today::new().await;
    today.ground.file("clients.pem", today.ground.clients.root_pem());
    let lines = format!("{CERTIFICATE} ssl_client_certificate clients.pem; ssl_verify_client on;");
    let (address, _nginx) = today.nginx(&lines).await;
    let judgement = today.look(address.port(), "").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert!(
        judgement.because().contains("asks for a client certificate"),
        "{}",
        judgement.because()
    );
}

/// TLS itself holds a chain to 64 KiB: more than that is never read.
#[tokio::test]
async fn a_chain_of_hostile_length_is_refused() {
    let ground = Ground::new().await;
    let mut leaf = ground.leaf(Sort::Good, -1, 90);
    let filler = leaf.chain[1].clone();
    leaf.chain.extend(std::iter::repeat_n(filler.clone(), 20));
    let site = ground.secure_site(&leaf).await;
    let check = format!("tls: {{ target: 'app.test:{}' }}", site.address().port());
    let judgement = ground.look(&check).await;
    assert_eq!(code(&judgement), Some("ChainDisordered"), "{}", judgement.because());
    leaf.chain.extend(std::iter::repeat_n(filler, 300));
    site.certify(&leaf).expect("a certificate");
    let judgement = ground.look(&check).await;
    assert_eq!(code(&judgement), Some("TlsFailed"), "{}", judgement.because());
}
