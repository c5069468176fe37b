//! The values in the JSON of a Secret, one after the other.
//!
//! A value is decoded into a buffer that is wiped before the next one is, and nothing of it is
//! copied elsewhere: what stands encoded in the body is borrowed, never unescaped by the parser,
//! whose own buffers can't be wiped. No error repeats what was read.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// The value of a key, for as long as it is looked at.
#[derive(Clone, Copy)]
pub enum SecretValue<'v> {
    /// Its bytes.
    Bytes(&'v [u8]),
    /// What stands there is not base64 in a plain string.
    Garbled,
}

/// What is called with each key and its value.
pub(super) type Looker<'l> = dyn FnMut(&str, SecretValue<'_>) + Send + 'l;

/// The answer is not a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoSecret;

/// Shows each value in `data` of the Secret that `body` is to `look`. What was shown counts only
/// where this returns well: a body that breaks off is no Secret.
pub(super) fn each_value(body: &[u8], look: &mut Looker<'_>) -> Result<(), NoSecret> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let is_secret = reader.deserialize_map(Object { look }).map_err(|_| NoSecret)?;
    reader.end().map_err(|_| NoSecret)?;
    if is_secret { Ok(()) } else { Err(NoSecret) }
}

/// The object: whether it calls itself a Secret.
struct Object<'a, 'l> {
    look: &'a mut Looker<'l>,
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Secret")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut is_secret = false;
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                "kind" => is_secret = members.next_value::<&RawValue>()?.get() == "\"Secret\"",
                "data" => members.next_value_seed(Data { look: &mut *self.look })?,
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(is_secret)
    }
}

/// The value of `data`; null is a Secret without values.
struct Data<'a, 'l> {
    look: &'a mut Looker<'l>,
}

impl<'de> DeserializeSeed<'de> for Data<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        if raw.get() == "null" {
            return Ok(());
        }
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        // The words of this error may repeat a value.
        reader.deserialize_map(self).map_err(|_| D::Error::custom("not the data of a Secret"))
    }
}

impl<'de> Visitor<'de> for Data<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("values by key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<String>()? {
            let encoded = members.next_value::<&RawValue>()?.get();
            match decoded(encoded) {
                Some(value) => (self.look)(&key, SecretValue::Bytes(&value)),
                None => (self.look)(&key, SecretValue::Garbled),
            }
        }
        Ok(())
    }
}

/// The bytes behind a JSON string of base64.
fn decoded(raw: &str) -> Option<Zeroizing<Vec<u8>>> {
    // An escape is no base64; API servers write none.
    let encoded = raw.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(encoded.len())]);
    let length = STANDARD.decode_slice(encoded, &mut bytes).ok()?;
    // Wiped to its whole capacity all the same.
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Keys with their lengths, as far as they can be read.
    fn lengths(body: &[u8]) -> Result<Vec<(String, Option<usize>)>, NoSecret> {
        let mut seen = Vec::new();
        each_value(body, &mut |key, value| {
            let length = match value {
                SecretValue::Bytes(bytes) => Some(bytes.len()),
                SecretValue::Garbled => None,
            };
            seen.push((key.to_owned(), length));
        })?;
        Ok(seen)
    }

    #[test]
    fn each_value_is_shown_and_one_that_is_garbled_hides_no_other() {
        let body = br#"{"data":{"a":7,"b":"aHVudGVyMgo=","c":"!","d":"","e":"aHV\u0075"},
            "metadata":{"annotations":{"last":"{\"data\":{\"x\":\"eA==\"}}"}},"kind":"Secret"}"#;
        let expected = [("a", None), ("b", Some(8)), ("c", None), ("d", Some(0)), ("e", None)];
        assert_eq!(
            lengths(body).unwrap(),
            expected.map(|(key, length)| (key.to_owned(), length)).to_vec()
        );
        for empty in [&br#"{"kind":"Secret"}"#[..], br#"{"kind":"Secret","data":null}"#] {
            assert_eq!(lengths(empty).unwrap(), []);
        }
    }

    #[test]
    fn what_is_no_secret_says_so() {
        for body in [
            &b""[..],
            b"[]",
            b"{}",
            br#"{"kind":"Status","data":{"a":"YQ=="}}"#,
            br#"{"data":{"a":"YQ=="}}"#,
            br#"{"kind":"Secret","data":[]}"#,
            br#"{"kind":"Secret","data":"YQ=="}"#,
            br#"{"kind":"Secret","data":{"a":"YQ=="}"#,
            br#"{"kind":"Secret","data":{"a":"YQ"#,
            br#"{"kind":"Secret"} {}"#,
        ] {
            assert_eq!(lengths(body), Err(NoSecret), "{}", String::from_utf8_lossy(body));
        }
    }

    proptest! {
        /// Cut, changed or made up: no body breaks the reader, and a cut one is no Secret.
        #[test]
        fn no_body_breaks_it(cut in 0usize..70, at in 0usize..70, byte: u8, noise: Vec<u8>) {
            let whole = br#"{"kind":"Secret","data":{"password":"aHVudGVyMgo=","b":"eA=="}}"#;
            let cut = cut.min(whole.len() - 1);
            prop_assert_eq!(lengths(&whole[..cut]), Err(NoSecret));
            let mut changed = whole.to_vec();
            let at = at.min(whole.len() - 1);
            changed[at] = byte;
            drop(lengths(&changed));
            drop(lengths(&noise));
        }
    }
}
