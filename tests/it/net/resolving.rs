//! What a resolver's trouble means, and does not mean, for those that ask it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;
use vigie::model::finding::Verdict;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::dns::{Behaviour, Record};
use vigie_sim::net::mill::Sort;
use vigie_sim::net::site::{Answer, Site};

use super::ground::{Ground, HERE, now};
use crate::support::{look, look_within, systems};

/// The type of an AAAA record.
const AAAA: u16 = 28;

/// A resolver before another: it passes questions on, and what it makes of each answer comes back.
struct Relay {
    address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl Relay {
    async fn start(
        to: SocketAddr,
        delay: Duration,
        twist: impl Fn(&[u8], Vec<u8>) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        let bound = async || UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let (socket, onward) = (bound().await, bound().await);
        let address = socket.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let question = buffer[..length].to_vec();
                onward.send_to(&question, to).await.expect("sent");
                let length = onward.recv(&mut buffer).await.expect("an answer");
                tokio::time::sleep(delay).await;
                for datagram in twist(&question, buffer[..length].to_vec()) {
                    // Whoever asked may have gone.
                    drop(socket.send_to(&datagram, peer).await);
                }
            }
        });
        Self { address, _serving: AbortOnDropHandle::new(serving) }
    }

    /// Systems that ask here.
    fn systems(&self, ground: &Ground) -> Systems {
        let root = ground.folder().join("root.pem");
        let connections = format!(
            "net: {{ resolvers: ['{}'], ca: {{ file: '{}' }} }}",
            self.address,
            root.display()
        );
        systems(&connections, Clock::manual(now()))
    }
}

/// The type and the name that a question asks for.
fn asked(question: &[u8]) -> (u16, String) {
    let mut at = 12;
    let mut name = String::new();
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        name.push_str(std::str::from_utf8(&question[at + 1..end]).expect("text"));
        name.push('.');
        at = end;
    }
    (u16::from_be_bytes([question[at + 1], question[at + 2]]), name)
}

#[tokio::test]
async fn a_slow_resolver_of_ours_is_not_the_endpoint_s_slowness() {
    let ground = Ground::new().await;
    let delay = Duration::from_millis(1300);
    let relay = Relay::start(ground.names.address(), delay, |_, answer| vec![answer]).await;
    let systems = relay.systems(&ground);
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(200, "fine"));
    let url = |address: SocketAddr| format!("http://app.test:{}/", address.port());
    let check = format!(
        "http: {{ url: '{}', family: ipv4, fail_slower_than: 1200ms }}",
        url(site.address())
    );
    let judgement = look(&check, &systems).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());

    let silent = Broken::start(Fault::Silent).await.unwrap();
    for check in [
        format!("http: {{ url: '{}', family: ipv4 }}", url(silent.address())),
        format!("tls: {{ target: 'app.test:{}', family: ipv4 }}", silent.address().port()),
    ] {
        let judgement = look_within(Duration::from_secs(2), &check, &systems).await;
        let said = (judgement.verdict(), judgement.reason());
        let wanted = (Verdict::Unknown, Some(Reason::RESOLVER_FAILED));
        assert_eq!(said, wanted, "{check}: {}", judgement.because());
    }
}

#[tokio::test]
async fn addresses_that_could_not_be_looked_up_are_not_forgotten() {
    let ground = Ground::new().await;
    let relay = Relay::start(ground.names.address(), Duration::ZERO, |question, mut answer| {
        if asked(question).0 == AAAA {
            answer[3] = 0x82; // SERVFAIL
        }
        vec![answer]
    })
    .await;
    let systems = relay.systems(&ground);
    let site = ground.secure_site(&ground.leaf(Sort::Good, -1, 90)).await;
    let target = format!("app.test:{}", site.address().port());
    let judgement = look(&format!("tls: {{ target: '{target}' }}"), &systems).await;
    let said = (judgement.verdict(), judgement.reason());
    assert_eq!(said, (Verdict::Unknown, Some(Reason::RESOLVER_FAILED)));
    assert_eq!(judgement.lines()[0].verdict, Verdict::Pass, "{}", judgement.because());
    assert!(judgement.because().contains("in part"), "{}", judgement.because());
    for rest in ["family: ipv4", "addresses: any"] {
        let judgement = look(&format!("tls: {{ target: '{target}', {rest} }}"), &systems).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{rest}: {}", judgement.because());
    }
    let judgement = look(&format!("tls: {{ target: '{target}', family: ipv6 }}"), &systems).await;
    assert_eq!(judgement.reason(), Some(Reason::RESOLVER_FAILED), "{}", judgement.because());
}

#[tokio::test]
async fn addresses_beyond_the_first_sixteen_are_counted() {
    let ground = Ground::new().await;
    let many = (1..=20).map(|n| Record::address([127, 0, 0, n].into())).collect();
    ground.names.set("many.test", Behaviour::Records(many));
    let site = ground.secure_site(&ground.leaf_for(Sort::Good, &["many.test"], -1, 90)).await;
    let target = format!("many.test:{}", site.address().port());
    let judgement = ground.look(&format!("tls: {{ target: '{target}' }}")).await;
    assert_eq!((judgement.lines().len(), judgement.dropped), (16, 4));
    let judgement = ground.look(&format!("tls: {{ target: '{target}', addresses: any }}")).await;
    assert_eq!((judgement.lines().len(), judgement.dropped), (1, 0));
}

