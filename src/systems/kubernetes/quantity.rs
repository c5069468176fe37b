//! Quantities as Kubernetes writes them: `100m`, `1.5Gi`, `2e3`; exact to a billionth.
//!
//! They are read as the API server reads them: what is finer than a billionth is rounded away from
//! zero, what is larger than 2⁶³ - 1 is that. Nothing else is guessed: nonsense is refused.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, de};

use crate::model::judgement::legible;

/// An amount of something, in base units: cores, bytes, pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    billionths: i128,
}

const BILLION: i128 = 1_000_000_000;
/// The largest amount that Kubernetes knows, in billionths.
const MOST: i128 = i64::MAX as i128 * BILLION;
/// The longest text that is read, in bytes.
const LONGEST: usize = 64;
/// The most digits after the point that are read before a binary suffix.
const FINEST_BINARY: usize = 18;

/// What a suffix multiplies by.
#[derive(Clone, Copy)]
enum Scale {
    /// By ten to the power of this.
    Ten(i32),
    /// By two to the power of this.
    Two(u32),
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { billionths: 0 };
    /// One of something.
    pub const ONE: Self = Self { billionths: BILLION };

    /// Reads `4`, `500m`, `16Gi`, `2e3`.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read = if text.len() > LONGEST { None } else { read(text) };
        read.ok_or_else(|| {
            let text = legible(text, 40);
            format!("`{text}` is not a quantity; write `4`, `500m`, `16Gi`")
        })
    }

    /// For measures: in base units.
    pub fn as_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a measure needs no more digits")]
        let billionths = self.billionths as f64;
        billionths / 1e9
    }

    /// So many times as much.
    #[must_use]
    pub fn times(self, count: i64) -> Self {
        Self { billionths: self.billionths.saturating_mul(count.into()) }
    }

    /// Whether it is less than nothing.
    pub const fn is_negative(self) -> bool {
        self.billionths < 0
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { billionths: self.billionths.saturating_add(other.billionths) }
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Quantity {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { billionths: self.billionths.saturating_sub(other.billionths) }
    }
}

/// In base units, with as many digits as it has: `0.25`, `16`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative() { "-" } else { "" };
        let (whole, rest) = (self.billionths / BILLION, self.billionths % BILLION);
        write!(f, "{sign}{}", whole.unsigned_abs())?;
        if rest != 0 {
            let digits = format!("{:09}", rest.unsigned_abs());
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

fn read(text: &str) -> Option<Quantity> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let billionths = match scale(suffix)? {
        Scale::Ten(power) => decimal(whole, fraction, power)?,
        Scale::Two(power) => binary(whole, fraction, power)?,
    };
    let billionths = billionths.min(MOST);
    Some(Quantity { billionths: if negative { -billionths } else { billionths } })
}

