//! How a target is reached, as checks' parameters say: one set of them, and one reader.
//!
//! Parameters stand in a check beside its own, and a struct inside a struct would either nest them
//! in the configuration or lose the places of mistakes. So they are added where the check's struct
//! is declared, by [`reached!`], and read through [`Reach`].

use std::sync::Arc;

use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio::time::Instant;

use super::Net;
use super::dial::{Family, Route};
use super::handshake::{ClientCertificate, Identity, Terms};
use super::proxy_header::ProxyProtocol;
use super::trust::Roots;
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::needs::Needs;
use crate::model::secret::SecretSource;
use crate::systems::secrets::Secrets;

/// Declares a check's parameters with those of [`Reach`] among them, and `fn reach` to read these.
macro_rules! reached {
    ($(#[$about:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$about])*
        pub struct $name {
            $($own)*
            /// Connects there instead of to the target's host. What is asked for, and what the
            /// certificate must be for, stays what the target says.
            #[serde(default)]
            connect_to: Option<$crate::model::host_port::HostPort>,
            /// Begins the connection with a PROXY protocol header, as a load balancer would.
            #[serde(default)]
            proxy_protocol: Option<$crate::systems::net::proxy_header::ProxyProtocol>,
            /// Which addresses of the host are used: `any` (the default), `ipv4`, `ipv6`.
            #[serde(default)]
            family: $crate::systems::net::dial::Family,
            /// PEM certificates to trust instead of the system's roots.
            #[serde(default)]
            ca: Option<$crate::model::secret::SecretSource>,
            /// A certificate to show to the server.
            #[serde(default)]
            client_certificate: Option<$crate::systems::net::handshake::ClientCertificate>,
        }

        impl $name {
            /// How the target is reached.
            fn reach(&self) -> $crate::systems::net::reach::Reach<'_> {
                $crate::systems::net::reach::Reach {
                    connect_to: self.connect_to.as_ref(),
                    proxy_protocol: self.proxy_protocol,
                    family: self.family,
                    ca: self.ca.as_ref(),
                    client_certificate: self.client_certificate.as_ref(),
                }
            }
        }
    };
}
pub(crate) use reached;

/// How a target is reached; what each means is said once, in [`reached!`].
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// Where to connect instead of to the target's host.
    pub connect_to: Option<&'a HostPort>,
    /// The header to begin with.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Which addresses are used.
    pub family: Family,
    /// Whom to trust instead of the system's roots.
    pub ca: Option<&'a SecretSource>,
    /// What to show.
    pub client_certificate: Option<&'a ClientCertificate>,
}

impl<'a> Reach<'a> {
    /// What a check needs that reaches `host` so.
    pub fn needs(self, host: &str) -> Needs {
        let host = self.connect_to.map_or(host, HostPort::host);
        let own = self.client_certificate.into_iter();
        let own = own.flat_map(|own| [&own.certificate, &own.key]);
        let secrets = self.ca.into_iter().chain(own).cloned().collect();
        Needs { secrets, ..Needs::host(host) }
    }

    /// The way to `target`.
    pub fn route(self, target: &'a HostPort, until: Instant) -> Route<'a> {
        let Self { connect_to, proxy_protocol, family, ca: _, client_certificate: _ } = self;
        Route { to: connect_to.unwrap_or(target), family, proxy_protocol, until }
    }

    /// How hosts are reached that a redirect leads to, and that the parameters are not about.
    pub fn elsewhere(self) -> Self {
        Self { connect_to: None, proxy_protocol: None, client_certificate: None, ..self }
    }

    /// Reads whom we trust and who we are.
    ///
    /// # Errors
    /// Obstacles of ours.
    pub async fn trust(self, net: &Net, secrets: &Secrets) -> Result<Trust, Obstacle> {
        let identity = match self.client_certificate {
            Some(own) => Some(Arc::new(Identity::read(secrets, own).await?)),
            None => None,
        };
        Ok(Trust { roots: net.roots(secrets, self.ca).await?, identity })
    }
}

/// Whom we trust and who we are: read once a look, whatever the redirects and addresses.
#[derive(Clone, Debug)]
pub struct Trust {
    roots: Arc<Roots>,
    identity: Option<Arc<Identity>>,
}

impl Trust {
    /// The terms of a handshake with `name`.
    pub fn terms(
        &self,
        name: ServerName<'static>,
        protocol: Option<&'static [u8]>,
        now: Timestamp,
    ) -> Terms {
        let Self { roots, identity } = self.clone();
        Terms { name, roots, identity, protocol, now }
    }

    /// The same trust without our certificate: for hosts that it is not meant for.
    pub fn anonymous(self) -> Self {
        Self { identity: None, ..self }
    }
}
