//! What a store gives to somebody without a key.

use aws_sdk_s3::Client;
use futures::FutureExt;

use super::refusal::Refusal;
use super::{Store, Told, Within};
use crate::model::finding::Obstacle;

/// What became of requests without a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// Of a listing of one name.
    pub listing: Told<Answered>,
    /// Of a question about one object; none where no object was known, or the listing told nothing.
    pub object: Option<Told<Answered>>,
}

/// What a store does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It answers.
    Granted,
    /// It refuses.
    Refused,
}

/// The SDK's name of the way to sign that signs nothing.
const NOT_SIGNED: &str = "noAuth";

impl Store<'_> {
    /// What the bucket gives to somebody without a key: its listing, and an object by its key.
    pub async fn unsigned(&self, bucket: &str, object: Option<&str>) -> Unsigned {
        let parts = ["unsigned", bucket, object.unwrap_or_default()].map(str::to_owned);
        let question = self.question(parts.to_vec());
        let look = || async {
            let client = self.without_key();
            let listing = client.list_objects_v2().bucket(bucket).max_keys(1).send();
            let listing = answered(self.call("ListObjectsV2", bucket, listing).await);
            // Of whoever answers a listing with a page of HTML, a page for an object says nothing.
            let object = match object.filter(|_| listing.is_ok()) {
                Some(key) => {
                    let head = client.head_object().bucket(bucket).key(key).send();
                    Some(answered(self.call("HeadObject", bucket, head).await))
                }
                None => None,
            };
            Unsigned { listing, object }
        };
        let kept = &self.s3.kept.settings.unsigned;
        let asked = kept.ask(question, self.patience.fresh_within, look).boxed();
        let doing = format!("without a key, {}", self.calling("ListObjectsV2", bucket));
        let within = Within { doing, patience: self.patience };
        let asked = within.of(async { Ok(asked.await) }).await;
        asked.unwrap_or_else(|obstacle| Unsigned { listing: Err(obstacle), object: None })
    }

    /// The same client, which signs nothing.
    fn without_key(&self) -> Client {
        let config = self.client.config().to_builder();
        Client::from_conf(
            config.allow_no_auth().auth_scheme_preference([NOT_SIGNED.into()]).build(),
        )
    }
}

fn answered<T>(answer: Result<T, Refusal>) -> Told<Answered> {
    match answer {
        Ok(_) => Ok(Answered::Granted),
        // To say that it is not there is a way to refuse: with the key it is.
        Err(Refusal::Denied(_) | Refusal::Missing | Refusal::NeverMade) => Ok(Answered::Refused),
        Err(Refusal::Obstacle(obstacle)) => Err(without_key(obstacle)),
    }
}

fn without_key(obstacle: Obstacle) -> Obstacle {
    let Obstacle { reason, because, ours } = obstacle;
    Obstacle { reason, because: format!("without a key, {because}"), ours }
}
