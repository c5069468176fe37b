//! One page of a listing, asked for and checked.
//!
//! Stores are not believed: a page must lie where it was asked for, in order, and beyond the one
//! before it. Pages go on from the last name, so that a store without a continuation token, or with
//! one that leads nowhere, is either read or found out.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use futures::FutureExt;
use jiff::Timestamp;

use super::trouble::{self, Trouble};
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::tally::Tally;

/// The name of the operation in counts.
const OPERATION: &str = "ListObjectsV2";
/// What counts are by: operation and status code.
pub(super) type Requests = Tally<[String; 2]>;

/// A bucket at a store, within reach.
pub(super) struct Bucket<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// The bucket's name.
    pub name: &'a str,
    /// What is asked of whom, for sentences.
    pub doing: String,
    /// Where requests are counted.
    pub requests: &'a Requests,
}

/// A question for a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask<'a> {
    /// What all names begin with.
    pub prefix: &'a str,
    /// Whether names are only wanted up to the next slash.
    pub folders: bool,
    /// Names after this one are wanted.
    pub after: Option<String>,
    /// The page before this one said how to go on.
    pub token: Option<String>,
    /// The most names; none for as many as the store gives.
    pub most: Option<i32>,
}

/// A page: names in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// Objects, in the order of their keys.
    pub objects: Vec<Object>,
    /// Beginnings of keys up to a slash, in order, the slash included.
    pub folders: Vec<String>,
    /// How to go on, where there is more.
    pub more: Option<More>,
}

/// There is more.
#[derive(Clone, Debug)]
pub(super) struct More {
    /// After this name.
    pub after: String,
    /// Or by this token.
    pub token: Option<String>,
}

/// An object, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// Its whole key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written, by the store's clock.
    pub modified: Timestamp,
    /// What changes with its content, where the store tells.
    pub etag: Option<String>,
}

impl Bucket<'_> {
    /// One page.
    ///
    /// # Errors
    /// There is no such bucket, or nobody can tell.
    pub(super) async fn page(&self, ask: &Ask<'_>) -> Result<Page, Trouble> {
        let Ask { prefix, folders, after, token, most } = ask;
        let mut counted = Counted::of(self.requests, OPERATION);
        let answer = self
            .client
            .list_objects_v2()
            .bucket(self.name)
            .set_prefix((!prefix.is_empty()).then(|| (*prefix).to_owned()))
            .set_delimiter(folders.then(|| "/".to_owned()))
            .set_start_after(after.clone())
            .set_continuation_token(token.clone())
            .set_max_keys(*most)
            .encoding_type(EncodingType::Url)
            .send();
        // The SDK's futures are large, and too deep for the compiler to see through at every use.
        match answer.boxed().await {
            Ok(answer) => {
                "200".clone_into(&mut counted.code);
                read(ask, &answer).map_err(|why| {
                    Obstacle::new(Reason::GARBLED, format!("{}: {why}", self.doing)).into()
                })
            }
            Err(error) => {
                counted.code = trouble::code(&error);
                Err(trouble::trouble(&self.doing, &error))
            }
        }
    }
}

/// What an answer says, once it is checked.
fn read(ask: &Ask<'_>, answer: &ListObjectsV2Output) -> Result<Page, String> {
    let encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let text = |text: Option<&str>| {
        let text = text.ok_or("a page has names without text")?;
        if encoded { decoded(text) } else { Ok(text.to_owned()) }
    };
    let mut page = Page::default();
    for object in answer.contents() {
        page.objects.push(Object {
            key: text(object.key())?,
            size: object.size().and_then(|size| size.try_into().ok()).ok_or("no size")?,
            modified: object
                .last_modified()
                .and_then(|at| Timestamp::new(at.secs(), 0).ok())
                .ok_or("a page has an object without its date")?,
            etag: object.e_tag().map(str::to_owned),
        });
    }
    for folder in answer.common_prefixes() {
        page.folders.push(text(folder.prefix())?);
    }
    checked(ask, &page)?;
    if answer.is_truncated().ok_or("a page does not say whether there is more")? {
        let after = page.end().ok_or("a page says that there is more, and has nothing")?;
        let token = answer.next_continuation_token().map(str::to_owned);
        page.more = Some(More { after, token });
    }
    Ok(page)
}

