//! What a token's endpoint says, read from its bytes. Pure.
//!
//! Where it is not plain that the credential was *not* the trouble, it was: whoever is taken for
//! refused is asked again tomorrow, and whoever is not could be locked out tonight.

use std::time::Duration;

use http::StatusCode;
use secrecy::SecretString;
use serde_json::{Map, Value};
use zeroize::Zeroize;

/// The longest token that is taken, in bytes.
const LONGEST_TOKEN: usize = 32 * 1024;
/// Errors (RFC 6749, 5.2) that say that something is not accepted, whatever the status, and what.
const REFUSING: [(&str, Refused); 4] = [
    ("invalid_grant", Refused::Account),
    ("invalid_client", Refused::Client),
    ("unauthorized_client", Refused::Grant),
    ("access_denied", Refused::Grant),
];
/// Errors that say that something else is wrong with what was asked, or with the server.
const BENIGN: [&str; 7] = [
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "unsupported_grant_type",
    "temporarily_unavailable",
    "server_error",
    "slow_down",
];

/// A token, and for how long it is good.
#[derive(Debug)]
pub struct Issued {
    /// The token: visible ASCII, so that it can be sent in a header.
    pub token: SecretString,
    /// How long it lasts, from when it was asked for; none where that is not said.
    pub lasts: Option<Duration>,
}

/// What of a grant is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The client's own credential, whatever it asks for.
    Client,
    /// The credential on whose behalf it asks: the user's, or else the client's own.
    Account,
    /// What is asked for, by these credentials.
    Grant,
}

/// Why there is no token. Nothing in it is the endpoint's own word, but for the codes of OAuth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unissued {
    /// The credential is not accepted: which, and what was said.
    Refused(Refused, String),
    /// It asks to be left alone for a while.
    Throttled,
    /// It is in trouble itself: the status.
    ServerError(u16),
    /// It answers, and what it answers is of no use: what that was.
    Unusable(String),
}

/// Reads an answer.
///
/// # Errors
/// Why there is no token in it.
pub fn read(status: StatusCode, body: &[u8]) -> Result<Issued, Unissued> {
    let mut document = serde_json::from_slice::<Value>(body).ok();
    let fields = document.as_mut().and_then(Value::as_object_mut);
    let error = fields.as_ref().and_then(|fields| fields.get("error")).and_then(Value::as_str);
    let code = status.as_u16();
    if let Some((refusing, what)) = REFUSING.iter().find(|(code, _)| Some(*code) == error) {
        return Err(Unissued::Refused(*what, format!("answers {code}, `{refusing}`")));
    }
    match code {
        429 => return Err(Unissued::Throttled),
        500..=599 => return Err(Unissued::ServerError(code)),
        _ => {}
    }
    if let Some(benign) = BENIGN.iter().find(|code| Some(**code) == error) {
        return Err(Unissued::Unusable(format!("answers {code}, `{benign}`")));
    }
    let speaks = status.is_success() || [400, 401, 403].contains(&code);
    if speaks && error.is_some() {
        let said = format!("answers {code} with an error of its own");
        return Err(Unissued::Refused(Refused::Account, said));
    }
    if [400, 401, 403].contains(&code) {
        return Err(Unissued::Refused(Refused::Account, format!("answers {code}")));
    }
    if !status.is_success() {
        return Err(Unissued::Unusable(format!("answers {code}")));
    }
    match fields {
        Some(fields) => issued(fields),
        None => Err(Unissued::Unusable("answers no JSON object".to_owned())),
    }
}

