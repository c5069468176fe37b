//! What a store says of a bucket itself: whether it is there, who may read it, how it is kept.
//!
//! Read-only: whether anything may be written is never tried. Each call is counted and shared like
//! a listing, and each can be lacking at a store, which is then said of that call alone.

mod ends;
mod lifecycle;
mod policy;
mod refusal;
mod unsigned;

use std::sync::Arc;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_bucket_acl::GetBucketAclOutput;
use aws_sdk_s3::operation::get_bucket_versioning::GetBucketVersioningOutput;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration,
};
use futures::FutureExt;

pub use lifecycle::Rule;
pub use policy::Policy;
pub use refusal::{REDIRECTED, WRONG_REGION};
pub use unsigned::{Answered, Unsigned};

use self::ends::Ends;
use self::refusal::{Refusal, refusal};
use super::page::Counted;
use super::{Question, Shared, Store, Within, trouble};
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// What a store tells of one setting.
pub type Told<T> = Result<T, Obstacle>;

/// What outlives a look: an answer a question.
#[derive(Default)]
pub(super) struct Kept {
    held: Shared<Question, Told<Held>>,
    unsigned: Shared<Question, Unsigned>,
    grants: Shared<Question, Told<Arc<[Grant]>>>,
    policy: Shared<Question, Told<Option<Arc<Policy>>>>,
    block: Shared<Question, Told<Option<Block>>>,
    encryption: Shared<Question, Told<Option<DefaultEncryption>>>,
    versioning: Shared<Question, Told<Versioning>>,
    lifecycle: Shared<Question, Told<Arc<[Rule]>>>,
}

/// Whether there is a bucket, as somebody with a key sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// There is none.
    Missing,
    /// It is there, and lists what it holds.
    There {
        /// The first object of the listing, where there is one.
        first: Option<String>,
    },
}

/// A right that is granted to everybody by a list of rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whether it takes a key, of anybody.
    pub to_any_key: bool,
    /// The right, such as `READ`.
    pub permission: String,
}

/// What is kept from the public whatever lists of rights and policies say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Lists of rights that grant to everybody.
    pub acls: Blocked,
    /// Policies that let everybody in.
    pub policies: Blocked,
}

/// What is done against what would let everybody in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    /// New ones are refused.
    pub refused: bool,
    /// Those that are there are without effect.
    pub ignored: bool,
}

/// How what is written is encrypted where nothing else is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultEncryption {
    /// With keys of the store's.
    Store,
    /// With a key from a key management service.
    Kms,
}

/// Whether older versions of objects are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// They are.
    Enabled,
    /// Those from before are.
    Suspended,
    /// It was never enabled.
    Never,
}

