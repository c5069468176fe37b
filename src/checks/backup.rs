//! `backup`: backups are there, fresh, whole, as many and as old as they should be.
//!
//! Witness: the object store. Where it is silent nobody can tell; where it says that there is no
//! such bucket, the backups can't be there. What a backup is, its layout says, one file each; what
//! complete ones are compared with is common to all. Custom resources are asked of another witness,
//! the API server, and where the two disagree, that is the finding.

mod attempts;
mod barman;
mod copies;
mod declared;
mod encryption;
mod limits;
mod log;
mod measures;
mod objects;
mod oplog;
pub(super) mod parameters;
mod pbm;
mod reasons;
mod rollout;

use bytesize::ByteSize;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Sample, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::Documented;

use copies::Copies;
use declared::CustomResource;
use measures::{BEFORE, COUNT, FAILED, LAST_SIZE, LAST_SUCCESS, LOG_ARCHIVED, OLDEST, REQUESTS};
use parameters::{Encrypted, Every, Layout, MaxAge, MaxRequests, SizeFactor, StoreName};
use reasons::BUCKET_MISSING;

/// Backups in an object store are there, fresh, whole, as many and as old as they should be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The store: a name under `connections.s3`. Default: `default`.
    #[serde(default)]
    connection: StoreName,
    /// The bucket.
    bucket: String,
    /// What the keys of all these backups begin with, as written. Default: nothing.
    #[serde(default)]
    prefix: String,
    /// What a backup is made of.
    layout: Layout,
    /// How old the newest complete backup may be; `fail` must be given.
    #[serde(default)]
    max_age: MaxAge,
    /// The least size of the newest backup, such as `10 MiB`. Default: no limit.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    min_size: Option<ByteSize>,
    /// Warns where the newest backup is so many times smaller or larger than the median of up to
    /// seven before it; from four backups on. Default `2`.
    #[serde(default)]
    size_factor: SizeFactor,
    /// The least number of backups. Default: no limit.
    #[serde(default)]
    min_count: Option<u32>,
    /// For how long backups are kept. The oldest may be older by one `period`; fewer than one for
    /// each `period` since the oldest warn. Default: no limit.
    #[serde(default)]
    retention: Option<Period>,
    /// How many backups are kept, where the policy counts them. One more is allowed; fewer warn once
    /// there was time for more. Default: no limit.
    #[serde(default)]
    redundancy: Option<u32>,
    /// How often backups are taken. Default `1d`.
    #[serde(default)]
    period: Every,
    /// How the newest objects must be encrypted, as the store tells of them: `any`, `own_key` (not
    /// the store's), `client`. A store that does not tell is unknown. Default: nobody asks.
    #[serde(default)]
    encrypted: Option<Encrypted>,
    /// Names of metadata, beside those of the usual libraries, that tell of encryption by whoever
    /// wrote an object. Default: none.
    #[serde(default)]
    encryption_metadata: Vec<String>,
    /// A complete backup must have ended before the current deployment began, no longer than this
    /// before it. Default: nobody asks.
    #[serde(default)]
    before_deployment: Option<Period>,
    /// A complete backup must have ended after the current deployment began, within this time.
    /// Default: nobody asks.
    #[serde(default)]
    after_deployment: Option<Period>,
    /// The custom resources that describe these backups; they must say what the bucket shows.
    #[serde(default)]
    custom_resource: Option<CustomResource>,
    /// The most requests that a look may spend on finding the newest object, or on following the log
    /// since the newest complete backup; a listing takes one for each thousand keys. Default `20`.
    #[serde(default)]
    max_requests: MaxRequests,
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// What the store shows; none where there is no such bucket.
    store: Result<Option<Held>, Obstacle>,
    /// Where the store is.
    endpoint: Option<String>,
    /// What custom resources say.
    declared: Option<declared::Seen>,
    /// When the current deployment began.
    deployed: Option<Timestamp>,
}

/// What a bucket holds, by its layout.
#[derive(Debug)]
enum Held {
    Objects(objects::Seen),
    Barman(barman::Seen),
    Pbm(pbm::Seen),
}

impl Check for Backup {
    type Seen = Seen;

