//! One key of a Secret, by name, with one GET.
//!
//! kube's own decoding is passed by: it logs whole bodies that do not decode. The body goes into a
//! bounded buffer that is wiped, the wanted key alone is decoded, and no error repeats what was
//! read.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use kube::client::Body;
use secrecy::SecretString;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize, Zeroizing};

use super::refusal::Refusal;

/// The longest answer that is read, in bytes: a Secret of 1 MiB in base64, and its metadata.
pub(super) const LONGEST_SECRET: usize = 3 << 20;

/// Reads a body to its end into a buffer that is wiped when dropped.
pub(super) async fn read_wiped(mut body: Body) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut held = Zeroizing::new(Vec::with_capacity(16 * 1024));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::transport("reading a Secret", &error))?;
        let Ok(data) = frame.into_data() else { continue };
        if held.len() + data.len() > LONGEST_SECRET {
            let because = format!("the answer is longer than {LONGEST_SECRET} bytes");
            return Err(Refusal::new(because));
        }
        if held.len() + data.len() > held.capacity() {
            // Growing in place would leave a copy behind.
            let room = (held.capacity() * 2).max(held.len() + data.len());
            let mut wider = Zeroizing::new(Vec::with_capacity(room));
            wider.extend_from_slice(&held);
            held = wider;
        }
        held.extend_from_slice(&data);
        if let Ok(mut data) = data.try_into_mut() {
            data.zeroize();
        }
    }
    Ok(held)
}

/// The value of `key` in the Secret that `body` is.
///
/// # Errors
/// A sentence that repeats nothing of the body.
pub(super) fn value_of(key: &str, body: &[u8]) -> Result<SecretString, Missing> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let found = Object { key }.deserialize(&mut reader).map_err(|_| Missing::NoSecret)?;
    let encoded = found.ok_or(Missing::NoKey)?;
    let room = base64::decoded_len_estimate(encoded.len());
    let mut decoded = Zeroizing::new(vec![0; room]);
    let length =
        STANDARD.decode_slice(encoded.as_bytes(), &mut decoded).map_err(|_| Missing::NoSecret)?;
    let text = std::str::from_utf8(&decoded[..length]).map_err(|_| Missing::NoText)?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(Missing::Empty);
    }
    // Of exactly the length that it keeps, so that nothing is copied on the way.
    Ok(SecretString::from(Box::<str>::from(text)))
}

/// Why a Secret has no such value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The answer is not a Secret.
    NoSecret,
    /// The Secret has no such key.
    NoKey,
    /// The value is not text.
    NoText,
    /// The value is empty.
    Empty,
}

impl Missing {
    pub(super) const fn because(self) -> &'static str {
        match self {
            Self::NoSecret => "the API server's answer is not a Secret",
            Self::NoKey => "the Secret has no such key",
            Self::NoText => "the value is not text",
            Self::Empty => "is empty",
        }
    }
}

/// Finds one key in `data` of an object, and leaves everything else unread.
struct Object<'k> {
    key: &'k str,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Option<Zeroizing<String>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(Members { wanted: "data", then: Some(self.key) })
    }
}

/// The members of an object, of which one is wanted: the data, and then the key in it.
struct Members<'k> {
    wanted: &'k str,
    then: Option<&'k str>,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Option<Zeroizing<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = members.next_key::<String>()? {
            if name != self.wanted {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            found = match self.then {
                Some(key) => members.next_value_seed(Data { key })?,
                None => Some(members.next_value::<Text>()?.0),
            };
        }
        Ok(found)
    }
}

/// The value of `data`.
struct Data<'k> {
    key: &'k str,
}

impl<'de> DeserializeSeed<'de> for Data<'_> {
    type Value = Option<Zeroizing<String>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(Members { wanted: self.key, then: None })
    }
}

/// A string that is wiped.
struct Text(Zeroizing<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wiped;
        impl Visitor<'_> for Wiped {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text, E> {
                if text.len() > LONGEST_SECRET {
                    return Err(E::custom("too long"));
                }
                Ok(Text(Zeroizing::new(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Wiped).map_err(|_| D::Error::custom("not a string"))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_wanted_key_alone_is_decoded() {
        let body = br#"{"kind":"Secret","data":{"a":7,"token":"aHVudGVyMgo=","z":"!"}}"#;
        assert_eq!(value_of("token", body).unwrap().expose_secret(), "hunter2");
        assert_eq!(value_of("b", body).unwrap_err(), Missing::NoKey);
        assert_eq!(value_of("a", body).unwrap_err(), Missing::NoSecret);
        assert_eq!(value_of("z", body).unwrap_err(), Missing::NoSecret);
    }

    #[test]
    fn what_is_no_secret_says_so() {
        for (body, missing) in [
            (&br#"{"data":null}"#[..], Missing::NoKey),
            (b"{}", Missing::NoKey),
            (b"[]", Missing::NoSecret),
            (b"{\"data\":{\"token\":\"aHVud", Missing::NoSecret),
            (br#"{"data":{"token":"/w=="}}"#, Missing::NoText),
            (br#"{"data":{"token":"Cg=="}}"#, Missing::Empty),
        ] {
            assert_eq!(value_of("token", body).unwrap_err(), missing);
        }
    }
}
