//! What stands between Vigie and a database: evidence where it must be reachable, blindness where
//! something else is asked.

use std::time::Duration;

use bytes::Bytes;
use vigie::checks::postgres::Postgres as Kind;
use vigie::model::judgement::Judgement;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::dns::Behaviour;
use vigie_sim::net::mill::Sort;
use vigie_sim::postgres::{Postgres, Said, message};

use super::super::Provocation;
use super::ground::server;
use crate::net::ground::{Ground, deserted, now};
use crate::support::{look_within, systems};

/// The claim that it is reachable, and one that it is asked about.
const REACHABLE: &str = "postgres: { reachable: {} }";
const ASKED: &str = "postgres: { wraparound: {} }";

macro_rules! either {
    ($($code:literal $run:expr;)*) => {{
        let mut rows = rows! { Kind: $($code Fail ($run)(REACHABLE);)* };
        rows.extend(rows! { Kind: $($code Unknown ($run)(ASKED);)* });
        rows
    }};
}

pub fn provocations() -> Vec<Provocation> {
    let mut rows = either! {
        "NotAccepting" |check| refused(check, "hello", "57P03", "the database system is starting up");
        "TooManyConnections" |check| refused(check, "hello", "53300", "sorry, too many clients");
        "Unauthorized" |check| refused(check, "password", "28P01", "password authentication failed");
        "NotFound" |check| refused(check, "hello", "3D000", "database \"vigie\" does not exist");
        "ServerError" |check| refused(check, "hello", "XX000", "the disk is broken");
        "Refused" nowhere;
        "Reset" |check| broken(check, Fault::Reset);
        "TimedOut" |check| broken(check, Fault::Silent);
        "Unreachable" |check| at(check, "127.255.255.255", 9);
        "NameNotFound" |check| at(check, "absent.test", 5432);
        "TlsFailed" |check| broken(check, Fault::Says(Bytes::from_static(b"N")));
        "Garbled" |check| broken(check, Fault::Says(Bytes::from_static(b"HTTP/1.1 400 \r\n\r\n")));
        "Garbled" |check| plain(check, Fault::Says(Bytes::from_static(HTTP)));
        "Garbled" |check| plain(check, Fault::SaysAndHolds(Bytes::from_static(HTTP)));
        "Garbled" |check| plain(check, Fault::Drips(Bytes::from_static(HTTP)));
        "Garbled" |check| plain(check, Fault::Says(Bytes::from_static(b"\xa7\x01\x93")));
        "Garbled" |check| plain(check, Fault::Says(noise()));
        "Garbled" |check| plain(check, Fault::SaysAndHolds(Bytes::from_static(b"R\x7f\xff\xff\xff")));
        "Garbled" |check| plain(check, Fault::Says(Bytes::from_static(b"R\xff\xff\xff\xff\0\0\0\0")));
        "Garbled" |check| plain(check, Fault::Says(Bytes::from_static(b"R\0\0\0\x05\0")));
        "Garbled" |check| plain(check, Fault::SaysAndHolds(Bytes::from_static(b"E\0\0\0\x08Sxyz")));
        "Reset" |check| plain(check, Fault::HangsUp);
        "Reset" |check| plain(check, Fault::Says(Bytes::from_static(b"R\0\0\0\x08\0")));
        "TooLarge" enormous;
        "CertificateExpired" |check| secure(check, Sort::Good, "app.test", -90, -1);
        "CertificateNotYetValid" |check| secure(check, Sort::Good, "app.test", 1, 90);
        "CertificateInvalid" |check| secure(check, Sort::ForClients, "app.test", -1, 90);
        "NameMismatch" |check| secure(check, Sort::Good, "other.test", -1, 90);
        "SelfSigned" |check| secure(check, Sort::SelfSigned, "app.test", -1, 90);
        "ChainIncomplete" |check| secure(check, Sort::Incomplete, "app.test", -1, 90);
        "UnknownIssuer" strange;
    };
    rows.extend(rows! { Kind:
        "ResolverFailed" Unknown async {
            let ground = Ground::new().await;
            ground.names.set("sick.test", Behaviour::Code(2));
            over(&ground, REACHABLE, "sick.test", 5432, "").await
        };
        "SecretMissing" Unknown async {
            let ground = Ground::new().await;
            let more = ", password: { env: VIGIE_TEST_NOT_SET }";
            over(&ground, REACHABLE, "app.test", 5432, more).await
        };
    });
    rows
}

