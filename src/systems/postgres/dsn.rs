//! Connection strings as applications hold them: URLs and `key=value` words.
//!
//! What libpq and Prisma put into them is read; what is about their own pools and clients is left
//! alone. Errors never repeat a part of the text: it holds a password.

use secrecy::SecretString;

use super::connection::{ChannelBinding, SslMode};

/// What a connection string says.
#[derive(Clone, Debug, Default)]
pub struct Dsn {
    /// The host; none where it names none.
    pub host: Option<String>,
    /// The port, 5432 where it names none.
    pub port: Option<u16>,
    /// The user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
    /// The database.
    pub database: Option<String>,
    /// How TLS is used.
    pub sslmode: Option<SslMode>,
    /// A file with certificates to trust, or `system`.
    pub sslrootcert: Option<String>,
    /// Whether the password is bound to the TLS connection.
    pub channel_binding: Option<ChannelBinding>,
    /// Prisma's `schema`: where names without a schema are looked for.
    pub schema: Option<String>,
}

impl Dsn {
    /// Reads a URL (`postgresql://…`) or words (`host=… user=…`).
    ///
    /// # Errors
    /// What is wrong, in words that end a sentence and repeat nothing of the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let url = ["postgres://", "postgresql://"].iter().find_map(|s| text.strip_prefix(s));
        let dsn = match url {
            Some(rest) => Self::of_url(rest)?,
            None if text.contains("://") => return Err("a URL of another kind"),
            None => Self::of_words(text)?,
        };
        match dsn.host.as_deref() {
            Some(host) if host.contains(',') => Err("several hosts, of which one is to be chosen"),
            Some(host) if host.starts_with(['/', '@']) => Err("a socket in the file system"),
            Some(_) | None => Ok(dsn),
        }
    }

    fn of_url(rest: &str) -> Result<Self, &'static str> {
        // A password that is not written as URLs want it would lead to a host that is a part of it.
        let before = rest.split(['#', '?']).next().unwrap_or_default();
        if !before.contains('@') && rest.contains('@') {
            return Err("a `#` or `?` before the `@`, which a password has as `%23` or `%3F`");
        }
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut dsn = Self::default();
        if let Some(user) = user {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            dsn.set("user", decoded(name)?)?;
            dsn.set("password", decoded(password)?)?;
        }
        let (host, port) = split_port(authority)?;
        dsn.set("host", decoded(host)?)?;
        dsn.set("port", port.to_owned())?;
        dsn.set("dbname", decoded(path)?)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            dsn.set(&decoded(key)?, decoded(value)?)?;
        }
        Ok(dsn)
    }

    /// `key=value` words; a value in single quotes may hold spaces, and `\` escapes.
    fn of_words(text: &str) -> Result<Self, &'static str> {
        let mut dsn = Self::default();
        let mut rest = text.chars().peekable();
        loop {
            while rest.next_if(|c| c.is_whitespace()).is_some() {}
            if rest.peek().is_none() {
                return Ok(dsn);
            }
            let mut key = String::new();
            while let Some(c) = rest.next_if(|c| *c != '=') {
                key.push(c);
            }
            if rest.next().is_none() {
                return Err("neither a URL nor `key=value` words");
            }
            while rest.next_if(|c| c.is_whitespace()).is_some() {}
            let quoted = rest.next_if_eq(&'\'').is_some();
            let mut value = String::new();
            loop {
                match rest.next() {
                    Some('\\') => value.extend(rest.next()),
                    Some('\'') if quoted => break,
                    Some(c) if c.is_whitespace() && !quoted => break,
                    Some(c) => value.push(c),
                    None if quoted => return Err("a quote that does not end"),
                    None => break,
                }
            }
            dsn.set(key.trim(), value)?;
        }
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), &'static str> {
        if value.is_empty() {
            return Ok(());
        }
        match key {
            // `hostaddr` is where to dial, `host` what the certificate must name.
            "host" => self.host = Some(value),
            "port" => self.port = Some(port(&value)?),
            "user" => self.user = Some(value),
            "password" => self.password = Some(value.into()),
            "dbname" => self.database = Some(value),
            "sslmode" => self.sslmode = Some(SslMode::named(&value).ok_or("an unknown sslmode")?),
            "sslrootcert" => self.sslrootcert = Some(value),
            "channel_binding" => {
                let known = ChannelBinding::named(&value);
                self.channel_binding = Some(known.ok_or("an unknown channel_binding")?);
            }
            "schema" => self.schema = Some(value),
            // Prisma's word for verifying; without it, Prisma believes any certificate.
            "sslaccept" if value == "strict" && self.sslmode.is_none_or(SslMode::may_encrypt) => {
                self.sslmode = Some(SslMode::VerifyFull);
            }
            _ => {}
        }
        Ok(())
    }
}