fn scale(suffix: &str) -> Option<Scale> {
    Some(match suffix {
        "" => Scale::Ten(0),
        "n" => Scale::Ten(-9),
        "u" => Scale::Ten(-6),
        "m" => Scale::Ten(-3),
        "k" => Scale::Ten(3),
        "M" => Scale::Ten(6),
        "G" => Scale::Ten(9),
        "T" => Scale::Ten(12),
        "P" => Scale::Ten(15),
        "E" => Scale::Ten(18),
        "Ki" => Scale::Two(10),
        "Mi" => Scale::Two(20),
        "Gi" => Scale::Two(30),
        "Ti" => Scale::Two(40),
        "Pi" => Scale::Two(50),
        "Ei" => Scale::Two(60),
        exponent => Scale::Ten(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

/// The digits with the point moved, in billionths; rounded away from zero.
fn decimal(whole: &str, fraction: &str, power: i32) -> Option<i128> {
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    // So many of the digits, or more with zeros, stand before the point of the billionths.
    let leading = i64::try_from(all.len() - digits.len()).ok()?;
    let before = i64::try_from(whole.len()).ok()? + i64::from(power) + 9 - leading;
    if before <= 0 {
        return Some(1);
    }
    let before = usize::try_from(before).ok()?;
    if before > 28 {
        return Some(MOST);
    }
    let (kept, finer) = digits.split_at(before.min(digits.len()));
    let zeros = u32::try_from(before - kept.len()).ok()?;
    let billionths = kept.parse::<i128>().ok()? * 10_i128.pow(zeros);
    Some(billionths + i128::from(finer.contains(|c| c != '0')))
}

/// The same with a binary suffix.
fn binary(whole: &str, fraction: &str, power: u32) -> Option<i128> {
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > FINEST_BINARY {
        return None;
    }
    if whole.len() > 19 {
        return Some(MOST);
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let whole = whole << power;
    if whole > i128::from(i64::MAX) {
        return Some(MOST);
    }
    let fraction: i128 = format!("{fraction:0<FINEST_BINARY$}").parse().ok()?;
    // Ten to the power of 18 of them are one: in billionths, rounded up.
    let fraction = ((fraction << power) + BILLION - 1) / BILLION;
    Some(whole * BILLION + fraction)
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity, such as `4`, `500m` or `16Gi`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
        Quantity::parse(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Quantity, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Quantity, E> {
        self.visit_str(&number.to_string())
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "description": "A quantity as Kubernetes writes it.",
            "examples": ["500m", 4, "16Gi"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        Quantity::parse(text).unwrap_or_else(|e| panic!("{e}")).to_string()
    }

    #[test]
    fn every_suffix_means_what_it_means_to_kubernetes() {
        for (text, said) in [
            ("0", "0"),
            ("4", "4"),
            ("+4", "4"),
            ("-4", "-4"),
            ("-0.5", "-0.5"),
            ("1.", "1"),
            (".5", "0.5"),
            ("00.50", "0.5"),
            ("1n", "0.000000001"),
            ("1u", "0.000001"),
            ("100m", "0.1"),
            ("1500m", "1.5"),
            ("2k", "2000"),
            ("1M", "1000000"),
            ("1G", "1000000000"),
            ("1T", "1000000000000"),
            ("1P", "1000000000000000"),
            ("1E", "1000000000000000000"),
            ("1Ki", "1024"),
            ("1.5Ki", "1536"),
            ("65536000Ki", "67108864000"),
            ("1Mi", "1048576"),
            ("1.5Gi", "1610612736"),
            ("1Ti", "1099511627776"),
            ("1Pi", "1125899906842624"),
            ("1Ei", "1152921504606846976"),
            ("0.001Ki", "1.024"),
            ("1e3", "1000"),
            ("1E3", "1000"),
            ("1.5e+3", "1500"),
            ("5e-1", "0.5"),
            ("123456789.123456789", "123456789.123456789"),
        ] {
            assert_eq!(shown(text), said, "{text}");
        }
    }

    #[test]
    fn what_is_too_fine_or_too_large_is_rounded_away_from_zero_or_capped() {
        let most = i64::MAX.to_string();
        for (text, said) in [
            ("0.1n", "0.000000001"),
            ("-0.1n", "-0.000000001"),
            ("1.0000000001", "1.000000001"),
            ("1e-400", "0.000000001"),
            ("0.0000000001Ki", "0.000000103"),
            ("9223372036854775807", &most),
            ("9223372036854775808", &most),
            ("8Ei", &most),
            ("10E", &most),
            ("1e400", &most),
            ("0e400", "0"),
            ("99999999999999999999999999999999Ki", &most),
        ] {
            assert_eq!(shown(text), said, "{text}");
        }
        assert_eq!(shown("-10E"), format!("-{most}"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            " ",
            ".",
            "-",
            "+-1",
            "1.2.3",
            "m",
            "1 ",
            " 1",
            "1K",
            "1mi",
            "1KiB",
            "1e",
            "1e1.5",
            "1eKi",
            "0x10",
            "NaN",
            "Inf",
            "ten",
            "1,5",
            "١",
            "1Ki1",
            "1e99999999999",
            "1.0000000000000000001Ki",
            &"1".repeat(65),
        ] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_of_yaml_are_read_too() {
        for (text, said) in [("4", "4"), ("0.5", "0.5"), ("1e3", "1000"), ("16Gi", "17179869184")] {
            let read: Quantity = serde_saphyr::from_str(text).unwrap();
            assert_eq!(read.to_string(), said);
        }
        assert!(serde_saphyr::from_str::<Quantity>("[4]").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_shown_is_read_again_as_the_same(billionths in -MOST..=MOST) {
            let one = Quantity { billionths };
            prop_assert_eq!(Quantity::parse(&one.to_string()), Ok(one));
        }

        #[test]
        fn suffixes_are_exact(number in 0_u32..=u32::MAX, milli in 0_u32..1000) {
            let whole = |text: String| Quantity::parse(&text).unwrap().billionths;
            let number = i128::from(number);
            prop_assert_eq!(whole(format!("{number}Ki")), number * 1024 * BILLION);
            prop_assert_eq!(whole(format!("{number}m")), number * BILLION / 1000);
            prop_assert_eq!(whole(format!("{number}e3")), whole(format!("{number}k")));
            let both = number * 1000 + i128::from(milli);
            prop_assert_eq!(whole(format!("{number}.{milli:03}")), both * BILLION / 1000);
            prop_assert_eq!(whole(format!("{number}.{milli:03}Gi")), (both << 30) * BILLION / 1000);
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,70}", plain in "[-+0-9.eEinumkKMGTP]{0,12}") {
            for read in [&text, &plain].into_iter().filter_map(|text| Quantity::parse(text).ok()) {
                prop_assert!(read.billionths.abs() <= MOST);
            }
        }
    }
}
