//! A client by which tests do themselves what Vigie never would: write objects.

use std::path::Path;

use kube::{Client, Config};

/// A client that repeats nothing on its own. Its connections end with the test that made it.
pub fn client(url: &str, authority: Option<&Path>, token: Option<&str>) -> Client {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let mut config = Config::new(url.parse().expect("a URL"));
    config.root_cert_file = authority.map(Path::to_owned);
    config.auth_info.token = token.map(|token| token.to_owned().into());
    config.default_retry = false;
    Client::try_from(config).expect("a client")
}