    const REASONS: &'static [Documented] = reasons::ALL;
    const MEASURES: &'static [&'static Measure] =
        &[&LAST_SUCCESS, &LAST_SIZE, &COUNT, &OLDEST, &LOG_ARCHIVED, &FAILED, &REQUESTS, &BEFORE];

    fn flaws(&self) -> Vec<String> {
        let mut flaws: Vec<String> = self.max_age.flaw("max_age").into_iter().collect();
        if self.max_age.fail.is_none() {
            let write = "write `max_age: { fail: 50h }` for a backup that is taken every day";
            flaws.push(format!("nothing says how old the newest backup may be: {write}"));
        }
        if !(self.size_factor.0.is_finite() && self.size_factor.0 > 1.0) {
            flaws.push("`size_factor` is not above 1".to_owned());
        }
        if self.min_count == Some(0) {
            flaws.push("`min_count` is at least 1".to_owned());
        }
        if self.redundancy == Some(0) {
            flaws.push("`redundancy` is at least 1".to_owned());
        }
        if !(1..=1_000).contains(&self.max_requests.0) {
            flaws.push("`max_requests` is between 1 and 1000".to_owned());
        }
        flaws.extend(match &self.layout {
            Layout::Objects(objects) => objects.flaws(),
            Layout::Barman(barman) => barman.flaws(),
            Layout::Pbm(pbm) => pbm.flaws(),
        });
        let folder = self.prefix.is_empty() || self.prefix.ends_with('/');
        if !folder && !matches!(self.layout, Layout::Objects(_)) {
            flaws.push("`prefix` is a folder in this layout: end it with a slash".to_owned());
        }
        flaws.extend(self.flaw_of_resource());
        flaws
    }

    fn needs(&self) -> Needs {
        let connections = vec![(SystemName::S3, self.connection.0.clone())];
        // Permits are by store, whatever its host is called.
        let hosts = vec![format!("s3.{}", self.connection.0)];
        let deployment = self.before_deployment.is_some() || self.after_deployment.is_some();
        let mut needs = Needs { hosts, connections, deployment, ..Needs::default() };
        if let Some(resource) = &self.custom_resource {
            needs.merge(resource.needs());
        }
        needs
    }

    fn series(&self) -> Vec<Series> {
        let labels = || vec![Some(self.bucket.clone()), Some(self.root())];
        let exported = Self::MEASURES.iter().filter(|measure| measure.exported);
        exported.map(|measure| Series { measure, labels: labels() }).collect()
    }

    fn bounds(&self) -> Vec<Bound> {
        let mut bounds = Vec::new();
        let mut add = |measure: &Measure, bound, value: Option<f64>| {
            bounds.extend(value.map(|value| Bound { measure: measure.name, bound, value }));
        };
        let seconds = |period: Option<Period>| period.map(|period| period.get().as_secs_f64());
        add(&LAST_SUCCESS, "warn_above", seconds(self.max_age.warn));
        add(&LAST_SUCCESS, "fail_above", seconds(self.max_age.fail));
        #[expect(clippy::cast_precision_loss, reason = "a limit in a panel")]
        add(&LAST_SIZE, "fail_below", self.min_size.map(|size| size.as_u64() as f64));
        add(&COUNT, "fail_below", self.min_count.map(f64::from));
        let tolerated = seconds(Some(self.period.0)).unwrap_or_default();
        add(&OLDEST, "fail_above", seconds(self.retention).map(|kept| kept + tolerated));
        let log = match &self.layout {
            Layout::Objects(_) => MaxAge::default(),
            Layout::Barman(barman) => {
                MaxAge { warn: barman.log_age.warn, fail: Some(barman.log_age.fail.0) }
            }
            Layout::Pbm(pbm) => pbm.oplog_age.unwrap_or_default(),
        };
        add(&LOG_ARCHIVED, "warn_above", seconds(log.warn));
        add(&LOG_ARCHIVED, "fail_above", seconds(log.fail));
        bounds
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let declared = self.custom_resource.as_ref().map(|resource| resource.observe(look));
        Ok(Seen {
            store: self.held(look).await,
            endpoint: look.systems.s3.endpoint(&self.connection.0),
            declared,
            deployed: look.deployment().map(|deployment| deployment.started),
        })
    }

    fn judge(&self, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
        let Seen { store, endpoint, declared, deployed } = seen;
        let mut judgement = Judgement::new();
        if let Some(obstacle) = declared.as_ref().and_then(declared::Seen::obstacle) {
            judgement.add("custom resource", obstacle.clone());
        }
        let copies = self.judged(store, now, &mut judgement);
        if let Some((resource, seen)) = self.custom_resource.as_ref().zip(declared.as_ref()) {
            let looked =
                declared::Looked { endpoint: endpoint.as_deref(), copies: copies.as_ref() };
            declared::judge(self, resource, seen, &looked, now, &mut judgement);
        }
        if let Some(copies) = &copies {
            rollout::judge(self, copies, *deployed, past, now, &mut judgement);
        }
        judgement
    }
}

