//! Who asks an API, and what of it must never be repeated.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::model::secret::SecretSource;

/// The shortest secret that is looked for in answers, in bytes.
const SHORTEST_MASKED: usize = 8;
/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// Whoever has this token.
    Bearer(SecretSource),
    /// Whoever has this key, as Elasticsearch encodes it.
    ApiKey(SecretSource),
    /// A user with a password.
    Basic(Basic),
}

/// A user with a password.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ApiBasic")]
pub(in crate::systems) struct Basic {
    /// The user.
    pub(in crate::systems) username: String,
    /// Where the password is read from, at each use.
    pub(in crate::systems) password: SecretSource,
}

/// What may be written of a credential; at most one of them.
#[derive(Debug, Default)]
pub(in crate::systems) struct Credentials {
    pub(in crate::systems) bearer: Option<SecretSource>,
    pub(in crate::systems) api_key: Option<SecretSource>,
    pub(in crate::systems) basic: Option<Basic>,
}

impl Credentials {
    pub(super) fn one(self) -> Result<Option<Credential>, String> {
        let Self { bearer, api_key, basic } = self;
        if let Some(basic) = &basic
            && basic.username.contains(':')
        {
            return Err("no user name holds a `:`".to_owned());
        }
        let given = [
            bearer.map(Credential::Bearer),
            api_key.map(Credential::ApiKey),
            basic.map(Credential::Basic),
        ];
        let mut given = given.into_iter().flatten();
        let first = given.next();
        if given.next().is_some() {
            return Err("write one credential: `basic` or a token, not both".to_owned());
        }
        Ok(first)
    }
}

/// A credential on its way.
pub(super) struct Signed {
    /// By which a refusal is remembered.
    pub(super) digest: [u8; 32],
    /// What must never be repeated: the secret, and the secret as it is sent.
    pub(super) words: [Zeroizing<String>; 2],
}

impl Signed {
    /// Whether somebody repeats it.
    pub(super) fn is_in(&self, words: &[u8]) -> bool {
        let words = String::from_utf8_lossy(words);
        self.words.iter().any(|word| words.contains(word.as_str()))
    }

    /// An answer without them: whatever repeats a credential must not be repeated in turn. A word so
    /// short that it may be there by chance is left alone.
    pub(super) fn masked(&self, body: Bytes) -> Bytes {
        let long = || self.words.iter().filter(|word| word.len() >= SHORTEST_MASKED);
        let text = String::from_utf8_lossy(&body);
        if !long().any(|word| text.contains(word.as_str())) {
            return body;
        }
        let mut masked = text.into_owned();
        for word in long() {
            masked = masked.replace(word.as_str(), "(the credential)");
        }
        masked.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_repeats_no_credential_that_is_long_enough_to_be_told() {
        let signed = |word: &str| Signed {
            digest: [0; 32],
            words: [word, "dTpwYXNz"].map(|word| Zeroizing::new(word.to_owned())),
        };
        let masked = |word: &str, body: &'static str| {
            signed(word).masked(Bytes::from_static(body.as_bytes()))
        };
        assert_eq!(
            masked("hunter2-hunter2", r#"["hunter2-hunter2!"]"#),
            r#"["(the credential)!"]"#
        );
        assert_eq!(masked("x", r#"{"a":"dTpwYXNz","x":1}"#), r#"{"a":"(the credential)","x":1}"#);
        assert_eq!(
            masked("elastic", r#"{"cluster_name":"elastic"}"#),
            r#"{"cluster_name":"elastic"}"#
        );
    }
}