/// Systems of a ground with a connection of it.
pub fn systems_at(ground: &Ground, host: &str, port: u16, more: &str) -> Systems {
    let connections = format!(
        "net: {{ resolvers: ['{}'], ca: {{ file: '{}' }} }}\npostgres: {{ default: {{ host: '{host}', \
         port: {port}, user: vigie{more} }} }}",
        ground.names.address(),
        ground.folder().join("root.pem").display()
    );
    systems(&connections, Clock::manual(now()))
}

async fn over(ground: &Ground, check: &str, host: &str, port: u16, more: &str) -> Judgement {
    let systems = systems_at(ground, host, port, more);
    look_within(Duration::from_secs(10), check, &systems).await
}

async fn at(check: &str, host: &str, port: u16) -> Judgement {
    over(&Ground::new().await, check, host, port, "").await
}

async fn refused(check: &str, when: &str, code: &str, words: &str) -> Judgement {
    let ground = Ground::new().await;
    let server = server().await;
    server.say(when, Said::error(code, words));
    let password = ground.file("password", "sesame");
    let more = format!(", password: {{ file: '{}' }}", password.display());
    over(&ground, check, "app.test", server.address().port(), &more).await
}

async fn nowhere(check: &str) -> Judgement {
    let address = deserted().await;
    at(check, "app.test", address.port()).await
}

async fn broken(check: &str, fault: Fault) -> Judgement {
    faulty(check, fault, "require").await
}

async fn faulty(check: &str, fault: Fault, sslmode: &str) -> Judgement {
    let server = Broken::start(fault).await.expect("a server");
    let ground = Ground::new().await;
    let more = format!(", sslmode: {sslmode}");
    let systems = systems_at(&ground, "app.test", server.address().port(), &more);
    look_within(Duration::from_secs(3), check, &systems).await
}

/// What a web server says to whatever it does not understand.
const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";

/// Bytes without a meaning, the same each time.
fn noise() -> Bytes {
    let numbers = (0..1024_u32).map(|at| at.wrapping_mul(2_654_435_761));
    numbers.flat_map(u32::to_be_bytes).map(|byte| byte | 0x80).collect()
}

/// A fault that shows itself to whoever does not ask for TLS first.
async fn plain(check: &str, fault: Fault) -> Judgement {
    faulty(check, fault, "disable").await
}

/// A row without end.
async fn enormous(check: &str) -> Judgement {
    let server: Postgres = server().await;
    let mut bytes = message(b'T', &[0, 0]);
    bytes.extend([b'D', 127, 255, 255, 255]);
    bytes.extend(vec![b'x'; 9 << 20]);
    server.say("facts", Said::Bytes(bytes));
    at(check, "127.0.0.1", server.address().port()).await
}

async fn secure(check: &str, sort: Sort, name: &str, from: i64, until: i64) -> Judgement {
    let ground = Ground::new().await;
    let server = server().await;
    server.certify(&ground.leaf_for(sort, &[name], from, until)).expect("a certificate");
    over(&ground, check, "app.test", server.address().port(), ", sslmode: verify-full").await
}

async fn strange(check: &str) -> Judgement {
    let (ground, stranger) = (Ground::new().await, Ground::new().await);
    let server = server().await;
    server.certify(&stranger.leaf(Sort::Good, -1, 90)).expect("a certificate");
    over(&ground, check, "app.test", server.address().port(), ", sslmode: verify-ca").await
}
