//! Counts in sentences: `1 pod is there`, `2 pods are there`.

use std::fmt::Display;

/// `1 pod`, `2 pods`; of nouns that take an `s`.
pub fn counted<Count: Copy + Display + PartialEq + From<u8>>(count: Count, noun: &str) -> String {
    let ending = either(&count, "", "s");
    format!("{count} {noun}{ending}")
}

/// The word that goes with one, or that for any other count: `is`, `are`.
pub fn either<'w, Count: PartialEq + From<u8>>(
    count: &Count,
    one: &'w str,
    many: &'w str,
) -> &'w str {
    if *count == Count::from(1) { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_none_is_not() {
        for (count, told) in [(0_u64, "0 pods are"), (1, "1 pod is"), (2, "2 pods are")] {
            assert_eq!(format!("{} {}", counted(count, "pod"), either(&count, "is", "are")), told);
        }
        assert_eq!(counted(1.0, "job"), "1 job");
        assert_eq!(counted(-1_i64, "day"), "-1 days");
    }
}
