//! Debian's named: a real DNS server, and two that disagree.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::process::Child;
use tokio::time::Instant;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;

use super::ground::{Ground, listening, start, vacant};
use crate::support::look_within;

/// A named that is the authority of `example.test`, where `app` has the address `app`.
async fn named(ground: &Ground, folder: &str, app: &str) -> (SocketAddr, Child) {
    let folder = ground.folder().join(folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let records = format!(
        "$TTL 60\n@ SOA ns hostmaster 1 60 60 60 60\n@ NS ns\n@ MX 10 mail\n\
         @ TXT \"v=spf1 \" \"-all\"\n@ CAA 0 issue \"letsencrypt.org\"\nns A 127.0.0.1\n\
         app A {app}\napp AAAA 2001:db8::1\nwww CNAME app\nmail A 192.0.2.25\n\
         loose CNAME nowhere\n_sip._tcp SRV 0 5 5060 app\nround CNAME about\nabout CNAME round\n\
         far CNAME app.elsewhere.org.\nshort 5 A 192.0.2.5\nhasty 5 CNAME mail\n"
    );
    // A chain of aliases longer than servers follow.
    let chain: Vec<_> = (0..20).map(|n| format!("a{n} CNAME a{}\n", n + 1)).collect();
    let records = records + &chain.concat() + "a20 A 192.0.2.20\n";
    // More than a datagram holds, and not more than named allows a name.
    let many: Vec<_> = (0..90).map(|n| format!("many TXT \"record number {n}\"\n")).collect();
    std::fs::write(folder.join("zone"), records + &many.concat()).expect("a file");
    for _ in 0..10 {
        let address = vacant().await;
        let text = format!(
            "options {{ directory \"{folder}\"; listen-on port {port} {{ 127.0.0.1; }};
               listen-on-v6 {{ none; }}; pid-file none; session-keyfile none; recursion no; }};
             controls {{ }};
             zone \"example.test\" {{ type primary; file \"zone\"; }};
             zone \"broken.test\" {{ type primary; file \"absent\"; }};",
            folder = folder.display(),
            port = address.port()
        );
        let file = folder.join("named.conf");
        std::fs::write(&file, text).expect("a file");
        let mut child = start("named", &["-f", "-n", "1", "-c", &file.display().to_string()]);
        if listening(&mut child, address).await {
            serving(ground, address).await;
            return (address, child);
        }
    }
    panic!("named found no free port");
}

