//! `connections.redis.<name>`: where Redis is, and who asks.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::model::host_port::HostPort;
use crate::model::secret::SecretSource;

/// How one Redis is reached: by `url`, by the application's own URL (`url_from`), through
/// `sentinel`, or as a `cluster`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Connection {
    /// Where it is.
    pub place: Place,
    /// The ACL user; without it the default user.
    pub username: Option<String>,
    /// Where the password is read from.
    pub password: Option<SecretSource>,
    /// The logical database; without it the URL's, else 0.
    pub db: Option<u16>,
    /// How its certificate is verified, where it speaks TLS.
    pub tls: Option<Tls>,
}

impl Connection {
    /// The secrets that are read with it.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        let Self { place, username: _, password, db: _, tls: _ } = self;
        let of_place = match place {
            Place::Url(_) | Place::Cluster(_) => None,
            Place::UrlFrom(source) => Some(source),
            Place::Sentinel(sentinel) => sentinel.password.as_ref(),
        };
        of_place.into_iter().chain(password).collect()
    }
}

/// Where a Redis is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a fixed address.
    Url(Url),
    /// At an address that a secret holds, credential included.
    UrlFrom(SecretSource),
    /// Where the sentinels say that the master is.
    Sentinel(Sentinel),
    /// On the nodes of a cluster.
    Cluster(Cluster),
}

/// How one Redis is reached: by `url`, by the application's own URL (`url_from`), through
/// `sentinel`, or as a `cluster`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RedisConnection")]
struct Fields {
    /// `redis://host:6379` or, with TLS, `rediss://host:6379`; `/1` after it chooses a database.
    /// A password never stands here.
    url: Option<Url>,
    /// A secret whose value is such a URL, user and password included: the application's own.
    url_from: Option<SecretSource>,
    /// The sentinels that know the master.
    sentinel: Option<Sentinel>,
    /// The nodes of a Redis Cluster.
    cluster: Option<Cluster>,
    /// The ACL user. Default: the default user.
    username: Option<String>,
    /// Where the password is read from, at each connection.
    password: Option<SecretSource>,
    /// The logical database. Default: the URL's, else 0.
    db: Option<u16>,
    /// TLS: needed for a private CA, and what turns TLS on behind Sentinel and in a cluster.
    tls: Option<Tls>,
}

/// The sentinels that know the master.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RedisSentinel")]
pub struct Sentinel {
    /// Their addresses, `host:26379` each; asked in this order.
    pub addresses: Vec<HostPort>,
    /// The master's name among them.
    pub master: String,
    /// The ACL user on the sentinels. Default: the default user.
    pub username: Option<String>,
    /// Where the sentinels' own password is read from. Default: they have none.
    pub password: Option<SecretSource>,
    /// TLS to the sentinels. Default: none.
    pub tls: Option<Tls>,
}

/// The nodes of a Redis Cluster. All others are learned from the first of these that answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RedisCluster")]
pub struct Cluster {
    /// Some of its nodes, `host:6379` each; asked in this order.
    pub addresses: Vec<HostPort>,
}

/// How a certificate is verified; verifying can't be turned off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "RedisTls")]
pub struct Tls {
    /// A PEM file with the certificates of the CAs to trust. Default: those of the system.
    pub ca: Option<PathBuf>,
    /// The name that the certificate must bear. Default: the host that is dialled.
    pub server_name: Option<String>,
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
        let Fields { url, url_from, sentinel, cluster, username, password, db, tls } = fields;
        let place = match (url, url_from, sentinel, cluster) {
            (Some(url), None, None, None) => Place::Url(url),
            (None, Some(from), None, None) => Place::UrlFrom(from),
            (None, None, Some(sentinel), None) => Place::Sentinel(sentinel),
            (None, None, None, Some(cluster)) => Place::Cluster(cluster),
            _ => {
                let wanted = "a Redis needs one of `url`, `url_from`, `sentinel` and `cluster`";
                return Err(wanted.to_owned());
            }
        };
        match &place {
            Place::Url(url) if tls.is_some() && !url.tls => {
                return Err("`tls` goes with `rediss://`, not with `redis://`".to_owned());
            }
            Place::Url(url) if url.db.is_some() && db.is_some() => {
                return Err("the database stands in `url` and in `db`; write it once".to_owned());
            }
            Place::UrlFrom(_) if username.is_some() || password.is_some() => {
                return Err("with `url_from`, the URL itself holds user and password".to_owned());
            }
            Place::Sentinel(sentinel) => sentinel.flaw()?,
            Place::Cluster(cluster) if cluster.addresses.is_empty() => {
                return Err("`cluster` needs at least one address".to_owned());
            }
            Place::Cluster(_) if db.is_some_and(|db| db != 0) => {
                return Err("a Redis Cluster has no database but 0".to_owned());
            }
            Place::Url(_) | Place::UrlFrom(_) | Place::Cluster(_) => {}
        }
        if username.is_some() && password.is_none() {
            return Err("`username` needs a `password`".to_owned());
        }
        Ok(Self { place, username, password, db, tls })
    }
}

