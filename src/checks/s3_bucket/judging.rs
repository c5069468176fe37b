//! What a bucket is compared with. Pure.

use super::parameters::{About, Encryption, PublicAccessBlock, Versioning};
use super::{
    BUCKET_MISSING, ENCRYPTED, NOT_ENCRYPTED, PUBLIC_ACCESS_BLOCKED, PUBLIC_ACCESS_NOT_BLOCKED,
    READABLE, S3Bucket, Seen, VERSIONED, WRONG_VERSIONING, exposure, retention,
};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::{Measure, Sample};
use crate::model::reason::Reason;
use crate::systems::s3::{self, Block, DefaultEncryption, Held, NOT_IMPLEMENTED, REJECTED, Told};

/// Compares what was seen with what is wanted.
pub(super) fn judge(check: &S3Bucket, seen: &Seen) -> Judgement {
    let Seen { held, unsigned, grants, policy, block, encryption, versioning, lifecycle } = seen;
    let mut judgement = Judgement::new();
    judgement.add("access", access(check, held));
    let readable = matches!(held, Ok(Held::There { .. }));
    judgement.measure(check.is(&READABLE, readable));
    if let Some(unsigned) = unsigned {
        exposure::unsigned(check, unsigned, &mut judgement);
    }
    let block_told = block.as_ref().and_then(|block| block.as_ref().ok().copied().flatten());
    if let Some(grants) = grants {
        judgement.add("acl", exposure::acl(check, grants, block_told, unsigned.as_ref()));
    }
    if let Some(policy) = policy {
        judgement.add("policy", exposure::policy(check, policy, block_told, unsigned.as_ref()));
    }
    if let (PublicAccessBlock::All, Some(block)) = (check.public_access_block, block) {
        judgement.add("public access block", blocked(check, block));
    }
    if let Some(told) = encryption {
        judgement.add("encryption", encrypted(check, told));
    }
    if let (Some(told), false) = (versioning, check.versioning == Versioning::Any) {
        judgement.add("versioning", versioned(check, told));
    }
    if let (Some(rules), Some(wanted)) = (lifecycle, check.retention) {
        retention::judge(check, wanted, rules, versioning.as_ref(), &mut judgement);
    }
    exposure::without_object(check, seen, &mut judgement);
    judgement
}

impl S3Bucket {
    /// A value of one of the measures that are 1 or 0.
    pub(super) fn is(&self, measure: &'static Measure, value: bool) -> Sample {
        measure.is(f64::from(u8::from(value)), [self.bucket.as_str()])
    }

    pub(super) fn name(&self) -> String {
        format!("the bucket `{}`", self.bucket.as_str())
    }

    /// An obstacle in the way of a setting: the store is to blame where it is dead or in trouble, and
    /// only does not tell where it answers and says nothing of use.
    pub(super) fn untold(&self, obstacle: &Obstacle) -> Answer {
        let only_not_told = [
            Reason::FORBIDDEN,
            Reason::GARBLED,
            Reason::NOT_FOUND,
            Reason::TOO_LARGE,
            NOT_IMPLEMENTED,
            REJECTED,
        ];
        if only_not_told.contains(&obstacle.reason) {
            return Answer::Blind(obstacle.clone());
        }
        self.blamed(obstacle)
    }

    /// An obstacle for which the store is to blame; where the item is about what strangers may do, it
    /// only keeps us from seeing that.
    fn blamed(&self, obstacle: &Obstacle) -> Answer {
        match self.about {
            About::Bucket => obstacle.clone().into_failure().into(),
            About::Exposure => Answer::Blind(obstacle.clone()),
        }
    }
}

fn access(check: &S3Bucket, held: &Told<Held>) -> Answer {
    match held {
        Ok(Held::There { .. }) => {
            let pass = format!("{} is there, and answers the key's listing", check.name());
            Finding::pass(pass).into()
        }
        Ok(Held::Missing) => {
            let because = format!("there is no bucket `{}`", check.bucket.as_str());
            check.blamed(&Obstacle::new(BUCKET_MISSING, because))
        }
        // Which other call would tell whether the key works?
        Err(obstacle) if obstacle.reason == NOT_IMPLEMENTED => Answer::Blind(obstacle.clone()),
        Err(obstacle) => check.blamed(obstacle),
    }
}

fn blocked(check: &S3Bucket, told: &Told<Option<Block>>) -> Answer {
    let block = match told {
        Ok(block) => block.unwrap_or_default(),
        Err(obstacle) => return check.untold(obstacle),
    };
    let Block { acls, policies } = block;
    let off: Vec<_> = [
        (acls.refused, "BlockPublicAcls"),
        (acls.ignored, "IgnorePublicAcls"),
        (policies.refused, "BlockPublicPolicy"),
        (policies.ignored, "RestrictPublicBuckets"),
    ]
    .into_iter()
    .filter_map(|(on, name)| (!on).then_some(name))
    .collect();
    let finding = if off.is_empty() {
        Finding::pass("all four settings that block public access are on")
    } else {
        let because = format!("{} are off; all four must be on", off.join(", "));
        Finding::fail(PUBLIC_ACCESS_NOT_BLOCKED, because)
    };
    finding.measured(check.is(&PUBLIC_ACCESS_BLOCKED, off.is_empty())).into()
}

fn encrypted(check: &S3Bucket, told: &Told<Option<DefaultEncryption>>) -> Answer {
    let told = match told {
        Ok(told) => *told,
        Err(obstacle) => return check.untold(obstacle),
    };
    let how = match told {
        None => "what is written is not encrypted by default",
        Some(DefaultEncryption::Store) => "what is written is encrypted with keys of the store's",
        Some(DefaultEncryption::Kms) => "what is written is encrypted with a key from a KMS",
    };
    let finding = match (check.encryption, told) {
        (Encryption::Kms, Some(DefaultEncryption::Store)) => {
            Finding::fail(NOT_ENCRYPTED, format!("{how}; a key from a KMS is wanted"))
        }
        (Encryption::Enabled | Encryption::Kms, None) => Finding::fail(NOT_ENCRYPTED, how),
        (Encryption::Any | Encryption::Enabled | Encryption::Kms, _) => Finding::pass(how),
    };
    finding.measured(check.is(&ENCRYPTED, told.is_some())).into()
}

fn versioned(check: &S3Bucket, told: &Told<s3::Versioning>) -> Answer {
    let told = match told {
        Ok(told) => *told,
        Err(obstacle) => return check.untold(obstacle),
    };
    let (enabled, how) = match told {
        s3::Versioning::Enabled => (true, "versioning is enabled"),
        s3::Versioning::Suspended => (false, "versioning is suspended"),
        s3::Versioning::Never => (false, "versioning was never enabled"),
    };
    let finding = match check.versioning {
        Versioning::Enabled if !enabled => {
            Finding::fail(WRONG_VERSIONING, format!("{how}; it must be enabled"))
        }
        Versioning::Disabled if enabled => {
            Finding::fail(WRONG_VERSIONING, format!("{how}; it must not be"))
        }
        Versioning::Any | Versioning::Enabled | Versioning::Disabled => Finding::pass(how),
    };
    finding.measured(check.is(&VERSIONED, enabled)).into()
}
