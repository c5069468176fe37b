//! What a word that nobody knows was probably meant to be.

/// The most words that are told.
const MOST: usize = 3;

/// The words among `known` that are like this one, what is most like it first; at most three.
pub fn alike<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Vec<&'k str> {
    let furthest = |candidate: &str| candidate.len().max(word.len()) / 3;
    let mut alike: Vec<_> = known
        // What differs as much by its length alone is not compared: strangers' words may be long.
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= furthest(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= furthest(candidate))
        .collect();
    alike.sort_unstable();
    alike.truncate(MOST);
    alike.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Asks for what was meant, where anything known is like it.
pub fn meant<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    let named: Vec<_> = alike(word, known).iter().map(|name| format!("`{name}`")).collect();
    let (last, others) = named.split_last()?;
    let before = others.join(", ");
    let or = if others.is_empty() { "" } else { " or " };
    Some(format!("did you mean {before}{or}{last}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 7] =
        ["load-test", "load-tests", "lead-test", "road-test", "pods-running", "tls", "dns"];

    #[test]
    fn what_is_most_like_it_comes_first_and_no_more_than_three() {
        let asked = |word| meant(word, KNOWN.into_iter());
        let three = "did you mean `load-test`, `lead-test` or `load-tests`?";
        assert_eq!(asked("load-tst").as_deref(), Some(three));
        assert_eq!(asked("pod-running").as_deref(), Some("did you mean `pods-running`?"));
        assert_eq!(asked("tsl").as_deref(), Some("did you mean `tls`?"));
    }

    #[test]
    fn a_stranger_is_like_nothing() {
        for stranger in ["", "nope", "backups-are-there", &"pods-running".repeat(1_000)] {
            assert_eq!(meant(stranger, KNOWN.into_iter()), None, "{stranger}");
        }
    }
}
