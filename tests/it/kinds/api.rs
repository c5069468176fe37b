//! What every kind that asks a JSON API must make of a peer that is silent, broken or forbidding.

use std::time::Duration;

use bytes::Bytes;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::dns::{Behaviour, Names};
use vigie_sim::net::site::{Answer, Site};

/// Long enough for whoever answers.
pub const PATIENT: Duration = Duration::from_secs(10);
/// Long enough to see that nobody does.
pub const SOON: Duration = Duration::from_secs(1);

/// A name that no resolver has to be asked for: a label has at most 63 bytes.
pub const NO_NAME: &str =
    "http://this-label-is-longer-than-any-label-in-the-domain-name-system-may-be.test:9";
/// An address that this host has no way to.
pub const NO_WAY: &str = "http://[fe80::1]:9";
/// A credential that can't be read.
pub const UNREADABLE: &str = "basic: { username: u, password: { env: VIGIE_TEST_NOT_SET } }";

/// A site that answers so to everything.
pub async fn answering(status: u16, body: impl Into<Bytes>) -> (String, Site) {
    let site = Site::plain().await.expect("a site");
    site.answer("*", Answer::new(status, body));
    (format!("http://{}", site.address()), site)
}

/// A server that is broken.
pub async fn broken(scheme: &str, fault: Fault) -> (String, Broken) {
    let server = Broken::start(fault).await.expect("a server");
    (format!("{scheme}://{}", server.address()), server)
}

/// A resolver that fails: its section of the configuration, and what keeps it running.
pub async fn sick_resolver() -> (String, Names) {
    let names = Names::start().await.expect("a DNS server");
    names.set("sick.test", Behaviour::Code(2));
    (format!("net: {{ resolvers: ['{}'] }}, ", names.address()), names)
}

/// A failure in the form of Elasticsearch, which others read as any.
pub fn failure(status: u16) -> String {
    format!("{{\"error\":\"for a test\",\"status\":{status}}}")
}

/// The rows of a kind. `$at` looks at a URL: `(url, keys of the connection, other connections,
/// time allowed)`. `$verdict` is `Fail` for a subject.
macro_rules! silences {
    ($kind:ty, $verdict:ident, $at:path) => {
        rows! { $kind:
            "TimedOut" $verdict async {
                let (url, _peer) = api::broken("http", Fault::Silent).await;
                $at(&url, "", "", api::SOON).await
            };
            "Refused" $verdict async {
                $at(&format!("http://{}", deserted().await), "", "", api::PATIENT).await
            };
            "Reset" $verdict async {
                let (url, _peer) = api::broken("http", Fault::Reset).await;
                $at(&url, "", "", api::PATIENT).await
            };
            "TlsFailed" $verdict async {
                let says = Fault::Says(bytes::Bytes::from_static(b"HTTP/1.1 400 \r\n\r\n"));
                let (url, _peer) = api::broken("https", says).await;
                $at(&url, "", "", api::PATIENT).await
            };
            "NameNotFound" $verdict $at(api::NO_NAME, "", "", api::PATIENT);
            "Unreachable" Unknown $at(api::NO_WAY, "", "", api::PATIENT);
            "ResolverFailed" Unknown async {
                let (net, _names) = api::sick_resolver().await;
                $at("http://sick.test:9", "", &net, api::PATIENT).await
            };
            "Unauthorized" $verdict refusing(401);
            "Forbidden" $verdict refusing(403);
            "NotFound" $verdict refusing(404);
            "Throttled" $verdict refusing(429);
            "ServerError" $verdict refusing(503);
            "Garbled" $verdict async {
                let (url, _site) = api::answering(200, "<html>log in</html>").await;
                $at(&url, "", "", api::PATIENT).await
            };
            "TooLarge" Unknown async {
                let (url, _site) = api::answering(200, " ".repeat(17 << 20)).await;
                $at(&url, "", "", api::PATIENT).await
            };
            "SecretMissing" Unknown $at("http://127.0.0.1:9", api::UNREADABLE, "", api::PATIENT);
        }
    };
}

pub(super) use silences;
