//! The operations, as s3s calls them.

use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::TryStreamExt;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::{
    self, CommonPrefix, DeleteObjectInput, DeleteObjectOutput, ETag, EncodingType, GetObjectInput,
    GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
    ListObjectsV2Input, ListObjectsV2Output, PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::{S3, S3Request, S3Response, S3Result};

use super::content;
use super::fault::{self, Fault};
use super::listing::{self, Question};
use super::settings::Settings;
use super::{Bucket, Held, Object, locked};

/// What s3s asks.
#[derive(Clone)]
pub(super) struct Backend(pub(super) Arc<Held>);

impl Backend {
    /// Counts the request, and fails it where a fault says so.
    pub(super) fn begin(&self, operation: &'static str) -> S3Result<Option<Fault>> {
        let mut requests = locked(&self.0.requests);
        requests.push(operation);
        let fault = locked(&self.0.fault).clone().and_then(|fault| fault.at(operation));
        match fault.as_ref().and_then(|fault| fault.error(requests.len())) {
            Some(error) => Err(error),
            None => Ok(fault),
        }
    }

    pub(super) fn bucket<T>(&self, name: &str, look: impl FnOnce(&mut Bucket) -> T) -> S3Result<T> {
        let mut buckets = locked(&self.0.buckets);
        buckets.get_mut(name).map(look).ok_or_else(|| fault::error("NoSuchBucket"))
    }

    /// One setting of a bucket, by its operation.
    fn setting<T>(
        &self,
        operation: &'static str,
        bucket: &str,
        told: fn(&Settings) -> S3Result<T>,
    ) -> S3Result<S3Response<T>> {
        self.begin(operation)?;
        self.bucket(bucket, |bucket| told(&bucket.settings))?.map(S3Response::new)
    }

    fn object(&self, bucket: &str, key: &str) -> S3Result<(Object, Bytes)> {
        let found = self.bucket(bucket, |bucket| {
            let object = *bucket.objects.get(key)?;
            Some((object, bucket.bodies.get(key).cloned().unwrap_or_default()))
        })?;
        found.ok_or_else(|| fault::error("NoSuchKey"))
    }
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let fault = self.begin("ListObjectsV2")?;
        let input = request.input;
        let most = input.max_keys.unwrap_or(1000).clamp(0, 1000);
        let token = input.continuation_token.as_deref().map(listing::place);
        let after = || input.start_after.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let from = match fault {
            Some(Fault::SamePage) => Bound::Unbounded,
            _ => token.unwrap_or_else(after),
        };
        let question = Question {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().filter(|text| !text.is_empty()),
            from,
            most: usize::try_from(most)
                .unwrap_or_default()
                .min(locked(&self.0.page).unwrap_or(usize::MAX)),
        };
        let (mut page, etags) = self.bucket(&input.bucket, |bucket| {
            let page = listing::page(&bucket.objects, &question);
            let etags: Vec<_> = page.objects.iter().map(|(key, _)| bucket.etag(key)).collect();
            (page, etags)
        })?;
        if fault == Some(Fault::Unordered) {
            page.objects.reverse();
        }
        let encode = input.encoding_type.as_ref().is_some_and(|how| how.as_str() == "url");
        let text = |text: &str| if encode { encoded(text) } else { text.to_owned() };
        let contents: Vec<_> = page
            .objects
            .iter()
            .zip(etags)
            .map(|((key, object), etag)| dto::Object {
                e_tag: Some(ETag::Strong(etag)),
                key: Some(text(key)),
                size: i64::try_from(object.size).ok(),
                last_modified: Some(SystemTime::from(object.modified).into()),
                ..Default::default()
            })
            .collect();
        let common_prefixes: Vec<_> =
            page.prefixes.iter().map(|name| CommonPrefix { prefix: Some(text(name)) }).collect();
        let same = fault == Some(Fault::SamePage);
        let token = page.next.as_ref().map(listing::token);
        let token = if same { Some("the same".to_owned()) } else { token };
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
            max_keys: Some(most),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            is_truncated: Some(same || page.next.is_some()),
            next_continuation_token: token.filter(|_| fault != Some(Fault::NoToken)),
            encoding_type: encode.then(|| EncodingType::from_static(EncodingType::URL)),
            ..Default::default()
        }))
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.begin("HeadBucket")?;
        self.bucket(&request.input.bucket, |_| ())?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.begin("HeadObject")?;
        let (object, _) = self.object(&request.input.bucket, &request.input.key)?;
        let kept = self.bucket(&request.input.bucket, |bucket| bucket.kept(&request.input.key))?;
        let (server_side_encryption, metadata) = content::told(kept);
        Ok(S3Response::new(HeadObjectOutput {
            server_side_encryption,
            metadata,
            content_length: i64::try_from(object.size).ok(),
            last_modified: Some(SystemTime::from(object.modified).into()),
            ..Default::default()
        }))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.begin("GetObject")?;
        let input = request.input;
        let (object, mut body) = self.object(&input.bucket, &input.key)?;
        let mut content_range = None;
        if let Some(range) = input.range {
            let whole = body.len();
            let part = range
                .check(whole as u64)
                .map_err(|_| fault::error("InvalidRange"))
                .map(|part| to_index(part.start)..to_index(part.end))?;
            content_range = Some(format!("bytes {}-{}/{whole}", part.start, part.end - 1));
            body = body.slice(part);
        }
        let length = i64::try_from(body.len()).ok();
        Ok(S3Response::new(GetObjectOutput {
            body: Some(StreamingBlob::from(s3s::Body::from(body))),
            content_length: length,
            content_range,
            last_modified: Some(SystemTime::from(object.modified).into()),
            ..Default::default()
        }))
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        self.begin("PutObject")?;
        let input = request.input;
        let body: Vec<Bytes> = match input.body {
            Some(body) => body.try_collect().await.map_err(|_| fault::error("IncompleteBody"))?,
            None => Vec::new(),
        };
        let body = Bytes::from(body.concat());
        #[expect(clippy::disallowed_methods, reason = "a store has a clock of its own")]
        let modified = jiff::Timestamp::now();
        self.bucket(&input.bucket, |bucket| {
            let key = input.key.into_boxed_str();
            bucket.objects.insert(key.clone(), Object { size: body.len() as u64, modified });
            bucket.bodies.insert(key, body);
        })?;
        Ok(S3Response::new(PutObjectOutput::default()))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.begin("DeleteObject")?;
        let input = request.input;
        self.bucket(&input.bucket, |bucket| {
            bucket.objects.remove(input.key.as_str());
            bucket.bodies.remove(input.key.as_str());
        })?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn get_bucket_acl(
        &self,
        request: S3Request<dto::GetBucketAclInput>,
    ) -> S3Result<S3Response<dto::GetBucketAclOutput>> {
        self.setting("GetBucketAcl", &request.input.bucket, Settings::acl)
    }

    async fn get_bucket_policy(
        &self,
        request: S3Request<dto::GetBucketPolicyInput>,
    ) -> S3Result<S3Response<dto::GetBucketPolicyOutput>> {
        self.setting("GetBucketPolicy", &request.input.bucket, Settings::policy)
    }

    async fn get_public_access_block(
        &self,
        request: S3Request<dto::GetPublicAccessBlockInput>,
    ) -> S3Result<S3Response<dto::GetPublicAccessBlockOutput>> {
        self.setting("GetPublicAccessBlock", &request.input.bucket, Settings::block)
    }

    async fn get_bucket_encryption(
        &self,
        request: S3Request<dto::GetBucketEncryptionInput>,
    ) -> S3Result<S3Response<dto::GetBucketEncryptionOutput>> {
        self.setting("GetBucketEncryption", &request.input.bucket, Settings::encryption)
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<dto::GetBucketVersioningInput>,
    ) -> S3Result<S3Response<dto::GetBucketVersioningOutput>> {
        self.setting("GetBucketVersioning", &request.input.bucket, Settings::versioning)
    }

    async fn get_bucket_lifecycle_configuration(
        &self,
        request: S3Request<dto::GetBucketLifecycleConfigurationInput>,
    ) -> S3Result<S3Response<dto::GetBucketLifecycleConfigurationOutput>> {
        self.setting("GetBucketLifecycleConfiguration", &request.input.bucket, Settings::lifecycle)
    }
}

#[async_trait::async_trait]
impl S3Auth for Backend {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = locked(&self.0.keys).get(access_key).cloned();
        secret.map(SecretKey::from).ok_or_else(|| {
            locked(&self.0.requests).push("refused");
            fault::error("InvalidAccessKeyId")
        })
    }
}

#[async_trait::async_trait]
impl S3Access for Backend {
    /// Who has no key sees what is open to everybody.
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let bucket = context.s3_path().get_bucket_name().unwrap_or_default();
        let open = || self.bucket(bucket, |bucket| bucket.settings.open).unwrap_or_default();
        let reads = matches!(context.s3_op().name(), "ListObjectsV2" | "HeadObject" | "GetObject");
        if context.credentials().is_some() || (reads && open().contains(&context.s3_op().name())) {
            return Ok(());
        }
        locked(&self.0.requests).push("without a key");
        Err(fault::error("AccessDenied"))
    }
}

fn to_index(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// As in URLs, a space as `+`.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            byte => encoded.extend(["%", &format!("{byte:02X}")]),
        }
    }
    encoded
}