impl Store<'_> {
    /// Whether there is a bucket, by a signed listing of one name.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn held(&self, bucket: &str, prefix: &str) -> Told<Held> {
        let look = || async {
            let list = self.client.list_objects_v2().bucket(bucket).max_keys(1);
            let list = list.set_prefix((!prefix.is_empty()).then(|| prefix.to_owned()));
            match self.call("ListObjectsV2", bucket, list.send()).await {
                Ok(answer) => {
                    let first = answer.contents().first().and_then(|object| object.key());
                    Ok(Held::There { first: first.map(str::to_owned) })
                }
                Err(Refusal::Missing | Refusal::NeverMade) => Ok(Held::Missing),
                Err(Refusal::Denied(obstacle) | Refusal::Obstacle(obstacle)) => Err(obstacle),
            }
        };
        self.ask(&self.s3.kept.settings.held, "ListObjectsV2", &[bucket, prefix], look).await
    }

    /// What the bucket's list of rights grants to everybody.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn grants(&self, bucket: &str) -> Told<Arc<[Grant]>> {
        let name = "GetBucketAcl";
        let look = || async {
            let call = self.client.get_bucket_acl().bucket(bucket).customize();
            let call = call.interceptor(Ends("AccessControlPolicy")).send();
            let answer = self
                .told(name, bucket, call)
                .await?
                .ok_or_else(|| self.garbled(name, bucket, "there is none, which can't be"))?;
            public(&answer).map_err(|why| self.garbled(name, bucket, why))
        };
        self.ask(&self.s3.kept.settings.grants, name, &[bucket], look).await
    }

    /// The bucket's policy; none where it has none.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn policy(&self, bucket: &str) -> Told<Option<Arc<Policy>>> {
        let name = "GetBucketPolicy";
        let look = || async {
            let call = self.client.get_bucket_policy().bucket(bucket).send();
            let Some(answer) = self.told(name, bucket, call).await? else { return Ok(None) };
            let policy = Policy::read(answer.policy().unwrap_or_default().as_bytes());
            Ok(Some(Arc::new(policy.map_err(|why| self.garbled(name, bucket, &why))?)))
        };
        self.ask(&self.s3.kept.settings.policy, name, &[bucket], look).await
    }

    /// What is kept from the public; none where that was never set.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn block(&self, bucket: &str) -> Told<Option<Block>> {
        let name = "GetPublicAccessBlock";
        let look = || async {
            let call = self.client.get_public_access_block().bucket(bucket).customize();
            let call = call.interceptor(Ends("PublicAccessBlockConfiguration")).send();
            let answer = self.told(name, bucket, call).await?;
            let block =
                answer.as_ref().and_then(|answer| answer.public_access_block_configuration());
            Ok(block.map(|block| Block {
                acls: Blocked {
                    refused: block.block_public_acls() == Some(true),
                    ignored: block.ignore_public_acls() == Some(true),
                },
                policies: Blocked {
                    refused: block.block_public_policy() == Some(true),
                    ignored: block.restrict_public_buckets() == Some(true),
                },
            }))
        };
        self.ask(&self.s3.kept.settings.block, name, &[bucket], look).await
    }

    /// How what is written is encrypted by default; none where it is not.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn encryption(&self, bucket: &str) -> Told<Option<DefaultEncryption>> {
        let name = "GetBucketEncryption";
        let look = || async {
            let call = self.client.get_bucket_encryption().bucket(bucket).customize();
            let call = call.interceptor(Ends("ServerSideEncryptionConfiguration")).send();
            let Some(answer) = self.told(name, bucket, call).await? else { return Ok(None) };
            let settings = answer.server_side_encryption_configuration();
            let rules = settings.map(ServerSideEncryptionConfiguration::rules).unwrap_or_default();
            let rule = rules.iter().find_map(|rule| rule.apply_server_side_encryption_by_default());
            match rule.map(ServerSideEncryptionByDefault::sse_algorithm) {
                None => Ok(None),
                Some(ServerSideEncryption::Aes256) => Ok(Some(DefaultEncryption::Store)),
                Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse) => {
                    Ok(Some(DefaultEncryption::Kms))
                }
                Some(other) => {
                    let why = format!("the algorithm `{}`", legible(other.as_str(), 60));
                    Err(self.garbled(name, bucket, &why))
                }
            }
        };
        self.ask(&self.s3.kept.settings.encryption, name, &[bucket], look).await
    }

    /// Whether older versions are kept.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn versioning(&self, bucket: &str) -> Told<Versioning> {
        let name = "GetBucketVersioning";
        let look = || async {
            let call = self.client.get_bucket_versioning().bucket(bucket).customize();
            let call = call.interceptor(Ends("VersioningConfiguration")).send();
            let answer = self.told(name, bucket, call).await?;
            match answer.as_ref().and_then(GetBucketVersioningOutput::status) {
                None => Ok(Versioning::Never),
                Some(BucketVersioningStatus::Enabled) => Ok(Versioning::Enabled),
                Some(BucketVersioningStatus::Suspended) => Ok(Versioning::Suspended),
                Some(other) => {
                    let why = format!("the state `{}`", legible(other.as_str(), 60));
                    Err(self.garbled(name, bucket, &why))
                }
            }
        };
        self.ask(&self.s3.kept.settings.versioning, name, &[bucket], look).await
    }

    /// The rules by which the store deletes objects; none where it has none.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn lifecycle(&self, bucket: &str) -> Told<Arc<[Rule]>> {
        let name = "GetBucketLifecycleConfiguration";
        let look = || async {
            let call = self.client.get_bucket_lifecycle_configuration().bucket(bucket).customize();
            let call = call.interceptor(Ends("LifecycleConfiguration")).send();
            let Some(answer) = self.told(name, bucket, call).await? else { return Ok([].into()) };
            let rules = lifecycle::read(answer);
            Ok(rules.map_err(|why| self.garbled(name, bucket, &why))?.into())
        };
        self.ask(&self.s3.kept.settings.lifecycle, name, &[bucket], look).await
    }
}

