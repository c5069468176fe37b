//! What records a name must have: types of the configuration, and their judging. Pure.

use std::collections::BTreeSet;
use std::fmt;

use hickory_resolver::proto::rr::RecordType;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::systems::net::dial::Family;

/// The most records that a sentence lists.
const MOST_TOLD: usize = 6;

/// A type of record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Record {
    /// `A` and `AAAA` together.
    #[default]
    Address,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// The name that this one is an alias of.
    Cname,
    /// Mail servers, written `10 mail.example.org`.
    Mx,
    /// Name servers.
    Ns,
    /// Text, the parts of a record joined.
    Txt,
    /// Services, written `0 5 5060 sip.example.org`.
    Srv,
    /// Who may issue certificates, written `0 issue letsencrypt.org`.
    Caa,
    /// The name of an address.
    Ptr,
}

/// What records must be. Addresses are compared in their usual form, names in lower case and without
/// their last dot; `TXT` and `CAA` to the letter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// All of these are among them; others may be.
    All(BTreeSet<String>),
    /// At least one of these is among them.
    Any(BTreeSet<String>),
    /// These, and no others.
    Exactly(BTreeSet<String>),
}

impl Record {
    /// A value as it is compared: the case and the last dot of a name mean nothing, those of a text
    /// may mean everything.
    pub(super) fn comparable(self, value: &str) -> String {
        match self {
            Self::Address | Self::A | Self::Aaaa => value
                .parse::<std::net::IpAddr>()
                .map_or_else(|_| value.to_owned(), |address| address.to_string()),
            Self::Cname | Self::Mx | Self::Ns | Self::Srv | Self::Ptr => {
                value.strip_suffix('.').unwrap_or(value).to_lowercase()
            }
            Self::Txt | Self::Caa => value.to_owned(),
        }
    }

    /// Whether it is of addresses.
    pub(super) fn is_address(self) -> bool {
        matches!(self, Self::Address | Self::A | Self::Aaaa)
    }

    /// Which addresses it may hold.
    pub(super) fn family(self) -> Family {
        match self {
            Self::A => Family::Ipv4,
            Self::Aaaa => Family::Ipv6,
            Self::Address
            | Self::Cname
            | Self::Mx
            | Self::Ns
            | Self::Txt
            | Self::Srv
            | Self::Caa
            | Self::Ptr => Family::Any,
        }
    }

    /// The types to ask for.
    pub fn types(self) -> (RecordType, Option<RecordType>) {
        match self {
            Self::Address => (RecordType::A, Some(RecordType::AAAA)),
            Self::A => (RecordType::A, None),
            Self::Aaaa => (RecordType::AAAA, None),
            Self::Cname => (RecordType::CNAME, None),
            Self::Mx => (RecordType::MX, None),
            Self::Ns => (RecordType::NS, None),
            Self::Txt => (RecordType::TXT, None),
            Self::Srv => (RecordType::SRV, None),
            Self::Caa => (RecordType::CAA, None),
            Self::Ptr => (RecordType::PTR, None),
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("address"),
            Self::A
            | Self::Aaaa
            | Self::Cname
            | Self::Mx
            | Self::Ns
            | Self::Txt
            | Self::Srv
            | Self::Caa
            | Self::Ptr => write!(f, "{}", self.types().0),
        }
    }
}

impl Expected {
    /// The values that are named.
    pub fn values(&self) -> &BTreeSet<String> {
        match self {
            Self::All(values) | Self::Any(values) | Self::Exactly(values) => values,
        }
    }

    /// Whether `records`, of type `kind`, are as they must be.
    pub fn holds(&self, records: &[String], kind: Record) -> bool {
        let seen: BTreeSet<String> = records.iter().map(|one| kind.comparable(one)).collect();
        let wanted: BTreeSet<String> =
            self.values().iter().map(|value| kind.comparable(value)).collect();
        match self {
            Self::All(_) => wanted.is_subset(&seen),
            Self::Any(_) => !wanted.is_disjoint(&seen),
            Self::Exactly(_) => wanted == seen,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.values().iter().cloned().collect();
        let how = match self {
            Self::All(_) => "all of",
            Self::Any(_) => "one of",
            Self::Exactly(_) => "exactly",
        };
        write!(f, "{how} {}", told(&values))
    }
}

/// Records as a sentence lists them.
pub fn told(records: &[String]) -> String {
    let shown: Vec<String> =
        records.iter().take(MOST_TOLD).map(|record| format!("`{record}`")).collect();
    match records.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