#[tokio::test]
async fn an_echo_of_the_question_is_no_answer() {
    let ground = Ground::new().await;
    let relay = Relay::start(ground.names.address(), Duration::ZERO, |question, answer| {
        vec![question.to_vec(), answer]
    })
    .await;
    let check = format!("dns: {{ name: app.test, record: A, resolvers: ['{}'] }}", relay.address);
    let judgement = ground.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

/// Answers of another number, to another question, and about another name are not the answer.
#[tokio::test]
async fn lies_that_come_before_the_answer_are_passed_by() {
    let ground = Ground::new().await;
    ground.names.point("liar.test", [192, 0, 2, 66].into());
    let relay = Relay::start(ground.names.address(), Duration::ZERO, |_, answer| {
        let mut other_number = answer.clone();
        other_number[0] ^= 0xff;
        let mut other_question = answer.clone();
        // The first letter of the name that was asked for.
        other_question[13] = b'x';
        let mut lie = answer.clone();
        let last = lie.len() - 1;
        lie[last] = 66;
        let mut other_number_and_address = lie;
        other_number_and_address[1] ^= 0xff;
        vec![other_number, other_question, other_number_and_address, answer]
    })
    .await;
    let check = format!(
        "dns: {{ name: app.test, record: A, resolvers: ['{}'], \
         expected: {{ exactly: [127.0.0.1] }} }}",
        relay.address
    );
    let judgement = ground.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

/// Twenty names are more than are asked for at a time.
#[tokio::test]
async fn a_silent_resolver_keeps_nobody_from_asking_another() {
    let ground = Ground::new().await;
    let silent = vigie_sim::net::dns::Names::start().await.unwrap();
    let names: Vec<String> = (0..20).map(|n| format!("n{n}.test")).collect();
    for name in &names {
        ground.names.point(name, HERE);
        silent.set(name, Behaviour::Silent);
    }
    let check = format!(
        "dns: {{ names: [{}], record: A, resolvers: ['{}', '{}'] }}",
        names.join(", "),
        silent.address(),
        ground.names.address()
    );
    let judgement = look_within(Duration::from_secs(3), &check, &ground.systems).await;
    let passing = judgement.lines().iter().filter(|line| line.verdict == Verdict::Pass).count();
    let silent = judgement.lines().iter().filter(|line| line.reason == Some(Reason::TIMED_OUT));
    assert_eq!((passing, silent.count()), (20, 20));
}

#[tokio::test]
async fn a_server_that_knows_no_edns_is_asked_without() {
    let ground = Ground::new().await;
    ground.names.set("old.test", Behaviour::WithoutEdns(vec![Record::address(HERE)]));
    let resolver = ground.names.address();
    let judgement =
        ground.look(&format!("dns: {{ name: old.test, resolvers: ['{resolver}'] }}")).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    ground.names.set("old.test", Behaviour::CutAlways);
    let judgement =
        ground.look(&format!("dns: {{ name: old.test, resolvers: ['{resolver}'] }}")).await;
    assert_eq!(judgement.reason(), Some(Reason::GARBLED), "{}", judgement.because());
}

#[tokio::test]
async fn our_own_resolver_is_asked_beside_named_ones() {
    let ground = Ground::new().await;
    let others = vigie_sim::net::dns::Names::start().await.unwrap();
    others.point("app.test", [192, 0, 2, 1].into());
    let check = format!(
        "dns: {{ name: app.test, resolvers: [system, '{}'], disagreement: fail }}",
        others.address()
    );
    let judgement = ground.look(&check).await;
    assert_eq!(judgement.lines()[0].subject, "app.test by system");
    assert!(judgement.because().contains("system gives `127.0.0.1`"), "{}", judgement.because());
}

/// The file with the authority is gone once the peer is asked for: what was read of it must do.
#[tokio::test]
async fn what_is_trusted_is_read_once_a_look() {
    let ground = Ground::new().await;
    ground.names.point("other.test", HERE);
    let leaf = ground.leaf_for(Sort::Good, &["app.test", "other.test"], -1, 90);
    let site = ground.secure_site(&leaf).await;
    let port = site.address().port();
    let onward = format!("https://other.test:{port}/there");
    site.answer("/", Answer::new(302, "").header("location", &onward));
    let ca = ground.file("ca.pem", ground.mill.root_pem());
    for (check, when) in [
        (format!("tls: {{ target: 'app.test:{port}'"), "app.test."),
        (format!("http: {{ url: 'https://app.test:{port}/'"), "other.test."),
    ] {
        ground.file("ca.pem", ground.mill.root_pem());
        let gone = ca.clone();
        let relay =
            Relay::start(ground.names.address(), Duration::ZERO, move |question, answer| {
                if asked(question).1 == when {
                    std::fs::remove_file(&gone).ok();
                }
                vec![answer]
            })
            .await;
        let check = format!("{check}, ca: {{ file: '{}' }} }}", ca.display());
        let judgement = look(&check, &relay.systems(&ground)).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{check}: {}", judgement.because());
        assert!(!ca.exists());
    }
}
