//! Rules of lifecycle: which objects a store deletes by itself, and when. Pure.

use std::time::Duration;

use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput;
use aws_sdk_s3::types::{
    LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
};
use jiff::Timestamp;

use crate::model::judgement::legible;

const DAY: Duration = Duration::from_hours(24);

/// A rule that is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// What the keys that it is about begin with.
    pub prefix: String,
    /// Whether it is about some of these objects only, by tags or sizes.
    pub narrowed: bool,
    /// After which age an object goes.
    pub after: Option<Duration>,
    /// On which day all objects go.
    pub on: Option<Timestamp>,
    /// How long a version is kept once it is no longer the newest.
    pub old_versions_after: Option<Duration>,
    /// Whether some old versions are kept for ever, as many as it says.
    pub keeps_some: bool,
}

/// The rules that are in force; those that delete nothing are left out.
///
/// # Errors
/// A sentence that says which of them can't be read.
pub(super) fn read(answer: GetBucketLifecycleConfigurationOutput) -> Result<Vec<Rule>, String> {
    let rules = answer.rules.unwrap_or_default();
    let rules = rules.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    Ok(rules.into_iter().flatten().collect())
}

fn rule(rule: &LifecycleRule) -> Result<Option<Rule>, String> {
    let id = legible(rule.id().unwrap_or("unnamed"), 100);
    match rule.status().as_str() {
        "Enabled" => {}
        "Disabled" => return Ok(None),
        _ => return Err(format!("the rule `{id}` is neither enabled nor disabled")),
    }
    let days = |days: Option<i32>| match days {
        None => Ok(None),
        Some(days) => match u32::try_from(days) {
            Ok(days) => Ok(Some(DAY * days)),
            Err(_) => Err(format!("the rule `{id}` expires objects after {days} days")),
        },
    };
    let expiration = rule.expiration();
    let after = days(expiration.and_then(LifecycleExpiration::days))?;
    let on = expiration
        .and_then(|expiration| expiration.date())
        .map(|date| Timestamp::new(date.secs(), 0).map_err(|_| format!("the date of `{id}`")))
        .transpose()?;
    let old = rule.noncurrent_version_expiration();
    let old_versions_after = days(old.and_then(NoncurrentVersionExpiration::noncurrent_days))?;
    if after.is_none() && on.is_none() && old_versions_after.is_none() {
        return Ok(None);
    }
    let keeps_some = old.is_some_and(|old| old.newer_noncurrent_versions().is_some_and(|n| n > 0));
    let (prefix, narrowed) = filter(rule);
    Ok(Some(Rule { id, prefix, narrowed, after, on, old_versions_after, keeps_some }))
}

/// What a rule is about: a prefix, and whether it is narrowed further.
fn filter(rule: &LifecycleRule) -> (String, bool) {
    #[expect(deprecated, reason = "stores still write it")]
    let old = rule.prefix();
    let Some(filter) = rule.filter() else {
        return (old.unwrap_or_default().to_owned(), false);
    };
    let LifecycleRuleFilter {
        prefix,
        tag,
        object_size_greater_than,
        object_size_less_than,
        and,
        ..
    } = filter;
    let sizes = object_size_greater_than.is_some() || object_size_less_than.is_some();
    let Some(and) = and else {
        let prefix = prefix.as_deref().or(old).unwrap_or_default();
        return (prefix.to_owned(), tag.is_some() || sizes);
    };
    let sizes = and.object_size_greater_than().is_some() || and.object_size_less_than().is_some();
    let narrowed = sizes || !and.tags().is_empty();
    (and.prefix().unwrap_or_default().to_owned(), narrowed)
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{ExpirationStatus, LifecycleRuleAndOperator, Tag};

    use super::*;

    fn read_one(rule: LifecycleRule) -> Result<Vec<Rule>, String> {
        read(GetBucketLifecycleConfigurationOutput::builder().rules(rule).build())
    }

    fn enabled() -> aws_sdk_s3::types::builders::LifecycleRuleBuilder {
        let after = LifecycleExpiration::builder().days(30).build();
        LifecycleRule::builder().id("a").status(ExpirationStatus::Enabled).expiration(after)
    }

    #[test]
    fn rules_are_read_in_all_their_forms() {
        let tag = Tag::builder().key("k").value("v").build().unwrap();
        let wanted = Rule { id: "a".to_owned(), after: Some(DAY * 30), ..Rule::default() };
        assert_eq!(read_one(enabled().build().unwrap()), Ok(vec![wanted.clone()]));
        #[expect(deprecated, reason = "stores still write it")]
        let old = enabled().prefix("logs/").build().unwrap();
        let prefixed = Rule { prefix: "logs/".to_owned(), ..wanted };
        assert_eq!(read_one(old), Ok(vec![prefixed.clone()]));
        let plain = LifecycleRuleFilter::builder().prefix("logs/").build();
        let plain = enabled().filter(plain).build().unwrap();
        assert_eq!(read_one(plain), Ok(vec![prefixed.clone()]));
        let and = LifecycleRuleAndOperator::builder().prefix("logs/").tags(tag).build();
        let and = LifecycleRuleFilter::builder().and(and).build();
        let narrowed = Rule { narrowed: true, ..prefixed };
        assert_eq!(read_one(enabled().filter(and).build().unwrap()).unwrap(), [narrowed]);
    }

    #[test]
    fn what_deletes_nothing_is_no_rule_and_what_is_strange_no_answer() {
        let disabled = LifecycleRule::builder().status(ExpirationStatus::Disabled).build().unwrap();
        assert_eq!(read_one(disabled), Ok(Vec::new()));
        let resting = LifecycleExpiration::builder().days(1).build();
        let resting =
            LifecycleRule::builder().status(ExpirationStatus::Disabled).expiration(resting);
        assert_eq!(read_one(resting.build().unwrap()), Ok(Vec::new()));
        let moving = LifecycleRule::builder().status(ExpirationStatus::Enabled).build().unwrap();
        assert_eq!(read_one(moving), Ok(Vec::new()));
        let strange = LifecycleRule::builder().status("On".into()).build().unwrap();
        assert!(read_one(strange).unwrap_err().contains("neither enabled nor disabled"));
        let back = LifecycleExpiration::builder().days(-1).build();
        let back = LifecycleRule::builder().status(ExpirationStatus::Enabled).expiration(back);
        assert!(read_one(back.build().unwrap()).unwrap_err().contains("-1 days"));
        let old = NoncurrentVersionExpiration::builder()
            .noncurrent_days(7)
            .newer_noncurrent_versions(3)
            .build();
        let rule = enabled().noncurrent_version_expiration(old).build().unwrap();
        let [rule] = &read_one(rule).unwrap()[..] else { panic!("one rule") };
        assert_eq!((rule.old_versions_after, rule.keeps_some), (Some(DAY * 7), true));
    }
}