impl Backup {
    /// What the store shows.
    async fn held(&self, look: &Look<'_>) -> Result<Option<Held>, Obstacle> {
        let store = encryption::open(self, look).await?;
        Ok(match &self.layout {
            Layout::Objects(layout) => layout.observe(self, &store, look).await?.map(Held::Objects),
            Layout::Barman(layout) => layout.observe(self, &store, look).await?.map(Held::Barman),
            Layout::Pbm(layout) => layout.observe(self, &store, look).await?.map(Held::Pbm),
        })
    }

    /// Judges what the store shows; returns the complete backups, unless it does not tell.
    fn judged(
        &self,
        store: &Result<Option<Held>, Obstacle>,
        now: Timestamp,
        judgement: &mut Judgement,
    ) -> Option<Copies> {
        let held = match store {
            Ok(Some(held)) => held,
            Ok(None) => {
                let because = format!(
                    "there is no bucket `{}` at the store `{}`, so no backup can be in it",
                    self.bucket, self.connection.0
                );
                let finding = Finding::fail(BUCKET_MISSING, because);
                judgement.add("", finding.measured(self.is(&COUNT, 0.0)));
                return Some(Copies { count: Some(0), ..Copies::default() });
            }
            Err(obstacle) => {
                judgement.add("", obstacle.clone());
                return None;
            }
        };
        let copies = match (held, &self.layout) {
            (Held::Objects(seen), Layout::Objects(layout)) => {
                layout.judge(self, seen, now, judgement)
            }
            (Held::Barman(seen), Layout::Barman(layout)) => {
                layout.judge(self, seen, now, judgement)
            }
            (Held::Pbm(seen), Layout::Pbm(layout)) => layout.judge(self, seen, now, judgement),
            // A look is judged by the check that made it.
            (Held::Objects(_) | Held::Barman(_) | Held::Pbm(_), _) => Copies::default(),
        };
        limits::judge(self, &copies, now, judgement);
        Some(copies)
    }

    fn flaw_of_resource(&self) -> Option<String> {
        match (self.custom_resource.as_ref()?, &self.layout) {
            (CustomResource::CloudnativePg(_), Layout::Barman(_))
            | (CustomResource::PerconaMongodb(_), Layout::Pbm(_)) => None,
            (CustomResource::CloudnativePg(_), Layout::Objects(_) | Layout::Pbm(_)) => {
                Some("`custom_resource.cloudnative_pg` writes the layout `barman`".to_owned())
            }
            (CustomResource::PerconaMongodb(_), Layout::Objects(_) | Layout::Barman(_)) => {
                Some("`custom_resource.percona_mongodb` writes the layout `pbm`".to_owned())
            }
        }
    }

    /// A value of one of the measures.
    fn is(&self, measure: &'static Measure, value: f64) -> Sample {
        measure.is(value, [&self.bucket, &self.root()])
    }

    /// What the keys of these backups begin with.
    fn root(&self) -> String {
        match &self.layout {
            Layout::Barman(barman) => format!("{}{}/", self.prefix, barman.server),
            Layout::Objects(_) | Layout::Pbm(_) => self.prefix.clone(),
        }
    }

    /// Where the backups are, for sentences.
    fn place(&self) -> String {
        format!("`{}/{}`", self.bucket, self.root())
    }
}
