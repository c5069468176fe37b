//! `ssl = on`, and every `sslmode` against servers that want TLS, offer it, or refuse it.

use std::fs;
use std::time::Duration;

use jiff::SignedDuration;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::net::mill::{Mill, Sort};

use super::{PostgresServer, gives};
use crate::support::systems;

/// A server whose certificate is for `localhost`, and a file with the root that leads to it.
async fn server() -> (PostgresServer, String) {
    let now = Clock::System.now();
    let mill = Mill::new(now, Duration::from_hours(24 * 100)).expect("a mill");
    let day = SignedDuration::from_hours(24);
    let leaf = mill.issue(Sort::Good, &["localhost"], now - day, now + day).expect("a leaf");
    let mut server = PostgresServer::create().await;
    let certificate = server.file("server.crt", &leaf.chain_pem);
    let key = server.file("server.key", &leaf.key_pem);
    let root = server.file("root.pem", mill.root_pem());
    server.configure(&[
        "ssl = on",
        "password_encryption = 'scram-sha-256'",
        &format!("ssl_cert_file = '{}'", certificate.display()),
        &format!("ssl_key_file = '{}'", key.display()),
    ]);
    server.run().await;
    server.sql("CREATE ROLE guest LOGIN PASSWORD 'sesame'").await;
    (server, root.display().to_string())
}

/// Lets `guest` in that way alone.
async fn rule(server: &PostgresServer, rule: &str) {
    let hba = server.data().join("pg_hba.conf");
    let lines = format!(
        "{rule} all guest 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust\n"
    );
    fs::write(hba, lines).expect("a file");
    server.sql("SELECT pg_reload_conf()").await;
    let loaded = "SELECT type FROM pg_hba_file_rules WHERE user_name = '{guest}'";
    super::settled(server, loaded, rule).await;
}

fn by_url(server: &PostgresServer, host: &str, options: &str) -> (Systems, tempfile::TempDir) {
    let folder = tempfile::TempDir::new().expect("a folder");
    let url = folder.path().join("url");
    let text = format!("postgresql://guest:sesame@{host}:{}/postgres?{options}", server.port);
    fs::write(&url, text).expect("a file");
    let connection =
        format!("postgres: {{ default: {{ url_from: {{ file: '{}' }} }} }}", url.display());
    (systems(&connection, Clock::System), folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sslmode_does_as_libpq_has_it() {
    let (server, root) = server().await;
    let trusted = format!("sslrootcert={root}");
    let other = Mill::new(Clock::System.now(), Duration::from_hours(24)).expect("a mill");
    let stranger = server.file("stranger.pem", other.root_pem());
    let distrusted = format!("sslrootcert={}", stranger.display());
    for (way, host, options, wanted) in [
        ("hostssl", "127.0.0.1", "sslmode=disable".to_owned(), "Unauthorized"),
        ("hostssl", "127.0.0.1", "sslmode=allow".to_owned(), "over TLS"),
        ("hostssl", "127.0.0.1", "sslmode=prefer".to_owned(), "over TLS"),
        ("hostssl", "127.0.0.1", "sslmode=require".to_owned(), "over TLS"),
        ("hostssl", "127.0.0.1", format!("sslmode=require&{trusted}"), "over TLS"),
        ("hostssl", "127.0.0.1", format!("sslmode=require&{distrusted}"), "UnknownIssuer"),
        ("hostssl", "127.0.0.1", "sslmode=verify-ca".to_owned(), "UnknownIssuer"),
        ("hostssl", "127.0.0.1", format!("sslmode=verify-ca&{trusted}"), "over TLS"),
        ("hostssl", "127.0.0.1", format!("sslmode=verify-full&{trusted}"), "NameMismatch"),
        ("hostssl", "localhost", format!("sslmode=verify-full&{trusted}"), "over TLS"),
        ("hostssl", "localhost", format!("sslaccept=strict&{trusted}"), "over TLS"),
        ("hostssl", "localhost", "sslaccept=strict".to_owned(), "UnknownIssuer"),
        ("hostssl", "localhost", "sslmode=require&channel_binding=require".to_owned(), "over TLS"),
        ("hostnossl", "127.0.0.1", "sslmode=disable".to_owned(), "without TLS"),
        ("hostnossl", "127.0.0.1", "sslmode=allow".to_owned(), "without TLS"),
        ("hostnossl", "127.0.0.1", "sslmode=prefer".to_owned(), "without TLS"),
        ("hostnossl", "127.0.0.1", format!("sslmode=prefer&{distrusted}"), "without TLS"),
        ("hostnossl", "127.0.0.1", "sslmode=require".to_owned(), "Unauthorized"),
        (
            "hostnossl",
            "127.0.0.1",
            "sslmode=disable&channel_binding=require".to_owned(),
            "Unauthorized",
        ),
        ("host", "127.0.0.1", "sslmode=allow".to_owned(), "without TLS"),
        ("host", "127.0.0.1", String::new(), "over TLS"),
    ] {
        rule(&server, way).await;
        let (systems, _folder) = by_url(&server, host, &options);
        let fine = wanted.contains("TLS");
        let code = if fine { "pass" } else { wanted };
        let judgement = gives(code, "postgres: {}", &systems).await;
        let said = judgement.because();
        assert!(!fine || said.contains(wanted), "{way} {host} {options}: {said}");
        assert!(!said.contains("sesame"), "{said}");
    }
}