impl Sentinel {
    fn flaw(&self) -> Result<(), String> {
        if self.addresses.is_empty() {
            Err("`sentinel` needs at least one address".to_owned())
        } else if self.master.is_empty() {
            Err("`sentinel` needs the master's name".to_owned())
        } else if self.username.is_some() && self.password.is_none() {
            Err("`username` of `sentinel` needs a `password`".to_owned())
        } else {
            Ok(())
        }
    }
}

/// `redis://host:port/db`, without a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Where to dial.
    pub at: HostPort,
    /// Whether it is `rediss`.
    pub tls: bool,
    /// The logical database, if it names one.
    pub db: Option<u16>,
}

/// What stands before the `@` of a URL, percent-decoded.
#[derive(Clone, Default)]
pub(super) struct UserInfo {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
}

impl Url {
    /// Reads a URL that must not hold a credential.
    ///
    /// # Errors
    /// A sentence that says what was expected; it repeats no part of a credential.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains('@') {
            return Err("a Redis URL here holds no user or password: write `username` and \
                        `password` beside it"
                .to_owned());
        }
        Self::parse_with_user(text)
            .map(|(url, _)| url)
            .map_err(|()| format!("`{text}` is not a Redis URL, such as `redis://host:6379`"))
    }

    /// Reads a URL from a secret. The error is mute: the text may hold a password.
    pub(super) fn parse_with_user(text: &str) -> Result<(Self, UserInfo), ()> {
        let (scheme, rest) = text.split_once("://").ok_or(())?;
        let tls = match scheme {
            "redis" => false,
            "rediss" => true,
            _ => return Err(()),
        };
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (UserInfo::parse(user)?, rest),
            None => (UserInfo::default(), rest),
        };
        let rest = rest.split_once('?').map_or(rest, |(before, _)| before);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let db = match path {
            "" => None,
            number => Some(number.parse().map_err(|_| ())?),
        };
        let bare = authority.rfind(':') <= authority.rfind(']');
        let at = if bare { format!("{authority}:6379") } else { authority.to_owned() };
        let at = HostPort::parse(&at).map_err(|_| ())?;
        Ok((Self { at, tls, db }, user))
    }
}

impl UserInfo {
    fn parse(text: &str) -> Result<Self, ()> {
        let (username, password) = text.split_once(':').unwrap_or(("", text));
        let filled = |part: &str| decoded(part).map(|part| Some(part).filter(|p| !p.is_empty()));
        Ok(Self { username: filled(username)?, password: filled(password)? })
    }
}

/// `%41` and its like, decoded.
fn decoded(text: &str) -> Result<String, ()> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok()).ok_or(())?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| ())?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).map_err(|_| ())
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Url {
    fn schema_name() -> Cow<'static, str> {
        "RedisUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^rediss?://[^@]+$",
            "description": "`redis://host:6379/0`, or `rediss://…` with TLS; no user, no password.",
            "examples": ["redis://redis.example.org:6379"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_without_a_credential() {
        let url = Url::parse("rediss://[::1]:7000/3").unwrap();
        assert_eq!((url.at.to_string(), url.tls, url.db), ("[::1]:7000".into(), true, Some(3)));
        assert_eq!(Url::parse("redis://r").unwrap().at.to_string(), "r:6379");
        assert_eq!(Url::parse("redis://[::1]").unwrap().at.to_string(), "[::1]:6379");
        for bad in ["r:6379", "http://r", "redis://", "redis://r:x", "redis://r/one", "redis:///0"]
        {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
        let told = Url::parse("redis://:hunter2@r").unwrap_err();
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn the_applications_own_url_brings_its_credential() {
        let (url, user) = Url::parse_with_user("redis://app:p%40ss@r:1/2?family=4").unwrap();
        assert_eq!((url.at.to_string(), url.db), ("r:1".into(), Some(2)));
        assert_eq!(user.username.as_deref(), Some("app"));
        assert_eq!(user.password.as_deref(), Some("p@ss"));
        let (_, user) = Url::parse_with_user("redis://:secret@r").unwrap();
        assert_eq!((user.username, user.password.as_deref()), (None, Some("secret")));
        assert!(Url::parse_with_user("redis://u:%zz@r").is_err());
    }

    #[test]
    fn a_connection_has_exactly_one_place() {
        let read = |yaml: &str| serde_saphyr::from_str::<Connection>(yaml);
        read("url: redis://r:6379").unwrap();
        read("sentinel: { addresses: ['s:26379'], master: mymaster }\ntls: {}").unwrap();
        read("url_from: { env: REDIS_URL }").unwrap();
        read("cluster: { addresses: ['a:6379', 'b:6379'] }\ntls: {}").unwrap();
        for (bad, told) in [
            ("db: 1", "needs one of"),
            ("url: redis://r\nsentinel: { addresses: ['s:1'], master: m }", "needs one of"),
            ("url: redis://r\ntls: {}", "goes with `rediss://`"),
            ("url: redis://r/1\ndb: 1", "write it once"),
            ("url: redis://r\nusername: u", "needs a `password`"),
            ("sentinel: { addresses: [], master: m }", "at least one address"),
            ("cluster: { addresses: [] }", "at least one address"),
            ("cluster: { addresses: ['a:1'] }\ndb: 1", "no database but 0"),
            ("url: redis://u:p@r", "holds no user or password"),
            ("url: redis://r\ninsecure: true", "unknown field"),
        ] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains(told), "{bad}: {error}");
        }
    }
}
