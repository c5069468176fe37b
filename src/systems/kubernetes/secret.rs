//! Secrets by name, with one GET a look: never listed, watched or kept.
//!
//! kube's own decoding is passed by: it logs whole bodies that do not decode. The body goes into a
//! bounded buffer that is wiped, each value is decoded there, and no error repeats what was read.
//! What the HTTP stack buffered on its way can't be wiped.

mod values;

use http_body_util::BodyExt;
use kube::client::Body;
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};
use zeroize::{Zeroize, Zeroizing};

pub use values::SecretValue;

use super::refusal::Refusal;
use super::{Kubernetes, Refused, SECRETS};
use crate::model::finding::Obstacle;
use crate::model::needs::{Needs, Right};
use crate::model::reason::Reason;
use crate::model::secret::{SecretKey, SecretSource};

/// The longest answer that is read, in bytes: a Secret of 1 MiB in base64, and its metadata, which
/// may hold the same once more.
const LONGEST_SECRET: usize = 3 << 20;
/// The first buffer, in bytes.
const FIRST_ROOM: usize = 16 << 10;
/// The longest wait for a Secret that a connection needs.
const SECRET_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

/// The right to read one Secret.
pub fn right(namespace: &str, name: &str) -> Right {
    Right {
        verb: "get",
        group: SECRETS.group,
        resource: SECRETS.plural,
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
    }
}

impl Kubernetes {
    /// Shows every value of a Secret to `look`, with its key, by one GET; `needs` must declare the
    /// [`right`]. A value is there only while `look` runs, and must not be kept by it. What was
    /// shown counts only where this returns well.
    ///
    /// # Errors
    /// Why the Secret can't be read; [`Refused::absent`] where there is none. Nothing of its content
    /// is repeated, nor are the API server's words.
    pub async fn secret_values(
        &self,
        needs: &Needs,
        namespace: &str,
        name: &str,
        until: Instant,
        mut look: impl FnMut(&str, SecretValue<'_>) + Send,
    ) -> Result<(), Refused> {
        if !needs.rights.contains(&right(namespace, name)) {
            let because =
                format!("the check asks for Secret {namespace}/{name}, which it did not declare");
            let obstacle = Obstacle::ours(Reason::UNDECLARED, because);
            return Err(Refused { obstacle, code: None, absent: false });
        }
        let body = self.secret_body(namespace, name, until).await?;
        values::each_value(&body, &mut look).map_err(|values::NoSecret| {
            let because = format!("{}: {NOT_A_SECRET}", reading(namespace, name));
            let obstacle = Obstacle::new(Reason::GARBLED, because);
            Refused { obstacle, code: None, absent: false }
        })
    }

    /// A key of a Secret, by name.
    ///
    /// # Errors
    /// An obstacle on our own side that names the place, never the value.
    pub async fn secret(&self, source: &SecretKey) -> Result<SecretString, Obstacle> {
        let SecretKey { namespace, name, key } = source;
        let until = Instant::now() + SECRET_WITHIN;
        let because = match self.secret_body(namespace, name, until).await {
            Ok(body) => match value_of(key, &body) {
                Ok(value) => return Ok(value),
                Err(missing) => missing.because().to_owned(),
            },
            Err(refusal) => refusal.because,
        };
        let place = SecretSource::Secret(source.clone()).place();
        Err(Obstacle::ours(Reason::SECRET_MISSING, format!("{place}: {because}")))
    }

    async fn secret_body(
        &self,
        namespace: &str,
        name: &str,
        until: Instant,
    ) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let doing = reading(namespace, name);
        let requests =
            self.0.requests.clone().within(until.saturating_duration_since(Instant::now()));
        let read = async {
            let body = requests.object(&SECRETS, namespace, name).await?;
            read_wiped(&doing, body).await
        };
        let late =
            |_| Err(Refusal::new(format!("{doing}: the API server does not answer in time")));
        timeout_at(until, read).await.unwrap_or_else(late).map_err(|refusal| {
            // Whatever stands between may answer with the words of what it was asked for.
            let because = match refusal.code {
                Some(code) => format!("{doing}: the API server answers {code}"),
                None => refusal.because,
            };
            Refusal { because, ..refusal }
        })
    }
}

fn reading(namespace: &str, name: &str) -> String {
    format!("reading Secret {namespace}/{name}")
}

const NOT_A_SECRET: &str = "the API server's answer is not a Secret";

