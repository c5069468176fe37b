//! Reading objects whole: small ones, whose size a listing has told.

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use futures::FutureExt;

use super::Store;
use super::page::{Ask, Bucket, Counted};
use super::trouble::{self, Trouble};
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;

/// The name of the operation in counts.
const OPERATION: &str = "GetObject";

/// What an object holds.
pub(super) enum Content {
    /// All of it.
    Whole(Vec<u8>),
    /// It is larger than was to be read.
    TooLarge,
}

impl Store<'_> {
    /// The key of the first object below a prefix; none where there is none.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn first(&self, bucket: &str, prefix: &str) -> Result<Option<String>, Obstacle> {
        let ask = Ask { prefix, most: Some(1), ..Ask::default() };
        let first = async {
            match self.bucket(bucket).page(&ask).await {
                Ok(page) => Ok(page.objects.into_iter().next().map(|object| object.key)),
                Err(Trouble::NoBucket | Trouble::NoObject) => Ok(None),
                Err(Trouble::Obstacle(obstacle)) => Err(obstacle),
            }
        };
        self.within(bucket).of(first.boxed()).await
    }
}

impl Bucket<'_> {
    /// An object's content, up to so many bytes.
    ///
    /// # Errors
    /// There is no such object, or nobody can tell.
    pub(super) async fn content(&self, key: &str, most: u64) -> Result<Content, Trouble> {
        let mut counted = Counted::of(self.requests, OPERATION);
        let asked = self.client.get_object().bucket(self.name).key(key).send();
        match asked.boxed().await {
            Ok(answer) => {
                "200".clone_into(&mut counted.code);
                self.body(answer, key, most).await
            }
            Err(error) => {
                counted.code = trouble::code(&error);
                Err(trouble::trouble(&self.reading(key), &error))
            }
        }
    }

    async fn body(
        &self,
        answer: GetObjectOutput,
        key: &str,
        most: u64,
    ) -> Result<Content, Trouble> {
        let told = answer.content_length().and_then(|length| u64::try_from(length).ok());
        let mut body = answer.body;
        let mut whole = Vec::new();
        loop {
            match body.try_next().await {
                Ok(Some(part)) if (whole.len() + part.len()) as u64 > most => {
                    return Ok(Content::TooLarge);
                }
                Ok(Some(part)) => whole.extend_from_slice(&part),
                Ok(None) if told.is_some_and(|told| told != whole.len() as u64) => {
                    let because = format!("{}: the answer ends in the middle", self.reading(key));
                    return Err(Obstacle::new(Reason::RESET, because).into());
                }
                Ok(None) => return Ok(Content::Whole(whole)),
                Err(_) => {
                    let because = format!("{}: the connection broke", self.reading(key));
                    return Err(Obstacle::new(Reason::RESET, because).into());
                }
            }
        }
    }

    fn reading(&self, key: &str) -> String {
        let key = crate::model::judgement::legible(key, 200);
        format!("{}, reading `{key}`", self.doing)
    }
}
