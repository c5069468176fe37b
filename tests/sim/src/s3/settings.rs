//! Settings of buckets, as a store tells them.

use s3s::S3Result;
use s3s::dto::{
    self, BucketVersioningStatus, ExpirationStatus, GetBucketAclOutput, GetBucketEncryptionOutput,
    GetBucketLifecycleConfigurationOutput, GetBucketPolicyOutput, GetBucketVersioningOutput,
    GetPublicAccessBlockOutput, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
    NoncurrentVersionExpiration, Permission, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};

use super::fault::error;
use super::{Store, locked};

/// What is set of a bucket. At first nothing is, and its owner alone has any right.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What may be done without a key: names of operations, such as `ListObjectsV2`.
    pub open: &'static [&'static str],
    /// Groups that have rights, by the end of their URI, and the right.
    pub grants: Vec<(&'static str, &'static str)>,
    /// The policy, as JSON.
    pub policy: Option<String>,
    /// Whether lists of rights for everybody are ignored, and policies, and all four settings on.
    pub block: Option<[bool; 4]>,
    /// The algorithm by which what is written is encrypted.
    pub encryption: Option<&'static str>,
    /// The state of versioning.
    pub versioning: Option<&'static str>,
    /// Rules of lifecycle: prefix, days, days of versions that are no longer the newest.
    pub rules: Vec<(&'static str, i32, Option<i32>)>,
}

impl Store {
    /// Sets what a bucket tells of itself.
    pub fn set(&self, bucket: &str, settings: Settings) {
        locked(&self.held.buckets).entry(bucket.to_owned()).or_default().settings = settings;
    }
}

impl Settings {
    #[expect(clippy::unnecessary_wraps, reason = "as the others")]
    pub(super) fn acl(&self) -> S3Result<GetBucketAclOutput> {
        let owner = dto::Grant {
            grantee: Some(grantee(dto::Type::CANONICAL_USER, Some("owner"), None)),
            permission: Some(Permission::from_static(Permission::FULL_CONTROL)),
        };
        let others = self.grants.iter().map(|(group, permission)| dto::Grant {
            grantee: Some(grantee(
                dto::Type::GROUP,
                None,
                Some(format!("http://acs.amazonaws.com/groups/{group}")),
            )),
            permission: Some(Permission::from_static(permission)),
        });
        let grants = [owner].into_iter().chain(others).collect();
        Ok(GetBucketAclOutput { grants: Some(grants), ..Default::default() })
    }

    pub(super) fn policy(&self) -> S3Result<GetBucketPolicyOutput> {
        let policy = self.policy.clone().ok_or_else(|| error("NoSuchBucketPolicy"))?;
        Ok(GetBucketPolicyOutput { policy: Some(policy) })
    }

    pub(super) fn block(&self) -> S3Result<GetPublicAccessBlockOutput> {
        let none = "NoSuchPublicAccessBlockConfiguration";
        let [refuse_acls, ignore_acls, refuse_policies, restrict] =
            self.block.ok_or_else(|| error(none))?;
        let block = PublicAccessBlockConfiguration {
            block_public_acls: Some(refuse_acls),
            ignore_public_acls: Some(ignore_acls),
            block_public_policy: Some(refuse_policies),
            restrict_public_buckets: Some(restrict),
        };
        Ok(GetPublicAccessBlockOutput { public_access_block_configuration: Some(block) })
    }

    pub(super) fn encryption(&self) -> S3Result<GetBucketEncryptionOutput> {
        let none = "ServerSideEncryptionConfigurationNotFoundError";
        let algorithm = self.encryption.ok_or_else(|| error(none))?;
        let by_default = ServerSideEncryptionByDefault {
            sse_algorithm: ServerSideEncryption::from_static(algorithm),
            kms_master_key_id: None,
        };
        let rule = ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(by_default),
            ..Default::default()
        };
        let settings = ServerSideEncryptionConfiguration { rules: vec![rule] };
        Ok(GetBucketEncryptionOutput { server_side_encryption_configuration: Some(settings) })
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the others")]
    pub(super) fn versioning(&self) -> S3Result<GetBucketVersioningOutput> {
        let status = self.versioning.map(BucketVersioningStatus::from_static);
        Ok(GetBucketVersioningOutput { status, ..Default::default() })
    }

    pub(super) fn lifecycle(&self) -> S3Result<GetBucketLifecycleConfigurationOutput> {
        if self.rules.is_empty() {
            return Err(error("NoSuchLifecycleConfiguration"));
        }
        let rules = self.rules.iter().map(|(prefix, days, old)| LifecycleRule {
            abort_incomplete_multipart_upload: None,
            expiration: Some(LifecycleExpiration { days: Some(*days), ..Default::default() }),
            filter: Some(LifecycleRuleFilter {
                prefix: Some((*prefix).to_owned()),
                ..Default::default()
            }),
            id: Some(format!("after-{days}")),
            noncurrent_version_expiration: old.map(|days| NoncurrentVersionExpiration {
                noncurrent_days: Some(days),
                ..Default::default()
            }),
            noncurrent_version_transitions: None,
            prefix: None,
            status: ExpirationStatus::from_static(ExpirationStatus::ENABLED),
            transitions: None,
        });
        let rules = Some(rules.collect());
        Ok(GetBucketLifecycleConfigurationOutput { rules, ..Default::default() })
    }
}

fn grantee(sort: &'static str, id: Option<&str>, uri: Option<String>) -> dto::Grantee {
    let id = id.map(str::to_owned);
    let type_ = dto::Type::from_static(sort);
    dto::Grantee { display_name: None, email_address: None, id, type_, uri }
}
