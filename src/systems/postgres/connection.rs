//! `connections.postgres.<name>`: where a database is, and who asks.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::model::secret::SecretSource;

/// How one database is reached: by the application's own URL (`url_from`), or by its parts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Connection {
    /// Where it is, and who asks.
    pub place: Place,
    /// How TLS is used; without it the URL's, else `prefer`.
    pub sslmode: Option<SslMode>,
    /// The certificates of the CAs to trust.
    pub sslrootcert: Option<SecretSource>,
    /// Whether the password is bound to the TLS connection.
    pub channel_binding: Option<ChannelBinding>,
}

/// Where a database is, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// As a connection string in a secret says.
    UrlFrom(SecretSource),
    /// In parts.
    Parts(Parts),
}

/// Where a database is, and who asks, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database; without it the user's name.
    pub database: Option<String>,
    /// The user.
    pub user: String,
    /// Where the password is read from.
    pub password: Option<SecretSource>,
}

impl Connection {
    /// The secrets that are read with it.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        let Self { place, sslmode: _, sslrootcert, channel_binding: _ } = self;
        let of_place = match place {
            Place::UrlFrom(source) => Some(source),
            Place::Parts(parts) => parts.password.as_ref(),
        };
        of_place.into_iter().chain(sslrootcert).collect()
    }
}

/// How TLS is used, in libpq's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "PostgresSslMode")]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only where the server lets nobody in without.
    Allow,
    /// Where the server offers it. Protects against nobody who stands between.
    #[default]
    Prefer,
    /// Always. Whose certificate it is does not matter, unless `sslrootcert` is given.
    Require,
    /// Always, with a certificate of a trusted CA.
    VerifyCa,
    /// Always, with a certificate of a trusted CA that names the host.
    VerifyFull,
}

impl SslMode {
    /// The mode of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }

    /// Whether TLS may come of it.
    pub const fn may_encrypt(self) -> bool {
        !matches!(self, Self::Disable)
    }

    /// Whether nothing is said without TLS.
    pub const fn must_encrypt(self) -> bool {
        matches!(self, Self::Require | Self::VerifyCa | Self::VerifyFull)
    }

    /// Whether the certificate is verified, whatever else is given.
    pub const fn verifies(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}

/// Whether the password is bound to the TLS connection, so that nobody between can pass it on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PostgresChannelBinding")]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// Where the server offers it.
    #[default]
    Prefer,
    /// Always.
    Require,
}

impl ChannelBinding {
    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            _ => return None,
        })
    }
}

/// How one database is reached: by the application's own URL (`url_from`), or by its parts. At most
/// two connections to it are open at a time: one for the ready-made looks, one for `queries`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PostgresConnection")]
struct Fields {
    /// A secret whose value is a URL, `postgresql://user:password@host:5432/database`, or libpq's
    /// words, `host=… user=…`: the application's own `DATABASE_URL`. What Prisma adds is understood
    /// (`schema`, `sslaccept=strict`) or left alone (`connection_limit`, `pgbouncer` …).
    url_from: Option<SecretSource>,
    /// The host, in place of `url_from`.
    host: Option<String>,
    /// The port. Default: 5432.
    port: Option<u16>,
    /// The database. Default: the user's name.
    database: Option<String>,
    /// The user: best one of its own, with the role `pg_monitor` and no other right. It takes at most
    /// two connections at a time: one for the ready-made looks, one for `queries`.
    user: Option<String>,
    /// Where the password is read from, at each connection. Default: none.
    password: Option<SecretSource>,
    /// How TLS is used, as in libpq. Default: the URL's, else `prefer`.
    sslmode: Option<SslMode>,
    /// PEM certificates of the CAs to trust, in place of the system's. As in libpq, the server's
    /// certificate is then verified in every mode that comes to TLS. Default: the file that the URL
    /// names, if any.
    sslrootcert: Option<SecretSource>,
    /// Whether the password is bound to the TLS connection, as in libpq. Default: the URL's, else
    /// `prefer`.
    channel_binding: Option<ChannelBinding>,
}

impl JsonSchema for Connection {
    fn schema_name() -> Cow<'static, str> {
        Fields::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Fields::json_schema(generator)
    }
}

impl TryFrom<Fields> for Connection {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let Fields {
            url_from,
            host,
            port,
            database,
            user,
            password,
            sslmode,
            sslrootcert,
            channel_binding,
        } = fields;
        let place = match (url_from, host) {
            (Some(from), None) => {
                if port.is_some() || database.is_some() || user.is_some() || password.is_some() {
                    return Err("with `url_from`, the URL itself holds port, database, user and \
                                password"
                        .to_owned());
                }
                Place::UrlFrom(from)
            }
            (None, Some(host)) => {
                let Some(user) = user else {
                    return Err("`host` needs a `user`".to_owned());
                };
                if host.is_empty() || user.is_empty() || port == Some(0) {
                    return Err("no part of an address is empty or 0".to_owned());
                }
                Place::Parts(Parts { host, port: port.unwrap_or(PORT), database, user, password })
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err("a database needs one of `url_from` and `host`".to_owned());
            }
        };
        if sslmode == Some(SslMode::Disable) && sslrootcert.is_some() {
            return Err("`sslrootcert` goes with TLS, not with `sslmode: disable`".to_owned());
        }
        Ok(Self { place, sslmode, sslrootcert, channel_binding })
    }
}

/// The port where none is named.
pub(super) const PORT: u16 = 5432;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_has_exactly_one_place() {
        let read = |yaml: &str| serde_saphyr::from_str::<Connection>(yaml);
        read("url_from: { env: DATABASE_URL }\nsslmode: verify-full").unwrap();
        read("host: db\nuser: app\npassword: { env: P }\nsslrootcert: { file: /ca.pem }").unwrap();
        for (bad, told) in [
            ("sslmode: require", "needs one of"),
            ("url_from: { env: A }\nhost: db", "needs one of"),
            ("url_from: { env: A }\nuser: u", "the URL itself"),
            ("host: db", "needs a `user`"),
            ("host: db\nuser: u\nport: 0", "empty or 0"),
            ("host: db\nuser: u\nsslmode: disable\nsslrootcert: { file: /a }", "goes with TLS"),
            ("host: db\nuser: u\nsslmode: maybe", "unknown variant"),
            ("host: db\nuser: u\nurl: postgres://h", "unknown field"),
        ] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains(told), "{bad}: {error}");
        }
    }

    #[test]
    fn every_secret_is_named() {
        let yaml = "host: d\nuser: u\npassword: { env: P }\nsslrootcert: { file: /c }";
        let connection: Connection = serde_saphyr::from_str(yaml).unwrap();
        let places: Vec<_> = connection.secrets().iter().map(|source| source.place()).collect();
        assert_eq!(places, ["environment variable P", "file /c"]);
    }
}
