//! What the system's resolver says of a name that it gives no address for.
//!
//! Its code is lost on the way to us; its words, which are those of the C library, remain.

use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// The words for a name that does not exist or has no address, of glibc, musl and macOS.
const NO_ADDRESS: [&str; 6] = [
    "Name or service not known",
    "No address associated with hostname",
    "Address family for hostname not supported",
    "Name does not resolve",
    "Name has no usable address",
    "nodename nor servname provided, or not known",
];

/// The obstacle behind an error of the system's resolver: there is no such name, or else the
/// resolver failed, on our side. `doing` begins the sentence.
pub(super) fn unresolved(doing: &str, said: &str) -> Obstacle {
    let because = format!("{doing}: {}", legible(said, 200));
    if NO_ADDRESS.iter().any(|words| said.contains(words)) {
        Obstacle::new(Reason::NAME_NOT_FOUND, because)
    } else {
        Obstacle::ours(Reason::RESOLVER_FAILED, because)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_that_fails_is_no_name_that_does_not_exist() {
        for (said, reason, ours) in [
            ("Name or service not known", Reason::NAME_NOT_FOUND, false),
            ("No address associated with hostname", Reason::NAME_NOT_FOUND, false),
            ("Name does not resolve", Reason::NAME_NOT_FOUND, false),
            ("Temporary failure in name resolution", Reason::RESOLVER_FAILED, true),
            ("Try again", Reason::RESOLVER_FAILED, true),
            ("Non-recoverable failure in name resolution", Reason::RESOLVER_FAILED, true),
            ("System error", Reason::RESOLVER_FAILED, true),
        ] {
            let said = format!("failed to lookup address information: {said}");
            let obstacle = unresolved("looking", &said);
            assert_eq!((obstacle.reason, obstacle.ours), (reason, ours), "{said}");
        }
    }
}