/// Reads a body to its end into a buffer that is wiped when dropped.
async fn read_wiped(doing: &str, mut body: Body) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut held = Zeroizing::new(Vec::with_capacity(FIRST_ROOM));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::transport(doing, &error))?;
        let Ok(data) = frame.into_data() else { continue };
        if held.len() + data.len() > LONGEST_SECRET {
            let because = format!("{doing}: the answer is longer than {LONGEST_SECRET} bytes");
            return Err(Refusal { reason: Reason::TOO_LARGE, ..Refusal::new(because) });
        }
        append(&mut held, &data);
        if let Ok(mut data) = data.try_into_mut() {
            data.zeroize();
        }
    }
    Ok(held)
}

/// Adds to a buffer that is wiped. One that is full is not grown in place, which would leave a copy
/// behind, but replaced by a wider one, and wiped.
fn append(held: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    let wanted = held.len() + data.len();
    if wanted > held.capacity() {
        let mut wider = Zeroizing::new(Vec::with_capacity(wanted.max(held.capacity() * 2)));
        wider.extend_from_slice(held);
        *held = wider;
    }
    held.extend_from_slice(data);
}

/// The value of `key` in the Secret that `body` is, as text without its trailing line end.
fn value_of(key: &str, body: &[u8]) -> Result<SecretString, Missing> {
    let mut found = Err(Missing::NoKey);
    let mut look = |name: &str, value: SecretValue<'_>| {
        if name == key {
            found = text_of(value);
        }
    };
    values::each_value(body, &mut look).map_err(|values::NoSecret| Missing::NoSecret)?;
    found
}

fn text_of(value: SecretValue<'_>) -> Result<SecretString, Missing> {
    let SecretValue::Bytes(bytes) = value else { return Err(Missing::NoSecret) };
    let text = std::str::from_utf8(bytes).map_err(|_| Missing::NoText)?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(Missing::Empty);
    }
    // Of exactly the length that it keeps, so that nothing is copied on the way.
    Ok(SecretString::from(Box::<str>::from(text)))
}

/// Why a Secret has no such value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
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
    const fn because(self) -> &'static str {
        match self {
            Self::NoSecret => NOT_A_SECRET,
            Self::NoKey => "the Secret has no such key",
            Self::NoText => "the value is not text",
            Self::Empty => "is empty",
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_wanted_key_alone_is_kept() {
        let body = br#"{"kind":"Secret","data":{"a":7,"token":"aHVudGVyMgo=","z":"!"}}"#;
        assert_eq!(value_of("token", body).unwrap().expose_secret(), "hunter2");
        assert_eq!(value_of("b", body).unwrap_err(), Missing::NoKey);
        assert_eq!(value_of("a", body).unwrap_err(), Missing::NoSecret);
        assert_eq!(value_of("z", body).unwrap_err(), Missing::NoSecret);
    }

    #[test]
    fn what_is_no_secret_says_so() {
        for (body, missing) in [
            (&br#"{"kind":"Secret","data":null}"#[..], Missing::NoKey),
            (br#"{"kind":"Secret"}"#, Missing::NoKey),
            (b"{}", Missing::NoSecret),
            (b"[]", Missing::NoSecret),
            (b"{\"kind\":\"Secret\",\"data\":{\"token\":\"aHVud", Missing::NoSecret),
            (br#"{"kind":"Secret","data":{"token":"/w=="}}"#, Missing::NoText),
            (br#"{"kind":"Secret","data":{"token":"Cg=="}}"#, Missing::Empty),
        ] {
            assert_eq!(value_of("token", body).unwrap_err(), missing);
        }
    }

    /// `Zeroizing` wipes what it holds, to its whole capacity; what would escape it is a buffer that
    /// the vector itself gives back when it grows.
    #[test]
    fn a_full_buffer_is_replaced_and_never_grown_in_place() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let mut held = Zeroizing::new(Vec::with_capacity(8));
        wiped(&held);
        let mut expected = Vec::new();
        for piece in [&b"1234567"[..], b"8", b"9", b"", b"0123456789012345678901234567890123456789"]
        {
            let (before, place, length) = (held.capacity(), held.as_ptr(), held.len());
            append(&mut held, piece);
            expected.extend_from_slice(piece);
            assert_eq!(*held, expected);
            let grown = length + piece.len() > before;
            assert_eq!(held.as_ptr() != place, grown, "another buffer only where it was full");
        }
        let (capacity, place) = (held.capacity(), held.as_ptr());
        held.zeroize();
        assert_eq!((held.len(), held.capacity(), held.as_ptr()), (0, capacity, place));
    }
}
