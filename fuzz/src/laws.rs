//! Laws that several parsers share.

use serde_json::Value;

/// Whether foreign words may stand in a sentence: of at most so many characters (and a mark that
/// there were more), none of which is a control character.
pub fn is_legible(text: &str, most: usize) -> bool {
    text.chars().count() <= most + 1 && !text.chars().any(char::is_control)
}

/// The bytes without their last one that is not white space: half of whatever they were.
pub fn cut(bytes: &[u8]) -> &[u8] {
    let text = bytes.trim_ascii_end();
    &text[..text.len().saturating_sub(1)]
}

/// The first byte, which chooses how the rest is read, and the rest.
pub fn chosen(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (*first, rest))
}

/// The document in JSON without what stands at a pointer; none where nothing does.
pub fn without(document: &Value, pointer: &str) -> Option<Vec<u8>> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let mut spoiled = document.clone();
    spoiled.pointer_mut(parent)?.as_object_mut()?.remove(name)?;
    Some(spoiled.to_string().into_bytes())
}

/// Holds a reader of JSON that took `body` to it: written anew it says the same, and neither half
/// of it nor a document that lacks what it needs is taken.
pub fn hold<T: PartialEq + std::fmt::Debug>(
    body: &[u8],
    taken: &T,
    needs: &[&str],
    read: impl Fn(&[u8]) -> Option<T>,
) {
    assert!(read(cut(body)).is_none(), "half of it is taken");
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return };
    // Numbers that JSON can't hold exactly are written otherwise.
    if let Some(again) = read(document.to_string().as_bytes()) {
        assert_eq!(
            format!("{again:?}"),
            format!("{taken:?}"),
            "written anew, it says another thing"
        );
    }
    for pointer in needs {
        if let Some(spoiled) = without(&document, pointer) {
            assert!(read(&spoiled).is_none(), "it is taken without {pointer}");
        }
    }
}