fn split_port(authority: &str) -> Result<(&str, &str), &'static str> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("an address without its closing bracket")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, port)),
            None if rest.is_empty() => Ok((host, "")),
            None => Err("something between the host and its port"),
        };
    }
    Ok(authority.rsplit_once(':').unwrap_or((authority, "")))
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|port| *port != 0).ok_or("a port that is none")
}

/// `%41` and its like, decoded.
fn decoded(text: &str) -> Result<String, &'static str> {
    const BAD: &str = "a `%` that two hexadecimal digits do not follow";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let digits = after.get(..2).filter(|two| two.iter().all(u8::is_ascii_hexdigit));
            let digits = digits.and_then(|two| std::str::from_utf8(two).ok()).ok_or(BAD)?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| BAD)?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).map_err(|_| "bytes that are not UTF-8")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn password(dsn: &Dsn) -> Option<&str> {
        dsn.password.as_ref().map(ExposeSecret::expose_secret)
    }

    #[test]
    fn an_applications_own_url_is_read_whatever_its_client_adds() {
        let url = "postgresql://app:p%40ss%2Fw@db.shop:6432/td?schema=default%24default\
                   &connection_limit=5&pgbouncer=true&sslmode=require&sslaccept=accept_invalid_certs";
        let dsn = Dsn::parse(url).unwrap();
        assert_eq!((dsn.host.as_deref(), dsn.port), (Some("db.shop"), Some(6432)));
        assert_eq!((dsn.user.as_deref(), password(&dsn)), (Some("app"), Some("p@ss/w")));
        assert_eq!(dsn.database.as_deref(), Some("td"));
        assert_eq!(dsn.schema.as_deref(), Some("default$default"));
        assert_eq!(dsn.sslmode, Some(SslMode::Require));
    }

    #[test]
    fn words_are_read_as_libpq_reads_them() {
        let dsn = Dsn::parse(r"host=db port = 5433 user=app password='it\'s a \\ secret'").unwrap();
        assert_eq!((dsn.host.as_deref(), dsn.port), (Some("db"), Some(5433)));
        assert_eq!(password(&dsn), Some(r"it's a \ secret"));
        assert_eq!(Dsn::parse("host=::1").unwrap().host.as_deref(), Some("::1"));
    }

    #[test]
    fn strict_in_prismas_words_verifies_in_whichever_place_it_stands() {
        let mode = |query: &str| Dsn::parse(&format!("postgres://u@h/d?{query}")).unwrap().sslmode;
        assert_eq!(mode("sslaccept=strict"), Some(SslMode::VerifyFull));
        assert_eq!(mode("sslmode=require&sslaccept=strict"), Some(SslMode::VerifyFull));
        assert_eq!(mode("sslmode=disable&sslaccept=strict"), Some(SslMode::Disable));
        assert_eq!(mode("sslaccept=accept_invalid_certs"), None);
    }

    #[test]
    fn what_cannot_be_used_is_told_without_a_word_of_it() {
        for (bad, told) in [
            ("mysql://u:hunter2@h/d", "another kind"),
            ("postgres://u:hunter2@h:x/d", "a port"),
            ("postgres://u:hunter2@h:0/d", "a port"),
            ("postgres://u:hunter2%zz@h/d", "hexadecimal"),
            ("postgres://u:hunter2@a,b/d", "several hosts"),
            ("postgres://u:hunter2@%2Frun%2Fpg/d", "a socket"),
            ("postgres://u:hunter2@[::1/d", "bracket"),
            ("postgres://u:5#hunter2@h/d", "%23"),
            ("postgres://u:5?hunter2@h/d", "%3F"),
            ("postgres://u:hunter2@h/d?sslmode=maybe", "sslmode"),
            ("hunter2", "neither a URL"),
            ("password='hunter2", "a quote"),
        ] {
            let error = Dsn::parse(bad).unwrap_err();
            assert!(error.contains(told) && !error.contains("hunter2"), "{bad}: {error}");
        }
        let dsn = Dsn::parse("postgres://u:hunter2@h/d").unwrap();
        assert!(!format!("{dsn:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn nothing_that_is_read_breaks_the_reading(text in "\\PC*") {
            Dsn::parse(&text).ok();
            Dsn::parse(&format!("postgres://{text}")).ok();
        }
    }
}