fn issued(fields: &mut Map<String, Value>) -> Result<Issued, Unissued> {
    let unusable = |what: &str| Err(Unissued::Unusable(what.to_owned()));
    let Some(Value::String(mut token)) = fields.remove("access_token") else {
        return unusable("answers without an `access_token`");
    };
    let sendable = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.is_empty() || token.len() > LONGEST_TOKEN || !sendable {
        token.zeroize();
        return unusable("answers with an `access_token` that can't be sent");
    }
    let token = SecretString::from(token);
    // Required by the standard, and left out by some.
    match fields.get("token_type") {
        None | Some(Value::Null) => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(_) => return unusable("answers with a token that is not a bearer token"),
    }
    let lasts = match fields.get("expires_in") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Some(0.0),
    };
    let lasts = lasts.map(|seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default());
    Ok(Issued { token, lasts })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn told(status: u16, body: &str) -> Result<Issued, Unissued> {
        read(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    fn unissued(status: u16, body: &str) -> &'static str {
        match told(status, body).unwrap_err() {
            Unissued::Refused(Refused::Account, _) => "refused",
            Unissued::Refused(Refused::Client, _) => "client refused",
            Unissued::Refused(Refused::Grant, _) => "grant refused",
            Unissued::Throttled => "throttled",
            Unissued::ServerError(_) => "server",
            Unissued::Unusable(_) => "unusable",
        }
    }

    #[test]
    fn a_token_is_read_with_how_long_it_lasts() {
        for (more, lasts) in [
            ("", None),
            (r#", "expires_in": 300"#, Some(300)),
            (r#", "expires_in": "300""#, Some(300)),
            (r#", "expires_in": null"#, None),
            (r#", "expires_in": -5"#, Some(0)),
            (r#", "expires_in": 1e300"#, Some(0)),
            (r#", "expires_in": []"#, Some(0)),
            (r#", "token_type": "bearer", "refresh_token": "r""#, None),
        ] {
            let issued = told(200, &format!(r#"{{"access_token": "a.b-c"{more}}}"#)).unwrap();
            assert_eq!(issued.token.expose_secret(), "a.b-c");
            assert_eq!(issued.lasts, lasts.map(Duration::from_secs), "{more}");
        }
    }

    #[test]
    fn a_refusal_is_told_from_trouble() {
        for (status, body, what) in [
            (400, r#"{"error":"invalid_grant"}"#, "refused"),
            (401, r#"{"error":"invalid_client"}"#, "client refused"),
            (400, r#"{"error":"unauthorized_client"}"#, "grant refused"),
            (403, r#"{"error":"access_denied"}"#, "grant refused"),
            (403, r#"{"error":"invalid_grant"}"#, "refused"),
            (500, r#"{"error":"invalid_grant"}"#, "refused"),
            (401, "", "refused"),
            (403, "<html>", "refused"),
            (400, "<html>", "refused"),
            (400, r#"{"error":"wrong_password"}"#, "refused"),
            (200, r#"{"error":"incorrect_client_credentials"}"#, "refused"),
            (400, r#"{"error":"invalid_scope"}"#, "unusable"),
            (400, r#"{"error":"unsupported_grant_type"}"#, "unusable"),
            (404, r#"{"error":"no such realm"}"#, "unusable"),
            (302, "", "unusable"),
            (429, "", "throttled"),
            (500, "", "server"),
            (503, r#"{"error":"temporarily_unavailable"}"#, "server"),
        ] {
            assert_eq!(unissued(status, body), what, "{status} {body}");
        }
    }

    #[test]
    fn an_answer_without_a_usable_token_is_of_no_use() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"access_token": ""}"#,
            r#"{"access_token": null}"#,
            r#"{"access_token": ["a"]}"#,
            r#"{"access_token": "a b"}"#,
            r#"{"access_token": "a\r\nx: y"}"#,
            r#"{"access_token": "é"}"#,
            r#"{"access_token": "a", "token_type": "DPoP"}"#,
            r#"{"access_token": "a", "token_type": 1}"#,
            r#"{"access_token": "a""#,
        ] {
            assert_eq!(unissued(200, body), "unusable", "{body}");
        }
        let long = format!(r#"{{"access_token": "{}"}}"#, "a".repeat(LONGEST_TOKEN + 1));
        assert_eq!(unissued(200, &long), "unusable");
        assert_eq!(unissued(200, &"[".repeat(100_000)), "unusable");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_break_it_and_none_are_repeated(
            status in 100_u16..600,
            body in proptest::collection::vec(any::<u8>(), 0..200),
            word in "[a-z]{12}",
        ) {
            drop(read(StatusCode::from_u16(status).unwrap(), &body));
            for field in ["error", "access_token", "token_type"] {
                let body = format!(r#"{{"{field}": "{word}", "error_description": "{word}"}}"#);
                let said = format!("{:?}", told(status, &body));
                prop_assert!(!said.contains(&word), "{said}");
            }
        }
    }
}
