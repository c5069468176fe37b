//! What is noted of a value: lengths and findings of a search, never a part of it.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::address::{self, Address, Flaw};
use super::wanted::{Encoding, Placeholders, Wanted};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The facts of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    /// Its length in bytes.
    pub(super) bytes: usize,
    /// Whether there is nothing in it but white space.
    pub(super) blank: bool,
    /// Whether it ends in a line break.
    pub(super) line_break: bool,
    /// Which placeholder stands in it, by its place in the list.
    pub(super) placeholder: Option<usize>,
    /// The length of what it decodes to, where it is to be decoded.
    pub(super) decoded: Option<Result<usize, Undecodable>>,
    /// What it is as a URL, where it is to be one.
    pub(super) address: Option<Result<Address, Flaw>>,
}

/// A value is not encoded as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecodable;

impl Measured {
    pub(super) fn of(value: &[u8], wanted: &Wanted, placeholders: &Placeholders) -> Self {
        let mut placeholder = placeholders.within(value);
        let mut decoded = None;
        if let Some(encoding) = wanted.decoded {
            let bytes = decode(value.trim_ascii_end(), encoding);
            if let Some(bytes) = &bytes {
                placeholder = placeholder.or_else(|| placeholders.within(bytes));
            }
            decoded = Some(bytes.map(|bytes| bytes.len()).ok_or(Undecodable));
        }
        let address = match &wanted.url {
            Some(url) => Some(address::url(value, &url.schemes)),
            None => wanted.sentry_dsn.then(|| address::sentry_dsn(value)),
        };
        Self {
            bytes: value.len(),
            blank: value.trim_ascii().is_empty(),
            line_break: value.ends_with(b"\n") || value.ends_with(b"\r"),
            placeholder,
            decoded,
            address,
        }
    }

    /// The length that is wanted to be of some size: of what it decodes to, where it is decoded.
    pub(super) fn length(&self) -> usize {
        self.decoded.and_then(Result::ok).unwrap_or(self.bytes)
    }
}

/// What a value decodes to, in a buffer of its final size that is wiped.
fn decode(value: &[u8], encoding: Encoding) -> Option<Zeroizing<Vec<u8>>> {
    let engine = match encoding {
        Encoding::Base64 => BASE64,
        Encoding::Base64Url => BASE64_URL,
        Encoding::Hex => return hex(value),
    };
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(value.len())]);
    let length = engine.decode_slice(value, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

fn hex(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Zeroizing::new(Vec::with_capacity(value.len() / 2));
    let pairs = value.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    for pair in pairs {
        bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(value: &[u8], encoding: Encoding) -> Option<usize> {
        let wanted = Wanted { decoded: Some(encoding), ..Wanted::default() };
        Measured::of(value, &wanted, &Placeholders::default()).decoded.unwrap().ok()
    }

    #[test]
    fn lengths_are_those_of_what_it_decodes_to() {
        use Encoding::{Base64, Base64Url, Hex};
        let random = b"q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=";
        for (value, encoding, length) in [
            (&random[..], Base64, Some(32)),
            (&random[..43], Base64, Some(32)),
            (b"q83vASNFZ4k=\n", Base64, Some(8)),
            (b"-_-_", Base64Url, Some(3)),
            (b"-_-_", Base64, None),
            (b"+/+/", Base64Url, None),
            (b"00ffAB", Hex, Some(3)),
            (b"00ffA", Hex, None),
            (b"0g", Hex, None),
            (b"not base64!", Base64, None),
        ] {
            let shown = String::from_utf8_lossy(value);
            assert_eq!(decoded(value, encoding), length, "{shown} as {}", encoding.label());
        }
    }

    #[test]
    fn placeholders_are_found_in_any_case_and_in_what_is_encoded() {
        let placeholders = Placeholders::default();
        let base64 = Wanted { decoded: Some(Encoding::Base64), ..Wanted::default() };
        for (value, wanted, found) in [
            (&b"ChangeMe123"[..], &Wanted::default(), true),
            (b"postgres://u:changeme@db/shop", &Wanted::default(), true),
            (b"YOUR_API_KEY", &Wanted::default(), true),
            (b"https://api.Example.com", &Wanted::default(), true),
            (b"<generate-with-openssl-rand>", &Wanted::default(), true),
            (b"Y2hhbmdlbWU=", &base64, true),
            (b"Y2hhbmdlbWU=", &Wanted::default(), false),
            (b"\xff\xfechangem", &Wanted::default(), false),
            (b"", &Wanted::default(), false),
        ] {
            let seen = Measured::of(value, wanted, &placeholders).placeholder;
            assert_eq!(seen.is_some(), found, "{}", String::from_utf8_lossy(value));
        }
    }
}
