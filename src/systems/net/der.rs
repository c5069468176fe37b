//! DER, as far as it is read here: elements of definite length, one inside another. Pure, and any
//! bytes may have come.

/// The tag of a SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// The tag of an INTEGER.
pub const INTEGER: u8 = 0x02;
/// The tag of a BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// The tag of an OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// The tag of an OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// The tag of an ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// The tag of a `GeneralizedTime`.
pub const GENERALIZED_TIME: u8 = 0x18;

/// Elements that follow each other.
#[derive(Clone, Debug)]
pub struct Elements<'a>(&'a [u8]);

/// An element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its tag, which has one byte here.
    pub tag: u8,
    /// What it holds.
    pub content: &'a [u8],
    /// All of it, tag and length included.
    pub whole: &'a [u8],
}

impl<'a> Elements<'a> {
    /// Those in `bytes`.
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next one's content, if it has this tag; the place is kept where it has not.
    pub fn tagged(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.tagged_whole(tag).map(|element| element.content)
    }

    /// The same, with its tag and length.
    pub fn tagged_whole(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = self.clone();
        let element = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        // Tags of several bytes are none of what is read here.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let bytes = usize::from(first & 0x7f);
            if bytes == 0 || bytes > 4 {
                return None;
            }
            let (length, rest) = rest.split_at_checked(bytes)?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Element { tag, content, whole })
    }
}

/// What somebody signed, as certificates and OCSP answers are: the signed part, the algorithm, the
/// signature.
#[derive(Clone, Debug)]
pub struct Signed<'a> {
    /// The signed part, tag and length included.
    pub part: &'a [u8],
    /// The content of the signature's `AlgorithmIdentifier`.
    pub algorithm: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// What follows the signature.
    pub rest: Elements<'a>,
}

impl<'a> Signed<'a> {
    /// Reads `bytes`; none where they are not so.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut inside = Elements::of(Elements::of(bytes).tagged(SEQUENCE)?);
        let part = inside.tagged_whole(SEQUENCE)?.whole;
        let algorithm = inside.tagged(SEQUENCE)?;
        let signature = bits(inside.tagged(BIT_STRING)?)?;
        Some(Self { part, algorithm, signature, rest: inside })
    }
}

/// The bytes of a BIT STRING, of which none is left over.
pub fn bits(content: &[u8]) -> Option<&[u8]> {
    content.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bytes)| bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let length: usize = Elements::of(&bytes).map(|element| element.whole.len()).sum();
            prop_assert!(length <= bytes.len());
            prop_assert!(Signed::read(&bytes).is_none_or(|one| one.part.len() < bytes.len()));
        }
    }

    #[test]
    fn elements_are_as_long_as_they_say_and_never_longer() {
        let bytes = [0x02, 1, 7, 0x04, 0x81, 2, 8, 9];
        let elements: Vec<_> = Elements::of(&bytes).map(|one| (one.tag, one.content)).collect();
        assert_eq!(elements, [(INTEGER, &[7][..]), (OCTET_STRING, &[8, 9])]);
        for bad in
            [&[0x02, 2, 7][..], &[0x02, 0x80, 7, 0, 0], &[0x1f, 0x20, 0], &[0x02], &[2, 0x81]]
        {
            assert_eq!(Elements::of(bad).next(), None, "{bad:?}");
        }
    }
}