/// Waits until the server has loaded its zone: it listens before that.
async fn serving(ground: &Ground, address: SocketAddr) {
    let check = format!("dns: {{ name: ns.example.test, resolvers: ['{address}'] }}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while ground.look(&check).await.verdict() != Verdict::Pass {
        assert!(Instant::now() < deadline, "named does not serve its zone");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn code(judgement: &Judgement) -> Option<&'static str> {
    judgement.reason().map(Reason::code)
}

#[tokio::test]
async fn records_of_every_type_are_read_from_a_real_server() {
    let ground = Ground::new().await;
    let (address, _named) = named(&ground, "one", "192.0.2.10").await;
    for (name, record, expected) in [
        ("app", "A", "192.0.2.10"),
        ("app", "AAAA", "'2001:DB8::1'"),
        ("app", "ADDRESS", "192.0.2.10, '2001:db8::1'"),
        ("www", "A", "192.0.2.10"),
        ("WWW", "CNAME", "app.example.test."),
        ("@", "MX", "10 mail.example.test"),
        ("@", "NS", "ns.example.test"),
        ("@", "TXT", "v=spf1 -all"),
        ("@", "CAA", "0 issue letsencrypt.org"),
        ("_sip._tcp", "SRV", "0 5 5060 app.example.test"),
    ] {
        let name = if name == "@" { "example.test".into() } else { format!("{name}.example.test") };
        let check = format!(
            "dns: {{ name: {name}, record: {record}, resolvers: ['{address}'], \
             expected: {{ exactly: [{expected}] }} }}"
        );
        let judgement = ground.look(&check).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{record}: {}", judgement.because());
    }
}

#[tokio::test]
async fn what_a_real_server_does_not_have_is_told_apart() {
    let ground = Ground::new().await;
    let (address, _named) = named(&ground, "one", "192.0.2.10").await;
    for (name, record, reason) in [
        ("absent.example.test", "A", Some("NameNotFound")),
        ("loose.example.test", "A", Some("DanglingAlias")),
        ("round.example.test", "A", Some("AliasLoop")),
        // Longer than this server follows.
        ("a0.example.test", "A", Some("ServerError")),
        ("a10.example.test", "A", None),
        ("far.example.test", "A", Some("Refused")),
        ("www.broken.test", "A", Some("ServerError")),
        ("mail.example.test", "AAAA", Some("NoRecords")),
        ("elsewhere.org", "A", Some("Refused")),
        ("many.example.test", "TXT", None),
    ] {
        let check = format!("dns: {{ name: {name}, record: {record}, resolvers: ['{address}'] }}");
        let judgement = ground.look(&check).await;
        assert_eq!(code(&judgement), reason, "{name}: {}", judgement.because());
    }
}

#[tokio::test]
async fn two_real_servers_that_disagree_are_told() {
    let ground = Ground::new().await;
    let (one, _first) = named(&ground, "one", "192.0.2.10").await;
    let (two, _second) = named(&ground, "two", "192.0.2.11").await;
    let check = format!(
        "dns: {{ names: [app.example.test, mail.example.test], record: A, resolvers: ['{one}', '{two}'], \
         disagreement: fail }}"
    );
    let judgement = ground.look(&check).await;
    assert_eq!(code(&judgement), Some("ResolversDisagree"));
    let because = judgement.because();
    assert!(because.contains("192.0.2.10") && because.contains("192.0.2.11"), "{because}");
    let lines: Vec<_> = judgement.lines().iter().map(|line| line.verdict).collect();
    assert_eq!(lines.iter().filter(|verdict| **verdict == Verdict::Pass).count(), 4);
}

#[tokio::test]
async fn what_a_real_server_says_of_aliases_and_lifetimes_is_judged() {
    let ground = Ground::new().await;
    let (address, _named) = named(&ground, "one", "192.0.2.10").await;
    for (name, wanted, reason) in [
        ("www", "aliases: { end: app.example.test }", None),
        ("www", "aliases: { chain: [app.example.test] }", None),
        ("www", "aliases: { at_most: 0 }", Some("WrongAlias")),
        ("app", "aliases: { end: app.example.test }", Some("WrongAlias")),
        ("app", "ttl: { fail_above: 1m, fail_below: 1m }", None),
        ("short", "ttl: { fail_below: 6s }", Some("TtlTooShort")),
        // The alias may be kept for less than the record that it leads to.
        ("hasty", "ttl: { fail_below: 6s }", Some("TtlTooShort")),
        ("app", "ttl: { warn_above: 59s }", Some("TtlTooLong")),
    ] {
        let check = format!(
            "dns: {{ name: {name}.example.test, record: A, resolvers: ['{address}'], {wanted} }}"
        );
        let judgement = ground.look(&check).await;
        assert_eq!(code(&judgement), reason, "{name} {wanted}: {}", judgement.because());
    }
}

/// One of three resolvers is silent, and one of them lies: nobody hides anybody.
#[tokio::test]
async fn a_real_server_that_is_wrong_is_seen_beside_one_that_is_silent() {
    let ground = Ground::new().await;
    let (one, _first) = named(&ground, "one", "192.0.2.10").await;
    let (two, _second) = named(&ground, "two", "192.0.2.11").await;
    let silent = vigie_sim::net::dns::Names::start().await.expect("a DNS server");
    silent.set("app.example.test", vigie_sim::net::dns::Behaviour::Silent);
    let check = format!(
        "dns: {{ name: app.example.test, record: A, expected: {{ exactly: [192.0.2.10] }}, \
         resolvers: ['{}', '{one}', '{two}'], disagreement: fail }}",
        silent.address()
    );
    let judgement = look_within(Duration::from_secs(2), &check, &ground.systems).await;
    let reasons: Vec<_> =
        judgement.lines().iter().map(|line| line.reason.map(Reason::code)).collect();
    let wanted = [Some("TimedOut"), None, Some("UnexpectedRecords"), Some("ResolversDisagree")];
    assert_eq!(reasons, wanted, "{:?}", judgement.lines());
}
