//! How an open stream came to its end, and what a refusal means to it.

use crate::systems::kubernetes::refusal::Refusal;

/// What a server says whose storage can't tell how far a streamed list is.
const NO_STORAGE: &str = "storage feature";

/// How an open stream came to its end.
pub(super) enum End {
    /// In due order.
    Closed,
    /// The server has forgotten the place where we resumed.
    Expired(Refusal),
    /// The server does not stream lists.
    Unstreamed,
    /// By a panic of ours.
    Crashed,
    /// Any other way.
    Broken(Refusal),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Broken(refusal)
    }
}

/// What a refusal means to a stream; one that was asked for a list first may not know how.
pub(super) fn ended(refusal: Refusal, initial: bool) -> End {
    match refusal.code {
        Some(410) => End::Expired(refusal),
        Some(400 | 422) if initial => End::Unstreamed,
        Some(500) if initial && refusal.because.contains(NO_STORAGE) => End::Unstreamed,
        _ => End::Broken(refusal),
    }
}
