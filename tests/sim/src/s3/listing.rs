//! Pages of names in order, as `ListObjectsV2` gives them.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Object;

/// What is asked for.
pub(super) struct Question<'a> {
    /// What all keys begin with.
    pub prefix: &'a str,
    /// Where keys are cut.
    pub delimiter: Option<&'a str>,
    /// From where on.
    pub from: Bound<String>,
    /// The most names.
    pub most: usize,
}

/// A page of names.
#[derive(Default)]
pub(super) struct Page {
    /// Objects.
    pub objects: Vec<(Box<str>, Object)>,
    /// Beginnings of keys up to a delimiter.
    pub prefixes: Vec<String>,
    /// From where on the next page begins, where there is more.
    pub next: Option<Bound<String>>,
}

/// The page that answers `question`.
pub(super) fn page(objects: &BTreeMap<Box<str>, Object>, question: &Question<'_>) -> Page {
    let Question { prefix, delimiter, from, most } = question;
    let mut page = Page::default();
    let mut from = match from {
        Bound::Included(from) | Bound::Excluded(from) if from.as_str() >= *prefix => {
            question.from.clone()
        }
        Bound::Included(_) | Bound::Excluded(_) | Bound::Unbounded => {
            Bound::Included((*prefix).to_owned())
        }
    };
    loop {
        let after = from.as_ref().map(String::as_str);
        let Some((key, object)) = objects.range::<str, _>((after, Bound::Unbounded)).next() else {
            return page;
        };
        if !key.starts_with(prefix) {
            return page;
        }
        if page.objects.len() + page.prefixes.len() == *most {
            page.next = Some(from);
            return page;
        }
        let cut = delimiter.and_then(|cut| Some(key[prefix.len()..].find(cut)? + cut.len()));
        if let Some(cut) = cut {
            let name = key[..prefix.len() + cut].to_owned();
            from = Bound::Included(beyond(&name));
            page.prefixes.push(name);
        } else {
            from = Bound::Excluded(key.to_string());
            page.objects.push((key.clone(), *object));
        }
    }
}

/// The first text after all that begin with `name`, which ends in an ASCII character.
fn beyond(name: &str) -> String {
    let mut beyond = name.to_owned();
    let last = beyond.pop().unwrap_or_default();
    beyond.push(char::from_u32(u32::from(last) + 1).unwrap_or(char::MAX));
    beyond
}

/// A continuation token for a place.
pub(super) fn token(place: &Bound<String>) -> String {
    match place {
        Bound::Included(key) => format!("from {key}"),
        Bound::Excluded(key) => format!("after {key}"),
        Bound::Unbounded => "from ".to_owned(),
    }
}

/// The place of a continuation token.
pub(super) fn place(token: &str) -> Bound<String> {
    match (token.strip_prefix("after "), token.strip_prefix("from ")) {
        (Some(key), _) => Bound::Excluded(key.to_owned()),
        (None, Some(key)) => Bound::Included(key.to_owned()),
        (None, None) => Bound::Unbounded,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn all(delimiter: Option<&str>, most: usize) -> Vec<String> {
        let object = Object { size: 1, modified: Timestamp::UNIX_EPOCH };
        let keys = ["a/1", "a/2", "a0", "b/c/1", "b/d", "z"];
        let objects = keys.into_iter().map(|key| (key.into(), object)).collect();
        let mut seen = Vec::new();
        let mut from = Bound::Unbounded;
        loop {
            let page = page(&objects, &Question { prefix: "", delimiter, from, most });
            seen.extend(page.objects.into_iter().map(|(key, _)| key.into_string()));
            seen.extend(page.prefixes);
            match page.next {
                Some(next) => from = place(&token(&next)),
                None => return seen,
            }
        }
    }

    #[test]
    fn pages_together_are_the_whole() {
        for most in 1..8 {
            assert_eq!(all(None, most), ["a/1", "a/2", "a0", "b/c/1", "b/d", "z"]);
            let mut folders = all(Some("/"), most);
            folders.sort();
            assert_eq!(folders, ["a/", "a0", "b/", "z"]);
        }
    }
}
