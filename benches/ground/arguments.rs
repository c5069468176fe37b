//! What a bench is told on its command line.

/// The first number; cargo adds words of its own.
pub(crate) fn first() -> Option<u64> {
    std::env::args().skip(1).find_map(|argument| argument.parse().ok())
}
