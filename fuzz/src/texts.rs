//! Short texts: matchers, connection strings, quantities.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use vigie::systems::alertmanager::Matcher;
use vigie::systems::kubernetes::quantity::Quantity;
use vigie::systems::postgres::dsn::Dsn;

/// A matcher as Alertmanager has them.
pub fn alert_matcher(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(matcher) = Matcher::parse(text) else { return false };
    let written = matcher.to_string();
    let again = Matcher::parse(&written);
    assert!(again.is_ok(), "{written} was written, and is not read");
    let Ok(again) = again else { return false };
    assert_eq!(again.to_string(), written);
    for value in ["", "critical", "warning", "a\\b\"c", "\n"] {
        for name in ["severity", "a"] {
            let labels = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert_eq!(again.holds(&labels), matcher.holds(&labels), "{written} of {value:?}");
        }
    }
    true
}

/// A connection string of PostgreSQL.
pub fn postgres_dsn(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let dsn = match Dsn::parse(text) {
        Ok(dsn) => dsn,
        Err(why) => {
            assert!(!why.is_empty());
            return false;
        }
    };
    assert!(!dsn.host.as_deref().is_some_and(|host| host.contains(',') || host.starts_with('/')));
    let password = dsn.password.as_ref().map(|password| password.expose_secret().to_owned());
    let told = format!("{:?}", Dsn { password: dsn.password.clone(), ..Dsn::default() });
    if let Some(password) = password.as_deref().filter(|password| password.len() > 12) {
        assert!(!told.contains(password), "a password is shown");
    }
    let port = dsn.port.map(|port| port.to_string());
    let words = [
        ("host", dsn.host.as_deref()),
        ("port", port.as_deref()),
        ("user", dsn.user.as_deref()),
        ("password", password.as_deref()),
        ("dbname", dsn.database.as_deref()),
    ];
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let words = words.iter().filter_map(|(key, value)| Some((key, (*value)?)));
    let words: Vec<_> = words.map(|(key, value)| format!("{key}='{}'", quoted(value))).collect();
    let written = words.join(" ");
    if written.contains("://") {
        // Whatever has this in it, is meant for a URL.
        return true;
    }
    let again = Dsn::parse(&written);
    let again = again.as_ref().map(|again| {
        let password = again.password.as_ref().map(|password| password.expose_secret().to_owned());
        (again.host.clone(), again.port, again.user.clone(), password, again.database.clone())
    });
    let told = (dsn.host.clone(), dsn.port, dsn.user.clone(), password, dsn.database.clone());
    assert_eq!(again, Ok(told), "written as words, it says another thing");
    true
}

/// A quantity of Kubernetes.
pub fn quantity(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(quantity) = Quantity::parse(text) else { return false };
    let figure = quantity.as_f64();
    assert!(figure.is_finite(), "{text} is {figure}");
    assert_eq!(quantity.is_negative(), figure < 0.0, "{text}");
    assert_eq!(Quantity::parse(text).map(Quantity::as_f64), Ok(figure));
    true
}