impl Page {
    /// After which name a listing goes on: for a folder, after all that is in it.
    fn end(&self) -> Option<String> {
        let key = self.objects.last().map(|object| object.key.as_str());
        match self.folders.last() {
            Some(folder) if key.is_none_or(|key| key < folder.as_str()) => {
                Some(format!("{}0", folder.trim_end_matches('/')))
            }
            _ => key.map(str::to_owned),
        }
    }
}

/// Whether all names of a page lie where they should.
fn checked(ask: &Ask<'_>, page: &Page) -> Result<(), String> {
    let keys: Vec<&str> = page.objects.iter().map(|object| object.key.as_str()).collect();
    let folders: Vec<&str> = page.folders.iter().map(String::as_str).collect();
    for names in [keys, folders] {
        if !names.is_sorted_by(|a, b| a < b) {
            return Err("the store lists names out of order".to_owned());
        }
        if names.iter().any(|name| !name.starts_with(ask.prefix)) {
            return Err("the store lists names that were not asked for".to_owned());
        }
        if names.iter().any(|name| ask.after.as_deref().is_some_and(|after| *name <= after)) {
            return Err("the store repeats names instead of going on".to_owned());
        }
    }
    Ok(())
}

/// Undoes the encoding as in URLs, without which keys with control characters would not be XML.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => bytes.push(u8::try_from(high * 16 + low).unwrap_or(0)),
                _ => return Err("a page has names that are encoded wrongly".to_owned()),
            },
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| "a page has names that are not UTF-8".to_owned())
}

/// Counts a request once its end is known.
pub(super) struct Counted<'a> {
    requests: &'a Requests,
    operation: &'static str,
    /// The status code; `timeout` as long as there is no answer.
    pub code: String,
}

impl<'a> Counted<'a> {
    /// Dropped while it waits, a request is counted as given up.
    pub(super) fn of(requests: &'a Requests, operation: &'static str) -> Self {
        Self { requests, operation, code: "timeout".to_owned() }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.requests.count([self.operation.to_owned(), std::mem::take(&mut self.code)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys: &[&str], folders: &[&str]) -> Page {
        let object = |key: &&str| Object {
            key: (*key).to_owned(),
            size: 1,
            modified: Timestamp::UNIX_EPOCH,
            etag: None,
        };
        Page {
            objects: keys.iter().map(object).collect(),
            folders: folders.iter().map(|folder| (*folder).to_owned()).collect(),
            more: None,
        }
    }

    #[test]
    fn a_page_must_lie_where_it_was_asked_for() {
        let ask = Ask { prefix: "a/", after: Some("a/b".to_owned()), ..Ask::default() };
        assert_eq!(checked(&ask, &page(&["a/c"], &["a/d/"])), Ok(()));
        for (keys, folders, why) in [
            (["a/c", "a/c"].as_slice(), [].as_slice(), "out of order"),
            (&["a/d", "a/c"], &[], "out of order"),
            (&["b"], &[], "not asked for"),
            (&["a/b"], &[], "repeats"),
            (&["a/c"], &["a/a/"], "repeats"),
        ] {
            assert!(checked(&ask, &page(keys, folders)).unwrap_err().contains(why), "{why}");
        }
    }

    #[test]
    fn a_page_that_does_not_say_whether_there_is_more_is_no_answer() {
        let page = ListObjectsV2Output::builder().set_contents(Some(Vec::new()));
        assert!(read(&Ask::default(), &page.clone().is_truncated(false).build()).is_ok());
        assert!(read(&Ask::default(), &page.clone().build()).is_err());
        assert!(read(&Ask::default(), &page.is_truncated(true).build()).is_err());
    }

    #[test]
    fn a_listing_goes_on_after_a_whole_folder_and_inside_of_a_marker() {
        assert_eq!(page(&["a/c"], &["a/d/"]).end().unwrap(), "a/d0");
        assert_eq!(page(&["a/c/"], &[]).end().unwrap(), "a/c/");
        assert_eq!(page(&[], &[]).end(), None);
    }

    #[test]
    fn names_are_decoded_as_stores_encode_them() {
        assert_eq!(decoded("a%2Fb+c%2B%0A%C3%A9").unwrap(), "a/b c+\né");
        for bad in ["%", "%4", "%zz", "%C3"] {
            assert!(decoded(bad).is_err(), "{bad}");
        }
    }
}