/// What all calls have in common.
impl Store<'_> {
    /// The answer that somebody else has had, or else one of `look`, within the look's time.
    async fn ask<T, F>(
        &self,
        kept: &Shared<Question, Told<T>>,
        operation: &'static str,
        about: &[&str],
        look: impl FnOnce() -> F + Send,
    ) -> Told<T>
    where
        T: Clone + Send + Sync,
        F: Future<Output = Told<T>> + Send,
    {
        let parts = [operation].into_iter().chain(about.iter().copied());
        let question = self.question(parts.map(str::to_owned).collect());
        let doing = self.calling(operation, about.first().copied().unwrap_or_default());
        let within = Within { doing, patience: self.patience };
        within.of(kept.ask(question, self.patience.fresh_within, look).boxed()).await
    }

    /// One call, counted.
    async fn call<O, E>(
        &self,
        operation: &'static str,
        bucket: &str,
        call: impl Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
    ) -> Result<O, Refusal>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut counted = Counted::of(&self.s3.kept.requests, operation);
        match call.boxed().await {
            Ok(answer) => {
                "200".clone_into(&mut counted.code);
                Ok(answer)
            }
            Err(error) => {
                counted.code = trouble::code(&error);
                Err(refusal(&self.calling(operation, bucket), &error))
            }
        }
    }

    /// One call about a setting; none where it was never made.
    async fn told<O, E>(
        &self,
        operation: &'static str,
        bucket: &str,
        call: impl Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
    ) -> Told<Option<O>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match self.call(operation, bucket, call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Refusal::NeverMade) => Ok(None),
            Err(Refusal::Missing) => {
                let because = format!("{}: the bucket is gone", self.calling(operation, bucket));
                Err(Obstacle::new(Reason::NOT_FOUND, because))
            }
            Err(Refusal::Denied(obstacle) | Refusal::Obstacle(obstacle)) => Err(obstacle),
        }
    }

    fn calling(&self, operation: &str, bucket: &str) -> String {
        let place = self.s3.connections.get(self.connection);
        let place = place.map_or("", |connection| connection.endpoint.authority());
        format!("{operation} of bucket `{bucket}` at {place}")
    }

    fn garbled(&self, operation: &str, bucket: &str, why: &str) -> Obstacle {
        let doing = self.calling(operation, bucket);
        Obstacle::new(Reason::GARBLED, format!("{doing}: the answer says {why}"))
    }
}

/// The groups of AWS that are everybody, by the ends of their URIs.
const EVERYBODY: &str = "/groups/global/AllUsers";
const ANY_KEY: &str = "/groups/global/AuthenticatedUsers";

fn public(answer: &GetBucketAclOutput) -> Result<Arc<[Grant]>, &'static str> {
    let grants = answer.grants.as_ref().ok_or("no list of rights")?;
    let mut public = Vec::new();
    for grant in grants {
        let (Some(grantee), Some(permission)) = (grant.grantee(), grant.permission()) else {
            return Err("a grant without a grantee or a right");
        };
        let to_any_key = grantee.uri().is_some_and(|uri| uri.ends_with(ANY_KEY));
        if to_any_key || grantee.uri().is_some_and(|uri| uri.ends_with(EVERYBODY)) {
            public.push(Grant { to_any_key, permission: legible(permission.as_str(), 60) });
        }
    }
    Ok(public.into())
}
