//! Whether an answer in XML is whole: the SDK reads half an answer as a whole one, and a grant in
//! the half that is lost would never be seen.

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

use crate::systems::s3::wire::EndsEarly;

/// Refuses answers that do not end with the end of this element.
#[derive(Debug)]
pub(super) struct Ends(pub &'static str);

impl Intercept for Ends {
    fn name(&self) -> &'static str {
        "ends"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let whole = context.response().body().bytes().is_some_and(|xml| is_whole(xml, self.0));
        if context.output_or_error().is_ok() && !whole {
            return Err(Box::new(EndsEarly));
        }
        Ok(())
    }
}

/// Whether `xml` ends with the end of `root`, or is nothing but an empty one.
fn is_whole(xml: &[u8], root: &str) -> bool {
    let Ok(xml) = str::from_utf8(xml) else { return false };
    let xml = xml.trim_ascii_end();
    let Some((before, last)) = xml.rsplit_once('<') else { return false };
    match last.strip_prefix('/') {
        Some(end) => end.strip_prefix(root) == Some(">"),
        // `<Root/>`, with a namespace or without.
        None => {
            let alone = !before.contains('<') || before.trim_ascii_end().ends_with("?>");
            alone && last.starts_with(root) && last.ends_with("/>")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_root_ends() {
        let root = "VersioningConfiguration";
        for whole in [
            "<VersioningConfiguration/>",
            "<?xml version=\"1.0\"?>\n<VersioningConfiguration xmlns=\"a\"/>\n",
            "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>\n",
        ] {
            assert!(is_whole(whole.as_bytes(), root), "{whole}");
        }
        for half in [
            "",
            "Welcome",
            "<VersioningConfiguration><Status>Enabled</Status>",
            "<VersioningConfiguration><Status/>",
            "<VersioningConfiguration",
            "<html></html>",
        ] {
            assert!(!is_whole(half.as_bytes(), root), "{half}");
        }
        assert!(!is_whole(b"\xff<VersioningConfiguration/>", root));
    }
}
