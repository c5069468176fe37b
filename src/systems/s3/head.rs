//! What a store says of an object beside its content: size, date, and how it is encrypted.
//!
//! Stores are free to say nothing of encryption; that is no answer, and never a good one.

use std::collections::HashMap;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use futures::FutureExt;

use super::Store;
use super::page::{Bucket, Counted};
use super::trouble::{self, Trouble};
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;

/// The name of the operation in counts.
const OPERATION: &str = "HeadObject";
/// The metadata that clients which encrypt leave beside what they encrypted, each by itself a proof.
const OF_CLIENTS: [&str; 5] =
    ["x-amz-key-v2", "x-amz-key", "x-amz-cek-alg", "x-amz-3", "client-side-encryption"];

/// How an object is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// By the store with keys of its own.
    Store,
    /// By the store with a key from a key management service.
    Kms,
    /// By the store with a key that whoever asks must bring.
    Customer,
    /// By whoever wrote it.
    Client,
}

/// What a store says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// How it is encrypted; none where the store does not tell.
    pub encryption: Option<Encryption>,
}

impl Store<'_> {
    /// What the store says of an object; none where there is none. `metadata` is the names that tell
    /// of encryption by a client, beside the known ones.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn heading(
        &self,
        bucket: &str,
        key: &str,
        metadata: &[String],
    ) -> Result<Option<Heading>, Obstacle> {
        let parts = [bucket, key].into_iter().chain(metadata.iter().map(String::as_str));
        let question = self.question(parts.map(str::to_owned).collect());
        let ask = || async {
            match self.bucket(bucket).heading(key, metadata).await {
                Ok(heading) => Ok(Some(heading)),
                Err(Trouble::NoBucket | Trouble::NoObject) => Ok(None),
                Err(Trouble::Obstacle(obstacle)) => Err(obstacle),
            }
        };
        let look = self.s3.kept.headings.ask(question, self.patience.fresh_within, ask);
        self.within(bucket).of(look.boxed()).await
    }
}

impl Bucket<'_> {
    async fn heading(&self, key: &str, metadata: &[String]) -> Result<Heading, Trouble> {
        let mut counted = Counted::of(self.requests, OPERATION);
        let asked = self.client.head_object().bucket(self.name).key(key).send();
        match asked.boxed().await {
            Ok(answer) => {
                "200".clone_into(&mut counted.code);
                Ok(Heading { encryption: encryption(&answer, metadata) })
            }
            Err(error) => {
                counted.code = trouble::code(&error);
                // An answer without a body can't say what is not there: the listing showed it.
                if counted.code == "404" {
                    return Err(Trouble::NoObject);
                }
                let doing = format!("{}, asking about `{}`", self.doing, legible(key, 200));
                Err(trouble::trouble(&doing, &error))
            }
        }
    }
}

fn encryption(answer: &HeadObjectOutput, metadata: &[String]) -> Option<Encryption> {
    let none = HashMap::new();
    let told = answer.metadata().unwrap_or(&none);
    let is_told = |name: &str| told.keys().any(|told| told.eq_ignore_ascii_case(name));
    if OF_CLIENTS.into_iter().chain(metadata.iter().map(String::as_str)).any(is_told) {
        return Some(Encryption::Client);
    }
    if answer.sse_customer_algorithm().is_some() {
        return Some(Encryption::Customer);
    }
    let by_store = answer.server_side_encryption()?.as_str();
    if by_store.starts_with("aws:kms") || answer.ssekms_key_id().is_some() {
        return Some(Encryption::Kms);
    }
    (!by_store.is_empty() && !by_store.eq_ignore_ascii_case("none")).then_some(Encryption::Store)
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::ServerSideEncryption;

    use super::*;

    #[test]
    fn only_what_is_told_is_believed() {
        let silent = HeadObjectOutput::builder().build();
        assert_eq!(encryption(&silent, &[]), None);
        for (by, told) in [
            ("AES256", Some(Encryption::Store)),
            ("aws:kms", Some(Encryption::Kms)),
            ("aws:kms:dsse", Some(Encryption::Kms)),
            ("none", None),
            ("", None),
        ] {
            let by = ServerSideEncryption::from(by);
            let answer = HeadObjectOutput::builder().server_side_encryption(by.clone()).build();
            assert_eq!(encryption(&answer, &[]), told, "{by:?}");
        }
        let customer = HeadObjectOutput::builder().sse_customer_algorithm("AES256").build();
        assert_eq!(encryption(&customer, &[]), Some(Encryption::Customer));
        let client = HeadObjectOutput::builder().metadata("X-Amz-Key-V2", "a key").build();
        assert_eq!(encryption(&client, &[]), Some(Encryption::Client));
        let own = HeadObjectOutput::builder().metadata("age", "1").build();
        assert_eq!(encryption(&own, &[]), None);
        assert_eq!(encryption(&own, &["age".to_owned()]), Some(Encryption::Client));
    }
}
